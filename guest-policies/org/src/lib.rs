//! An organisation's rules in one module: what the security team of the README ships.
//!
//! It composes [`DedicatedTenancy`] and [`RestrictSsh`] as plain libraries, their settings and rules included, and adds
//! two rules of its own: some tags are required, and every volume is encrypted.

mod encryption;
mod tags;

use dedicated_tenancy::DedicatedTenancy;
use kaphost_guest::{Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Settings, Validate, Violation};
use restrict_ssh::RestrictSsh;

pub use encryption::ENCRYPTED_VOLUMES;
pub use tags::REQUIRED_TAGS;

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Org;

impl Policy for Org {
    fn describe() -> Description {
        Description::new("org", env!("CARGO_PKG_VERSION"), "The rules that every server of the organisation keeps.")
            .including(DedicatedTenancy::describe())
            .including(RestrictSsh::describe())
            .rule(tags::rule())
            .setting(tags::SETTING.schema())
            .rule(encryption::rule())
    }
}

impl Mutate for Org {
    fn mutate(cluster: Cluster, facts: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amended = DedicatedTenancy::mutate(cluster, facts, settings)?;
        let narrowed = RestrictSsh::mutate(amended.cluster, facts, settings)?;
        amended.changes.extend(narrowed.changes);
        let mut amendment = Amendment::after(Amended { cluster: narrowed.cluster, changes: amended.changes });
        encryption::encrypt(&mut amendment);
        Ok(amendment.done())
    }
}

impl Validate for Org {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let mut violations = RestrictSsh::validate(cluster, facts, settings);
        violations.extend(tags::missing(cluster, settings));
        violations.extend(encryption::unencrypted(cluster));
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(Org: policy);
