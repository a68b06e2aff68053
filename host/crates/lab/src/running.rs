//! An Auto Scaling group, followed to what its server is made of.

use kaphost_plan::{Launches, NamedGroup, Running, RunningProfile};

use crate::state::World;

impl World<'_> {
    pub(crate) fn running(&mut self, name: &str) -> Option<Running> {
        self.look(name);
        let group = self.observed_group(name)?;
        let state = self.region.auto_scaling_groups.get(name)?;
        let from = match &state.launch_configuration {
            Some(name) => match self.region.launch_configurations.get(name) {
                Some(found) => Launches::Configuration { name: name.clone(), content: found.content.clone() },
                None => Launches::Else(format!("the launch configuration {name}, which is gone")),
            },
            None => self.launched_by_template(&group.settings.launch_template, group.settings.template_version),
        };
        let named = from.content().map(|content| content.security_groups.clone()).unwrap_or_default();
        let security_groups = self.region.security_groups.iter().filter(|(id, _)| named.contains(id)).map(|(id, group)| NamedGroup {
            id: id.clone(),
            name: group.name.clone(),
            vpc: group.vpc.clone(),
            tags: group.tags.clone(),
        });
        let profile = from.content().and_then(|content| {
            let found = self.iam.instance_profiles.iter().find(|(name, _)| name.eq_ignore_ascii_case(&content.instance_profile));
            found.map(|(name, profile)| RunningProfile { name: name.clone(), role: profile.role.clone() })
        });
        let security_groups = security_groups.collect();
        Some(Running { group, security_groups, profile, from })
    }

    /// Version 0 is no number: here it stands for the newest.
    fn launched_by_template(&self, name: &str, version: u64) -> Launches {
        let Some((id, template)) = self.region.launch_templates.iter().find(|(_, template)| template.name == name) else {
            return Launches::Else(format!("the launch template {name}, which is gone"));
        };
        let version = if version == 0 { template.latest } else { version };
        match template.versions.get(&version) {
            Some(found) => Launches::Template { id: id.clone(), name: name.to_owned(), version, content: found.content.clone() },
            None => Launches::Else(format!("version {version} of the launch template {name}, which is gone")),
        }
    }
}
