//! What the policies did with one cluster: plain data, the same bytes for the same inputs.

use std::collections::BTreeSet;
use std::fmt;

use kaphost_spec::{AdmittedSpec, Leaf, Origin, Origins, Path, Pattern};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Operation;
use crate::{Enforcement, FactKind, Facts, Log, Settings, Severity, WaiverRecord, World};

/// The layout of a [`Decision`]'s JSON. Grows when a reader of the old one would misread the new one.
pub const DECISION_SCHEMA: &str = "kaphost.decision/2";

/// What came of it.
#[derive(Debug)]
pub struct Admission {
    /// Whether the cluster may be planned.
    pub outcome: Outcome,
    /// Everything that led there.
    pub decision: Decision,
    /// What the policies said meanwhile, call by call. Apart from the decision: it never changes it.
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

/// What one call of a policy said and used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallLog {
    /// Index into [`Decision::policies`].
    pub policy: usize,
    /// Which function.
    pub operation: Operation,
    /// In which pass; validators run after the last.
    pub pass: u32,
    /// What it said, and what it took.
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
    /// What they were told of the world, all of them together.
    pub facts: Facts,
    /// Passes of the mutators, the last of which changed nothing; 0 when there are none.
    pub passes: u32,
    /// Every change, in the order in which they were made.
    pub changes: Vec<Change>,
    /// What advisory policies would change in the outcome, by policy. None of it is done.
    pub advice: Vec<Change>,
    /// Every violation, by policy, in each policy's own order.
    pub violations: Vec<Violation>,
    /// What would be different if the policies that change things did so in the reverse order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderDependence>,
    /// Every waiver that is about this cluster and one of these policies, in the order in which they were given.
    pub waivers: Vec<WaiverRecord>,
}

/// A policy that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyRecord {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Lower-case hexadecimal SHA-256 of the component.
    pub digest: String,
    /// What the user calls it.
    pub source: String,
    /// What it exports.
    pub world: World,
    /// How it is held to.
    pub enforcement: Enforcement,
    /// The policy set that names it; absent when it was given by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// What it may change.
    pub writes: Vec<Pattern>,
    /// What of that it may make less safe.
    pub loosens: Vec<Pattern>,
    /// What it was told of the world.
    pub facts: BTreeSet<FactKind>,
    /// Whether it saw the text of the user data.
    pub user_data: bool,
    /// Every setting with its value.
    pub settings: Settings,
}

/// A policy's part of every decision, with its JSON: how that is written takes longer than everything else in most decisions.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) record: PolicyRecord,
    /// Nothing where it has none, which does not happen.
    json: Option<String>,
}

impl Recorded {
    pub(crate) fn new(record: PolicyRecord) -> Self {
        Self { json: serde_json::to_string(&record).ok(), record }
    }
}

/// One leaf that one policy changed, or would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// In which pass, from 1. 0 for advice, which is no part of any.
    pub pass: u32,
    /// Whether it makes the cluster less safe, by a grant of [`PolicyRecord::loosens`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub loosens: bool,
}

/// What becomes of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The cluster is refused.
    Deny,
    /// It is said, and no more: the policy is advisory.
    Advise,
    /// A waiver holds for it: [`Violation::waiver`].
    Waived,
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
    /// What becomes of it.
    pub effect: Effect,
    /// Index into [`Decision::waivers`], when it is waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<usize>,
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

/// The policies that change things, in the reverse order: where that leads elsewhere, the outcome hangs on an order that nobody may have
/// thought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderDependence {
    /// What the reverse order comes to.
    pub reversed: Reversed,
    /// What is different, by path. Empty when the reverse order comes to nothing.
    pub paths: Vec<OrderPath>,
}

/// What the reverse order comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Reversed {
    /// Another cluster.
    Settles,
    /// Nothing: the policies never come to rest.
    NeverSettles {
        /// Which of them go on changing things: indices into [`Decision::policies`].
        policies: Vec<usize>,
    },
    /// A denial.
    Denies {
        /// Index into [`Decision::policies`].
        policy: usize,
        /// The first violation's message.
        message: String,
    },
    /// A failure of a policy.
    Fails {
        /// Index into [`Decision::policies`].
        policy: usize,
        /// [`crate::AnswerError::code`]
        code: &'static str,
        /// What is wrong with its answer.
        message: String,
    },
}

/// A value that hangs on the order of the policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderPath {
    /// The leaf.
    pub path: Path,
    /// As it is, in the declared order; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<Leaf>,
    /// As it would be in the reverse order; absent when it would not be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reversed: Option<Leaf>,
}

/// How a value came to be what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Where it was said first. [`Origin::BuiltIn`] also for what no file said and a policy added.
    pub origin: Origin,
    /// What was done to it since, in order.
    pub changes: Vec<&'a Change>,
    /// What advisory policies would do to it, and did not.
    pub advice: Vec<&'a Change>,
}

impl Decision {
    /// How the value at `path` came to be what it is: where the config says it, then each change. For a node, the changes of all that lies
    /// below it.
    #[must_use]
    pub fn chain(&self, origins: &Origins, path: &Path) -> Chain<'_> {
        let covered = |change: &&Change| path.covers(&change.path);
        Chain {
            origin: origins.of(path),
            changes: self.changes.iter().filter(covered).collect(),
            advice: self.advice.iter().filter(covered).collect(),
        }
    }

    /// The violations of one effect, in order.
    pub fn violations(&self, effect: Effect) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(move |violation| violation.effect == effect)
    }

    /// The waiver of a violation.
    #[must_use]
    pub fn waiver(&self, violation: &Violation) -> Option<&WaiverRecord> {
        self.waivers.get(violation.waiver?)
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

    /// As [`Self::digest`], of a decision whose policies are these.
    pub(crate) fn digest_with(&mut self, policies: &[&Recorded]) -> serde_json::Result<String> {
        const NONE: &str = "\"policies\":[]";
        let Some(written) = policies.iter().map(|policy| policy.json.as_deref()).collect::<Option<Vec<_>>>() else { return self.digest() };
        let records = std::mem::take(&mut self.policies);
        let around = self.to_json();
        self.policies = records;
        let around = around?;
        // The first is the one: no text of a decision holds an unescaped quote.
        let Some((before, after)) = around.split_once(NONE) else { return self.digest() };
        let mut digest = Sha256::new();
        digest.update(before);
        digest.update("\"policies\":[");
        for (n, record) in written.into_iter().enumerate() {
            digest.update(if n == 0 { "" } else { "," });
            digest.update(record);
        }
        digest.update("]");
        digest.update(after);
        Ok(kaphost_spec::hex(&digest.finalize()))
    }

    /// Lower-case hexadecimal SHA-256 of [`Self::to_json`].
    ///
    /// # Errors
    /// As [`Self::to_json`].
    pub fn digest(&self) -> serde_json::Result<String> {
        Ok(kaphost_spec::hex(&Sha256::digest(self.to_json()?.as_bytes())))
    }
}
