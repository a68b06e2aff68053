//! What AWS holds under a cluster's names.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_spec::Ami;
use serde::Serialize;
use serde_json::json;

use crate::names::Names;
use crate::resource::{GroupSettings, GroupTag, Kind, Rule, Tags, TemplateContent};

/// What to read. Everything is read side by side, so each read costs a call and no time; [`Query::attachments`] says what does.
#[derive(Clone, Debug)]
pub struct Query {
    /// Under which names.
    pub names: Names,
    /// The image, when a plan needs to know it. `None` reads none: known already, or not needed.
    pub image: Option<Ami>,
    /// Read the policies that hang on the role. When false they are read all the same, a round trip later, if the role says by its tag
    /// [`POLICIES_TAG`](crate::POLICIES_TAG) that some of them are ours.
    pub attachments: bool,
    /// Read the documents of the role's inline policies of these names.
    pub documents: BTreeSet<String>,
    /// A group that is not ours, onto which rules of ours go: read everybody's rules there. Our own are always read, wherever they are.
    pub group: Option<String>,
    /// Groups of which every rule is read with its id, whoever made it: see [`ObservedRule::id`].
    pub rule_ids_of: BTreeSet<String>,
}

impl Query {
    /// What stands under the names, and nothing more.
    #[must_use]
    pub const fn of(names: Names) -> Self {
        Self { names, image: None, attachments: false, documents: BTreeSet::new(), group: None, rule_ids_of: BTreeSet::new() }
    }

    /// What destroy must know.
    #[must_use]
    pub const fn for_destroy(names: Names) -> Self {
        Self { names, image: None, attachments: true, documents: BTreeSet::new(), group: None, rule_ids_of: BTreeSet::new() }
    }
}

/// Everything that AWS holds under the names of one cluster, ours or not.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Every group of the name, in whatever VPC, sorted by id. Their names are unique per VPC only.
    pub security_groups: Vec<ObservedSecurityGroup>,
    /// Other groups, as far as rules of ours are in them or [`Query::group`] asked for them, sorted by id.
    pub other_groups: Vec<OtherGroup>,
    /// The role of the name.
    pub role: Option<ObservedRole>,
    /// The instance profile of the name.
    pub instance_profile: Option<ObservedProfile>,
    /// The launch template of the name.
    pub launch_template: Option<ObservedTemplate>,
    /// The Auto Scaling group of the name.
    pub auto_scaling_group: Option<ObservedGroup>,
    /// The image that was asked for.
    pub image: ImageAnswer,
}

impl Observed {
    /// Everything that is there, by what it is called, as JSON with no secret: to find out later whether it is still the same. Without what changes by itself: instances, refreshes;
    /// and without the image, which never changes.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<String, serde_json::Value> {
        let mut parts = BTreeMap::new();
        for group in &self.security_groups {
            parts.insert(format!("{} {}", Kind::SecurityGroup, group.id), json!(group));
        }
        for group in &self.other_groups {
            parts.insert(format!("{} {}", Kind::SecurityGroup, group.id), json!(group));
        }
        parts.extend(self.role.as_ref().map(|role| (format!("{} {}", Kind::Role, role.name), json!(role))));
        let profile = self.instance_profile.as_ref();
        parts.extend(profile.map(|profile| (format!("{} {}", Kind::InstanceProfile, profile.name), json!(profile))));
        let template = self.launch_template.as_ref();
        parts.extend(template.map(|template| (format!("{} {}", Kind::LaunchTemplate, template.name), json!(template))));
        let group = self.auto_scaling_group.as_ref();
        parts.extend(group.map(|group| (format!("{} {}", Kind::AutoScalingGroup, group.name), json!(group))));
        parts
    }
}

/// What is known of the machine image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImageAnswer {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It is not to be had.
    Missing(ImageGap),
    /// It is there.
    Found(Image),
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageGap {
    /// AWS knows no image of this id in this region, or hides it.
    NoImage(String),
    /// No image matches the search.
    NoMatch,
    /// There is no such parameter.
    NoParameter,
    /// The parameter holds this, which is no image's id.
    NotAnId(String),
}

/// A machine image. None of this ever changes for one id, so it may be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    /// `ami-…`
    pub id: String,
    /// `/dev/sda1`: the key of the root volume, never index 0.
    pub root_device: String,
    /// `x86_64`, `arm64`.
    pub architecture: String,
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedSecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Cannot be changed.
    pub description: String,
    /// Its tags, all of them.
    pub tags: Tags,
    /// Its rules, everybody's, sorted by key.
    pub rules: Vec<ObservedRule>,
}

/// A group that is somebody else's, with rules of ours in it or to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OtherGroup {
    /// `sg-…`
    pub id: String,
    /// Its rules, sorted by key: everybody's when [`Query::group`] asked for it, else ours only.
    pub rules: Vec<ObservedRule>,
    /// Whether the group itself was read. One that was asked for and is not read is not there.
    pub read: bool,
}

/// A rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedRule {
    /// `sgr-…`. Known of every rule that carries the owner's tag, and of all rules of [`Query::rule_ids_of`]. `None` is a rule that carries none: one read finds
    /// our rules with their ids, another all rules without them, so that both can be made before the group's id is known.
    pub id: Option<String>,
    /// What it says.
    pub rule: Rule,
    /// Its own tags: ours only when they own.
    pub tags: Tags,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedRole {
    /// Its name.
    pub name: String,
    /// Its path. Cannot be changed.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// Its stable id, `AROA…`.
    pub id: String,
    /// Its description.
    pub description: String,
    /// The trust policy, decoded, as JSON. Compare by meaning.
    pub trust: serde_json::Value,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Policies that hang on it, when they were read: see [`Query::attachments`].
    pub attachments: Option<Attachments>,
}

/// Policies that hang on a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attachments {
    /// ARNs.
    pub managed: Vec<String>,
    /// Names.
    pub inline: Vec<String>,
    /// The documents of those that [`Query::documents`] asked for and that are there.
    pub documents: BTreeMap<String, serde_json::Value>,
}

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedProfile {
    /// Its name.
    pub name: String,
    /// Its path. Cannot be changed.
    pub path: String,
    /// Its tags.
    pub tags: Tags,
    /// The name of its role; AWS allows one.
    pub role: Option<String>,
}

/// A launch template with its versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedTemplate {
    /// `lt-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The template's own tags.
    pub tags: Tags,
    /// The newest number that AWS has given out.
    pub latest: u64,
    /// The number that stands for the template where none is named; never deleted.
    pub default: u64,
    /// By number.
    pub versions: BTreeMap<u64, ObservedVersion>,
}

/// One version of a launch template. Never changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedVersion {
    /// `VersionDescription`, empty when there is none.
    pub description: String,
    /// What it says, with the ids of groups.
    pub content: TemplateContent<String>,
}

impl ObservedTemplate {
    /// The version that an instance runs: the one that it was launched from, or the newest that was made to say what it was launched from.
    #[must_use]
    pub fn runs(&self, instance: &Instance) -> Option<u64> {
        let launched = instance.template_version.filter(|_| instance.template.as_ref().is_none_or(|template| *template == self.name));
        launched.or_else(|| self.versions.iter().rev().find(|(_, version)| version.adopts(&instance.id)).map(|(number, _)| *number))
    }
}

/// Before the ids of the instances that a version was made to describe, in its description.
const ADOPTED: &str = ", adopted ";

impl ObservedVersion {
    /// The description of a version that says what these instances were launched from, before kaphost knew them.
    #[must_use]
    pub fn adopting<'a>(description: &str, instances: impl IntoIterator<Item = &'a str>) -> String {
        let instances: Vec<&str> = instances.into_iter().collect();
        if instances.is_empty() { description.to_owned() } else { format!("{description}{ADOPTED}{}", instances.join(" ")) }
    }

    /// Whether it was made to say what this instance was launched from.
    #[must_use]
    pub fn adopts(&self, instance: &str) -> bool {
        self.description.split_once(ADOPTED).is_some_and(|(_, instances)| instances.split(' ').any(|id| id == instance))
    }
}

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObservedGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What kaphost sets of it. Version 0 when the group pins no number (`$Latest`, `$Default`, or no template).
    pub settings: GroupSettings<u64>,
    /// Its tags.
    pub tags: BTreeMap<String, GroupTag>,
    /// Its instances. They come and go by themselves, so they are no part of what the group is.
    #[serde(skip)]
    pub instances: Vec<Instance>,
    /// `Delete in progress` and the like; `None` in ordinary life.
    pub status: Option<String>,
    /// Its latest instance refresh, when it was read: see [`needs_refresh`](crate::needs_refresh). It goes on by itself, too.
    #[serde(skip)]
    pub refresh: Option<Refresh>,
}

/// A rolling update of an Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refresh {
    /// Its id.
    pub id: String,
    /// `Pending`, `InProgress`, `Successful`, `Failed`, `RollbackSuccessful`, …
    pub status: String,
    /// Why it is as it is, in AWS's words.
    pub reason: Option<String>,
    /// How far it is.
    pub percent: Option<u32>,
    /// The version that instances are replaced by, where it names a template and a number.
    pub version: Option<u64>,
}

impl Refresh {
    /// Whether it goes on: then the group takes no other.
    #[must_use]
    pub fn active(&self) -> bool {
        ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"].contains(&self.status.as_str())
    }

    /// Whether it goes on towards its version, and not back.
    #[must_use]
    pub fn advances(&self) -> bool {
        ["Pending", "InProgress", "Baking"].contains(&self.status.as_str())
    }
}

/// An instance of the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// `us-east-1a`
    pub zone: String,
    /// `InService`, `Pending`, …
    pub lifecycle: String,
    /// `Healthy` or `Unhealthy`.
    pub health: String,
    /// The version of the launch template that it runs, when the group says so.
    pub template_version: Option<u64>,
    /// The name of that template. `None` where it is not known, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

impl Instance {
    /// Whether it counts as capacity.
    #[must_use]
    pub fn in_service(&self) -> bool {
        self.lifecycle == "InService" && self.health == "Healthy"
    }
}
