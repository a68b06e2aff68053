//! `kaphost check` as a gate: which files it takes, what it lets pass, and where it says so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Kaphost, Run, Set, policy};
use serde_json::Value;

const CONFIG: &str = r#"cluster "NAME" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
    ssh { allow cidr="RANGE" description="office"; }
}
"#;

fn config(name: &str, range: &str) -> String {
    CONFIG.replace("NAME", name).replace("RANGE", range)
}

/// A folder `envs` with a sound config, one that is open to the world, and the set `org.kdl`, of an enforcement.
fn laid_out(enforcement: &str) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.knows(&["restrict-ssh"]).unwrap();
    kaphost.write("envs/good.kdl", &config("kapacitor-good", "10.0.0.0/8")).unwrap();
    kaphost.write("envs/open.kdl", &config("kapacitor-open", "0.0.0.0/0")).unwrap();
    Set::at(kaphost.folder().join("org.kdl")).with_built("restrict-ssh", enforcement, &[]).unwrap().write().unwrap();
    kaphost
}

fn expect(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

/// File and outcome of everything that was checked.
fn outcomes(run: &Run) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    document["clusters"].as_array().unwrap().iter().map(|one| (text(&one["file"]), text(&one["outcome"]))).collect()
}

#[test]
fn files_folders_and_patterns_are_one_run() {
    let kaphost = laid_out("mandatory");
    let files = |arguments: &str| {
        let run = expect(&kaphost, 3, &format!("check {arguments} --policy org.kdl --output json"));
        outcomes(&run).into_iter().map(|(file, _)| file).collect::<Vec<_>>()
    };
    assert_eq!(files("envs"), ["envs/good.kdl", "envs/open.kdl"]);
    assert_eq!(files("envs/"), ["envs/good.kdl", "envs/open.kdl"]);
    assert_eq!(files("./envs/open.kdl envs"), ["./envs/open.kdl", "envs/good.kdl"]);
    assert_eq!(files("**/o*.kdl"), ["envs/open.kdl"], "the set is none of those that are checked");
    assert_eq!(files("envs --exclude **/good.kdl"), ["envs/open.kdl"]);
    // The policy set is found, and said to be passed over.
    let run = expect(&kaphost, 3, "check . --policy org.kdl --output json");
    assert_eq!(outcomes(&run).len(), 2);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["skipped"], serde_json::json!([{ "file": "org.kdl", "is": "a policy set" }]));
    // Named, it is a config, and a wrong one.
    expect(&kaphost, 1, "check org.kdl");
}

#[test]
fn nothing_to_check_is_no_pass() {
    let kaphost = laid_out("mandatory");
    kaphost.write("empty/notes.md", "").unwrap();
    for (arguments, says) in [
        ("empty", "the folder `empty` holds no .kdl file"),
        ("no/*.kdl", "the pattern `no/*.kdl` matches no file"),
        ("absent.kdl", "the config `absent.kdl` does not exist"),
        ("org.kdl empty", "the folder `empty` holds no .kdl file"),
        ("envs --exclude **", "nothing is checked"),
        ("o*.kdl", "nothing is checked"),
    ] {
        let run = expect(&kaphost, 1, &format!("check {arguments}"));
        assert!(run.said().contains(says), "{arguments}: {run}");
    }
}

/// One order of what is gravest: 4 over 3 over 1, in whatever order they are met.
#[test]
fn one_broken_file_keeps_no_other_from_being_checked() {
    let kaphost = laid_out("mandatory");
    kaphost.write("envs/broken.kdl", &config("kapacitor-broken", "10.0.0.0/99")).unwrap();
    let run = expect(&kaphost, 3, "check envs --policy org.kdl --output json");
    let outcome = |file: &str, outcome: &str| (format!("envs/{file}.kdl"), outcome.to_owned());
    assert_eq!(outcomes(&run), [outcome("broken", "invalid"), outcome("good", "passed"), outcome("open", "denied")]);
    for part in ["invalid-cidr", "restrict-ssh/no-world-ssh", "envs/broken.kdl", "envs/open.kdl: kapacitor-open"] {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
    let trap = policy("(func $validate (param $cluster i32) (result i32)\n  (unreachable))").unwrap();
    Set::at(kaphost.folder().join("trap.kdl")).with("test-policy", "mandatory", &trap, &[]).unwrap().write().unwrap();
    let run = expect(&kaphost, 4, "check envs --policy org.kdl --policy trap.kdl --output json");
    assert_eq!(outcomes(&run), [outcome("broken", "invalid"), outcome("good", "untrusted"), outcome("open", "untrusted")]);
    // A policy that cannot even be loaded is said once, and the mistakes are said with it.
    fs::remove_file(kaphost.folder().join("test-policy.wasm")).unwrap();
    let run = expect(&kaphost, 4, "check envs --policy trap.kdl --output json");
    assert_eq!(outcomes(&run), [outcome("broken", "invalid"), outcome("good", "untrusted"), outcome("open", "untrusted")]);
    assert_eq!((run.stderr.matches("unreadable\n").count(), run.stderr.matches("invalid-cidr").count()), (1, 1), "{run}");
    let run = expect(&kaphost, 4, "check envs/broken.kdl --policy trap.kdl --output json");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(document["diagnostics"].as_array().is_some_and(|list| !list.is_empty()), "{run}");
    assert!(document["problems"].as_array().is_some_and(|list| !list.is_empty()), "{run}");
}

#[test]
fn advice_fails_where_it_is_asked_to() {
    let kaphost = laid_out("advisory");
    for arguments in ["check envs/open.kdl --policy org.kdl", "check envs --policy org.kdl"] {
        expect(&kaphost, 0, arguments);
        expect(&kaphost, 0, &format!("{arguments} --fail-on mandatory"));
        let run = expect(&kaphost, 3, &format!("{arguments} --fail-on advisory"));
        assert!(run.stderr.contains("no-world-ssh"), "{run}");
    }
    let run = expect(&kaphost, 3, "check envs/open.kdl --policy org.kdl --fail-on advisory --output github");
    assert!(run.stdout.starts_with("::error file=envs/open.kdl,line=5,"), "{run}");
    let run = expect(&kaphost, 0, "check envs/open.kdl --policy org.kdl --output github");
    assert!(run.stdout.starts_with("::warning file=envs/open.kdl,line=5,"), "{run}");
    expect(&kaphost, 0, "check envs/good.kdl --policy org.kdl --fail-on advisory");
}

#[test]
fn each_form_goes_to_one_place() {
    let kaphost = laid_out("mandatory");
    let refused = |arguments: &str, says: &str| {
        let run = expect(&kaphost, 64, arguments);
        assert!(run.said().contains(says), "{arguments}: {run}");
    };
    refused("check envs --output sarif --output text", "two forms of output go to standard output");
    refused("check envs --output sarif=x --output tap=x", "two forms of output go to `x`");
    refused("check envs --output sarif=envs/good.kdl", "which is to be checked");
    refused("check envs --output yaml", "invalid value 'yaml'");
    refused("check envs --record record.json", "--record and --cluster are about one file");
    refused("plan envs/good.kdl --output sarif", "it has `text` and `json`");
    refused("plan envs/good.kdl --output json=x", "standard output alone");
    refused("plan envs/good.kdl --output json --output text", "several times");
    assert!(fs::read_to_string(kaphost.folder().join("envs/good.kdl")).unwrap().starts_with("cluster"));

    // Before the command as well as after it; and a file alone leaves standard output empty.
    let before = expect(&kaphost, 0, "--output ndjson check envs/good.kdl");
    assert_eq!(before.stdout, expect(&kaphost, 0, "check envs/good.kdl --output ndjson").stdout);
    let run = expect(&kaphost, 0, "check envs/good.kdl --output tap=out.tap");
    assert_eq!(run.stdout, "");
    assert!(fs::read_to_string(kaphost.folder().join("out.tap")).unwrap().starts_with("TAP version 14\n1..1\nok 1 - "));

    // What cannot be written is a failure, which the other forms tell of.
    let run = expect(&kaphost, 1, "check envs/good.kdl --output json --output sarif=no/out.sarif");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&document["exit"], &document["problems"][0]["code"]), (&1.into(), &"unwritable".into()), "{run}");
    assert!(!kaphost.folder().join("no").exists());
}

/// The same inputs give the same bytes, however the work is shared out.
#[test]
fn many_are_told_in_one_order() {
    let kaphost = laid_out("mandatory");
    for number in 0..40 {
        let range = if number % 3 == 0 { "0.0.0.0/0" } else { "10.0.0.0/8" };
        kaphost.write(&format!("many/{number:02}.kdl"), &config(&format!("kapacitor-{number:02}"), range)).unwrap();
    }
    let arguments = "check many --policy org.kdl --now 2026-12-01T00:00:00Z --output json";
    let first = expect(&kaphost, 3, arguments);
    let names: Vec<String> = outcomes(&first).into_iter().map(|(file, _)| file).collect();
    assert!(names.len() == 40 && names.is_sorted(), "{names:?}");
    let again = expect(&kaphost, 3, arguments);
    assert_eq!((first.stdout, first.stderr), (again.stdout, again.stderr));
}

/// Many are read in their turn and judged in sandboxes that are kept: what is said of each is what is said of it alone.
#[test]
fn many_are_judged_as_each_alone() {
    let kaphost = laid_out("mandatory");
    for number in 0..40 {
        let range = if number % 3 == 0 { "0.0.0.0/0".to_owned() } else { format!("10.{number}.0.0/16") };
        let text = config(&format!("kapacitor-{number:02}"), &range);
        let text = if number == 7 { text.replace("instance-type", "instnce-type") } else { text };
        kaphost.write(&format!("many/{number:02}.kdl"), &text).unwrap();
    }
    let run = expect(&kaphost, 3, "check many --policy org.kdl --output json");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = document["clusters"].as_array().unwrap();
    assert_eq!(all.len(), 40);
    for (number, code) in [(0, 3), (1, 0), (7, 1), (39, 3)] {
        let alone = expect(&kaphost, code, &format!("check many/{number:02}.kdl --policy org.kdl --output json"));
        let mut alone: Value = serde_json::from_str(&alone.stdout).unwrap();
        let mut among = all[number].clone();
        // What only the one or the other has: the envelope, and the region that tells a cluster from others.
        for name in ["schema", "tool", "summary", "skipped"] {
            alone.as_object_mut().unwrap().remove(name);
        }
        among.as_object_mut().unwrap().remove("region");
        // Waivers are held by the clock.
        for one in [&mut alone, &mut among] {
            if one["inputs"].is_object() {
                one["inputs"]["now"].take();
            }
        }
        assert_eq!(alone, among, "{number}");
    }
}
