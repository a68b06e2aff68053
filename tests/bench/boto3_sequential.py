"""The job of kaphost as a careful engineer would script it with boto3: one call after the other. What kaphost is measured beside.

    boto3_sequential.py create|noop|destroy --vpc vpc-… --subnets subnet-…,subnet-… [--name … --ami … --key … --cidr …] [--ask]

With `--ask` it asks, before it makes a server, what kaphost asks then (`--preflight always`): whether what the server takes for granted is there.
`create` makes the server or brings it up to date; `noop` is the same job, and fails if it found anything to do; `destroy`
removes what is tagged as ours. Credentials and endpoint come from the environment, as boto3 reads them.

Prints JSON: {"job", "calls", "changed", "work_s", "wait_s", "process_s"}. `work_s` is what the calls took without waiting for
the instance or for its end (`wait_s`); `process_s` is everything since the process began, Python's own start included.
"""

import time

BEGAN = time.time()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

OWNER = "boto3:cluster"
INSTANCE_TYPE = "t3.small"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLL_S = 0.05
LONGEST_WAIT_S = 120
# AWS shows a new profile to EC2 only after a while.
PROFILE_ATTEMPTS = 24


class Missing(Exception):
    """What the server takes for granted is not so."""


class NotOurs(Exception):
    """Something of this name exists that we did not make."""


class Job:
    def __init__(self, options: argparse.Namespace) -> None:
        self.o, self.tags = options, [{"Key": OWNER, "Value": options.name}]
        config = Config(retries={"mode": "standard", "max_attempts": 4})
        self.ec2, self.iam, self.asg = (boto3.client(service, region_name=options.region, config=config) for service in ("ec2", "iam", "autoscaling"))
        self.calls = self.changed = 0
        self.wait_s = 0.0
        for client in (self.ec2, self.iam, self.asg):
            client.meta.events.register("before-send", self._count)

    def _count(self, **_: object) -> None:
        self.calls += 1

    def _change(self, call, **arguments: object) -> dict:
        self.changed += 1
        return call(**arguments)

    def _ours(self, kind: str, tags: list[dict]) -> None:
        if {"Key": OWNER, "Value": self.o.name} not in [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]:
            raise NotOurs(f"the {kind} {self.o.name} exists and is not tagged {OWNER}={self.o.name}")

    # ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def find_group(self) -> dict | None:
        filters = [{"Name": "group-name", "Values": [self.o.name]}, {"Name": "vpc-id", "Values": [self.o.vpc]}]
        found = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if found:
            self._ours("security group", found[0].get("Tags", []))
        return found[0] if found else None

    def find_rules(self, group: str) -> list[dict]:
        rules = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        return [rule for rule in rules if not rule["IsEgress"]]

    def find_role(self) -> dict | None:
        try:
            role = self.iam.get_role(RoleName=self.o.name)["Role"]
        except self.iam.exceptions.NoSuchEntityException:
            return None
        self._ours("role", role.get("Tags", []))
        return role

    def find_profile(self) -> dict | None:
        try:
            profile = self.iam.get_instance_profile(InstanceProfileName=self.o.name)["InstanceProfile"]
        except self.iam.exceptions.NoSuchEntityException:
            return None
        self._ours("instance profile", profile.get("Tags", []))
        return profile

    def find_template(self) -> tuple[dict, dict] | None:
        found = self.ec2.describe_launch_templates(Filters=[{"Name": "launch-template-name", "Values": [self.o.name]}])["LaunchTemplates"]
        if not found:
            return None
        self._ours("launch template", found[0].get("Tags", []))
        versions = self.ec2.describe_launch_template_versions(LaunchTemplateId=found[0]["LaunchTemplateId"], Versions=["$Latest"])
        return found[0], versions["LaunchTemplateVersions"][0]

    def find_scaling_group(self) -> dict | None:
        found = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.o.name])["AutoScalingGroups"]
        if found:
            self._ours("Auto Scaling group", found[0]["Tags"])
        return found[0] if found else None

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, image: dict) -> None:
        subnets = self.o.subnets.split(",")
        described = self.ec2.describe_instance_types(InstanceTypes=[INSTANCE_TYPE])["InstanceTypes"][0]
        if image["Architecture"] not in described["ProcessorInfo"]["SupportedArchitectures"]:
            raise Missing(f"{INSTANCE_TYPE} does not run {image['Architecture']}")
        found = self.ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
        if elsewhere := [subnet["SubnetId"] for subnet in found if subnet["VpcId"] != self.o.vpc]:
            raise Missing(f"{', '.join(elsewhere)} are not in {self.o.vpc}")
        of_type = [{"Name": "instance-type", "Values": [INSTANCE_TYPE]}]
        offered = self.ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=of_type)["InstanceTypeOfferings"]
        if not {subnet["AvailabilityZone"] for subnet in found} & {offer["Location"] for offer in offered}:
            raise Missing(f"{INSTANCE_TYPE} is not offered in the zones of the subnets")
        self.ec2.describe_key_pairs(KeyNames=[self.o.key])
        groups = self.asg.describe_account_limits()
        if groups["NumberOfAutoScalingGroups"] >= groups["MaxNumberOfAutoScalingGroups"]:
            raise Missing("the account may have no more Auto Scaling groups")
        held = self.iam.get_account_summary()["SummaryMap"]
        if held["Roles"] >= held["RolesQuota"] or held["InstanceProfiles"] >= held["InstanceProfilesQuota"]:
            raise Missing("the account may have no more roles or instance profiles")

    # ── create ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self) -> None:
        image = self.ec2.describe_images(ImageIds=[self.o.ami])["Images"][0]
        group = self.ensure_group(image)
        self.ensure_rules(group)
        self.ensure_identity()
        template, version = self.ensure_template(group)
        self.ensure_scaling_group(template, version)
        self.wait_until_in_service()

    def ensure_group(self, image: dict) -> str:
        if group := self.find_group():
            return group["GroupId"]
        if self.o.ask:
            self.ask(image)
        tagged = [{"ResourceType": "security-group", "Tags": self.tags}]
        made = self._change(
            self.ec2.create_security_group, GroupName=self.o.name, Description="Kapacitor", VpcId=self.o.vpc, TagSpecifications=tagged
        )
        return made["GroupId"]

    def ensure_rules(self, group: str) -> None:
        wanted = {(cidr, port) for cidr in self.o.cidr for port in (22, 9092)}
        held = {(rule.get("CidrIpv4"), rule["FromPort"]): rule for rule in self.find_rules(group)}
        if missing := sorted(wanted - set(held)):
            permissions = [
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr, "Description": "allowed"}]}
                for cidr, port in missing
            ]
            tagged = [{"ResourceType": "security-group-rule", "Tags": self.tags}]
            self._change(self.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=permissions, TagSpecifications=tagged)
        stale = [rule["SecurityGroupRuleId"] for key, rule in held.items() if key not in wanted and self.tags[0] in rule.get("Tags", [])]
        if stale:
            self._change(self.ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=stale)

    def ensure_identity(self) -> None:
        if self.find_role() is None:
            self._change(self.iam.create_role, RoleName=self.o.name, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=self.tags)
        profile = self.find_profile()
        if profile is None:
            self._change(self.iam.create_instance_profile, InstanceProfileName=self.o.name, Tags=self.tags)
        if profile is None or not profile["Roles"]:
            self._change(self.iam.add_role_to_instance_profile, InstanceProfileName=self.o.name, RoleName=self.o.name)

    def template_data(self, group: str) -> dict:
        return {
            "ImageId": self.o.ami,
            "InstanceType": INSTANCE_TYPE,
            "KeyName": self.o.key,
            "IamInstanceProfile": {"Name": self.o.name},
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [group], "AssociatePublicIpAddress": False, "DeleteOnTermination": True}],
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}}
            ],
            "TagSpecifications": [{"ResourceType": kind, "Tags": self.tags} for kind in ("instance", "volume")],
        }

    def ensure_template(self, group: str) -> tuple[str, int]:
        data, found = self.template_data(group), self.find_template()
        if found is None:
            tagged = [{"ResourceType": "launch-template", "Tags": self.tags}]
            made = self._change(self.ec2.create_launch_template, LaunchTemplateName=self.o.name, LaunchTemplateData=data, TagSpecifications=tagged)
            return made["LaunchTemplate"]["LaunchTemplateId"], 1
        template, latest = found
        if latest["LaunchTemplateData"] == data:
            return template["LaunchTemplateId"], latest["VersionNumber"]
        made = self._change(self.ec2.create_launch_template_version, LaunchTemplateId=template["LaunchTemplateId"], LaunchTemplateData=data)
        return template["LaunchTemplateId"], made["LaunchTemplateVersion"]["VersionNumber"]

    def ensure_scaling_group(self, template: str, version: int) -> None:
        launch = {"LaunchTemplateId": template, "Version": str(version)}
        group = self.find_scaling_group()
        if group is not None:
            if (group["LaunchTemplate"]["Version"], group["VPCZoneIdentifier"]) != (str(version), self.o.subnets):
                self._change(self.asg.update_auto_scaling_group, AutoScalingGroupName=self.o.name, LaunchTemplate=launch, VPCZoneIdentifier=self.o.subnets)
            return
        own = self.tags[0] | {"PropagateAtLaunch": True, "ResourceId": self.o.name, "ResourceType": "auto-scaling-group"}
        for attempt in range(PROFILE_ATTEMPTS):
            try:
                self._change(
                    self.asg.create_auto_scaling_group,
                    AutoScalingGroupName=self.o.name,
                    MinSize=1,
                    MaxSize=1,
                    DesiredCapacity=1,
                    LaunchTemplate=launch,
                    VPCZoneIdentifier=self.o.subnets,
                    HealthCheckType="EC2",
                    HealthCheckGracePeriod=600,
                    Tags=[own],
                )
                return
            except ClientError as refusal:
                if "Invalid IAM Instance Profile" not in str(refusal) or attempt + 1 == PROFILE_ATTEMPTS:
                    raise
                time.sleep(5)

    def wait_until_in_service(self) -> None:
        if self.changed == 0:
            return
        self._wait(lambda group: group is not None and any(one["LifecycleState"] == "InService" for one in group["Instances"]))

    def _wait(self, done) -> None:
        began = time.monotonic()
        while not done(self.find_scaling_group()):
            if time.monotonic() - began > LONGEST_WAIT_S:
                raise TimeoutError(f"the Auto Scaling group {self.o.name} has not settled after {LONGEST_WAIT_S} s")
            time.sleep(POLL_S)
        self.wait_s += time.monotonic() - began

    # ── destroy ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def destroy(self) -> None:
        if self.find_scaling_group() is not None:
            self._change(self.asg.delete_auto_scaling_group, AutoScalingGroupName=self.o.name, ForceDelete=True)
            self._wait(lambda group: group is None)
        if found := self.find_template():
            self._change(self.ec2.delete_launch_template, LaunchTemplateId=found[0]["LaunchTemplateId"])
        if profile := self.find_profile():
            for role in profile["Roles"]:
                self._change(self.iam.remove_role_from_instance_profile, InstanceProfileName=self.o.name, RoleName=role["RoleName"])
            self._change(self.iam.delete_instance_profile, InstanceProfileName=self.o.name)
        if self.find_role() is not None:
            self._change(self.iam.delete_role, RoleName=self.o.name)
        if group := self.find_group():
            self._change(self.ec2.delete_security_group, GroupId=group["GroupId"])


def since_process_began() -> float:
    """Seconds since the kernel started this process, where that can be read; else since the first line above."""
    try:
        with open("/proc/self/stat", encoding="ascii") as stat:
            ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        with open("/proc/uptime", encoding="ascii") as uptime:
            return float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.time() - BEGAN


def main() -> int:
    parser = argparse.ArgumentParser(description="The job of kaphost with boto3, one call after the other.")
    parser.add_argument("job", choices=("create", "noop", "destroy"))
    parser.add_argument("--name", default="boto3-stage")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--vpc", required=True)
    parser.add_argument("--subnets", required=True, help="comma-separated")
    parser.add_argument("--ami", default="ami-0abcd1234abcd1234")
    parser.add_argument("--key", default="ops")
    parser.add_argument("--cidr", action="append", help="may be given more than once")
    parser.add_argument("--ask", action="store_true", help="before a server is made, ask whether what it takes for granted is there")
    options = parser.parse_args()
    options.cidr = options.cidr or ["10.0.0.0/8"]
    began = time.monotonic()
    job = Job(options)
    try:
        job.destroy() if options.job == "destroy" else job.create()
    except (ClientError, Missing, NotOurs, TimeoutError) as failure:
        print(f"{options.job}: {failure}", file=sys.stderr)
        return 1
    if options.job == "noop" and job.changed:
        print(f"noop: {job.changed} changes were made", file=sys.stderr)
        return 1
    work_s = time.monotonic() - began - job.wait_s
    figures = {"work_s": work_s, "wait_s": job.wait_s, "process_s": since_process_began()}
    print(json.dumps({"job": options.job, "calls": job.calls, "changed": job.changed} | {key: round(value, 4) for key, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
