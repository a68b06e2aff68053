//! What every step of decoding shares: the text, the way to look values up, and what has been found so far.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::value::shown;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lookup::Lookup;
use crate::origin::{Origin, Position, Source};
use crate::{Code, Leaf, Path, Span};

/// Diagnostics kept of one file. Nobody reads more, and each costs memory and a snippet.
const MAX_DIAGNOSTICS: usize = 500;

/// Shared by all clusters of a file.
pub(super) struct Context<'c> {
    pub(super) source: Arc<Source>,
    /// `None` where values are not taken from elsewhere.
    pub(super) lookup: Option<&'c dyn Lookup>,
    /// Where each line starts, so that finding a position never reads the text again.
    lines: Vec<usize>,
    found: RefCell<Vec<Diagnostic>>,
    dropped: Cell<usize>,
    /// Whether `defaults` alone are read, of which nothing need be complete.
    partial: Cell<bool>,
    /// Of the cluster in hand.
    origins: RefCell<BTreeMap<Path, Origin>>,
    /// Of the cluster in hand: what kaphost would have for the values that are said.
    built_in: RefCell<BTreeMap<Path, Leaf>>,
    /// Paths of the cluster in hand that were said wrongly: what stands there in their place proves nothing.
    wrong: RefCell<BTreeSet<Path>>,
}

impl<'c> Context<'c> {
    pub(super) fn new(source: Source, lookup: &'c dyn Lookup) -> Self {
        Self::of(Arc::new(source), Some(lookup))
    }

    /// As [`Self::new`], of a document that may be closed to values from elsewhere.
    pub(super) fn of(source: Arc<Source>, lookup: Option<&'c dyn Lookup>) -> Self {
        let lines = std::iter::once(0).chain(source.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            source,
            lookup,
            lines,
            found: RefCell::default(),
            dropped: Cell::new(0),
            partial: Cell::new(false),
            origins: RefCell::default(),
            built_in: RefCell::default(),
            wrong: RefCell::default(),
        }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|i| self.lines.get(i)).copied().unwrap_or(0);
        let column = self.source.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    /// A diagnostic that is not yet reported.
    pub(super) fn diagnostic(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let text = &self.source.text;
        let start = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(start);
        Diagnostic::at(code, &self.source, start..end, self.position(start), message.into())
    }

    /// A word of the config as a message calls it: quoted, unless snippets cover it. What is wrong with user data may be that it is not in quotes, and then each word of it
    /// is one of the config.
    pub(super) fn called(&self, span: &Span, word: &str, otherwise: &str) -> String {
        let is_shown = self.source.shown().get(span.clone()) == self.source.text.get(span.clone());
        if is_shown { format!("`{}`", shown(word)) } else { otherwise.to_owned() }
    }

    pub(super) fn report(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_DIAGNOSTICS {
            found.push(diagnostic);
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    pub(super) fn set_partial(&self, partial: bool) {
        self.partial.set(partial);
    }

    pub(super) fn is_partial(&self) -> bool {
        self.partial.get()
    }

    pub(super) fn said(&self, path: &Path, origin: Origin) {
        self.origins.borrow_mut().insert(path.clone(), origin);
    }

    /// Says what would stand at a path that is said.
    pub(super) fn built_in(&self, path: Path, leaf: Leaf) {
        self.built_in.borrow_mut().insert(path, leaf);
    }

    /// What would stand at each path that is said, of the cluster in hand.
    pub(super) fn take_built_in(&self) -> BTreeMap<Path, Leaf> {
        self.built_in.take()
    }

    /// Takes back what was said of a path, for a value that turns out to be the key of its node.
    pub(super) fn unsay(&self, path: &Path) -> Option<Origin> {
        self.origins.borrow_mut().remove(path)
    }

    /// Where exactly this value was said.
    pub(super) fn exactly(&self, path: &Path) -> Option<Span> {
        match self.origins.borrow().get(path) {
            Some(Origin::Config(span) | Origin::Defaults(span)) => Some(span.clone()),
            Some(Origin::BuiltIn) | None => None,
        }
    }

    pub(super) fn mark_wrong(&self, path: &Path) {
        self.wrong.borrow_mut().insert(path.clone());
    }

    /// Whether anything was wrong at, above or below a path.
    pub(super) fn is_wrong(&self, path: &Path) -> bool {
        let wrong = self.wrong.borrow();
        // What lies below a path sorts directly after it.
        let below = wrong.range(path..).next().is_some_and(|next| path.covers(next));
        below || std::iter::successors(Some(path.clone()), Path::parent).any(|above| wrong.contains(&above))
    }

    /// Hands over the origins of the cluster in hand and starts anew.
    pub(super) fn take_origins(&self) -> BTreeMap<Path, Origin> {
        self.wrong.take();
        self.origins.take()
    }

    /// Where a value or the nearest node around it was said.
    pub(super) fn nearest(&self, path: &Path, cluster: &Span) -> Span {
        let origins = self.origins.borrow();
        let mut here = Some(path.clone());
        while let Some(path) = here {
            if let Some(Origin::Config(span) | Origin::Defaults(span)) = origins.get(&path) {
                return span.clone();
            }
            here = path.parent();
        }
        cluster.clone()
    }

    /// Whether a value was said at all.
    pub(super) fn was_said(&self, path: &Path) -> bool {
        self.origins.borrow().contains_key(path)
    }

    /// Everything found, in the order of the text, each mistake once (shared `defaults` are read for every cluster).
    /// The second is whether it keeps the file from being used.
    pub(super) fn finish(&self) -> (Vec<Diagnostic>, bool) {
        let mut found = self.found.take();
        found.sort_by(|a, b| (a.span().start, a.code(), a.message()).cmp(&(b.span().start, b.code(), b.message())));
        found.dedup();
        if self.dropped.get() > 0 {
            let end = self.source.text.len();
            let message = format!("{} more mistakes are not shown", self.dropped.get());
            found.push(self.diagnostic(Code::MoreMistakes, end..end, message).with_help("mend those that are shown and look again"));
        }
        let failed = found.iter().any(|d| d.severity() == Severity::Error);
        (found, failed)
    }
}
