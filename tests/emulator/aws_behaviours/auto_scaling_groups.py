"""Auto Scaling groups: names, bounds, settings, and when one may be deleted."""

import re

from account import ACCOUNTS
from aws_behaviours import restores
from aws_behaviours.wrapping import around
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"
NAME = re.compile(r"[!-9;-~]{1,255}")
MAX_TAGS = 50
# Stored and shown as sent; moto drops them. Wire name → attribute that moto's serialiser reads.
SETTINGS = {
    "DefaultInstanceWarmup": "default_instance_warmup",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "DeletionProtection": "deletion_protection",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "DesiredCapacityType": "desired_capacity_type",
    "Context": "context",
}
# moto stores these when a group is made, and forgets them when it is updated.
UPDATED = {
    "DefaultCooldown": "default_cooldown",
    "PlacementGroup": "placement_group",
    "TerminationPolicies": "termination_policies",
    "CapacityRebalance": "capacity_rebalance",
}


def not_found(name: str) -> ValidationError:
    return ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")


@restores("asg-already-exists", "CreateAutoScalingGroup with a name in use is refused with AlreadyExists and changes nothing", API + "API_CreateAutoScalingGroup.html")
def asg_already_exists() -> None:
    @around(AutoScalingResponse, "create_auto_scaling_group")
    def create(original, self):
        name = self._get_param("AutoScalingGroupName")
        if group := self.autoscaling_backend.autoscaling_groups.get(name):
            pending = " and is pending delete" if getattr(group, "status", None) else ""
            raise AutoscalingClientError(
                "AlreadyExists", f"AutoScalingGroup by this name already exists - A group with the name {name} already exists{pending}"
            )
        return original(self)


@restores(
    "asg-bounds",
    "A group's name is printable ASCII without a colon; MinSize ≤ DesiredCapacity ≤ MaxSize; at most 50 tags",
    API + "API_CreateAutoScalingGroup.html",
)
def asg_bounds() -> None:
    for write in ("create_auto_scaling_group", "update_auto_scaling_group"):

        @around(AutoScalingBackend, write)
        def accept(original, self, *arguments, write=write, **named):
            name, group = named.get("name") or "", self.autoscaling_groups.get(named.get("name"))
            if write.startswith("create") and not NAME.fullmatch(name):
                raise ValidationError(
                    f"1 validation error detected: Value '{name}' at 'autoScalingGroupName' failed to satisfy constraint: "
                    "Member must satisfy regular expression pattern"
                )
            sizes = {key: named.get(key) for key in ("min_size", "max_size", "desired_capacity")}
            least, most, desired = (
                getattr(group, key, None) if value is None and group else None if value is None else int(value) for key, value in sizes.items()
            )
            if least is not None and most is not None and least > most:
                raise ValidationError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
            if sizes["desired_capacity"] is not None and not least <= desired <= most:
                raise ValidationError(f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}")
            if len(named.get("tags") or []) > MAX_TAGS:
                raise ValidationError(f"A resource may have at most {MAX_TAGS} tags")
            return original(self, *arguments, **named)


@restores(
    "asg-settings",
    "DefaultInstanceWarmup, InstanceMaintenancePolicy, DeletionProtection and others are kept and described; -1, 0 and \"\" clear them",
    API + "API_UpdateAutoScalingGroup.html",
)
def asg_settings() -> None:
    def keep(self, creating: bool) -> None:
        asked = self._get_params()
        check_settings(asked)
        group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
        if creating:
            group.deletion_protection = "none"
        for wire, attribute in SETTINGS.items() if creating else (SETTINGS | UPDATED).items():
            if wire in asked:
                setattr(group, attribute, asked[wire])
        policy = getattr(group, "instance_maintenance_policy", None) or {}
        if policy.get("MinHealthyPercentage") == -1:
            group.instance_maintenance_policy = None
        if getattr(group, "default_instance_warmup", None) == -1:
            group.default_instance_warmup = None
        if getattr(group, "max_instance_lifetime", None) == 0:
            group.max_instance_lifetime = None
        if group.placement_group == "":
            group.placement_group = None

    @around(AutoScalingResponse, "create_auto_scaling_group")
    def create(original, self):
        check_settings(self._get_params())
        result = original(self)
        keep(self, creating=True)
        return result

    @around(AutoScalingResponse, "update_auto_scaling_group")
    def update(original, self):
        check_settings(self._get_params())
        result = original(self)
        keep(self, creating=False)
        return result


def check_settings(asked: dict) -> None:
    protection = asked.get("DeletionProtection")
    if protection not in (None, "none", "prevent-force-deletion", "prevent-all-deletion"):
        raise ValidationError(f"Value '{protection}' at 'deletionProtection' failed to satisfy constraint: Member must satisfy enum value set")
    if policy := asked.get("InstanceMaintenancePolicy"):
        least, most = policy.get("MinHealthyPercentage"), policy.get("MaxHealthyPercentage")
        if least is None or most is None:
            raise ValidationError("You must specify both MinHealthyPercentage and MaxHealthyPercentage")
        if (least, most) != (-1, -1) and not (0 <= least <= 100 <= most <= 200 and most - least <= 100):
            raise ValidationError(
                "MinHealthyPercentage is from 0 to 100, MaxHealthyPercentage from 100 to 200, and they differ by at most 100"
            )


@restores(
    "asg-delete-in-use",
    "Without ForceDelete, a group with instances is not deleted: ResourceInUse. Deletion protection refuses by its level",
    API + "API_DeleteAutoScalingGroup.html",
)
def asg_delete_in_use() -> None:
    @around(AutoScalingResponse, "delete_auto_scaling_group")
    def delete(original, self):
        name, force = self._get_param("AutoScalingGroupName"), self._get_bool_param("ForceDelete", False)
        group = self.autoscaling_backend.autoscaling_groups.get(name)
        if group is None:
            raise not_found(name)
        protection = getattr(group, "deletion_protection", "none")
        # AWS documents the levels but not the words of the refusal.
        if protection == "prevent-all-deletion" or (protection == "prevent-force-deletion" and force):
            raise ValidationError(f"AutoScalingGroup '{name}' has deletion protection {protection} and cannot be deleted")
        if group.instance_states and not force:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.",
            )
        return original(self)


@restores(
    "asg-delete-in-progress",
    "A deleted group is described with the status `Delete in progress`, and its instances live, until they have terminated",
    API + "API_AutoScalingGroup.html",
)
def asg_delete_in_progress() -> None:
    @around(AutoScalingResponse, "delete_auto_scaling_group")
    def delete(original, self):
        name = self._get_param("AutoScalingGroupName")
        group = self.autoscaling_backend.autoscaling_groups.get(name)
        polls = ACCOUNTS.get(self.current_account).scenario.delete_polls
        if group is None or not polls or not group.instance_states:
            return original(self)
        if getattr(group, "status", None):
            raise AutoscalingClientError("ScalingActivityInProgress", f"AutoScalingGroup '{name}' is being deleted already")
        group.status, group.polls_until_deleted = "Delete in progress", polls
        for state in group.instance_states:
            state.lifecycle_state = "Terminating"
        return EmptyResult()

    @around(AutoScalingResponse, "describe_auto_scaling_groups")
    def describe(original, self):
        backend = self.autoscaling_backend
        for group in list(backend.autoscaling_groups.values()):
            if getattr(group, "status", None) == "Delete in progress":
                if group.polls_until_deleted <= 0:
                    for state in group.instance_states:
                        state.lifecycle_state = "InService"
                    backend.delete_auto_scaling_group(group.name)
                group.polls_until_deleted -= 1
        return original(self)


@restores("asg-not-found", "An action on an unknown group is refused with ValidationError", API + "CommonErrors.html")
def asg_not_found() -> None:
    for action in ("set_desired_capacity", "suspend_processes", "resume_processes", "enable_metrics_collection", "put_lifecycle_hook"):

        @around(AutoScalingResponse, action)
        def act(original, self):
            name = self._get_param("AutoScalingGroupName")
            if name not in self.autoscaling_backend.autoscaling_groups:
                raise not_found(name)
            return original(self)

    for action in ("create_or_update_tags", "delete_tags"):

        @around(AutoScalingResponse, action)
        def tag(original, self):
            for one in self._get_param("Tags", []):
                if one.get("ResourceId") not in self.autoscaling_backend.autoscaling_groups:
                    raise not_found(one.get("ResourceId"))
            return original(self)


@restores("asg-page-size", "DescribeAutoScalingGroups takes MaxRecords from 1 to 100 and refuses others with ValidationError", API + "API_DescribeAutoScalingGroups.html")
def asg_page_size() -> None:
    @around(AutoScalingResponse, "describe_auto_scaling_groups")
    def describe(original, self):
        size = self._get_int_param("MaxRecords")
        if size is not None and not 1 <= size <= 100:
            raise ValidationError(f"1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint")
        result = original(self)
        assert isinstance(result, ActionResult)
        return result


@restores("asg-update-keeps", "UpdateAutoScalingGroup leaves alone what the request does not name", API + "API_UpdateAutoScalingGroup.html")
def asg_update_keeps() -> None:
    @around(FakeAutoScalingGroup, "update")
    def update(original, self, *arguments, **named):
        kept = self.mixed_instances_policy
        original(self, *arguments, **named)
        if named.get("mixed_instances_policy") is None and not named.get("launch_template") and not named.get("launch_config_name"):
            self.mixed_instances_policy = kept
