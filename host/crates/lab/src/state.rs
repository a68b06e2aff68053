//! What an account holds: the content of a lab's file.
//!
//! Every struct refuses fields that it does not know, so that a slip in a file written by hand is an error and not silence.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_plan::{GroupSettings, GroupTag, Instance, Rule, Tags, TemplateContent};
use serde::{Deserialize, Serialize};

use crate::serial;

/// The format of the file that this version reads and writes.
pub(crate) const FORMAT: u32 = 1;

/// How the account behaves where AWS takes its time. Counts, not seconds: the same run gives the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Behaviour {
    /// Looks at a group that see a new instance `Pending`, before one sees it `InService`.
    pub polls_pending: u32,
    /// Looks at a group that see it being deleted, before one does not find it.
    pub polls_deleting: u32,
    /// Attempts to delete a security group that are refused while a network interface of a gone instance drains.
    pub refusals_draining: u32,
    /// Attempts to create an Auto Scaling group that are refused because a role that was just put into its profile has not reached EC2.
    pub refusals_profile: u32,
    /// Calls on a new security group that do not find it yet, until somebody has observed it.
    pub refusals_new_group: u32,
}

impl Default for Behaviour {
    /// One step late everywhere that a user would see it, so that waits and retries show; quick enough to play with.
    fn default() -> Self {
        Self { polls_pending: 1, polls_deleting: 1, refusals_draining: 1, refusals_profile: 1, refusals_new_group: 0 }
    }
}

impl Behaviour {
    /// Everything happens at once.
    pub const PROMPT: Self = Self { polls_pending: 0, polls_deleting: 0, refusals_draining: 0, refusals_profile: 0, refusals_new_group: 0 };
}

/// One account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Account {
    /// The version of the format.
    pub(crate) kaphost_lab: u32,
    /// Twelve digits.
    #[serde(default = "account_id")]
    pub(crate) account: String,
    /// The last number that was given out for an id.
    #[serde(default)]
    pub(crate) last_id: u64,
    #[serde(default)]
    pub(crate) behaviour: Behaviour,
    #[serde(default)]
    pub(crate) iam: Iam,
    #[serde(default)]
    pub(crate) regions: BTreeMap<String, Region>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            kaphost_lab: FORMAT,
            account: account_id(),
            last_id: 0,
            behaviour: Behaviour::default(),
            iam: Iam::default(),
            regions: BTreeMap::new(),
        }
    }
}

/// The account number that AWS's own documents use.
fn account_id() -> String {
    "123456789012".to_owned()
}

/// What is global.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Iam {
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) instance_profiles: BTreeMap<String, Profile>,
}

/// What is one region's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Region {
    /// Images that are not like any other; `null` is one that does not exist.
    pub(crate) images: BTreeMap<String, Option<ImageState>>,
    /// Subnets that are not like any other; `null` is one that does not exist.
    pub(crate) subnets: BTreeMap<String, Option<SubnetState>>,
    /// VPCs that are not like any other; `null` is one that does not exist.
    pub(crate) vpcs: BTreeMap<String, Option<VpcState>>,
    /// Instance types that are not like any other; `null` is one that does not exist.
    pub(crate) instance_types: BTreeMap<String, Option<InstanceTypeState>>,
    /// Whether there is a key pair of this name; of every other there is.
    pub(crate) key_pairs: BTreeMap<String, bool>,
    /// SSM parameters by name.
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    /// By id.
    pub(crate) launch_templates: BTreeMap<String, Template>,
    /// What others launch from. kaphost makes none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) launch_configurations: BTreeMap<String, LaunchConfiguration>,
    pub(crate) auto_scaling_groups: BTreeMap<String, ScalingGroup>,
    /// The newest activity of groups that are gone, by name.
    pub(crate) last_activities: BTreeMap<String, String>,
    /// Messages with which the next launches fail, one each.
    pub(crate) launch_failures: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ImageState {
    #[serde(default = "root_device")]
    pub(crate) root_device: String,
    #[serde(default = "architecture")]
    pub(crate) architecture: String,
    /// Twelve digits; the account's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// Its id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// RFC 3339, UTC.
    #[serde(default = "created")]
    pub(crate) created: String,
}

/// A subnet. What is absent follows from its id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct SubnetState {
    pub(crate) zone: Option<String>,
    pub(crate) cidr: Option<String>,
    pub(crate) auto_public_ip: bool,
    /// Whichever is asked for, when absent.
    pub(crate) vpc: Option<String>,
}

/// An instance type. What is absent follows from its name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct InstanceTypeState {
    pub(crate) architectures: Option<BTreeSet<String>>,
    /// Everywhere when absent.
    pub(crate) zones: Option<BTreeSet<String>>,
    pub(crate) ebs_optimized: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct VpcState {
    pub(crate) cidrs: Vec<String>,
    pub(crate) is_default: bool,
}

impl Default for VpcState {
    fn default() -> Self {
        Self { cidrs: vec!["10.0.0.0/16".to_owned()], is_default: false }
    }
}

impl Default for ImageState {
    fn default() -> Self {
        Self { root_device: root_device(), architecture: architecture(), owner: None, name: None, created: created() }
    }
}

fn created() -> String {
    "2026-01-01T00:00:00.000Z".to_owned()
}

fn root_device() -> String {
    "/dev/xvda".to_owned()
}

fn architecture() -> String {
    "x86_64".to_owned()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SecurityGroup {
    pub(crate) name: String,
    pub(crate) vpc: String,
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) rules: BTreeMap<String, RuleState>,
    /// Deletions that are still refused because a network interface drains.
    #[serde(default)]
    pub(crate) draining: u32,
    /// Calls that do not find it yet.
    #[serde(default)]
    pub(crate) unseen: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RuleState {
    #[serde(with = "serial::RuleDef")]
    pub(crate) rule: Rule,
    #[serde(default)]
    pub(crate) tags: Tags,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Role {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) trust: serde_json::Value,
    #[serde(default)]
    pub(crate) tags: Tags,
    /// The ARN of the permissions boundary.
    #[serde(default)]
    pub(crate) boundary: Option<String>,
    /// ARNs of managed policies.
    #[serde(default)]
    pub(crate) attached: BTreeSet<String>,
    /// Documents of inline policies by name.
    #[serde(default)]
    pub(crate) inline: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) role: Option<String>,
    /// Creations of Auto Scaling groups that do not see it yet.
    #[serde(default)]
    pub(crate) unseen: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Template {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) tags: Tags,
    pub(crate) latest: u64,
    pub(crate) versions: BTreeMap<u64, TemplateVersion>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TemplateVersion {
    pub(crate) description: String,
    #[serde(with = "serial::ContentDef")]
    pub(crate) content: TemplateContent<String>,
    /// What made the call that created it idempotent.
    #[serde(default)]
    pub(crate) token: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LaunchConfiguration {
    /// What it leaves to AWS is named in `foreign`.
    #[serde(with = "serial::ContentDef")]
    pub(crate) content: TemplateContent<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ScalingGroup {
    #[serde(with = "serial::SettingsDef")]
    pub(crate) settings: GroupSettings<u64>,
    /// What it launches from while it has no template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) launch_configuration: Option<String>,
    #[serde(default, with = "serial::group_tags")]
    pub(crate) tags: BTreeMap<String, GroupTag>,
    #[serde(default)]
    pub(crate) instances: Vec<InstanceState>,
    /// Oldest first.
    #[serde(default)]
    pub(crate) activities: Vec<ActivityState>,
    /// Looks that still see it being deleted.
    #[serde(default)]
    pub(crate) deleting: Option<u32>,
    /// Oldest first.
    #[serde(default)]
    pub(crate) refreshes: Vec<RefreshState>,
}

/// An instance refresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RefreshState {
    pub(crate) id: String,
    /// As AWS calls it.
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// What instances are replaced by.
    pub(crate) template: String,
    pub(crate) version: u64,
    /// What the group pinned before.
    pub(crate) before: u64,
    /// Whether the new one starts first.
    pub(crate) launch_first: bool,
    pub(crate) auto_rollback: bool,
    /// Instances that are still to be replaced.
    pub(crate) old: BTreeSet<String>,
    /// Launches that have failed.
    #[serde(default)]
    pub(crate) failures: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct InstanceState {
    #[serde(with = "serial::InstanceDef")]
    pub(crate) instance: Instance,
    pub(crate) security_groups: Vec<String>,
    /// The activity that launches it.
    pub(crate) activity: String,
    /// Looks that still see it `Pending`.
    pub(crate) pending: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ActivityState {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) cause: String,
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) started_ms: u64,
}

/// What one call sees: the whole of IAM and one region.
pub(crate) struct World<'a> {
    pub(crate) account: &'a str,
    pub(crate) behaviour: Behaviour,
    pub(crate) iam: &'a mut Iam,
    pub(crate) region: &'a mut Region,
    pub(crate) region_name: &'a str,
    last_id: &'a mut u64,
}

impl Account {
    /// The account as a caller in this region sees it.
    pub(crate) fn world<'a>(&'a mut self, region: &'a str) -> World<'a> {
        World {
            account: &self.account,
            behaviour: self.behaviour,
            iam: &mut self.iam,
            region: self.regions.entry(region.to_owned()).or_default(),
            region_name: region,
            last_id: &mut self.last_id,
        }
    }
}

impl World<'_> {
    /// An id that nothing had before: the prefix and 17 hexadecimal digits.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        *self.last_id += 1;
        format!("{prefix}{:017x}", *self.last_id)
    }
}
