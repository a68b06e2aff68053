//! Waivers end to end: what they hold for is counted and shown apart, and those that hold for nothing are reported with their place in the set.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use kaphost_tests::{Kaphost, Run, Set};
use serde_json::Value;

/// SSH from the whole world in both families.
const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="0.0.0.0/0" description="everybody"
        allow cidr="::/0" description="everybody"
    }
}
"#;

/// Between the two waivers' ends, and within 90 days of the first.
const NOW: &str = "--now 2026-12-01T00:00:00Z";

fn waiver(value: &str, expires: &str) -> String {
    format!(
        "waiver policy=\"restrict-ssh\" rule=\"no-world-ssh\" cluster=\"kapacitor-stage\" value={value:?} {{\n    owner \"ops@example.org\"\n    \
         ticket \"SEC-123\"\n    reason \"the office moves\"\n    expires {expires:?}\n}}"
    )
}

/// kaphost with the config, and `org.kdl` with these waivers.
fn laid_out(waivers: &[String]) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.knows(&["restrict-ssh"]).unwrap();
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    let mut set = Set::at(kaphost.folder().join("org.kdl")).with_built("restrict-ssh", "mandatory", &[]).unwrap();
    for waiver in waivers {
        set = set.and(waiver);
    }
    set.write().unwrap();
    kaphost
}

fn check(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(&format!("check cluster.kdl --policy org.kdl {arguments}")).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn strings(list: &Value, field: &str) -> Vec<String> {
    list.as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
        .iter()
        .map(|one| one[field].as_str().unwrap_or_default().to_owned())
        .collect()
}

const BOTH: [&str; 2] = ["0.0.0.0/0", "::/0"];

#[test]
fn what_is_waived_is_counted_and_shown_apart() {
    let kaphost = laid_out(&BOTH.map(|value| waiver(value, "2027-01-31T00:00:00Z")));
    let run = check(&kaphost, 0, NOW);
    insta::assert_snapshot!("waived", run.transcript());
    let json = document(&check(&kaphost, 0, &format!("{NOW} --output json")));
    assert_eq!(strings(&json["decision"]["waivers"], "state"), ["used", "used"], "{json}");
    assert_eq!(strings(&json["decision"]["violations"], "effect"), ["waived", "waived"], "{json}");
    assert_eq!(json["warnings"], serde_json::json!([]), "{json}");
    // Waivers that are used are nothing odd.
    check(&kaphost, 0, &format!("{NOW} --strict"));
}

#[test]
fn a_waiver_holds_for_its_value_and_for_nothing_else() {
    let kaphost = laid_out(&[waiver("0.0.0.0/0", "2027-01-31T00:00:00Z")]);
    let json = document(&check(&kaphost, 3, &format!("{NOW} --output json")));
    assert_eq!(strings(&json["violations"], "path"), [r#"ssh.allow["::/0"]"#], "{json}");
    assert_eq!(strings(&json["waived"], "path"), [r#"ssh.allow["0.0.0.0/0"]"#], "{json}");
    assert_eq!((&json["waived"][0]["line"], &json["waived"][0]["waiver"]), (&8.into(), &0.into()), "{json}");
    assert_eq!(strings(&json["decision"]["violations"], "effect"), ["waived", "deny"], "{json}");
    // People see beside the denial what is waived.
    let run = check(&kaphost, 3, NOW);
    assert!(run.stderr.contains("Waived: 1") && run.said().contains("denied by policy: 1 violation"), "{run}");
}

#[test]
fn a_waiver_that_holds_for_nothing_is_reported_with_its_place() {
    let kaphost = laid_out(&[
        waiver("0.0.0.0/0", "2026-11-30T23:59:59Z"),
        waiver("::/0", "2027-12-01T00:00:00Z"),
        waiver("10.0.0.0/8", "2027-01-31T00:00:00Z"),
        // Of another cluster: nothing to be said here.
        waiver("0.0.0.0/0", "2020-01-01T00:00:00Z").replace("kapacitor-stage", "kapacitor-prod"),
        // For all of them: some other may need it.
        waiver("10.0.0.0/8", "2027-01-31T00:00:00Z").replace("kapacitor-stage", "*"),
    ]);
    let run = check(&kaphost, 3, NOW);
    insta::assert_snapshot!("stale", run.transcript());
    let json = document(&check(&kaphost, 3, &format!("{NOW} --output json")));
    assert_eq!(strings(&json["warnings"], "code"), ["waiver-expired", "waiver-too-long", "waiver-unused"], "{json}");
    assert_eq!(strings(&json["warnings"], "file"), ["org.kdl"; 3], "{json}");
    assert!(json["warnings"].as_array().unwrap().iter().all(|one| one["line"].as_u64().is_some_and(|line| line > 3)), "{json}");
}

#[test]
fn strict_takes_a_stale_waiver_for_a_failure() {
    let kaphost = laid_out(&[waiver("0.0.0.0/0", "2027-01-31T00:00:00Z")]);
    // Nobody from the whole world any more: what was waived is not needed.
    kaphost.write("cluster.kdl", &CONFIG.replace("0.0.0.0/0", "10.0.0.0/8").replace("::/0", "10.1.0.0/16")).unwrap();
    let run = check(&kaphost, 0, NOW);
    assert!(run.stderr.contains("waiver-unused"), "{run}");
    let run = check(&kaphost, 4, &format!("{NOW} --strict --output json"));
    let json = document(&run);
    assert_eq!((json["problems"][0]["code"].as_str(), json["exit"].as_u64()), (Some("strict"), Some(4)), "{json}");
    assert_eq!(strings(&json["warnings"], "code"), ["waiver-unused"], "{json}");
    // A denial is one all the same.
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    check(&kaphost, 3, &format!("{NOW} --strict"));
}

#[test]
fn a_waiver_ends_at_its_instant_and_begins_within_its_horizon() {
    let kaphost = laid_out(&BOTH.map(|value| waiver(value, "2027-01-31T00:00:00Z")));
    for (now, code) in [
        ("2026-11-01T23:59:59Z", 3),
        ("2026-11-02T00:00:00Z", 0),
        ("2027-01-30T23:59:59Z", 0),
        ("2027-01-31T00:59:59+01:00", 0),
        ("2027-01-31T00:00:00Z", 3),
    ] {
        check(&kaphost, code, &format!("--now {now}"));
    }
    for wrong in ["yesterday", "2027-01-31", "2027-01-31T00:00:00", "1700000000"] {
        let run = check(&kaphost, 64, &format!("--now {wrong}"));
        assert!(run.stderr.contains("--now"), "{run}");
    }
}

/// The clock of the machine, which this test knows to be past 2026 and before 2400.
#[test]
fn without_now_the_machines_clock_is_looked_at() {
    let long = |expires: &str| BOTH.map(|value| waiver(value, expires));
    check(&laid_out(&long("2026-01-01T00:00:00Z")), 3, "");
    let run = check(&laid_out(&long("2399-01-01T00:00:00Z")), 3, "");
    assert!(run.stderr.contains("waiver-too-long"), "{run}");
}
