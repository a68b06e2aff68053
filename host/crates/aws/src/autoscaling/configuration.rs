//! What a launch configuration says, as a launch template would. kaphost makes none, and takes over what one has launched.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{
    BlockDeviceMapping, InstanceMetadataEndpointState, InstanceMetadataHttpTokensState, InstanceMetadataOptions, LaunchConfiguration,
};
use kaphost_apply::CloudError;
use kaphost_plan::{DeviceContent, Launches, Tags, TemplateContent};

use super::AutoScaling;
use crate::ec2::launch_template::{decoded, profile_name};

impl AutoScaling {
    /// The launch configuration of a name.
    pub(crate) async fn configuration(&self, name: &str) -> Result<Launches, CloudError> {
        let call = self.client.describe_launch_configurations().launch_configuration_names(name);
        let answer = call.send().await.map_err(self.error("DescribeLaunchConfigurations"))?;
        let found = answer.launch_configurations().iter().find(|found| found.launch_configuration_name() == Some(name));
        Ok(match found {
            Some(found) => Launches::Configuration { name: name.to_owned(), content: content(found) },
            None => Launches::Else(format!("the launch configuration {name}, which is gone")),
        })
    }
}

/// What it leaves to AWS is named, by the name that a template has for it and "(unset)" behind it.
pub(crate) fn content(found: &LaunchConfiguration) -> TemplateContent<String> {
    let set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let mut foreign = BTreeSet::new();
    let mut mark = |there: bool, part: &str| {
        if there {
            foreign.insert(part.to_owned());
        }
    };
    mark(set(found.kernel_id()), "KernelId");
    mark(set(found.ramdisk_id()), "RamDiskId");
    mark(set(found.classic_link_vpc_id()) || !found.classic_link_vpc_security_groups().is_empty(), "ClassicLink");
    // On where nothing is said.
    mark(found.instance_monitoring().is_none_or(|monitoring| monitoring.enabled() != Some(false)), "Monitoring");
    mark(found.associate_public_ip_address().is_none(), "AssociatePublicIpAddress (unset)");
    let user_data = decoded(found.user_data());
    mark(user_data.is_err(), "UserData (no text)");
    let (metadata_enabled, metadata_tokens, metadata_hop_limit) = metadata(found.metadata_options());
    TemplateContent {
        image: found.image_id().unwrap_or_default().to_owned(),
        instance_type: found.instance_type().unwrap_or_default().to_owned(),
        key: text(found.key_name()),
        instance_profile: found.iam_instance_profile().map(profile_name).unwrap_or_default().to_owned(),
        security_groups: found.security_groups().to_vec(),
        public_ip: found.associate_public_ip_address().unwrap_or_default(),
        tenancy: text(found.placement_tenancy()),
        spot: text(found.spot_price()).map(Some),
        ebs_optimized: found.ebs_optimized(),
        metadata_enabled,
        metadata_tokens,
        metadata_hop_limit,
        devices: devices(found.block_device_mappings(), &mut foreign),
        user_data: user_data.unwrap_or_default(),
        instance_tags: Tags::new(),
        volume_tags: Tags::new(),
        foreign,
    }
}

/// Enabled, tokens, hops. What is unset is empty, and 0.
fn metadata(options: Option<&InstanceMetadataOptions>) -> (bool, String, u8) {
    let Some(options) = options else { return (true, String::new(), 0) };
    let enabled = options.http_endpoint() != Some(&InstanceMetadataEndpointState::Disabled);
    let tokens = options.http_tokens().map(InstanceMetadataHttpTokensState::as_str).unwrap_or_default().to_owned();
    let hops = options.http_put_response_hop_limit().and_then(|hops| u8::try_from(hops).ok()).unwrap_or_default();
    (enabled, tokens, hops)
}

fn devices(mappings: &[BlockDeviceMapping], foreign: &mut BTreeSet<String>) -> BTreeMap<String, DeviceContent> {
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let mut devices = BTreeMap::new();
    for mapping in mappings {
        let name = mapping.device_name().unwrap_or_default();
        let mut mark = |there: bool, part: &str| {
            if there {
                foreign.insert(format!("BlockDeviceMappings[{name}].{part}"));
            }
        };
        mark(mapping.virtual_name().is_some_and(|name| !name.is_empty()), "VirtualName");
        mark(mapping.no_device() == Some(true), "NoDevice");
        let Some(ebs) = mapping.ebs() else {
            mark(true, "Ebs (none)");
            continue;
        };
        mark(ebs.encrypted().is_none(), "Encrypted (unset)");
        mark(ebs.delete_on_termination().is_none(), "DeleteOnTermination (unset)");
        let device = DeviceContent {
            volume_type: ebs.volume_type().unwrap_or_default().to_owned(),
            size_gib: number(ebs.volume_size()).unwrap_or_default(),
            iops: number(ebs.iops()),
            throughput_mibps: number(ebs.throughput()),
            encrypted: ebs.encrypted().unwrap_or_default(),
            kms_key: None,
            delete_on_termination: ebs.delete_on_termination().unwrap_or_default(),
            snapshot: ebs.snapshot_id().filter(|id| !id.is_empty()).map(str::to_owned),
        };
        devices.insert(name.to_owned(), device);
    }
    devices
}
