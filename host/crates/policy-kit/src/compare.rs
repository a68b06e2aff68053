//! Two modules on one config: what would be another answer.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use jiff::Timestamp;
use kaphost_policy::{Circumstances, Decision, Facts, Outcome, Policy, admit};
use kaphost_spec::{Leaf, Leaves, Path, Spec};
use serde::Serialize;

/// How a config fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Before {
    /// It may be planned.
    Admitted,
    /// It may not.
    Denied,
    /// The policy fails.
    Failed {
        /// The failure's code.
        code: String,
        /// What happened.
        message: String,
    },
}

/// What is different between two modules, on one config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// By the old one.
    pub old: Before,
    /// By the new one.
    pub new: Before,
    /// Violations of the old one only: `rule at path: message`.
    pub no_longer: Vec<String>,
    /// Violations of the new one only.
    pub newly: Vec<String>,
    /// Values that one leaves otherwise than the other does.
    pub leaves: Vec<LeafDifference>,
}

/// A value that is left otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeafDifference {
    /// The leaf.
    pub path: Path,
    /// As the old one leaves it; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Leaf>,
    /// As the new one leaves it; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Leaf>,
}

impl Difference {
    /// Whether the two answer alike: the same verdict, the same rules at the same places, the same values.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.old == self.new && self.no_longer.is_empty() && self.newly.is_empty() && self.leaves.is_empty()
    }
}

struct Answer {
    fares: Before,
    violations: BTreeSet<String>,
    leaves: Option<Leaves>,
}

/// Asks both about a config, each as a module that is given by itself.
#[must_use]
pub fn compare(old: &Policy, new: &Policy, spec: &Spec, facts: &Facts) -> Difference {
    let (old, new) = (ask(old, spec, facts), ask(new, spec, facts));
    let leaves = match (&old.leaves, &new.leaves) {
        (Some(old), Some(new)) => differing(old, new),
        // Where one leaves nothing, its verdict says so.
        _ => Vec::new(),
    };
    Difference {
        no_longer: old.violations.difference(&new.violations).cloned().collect(),
        newly: new.violations.difference(&old.violations).cloned().collect(),
        old: old.fares,
        new: new.fares,
        leaves,
    }
}

fn ask(policy: &Policy, spec: &Spec, facts: &Facts) -> Answer {
    let circumstances = Circumstances { facts, waivers: &[], now: Timestamp::UNIX_EPOCH };
    match admit(spec, slice::from_ref(policy), &circumstances) {
        Ok(admission) => {
            let violations = said(&admission.decision);
            match admission.outcome {
                Outcome::Admitted(admitted) => Answer { fares: Before::Admitted, violations, leaves: Some(admitted.cluster().leaves()) },
                Outcome::Denied => Answer { fares: Before::Denied, violations, leaves: None },
            }
        }
        Err(error) => {
            let fares = Before::Failed { code: error.code().to_owned(), message: error.to_string() };
            Answer { fares, violations: BTreeSet::new(), leaves: None }
        }
    }
}

/// A module's name and version are its own business; what it finds and where is not.
fn said(decision: &Decision) -> BTreeSet<String> {
    decision.violations.iter().map(|one| format!("{} at {}: {}", one.rule, one.path, one.message)).collect()
}

fn differing(old: &Leaves, new: &Leaves) -> Vec<LeafDifference> {
    let paths: BTreeMap<&Path, ()> = old.keys().chain(new.keys()).map(|path| (path, ())).collect();
    let differ = paths.into_keys().filter(|path| old.get(*path) != new.get(*path));
    differ.map(|path| LeafDifference { path: path.clone(), old: old.get(path).cloned(), new: new.get(path).cloned() }).collect()
}
