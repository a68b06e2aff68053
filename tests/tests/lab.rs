//! A cloud in a file: everything can be tried with no AWS at all, and the file is treated with the care that state deserves.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Kaphost, Run};
use serde_json::Value;

const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111" "subnet-0bbb2222"
    }
    ssh {
        allow cidr="10.0.0.0/8" description="office"
    }
    root-volume size=50 encrypted=#false
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}
"#;

/// A machine where any call to AWS fails.
fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    kaphost.give("org", "org.wasm").unwrap();
    kaphost
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(&format!("{arguments} --cloud lab:lab.json")).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

#[test]
fn a_whole_life_without_aws() {
    let kaphost = kaphost();
    let policy = "cluster.kdl --policy org.wasm";
    run(&kaphost, 2, &format!("plan {policy} --detailed-exitcode"));
    let first = run(&kaphost, 0, &format!("apply {policy} --auto-approve"));
    assert!(first.stdout.contains("asg_name"), "{first}");
    let again = run(&kaphost, 0, &format!("apply {policy}"));
    assert!(again.stdout.contains("No changes"), "{again}");
    run(&kaphost, 0, &format!("plan {policy} --detailed-exitcode"));
    let status = run(&kaphost, 0, &format!("status {policy} --detailed-exitcode"));
    assert!(status.stdout.contains("InService") && status.stdout.contains("As it should be."), "{status}");
    assert_eq!(run(&kaphost, 0, "output cluster.kdl asg_name").stdout, "kapacitor-stage\n");

    // A change, and what it does.
    kaphost.write("cluster.kdl", &CONFIG.replace("10.0.0.0/8", "10.1.0.0/16")).unwrap();
    run(&kaphost, 2, &format!("status {policy} --detailed-exitcode"));
    let changed = run(&kaphost, 0, &format!("apply {policy} --auto-approve --output json"));
    let document: Value = serde_json::from_str(&changed.stdout).unwrap();
    let steps = document["report"]["rounds"][0]["steps"].as_array().unwrap();
    let operations: Vec<&str> = steps.iter().filter_map(|step| step["operation"].as_str()).collect();
    assert_eq!(operations, ["ModifySecurityGroupRules"], "one network in place of another is one call: {changed}");

    let gone = run(&kaphost, 0, "destroy cluster.kdl --auto-approve");
    assert!(gone.stdout.ends_with("kapacitor-stage is gone from us-east-1.\n"), "{gone}");
    let nothing = run(&kaphost, 0, "destroy cluster.kdl --auto-approve");
    assert!(nothing.stdout.contains("Nothing of kapacitor-stage is left"), "{nothing}");
    run(&kaphost, 1, "output cluster.kdl asg_name");
}

#[test]
fn nobody_is_asked_where_nobody_can_answer_and_nothing_is_changed() {
    let kaphost = kaphost();
    let run_ = run(&kaphost, 1, "apply cluster.kdl --policy org.wasm");
    assert!(run_.stderr.contains("\nnobody-to-ask") || run_.stderr.starts_with("nobody-to-ask"), "{run_}");
    run(&kaphost, 2, "plan cluster.kdl --policy org.wasm --detailed-exitcode");
}

#[test]
#[cfg(unix)]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let kaphost = kaphost();
    run(&kaphost, 0, "apply cluster.kdl --policy org.wasm --auto-approve");
    for file in fs::read_dir(kaphost.folder()).unwrap().map(|entry| entry.unwrap().path()) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        if file.file_name().unwrap().to_string_lossy().starts_with("lab.json") {
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    }
    assert!(kaphost.folder().join("lab.json").exists());
}

#[test]
fn a_file_that_is_no_lab_is_an_error_and_stays_what_it_was() {
    let kaphost = kaphost();
    let file = kaphost.folder().join("lab.json");
    for text in ["{\"x", "{}", "[]", "null", "not JSON at all", "\u{0}\u{0}"] {
        fs::write(&file, text).unwrap();
        for command in ["plan cluster.kdl", "apply cluster.kdl --auto-approve", "status cluster.kdl", "destroy cluster.kdl --auto-approve"]
        {
            let run = run(&kaphost, 1, command);
            assert!(run.stderr.starts_with("lab\n") && run.stderr.contains("`lab.json`"), "{text:?}: {run}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "it was overwritten by {command}");
        }
    }
}

#[test]
fn a_lab_that_cannot_be_kept_says_why() {
    let kaphost = kaphost();
    fs::create_dir(kaphost.folder().join("folder")).unwrap();
    for (code, place, says) in [(1, "folder", "folder"), (1, "no/such/folder/lab.json", "no/such/folder"), (64, "", "lab:FILE")] {
        let run = kaphost.run_narrow(&format!("apply cluster.kdl --auto-approve --cloud lab:{place}")).unwrap();
        assert_eq!(run.code, Some(code), "{place}: {run}");
        assert!(run.stderr.contains(says), "{place}: {run}");
    }
}
