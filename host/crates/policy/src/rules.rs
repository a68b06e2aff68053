//! What the fixed point needs of a policy, in the host's own types. A loaded module is one answer to it; tests have others, so that the logic
//! of [`crate::admit()`] is tested without any WebAssembly.

use std::cell::OnceCell;

use kaphost_spec::Cluster;

use crate::answer::{self, Reason, Reported};
use crate::bindings::types as wit;
use crate::error::{AnswerError, Operation, PolicyError, RunError};
use crate::module::Module;
use crate::settings::Settings;
use crate::{Facts, Log, convert};

/// What a policy is asked about. Converts itself to the contract's records at most once, however many policies ask.
pub(crate) struct Subject<'a> {
    pub(crate) cluster: &'a Cluster,
    facts: &'a FactsRecord<'a>,
    record: OnceCell<wit::Cluster>,
}

/// Facts and, once a module wants it, their record.
pub(crate) struct FactsRecord<'a> {
    facts: &'a Facts,
    record: OnceCell<wit::Facts>,
}

impl<'a> FactsRecord<'a> {
    pub(crate) const fn new(facts: &'a Facts) -> Self {
        Self { facts, record: OnceCell::new() }
    }
}

impl<'a> Subject<'a> {
    pub(crate) const fn new(cluster: &'a Cluster, facts: &'a FactsRecord<'a>) -> Self {
        Self { cluster, facts, record: OnceCell::new() }
    }

    fn record(&self) -> &wit::Cluster {
        self.record.get_or_init(|| convert::cluster(self.cluster))
    }

    fn facts(&self) -> &wit::Facts {
        self.facts.record.get_or_init(|| convert::facts(self.facts.facts))
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
    /// The cluster as it should be; a reason for each change.
    Amended(Box<Cluster>, Vec<Reason>),
    /// It cannot be made right.
    Denied(Vec<Reported>),
}

/// A policy, as the fixed point sees it.
pub(crate) trait Rules {
    /// What the cluster breaks. Nothing, from a policy that does not validate.
    fn validate(&self, subject: &Subject<'_>) -> (Result<Vec<Reported>, Failure>, Log);

    /// The cluster as it should be. `None` from a policy that does not mutate.
    fn mutate(&self, subject: &Subject<'_>) -> Option<(Result<Mutation, Failure>, Log)>;
}

/// A module with its settings.
pub(crate) struct Bound<'a> {
    module: &'a Module,
    settings: Vec<wit::Setting>,
}

impl<'a> Bound<'a> {
    pub(crate) fn new(module: &'a Module, settings: &Settings) -> Self {
        Self { module, settings: convert::settings(settings) }
    }
}

impl Rules for Bound<'_> {
    fn validate(&self, subject: &Subject<'_>) -> (Result<Vec<Reported>, Failure>, Log) {
        if !self.module.world().validates() {
            return (Ok(Vec::new()), Log::default());
        }
        let (result, log) = self.module.validate((subject.record(), subject.facts(), &self.settings));
        (result.map_err(Failure::from).and_then(|list| Ok(answer::violations(list)?)), log)
    }

    fn mutate(&self, subject: &Subject<'_>) -> Option<(Result<Mutation, Failure>, Log)> {
        if !self.module.world().mutates() {
            return None;
        }
        let (result, log) = self.module.mutate((subject.record(), subject.facts(), &self.settings))?;
        let read = |answer: Result<wit::Amended, Vec<wit::Violation>>| match answer {
            Ok(amended) => {
                let reasons = answer::reasons(amended.changes)?;
                Ok(Mutation::Amended(Box::new(answer::cluster(amended.cluster, subject.cluster)?), reasons))
            }
            Err(violations) => Ok(Mutation::Denied(answer::violations(violations)?)),
        };
        Some((result.map_err(Failure::from).and_then(read), log))
    }
}
