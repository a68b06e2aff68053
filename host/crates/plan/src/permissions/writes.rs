//! What is written: each step of a plan, and what AWS checks with it.

use std::collections::BTreeSet;

use super::document::{Condition, Document};
use super::{Scope, implied};
use crate::action::Planned;
use crate::plan::Plan;
use crate::resource::Direction;

pub(super) fn allow(document: &mut Document, scope: &Scope<'_>, plan: &Plan) {
    for step in &plan.steps {
        one(document, scope, &step.action);
    }
    policies_of_the_role(document, scope, plan);
    implied::allow(document, scope, plan);
}

/// Managed policies, each way by exactly those of the plan: whoever may attach any policy to a role has every permission.
fn policies_of_the_role(document: &mut Document, scope: &Scope<'_>, plan: &Plan) {
    let (mut attached, mut detached) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps {
        match &step.action {
            Planned::AttachRolePolicy { arn, .. } => drop(attached.insert(arn)),
            Planned::DetachRolePolicy { arn, .. } => drop(detached.insert(arn)),
            _ => {}
        }
    }
    for (sid, action, arns) in [("AttachPolicies", "iam:AttachRolePolicy", attached), ("DetachPolicies", "iam:DetachRolePolicy", detached)]
    {
        if !arns.is_empty() {
            document.allow(sid, action, [scope.role()], scope.owned().one_of_arns("iam:PolicyARN", arns));
        }
    }
}

fn one(document: &mut Document, scope: &Scope<'_>, action: &Planned) {
    let mut allow = |sid, action, resource: String, condition| document.allow(sid, action, [resource], condition);
    let (owned, owning) = (scope.owned(), scope.owning());
    match action {
        // ── security group ──
        Planned::CreateSecurityGroup { vpc, .. } => {
            const ACTION: &str = "ec2:CreateSecurityGroup";
            document.allow("CreateIn", ACTION, [scope.ec2(&format!("vpc/{vpc}"))], Condition::default());
            document.allow_beside("Create", ACTION, scope.ec2("security-group/*"), owning);
        }
        Planned::AuthorizeRules { group, direction, .. } => {
            let action = match direction {
                Direction::Ingress => "ec2:AuthorizeSecurityGroupIngress",
                Direction::Egress => "ec2:AuthorizeSecurityGroupEgress",
            };
            let (sid, condition) =
                if scope.is_ours(group) { ("WriteSecurityGroup", owned) } else { ("WriteOtherGroup", Condition::default()) };
            allow(sid, action, scope.security_group(group), condition);
            // By itself: beside a creation of groups, it would let rules into any group.
            document.allow("CreateRules", action, [scope.ec2("security-group-rule/*")], owning);
        }
        Planned::ModifyRules { group, rules } => {
            const ACTION: &str = "ec2:ModifySecurityGroupRules";
            let (sid, condition) =
                if scope.is_ours(group) { ("WriteSecurityGroup", owned.clone()) } else { ("WriteOtherGroup", Condition::default()) };
            allow(sid, ACTION, scope.security_group(group), condition);
            let rules = rules.keys().map(|id| scope.ec2(&format!("security-group-rule/{id}")));
            document.allow("WriteRules", ACTION, rules, owned);
        }
        Planned::RevokeRules { group, direction, .. } => {
            let action = match direction {
                Direction::Ingress => "ec2:RevokeSecurityGroupIngress",
                Direction::Egress => "ec2:RevokeSecurityGroupEgress",
            };
            let (sid, condition) =
                if scope.is_ours(group) { ("WriteSecurityGroup", owned) } else { ("WriteOtherGroup", Condition::default()) };
            allow(sid, action, scope.security_group(group), condition);
        }
        Planned::RevokeDefaultEgress { group } => {
            allow("WriteSecurityGroup", "ec2:RevokeSecurityGroupEgress", scope.security_group(group), owned);
        }
        Planned::DeleteSecurityGroup { id } => {
            allow("WriteSecurityGroup", "ec2:DeleteSecurityGroup", scope.ec2(&format!("security-group/{id}")), owned);
        }
        // ── EC2 tags ──
        Planned::TagEc2 { resources, set } => {
            let resources = resources.iter().map(|id| scope.ec2_by_id(id));
            document.allow("Tag", "ec2:CreateTags", resources, owned.only_tags(set.keys()));
        }
        Planned::UntagEc2 { resources, keys } => {
            let resources = resources.iter().map(|id| scope.ec2_by_id(id));
            document.allow("Untag", "ec2:DeleteTags", resources, owned.only_tags(keys));
        }
        // ── IAM ──
        Planned::CreateRole { boundary, .. } => {
            let condition = match boundary {
                Some(boundary) => owning.equals("iam:PermissionsBoundary", [boundary]),
                None => owning,
            };
            allow("CreateRole", "iam:CreateRole", scope.role(), condition);
        }
        // All of them in one statement: `policies_of_the_role`.
        Planned::AttachRolePolicy { .. } | Planned::DetachRolePolicy { .. } => {}
        Planned::PutRolePolicy { .. } => allow("WriteRole", "iam:PutRolePolicy", scope.role(), owned),
        Planned::DeleteRolePolicy { .. } => allow("WriteRole", "iam:DeleteRolePolicy", scope.role(), owned),
        Planned::PutRoleBoundary { arn, .. } => {
            let condition = owned.equals("iam:PermissionsBoundary", [arn]);
            allow("SetBoundary", "iam:PutRolePermissionsBoundary", scope.role(), condition);
        }
        Planned::DeleteRoleBoundary { .. } => allow("WriteRole", "iam:DeleteRolePermissionsBoundary", scope.role(), owned),
        Planned::UpdateTrust { .. } => allow("WriteRole", "iam:UpdateAssumeRolePolicy", scope.role(), owned),
        Planned::UpdateRoleDescription { .. } => allow("WriteRole", "iam:UpdateRole", scope.role(), owned),
        Planned::TagRole { set, .. } => allow("TagRole", "iam:TagRole", scope.role(), owned.only_tags(set.keys())),
        Planned::UntagRole { keys, .. } => allow("UntagRole", "iam:UntagRole", scope.role(), owned.only_tags(keys)),
        Planned::DeleteRole { .. } => allow("WriteRole", "iam:DeleteRole", scope.role(), owned),
        Planned::CreateInstanceProfile { .. } => allow("CreateInstanceProfile", "iam:CreateInstanceProfile", scope.profile(), owning),
        Planned::TagInstanceProfile { set, .. } => {
            allow("TagInstanceProfile", "iam:TagInstanceProfile", scope.profile(), owned.only_tags(set.keys()));
        }
        Planned::UntagInstanceProfile { keys, .. } => {
            allow("UntagInstanceProfile", "iam:UntagInstanceProfile", scope.profile(), owned.only_tags(keys));
        }
        Planned::AddRoleToInstanceProfile { .. } => allow("WriteInstanceProfile", "iam:AddRoleToInstanceProfile", scope.profile(), owned),
        Planned::RemoveRoleFromInstanceProfile { .. } => {
            allow("WriteInstanceProfile", "iam:RemoveRoleFromInstanceProfile", scope.profile(), owned);
        }
        Planned::DeleteInstanceProfile { .. } => allow("WriteInstanceProfile", "iam:DeleteInstanceProfile", scope.profile(), owned),
        // ── launch template ──
        Planned::CreateLaunchTemplate { .. } => {
            document.allow_beside("Create", "ec2:CreateLaunchTemplate", scope.ec2("launch-template/*"), owning);
        }
        Planned::CreateLaunchTemplateVersion { .. } => {
            allow("WriteLaunchTemplate", "ec2:CreateLaunchTemplateVersion", scope.launch_template(), owned);
        }
        Planned::DeleteTemplateVersions { .. } => {
            allow("WriteLaunchTemplate", "ec2:DeleteLaunchTemplateVersions", scope.launch_template(), owned);
        }
        Planned::DeleteLaunchTemplate { .. } => allow("WriteLaunchTemplate", "ec2:DeleteLaunchTemplate", scope.launch_template(), owned),
        // ── Auto Scaling group ──
        Planned::CreateAutoScalingGroup { .. } => allow("CreateGroup", "autoscaling:CreateAutoScalingGroup", scope.group(), owning),
        Planned::UpdateAutoScalingGroup { .. } => allow("WriteGroup", "autoscaling:UpdateAutoScalingGroup", scope.group(), owned),
        Planned::StartInstanceRefresh { .. } => allow("WriteGroup", "autoscaling:StartInstanceRefresh", scope.group(), owned),
        Planned::CancelInstanceRefresh { .. } => allow("WriteGroup", "autoscaling:CancelInstanceRefresh", scope.group(), owned),
        Planned::TagGroup { set, .. } => allow("TagGroup", "autoscaling:CreateOrUpdateTags", scope.group(), owned.only_tags(set.keys())),
        Planned::UntagGroup { keys, .. } => allow("UntagGroup", "autoscaling:DeleteTags", scope.group(), owned.only_tags(keys)),
        Planned::DeleteAutoScalingGroup { .. } => allow("WriteGroup", "autoscaling:DeleteAutoScalingGroup", scope.group(), owned),
        // Waits are reads.
        Planned::WaitForCapacity { .. }
        | Planned::WaitForRefresh { .. }
        | Planned::WaitForRefreshGone { .. }
        | Planned::WaitForGroupGone { .. } => {}
    }
}
