//! `.ci/run` as it stands, on a repository of a few files and with a cargo that only says where it was called and what it saw: what it checks is what git
//! tracks, and nothing that is left of another run (decision 0033).

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use tempfile::TempDir;

/// Says what lies in its folder, with times, and leaves something behind. Waits while there is a file `hold`, and a process goes on for longer than that.
const CARGO: &str = r#"#!/bin/sh
echo "cargo $* in $PWD for $CARGO_TARGET_DIR"
: > "$HOME/called"
: > left-by-cargo
while [ -e "$HOME/hold" ]; do sleep 0.02; done
[ ! -e "$HOME/linger" ] || { (i=0; while [ -e "$HOME/linger" ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done; : > "$HOME/ended") > "$HOME/out" 2>&1 & }
"#;

struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        let programs = ground.home().join("programs");
        fs::create_dir_all(&programs).unwrap();
        fs::write(programs.join("cargo"), CARGO).unwrap();
        fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/run");
        fs::create_dir_all(ground.source().join(".ci")).unwrap();
        fs::copy(script, ground.source().join(".ci/run")).unwrap();
        for name in ["same", "changed", "deleted"] {
            ground.write(name, name);
        }
        ground.write(".gitignore", "ignored\n");
        ground.git(&["init", "--quiet"]);
        ground.commit();
        ground
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    fn source(&self) -> PathBuf {
        self.home().join("source")
    }

    fn place(&self) -> PathBuf {
        self.home().join(".cache/kaphost/ci")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.source().join(name), text).unwrap();
    }

    /// In an environment that has no name for an author: stashing needs none.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let programs = std::env::join_paths(
            std::iter::once(self.home().join("programs")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        command.env_clear().env("PATH", programs.unwrap()).env("HOME", self.home()).current_dir(self.source());
        command
    }

    fn git(&self, arguments: &[&str]) {
        let status = self.command("git").args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a change"]);
    }

    fn start(&self) -> Child {
        let mut run = self.command("bash");
        // As a hook of git runs it.
        let git = self.source().join(".git");
        run.arg(".ci/run").env("GIT_INDEX_FILE", git.join("index")).env("GIT_DIR", git);
        run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it, and gives what it said.
    fn run(&self) -> String {
        said(self.start())
    }

    fn there(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.place().join("checkout").join(name)).ok()
    }

    fn time(&self, name: &str) -> SystemTime {
        fs::metadata(self.place().join("checkout").join(name)).unwrap().modified().unwrap()
    }

    /// The tracked files, there.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.place().join("checkout")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && name != "left-by-cargo").collect();
        names.sort();
        names
    }
}

fn said(run: Child) -> String {
    let output = run.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn what_git_tracks_is_checked_and_only_what_has_changed_is_new() {
    let ground = Ground::new();
    let first = ground.run();
    let place = ground.place();
    for chore in ["ci", "test"] {
        let call = format!("cargo xtask {chore} in {}/checkout for {}/target\n", place.display(), place.display());
        assert!(first.contains(&call), "{first}");
    }
    assert_eq!(ground.names(), ["changed", "deleted", "same"]);
    let (same, changed) = (ground.time("same"), ground.time("changed"));

    // A fresh clone of a further commit, all of whose files are new.
    fs::rename(ground.source(), ground.home().join("first")).unwrap();
    let url = format!("file://{}/first", ground.home().display());
    let mut clone = ground.command("git");
    assert!(clone.current_dir(ground.home()).args(["clone", "--quiet", "--depth", "1", &url, "source"]).status().unwrap().success());
    ground.write("changed", "otherwise");
    fs::remove_file(ground.source().join("deleted")).unwrap();
    ground.commit();
    // What is not in a commit yet, but known to git; and what git does not know.
    ground.write("staged", "staged");
    ground.git(&["add", "staged"]);
    ground.write("staged", "staged, and changed since");
    ground.write("unknown", "");
    ground.write("ignored", "");
    let second = ground.run();
    assert!(second.contains("not tracked by git, and so not checked:\nunknown\n"), "{second}");
    assert_eq!(ground.names(), ["changed", "same", "staged"]);
    assert_eq!(
        (ground.there("changed").as_deref(), ground.there("staged").as_deref()),
        (Some("otherwise"), Some("staged, and changed since"))
    );
    assert!(ground.time("same") == same && ground.time("changed") > changed);
    // Nothing of it is seen in the repository that it came from.
    assert_eq!(fs::read_to_string(ground.source().join("staged")).unwrap(), "staged, and changed since");
    let stashes = ground.command("git").args(["stash", "list"]).output().unwrap();
    assert!(stashes.stdout.is_empty() && ground.source().join("unknown").exists());
}

#[test]
fn whatever_was_left_there_is_mended() {
    let ground = Ground::new();
    ground.run();
    let checkout = ground.place().join("checkout");
    // By somebody, and by a git that was killed.
    for name in ["same", "junk", "ignored", ".git/index.lock"] {
        fs::write(checkout.join(name), "left").unwrap();
    }
    fs::remove_file(checkout.join("deleted")).unwrap();
    ground.run();
    assert_eq!((ground.there("same").as_deref(), ground.there("deleted").as_deref()), (Some("same"), Some("deleted")));
    assert_eq!(ground.names(), ["changed", "deleted", "same"]);
    fs::write(checkout.join(".git/HEAD"), "no such thing").unwrap();
    ground.run();
    assert_eq!(ground.names(), ["changed", "deleted", "same"]);

    // What was built tomorrow would be newer than any change.
    let built = ground.place().join("target/debug/.fingerprint/one/invoked.timestamp");
    fs::create_dir_all(built.parent().unwrap()).unwrap();
    fs::write(&built, "").unwrap();
    assert!(!ground.run().contains("built again") && built.exists());
    let tomorrow = SystemTime::now() + std::time::Duration::from_secs(86_400);
    fs::File::options().append(true).open(&built).unwrap().set_modified(tomorrow).unwrap();
    let again = ground.run();
    assert!(again.contains("the clock was set back: everything is built again") && !built.exists(), "{again}");
}

#[test]
fn one_run_at_a_time_and_what_it_leaves_running_holds_nobody_up() {
    let ground = Ground::new();
    let mark = |name: &str| ground.home().join(name);
    fs::write(mark("hold"), "").unwrap();
    fs::write(mark("linger"), "").unwrap();
    let first = ground.start();
    while !mark("called").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    ground.write("changed", "otherwise");
    let mut second = ground.start();
    let mut words = std::io::BufReader::new(second.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut words, &mut line).unwrap();
    assert_eq!(line, "waiting for another run to end\n");
    assert_eq!(ground.there("changed").as_deref(), Some("changed"), "what is being built is not touched");
    fs::remove_file(mark("hold")).unwrap();
    said(first);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut words, &mut rest).unwrap();
    assert!(second.wait().unwrap().success(), "{rest}");
    assert_eq!(ground.there("changed").as_deref(), Some("otherwise"));
    assert!(!mark("ended").exists(), "what the first left running went on, and the second did not wait for it");
    fs::remove_file(mark("linger")).unwrap();
}
