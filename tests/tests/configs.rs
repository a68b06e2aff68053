//! The examples in `configs/`: each is sound, admitted by the policy `org`, and planned. And what is shown on the pages of the repository.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod snippets;

use std::fs;
use std::path::{Path, PathBuf};

use kaphost_tests::Kaphost;
use serde_json::Value;

/// What is to be said of one example.
struct Example {
    file: &'static str,
    /// What the policy needs to be told.
    settings: &'static str,
}

const EXAMPLES: [Example; 4] = [
    Example { file: "minimal.kdl", settings: "--set required-tags=" },
    Example { file: "fleet.kdl", settings: "--set required-tags=Owner" },
    Example { file: "kapacitor.kdl", settings: "" },
    Example { file: "everything.kdl", settings: "" },
];

/// What the examples expect to be in the account: a parameter that names an image, images of the owner's, a group of somebody else's.
fn lab() -> Value {
    let region = serde_json::json!({
        "parameters": { "/images/kapacitor/latest": "ami-0abcd1234abcd1234" },
        "images": { "ami-0abcd1234abcd1235": { "name": "kapacitor-ubuntu-2026-10-01" } },
        "security-groups": {
            "sg-0fedcba9876543210": { "name": "dashboards", "vpc": "vpc-0123456789abcdef0", "description": "Whoever looks at dashboards" },
        },
    });
    serde_json::json!({ "kaphost-lab": 1, "regions": { "us-east-1": region } })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs")
}

/// kaphost with the example and the policy in its folder.
fn laid_out(example: &Example) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    fs::copy(folder().join(example.file), kaphost.folder().join(example.file)).unwrap();
    kaphost.write("lab.json", &lab().to_string()).unwrap();
    kaphost.give("org", "org.wasm").unwrap();
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
fn every_example_is_applied() {
    for example @ Example { file, settings } in &EXAMPLES {
        let kaphost = laid_out(example);
        let cloud = format!("{file} --policy org.wasm {settings} --cloud lab:lab.json");
        let run = kaphost.run_narrow(&format!("plan {cloud} --detailed-exitcode --output json")).unwrap();
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        assert_eq!(run.code, Some(2), "{file}: {run}");
        let clusters = document["clusters"].as_array().cloned().unwrap_or_else(|| vec![document.clone()]);
        let is_whole = |document: &Value| document["plan"]["changes"].as_array().is_some_and(|changes| changes.len() >= 5);
        assert!(clusters.iter().all(is_whole), "{run}");
        let run = kaphost.run_narrow(&format!("apply {cloud} --auto-approve")).unwrap();
        assert_eq!(run.code, Some(0), "{file}: {run}");
        let run = kaphost.run_narrow(&format!("plan {cloud} --detailed-exitcode")).unwrap();
        assert_eq!(run.code, Some(0), "{file}: {run}");
    }
}
