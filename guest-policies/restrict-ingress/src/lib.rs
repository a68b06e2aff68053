//! A policy on every open port of a server, SSH and Kapacitor's API alike: open to nobody from the whole world, to no range that is too wide, and,
//! where sources are allowed by name, to nobody else.
//!
//! It only refuses. Rules that lie on a security group of somebody else's (`http security-group=`) are judged in the same way.

use kaphost_guest::breadth::{self, Breach, Limits};
use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, Settings, Severity, Source, Validate, Violation, path};

/// No port is open to everybody.
pub const NO_WORLD: &str = "no-world-ingress";
/// No port is open to a range wider than the settings allow.
pub const TOO_WIDE: &str = "ingress-range-too-wide";
/// No port is open to a source that the settings do not allow.
pub const NOT_ALLOWED: &str = "ingress-source-not-allowed";

const SOURCES: setting::Texts = setting::Texts::new(
    "ingress-sources",
    &[],
    "Networks and security groups that may open connections; none means any group, and any network that is not too wide.",
);
const MIN_PREFIX_IPV4: setting::Integer =
    setting::Integer::new("ingress-min-prefix-ipv4", 0, 32, 8, "The shortest prefix, in bits, that an IPv4 range may have.");
const MIN_PREFIX_IPV6: setting::Integer =
    setting::Integer::new("ingress-min-prefix-ipv6", 0, 128, 32, "The shortest prefix, in bits, that an IPv6 range may have.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&SOURCES, &MIN_PREFIX_IPV4, &MIN_PREFIX_IPV6];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct RestrictIngress;

impl Policy for RestrictIngress {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html";
        Description::new("restrict-ingress", env!("CARGO_PKG_VERSION"), "Every open port is open to known, narrow sources.")
            .rule(
                Rule::new(NO_WORLD, Severity::High, "No port is open to the whole world, in IPv4 or IPv6.")
                    .url([CONTROLS, "#ec2-18"].concat()),
            )
            .rule(
                Rule::new(TOO_WIDE, Severity::High, "No port is open to a range wider than the shortest allowed prefix.")
                    .url([CONTROLS, "#ec2-19"].concat()),
            )
            .rule(
                Rule::new(NOT_ALLOWED, Severity::High, "Every port is open to the allowed sources only.")
                    .url([CONTROLS, "#ec2-18"].concat()),
            )
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

/// The settings, understood.
struct Allowed<'a> {
    /// Whether anything is allowed by name: then nothing else is.
    by_name: bool,
    groups: Vec<&'a str>,
    limits: Limits,
}

impl<'a> Allowed<'a> {
    fn new(settings: &'a Settings) -> Result<Self, Vec<Violation>> {
        let sources = SOURCES.get(settings);
        let by_name = !sources.is_empty();
        let (mut groups, mut networks, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for source in sources {
            if source.starts_with("sg-") {
                groups.push(source);
                continue;
            }
            match source.parse() {
                Ok(network) => networks.push(network),
                Err(why) => wrong.push(breadth::no_network(&SOURCES, source, why)),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Self { by_name, groups, limits: Limits::new(networks, MIN_PREFIX_IPV4.get(settings), MIN_PREFIX_IPV6.get(settings)) })
    }

    /// The rule that a source breaks, and what is wrong with it.
    fn judge(&self, port: u16, source: &Source) -> Option<(&'static str, String)> {
        let lead = format!("port {port} is open to");
        let cidr = match source {
            Source::SecurityGroup(group) if self.by_name && !self.groups.contains(&group.as_str()) => {
                return Some((NOT_ALLOWED, format!("{lead} the security group {group}, which is not allowed")));
            }
            Source::SecurityGroup(_) => return None,
            Source::Cidr(cidr) => cidr,
        };
        let breach = match self.limits.check(cidr) {
            Some(breach) => breach,
            // Groups alone are allowed by name: then no network is.
            None if self.by_name && self.limits.allowed().is_empty() => Breach::NotAllowed,
            None => return None,
        };
        let rule = match breach {
            Breach::World => NO_WORLD,
            Breach::TooWide { .. } => TOO_WIDE,
            Breach::NotAllowed | Breach::Unreadable(_) => NOT_ALLOWED,
        };
        Some((rule, breach.message(&lead, cidr)))
    }

    fn help(&self) -> String {
        if !self.by_name {
            return "name the networks that need it, or a security group".to_owned();
        }
        let networks = self.limits.allowed().iter().map(ToString::to_string);
        format!("allow only what lies within: {}", path::list(networks.chain(self.groups.iter().map(|&group| group.to_owned()))))
    }
}

impl Validate for RestrictIngress {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let allowed = match Allowed::new(settings) {
            Ok(allowed) => allowed,
            Err(violations) => return violations,
        };
        let mut violations = Vec::new();
        let ssh = (cluster.ssh.port, &cluster.ssh.allow, path::ssh_allow as fn(&Source) -> String);
        let http = (cluster.http.port, &cluster.http.allow, path::http_allow as fn(&Source) -> String);
        for (port, rules, path) in [ssh, http] {
            for rule in rules {
                if let Some((broken, message)) = allowed.judge(port, &rule.source) {
                    violations.push(Violation::new(broken, path(&rule.source), message).help(allowed.help()));
                }
            }
        }
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(RestrictIngress: validator);
