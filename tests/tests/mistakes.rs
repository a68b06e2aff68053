//! Configs that cannot stand: every mistake is told with its place, nothing is called on AWS, and the exit code is 1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Emulator, Kaphost, Run, Stage};
use serde_json::Value;

/// Five mistakes of five kinds: a name that AWS would refuse, a word that is none, a port out of range, a text in place of a number, and a
/// network that is none.
const FIVE: &str = r#"// What a hurried evening leaves behind.
cluster "Kapacitor_Stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "t3.small"
    tenacy "dedicated"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111" "subnet-0bbb2222"
    }
    ssh port=70000 key="ops" {
        allow cidr="10.0.0.0/33" description="office"
    }
    root-volume type="gp3" size="50"
}
"#;

/// What has to be said of them: line, column and code.
const FOUND: [(u64, u64, &str); 5] =
    [(2, 9, "invalid-name"), (5, 5, "unknown-node"), (9, 14, "out-of-range"), (10, 20, "invalid-cidr"), (12, 33, "wrong-type")];

/// Every command that reads a config. None of them may get as far as AWS.
const COMMANDS: [&str; 7] = [
    "check FILE",
    "plan FILE",
    "apply FILE --auto-approve",
    "destroy FILE --auto-approve",
    "status FILE",
    "output FILE",
    "explain FILE tenancy",
];

fn diagnostics(run: &Run) -> Vec<(u64, u64, String)> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    let place = |one: &Value| (one["line"].as_u64().unwrap(), one["column"].as_u64().unwrap(), one["code"].as_str().unwrap().to_owned());
    document["diagnostics"].as_array().unwrap_or_else(|| panic!("no diagnostics: {run}")).iter().map(place).collect()
}

#[test]
fn five_mistakes_are_five_diagnostics_with_their_places() {
    let account = Emulator::shared().unwrap().account();
    let kaphost = Kaphost::on(&account).unwrap();
    kaphost.write("five.kdl", FIVE).unwrap();
    let text = kaphost.run_narrow("check five.kdl").unwrap();
    assert_eq!((text.code, text.stdout.as_str()), (Some(1), ""), "{text}");
    insta::assert_snapshot!("five_text", text.transcript());

    let json = kaphost.run_narrow("check five.kdl --output json").unwrap();
    assert_eq!(json.code, Some(1), "{json}");
    assert_eq!(json.stderr, text.stderr, "people read standard error in either case");
    insta::assert_snapshot!("five_json", json.stdout);
    assert_eq!(diagnostics(&json), FOUND.map(|(line, column, code)| (line, column, code.to_owned())));
}

#[test]
fn a_mistake_ends_every_command_before_aws_is_called() {
    let account = Emulator::shared().unwrap().account();
    let kaphost = Kaphost::on(&account).unwrap();
    kaphost.write("five.kdl", FIVE).unwrap();
    for command in COMMANDS {
        let run = kaphost.run_narrow(&format!("{command} --output json").replace("FILE", "five.kdl")).unwrap();
        assert_eq!(run.code, Some(1), "{command}: {run}");
        assert_eq!(diagnostics(&run).len(), 5, "{command}: {run}");
    }
    let calls = account.calls().unwrap();
    assert!(calls.is_empty(), "{calls}");
}

/// The emulator does see calls that are made: without this the tests that count none would pass whatever kaphost does.
#[test]
fn a_sound_config_does_call_aws() {
    let stage = Stage::new().unwrap();
    let (_, calls) = stage.expect(0, "plan cluster.kdl --policy org.wasm").unwrap();
    assert!(!calls.is_empty());
}

#[test]
fn a_file_that_is_no_config_says_what_it_is() {
    let account = Emulator::shared().unwrap().account();
    let kaphost = Kaphost::on(&account).unwrap();
    fs::create_dir(kaphost.folder().join("folder.kdl")).unwrap();
    fs::write(kaphost.folder().join("latin1.kdl"), b"cluster \"k\xe4phost\"").unwrap();
    kaphost.write("empty.kdl", "").unwrap();
    let huge = fs::File::create(kaphost.folder().join("huge.kdl")).unwrap();
    huge.set_len(1 << 40).unwrap();

    let mut said = String::new();
    for file in ["missing.kdl", "folder.kdl", "latin1.kdl", "empty.kdl", "huge.kdl", "/dev/zero", "/dev/null"] {
        let run = kaphost.run_narrow(&format!("check {file}")).unwrap();
        assert_eq!(run.code, Some(1), "{file}: {run}");
        if let Some(memory) = run.peak_memory_bytes {
            assert!(memory < 300 << 20, "{file} takes {memory} bytes");
        }
        said += &format!("━━ {file}\n{}", run.stderr);
        // Each is also a document for programs, with the same code on it.
        let json = kaphost.run_narrow(&format!("check {file} --output json")).unwrap();
        let document: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert_eq!(document["exit"], 1, "{json}");
        let list = [&document["problems"], &document["diagnostics"]].into_iter().find_map(Value::as_array).unwrap();
        assert!(!list.is_empty() && list.iter().all(|one| one["code"].is_string() && one["help"].is_string()), "{json}");
    }
    insta::assert_snapshot!("no_config", said);
    assert!(account.calls().unwrap().is_empty());
}

#[test]
#[cfg(unix)]
fn a_file_that_may_not_be_read_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let kaphost = Kaphost::offline().unwrap();
    let file = kaphost.write("private.kdl", FIVE).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        // Whoever runs this may read everything.
        return;
    }
    let run = kaphost.run_narrow("check private.kdl").unwrap();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("may not be read by you"), "{run}");
}

#[test]
fn two_clusters_of_one_name_are_a_mistake_with_both_places() {
    let stage = Stage::new().unwrap();
    let one = stage.config.to_string();
    stage.kaphost.write("two.kdl", &format!("{one}\n{one}")).unwrap();
    let run = stage.kaphost.run_narrow("check two.kdl").unwrap();
    assert_eq!(run.code, Some(1), "{run}");
    let ids = [&stage.config.vpc, &stage.config.subnets[0], &stage.config.subnets[1]];
    let said = ids.into_iter().fold(run.transcript(), |said, id| said.replace(id, "ID"));
    insta::assert_snapshot!("two_clusters", said);
    assert!(stage.account.calls().unwrap().is_empty());
}

#[test]
fn what_a_config_refers_to_is_blamed_at_the_place_that_refers_to_it() {
    let mut stage = Stage::new().unwrap();
    stage
        .change(|config| config.more.extend(["user-data (file)\"absent.sh\"".to_owned(), "tag \"Team\" (env)\"NO_SUCH_TEAM\"".to_owned()]))
        .unwrap();
    let run = stage.kaphost.run_narrow("check cluster.kdl").unwrap();
    assert_eq!(run.code, Some(1), "{run}");
    for part in ["absent.sh", "does not exist", "NO_SUCH_TEAM", "is not set", "cluster.kdl:1"] {
        assert!(run.stderr.contains(part), "no {part:?} in {run}");
    }
    stage.kaphost.write("absent.sh", &"#".repeat(16 * 1024 + 1)).unwrap();
    let run = stage.kaphost.run_narrow("check cluster.kdl --output json").unwrap();
    let mut codes: Vec<String> = diagnostics(&run).into_iter().map(|(_, _, code)| code).collect();
    codes.sort();
    assert_eq!(codes, ["missing-variable", "user-data-too-long"], "{run}");
    assert!(stage.account.calls().unwrap().is_empty());
}
