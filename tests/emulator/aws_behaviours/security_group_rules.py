"""Rules of security groups: what a valid one is, and that a request takes effect whole or not at all."""

import copy
import ipaddress

from aws_behaviours import restores
from aws_behaviours.wrapping import around, invalid
from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidPermissionDuplicateError, InvalidSecurityGroupNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"
DIRECTIONS = ("ingress", "egress")


@restores(
    "authorize-whole",
    "Authorize adds all rules of a request or none; a rule given twice is refused; all rules made are returned with ids and tags",
    API + "API_AuthorizeSecurityGroupIngress.html",
)
def authorize_whole() -> None:
    for direction in DIRECTIONS:

        @around(SecurityGroups, f"authorize_security_group_{direction}")
        def authorize(original, self, direction=direction):
            self.error_on_dryrun()
            name = self._get_param("GroupId") or self._get_param("GroupName")
            group = self.ec2_backend.get_security_group_by_name_or_id(name)
            if group is None:
                raise InvalidSecurityGroupNotFoundError(name)
            held = f"{direction}_rules"
            before = list(getattr(group, held))
            made = []
            try:
                for rule in self._process_rules_from_querystring():
                    try:
                        made += getattr(self.ec2_backend, f"authorize_security_group_{direction}")(**rule)[0]
                    except InvalidPermissionDuplicateError:
                        now = getattr(group, held)
                        if len(now) > len(before) and not _among(rule, before, self.ec2_backend, group, direction):
                            raise invalid("The same permission must not appear multiple times") from None
                        raise
            except Exception:
                setattr(group, held, before)
                raise
            if not made:
                raise invalid("The request must contain at least one permission")
            return ActionResult({"Return": True, "SecurityGroupRules": [_described(rule, direction) for rule in made]})


def _among(rule: dict, before: list, backend: SecurityGroupBackend, group: object, direction: str) -> bool:
    """Whether one of the rules that a request asks for was there before the request."""
    asked = backend._iterate_security_rules(
        rule["ip_protocol"], group.id, rule["from_port"], rule["to_port"], rule["ip_ranges"], rule["source_groups"], rule["prefix_list_ids"],
        is_egress=direction == "egress",
    )  # fmt: skip
    return any(one in before for one in asked)


def _described(rule: SecurityGroupRule, direction: str) -> SecurityGroupRule:
    """As DescribeSecurityGroupRules shows it: -1 stands for all ports."""
    shown = copy.copy(rule)
    shown.from_port = -1 if rule.from_port is None else rule.from_port
    shown.to_port = -1 if rule.to_port is None else rule.to_port
    return shown


@restores(
    "rule-description",
    "A rule's own description is shown by DescribeSecurityGroupRules when its source is a group",
    API + "API_SecurityGroupRule.html",
)
def rule_description() -> None:
    def description(self):
        return self.ip_range.get("Description") or self.source_group.get("Description")

    SecurityGroupRule.description = property(description)


@restores(
    "rule-canonical",
    "AWS stores a CIDR with its host bits cleared, so another form of the same network is a duplicate",
    API + "API_IpRange.html",
)
def rule_canonical() -> None:
    for direction in DIRECTIONS:
        for verb in ("authorize", "revoke"):

            @around(SecurityGroupBackend, f"{verb}_security_group_{direction}")
            def canonical(original, self, *arguments, **named):
                for source in named.get("ip_ranges") or []:
                    for key in ("CidrIp", "CidrIpv6"):
                        if key in source:
                            try:
                                source[key] = str(ipaddress.ip_network(source[key], strict=False))
                            except ValueError:
                                raise invalid(f"CIDR block {source[key]} is malformed") from None
                return original(self, *arguments, **named)


@restores(
    "rule-ports",
    "TCP and UDP rules have both ports, in order, from 0 to 65535; a rule names a protocol and a source",
    API + "API_IpPermission.html",
)
def rule_ports() -> None:
    for direction in DIRECTIONS:

        @around(SecurityGroupBackend, f"authorize_security_group_{direction}")
        def authorize(original, self, *arguments, **named):
            protocol, first, last = named.get("ip_protocol"), named.get("from_port"), named.get("to_port")
            if protocol is None:
                raise invalid("Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.")
            if str(protocol).lower() in ("tcp", "udp", "6", "17"):
                if first is None or last is None:
                    raise invalid("Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
                if not 0 <= int(first) <= int(last) <= 65535:
                    raise invalid(f"Invalid TCP/UDP port range ({first}:{last})")
            if not (named.get("ip_ranges") or named.get("source_groups") or named.get("prefix_list_ids")):
                raise invalid("The request must contain at least one source: a CIDR, a security group or a prefix list")
            for source in (named.get("ip_ranges") or []) + (named.get("source_groups") or []):
                if len(source.get("Description", "")) > 255:
                    raise invalid("Invalid rule description. Descriptions are limited to 255 characters.")
            return original(self, *arguments, **named)


@restores(
    "modify-rules",
    "ModifySecurityGroupRules sets IPv6 and group sources, descriptions and all-port rules, and changes all rules of a request or none",
    API + "API_ModifySecurityGroupRules.html",
)
def modify_rules() -> None:
    @around(SecurityGroupBackend, "modify_security_group_rules")
    def modify(original, self, group_id, rules):
        group = self.get_security_group_by_name_or_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        held = group.ingress_rules + group.egress_rules
        before = [(rule, copy.copy(rule.__dict__)) for rule in held]
        for rule in held:
            rule.ip_range, rule.source_group = dict(rule.ip_range), dict(rule.source_group)
        try:
            for rule_id, wanted in rules.items():
                if wanted.get("IpProtocol") == "-1":
                    wanted = wanted | {"FromPort": -1, "ToPort": -1}
                original(self, group_id, {rule_id: wanted})
                rule = group.get_rule(rule_id)
                if rule.ip_protocol == "-1":
                    rule.from_port = rule.to_port = None
                text = {"Description": wanted["Description"]} if wanted.get("Description") is not None else {}
                if other := wanted.get("ReferencedGroupId"):
                    if self.get_security_group_from_id(other) is None:
                        raise InvalidSecurityGroupNotFoundError(other)
                    rule.ip_range, rule.source_group = {}, {"GroupId": other, "UserId": self.account_id, "OwnerId": self.account_id} | text
                for key, wire in (("CidrIpv4", "CidrIp"), ("CidrIpv6", "CidrIpv6")):
                    if cidr := wanted.get(key):
                        rule.source_group, rule.ip_range = {}, {wire: str(ipaddress.ip_network(cidr, strict=False))} | text
                rivals = group.egress_rules if rule in group.egress_rules and rule.is_egress else group.ingress_rules
                if any(rival.id != rule.id and rival == rule for rival in rivals):
                    raise InvalidPermissionDuplicateError
        except Exception:
            for rule, state in before:
                rule.__dict__.update(state)
            raise
