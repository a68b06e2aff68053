"""What CreateAutoScalingGroup and UpdateAutoScalingGroup check before they accept a template: AWS dry-runs RunInstances."""

import re
from collections.abc import Callable

from account import ACCOUNTS
from aws_behaviours import restores
from aws_behaviours.wrapping import around
from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import INSTANCE_TYPE_OFFERINGS
from moto.iam.models import iam_backends

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"
# How AWS begins the message when the dry run of a template's launch fails.
PREFIX = "You must use a valid fully-formed launch template. "
WRITES = ("create_auto_scaling_group", "update_auto_scaling_group")


def version_named(backend: AutoScalingBackend, asked: dict | None) -> object | None:
    """The template version that a request names; None when it names no template."""
    if not asked:
        return None
    ec2 = backend.ec2_backend
    try:
        if asked.get("LaunchTemplateId"):
            template = ec2.get_launch_template(asked["LaunchTemplateId"])
        else:
            template = ec2.get_launch_template_by_name(asked.get("LaunchTemplateName", ""))
        return template.get_version(asked.get("Version") or "$Default")
    except (EC2ClientError, ValueError) as unknown:
        raise ValidationError(PREFIX + getattr(unknown, "message", f"The launch template version {asked.get('Version')} is invalid.")) from None


def before_both_writes(check: Callable[[AutoScalingBackend, dict, list[str]], None]) -> None:
    """Runs a check of (backend, version data, subnet ids) before a group takes a template."""
    for write in WRITES:

        @around(AutoScalingBackend, write)
        def accept(original, self, *arguments, **named):
            try:
                version = version_named(self, named.get("launch_template"))
            except ValidationError:
                version = None  # launch-checks-template's business
            group = self.autoscaling_groups.get(named.get("name"))
            subnets = named.get("vpc_zone_identifier") or (group.vpc_zone_identifier if group else None) or ""
            if version is not None:
                check(self, version.data, [subnet for subnet in subnets.split(",") if subnet])
            return original(self, *arguments, **named)


@restores("launch-checks-template", "An unknown template or version is a ValidationError, not an EC2 code", API)
def launch_checks_template() -> None:
    for write in WRITES:

        @around(AutoScalingBackend, write)
        def accept(original, self, *arguments, **named):
            version_named(self, named.get("launch_template"))
            return original(self, *arguments, **named)


@restores("launch-checks-subnets", "An unknown subnet is a ValidationError, not an EC2 code", API)
def launch_checks_subnets() -> None:
    for write in WRITES:

        @around(AutoScalingBackend, write)
        def accept(original, self, *arguments, **named):
            known = {subnet.id for zone in self.ec2_backend.subnets.values() for subnet in zone.values()}
            for subnet in (named.get("vpc_zone_identifier") or "").split(","):
                if subnet and subnet not in known:
                    raise ValidationError(f"The subnet ID '{subnet}' does not exist")
            return original(self, *arguments, **named)


@restores(
    "launch-checks-profile",
    "A profile that does not exist, or that EC2 does not see yet, is a ValidationError with `Invalid IAM Instance Profile name`; one without a role is refused",
    API,
)
def launch_checks_profile() -> None:
    def check(backend, data, subnets) -> None:
        asked = data.get("IamInstanceProfile")
        if not asked:
            return
        iam = iam_backends[backend.account_id][backend.partition]
        profiles = {profile.name: profile for profile in iam.get_instance_profiles()}
        name = asked.get("Name") or asked.get("Arn", "").rsplit("/", 1)[-1]
        profile = profiles.get(name)
        account = ACCOUNTS.get(backend.account_id)
        lag = account.memory.setdefault("profile-lag", {})
        unseen = profile is not None and lag.get(profile.id, 0) < account.scenario.profile_lag_calls
        if unseen:
            lag[profile.id] = lag.get(profile.id, 0) + 1
        if profile is None or unseen:
            raise ValidationError(f"{PREFIX}Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name")
        if not profile.roles:
            raise ValidationError(f"{PREFIX}IAM Instance Profile \"{profile.arn}\" has no associated IAM Roles")

    before_both_writes(check)


@restores("launch-checks-parameters", "Image, type, key, groups and devices of the template are checked by a dry run of the launch", API)
def launch_checks_parameters() -> None:
    def check(backend, data, subnets) -> None:
        ec2 = backend.ec2_backend
        image_id, instance_type = data.get("ImageId"), data.get("InstanceType")
        if not image_id:
            raise ValidationError(PREFIX + "The request must contain the parameter ImageId")
        if image_id not in ec2.amis:
            raise ValidationError(f"{PREFIX}The image id '[{image_id}]' does not exist")
        offered = {offer["InstanceType"] for offer in INSTANCE_TYPE_OFFERINGS["region"].get(ec2.region_name, [])}
        if instance_type not in offered:
            raise ValidationError(f"{PREFIX}Invalid value '{instance_type}' for InstanceType.")
        key = data.get("KeyName")
        if key and key not in ec2.key_pairs:
            raise ValidationError(f"{PREFIX}The key pair '{key}' does not exist")
        check_groups(ec2, data, subnets)
        if data.get("InstanceMarketOptions", {}).get("MarketType") == "spot" and data.get("Placement", {}).get("Tenancy") == "default":
            raise ValidationError(PREFIX + "Spot instances do not support the tenancy 'default'.")
        for mapping in data.get("BlockDeviceMappings") or []:
            check_volume(mapping)

    before_both_writes(check)


def check_groups(ec2: object, data: dict, subnets: list[str]) -> None:
    interfaces = data.get("NetworkInterfaces") or []
    if interfaces and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        raise ValidationError("Invalid launch template: When a network interface is provided, the security groups must be a part of it.")
    groups = [group for interface in interfaces for group in interface.get("Groups", [])] + (data.get("SecurityGroupIds") or [])
    for group_id in groups:
        group = ec2.get_security_group_from_id(group_id)
        if group is None:
            raise ValidationError(f"{PREFIX}The security group '{group_id}' does not exist")
        for subnet_id in subnets:
            if ec2.get_subnet(subnet_id).vpc_id != group.vpc_id:
                raise ValidationError(f"{PREFIX}Security group {group_id} and subnet {subnet_id} belong to different networks.")


# Type → smallest and largest number of I/O operations a second. Source: API_EbsBlockDevice of the EC2 reference.
IOPS = {"gp3": (3000, 80_000), "io1": (100, 64_000), "io2": (100, 256_000)}


def check_volume(mapping: dict) -> None:
    device, settings = mapping.get("DeviceName", ""), mapping.get("Ebs", {})
    kind, iops, throughput = settings.get("VolumeType", "gp2"), settings.get("Iops"), settings.get("Throughput")
    if not re.fullmatch(r"/dev/(sd[a-z][0-9]*|xvd[a-z]{1,2}[0-9]*)|xvd[a-z]{1,2}", device):
        raise ValidationError(f"{PREFIX}Value ({device}) for parameter blockDeviceMapping.deviceName is invalid. {device} is not a valid EBS device name.")
    if kind in ("io1", "io2") and iops is None:
        raise ValidationError(f"{PREFIX}The request must contain the parameter iops when VolumeType is {kind}")
    if iops is not None:
        if kind not in IOPS:
            raise ValidationError(f"{PREFIX}The parameter iops is not supported for {kind} volumes.")
        least, most = IOPS[kind]
        if not least <= iops <= most:
            raise ValidationError(f"{PREFIX}Volume iops of {iops} is out of range; it is from {least} to {most} for {kind}.")
    if throughput is not None and kind != "gp3":
        raise ValidationError(f"{PREFIX}The parameter throughput is not supported for {kind} volumes.")
    if settings.get("KmsKeyId") and not settings.get("Encrypted"):
        raise ValidationError(f"{PREFIX}The parameter KmsKeyId requires the parameter Encrypted to be set.")
