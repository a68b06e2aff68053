"""Launch templates."""

import base64

from case import IMAGE, Case, proves


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class Templates(Case):
    def version(self, template, data, **more):
        return self.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data, **more)["LaunchTemplateVersion"]

    @proves("template-version-user-data")
    def test_a_second_version_with_user_data_launches(self):
        template = self.template(data={"UserData": encoded("one")})
        made = self.version(template, {"ImageId": IMAGE, "InstanceType": "t3.micro", "UserData": encoded("two")})
        self.assertEqual(made["VersionNumber"], 2)
        self.scaling_group(template, version="2")
        instance = self.instance()["InstanceId"]
        data = self.ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
        self.assertEqual(base64.b64decode(data), b"two")

    @proves("template-user-data-limit")
    def test_user_data_is_at_most_16_kilobytes(self):
        self.template(data={"UserData": encoded("x" * 16384)})
        with self.refused("InvalidUserData.Malformed", "16384"):
            self.template("other", data={"UserData": encoded("x" * 16385)})

    @proves("template-name")
    def test_names_are_checked(self):
        for name in ("ab", "a" * 129, "a b c"):
            with self.refused("InvalidLaunchTemplateName.MalformedException"):
                self.client("ec2", parameter_validation=False).create_launch_template(
                    LaunchTemplateName=name, LaunchTemplateData={"ImageId": IMAGE}
                )

    @proves("template-tags")
    def test_the_templates_tags_are_not_its_instances(self):
        of_instances = [{"ResourceType": "instance", "Tags": [{"Key": "for", "Value": "instances"}]}]
        own = [{"ResourceType": "launch-template", "Tags": [{"Key": "for", "Value": "template"}]}]
        template = self.template(data={"TagSpecifications": of_instances}, TagSpecifications=own)
        shown = self.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"][0]
        self.assertEqual(shown["LaunchTemplateData"]["TagSpecifications"], of_instances)
        self.assertEqual(self.ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"], own[0]["Tags"])

    @proves("template-tags-change")
    def test_tags_change(self):
        own = [{"ResourceType": "launch-template", "Tags": [{"Key": "one", "Value": "1"}, {"Key": "two", "Value": "2"}]}]
        template = self.template(TagSpecifications=own)
        self.ec2.create_tags(Resources=[template], Tags=[{"Key": "one", "Value": "I"}, {"Key": "three", "Value": "3"}])
        self.ec2.delete_tags(Resources=[template], Tags=[{"Key": "two"}])
        shown = self.ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in shown}, {"one": "I", "three": "3"})

    @proves("template-source-version")
    def test_a_source_version_fills_what_is_left_out(self):
        template = self.template(data={"KeyName": "ops"})
        self.version(template, {"InstanceType": "t3.large"}, SourceVersion="1")
        shown = self.ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["2"])["LaunchTemplateVersions"][0]
        data = shown["LaunchTemplateData"]
        self.assertEqual((data["InstanceType"], data.get("KeyName"), data.get("ImageId")), ("t3.large", "ops", IMAGE))

    @proves("template-client-token")
    def test_a_token_makes_one_template(self):
        first = self.template(ClientToken="t-1")
        self.assertEqual(self.template(ClientToken="t-1"), first)
        with self.refused("IdempotentParameterMismatch"):
            self.template("other", ClientToken="t-1")
        with self.refused("InvalidLaunchTemplateName.AlreadyExistsException"):
            self.template(ClientToken="t-2")

    @proves("template-client-token")
    def test_a_token_makes_one_version(self):
        template = self.template()
        data = {"ImageId": IMAGE, "InstanceType": "t3.large"}
        numbers = [self.version(template, data, ClientToken="t-1")["VersionNumber"] for _ in range(3)]
        self.assertEqual(numbers, [2, 2, 2])
        self.assertEqual(self.version(template, data, ClientToken="t-2")["VersionNumber"], 3)

    @proves("template-paging")
    def test_all_templates_are_found_page_by_page(self):
        for number in range(20):
            self.template(f"web-{number}")
        self.assertEqual(len(self.ec2.describe_launch_templates()["LaunchTemplates"]), 20)
        first = self.ec2.describe_launch_templates(MaxResults=7)
        self.assertEqual(len(first["LaunchTemplates"]), 7)
        paged = self.ec2.get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 7})
        self.assertEqual(sum(len(part["LaunchTemplates"]) for part in paged), 20)

    @proves("template-unknown-id")
    def test_an_unknown_id_is_refused(self):
        with self.refused("InvalidLaunchTemplateId.NotFound"):
            self.ec2.describe_launch_templates(LaunchTemplateIds=["lt-0123456789abcdef0"])

    def test_an_unknown_name_is_refused(self):
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.describe_launch_templates(LaunchTemplateNames=["nobody"])
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.describe_launch_template_versions(LaunchTemplateName="nobody")
