"""For native tests of policies: a sample cluster, facts, settings as the host would hand them over, and a check of what a policy says.

`validate` and `mutate` call a policy as the host does, and raise an `AssertionError` where its answer breaks the contract: a rule that it does
not describe, changes without a reason, a second pass that changes its own answer. Not part of any component.
"""

from copy import deepcopy

from . import (
    Ami_Id,
    AmiFacts,
    Cluster,
    EgressRule,
    Facts,
    HealthCheck,
    Http,
    Iam,
    IngressRule,
    InstanceMetadata,
    Network,
    Rollout,
    RolloutStrategy,
    Scaling,
    Setting,
    SettingValue_Boolean,
    SettingValue_Integer,
    SettingValue_Text,
    SettingValue_Texts,
    Source_Cidr,
    Source_SecurityGroup,
    Ssh,
    SubnetFacts,
    Tag,
    Tenancy,
    Tokens,
    Volume,
    VolumeSettings,
    VolumeType,
    VpcFacts,
)


def cluster() -> Cluster:
    """A cluster as most are, the same as that of the SDK in Rust: one encrypted root volume, one more on `/dev/xvdh`, SSH from `10.0.0.0/8` and a
    bastion's group, Kapacitor's API from `10.0.0.0/8`, everything to be reached over IPv4, two tags, and nothing but the safe defaults otherwise."""
    return Cluster(
        name="metrics-stage",
        region="us-east-1",
        ami=Ami_Id("ami-0123456789abcdef0"),
        instance_type="t3.small",
        tenancy=Tenancy.DEFAULT,
        ebs_optimized=None,
        spot=None,
        network=Network(vpc="vpc-0a1b2c3d", subnets=["subnet-0aaa1111", "subnet-0bbb2222"], public_ip=False),
        ssh=Ssh(port=22, key="ops", allow=[ingress("10.0.0.0/8", "office"), ingress("sg-0123abcd", "bastion")]),
        http=Http(port=9092, allow=[ingress("10.0.0.0/8", "office")], security_group=None),
        egress=[EgressRule(cidr="0.0.0.0/0", ports=None, description="everything")],
        metadata=InstanceMetadata(enabled=True, tokens=Tokens.REQUIRED, hop_limit=1),
        root_volume=volume(50),
        volumes=[Volume(device="/dev/xvdh", settings=volume(300), snapshot=None)],
        user_data=None,
        scaling=Scaling(
            termination_policies=["Default"],
            health_check=HealthCheck.EC2,
            health_check_grace_period_s=600,
            wait_for_capacity_timeout_s=600,
            deletion_protection=False,
        ),
        rollout=Rollout(
            strategy=RolloutStrategy.TERMINATE_FIRST, auto_rollback=True, skip_matching=True, warmup_s=None, timeout_s=3600
        ),
        iam=Iam(profile_path="/", managed_policies=[], inline_policies=[], boundary=None),
        tags=[Tag("CostCenter", "1234", True), Tag("Owner", "metrics", True)],
        kapacitor=None,
    )


def volume(size_gib) -> VolumeSettings:
    """An encrypted volume of a size, and otherwise as it is by default."""
    return VolumeSettings(
        volume_type=VolumeType.GP3,
        size_gib=size_gib,
        iops=None,
        throughput_mibps=None,
        encrypted=True,
        kms_key=None,
        delete_on_termination=True,
    )


def ingress(source, description) -> IngressRule:
    """One source that is let in: a network, or a security group when it starts with `sg-`."""
    kind = Source_SecurityGroup if source.startswith("sg-") else Source_Cidr
    return IngressRule(kind(source), description)


def facts() -> Facts:
    """What the host would know of the sample cluster."""
    return Facts(
        account="123456789012",
        ami=AmiFacts(
            id="ami-0123456789abcdef0",
            owner="123456789012",
            name="kapacitor-1.7.7",
            created="2026-03-14T15:09:26.000Z",
            architecture="x86_64",
            root_device="/dev/xvda",
        ),
        subnets=[
            SubnetFacts("subnet-0aaa1111", "us-east-1a", "10.0.0.0/20", False),
            SubnetFacts("subnet-0bbb2222", "us-east-1b", "10.0.16.0/20", False),
        ],
        vpc=VpcFacts("vpc-0a1b2c3d", ["10.0.0.0/16"], False),
    )


def settings(policy, **given):
    """What the host would hand over: the defaults of the policy's description, and these in their place, with `_` for `-`."""
    schemas = policy.Metadata().describe().settings
    values = {name.replace("_", "-"): value for name, value in given.items()}
    unknown = values.keys() - {schema.name for schema in schemas}
    assert not unknown, f"the policy has no setting {sorted(unknown)}"
    kinds = {bool: SettingValue_Boolean, int: SettingValue_Integer, str: SettingValue_Text, list: SettingValue_Texts}
    handed = []
    for schema in sorted(schemas, key=lambda schema: schema.name):
        value = kinds[type(values[schema.name])](values[schema.name]) if schema.name in values else schema.default_value
        assert value is not None, f"the setting {schema.name} is required"
        assert type(value).__name__.rsplit("_")[-1] == type(schema.kind).__name__.rsplit("_")[-1], f"{schema.name} is of another type"
        handed.append(Setting(schema.name, value))
    return handed


def validate(policy, cluster, facts=None, **given):
    """Every violation, with its contract checked."""
    violations = policy.Validating().validate(cluster, facts or Facts(None, None, [], None), settings(policy, **given))
    _rules(policy, violations)
    return violations


def mutate(policy, cluster, facts=None, **given):
    """The amended cluster, with its contract checked: reasons are there for changes, and its own answer is left alone."""
    before, handed = deepcopy(cluster), settings(policy, **given)
    facts = facts or Facts(None, None, [], None)
    amended = policy.Mutating().mutate(cluster, facts, handed)
    _rules(policy, amended.changes)
    assert amended.cluster == before or amended.changes, "something is changed for no reason"
    again = policy.Mutating().mutate(deepcopy(amended.cluster), facts, handed)
    assert again.cluster == amended.cluster, "a second pass changes what the first one left"
    return amended


def _rules(policy, cited):
    known = {rule.id for rule in policy.Metadata().describe().rules}
    for one in cited:
        assert one.rule in known, f"the policy does not describe the rule {one.rule}"
