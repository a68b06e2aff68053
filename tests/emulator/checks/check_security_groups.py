"""Security groups and their rules."""

from case import Case, proves

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


class Groups(Case):
    @proves("group-vpc")
    def test_a_group_needs_a_vpc_that_exists(self):
        with self.refused("InvalidVpcID.NotFound", "vpc-0123456789abcdef0", status=400):
            self.ec2.create_security_group(GroupName="web", Description="x", VpcId="vpc-0123456789abcdef0")

    @proves("group-name")
    def test_names_are_checked(self):
        for name in ("sg-web", "a" * 256, "wéb"):
            with self.refused("InvalidParameterValue"):
                self.group(name)

    @proves("group-name")
    def test_case_does_not_make_a_name_new(self):
        self.group("web")
        with self.refused("InvalidGroup.Duplicate"):
            self.group("WEB")

    @proves("group-in-use")
    def test_a_group_that_an_instance_uses_cannot_be_deleted(self):
        group = self.group()
        instance = self.ec2.run_instances(
            ImageId="ami-0abcd1234", MinCount=1, MaxCount=1, InstanceType="t3.micro", SecurityGroupIds=[group], SubnetId=self.subnets[0]
        )["Instances"][0]["InstanceId"]
        with self.refused("DependencyViolation", group, status=400):
            self.ec2.delete_security_group(GroupId=group)
        self.ec2.terminate_instances(InstanceIds=[instance])
        for eni in self.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]:
            self.ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
        self.ec2.delete_security_group(GroupId=group)

    @proves("group-in-use")
    def test_a_group_that_another_refers_to_cannot_be_deleted(self):
        group, other = self.group("web"), self.group("other")
        self.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[SSH | {"UserIdGroupPairs": [{"GroupId": group}]}])
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)
        self.ec2.delete_security_group(GroupId=other)
        self.ec2.delete_security_group(GroupId=group)

    @proves("group-paging")
    def test_groups_come_in_pages(self):
        made = {self.group(f"web-{number}") for number in range(12)}
        first = self.ec2.describe_security_groups(MaxResults=5)
        self.assertEqual(len(first["SecurityGroups"]), 5)
        paged = self.ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 5})
        self.assertLessEqual(made, {group["GroupId"] for part in paged for group in part["SecurityGroups"]})
        with self.refused("InvalidParameterValue", "between 5 and 1000"):
            self.client("ec2", parameter_validation=False).describe_security_groups(MaxResults=4)

    @proves("group-filters")
    def test_an_unknown_filter_is_refused(self):
        with self.refused("InvalidParameterValue", "colour", status=400):
            self.ec2.describe_security_groups(Filters=[{"Name": "colour", "Values": ["red"]}])


class Rules(Case):
    def setUp(self):
        super().setUp()
        self.group_id = self.group()

    def rules(self):
        found = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [self.group_id]}])["SecurityGroupRules"]
        return [rule for rule in found if not rule["IsEgress"]]

    def allow(self, *permissions, **more):
        return self.ec2.authorize_security_group_ingress(GroupId=self.group_id, IpPermissions=list(permissions), **more)["SecurityGroupRules"]

    @proves("authorize-whole")
    def test_one_duplicate_refuses_the_whole_request(self):
        self.allow(SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})
        with self.refused("InvalidPermission.Duplicate"):
            self.allow(SSH | {"IpRanges": [{"CidrIp": "192.168.0.0/16"}]}, SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})
        self.assertEqual([rule["CidrIpv4"] for rule in self.rules()], ["10.0.0.0/8"])

    @proves("authorize-whole")
    def test_a_permission_given_twice_is_refused(self):
        with self.refused("InvalidParameterValue", "multiple times"):
            self.allow(SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})
        self.assertEqual(self.rules(), [])

    @proves("authorize-whole")
    def test_every_rule_made_comes_back_with_id_and_tags(self):
        tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "kaphost:cluster", "Value": "web"}]}]
        made = self.allow(
            SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "office"}]},
            {"IpProtocol": "tcp", "FromPort": 9092, "ToPort": 9092, "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]},
            TagSpecifications=tags,
        )
        self.assertEqual([(rule.get("CidrIpv4"), rule.get("CidrIpv6"), rule["FromPort"]) for rule in made], [("10.0.0.0/8", None, 22), (None, "2001:db8::/32", 9092)])
        self.assertEqual(made[0]["Description"], "office")
        for rule, described in zip(made, self.rules(), strict=True):
            self.assertEqual(rule["Tags"], tags[0]["Tags"])
            self.assertEqual(rule["SecurityGroupRuleId"], described["SecurityGroupRuleId"])
            self.assertEqual(described["Tags"], tags[0]["Tags"])

    @proves("rule-description")
    def test_a_rule_for_a_group_shows_its_description(self):
        self.allow(SSH | {"UserIdGroupPairs": [{"GroupId": self.seed["bastion_group"], "Description": "bastion"}]})
        rule = self.rules()[0]
        self.assertEqual((rule["Description"], rule["ReferencedGroupInfo"]["GroupId"]), ("bastion", self.seed["bastion_group"]))

    @proves("rule-canonical")
    def test_networks_are_canonical(self):
        self.allow(SSH | {"IpRanges": [{"CidrIp": "100.68.0.18/18"}]})
        self.assertEqual(self.rules()[0]["CidrIpv4"], "100.68.0.0/18")
        with self.refused("InvalidPermission.Duplicate"):
            self.allow(SSH | {"IpRanges": [{"CidrIp": "100.68.0.0/18"}]})

    @proves("rule-ports")
    def test_ports_are_checked(self):
        source = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        for first, last in ((22, 21), (0, 70000)):
            with self.refused("InvalidParameterValue", "port range"):
                self.allow({"IpProtocol": "tcp", "FromPort": first, "ToPort": last} | source)
        with self.refused("InvalidParameterValue", "both from and to"):
            self.allow({"IpProtocol": "tcp"} | source)

    @proves("modify-rules")
    def test_a_rule_is_changed_in_place(self):
        four, six = self.allow(SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}], "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]})
        self.modify(
            {four["SecurityGroupRuleId"]: {"CidrIpv4": "192.168.0.0/16", "Description": "lan"}, six["SecurityGroupRuleId"]: {"CidrIpv6": "2001:db8:1::/48"}}
        )
        self.assertEqual([(r.get("CidrIpv4") or r["CidrIpv6"], r.get("Description")) for r in self.rules()], [("192.168.0.0/16", "lan"), ("2001:db8:1::/48", None)])

    @proves("modify-rules")
    def test_a_request_that_fails_changes_nothing(self):
        (one, two) = self.allow(SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "172.16.0.0/12"}]})
        with self.refused("InvalidPermission.Duplicate"):
            self.modify({one["SecurityGroupRuleId"]: {"CidrIpv4": "192.168.0.0/16"}, two["SecurityGroupRuleId"]: {"CidrIpv4": "192.168.0.0/16"}})
        self.assertEqual([rule["CidrIpv4"] for rule in self.rules()], ["10.0.0.0/8", "172.16.0.0/12"])

    def modify(self, changes):
        rules = [{"SecurityGroupRuleId": rule, "SecurityGroupRule": SSH | change} for rule, change in changes.items()]
        self.ec2.modify_security_group_rules(GroupId=self.group_id, SecurityGroupRules=rules)

    def test_rules_are_revoked_by_id_and_tagged_by_id(self):
        one, two = self.allow(SSH | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "172.16.0.0/12"}]})
        self.ec2.revoke_security_group_ingress(GroupId=self.group_id, SecurityGroupRuleIds=[one["SecurityGroupRuleId"]])
        self.ec2.create_tags(Resources=[two["SecurityGroupRuleId"]], Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual([(rule["SecurityGroupRuleId"], rule["Tags"]) for rule in self.rules()], [(two["SecurityGroupRuleId"], [{"Key": "a", "Value": "b"}])])
