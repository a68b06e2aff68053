//! What must change: desired against observed, as a plan that is data.
//!
//! Third stage of the pipeline: [`AdmittedSpec`](kaphost_spec::AdmittedSpec) → [`Desired`]; [`Desired`] and [`Observed`] → [`Plan`]. Pure: the
//! same two inputs give the same plan, byte for byte. No I/O, no clock, no randomness, no async, no KDL. What a step needs from an
//! earlier one (the id of a group that does not exist yet) is a [`Ref`]; the executor fills it in and decides nothing else.

mod action;
mod adopt;
mod check;
mod desire;
mod desired;
mod destroy;
mod diff;
mod draft;
pub mod live;
mod names;
mod observed;
mod permissions;
mod plan;
pub mod preflight;
mod resource;
mod running;
mod view;

pub use action::{Action, Call, Output, Planned, Ref, StepId};
pub use adopt::{Adoption, Described, Settled, adopt, describe, leaves_public_ip_open, locate, settle};
pub use check::{Fault, check, check_adoption};
pub use desire::desire;
pub use kaphost_boot::UserDataTooLong;

pub use desired::{Desired, DesiredRules, ImageFact, Policies, RulesElsewhere};
pub use destroy::destroy;
pub use diff::{diff, needs_refresh, query};
pub use names::*;
pub use observed::*;
pub use permissions::{MANAGED_POLICY_CHARACTERS, Permissions, Reads};
pub use plan::{Change, ChangeKind, LeafChange, Plan, Refusal, RefusalCode, Step};
pub use resource::*;
pub use running::{Launches, NamedGroup, Running, RunningProfile};
