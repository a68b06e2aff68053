"""What the checks share: an account of one's own, clients, and refusals by code."""

import contextlib
import functools
import itertools
import json
import unittest
import urllib.request
from collections.abc import Callable, Iterator

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNTS = itertools.count(300_000_000_001)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
IMAGE = "ami-0abcd1234abcd1234"
ENDPOINT = ""
SESSION = boto3.Session()


def proves(name: str) -> Callable:
    """Says which correction a check is for: without that correction, the check must fail."""

    def mark(check: Callable) -> Callable:
        check.proves = name
        return check

    return mark


class Case(unittest.TestCase):
    """A check in an account of its own. Clients do not retry, so that a refusal is seen once."""

    maxDiff = None

    def setUp(self) -> None:
        self.account = str(next(ACCOUNTS))
        self.seed = self.control("GET", "seed?region=us-east-1")
        self.vpc, self.subnets = self.seed["vpc"], [subnet["id"] for subnet in self.seed["subnets"]]

    @functools.cached_property
    def ec2(self):
        return self.client("ec2")

    @functools.cached_property
    def iam(self):
        return self.client("iam")

    @functools.cached_property
    def asg(self):
        return self.client("autoscaling")

    def client(self, service: str, **config: object):
        return SESSION.client(
            service,
            endpoint_url=ENDPOINT,
            region_name="us-east-1",
            aws_access_key_id=f"AKIAKAPH{self.account}",
            aws_secret_access_key="emulator",
            config=Config(**({"retries": {"total_max_attempts": 1}, "connect_timeout": 5, "read_timeout": 30} | config)),
        )

    def control(self, method: str, path: str, data: dict | None = None) -> dict:
        path += ("&" if "?" in path else "?") + f"account={self.account}"
        request = urllib.request.Request(f"{ENDPOINT}/_kaphost/{path}", method=method, data=json.dumps(data or {}).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    @contextlib.contextmanager
    def refused(self, code: str, *words: str, status: int | None = None) -> Iterator[None]:
        with self.assertRaises(ClientError) as caught:
            yield
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error)
        for word in words:
            self.assertIn(word, error["Error"]["Message"])
        if status:
            self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], status)

    def group(self, name: str = "web", **more: object) -> str:
        return self.ec2.create_security_group(GroupName=name, Description="a test", VpcId=self.vpc, **more)["GroupId"]

    def template(self, name: str = "web", data: dict | None = None, **more: object) -> str:
        data = {"ImageId": IMAGE, "InstanceType": "t3.micro"} | (data or {})
        return self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data, **more)["LaunchTemplate"]["LaunchTemplateId"]

    def scaling_group(self, template: str, name: str = "web", **more: object) -> None:
        version = more.pop("version", "1")
        arguments = {
            "AutoScalingGroupName": name,
            "MinSize": 1,
            "MaxSize": 1,
            "DesiredCapacity": 1,
            "LaunchTemplate": {"LaunchTemplateId": template, "Version": version},
            "VPCZoneIdentifier": ",".join(self.subnets[:2]),
        }
        self.asg.create_auto_scaling_group(**(arguments | more))

    def described(self, name: str = "web") -> dict | None:
        groups = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return groups[0] if groups else None

    def instance(self, name: str = "web") -> dict:
        instance_id = self.described(name)["Instances"][0]["InstanceId"]
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def profile(self, name: str = "web") -> str:
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.iam.create_instance_profile(InstanceProfileName=name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name
