//! A policy that takes the public address from a server.
//!
//! kaphost says for every server whether it gets one, and that stands over what a subnet does by itself: with `public-ip=#false` none is
//! handed out even in a subnet that would. Whether subnets are private is the business of the policy `private-subnets`.

use kaphost_guest::{Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// The rule that this policy holds.
pub const RULE: &str = "no-public-ip";

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct NoPublicIp;

impl Policy for NoPublicIp {
    fn describe() -> Description {
        Description::new("no-public-ip", env!("CARGO_PKG_VERSION"), "Servers have no public address.").rule(
            Rule::new(RULE, Severity::High, "The server has no public address.")
                .url("https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-5"),
        )
    }
}

impl Mutate for NoPublicIp {
    fn mutate(cluster: Cluster, _: &Facts, _: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        if amendment.cluster.network.public_ip {
            amendment.cluster.network.public_ip = false;
            amendment.because(RULE, path::PUBLIC_IP, "servers are reached from inside of the network only");
        }
        Ok(amendment.done())
    }
}

impl Validate for NoPublicIp {
    fn validate(cluster: &Cluster, _: &Facts, _: &Settings) -> Vec<Violation> {
        let violation =
            || Violation::new(RULE, path::PUBLIC_IP, "the server has a public address").help("write `public-ip=#false`, or leave it out");
        cluster.network.public_ip.then(violation).into_iter().collect()
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(NoPublicIp: policy);

#[cfg(test)]
mod tests {
    use kaphost_guest::testing;

    use super::*;

    fn public() -> Cluster {
        let mut cluster = testing::cluster();
        cluster.network.public_ip = true;
        cluster
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<NoPublicIp>();
        testing::documented::<NoPublicIp>(include_str!("../README.md"));
    }

    #[test]
    fn takes_the_address_away_and_touches_nothing_else() {
        let amended = testing::mutate::<NoPublicIp>(public(), &Settings::new()).unwrap();
        assert_eq!(testing::changed(&amended), ["no-public-ip @ network.public-ip"]);
        assert_eq!(amended.cluster, testing::cluster());
    }

    #[test]
    fn a_private_server_passes_untouched() {
        let amended = testing::mutate::<NoPublicIp>(testing::cluster(), &Settings::new()).unwrap();
        assert_eq!((amended.cluster, amended.changes), (testing::cluster(), vec![]));
        assert!(testing::validate::<NoPublicIp>(&testing::cluster(), &Settings::new()).is_empty());
    }

    #[test]
    fn an_address_that_another_policy_gave_is_refused() {
        assert_eq!(testing::said(&testing::validate::<NoPublicIp>(&public(), &Settings::new())), ["no-public-ip @ network.public-ip"]);
    }
}
