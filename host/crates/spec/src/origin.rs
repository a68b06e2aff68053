//! Where each value of a cluster comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::covered::covered;
use crate::unseen::drawn;
use crate::{Cluster, Leaf, Path};

/// Bytes in the text of a config file.
pub type Span = Range<usize>;

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the cluster's own node.
    Config(Span),
    /// In the file's `defaults` node.
    Defaults(Span),
    /// Nowhere: kaphost's own default.
    BuiltIn,
}

/// What a value stands in place of: what would stand there if it were not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    /// Where that is said: in `defaults`, or nowhere.
    pub origin: Origin,
    /// What it is.
    pub value: Leaf,
}

/// The text of a config file, kept so that any later stage can point into it.
pub struct Source {
    /// What the user calls it: its path as typed.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// As it may be shown, once somebody has asked.
    shown: OnceLock<String>,
    /// As a snippet of it may be drawn, once somebody has asked.
    drawn: OnceLock<String>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

impl Eq for Source {}

/// A place in a text, as people and editors count: both start at 1, and columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// Characters, from 1.
    pub column: usize,
}

impl Source {
    /// A config and its name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), shown: OnceLock::new(), drawn: OnceLock::new() }
    }

    /// A text of another language than kaphost's own, with what may be shown of it: as many bytes, in the same lines. What is not as long is not shown at all.
    #[must_use]
    pub fn shown_as(self, shown: String) -> Self {
        let hidden = || "*".repeat(self.text.len());
        let shown = if shown.len() == self.text.len() { shown } else { hidden() };
        Self { shown: OnceLock::from(shown), ..self }
    }

    /// The text as snippets show it: user data is covered, and everything stands where it stood.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.shown.get_or_init(|| covered(&self.text))
    }

    /// As [`Self::shown`], without what a terminal would obey: whoever wrote the text need not mean well.
    pub(crate) fn drawn(&self) -> &str {
        self.drawn.get_or_init(|| drawn(self.shown()))
    }

    /// Line and column of a byte of the text. Past the end, or within a character: those of the nearest character before it.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..self.text.floor_char_boundary(offset)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

impl fmt::Debug for Source {
    /// Without the text: user data written into a config may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({} bytes)", self.name, self.text.len())
    }
}

/// Where each value comes from. Nodes above a value are here too, so that a path always finds the nearest thing that was written.
#[derive(Clone, Debug)]
pub struct Origins {
    source: Arc<Source>,
    /// The span of the whole cluster node's name.
    cluster: Span,
    at: BTreeMap<Path, Origin>,
    beneath: BTreeMap<Path, Vec<Beneath>>,
}

impl Origins {
    /// No origin but the cluster's own.
    #[must_use]
    pub const fn new(source: Arc<Source>, cluster: Span) -> Self {
        Self { source, cluster, at: BTreeMap::new(), beneath: BTreeMap::new() }
    }

    /// Says where a value or node stands.
    pub fn insert(&mut self, path: Path, origin: Origin) {
        self.at.insert(path, origin);
    }

    /// Says what the value at a path stands in place of. What is said first lies on top.
    pub fn insert_beneath(&mut self, path: Path, beneath: Beneath) {
        self.beneath.entry(path).or_default().push(beneath);
    }

    /// What this value stands in place of, from the top: what `defaults` say, where it is the cluster that says it, then kaphost's own default. Nothing
    /// for what has no default, and for what is a default itself.
    #[must_use]
    pub fn beneath(&self, path: &Path) -> &[Beneath] {
        self.beneath.get(path).map_or(&[], Vec::as_slice)
    }

    /// The file.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Exactly this value's origin. [`Origin::BuiltIn`] where nobody said it.
    #[must_use]
    pub fn of(&self, path: &Path) -> Origin {
        self.at.get(path).cloned().unwrap_or(Origin::BuiltIn)
    }

    /// The span of this value, or of the nearest node around it, or of the cluster.
    #[must_use]
    pub fn nearest(&self, path: &Path) -> Span {
        let mut here = Some(path.clone());
        while let Some(path) = here {
            if let Some(Origin::Config(span) | Origin::Defaults(span)) = self.at.get(&path) {
                return span.clone();
            }
            here = path.parent();
        }
        self.cluster.clone()
    }
}

/// A cluster as its file describes it, before any policy has seen it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The typed values. Shared with what becomes of them: most policies leave most clusters as they are.
    pub cluster: Arc<Cluster>,
    /// Where they come from.
    pub origins: Origins,
}
