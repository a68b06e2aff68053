//! What a page tells. Texts as they are: writing them down so that they are harmless is the page's work.

use crate::text::shown;

/// Everything that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The cluster's name.
    pub cluster: String,
    /// What the page's own places begin with, where several stand in one document: `c2-`. Empty otherwise.
    pub anchor: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What was decided on, by what, when: names and values.
    pub evidence: Vec<(String, String)>,
    /// What whoever reads this must know before they believe it: an altered record, an outcome that hangs on an order.
    pub remarks: Vec<String>,
    /// The config.
    pub source: Source,
    /// In the order in which they were asked.
    pub policies: Vec<Policy>,
    /// What they changed, and would have.
    pub changes: Vec<Change>,
    /// The rules that the cluster breaks.
    pub violations: Vec<Violation>,
    /// What lets some of them pass.
    pub waivers: Vec<Waiver>,
    /// What was to be done, when a plan is known.
    pub plan: Option<Plan>,
    /// What was done, when that is known.
    pub run: Option<Run>,
    /// Names and ids that came of it.
    pub outputs: Vec<(String, String)>,
}

impl Page {
    /// What a part of the page is called where nobody sees what it stands in: `Policies`, and among several clusters `Policies of kapacitor-stage`.
    pub(crate) fn called(&self, part: &str) -> String {
        if self.anchor.is_empty() { part.to_owned() } else { format!("{part} of {}", shown(&self.cluster)) }
    }

    /// A page on which nothing stands yet but whose it is.
    #[must_use]
    pub fn new(cluster: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            cluster: cluster.into(),
            anchor: String::new(),
            verdict,
            evidence: Vec::new(),
            remarks: Vec::new(),
            source: Source::Missing("no config is known".to_owned()),
            policies: Vec::new(),
            changes: Vec::new(),
            violations: Vec::new(),
            waivers: Vec::new(),
            plan: None,
            run: None,
            outputs: Vec::new(),
        }
    }
}

/// What came of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every policy let it pass.
    Admitted,
    /// At least one did not.
    Denied,
}

/// The config's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Why it is not shown, as a clause.
    Missing(String),
    /// It is the one that was decided on.
    Shown {
        /// As the user called it.
        file: String,
        /// From line 1. What may hold secrets is covered already.
        lines: Vec<String>,
    },
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Of its component.
    pub sha256: String,
    /// `mandatory`, …
    pub enforcement: String,
    /// The set that names it.
    pub set: Option<String>,
    /// `validator`, …
    pub world: String,
}

/// A value that a policy changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which value.
    pub path: String,
    /// Before.
    pub old: Option<String>,
    /// After.
    pub new: Option<String>,
    /// Index into [`Page::policies`].
    pub policy: usize,
    /// Which of its rules.
    pub rule: String,
    /// Why, in its words.
    pub reason: String,
    /// Would have been changed, and was not: the policy is advisory.
    pub advice: bool,
    /// Whether the cluster is less safe by it.
    pub loosens: bool,
    /// The line of the config that says the value, or the node that it would stand in. From 1.
    pub line: Option<usize>,
}

/// What becomes of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Effect {
    Denied,
    Advised,
    Waived,
}

/// A rule that the cluster breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Index into [`Page::policies`].
    pub policy: usize,
    /// Which of its rules.
    pub rule: String,
    /// `critical`, …
    pub severity: String,
    /// What becomes of it.
    pub effect: Effect,
    /// Index into [`Page::waivers`].
    pub waiver: Option<usize>,
    /// What breaks it.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where the rule is explained.
    pub url: Option<String>,
    /// The line of the config.
    pub line: Option<usize>,
}

/// An exception that somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in kaphost_policy::WaiverRecord")]
pub struct Waiver {
    pub policy: String,
    pub rule: String,
    pub value: Option<String>,
    pub owner: String,
    pub ticket: String,
    pub reason: String,
    pub expires: String,
    /// Where it is granted.
    pub place: String,
    /// `active`, `expired`, …
    pub state: String,
    /// How many violations it lets pass.
    pub waived: usize,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Fate {
    Created,
    Changed,
    Deleted,
    /// Nothing.
    Kept,
}

/// What was to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Those that something happens to.
    pub resources: Vec<Resource>,
    /// What is not the cluster's and stays.
    pub kept: Vec<String>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its name; of a rule, what it says.
    pub name: String,
    /// What happens to it.
    pub fate: Fate,
    /// Its values that differ.
    pub leaves: Vec<Leaf>,
    /// What people must know of it.
    pub note: Option<String>,
}

/// The kinds of resource of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names say it")]
pub enum Kind {
    AutoScalingGroup,
    LaunchTemplate,
    SecurityGroup,
    SecurityGroupRule,
    Role,
    InstanceProfile,
}

/// One value of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in kaphost_plan::LeafChange")]
pub struct Leaf {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
    /// The policy and rule that wanted it, when one did.
    pub by: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How it ended, as a clause.
    pub end: String,
    /// Whether it came to its end.
    pub complete: bool,
    /// The steps of each round. Rounds after the first come from races only.
    pub rounds: Vec<Round>,
}

/// One plan that was carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Milliseconds.
    pub took_ms: u64,
    /// In the plan's order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The AWS operation, or the name of a wait.
    pub operation: String,
    /// What it is about.
    pub subject: String,
    /// Whether it only polls.
    pub wait: bool,
    /// When it was begun, from the round's beginning; `None` when it was not, or nobody wrote it down. Milliseconds.
    pub started_ms: Option<u64>,
    /// Milliseconds.
    pub took_ms: Option<u64>,
    /// How it went.
    pub outcome: Outcome,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Carried out.
    Done,
    /// Found done already.
    Met,
    /// In AWS's words.
    Failed(String),
    /// Ended because the run stopped.
    CutShort,
    /// Never begun.
    NotStarted,
}
