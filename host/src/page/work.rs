//! What was to be done and what was: plan, run and outputs, read back from the JSON of `plan`, `apply` and `destroy`.

use kaphost_report::{Fate, Kind, Leaf, Outcome, Plan, Resource, Round, Run, Step};
use serde_json::Value;

use super::decision::Decision;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `plan` of a document. Kinds that this kaphost does not know are left out.
pub(super) fn plan(plan: &Value, decision: &Decision) -> Plan {
    let resource = |change: &Value| {
        let leaf = |leaf: &Value| Leaf {
            name: text(&leaf["leaf"]),
            old: maybe(&leaf["old"]),
            new: maybe(&leaf["new"]),
            by: leaf["path"].as_str().and_then(|path| decision.author(path)),
        };
        Some(Resource {
            kind: kind(&change["resource"])?,
            name: text(&change["name"]),
            fate: match change["kind"].as_str() {
                Some("create") => Fate::Created,
                Some("delete") => Fate::Deleted,
                _ => Fate::Changed,
            },
            leaves: list(&change["leaves"]).map(leaf).collect(),
            note: maybe(&change["note"]),
        })
    };
    Plan { resources: list(&plan["changes"]).filter_map(resource).collect(), kept: list(&plan["kept"]).map(text).collect() }
}

fn kind(value: &Value) -> Option<Kind> {
    Some(match value.as_str()? {
        "auto-scaling-group" => Kind::AutoScalingGroup,
        "launch-template" => Kind::LaunchTemplate,
        "security-group" => Kind::SecurityGroup,
        "security-group-rule" => Kind::SecurityGroupRule,
        "role" => Kind::Role,
        "instance-profile" => Kind::InstanceProfile,
        _ => return None,
    })
}

/// `report` of a document.
pub(super) fn run(report: &Value) -> Run {
    let end = match &report["end"] {
        Value::Object(with_reason) => with_reason.keys().next().cloned().unwrap_or_default(),
        plain => text(plain),
    };
    let words = match end.as_str() {
        "converged" => "came to its end",
        "failed" => "ended with a step that failed",
        "interrupted" => "was stopped",
        "unread" => "ended because AWS could not be read again",
        "refused" => "ended because what is there cannot be brought to what is wanted",
        "unsettled" => "ended because somebody else changed the same cluster again and again",
        _ => "ended early",
    };
    Run { end: words.to_owned(), complete: end == "converged", rounds: list(&report["rounds"]).map(round).collect() }
}

fn round(round: &Value) -> Round {
    let step = |step: &Value| {
        let (outcome, took_ms) = outcome(&step["outcome"]);
        Step {
            operation: text(&step["operation"]),
            subject: text(&step["subject"]),
            wait: step["wait"].as_bool().unwrap_or_default(),
            started_ms: step["started-ms"].as_u64(),
            took_ms,
            outcome,
        }
    };
    Round { took_ms: round["took-ms"].as_u64().unwrap_or_default(), steps: list(&round["steps"]).map(step).collect() }
}

fn outcome(outcome: &Value) -> (Outcome, Option<u64>) {
    let took = |name: &str| outcome[name]["took-ms"].as_u64();
    if outcome["done"].is_object() {
        (Outcome::Done, took("done"))
    } else if outcome["met"].is_object() {
        (Outcome::Met, took("met"))
    } else if let Some(why) = outcome["failed"]["message"].as_str() {
        (Outcome::Failed(why.to_owned()), None)
    } else if outcome == "not-started" {
        (Outcome::NotStarted, None)
    } else {
        (Outcome::CutShort, None)
    }
}

/// `outputs` of a document: what has a value.
pub(super) fn outputs(outputs: &Value) -> Vec<(String, String)> {
    outputs.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
