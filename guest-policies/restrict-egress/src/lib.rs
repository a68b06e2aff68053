//! A policy on what a server may reach: not the whole world, no range that is too wide, and, where networks are allowed by name, nothing
//! else; but for the ports on which anything may be reached.
//!
//! It only refuses. What the config does not say is judged too: by default a server reaches everything over IPv4.

mod ports;

use kaphost_guest::breadth::{self, Breach, Limits};
use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, EgressRule, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// Not everything can be reached.
pub const NO_WORLD: &str = "no-world-egress";
/// No range wider than the settings allow can be reached.
pub const TOO_WIDE: &str = "egress-range-too-wide";
/// Nothing can be reached that the settings do not allow.
pub const NOT_ALLOWED: &str = "egress-range-not-allowed";

const CIDRS: setting::Texts =
    setting::Texts::new("egress-cidrs", &[], "Networks that may be reached; none means any network that is not too wide.");
const OPEN_PORTS: setting::Texts = setting::Texts::new(
    "egress-open-ports",
    &[],
    "TCP ports, such as 443, and ranges, such as 8000-8999, on which any network may be reached.",
);
const MIN_PREFIX_IPV4: setting::Integer =
    setting::Integer::new("egress-min-prefix-ipv4", 0, 32, 8, "The shortest prefix, in bits, that an IPv4 range may have.");
const MIN_PREFIX_IPV6: setting::Integer =
    setting::Integer::new("egress-min-prefix-ipv6", 0, 128, 32, "The shortest prefix, in bits, that an IPv6 range may have.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&CIDRS, &OPEN_PORTS, &MIN_PREFIX_IPV4, &MIN_PREFIX_IPV6];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct RestrictEgress;

impl Policy for RestrictEgress {
    fn describe() -> Description {
        const GUIDE: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html";
        Description::new("restrict-egress", env!("CARGO_PKG_VERSION"), "Servers reach known, narrow networks.")
            .rule(Rule::new(NO_WORLD, Severity::High, "The server does not reach the whole world, in IPv4 or IPv6.").url(GUIDE))
            .rule(Rule::new(TOO_WIDE, Severity::Medium, "The server reaches no range wider than the shortest allowed prefix.").url(GUIDE))
            .rule(Rule::new(NOT_ALLOWED, Severity::Medium, "The server reaches the allowed networks only.").url(GUIDE))
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

/// What is wrong with one rule, if anything.
fn judge(rule: &EgressRule, limits: &Limits, open: &[ports::Ports]) -> Option<Violation> {
    if rule.ports.is_some_and(|ports| ports::within(ports, open)) {
        return None;
    }
    let breach = limits.check(&rule.cidr)?;
    let broken = match breach {
        Breach::World => NO_WORLD,
        Breach::TooWide { .. } => TOO_WIDE,
        Breach::NotAllowed | Breach::Unreadable(_) => NOT_ALLOWED,
    };
    let help = if limits.allowed().is_empty() {
        "write an `egress` node that allows the networks that the server needs".to_owned()
    } else {
        format!("allow only what lies within: {}", limits.names())
    };
    let on = if open.is_empty() { String::new() } else { format!(", or say ports among: {}", ports::list(open)) };
    Some(Violation::new(broken, path::egress(&rule.cidr), breach.message("the server may reach", &rule.cidr)).help(help + &on))
}

impl Validate for RestrictEgress {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let (allowed, open) = (breadth::networks(&CIDRS, settings), ports::open(&OPEN_PORTS, settings));
        let (allowed, open) = match (allowed, open) {
            (Ok(allowed), Ok(open)) => (allowed, open),
            (allowed, open) => return [allowed.err(), open.err()].into_iter().flatten().flatten().collect(),
        };
        let limits = Limits::new(allowed, MIN_PREFIX_IPV4.get(settings), MIN_PREFIX_IPV6.get(settings));
        cluster.egress.iter().filter_map(|rule| judge(rule, &limits, &open)).collect()
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(RestrictEgress: validator);
