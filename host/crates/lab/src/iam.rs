//! Roles and instance profiles, as IAM keeps them: global, and names that ignore case.

use kaphost_apply::ErrorKind;
use kaphost_plan::{Output, Tags};
use serde_json::Value;

use crate::refuse::{Answer, check_tags, new_tags, refuse};
use crate::state::{Profile, Role, World};

use std::collections::{BTreeMap, BTreeSet};

const NO_SUCH: &str = "NoSuchEntity";
const CONFLICT: &str = "DeleteConflict";
const MALFORMED: &str = "MalformedPolicyDocument";
/// IAM's default quota of managed policies on one role.
const MAX_ATTACHED: usize = 10;

impl World<'_> {
    pub(crate) fn create_role(
        &mut self,
        name: &str,
        path: &str,
        description: &str,
        trust: &Value,
        boundary: Option<&str>,
        tags: &Tags,
    ) -> Answer<Output> {
        check_name(name, 64, path)?;
        check_document(trust)?;
        boundary.map_or(Ok(()), check_arn)?;
        let tags = new_tags(tags)?;
        if taken(&self.iam.roles, name) {
            return refuse(ErrorKind::AlreadyExists, "EntityAlreadyExists", format!("Role with name {name} already exists."));
        }
        let id = format!("AROA{}", self.new_id("").to_uppercase());
        let (path, description, trust) = (path.to_owned(), description.to_owned(), trust.clone());
        let arn = format!("arn:aws:iam::{}:role{path}{name}", self.account);
        let boundary = boundary.map(str::to_owned);
        let (attached, inline) = (BTreeSet::new(), BTreeMap::new());
        self.iam.roles.insert(name.to_owned(), Role { path, id, description, trust, boundary, tags, attached, inline });
        Ok(Output::Role { arn })
    }

    fn role(&mut self, name: &str) -> Answer<&mut Role> {
        match find(&mut self.iam.roles, name) {
            Some(role) => Ok(role),
            None => refuse(ErrorKind::NotFound, NO_SUCH, format!("The role with name {name} cannot be found.")),
        }
    }

    fn profile(&mut self, name: &str) -> Answer<&mut Profile> {
        match find(&mut self.iam.instance_profiles, name) {
            Some(profile) => Ok(profile),
            None => refuse(ErrorKind::NotFound, NO_SUCH, format!("Instance Profile {name} cannot be found.")),
        }
    }

    pub(crate) fn update_trust(&mut self, name: &str, trust: &Value) -> Answer<Output> {
        check_document(trust)?;
        self.role(name)?.trust = trust.clone();
        Ok(Output::Done)
    }

    pub(crate) fn update_role_description(&mut self, name: &str, description: &str) -> Answer<Output> {
        description.clone_into(&mut self.role(name)?.description);
        Ok(Output::Done)
    }

    pub(crate) fn tag_role(&mut self, name: &str, set: &Tags) -> Answer<Output> {
        tag(&mut self.role(name)?.tags, set)
    }

    pub(crate) fn untag_role(&mut self, name: &str, keys: &BTreeSet<String>) -> Answer<Output> {
        self.role(name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Output::Done)
    }

    pub(crate) fn create_instance_profile(&mut self, name: &str, path: &str, tags: &Tags) -> Answer<Output> {
        check_name(name, 128, path)?;
        let tags = new_tags(tags)?;
        if taken(&self.iam.instance_profiles, name) {
            return refuse(ErrorKind::AlreadyExists, "EntityAlreadyExists", format!("Instance Profile {name} already exists."));
        }
        self.iam.instance_profiles.insert(name.to_owned(), Profile { path: path.to_owned(), tags, role: None, unseen: 0 });
        Ok(Output::Done)
    }

    pub(crate) fn tag_instance_profile(&mut self, name: &str, set: &Tags) -> Answer<Output> {
        tag(&mut self.profile(name)?.tags, set)
    }

    pub(crate) fn untag_instance_profile(&mut self, name: &str, keys: &BTreeSet<String>) -> Answer<Output> {
        self.profile(name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Output::Done)
    }

    /// One role per profile, and IAM calls a second one a quota, even when it is the same.
    pub(crate) fn add_role(&mut self, profile: &str, role: &str) -> Answer<Output> {
        self.role(role)?;
        let unseen = self.behaviour.refusals_profile;
        let found = self.profile(profile)?;
        if found.role.is_some() {
            let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
            return refuse(ErrorKind::Quota, "LimitExceeded", message);
        }
        (found.role, found.unseen) = (Some(role.to_owned()), unseen);
        Ok(Output::Done)
    }

    pub(crate) fn remove_role(&mut self, profile: &str, role: &str) -> Answer<Output> {
        let found = self.profile(profile)?;
        if found.role.as_deref() != Some(role) {
            return refuse(ErrorKind::NotFound, NO_SUCH, format!("Instance Profile {profile} does not hold the role {role}."));
        }
        found.role = None;
        Ok(Output::Done)
    }

    pub(crate) fn delete_instance_profile(&mut self, name: &str) -> Answer<Output> {
        if self.profile(name)?.role.is_some() {
            return refuse(ErrorKind::InUse, CONFLICT, "Cannot delete entity, must remove roles from instance profile first.");
        }
        self.iam.instance_profiles.retain(|found, _| !found.eq_ignore_ascii_case(name));
        Ok(Output::Done)
    }

    pub(crate) fn delete_role(&mut self, name: &str) -> Answer<Output> {
        let held =
            self.iam.instance_profiles.values().any(|profile| profile.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case(name)));
        let role = self.role(name)?;
        if !role.attached.is_empty() || !role.inline.is_empty() {
            return refuse(ErrorKind::InUse, CONFLICT, "Cannot delete entity, must detach all policies first.");
        }
        if held {
            return refuse(ErrorKind::InUse, CONFLICT, "Cannot delete entity, must remove roles from instance profile first.");
        }
        self.iam.roles.retain(|found, _| !found.eq_ignore_ascii_case(name));
        Ok(Output::Done)
    }

    /// Attaching what is attached changes nothing.
    pub(crate) fn attach_policy(&mut self, role: &str, arn: &str) -> Answer<Output> {
        check_arn(arn)?;
        let attached = &mut self.role(role)?.attached;
        attached.insert(arn.to_owned());
        if attached.len() > MAX_ATTACHED {
            attached.remove(arn);
            let message = format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}");
            return refuse(ErrorKind::Quota, "LimitExceeded", message);
        }
        Ok(Output::Done)
    }

    pub(crate) fn detach_policy(&mut self, role: &str, arn: &str) -> Answer<Output> {
        if !self.role(role)?.attached.remove(arn) {
            return refuse(ErrorKind::NotFound, NO_SUCH, format!("Policy {arn} was not found."));
        }
        Ok(Output::Done)
    }

    pub(crate) fn put_inline_policy(&mut self, role: &str, name: &str, document: &str) -> Answer<Output> {
        let Ok(document) = serde_json::from_str::<Value>(document) else {
            return refuse(ErrorKind::Invalid, MALFORMED, "Syntax errors in policy.");
        };
        check_document(&document)?;
        self.role(role)?.inline.insert(name.to_owned(), document);
        Ok(Output::Done)
    }

    pub(crate) fn delete_inline_policy(&mut self, role: &str, name: &str) -> Answer<Output> {
        if self.role(role)?.inline.remove(name).is_none() {
            return refuse(ErrorKind::NotFound, NO_SUCH, format!("The role policy with name {name} cannot be found."));
        }
        Ok(Output::Done)
    }

    pub(crate) fn put_boundary(&mut self, role: &str, arn: &str) -> Answer<Output> {
        check_arn(arn)?;
        self.role(role)?.boundary = Some(arn.to_owned());
        Ok(Output::Done)
    }

    pub(crate) fn delete_boundary(&mut self, role: &str) -> Answer<Output> {
        self.role(role)?.boundary = None;
        Ok(Output::Done)
    }
}

fn tag(there: &mut Tags, set: &Tags) -> Answer<Output> {
    check_tags(there.keys(), set)?;
    there.extend(set.clone());
    Ok(Output::Done)
}

fn taken<T>(all: &BTreeMap<String, T>, name: &str) -> bool {
    all.keys().any(|found| found.eq_ignore_ascii_case(name))
}

fn find<'a, T>(all: &'a mut BTreeMap<String, T>, name: &str) -> Option<&'a mut T> {
    all.iter_mut().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn check_name(name: &str, max: usize, path: &str) -> Answer<()> {
    let charset = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > max || !name.chars().all(charset) {
        return refuse(
            ErrorKind::Invalid,
            "ValidationError",
            format!("Value '{name}' failed to satisfy constraint: at most {max} of [\\w+=,.@-]"),
        );
    }
    if !path.starts_with('/') || !path.ends_with('/') || path.len() > 512 {
        return refuse(ErrorKind::Invalid, "ValidationError", format!("The specified value for path is invalid: {path}"));
    }
    Ok(())
}

fn check_document(document: &Value) -> Answer<()> {
    if document.get("Statement").is_none() {
        return refuse(ErrorKind::Invalid, MALFORMED, "Missing required field Statement");
    }
    Ok(())
}

/// Any policy of this shape is one that exists.
fn check_arn(arn: &str) -> Answer<()> {
    let well_formed = arn.split_once(":iam::").is_some_and(|(partition, rest)| partition.starts_with("arn:") && rest.contains(":policy/"));
    if !well_formed {
        return refuse(ErrorKind::Invalid, "InvalidInput", format!("ARN {arn} is not valid."));
    }
    Ok(())
}
