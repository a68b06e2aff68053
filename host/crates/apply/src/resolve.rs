//! From a planned step to a call: every [`Ref`] becomes the value that an earlier step gave.

use std::collections::BTreeMap;

use kaphost_plan::{Action, Call, GroupSettings, Output, Planned, Ref, StepId, TemplateContent};

use crate::cloud::{CloudError, ErrorKind};

/// What the finished steps gave.
pub(crate) type Outputs = BTreeMap<StepId, Output>;

/// Fills in what a step takes from earlier ones.
///
/// # Errors
/// [`ErrorKind::BrokenPlan`] when a step refers to one that gave no such value. The planner makes no such plan and its checker finds it.
pub(crate) fn resolve(planned: &Planned, outputs: &Outputs) -> Result<Call, CloudError> {
    let operation = planned.operation();
    let group = |group: &Ref<String>| match group {
        Ref::Known(id) => Ok(id.clone()),
        Ref::Of(step) => match outputs.get(step) {
            Some(Output::SecurityGroup(id)) => Ok(id.clone()),
            other => Err(missing(operation, *step, "the id of a security group", other)),
        },
    };
    let version = |version: &Ref<u64>| match version {
        Ref::Known(number) => Ok(*number),
        Ref::Of(step) => match outputs.get(step) {
            Some(Output::TemplateVersion(number) | Output::LaunchTemplate { version: number, .. }) => Ok(*number),
            other => Err(missing(operation, *step, "the version of a launch template", other)),
        },
    };
    let refresh = |refresh: &Ref<String>| match refresh {
        Ref::Known(id) => Ok(id.clone()),
        Ref::Of(step) => match outputs.get(step) {
            Some(Output::Refresh(id)) => Ok(id.clone()),
            other => Err(missing(operation, *step, "the id of an instance refresh", other)),
        },
    };
    Ok(match planned.clone() {
        Action::CreateSecurityGroup { name, description, vpc, tags } => Action::CreateSecurityGroup { name, description, vpc, tags },
        Action::AuthorizeRules { group: of, direction, rules, tags } => {
            Action::AuthorizeRules { group: group(&of)?, direction, rules, tags }
        }
        Action::ModifyRules { group: of, rules } => Action::ModifyRules { group: group(&of)?, rules },
        Action::RevokeRules { group: of, direction, ids } => Action::RevokeRules { group: group(&of)?, direction, ids },
        Action::RevokeDefaultEgress { group: of } => Action::RevokeDefaultEgress { group: group(&of)? },
        Action::TagEc2 { resources, set } => Action::TagEc2 { resources, set },
        Action::UntagEc2 { resources, keys } => Action::UntagEc2 { resources, keys },
        Action::CreateRole { name, path, description, trust, boundary, tags } => {
            Action::CreateRole { name, path, description, trust, boundary, tags }
        }
        Action::AttachRolePolicy { role, arn } => Action::AttachRolePolicy { role, arn },
        Action::PutRolePolicy { role, name, document } => Action::PutRolePolicy { role, name, document },
        Action::PutRoleBoundary { role, arn } => Action::PutRoleBoundary { role, arn },
        Action::DeleteRoleBoundary { role } => Action::DeleteRoleBoundary { role },
        Action::UpdateTrust { role, trust } => Action::UpdateTrust { role, trust },
        Action::UpdateRoleDescription { role, description } => Action::UpdateRoleDescription { role, description },
        Action::TagRole { role, set } => Action::TagRole { role, set },
        Action::UntagRole { role, keys } => Action::UntagRole { role, keys },
        Action::CreateInstanceProfile { name, path, tags } => Action::CreateInstanceProfile { name, path, tags },
        Action::TagInstanceProfile { profile, set } => Action::TagInstanceProfile { profile, set },
        Action::UntagInstanceProfile { profile, keys } => Action::UntagInstanceProfile { profile, keys },
        Action::AddRoleToInstanceProfile { profile, role } => Action::AddRoleToInstanceProfile { profile, role },
        Action::RemoveRoleFromInstanceProfile { profile, role } => Action::RemoveRoleFromInstanceProfile { profile, role },
        Action::CreateLaunchTemplate { name, tags, description, content: of, token } => {
            Action::CreateLaunchTemplate { name, tags, description, content: content(of, &group)?, token }
        }
        Action::CreateLaunchTemplateVersion { template, description, content: of, token } => {
            Action::CreateLaunchTemplateVersion { template, description, content: content(of, &group)?, token }
        }
        Action::CreateAutoScalingGroup { name, settings: of, instance_profile, tags } => {
            Action::CreateAutoScalingGroup { name, settings: settings(of, &version)?, instance_profile, tags }
        }
        Action::UpdateAutoScalingGroup { name, settings: of } => Action::UpdateAutoScalingGroup { name, settings: settings(of, &version)? },
        Action::DeleteTemplateVersions { template, versions } => Action::DeleteTemplateVersions { template, versions },
        Action::StartInstanceRefresh { group, template, version: of, preferences } => {
            Action::StartInstanceRefresh { group, template, version: version(&of)?, preferences }
        }
        Action::CancelInstanceRefresh { group } => Action::CancelInstanceRefresh { group },
        Action::WaitForRefresh { group, refresh: of, timeout_s } => Action::WaitForRefresh { group, refresh: refresh(&of)?, timeout_s },
        Action::WaitForRefreshGone { group, refresh, timeout_s } => Action::WaitForRefreshGone { group, refresh, timeout_s },
        Action::TagGroup { name, set } => Action::TagGroup { name, set },
        Action::UntagGroup { name, keys } => Action::UntagGroup { name, keys },
        Action::WaitForCapacity { group, timeout_s } => Action::WaitForCapacity { group, timeout_s },
        Action::WaitForGroupGone { group, timeout_s } => Action::WaitForGroupGone { group, timeout_s },
        Action::DeleteAutoScalingGroup { name } => Action::DeleteAutoScalingGroup { name },
        Action::DeleteLaunchTemplate { id } => Action::DeleteLaunchTemplate { id },
        Action::DeleteSecurityGroup { id } => Action::DeleteSecurityGroup { id },
        Action::DeleteInstanceProfile { name } => Action::DeleteInstanceProfile { name },
        Action::DeleteRole { name } => Action::DeleteRole { name },
        Action::DetachRolePolicy { role, arn } => Action::DetachRolePolicy { role, arn },
        Action::DeleteRolePolicy { role, name } => Action::DeleteRolePolicy { role, name },
    })
}

fn missing(operation: &str, step: StepId, what: &str, found: Option<&Output>) -> CloudError {
    let found = match found {
        None => "nothing",
        Some(Output::Done) => "no value",
        Some(Output::SecurityGroup(_)) => "the id of a security group",
        Some(Output::TemplateVersion(_) | Output::LaunchTemplate { .. }) => "the version of a launch template",
        Some(Output::Refresh(_)) => "the id of an instance refresh",
        Some(Output::Role { .. }) => "the ARN of a role",
    };
    let message = format!(
        "takes {what} from step {}, which gave {found}: this is a mistake in kaphost's plan, please report it with the plan",
        step.0
    );
    CloudError::new(ErrorKind::BrokenPlan, operation, message)
}

fn content<A, B, E>(of: TemplateContent<A>, group: &impl Fn(&A) -> Result<B, E>) -> Result<TemplateContent<B>, E> {
    // Every field by name: a new one that is forgotten here does not compile.
    let TemplateContent {
        image,
        instance_type,
        key,
        instance_profile,
        security_groups,
        public_ip,
        tenancy,
        spot,
        ebs_optimized,
        metadata_enabled,
        metadata_tokens,
        metadata_hop_limit,
        devices,
        user_data,
        instance_tags,
        volume_tags,
        foreign,
    } = of;
    let security_groups = security_groups.iter().map(group).collect::<Result<_, E>>()?;
    Ok(TemplateContent {
        image,
        instance_type,
        key,
        instance_profile,
        security_groups,
        public_ip,
        tenancy,
        spot,
        ebs_optimized,
        metadata_enabled,
        metadata_tokens,
        metadata_hop_limit,
        devices,
        user_data,
        instance_tags,
        volume_tags,
        foreign,
    })
}

fn settings<A, B, E>(of: GroupSettings<A>, version: &impl Fn(&A) -> Result<B, E>) -> Result<GroupSettings<B>, E> {
    let GroupSettings {
        launch_template,
        template_version,
        subnets,
        min,
        max,
        desired,
        health_check,
        grace_period_s,
        warmup_s,
        termination_policies,
        maintenance,
        deletion_protection,
    } = of;
    Ok(GroupSettings {
        launch_template,
        template_version: version(&template_version)?,
        subnets,
        min,
        max,
        desired,
        health_check,
        grace_period_s,
        warmup_s,
        termination_policies,
        maintenance,
        deletion_protection,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_becomes_the_output() {
        let planned = Planned::RevokeDefaultEgress { group: Ref::Of(StepId(0)) };
        let outputs = Outputs::from([(StepId(0), Output::SecurityGroup("sg-1".into()))]);
        assert_eq!(resolve(&planned, &outputs), Ok(Call::RevokeDefaultEgress { group: "sg-1".into() }));
    }

    #[test]
    fn a_ref_without_its_output_is_an_error() {
        let planned = Planned::RevokeDefaultEgress { group: Ref::Of(StepId(3)) };
        for outputs in
            [Outputs::new(), Outputs::from([(StepId(3), Output::Done)]), Outputs::from([(StepId(3), Output::TemplateVersion(1))])]
        {
            let error = resolve(&planned, &outputs).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BrokenPlan);
            assert!(error.message.contains("step 3"), "{error}");
        }
    }
}
