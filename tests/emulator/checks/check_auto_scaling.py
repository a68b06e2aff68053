"""Auto Scaling groups and their activities."""

from datetime import datetime, timedelta, timezone

from case import Case, proves


class Groups(Case):
    @proves("asg-already-exists")
    def test_a_second_group_of_the_name_is_refused_and_changes_nothing(self):
        template = self.template()
        self.scaling_group(template)
        before = self.described()
        with self.refused("AlreadyExists", "web", status=400):
            self.scaling_group(template, MaxSize=5)
        self.assertEqual(self.described(), before)

    @proves("asg-bounds")
    def test_bounds_and_names(self):
        template = self.template()
        with self.refused("ValidationError", "must be greater than or equal to min bound"):
            self.scaling_group(template, MinSize=2)
        with self.refused("ValidationError", "Desired capacity:3"):
            self.scaling_group(template, DesiredCapacity=3)
        with self.refused("ValidationError"):
            self.scaling_group(template, name="a:b")
        self.assertIsNone(self.described())

    @proves("asg-settings")
    def test_settings_are_kept_changed_and_cleared(self):
        policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}
        self.scaling_group(
            self.template(), DefaultInstanceWarmup=60, InstanceMaintenancePolicy=policy, DeletionProtection="prevent-force-deletion", MaxInstanceLifetime=86400
        )
        group = self.described()
        self.assertEqual((group["DefaultInstanceWarmup"], group["InstanceMaintenancePolicy"], group["MaxInstanceLifetime"]), (60, policy, 86400))
        self.assertEqual(group["DeletionProtection"], "prevent-force-deletion")
        self.asg.update_auto_scaling_group(
            AutoScalingGroupName="web",
            DefaultInstanceWarmup=-1,
            InstanceMaintenancePolicy={"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
            MaxInstanceLifetime=0,
            DeletionProtection="none",
            TerminationPolicies=["OldestInstance"],
            DefaultCooldown=17,
        )
        group = self.described()
        self.assertEqual([key for key in ("DefaultInstanceWarmup", "InstanceMaintenancePolicy", "MaxInstanceLifetime") if key in group], [])
        self.assertEqual((group["DeletionProtection"], group["TerminationPolicies"], group["DefaultCooldown"]), ("none", ["OldestInstance"], 17))

    @proves("asg-settings")
    def test_settings_that_make_no_sense_are_refused(self):
        with self.refused("ValidationError"):
            self.scaling_group(self.template(), InstanceMaintenancePolicy={"MinHealthyPercentage": 0, "MaxHealthyPercentage": 200})
        self.assertIsNone(self.described())

    @proves("asg-delete-in-use")
    def test_a_group_with_instances_needs_force(self):
        self.scaling_group(self.template())
        with self.refused("ResourceInUse", "instances", status=400):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName="web")
        self.assertIsNotNone(self.described())
        self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.assertIsNone(self.described())

    @proves("asg-delete-in-use")
    def test_deletion_protection(self):
        self.scaling_group(self.template(), DeletionProtection="prevent-force-deletion")
        with self.refused("ValidationError", "deletion protection"):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, DesiredCapacity=0, DeletionProtection="prevent-all-deletion")
        with self.refused("ValidationError", "deletion protection"):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName="web")

    @proves("asg-delete-in-progress")
    def test_a_deletion_takes_a_while_when_asked_for(self):
        group = self.group()
        self.scaling_group(self.template(data={"NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [group]}]}))
        self.control("POST", "scenario", {"delete_polls": 2})
        self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        with self.refused("DependencyViolation"):
            self.ec2.delete_security_group(GroupId=group)
        with self.refused("ScalingActivityInProgress"):
            self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.assertEqual([self.described()["Status"] for _ in range(2)], ["Delete in progress"] * 2)
        self.assertIsNone(self.described())
        self.ec2.delete_security_group(GroupId=group)

    @proves("asg-not-found")
    def test_actions_on_an_unknown_group(self):
        tag = {"Key": "a", "Value": "b", "PropagateAtLaunch": False, "ResourceId": "nobody", "ResourceType": "auto-scaling-group"}
        with self.refused("ValidationError", "name not found"):
            self.asg.create_or_update_tags(Tags=[tag])
        with self.refused("ValidationError", "name not found"):
            self.asg.set_desired_capacity(AutoScalingGroupName="nobody", DesiredCapacity=1)

    @proves("asg-page-size")
    def test_the_page_size_has_a_limit(self):
        with self.refused("ValidationError", "101"):
            self.asg.describe_auto_scaling_groups(MaxRecords=101)

    @proves("asg-update-keeps")
    def test_an_update_leaves_the_rest_alone(self):
        mixed = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": self.template(), "Version": "1"}}}
        arguments = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": self.subnets[0]}
        self.asg.create_auto_scaling_group(**arguments, MixedInstancesPolicy=mixed)
        self.asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=2)
        self.assertIn("MixedInstancesPolicy", self.described())


class Activities(Case):
    def activities(self, **more):
        return self.asg.describe_scaling_activities(AutoScalingGroupName="web", **more)["Activities"]

    @proves("activities")
    def test_a_launch_is_told(self):
        before = datetime.now(timezone.utc) - timedelta(seconds=2)
        self.scaling_group(self.template())
        instance = self.instance()["InstanceId"]
        (told,) = self.activities()
        self.assertEqual((told["StatusCode"], told["Progress"]), ("Successful", 100))
        self.assertEqual(told["Description"], f"Launching a new EC2 instance: {instance}")
        self.assertIn("difference between desired and actual capacity", told["Cause"])
        bound = [{"Name": "StartTimeLowerBound", "Values": [before.isoformat()]}]
        self.assertEqual(len(self.activities(Filters=bound)), 1)
        later = [{"Name": "StartTimeLowerBound", "Values": [(before + timedelta(hours=1)).isoformat()]}]
        self.assertEqual(self.activities(Filters=later), [])

    @proves("activities")
    def test_an_instance_is_pending_for_a_while_when_asked_for(self):
        self.control("POST", "scenario", {"pending_polls": 2})
        self.scaling_group(self.template())
        states = []
        for _ in range(3):
            states.append(self.described()["Instances"][0]["LifecycleState"])
        self.assertEqual(states, ["Pending", "Pending", "InService"])
        self.assertEqual(self.activities()[0]["StatusCode"], "Successful")
        self.assertEqual(len(self.described()["Instances"]), 1)

    @proves("activities")
    def test_a_launch_that_fails_says_why_and_is_tried_again(self):
        self.control("POST", "scenario", {"launch_failures": 2})
        self.scaling_group(self.template())
        (failed,) = [one for one in self.activities() if one["StatusCode"] == "Failed"][-1:]
        self.assertIn("InsufficientInstanceCapacity", failed["StatusMessage"])
        self.assertIn("sufficient capacity", failed["StatusMessage"])
        self.activities()
        self.assertEqual([state["LifecycleState"] for state in self.described()["Instances"]], ["InService"])
        self.assertEqual([one["StatusCode"] for one in self.activities()], ["Successful", "Failed", "Failed"])

    @proves("activities")
    def test_a_launch_can_fail_for_ever_and_in_other_words(self):
        self.control(
            "POST", "scenario", {"launch_failures": -1, "launch_failure_code": "VcpuLimitExceeded", "launch_failure_message": "You have requested too much."}
        )
        self.scaling_group(self.template())
        for _ in range(3):
            self.assertEqual(self.described()["Instances"], [])
        self.assertTrue(all("VcpuLimitExceeded - You have" in one["StatusMessage"] for one in self.activities()))

    @proves("activities")
    def test_terminations_are_told_and_outlive_the_group(self):
        self.scaling_group(self.template())
        self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        with self.refused("ValidationError", "name not found"):
            self.activities()
        told = self.activities(IncludeDeletedGroups=True)
        self.assertTrue(told[0]["Description"].startswith("Terminating EC2 instance: i-"), told)

    @proves("activities")
    def test_a_new_group_does_not_show_what_an_old_one_of_its_name_did(self):
        template = self.template()
        self.scaling_group(template)
        self.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
        self.scaling_group(template)
        self.assertEqual(len(self.activities()), 1)
        self.assertEqual(len(self.activities(IncludeDeletedGroups=True)), 3)

    @proves("account-limits")
    def test_the_account_says_how_many_groups_it_may_have(self):
        def limits() -> tuple:
            said = self.asg.describe_account_limits()
            return said["NumberOfAutoScalingGroups"], said["MaxNumberOfAutoScalingGroups"]

        self.assertEqual(limits(), (0, 500))
        self.scaling_group(self.template())
        self.assertEqual(limits(), (1, 500))
