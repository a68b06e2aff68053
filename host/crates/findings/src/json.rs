//! kaphost's own JSON: the members of the document, and lines.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Checked, Finding, Kind, Level, Outcome, Run, Skipped, Tool, Unwritable};

/// The layout of both. Grows when a reader of the old one would misread the new one.
pub const SCHEMA: &str = "kaphost.check/1";

/// How many of each.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    passed: usize,
    denied: usize,
    invalid: usize,
    untrusted: usize,
    skipped: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    waived: usize,
}

impl Summary {
    fn of(run: &Run) -> Self {
        let mut sum = Self { skipped: run.skipped.len(), ..Self::default() };
        for checked in &run.checked {
            match checked.outcome {
                Outcome::Passed => sum.passed += 1,
                Outcome::Denied => sum.denied += 1,
                Outcome::Invalid => sum.invalid += 1,
                Outcome::Untrusted => sum.untrusted += 1,
            }
        }
        for finding in run.findings() {
            match (finding.kind, finding.level) {
                (Kind::Waived, _) => sum.waived += 1,
                (_, Level::Error) => sum.errors += 1,
                (_, Level::Warning) => sum.warnings += 1,
                (_, Level::Note) => sum.notes += 1,
            }
        }
        sum
    }
}

/// What stands in the document beside its envelope.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Members<'a> {
    /// Of a run on one cluster: flat.
    One(One<'a>),
    /// Of a run on several: an object for each.
    Several(Several<'a>),
}

/// See [`Members::One`].
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct One<'a> {
    tool: &'a Tool,
    #[serde(flatten)]
    entry: Entry<'a>,
}

/// See [`Members::Several`].
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Several<'a> {
    tool: &'a Tool,
    summary: Summary,
    findings: &'a [Finding],
    clusters: Vec<Entry<'a>>,
    skipped: &'a [Skipped],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    /// The envelope has it where there is one entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
    outcome: Outcome,
    findings: Vec<&'a Finding>,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// Flat: what is about no config by itself stands among the findings of the one.
    #[must_use]
    pub fn of_one(run: &'a Run, checked: &'a Checked) -> Self {
        let mut entry = Entry::of(checked);
        entry.exit = None;
        entry.findings = run.common.iter().chain(&checked.findings).collect();
        Self::One(One { tool: &run.tool, entry })
    }

    /// An object for each.
    #[must_use]
    pub fn of_several(run: &'a Run) -> Self {
        Self::Several(Several {
            tool: &run.tool,
            summary: Summary::of(run),
            findings: &run.common,
            clusters: run.checked.iter().map(Entry::of).collect(),
            skipped: &run.skipped,
        })
    }
}

impl<'a> Entry<'a> {
    fn of(checked: &'a Checked) -> Self {
        Self {
            file: &checked.file,
            cluster: checked.cluster.as_deref(),
            exit: Some(checked.exit),
            outcome: checked.outcome,
            findings: checked.findings.iter().collect(),
            more: &checked.more,
        }
    }
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
        /// The config that was checked; absent when it is about none by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'a str>,
        #[serde(flatten)]
        finding: &'a Finding,
    },
    Checked {
        file: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cluster: Option<&'a str>,
        exit: u8,
        outcome: Outcome,
        findings: usize,
    },
    Skipped(&'a Skipped),
    End {
        exit: u8,
        summary: Summary,
    },
}

/// A line for the run, one for each finding, one at the end of each cluster, one at the end. A reader may stop anywhere.
pub(crate) fn ndjson(run: &Run) -> Result<String, Unwritable> {
    let mut text = String::new();
    let mut line = |line: &Line<'_>| {
        text.push_str(&serde_json::to_string(line).map_err(|error| Unwritable(error.to_string()))?);
        text.push('\n');
        Ok(())
    };
    line(&Line::Run { schema: SCHEMA, tool: &run.tool })?;
    for finding in &run.common {
        line(&Line::Finding { file: None, cluster: None, finding })?;
    }
    for Checked { file, cluster, outcome, exit, findings, .. } in &run.checked {
        let cluster = cluster.as_deref();
        for finding in findings {
            line(&Line::Finding { file: Some(file), cluster, finding })?;
        }
        line(&Line::Checked { file, cluster, exit: *exit, outcome: *outcome, findings: findings.len() })?;
    }
    for skipped in &run.skipped {
        line(&Line::Skipped(skipped))?;
    }
    line(&Line::End { exit: run.exit, summary: Summary::of(run) })?;
    Ok(text)
}
