//! A policy that puts every server on hardware of its own account's alone.
//!
//! It rewrites `tenancy` to `dedicated` and touches nothing else. It never refuses: dedicated tenancy is valid with
//! everything else that a cluster may say, spot included.

use kaphost_guest::{Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Tenancy, Violation, path};

/// The rule that this policy holds.
pub const RULE: &str = "dedicated-tenancy";

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct DedicatedTenancy;

impl Policy for DedicatedTenancy {
    fn describe() -> Description {
        Description::new("dedicated-tenancy", env!("CARGO_PKG_VERSION"), "Servers run on dedicated hardware.").rule(
            Rule::new(RULE, Severity::Medium, "The instance runs on hardware that no other account shares.")
                .url("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/dedicated-instance.html"),
        )
    }
}

impl Mutate for DedicatedTenancy {
    fn mutate(cluster: Cluster, _: &Facts, _: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        if amendment.cluster.tenancy != Tenancy::Dedicated {
            amendment.cluster.tenancy = Tenancy::Dedicated;
            amendment.because(RULE, path::TENANCY, "servers run on hardware that no other account shares");
        }
        Ok(amendment.done())
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(DedicatedTenancy: mutator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{Spot, testing};

    use super::*;

    #[test]
    fn keeps_the_contract() {
        testing::described::<DedicatedTenancy>();
    }

    #[test]
    fn makes_tenancy_dedicated_and_touches_nothing_else() {
        let amended = testing::mutate::<DedicatedTenancy>(testing::cluster(), &Settings::new()).unwrap();
        assert_eq!(amended.cluster, Cluster { tenancy: Tenancy::Dedicated, ..testing::cluster() });
        let [change] = &amended.changes[..] else { panic!("{:?}", amended.changes) };
        assert_eq!((change.rule.as_str(), change.path.as_str()), (RULE, "tenancy"));
    }

    #[test]
    fn leaves_a_dedicated_server_alone() {
        let cluster = Cluster { tenancy: Tenancy::Dedicated, ..testing::cluster() };
        let amended = testing::mutate::<DedicatedTenancy>(cluster.clone(), &Settings::new()).unwrap();
        assert_eq!((amended.cluster, amended.changes), (cluster, vec![]));
    }

    #[test]
    fn spot_servers_too() {
        let cluster = Cluster { spot: Some(Spot { max_price: None }), ..testing::cluster() };
        let amended = testing::mutate::<DedicatedTenancy>(cluster, &Settings::new()).unwrap();
        assert_eq!((amended.cluster.tenancy, amended.changes.len()), (Tenancy::Dedicated, 1));
    }
}
