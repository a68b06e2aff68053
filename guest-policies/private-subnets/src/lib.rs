//! A policy on the subnets of a server: none of them hands out public addresses by itself.
//!
//! That is a property of the subnet and not of the cluster, so the policy needs to know the subnets as AWS has them, and can only refuse. It is
//! a policy of its own beside `no-public-ip`, which needs to know nothing.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Fact, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// No subnet hands out public addresses.
pub const PRIVATE: &str = "private-subnets";
/// The facts cover every subnet of the cluster.
pub const UNKNOWN: &str = "subnet-unknown";

const PUBLIC_SUBNETS: setting::Texts =
    setting::Texts::new("public-subnets", &[], "Ids of subnets that may hand out public addresses all the same.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&PUBLIC_SUBNETS];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct PrivateSubnets;

impl Policy for PrivateSubnets {
    fn describe() -> Description {
        Description::new("private-subnets", env!("CARGO_PKG_VERSION"), "Servers live in subnets that hand out no public addresses.")
            .rule(
                Rule::new(PRIVATE, Severity::Medium, "No subnet of the cluster hands out public addresses by itself.")
                    .url("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-15"),
            )
            .rule(Rule::new(UNKNOWN, Severity::High, "Every subnet of the cluster is known, so that it can be judged."))
            .settings(DECLARED)
            .needs(Fact::Subnets)
    }
}

impl Validate for PrivateSubnets {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let excepted = PUBLIC_SUBNETS.get(settings);
        let judge = |id: &String| {
            if excepted.contains(&id.as_str()) {
                return None;
            }
            match facts.subnets.iter().find(|subnet| subnet.id == *id) {
                Some(subnet) if !subnet.auto_public_ip => None,
                Some(subnet) => Some(
                    Violation::new(PRIVATE, path::subnet(id), format!("the subnet {id} in {} hands out public addresses", subnet.zone))
                        .help("choose a private subnet, or turn off the subnet's setting to assign public IPv4 addresses"),
                ),
                None => Some(
                    Violation::new(UNKNOWN, path::subnet(id), format!("nothing is known of the subnet {id}, so it cannot be judged"))
                        .help("name the subnet in the config itself; facts given in a file have to be those of this cluster"),
                ),
            }
        };
        cluster.network.subnets.iter().filter_map(judge).collect()
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(PrivateSubnets: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn said(public: &[usize], set: &[(&str, SettingValue)]) -> Vec<String> {
        let mut facts = testing::facts();
        public.iter().for_each(|&index| facts.subnets[index].auto_public_ip = true);
        testing::said(&testing::validate_knowing::<PrivateSubnets>(&testing::cluster(), &facts, &testing::settings::<PrivateSubnets>(set)))
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<PrivateSubnets>();
        testing::documented::<PrivateSubnets>(include_str!("../README.md"));
    }

    #[test]
    fn private_subnets_pass_and_each_public_one_is_named() {
        assert!(said(&[], &[]).is_empty());
        assert_eq!(said(&[1], &[]), [r#"private-subnets @ network.subnets["subnet-0bbb2222"]"#]);
        assert_eq!(said(&[0, 1], &[]).len(), 2);
    }

    #[test]
    fn a_subnet_may_be_excepted() {
        assert!(said(&[1], &[("public-subnets", ["subnet-0bbb2222"].into())]).is_empty());
        assert_eq!(said(&[0, 1], &[("public-subnets", ["subnet-0bbb2222"].into())]).len(), 1);
    }

    #[test]
    fn what_is_not_known_does_not_pass() {
        let mut cluster = testing::cluster();
        cluster.network.subnets.push("subnet-0ccc3333".into());
        let settings = testing::settings::<PrivateSubnets>(&[]);
        let violations = testing::validate_knowing::<PrivateSubnets>(&cluster, &testing::facts(), &settings);
        assert_eq!(testing::said(&violations), [r#"subnet-unknown @ network.subnets["subnet-0ccc3333"]"#]);
    }
}
