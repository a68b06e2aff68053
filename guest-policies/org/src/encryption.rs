//! Volumes that are encrypted at rest.

use kaphost_guest::{Amendment, Cluster, Rule, Severity, Violation, path};

/// The rule: every volume is encrypted.
pub const ENCRYPTED_VOLUMES: &str = "encrypted-volumes";

const REASON: &str = "every volume is encrypted at rest";

pub(crate) fn rule() -> Rule {
    Rule::new(ENCRYPTED_VOLUMES, Severity::High, "The root volume and every further volume are encrypted.")
        .url("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-3")
}

/// Turns encryption on where it is off. The key stays what it was: none is the account's default EBS key.
pub(crate) fn encrypt(amendment: &mut Amendment) {
    let off = unencrypted_paths(&amendment.cluster);
    amendment.cluster.root_volume.encrypted = true;
    for volume in &mut amendment.cluster.volumes {
        volume.settings.encrypted = true;
    }
    for path in off {
        amendment.because(ENCRYPTED_VOLUMES, path, REASON);
    }
}

/// What another policy has turned off again, or what stands when this module may not write.
pub(crate) fn unencrypted(cluster: &Cluster) -> Vec<Violation> {
    let violation = |path| Violation::new(ENCRYPTED_VOLUMES, path, "the volume is not encrypted").help("write `encrypted=#true`");
    unencrypted_paths(cluster).into_iter().map(violation).collect()
}

fn unencrypted_paths(cluster: &Cluster) -> Vec<String> {
    let root = (path::ROOT_VOLUME.to_owned(), cluster.root_volume.encrypted);
    let further = cluster.volumes.iter().map(|volume| (path::volume(&volume.device), volume.settings.encrypted));
    std::iter::once(root).chain(further).filter(|(_, encrypted)| !encrypted).map(|(volume, _)| path::below(&volume, "encrypted")).collect()
}
