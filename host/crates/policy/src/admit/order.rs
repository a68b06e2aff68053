//! The other order: whether what the mutators come to hangs on who goes first.

use std::collections::BTreeMap;

use kaphost_spec::{Leaf, Path};

use super::difference::difference;
use super::fixed_point::{self, End, Walk};
use super::states::{Failed, States};
use super::waiving::Waiving;
use crate::decision::{OrderDependence, OrderPath, Reversed};
use crate::rules::{Failure, Rules};

/// Tries the reverse order from the start, where the declared one came to rest after changes. `None` when both come to the same.
///
/// # Errors
/// When a policy cannot be run on what the reverse order puts before it. An answer that cannot stand is part of what is reported: in the
/// declared order it was never given.
pub(super) fn dependence<R: Rules>(
    states: &mut States<'_, R>,
    declared: &Walk,
    order: &[usize],
    waiving: &Waiving<'_>,
) -> Result<Option<OrderDependence>, Failed> {
    if declared.mutators < 2 || declared.changes.is_empty() || declared.end != End::Rest {
        return Ok(None);
    }
    let reverse: Vec<usize> = order.iter().rev().copied().collect();
    // What a policy says to a question that only this trial asks is no part of what happened.
    let logs = states.logs.len();
    let walked = fixed_point::walk(states, &reverse, waiving);
    states.logs.truncate(logs);
    let other = match walked {
        Ok(other) => other,
        Err(failed) => {
            let Failure::Answer(error) = &*failed.failure else { return Err(failed) };
            let reversed = Reversed::Fails { policy: failed.policy, code: error.code(), message: error.to_string() };
            return Ok(Some(OrderDependence { reversed, paths: Vec::new() }));
        }
    };
    let leaves = states.state(declared.state).leaves();
    let path = |path: &Path, declared: Option<&Leaf>, reversed: Option<&Leaf>| OrderPath {
        path: path.clone(),
        declared: declared.cloned(),
        reversed: reversed.cloned(),
    };
    Ok(match other.end {
        End::Rest if other.state == declared.state => None,
        End::Rest => {
            let differs = difference(leaves, states.state(other.state).leaves());
            let paths = differs.into_iter().map(|(leaf, declared, reversed)| path(leaf, declared, reversed)).collect();
            Some(OrderDependence { reversed: Reversed::Settles, paths })
        }
        End::Restless => {
            // The last write of each path; a map keeps the later of two.
            let last: BTreeMap<&Path, Option<&Leaf>> = other.restless().map(|change| (&change.path, change.new.as_ref())).collect();
            let mut policies: Vec<usize> = other.restless().map(|change| change.policy).collect();
            policies.sort_unstable();
            policies.dedup();
            let paths = last.into_iter().map(|(leaf, reversed)| path(leaf, leaves.get(leaf), reversed)).collect();
            Some(OrderDependence { reversed: Reversed::NeverSettles { policies }, paths })
        }
        End::Denied => {
            let unwaived =
                |denial: &&fixed_point::Denial| waiving.find(denial.policy, &denial.reported, states.state(denial.state)).is_none();
            other.denials.iter().find(unwaived).map(|denial| {
                let reversed = Reversed::Denies { policy: denial.policy, message: denial.reported.message.clone() };
                OrderDependence { reversed, paths: Vec::new() }
            })
        }
    })
}
