//! A policy on the size and kind of a server: its instance type is one of those that are allowed, by name or by family.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, SETTINGS, Settings, Severity, Validate, Violation, path};

/// The rule that this policy holds.
pub const RULE: &str = "instance-type-not-allowed";

const ALLOWED: setting::Texts = setting::Texts::required(
    "allowed-instance-types",
    "Instance types, such as t3.small, and whole families, such as t3, that may be used.",
);

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&ALLOWED];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct InstanceTypes;

impl Policy for InstanceTypes {
    fn describe() -> Description {
        Description::new("instance-types", env!("CARGO_PKG_VERSION"), "Servers are of allowed instance types.")
            .rule(
                Rule::new(RULE, Severity::Medium, "The instance type, or its family, is among the allowed ones.")
                    .url("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-types.html"),
            )
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

impl Validate for InstanceTypes {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let allowed = ALLOWED.get(settings);
        if allowed.is_empty() {
            let name = ALLOWED.name();
            let message = format!("the setting `{name}` allows no instance type at all");
            let help = format!("list types such as t3.small, or families such as t3, in `{name}`; until then no cluster passes");
            return vec![Violation::new(SETTINGS, path::setting(name), message).help(help)];
        }
        let given = cluster.instance_type.as_str();
        let family = given.split('.').next().unwrap_or(given);
        if allowed.iter().any(|&one| one == given || one == family) {
            return Vec::new();
        }
        let message = format!("the instance type {given} is not allowed");
        vec![Violation::new(RULE, path::INSTANCE_TYPE, message).help(format!("choose one of: {}", path::list(allowed)))]
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(InstanceTypes: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn violations(given: &str, allowed: SettingValue) -> Vec<Violation> {
        let cluster = Cluster { instance_type: given.into(), ..testing::cluster() };
        testing::validate::<InstanceTypes>(&cluster, &testing::settings::<InstanceTypes>(&[("allowed-instance-types", allowed)]))
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<InstanceTypes>();
        testing::documented::<InstanceTypes>(include_str!("../README.md"));
    }

    #[test]
    fn a_type_passes_by_its_name_and_by_its_family() {
        for allowed in [["t3.small"], ["t3"]] {
            assert!(violations("t3.small", allowed.into()).is_empty(), "{allowed:?}");
        }
        assert!(violations("m7i-flex.large", ["t3", "m7i-flex"].into()).is_empty());
    }

    #[test]
    fn a_family_is_not_the_start_of_a_name() {
        for (given, allowed) in
            [("t3.small", "t3.smal"), ("t3a.small", "t3"), ("m7i-flex.large", "m7i"), ("t3.small", "t"), ("t3.small", "small")]
        {
            assert_eq!(
                testing::said(&violations(given, [allowed].into())),
                ["instance-type-not-allowed @ instance-type"],
                "{given} {allowed}"
            );
        }
    }

    #[test]
    fn the_help_lists_what_is_allowed() {
        let violation = violations("p5.48xlarge", ["t3", "m7i.large"].into()).remove(0);
        assert_eq!(violation.message, "the instance type p5.48xlarge is not allowed");
        assert_eq!(violation.help.as_deref(), Some("choose one of: t3, m7i.large"));
    }

    #[test]
    fn a_list_of_nothing_passes_nothing() {
        assert_eq!(testing::said(&violations("t3.small", Vec::new().into())), [r#"settings @ settings["allowed-instance-types"]"#]);
    }
}
