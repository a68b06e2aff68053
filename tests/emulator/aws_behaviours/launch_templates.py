"""Launch templates: versions, idempotency, tags, paging."""

import base64
import hashlib
import json
import re

from account import ACCOUNTS
from aws_behaviours import restores
from aws_behaviours.security_groups import page
from aws_behaviours.wrapping import around, invalid
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"
NAME = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
USER_DATA_LIMIT_BYTES = 16 * 1024


@restores(
    "template-version-user-data",
    "A version made by CreateLaunchTemplateVersion launches instances with its user data",
    API + "API_CreateLaunchTemplateVersion.html",
)
def template_version_user_data() -> None:
    @around(LaunchTemplate, "create_version")
    def create_version(original, self, data, description):
        if isinstance(data.get("UserData"), (str, bytes)):
            data["UserData"] = parse_user_data(data["UserData"])
        return original(self, data, description)


@restores("template-user-data-limit", "User data is at most 16 KB before base64", API + "API_RequestLaunchTemplateData.html")
def template_user_data_limit() -> None:
    @around(LaunchTemplate, "create_version")
    def create_version(original, self, data, description):
        if text := data.get("UserData"):
            try:
                size = len(base64.b64decode(str(text)))
            except ValueError:
                raise EC2ClientError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
            if size > USER_DATA_LIMIT_BYTES:
                raise EC2ClientError("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
        return original(self, data, description)


@restores("template-name", "A template's name is 3 to 128 of [a-zA-Z0-9().-/_]", API + "API_CreateLaunchTemplate.html")
def template_name() -> None:
    @around(LaunchTemplateBackend, "create_launch_template")
    def create(original, self, name, *arguments, **named):
        if not NAME.fullmatch(name or ""):
            raise EC2ClientError(
                "InvalidLaunchTemplateName.MalformedException",
                "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following "
                "characters: - ( ) . / _.",
            )
        return original(self, name, *arguments, **named)


@restores(
    "template-tags",
    "The template's own tags and those that its instances and volumes get are kept apart",
    API + "API_CreateLaunchTemplate.html",
)
def template_tags() -> None:
    # moto appends the request's tag specifications to those in the data before it calls its backend.
    @around(LaunchTemplateBackend, "create_launch_template")
    def create(original, self, name, description, template_data, tag_spec):
        if own := tag_spec.get("launch-template"):
            tags = [{"Key": key, "Value": value} for key, value in own.items()]
            added = {"ResourceType": "launch-template", "Tags": tags}
            kept = [spec for spec in template_data.get("TagSpecifications", []) if spec != added]
            template_data = {key: value for key, value in template_data.items() if key != "TagSpecifications"}
            if kept:
                template_data["TagSpecifications"] = kept
        return original(self, name, description, template_data, tag_spec)


@restores("template-tags-change", "A template shows the tags that CreateTags and DeleteTags have left it", API + "API_CreateTags.html")
def template_tags_change() -> None:
    # moto shows the tags that the template was created with; it sets the attribute once.
    LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, value: None)


@restores(
    "template-source-version",
    "A version made with SourceVersion takes over every parameter that the request leaves out",
    API + "API_CreateLaunchTemplateVersion.html",
)
def template_source_version() -> None:
    @around(LaunchTemplates, "create_launch_template_version")
    def create(original, self):
        if source := self._get_param("SourceVersion"):
            name, template_id = self._get_param("LaunchTemplateName"), self._get_param("LaunchTemplateId")
            backend = self.ec2_backend
            template = backend.get_launch_template_by_name(name) if name else backend.get_launch_template(template_id)
            merged = template.get_version(source).data | self._get_param("LaunchTemplateData", {})
            self.params = self.params | {"LaunchTemplateData": merged}
        return original(self)


@restores(
    "template-client-token",
    "The same ClientToken with the same parameters gives the first answer again; with others, IdempotentParameterMismatch",
    "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",
)
def template_client_token() -> None:
    for action in ("create_launch_template", "create_launch_template_version"):

        @around(LaunchTemplates, action)
        def create(original, self, action=action):
            token = self._get_param("ClientToken")
            if not token:
                return original(self)
            seen = ACCOUNTS.get(self.current_account).memory.setdefault("client-tokens", {})
            asked = {key: value for key, value in self.params.items() if key != "ClientToken"}
            digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
            key = (self.region, action, token)
            if key in seen:
                if seen[key][0] != digest:
                    raise EC2ClientError(
                        "IdempotentParameterMismatch", f"The client token {token} was used before with other parameters."
                    )
                return ActionResult(seen[key][1])
            answer = original(self)
            seen[key] = (digest, answer.result)
            return answer


@restores(
    "template-paging",
    "DescribeLaunchTemplates and DescribeLaunchTemplateVersions return up to 200 in a page, with a token for the next",
    API + "API_DescribeLaunchTemplates.html",
)
def template_paging() -> None:
    for action, key in (("describe_launch_templates", "LaunchTemplates"), ("describe_launch_template_versions", "LaunchTemplateVersions")):

        @around(LaunchTemplates, action)
        def describe(original, self, key=key):
            asked = dict(self.params)
            # moto cuts the list without a token: have it return all of it.
            self.params = {name: value for name, value in asked.items() if name != "NextToken"} | {"MaxResults": 1_000_000}
            result = original(self).result
            self.params = asked
            found, token = page(list(result[key]), self, 1, 200)
            return ActionResult(result | {key: found, "NextToken": token})


@restores("template-unknown-id", "Describing an unknown template id is refused with InvalidLaunchTemplateId.NotFound", API + "errors-overview.html")
def template_unknown_id() -> None:
    @around(LaunchTemplateBackend, "describe_launch_templates")
    def describe(original, self, template_names=None, template_ids=None, filters=None):
        for template_id in template_ids or []:
            if not re.fullmatch(r"lt-[0-9a-f]+", template_id):
                raise invalid(f"The launch template ID {template_id} is malformed.")
            self.get_launch_template(template_id)
        return original(self, template_names=template_names, template_ids=template_ids, filters=filters)


@restores(
    "template-versions-delete",
    "DeleteLaunchTemplateVersions deletes up to 200 versions but never the default; those that are not there are told of, version by version",
    API + "API_DeleteLaunchTemplateVersions.html",
)
def template_versions_delete() -> None:
    def delete(self):
        name, template_id = self._get_param("LaunchTemplateName"), self._get_param("LaunchTemplateId")
        backend = self.ec2_backend
        template = backend.get_launch_template_by_name(name) if name else backend.get_launch_template(template_id)
        numbers = [int(number) for number in self._get_param("Versions", [])]
        if not 1 <= len(numbers) <= 200:
            raise invalid("between 1 and 200 versions are to be named")
        if template.default_version_number in numbers:
            raise EC2ClientError("InvalidLaunchTemplateId.VersionNotDeletable", "The default version of a launch template cannot be deleted.")
        there = {version.number: version for version in template.versions if not getattr(version, "deleted", False)}
        gone, missing = [number for number in numbers if number in there], [number for number in numbers if number not in there]
        for number in gone:
            there[number].deleted = True
        shown = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        error = {"Code": "launchTemplateVersionDoesNotExist", "Message": "The specified launch template version does not exist."}
        return ActionResult(
            {
                "SuccessfullyDeletedLaunchTemplateVersions": [shown | {"VersionNumber": number} for number in gone],
                "UnsuccessfullyDeletedLaunchTemplateVersions": [shown | {"VersionNumber": number, "ResponseError": error} for number in missing],
            }
        )

    LaunchTemplates.delete_launch_template_versions = delete

    @around(LaunchTemplateBackend, "describe_launch_template_versions")
    def describe(original, self, *arguments, **named):
        return [(template, version) for template, version in original(self, *arguments, **named) if not getattr(version, "deleted", False)]

    @around(LaunchTemplate, "get_version")
    def get(original, self, num):
        version = original(self, num)
        if getattr(version, "deleted", False):
            raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)
        return version
