"""Security groups: where they may be made, when they may be deleted, how they are listed."""

import re

from aws_behaviours import restores
from aws_behaviours.wrapping import around, invalid
from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    DependencyViolationError,
    EC2ClientError,
    InvalidSecurityGroupDuplicateError,
    InvalidVPCIdError,
)
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupBackend
from moto.ec2.responses.security_groups import SecurityGroups

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"
NAME = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


@restores("group-vpc", "CreateSecurityGroup in an unknown VPC is refused with InvalidVpcID.NotFound", API + "errors-overview.html")
def group_vpc() -> None:
    @around(SecurityGroupBackend, "create_security_group")
    def create(original, self, name, description, vpc_id=None, **more):
        # While moto makes a VPC it makes that VPC's default group first, with force.
        if vpc_id and vpc_id not in self.vpcs and not more.get("force"):
            raise InvalidVPCIdError(vpc_id)
        return original(self, name, description, vpc_id=vpc_id, **more)


@restores(
    "group-name",
    "A group's name has 1 to 255 of a known set of characters and does not begin with sg-; ditto its description; case does not make a name new",
    API + "API_CreateSecurityGroup.html",
)
def group_name() -> None:
    @around(SecurityGroupBackend, "create_security_group")
    def create(original, self, name, description, vpc_id=None, **more):
        if not more.get("force"):
            if not NAME.fullmatch(name or ""):
                raise invalid(f"Value ({name}) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.")
            if name.startswith("sg-"):
                raise invalid(f"Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.")
            if description and not NAME.fullmatch(description):
                raise invalid(f"Value ({description}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.")
            groups = self.groups.get(vpc_id or self.default_vpc.id, {}).values()
            if any(group.name.lower() == name.lower() for group in groups):
                raise InvalidSecurityGroupDuplicateError(name)
        return original(self, name, description, vpc_id=vpc_id, **more)


@restores(
    "group-in-use",
    "DeleteSecurityGroup of a group that an interface uses or another group refers to is refused with DependencyViolation",
    API + "API_DeleteSecurityGroup.html",
)
def group_in_use() -> None:
    @around(SecurityGroupBackend, "_delete_security_group")
    def delete(original, self, vpc_id, group_id):
        referrers = (
            rule
            for groups in self.groups.values()
            for group in groups.values()
            if group.id != group_id
            for rule in group.ingress_rules + group.egress_rules
            if rule.source_group.get("GroupId") == group_id
        )
        interfaces = (eni for eni in self.enis.values() if any(group.id == group_id for group in eni.group_set))
        if next(referrers, None) is not None or next(interfaces, None) is not None:
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        group = self.get_security_group_from_id(group_id)
        if group is not None and group.is_default:
            raise EC2ClientError("CannotDelete", f"the specified group: \"{group_id}\" name: \"default\" cannot be deleted by a user")
        return original(self, vpc_id, group_id)


def page(found: list, request: object, least: int, most: int) -> tuple[list, str | None]:
    """One page of a list, and the token of the next. Tokens are positions: nothing is added while a client pages here."""
    size, token = request._get_int_param("MaxResults"), request._get_param("NextToken")
    if size is not None and not least <= size <= most:
        raise invalid(f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}.")
    if token is not None and not re.fullmatch(r"page-\d+", token):
        raise invalid(f"Value ({token}) for parameter nextToken is invalid.")
    start = int(token[5:]) if token else 0
    end = start + (size or most)
    return found[start:end], f"page-{end}" if end < len(found) else None


@restores("group-paging", "MaxResults (5 to 1000) pages DescribeSecurityGroups and DescribeSecurityGroupRules", API + "API_DescribeSecurityGroups.html")
def group_paging() -> None:
    for action, key in (("describe_security_groups", "SecurityGroups"), ("describe_security_group_rules", "SecurityGroupRules")):

        @around(SecurityGroups, action)
        def describe(original, self, key=key):
            result = original(self).result
            found, token = page(list(result[key]), self, 5, 1000)
            return ActionResult(result | {key: found, "NextToken": token})


@restores("group-filters", "An unknown filter is refused with InvalidParameterValue", API + "API_DescribeSecurityGroups.html")
def group_filters() -> None:
    # Every documented filter that moto lacks would be refused too, wrongly but aloud.
    @around(SecurityGroup, "matches_filter")
    def matches(original, self, key, filter_value):
        if not key.startswith("tag:") and key not in ("tag-key", "tag-value") and key not in self.filters:
            raise invalid(f"The filter '{key}' is invalid")
        return original(self, key, filter_value)
