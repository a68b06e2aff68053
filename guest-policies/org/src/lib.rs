//! An organisation's rules in one module: what the security team of the README ships.
//!
//! It composes other policies as plain libraries, their rules and settings included. Four hold always: dedicated tenancy, narrow SSH, required tags
//! and encrypted volumes. The setting `parts` switches on further ones, by name. Those that need facts are not among them: what a policy needs it
//! needs always, and this one has to run where nothing is known of AWS.

mod parts;

use kaphost_guest::{Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Settings, Validate, Violation};

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Org;

impl Policy for Org {
    fn describe() -> Description {
        let summary = "The rules that every server of the organisation keeps.";
        parts::describe(Description::new("org", env!("CARGO_PKG_VERSION"), summary).setting(parts::PARTS.schema()))
    }
}

impl Mutate for Org {
    fn mutate(cluster: Cluster, facts: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amended = Amendment::of(cluster).done();
        for mutate in parts::holding(settings).filter_map(|part| part.mutate) {
            let next = mutate(amended.cluster, facts, settings)?;
            amended.cluster = next.cluster;
            amended.changes.extend(next.changes);
        }
        Ok(amended)
    }
}

impl Validate for Org {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let parts = parts::holding(settings).filter_map(|part| part.validate);
        parts::misunderstood(settings).into_iter().chain(parts.flat_map(|validate| validate(cluster, facts, settings))).collect()
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(Org: policy);
