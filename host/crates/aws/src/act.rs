//! One write each.

use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Action, Call, Output};

use crate::Aws;

impl Aws {
    pub(crate) async fn write(&self, call: &Call) -> Result<Output, CloudError> {
        let operation = call.operation();
        let (ec2, iam, autoscaling) = (&self.ec2, &self.iam, &self.autoscaling);
        match call {
            // ── EC2 ──
            Action::CreateSecurityGroup { name, description, vpc, tags } => {
                return ec2.create_security_group(name, description, vpc, tags).await.map(Output::SecurityGroup);
            }
            Action::AuthorizeRules { group, direction, rules, tags } => ec2.authorize(operation, group, *direction, rules, tags).await,
            Action::ModifyRules { group, rules } => ec2.modify_rules(group, rules).await,
            Action::RevokeRules { group, direction, ids } => ec2.revoke(operation, group, *direction, ids.iter().cloned().collect()).await,
            Action::RevokeDefaultEgress { group } => ec2.revoke_default_egress(operation, group).await,
            Action::DeleteSecurityGroup { id } => ec2.delete_security_group(id).await,
            Action::TagEc2 { resources, set } => ec2.tag(resources, set).await,
            Action::UntagEc2 { resources, keys } => ec2.untag(resources, keys).await,
            Action::CreateLaunchTemplate { name, tags, description, content, token } => {
                return ec2.create_launch_template(name, tags, description, content, token).await;
            }
            Action::CreateLaunchTemplateVersion { template, description, content, token } => {
                return ec2.create_launch_template_version(template, description, content, token).await.map(Output::TemplateVersion);
            }
            Action::DeleteTemplateVersions { template, versions } => ec2.delete_template_versions(template, versions).await,
            Action::DeleteLaunchTemplate { id } => ec2.delete_launch_template(id).await,
            // ── IAM ──
            Action::CreateRole { name, path, description, trust, boundary, tags } => {
                return iam.create_role(name, path, description, trust, boundary.as_deref(), tags).await.map(|arn| Output::Role { arn });
            }
            Action::AttachRolePolicy { role, arn } => iam.attach_policy(role, arn).await,
            Action::PutRolePolicy { role, name, document } => iam.put_policy(role, name, document).await,
            Action::PutRoleBoundary { role, arn } => iam.put_boundary(role, arn).await,
            Action::DeleteRoleBoundary { role } => iam.delete_boundary(role).await,
            Action::UpdateTrust { role, trust } => iam.update_trust(role, trust).await,
            Action::UpdateRoleDescription { role, description } => iam.update_role_description(role, description).await,
            Action::TagRole { role, set } => iam.tag_role(role, set).await,
            Action::UntagRole { role, keys } => iam.untag_role(role, keys).await,
            Action::CreateInstanceProfile { name, path, tags } => iam.create_instance_profile(name, path, tags).await,
            Action::TagInstanceProfile { profile, set } => iam.tag_instance_profile(profile, set).await,
            Action::UntagInstanceProfile { profile, keys } => iam.untag_instance_profile(profile, keys).await,
            Action::AddRoleToInstanceProfile { profile, role } => iam.add_role(profile, role).await,
            Action::RemoveRoleFromInstanceProfile { profile, role } => iam.remove_role(profile, role).await,
            Action::DeleteInstanceProfile { name } => iam.delete_instance_profile(name).await,
            Action::DeleteRole { name } => iam.delete_role(name).await,
            Action::DetachRolePolicy { role, arn } => iam.detach_policy(role, arn).await,
            Action::DeleteRolePolicy { role, name } => iam.delete_policy(role, name).await,
            // ── Auto Scaling. The instance profile is the template's affair; it is in the action for the retry table. ──
            Action::CreateAutoScalingGroup { name, settings, instance_profile: _, tags } => autoscaling.create(name, settings, tags).await,
            Action::UpdateAutoScalingGroup { name, settings } => autoscaling.update(name, settings).await,
            Action::StartInstanceRefresh { group, template, version, preferences } => {
                return autoscaling.start_refresh(group, template, *version, preferences).await.map(Output::Refresh);
            }
            Action::CancelInstanceRefresh { group } => autoscaling.cancel_refresh(group).await,
            Action::TagGroup { name, set } => autoscaling.tag(name, set).await,
            Action::UntagGroup { name, keys } => autoscaling.untag(name, keys).await,
            Action::DeleteAutoScalingGroup { name } => autoscaling.delete(name).await,
            Action::WaitForCapacity { .. }
            | Action::WaitForGroupGone { .. }
            | Action::WaitForRefresh { .. }
            | Action::WaitForRefreshGone { .. } => Err(CloudError {
                kind: ErrorKind::Invalid,
                operation: operation.to_owned(),
                code: None,
                message: "a wait is no call of AWS: poll the group instead".to_owned(),
                request_id: None,
            }),
        }
        .map(|()| Output::Done)
    }
}
