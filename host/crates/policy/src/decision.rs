//! What the policies did with one cluster: plain data, the same bytes for the same inputs.

use std::fmt;

use kaphost_spec::{AdmittedSpec, Leaf, Origin, Origins, Path};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Operation;
use crate::{Facts, Log, Settings, Severity, World};

/// The layout of a [`Decision`]'s JSON. Grows when a reader of the old one would misread the new one.
pub const DECISION_SCHEMA: &str = "kaphost.decision/1";

/// What came of it.
#[derive(Debug)]
pub struct Admission {
    /// Whether the cluster may be planned.
    pub outcome: Outcome,
    /// Everything that led there.
    pub decision: Decision,
    /// What the policies said meanwhile. Apart from the decision: it never changes it.
    pub logs: Vec<CallLog>,
}

/// Whether the cluster may be planned.
#[derive(Debug)]
pub enum Outcome {
    /// It may, as the policies left it.
    Admitted(Box<AdmittedSpec>),
    /// It may not: the decision's violations say why.
    Denied,
}

/// What one call of a policy said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallLog {
    /// Index into [`Decision::policies`].
    pub policy: usize,
    /// Which function.
    pub operation: Operation,
    /// In which pass; validators run after the last.
    pub pass: u32,
    /// What it said.
    pub log: Log,
}

/// Yes or no, in a [`Decision`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every policy let it pass.
    Admitted,
    /// At least one did not.
    Denied,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admitted => "admitted",
            Self::Denied => "denied",
        })
    }
}

/// Everything that led to a verdict. Holds no time, no path of this machine besides what the user typed, and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Decision {
    /// [`DECISION_SCHEMA`].
    pub schema: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// Yes or no.
    pub verdict: Verdict,
    /// SHA-256 of the leaves of the cluster as its file describes it.
    pub input_sha256: String,
    /// SHA-256 of the leaves of the cluster as the policies left it.
    pub output_sha256: String,
    /// The policies in declared order.
    pub policies: Vec<PolicyRecord>,
    /// What they were told of the world.
    pub facts: Facts,
    /// Passes of the mutators, the last of which changed nothing; 0 when there are none.
    pub passes: u32,
    /// Every change, in the order in which they were made.
    pub changes: Vec<Change>,
    /// Every violation, by policy, in each policy's own order.
    pub violations: Vec<Violation>,
}

/// A policy that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRecord {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Lower-case hexadecimal SHA-256 of the component.
    pub digest: String,
    /// What the user calls it.
    pub source: String,
    /// What it may do.
    pub world: World,
    /// Every setting with its value.
    pub settings: Settings,
}

/// One leaf that one policy changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The leaf.
    pub path: Path,
    /// Before; absent when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Leaf>,
    /// After; absent when it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Leaf>,
    /// Index into [`Decision::policies`].
    pub policy: usize,
    /// Which of its rules asks for it.
    pub rule: String,
    /// Why, in its words.
    pub reason: String,
    /// In which pass, from 1.
    pub pass: u32,
}

/// A rule that the cluster breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Index into [`Decision::policies`].
    pub policy: usize,
    /// Which of its rules.
    pub rule: String,
    /// How bad the policy says that is.
    pub severity: Severity,
    /// Where the rule is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What breaks it: a value, or a node above several.
    pub path: Path,
    /// What is wrong, in the policy's words.
    pub message: String,
    /// What to do, in the policy's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How a value came to be what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Where it was said first. [`Origin::BuiltIn`] also for what no file said and a policy added.
    pub origin: Origin,
    /// What was done to it since, in order.
    pub changes: Vec<&'a Change>,
}

impl Decision {
    /// How the value at `path` came to be what it is: where the config says it, then each change. For a node, the changes of all that lies
    /// below it.
    #[must_use]
    pub fn chain(&self, origins: &Origins, path: &Path) -> Chain<'_> {
        Chain { origin: origins.of(path), changes: self.changes.iter().filter(|change| path.covers(&change.path)).collect() }
    }

    /// The change that last wrote the value at `path`, or something below it. `None` when no policy did: then it is as the config says.
    #[must_use]
    pub fn last_writer(&self, path: &Path) -> Option<(&PolicyRecord, &Change)> {
        let change = self.changes.iter().rev().find(|change| path.covers(&change.path))?;
        Some((self.policies.get(change.policy)?, change))
    }

    /// The policy of a change or violation.
    #[must_use]
    pub fn policy(&self, index: usize) -> Option<&PolicyRecord> {
        self.policies.get(index)
    }

    /// Canonical JSON: fields in the order of this type, no white space, one form for every value.
    ///
    /// # Errors
    /// None that can happen: every part of a decision has a JSON form. The type is serde's.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Lower-case hexadecimal SHA-256 of [`Self::to_json`].
    ///
    /// # Errors
    /// As [`Self::to_json`].
    pub fn digest(&self) -> serde_json::Result<String> {
        Ok(kaphost_spec::hex(&Sha256::digest(self.to_json()?.as_bytes())))
    }
}
