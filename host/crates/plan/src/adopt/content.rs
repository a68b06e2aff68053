//! What a server is made of, said so that a template of ours can say it.
//!
//! A launch configuration leaves much to AWS; a template of kaphost's says it outright. What AWS would do is said, and what the config says the same of in another way is said in the
//! config's, so that the two compare equal.

use crate::desired::Desired;
use crate::resource::TemplateContent;

/// What a template of ours is to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// It.
    pub content: TemplateContent<String>,
    /// What is not carried over, in words: the next server is without it.
    pub otherwise: Vec<String>,
    /// What cannot be left out without another server, and cannot be said: by AWS's own names.
    pub refused: Vec<String>,
}

/// Parts by AWS's own names that are left to AWS, and what is said in their place. What is between is the name of a device.
const UNSET_ENCRYPTED: &str = "Encrypted (unset)";
const UNSET_DELETE: &str = "DeleteOnTermination (unset)";
const UNSET_PUBLIC: [&str; 3] =
    ["AssociatePublicIpAddress (unset)", "NetworkInterfaces.AssociatePublicIpAddress (unset)", "NetworkInterfaces (none)"];

/// Whether it leaves to the subnets whether a server has a public address.
#[must_use]
pub fn leaves_public_ip_open(content: &TemplateContent<String>) -> bool {
    UNSET_PUBLIC.iter().any(|part| content.foreign.contains(*part))
}

/// Says outright what is left to AWS. `public` is what the subnets do where nothing says whether servers get a public address: `None` when they differ.
#[must_use]
pub fn settle(found: &TemplateContent<String>, desired: Option<&Desired>, public: Option<bool>) -> Settled {
    let mut content = found.clone();
    let (mut otherwise, mut refused) = (Vec::new(), Vec::new());
    for part in std::mem::take(&mut content.foreign) {
        if UNSET_PUBLIC.contains(&part.as_str()) {
            content.public_ip = public.or_else(|| desired.map(|desired| desired.template.public_ip)).unwrap_or_default();
            if public.is_none() {
                let said = content.public_ip;
                otherwise
                    .push(format!("whether a server has a public address is left to its subnet, and the subnets differ: public-ip={said}"));
            }
        } else if part == "Monitoring" {
            otherwise.push("detailed monitoring is on: the next server has the basic one, for kaphost does not ask for it".to_owned());
        } else if let Some(device) = part.strip_suffix(UNSET_DELETE).and_then(device) {
            // What Auto Scaling does where nothing is said.
            content.devices.entry(device.to_owned()).and_modify(|device| device.delete_on_termination = true);
        } else if part.ends_with(UNSET_ENCRYPTED) {
            // Not encrypted, unless the account encrypts everything, which wins over what is said, too.
        } else {
            refused.push(part);
        }
    }
    if !content.image.starts_with("ami-") {
        // A parameter, which stands for another image tomorrow.
        refused.push(format!("ImageId ({})", content.image));
    }
    for (name, device) in &mut content.devices {
        if device.volume_type.is_empty() {
            "gp2".clone_into(&mut device.volume_type);
        }
        if device.size_gib == 0 {
            let said = desired.and_then(|desired| desired.template.devices.get(name)).map(|device| device.size_gib);
            match said {
                Some(size_gib) => device.size_gib = size_gib,
                None => refused.push(format!("BlockDeviceMappings[{name}].VolumeSize (unset)")),
            }
        }
    }
    if content.spot.is_none() && content.tenancy.is_none() {
        content.tenancy = Some("default".to_owned());
    }
    if content.metadata_tokens.is_empty() {
        "optional".clone_into(&mut content.metadata_tokens);
    }
    if content.metadata_hop_limit == 0 {
        content.metadata_hop_limit = 1;
    }
    if let Some(desired) = desired {
        let wanted = &desired.template;
        if content.ebs_optimized != Some(true) && wanted.ebs_optimized != Some(true) {
            content.ebs_optimized = wanted.ebs_optimized;
        }
        // They reach the next server only, and no config could go without the owner's.
        content.instance_tags.clone_from(&wanted.instance_tags);
        content.volume_tags.clone_from(&wanted.volume_tags);
    }
    Settled { content, otherwise, refused }
}

/// The name of the device in `BlockDeviceMappings[/dev/xvda].`
fn device(part: &str) -> Option<&str> {
    part.strip_prefix("BlockDeviceMappings[")?.strip_suffix("].")
}
