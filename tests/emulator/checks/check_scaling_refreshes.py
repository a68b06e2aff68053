"""Rolling updates: how a group's instances are replaced, and what becomes of a failure."""

from case import Case, proves


class Refreshed(Case):
    def made(self) -> str:
        """A group on version 1 of a template that has two; the template's id."""
        template = self.template()
        self.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"ImageId": "ami-0abcd1234abcd1235", "InstanceType": "t3.small"})
        self.scaling_group(template)
        return template

    def start(self, template: str, least: int = 0, most: int = 100, **preferences: object) -> str:
        preferences = {"MinHealthyPercentage": least, "MaxHealthyPercentage": most, "InstanceWarmup": 0} | preferences
        return self.asg.start_instance_refresh(
            AutoScalingGroupName="web",
            Preferences=preferences,
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template, "Version": "2"}},
        )["InstanceRefreshId"]

    def look(self) -> dict:
        return self.asg.describe_instance_refreshes(AutoScalingGroupName="web")["InstanceRefreshes"][0]

    def end(self) -> dict:
        for _ in range(12):
            refresh = self.look()
            if "EndTime" in refresh:
                return refresh
        self.fail(f"it does not end: {refresh}")

    @proves("instance-refreshes")
    def test_terminate_first_has_never_two(self):
        template = self.made()
        before = self.instance()["InstanceId"]
        refresh = self.start(template)
        self.assertEqual(self.described()["LaunchTemplate"]["Version"], "1")
        most = 0
        for _ in range(12):
            shown = self.look()
            most = max(most, len(self.described()["Instances"]))
            if "EndTime" in shown:
                break
        self.assertEqual((shown["Status"], shown["InstanceRefreshId"], most), ("Successful", refresh, 1))
        group = self.described()
        self.assertEqual((group["LaunchTemplate"]["Version"], group["Instances"][0]["LaunchTemplate"]["Version"]), ("2", "2"))
        self.assertNotEqual(group["Instances"][0]["InstanceId"], before)

    @proves("instance-refreshes")
    def test_launch_first_has_two_for_a_while(self):
        self.start(self.made(), 100, 200)
        most = 0
        while "EndTime" not in (shown := self.look()):
            most = max(most, len(self.described()["Instances"]))
        self.assertEqual((shown["Status"], most, len(self.described()["Instances"])), ("Successful", 2, 1))

    @proves("instance-refreshes")
    def test_one_at_a_time(self):
        template = self.made()
        self.start(template)
        with self.refused("InstanceRefreshInProgress"):
            self.start(template)
        self.asg.cancel_instance_refresh(AutoScalingGroupName="web")
        self.assertEqual(self.end()["Status"], "Cancelled")
        with self.refused("ActiveInstanceRefreshNotFound"):
            self.asg.cancel_instance_refresh(AutoScalingGroupName="web")
        self.start(template)
        self.assertEqual(self.end()["Status"], "Successful")

    @proves("instance-refreshes")
    def test_a_failure_is_rolled_back_when_asked_to(self):
        self.start(self.made(), AutoRollback=True)
        self.control("POST", "scenario", {"launch_failures": 2})
        shown = self.end()
        self.assertEqual((shown["Status"], self.described()["LaunchTemplate"]["Version"]), ("RollbackSuccessful", "1"))
        self.assertIn("could not be launched", shown["RollbackDetails"]["RollbackReason"])
        self.assertEqual(self.described()["Instances"][0]["LaunchTemplate"]["Version"], "1")

    @proves("instance-refreshes")
    def test_a_failure_is_left_otherwise(self):
        self.start(self.made())
        self.control("POST", "scenario", {"launch_failures": 2})
        self.assertEqual((self.end()["Status"], self.described()["LaunchTemplate"]["Version"]), ("Failed", "1"))

    @proves("template-versions-delete")
    def test_versions_go_but_the_default(self):
        template = self.made()
        self.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"ImageId": "ami-0abcd1234abcd1235"})
        answer = self.ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["2", "9"])
        gone = [one["VersionNumber"] for one in answer["SuccessfullyDeletedLaunchTemplateVersions"]]
        missing = [one["ResponseError"]["Code"] for one in answer["UnsuccessfullyDeletedLaunchTemplateVersions"]]
        self.assertEqual((gone, missing), ([2], ["launchTemplateVersionDoesNotExist"]))
        shown = self.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
        self.assertEqual(sorted(version["VersionNumber"] for version in shown), [1, 3])
        with self.refused("InvalidLaunchTemplateId.VersionNotDeletable"):
            self.ec2.delete_launch_template_versions(LaunchTemplateId=template, Versions=["1"])
