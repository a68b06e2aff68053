//! A run as plain data.

use serde::Serialize;
use serde_json::{Map, Value};

/// One run of a check over any number of clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Who checked.
    pub tool: Tool,
    /// The exit code of the whole run.
    pub exit: u8,
    /// What is about no config by itself: the policies, what they are told of the world.
    pub common: Vec<Finding>,
    /// Every cluster, and everything that was named and gave none, in the order in which they were named.
    pub checked: Vec<Checked>,
    /// What was found while looking for configs, and is none.
    pub skipped: Vec<Skipped>,
}

/// A file that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// As it was found.
    pub file: String,
    /// What it is: "a policy set".
    pub is: String,
}

/// Who checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tool {
    /// `kaphost`
    pub name: String,
    /// Semantic version.
    pub version: String,
}

/// One cluster of one file, or a file that could not be read as clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The config, as the user named it.
    pub file: String,
    /// The cluster; absent when the file could not be read that far.
    pub cluster: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// The exit code of a run on this alone.
    pub exit: u8,
    /// Everything that was found.
    pub findings: Vec<Finding>,
    /// What the JSON document says of it besides, by name: the decision, and what led to it. Left empty where nobody asks for that document.
    pub more: Map<String, Value>,
}

/// What came of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing stands in its way.
    Passed,
    /// A policy denies it.
    Denied,
    /// The config holds mistakes.
    Invalid,
    /// A policy could not be trusted or run: neither a pass nor a denial.
    Untrusted,
}

/// How much a finding weighs, in the three steps that all formats share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Worth mending; does not stop anything.
    Warning,
    /// Stops the run.
    Error,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A mistake in, or an oddity of, the config.
    Config,
    /// A policy's rule is broken.
    Violation,
    /// A rule of an advisory policy is broken.
    Advice,
    /// A policy's rule is broken, and a waiver lets it be.
    Waived,
    /// A policy could not be trusted or run.
    Policy,
    /// Something about the policy set: a waiver that has lapsed, an order that matters.
    Set,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// How much it weighs.
    pub level: Level,
    /// Stable identity: a diagnostic's code, or `policy/rule`.
    pub rule: String,
    /// The policy that speaks, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The policy's own word: `low`, `medium`, `high`, `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The value of the cluster that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// One sentence: what is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where the rule is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What the rule asks for, whatever was found: for formats that describe rules apart from findings.
    #[serde(skip)]
    pub about: Option<String>,
    /// Where it is; absent when it is about no line of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The policy that wrote the value, when it is not the config's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_by: Option<String>,
    /// The waiver that lets it be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// As the user named it.
    pub file: String,
    /// Lines and columns; absent when it is the file as a whole.
    #[serde(flatten)]
    pub region: Option<Region>,
}

/// From where to where. Lines and columns start at 1; columns count characters; the end is the first character after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Region {
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// The column after the last.
    pub end_column: usize,
}

/// Who lets a broken rule be, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waived {
    /// Who answers for it.
    pub owner: String,
    /// Where it was agreed.
    pub ticket: String,
    /// Why.
    pub reason: String,
    /// RFC 3339.
    pub expires: String,
}

/// Where formats that know only files and clusters put [`Run::common`].
pub(crate) const COMMON: &str = "policies and facts";

impl Run {
    /// Every finding, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.common.iter().chain(self.checked.iter().flat_map(|checked| &checked.findings))
    }

    /// Every finding with the cluster that it is about, when it is about one by itself.
    pub(crate) fn located(&self) -> impl Iterator<Item = (Option<&Checked>, &Finding)> {
        let common = self.common.iter().map(|finding| (None, finding));
        common.chain(self.checked.iter().flat_map(|checked| checked.findings.iter().map(move |finding| (Some(checked), finding))))
    }
}

impl Checked {
    /// The cluster's name, or the file's when there is none.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.cluster {
            Some(cluster) => format!("{}: {cluster}", self.file),
            None => self.file.clone(),
        }
    }
}

impl Finding {
    /// The message with what else a reader of a single text needs: who wrote the value, the help, the waiver, the address.
    #[must_use]
    pub fn full_text(&self) -> String {
        let mut text = self.message.clone();
        for (before, what) in [("", &self.written_by), ("help: ", &self.help), ("", &self.url)] {
            if let Some(what) = what {
                text.push_str(&format!("\n{before}{what}"));
            }
        }
        if let Some(waiver) = &self.waiver {
            text.push_str(&format!("\nwaived by {} ({}) until {}: {}", waiver.owner, waiver.ticket, waiver.expires, waiver.reason));
        }
        text
    }
}
