"""What an account holds from the start: a default network over several zones, images, a key pair, a bastion's group.

Identifiers of images are fixed so that configurations in tests and examples can name them; the rest is made by moto and
asked for through the control API.
"""

import json
from datetime import datetime, timezone

from account import Account
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.iam import models as iam_models

KEY_PAIR = "ops"
# Of AWS's own policies these are there. All 1,600 cost 80 ms in the first call of every account.
MANAGED_POLICIES = (
    "AdministratorAccess",
    "AmazonEC2ReadOnlyAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
    "ReadOnlyAccess",
)
CANONICAL = "099720109477"

# id, owner (None: the account itself), alias, name, created, root device
IMAGES = (
    ("ami-0abcd1234abcd1234", None, None, "kapacitor-ubuntu-2026-08-01", "2026-08-01", "/dev/sda1"),
    ("ami-0abcd1234abcd1235", None, None, "kapacitor-ubuntu-2026-10-01", "2026-10-01", "/dev/sda1"),
    ("ami-0abcd1234abcd1236", None, None, "kapacitor-al2023-2026-10-01", "2026-10-01", "/dev/xvda"),
    ("ami-0abcd1234", None, None, "kapacitor-short-id", "2026-07-01", "/dev/sda1"),
    ("ami-0c0ffee0c0ffee001", CANONICAL, None, "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260915", "2026-09-15", "/dev/sda1"),
    ("ami-0c0ffee0c0ffee002", "137112412989", "amazon", "al2023-ami-2023.9.20260901.0-kernel-6.12-x86_64", "2026-09-01", "/dev/xvda"),
)


def keep_few_managed_policies() -> None:
    """Leaves moto only the policies named above. Called once, before any account is made."""
    every = json.loads(iam_models.aws_managed_policies_data)
    iam_models.aws_managed_policies_data = json.dumps({name: every[name] for name in MANAGED_POLICIES})


def ensure(account: Account, region: str) -> dict:
    """The seed of one account and region, made when first asked for; its ids."""
    if region in account.seeds:
        return account.seeds[region]
    if region not in ec2_backends[account.id].regions:
        return {"region": region}  # a service without regions, or a region that EC2 does not have
    ec2 = ec2_backends[account.id][region]
    for image_id, owner, alias, name, created, root_device in IMAGES:
        ec2.amis[image_id] = Ami(
            ec2,
            image_id,
            name=name,
            description=name,
            owner_id=owner,
            owner_alias=alias,
            public=owner is not None,
            virtualization_type="hvm",
            architecture="x86_64",
            creation_date=datetime.fromisoformat(created).replace(tzinfo=timezone.utc),
            image_location=f"{owner or account.id}/{name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=root_device,
            region_name=f"{region}a",
        )
    ec2.create_key_pair(KEY_PAIR, "ed25519", tags={})
    vpc = ec2.default_vpc
    bastion = ec2.create_security_group("bastion", "Bastion hosts", vpc_id=vpc.id)
    other = ec2.create_vpc("10.99.0.0/16")
    subnets = sorted(
        (subnet for zone in ec2.subnets.values() for subnet in zone.values() if subnet.vpc_id == vpc.id),
        key=lambda subnet: subnet.availability_zone,
    )
    account.seeds[region] = {
        "account": account.id,
        "region": region,
        "vpc": vpc.id,
        "vpc_cidr": vpc.cidr_block,
        "subnets": [{"id": subnet.id, "zone": subnet.availability_zone, "cidr": subnet.cidr_block} for subnet in subnets],
        "images": [{"id": image[0], "name": image[3], "root_device": image[5]} for image in IMAGES],
        "key_pair": KEY_PAIR,
        "bastion_group": bastion.id,
        "other_vpc": other.id,
    }
    return account.seeds[region]
