//! Two clusters, leaf by leaf.

use std::cmp::Ordering;

use kaphost_spec::{Leaf, Leaves, Path, Segment};

use crate::answer::Reason;

/// A leaf of one of two clusters, or of both.
pub(super) type Differs<'a> = (&'a Path, Option<&'a Leaf>, Option<&'a Leaf>);

/// Every leaf that differs, in order of paths. Both are in that order already, so that each is passed once.
pub(super) fn difference<'a>(old: &'a Leaves, new: &'a Leaves) -> Vec<Differs<'a>> {
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    let mut all = Vec::new();
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return all,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) => was.cmp(is),
        };
        let was = olds.next_if(|_| order.is_le());
        let is = news.next_if(|_| order.is_ge());
        match (was, is) {
            (Some((path, was)), Some((_, is))) if was != is => all.push((path, Some(was), Some(is))),
            (Some((path, was)), None) => all.push((path, Some(was), None)),
            (None, Some((path, is))) => all.push((path, None, Some(is))),
            _ => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves() -> impl Strategy<Value = Leaves> {
        let leaf = (0_u8..12, 0_u16..3).prop_map(|(name, value)| (Path::root().field(format!("f{name}")), Leaf::from(value)));
        prop::collection::btree_map(0_u8..20, leaf, 0..12).prop_map(|map| map.into_values().collect())
    }

    proptest! {
        /// As by looking each one up.
        #[test]
        fn every_leaf_that_differs_is_there_once_and_in_order(old in leaves(), new in leaves()) {
            let mut paths: Vec<&Path> = old.keys().chain(new.keys()).filter(|path| old.get(*path) != new.get(*path)).collect();
            paths.sort();
            paths.dedup();
            let expected: Vec<Differs<'_>> = paths.into_iter().map(|path| (path, old.get(path), new.get(path))).collect();
            prop_assert_eq!(difference(&old, &new), expected);
        }
    }
}
