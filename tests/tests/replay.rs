//! Records of decisions: written whole, without secrets, the same bytes for the same inputs; and evaluated again by another process, with another
//! cache, in another folder. Whatever is not as it was is named.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::Path;

use kaphost_tests::{Fact, Kaphost, Run, Set, Stage, content_with};
use serde_json::Value;

const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="0.0.0.0/0" description="everybody"
    }
    user-data (file)"boot.sh"
    tag "Owner" (env)"OWNER"
}
"#;

const FACTS: &str = r#"{
  "ami": {
    "id": "ami-0abcd1234abcd1234",
    "owner": "123456789012",
    "name": "kapacitor",
    "created": "2026-08-01T00:00:00.000Z",
    "architecture": "x86_64",
    "root-device": "/dev/sda1"
  }
}
"#;

const WAIVER: &str = r#"waiver policy="restrict-ssh" rule="no-world-ssh" cluster="kapacitor-stage" {
    owner "ops@example.com"
    ticket "SEC-1"
    reason "until the move"
    expires "2026-12-01T00:00:00Z"
}"#;

const CHECK: &str = "check cluster.kdl --policy sets/org.kdl --policy needs-ami.wasm --facts facts.json --now 2026-11-22T20:00:00Z";

/// A config that takes values from elsewhere, a policy set whose waiver it needs, a module by itself, and facts.
fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.knows(&["dedicated-tenancy", "restrict-ssh"]).unwrap();
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    kaphost.write("boot.sh", "echo hunter2\n").unwrap();
    kaphost.write("facts.json", FACTS).unwrap();
    fs::write(kaphost.folder().join("needs-ami.wasm"), content_with("needs-ami", &[Fact::Ami]).unwrap()).unwrap();
    Set::at(kaphost.folder().join("sets/org.kdl"))
        .with_built("dedicated-tenancy", "remediate", &["writes \"tenancy\""])
        .unwrap()
        .with_built("restrict-ssh", "mandatory", &[])
        .unwrap()
        .and(WAIVER)
        .write()
        .unwrap();
    kaphost
}

fn run(kaphost: &Kaphost, arguments: &str) -> Run {
    let mut command = kaphost.command();
    Run::of(command.args(arguments.split_whitespace()).env("COLUMNS", "80").env("OWNER", "metrics@example.com")).unwrap()
}

fn expect(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = run(kaphost, arguments);
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn record(kaphost: &Kaphost) -> String {
    expect(kaphost, 0, &format!("{CHECK} --record record.json"));
    fs::read_to_string(kaphost.folder().join("record.json")).unwrap()
}

/// The same files in the home of another user.
fn elsewhere(kaphost: &Kaphost) -> Kaphost {
    let other = Kaphost::offline().unwrap();
    copy(&kaphost.folder(), &other.folder());
    other
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn another_process_with_another_cache_comes_to_the_same_bytes() {
    let kaphost = kaphost();
    let text = record(&kaphost);
    assert_eq!(record(&kaphost), text, "a cached module decides as a compiled one");
    let other = elsewhere(&kaphost);
    let replayed = expect(&other, 0, "replay record.json");
    assert_eq!(replayed.stdout, "The decision in record.json comes out the same, byte for byte.\n");
    assert_eq!(expect(&other, 0, "replay record.json --output json").document().unwrap()["same"], true);
    assert_eq!(record(&other), text);
    // What holds on this machine by now is another matter.
    let mut command = other.command();
    command.args(["replay", "record.json"]).env("OWNER", "metrics@example.com").env("KAPHOST_POLICY", "nowhere.wasm");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(0));
}

#[test]
fn a_record_holds_what_was_decided_on_and_no_secret() {
    let text = record(&kaphost());
    assert!(!text.contains("hunter2") && !text.contains("metrics@example.com"), "{text}");
    insta::assert_snapshot!("record", without_digests(&text));
}

/// Digests differ between compilers.
fn without_digests(text: &str) -> String {
    let mut out = String::new();
    for part in text.split('"') {
        let digest = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        out.push_str(if digest { "[digest]" } else { part });
        out.push('"');
    }
    out.pop();
    out
}

#[test]
fn a_denial_is_recorded_and_replayed_too() {
    let kaphost = kaphost();
    // The waiver is over by then.
    let late = CHECK.replace("2026-11-22", "2026-12-22");
    let denied = expect(&kaphost, 3, &format!("{late} --record record.json --output json"));
    let text = fs::read_to_string(kaphost.folder().join("record.json")).unwrap();
    assert!(text.contains("\"verdict\": \"denied\"") && text.contains("\"expired\""), "{text}");
    let recorded: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(denied.document().unwrap()["decision"], recorded["decision"]);
    assert_eq!(denied.document().unwrap()["inputs"]["now"], recorded["now"]);
    let replayed = expect(&elsewhere(&kaphost), 0, "replay record.json");
    assert!(replayed.stdout.contains("the same"), "{replayed}");
}

#[test]
fn files_that_moved_are_named() {
    let kaphost = kaphost();
    record(&kaphost);
    let other = Kaphost::offline().unwrap();
    copy(&kaphost.folder(), &other.folder().join("kept"));
    fs::copy(kaphost.folder().join("record.json"), other.folder().join("record.json")).unwrap();
    let gone = expect(&other, 6, "replay record.json --output json").reasons().unwrap();
    assert_eq!(gone, ["unreadable: the config `cluster.kdl` does not exist"]);
    let policies = "--policy kept/sets/org.kdl --policy kept/needs-ami.wasm";
    expect(&other, 0, &format!("replay record.json --config kept/cluster.kdl {policies}"));
    let few = expect(&other, 64, "replay record.json --config kept/cluster.kdl --policy kept/sets/org.kdl");
    assert!(few.stderr.contains("names 2 policies (`sets/org.kdl`, `needs-ami.wasm`)"), "{few}");
}

/// One thing that is not as it was.
struct Case {
    what: &'static str,
    file: &'static str,
    change: fn(Vec<u8>) -> Option<Vec<u8>>,
    says: &'static [&'static str],
    /// Whether something comes out all the same, so that there is a difference to show.
    differs: bool,
}

fn replaced(bytes: Vec<u8>, from: &str, to: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    Some(text.replacen(from, to, 1).into_bytes())
}

/// The same component with a section more that means nothing.
fn longer(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    bytes.extend(b"\0\x02\x01a");
    Some(bytes)
}

const CASES: &[Case] = &[
    Case {
        what: "the record's clock",
        file: "record.json",
        change: |text| replaced(text, "2026-11-22T20:00:00Z", "2026-12-22T20:00:00Z"),
        says: &["record-altered: `now` in the record"],
        differs: true,
    },
    Case {
        what: "the record's facts",
        file: "record.json",
        change: |text| replaced(text, "\"123456789012\"", "\"099720109477\""),
        says: &["record-altered: `facts` in the record"],
        differs: true,
    },
    Case {
        what: "the record's verdict",
        file: "record.json",
        change: |text| replaced(text, "\"admitted\"", "\"denied\""),
        says: &["record-altered: `decision` in the record"],
        differs: true,
    },
    Case {
        what: "the record's engine",
        file: "record.json",
        change: |text| replaced(text, "\"wasmtime\": \"", "\"wasmtime\": \"1"),
        says: &["record-altered: `engine` in the record", "other-engine: the decision was made by wasmtime 1"],
        differs: true,
    },
    Case {
        what: "the record's layout of white space",
        file: "record.json",
        change: |text| replaced(text, "\n  \"settings\"", "\n    \"settings\""),
        says: &[],
        differs: true,
    },
    Case {
        what: "the config",
        file: "cluster.kdl",
        change: |text| replaced(text, "t3.small", "t3.large"),
        says: &["config-changed: the config `cluster.kdl` is not the one"],
        differs: true,
    },
    Case {
        what: "the config's sense",
        file: "cluster.kdl",
        change: |text| replaced(text, "OWNER\"\n}", "OWNER\"\n"),
        says: &["config-changed: the config `cluster.kdl` is not the one"],
        differs: false,
    },
    Case {
        what: "a file of the config",
        file: "boot.sh",
        change: |text| replaced(text, "hunter2", "hunter3"),
        says: &["config-changed: the file `boot.sh`"],
        differs: true,
    },
    Case {
        what: "the config's presence",
        file: "cluster.kdl",
        change: |_| None,
        says: &["unreadable: the config `cluster.kdl` does not exist"],
        differs: false,
    },
    Case {
        what: "a module by itself",
        file: "needs-ami.wasm",
        change: longer,
        says: &["policy-changed: the policy `needs-ami.wasm` is not the one"],
        differs: true,
    },
    Case {
        what: "a module's presence",
        file: "needs-ami.wasm",
        change: |_| None,
        says: &["unreadable: the policy `needs-ami.wasm` does not exist"],
        differs: false,
    },
    Case {
        what: "a module that is none any more",
        file: "needs-ami.wasm",
        change: |_| Some(b"no".to_vec()),
        says: &["policy-changed: the policy `needs-ami.wasm` is not the one"],
        differs: false,
    },
    Case { what: "a module of a set", file: "sets/restrict-ssh.wasm", change: longer, says: &["digest"], differs: false },
    Case {
        what: "a set",
        file: "sets/org.kdl",
        change: |text| replaced(text, "SEC-1", "SEC-2"),
        says: &["policy-changed: the policy set `sets/org.kdl` is not the one"],
        differs: true,
    },
    Case {
        what: "a set's presence",
        file: "sets/org.kdl",
        change: |_| None,
        says: &["unreadable: the policy set `sets/org.kdl` does not exist"],
        differs: false,
    },
];

#[test]
fn whatever_is_not_as_it_was_is_named() {
    let kaphost = kaphost();
    record(&kaphost);
    for Case { what, file, change, says, differs } in CASES {
        let other = elsewhere(&kaphost);
        let path = other.folder().join(file);
        match change(fs::read(&path).unwrap()) {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let json = expect(&other, 6, "replay record.json --output json");
        let reasons = json.reasons().unwrap();
        for said in *says {
            assert!(reasons.iter().any(|reason| reason.contains(said)), "{what}: no {said:?} in {reasons:?}: {json}");
        }
        assert_eq!(reasons.is_empty(), says.is_empty(), "{what}: {reasons:?}");
        let diff = json.document().unwrap()["diff"].as_str().unwrap().to_owned();
        assert_eq!(!diff.is_empty(), *differs, "{what}: {json}");
        let text = expect(&other, 6, "replay record.json");
        assert_eq!(text.stdout, diff, "{what}");
        assert!(text.stderr.contains("replay\n"), "{what}: {text}");
    }
}

#[test]
fn a_variable_that_holds_something_else_is_named_and_not_shown() {
    let kaphost = kaphost();
    record(&kaphost);
    let mut command = kaphost.command();
    command.args(["replay", "record.json", "--output", "json"]).env("OWNER", "others@example.com");
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(
        run.reasons().unwrap(),
        ["variable-changed: of the variables that the config takes values from (`OWNER`) one or more hold something else"]
    );
    assert!(!run.stdout.contains("others@example.com"), "{run}");
}

#[test]
fn a_difference_reads_well() {
    let kaphost = kaphost();
    record(&kaphost);
    kaphost.write("cluster.kdl", &CONFIG.replace("    user-data", "    tenancy \"dedicated\"\n    user-data")).unwrap();
    let run = expect(&kaphost, 6, "replay record.json");
    insta::assert_snapshot!("difference", run.transcript());
}

#[test]
fn what_is_no_record_is_an_error_and_no_difference() {
    let kaphost = kaphost();
    let text = record(&kaphost);
    for (text, says) in [
        ("", "EOF while parsing"),
        ("{}", "missing field `schema`"),
        (&text[..text.len() / 2], "EOF while parsing"),
        (&text.replace("record/1", "record/7"), "kaphost.record/7"),
        (&text.replace("\"kind\": \"set\"", "\"kind\": \"sett\""), "unknown variant `sett`"),
        (&text.replace("\"ami\": {", "\"amy\": {"), "unknown field `amy`"),
    ] {
        kaphost.write("broken.json", text).unwrap();
        let run = expect(&kaphost, 1, "replay broken.json");
        assert!(run.stderr.starts_with("record\n") && run.stderr.contains(says), "{says}: {run}");
        assert_eq!(run.stdout, "");
    }
    let run = expect(&kaphost, 1, "replay nothing.json");
    assert!(run.stderr.contains("the record `nothing.json` does not exist"), "{run}");
}

#[test]
fn a_record_that_cannot_be_written_keeps_everything_as_it_was() {
    let kaphost = kaphost();
    let apply = "apply cluster.kdl --policy needs-ami.wasm --auto-approve --cloud lab:lab.json";
    let run = expect(&kaphost, 1, &format!("{apply} --record no/such/folder/record.json"));
    assert!(run.stderr.starts_with("unwritable\n"), "{run}");
    let lab = fs::read_to_string(kaphost.folder().join("lab.json")).unwrap();
    assert!(!lab.contains("kapacitor-stage"), "{lab}");
    expect(&kaphost, 0, &format!("{apply} --record record.json"));
    expect(&elsewhere(&kaphost), 0, "replay record.json");
}

/// Facts that were read from AWS stand in the record: replaying it asks nobody.
#[test]
fn what_was_decided_on_aws_is_replayed_without_it() {
    let stage = Stage::new().unwrap();
    fs::write(stage.kaphost.folder().join("needs-ami.wasm"), content_with("needs-ami", &[Fact::Ami]).unwrap()).unwrap();
    stage.expect(0, "apply cluster.kdl --policy org.wasm --policy needs-ami.wasm --auto-approve --record record.json").unwrap();
    let (run, calls) = stage.expect(0, "replay record.json").unwrap();
    assert!(run.stdout.contains("the same"), "{run}");
    assert_eq!(calls.actions(), Vec::<&str>::new(), "{calls}");
    let offline = Kaphost::offline().unwrap();
    copy(&stage.kaphost.folder(), &offline.folder());
    expect(&offline, 0, "replay record.json");
}
