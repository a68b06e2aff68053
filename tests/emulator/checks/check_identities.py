"""IAM."""

import json

from case import TRUST, Case, proves


class Roles(Case):
    def role(self, name="web", trust=TRUST):
        return self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]

    @proves("iam-names")
    def test_names_are_checked(self):
        iam = self.iam = self.client("iam", parameter_validation=False)
        for name in ("a" * 65, "a b", "a/b"):
            with self.refused("ValidationError"):
                self.role(name)
        with self.refused("ValidationError"):
            iam.create_instance_profile(InstanceProfileName="a" * 129)

    @proves("iam-name-case")
    def test_case_does_not_make_a_name_new(self):
        self.role("web")
        with self.refused("EntityAlreadyExists", status=409):
            self.role("Web")

    @proves("iam-name-case")
    def test_nor_that_of_a_profile(self):
        self.iam.create_instance_profile(InstanceProfileName="web")
        with self.refused("EntityAlreadyExists", status=409):
            self.iam.create_instance_profile(InstanceProfileName="WEB")

    @proves("iam-trust-policy")
    def test_a_trust_policy_is_checked(self):
        nobody = json.loads(TRUST)
        del nobody["Statement"][0]["Principal"]
        other = TRUST.replace("sts:AssumeRole", "s3:GetObject")
        for bad in ("{", "[]", "{}", json.dumps(nobody), other):
            with self.refused("MalformedPolicyDocument", status=400):
                self.role(trust=bad)
        self.role()

    @proves("iam-role-not-in-profile")
    def test_a_role_that_is_not_in_the_profile(self):
        self.role()
        self.iam.create_instance_profile(InstanceProfileName="web")
        with self.refused("NoSuchEntity", status=404):
            self.iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")

    def test_deletions_need_the_parts_gone(self):
        self.profile()
        with self.refused("DeleteConflict", status=409):
            self.iam.delete_role(RoleName="web")
        with self.refused("DeleteConflict", status=409):
            self.iam.delete_instance_profile(InstanceProfileName="web")
        self.iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
        self.iam.delete_role(RoleName="web")
        self.iam.delete_instance_profile(InstanceProfileName="web")

    def test_a_profile_holds_one_role(self):
        self.profile()
        self.role("other")
        with self.refused("LimitExceeded"):
            self.iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="other")
