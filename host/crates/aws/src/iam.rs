//! IAM: the role and its instance profile.

use std::collections::BTreeSet;

use aws_sdk_iam::Client;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{SummaryKeyType, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::preflight::{IamQuotas, Quota};
use kaphost_plan::{Attachments, ObservedProfile, ObservedRole, POLICIES_TAG, Query, Tags};
use serde_json::Value;

/// The lists give at most this many in a page.
const PAGE: i32 = 1000;

/// The client of IAM and who it calls, for errors.
#[derive(Debug)]
pub(crate) struct Iam {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
}

impl Iam {
    /// For `map_err`.
    fn error<E>(&self, operation: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        move |error| crate::error::translate(operation, &self.endpoint, &error)
    }

    // ── reads ──

    /// The role of the name and the policies that hang on it, side by side when they are asked for. When they are not, the role's own tag may say that some are
    /// ours: then they are read after it.
    pub(crate) async fn role(&self, query: &Query) -> Result<Option<ObservedRole>, CloudError> {
        let name = query.names.role();
        if query.attachments {
            let (role, attachments) = tokio::join!(self.bare_role(name), self.attachments(name, &query.documents));
            let attachments = Some(attachments?);
            return Ok(role?.map(|role| ObservedRole { attachments, ..role }));
        }
        match self.bare_role(name).await? {
            Some(role) if role.tags.contains_key(POLICIES_TAG) => {
                let attachments = Some(self.attachments(name, &query.documents).await?);
                Ok(Some(ObservedRole { attachments, ..role }))
            }
            role => Ok(role),
        }
    }

    /// How many roles and instance profiles the account has, and may have.
    pub(crate) async fn quotas(&self) -> Result<IamQuotas, CloudError> {
        const OPERATION: &str = "GetAccountSummary";
        let answer = self.client.get_account_summary().send().await.map_err(self.error(OPERATION))?;
        let count = |key: SummaryKeyType| answer.summary_map().and_then(|map| map.get(&key)).and_then(|count| u32::try_from(*count).ok());
        let quota = |used, most| Some(Quota { used: count(used)?, most: count(most)? });
        let roles = quota(SummaryKeyType::Roles, SummaryKeyType::RolesQuota);
        let profiles = quota(SummaryKeyType::InstanceProfiles, SummaryKeyType::InstanceProfilesQuota);
        let missing = || CloudError::new(ErrorKind::Other, OPERATION, "AWS does not say how many roles and instance profiles there may be");
        let (Some(roles), Some(instance_profiles)) = (roles, profiles) else { return Err(missing()) };
        Ok(IamQuotas { roles, instance_profiles })
    }

    /// Without its policies.
    async fn bare_role(&self, name: &str) -> Result<Option<ObservedRole>, CloudError> {
        let answer = self.client.get_role().role_name(name).send().await.map_err(self.error("GetRole"));
        let Some(answer) = found(answer)? else { return Ok(None) };
        Ok(answer.role().map(|role| ObservedRole {
            name: role.role_name().to_owned(),
            path: role.path().to_owned(),
            arn: role.arn().to_owned(),
            id: role.role_id().to_owned(),
            description: role.description().unwrap_or_default().to_owned(),
            trust: document(role.assume_role_policy_document()),
            tags: tags_read(role.tags()),
            boundary: role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()).map(str::to_owned),
            attachments: None,
        }))
    }

    /// The policies that hang on the role, with the documents of some.
    async fn attachments(&self, role: &str, documents: &BTreeSet<String>) -> Result<Attachments, CloudError> {
        let documents = futures_util::future::try_join_all(documents.iter().map(|name| self.inline_document(role, name)));
        let (managed, inline, documents) = tokio::join!(self.managed(role), self.inline(role), documents);
        Ok(Attachments { managed: managed?, inline: inline?, documents: documents?.into_iter().flatten().collect() })
    }

    async fn inline_document(&self, role: &str, name: &str) -> Result<Option<(String, Value)>, CloudError> {
        let answer = self.client.get_role_policy().role_name(role).policy_name(name).send().await.map_err(self.error("GetRolePolicy"));
        Ok(found(answer)?.map(|answer| (name.to_owned(), document(Some(answer.policy_document())))))
    }

    async fn managed(&self, role: &str) -> Result<Vec<String>, CloudError> {
        let call = self.client.list_attached_role_policies().role_name(role);
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut arns = Vec::new();
        while let Some(item) = items.next().await {
            match found(item.map_err(self.error("ListAttachedRolePolicies")))? {
                Some(policy) => arns.extend(policy.policy_arn().map(str::to_owned)),
                None => return Ok(Vec::new()),
            }
        }
        arns.sort();
        Ok(arns)
    }

    async fn inline(&self, role: &str) -> Result<Vec<String>, CloudError> {
        let call = self.client.list_role_policies().role_name(role);
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut names = Vec::new();
        while let Some(item) = items.next().await {
            match found(item.map_err(self.error("ListRolePolicies")))? {
                Some(name) => names.push(name),
                None => return Ok(Vec::new()),
            }
        }
        names.sort();
        Ok(names)
    }

    /// The instance profile of the name.
    pub(crate) async fn instance_profile(&self, name: &str) -> Result<Option<ObservedProfile>, CloudError> {
        let answer = self.client.get_instance_profile().instance_profile_name(name).send().await;
        let Some(answer) = found(answer.map_err(self.error("GetInstanceProfile")))? else { return Ok(None) };
        Ok(answer.instance_profile().map(|profile| ObservedProfile {
            name: profile.instance_profile_name().to_owned(),
            path: profile.path().to_owned(),
            tags: tags_read(profile.tags()),
            role: profile.roles().first().map(|role| role.role_name().to_owned()),
        }))
    }

    // ── writes ──

    pub(crate) async fn create_role(
        &self,
        name: &str,
        path: &str,
        description: &str,
        trust: &Value,
        boundary: Option<&str>,
        set: &Tags,
    ) -> Result<String, CloudError> {
        const OPERATION: &str = "CreateRole";
        let call = self.client.create_role().role_name(name).path(path).assume_role_policy_document(trust.to_string());
        let call = if description.is_empty() { call } else { call.description(description) };
        let call = call.set_permissions_boundary(boundary.map(str::to_owned));
        let answer = call.set_tags(tags(OPERATION, set)?).send().await.map_err(self.error(OPERATION))?;
        Ok(answer.role.map(|role| role.arn).unwrap_or_default())
    }

    pub(crate) async fn update_trust(&self, role: &str, trust: &Value) -> Result<(), CloudError> {
        let call = self.client.update_assume_role_policy().role_name(role).policy_document(trust.to_string());
        call.send().await.map_err(self.error("UpdateAssumeRolePolicy"))?;
        Ok(())
    }

    pub(crate) async fn update_role_description(&self, role: &str, description: &str) -> Result<(), CloudError> {
        let call = self.client.update_role().role_name(role).description(description);
        call.send().await.map_err(self.error("UpdateRole"))?;
        Ok(())
    }

    pub(crate) async fn tag_role(&self, role: &str, set: &Tags) -> Result<(), CloudError> {
        const OPERATION: &str = "TagRole";
        self.client.tag_role().role_name(role).set_tags(tags(OPERATION, set)?).send().await.map_err(self.error(OPERATION))?;
        Ok(())
    }

    pub(crate) async fn untag_role(&self, role: &str, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        let call = self.client.untag_role().role_name(role).set_tag_keys(Some(keys.iter().cloned().collect()));
        call.send().await.map_err(self.error("UntagRole"))?;
        Ok(())
    }

    pub(crate) async fn create_instance_profile(&self, name: &str, path: &str, set: &Tags) -> Result<(), CloudError> {
        const OPERATION: &str = "CreateInstanceProfile";
        let call = self.client.create_instance_profile().instance_profile_name(name).path(path);
        call.set_tags(tags(OPERATION, set)?).send().await.map_err(self.error(OPERATION))?;
        Ok(())
    }

    pub(crate) async fn tag_instance_profile(&self, profile: &str, set: &Tags) -> Result<(), CloudError> {
        const OPERATION: &str = "TagInstanceProfile";
        let call = self.client.tag_instance_profile().instance_profile_name(profile);
        call.set_tags(tags(OPERATION, set)?).send().await.map_err(self.error(OPERATION))?;
        Ok(())
    }

    pub(crate) async fn untag_instance_profile(&self, profile: &str, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        let call = self.client.untag_instance_profile().instance_profile_name(profile);
        let call = call.set_tag_keys(Some(keys.iter().cloned().collect()));
        call.send().await.map_err(self.error("UntagInstanceProfile"))?;
        Ok(())
    }

    pub(crate) async fn add_role(&self, profile: &str, role: &str) -> Result<(), CloudError> {
        let call = self.client.add_role_to_instance_profile().instance_profile_name(profile).role_name(role);
        call.send().await.map_err(self.error("AddRoleToInstanceProfile"))?;
        Ok(())
    }

    pub(crate) async fn remove_role(&self, profile: &str, role: &str) -> Result<(), CloudError> {
        let call = self.client.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
        call.send().await.map_err(self.error("RemoveRoleFromInstanceProfile"))?;
        Ok(())
    }

    pub(crate) async fn delete_instance_profile(&self, name: &str) -> Result<(), CloudError> {
        let call = self.client.delete_instance_profile().instance_profile_name(name);
        call.send().await.map_err(self.error("DeleteInstanceProfile"))?;
        Ok(())
    }

    pub(crate) async fn delete_role(&self, name: &str) -> Result<(), CloudError> {
        self.client.delete_role().role_name(name).send().await.map_err(self.error("DeleteRole"))?;
        Ok(())
    }

    pub(crate) async fn attach_policy(&self, role: &str, arn: &str) -> Result<(), CloudError> {
        let call = self.client.attach_role_policy().role_name(role).policy_arn(arn);
        call.send().await.map_err(self.error("AttachRolePolicy"))?;
        Ok(())
    }

    pub(crate) async fn put_policy(&self, role: &str, name: &str, document: &str) -> Result<(), CloudError> {
        let call = self.client.put_role_policy().role_name(role).policy_name(name).policy_document(document);
        call.send().await.map_err(self.error("PutRolePolicy"))?;
        Ok(())
    }

    pub(crate) async fn put_boundary(&self, role: &str, arn: &str) -> Result<(), CloudError> {
        let call = self.client.put_role_permissions_boundary().role_name(role).permissions_boundary(arn);
        call.send().await.map_err(self.error("PutRolePermissionsBoundary"))?;
        Ok(())
    }

    pub(crate) async fn delete_boundary(&self, role: &str) -> Result<(), CloudError> {
        let call = self.client.delete_role_permissions_boundary().role_name(role);
        call.send().await.map_err(self.error("DeleteRolePermissionsBoundary"))?;
        Ok(())
    }

    pub(crate) async fn detach_policy(&self, role: &str, arn: &str) -> Result<(), CloudError> {
        let call = self.client.detach_role_policy().role_name(role).policy_arn(arn);
        call.send().await.map_err(self.error("DetachRolePolicy"))?;
        Ok(())
    }

    pub(crate) async fn delete_policy(&self, role: &str, name: &str) -> Result<(), CloudError> {
        let call = self.client.delete_role_policy().role_name(role).policy_name(name);
        call.send().await.map_err(self.error("DeleteRolePolicy"))?;
        Ok(())
    }
}

/// "Not found" is an answer.
fn found<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A policy document, which IAM gives percent-encoded (RFC 3986). What is no JSON is kept as text, which no document equals.
fn document(encoded: Option<&str>) -> Value {
    let text = percent_encoding::percent_decode_str(encoded.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// As IAM takes them; `None` when there are none.
fn tags(operation: &str, set: &Tags) -> Result<Option<Vec<Tag>>, CloudError> {
    let made: Result<Vec<Tag>, _> = set.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    match made {
        Ok(made) => Ok((!made.is_empty()).then_some(made)),
        Err(error) => Err(CloudError {
            kind: ErrorKind::Invalid,
            operation: operation.to_owned(),
            code: None,
            message: format!("a tag is incomplete: {error}"),
            request_id: None,
        }),
    }
}

fn tags_read(tags: &[Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_is_decoded() {
        let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        assert_eq!(document(Some(encoded)), serde_json::json!({"Version": "2012-10-17", "Statement": []}));
        // A plus sign is a plus sign: this is no form.
        assert_eq!(document(Some("%7B%22a%22%3A%22b+c%22%7D")), serde_json::json!({"a": "b+c"}));
        assert_eq!(document(Some("no%20json")), Value::String("no json".into()));
    }
}
