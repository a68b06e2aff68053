//! An independent look at a plan before it is carried out: whatever planned it, these things must hold.
//!
//! Shares no code with the planner on purpose: a bug there should not hide itself here.

mod adoption;
mod ownership;
mod shape;

use std::fmt;

use crate::action::StepId;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::running::Running;

/// A promise that a plan breaks: a bug in the planner. Do not carry the plan out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step that breaks it, when it is one step.
    pub step: Option<StepId>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(StepId(step)) => write!(f, "step {step}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

/// Looks for faults: steps stand after what they wait for and wait for what they refer to, nothing is written that is not owned, nothing is made without
/// the owner's tag, no rule of others is changed or revoked, nothing happens twice, the group is written last and deleted first. Cheap enough
/// to run before every apply.
#[must_use]
pub fn check(plan: &Plan, observed: &Observed) -> Vec<Fault> {
    let mut faults = shape::check(plan);
    faults.extend(ownership::check(plan, observed));
    faults
}

/// Looks for faults of a take-over: besides the order of steps, that nothing in it replaces an instance, changes what a server is or how many there are, takes what is another cluster's, or
/// takes anything away. Cheap enough to run before every adoption.
#[must_use]
pub fn check_adoption(plan: &Plan, running: &Running, observed: &Observed) -> Vec<Fault> {
    let mut faults = shape::check(plan);
    faults.extend(adoption::check(plan, running, observed));
    faults
}
