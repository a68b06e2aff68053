//! The examples in `configs/`: each is sound, admitted by the policy `org`, and planned; where one says what this version does not provision
//! yet, `plan` points at exactly that.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::{Path, PathBuf};

use kaphost_tests::{Built, Kaphost};
use serde_json::Value;

/// What is to be said of one example.
struct Example {
    file: &'static str,
    /// What the policy needs to be told.
    settings: &'static str,
    /// What is not provisioned: where the line starts that says it, and the value within the line.
    not_provisioned: &'static [(&'static str, &'static str)],
}

const EXAMPLES: [Example; 3] = [
    Example { file: "minimal.kdl", settings: "--set required-tags=", not_provisioned: &[] },
    Example { file: "kapacitor.kdl", settings: "", not_provisioned: &[("ami owner=", "ami")] },
    Example {
        file: "everything.kdl",
        settings: "",
        not_provisioned: &[
            ("ami (ssm)", "(ssm)"),
            ("http port=9092 security-group=", "\"sg-"),
            ("managed-policy", "\"arn:"),
            ("inline-policy", "#\"{"),
            ("iam profile-path=", "\"arn:"),
        ],
    },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs")
}

/// kaphost with the example and the policy in its folder.
fn laid_out(example: &Example) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    fs::copy(folder().join(example.file), kaphost.folder().join(example.file)).unwrap();
    fs::copy(Built::find().unwrap().policy("org").unwrap(), kaphost.folder().join("org.wasm")).unwrap();
    kaphost
}

#[test]
fn every_example_is_listed_here() {
    let mut files: Vec<String> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|file| file.ends_with(".kdl"));
    files.sort();
    let mut listed = EXAMPLES.map(|example| example.file.to_owned());
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn every_example_is_sound_and_admitted() {
    for example in &EXAMPLES {
        let kaphost = laid_out(example);
        let run = kaphost.run_narrow(&format!("check {}", example.file)).unwrap();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}: no mistakes, and no warnings: {run}", example.file);
        let run = kaphost.run_narrow(&format!("check {} --policy org.wasm {}", example.file, example.settings)).unwrap();
        assert_eq!(run.code, Some(0), "{}: {run}", example.file);
        // What has to be told to the policy is told in the file.
        let text = fs::read_to_string(folder().join(example.file)).unwrap();
        assert!(text.contains(example.settings), "{} does not say `{}`", example.file, example.settings);
    }
}

#[test]
fn every_example_is_planned_or_says_what_is_not_provisioned() {
    for Example { file, settings, not_provisioned } in &EXAMPLES {
        let kaphost = laid_out(&Example { file, settings, not_provisioned });
        let command = format!("plan {file} --policy org.wasm {settings} --cloud lab:lab.json --detailed-exitcode --output json");
        let run = kaphost.run_narrow(&command).unwrap();
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        if not_provisioned.is_empty() {
            assert_eq!(run.code, Some(2), "{file}: {run}");
            assert!(document["plan"]["steps"].as_array().is_some_and(|steps| steps.len() > 5), "{run}");
            continue;
        }
        assert_eq!(run.code, Some(1), "{file}: {run}");
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let mut expected: Vec<(u64, u64)> = not_provisioned.iter().map(|(line, value)| place(&text, line, value)).collect();
        let problems = document["problems"].as_array().unwrap();
        assert!(problems.iter().all(|problem| problem["code"] == "not-provisioned" && problem["help"].is_string()), "{run}");
        let mut found: Vec<(u64, u64)> =
            problems.iter().map(|problem| (problem["line"].as_u64().unwrap(), problem["column"].as_u64().unwrap())).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{file}: {run}");
    }
}

/// Line and column, from 1, of a value in the line that starts with this.
fn place(text: &str, line: &str, value: &str) -> (u64, u64) {
    let (index, found) = text
        .lines()
        .enumerate()
        .find(|(_, candidate)| candidate.trim_start().starts_with(line))
        .unwrap_or_else(|| panic!("no line starts with {line:?}"));
    let column = found.find(value).unwrap_or_else(|| panic!("{value:?} is not in {found:?}"));
    (index as u64 + 1, column as u64 + 1)
}
