//! Policies that cannot be trusted or run: each ends with exit code 4, its own code and message, in bounded time and memory, and with nothing
//! called on AWS, however good the policy beside it.
//!
//! A case is a file `tests/hostile/NAME.wat`, and its golden output `NAME.snap` beside it. The file starts with comments: a sentence on what the
//! policy does, and
//!
//! | line | meaning |
//! |---|---|
//! | `;; code: CODE` | the code of the failure |
//! | `;; exit: N` | the exit code, where it is not 4 |
//! | `;; command: COMMAND` | what to run, in place of `apply --auto-approve` |
//! | `;; file: text`, `empty`, `missing`, `folder`, `cut PERCENT` | what the file holds, where it is not the policy: the text itself, nothing, … |
//! | `;; file: flipped BYTE`, `padded MIB`, `nested LEVELS` | what was done to the policy: a bit turned, a section added that says nothing, components put into one another |
//!
//! The rest is the policy, as `kaphost_tests::policy` reads it. A line `;; ---` begins another policy, which is given beside the first.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use kaphost_tests::{Built, Run, Stage, policy};
use serde_json::Value;

/// A run that takes longer is not bounded. Generous: the machine may be busy.
const LONGEST: Duration = Duration::from_secs(60);
/// A run that takes more is not bounded: the 64 MiB that a policy may have several times over, and the program itself.
const MOST_BYTES: u64 = 300 << 20;
/// Cases that run at a time.
const SIDE_BY_SIDE: usize = 2;

/// A case file.
#[derive(Debug)]
struct Case {
    name: String,
    code: Option<String>,
    exit: i32,
    command: String,
    file: String,
    policies: Vec<String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix(";; ")).collect();
        let said = |key: &str| header.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ").map(str::to_owned));
        let exit = said("exit").map_or(4, |exit| exit.parse().unwrap());
        let case = Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            code: said("code"),
            exit,
            command: said("command").unwrap_or_else(|| "apply --auto-approve".into()),
            file: said("file").unwrap_or_default(),
            policies: text.split("\n;; ---\n").map(str::to_owned).collect(),
        };
        assert_eq!(case.code.is_some(), exit == 4, "{}: exit code 4 has a code, and nothing else has", case.name);
        case
    }

    /// Puts the policies into the folder; the arguments that name them.
    fn lay_out(&self, folder: &Path) -> String {
        let mut arguments = String::new();
        for (index, text) in self.policies.iter().enumerate() {
            let name = if index == 0 { format!("{}.wasm", self.name) } else { format!("{}-{}.wasm", self.name, index + 1) };
            let path = folder.join(&name);
            let make = || policy(text).unwrap_or_else(|failure| panic!("{}: {failure}", self.name));
            match self.file.as_str() {
                "" => fs::write(path, make()).unwrap(),
                "text" => {
                    let comments = |line: &&str| line.starts_with(";;");
                    fs::write(path, text.lines().skip_while(comments).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
                }
                "empty" => fs::write(path, "").unwrap(),
                "missing" => {}
                "folder" => fs::create_dir(path).unwrap(),
                other => {
                    let (done, amount) = other.split_once(' ').unwrap();
                    fs::write(path, damaged(make(), done, amount.parse().unwrap())).unwrap();
                }
            }
            arguments += &format!(" --policy {name}");
        }
        arguments
    }
}

/// A policy to which something was done.
fn damaged(mut whole: Vec<u8>, done: &str, amount: usize) -> Vec<u8> {
    match done {
        "cut" => whole.truncate((whole.len() * amount / 100).max(6)),
        "flipped" => whole[amount] ^= 0x40,
        "padded" => {
            let padding = [&[3][..], b"pad", &vec![0; amount << 20]].concat();
            whole.extend(section(0, &padding));
        }
        "nested" => {
            let empty = *b"\0asm\x0d\0\x01\0";
            let nested = (1..amount).fold(empty.to_vec(), |inner, _| [&empty[..], &section(4, &inner)].concat());
            whole.extend(section(4, &nested));
        }
        _ => panic!("nobody knows how to do `{done}` to a policy"),
    }
    whole
}

/// A section of a component: its number, its length in groups of seven bits, what is in it.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    let mut rest = content.len();
    while rest > 0x7f {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend_from_slice(content);
    bytes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile")
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wat"));
    files.sort();
    files.iter().map(|path| Case::read(path)).collect()
}

fn run(stage: &Stage, cache: &Path, arguments: &str) -> Run {
    let mut command = stage.kaphost.command();
    command.args(arguments.split_whitespace()).env("COLUMNS", "80").env("KAPHOST_CACHE_DIR", cache);
    Run::within(LONGEST, &mut command).unwrap()
}

/// What would do something to a terminal, or make a line look like another.
fn does_something(letter: char) -> bool {
    (letter.is_control() && letter != '\n')
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn check(case: &Case, cache: &Path) {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| config.more.push("user-data \"#!/bin/sh\\necho ready\\n\"".into())).unwrap();
    let policies = case.lay_out(&stage.kaphost.folder());
    // The good policy speaks last: had it a say in this, it would have it.
    let arguments = format!("{} cluster.kdl{policies} --policy org.wasm", case.command);
    stage.account.clear_calls().unwrap();
    let text = run(&stage, cache, &arguments);
    let json = run(&stage, cache, &format!("{arguments} --output json"));
    for run in [&text, &json] {
        assert_eq!(run.code, Some(case.exit), "{run}");
        assert!(!run.stdout.contains(does_something) && !run.stderr.contains(does_something), "{:?} {:?}", run.stdout, run.stderr);
        let bytes = run.peak_memory_bytes.unwrap_or_default();
        assert!(bytes < MOST_BYTES, "{} MiB: {run}", bytes >> 20);
    }
    if case.command != "plan" {
        let calls = stage.account.calls().unwrap();
        assert!(calls.is_empty(), "{calls}");
    }
    let document: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(document["exit"], case.exit, "{json}");
    if let Some(code) = &case.code {
        assert_eq!(text.stdout, "", "a policy that fails leaves no result");
        assert_eq!(document["problems"][0]["code"], code.as_str(), "{json}");
        assert!(document["problems"][0]["help"].as_str().is_some_and(|help| !help.is_empty()), "{json}");
        for index in 0..case.policies.len() {
            let file = if index == 0 { format!("{}.wasm", case.name) } else { format!("{}-{}.wasm", case.name, index + 1) };
            assert!(text.stderr.contains(&file), "{file} is not named: {text}");
        }
    }
    if case.command != "plan" {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let mut said = counted(&text.transcript());
        // Ids are drawn anew each run, so that which one sorts first is chance.
        for subnet in &stage.seed.subnets {
            said = said.replace(&subnet.id, "[subnet]");
        }
        settings.bind(|| insta::assert_snapshot!(case.name.as_str(), said));
    }
}

/// A text with each run of equal lines as one line and their number.
fn counted(text: &str) -> String {
    let mut out = String::new();
    let lines: Vec<&str> = text.lines().collect();
    for run in lines.chunk_by(PartialEq::eq) {
        let times = if run.len() > 2 { format!(" [{} times]", run.len()) } else { String::new() };
        out.extend(run.iter().take(if run.len() > 2 { 1 } else { run.len() }).map(|line| format!("{line}{times}\n")));
    }
    out
}

#[test]
fn every_hostile_policy_fails_as_its_file_says() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases: are they all there?", cases.len());
    let cache = tempfile::tempdir().unwrap();
    // Compiled once for all; and proof that the good policy by itself goes through.
    let stage = Stage::new().unwrap();
    let good = run(&stage, cache.path(), "plan cluster.kdl --policy org.wasm");
    assert_eq!(good.code, Some(0), "{good}");

    let waiting = Mutex::new(cases.iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().next() else { return };
                    // The message goes to standard error by itself, with the rest of the test's output.
                    if catch_unwind(AssertUnwindSafe(|| check(case, cache.path()))).is_err() {
                        failed.lock().unwrap().push(case.name.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "these cases fail: {failed:?}");
}

/// A golden file without a case is one that nobody checks any more.
#[test]
fn every_golden_file_has_its_case() {
    let names: Vec<String> = cases().into_iter().map(|case| case.name).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(names.contains(&name), "{} has no case", path.display());
        }
    }
}

/// The order does not matter: a bad policy behind a good one ends the run as well.
#[test]
fn a_bad_policy_behind_a_good_one_ends_the_run_as_well() {
    let stage = Stage::new().unwrap();
    let trap = fs::read_to_string(folder().join("trap-validate.wat")).unwrap();
    fs::write(stage.kaphost.folder().join("trap.wasm"), policy(&trap).unwrap()).unwrap();
    fs::copy(Built::find().unwrap().policy("dedicated-tenancy").unwrap(), stage.kaphost.folder().join("tenancy.wasm")).unwrap();
    for policies in ["--policy org.wasm --policy trap.wasm", "--policy tenancy.wasm --policy trap.wasm --policy org.wasm"] {
        for command in ["check", "plan", "apply --auto-approve", "status", "explain"] {
            let path = if command == "explain" { "tenancy" } else { "" };
            let (run, calls) = stage.expect(4, &format!("{command} cluster.kdl {path} {policies}")).unwrap();
            assert!(run.stderr.starts_with("trap\n") && calls.is_empty(), "{run}\n{calls}");
        }
    }
}

/// The bound on memory holds only where memory is measured.
#[test]
#[cfg(target_os = "linux")]
fn a_program_that_takes_too_much_would_be_seen() {
    let of = |block: &str, count: &str| {
        let mut dd = std::process::Command::new("dd");
        Run::of(dd.args(["if=/dev/zero", "of=/dev/null", block, count])).unwrap().peak_memory_bytes.unwrap()
    };
    assert!(of("bs=1M", "count=4000") < MOST_BYTES / 4);
    assert!(of("bs=400M", "count=10") > MOST_BYTES);
}
