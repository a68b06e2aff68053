//! A decision, read back from its JSON.

use kaphost_policy::DECISION_SCHEMA;
use kaphost_report::{Change, Effect, Page, Policy, Verdict, Violation, Waiver};
use kaphost_spec::Path;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::source::Text;

/// As much of a decision as a page tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Decision {
    schema: String,
    pub(super) cluster: String,
    verdict: String,
    input_sha256: String,
    output_sha256: String,
    policies: Vec<Asked>,
    facts: Value,
    changes: Vec<Map<String, Value>>,
    advice: Vec<Map<String, Value>>,
    violations: Vec<Found>,
    order: Option<Value>,
    waivers: Vec<Granted>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    name: String,
    version: String,
    digest: String,
    world: String,
    enforcement: String,
    set: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found {
    policy: usize,
    rule: String,
    severity: String,
    effect: String,
    waiver: Option<usize>,
    url: Option<String>,
    path: String,
    message: String,
    help: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Granted {
    place: String,
    state: String,
    waived: usize,
    policy: String,
    rule: String,
    value: Option<String>,
    owner: String,
    ticket: String,
    reason: String,
    expires: String,
}

impl Decision {
    /// Reads it.
    ///
    /// # Errors
    /// A clause that says what is wrong with it.
    pub(super) fn parse(document: &Value) -> Result<Self, String> {
        let schema = document["schema"].as_str().unwrap_or_default();
        if schema != DECISION_SCHEMA {
            return Err(format!("has the layout {schema:?}, and this kaphost reads {DECISION_SCHEMA:?}"));
        }
        serde_json::from_value(document.clone()).map_err(|error| format!("is incomplete: {error}"))
    }

    /// Whether it is the same decision as another, as far as their digests tell.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let key =
            |of: &Self| (of.schema.clone(), of.cluster.clone(), of.verdict.clone(), of.input_sha256.clone(), of.output_sha256.clone());
        key(self) == key(other)
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.verdict == "admitted" { Verdict::Admitted } else { Verdict::Denied }
    }

    /// The policy and rule that last wrote the value at a path.
    pub(super) fn author(&self, path: &str) -> Option<String> {
        let path: Path = path.parse().ok()?;
        let wrote = |change: &&Map<String, Value>| text(change, "path").parse().is_ok_and(|changed: Path| path.covers(&changed));
        let change = self.changes.iter().rev().find(wrote)?;
        Some(format!("{}: {}", self.policies.get(index(change))?.name, text(change, "rule")))
    }

    /// Tells it on a page.
    pub(super) fn tell(&self, page: &mut Page, source: Option<&Text>) {
        let line = |path: &str| source.and_then(|text| text.line(path));
        page.policies = self.policies.iter().map(Asked::told).collect();
        let change = |advice| {
            move |change: &Map<String, Value>| Change {
                path: text(change, "path"),
                old: change.get("old").map(spelled),
                new: change.get("new").map(spelled),
                policy: index(change),
                rule: text(change, "rule"),
                reason: text(change, "reason"),
                advice,
                loosens: change.get("loosens").and_then(Value::as_bool).unwrap_or_default(),
                line: line(&text(change, "path")),
            }
        };
        page.changes = self.changes.iter().map(change(false)).chain(self.advice.iter().map(change(true))).collect();
        page.violations = self.violations.iter().map(|found| found.told(line(&found.path))).collect();
        page.waivers = self.waivers.iter().map(Granted::told).collect();
        if self.order.is_some() {
            page.remarks
                .push("The outcome hangs on the order of the policies: asked the other way round, they come to something else.".to_owned());
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        page.evidence = vec![
            pair("SHA-256 of the cluster before", &self.input_sha256),
            pair("SHA-256 of the cluster after", &self.output_sha256),
            pair("Facts that policies were told", &self.facts.to_string()),
        ];
    }
}

impl Asked {
    fn told(&self) -> Policy {
        Policy {
            name: self.name.clone(),
            version: self.version.clone(),
            sha256: self.digest.clone(),
            enforcement: self.enforcement.clone(),
            set: self.set.clone(),
            world: self.world.clone(),
        }
    }
}

impl Found {
    fn told(&self, line: Option<usize>) -> Violation {
        Violation {
            policy: self.policy,
            rule: self.rule.clone(),
            severity: self.severity.clone(),
            effect: match self.effect.as_str() {
                "advise" => Effect::Advised,
                "waived" => Effect::Waived,
                _ => Effect::Denied,
            },
            waiver: self.waiver,
            path: self.path.clone(),
            message: self.message.clone(),
            help: self.help.clone(),
            url: self.url.clone(),
            line,
        }
    }
}

impl Granted {
    fn told(&self) -> Waiver {
        Waiver {
            policy: self.policy.clone(),
            rule: self.rule.clone(),
            value: self.value.clone(),
            owner: self.owner.clone(),
            ticket: self.ticket.clone(),
            reason: self.reason.clone(),
            expires: self.expires.clone(),
            place: self.place.clone(),
            state: self.state.clone(),
            waived: self.waived,
        }
    }
}

fn text(of: &Map<String, Value>, name: &str) -> String {
    of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn index(change: &Map<String, Value>) -> usize {
    change.get("policy").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX)
}

/// A leaf as the config spells it: see `kaphost_spec::Leaf`.
fn spelled(value: &Value) -> String {
    match value {
        Value::Null => "present".to_owned(),
        Value::Bool(value) => format!("#{value}"),
        Value::Array(values) => values.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
