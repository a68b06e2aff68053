//! Golden files of waivers: what one that holds looks like, and each way in which one holds for nothing.

use std::sync::Arc;

use kaphost_policy::{
    Decision, Effect, Enforcement, Facts, PolicyRecord, Settings, Severity, Verdict, Violation, WaiverRecord, WaiverState, World,
};
use kaphost_spec::{ConfigSource, NoLookup, Span, Spec};
use serde_json::json;

use super::Warnings;
use crate::render::decision::{self, Sets};

const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
    ssh {
        allow cidr="0.0.0.0/0" description="everybody"
        allow cidr="::/0" description="everybody"
    }
}
"#;

/// The set, as far as anything points into it.
const SET: &str = r#"waiver policy="restrict-ssh" rule="no-world-ssh" cluster="kapacitor-stage" value="0.0.0.0/0" {
    expires "2027-01-31T00:00:00Z"
}
"#;

fn spec() -> Spec {
    kaphost_spec::parse(ConfigSource::new("cluster.kdl", CONFIG), &NoLookup).unwrap().specs.remove(0)
}

/// Every waiver stands at its rule, or at its end when that is what is odd.
struct Place;

impl Sets for Place {
    fn waiver(&self, waiver: &WaiverRecord) -> Option<(Arc<ConfigSource>, Span)> {
        let odd_end = matches!(waiver.state, WaiverState::Expired | WaiverState::TooLong);
        let text = if odd_end { "\"2027-01-31T00:00:00Z\"" } else { "\"no-world-ssh\"" };
        let at = SET.find(text).unwrap();
        Some((Arc::new(ConfigSource::new("org.kdl", SET)), at..at + text.len()))
    }

    fn setting(&self, _: usize, _: &str) -> Option<(Arc<ConfigSource>, Span)> {
        None
    }
}

fn waiver(state: WaiverState) -> WaiverRecord {
    WaiverRecord {
        place: "org.kdl:1:1".into(),
        state,
        waived: usize::from(state == WaiverState::Used),
        set: "org.kdl".into(),
        policy: "restrict-ssh".into(),
        rule: "no-world-ssh".into(),
        cluster: "kapacitor-stage".into(),
        value: Some("0.0.0.0/0".into()),
        owner: "ops@example.org".into(),
        ticket: "SEC-123".into(),
        reason: "the office moves, and until it has, whoever is on call logs in from wherever that is".into(),
        expires: "2027-01-31T00:00:00Z".parse().unwrap(),
        horizon_days: Some(90),
    }
}

/// What was decided about both rules of the config, the first of which these waivers are about.
fn decided(waivers: Vec<WaiverRecord>) -> Decision {
    let holds = waivers.iter().position(|waiver| waiver.state == WaiverState::Used);
    let violation = |source: &str, waiver: Option<usize>| Violation {
        policy: 0,
        rule: "no-world-ssh".into(),
        severity: Severity::Critical,
        effect: if waiver.is_some() { Effect::Waived } else { Effect::Deny },
        waiver,
        url: None,
        path: format!("ssh.allow[\"{source}\"]").parse().unwrap(),
        message: format!("SSH is open to the whole world: {source}"),
        help: Some("name the networks that log in".into()),
    };
    Decision {
        schema: kaphost_policy::DECISION_SCHEMA,
        cluster: "kapacitor-stage".into(),
        verdict: Verdict::Denied,
        input_sha256: String::new(),
        output_sha256: String::new(),
        policies: vec![PolicyRecord {
            name: "restrict-ssh".into(),
            version: "1.0.0".into(),
            digest: "0".repeat(64),
            source: "restrict-ssh.wasm".into(),
            world: World::Validator,
            enforcement: Enforcement::Mandatory,
            set: Some("org.kdl".into()),
            writes: vec![],
            loosens: vec![],
            facts: Default::default(),
            user_data: false,
            settings: Settings::default(),
        }],
        facts: Facts::default(),
        passes: 0,
        changes: vec![],
        advice: vec![],
        violations: vec![violation("0.0.0.0/0", holds), violation("::/0", None)],
        order: None,
        waivers,
    }
}

/// All that is said of a decision, for people, without colour, and for programs.
fn said(decided: &Decision) -> String {
    let spec = spec();
    let warnings = Warnings::of(decided, &spec, &Place);
    let people = format!("{}{}", decision::waived(decided), warnings.text());
    let programs = json!({ "warnings": warnings.json(), "waived": decision::violations_json(decided, &spec, Effect::Waived, &Place) });
    let programs = serde_json::to_string_pretty(&programs).unwrap();
    format!("{}── for programs\n{programs}\n", anstream::adapter::strip_str(&people))
}

#[test]
fn a_waiver_that_holds_is_shown_apart_and_is_nothing_odd() {
    insta::assert_snapshot!("used", said(&decided(vec![waiver(WaiverState::Used)])));
}

#[test]
fn a_waiver_that_holds_for_nothing_says_why_and_where() {
    for (name, state) in [("unused", WaiverState::Unused), ("expired", WaiverState::Expired), ("too-long", WaiverState::TooLong)] {
        insta::assert_snapshot!(name, said(&decided(vec![waiver(state)])));
    }
}

#[test]
fn a_waiver_that_nobody_could_try_or_that_is_for_every_cluster_is_not_complained_about() {
    let everywhere = WaiverRecord { cluster: "*".into(), ..waiver(WaiverState::Unused) };
    for waiver in [waiver(WaiverState::Untried), everywhere] {
        let decided = decided(vec![waiver]);
        assert_eq!(Warnings::of(&decided, &spec(), &Place).text(), "");
    }
}
