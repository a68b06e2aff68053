//! One write: which part of the account it is for.

use kaphost_apply::ErrorKind;
use kaphost_plan::{Call, Output};

use crate::refuse::{Answer, refuse};
use crate::state::World;

impl World<'_> {
    pub(crate) fn act(&mut self, call: &Call) -> Answer<Output> {
        match call {
            Call::CreateSecurityGroup { name, description, vpc, tags } => self.create_security_group(name, description, vpc, tags),
            Call::AuthorizeRules { group, direction, rules, tags } => self.authorize(group, *direction, rules, tags),
            Call::ModifyRules { group, rules } => self.modify_rules(group, rules),
            Call::RevokeRules { group, direction, ids } => self.revoke(group, *direction, ids),
            Call::RevokeDefaultEgress { group } => self.revoke_default_egress(group),
            Call::TagEc2 { resources, set } => self.tag_ec2(resources, set),
            Call::UntagEc2 { resources, keys } => self.untag_ec2(resources, keys),
            Call::CreateRole { name, path, description, trust, boundary, tags } => {
                self.create_role(name, path, description, trust, boundary.as_deref(), tags)
            }
            Call::AttachRolePolicy { role, arn } => self.attach_policy(role, arn),
            Call::PutRolePolicy { role, name, document } => self.put_inline_policy(role, name, document),
            Call::PutRoleBoundary { role, arn } => self.put_boundary(role, arn),
            Call::DeleteRoleBoundary { role } => self.delete_boundary(role),
            Call::UpdateTrust { role, trust } => self.update_trust(role, trust),
            Call::UpdateRoleDescription { role, description } => self.update_role_description(role, description),
            Call::TagRole { role, set } => self.tag_role(role, set),
            Call::UntagRole { role, keys } => self.untag_role(role, keys),
            Call::CreateInstanceProfile { name, path, tags } => self.create_instance_profile(name, path, tags),
            Call::TagInstanceProfile { profile, set } => self.tag_instance_profile(profile, set),
            Call::UntagInstanceProfile { profile, keys } => self.untag_instance_profile(profile, keys),
            Call::AddRoleToInstanceProfile { profile, role } => self.add_role(profile, role),
            Call::RemoveRoleFromInstanceProfile { profile, role } => self.remove_role(profile, role),
            Call::CreateLaunchTemplate { name, tags, description, content, token } => {
                self.create_launch_template(name, tags, description, content, token)
            }
            Call::CreateLaunchTemplateVersion { template, description, content, token } => {
                self.create_launch_template_version(template, description, content, token)
            }
            Call::CreateAutoScalingGroup { name, settings, instance_profile, tags } => {
                self.create_group(name, settings, instance_profile, tags)
            }
            Call::UpdateAutoScalingGroup { name, settings } => self.update_group(name, settings),
            Call::DeleteTemplateVersions { template, versions } => self.delete_template_versions(template, versions),
            Call::StartInstanceRefresh { group, template, version, preferences } => {
                self.start_refresh(group, template, *version, preferences)
            }
            Call::CancelInstanceRefresh { group } => self.cancel_refresh(group),
            Call::TagGroup { name, set } => self.tag_group(name, set),
            Call::UntagGroup { name, keys } => self.untag_group(name, keys),
            Call::DeleteAutoScalingGroup { name } => self.delete_group(name),
            Call::DeleteLaunchTemplate { id } => self.delete_launch_template(id),
            Call::DeleteSecurityGroup { id } => self.delete_security_group(id),
            Call::DeleteInstanceProfile { name } => self.delete_instance_profile(name),
            Call::DeleteRole { name } => self.delete_role(name),
            Call::DetachRolePolicy { role, arn } => self.detach_policy(role, arn),
            Call::DeleteRolePolicy { role, name } => self.delete_inline_policy(role, name),
            Call::WaitForCapacity { .. }
            | Call::WaitForGroupGone { .. }
            | Call::WaitForRefresh { .. }
            | Call::WaitForRefreshGone { .. } => {
                refuse(ErrorKind::BrokenPlan, "NotAWrite", "a wait is polled by the executor and never sent")
            }
        }
    }
}
