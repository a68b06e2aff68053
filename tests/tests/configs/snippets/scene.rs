//! Where a page's commands are run: a folder with what the page speaks of, and AWS on loopback.

use std::fs;
use std::path::Path;
use std::process::Command;

use kaphost_tests::{Config, Run, Stage};

use super::pages::{Snippet, repository};

/// Commands that end otherwise than with 0, because that is what the page is about.
const CODES: &[(&str, i32)] = &[
    ("kaphost check open.kdl --policy org.wasm", 3),
    // A value of a data source is left for people to fill in.
    ("kaphost convert main.tf variables.tf stage.tfvars", 1),
    ("kaphost convert .", 1),
];

/// Command lines that need what no scene has, with the test that runs the same words.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "kaphost adopt --write --region us-east-1 --group kapacitor-prod > cluster.kdl",
        "../src/handmade.rs",
        "adopt --write --region us-east-1 --group kapacitor-prod",
    ),
    ("kaphost adopt cluster.kdl --policy org.wasm", "adopt.rs", "adopt cluster.kdl --policy org.wasm"),
    ("kaphost plan cluster.kdl --policy org.wasm", "adopt.rs", "plan cluster.kdl --detailed-exitcode"),
];

pub(crate) struct Scene {
    stage: Stage,
}

impl Scene {
    /// A folder of its own for each snippet: what one does is no matter of the next.
    pub(crate) fn of(snippet: &Snippet) -> Self {
        let stage = Stage::new().unwrap();
        let write = |name: &str, text: &str| drop(stage.kaphost.write(name, text).unwrap());
        write("open.kdl", &Config::stage(&stage.seed).with_ssh(&["0.0.0.0/0"]).to_string());
        if snippet.page.starts_with("configs/terraform") {
            let read = |name: &str| fs::read_to_string(repository().join("configs/terraform").join(name)).unwrap();
            fs::remove_file(stage.kaphost.folder().join("cluster.kdl")).unwrap();
            write("snippet.tf", &read("snippet.tf"));
            write("user-data.sh", &read("user-data.sh"));
            let whole = read("multi-cluster.tf");
            let (variables, rest) = whole.split_once("locals {").unwrap();
            write("variables.tf", variables);
            write("main.tf", &format!("locals {{{rest}"));
            write("stage.tfvars", &format!("kapacitor_ami_id = {:?}\n", stage.config.ami));
        }
        Self { stage }
    }

    /// Runs every command, holds it to its exit code, and what is shown of its output to what it says.
    pub(crate) fn play(&self, snippet: &Snippet) {
        let mut shown = Vec::new();
        let text = format!("\n{}", snippet.text);
        for part in text.split("\n$ ").skip(1) {
            let (line, output) = part.split_once('\n').unwrap_or((part, ""));
            shown.push((line.split("    #").next().unwrap().trim_end(), output));
        }
        assert!(!shown.is_empty(), "{snippet}: no command begins with `$ `");
        for (line, output) in shown {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["kaphost", ..] => self.kaphost(snippet, line, output),
                ["openssl", ..] => {
                    let run = self.shell(line);
                    assert_eq!(run.code, Some(0), "{snippet}: `{line}`: {run}");
                }
                ["cargo", "xtask", chore, ..] => {
                    let chores = fs::read_to_string(repository().join("host/xtask/src/main.rs")).unwrap();
                    assert!(chores.contains(&format!("name: {chore:?}")), "{snippet}: there is no `cargo xtask {chore}`");
                }
                ["cd", folder] => assert!(repository().join(folder).is_dir(), "{snippet}: there is no folder {folder}"),
                ["packer", ..] => packer(snippet, &words),
                // Terraform itself is nobody's to run here: nothing but its state is spoken of.
                ["terraform", "state", "rm", _] => {}
                _ => panic!("{snippet}: `{line}` is run by nobody"),
            }
        }
    }

    /// A script that runs kaphost, to its end.
    pub(crate) fn script(&self, snippet: &Snippet, file: &Path) {
        let run = self.shell(&format!("sh {}", file.display()));
        assert_eq!(run.code, Some(0), "{snippet}: {run}");
    }

    fn kaphost(&self, snippet: &Snippet, line: &str, output: &str) {
        if let Some((_, file, words)) = ELSEWHERE.iter().find(|(elsewhere, ..)| *elsewhere == line) {
            let test = fs::read_to_string(repository().join("tests/tests").join(file)).unwrap();
            assert!(test.contains(words), "{snippet}: {file} does not run `{words}`");
            return;
        }
        let run = self.shell(line);
        let code = CODES.iter().find(|(other, _)| *other == line).map_or(0, |(_, code)| *code);
        assert_eq!(run.code, Some(code), "{snippet}: `{line}`: {run}");
        let said: Vec<String> = run.stdout.lines().chain(run.stderr.lines()).map(comparable).collect();
        for shown in output.lines().filter(|shown| !shown.is_empty() && *shown != "…") {
            assert!(said.contains(&comparable(shown)), "{snippet}: `{line}` does not say `{shown}`: {run}");
        }
    }

    /// A line of a shell in which kaphost is on the path and agrees to everything.
    fn shell(&self, line: &str) -> Run {
        let kaphost = self.stage.kaphost.command();
        let folder = Path::new(kaphost.get_program()).parent().unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).env_clear().current_dir(self.stage.kaphost.folder());
        command.envs(kaphost.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()));
        command.env("KAPHOST_AUTO_APPROVE", "1");
        Run::of(&mut command).unwrap()
    }
}

/// The template has what a call of packer's names; the tests of `configs/ami` hold the template itself.
fn packer(snippet: &Snippet, words: &[&str]) {
    let template = fs::read_to_string(repository().join("configs/ami/kapacitor.pkr.hcl")).unwrap();
    assert!(["init", "build", "fmt", "validate"].contains(&words[1]), "{snippet}: packer has no `{}`", words[1]);
    for pair in words.windows(2).filter(|pair| pair[0] == "-var") {
        let name = pair[1].split('=').next().unwrap();
        assert!(template.contains(&format!("variable {name:?}")), "{snippet}: the template has no variable `{name}`");
    }
    for source in words.iter().filter_map(|word| word.strip_prefix("-only=")) {
        let (kind, name) = source.trim_matches('\'').split_once('.').unwrap();
        assert!(template.contains(&format!("source {kind:?} {name:?}")), "{snippet}: the template has no source `{source}`");
    }
}

/// A line without what is another in each run: ids, digests, times, and in which order calls that are made side by side came back.
fn comparable(line: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let hexadecimal = |text: &str| text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_id = bare.split_once(['-', ':']).is_some_and(|(_, rest)| hexadecimal(rest));
        let is_place = bare.split_once('/').is_some_and(|(done, of)| digits(done) && digits(of));
        if is_id {
            word.replace(bare, "ID")
        } else if is_place || (digits(bare) && bare.len() != 4) {
            word.replace(bare, "N")
        } else if bare.starts_with("arn:aws:iam::") {
            word.replace(|letter: char| letter.is_ascii_digit(), "")
        } else {
            word.to_owned()
        }
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}
