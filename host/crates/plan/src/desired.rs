//! What an admitted spec means in AWS's terms.

use std::collections::BTreeMap;

use kaphost_spec::Path;

use crate::observed::{Image, ImageAnswer, Observed};
use crate::resource::{DeviceContent, GroupSettings, GroupTag, Names, Rule, RuleKey, Tags, TemplateContent};

/// Everything that AWS should hold for one cluster.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Under which names.
    pub names: Names,
    /// What every resource carries: the owner, and where it comes from.
    pub ownership: Tags,
    /// The user's own tags that go onto resources.
    pub tags: Tags,
    /// The VPC of the security group.
    pub vpc: String,
    /// The description of the security group. Never changes for a cluster.
    pub group_description: String,
    /// The rules of the security group, sorted.
    pub rules: Vec<Rule>,
    /// The config path that decides each rule.
    pub rule_paths: BTreeMap<RuleKey, Path>,
    /// The path of role and profile.
    pub iam_path: String,
    /// The description of the role.
    pub role_description: String,
    /// EC2 may take the role.
    pub trust: serde_json::Value,
    /// The image's id.
    pub image: String,
    /// The root volume: its device name is the image's to say.
    pub root: DeviceContent,
    /// The template without its root device; the one security group is our own and named by `()`.
    pub template: TemplateContent<()>,
    /// The Auto Scaling group; its version is found by the diff.
    pub group: GroupSettings<()>,
    /// Its tags.
    pub group_tags: BTreeMap<String, GroupTag>,
    /// Seconds that apply waits for a healthy instance; 0 does not wait.
    pub wait_for_capacity_s: u32,
}

/// A value of the spec that this version checks but does not provision yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not provisioned by this version of kaphost")]
pub struct NotProvisioned {
    /// Where it stands.
    pub path: Path,
    /// What it is.
    pub what: &'static str,
    /// What to do instead.
    pub help: &'static str,
}

/// What is known of the desired image when a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFact<'a> {
    /// It is there.
    Found(&'a Image),
    /// AWS knows no such image in this region, or hides it.
    Missing,
}

impl Desired {
    /// The image, as remembered or as just read. `None` when it was neither: then ask, with [`query`](crate::query).
    #[must_use]
    pub fn image_fact<'a>(&self, observed: &'a Observed, known: Option<&'a Image>) -> Option<ImageFact<'a>> {
        if let Some(image) = known.filter(|image| image.id == self.image) {
            return Some(ImageFact::Found(image));
        }
        match &observed.image {
            ImageAnswer::Found(image) if image.id == self.image => Some(ImageFact::Found(image)),
            ImageAnswer::Missing => Some(ImageFact::Missing),
            ImageAnswer::Found(_) | ImageAnswer::NotAsked => None,
        }
    }

    /// What every resource with plain tags carries: the user's tags and the owner's.
    #[must_use]
    pub fn resource_tags(&self) -> Tags {
        self.tags.iter().chain(&self.ownership).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
