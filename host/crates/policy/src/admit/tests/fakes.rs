//! Policies made of closures, and the game they play.

use std::sync::Arc;

use jiff::Timestamp;
use kaphost_spec::{Cluster, Pattern, Spec, Tag};

use crate::admit::{Player, Settled, run};
use crate::answer::{Reason, Reported};
use crate::error::PolicyError;
use crate::rules::{Failure, Mutation, Rules, Subject};
use crate::{Description, Enforcement, Log, Rule, SettingKind, SettingSchema, SettingValue, Severity, Terms, Waiver};

pub(super) fn spec() -> Spec {
    let text = r#"
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" }
    ssh { allow cidr="0.0.0.0/0" description="the world" }
    user-data "echo hello"
    tag "Team" "metrics"
}
"#;
    crate::testing::spec(text)
}

type Mutator = Box<dyn Fn(&Cluster) -> Result<Mutation, Failure>>;
type Validator = Box<dyn Fn(&Cluster) -> Vec<Reported>>;

/// A policy of two rules, `r` (high) and `s` (low), that may write and loosen everything unless told otherwise.
pub(super) struct Fake {
    mutate: Option<Mutator>,
    validate: Option<Validator>,
    terms: Terms,
}

impl Rules for &Fake {
    fn validate(&self, subject: &Subject) -> (Result<Vec<Reported>, Failure>, Log) {
        (Ok(self.validate.as_ref().map(|validate| validate(&subject.cluster)).unwrap_or_default()), Log::default())
    }

    fn mutate(&self, subject: &Subject) -> Option<(Result<Mutation, Failure>, Log)> {
        Some((self.mutate.as_ref()?(&subject.cluster), Log::default()))
    }
}

pub(super) fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

impl Fake {
    fn new(mutate: Option<Mutator>, validate: Option<Validator>) -> Self {
        let terms = Terms { loosens: vec![Pattern::everything()], ..Terms::alone(&[]) };
        Self { mutate, validate, terms }
    }

    pub(super) fn held(mut self, enforcement: Enforcement) -> Self {
        self.terms.enforcement = enforcement;
        self
    }

    pub(super) fn writes(mut self, patterns_: &[&str]) -> Self {
        self.terms.writes = patterns(patterns_);
        self
    }

    pub(super) fn loosens(mut self, patterns_: &[&str]) -> Self {
        self.terms.loosens = patterns(patterns_);
        self
    }

    pub(super) fn of_set(mut self, set: &str) -> Self {
        self.terms.set = Some(set.into());
        self
    }

    pub(super) fn also(mut self, other: Self) -> Self {
        self.mutate = self.mutate.or(other.mutate);
        self.validate = self.validate.or(other.validate);
        self
    }
}

pub(super) fn reason(path: &str) -> Reason {
    Reason { rule: "r".into(), path: path.parse().unwrap(), reason: format!("because of {path}") }
}

pub(super) fn reported(path: &str) -> Reported {
    Reported { rule: "r".into(), path: path.parse().unwrap(), message: "bad".into(), help: None }
}

pub(super) fn mutator(reasons: &[&str], edit: impl Fn(&mut Cluster) + 'static) -> Fake {
    let reasons: Vec<Reason> = reasons.iter().map(|path| reason(path)).collect();
    answering(move |cluster| {
        let mut cluster = cluster.clone();
        edit(&mut cluster);
        Ok(Mutation::Amended(Box::new(cluster), reasons.clone()))
    })
}

pub(super) fn answering(mutate: impl Fn(&Cluster) -> Result<Mutation, Failure> + 'static) -> Fake {
    Fake::new(Some(Box::new(mutate)), None)
}

pub(super) fn denying(violations: Vec<Reported>) -> Fake {
    answering(move |_| Ok(Mutation::Denied(violations.clone())))
}

pub(super) fn validator(validate: impl Fn(&Cluster) -> Vec<Reported> + 'static) -> Fake {
    Fake::new(None, Some(Box::new(validate)))
}

pub(super) fn tag(cluster: &mut Cluster, key: &str, value: &str) {
    cluster.tags.insert(key.parse().unwrap(), Tag { value: value.parse().unwrap(), propagate: true });
}

fn description(name: &str) -> Description {
    let rule = |id: &str, severity| Rule { id: id.into(), severity, summary: "Holds.".into(), url: None };
    Description {
        name: name.into(),
        version: "1.0.0".into(),
        summary: "A test.".into(),
        rules: vec![rule("r", Severity::High), rule("s", Severity::Low)],
        settings: vec![SettingSchema {
            name: "known".into(),
            kind: SettingKind::Boolean,
            default: Some(SettingValue::Boolean(false)),
            doc: "A test's.".into(),
        }],
        needs: vec![],
    }
}

/// Lets the policies `p0`, `p1`, … have their say about a cluster.
pub(super) fn play_on(cluster: &Cluster, fakes: &[Fake], waivers: &[Waiver], now: Timestamp) -> Result<Settled, PolicyError> {
    let names: Vec<String> = (0..fakes.len()).map(|i| format!("p{i}")).collect();
    let descriptions: Vec<Description> = names.iter().map(|name| description(name)).collect();
    let players: Vec<Player<'_, &Fake>> = fakes
        .iter()
        .zip(&names)
        .zip(&descriptions)
        .map(|((rules, source), description)| Player { rules, source, description, terms: &rules.terms })
        .collect();
    run(&Arc::new(cluster.clone()), &players, waivers, now)
}

pub(super) fn play(fakes: Vec<Fake>) -> Result<Settled, PolicyError> {
    play_on(&spec().cluster, &fakes, &[], Timestamp::UNIX_EPOCH)
}

/// What a fake is asked about, outside of the game.
pub(super) fn subject(cluster: &Cluster) -> Subject {
    Subject::new(Arc::new(cluster.clone()))
}
