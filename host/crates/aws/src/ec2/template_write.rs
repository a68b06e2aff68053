//! What a launch template says → EC2's request. `template_read` is the way back; a test holds them together.

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest, LaunchTemplateInstanceMarketOptionsRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptionsRequest,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplatePlacementRequest, LaunchTemplateSpotMarketOptionsRequest,
    LaunchTemplateTagSpecificationRequest, MarketType, RequestLaunchTemplateData, ResourceType, SpotInstanceType, Tenancy, VolumeType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kaphost_plan::{DeviceContent, Tags, TemplateContent};
use kaphost_spec::UserData;

use super::tags;

/// The whole of a version.
pub(crate) fn data(content: &TemplateContent<String>) -> RequestLaunchTemplateData {
    // With an interface, groups stand inside it: EC2 refuses `SecurityGroupIds` beside it.
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(content.public_ip)
        .delete_on_termination(true)
        .set_groups(Some(content.security_groups.clone()))
        .build();
    // Without one where a server that was taken over has none.
    let profile = (!content.instance_profile.is_empty())
        .then(|| LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(&content.instance_profile).build());
    let placement =
        content.tenancy.as_deref().map(|tenancy| LaunchTemplatePlacementRequest::builder().tenancy(Tenancy::from(tenancy)).build());
    // An empty list of devices or tags is refused: nothing is sent.
    let devices: Vec<_> = content.devices.iter().map(|(name, device)| mapping(name, device)).collect();
    let tags: Vec<_> = [(ResourceType::Instance, &content.instance_tags), (ResourceType::Volume, &content.volume_tags)]
        .into_iter()
        .filter(|(_, set)| !set.is_empty())
        .map(|(resource, set)| tagged(resource, set))
        .collect();
    RequestLaunchTemplateData::builder()
        .image_id(&content.image)
        .instance_type(InstanceType::from(content.instance_type.as_str()))
        .set_key_name(content.key.clone())
        .set_iam_instance_profile(profile)
        .network_interfaces(interface)
        .set_placement(placement)
        .set_instance_market_options(content.spot.as_ref().map(|max_price| spot(max_price.as_deref())))
        .set_ebs_optimized(content.ebs_optimized)
        .metadata_options(metadata(content))
        .set_block_device_mappings((!devices.is_empty()).then_some(devices))
        .set_user_data(content.user_data.as_ref().map(encoded))
        .set_tag_specifications((!tags.is_empty()).then_some(tags))
        .build()
}

/// As EC2 takes user data.
pub(super) fn encoded(data: &UserData) -> String {
    BASE64_STANDARD.encode(data.expose())
}

/// An Auto Scaling group takes one-time requests only: it replaces instances itself.
fn spot(max_price: Option<&str>) -> LaunchTemplateInstanceMarketOptionsRequest {
    let options = LaunchTemplateSpotMarketOptionsRequest::builder()
        .spot_instance_type(SpotInstanceType::OneTime)
        .set_max_price(max_price.map(str::to_owned))
        .build();
    LaunchTemplateInstanceMarketOptionsRequest::builder().market_type(MarketType::Spot).spot_options(options).build()
}

fn metadata(content: &TemplateContent<String>) -> LaunchTemplateInstanceMetadataOptionsRequest {
    let endpoint = if content.metadata_enabled {
        LaunchTemplateInstanceMetadataEndpointState::Enabled
    } else {
        LaunchTemplateInstanceMetadataEndpointState::Disabled
    };
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(endpoint)
        .http_tokens(LaunchTemplateHttpTokensState::from(content.metadata_tokens.as_str()))
        .http_put_response_hop_limit(i32::from(content.metadata_hop_limit))
        .build()
}

fn mapping(name: &str, device: &DeviceContent) -> LaunchTemplateBlockDeviceMappingRequest {
    let ebs = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_type(VolumeType::from(device.volume_type.as_str()))
        .volume_size(number(device.size_gib))
        .set_iops(device.iops.map(number))
        .set_throughput(device.throughput_mibps.map(number))
        .encrypted(device.encrypted)
        .set_kms_key_id(device.kms_key.clone())
        .delete_on_termination(device.delete_on_termination)
        .set_snapshot_id(device.snapshot.clone())
        .build();
    LaunchTemplateBlockDeviceMappingRequest::builder().device_name(name).ebs(ebs).build()
}

fn tagged(resource: ResourceType, set: &Tags) -> LaunchTemplateTagSpecificationRequest {
    LaunchTemplateTagSpecificationRequest::builder().resource_type(resource).set_tags(Some(tags(set))).build()
}

/// EC2's numbers are signed; ours are far below the limit, and beyond it EC2 refuses.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
