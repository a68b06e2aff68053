"""What a group launches, and what it refuses to launch."""

from case import IMAGE, Case, proves


class Launched(Case):
    def everything(self, group, profile):
        return {
            "ImageId": IMAGE,
            "InstanceType": "t3.small",
            "KeyName": "ops",
            "EbsOptimized": True,
            "IamInstanceProfile": {"Name": profile},
            "Placement": {"Tenancy": "dedicated"},
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [group], "AssociatePublicIpAddress": False, "DeleteOnTermination": True}],
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}},
                {"DeviceName": "/dev/xvdh", "Ebs": {"VolumeSize": 300, "VolumeType": "gp3", "Encrypted": True, "Iops": 4000, "Throughput": 250}},
            ],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": "Team", "Value": "template"}, {"Key": "Own", "Value": "yes"}]},
                {"ResourceType": "volume", "Tags": [{"Key": "Team", "Value": "disk"}]},
            ],
        }

    @proves("launch-from-version")
    def test_the_instance_is_what_the_pinned_version_says(self):
        group, profile = self.group(), self.profile()
        # The default version says otherwise about everything.
        template = self.template(data={"InstanceType": "t3.micro", "SecurityGroupIds": [self.seed["bastion_group"]]})
        self.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=self.everything(group, profile))
        tag = {"Key": "Team", "Value": "group", "PropagateAtLaunch": True, "ResourceId": "web", "ResourceType": "auto-scaling-group"}
        self.scaling_group(template, version="2", Tags=[tag])
        instance = self.instance()
        self.assertEqual(instance["InstanceType"], "t3.small")
        self.assertEqual(instance["KeyName"], "ops")
        self.assertTrue(instance["EbsOptimized"])
        self.assertTrue(instance["IamInstanceProfile"]["Arn"].endswith("/web"))
        self.assertEqual(instance["Placement"]["Tenancy"], "dedicated")
        self.assertEqual((instance["MetadataOptions"]["HttpTokens"], instance["MetadataOptions"]["HttpPutResponseHopLimit"]), ("required", 1))
        self.assertEqual([found["GroupId"] for found in instance["SecurityGroups"]], [group])
        self.assertEqual([found["GroupId"] for found in instance["NetworkInterfaces"][0]["Groups"]], [group])
        self.assertNotIn("PublicIpAddress", instance)
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        self.assertEqual((tags["Team"], tags["Own"], tags["aws:autoscaling:groupName"], tags["aws:ec2launchtemplate:version"]), ("group", "yes", "web", "2"))
        self.assertEqual([mapping["DeviceName"] for mapping in instance["BlockDeviceMappings"]], ["/dev/sda1", "/dev/xvdh"])
        volumes = self.ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"] for mapping in instance["BlockDeviceMappings"]])["Volumes"]
        shown = {volume["Attachments"][0]["Device"]: volume for volume in volumes}
        self.assertEqual((shown["/dev/sda1"]["Size"], shown["/dev/sda1"]["Encrypted"]), (50, True))
        self.assertEqual((shown["/dev/xvdh"]["Size"], shown["/dev/xvdh"]["Iops"], shown["/dev/xvdh"]["Throughput"]), (300, 4000, 250))
        self.assertTrue(all(volume["Tags"] == [{"Key": "Team", "Value": "disk"}] for volume in volumes), volumes)

    @proves("launch-from-version")
    def test_without_devices_there_is_the_images_root_and_no_other(self):
        self.scaling_group(self.template(data={"ImageId": "ami-0abcd1234abcd1236"}))
        self.assertEqual([mapping["DeviceName"] for mapping in self.instance()["BlockDeviceMappings"]], ["/dev/xvda"])

    @proves("launch-from-version")
    def test_a_deleted_group_frees_its_security_group(self):
        group, profile = self.group(), self.profile()
        self.scaling_group(self.template(data=self.everything(group, profile)))
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)
        self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.ec2.delete_security_group(GroupId=group)

    @proves("instance-template-version")
    def test_an_instance_keeps_the_version_it_was_launched_from(self):
        template = self.template()
        self.ec2.create_launch_template_version(LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.large"})
        self.scaling_group(template, version="2")
        self.asg.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": template, "Version": "1"})
        group = self.described()
        self.assertEqual((group["LaunchTemplate"]["Version"], group["Instances"][0]["LaunchTemplate"]["Version"]), ("1", "2"))

    def test_a_terminated_instance_is_replaced(self):
        self.scaling_group(self.template())
        first = self.instance()["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[first])
        self.assertNotEqual(self.instance()["InstanceId"], first)


class Refused(Case):
    def refuses(self, data, *words):
        template = self.template(f"web-{len(self.ec2.describe_launch_templates()['LaunchTemplates'])}", data=data)
        with self.refused("ValidationError", *words, status=400):
            self.scaling_group(template)
        self.assertIsNone(self.described())

    @proves("launch-checks-template")
    def test_an_unknown_template_or_version(self):
        for identity in ({"LaunchTemplateId": "lt-0123456789abcdef0"}, {"LaunchTemplateName": "nobody"}):
            with self.refused("ValidationError", "valid fully-formed launch template", "does not exist"):
                self.scaling_group("", LaunchTemplate=identity | {"Version": "1"})
        with self.refused("ValidationError", "version"):
            self.scaling_group(self.template(), version="7")

    @proves("launch-checks-subnets")
    def test_an_unknown_subnet(self):
        with self.refused("ValidationError", "subnet-0123456789abcdef0", "does not exist"):
            self.scaling_group(self.template(), VPCZoneIdentifier="subnet-0123456789abcdef0")

    @proves("launch-checks-profile")
    def test_an_unknown_profile_and_one_without_a_role(self):
        self.refuses({"IamInstanceProfile": {"Name": "nobody"}}, "Invalid IAM Instance Profile name")
        self.iam.create_instance_profile(InstanceProfileName="empty")
        self.refuses({"IamInstanceProfile": {"Name": "empty"}}, "has no associated IAM Roles")

    @proves("launch-checks-profile")
    def test_a_new_profile_is_invisible_for_a_while_when_asked_for(self):
        self.control("POST", "scenario", {"profile_lag_calls": 2})
        template = self.template(data={"IamInstanceProfile": {"Name": self.profile()}})
        for _ in range(2):
            with self.refused("ValidationError", "Invalid IAM Instance Profile name"):
                self.scaling_group(template)
        self.scaling_group(template)

    @proves("launch-checks-parameters")
    def test_parameters_that_ec2_refuses(self):
        self.refuses({"KeyName": "nobody"}, "key pair 'nobody' does not exist")
        self.refuses({"ImageId": "ami-0123456789abcdef0"}, "ami-0123456789abcdef0", "does not exist")
        self.refuses({"InstanceType": "t9.giant"}, "t9.giant")
        self.refuses({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "sg-0123456789abcdef0")
        self.refuses({"InstanceMarketOptions": {"MarketType": "spot"}, "Placement": {"Tenancy": "default"}}, "tenancy")
        self.refuses({"BlockDeviceMappings": [{"DeviceName": "/dev/xvdh", "Ebs": {"VolumeSize": 10, "VolumeType": "gp2", "Iops": 100}}]}, "iops")

    @proves("launch-checks-parameters")
    def test_a_group_of_another_network(self):
        other = self.ec2.create_security_group(GroupName="far", Description="x", VpcId=self.seed["other_vpc"])["GroupId"]
        self.refuses({"NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [other]}]}, "different networks")

    @proves("launch-checks-parameters")
    def test_groups_beside_an_interface(self):
        group = self.group()
        self.refuses({"NetworkInterfaces": [{"DeviceIndex": 0}], "SecurityGroupIds": [group]}, "must be a part of it")
