//! A policy on where a server can heal: its subnets lie in more than one availability zone, so that the loss of one is survived.
//!
//! Which zone a subnet lies in AWS alone knows, so the policy needs the facts on subnets, and can only refuse. A subnet that the facts do not cover
//! counts for nothing: that may refuse too much, and never too little.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Fact, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path, sorted};

/// The rule that this policy holds.
pub const RULE: &str = "multi-zone";

const MIN_ZONES: setting::Integer = setting::Integer::new("min-zones", 2, 6, 2, "How many availability zones the subnets have to lie in.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&MIN_ZONES];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct MultiZone;

impl Policy for MultiZone {
    fn describe() -> Description {
        Description::new("multi-zone", env!("CARGO_PKG_VERSION"), "Servers can heal in more than one availability zone.")
            .rule(
                Rule::new(RULE, Severity::Medium, "The subnets of the cluster lie in enough availability zones.")
                    .url("https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-2"),
            )
            .settings(DECLARED)
            .needs(Fact::Subnets)
    }
}

impl Validate for MultiZone {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let wanted = MIN_ZONES.get(settings);
        let of_cluster = facts.subnets.iter().filter(|subnet| cluster.network.subnets.contains(&subnet.id));
        let mut zones = sorted(of_cluster.map(|subnet| subnet.zone.as_str()));
        zones.dedup();
        if i64::try_from(zones.len()).is_ok_and(|found| found >= wanted) {
            return Vec::new();
        }
        let found = match zones.as_slice() {
            [] => "in no zone that is known".to_owned(),
            [zone] => format!("in one zone, {zone}"),
            several => format!("in {} zones, {}", several.len(), path::list(several)),
        };
        let known = |id: &&String| !facts.subnets.iter().any(|subnet| subnet.id == **id);
        let unknown = path::list(cluster.network.subnets.iter().filter(known));
        let unknown = if unknown.is_empty() { unknown } else { format!("; nothing is known of {unknown}") };
        let message = format!("the subnets lie {found}, and have to lie in {wanted}{unknown}");
        vec![Violation::new(RULE, path::SUBNETS, message).help("add a subnet of another availability zone")]
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(MultiZone: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn said(cluster: &Cluster, facts: &Facts, set: &[(&str, SettingValue)]) -> Vec<String> {
        let violations = testing::validate_knowing::<MultiZone>(cluster, facts, &testing::settings::<MultiZone>(set));
        violations.iter().map(|v| format!("{} @ {}: {}", v.rule, v.path, v.message)).collect()
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<MultiZone>();
        testing::documented::<MultiZone>(include_str!("../README.md"));
    }

    #[test]
    fn two_zones_pass() {
        assert!(said(&testing::cluster(), &testing::facts(), &[]).is_empty());
    }

    #[test]
    fn two_subnets_of_one_zone_are_one_zone() {
        let mut facts = testing::facts();
        facts.subnets[1].zone = facts.subnets[0].zone.clone();
        assert_eq!(
            said(&testing::cluster(), &facts, &[]),
            ["multi-zone @ network.subnets: the subnets lie in one zone, us-east-1a, and have to lie in 2"]
        );
    }

    #[test]
    fn more_zones_may_be_asked_for() {
        let three = [("min-zones", 3.into())];
        assert_eq!(
            said(&testing::cluster(), &testing::facts(), &three),
            ["multi-zone @ network.subnets: the subnets lie in 2 zones, us-east-1a, us-east-1b, and have to lie in 3"]
        );
        let (mut cluster, mut facts) = (testing::cluster(), testing::facts());
        cluster.network.subnets.push("subnet-0ccc3333".into());
        facts.subnets.push(kaphost_guest::SubnetFacts {
            id: "subnet-0ccc3333".into(),
            zone: "us-east-1c".into(),
            ..facts.subnets[0].clone()
        });
        assert!(said(&cluster, &facts, &three).is_empty());
    }

    #[test]
    fn only_the_clusters_own_subnets_count_and_only_known_ones() {
        let mut cluster = testing::cluster();
        cluster.network.subnets = vec!["subnet-0aaa1111".into(), "subnet-0ccc3333".into()];
        assert_eq!(
            said(&cluster, &testing::facts(), &[]),
            [
                "multi-zone @ network.subnets: the subnets lie in one zone, us-east-1a, and have to lie in 2; nothing is known of subnet-0ccc3333"
            ]
        );
        cluster.network.subnets = vec!["subnet-0ccc3333".into()];
        assert_eq!(
            said(&cluster, &testing::facts(), &[]),
            [
                "multi-zone @ network.subnets: the subnets lie in no zone that is known, and have to lie in 2; nothing is known of subnet-0ccc3333"
            ]
        );
    }
}
