"""Launch configurations: what one keeps, what a group launches from it, and how a group goes over to a launch template."""

from dataclasses import dataclass

from aws_behaviours import restores
from aws_behaviours.launching import launch_one
from aws_behaviours.wrapping import around
from moto.autoscaling.models import FakeAutoScalingGroup, FakeLaunchConfiguration, InstanceState
from moto.autoscaling.responses import AutoScalingResponse

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"
GUIDE = "https://docs.aws.amazon.com/autoscaling/ec2/userguide/"


@restores(
    "launch-configuration-kept",
    "PlacementTenancy is kept; monitoring is on unless it is turned off; whether there is a public address is kept only when it was said",
    API + "API_CreateLaunchConfiguration.html",
)
def launch_configuration_kept() -> None:
    @around(AutoScalingResponse, "create_launch_configuration")
    def create(original, self):
        asked = self._get_params()
        result = original(self)
        made = self.autoscaling_backend.launch_configurations[asked["LaunchConfigurationName"]]
        made.placement_tenancy = asked.get("PlacementTenancy")
        made.instance_monitoring_enabled = (asked.get("InstanceMonitoring") or {}).get("Enabled", True)
        if "AssociatePublicIpAddress" not in asked:
            made.associate_public_ip_address = None
        return result


@dataclass
class Configuration:
    """A launch configuration in the shape of a template version."""

    data: dict
    user_data: object
    template: None = None
    number: None = None


def as_version(found: FakeLaunchConfiguration) -> Configuration:
    interface = {"DeviceIndex": 0, "Groups": list(found.security_groups)}
    if found.associate_public_ip_address is not None:
        interface["AssociatePublicIpAddress"] = found.associate_public_ip_address
    profile = found.iam_instance_profile
    data = {
        "ImageId": found.image_id,
        "InstanceType": found.instance_type,
        "KeyName": found.key_name,
        "EbsOptimized": found.ebs_optimized,
        "NetworkInterfaces": [interface],
        "MetadataOptions": found.metadata_options or {},
        "Monitoring": {"Enabled": found.instance_monitoring_enabled},
        "BlockDeviceMappings": [mapping for mapping in found.block_device_mapping_dict or [] if "Ebs" in mapping],
        "Placement": {"Tenancy": getattr(found, "placement_tenancy", None) or "default"},
        "InstanceMarketOptions": {"MarketType": "spot"} if found.spot_price else {},
        "IamInstanceProfile": {"Arn" if profile.startswith("arn:") else "Name": profile} if profile else {},
    }
    return Configuration({key: value for key, value in data.items() if value is not None}, found.user_data)


@restores(
    "launch-from-configuration",
    "A launched instance takes groups, profile, devices and metadata options from the group's launch configuration",
    GUIDE + "launch-configurations.html",
)
def launch_from_configuration() -> None:
    @around(FakeAutoScalingGroup, "replace_autoscaling_group_instances")
    def launch(original, self, count_needed, propagated_tags):
        if self.ec2_launch_template is not None or self.launch_config is None:
            return original(self, count_needed, propagated_tags)
        for _ in range(count_needed):
            instance = launch_one(self, as_version(self.launch_config), propagated_tags)
            instance.autoscaling_group = self
            instance.configuration_name = self.launch_config.name
            self.instance_states.append(InstanceState(instance, protected_from_scale_in=self.new_instances_protected_from_scale_in))
        return None


@restores(
    "asg-goes-over-to-template",
    "A group that is given a launch template has no launch configuration any more; its instances go on showing what they were launched from",
    API + "API_UpdateAutoScalingGroup.html",
)
def asg_goes_over_to_template() -> None:
    @around(FakeAutoScalingGroup, "_set_launch_configuration")
    def set_source(original, self, launch_config_name, launch_template, mixed_instances_policy):
        # A group in the making has neither yet.
        before = getattr(self, "ec2_launch_template", None)
        for state in getattr(self, "instance_states", []):
            if before is not None and not hasattr(state.instance, "launched_by"):
                state.instance.launched_by = before
        original(self, launch_config_name, launch_template, mixed_instances_policy)
        if launch_template:
            self.launch_config, self.launch_configuration_name = None, None

    by_group = InstanceState.launch_template.fget

    def launch_template(self):
        if getattr(self.instance, "configuration_name", None):
            return None
        shown, by = by_group(self), getattr(self.instance, "launched_by", None)
        return shown if shown is None or by is None else shown | {"LaunchTemplateId": by.id, "LaunchTemplateName": by.name}

    InstanceState.launch_template = property(launch_template)
    InstanceState.launch_configuration_name = property(lambda self: getattr(self.instance, "configuration_name", None))
