//! The SDK for kaphost's policies, which are written as pure functions on plain data.
//!
//! A policy is a type that says what it is ([`Policy`]) and then refuses ([`Validate`]), rewrites ([`Mutate`]) or both.
//! [`export_policy!`] makes a WebAssembly component of it; natively it stays a plain function, so `cargo test` tests it
//! with no WebAssembly in sight ([`testing`]). `cargo xtask policies` builds the component, and kaphost runs it between
//! reading a cluster's KDL file and planning anything.
//!
//! ```
//! use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};
//!
//! struct NoPublicIp;
//!
//! impl Policy for NoPublicIp {
//!     fn describe() -> Description {
//!         Description::new("no-public-ip", env!("CARGO_PKG_VERSION"), "Servers have no public address.")
//!             .rule(Rule::new("no-public-ip", Severity::High, "The server has no public address.").url("https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-5"))
//!     }
//! }
//!
//! impl Validate for NoPublicIp {
//!     fn validate(cluster: &Cluster, _: &Facts, _: &Settings) -> Vec<Violation> {
//!         if !cluster.network.public_ip {
//!             return Vec::new();
//!         }
//!         vec![Violation::new("no-public-ip", path::PUBLIC_IP, "the server has a public address").help("write `public-ip=#false`")]
//!     }
//! }
//!
//! kaphost_guest::export_policy!(NoPublicIp: validator);
//! ```
//!
//! What it deliberately does not do: anything a policy may not. There is no clock, no randomness, no file, no network and
//! no environment, and [`log()`] is the only way out.

mod answer;
#[doc(hidden)]
pub mod bindings;
pub mod breadth;
mod export;
#[cfg(any(test, all(target_arch = "wasm32", feature = "bump-heap")))]
mod heap;
mod log;
pub mod net;
mod order;
pub mod path;
pub mod setting;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use answer::{Amendment, SETTINGS};
pub use bindings::logging::Level;
pub use bindings::types::*;
pub use log::log;
pub use order::{sorted, sorted_by_key};
pub use setting::Settings;

#[doc(hidden)]
pub use export::{describe, mutate, validate};

/// Says who a policy is.
pub trait Policy {
    /// Name, rules, settings and needed facts. Must not depend on anything: the host asks once per module.
    fn describe() -> Description;
}

/// A policy that refuses.
pub trait Validate: Policy {
    /// Every way in which the cluster breaks the policy's rules. An empty list passes.
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation>;
}

/// A policy that rewrites.
pub trait Mutate: Policy {
    /// The cluster as it should be. Called until nothing changes: for its own answer it must return that same answer.
    ///
    /// # Errors
    /// The reasons why the cluster cannot be made right. They are reported as a denial.
    fn mutate(cluster: Cluster, facts: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>>;
}

/// The example of the guests' README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The example of the project's README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
