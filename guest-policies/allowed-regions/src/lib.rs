//! A policy on where servers run: in one of the regions that are allowed, by name or by the part of the world that they lie in.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, SETTINGS, Settings, Severity, Validate, Violation, path};

/// The rule that this policy holds.
pub const RULE: &str = "region-not-allowed";

const ALLOWED: setting::Texts =
    setting::Texts::required("allowed-regions", "Regions, such as eu-west-1, and what their names start with up to a hyphen, such as eu-.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&ALLOWED];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct AllowedRegions;

impl Policy for AllowedRegions {
    fn describe() -> Description {
        Description::new("allowed-regions", env!("CARGO_PKG_VERSION"), "Servers run in allowed regions.")
            .rule(
                Rule::new(RULE, Severity::High, "The region is among the allowed ones.")
                    .url("https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"),
            )
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

impl Validate for AllowedRegions {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let allowed = ALLOWED.get(settings);
        if allowed.is_empty() {
            let name = ALLOWED.name();
            let message = format!("the setting `{name}` allows no region at all");
            let help =
                format!("list regions such as eu-west-1, or parts of the world such as eu-, in `{name}`; until then no cluster passes");
            return vec![Violation::new(SETTINGS, path::setting(name), message).help(help)];
        }
        let region = cluster.region.as_str();
        if allowed.iter().any(|&one| one == region || (one.ends_with('-') && region.starts_with(one))) {
            return Vec::new();
        }
        let message = format!("servers may not run in {region}");
        vec![Violation::new(RULE, path::REGION, message).help(format!("choose a region among: {}", path::list(allowed)))]
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(AllowedRegions: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn violations(region: &str, allowed: SettingValue) -> Vec<Violation> {
        let cluster = Cluster { region: region.into(), ..testing::cluster() };
        testing::validate::<AllowedRegions>(&cluster, &testing::settings::<AllowedRegions>(&[("allowed-regions", allowed)]))
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<AllowedRegions>();
        testing::documented::<AllowedRegions>(include_str!("../README.md"));
    }

    #[test]
    fn a_region_passes_by_its_name_and_by_its_part_of_the_world() {
        assert!(violations("eu-west-1", ["us-east-1", "eu-west-1"].into()).is_empty());
        assert!(violations("eu-west-1", ["eu-"].into()).is_empty());
        assert!(violations("us-gov-west-1", ["us-gov-"].into()).is_empty());
    }

    #[test]
    fn every_other_region_is_refused() {
        // Without its hyphen a start is a name, and there is no such region.
        for allowed in ["eu-west-2", "eu", "eu-west-11", "us-", "-"] {
            assert_eq!(testing::said(&violations("eu-west-1", [allowed].into())), ["region-not-allowed @ region"], "{allowed}");
        }
        let violation = violations("us-east-1", ["eu-", "ca-central-1"].into()).remove(0);
        assert_eq!(violation.help.as_deref(), Some("choose a region among: eu-, ca-central-1"));
    }

    #[test]
    fn a_list_of_nothing_passes_nothing() {
        assert_eq!(testing::said(&violations("us-east-1", Vec::new().into())), [r#"settings @ settings["allowed-regions"]"#]);
    }
}
