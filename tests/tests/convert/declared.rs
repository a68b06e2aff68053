//! What `main.tf` of the two modules declares for given arguments, resource by resource, and what AWS holds in its place.
//!
//! The keys are Terraform's: `aws_launch_configuration.image_id`. Resources that refer to one another say `(own)`, for their ids are chance.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_tests::{Account, Failure};
use serde_json::{Value, json};

/// Terraform's attributes by their addresses.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// The arguments of both modules, as an example gives them. Null is what it does not give.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) cluster_name: &'static str,
    pub(crate) ami_id: &'static str,
    pub(crate) instance_type: &'static str,
    pub(crate) vpc_id: String,
    pub(crate) subnet_ids: Vec<String>,
    pub(crate) user_data: String,
    pub(crate) ssh_key_name: Value,
    pub(crate) ssh_port: u16,
    pub(crate) allowed_ssh_cidr_blocks: Vec<&'static str>,
    pub(crate) allowed_ssh_security_group_ids: Vec<String>,
    pub(crate) termination_policies: &'static str,
    pub(crate) health_check_type: &'static str,
    pub(crate) health_check_grace_period: u32,
    pub(crate) associate_public_ip_address: bool,
    pub(crate) spot_price: Value,
    pub(crate) tenancy: Value,
    pub(crate) root_volume_ebs_optimized: bool,
    /// Type, size, IOPS.
    pub(crate) root_volume: (&'static str, u32, Value),
    /// By device: type, size, IOPS, encrypted, deleted with the instance, snapshot.
    pub(crate) ebs_block_devices: Vec<(&'static str, [Value; 6])>,
    pub(crate) instance_profile_path: &'static str,
    pub(crate) tags: Vec<(&'static str, &'static str, bool)>,
    /// Port, networks, groups of the rules module; none without it.
    pub(crate) http: Option<(u16, Vec<&'static str>, Vec<String>)>,
}

fn put(attributes: &mut Attributes, resource: &str, values: &[(&str, Value)]) {
    attributes.extend(values.iter().map(|(name, value)| (format!("{resource}.{name}"), value.clone())));
}

/// One rule of a security group: direction, protocol, ports, peer.
fn rule(direction: &str, port: Option<u16>, peer: &str) -> String {
    match port {
        Some(port) => format!("{direction} tcp {port}-{port} {peer}"),
        None => format!("{direction} -1 all {peer}"),
    }
}

/// As the modules' `main.tf` say, with the provider's own defaults where they say null.
pub(crate) fn by_the_module(arguments: &Arguments) -> Attributes {
    let mut out = Attributes::new();
    let name = arguments.cluster_name;
    let mut tags = vec![json!(["Name", name, true])];
    tags.extend(arguments.tags.iter().map(|(key, value, propagate)| json!([key, value, propagate])));
    tags.sort_by_key(Value::to_string);
    let mut subnets = arguments.subnet_ids.clone();
    subnets.sort();
    put(
        &mut out,
        "aws_autoscaling_group",
        &[
            ("name", json!(name)),
            ("launch_configuration", json!("(own) launch configuration")),
            ("vpc_zone_identifier", json!(subnets)),
            ("min_size", json!(1)),
            ("max_size", json!(1)),
            ("termination_policies", json!([arguments.termination_policies])),
            ("health_check_type", json!(arguments.health_check_type)),
            ("health_check_grace_period", json!(arguments.health_check_grace_period)),
            ("tags", json!(tags)),
        ],
    );
    let (root_type, root_size, root_iops) = &arguments.root_volume;
    let devices: BTreeMap<&str, Value> = arguments.ebs_block_devices.iter().map(|(device, settings)| (*device, json!(settings))).collect();
    put(
        &mut out,
        "aws_launch_configuration",
        &[
            ("name", json!(format!("{name}-(suffix)"))),
            ("image_id", json!(arguments.ami_id)),
            ("instance_type", json!(arguments.instance_type)),
            ("user_data", json!(arguments.user_data)),
            ("spot_price", arguments.spot_price.clone()),
            ("iam_instance_profile", json!("(own)")),
            ("key_name", arguments.ssh_key_name.clone()),
            ("security_groups", json!(["(own)"])),
            ("placement_tenancy", arguments.tenancy.clone()),
            ("associate_public_ip_address", json!(arguments.associate_public_ip_address)),
            ("ebs_optimized", json!(arguments.root_volume_ebs_optimized)),
            ("root_block_device.volume_type", json!(root_type)),
            ("root_block_device.volume_size", json!(root_size)),
            ("root_block_device.iops", root_iops.clone()),
            ("root_block_device.delete_on_termination", json!(true)),
            ("root_block_device.encrypted", json!(null)),
            ("ebs_block_device", json!(devices)),
            ("metadata_options.http_tokens", json!(null)),
            ("metadata_options.http_put_response_hop_limit", json!(null)),
        ],
    );
    put(
        &mut out,
        "aws_security_group",
        &[
            ("name", json!(format!("{name}-(suffix)"))),
            ("description", json!(format!("Security group for the {name} launch configuration"))),
            ("vpc_id", json!(arguments.vpc_id)),
            ("tags", json!({})),
        ],
    );
    let ssh = Some(arguments.ssh_port);
    let mut rules: Vec<String> = arguments.allowed_ssh_cidr_blocks.iter().map(|cidr| rule("ingress", ssh, cidr)).collect();
    rules.extend(arguments.allowed_ssh_security_group_ids.iter().map(|group| rule("ingress", ssh, group)));
    if let Some((port, cidrs, groups)) = &arguments.http {
        rules.extend(cidrs.iter().map(|cidr| rule("ingress", Some(*port), cidr)));
        rules.extend(groups.iter().map(|group| rule("ingress", Some(*port), group)));
    }
    rules.push(rule("egress", None, "0.0.0.0/0"));
    rules.sort();
    put(&mut out, "aws_security_group_rule", &[("rules", json!(rules)), ("description", json!(null))]);
    put(
        &mut out,
        "aws_iam_instance_profile",
        &[
            ("name", json!(format!("{name}(suffix)"))),
            ("path", json!(arguments.instance_profile_path)),
            ("role", json!("(own)")),
            ("tags", json!({})),
        ],
    );
    let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" } });
    put(
        &mut out,
        "aws_iam_role",
        &[
            ("name", json!(format!("{name}(suffix)"))),
            ("path", json!("/")),
            ("assume_role_policy", json!([statement])),
            ("tags", json!({})),
        ],
    );
    out
}

/// What stands for a resource that another refers to: whose it is, going by its tags.
fn whose(tags_of_it: &Value, name: &str) -> &'static str {
    if tags(tags_of_it)["kaphost:cluster"] == name { "(own)" } else { "(another's)" }
}

/// `[{Key, Value}, …]` as an object; of digests only that they are there.
fn tags(list: &Value) -> Value {
    let of = |tag: &Value| {
        let key = tag["Key"].as_str()?.to_owned();
        let is_digest = ["kaphost:spec", "kaphost:decision"].contains(&key.as_str());
        let value = if is_digest { json!("(digest)") } else { tag["Value"].clone() };
        Some((key, value))
    };
    Value::Object(list.as_array().into_iter().flatten().filter_map(of).filter(|(key, _)| !key.starts_with("aws:")).collect())
}

fn only(list: &Value) -> Result<&Value, Failure> {
    match list.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one),
        _ => Err(Failure::new(format!("not exactly one: {list:#}"))),
    }
}

fn sorted(list: impl Iterator<Item = Value>) -> Value {
    let mut list: Vec<Value> = list.collect();
    list.sort_by_key(Value::to_string);
    Value::Array(list)
}

/// As AWS holds it, told by boto3, under Terraform's addresses.
pub(crate) fn on_aws(account: &Account, name: &str) -> Result<Attributes, Failure> {
    let mut out = Attributes::new();
    let groups = account.aws("autoscaling", "describe_auto_scaling_groups", json!({ "AutoScalingGroupNames": [name] }))?;
    let group = only(&groups["AutoScalingGroups"])?;
    let template = &group["LaunchTemplate"];
    let asked = json!({ "LaunchTemplateId": template["LaunchTemplateId"], "Versions": [template["Version"]] });
    let versions = account.aws("ec2", "describe_launch_template_versions", asked)?;
    let data = &only(&versions["LaunchTemplateVersions"])?["LaunchTemplateData"];
    let interface = only(&data["NetworkInterfaces"])?;
    let group_id = only(&interface["Groups"])?;
    let profile_name = &data["IamInstanceProfile"]["Name"];

    let groups = account.aws("ec2", "describe_security_groups", json!({ "GroupIds": [group_id] }))?;
    let security_group = only(&groups["SecurityGroups"])?;
    let profile = account.aws("iam", "get_instance_profile", json!({ "InstanceProfileName": profile_name }))?["InstanceProfile"].take();
    let role_name = &only(&profile["Roles"])?["RoleName"];
    let role = account.aws("iam", "get_role", json!({ "RoleName": role_name }))?["Role"].take();
    let templates = account.aws("ec2", "describe_launch_templates", json!({ "LaunchTemplateIds": [template["LaunchTemplateId"]] }))?;
    let of_template = whose(&only(&templates["LaunchTemplates"])?["Tags"], name);
    let group_tags = group["Tags"].as_array().into_iter().flatten();
    let group_tags = group_tags.map(|tag| {
        let digest = ["kaphost:spec", "kaphost:decision"].iter().any(|key| tag["Key"] == **key);
        json!([tag["Key"], if digest { json!("(digest)") } else { tag["Value"].clone() }, tag["PropagateAtLaunch"]])
    });
    let subnets = group["VPCZoneIdentifier"].as_str().unwrap_or_default().split(',').map(|id| json!(id));
    put(
        &mut out,
        "aws_autoscaling_group",
        &[
            ("name", group["AutoScalingGroupName"].clone()),
            (
                "launch_configuration",
                json!(format!("{of_template} launch template, version {}", template["Version"].as_str().unwrap_or_default())),
            ),
            ("vpc_zone_identifier", sorted(subnets)),
            ("min_size", group["MinSize"].clone()),
            ("max_size", group["MaxSize"].clone()),
            ("termination_policies", group["TerminationPolicies"].clone()),
            ("health_check_type", group["HealthCheckType"].clone()),
            ("health_check_grace_period", group["HealthCheckGracePeriod"].clone()),
            ("tags", sorted(group_tags)),
        ],
    );

    let images = account.aws("ec2", "describe_images", json!({ "ImageIds": [data["ImageId"]] }))?;
    let root_name = &only(&images["Images"])?["RootDeviceName"];
    let mappings: Vec<&Value> = data["BlockDeviceMappings"].as_array().into_iter().flatten().collect();
    let root =
        mappings.iter().find(|mapping| mapping["DeviceName"] == *root_name).ok_or_else(|| Failure::new(format!("no root: {data:#}")))?;
    let root = &root["Ebs"];
    let devices: BTreeMap<&str, Value> = mappings
        .iter()
        .filter(|mapping| mapping["DeviceName"] != *root_name)
        .filter_map(|mapping| {
            let ebs = &mapping["Ebs"];
            let settings =
                [&ebs["VolumeType"], &ebs["VolumeSize"], &ebs["Iops"], &ebs["Encrypted"], &ebs["DeleteOnTermination"], &ebs["SnapshotId"]];
            Some((mapping["DeviceName"].as_str()?, json!(settings)))
        })
        .collect();
    let user_data = data["UserData"].as_str().unwrap_or_default();
    let user_data = STANDARD.decode(user_data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    put(
        &mut out,
        "aws_launch_configuration",
        &[
            ("name", template["LaunchTemplateName"].clone()),
            ("image_id", data["ImageId"].clone()),
            ("instance_type", data["InstanceType"].clone()),
            ("user_data", json!(user_data)),
            ("spot_price", data["InstanceMarketOptions"]["SpotOptions"]["MaxPrice"].clone()),
            ("iam_instance_profile", json!(whose(&profile["Tags"], name))),
            ("key_name", data["KeyName"].clone()),
            ("security_groups", json!([whose(&security_group["Tags"], name)])),
            ("placement_tenancy", data["Placement"]["Tenancy"].clone()),
            ("associate_public_ip_address", interface["AssociatePublicIpAddress"].clone()),
            ("ebs_optimized", data["EbsOptimized"].clone()),
            ("root_block_device.volume_type", root["VolumeType"].clone()),
            ("root_block_device.volume_size", root["VolumeSize"].clone()),
            ("root_block_device.iops", root["Iops"].clone()),
            ("root_block_device.delete_on_termination", root["DeleteOnTermination"].clone()),
            ("root_block_device.encrypted", root["Encrypted"].clone()),
            ("ebs_block_device", json!(devices)),
            ("metadata_options.http_tokens", data["MetadataOptions"]["HttpTokens"].clone()),
            ("metadata_options.http_put_response_hop_limit", data["MetadataOptions"]["HttpPutResponseHopLimit"].clone()),
        ],
    );

    put(
        &mut out,
        "aws_security_group",
        &[
            ("name", security_group["GroupName"].clone()),
            ("description", security_group["Description"].clone()),
            ("vpc_id", security_group["VpcId"].clone()),
            ("tags", tags(&security_group["Tags"])),
        ],
    );
    let filter = json!({ "Filters": [{ "Name": "group-id", "Values": [group_id] }] });
    let rules = account.aws("ec2", "describe_security_group_rules", filter)?["SecurityGroupRules"].take();
    let rules: Vec<&Value> = rules.as_array().into_iter().flatten().collect();
    let written = rules.iter().map(|one| {
        let direction = if one["IsEgress"] == true { "egress" } else { "ingress" };
        let peer = one["CidrIpv4"].as_str().or_else(|| one["ReferencedGroupInfo"]["GroupId"].as_str()).unwrap_or_default();
        let ports = if one["IpProtocol"] == "-1" { "all".to_owned() } else { format!("{}-{}", one["FromPort"], one["ToPort"]) };
        json!(format!("{direction} {} {ports} {peer}", one["IpProtocol"].as_str().unwrap_or_default()))
    });
    let descriptions = rules.iter().map(|one| one["Description"].clone());
    put(&mut out, "aws_security_group_rule", &[("rules", sorted(written)), ("description", sorted(descriptions))]);

    put(
        &mut out,
        "aws_iam_instance_profile",
        &[
            ("name", profile_name.clone()),
            ("path", profile["Path"].clone()),
            ("role", json!(whose(&role["Tags"], name))),
            ("tags", tags(&profile["Tags"])),
        ],
    );
    put(
        &mut out,
        "aws_iam_role",
        &[
            ("name", role_name.clone()),
            ("path", role["Path"].clone()),
            ("assume_role_policy", role["AssumeRolePolicyDocument"]["Statement"].clone()),
            ("tags", tags(&role["Tags"])),
        ],
    );
    Ok(out)
}
