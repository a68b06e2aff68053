//! What a check finds, in every form that it can be told in: as golden files for each way in which it can end, held to the forms' own schemas.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Held, Kaphost, Run, Set, junit_schema, policy, sarif_schema};
use serde_json::Value;

const SOUND: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="10.0.0.0/8" description="office: every desk, and #2"
    }
    tag "Owner" "metrics@example.org"
    tag "CostCenter" "4711"
}
"#;

/// Mistakes of which one is two lines long.
const BROKEN: &str = r#"cluster "kapacitor-broken" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    tenacy "dedicated"
    ssh port=70000 {
        allow cidr="10.0.0.0/8" description="""
            office
            """
    }
}
"#;

/// Gives up whatever it is asked.
const TRAP: &str = "(func $validate (param $cluster i32) (result i32)\n  (unreachable))";

/// The forms besides text, and the file that each is written to.
const FORMS: [(&str, &str); 6] = [
    ("json", "out.json"),
    ("ndjson", "out.ndjson"),
    ("sarif", "out.sarif"),
    ("junit", "out.xml"),
    ("github", "out.github"),
    ("tap", "out.tap"),
];

/// When waivers are held.
const NOW: &str = "2026-12-01T00:00:00Z";

/// A folder with a config of each kind, and sets that they are held to.
fn laid_out() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    let named = |name: &str| SOUND.replace("kapacitor-stage", name);
    kaphost.write("passing.kdl", SOUND).unwrap();
    let open = named("kapacitor-open").replace("10.0.0.0/8", "0.0.0.0/0").replace("    tag \"CostCenter\" \"4711\"\n", "");
    kaphost.write("failing.kdl", &open).unwrap();
    kaphost.write("waived.kdl", &named("kapacitor-waived").replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
    kaphost.write("broken.kdl", BROKEN).unwrap();
    let waiver = |rule: &str, expires: &str| {
        format!(
            "waiver policy=\"restrict-ssh\" rule={rule:?} cluster=\"kapacitor-waived\" {{\n    owner \"ops@example.org\"\n    \
             ticket \"SEC-123\"\n    reason \"the office moves\"\n    expires {expires:?}\n}}"
        )
    };
    kaphost.knows(&["restrict-ssh", "required-tags", "dedicated-tenancy"]).unwrap();
    Set::at(kaphost.folder().join("sets/org.kdl"))
        .with_built("restrict-ssh", "mandatory", &[])
        .unwrap()
        .with_built("required-tags", "advisory", &[])
        .unwrap()
        .with_built("dedicated-tenancy", "advisory", &["writes \"tenancy\""])
        .unwrap()
        .and(&waiver("no-world-ssh", "2027-01-31T00:00:00Z"))
        .and(&waiver("ssh-range-too-wide", "2026-11-01T00:00:00Z"))
        .write()
        .unwrap();
    Set::at(kaphost.folder().join("sets/trap.kdl")).with("test-policy", "mandatory", &policy(TRAP).unwrap(), &[]).unwrap().write().unwrap();
    let lost = Set::at(kaphost.folder().join("sets/lost.kdl")).with("lost", "mandatory", b"\0asm", &[]).unwrap().write().unwrap();
    fs::remove_file(lost.file().with_file_name("lost.wasm")).unwrap();
    kaphost
}

/// One run, with every form at once: text on standard output, the others in files.
fn check(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let files: String = FORMS.iter().map(|(form, file)| format!(" --output {form}={file}")).collect();
    let run = kaphost.run_narrow(&format!("check {arguments} --now {NOW} --output text{files}")).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn written(kaphost: &Kaphost, file: &str) -> String {
    fs::read_to_string(kaphost.folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Each way in which a check can end: its name, the exit code, and the arguments.
const CASES: [(&str, i32, &str); 7] = [
    ("passing", 0, "passing.kdl --policy sets/org.kdl"),
    ("failing", 3, "failing.kdl --policy sets/org.kdl"),
    ("waived", 0, "waived.kdl --policy sets/org.kdl"),
    ("broken_config", 1, "broken.kdl --policy sets/org.kdl"),
    ("broken_policy", 4, "passing.kdl --policy sets/trap.kdl"),
    ("lost_policy", 4, "passing.kdl --policy sets/lost.kdl"),
    ("missing_config", 1, "absent.kdl --policy sets/org.kdl"),
];

#[test]
fn every_end_in_every_form() {
    let kaphost = laid_out();
    let mut held = Held::default();
    let (sarif, junit) = (sarif_schema().unwrap(), junit_schema().unwrap());
    for (name, code, arguments) in CASES {
        let run = check(&kaphost, code, arguments);
        let mut told = run;
        for (form, file) in FORMS {
            let text = written(&kaphost, file);
            told.stdout += &format!("── {form}\n{text}");
            match form {
                "sarif" => held.add(&format!("{name}: SARIF"), &sarif, &text),
                "junit" => held.add(&format!("{name}: JUnit"), &junit, text.split_once("?>").unwrap().1.trim_start()),
                _ => {}
            }
            // What goes to a file and what goes to standard output is the same.
            let alone = kaphost.run_narrow(&format!("check {arguments} --now {NOW} --output {form}")).unwrap();
            assert_eq!((alone.code, &alone.stdout), (Some(code), &text), "{name}: {form}");
        }
        insta::assert_snapshot!(name, told.transcript());
    }
    assert_eq!(held.check().unwrap(), 2 * CASES.len());
}

/// The validators see what is wrong: without this, documents that they never look into would fit as well.
#[test]
fn the_schemas_refuse_what_is_wrong() {
    let kaphost = laid_out();
    check(&kaphost, 3, "failing.kdl --policy sets/org.kdl");
    let (sarif, junit) = (sarif_schema().unwrap(), junit_schema().unwrap());
    let (log, report) = (written(&kaphost, "out.sarif"), written(&kaphost, "out.xml"));
    let report = report.split_once("?>").unwrap().1.trim_start();
    for (schema, good, wrong) in [
        (&sarif, log.as_str(), log.replacen("\"startLine\": ", "\"startLine\": -", 1)),
        (&sarif, log.as_str(), log.replacen("\"ruleId\"", "\"rulId\"", 1)),
        (&sarif, log.as_str(), log.replacen("\"failing.kdl\"", "\"a b\"", 1)),
        (&junit, report, report.replacen("<testcase name=", "<testcase nam=", 1)),
        (&junit, report, report.replacen("<testsuites ", "<testsuites skipped=\"1\" ", 1)),
    ] {
        assert_ne!(good, wrong);
        let mut held = Held::default();
        held.add("good", schema, good);
        held.check().unwrap();
        let mut held = Held::default();
        held.add("wrong", schema, &wrong);
        let failure = held.check().unwrap_err().to_string();
        assert!(failure.contains("wrong: "), "{failure}");
    }
}

#[test]
fn several_in_every_form() {
    let kaphost = laid_out();
    kaphost.write("twice.kdl", SOUND).unwrap();
    let mut run = check(&kaphost, 3, ". nowhere absent.kdl --policy sets/org.kdl");
    let mut held = Held::default();
    for (form, file) in FORMS {
        let text = written(&kaphost, file);
        match form {
            "sarif" => held.add("SARIF", &sarif_schema().unwrap(), &text),
            "junit" => held.add("JUnit", &junit_schema().unwrap(), text.split_once("?>").unwrap().1.trim_start()),
            _ => {}
        }
        // Its parts are those of one, which stand elsewhere.
        if form != "json" {
            run.stdout += &format!("── {form}\n{text}");
        }
    }
    held.check().unwrap();
    insta::assert_snapshot!("several", run.transcript());
    let document: Value = serde_json::from_str(&written(&kaphost, "out.json")).unwrap();
    let ends: Vec<(&str, &str, u64)> = document["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"].as_str().unwrap(), one["outcome"].as_str().unwrap(), one["exit"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        ends,
        [
            ("broken.kdl", "invalid", 1),
            ("failing.kdl", "denied", 3),
            ("passing.kdl", "passed", 0),
            ("twice.kdl", "passed", 0),
            ("waived.kdl", "passed", 0),
            ("nowhere", "invalid", 1),
            ("absent.kdl", "invalid", 1)
        ]
    );
    assert_eq!((&document["exit"], &document["summary"]["denied"]), (&3.into(), &1.into()));
    // Each is what a run on it alone would give.
    check(&kaphost, 3, "failing.kdl --policy sets/org.kdl");
    let alone: Value = serde_json::from_str(&written(&kaphost, "out.json")).unwrap();
    for (name, value) in document["clusters"][1].as_object().unwrap().iter().filter(|(name, _)| *name != "region") {
        assert_eq!(alone[name], *value, "{name}");
    }
}
