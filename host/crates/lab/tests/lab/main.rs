//! Plans carried out on the lab: what the planner and the executor promise together, and what the lab itself promises to behave like.
//!
//! All time is virtual. What only the real protocol can show (codes, shapes, paging) is proven in `kaphost-aws` and on the emulator.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, and all of this is tests")]

mod account;
mod adopting;
mod counts;
mod facts;
mod faults;
mod file;
mod outcomes;
mod properties;
mod retries;
mod rollouts;
mod support;
mod waits;
