//! What is read: before a plan, while it is carried out, and before another try.

use kaphost_spec::Ami;

use super::document::{Condition, Document};
use super::{Reads, Scope};
use crate::action::Planned;
use crate::plan::Plan;

/// AWS's own parameters live in an account that has no number.
const PUBLIC_PARAMETERS: &str = "/aws/";

/// What describes. AWS takes no resource for these.
const ANY: &str = "*";

pub(super) fn allow(document: &mut Document, scope: &Scope<'_>, plan: &Plan, reads: &Reads) {
    let mut describe = |action| document.allow("Describe", action, [ANY.to_owned()], Condition::default());
    for action in [
        "autoscaling:DescribeAutoScalingGroups",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
    ] {
        describe(action);
    }
    let facts = &reads.facts;
    if reads.query.image.is_some() || facts.ami.is_some() {
        describe("ec2:DescribeImages");
    }
    if !facts.subnets.is_empty() {
        describe("ec2:DescribeSubnets");
    }
    if facts.vpc.is_some() {
        describe("ec2:DescribeVpcs");
    }
    if reads.refreshes {
        describe("autoscaling:DescribeInstanceRefreshes");
    }
    if reads.activity {
        describe("autoscaling:DescribeScalingActivities");
    }
    let preflight = &reads.preflight;
    let places = !preflight.subnets.is_empty();
    for (asked, action) in [
        (preflight.instance_type.is_some(), "ec2:DescribeInstanceTypes"),
        (preflight.instance_type.is_some() && places, "ec2:DescribeInstanceTypeOfferings"),
        (places, "ec2:DescribeSubnets"),
        (preflight.key.is_some(), "ec2:DescribeKeyPairs"),
        (preflight.group_quota, "autoscaling:DescribeAccountLimits"),
        (preflight.iam_quota, "iam:GetAccountSummary"),
    ] {
        if asked {
            describe(action);
        }
    }
    for step in &plan.steps {
        match &step.action {
            Planned::WaitForCapacity { .. } | Planned::WaitForGroupGone { .. } => describe("autoscaling:DescribeScalingActivities"),
            Planned::WaitForRefresh { .. } => {
                describe("autoscaling:DescribeInstanceRefreshes");
                describe("autoscaling:DescribeScalingActivities");
            }
            Planned::WaitForRefreshGone { .. } | Planned::StartInstanceRefresh { .. } => describe("autoscaling:DescribeInstanceRefreshes"),
            _ => {}
        }
    }

    // `sts:GetCallerIdentity` needs no permission, and none could forbid it.
    // What was adopted is asked for by the cluster's own name first.
    let adopted = &scope.names.adopted;
    let is_there = scope.observed.role.is_some() && adopted.role.is_none();
    let role = found_by_name(is_there, scope.role(), scope.iam(&format!("role/{}", scope.names.global)));
    let mut read = |action| document.allow("ReadRole", action, role.iter().cloned(), Condition::default());
    read("iam:GetRole");
    if reads.query.attachments || hangs_on_the_role(scope) {
        read("iam:ListAttachedRolePolicies");
        read("iam:ListRolePolicies");
        if !reads.query.documents.is_empty() {
            read("iam:GetRolePolicy");
        }
    }
    let is_there = scope.observed.instance_profile.is_some() && adopted.instance_profile.is_none();
    let profile = found_by_name(is_there, scope.profile(), scope.iam(&format!("instance-profile/{}", scope.names.global)));
    document.allow("ReadInstanceProfile", "iam:GetInstanceProfile", profile, Condition::default());

    for ami in [reads.query.image.as_ref(), facts.ami.as_ref()].into_iter().flatten() {
        if let Ami::Ssm(name) = ami {
            let owner = if name.starts_with(PUBLIC_PARAMETERS) { "" } else { scope.account };
            // A version or a label stands behind a colon and is no part of the name; a name that is no path gets the slash all the same.
            let path = name.split(':').next().unwrap_or(name).trim_start_matches('/');
            let arn = format!("arn:{}:ssm:{}:{owner}:parameter/{path}", scope.partition, scope.names.region);
            document.allow("ReadParameter", "ssm:GetParameter", [arn], Condition::default());
        }
    }
}

/// The role says by its tag that policies of ours hang on it: then they are read without being asked for.
fn hangs_on_the_role(scope: &Scope<'_>) -> bool {
    scope.observed.role.as_ref().is_some_and(|role| role.tags.contains_key(crate::resource::POLICIES_TAG))
}

/// What is asked for by its name. While it is not there AWS cannot know its path, and takes the name alone.
fn found_by_name(is_there: bool, full: String, bare: String) -> Vec<String> {
    if is_there || full == bare { vec![full] } else { vec![bare, full] }
}
