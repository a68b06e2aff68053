"""What an Auto Scaling group launches: one instance, made of the template version that the group names and nothing else."""

import copy

from aws_behaviours import restores
from moto.autoscaling.models import ASG_NAME_TAG, FakeAutoScalingGroup, InstanceState
from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
from moto.ec2.models.instances import Instance, MetadataOptions
from moto.ec2.utils import convert_tag_spec

GUIDE = "https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html"


@restores(
    "launch-from-version",
    "A launched instance takes all parameters from the group's template version; its volumes are the image's, overlaid with the version's",
    GUIDE,
)
def launch_from_version() -> None:
    by_moto = FakeAutoScalingGroup.replace_autoscaling_group_instances

    def launch(self, count_needed, propagated_tags):
        if self.ec2_launch_template is None:
            return by_moto(self, count_needed, propagated_tags)
        version = self.ec2_launch_template.get_version(self.launch_template_version)
        for _ in range(count_needed):
            instance = launch_one(self, version, propagated_tags)
            instance.autoscaling_group = self
            state = InstanceState(instance, protected_from_scale_in=self.new_instances_protected_from_scale_in)
            self.instance_states.append(state)
        return None

    FakeAutoScalingGroup.replace_autoscaling_group_instances = launch


def launch_one(group: FakeAutoScalingGroup, version: object, propagated_tags: dict[str, str]) -> Instance:
    ec2, data = group.ec2_backend, copy.deepcopy(version.data)
    subnet_id = next_subnet(group)
    interfaces = data.get("NetworkInterfaces") or [{"DeviceIndex": 0}]
    groups = data.get("SecurityGroupIds") or []
    for interface in interfaces:
        # AWS's default for the interface that a launch makes.
        interface.setdefault("DeleteOnTermination", True)
        interface.setdefault("DeviceIndex", 0)
        if interface["DeviceIndex"] == 0:
            groups = interface.pop("Groups", None) or groups
    default = ec2.get_default_security_group(ec2.get_subnet(subnet_id).vpc_id)
    groups = groups or ([default.id] if default else [])
    for group_id in groups:
        if ec2.get_security_group_from_id(group_id) is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
    tags = convert_tag_spec(data.get("TagSpecifications", []))
    # The group's tag wins over the template's of the same key.
    # Source: docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    own = tags.get("instance", {}) | propagated_tags | {ASG_NAME_TAG: group.name}
    reservation = ec2.run_instances(
        data.get("ImageId", ""),
        1,
        version.user_data,
        [],
        instance_type=data.get("InstanceType", ""),
        is_instance_type_default=False,
        region_name=ec2.region_name,
        placement=ec2.get_subnet(subnet_id).availability_zone,
        subnet_id=subnet_id,
        key_name=data.get("KeyName"),
        security_group_ids=groups,
        nics=interfaces,
        associate_public_ip=interfaces[0].get("AssociatePublicIpAddress"),
        ebs_optimized=data.get("EbsOptimized", False),
        monitoring_state="enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        metadata_options=data.get("MetadataOptions", {}),
        instance_market_options=data.get("InstanceMarketOptions", {}).get("MarketType"),
        block_device_mappings=[],
        tags={"instance": own},
    )
    instance = reservation.instances[0]
    # A launch configuration is in the shape of a version of no template.
    if version.template is not None:
        instance.add_tags({"aws:ec2launchtemplate:id": version.template.id, "aws:ec2launchtemplate:version": str(version.number)})
    instance.placement.tenancy = data.get("Placement", {}).get("Tenancy", "default")
    instance.metadata_options = MetadataOptions(data.get("MetadataOptions"))
    profile = data.get("IamInstanceProfile", {})
    if profile:
        ec2.associate_iam_instance_profile(
            instance.id, iam_instance_profile_name=profile.get("Name"), iam_instance_profile_arn=profile.get("Arn")
        )
    for device, settings in devices(instance, data.get("BlockDeviceMappings") or []).items():
        volume = ec2.create_volume(
            size=settings.get("VolumeSize"),
            zone_name=instance.availability_zone,
            snapshot_id=settings.get("SnapshotId"),
            encrypted=settings.get("Encrypted", False),
            kms_key_id=settings.get("KmsKeyId"),
            volume_type=settings.get("VolumeType", "gp2"),
            iops=settings.get("Iops"),
            throughput=settings.get("Throughput"),
        )
        volume.add_tags(tags.get("volume", {}))
        ec2.attach_volume(volume.id, instance.id, device, settings.get("DeleteOnTermination", True))
    instance.launched_from = version.number
    return instance


def next_subnet(group: FakeAutoScalingGroup) -> str:
    """The subnet with the fewest of the group's instances: AWS spreads a group over its zones."""
    subnets = (group.vpc_zone_identifier or "").split(",")
    if subnets == [""]:
        defaults = group.ec2_backend.get_default_subnets()
        subnets = [defaults[zone].id for zone in group.availability_zones]
    used = [state.instance.subnet_id for state in group.instance_states]
    return min(subnets, key=used.count)


def devices(instance: Instance, mappings: list[dict]) -> dict[str, dict]:
    """The image's devices, overlaid with the template's: device → volume settings."""
    images = instance.ec2_backend.describe_images(ami_ids=[instance.image_id])
    found: dict[str, dict] = {}
    for mapping in images[0].block_device_mappings if images else []:
        # moto gives every image a `standard` root of 15 GB; AWS's own images use gp3 by now.
        found[mapping["DeviceName"]] = {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}
    for mapping in mappings:
        name = mapping["DeviceName"]
        if "NoDevice" in mapping:
            found.pop(name, None)
        elif "Ebs" in mapping:
            found[name] = found.get(name, {}) | mapping["Ebs"]
    return found


@restores("instance-template-version", "A group's instance shows the template version that it was launched from", GUIDE)
def instance_template_version() -> None:
    def launch_template(self):
        group = self.auto_scaling_group
        if group is None or group.ec2_launch_template is None:
            return None
        template = group.ec2_launch_template
        version = getattr(self.instance, "launched_from", None)
        if version is None:
            version = next((tag["value"] for tag in self.instance.get_tags() if tag["key"] == "aws:ec2launchtemplate:version"), "1")
        return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(version)}

    InstanceState.launch_template = property(launch_template)
