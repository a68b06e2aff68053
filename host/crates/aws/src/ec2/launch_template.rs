//! Launch templates and their versions.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{LaunchTemplate, LaunchTemplateVersion, ResourceType, ValidationWarning};
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{ObservedTemplate, ObservedVersion, Output, Tags, TemplateContent};

pub(crate) use super::template_read::decoded;
use super::{Ec2, filter, tag_specification, tags_read, template_read, template_write};

#[cfg(test)]
pub(crate) use super::{template_read::content as read, template_write::data as written};

/// Both describes give at most this many in a page.
const PAGE: i32 = 200;

impl Ec2 {
    /// The template of the name, for its id, tags and newest number.
    pub(crate) async fn launch_template(&self, name: &str) -> Result<Option<LaunchTemplate>, CloudError> {
        let call = self.client.describe_launch_templates().filters(filter("launch-template-name", name));
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut found = None;
        while let Some(template) = items.next().await {
            let template = template.map_err(self.error("DescribeLaunchTemplates"))?;
            if template.launch_template_name() == Some(name) {
                found = Some(template);
            }
        }
        Ok(found)
    }

    /// All versions of the template of the name; none when there is no template.
    pub(crate) async fn launch_template_versions(&self, name: &str) -> Result<Vec<LaunchTemplateVersion>, CloudError> {
        let call = self.client.describe_launch_template_versions().launch_template_name(name);
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut versions = Vec::new();
        while let Some(version) = items.next().await {
            match version.map_err(self.error("DescribeLaunchTemplateVersions")) {
                Ok(version) => versions.push(version),
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(versions)
    }

    /// One version of a template, named by number, `$Latest` or `$Default`: its number, and what it says. None when it is not there.
    pub(crate) async fn launch_template_version(
        &self,
        template: &str,
        version: &str,
    ) -> Result<Option<(u64, TemplateContent<String>)>, CloudError> {
        let call = self.client.describe_launch_template_versions().versions(version);
        let call = if is_id(template) { call.launch_template_id(template) } else { call.launch_template_name(template) };
        let answer = match call.send().await.map_err(self.error("DescribeLaunchTemplateVersions")) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(answer.launch_template_versions().first().and_then(|found| {
            let number = found.version_number().and_then(|number| u64::try_from(number).ok())?;
            Some((number, template_read::content(found.launch_template_data())))
        }))
    }

    pub(crate) async fn create_launch_template(
        &self,
        name: &str,
        tags: &Tags,
        description: &str,
        content: &TemplateContent<String>,
        token: &str,
    ) -> Result<Output, CloudError> {
        const OPERATION: &str = "CreateLaunchTemplate";
        // Without a token of ours the SDK makes one, so that its own retries are still one call.
        let token = (!token.is_empty()).then(|| token.to_owned());
        let call = self.client.create_launch_template().launch_template_name(name).set_client_token(token);
        let answer = call
            .version_description(description)
            .launch_template_data(template_write::data(content))
            .set_tag_specifications(tag_specification(ResourceType::LaunchTemplate, tags))
            .send()
            .await
            .map_err(|error| redacted(self.error(OPERATION)(error), content))?;
        warn(OPERATION, answer.warning());
        let template = answer.launch_template();
        let number = template.and_then(LaunchTemplate::latest_version_number).and_then(|number| u64::try_from(number).ok());
        let id = template.and_then(LaunchTemplate::launch_template_id);
        match (id, number) {
            (Some(id), Some(version)) => Ok(Output::LaunchTemplate { id: id.to_owned(), version }),
            _ => Err(self.incomplete(OPERATION, "the id and the version of the template")),
        }
    }

    /// `template` is an id or a name.
    pub(crate) async fn create_launch_template_version(
        &self,
        template: &str,
        description: &str,
        content: &TemplateContent<String>,
        token: &str,
    ) -> Result<u64, CloudError> {
        const OPERATION: &str = "CreateLaunchTemplateVersion";
        let call = self.client.create_launch_template_version().client_token(token).version_description(description);
        let call = if is_id(template) { call.launch_template_id(template) } else { call.launch_template_name(template) };
        let answer = call
            .launch_template_data(template_write::data(content))
            .send()
            .await
            .map_err(|error| redacted(self.error(OPERATION)(error), content))?;
        warn(OPERATION, answer.warning());
        let number = answer.launch_template_version().and_then(LaunchTemplateVersion::version_number);
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| self.incomplete(OPERATION, "the number of the version"))
    }

    /// Versions that are gone already are no failure.
    pub(crate) async fn delete_template_versions(&self, id: &str, versions: &BTreeSet<u64>) -> Result<(), CloudError> {
        const OPERATION: &str = "DeleteLaunchTemplateVersions";
        let numbers = versions.iter().map(u64::to_string).collect();
        let call = self.client.delete_launch_template_versions().launch_template_id(id).set_versions(Some(numbers));
        let answer = call.send().await.map_err(self.error(OPERATION))?;
        let refused = answer.unsuccessfully_deleted_launch_template_versions().iter().find_map(|one| {
            let error = one.response_error()?;
            let gone = matches!(error.code(), Some(code) if code.as_str().to_ascii_lowercase().contains("notexist"));
            (!gone).then(|| (one.version_number().unwrap_or_default(), error))
        });
        let Some((number, error)) = refused else { return Ok(()) };
        let words = error.message().unwrap_or("AWS does not say why");
        let code = error.code().map(|code| code.as_str().to_owned());
        let message = format!("version {number} of the template was not deleted: {words}");
        Err(CloudError { code, ..CloudError::new(ErrorKind::Other, OPERATION, message) })
    }

    pub(crate) async fn delete_launch_template(&self, id: &str) -> Result<(), CloudError> {
        let call = self.client.delete_launch_template();
        let call = if is_id(id) { call.launch_template_id(id) } else { call.launch_template_name(id) };
        call.send().await.map_err(self.error("DeleteLaunchTemplate"))?;
        Ok(())
    }
}

/// Takes what says the same in another shape for the same: groups beside no interface, and a profile by its ARN. A server launched from it is the same.
pub(crate) fn as_launched(content: &mut TemplateContent<String>) {
    content.foreign.remove("SecurityGroupIds");
    if content.foreign.remove("IamInstanceProfile.Arn") {
        content.instance_profile = profile_name(&content.instance_profile).to_owned();
    }
}

/// The name in the ARN of an instance profile; a name is one.
pub(crate) fn profile_name(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or(text) } else { text }
}

/// `lt-` and 8 or 17 hexadecimal digits. A cluster may be called `lt-one`, so the prefix alone does not tell.
fn is_id(text: &str) -> bool {
    text.strip_prefix("lt-").is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// EC2 creates a template even when it doubts that it can be launched, and says so. The codes only: messages may repeat values.
fn warn(operation: &str, warning: Option<&ValidationWarning>) {
    for error in warning.iter().flat_map(|warning| warning.errors()) {
        tracing::warn!(operation, code = error.code().unwrap_or_default(), "EC2 doubts that the launch template can be launched");
    }
}

/// Should EC2 ever repeat the user data in its words, it ends here: whole or in part, as it was sent (base64) or decoded.
fn redacted(mut error: CloudError, content: &TemplateContent<String>) -> CloudError {
    /// Shorter lines (`fi`, `done`) say nothing, and stand in ordinary words.
    const LINE_MIN: usize = 4;
    /// So much of the base64 is enough to know it by; AWS may have cut the rest.
    const START: usize = 16;
    let Some(data) = &content.user_data else { return error };
    let encoded = template_write::encoded(data);
    if let Some(at) = error.message.find(encoded.get(..START).unwrap_or(&encoded)) {
        error.message.truncate(at);
        error.message.push_str("(user data)");
    }
    for line in data.expose().lines().map(str::trim).filter(|line| line.len() >= LINE_MIN) {
        error.message = error.message.replace(line, "(user data)");
    }
    error
}

/// Joins the two reads. Versions without a template are those of one that was deleted in between.
pub(crate) fn with_versions(template: Option<LaunchTemplate>, versions: Vec<LaunchTemplateVersion>) -> Option<ObservedTemplate> {
    let template = template?;
    let id = template.launch_template_id().unwrap_or_default().to_owned();
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let versions: BTreeMap<u64, ObservedVersion> = versions
        .iter()
        .filter(|version| version.launch_template_id() == Some(id.as_str()))
        .filter_map(|version| {
            let observed = ObservedVersion {
                description: version.version_description().unwrap_or_default().to_owned(),
                content: template_read::content(version.launch_template_data()),
            };
            Some((number(version.version_number())?, observed))
        })
        .collect();
    let newest = versions.keys().next_back().copied().unwrap_or_default();
    Some(ObservedTemplate {
        id,
        name: template.launch_template_name().unwrap_or_default().to_owned(),
        tags: tags_read(template.tags()),
        latest: number(template.latest_version_number()).unwrap_or_default().max(newest),
        default: number(template.default_version_number()).unwrap_or_default(),
        versions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        assert!(is_id("lt-0123456789abcdef0"));
        for name in ["lt-one", "kapacitor", "lt-", "lt-0123456789abcdefg", "lt-0123456789abcdef01"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
