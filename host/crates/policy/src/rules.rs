//! What the fixed point needs of a policy, in the host's own types. A loaded module is one answer to it; tests have others, so that the logic
//! of [`crate::admit()`] is tested without any WebAssembly.

use std::cell::OnceCell;
use std::sync::Arc;

use kaphost_spec::Cluster;

use crate::answer::{self, Reason, Reported};
use crate::bindings::types as wit;
use crate::call::Arguments;
use crate::convert::UserDataText;
use crate::error::{AnswerError, Operation, PolicyError, RunError};
use crate::image::Written;
use crate::module::Module;
use crate::returned::{Amended, Asking, Returned};
use crate::{Facts, Log, Policy, convert};

/// What policies are asked about. Converts itself to the contract's record at most once, however many policies ask; a second time for those
/// that see the text of the user data.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) cluster: Arc<Cluster>,
    record: OnceCell<Arc<Written<wit::Cluster>>>,
    revealing: OnceCell<Arc<Written<wit::Cluster>>>,
}

impl Subject {
    pub(crate) const fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster, record: OnceCell::new(), revealing: OnceCell::new() }
    }

    /// Gives the records up; they are made again should somebody ask.
    pub(crate) fn forget(&mut self) {
        self.record.take();
        self.revealing.take();
    }

    fn record(&self, user_data: UserDataText) -> &Arc<Written<wit::Cluster>> {
        // Without user data there is no text to reveal, and one record does for all.
        let record = if user_data == UserDataText::Shown && self.cluster.user_data.is_some() { &self.revealing } else { &self.record };
        record.get_or_init(|| Arc::new(Written::new(convert::cluster(&self.cluster, user_data))))
    }
}

/// Why a policy has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Run(RunError),
    Answer(AnswerError),
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl Failure {
    pub(crate) fn of(self, policy: &str, operation: Operation) -> PolicyError {
        let policy = policy.to_owned();
        match self {
            Self::Run(error) => PolicyError::Run { policy, operation, error },
            Self::Answer(error) => PolicyError::Answer { policy, operation, error: Box::new(error) },
        }
    }
}

/// What a mutator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// As it is; reasons for changes that were not made.
    Kept(Vec<Reason>),
    /// The cluster as it should be; a reason for each change.
    Amended(Box<Cluster>, Vec<Reason>),
    /// It cannot be made right.
    Denied(Vec<Reported>),
}

/// A policy, as the fixed point sees it.
pub(crate) trait Rules {
    /// What the cluster breaks. Nothing, from a policy that does not validate.
    fn validate(&self, subject: &Subject) -> (Result<Vec<Reported>, Failure>, Log);

    /// The cluster as it should be. `None` from a policy that does not mutate.
    fn mutate(&self, subject: &Subject) -> Option<(Result<Mutation, Failure>, Log)>;
}

/// A module with its settings, and with what it is told beside the cluster.
pub(crate) struct Bound<'a> {
    module: &'a Module,
    settings: &'a Written<Vec<wit::Setting>>,
    facts: Written<wit::Facts>,
    user_data: UserDataText,
}

impl<'a> Bound<'a> {
    /// Tells it those of the facts that it needs and was granted.
    pub(crate) fn new(policy: &'a Policy, facts: &Facts) -> Self {
        Self {
            module: policy.module(),
            settings: policy.settings().record(),
            facts: Written::new(convert::facts(facts, &policy.facts().collect())),
            user_data: if policy.terms().user_data { UserDataText::Shown } else { UserDataText::Hidden },
        }
    }

    fn arguments<'b>(&'b self, subject: &'b Subject) -> Arguments<'b> {
        let at_once = self.module.takes_values_at_once();
        (subject.record(self.user_data).given(at_once), self.facts.given(at_once), self.settings.given(at_once))
    }
}

impl Rules for Bound<'_> {
    fn validate(&self, subject: &Subject) -> (Result<Vec<Reported>, Failure>, Log) {
        if !self.module.world().validates() {
            return (Ok(Vec::new()), Log::default());
        }
        let (result, log) = self.module.validate(self.arguments(subject));
        (result.map_err(Failure::from).and_then(|list| Ok(answer::violations(list)?)), log)
    }

    fn mutate(&self, subject: &Subject) -> Option<(Result<Mutation, Failure>, Log)> {
        if !self.module.world().mutates() {
            return None;
        }
        let question = subject.record(self.user_data);
        let asking = Asking::about(question);
        let (result, log) = self.module.mutate(self.arguments(subject))?;
        drop(asking);
        let read = |answer: Result<Amended, Vec<wit::Violation>>| match answer {
            Ok(amended) => {
                let reasons = answer::reasons(amended.changes)?;
                // Most answers are the question: then there is nothing to read, check or compare value by value.
                match amended.cluster {
                    Returned::Other(cluster) if *cluster != question.value => {
                        Ok(Mutation::Amended(Box::new(answer::cluster(*cluster, &subject.cluster, self.user_data)?), reasons))
                    }
                    Returned::Unchanged | Returned::Other(_) => Ok(Mutation::Kept(reasons)),
                }
            }
            Err(violations) => Ok(Mutation::Denied(answer::violations(violations)?)),
        };
        Some((result.map_err(Failure::from).and_then(read), log))
    }
}
