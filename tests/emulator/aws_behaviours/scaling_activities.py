"""Scaling activities: what a group did, and why it could not; instances that take a while; launches that fail."""

import uuid
from datetime import datetime, timezone

from account import ACCOUNTS, Account
from aws_behaviours import restores
from aws_behaviours.auto_scaling_groups import not_found
from aws_behaviours.wrapping import around
from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

API = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html"
PAGE = 100
KEPT = 500


def account_of(group: FakeAutoScalingGroup) -> Account:
    return ACCOUNTS.get(group.account_id)


def history(account: Account, region: str, group_name: str) -> list[dict]:
    """The activities of a group, newest first. They outlive the group."""
    return account.memory.setdefault("activities", {}).setdefault((region, group_name), [])


def record(group: FakeAutoScalingGroup, description: str, cause: str, status: str, message: str | None = None) -> dict:
    now = utcnow()
    ended = None if status == "PreInService" else now
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "Description": description,
        "Cause": f"At {now:%Y-%m-%dT%H:%M:%SZ} {cause}",
        "StartTime": now,
        "EndTime": ended,
        "StatusCode": status,
        "StatusMessage": message,
        "Progress": 30 if status == "PreInService" else 100,
        "Details": '{"Subnet ID":"%s","Availability Zone":"%s"}' % ((group.vpc_zone_identifier or "").split(",")[0], group.availability_zones[0]),
    }
    activities = history(account_of(group), group.region, group.name)
    activities.insert(0, activity)
    del activities[KEPT:]
    return activity


@restores(
    "activities",
    "DescribeScalingActivities tells each launch and termination, newest first; a failed launch says why and is tried again; "
    "a new instance is Pending before it is InService",
    API,
)
def activities() -> None:
    @around(FakeAutoScalingGroup, "replace_autoscaling_group_instances")
    def launch(original, self, count_needed, propagated_tags):
        for _ in range(count_needed):
            attempt(self, lambda: original(self, 1, dict(propagated_tags)))

    @around(FakeAutoScalingGroup, "active_instances")
    def active(original, self):
        # One that is starting counts towards the capacity: moto would launch another at each look.
        return [state for state in self.instance_states if state.lifecycle_state in ("InService", "Pending")]

    @around(AutoScalingBackend, "describe_auto_scaling_groups")
    def describe(original, self, names, filters=None):
        found = original(self, names, filters=filters)
        for group in found:
            settle(group)
        return found

    @around(FakeAutoScalingGroup, "set_desired_capacity")
    def resize(original, self, new_capacity):
        before = {state.instance.id for state in self.instance_states}
        original(self, new_capacity)
        after = {state.instance.id for state in self.instance_states}
        for gone in sorted(before - after):
            record(self, f"Terminating EC2 instance: {gone}", f"instance {gone} was selected for termination.", "Successful")

    @around(AutoScalingResponse, "describe_scaling_activities")
    def describe_activities(original, self):
        return ActionResult(answer(self))


def attempt(group: FakeAutoScalingGroup, launch: object) -> None:
    """One try to launch an instance, recorded. A refusal of EC2's is an activity that failed, not an error of the caller's."""
    cause = "an instance was started in response to a difference between desired and actual capacity."
    scenario = account_of(group).scenario
    if scenario.launch_failures:
        scenario.launch_failures -= scenario.launch_failures > 0
        # Auto Scaling puts the code behind the message for capacity errors.
        # Source: docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
        message = f"{scenario.launch_failure_message} Launching EC2 instance failed."
        record(group, "Launching a new EC2 instance.", cause, "Failed", f"{scenario.launch_failure_code} - {message}")
        return
    known = len(group.instance_states)
    try:
        launch()
    except ServiceException as refusal:
        record(group, "Launching a new EC2 instance.", cause, "Failed", f"{refusal.message} Launching EC2 instance failed.")
        return
    for state in group.instance_states[known:]:
        polls = scenario.pending_polls
        state.activity = record(group, f"Launching a new EC2 instance: {state.instance_id}", cause, "PreInService" if polls else "Successful")
        if polls:
            state.lifecycle_state, state.polls_until_in_service = "Pending", polls


def settle(group: FakeAutoScalingGroup) -> None:
    """One step of time: starting instances come closer to service, missing ones are launched again."""
    for state in group.instance_states:
        if state.lifecycle_state == "Pending" and hasattr(state, "polls_until_in_service"):
            if state.polls_until_in_service <= 0:
                state.lifecycle_state = "InService"
                state.activity.update(StatusCode="Successful", Progress=100, EndTime=utcnow())
            state.polls_until_in_service -= 1
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    deleting = getattr(group, "status", None)
    # While a refresh goes on, what is launched and when is its affair.
    known = account_of(group).memory.get("instance-refreshes", {}).get(group.arn, [])
    refreshing = any(one["Status"] in ("InProgress", "RollbackInProgress") for one in known)
    if not deleting and not refreshing and "Launch" not in suspended and len(group.active_instances()) < (group.desired_capacity or 0):
        group.set_desired_capacity(group.desired_capacity)


def moment(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"{text} is not an ISO 8601 timestamp") from None
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def answer(request: AutoScalingResponse) -> dict:
    account, region = ACCOUNTS.get(request.current_account), request.region
    name = request._get_param("AutoScalingGroupName")
    backend = request.autoscaling_backend
    if name and name not in backend.autoscaling_groups and not request._get_bool_param("IncludeDeletedGroups", False):
        raise not_found(name)
    for group in backend.autoscaling_groups.values():
        if name in (None, group.name):
            settle(group)
    known = account.memory.setdefault("activities", {})
    found = [one for (at, of), ones in known.items() if at == region and name in (None, of) for one in ones]
    if not request._get_bool_param("IncludeDeletedGroups", False):
        # A new group may have the name of one that was deleted; its ARN is its own.
        living = {group.arn for group in backend.autoscaling_groups.values()}
        found = [one for one in found if one["AutoScalingGroupARN"] in living]
    found.sort(key=lambda activity: activity["StartTime"], reverse=True)
    if wanted := request._get_param("ActivityIds", []):
        found = [one for one in found if one["ActivityId"] in wanted]
    for condition in request._get_param("Filters", []):
        kind, values = condition.get("Name"), condition.get("Values", [])
        if kind == "StartTimeLowerBound":
            found = [one for one in found if aware(one["StartTime"]) >= moment(values[0])]
        elif kind == "StartTimeUpperBound":
            found = [one for one in found if aware(one["StartTime"]) <= moment(values[0])]
        elif kind == "Status":
            found = [one for one in found if one["StatusCode"] in values]
    start = int(request._get_param("NextToken") or 0)
    end = start + min(request._get_int_param("MaxRecords") or PAGE, PAGE)
    return {"Activities": found[start:end], "NextToken": str(end) if end < len(found) else None}


def aware(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)
