//! Mutators in their order, again and again until a whole pass changes nothing.

use std::collections::BTreeMap;

use kaphost_spec::Path;

use super::states::{Answer, Failed, Player, States};
use super::waiving::Waiving;
use crate::answer::Reported;
use crate::decision::Change;
use crate::error::{Unsettled, UnsettledPath, UnsettledWrite};
use crate::rules::Rules;

/// Where one order of the mutators leads.
#[derive(Debug)]
pub(super) struct Walk {
    /// The last state.
    pub(super) state: usize,
    /// 0 when nobody mutates.
    pub(super) passes: u32,
    /// How many of the policies mutate.
    pub(super) mutators: usize,
    pub(super) changes: Vec<Change>,
    /// What was denied in the last pass.
    pub(super) denials: Vec<Denial>,
    pub(super) end: End,
}

/// A violation in place of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Denial {
    pub(super) policy: usize,
    /// What it was asked about.
    pub(super) state: usize,
    pub(super) reported: Reported,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A whole pass changed nothing. What is denied, if anything is, is waived.
    Rest,
    /// A mutator denies.
    Denied,
    /// n mutators still change something in pass n+1.
    Restless,
}

/// Walks from state 0, in this order.
pub(super) fn walk<R: Rules>(states: &mut States<'_, R>, order: &[usize], waiving: &Waiving<'_>) -> Result<Walk, Failed> {
    let mut walk = Walk { state: 0, passes: 0, mutators: order.len(), changes: Vec::new(), denials: Vec::new(), end: End::Rest };
    // A validator is asked too, and says that it does not mutate: after the first pass that is known.
    let mut mutators = order.to_vec();
    loop {
        let pass = walk.passes + 1;
        let before = walk.changes.len();
        let mut asked = Vec::with_capacity(mutators.len());
        walk.denials.clear();
        for policy in mutators {
            let answer = states.mutate(policy, walk.state, pass)?;
            match &*answer {
                Answer::Silent => continue,
                Answer::Keeps => {}
                Answer::Makes { state, changes } => {
                    walk.changes.extend(changes.iter().map(|change| Change { pass, ..change.clone() }));
                    states.leave(walk.state);
                    walk.state = *state;
                }
                Answer::Denies(violations) => {
                    let denial = |reported: &Reported| Denial { policy, state: walk.state, reported: reported.clone() };
                    walk.denials.extend(violations.iter().map(denial));
                }
            }
            asked.push(policy);
        }
        mutators = asked;
        walk.mutators = mutators.len();
        if mutators.is_empty() {
            return Ok(walk);
        }
        walk.passes = pass;
        let waived = |denial: &Denial| waiving.find(denial.policy, &denial.reported, states.state(denial.state)).is_some();
        if !walk.denials.iter().all(waived) {
            walk.end = End::Denied;
            return Ok(walk);
        }
        if walk.changes.len() == before {
            return Ok(walk);
        }
        if pass as usize > mutators.len() {
            walk.end = End::Restless;
            return Ok(walk);
        }
    }
}

impl Walk {
    /// What the last pass still changed.
    pub(super) fn restless(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.pass == self.passes)
    }
}

/// Names the values that the last pass still changed, who wrote them in it and in the pass before, and what.
pub(super) fn unsettled<R>(walk: &Walk, players: &[Player<'_, R>]) -> Unsettled {
    let mut by_path: BTreeMap<&Path, Vec<UnsettledWrite>> = walk.restless().map(|change| (&change.path, Vec::new())).collect();
    // Two passes: where two policies take turns, each writes in every second one.
    for change in walk.changes.iter().filter(|change| change.pass + 1 >= walk.passes) {
        let Some(writes) = by_path.get_mut(&change.path) else { continue };
        let policy = players.get(change.policy).map_or_else(String::new, |player| player.source.to_owned());
        let write = UnsettledWrite { policy, value: change.new.clone() };
        if !writes.contains(&write) {
            writes.push(write);
        }
    }
    let paths = by_path.into_iter().map(|(path, writes)| UnsettledPath { path: path.clone(), writes }).collect();
    Unsettled { passes: walk.passes, paths }
}
