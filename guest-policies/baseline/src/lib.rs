//! What every server keeps, and nothing that an organisation would have to decide first: dedicated tenancy, narrow SSH, required tags and encrypted
//! volumes, composed as plain libraries with all their rules and settings.
//!
//! For an organisation to which these are enough: a module is compiled whole the first time that a machine sees it, and read whole each time, whatever of
//! it is switched on. `org` is composed of this one and holds further parts on request.

use dedicated_tenancy::DedicatedTenancy;
use encrypted_volumes::EncryptedVolumes;
use kaphost_guest::{Amended, Cluster, Description, Facts, Mutate, Policy, Settings, Validate, Violation};
use required_tags::RequiredTags;
use restrict_ssh::RestrictSsh;

/// What it is composed of, in the order in which it rewrites and reports.
pub const PARTS: [&str; 4] = ["dedicated-tenancy", "restrict-ssh", "required-tags", "encrypted-volumes"];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Baseline;

impl Policy for Baseline {
    fn describe() -> Description {
        Description::new("baseline", env!("CARGO_PKG_VERSION"), "The four rules that every server keeps.")
            .including(DedicatedTenancy::describe())
            .including(RestrictSsh::describe())
            .including(RequiredTags::describe())
            .including(EncryptedVolumes::describe())
    }
}

impl Mutate for Baseline {
    fn mutate(cluster: Cluster, facts: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amended = DedicatedTenancy::mutate(cluster, facts, settings)?;
        for mutate in [RestrictSsh::mutate, RequiredTags::mutate, EncryptedVolumes::mutate] {
            let next = mutate(amended.cluster, facts, settings)?;
            amended.cluster = next.cluster;
            amended.changes.extend(next.changes);
        }
        Ok(amended)
    }
}

impl Validate for Baseline {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let mut violations = RestrictSsh::validate(cluster, facts, settings);
        violations.extend(RequiredTags::validate(cluster, facts, settings));
        violations.extend(EncryptedVolumes::validate(cluster, facts, settings));
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(Baseline: policy);
