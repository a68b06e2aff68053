//! Answers that came back whole and still cannot stand.

use std::fmt;

use kaphost_spec::{Leaf, Path, Pattern};
use thiserror::Error;

use super::list;

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
    /// It complains about a setting that its description does not have.
    #[error("it complains about the setting `{setting}`, which it never described; it has {}", list(.declared))]
    UnknownSetting {
        /// What it names.
        setting: String,
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
    /// It changed user data, of which no policy may change anything.
    #[error("it changed `user-data`, which no policy may change")]
    UserData,
    /// It changed what it was not granted to change. Nothing of what it did is kept.
    #[error("it changed `{path}` from {} to {}, and was granted {}", shown(.old.as_ref()), shown(.new.as_ref()), granted(.writes))]
    NotGranted {
        /// The leaf.
        path: Path,
        /// Before.
        old: Option<Leaf>,
        /// After.
        new: Option<Leaf>,
        /// What it may change.
        writes: Vec<Pattern>,
    },
    /// It made something less safe that it was not granted to. Nothing of what it did is kept.
    #[error("it made `{path}` less safe, from {old} to {new}, and was granted to loosen {}: {order}", granted(.loosens))]
    Loosens {
        /// The value, or the entry that is new or wider.
        path: Path,
        /// Before; of a list all of it.
        old: String,
        /// After.
        new: String,
        /// What is safer, as a clause.
        order: &'static str,
        /// What it may loosen.
        loosens: Vec<Pattern>,
    },
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

/// A path as a policy set writes it: between quotes, raw when it holds some.
fn in_kdl(path: &Path) -> String {
    let path = path.to_string();
    if path.contains(['"', '\\']) { format!("#\"{path}\"#") } else { format!("\"{path}\"") }
}

fn granted(patterns: &[Pattern]) -> String {
    if patterns.is_empty() { "nothing".into() } else { list(patterns) }
}

impl AnswerError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownRule { .. } => "unknown-rule",
            Self::UnexplainedChange { .. } => "unexplained-change",
            Self::ForbiddenChange { .. } | Self::UserData => "forbidden-change",
            Self::NotGranted { .. } => "not-granted",
            Self::Loosens { .. } => "loosens",
            Self::UnknownSetting { .. }
            | Self::InvalidValue { .. }
            | Self::InvalidCluster { .. }
            | Self::DuplicateEntry { .. }
            | Self::BadPath(_) => "invalid-result",
            Self::SilentDenial => "silent-denial",
        }
    }

    /// What the policy did, as a clause without its subject.
    pub(super) const fn deed(&self) -> &'static str {
        match self {
            Self::NotGranted { .. } | Self::Loosens { .. } => "did what it was not granted",
            _ => "gave an answer that breaks the contract",
        }
    }

    pub(super) fn help(&self) -> String {
        const AUTHOR: &str = "this is a mistake in the policy: tell its author, or go back to a version that worked";
        match self {
            Self::InvalidValue { help, .. } | Self::InvalidCluster { help, .. } => format!("{help}; {AUTHOR}"),
            Self::NotGranted { path, .. } => format!(
                "if the policy should change this, the owner of its policy set grants it: `writes {}`; if not, {AUTHOR}",
                in_kdl(path)
            ),
            Self::Loosens { path, .. } => format!(
                "if this is meant, the owner of a policy set names the policy there and grants it: `loosens {}`; if not, {AUTHOR}",
                in_kdl(path)
            ),
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

    pub(super) fn help(&self) -> String {
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
