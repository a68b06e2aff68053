"""Instance refreshes: the rolling update of a group, one step at each description of it."""

import uuid

from account import ACCOUNTS
from aws_behaviours import restores
from aws_behaviours.auto_scaling_groups import not_found
from aws_behaviours.scaling_activities import record, settle
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/"
ACTIVE = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
PAGE = 100
# AWS gives up after an hour without a healthy instance; here time is descriptions.
FAILURES = 2


def refreshes(group: FakeAutoScalingGroup) -> list[dict]:
    """Those of a group, newest first. They are gone with it: its ARN is its own."""
    known = ACCOUNTS.get(group.account_id).memory.setdefault("instance-refreshes", {})
    return known.setdefault(group.arn, [])


def active(group: FakeAutoScalingGroup) -> dict | None:
    return next((one for one in refreshes(group) if one["Status"] in ACTIVE), None)


def group_of(request: AutoScalingResponse) -> FakeAutoScalingGroup:
    name = request._get_param("AutoScalingGroupName")
    groups = request.autoscaling_backend.autoscaling_groups
    if name not in groups:
        raise not_found(name)
    return groups[name]


@restores(
    "instance-refreshes",
    "StartInstanceRefresh replaces a group's instances by such of the desired template version, which the group has once that went well; "
    "one at a time; DescribeInstanceRefreshes tells how far it is; CancelInstanceRefresh ends it; a failed one rolls back when asked to",
    API + "API_StartInstanceRefresh.html",
)
def instance_refreshes() -> None:
    AutoScalingResponse.start_instance_refresh = lambda self: ActionResult({"InstanceRefreshId": start(self)})
    AutoScalingResponse.describe_instance_refreshes = lambda self: ActionResult(describe(self))
    AutoScalingResponse.cancel_instance_refresh = lambda self: ActionResult({"InstanceRefreshId": cancel(self)})


def start(request: AutoScalingResponse) -> str:
    group = group_of(request)
    if running := active(group):
        raise AutoscalingClientError(
            "InstanceRefreshInProgress",
            f"An Instance Refresh is already in progress and blocks the execution of this Instance Refresh: {running['InstanceRefreshId']}",
        )
    asked = request._get_params()
    preferences, wanted = asked.get("Preferences") or {}, asked.get("DesiredConfiguration") or {}
    least, most = preferences.get("MinHealthyPercentage", 90), preferences.get("MaxHealthyPercentage", 100)
    if not (0 <= least <= 100 <= most <= 200 and most - least <= 100):
        raise ValidationError("MinHealthyPercentage and MaxHealthyPercentage are out of range")
    if group.ec2_launch_template is None:
        raise ValidationError("The Auto Scaling group has no launch template")
    target = str((wanted.get("LaunchTemplate") or {}).get("Version") or group.launch_template_version)
    try:
        number = group.ec2_launch_template.get_version(target).number
    except Exception as unknown:
        raise ValidationError(f"You must use a valid fully-formed launch template. {unknown}") from None
    if preferences.get("AutoRollback") and not str(group.launch_template_version).isdigit():
        raise ValidationError("AutoRollback needs a launch template whose version is pinned by a number")
    matches = (lambda state: str(getattr(state.instance, "launched_from", "")) == str(number)) if preferences.get("SkipMatching") else (lambda _: False)
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "Pending",
        "StartTime": utcnow(),
        "PercentageComplete": 0,
        "InstancesToUpdate": len(group.instance_states),
        "Preferences": preferences,
        "DesiredConfiguration": wanted,
    }
    refreshes(group).insert(0, refresh)
    # Kept beside what AWS shows.
    group.refresh = {
        "target": str(number),
        "before": str(group.launch_template_version),
        "old": {state.instance_id for state in group.instance_states if not matches(state)},
        "launch_first": least == 100,
        "rollback": bool(preferences.get("AutoRollback")),
        "failures": 0,
    }
    return refresh["InstanceRefreshId"]


def cancel(request: AutoScalingResponse) -> str:
    running = active(group_of(request))
    if running is None:
        raise AutoscalingClientError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found")
    running["Status"] = "Cancelling"
    return running["InstanceRefreshId"]


def describe(request: AutoScalingResponse) -> dict:
    group = group_of(request)
    step(group)
    wanted = request._get_param("InstanceRefreshIds", [])
    found = [one for one in refreshes(group) if not wanted or one["InstanceRefreshId"] in wanted]
    begin = int(request._get_param("NextToken") or 0)
    end = begin + min(request._get_int_param("MaxRecords") or PAGE, PAGE)
    return {"InstanceRefreshes": found[begin:end], "NextToken": str(end) if end < len(found) else None}


def step(group: FakeAutoScalingGroup) -> None:
    refresh = active(group)
    if refresh is None:
        return
    state = group.refresh
    if refresh["Status"] == "Pending":
        refresh["Status"] = "InProgress"
    elif refresh["Status"] == "Cancelling":
        over(refresh, "Cancelled", "Cancelled by a user request.")
    else:
        back = refresh["Status"] == "RollbackInProgress"
        launched_from(group, state["before"] if back else state["target"], lambda: replace(group, refresh, state, back))


def launched_from(group: FakeAutoScalingGroup, version: str, work) -> None:
    """What is launched meanwhile, by whatever cause, is of this version."""
    pinned, group.launch_template_version = group.launch_template_version, version
    try:
        work()
    finally:
        if group.launch_template_version == version:
            group.launch_template_version = pinned
    if getattr(group, "pin", None):
        group.launch_template_version = group.provided_launch_template_version = group.pin
        group.pin = None


def replace(group: FakeAutoScalingGroup, refresh: dict, state: dict, back: bool) -> None:
    new = [one for one in group.instance_states if one.instance_id not in state["old"]]
    serving = [one for one in new if one.lifecycle_state == "InService"]
    if state["old"] and state["launch_first"] and not serving:
        if not new:
            launch(group, refresh, state, back)
        else:
            settle(group)
        return
    for instance_id in sorted(state["old"]):
        group.instance_states = [one for one in group.instance_states if one.instance_id != instance_id]
        group.ec2_backend.terminate_instances([instance_id])
        record(group, f"Terminating EC2 instance: {instance_id}", "an instance was taken out of service in response to an instance refresh.", "Successful")
    state["old"] = set()
    if not group.instance_states:
        launch(group, refresh, state, back)
        return
    settle(group)
    if all(one.lifecycle_state == "InService" for one in group.instance_states):
        refresh["PercentageComplete"], refresh["InstancesToUpdate"] = 100, 0
        if not back:
            group.pin = state["target"]
        over(refresh, "RollbackSuccessful" if back else "Successful", None)


def launch(group: FakeAutoScalingGroup, refresh: dict, state: dict, back: bool) -> None:
    known = len(group.instance_states)
    group.replace_autoscaling_group_instances(1, group.get_propagated_tags())
    if len(group.instance_states) > known:
        return
    state["failures"] += 1
    if state["failures"] < FAILURES:
        return
    state["failures"], reason = 0, "New instances did not become healthy: they could not be launched."
    if back:
        over(refresh, "RollbackFailed", reason)
    elif not state["rollback"]:
        over(refresh, "Failed", reason)
    else:
        refresh |= {"Status": "RollbackInProgress", "StatusReason": reason}
        refresh["RollbackDetails"] = {"RollbackReason": reason, "RollbackStartTime": utcnow()}
        state["old"] = {
            one.instance_id for one in group.instance_states if str(getattr(one.instance, "launched_from", "")) != state["before"]
        }


def over(refresh: dict, status: str, reason: str | None) -> None:
    refresh |= {"Status": status, "EndTime": utcnow()}
    if reason:
        refresh["StatusReason"] = reason
