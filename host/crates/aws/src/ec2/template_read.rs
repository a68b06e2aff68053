//! EC2's answer → what a version of a launch template says.
//!
//! What kaphost never sets is named in `foreign`, so that nothing somebody else wrote passes unseen. What EC2 may spell out by itself (a `false`, a
//! default) is not foreign.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    InstanceInterruptionBehavior, LaunchTemplateBlockDeviceMapping, LaunchTemplateInstanceMarketOptions,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptions, LaunchTemplateInstanceMetadataProtocolIpv6,
    LaunchTemplateInstanceMetadataTagsState, LaunchTemplateInstanceNetworkInterfaceSpecification, LaunchTemplatePlacement, MarketType,
    ResourceType, ResponseLaunchTemplateData, SpotInstanceType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kaphost_plan::{DeviceContent, Tags, TemplateContent};
use kaphost_spec::UserData;

use super::tags_read;

/// Names of parts that kaphost never sets, by AWS's own names.
#[derive(Default)]
struct Foreign(BTreeSet<String>);

impl Foreign {
    fn mark(&mut self, there: bool, name: impl Into<String>) {
        if there {
            self.0.insert(name.into());
        }
    }
}

/// The whole of a version. `None` reads as an empty one.
pub(crate) fn content(data: Option<&ResponseLaunchTemplateData>) -> TemplateContent<String> {
    let empty = ResponseLaunchTemplateData::builder().build();
    let data = data.unwrap_or(&empty);
    let mut foreign = Foreign::default();
    rest(data, &mut foreign);
    let (security_groups, public_ip) = interfaces(data, &mut foreign);
    let (metadata_enabled, metadata_tokens, metadata_hop_limit) = metadata(data.metadata_options(), &mut foreign);
    let (instance_tags, volume_tags) = tags(data, &mut foreign);
    TemplateContent {
        image: data.image_id().unwrap_or_default().to_owned(),
        instance_type: data.instance_type().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        key: data.key_name().filter(|name| !name.is_empty()).map(str::to_owned),
        instance_profile: profile(data, &mut foreign),
        security_groups,
        public_ip,
        tenancy: data.placement().and_then(|placement| tenancy(placement, &mut foreign)),
        spot: data.instance_market_options().and_then(|options| spot(options, &mut foreign)),
        ebs_optimized: data.ebs_optimized(),
        metadata_enabled,
        metadata_tokens,
        metadata_hop_limit,
        devices: devices(data.block_device_mappings(), &mut foreign),
        user_data: user_data(data.user_data(), &mut foreign),
        instance_tags,
        volume_tags,
        foreign: foreign.0,
    }
}

/// Everything that kaphost has no word for.
fn rest(data: &ResponseLaunchTemplateData, foreign: &mut Foreign) {
    let set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    foreign.mark(set(data.kernel_id()), "KernelId");
    foreign.mark(set(data.ram_disk_id()), "RamDiskId");
    foreign.mark(data.monitoring().is_some_and(|monitoring| monitoring.enabled() == Some(true)), "Monitoring");
    foreign.mark(data.disable_api_termination() == Some(true), "DisableApiTermination");
    foreign.mark(data.disable_api_stop() == Some(true), "DisableApiStop");
    let shutdown = data.instance_initiated_shutdown_behavior();
    foreign.mark(shutdown.is_some_and(|behaviour| behaviour.as_str() != "stop"), "InstanceInitiatedShutdownBehavior");
    foreign.mark(!data.elastic_gpu_specifications().is_empty(), "ElasticGpuSpecifications");
    foreign.mark(!data.elastic_inference_accelerators().is_empty(), "ElasticInferenceAccelerators");
    foreign.mark(!data.security_group_ids().is_empty(), "SecurityGroupIds");
    foreign.mark(!data.security_groups().is_empty(), "SecurityGroups");
    foreign.mark(data.credit_specification().is_some(), "CreditSpecification");
    foreign.mark(data.cpu_options().is_some(), "CpuOptions");
    foreign.mark(data.capacity_reservation_specification().is_some(), "CapacityReservationSpecification");
    foreign.mark(!data.license_specifications().is_empty(), "LicenseSpecifications");
    foreign.mark(data.hibernation_options().is_some_and(|options| options.configured() == Some(true)), "HibernationOptions");
    foreign.mark(data.enclave_options().is_some_and(|options| options.enabled() == Some(true)), "EnclaveOptions");
    foreign.mark(data.instance_requirements().is_some(), "InstanceRequirements");
    foreign.mark(data.private_dns_name_options().is_some(), "PrivateDnsNameOptions");
    foreign.mark(data.maintenance_options().is_some(), "MaintenanceOptions");
    foreign.mark(data.operator().is_some_and(|operator| operator.managed() == Some(true)), "Operator");
    foreign.mark(data.network_performance_options().is_some(), "NetworkPerformanceOptions");
    foreign.mark(!data.secondary_interfaces().is_empty(), "SecondaryInterfaces");
}

/// By name. One by ARN is kept as it is, which no name equals.
fn profile(data: &ResponseLaunchTemplateData, foreign: &mut Foreign) -> String {
    let Some(profile) = data.iam_instance_profile() else { return String::new() };
    if let Some(name) = profile.name() {
        return name.to_owned();
    }
    foreign.mark(profile.arn().is_some(), "IamInstanceProfile.Arn");
    profile.arn().unwrap_or_default().to_owned()
}

/// The groups and the public address of interface 0. Without any interface the groups are the template's own.
fn interfaces(data: &ResponseLaunchTemplateData, foreign: &mut Foreign) -> (Vec<String>, bool) {
    let Some((first, more)) = data.network_interfaces().split_first() else {
        foreign.mark(true, "NetworkInterfaces (none)");
        return (data.security_group_ids().to_vec(), false);
    };
    foreign.mark(!more.is_empty(), "NetworkInterfaces (more than one)");
    interface_rest(first, foreign);
    (first.groups().to_vec(), first.associate_public_ip_address().unwrap_or_default())
}

fn interface_rest(interface: &LaunchTemplateInstanceNetworkInterfaceSpecification, foreign: &mut Foreign) {
    let mut mark = |there: bool, name: &str| foreign.mark(there, format!("NetworkInterfaces.{name}"));
    let set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let some = |count: Option<i32>| count.is_some_and(|count| count != 0);
    mark(interface.associate_public_ip_address().is_none(), "AssociatePublicIpAddress (unset)");
    mark(interface.delete_on_termination() == Some(false), "DeleteOnTermination");
    mark(some(interface.device_index()), "DeviceIndex");
    mark(interface.associate_carrier_ip_address() == Some(true), "AssociateCarrierIpAddress");
    mark(set(interface.description()), "Description");
    mark(interface.interface_type().is_some_and(|kind| !kind.is_empty() && kind != "interface"), "InterfaceType");
    mark(some(interface.ipv6_address_count()), "Ipv6AddressCount");
    mark(!interface.ipv6_addresses().is_empty(), "Ipv6Addresses");
    mark(set(interface.network_interface_id()), "NetworkInterfaceId");
    mark(set(interface.private_ip_address()), "PrivateIpAddress");
    mark(!interface.private_ip_addresses().is_empty(), "PrivateIpAddresses");
    mark(some(interface.secondary_private_ip_address_count()), "SecondaryPrivateIpAddressCount");
    mark(set(interface.subnet_id()), "SubnetId");
    mark(some(interface.network_card_index()), "NetworkCardIndex");
    mark(!interface.ipv4_prefixes().is_empty() || some(interface.ipv4_prefix_count()), "Ipv4Prefixes");
    mark(!interface.ipv6_prefixes().is_empty() || some(interface.ipv6_prefix_count()), "Ipv6Prefixes");
    mark(interface.primary_ipv6() == Some(true), "PrimaryIpv6");
    mark(interface.ena_srd_specification().is_some(), "EnaSrdSpecification");
    mark(interface.connection_tracking_specification().is_some(), "ConnectionTrackingSpecification");
    mark(some(interface.ena_queue_count()), "EnaQueueCount");
}

fn tenancy(placement: &LaunchTemplatePlacement, foreign: &mut Foreign) -> Option<String> {
    let mut mark = |text: Option<&str>, name: &str| foreign.mark(text.is_some_and(|text| !text.is_empty()), format!("Placement.{name}"));
    mark(placement.availability_zone(), "AvailabilityZone");
    mark(placement.availability_zone_id(), "AvailabilityZoneId");
    mark(placement.affinity(), "Affinity");
    mark(placement.group_name(), "GroupName");
    mark(placement.group_id(), "GroupId");
    mark(placement.host_id(), "HostId");
    mark(placement.spread_domain(), "SpreadDomain");
    mark(placement.host_resource_group_arn(), "HostResourceGroupArn");
    foreign.mark(placement.partition_number().is_some_and(|number| number != 0), "Placement.PartitionNumber");
    placement.tenancy().map(|tenancy| tenancy.as_str().to_owned())
}

fn spot(options: &LaunchTemplateInstanceMarketOptions, foreign: &mut Foreign) -> Option<Option<String>> {
    match options.market_type() {
        Some(MarketType::Spot) => {}
        None => return None,
        Some(_) => {
            foreign.mark(true, "InstanceMarketOptions.MarketType");
            return None;
        }
    }
    let Some(spot) = options.spot_options() else { return Some(None) };
    let mut mark = |there: bool, name: &str| foreign.mark(there, format!("InstanceMarketOptions.SpotOptions.{name}"));
    mark(spot.spot_instance_type().is_some_and(|kind| *kind != SpotInstanceType::OneTime), "SpotInstanceType");
    mark(spot.block_duration_minutes().is_some_and(|minutes| minutes != 0), "BlockDurationMinutes");
    mark(spot.valid_until().is_some(), "ValidUntil");
    let interruption = spot.instance_interruption_behavior();
    mark(interruption.is_some_and(|behaviour| *behaviour != InstanceInterruptionBehavior::Terminate), "InstanceInterruptionBehavior");
    Some(spot.max_price().filter(|price| !price.is_empty()).map(str::to_owned))
}

/// Enabled, tokens, hops. What is unset depends on image and account, so it is a difference: tokens empty, hops 0.
fn metadata(options: Option<&LaunchTemplateInstanceMetadataOptions>, foreign: &mut Foreign) -> (bool, String, u8) {
    let Some(options) = options else { return (true, String::new(), 0) };
    let ipv6 = options.http_protocol_ipv6();
    foreign.mark(ipv6 == Some(&LaunchTemplateInstanceMetadataProtocolIpv6::Enabled), "MetadataOptions.HttpProtocolIpv6");
    let tags = options.instance_metadata_tags();
    foreign.mark(tags == Some(&LaunchTemplateInstanceMetadataTagsState::Enabled), "MetadataOptions.InstanceMetadataTags");
    let enabled = options.http_endpoint() != Some(&LaunchTemplateInstanceMetadataEndpointState::Disabled);
    let tokens = options.http_tokens().map(|tokens| tokens.as_str().to_owned()).unwrap_or_default();
    let hops = options.http_put_response_hop_limit().and_then(|hops| u8::try_from(hops).ok()).unwrap_or_default();
    (enabled, tokens, hops)
}

/// Of the instance and of its volumes.
fn tags(data: &ResponseLaunchTemplateData, foreign: &mut Foreign) -> (Tags, Tags) {
    let (mut instance, mut volume) = (Tags::new(), Tags::new());
    for specification in data.tag_specifications() {
        match specification.resource_type() {
            Some(ResourceType::Instance) => instance.extend(tags_read(specification.tags())),
            Some(ResourceType::Volume) => volume.extend(tags_read(specification.tags())),
            other => {
                let name = other.map_or("none", ResourceType::as_str);
                foreign.mark(!specification.tags().is_empty(), format!("TagSpecifications.{name}"));
            }
        }
    }
    (instance, volume)
}

fn devices(mappings: &[LaunchTemplateBlockDeviceMapping], foreign: &mut Foreign) -> BTreeMap<String, DeviceContent> {
    let mut devices = BTreeMap::new();
    for mapping in mappings {
        let name = mapping.device_name().unwrap_or_default();
        let mut mark = |there: bool, part: &str| foreign.mark(there, format!("BlockDeviceMappings[{name}].{part}"));
        let set = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        mark(set(mapping.virtual_name()), "VirtualName");
        // An empty text is what suppresses a device.
        mark(mapping.no_device().is_some(), "NoDevice");
        let Some(ebs) = mapping.ebs() else {
            mark(true, "Ebs (none)");
            continue;
        };
        mark(ebs.encrypted().is_none(), "Encrypted (unset)");
        mark(ebs.delete_on_termination().is_none(), "DeleteOnTermination (unset)");
        mark(ebs.volume_initialization_rate().is_some_and(|rate| rate != 0), "VolumeInitializationRate");
        mark(ebs.ebs_card_index().is_some_and(|index| index != 0), "EbsCardIndex");
        let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
        let device = DeviceContent {
            volume_type: ebs.volume_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            size_gib: number(ebs.volume_size()).unwrap_or_default(),
            iops: number(ebs.iops()),
            throughput_mibps: number(ebs.throughput()),
            encrypted: ebs.encrypted().unwrap_or_default(),
            kms_key: ebs.kms_key_id().filter(|key| !key.is_empty()).map(str::to_owned),
            delete_on_termination: ebs.delete_on_termination().unwrap_or_default(),
            snapshot: ebs.snapshot_id().filter(|id| !id.is_empty()).map(str::to_owned),
        };
        devices.insert(name.to_owned(), device);
    }
    devices
}

/// Decoded. What is no text of at most 16 KB is not ours: ours always is.
fn user_data(encoded: Option<&str>, foreign: &mut Foreign) -> Option<UserData> {
    let data = decoded(encoded);
    foreign.mark(data.is_err(), "UserData (no text)");
    data.unwrap_or_default()
}

/// User data that is no text of at most 16 KB.
#[derive(Debug)]
pub(crate) struct NoText;

/// User data as it was before it was encoded. None where there is none.
pub(crate) fn decoded(encoded: Option<&str>) -> Result<Option<UserData>, NoText> {
    let compact: String = encoded.unwrap_or_default().split_ascii_whitespace().collect();
    if compact.is_empty() {
        return Ok(None);
    }
    let text = BASE64_STANDARD.decode(compact).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| UserData::new(text).ok()).map(Some).ok_or(NoText)
}
