//! A policy on descriptions: every rule of the security group says what it is for, in words of whoever wrote it.
//!
//! AWS insists on nothing, and kaphost writes a description where the config has none: "SSH from 10.0.0.0/8". That says nothing that the rule does
//! not say by itself, so it does not count unless the settings say that it does.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, EgressRule, Facts, IngressRule, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// Every rule has a description that somebody wrote.
pub const DESCRIBED: &str = "rule-described";
/// Every description is long enough to say something.
pub const TOO_SHORT: &str = "rule-description-too-short";

const MIN_LENGTH: setting::Integer =
    setting::Integer::new("min-description-length", 1, 255, 4, "The fewest characters that a description may have.");
const GENERATED: setting::Boolean = setting::Boolean::new(
    "generated-descriptions",
    false,
    "Whether the description that kaphost writes, where the config has none, will do.",
);

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&MIN_LENGTH, &GENERATED];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct RuleDescriptions;

impl Policy for RuleDescriptions {
    fn describe() -> Description {
        const GUIDE: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html";
        Description::new("rule-descriptions", env!("CARGO_PKG_VERSION"), "Every rule of the security group says what it is for.")
            .rule(Rule::new(DESCRIBED, Severity::Low, "Every rule of the security group has a description that somebody wrote.").url(GUIDE))
            .rule(Rule::new(TOO_SHORT, Severity::Low, "Every description of a rule is long enough to say something.").url(GUIDE))
            .settings(DECLARED)
    }
}

/// What kaphost writes where the config says nothing.
fn ingress_generated(what: &str, rule: &IngressRule) -> bool {
    rule.description.strip_prefix(what).and_then(|rest| rest.strip_prefix(" from ")) == Some(rule.source.key())
}

/// The same of a rule on what the server may reach; and of the one that stands where there is no `egress` node.
fn egress_generated(rule: &EgressRule) -> bool {
    let generated = match rule.ports {
        None => format!("everything to {}", rule.cidr),
        Some((from, to)) if from == to => format!("port {from} to {}", rule.cidr),
        Some((from, to)) => format!("ports {from}-{to} to {}", rule.cidr),
    };
    rule.description == generated || rule.description == "everything over IPv4"
}

impl Validate for RuleDescriptions {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let (fewest, generated_will_do) = (MIN_LENGTH.get(settings), GENERATED.get(settings));
        let mut violations = Vec::new();
        let mut check = |path: String, text: &str, generated: bool| {
            let at = path::below(&path, "description");
            let length = text.trim().chars().count();
            let (rule, message) = if length == 0 || (generated && !generated_will_do) {
                (DESCRIBED, "nobody says what the rule is for".to_owned())
            } else if i64::try_from(length).is_ok_and(|length| length < fewest) {
                (TOO_SHORT, format!("the description {} has {length} of at least {fewest} characters", path::quoted(text)))
            } else {
                return;
            };
            violations.push(Violation::new(rule, at, message).help("write what needs the rule, and for what: `description=\"…\"`"));
        };
        for rule in &cluster.ssh.allow {
            check(path::ssh_allow(&rule.source), &rule.description, ingress_generated("SSH", rule));
        }
        for rule in &cluster.http.allow {
            check(path::http_allow(&rule.source), &rule.description, ingress_generated("Kapacitor", rule));
        }
        for rule in &cluster.egress {
            check(path::egress(&rule.cidr), &rule.description, egress_generated(rule));
        }
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(RuleDescriptions: validator);

#[cfg(test)]
mod tests {
    use kaphost_guest::{SettingValue, testing};

    use super::*;

    fn violations(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<Violation> {
        testing::validate::<RuleDescriptions>(cluster, &testing::settings::<RuleDescriptions>(set))
    }

    /// One rule of each kind, described like this.
    fn described(ssh: &str, http: &str, egress: &str) -> Cluster {
        let mut cluster = testing::cluster();
        cluster.ssh.allow = vec![testing::ingress("10.0.0.0/8", ssh)];
        cluster.http.allow = vec![testing::ingress("sg-0123abcd", http)];
        cluster.egress[0].description = egress.into();
        cluster
    }

    const AT: [&str; 3] =
        [r#"ssh.allow["10.0.0.0/8"].description"#, r#"http.allow["sg-0123abcd"].description"#, r#"egress["0.0.0.0/0"].description"#];

    #[test]
    fn keeps_the_contract_and_its_readme() {
        testing::described::<RuleDescriptions>();
        testing::documented::<RuleDescriptions>(include_str!("../README.md"));
    }

    #[test]
    fn words_of_somebody_pass() {
        assert!(violations(&testing::cluster(), &[]).is_empty());
        assert!(violations(&described("SSH from 10.0.0.0/8, the office", "wall", "updates"), &[]).is_empty());
    }

    #[test]
    fn what_kaphost_wrote_is_nobodys_word_unless_it_will_do() {
        let cluster = described("SSH from 10.0.0.0/8", "Kapacitor from sg-0123abcd", "everything to 0.0.0.0/0");
        assert_eq!(testing::said(&violations(&cluster, &[])), AT.map(|at| format!("rule-described @ {at}")));
        assert!(violations(&cluster, &[("generated-descriptions", true.into())]).is_empty());
        let whole = described("office", "dashboards", "everything over IPv4");
        assert_eq!(testing::said(&violations(&whole, &[])), [format!("rule-described @ {}", AT[2])]);
    }

    #[test]
    fn what_kaphost_writes_for_ports_is_known() {
        for (ports, text, generated) in [
            ((443, 443), "port 443 to 0.0.0.0/0", true),
            ((80, 443), "ports 80-443 to 0.0.0.0/0", true),
            ((80, 443), "port 443 to 0.0.0.0/0", false),
            ((443, 443), "everything to 0.0.0.0/0", false),
        ] {
            let mut cluster = described("office", "dashboards", text);
            cluster.egress[0].ports = Some(ports);
            assert_eq!(!violations(&cluster, &[]).is_empty(), generated, "{text}");
        }
    }

    #[test]
    fn blanks_are_no_words_even_where_kaphosts_own_will_do() {
        let found = violations(&described("  ", "dashboards", "updates"), &[("generated-descriptions", true.into())]);
        assert_eq!(testing::said(&found), [format!("rule-described @ {}", AT[0])]);
    }

    #[test]
    fn a_description_may_be_too_short() {
        let cluster = described("me", "wall", "üüüü");
        let found = violations(&cluster, &[]);
        assert_eq!(testing::said(&found), [format!("rule-description-too-short @ {}", AT[0])]);
        assert_eq!(found[0].message, r#"the description "me" has 2 of at least 4 characters"#);
        assert_eq!(violations(&cluster, &[("min-description-length", 5.into())]).len(), 3);
        assert!(violations(&cluster, &[("min-description-length", 1.into())]).is_empty());
    }
}
