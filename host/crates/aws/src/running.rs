//! An Auto Scaling group, followed to what its server is made of: the group, then what it launches from, then what that names, side by side.

use aws_sdk_autoscaling::types::{AutoScalingGroup, LaunchTemplateSpecification};
use kaphost_apply::CloudError;
use kaphost_plan::{Launches, Running, RunningProfile};

use crate::{Aws, autoscaling, ec2};

impl Aws {
    pub(crate) async fn read_running(&self, name: &str) -> Result<Option<Running>, CloudError> {
        let Some(group) = self.autoscaling.describe(name).await? else { return Ok(None) };
        let from = self.launches(&group).await?;
        let content = from.content();
        let (groups, profile) = tokio::join!(
            self.ec2.groups_by_id(content.map(|content| content.security_groups.as_slice()).unwrap_or_default()),
            self.running_profile(content.map_or("", |content| content.instance_profile.as_str())),
        );
        let (security_groups, profile) = (groups?, profile?);
        Ok(Some(Running { group: autoscaling::observed(name, &group), from, security_groups, profile }))
    }

    async fn launches(&self, group: &AutoScalingGroup) -> Result<Launches, CloudError> {
        if group.mixed_instances_policy().is_some() {
            return Ok(Launches::Else("a mixed instances policy, of several types of instance".to_owned()));
        }
        if let Some(template) = group.launch_template() {
            return self.template_version(template).await;
        }
        match group.launch_configuration_name().filter(|name| !name.is_empty()) {
            Some(name) => self.autoscaling.configuration(name).await,
            None => Ok(Launches::Else("nothing: its launch configuration is gone".to_owned())),
        }
    }

    /// `$Latest` and `$Default` are what they stand for now.
    async fn template_version(&self, template: &LaunchTemplateSpecification) -> Result<Launches, CloudError> {
        let name = template.launch_template_name().unwrap_or_default();
        let id = template.launch_template_id().unwrap_or(name);
        let version = template.version().unwrap_or("$Default");
        Ok(match self.ec2.launch_template_version(id, version).await? {
            Some((number, content)) => {
                let mut content = content;
                ec2::launch_template::as_launched(&mut content);
                Launches::Template { id: id.to_owned(), name: name.to_owned(), version: number, content }
            }
            None => Launches::Else(format!("version {version} of the launch template {name}, which is gone")),
        })
    }

    async fn running_profile(&self, name: &str) -> Result<Option<RunningProfile>, CloudError> {
        if name.is_empty() {
            return Ok(None);
        }
        let found = self.iam.instance_profile(name).await?;
        Ok(found.map(|profile| RunningProfile { name: profile.name, role: profile.role }))
    }
}
