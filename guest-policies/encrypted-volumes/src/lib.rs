//! A policy on volumes: each is encrypted at rest, and with the organisation's key where one is named.
//!
//! It rewrites both, and checks them as well, for the case that another policy undoes it or this one may not write.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{
    Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Validate, Violation, VolumeSettings, path,
};

/// Every volume is encrypted.
pub const ENCRYPTED_VOLUMES: &str = "encrypted-volumes";
/// Every volume is encrypted with the named key.
pub const VOLUME_KEY: &str = "volume-key";
/// The settings can be understood.
pub use kaphost_guest::SETTINGS;

const KMS_KEY: setting::Text =
    setting::Text::new("kms-key", "", "The key that every volume is encrypted with: an id, alias or ARN; none leaves it to the config.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&KMS_KEY];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct EncryptedVolumes;

impl Policy for EncryptedVolumes {
    fn describe() -> Description {
        Description::new("encrypted-volumes", env!("CARGO_PKG_VERSION"), "Volumes are encrypted at rest.")
            .rule(
                Rule::new(ENCRYPTED_VOLUMES, Severity::High, "The root volume and every further volume are encrypted.")
                    .url("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-3"),
            )
            .rule(
                Rule::new(VOLUME_KEY, Severity::Medium, "The root volume and every further volume are encrypted with the named key.")
                    .url("https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html"),
            )
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

/// The key that is asked for, if any.
///
/// # Errors
/// The text that is no key: what is written into a cluster has to be one, or the host takes the answer for a broken one.
fn key(settings: &Settings) -> Result<Option<&str>, &str> {
    match KMS_KEY.get(settings).trim() {
        "" => Ok(None),
        text if is_key(text) => Ok(Some(text)),
        text => Err(text),
    }
}

/// What a config may name as a key, too: the id, the alias or the ARN of one.
fn is_key(text: &str) -> bool {
    let is_id = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let named = text.starts_with("alias/") || text.starts_with("mrk-") || (text.starts_with("arn:") && text.contains(":kms:"));
    (is_id || named) && text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/:.".contains(&b))
}

impl Mutate for EncryptedVolumes {
    fn mutate(cluster: Cluster, _: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        // With a text that is no key nothing is put in its place, and validation refuses.
        let key = key(settings).unwrap_or_default();
        // Paths are made where something is said of them: most volumes are as they should be.
        let encrypt = |at: &dyn Fn() -> String, volume: &mut VolumeSettings| {
            let mut reasons = Vec::new();
            if !volume.encrypted {
                volume.encrypted = true;
                reasons.push((ENCRYPTED_VOLUMES, path::below(&at(), "encrypted"), "every volume is encrypted at rest"));
            }
            if let Some(key) = key
                && volume.kms_key.as_deref() != Some(key)
            {
                volume.kms_key = Some(key.to_owned());
                reasons.push((VOLUME_KEY, path::below(&at(), "kms-key"), "every volume is encrypted with the organisation's key"));
            }
            reasons
        };
        let mut reasons = encrypt(&|| path::ROOT_VOLUME.to_owned(), &mut amendment.cluster.root_volume);
        for volume in &mut amendment.cluster.volumes {
            reasons.extend(encrypt(&|| path::volume(&volume.device), &mut volume.settings));
        }
        for (rule, path, reason) in reasons {
            amendment.because(rule, path, reason);
        }
        Ok(amendment.done())
    }
}

impl Validate for EncryptedVolumes {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let mut violations = Vec::new();
        let key = key(settings).unwrap_or_else(|text| {
            let example = "a key id, an alias such as alias/volumes, or an ARN";
            violations.push(Violation::of_setting(KMS_KEY.name(), text, "no KMS key", example));
            None
        });
        let mut check = |at: &dyn Fn() -> String, volume: &VolumeSettings| {
            if !volume.encrypted {
                let violation = Violation::new(ENCRYPTED_VOLUMES, path::below(&at(), "encrypted"), "the volume is not encrypted");
                let named = key.map(|key| format!(" kms-key={}", path::quoted(key))).unwrap_or_default();
                violations.push(violation.help(format!("write `encrypted=#true{named}`")));
                return;
            }
            let Some(key) = key else { return };
            let with = match volume.kms_key.as_deref() {
                Some(other) if other == key => return,
                Some(other) => path::quoted(other),
                None => "the account's default key".to_owned(),
            };
            let message = format!("the volume is encrypted with {with}, and has to be with {}", path::quoted(key));
            let violation = Violation::new(VOLUME_KEY, path::below(&at(), "kms-key"), message);
            violations.push(violation.help(format!("write `kms-key={}`", path::quoted(key))));
        };
        check(&|| path::ROOT_VOLUME.to_owned(), &cluster.root_volume);
        for volume in &cluster.volumes {
            check(&|| path::volume(&volume.device), &volume.settings);
        }
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(EncryptedVolumes: policy);
