//! What an admitted spec means in AWS's terms.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kaphost_spec::{Ami, Path};

use crate::names::Names;
use crate::observed::{Image, ImageAnswer, ImageGap, Observed};
use crate::resource::{DeviceContent, GroupSettings, GroupTag, RefreshPreferences, Rule, RuleKey, Tags, TemplateContent};

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
    /// The rules of the security group.
    pub rules: DesiredRules,
    /// Rules onto a group that exists and is not ours.
    pub elsewhere: Option<RulesElsewhere>,
    /// The path of role and profile.
    pub iam_path: String,
    /// The description of the role.
    pub role_description: String,
    /// EC2 may take the role.
    pub trust: serde_json::Value,
    /// The policies of the role.
    pub policies: Policies,
    /// Where the image's id comes from. The template pins the id that it stands for when the plan is made.
    pub image: Ami,
    /// The root volume: its device name is the image's to say.
    pub root: DeviceContent,
    /// The template without its image and root device, which the image's answer gives; the one security group is our own and named by `()`.
    pub template: TemplateContent<()>,
    /// The Auto Scaling group; its version is found by the diff.
    pub group: GroupSettings<()>,
    /// Its tags.
    pub group_tags: BTreeMap<String, GroupTag>,
    /// Seconds that apply waits for a healthy instance; 0 does not wait.
    pub wait_for_capacity_s: u32,
    /// How a new version of the template reaches the running server.
    pub rollout: RefreshPreferences,
    /// Seconds that apply follows it.
    pub rollout_timeout_s: u32,
    /// Whether an instance refresh to another version that is under way may be cancelled. Not the config's to say: false until whoever applies says so.
    pub cancel_refresh: bool,
    /// The number of the kept plan that is made or carried out, for [`PLAN_TAG`](crate::PLAN_TAG). Not the config's to say, either.
    pub mark: Option<String>,
    /// Whether the policies that hang on the role are read whatever the config says of them. Not the config's to say, either: false until whoever looks says so.
    pub read_attachments: bool,
}

/// Rules of one group, and where each comes from.
#[derive(Clone, Debug, Default)]
pub struct DesiredRules {
    /// Sorted.
    pub rules: Vec<Rule>,
    /// The config path that decides each rule.
    pub paths: BTreeMap<RuleKey, Path>,
}

/// Rules that go onto a group that somebody else keeps. They are ours by their tag; the group is never written.
#[derive(Clone, Debug)]
pub struct RulesElsewhere {
    /// `sg-…`
    pub group: String,
    /// Ingress only.
    pub rules: DesiredRules,
}

/// What the role may do, and must not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// ARNs of managed policies.
    pub managed: BTreeSet<String>,
    /// Documents by name, as compact JSON with sorted keys.
    pub inline: BTreeMap<String, String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
}

/// What is known of the desired image when a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFact<'a> {
    /// It is there.
    Found(&'a Image),
    /// It is not to be had.
    Missing(&'a ImageGap),
}

impl Desired {
    /// The same under the names by which it is found: those of an adopted cluster are somebody else's, and so are the texts of it that AWS does not change.
    #[must_use]
    pub fn located(&self, observed: &Observed) -> Cow<'_, Self> {
        let names = self.names.located(observed);
        if names == self.names && names.adopted.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(self.under(&names, observed))
    }

    /// The same under these names, of which `observed` tells what they hold.
    pub(crate) fn under(&self, names: &Names, observed: &Observed) -> Self {
        let mut located = Self { names: names.clone(), ..self.clone() };
        names.instance_profile().clone_into(&mut located.template.instance_profile);
        if let Some(role) = observed.role.as_ref().filter(|_| names.adopted.role.is_some()) {
            located.role_description.clone_from(&role.description);
        }
        located
    }

    /// The image, as remembered or as just read. `None` when it was neither: then ask, with [`query`](crate::query).
    #[must_use]
    pub fn image_fact<'a>(&self, observed: &'a Observed, known: Option<&'a Image>) -> Option<ImageFact<'a>> {
        if let Some(image) = known.filter(|image| self.is_image(image)) {
            return Some(ImageFact::Found(image));
        }
        match &observed.image {
            ImageAnswer::Found(image) if self.is_image(image) => Some(ImageFact::Found(image)),
            ImageAnswer::Missing(gap) => Some(ImageFact::Missing(gap)),
            ImageAnswer::Found(_) | ImageAnswer::NotAsked => None,
        }
    }

    /// Whether this can be the image that is meant. A parameter or a search may mean any, so what is said to be its answer is believed:
    /// remember an image for one run only, unless its id is in the config.
    pub(crate) fn is_image(&self, image: &Image) -> bool {
        match &self.image {
            Ami::Id(id) => image.id == id.to_string(),
            Ami::Ssm(_) | Ami::Lookup { .. } => true,
        }
    }

    /// What every resource with plain tags carries: the user's tags and the owner's.
    #[must_use]
    pub fn resource_tags(&self) -> Tags {
        self.tags.iter().chain(&self.ownership).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
