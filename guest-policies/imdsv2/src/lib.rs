//! A policy on the instance metadata service (IMDS): only session tokens open it (IMDSv2), and its answers travel no further
//! than the server itself.
//!
//! It rewrites both where the service is on, and checks them as well, for the case that another policy loosens them or this one
//! may not write. A service that is off answers nobody, and passes.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{
    Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Tokens, Validate, Violation, path,
};

/// The service insists on session tokens.
pub const IMDSV2: &str = "imdsv2";
/// Its answers travel no further than allowed.
pub const HOP_LIMIT: &str = "imds-hop-limit";

const MAX_HOP_LIMIT: setting::Integer =
    setting::Integer::new("max-hop-limit", 1, 64, 1, "The most network hops that an answer of the metadata service may travel.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&MAX_HOP_LIMIT];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct Imdsv2;

impl Policy for Imdsv2 {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide";
        Description::new("imdsv2", env!("CARGO_PKG_VERSION"), "The instance metadata service insists on session tokens.")
            .rule(
                Rule::new(IMDSV2, Severity::High, "The instance metadata service is off, or insists on session tokens.")
                    .url([CONTROLS, "/ec2-controls.html#ec2-8"].concat()),
            )
            .rule(
                Rule::new(HOP_LIMIT, Severity::Medium, "The answers of the instance metadata service travel no further than allowed.")
                    .url([CONTROLS, "/autoscaling-controls.html#autoscaling-4"].concat()),
            )
            .settings(DECLARED)
    }
}

/// The longest way that the settings allow.
fn most_hops(settings: &Settings) -> u8 {
    // The host has checked the range.
    u8::try_from(MAX_HOP_LIMIT.get(settings)).unwrap_or(1)
}

impl Mutate for Imdsv2 {
    fn mutate(cluster: Cluster, _: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        let metadata = &mut amendment.cluster.metadata;
        if !metadata.enabled {
            return Ok(amendment.done());
        }
        let (tokens, hops, most) = (metadata.tokens, metadata.hop_limit, most_hops(settings));
        metadata.tokens = Tokens::Required;
        metadata.hop_limit = hops.min(most);
        if tokens != Tokens::Required {
            amendment.because(IMDSV2, path::TOKENS, "without session tokens a forged request can read the role's credentials");
        }
        if hops > most {
            amendment.because(HOP_LIMIT, path::HOP_LIMIT, format!("answers of the metadata service travel at most {}", counted(most)));
        }
        Ok(amendment.done())
    }
}

impl Validate for Imdsv2 {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let (metadata, most) = (&cluster.metadata, most_hops(settings));
        let mut violations = Vec::new();
        if metadata.enabled && metadata.tokens != Tokens::Required {
            violations.push(
                Violation::new(IMDSV2, path::TOKENS, "the metadata service answers without a session token (IMDSv1)")
                    .help("write `metadata tokens=\"required\"`, or leave it out"),
            );
        }
        if metadata.enabled && metadata.hop_limit > most {
            let message = format!("answers of the metadata service travel {} hops, and may travel {most}", metadata.hop_limit);
            violations.push(Violation::new(HOP_LIMIT, path::HOP_LIMIT, message).help(format!("write `metadata hop-limit={most}`")));
        }
        violations
    }
}

fn counted(hops: u8) -> String {
    if hops == 1 { "1 hop".to_owned() } else { format!("{hops} hops") }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(Imdsv2: policy);
