//! The Test Anything Protocol 14: one test point a cluster, its findings as the point's YAML block. The block is JSON, which every reader of
//! YAML 1.2 takes, and which cannot be broken by what a text holds.

use serde_json::json;

use crate::{Finding, Outcome, Run};

/// The whole stream.
pub(crate) fn tap(run: &Run) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", run.checked.len());
    for (number, checked) in run.checked.iter().enumerate() {
        let verdict = if checked.outcome == Outcome::Passed { "ok" } else { "not ok" };
        text.push_str(&format!("{verdict} {} - {}\n", number + 1, description(&checked.title())));
        if !checked.findings.is_empty() {
            text.push_str("  ---\n  findings:\n");
            for finding in &checked.findings {
                text.push_str(&format!("    - {}\n", one(finding)));
            }
            text.push_str("  ...\n");
        }
    }
    text
}

/// `#` begins a directive unless it is escaped.
fn description(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#").replace(['\n', '\r'], " ")
}

fn one(finding: &Finding) -> serde_json::Value {
    json!(finding)
}
