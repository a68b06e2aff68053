//! The least that whoever carries out a plan must be allowed: an IAM policy document, made from the plan alone.
//!
//! An action is in it when carrying out the plan makes the call, or when AWS checks the permission within another call; the latter stand in
//! `implied`, each with its reason. Resources are named as narrowly as AWS can: by name where the name is ours to choose, by id where the
//! thing is there already, and else by the tag that owns. What describes takes no resource: AWS has none for it.

mod document;
mod implied;
mod reads;
mod writes;

use kaphost_spec::facts::FactsQuery;

use crate::action::{Planned, Ref};
use crate::names::Names;
use crate::observed::{Observed, Query};
use crate::plan::Plan;
use crate::preflight::Inquiry;
use crate::resource::{OWNER_TAG, TemplateContent};
use document::{Condition, Document};

/// As many characters as IAM takes for a managed policy, white space not counted.
pub const MANAGED_POLICY_CHARACTERS: usize = 6_144;

/// What is read around a plan: before it is made, and again before it is carried out.
#[derive(Clone, Debug)]
pub struct Reads {
    /// What is read of the cluster.
    pub query: Query,
    /// What is read of the world for policies.
    pub facts: FactsQuery,
    /// What is asked of the world before anything is changed.
    pub preflight: Inquiry,
    /// Whether the instance refreshes of the group are read: see [`needs_refresh`](crate::needs_refresh).
    pub refreshes: bool,
    /// Whether the last scaling activity of the group is read: by a saved plan that makes it.
    pub activity: bool,
}

/// An IAM policy document in the making: of one plan, or of several that one run carries out.
#[derive(Clone, Debug)]
pub struct Permissions {
    account: String,
    document: Document,
}

impl Permissions {
    /// For an account: twelve digits.
    #[must_use]
    pub fn of(account: &str) -> Self {
        Self { account: account.to_owned(), document: Document::default() }
    }

    /// Adds what one plan needs. `observed` is what it was made from.
    pub fn add(&mut self, plan: &Plan, observed: &Observed, reads: &Reads) {
        let scope = Scope::new(&self.account, plan, observed);
        reads::allow(&mut self.document, &scope, plan, reads);
        writes::allow(&mut self.document, &scope, plan);
    }
}

/// As IAM takes it.
impl serde::Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

/// Where the resources of one cluster are.
struct Scope<'a> {
    account: &'a str,
    partition: &'static str,
    names: &'a Names,
    /// The path of the role, and that of the profile.
    role_path: String,
    profile_path: String,
    observed: &'a Observed,
    plan: &'a Plan,
}

impl<'a> Scope<'a> {
    fn new(account: &'a str, plan: &'a Plan, observed: &'a Observed) -> Self {
        let mut role_path = observed.role.as_ref().map(|role| role.path.clone());
        let mut profile_path = observed.instance_profile.as_ref().map(|profile| profile.path.clone());
        for step in &plan.steps {
            match &step.action {
                Planned::CreateRole { path, .. } => role_path = Some(path.clone()),
                Planned::CreateInstanceProfile { path, .. } => profile_path = Some(path.clone()),
                _ => {}
            }
        }
        let names = &plan.names;
        let root = || "/".to_owned();
        Self {
            account,
            partition: partition(&names.region),
            names,
            role_path: role_path.unwrap_or_else(root),
            profile_path: profile_path.unwrap_or_else(root),
            observed,
            plan,
        }
    }

    /// `arn:aws:ec2:us-east-1:123456789012:security-group/sg-…`
    fn ec2(&self, resource: &str) -> String {
        format!("arn:{}:ec2:{}:{}:{resource}", self.partition, self.names.region, self.account)
    }

    /// An image or a snapshot: no account is in its ARN.
    fn ec2_of_nobody(&self, resource: &str) -> String {
        format!("arn:{}:ec2:{}::{resource}", self.partition, self.names.region)
    }

    fn iam(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }

    fn role(&self) -> String {
        self.iam(&format!("role{}{}", self.role_path, self.names.role()))
    }

    fn profile(&self) -> String {
        self.iam(&format!("instance-profile{}{}", self.profile_path, self.names.instance_profile()))
    }

    /// Names are unique, so the id within the ARN adds nothing; of a group that is yet to be made nobody knows it.
    fn group(&self) -> String {
        let (region, account) = (&self.names.region, self.account);
        format!("arn:{}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{}", self.partition, self.names.group())
    }

    /// A security group by its id; one that is yet to be made is any, which a condition narrows.
    fn security_group(&self, group: &Ref<String>) -> String {
        match group {
            Ref::Known(id) => self.ec2(&format!("security-group/{id}")),
            Ref::Of(_) => self.ec2("security-group/*"),
        }
    }

    fn launch_template(&self) -> String {
        match &self.observed.launch_template {
            Some(template) => self.ec2(&format!("launch-template/{}", template.id)),
            None => self.ec2("launch-template/*"),
        }
    }

    /// An EC2 resource by an id whose kind its prefix says.
    fn ec2_by_id(&self, id: &str) -> String {
        let kind = match id.split('-').next() {
            Some("sg") => "security-group",
            Some("sgr") => "security-group-rule",
            _ => "launch-template",
        };
        self.ec2(&format!("{kind}/{id}"))
    }

    /// The resource carries the owner's tag.
    fn owned(&self) -> Condition {
        Condition::default().equals(&format!("aws:ResourceTag/{OWNER_TAG}"), [&self.names.cluster])
    }

    /// The owner's tag comes with the call.
    fn owning(&self) -> Condition {
        Condition::default().equals(&format!("aws:RequestTag/{OWNER_TAG}"), [&self.names.cluster])
    }

    /// Whether a group is the cluster's own: then it carries the owner's tag.
    fn is_ours(&self, group: &Ref<String>) -> bool {
        match group {
            Ref::Of(_) => true,
            Ref::Known(id) => self.observed.security_groups.iter().any(|known| known.id == *id),
        }
    }

    /// What the group's servers are after the plan, and in which subnets they start: when the plan writes the group.
    fn server(&self) -> Option<(TemplateContent<Ref<String>>, Vec<String>)> {
        let now = self.observed.auto_scaling_group.as_ref().map(|group| &group.settings);
        let mut version = None;
        let mut made = None;
        let mut subnets = None;
        for step in &self.plan.steps {
            match &step.action {
                Planned::CreateLaunchTemplate { content, .. } | Planned::CreateLaunchTemplateVersion { content, .. } => {
                    made = Some(content)
                }
                Planned::CreateAutoScalingGroup { settings, .. } | Planned::UpdateAutoScalingGroup { settings, .. } => {
                    version = version.or(Some(&settings.template_version));
                    subnets = Some(&settings.subnets);
                }
                Planned::StartInstanceRefresh { version: to, .. } => version = Some(to),
                _ => {}
            }
        }
        let content = match version? {
            Ref::Of(_) => made?.clone(),
            Ref::Known(number) => {
                let versions = &self.observed.launch_template.as_ref()?.versions;
                versions.get(number)?.content.map_groups(|id| Ref::Known(id.clone()))
            }
        };
        let subnets = subnets.or(now.map(|settings| &settings.subnets));
        Some((content, subnets.into_iter().flatten().cloned().collect()))
    }
}

/// The partition that a region is in. AWS puts it into the names of regions.
fn partition(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_says_its_partition() {
        for (region, expected) in [
            ("us-east-1", "aws"),
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
        ] {
            assert_eq!(partition(region), expected, "{region}");
        }
    }
}
