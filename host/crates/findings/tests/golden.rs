//! Every format on every kind of finding, as golden files.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, and their helpers are no test functions")]

use std::collections::BTreeSet;

use insta::assert_snapshot;
use kaphost_findings::{Checked, Finding, Format, Kind, Level, Members, Outcome, Place, Region, Run, Skipped, Tool, Waived};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn finding(kind: Kind, level: Level, rule: &str, message: &str) -> Finding {
    Finding {
        kind,
        level,
        rule: rule.into(),
        policy: None,
        severity: None,
        path: None,
        message: message.into(),
        help: None,
        url: None,
        about: None,
        place: None,
        written_by: None,
        waiver: None,
    }
}

fn place(file: &str, line: usize, column: usize, end_line: usize, end_column: usize) -> Option<Place> {
    Some(Place { file: file.into(), region: Some(Region { line, column, end_line, end_column }) })
}

fn checked(file: &str, cluster: Option<&str>, outcome: Outcome, findings: Vec<Finding>) -> Checked {
    let exit = match outcome {
        Outcome::Passed => 0,
        Outcome::Denied => 3,
        Outcome::Invalid => 1,
        Outcome::Untrusted => 4,
    };
    Checked { file: file.into(), cluster: cluster.map(str::to_owned), outcome, exit, findings, more: Map::new() }
}

fn run(exit: u8, checked: Vec<Checked>) -> Run {
    let tool = Tool { name: "kaphost".into(), version: "0.1.0".into() };
    Run { tool, exit, common: Vec::new(), checked, skipped: Vec::new() }
}

fn denied() -> Checked {
    let violation = Finding {
        policy: Some("restrict-ssh".into()),
        severity: Some("critical".into()),
        path: Some(r#"ssh.allow["0.0.0.0/0"]"#.into()),
        help: Some("name the ranges of your offices".into()),
        url: Some("https://docs.example.org/no-world-ssh".into()),
        about: Some("nobody may reach SSH from everywhere".into()),
        place: place("teams/a b.kdl", 12, 9, 12, 32),
        ..finding(Kind::Violation, Level::Error, "restrict-ssh/no-world-ssh", "SSH is open to the whole world")
    };
    let waived = Finding {
        kind: Kind::Waived,
        level: Level::Note,
        rule: "org/required-tags".into(),
        policy: Some("org".into()),
        severity: Some("medium".into()),
        path: Some("tag".into()),
        place: place("teams/a b.kdl", 1, 1, 3, 2),
        waiver: Some(Waived {
            owner: "ops@example.org".into(),
            ticket: "SEC-123".into(),
            reason: "moves next month".into(),
            expires: "2027-01-31T00:00:00Z".into(),
        }),
        ..finding(Kind::Waived, Level::Note, "org/required-tags", "the tag Owner is missing")
    };
    let advice = Finding {
        policy: Some("multi-zone".into()),
        severity: Some("low".into()),
        place: place("teams/a b.kdl", 7, 9, 7, 20),
        written_by: Some("written by policy narrow (one-zone): network.subnets is now \"subnet-1\"".into()),
        ..finding(Kind::Advice, Level::Warning, "multi-zone/two-zones", "all subnets are in one zone: 100%, \"us-east-1a\"")
    };
    checked("teams/a b.kdl", Some("kapacitor-stage"), Outcome::Denied, vec![violation, advice, waived])
}

fn everything() -> Run {
    let broken = Finding {
        help: Some("did you mean `tenancy`?".into()),
        place: place("bad.kdl", 3, 5, 3, 12),
        ..finding(Kind::Config, Level::Error, "unknown-node", "there is no node `tenency` here")
    };
    let untrusted = finding(Kind::Policy, Level::Error, "out-of-fuel", "policy `loop.wasm` failed in `validate`: it used up its fuel");
    let lapsed = Finding {
        place: place("org.kdl", 9, 1, 9, 7),
        ..finding(Kind::Set, Level::Warning, "expired-waiver", "the waiver of org/required-tags expired on 2026-01-01T00:00:00Z")
    };
    let odd =
        Finding { place: place("org.kdl", 2, 3, 2, 9), ..finding(Kind::Set, Level::Warning, "host-bits", "10.1.2.3/8 has host bits") };
    let whole = Place { file: "lost.wasm".into(), region: None };
    let lost = Finding { place: Some(whole), ..finding(Kind::Policy, Level::Error, "unreadable", "policy `lost.wasm` does not exist") };
    let more = json!({ "decision": { "verdict": "admitted" } }).as_object().unwrap().clone();
    let run = run(
        4,
        vec![
            Checked { more, ..checked("good.kdl", Some("kapacitor"), Outcome::Passed, vec![lapsed]) },
            denied(),
            checked("bad.kdl", None, Outcome::Invalid, vec![broken]),
            checked("good.kdl", Some("second # one"), Outcome::Untrusted, vec![untrusted]),
            checked("good.kdl", Some("nobody-asked"), Outcome::Untrusted, Vec::new()),
        ],
    );
    Run { common: vec![odd, lost], skipped: vec![Skipped { file: "envs/org.kdl".into(), is: "a policy set".into() }], ..run }
}

fn each(name: &str, run: &Run) {
    let several = serde_json::to_string_pretty(&Members::of_several(run)).unwrap();
    assert_snapshot!(format!("{name}.json"), several);
    for (format, ending) in [
        (Format::Ndjson, "ndjson"),
        (Format::Sarif, "sarif"),
        (Format::Junit, "junit.xml"),
        (Format::Github, "github.txt"),
        (Format::Tap, "tap"),
    ] {
        assert_snapshot!(format!("{name}.{ending}"), format.write(run).unwrap());
    }
}

#[test]
fn passing() {
    each("passing", &run(0, vec![checked("cluster.kdl", Some("kapacitor"), Outcome::Passed, Vec::new())]));
}

#[test]
fn nothing_at_all() {
    each("nothing", &run(0, Vec::new()));
}

#[test]
fn of_everything() {
    each("everything", &everything());
}

#[test]
fn one_is_flat() {
    let all = everything();
    assert_snapshot!("one.json", serde_json::to_string_pretty(&Members::of_one(&all, &all.checked[0])).unwrap());
}

/// Lines may move: a finding is the same as long as it is about the same value of the same cluster.
#[test]
fn a_fingerprint_is_of_what_is_found_not_of_where() {
    let prints = |run: &Run| {
        let log: Value = serde_json::from_str(&Format::Sarif.write(run).unwrap()).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"]["primaryLocationLineHash"].to_string()).collect::<Vec<_>>()
    };
    let before = run(3, vec![denied()]);
    let mut after = before.clone();
    for finding in &mut after.checked[0].findings {
        finding.place = place("teams/a b.kdl", 99, 1, 99, 2);
        finding.help = None;
    }
    assert_eq!(prints(&before), prints(&after));
    let mut other = before.clone();
    other.checked[0].findings[0].path = Some("ssh".into());
    assert_ne!(prints(&before)[0], prints(&other)[0]);
    // What nothing tells apart is counted.
    let twice = run(3, vec![denied(), denied()]);
    let all = prints(&twice);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
}

proptest! {
    /// Whatever a text holds, each format stays what it is.
    #[test]
    fn no_text_breaks_a_format(message in any::<String>(), file in any::<String>(), rule in any::<String>()) {
        let one = Finding { place: place(&file, 1, 1, 1, 2), ..finding(Kind::Violation, Level::Error, &rule, &message) };
        let run = run(3, vec![checked(&file, Some(&message), Outcome::Denied, vec![one])]);
        serde_json::from_str::<Value>(&Format::Sarif.write(&run).unwrap()).unwrap();
        for line in Format::Ndjson.write(&run).unwrap().lines() {
            serde_json::from_str::<Value>(line).unwrap();
        }
        let github = Format::Github.write(&run).unwrap();
        prop_assert_eq!(github.lines().count(), 1);
        prop_assert!(github.starts_with("::error file="));
        prop_assert!(!github.trim_end().contains(char::is_control), "a terminal obeys it");
        let tap = Format::Tap.write(&run).unwrap();
        prop_assert!(tap.starts_with("TAP version 14\n1..1\nnot ok 1 - "));
        prop_assert!(!tap.lines().nth(2).unwrap().contains(char::is_control), "a terminal obeys it");
        let block = tap.lines().nth(5).unwrap();
        serde_json::from_str::<Value>(block.trim().trim_start_matches("- ")).unwrap();
        let junit = Format::Junit.write(&run).unwrap();
        quick_junit_reads(&junit);
    }
}

/// The document is well-formed and says what it said.
fn quick_junit_reads(text: &str) {
    let report = quick_junit::Report::deserialize_from_str(text).unwrap();
    assert_eq!((report.tests, report.failures), (1, 1));
}
