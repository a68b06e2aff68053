"""IAM: names, trust policies, and roles in instance profiles."""

import json
import re

from aws_behaviours import restores
from aws_behaviours.wrapping import around
from moto.iam.exceptions import EntityAlreadyExists, MalformedPolicyDocument, NotFoundException, ValidationError
from moto.iam.models import IAMBackend

API = "https://docs.aws.amazon.com/IAM/latest/APIReference/"
CHARACTERS = re.compile(r"[\w+=,.@-]+", re.ASCII)
LONGEST_ROLE, LONGEST_PROFILE = 64, 128


def check_name(name: str, parameter: str, longest: int) -> None:
    if len(name) > longest:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {longest}"
        )
    if not CHARACTERS.fullmatch(name):
        raise ValidationError(
            f"The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )


@restores("iam-names", "Role names have at most 64 and profile names at most 128 of [\\w+=,.@-]", API + "API_CreateRole.html")
def iam_names() -> None:
    @around(IAMBackend, "create_role")
    def create_role(original, self, role_name, *arguments, **named):
        check_name(role_name, "roleName", LONGEST_ROLE)
        return original(self, role_name, *arguments, **named)

    @around(IAMBackend, "create_instance_profile")
    def create_profile(original, self, name, *arguments, **named):
        check_name(name, "instanceProfileName", LONGEST_PROFILE)
        return original(self, name, *arguments, **named)


@restores("iam-name-case", "Names of roles and profiles are unique without regard to case", API + "API_CreateRole.html")
def iam_name_case() -> None:
    @around(IAMBackend, "create_role")
    def create_role(original, self, role_name, *arguments, **named):
        if any(role.name.lower() == role_name.lower() for role in self.get_roles()):
            raise EntityAlreadyExists(f"Role with name {role_name} already exists.")
        return original(self, role_name, *arguments, **named)

    @around(IAMBackend, "create_instance_profile")
    def create_profile(original, self, name, *arguments, **named):
        if any(profile.name.lower() == name.lower() for profile in self.get_instance_profiles()):
            raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
        return original(self, name, *arguments, **named)


@restores(
    "iam-trust-policy",
    "CreateRole refuses a trust policy that is no JSON, names no principal, or allows anything but assuming the role",
    API + "API_CreateRole.html",
)
def iam_trust_policy() -> None:
    @around(IAMBackend, "create_role")
    def create_role(original, self, role_name, assume_role_policy_document, *arguments, **named):
        check_trust(assume_role_policy_document)
        return original(self, role_name, assume_role_policy_document, *arguments, **named)


def check_trust(text: str) -> None:
    try:
        policy = json.loads(text)
    except ValueError:
        raise MalformedPolicyDocument("This policy contains invalid Json") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not statements or not all(isinstance(statement, dict) for statement in statements):
        raise MalformedPolicyDocument("Syntax errors in policy.")
    for statement in statements:
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise MalformedPolicyDocument("Syntax errors in policy.")
        if not statement.get("Principal") and not statement.get("NotPrincipal"):
            raise MalformedPolicyDocument("Missing required field Principal")
        if "Resource" in statement or "NotResource" in statement:
            raise MalformedPolicyDocument("Has prohibited field Resource")
        actions = statement.get("Action", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if not action.startswith("sts:"):
                raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")


@restores("iam-role-not-in-profile", "Removing a role from a profile that does not hold it is refused with NoSuchEntity", API + "API_RemoveRoleFromInstanceProfile.html")
def iam_role_not_in_profile() -> None:
    @around(IAMBackend, "remove_role_from_instance_profile")
    def remove(original, self, profile_name, role_name):
        profile, role = self.get_instance_profile(profile_name), self.get_role(role_name)
        if role not in profile.roles:
            raise NotFoundException(f"Role {role_name} in Instance Profile {profile_name} cannot be found.")
        return original(self, profile_name, role_name)
