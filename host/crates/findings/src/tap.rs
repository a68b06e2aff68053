//! The Test Anything Protocol 14: one test point a cluster, its findings as the point's YAML block. The block is JSON, which every reader of
//! YAML 1.2 takes, and which cannot be broken by what a text holds.

use serde_json::json;

use crate::model::COMMON;
use crate::{Finding, Level, Outcome, Run};

/// The whole stream.
pub(crate) fn tap(run: &Run) -> String {
    let holds = run.common.iter().all(|finding| finding.level < Level::Error);
    let common = (!run.common.is_empty()).then(|| (COMMON.to_owned(), holds, run.common.as_slice()));
    let checked = run.checked.iter().map(|one| (one.title(), one.outcome == Outcome::Passed, one.findings.as_slice()));
    let points: Vec<(String, bool, &[Finding])> = common.into_iter().chain(checked).collect();
    let mut text = format!("TAP version 14\n1..{}\n", points.len());
    for (index, (title, holds, findings)) in points.into_iter().enumerate() {
        let verdict = if holds { "ok" } else { "not ok" };
        text.push_str(&format!("{verdict} {} - {}\n", index + 1, description(&title)));
        if !findings.is_empty() {
            text.push_str("  ---\n  findings:\n");
            for finding in findings {
                text.push_str(&format!("    - {}\n", json!(finding)));
            }
            text.push_str("  ...\n");
        }
    }
    text
}

/// `#` begins a directive unless it is escaped. Other control characters than ends of lines would be obeyed by the terminal that a harness repeats this on.
pub(crate) fn description(text: &str) -> String {
    let letter = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        '#' => "\\#".to_owned(),
        '\n' | '\r' => " ".to_owned(),
        c if c.is_control() => format!("\\{}", c.escape_unicode()),
        c => c.to_string(),
    };
    text.chars().map(letter).collect()
}
