//! What can go wrong with a policy. A failure is neither a denial nor a pass: the policy could not be trusted or run (exit 4).
//!
//! One small enum per operation. Each has a stable kebab-case code and says what to do; `Display` never repeats its source.

use std::fmt;

use kaphost_spec::{Leaf, Path};
use thiserror::Error;

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
    /// A call came to its end with an answer that breaks the contract.
    #[error("policy `{policy}` gave an answer that breaks the contract in `{operation}`")]
    Answer {
        /// As the user named it.
        policy: String,
        /// To which call.
        operation: Operation,
        /// Why.
        #[source]
        error: AnswerError,
    },
    /// The policy cannot answer without facts that were not given.
    #[error("policy `{policy}` needs facts that it was not given: {}", list(.missing))]
    MissingFacts {
        /// As the user named it.
        policy: String,
        /// Which.
        missing: Vec<FactKind>,
    },
    /// The mutators do not come to rest.
    #[error(transparent)]
    Unsettled(Box<Unsettled>),
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
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

/// Why a file is no policy that may be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is over the size limit.
    #[error("it is {size} bytes long, and the limit is {limit}")]
    TooLarge {
        /// Bytes.
        size: u64,
        /// Bytes.
        limit: u64,
    },
    /// It does not start as WebAssembly does.
    #[error("it is not WebAssembly: {0}")]
    NotWasm(&'static str),
    /// It is WebAssembly, but a module.
    #[error("it is a core WebAssembly module, not a component")]
    NotAComponent,
    /// It starts as a component but is none that validates.
    #[error("it is a damaged or invalid component: {0}")]
    InvalidComponent(String),
    /// It wants more of the host than the contract offers.
    #[error("it imports what no policy may have: {}", list(.imports))]
    ForeignImport {
        /// All of them, in the component's order.
        imports: Vec<String>,
    },
    /// Its exports are those of no world of the contract.
    #[error("it is in no world of the contract `kaphost:policy`: {0}")]
    WrongWorld(String),
    /// It speaks another version of the contract.
    #[error("it speaks another version of the contract: {}, where this kaphost speaks 0.1", list(.found))]
    WrongContractVersion {
        /// The items, with the versions that they name.
        found: Vec<String>,
    },
    /// The names are right and the types are not.
    #[error("`{item}` does not have the type that the contract gives it: {why}")]
    WrongTypes {
        /// The import or export.
        item: String,
        /// The first difference.
        why: String,
    },
}

impl LoadError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::NotWasm(_) => "not-wasm",
            Self::NotAComponent => "not-a-component",
            Self::InvalidComponent(_) => "invalid-component",
            Self::ForeignImport { .. } => "foreign-import",
            Self::WrongWorld(_) => "wrong-world",
            Self::WrongContractVersion { .. } => "wrong-contract-version",
            Self::WrongTypes { .. } => "wrong-types",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path and its permissions".into(),
            Self::TooLarge { .. } => "build the policy in release mode, stripped and optimised for size, or raise the limit".into(),
            Self::NotWasm(_) => "name a policy that was compiled to a WebAssembly component, a `.wasm` file".into(),
            Self::NotAComponent => {
                "make a component of it: `wasm-tools component new module.wasm -o policy.wasm`, with the contract's types \
                 embedded by wit-bindgen or `wasm-tools component embed`"
                    .into()
            }
            Self::InvalidComponent(_) => "fetch or build it again; if it was cut short or altered on the way, its digest differs".into(),
            Self::ForeignImport { imports } if imports.iter().any(|import| import.starts_with("wasi:")) => {
                "a policy has no files, clock, randomness, network or environment: build it for a target without WASI \
                 (Rust: wasm32-unknown-unknown); it may import `kaphost:policy/logging` and `kaphost:policy/types` only"
                    .into()
            }
            Self::ForeignImport { .. } => "a policy may import `kaphost:policy/logging` and `kaphost:policy/types` only".into(),
            Self::WrongWorld(_) => {
                "export `metadata`, and `validating` to refuse, `mutating` to rewrite, or both: the worlds of wit/policy.wit".into()
            }
            Self::WrongContractVersion { .. } => {
                "build the policy against `kaphost:policy@0.1.0`, or use the kaphost that it was made for".into()
            }
            Self::WrongTypes { .. } => "build the policy against the unchanged wit/policy.wit of this version of the contract".into(),
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

/// How a well-typed answer breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// It cites a rule that its description does not have.
    #[error("it cites the rule `{rule}`, which it never described; it has {}", list(.declared))]
    UnknownRule {
        /// What it cites.
        rule: String,
        /// What it described.
        declared: Vec<String>,
    },
    /// Something changed and no reason was given.
    #[error("it changed `{path}` from {} to {} without giving a reason", shown(.old.as_ref()), shown(.new.as_ref()))]
    UnexplainedChange {
        /// The leaf.
        path: Path,
        /// Before.
        old: Option<Leaf>,
        /// After.
        new: Option<Leaf>,
    },
    /// It changed what no policy may change.
    #[error("it changed `{path}`, which no policy may change")]
    ForbiddenChange {
        /// The leaf.
        path: Path,
    },
    /// It changed user data that it was not granted.
    #[error("it changed `user-data`, which it was not granted")]
    UserData,
    /// It set a value that AWS would not accept.
    #[error("it set `{path}` to {value}, which {problem}")]
    InvalidValue {
        /// The value's place.
        path: Path,
        /// The value, made visible.
        value: String,
        /// What is wrong with it, as a clause.
        problem: String,
        /// What would be right.
        help: String,
    },
    /// It set values that do not go together, or are out of range.
    #[error("what it made of the cluster cannot be: {message}")]
    InvalidCluster {
        /// The value at fault.
        path: Path,
        /// What is wrong, with the path in it.
        message: String,
        /// What would be right.
        help: String,
    },
    /// It gave one entry of a keyed list twice.
    #[error("it gave `{path}` more than once")]
    DuplicateEntry {
        /// The entry.
        path: Path,
    },
    /// It named a path that is none.
    #[error("it named a path that is none: {0}")]
    BadPath(String),
    /// It denied without a violation.
    #[error("it denies the cluster without saying why")]
    SilentDenial,
}

fn shown(leaf: Option<&Leaf>) -> String {
    leaf.map_or_else(|| "nothing".to_owned(), |leaf| crate::text::visible(&leaf.to_string(), 200))
}

impl AnswerError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownRule { .. } => "unknown-rule",
            Self::UnexplainedChange { .. } => "unexplained-change",
            Self::ForbiddenChange { .. } | Self::UserData => "forbidden-change",
            Self::InvalidValue { .. } | Self::InvalidCluster { .. } | Self::DuplicateEntry { .. } | Self::BadPath(_) => "invalid-result",
            Self::SilentDenial => "silent-denial",
        }
    }

    fn help(&self) -> String {
        const AUTHOR: &str = "this is a mistake in the policy: tell its author, or go back to a version that worked";
        match self {
            Self::InvalidValue { help, .. } | Self::InvalidCluster { help, .. } => format!("{help}; {AUTHOR}"),
            Self::UserData => "the policy must hand `user-data` back as it came".into(),
            _ => AUTHOR.into(),
        }
    }
}

/// Mutators that do not come to rest: each pass changes something again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Passes that were made.
    pub passes: u32,
    /// What the last pass still changed, by path.
    pub paths: Vec<UnsettledPath>,
}

/// One value that does not come to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsettledPath {
    /// Which.
    pub path: Path,
    /// Who wrote it in the last pass, in order.
    pub writes: Vec<UnsettledWrite>,
}

/// One write of the last pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsettledWrite {
    /// The policy, as the user named it.
    pub policy: String,
    /// What it wrote; `None` when it took the value away.
    pub value: Option<Leaf>,
}

impl Unsettled {
    /// Every policy that still writes, once each, in order of its first write.
    #[must_use]
    pub fn policies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for write in self.paths.iter().flat_map(|path| &path.writes) {
            if !names.contains(&write.policy.as_str()) {
                names.push(&write.policy);
            }
        }
        names
    }

    fn help(&self) -> String {
        match self.policies().as_slice() {
            [one] => format!("`{one}` must return its own answer unchanged when it is given it: tell its author"),
            _ => "these policies want different values for the same path: give up one of them, or change its settings".into(),
        }
    }
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Paths that are spelt out; the rest are counted.
        const SHOWN: usize = 5;
        write!(f, "the policies do not come to rest after {} passes: ", self.passes)?;
        for (i, path) in self.paths.iter().take(SHOWN).enumerate() {
            let gap = if i == 0 { "" } else { "; " };
            write!(f, "{gap}`{}` is ", path.path)?;
            for (i, write) in path.writes.iter().enumerate() {
                let gap = if i == 0 { "" } else { ", then " };
                match &write.value {
                    Some(_) => write!(f, "{gap}set to {} by `{}`", shown(write.value.as_ref()), write.policy)?,
                    None => write!(f, "{gap}taken away by `{}`", write.policy)?,
                }
            }
        }
        match self.paths.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} paths more"),
        }
    }
}

impl std::error::Error for Unsettled {}
