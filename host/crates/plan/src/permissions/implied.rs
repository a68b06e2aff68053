//! Permissions that AWS checks within another call: no call of their own shows them, so each stands here with its reason.

use std::collections::BTreeSet;

use super::Scope;
use super::document::{Condition, Document};
use crate::action::{Planned, Ref};
use crate::plan::Plan;
use crate::resource::TemplateContent;

/// Adds those of a plan.
pub(super) fn allow(document: &mut Document, scope: &Scope<'_>, plan: &Plan) {
    let has = |wanted: fn(&Planned) -> bool| plan.steps.iter().any(|step| wanted(&step.action));
    let starts = has(|action| {
        matches!(
            action,
            Planned::CreateAutoScalingGroup { .. } | Planned::UpdateAutoScalingGroup { .. } | Planned::StartInstanceRefresh { .. }
        )
    });
    let fills_profile = has(|action| matches!(action, Planned::AddRoleToInstanceProfile { .. }));
    let server = scope.server().filter(|_| starts);
    if let Some((server, subnets)) = &server {
        run_instances(document, scope, server, subnets);
    }
    tags_on_create(document, scope, plan, server.as_ref().map(|(server, _)| server));
    // Whoever gives a role to servers must be allowed to: checked when it enters the profile, and when a group is to start servers with that profile.
    if starts || fills_profile {
        let service = if scope.partition == "aws-cn" { "ec2.amazonaws.com.cn" } else { "ec2.amazonaws.com" };
        let to_servers = Condition::default().equals("iam:PassedToService", ["ec2.amazonaws.com", service]);
        document.allow("PassRole", "iam:PassRole", [scope.role()], to_servers);
    }
    // The first group of an account brings the role by which Auto Scaling works; AWS makes it, and asks whether the caller may.
    if has(|action| matches!(action, Planned::CreateAutoScalingGroup { .. })) {
        let spot = server.is_some_and(|(server, _)| server.spot.is_some());
        let mut services = vec![("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling")];
        if spot {
            services.push(("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"));
        }
        let arns = services.iter().map(|(service, role)| scope.iam(&format!("role/aws-service-role/{service}/{role}")));
        let condition = Condition::default().equals("iam:AWSServiceName", services.iter().map(|(service, _)| service));
        document.allow("CreateServiceLinkedRole", "iam:CreateServiceLinkedRole", arns, condition);
    }
}

/// Nothing is made without its tags in the same call, and for those AWS asks for the permission to tag, too. EC2 is told by which call: nothing that
/// is there already can be tagged by it. The template's tags come with each server and its volumes.
fn tags_on_create(document: &mut Document, scope: &Scope<'_>, plan: &Plan, server: Option<&TemplateContent<Ref<String>>>) {
    let (mut resources, mut calls) = (BTreeSet::new(), BTreeSet::new());
    for step in &plan.steps {
        let resource = match &step.action {
            Planned::CreateSecurityGroup { .. } => "security-group/*",
            Planned::AuthorizeRules { .. } => "security-group-rule/*",
            Planned::CreateLaunchTemplate { .. } => "launch-template/*",
            Planned::CreateRole { .. } => {
                document.allow("CreateRole", "iam:TagRole", [scope.role()], scope.owning());
                continue;
            }
            Planned::CreateInstanceProfile { .. } => {
                document.allow("CreateInstanceProfile", "iam:TagInstanceProfile", [scope.profile()], scope.owning());
                continue;
            }
            _ => continue,
        };
        resources.insert(scope.ec2(resource));
        calls.insert(step.action.operation());
    }
    if let Some(server) = server {
        let tagged = [("instance/*", &server.instance_tags), ("volume/*", &server.volume_tags)];
        for (resource, _) in tagged.iter().filter(|(_, tags)| !tags.is_empty()) {
            resources.insert(scope.ec2(resource));
            calls.insert("RunInstances");
        }
    }
    if !resources.is_empty() {
        document.allow("TagOnCreate", "ec2:CreateTags", resources, scope.owning().equals("ec2:CreateAction", calls));
    }
}

/// Auto Scaling tries in the caller's name whether a server of the template could start (RunInstances, as a dry run), so that the caller needs for it what it
/// needs for starting one.
fn run_instances(document: &mut Document, scope: &Scope<'_>, server: &TemplateContent<Ref<String>>, subnets: &[String]) {
    const RUN: &str = "ec2:RunInstances";
    let mut owned = vec![scope.launch_template()];
    let mut of_others = vec![scope.ec2_of_nobody(&format!("image/{}", server.image))];
    for group in &server.security_groups {
        if scope.is_ours(group) { &mut owned } else { &mut of_others }.push(scope.security_group(group));
    }
    of_others.extend(subnets.iter().map(|subnet| scope.ec2(&format!("subnet/{subnet}"))));
    of_others.extend(server.key.as_ref().map(|key| scope.ec2(&format!("key-pair/{key}"))));
    let snapshots = server.devices.values().filter_map(|device| device.snapshot.as_ref());
    of_others.extend(snapshots.map(|snapshot| scope.ec2_of_nobody(&format!("snapshot/{snapshot}"))));
    of_others.extend(["network-interface/*", "volume/*"].map(|made| scope.ec2(made)));
    document.allow("StartOwned", RUN, owned, scope.owned());
    document.allow("StartWith", RUN, of_others, Condition::default());
    let kind = Condition::default().equals("ec2:InstanceType", [&server.instance_type]);
    document.allow("Start", RUN, [scope.ec2("instance/*")], kind);
}
