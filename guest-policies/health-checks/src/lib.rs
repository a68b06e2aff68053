//! A policy on how a server that no longer answers is found: by the health check of a load balancer as well as by EC2's own, and
//! soon after it has started.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, HealthCheck, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// The health check of a load balancer counts.
pub const ELB: &str = "elb-health-check";
/// Health is judged soon after a start.
pub const GRACE_PERIOD: &str = "grace-period-too-long";

const REQUIRE_ELB: setting::Boolean =
    setting::Boolean::new("require-elb", true, "Whether the health check of a load balancer has to count.");
const MAX_GRACE_PERIOD: setting::Integer = setting::Integer::new(
    "max-grace-period",
    0,
    604_800,
    3600,
    "The most seconds after a launch in which the health of a server may go unjudged.",
);

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&REQUIRE_ELB, &MAX_GRACE_PERIOD];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct HealthChecks;

impl Policy for HealthChecks {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-1";
        const GUIDE: &str = "https://docs.aws.amazon.com/autoscaling/ec2/userguide/health-check-grace-period.html";
        Description::new("health-checks", env!("CARGO_PKG_VERSION"), "A server that no longer answers is found and replaced.")
            .rule(
                Rule::new(ELB, Severity::Low, "The group heeds the health check of a load balancer, not that of EC2 alone.").url(CONTROLS),
            )
            .rule(Rule::new(GRACE_PERIOD, Severity::Low, "The health of a server is judged soon after its launch.").url(GUIDE))
            .settings(DECLARED)
    }
}

impl Validate for HealthChecks {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let mut violations = Vec::new();
        if REQUIRE_ELB.get(settings) && cluster.scaling.health_check != HealthCheck::Elb {
            violations.push(
                Violation::new(
                    ELB,
                    path::HEALTH_CHECK,
                    "a server that runs and does not answer is never replaced: only EC2's own checks count",
                )
                .help("write `scaling { health-check \"elb\"; }`"),
            );
        }
        let (grace, most) = (cluster.scaling.health_check_grace_period_s, MAX_GRACE_PERIOD.get(settings));
        if i64::from(grace) > most {
            let message = format!("a server goes unjudged for {grace} seconds after its launch, and may for {most}");
            let violation = Violation::new(GRACE_PERIOD, path::GRACE_PERIOD, message);
            violations.push(violation.help(format!("write `scaling {{ health-check-grace-period \"{most}s\"; }}` or less")));
        }
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(HealthChecks: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn cluster(health_check: HealthCheck, grace: u32) -> Cluster {
        let mut cluster = testing::cluster();
        cluster.scaling.health_check = health_check;
        cluster.scaling.health_check_grace_period_s = grace;
        cluster
    }

    fn said(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<String> {
        testing::said(&testing::validate::<HealthChecks>(cluster, &testing::settings::<HealthChecks>(set)))
    }

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<HealthChecks>();
        testing::documented::<HealthChecks>(include_str!("../README.md"));
    }

    #[test]
    fn a_load_balancers_check_soon_after_the_launch_passes() {
        assert!(said(&cluster(HealthCheck::Elb, 600), &[]).is_empty());
        assert!(said(&cluster(HealthCheck::Elb, 3600), &[]).is_empty(), "the limit itself passes");
    }

    #[test]
    fn ec2s_checks_alone_are_refused_unless_they_do() {
        let ec2 = cluster(HealthCheck::Ec2, 600);
        assert_eq!(said(&ec2, &[]), ["elb-health-check @ scaling.health-check"]);
        assert!(said(&ec2, &[("require-elb", false.into())]).is_empty());
    }

    #[test]
    fn a_long_grace_period_is_refused() {
        let slow = cluster(HealthCheck::Elb, 3601);
        assert_eq!(said(&slow, &[]), ["grace-period-too-long @ scaling.health-check-grace-period"]);
        assert!(said(&slow, &[("max-grace-period", 3601.into())]).is_empty());
        let violations = testing::validate::<HealthChecks>(&slow, &testing::settings::<HealthChecks>(&[("max-grace-period", 0.into())]));
        assert_eq!(violations[0].message, "a server goes unjudged for 3601 seconds after its launch, and may for 0");
        assert_eq!(violations[0].help.as_deref(), Some("write `scaling { health-check-grace-period \"0s\"; }` or less"));
    }

    #[test]
    fn both_are_reported_together() {
        assert_eq!(said(&cluster(HealthCheck::Ec2, 7200), &[]).len(), 2);
    }
}
