//! What a run did: one line per step, and the answers that the command line's exit code is made from.

use kaphost_plan::{Output, Plan, Refusal, StepId};
use serde::Serialize;

use crate::cloud::CloudError;

/// How one execution of a plan went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Every step of the plan, in its order.
    pub steps: Vec<StepReport>,
    /// Somebody asked to stop before everything was done.
    pub interrupted: bool,
    /// Milliseconds.
    pub took_ms: u64,
}

/// How one step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepReport {
    /// Which.
    pub id: StepId,
    /// The AWS operation, or the name of a wait.
    pub operation: &'static str,
    /// What it is about, as the plan says it.
    pub subject: String,
    /// Whether it only polls.
    pub wait: bool,
    /// When it was begun, in milliseconds from the beginning of the execution; `None` when it never was.
    pub started_ms: Option<u64>,
    /// How it went.
    pub outcome: Outcome,
    /// What AWS gave for it, once it is done: ids that others need. Not for the record: a view of the run says it in its own words.
    #[serde(skip)]
    pub output: Option<Output>,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Carried out.
    #[serde(rename_all = "kebab-case")]
    Done {
        /// Milliseconds.
        took_ms: u64,
    },
    /// Found done already, by us in an earlier run or by a rival.
    #[serde(rename_all = "kebab-case")]
    Met {
        /// Milliseconds.
        took_ms: u64,
    },
    /// Failed for good.
    Failed(CloudError),
    /// Begun, and ended because the run stops; the last refusal that it met, if any.
    CutShort(Option<CloudError>),
    /// Never begun, because the run stopped before.
    NotStarted,
}

impl Report {
    /// Whether every step is done.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.outcome, Outcome::Done { .. } | Outcome::Met { .. }))
    }

    /// Whether AWS may hold something else than before. True as well of a write whose answer is missing: it may have been carried out.
    #[must_use]
    pub fn changed_anything(&self) -> bool {
        self.steps.iter().filter(|step| !step.wait).any(|step| match &step.outcome {
            Outcome::Done { .. } => true,
            Outcome::Failed(error) | Outcome::CutShort(Some(error)) => error.kind.leaves_doubt(),
            Outcome::Met { .. } | Outcome::CutShort(None) | Outcome::NotStarted => false,
        })
    }

    /// The steps that failed for good.
    pub fn failed(&self) -> impl Iterator<Item = (&StepReport, &CloudError)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Failed(error) => Some((step, error)),
            _ => None,
        })
    }

    /// Whether a step found its work done by others, so that a look at the whole is due.
    #[must_use]
    pub fn raced(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.outcome, Outcome::Met { .. }))
    }
}

/// How a whole apply went, with all its rounds.
#[derive(Clone, Debug)]
pub struct Record {
    /// Each plan that was carried out, with its report. The first is the one that the user has seen; further ones come from races only.
    pub rounds: Vec<(Plan, Report)>,
    /// How it ended.
    pub end: End,
}

/// How an apply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// AWS holds what is desired.
    Converged,
    /// A step of the last round failed: see its report.
    Failed,
    /// Somebody asked to stop.
    Interrupted,
    /// After a race, AWS could not be read again.
    Unread(CloudError),
    /// After a race, what is there cannot be brought to what is desired.
    Refused(Vec<Refusal>),
    /// After a race, the planner made a plan that its own checker refuses: a bug. It was not carried out.
    BrokenPlan(Vec<String>),
    /// After every round that is allowed, somebody else had changed something again.
    Unsettled,
}

impl Record {
    /// Whether AWS may hold something else than before.
    #[must_use]
    pub fn changed_anything(&self) -> bool {
        self.rounds.iter().any(|(_, report)| report.changed_anything())
    }

    /// The steps that failed for good, in all rounds.
    pub fn failed(&self) -> impl Iterator<Item = (&StepReport, &CloudError)> {
        self.rounds.iter().flat_map(|(_, report)| report.failed())
    }

    /// Whether it was stopped before everything was done.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.end == End::Interrupted || self.rounds.iter().any(|(_, report)| report.interrupted)
    }

    /// What it comes to.
    #[must_use]
    pub fn verdict(&self) -> RunVerdict {
        match (&self.end, self.changed_anything()) {
            (End::Converged, _) => RunVerdict::Done,
            (_, true) => RunVerdict::Partly,
            (_, false) => RunVerdict::Nothing,
        }
    }
}

/// What a run comes to: one exit code each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// Everything is as desired. Exit 0.
    Done,
    /// It did not come to the end, and nothing has been changed. Exit 1.
    Nothing,
    /// It did not come to the end, and some of it is done; the record says what. Exit 5.
    Partly,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::ErrorKind;

    fn report(wait: bool, outcome: Outcome) -> Report {
        let step =
            StepReport { id: StepId(0), operation: "CreateRole", subject: "role".into(), wait, outcome, started_ms: None, output: None };
        Report { steps: vec![step], interrupted: false, took_ms: 0 }
    }

    #[test]
    fn a_missing_answer_counts_as_a_change_and_a_refusal_does_not() {
        let failed = |kind| report(false, Outcome::Failed(CloudError::new(kind, "CreateRole", "no")));
        assert!(failed(ErrorKind::Unreachable).changed_anything());
        assert!(!failed(ErrorKind::AccessDenied).changed_anything());
        assert!(report(false, Outcome::Done { took_ms: 1 }).changed_anything());
        assert!(!report(true, Outcome::Done { took_ms: 1 }).changed_anything());
        assert!(!report(false, Outcome::Met { took_ms: 1 }).changed_anything());
    }

    #[test]
    fn it_is_plain_data() {
        let text = serde_json::to_string(&report(false, Outcome::Done { took_ms: 7 })).unwrap();
        assert_eq!(
            text,
            r#"{"steps":[{"id":0,"operation":"CreateRole","subject":"role","wait":false,"started-ms":null,"outcome":{"done":{"took-ms":7}}}],"interrupted":false,"took-ms":0}"#
        );
    }
}
