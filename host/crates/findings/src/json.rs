//! kaphost's own JSON, whole and by lines.

use serde::Serialize;

use crate::{Checked, Finding, Outcome, Run, Tool, Unwritable};

/// The layout of both. Grows when a reader of the old one would misread the new one.
pub const SCHEMA: &str = "kaphost.check/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    run: &'a Run,
    summary: Summary,
}

/// How many of each.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    passed: usize,
    denied: usize,
    invalid: usize,
    untrusted: usize,
}

fn summary(run: &Run) -> Summary {
    run.checked.iter().fold(Summary::default(), |mut sum, checked| {
        match checked.outcome {
            Outcome::Passed => sum.passed += 1,
            Outcome::Denied => sum.denied += 1,
            Outcome::Invalid => sum.invalid += 1,
            Outcome::Untrusted => sum.untrusted += 1,
        }
        sum
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn unwritable(error: serde_json::Error) -> Unwritable {
    Unwritable(error.to_string())
}

/// One document, indented.
///
/// # Errors
/// None that can happen; see [`Unwritable`].
pub fn json(run: &Run) -> Result<String, Unwritable> {
    let document = Document { schema: SCHEMA, run, summary: summary(run) };
    let mut text = serde_json::to_string_pretty(&document).map_err(unwritable)?;
    text.push('\n');
    Ok(text)
}

/// A line of [`ndjson`].
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Run {
        schema: &'static str,
        tool: &'a Tool,
    },
    Finding {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'a str>,
        #[serde(flatten)]
        finding: &'a Finding,
    },
    Checked {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'a str>,
        outcome: Outcome,
        findings: usize,
    },
    End {
        exit: u8,
        summary: Summary,
    },
}

/// A line for the run, one for each finding, one at the end of each cluster, one at the end. A reader may stop anywhere.
///
/// # Errors
/// None that can happen; see [`Unwritable`].
pub fn ndjson(run: &Run) -> Result<String, Unwritable> {
    let mut text = String::new();
    let mut line = |line: &Line<'_>| {
        text.push_str(&serde_json::to_string(line).map_err(unwritable)?);
        text.push('\n');
        Ok(())
    };
    line(&Line::Run { schema: SCHEMA, tool: &run.tool })?;
    for Checked { file, cluster, outcome, findings, .. } in &run.checked {
        for finding in findings {
            line(&Line::Finding { file, cluster: cluster.as_deref(), finding })?;
        }
        line(&Line::Checked { file, cluster: cluster.as_deref(), outcome: *outcome, findings: findings.len() })?;
    }
    line(&Line::End { exit: run.exit, summary: summary(run) })?;
    Ok(text)
}
