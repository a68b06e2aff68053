//! What policies refuse, and why values are what they are: exit codes, places in the config, settings, and nothing called on AWS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use kaphost_tests::{Run, Stage};
use serde_json::Value;

/// SSH from the whole world in both families, from a range that is too wide, from one that is fine; and no tags.
const OPEN: [&str; 4] = ["0.0.0.0/0", "::/0", "10.0.0.0/7", "192.168.0.0/16"];

fn stage() -> Stage {
    let mut stage = Stage::new().unwrap();
    stage
        .change(|config| {
            *config = config.clone().with_ssh(&OPEN);
            config.tags.clear();
        })
        .unwrap();
    stage
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Rule, line and column of every violation.
fn violations(run: &Run) -> Vec<(String, u64, u64)> {
    let one = |violation: &Value| {
        let place = |name: &str| violation[name].as_u64().unwrap_or_else(|| panic!("no {name}: {violation}"));
        (violation["rule"].as_str().unwrap().to_owned(), place("line"), place("column"))
    };
    document(run)["violations"].as_array().unwrap_or_else(|| panic!("no violations: {run}")).iter().map(one).collect()
}

/// Line and column, from 1, of the first place where the config says this.
fn place(stage: &Stage, said: &str) -> (u64, u64) {
    let config = stage.config.to_string();
    let at = config.find(said).unwrap_or_else(|| panic!("{said:?} is not in {config}"));
    let before = &config[..at];
    let line = before.lines().count().max(1);
    (line as u64, (at - before.rfind('\n').map_or(0, |end| end + 1)) as u64 + 1)
}

#[test]
fn every_violation_has_its_line_and_column() {
    let stage = stage();
    let text = stage.kaphost.run_narrow("check cluster.kdl --policy org.wasm").unwrap();
    assert_eq!((text.code, text.stdout.as_str()), (Some(3), ""), "{text}");
    insta::assert_snapshot!("open_text", text.transcript());

    let json = stage.kaphost.run_narrow("check cluster.kdl --policy org.wasm --now 2026-11-22T20:00:00Z --output json").unwrap();
    assert_eq!(json.code, Some(3), "{json}");
    insta::assert_snapshot!("open_json", json.transcript().split("── stderr").next().unwrap_or_default());
    let at = |rule: &str, said: &str| {
        let (line, column) = place(&stage, said);
        (rule.to_owned(), line, column)
    };
    assert_eq!(
        violations(&json),
        [
            at("no-world-ssh", r#""0.0.0.0/0""#),
            at("ssh-range-too-wide", r#""10.0.0.0/7""#),
            at("no-world-ssh", r#""::/0""#),
            at("required-tags", "cluster"),
            at("required-tags", "cluster"),
        ]
    );
}

#[test]
fn a_denial_ends_what_would_call_aws_before_it_does() {
    let stage = stage();
    for command in ["check", "plan", "apply --auto-approve", "status"] {
        let (_, calls) = stage.expect(3, &format!("{command} cluster.kdl --policy org.wasm")).unwrap();
        assert!(calls.is_empty(), "{command}: {calls}");
    }
    // Without the policy the same config is fine: it is the policy that refuses.
    stage.expect(0, "check cluster.kdl").unwrap();
}

#[test]
fn a_value_that_a_policy_wrote_is_blamed_on_that_policy() {
    let mut stage = Stage::new().unwrap();
    // Narrowed to what is allowed; which is too wide for the shortest prefix that is asked for as well.
    stage.change(|config| *config = config.clone().with_ssh(&["10.0.0.0/7"])).unwrap();
    let run = stage
        .kaphost
        .run_narrow("check cluster.kdl --policy org.wasm --set narrow=true --set allowed-cidrs=10.0.0.0/8 --set min-prefix-ipv4=9")
        .unwrap();
    assert_eq!(run.code, Some(3), "{run}");
    insta::assert_snapshot!("written_by_a_policy", run.transcript());
    let json = stage
        .run("check cluster.kdl --policy org.wasm --set narrow=true --set allowed-cidrs=10.0.0.0/8 --set min-prefix-ipv4=9 --output json");
    let written = document(&json.unwrap())["violations"][0]["written-by"].clone();
    assert_eq!((written["policy"]["name"].as_str(), written["rule"].as_str()), (Some("org"), Some("ssh-range-too-wide")), "{written}");
    assert_eq!((written["old"].as_str(), written["new"].as_str()), (None, Some("office")), "{written}");
}

#[test]
fn settings_change_what_is_refused() {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| *config = config.clone().with_ssh(&["10.0.0.0/8"])).unwrap();
    for (code, settings) in [
        (0, ""),
        (0, "--set min-prefix-ipv4=8"),
        (3, "--set min-prefix-ipv4=9"),
        (3, "--set allowed-cidrs=192.168.0.0/16"),
        (0, "--set allowed-cidrs=192.168.0.0/16,10.0.0.0/8"),
        (0, "--set allowed-cidrs=192.168.0.0/16 --set allowed-cidrs=10.0.0.0/8"),
        (0, "--set allowed-cidrs=10.1.0.0/16 --set narrow=true"),
        (3, "--set allowed-cidrs=10.1.0.0/16 --set narrow=false"),
        (3, "--set org:min-prefix-ipv4=9"),
        (3, "--set required-tags=Owner,Team"),
        (0, "--set required-tags="),
        // A network that is none: the policy fails closed.
        (3, "--set allowed-cidrs=office"),
    ] {
        stage.expect(code, &format!("check cluster.kdl --policy org.wasm {settings}")).unwrap();
    }
    let (narrowed, _) = stage.expect(0, "check cluster.kdl --policy org.wasm --set allowed-cidrs=10.1.0.0/16 --set narrow=true").unwrap();
    assert!(narrowed.stdout.contains(r#"ssh.allow["10.1.0.0/16"]"#), "{narrowed}");
}

/// Two modules that take a setting of one name: a bare `--set` is for both, a named one for one.
#[test]
fn a_setting_reaches_the_policy_that_it_names() {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| *config = config.clone().with_ssh(&["10.0.0.0/8"])).unwrap();
    stage.kaphost.give("restrict-ssh", "ssh.wasm").unwrap();
    let (run, _) = stage
        .expect(3, "check cluster.kdl --policy org.wasm --policy ssh.wasm --set restrict-ssh:min-prefix-ipv4=9 --output json")
        .unwrap();
    let who = |run: &Run| {
        let document = document(run);
        let list = document["violations"].as_array().unwrap().clone();
        list.iter().map(|violation| violation["policy"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(who(&run), ["restrict-ssh"]);
    let (run, _) = stage.expect(3, "check cluster.kdl --policy org.wasm --policy ssh.wasm --set min-prefix-ipv4=9 --output json").unwrap();
    assert_eq!(who(&run), ["org", "restrict-ssh"]);
}

#[test]
fn settings_that_nobody_takes_are_wrong_usage() {
    let stage = Stage::new().unwrap();
    let mut said = String::new();
    for settings in [
        "--set narow=true",
        "--set colour=blue",
        "--set narrow=maybe",
        "--set min-prefix-ipv4=33",
        "--set min-prefix-ipv4=eight",
        "--set narrow",
        "--set ogr:narrow=true",
        "--set narrow=true --set narrow=false",
        // All at once: each is told, and a name that is taken is not said to be taken by nobody.
        "--set narrow=maybe --set colour=blue --set x:y=z",
    ] {
        let run = stage.kaphost.run_narrow(&format!("check cluster.kdl --policy org.wasm {settings}")).unwrap();
        assert_eq!((run.code, run.stdout.as_str()), (Some(64), ""), "{settings}: {run}");
        said += &format!("━━ {settings}\n{}", run.stderr);
    }
    let run = stage.kaphost.run_narrow("check cluster.kdl --set narrow=true").unwrap();
    assert_eq!(run.code, Some(64), "{run}");
    said += &format!("━━ without a policy\n{}", run.stderr);
    insta::assert_snapshot!("settings", said);
    assert!(stage.account.calls().unwrap().is_empty());
}

// ── explain ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// One value of each provenance.
const PROVENANCE: &str = r#"defaults region="us-east-1" {
    tag "Owner" "metrics@example.com"
    instance-type "t3.small"
}

cluster "kapacitor-stage" {
    ami "ami-0abcd1234"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="10.0.0.0/7" description="office"
    }
    root-volume size=50 encrypted=#false
    tag "CostCenter" "4711"
}
"#;

#[test]
fn explain_tells_line_defaults_and_policies_apart() {
    let stage = Stage::new().unwrap();
    stage.kaphost.write("origins.kdl", PROVENANCE).unwrap();
    let mut said = String::new();
    for path in ["name", "instance-type", "tag[\"Owner\"]", "tag", "ssh.port", "tenancy", "root-volume", "ssh", "egress"] {
        let policy = "--policy org.wasm --set narrow=true --set allowed-cidrs=10.0.0.0/8";
        let run = stage.kaphost.run_narrow(&format!("explain origins.kdl {path} {policy}")).unwrap();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{path}: {run}");
        said += &format!("━━ {path}\n{}", run.transcript().split("── stdout\n").nth(1).unwrap().split("── stderr").next().unwrap());
    }
    insta::assert_snapshot!("explain", said);

    let json = stage.kaphost.run_narrow("explain origins.kdl tenancy --policy org.wasm --output json").unwrap();
    let chain = document(&json)["values"][0]["chain"].clone();
    assert_eq!((chain[0]["by"].as_str(), chain[0]["value"].as_str()), (Some("built-in default"), Some("default")), "{json}");
    assert_eq!((chain[1]["policy"]["name"].as_str(), chain[1]["value"].as_str()), (Some("org"), Some("dedicated")), "{json}");
    assert_eq!((chain[1]["kind"].as_str(), chain[1]["old"].as_str()), (Some("policy"), Some("default")), "{json}");
    assert!(stage.account.calls().unwrap().is_empty());
}

#[test]
fn explain_works_on_a_denied_config_and_suggests_paths() {
    let stage = stage();
    let (run, _) = stage.expect(0, "explain cluster.kdl tenancy --policy org.wasm").unwrap();
    assert!(run.stdout.starts_with("tenancy = \"dedicated\"\n"), "{run}");
    let mut said = String::new();
    for (code, path) in [(1, "tenanc"), (1, "ssh.prt"), (1, "tag[\"Ownr\"]"), (1, "zzz"), (64, "ssh..port"), (64, "tag[")] {
        let run = stage.kaphost.run_narrow(&format!("explain cluster.kdl {path}")).unwrap();
        assert_eq!(run.code, Some(code), "{path}: {run}");
        said += &format!("━━ {path}\n{}", run.stderr);
    }
    insta::assert_snapshot!("explain_unknown", said);
    assert!(stage.account.calls().unwrap().is_empty());
}
