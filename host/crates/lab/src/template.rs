//! Launch templates: immutable versions, numbered by AWS, made by idempotent calls.

use std::collections::BTreeSet;

use kaphost_apply::ErrorKind;
use kaphost_plan::{Output, Tags, TemplateContent};

use crate::refuse::{Answer, new_tags, refuse};
use crate::state::{Template, TemplateVersion, World};

/// Nobody changes it here.
pub(crate) const DEFAULT_VERSION: u64 = 1;

impl World<'_> {
    pub(crate) fn create_launch_template(
        &mut self,
        name: &str,
        tags: &Tags,
        description: &str,
        content: &TemplateContent<String>,
        token: &str,
    ) -> Answer<Output> {
        let charset = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
        if !(3..=128).contains(&name.len()) || !name.chars().all(charset) {
            let message = "Launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _";
            return refuse(ErrorKind::Invalid, "InvalidLaunchTemplateName.MalformedException", message);
        }
        check_content(content, token)?;
        let tags = new_tags(tags)?;
        if let Some((id, template)) = self.region.launch_templates.iter().find(|(_, template)| template.name == name) {
            return match template.versions.get(&1) {
                Some(first) if !token.is_empty() && first.token == token => {
                    repeated(first, content, Output::LaunchTemplate { id: id.clone(), version: 1 })
                }
                _ => {
                    let message = "Launch template name already in use.";
                    refuse(ErrorKind::AlreadyExists, "InvalidLaunchTemplateName.AlreadyExistsException", message)
                }
            };
        }
        let id = self.new_id("lt-");
        let first = TemplateVersion { description: description.to_owned(), content: content.clone(), token: token.to_owned() };
        let template = Template { name: name.to_owned(), tags, latest: 1, versions: [(1, first)].into() };
        self.region.launch_templates.insert(id.clone(), template);
        Ok(Output::LaunchTemplate { id, version: 1 })
    }

    /// `template` is an id or a name.
    pub(crate) fn create_launch_template_version(
        &mut self,
        template: &str,
        description: &str,
        content: &TemplateContent<String>,
        token: &str,
    ) -> Answer<Output> {
        check_content(content, token)?;
        let found = self.region.launch_templates.iter_mut().find(|(id, found)| *id == template || found.name == template);
        let Some((_, found)) = found else {
            let message = format!("The specified launch template, {template}, does not exist.");
            return refuse(ErrorKind::NotFound, "InvalidLaunchTemplateId.NotFound", message);
        };
        if !token.is_empty()
            && let Some((number, version)) = found.versions.iter().find(|(_, version)| version.token == token)
        {
            return repeated(version, content, Output::TemplateVersion(*number));
        }
        found.latest += 1;
        let version = TemplateVersion { description: description.to_owned(), content: content.clone(), token: token.to_owned() };
        found.versions.insert(found.latest, version);
        Ok(Output::TemplateVersion(found.latest))
    }

    /// Versions that are gone already are passed over; the default one stays, and may not be among them.
    pub(crate) fn delete_template_versions(&mut self, id: &str, versions: &BTreeSet<u64>) -> Answer<Output> {
        let Some(template) = self.region.launch_templates.get_mut(id) else {
            let message = format!("The specified launch template, with template ID {id}, does not exist.");
            return refuse(ErrorKind::NotFound, "InvalidLaunchTemplateId.NotFound", message);
        };
        if versions.contains(&DEFAULT_VERSION) || versions.len() > 200 {
            return refuse(ErrorKind::Invalid, "InvalidParameterValue", "the default version, or more than 200, cannot be deleted");
        }
        template.versions.retain(|number, _| !versions.contains(number));
        Ok(Output::Done)
    }

    /// AWS lets a template go that a group still names.
    pub(crate) fn delete_launch_template(&mut self, id: &str) -> Answer<Output> {
        match self.region.launch_templates.remove(id) {
            Some(_) => Ok(Output::Done),
            None => {
                let message = format!("The specified launch template, with template ID {id}, does not exist.");
                refuse(ErrorKind::NotFound, "InvalidLaunchTemplateId.NotFound", message)
            }
        }
    }

    /// What a version of a template says.
    pub(crate) fn template_content(&self, name: &str, version: u64) -> Option<&TemplateContent<String>> {
        let template = self.region.launch_templates.values().find(|template| template.name == name)?;
        template.versions.get(&version).map(|version| &version.content)
    }
}

/// The same token again: the same answer, if the rest is the same too.
fn repeated(version: &TemplateVersion, content: &TemplateContent<String>, before: Output) -> Answer<Output> {
    if version.content == *content {
        return Ok(before);
    }
    refuse(ErrorKind::Invalid, "IdempotentParameterMismatch", "The client token was used before with other parameters.")
}

fn check_content(content: &TemplateContent<String>, token: &str) -> Answer<()> {
    let invalid = |message: &str| refuse(ErrorKind::Invalid, "InvalidParameterValue", message);
    if token.len() > 128 {
        return invalid("a client token is 128 characters at most");
    }
    if !(1..=64).contains(&content.metadata_hop_limit) {
        return invalid("HttpPutResponseHopLimit is 1 to 64");
    }
    if content.spot.is_some() && content.tenancy.as_deref() == Some("default") {
        return invalid("The tenancy 'default' is not supported for Spot Instances");
    }
    Ok(())
}
