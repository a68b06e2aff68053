//! What a plan takes for granted of the world around a cluster, held against that world before the first write, all of it at once.
//!
//! The diff looks at what is under the cluster's names, and refuses what is not ours. What stands here would only be refused by AWS, half-way: a key pair that is not
//! there, a subnet of another VPC, an image that the instance type cannot run.

mod judge;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use judge::{Preflight, Warning, WarningCode, judge};

use crate::action::Planned;
use crate::desired::Desired;
use crate::observed::Image;
use crate::plan::Plan;
use crate::resource::{Peer, Rule};

/// What to ask of the world. What is empty is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inquiry {
    /// What this instance type is like, and in which zones it is offered.
    pub instance_type: Option<String>,
    /// Which of these subnets there are, and where.
    pub subnets: BTreeSet<String>,
    /// Whether there is a key pair of this name.
    pub key: Option<String>,
    /// Which of these security groups there are.
    pub groups: BTreeSet<String>,
    /// How many Auto Scaling groups the account may have in the region.
    pub group_quota: bool,
    /// How many roles and instance profiles the account may have.
    pub iam_quota: bool,
}

impl Inquiry {
    /// What a plan needs to be so, and what it changes has not shown to be so already: an empty plan needs nothing, one that changes a rule only the group that the rule names,
    /// and a new image only what cannot be told by the name of the instance type.
    #[must_use]
    pub fn of(desired: &Desired, plan: &Plan) -> Self {
        let leaves = || plan.changes.iter().flat_map(|change| &change.leaves);
        let new = |path: &str| leaves().any(|leaf| leaf.new.is_some() && leaf.path.as_deref() == Some(path));
        let made = makes_server(plan);
        let instance_type = || Some(desired.template.instance_type.clone());
        let subnets = || desired.group.subnets.iter().cloned().collect();
        let mut inquiry = Self::default();
        for step in &plan.steps {
            match &step.action {
                Planned::CreateLaunchTemplate { .. } | Planned::CreateLaunchTemplateVersion { .. } => {
                    if made || new("ssh.key") {
                        inquiry.key.clone_from(&desired.template.key);
                    }
                    if new("instance-type") {
                        (inquiry.instance_type, inquiry.subnets) = (instance_type(), subnets());
                    }
                    let untold = architecture_by_name(&desired.template.instance_type).is_none();
                    if new("ebs-optimized") || (new("ami") && untold) {
                        inquiry.instance_type = instance_type();
                    }
                }
                Planned::CreateAutoScalingGroup { .. } => {
                    (inquiry.instance_type, inquiry.subnets) = (instance_type(), subnets());
                    inquiry.group_quota = true;
                }
                Planned::UpdateAutoScalingGroup { .. } if new("network.subnets") => {
                    (inquiry.instance_type, inquiry.subnets) = (instance_type(), subnets());
                }
                Planned::CreateRole { .. } | Planned::CreateInstanceProfile { .. } => inquiry.iam_quota = true,
                Planned::AuthorizeRules { rules, .. } => inquiry.groups.extend(peers(rules)),
                Planned::ModifyRules { rules, .. } => inquiry.groups.extend(peers(rules.values())),
                _ => {}
            }
        }
        inquiry
    }

    /// Everything that a cluster may need, for when there is no plan.
    #[must_use]
    pub fn everything(desired: &Desired) -> Self {
        let elsewhere = desired.elsewhere.iter().flat_map(|elsewhere| &elsewhere.rules.rules);
        Self {
            instance_type: Some(desired.template.instance_type.clone()),
            subnets: desired.group.subnets.iter().cloned().collect(),
            key: desired.template.key.clone(),
            groups: peers(desired.rules.rules.iter().chain(elsewhere)).collect(),
            group_quota: false,
            iam_quota: false,
        }
    }

    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a plan makes the group that has the server, with whatever of the rest is not there yet.
fn makes_server(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Planned::CreateAutoScalingGroup { .. }))
}

/// The security groups that rules name.
fn peers<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> impl Iterator<Item = String> {
    rules.into_iter().filter_map(|rule| if let Peer::SecurityGroup(id) = &rule.key.peer { Some(id.clone()) } else { None })
}

/// The answer to one question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked<T> {
    /// Nobody asked.
    #[default]
    No,
    /// The question was put, and not answered: why, in AWS's words.
    Unanswered(String),
    /// This is so.
    Is(T),
}

/// The world, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// The instance type; `None` when there is none of the name in the region.
    pub instance_type: Asked<Option<InstanceType>>,
    /// The zones in which it is offered: `us-east-1a`.
    pub zones: Asked<BTreeSet<String>>,
    /// Those of the subnets that there are.
    pub subnets: Asked<BTreeMap<String, Subnet>>,
    /// Whether there is such a key pair.
    pub key: Asked<bool>,
    /// Those of the security groups that there are.
    pub groups: Asked<BTreeSet<String>>,
    /// Auto Scaling groups in the region.
    pub auto_scaling_groups: Asked<Quota>,
    /// Roles and instance profiles in the account.
    pub iam: Asked<IamQuotas>,
}

/// What an instance type is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceType {
    /// `x86_64`, `arm64`: what it runs.
    pub architectures: BTreeSet<String>,
    /// Whether it can be EBS-optimised, when AWS says so.
    pub ebs_optimized: Option<bool>,
}

/// Where a subnet is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// `us-east-1a`
    pub zone: String,
    /// `vpc-…`; empty when it is not known.
    pub vpc: String,
    /// Addresses that are left in it, when AWS says so.
    pub free: Option<u32>,
}

/// How much there is of something, and how much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quota {
    /// There are.
    pub used: u32,
    /// There may be.
    pub most: u32,
}

/// What of IAM is counted for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IamQuotas {
    /// Roles.
    pub roles: Quota,
    /// Instance profiles.
    pub instance_profiles: Quota,
}

/// The architecture that an instance type runs, by AWS's rule for names: in the family, behind the generation, `g` is Graviton; the first of them, `a1`, has a
/// name of its own. `None` where the name follows another rule.
#[must_use]
pub fn architecture_by_name(instance_type: &str) -> Option<&'static str> {
    let (family, _) = instance_type.split_once('.')?;
    if family == "a1" {
        return Some("arm64");
    }
    let digit = family.find(|c: char| c.is_ascii_digit())?;
    let (class, rest) = family.split_at(digit);
    // Macs, and the high-memory machines (`u-6tb1`, `u7i-12tb`), are named by rules of their own; `1`-generation types run 32 bits as well.
    if class.starts_with("mac") || class.starts_with('u') || !class.chars().all(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let attributes = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let attributes = attributes.strip_suffix("-flex").unwrap_or(attributes);
    // What stands behind a hyphen names a part, and may be an ARM one: `p6e-gb200`.
    if attributes.contains('-') {
        return None;
    }
    // `im4gn`, `is4gen`, `c7gn`, `m8gd`: with other attributes before or behind it.
    Some(if attributes.contains('g') { "arm64" } else { "x86_64" })
}

/// What is to be held against the world.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What AWS should hold.
    pub desired: &'a Desired,
    /// The image, when there is one.
    pub image: Option<&'a Image>,
    /// What was asked.
    pub inquiry: &'a Inquiry,
}
