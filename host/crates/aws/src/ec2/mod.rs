//! EC2: security groups and their rules, launch templates, images, tags.

pub(crate) mod launch_template;
pub(crate) mod security_group;

mod facts;
mod image;
mod preflight;
mod rule;
mod template_read;
mod template_write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kaphost_apply::CloudError;
use kaphost_plan::Tags;
use kaphost_plan::preflight::Subnet;

/// The client of EC2 and who it calls, for errors.
#[derive(Debug)]
pub(crate) struct Ec2 {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
    /// The subnets that facts told of: preflight need not ask again in the same run.
    subnets: Mutex<BTreeMap<String, Subnet>>,
}

impl Ec2 {
    pub(crate) fn new(client: Client, endpoint: String) -> Self {
        Self { client, endpoint, subnets: Mutex::default() }
    }

    /// For `map_err`.
    fn error<E>(&self, operation: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        move |error| crate::error::translate(operation, &self.endpoint, &error)
    }

    pub(crate) async fn tag(&self, resources: &BTreeSet<String>, set: &Tags) -> Result<(), CloudError> {
        let call = self.client.create_tags().set_resources(Some(resources.iter().cloned().collect())).set_tags(Some(tags(set)));
        call.send().await.map_err(self.error("CreateTags"))?;
        Ok(())
    }

    /// A tag without a value is deleted whatever its value is.
    pub(crate) async fn untag(&self, resources: &BTreeSet<String>, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        let keys = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
        let call = self.client.delete_tags().set_resources(Some(resources.iter().cloned().collect())).set_tags(Some(keys));
        call.send().await.map_err(self.error("DeleteTags"))?;
        Ok(())
    }
}

/// One filter with one value. `*` and `?` are wildcards: see [`literal`].
fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// A value that stands for itself. Names of clusters hold no wildcards; the names of what was adopted are anybody's.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '*' | '?' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// As EC2 takes them.
fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags on create: `None` when there are none, for an empty list is refused.
fn tag_specification(resource: ResourceType, set: &Tags) -> Option<Vec<TagSpecification>> {
    (!set.is_empty()).then(|| vec![TagSpecification::builder().resource_type(resource).set_tags(Some(tags(set))).build()])
}

/// As kaphost has them.
fn tags_read(tags: &[Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}
