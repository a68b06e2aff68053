//! What can go wrong with a policy. A failure is neither a denial nor a pass: the policy could not be trusted or run (exit 4).
//!
//! One small enum per operation. Each has a stable kebab-case code and says what to do; `Display` never repeats its source.

mod answer;
mod load;

use std::fmt;

use thiserror::Error;

pub use self::answer::{AnswerError, Unsettled, UnsettledPath, UnsettledWrite};
pub use self::load::LoadError;
use crate::FactKind;

/// Which function of a policy was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `metadata.describe`
    Describe,
    /// `validating.validate`
    Validate,
    /// `mutating.mutate`
    Mutate,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        })
    }
}

/// A policy that could not be trusted or run.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The sandbox itself could not be set up.
    #[error("policies cannot be run")]
    Host(#[source] HostError),
    /// The file is no policy, or not one that may be run.
    #[error("policy `{policy}` cannot be loaded")]
    Load {
        /// As the user named it.
        policy: String,
        /// Why.
        #[source]
        error: LoadError,
    },
    /// What the policy says of itself does not hold together.
    #[error("policy `{policy}` does not describe itself as it must")]
    Description {
        /// As the user named it.
        policy: String,
        /// Why.
        #[source]
        error: DescriptionError,
    },
    /// A call did not come to its end.
    #[error("policy `{policy}` failed in `{operation}`")]
    Run {
        /// As the user named it.
        policy: String,
        /// In which call.
        operation: Operation,
        /// Why.
        #[source]
        error: RunError,
    },
    /// A call came to its end with an answer that breaks the contract, or goes beyond what the policy may do here.
    #[error("policy `{policy}` {} in `{operation}`", error.deed())]
    Answer {
        /// As the user named it.
        policy: String,
        /// To which call.
        operation: Operation,
        /// Why.
        #[source]
        error: Box<AnswerError>,
    },
    /// The policy cannot answer without facts that were not given.
    #[error("policy `{policy}` needs facts {}", without(.ungranted, .missing))]
    MissingFacts {
        /// As the user named it.
        policy: String,
        /// What its terms do not grant it.
        ungranted: Vec<FactKind>,
        /// What is granted and was not given.
        missing: Vec<FactKind>,
    },
    /// The mutators do not come to rest.
    #[error(transparent)]
    Unsettled(Box<Unsettled>),
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

fn without(ungranted: &[FactKind], missing: &[FactKind]) -> String {
    match (ungranted, missing) {
        ([], missing) => format!("that it was not given: {}", list(missing)),
        (ungranted, []) => format!("that it was not granted: {}", list(ungranted)),
        (ungranted, missing) => format!("that it was not granted: {}, and that it was not given: {}", list(ungranted), list(missing)),
    }
}

impl PolicyError {
    /// The policy at fault, as the user named it. `None` when it is the host, or more than one policy.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        match self {
            Self::Load { policy, .. }
            | Self::Description { policy, .. }
            | Self::Run { policy, .. }
            | Self::Answer { policy, .. }
            | Self::MissingFacts { policy, .. } => Some(policy),
            Self::Host(_) | Self::Unsettled(_) => None,
        }
    }

    /// Stable, kebab-case, for searching and filtering.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Host(_) => "policy-host",
            Self::Load { error, .. } => error.code(),
            Self::Description { .. } => "bad-description",
            Self::Run { error, .. } => error.code(),
            Self::Answer { error, .. } => error.code(),
            Self::MissingFacts { .. } => "missing-facts",
            Self::Unsettled(_) => "unsettled",
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Host(error) => error.help().to_owned(),
            Self::Load { error, .. } => error.help(),
            Self::Description { .. } => "this is a mistake in the policy: tell its author, or go back to a version that worked".into(),
            Self::Run { error, .. } => error.help(),
            Self::Answer { error, .. } => error.help(),
            Self::MissingFacts { ungranted, .. } if !ungranted.is_empty() => {
                "have the owner of its policy set grant them with `facts`, or take the policy out: it cannot answer without".into()
            }
            Self::MissingFacts { .. } => "let kaphost read them from AWS, or give them in a facts file".into(),
            Self::Unsettled(unsettled) => unsettled.help(),
        }
    }
}

/// Why the sandbox could not be set up.
#[derive(Debug, Error)]
pub enum HostError {
    /// A limit that cannot be held.
    #[error("the limit `{name}` is {given}, and may be {least} to {most}")]
    Limit {
        /// Its name.
        name: &'static str,
        /// What was asked for.
        given: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that can be held.
        most: u64,
    },
    /// This machine cannot run compiled WebAssembly.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
}

impl HostError {
    const fn help(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "choose a value in the range",
            Self::Engine(_) => "kaphost needs a 64-bit x86 or ARM machine that lets programs map memory as executable",
        }
    }
}

/// Why what a policy says of itself does not hold together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {problem}")]
pub struct DescriptionError {
    /// What of the description.
    pub what: String,
    /// What is wrong with it, as a clause.
    pub problem: String,
}

/// Why a call did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// It gave up by itself: a panic, a division by zero, an access out of bounds.
    #[error("it trapped: {reason}{}", said.as_ref().map(|said| format!("; the last thing it logged: {said}")).unwrap_or_default())]
    Trap {
        /// WebAssembly's reason.
        reason: String,
        /// The last error that it logged: the message of a panic, when the guest passes that on.
        said: Option<String>,
    },
    /// The deterministic limit.
    #[error("it used up its fuel of {limit}")]
    OutOfFuel {
        /// Units of fuel.
        limit: u64,
    },
    /// The wall clock.
    #[error("it was not done after {limit_ms} ms")]
    Deadline {
        /// Milliseconds.
        limit_ms: u64,
    },
    /// Linear memory.
    #[error("it asked for {wanted} bytes of memory, and the limit is {limit}")]
    MemoryLimit {
        /// Bytes.
        wanted: usize,
        /// Bytes.
        limit: usize,
    },
    /// Tables.
    #[error("it asked for {wanted} table elements, and the limit is {limit}")]
    TableLimit {
        /// Elements.
        wanted: usize,
        /// Elements.
        limit: usize,
    },
    /// Core instances, memories or tables, by number.
    #[error("it is made of more than {limit} instances, memories or tables")]
    InstanceLimit {
        /// How many of each.
        limit: usize,
    },
    /// The WebAssembly stack.
    #[error("it recursed deeper than its stack of {limit} bytes")]
    StackOverflow {
        /// Bytes.
        limit: usize,
    },
    /// The answer, or a log message, is too big to take in.
    #[error("its answer takes more than {limit} bytes")]
    ResultTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// What came back is no value of its type: a pointer out of bounds, text that is not UTF-8, a case that does not exist.
    #[error("what it handed back is no value of the contract's type: {0}")]
    BadValue(String),
    /// The clock thread could not be started.
    #[error("this machine could not start the thread that holds the deadline")]
    NoClock,
}

impl RunError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::OutOfFuel { .. } => "out-of-fuel",
            Self::Deadline { .. } => "deadline",
            Self::MemoryLimit { .. } => "memory-limit",
            Self::TableLimit { .. } => "table-limit",
            Self::InstanceLimit { .. } => "instance-limit",
            Self::StackOverflow { .. } => "stack-overflow",
            Self::ResultTooLarge { .. } => "result-too-large",
            Self::BadValue(_) => "invalid-result",
            Self::NoClock => "no-clock",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Trap { .. } | Self::BadValue(_) => {
                "this is a mistake in the policy: tell its author, or go back to a version that worked".into()
            }
            Self::Deadline { .. } | Self::OutOfFuel { .. } => {
                "the policy loops without end, or does far more than checking one cluster needs; if it truly needs more, raise its limit"
                    .into()
            }
            Self::NoClock => "free some threads or memory and try again".into(),
            Self::MemoryLimit { .. }
            | Self::TableLimit { .. }
            | Self::InstanceLimit { .. }
            | Self::StackOverflow { .. }
            | Self::ResultTooLarge { .. } => {
                "the policy takes far more than checking one cluster needs; if it truly needs more, raise its limit".into()
            }
        }
    }
}
