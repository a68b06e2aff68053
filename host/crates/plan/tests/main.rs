//! The planner from outside, a subject a module.

mod adopt;
mod check;
mod desire;
mod golden;
mod live;
mod permissions;
mod preflight;
mod properties;
mod support;
