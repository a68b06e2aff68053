"""Launch configurations, and the way from one to a launch template."""

from case import IMAGE, Case, proves


class Configurations(Case):
    def configuration(self, name="web", **more):
        self.asg.create_launch_configuration(LaunchConfigurationName=name, **({"ImageId": IMAGE, "InstanceType": "t3.micro"} | more))

    def shown(self, name="web"):
        return self.asg.describe_launch_configurations(LaunchConfigurationNames=[name])["LaunchConfigurations"][0]

    def group_from(self, configuration="web"):
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchConfigurationName=configuration,
            MinSize=1,
            MaxSize=1,
            DesiredCapacity=1,
            VPCZoneIdentifier=",".join(self.subnets[:2]),
        )

    @proves("launch-configuration-kept")
    def test_what_was_said_is_kept_and_what_was_not_is_not(self):
        self.configuration(PlacementTenancy="dedicated")
        found = self.shown()
        self.assertEqual((found["PlacementTenancy"], found["InstanceMonitoring"]), ("dedicated", {"Enabled": True}))
        self.assertNotIn("AssociatePublicIpAddress", found)
        self.configuration("said", AssociatePublicIpAddress=False, InstanceMonitoring={"Enabled": False})
        found = self.shown("said")
        self.assertEqual((found["AssociatePublicIpAddress"], found["InstanceMonitoring"]), (False, {"Enabled": False}))

    @proves("launch-from-configuration")
    def test_an_instance_is_what_the_configuration_says(self):
        group, profile = self.group(), self.profile()
        root = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 50, "VolumeType": "gp2", "DeleteOnTermination": True}}
        self.configuration(SecurityGroups=[group], IamInstanceProfile=profile, BlockDeviceMappings=[root])
        self.group_from()
        instance = self.instance()
        self.assertEqual([found["GroupId"] for found in instance["SecurityGroups"]], [group])
        self.assertTrue(instance["IamInstanceProfile"]["Arn"].endswith("/web"))
        volume = self.ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
        self.assertEqual((volume["Size"], volume["VolumeType"]), (50, "gp2"))

    @proves("asg-goes-over-to-template")
    def test_a_group_goes_over_to_a_template_and_its_instance_stays(self):
        self.configuration()
        self.group_from()
        before = self.described()["Instances"][0]
        self.assertEqual((before["LaunchConfigurationName"], "LaunchTemplate" in before), ("web", False))
        template = self.template("other")
        self.asg.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": template, "Version": "1"})
        group = self.described()
        self.assertNotIn("LaunchConfigurationName", group)
        self.assertEqual(group["LaunchTemplate"]["LaunchTemplateId"], template)
        self.assertEqual(group["Instances"], [before])

    @proves("asg-goes-over-to-template")
    def test_an_instance_keeps_the_template_it_was_launched_from(self):
        self.scaling_group(self.template("first"))
        self.asg.update_auto_scaling_group(
            AutoScalingGroupName="web", LaunchTemplate={"LaunchTemplateId": self.template("second"), "Version": "1"}
        )
        group = self.described()
        self.assertEqual((group["LaunchTemplate"]["LaunchTemplateName"], group["Instances"][0]["LaunchTemplate"]["LaunchTemplateName"]), ("second", "first"))
