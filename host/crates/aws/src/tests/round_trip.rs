//! What is sent for a template is what is read back, for whatever content: the planner compares the two.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    LaunchTemplateBlockDeviceMapping, LaunchTemplateEbsBlockDevice, LaunchTemplateIamInstanceProfileSpecification,
    LaunchTemplateInstanceMarketOptions, LaunchTemplateInstanceMetadataOptions, LaunchTemplateInstanceNetworkInterfaceSpecification,
    LaunchTemplatePlacement, LaunchTemplateSpotMarketOptions, LaunchTemplateTagSpecification, RequestLaunchTemplateData,
    ResponseLaunchTemplateData,
};
use kaphost_plan::{DeviceContent, Tags, TemplateContent};
use kaphost_spec::UserData;
use proptest::prelude::*;

use super::requests::content;
use crate::ec2::launch_template::{read, written};

/// What EC2 does with a request: it keeps every part, and gives it back under the same name.
fn stored(request: &RequestLaunchTemplateData) -> ResponseLaunchTemplateData {
    let profile = request
        .iam_instance_profile()
        .map(|profile| LaunchTemplateIamInstanceProfileSpecification::builder().set_name(profile.name().map(Into::into)).build());
    let interfaces = request.network_interfaces.as_ref().map(|all| {
        all.iter()
            .map(|one| {
                LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
                    .set_device_index(one.device_index())
                    .set_associate_public_ip_address(one.associate_public_ip_address())
                    .set_delete_on_termination(one.delete_on_termination())
                    .set_groups(one.groups.clone())
                    .build()
            })
            .collect()
    });
    let placement = request.placement().map(|placement| LaunchTemplatePlacement::builder().set_tenancy(placement.tenancy.clone()).build());
    let market = request.instance_market_options().map(|options| {
        let spot = options.spot_options().map(|spot| {
            LaunchTemplateSpotMarketOptions::builder()
                .set_max_price(spot.max_price.clone())
                .set_spot_instance_type(spot.spot_instance_type.clone())
                .build()
        });
        LaunchTemplateInstanceMarketOptions::builder().set_market_type(options.market_type.clone()).set_spot_options(spot).build()
    });
    let metadata = request.metadata_options().map(|options| {
        LaunchTemplateInstanceMetadataOptions::builder()
            .set_http_endpoint(options.http_endpoint.clone())
            .set_http_tokens(options.http_tokens.clone())
            .set_http_put_response_hop_limit(options.http_put_response_hop_limit())
            .build()
    });
    let devices = request.block_device_mappings.as_ref().map(|all| {
        all.iter()
            .map(|mapping| {
                let ebs = mapping.ebs().map(|ebs| {
                    LaunchTemplateEbsBlockDevice::builder()
                        .set_encrypted(ebs.encrypted())
                        .set_delete_on_termination(ebs.delete_on_termination())
                        .set_iops(ebs.iops())
                        .set_kms_key_id(ebs.kms_key_id.clone())
                        .set_snapshot_id(ebs.snapshot_id.clone())
                        .set_volume_size(ebs.volume_size())
                        .set_volume_type(ebs.volume_type.clone())
                        .set_throughput(ebs.throughput())
                        .build()
                });
                LaunchTemplateBlockDeviceMapping::builder().set_device_name(mapping.device_name.clone()).set_ebs(ebs).build()
            })
            .collect()
    });
    let tags = request.tag_specifications.as_ref().map(|all| {
        all.iter()
            .map(|one| {
                LaunchTemplateTagSpecification::builder().set_resource_type(one.resource_type.clone()).set_tags(one.tags.clone()).build()
            })
            .collect()
    });
    ResponseLaunchTemplateData::builder()
        .set_image_id(request.image_id.clone())
        .set_instance_type(request.instance_type.clone())
        .set_key_name(request.key_name.clone())
        .set_iam_instance_profile(profile)
        .set_network_interfaces(interfaces)
        .set_placement(placement)
        .set_instance_market_options(market)
        .set_ebs_optimized(request.ebs_optimized())
        .set_metadata_options(metadata)
        .set_block_device_mappings(devices)
        .set_user_data(request.user_data.clone())
        .set_tag_specifications(tags)
        .build()
}

/// The parts that are set, one a line, without the names of types, which differ between request and response.
fn parts(debug: &str) -> BTreeSet<String> {
    let set = debug.lines().map(str::trim).filter(|line| !line.ends_with("None,"));
    set.map(|line| line.replace("Request {", " {").replace("RequestLaunchTemplateData", "ResponseLaunchTemplateData").replace("  {", " {"))
        .collect()
}

/// Otherwise the round trip would prove nothing: a part that is sent but not stored here would never be missed.
#[test]
fn the_store_of_this_test_keeps_every_part() {
    let request = written(&content());
    let response = stored(&request);
    assert_eq!(parts(&format!("{request:#?}")), parts(&format!("{response:#?}")));
}

fn tags() -> impl Strategy<Value = Tags> {
    prop::collection::btree_map("[a-zA-Z:]{1,8}", "\\PC{0,8}", 0..3)
}

fn device() -> impl Strategy<Value = DeviceContent> {
    let kinds = prop::sample::select(vec!["gp3", "gp2", "io2", "io1", "st1", "sc1", "standard"]);
    let text = || prop::option::of("[a-z0-9/-]{1,12}");
    (kinds, 1..65_537_u32, prop::option::of(100..256_000_u32), prop::option::of(125..2_000_u32), any::<[bool; 2]>(), text(), text())
        .prop_map(|(kind, size_gib, iops, throughput_mibps, [encrypted, delete_on_termination], kms_key, snapshot)| DeviceContent {
            volume_type: kind.into(),
            size_gib,
            iops,
            throughput_mibps,
            encrypted,
            kms_key,
            delete_on_termination,
            snapshot,
        })
}

fn contents() -> impl Strategy<Value = TemplateContent<String>> {
    let machine = ("ami-[0-9a-f]{8,17}", "[a-z][0-9][a-z]{0,3}\\.[a-z0-9]{3,8}", prop::option::of("[a-z]{1,8}"), "[a-z0-9-]{1,20}");
    let network = (prop::collection::vec("sg-[0-9a-f]{8}", 1..3), any::<bool>());
    let market = (
        prop::option::of(prop::sample::select(vec!["default", "dedicated"])),
        prop::option::of(prop::option::of("0\\.[0-9]{2,5}")),
        prop::option::of(any::<bool>()),
    );
    let metadata = (any::<bool>(), prop::sample::select(vec!["required", "optional"]), 1..=64_u8);
    let rest = (prop::collection::btree_map("/dev/(sd|xvd)[a-z][0-9]?", device(), 0..4), prop::option::of("\\PC{1,40}\n"), tags(), tags());
    (machine, network, market, metadata, rest).prop_map(|(machine, network, market, metadata, rest)| TemplateContent {
        image: machine.0,
        instance_type: machine.1,
        key: machine.2,
        instance_profile: machine.3,
        security_groups: network.0,
        public_ip: network.1,
        tenancy: market.0.map(Into::into),
        spot: market.1,
        ebs_optimized: market.2,
        metadata_enabled: metadata.0,
        metadata_tokens: metadata.1.into(),
        metadata_hop_limit: metadata.2,
        devices: BTreeMap::from_iter(rest.0),
        user_data: rest.1.map(|text| UserData::new(text).unwrap()),
        instance_tags: rest.2,
        volume_tags: rest.3,
        foreign: BTreeSet::new(),
    })
}

proptest! {
    #[test]
    fn what_is_sent_is_read_back(content in contents()) {
        prop_assert_eq!(read(Some(&stored(&written(&content)))), content);
    }
}

#[test]
fn an_empty_version_is_not_taken_for_ours() {
    let content = read(None);
    assert_eq!(content.foreign, BTreeSet::from(["NetworkInterfaces (none)".to_owned()]));
}
