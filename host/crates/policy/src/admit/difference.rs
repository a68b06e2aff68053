//! Two clusters, leaf by leaf.

use kaphost_spec::{Leaf, Leaves, Path, Segment};

use crate::answer::Reason;

/// Every leaf that differs, in order of paths.
pub(super) fn difference<'a>(old: &'a Leaves, new: &'a Leaves) -> Vec<(&'a Path, Option<&'a Leaf>, Option<&'a Leaf>)> {
    let gone_or_changed = old.iter().filter_map(|(path, leaf)| match new.get(path) {
        Some(now) if now == leaf => None,
        now => Some((path, Some(leaf), now)),
    });
    let added = new.iter().filter(|(path, _)| !old.contains_key(*path)).map(|(path, leaf)| (path, None, Some(leaf)));
    let mut all: Vec<_> = gone_or_changed.chain(added).collect();
    all.sort_by_key(|(path, ..)| *path);
    all
}

/// The reason that covers a leaf: the longest path wins, and of two equal ones the first.
pub(super) fn explanation<'a>(reasons: &'a [Reason], path: &Path) -> Option<&'a Reason> {
    reasons.iter().filter(|reason| reason.path.covers(path)).rev().max_by_key(|reason| reason.path.segments().len())
}

/// The outermost entry around a leaf that one of two clusters does not have at all; `None` when both have every entry around it. A volume that
/// comes or goes is one thing, however many values it has.
pub(super) fn whole_entry(path: &Path, old: &Leaves, new: &Leaves) -> Option<Path> {
    let has = |leaves: &Leaves, entry: &Path| leaves.range(entry..).next().is_some_and(|(leaf, _)| entry.covers(leaf));
    let segments = path.segments();
    let keys = segments.iter().enumerate().filter(|(_, segment)| matches!(segment, Segment::Key(_)));
    keys.map(|(i, _)| segments.iter().take(i + 1).cloned().collect::<Path>()).find(|entry| !has(old, entry) || !has(new, entry))
}
