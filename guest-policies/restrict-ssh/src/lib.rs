//! A policy on who may open SSH: nobody from the whole world, nobody from a range that is too wide, and, where ranges are
//! allowed by name, nobody from elsewhere.
//!
//! It refuses, with one violation per offending rule; with the setting `narrow` it cuts the rules down to the allowed
//! ranges instead, and refuses what is still wrong afterwards. Security groups are not ranges, and always pass. Settings
//! that cannot be understood are a violation of their own: the policy never guesses, and never passes by mistake.

mod narrow;

use kaphost_guest::breadth::{self, Breach, Limits};
use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{
    Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Source, Validate, Violation, path,
};

/// Nobody opens SSH from everywhere.
pub const NO_WORLD_SSH: &str = "no-world-ssh";
/// Nobody opens SSH from a range wider than the settings allow.
pub const TOO_WIDE: &str = "ssh-range-too-wide";
/// Nobody opens SSH from outside of the allowed ranges.
pub const NOT_ALLOWED: &str = "ssh-range-not-allowed";
pub use kaphost_guest::SETTINGS;

const ALLOWED_CIDRS: setting::Texts =
    setting::Texts::new("allowed-cidrs", &[], "Networks that SSH may come from; none means any network that is not too wide.");
const MIN_PREFIX_IPV4: setting::Integer =
    setting::Integer::new("min-prefix-ipv4", 0, 32, 8, "The shortest prefix, in bits, that an IPv4 range may have.");
const MIN_PREFIX_IPV6: setting::Integer =
    setting::Integer::new("min-prefix-ipv6", 0, 128, 32, "The shortest prefix, in bits, that an IPv6 range may have.");
const NARROW: setting::Boolean =
    setting::Boolean::new("narrow", false, "Cut offending rules down to the allowed networks instead of refusing them.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&ALLOWED_CIDRS, &MIN_PREFIX_IPV4, &MIN_PREFIX_IPV6, &NARROW];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct RestrictSsh;

impl Policy for RestrictSsh {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html";
        Description::new("restrict-ssh", env!("CARGO_PKG_VERSION"), "SSH comes from known, narrow networks.")
            .rule(
                Rule::new(NO_WORLD_SSH, Severity::Critical, "SSH is not open to the whole world, in IPv4 or IPv6.")
                    .url(format!("{CONTROLS}#ec2-53")),
            )
            .rule(
                Rule::new(TOO_WIDE, Severity::High, "SSH is open to no range wider than the shortest allowed prefix.")
                    .url(format!("{CONTROLS}#ec2-13")),
            )
            .rule(Rule::new(NOT_ALLOWED, Severity::High, "SSH is open to the allowed networks only.").url(format!("{CONTROLS}#ec2-18")))
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

/// The limits that the settings describe, or what is wrong with the settings.
fn limits(settings: &Settings) -> Result<Limits, Vec<Violation>> {
    let allowed = breadth::networks(&ALLOWED_CIDRS, settings)?;
    Ok(Limits::new(allowed, MIN_PREFIX_IPV4.get(settings), MIN_PREFIX_IPV6.get(settings)))
}

/// The rule that a breach breaks.
const fn rule(breach: &Breach) -> &'static str {
    match breach {
        Breach::World => NO_WORLD_SSH,
        Breach::TooWide { .. } => TOO_WIDE,
        Breach::NotAllowed | Breach::Unreadable(_) => NOT_ALLOWED,
    }
}

/// What to do about a breach, in one sentence.
fn help(limits: &Limits, breach: &Breach) -> String {
    if !limits.allowed().is_empty() {
        return format!("allow a network within {}, or a security group", limits.names());
    }
    match breach {
        Breach::TooWide { min_prefix, .. } => {
            format!("name the networks that need it, each /{min_prefix} or narrower, or a security group")
        }
        Breach::World | Breach::NotAllowed | Breach::Unreadable(_) => {
            "name the networks that need it, such as your office's or VPN's, or the security group of a bastion".to_owned()
        }
    }
}

impl Validate for RestrictSsh {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let limits = match limits(settings) {
            Ok(limits) => limits,
            Err(violations) => return violations,
        };
        let offence = |source: &Source| {
            let Source::Cidr(cidr) = source else { return None };
            let breach = limits.check(cidr)?;
            Some(
                Violation::new(rule(&breach), path::ssh_allow(source), breach.message("SSH is open to", cidr)).help(help(&limits, &breach)),
            )
        };
        cluster.ssh.allow.iter().filter_map(|rule| offence(&rule.source)).collect()
    }
}

impl Mutate for RestrictSsh {
    /// Changes nothing unless told to narrow, and knows what to: settings that cannot be understood are left to validation.
    fn mutate(cluster: Cluster, _: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        if NARROW.get(settings)
            && let Ok(limits) = limits(settings)
        {
            narrow::narrow(&mut amendment, &limits);
        }
        Ok(amendment.done())
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(RestrictSsh: policy);
