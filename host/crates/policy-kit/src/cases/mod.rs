//! Cases: a config, what goes with it, and what must come of it.
//!
//! `parse` reads them, `expected` is what must come and how it is written, `playing` asks the policy and compares, `updating` writes it anew.

mod expected;
mod parse;
mod playing;
mod updating;

use std::sync::Arc;

use kaphost_policy::TypedSetting;
use kaphost_spec::{ConfigSource, Span};

pub use expected::Expected;
pub use playing::{DiffLine, Played, Sign, play};

/// The cases of one file.
#[derive(Clone, Debug)]
pub struct Suite {
    pub(crate) source: Arc<ConfigSource>,
    pub(crate) cases: Vec<Case>,
}

/// One config, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// One line, unique in its file.
    pub name: String,
    /// The config.
    pub config: From,
    /// What is replaced in the config's text before it is read: each must be in it.
    pub replace: Vec<Replacement>,
    /// Settings, as a policy set gives them.
    pub settings: Vec<TypedSetting>,
    /// Facts, as `kaphost facts` prints them.
    pub facts: Option<From>,
    /// Whether the policy sees the text of the user data.
    pub user_data: bool,
    /// Everything that must come of it; nothing when the config passes untouched.
    pub expected: Vec<Expected>,
    /// Where it is called by its name.
    pub span: Span,
    pub(crate) places: Places,
}

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The file of cases itself.
    Here(String),
    /// Another file; its path starts at the folder of the cases.
    File(String),
}

/// A text for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// What is there.
    pub old: String,
    /// What is put in its place, the first time that it is there.
    pub new: String,
    /// Where this is said.
    pub span: Span,
}

/// Where in the file the parts of a case stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The whole node.
    pub(crate) node: Span,
    /// The whole node `expect`, when there is one.
    pub(crate) expect: Option<Span>,
    /// Each setting: its name, and its values.
    pub(crate) settings: Vec<(Span, Vec<Span>)>,
    pub(crate) config: Span,
    pub(crate) facts: Span,
}

impl Suite {
    /// The cases, in the order of the file.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The file.
    #[must_use]
    pub const fn source(&self) -> &Arc<ConfigSource> {
        &self.source
    }
}
