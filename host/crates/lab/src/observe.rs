//! What a reader sees.

use kaphost_plan::{
    Attachments, ImageAnswer, OWNER_TAG, Observed, ObservedGroup, ObservedProfile, ObservedRole, ObservedRule, ObservedSecurityGroup,
    ObservedTemplate, ObservedVersion, OtherGroup, POLICIES_TAG, Query, Tags,
};

use crate::state::{RuleState, SecurityGroup, World};
use crate::template::DEFAULT_VERSION;

impl World<'_> {
    pub(crate) fn observe(&mut self, query: &Query) -> Observed {
        self.look(query.names.group());
        // What one reader has seen is there for every later call.
        self.region
            .security_groups
            .values_mut()
            .filter(|group| group.name == query.names.security_group())
            .for_each(|group| group.unseen = 0);
        Observed {
            security_groups: self.observed_security_groups(query),
            other_groups: self.other_groups(query),
            role: self.observed_role(query),
            instance_profile: self.observed_profile(query.names.instance_profile()),
            launch_template: self.observed_template(&query.names.regional),
            auto_scaling_group: self.observed_group(query.names.group()),
            image: query.image.as_ref().map_or(ImageAnswer::NotAsked, |ami| self.image(ami)),
        }
    }

    fn other_groups(&self, query: &Query) -> Vec<OtherGroup> {
        let ours = |state: &RuleState| state.tags.get(OWNER_TAG) == Some(&query.names.cluster);
        let mut others = Vec::new();
        for (id, group) in self.region.security_groups.iter().filter(|(_, group)| group.name != query.names.security_group()) {
            let read = query.group.as_ref() == Some(id);
            if read || group.rules.values().any(ours) {
                let mut rules = observed_security_group(id, group, query).rules;
                rules.retain(|rule| read || rule.tags.get(OWNER_TAG) == Some(&query.names.cluster));
                others.push(OtherGroup { id: id.clone(), rules, read });
            }
        }
        others
    }

    fn observed_security_groups(&self, query: &Query) -> Vec<ObservedSecurityGroup> {
        // EC2's filter on names minds case, unlike its check for duplicates.
        let named = self.region.security_groups.iter().filter(|(_, group)| group.name == query.names.security_group());
        named.map(|(id, group)| observed_security_group(id, group, query)).collect()
    }

    fn observed_role(&self, query: &Query) -> Option<ObservedRole> {
        let name = query.names.role();
        let (name, role) = self.iam.roles.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(ObservedRole {
            name: name.clone(),
            path: role.path.clone(),
            arn: format!("arn:aws:iam::{}:role{}{name}", self.account, role.path),
            id: role.id.clone(),
            description: role.description.clone(),
            trust: role.trust.clone(),
            tags: role.tags.clone(),
            boundary: role.boundary.clone(),
            attachments: (query.attachments || role.tags.contains_key(POLICIES_TAG)).then(|| {
                let asked = role.inline.iter().filter(|(name, _)| query.documents.contains(*name));
                Attachments {
                    managed: role.attached.iter().cloned().collect(),
                    inline: role.inline.keys().cloned().collect(),
                    documents: asked.map(|(name, document)| (name.clone(), document.clone())).collect(),
                }
            }),
        })
    }

    fn observed_profile(&self, name: &str) -> Option<ObservedProfile> {
        let (name, profile) = self.iam.instance_profiles.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        let (path, tags, role) = (profile.path.clone(), profile.tags.clone(), profile.role.clone());
        Some(ObservedProfile { name: name.clone(), path, tags, role })
    }

    fn observed_template(&self, name: &str) -> Option<ObservedTemplate> {
        let (id, template) = self.region.launch_templates.iter().find(|(_, template)| template.name == name)?;
        let versions = template.versions.iter().map(|(number, version)| {
            (*number, ObservedVersion { description: version.description.clone(), content: version.content.clone() })
        });
        Some(ObservedTemplate {
            id: id.clone(),
            name: template.name.clone(),
            tags: template.tags.clone(),
            latest: template.latest,
            default: DEFAULT_VERSION,
            versions: versions.collect(),
        })
    }

    pub(crate) fn observed_group(&self, name: &str) -> Option<ObservedGroup> {
        let group = self.region.auto_scaling_groups.get(name)?;
        Some(ObservedGroup {
            name: name.to_owned(),
            arn: format!("arn:aws:autoscaling:{}:{}:autoScalingGroup:lab:autoScalingGroupName/{name}", self.region_name, self.account),
            settings: group.settings.clone(),
            tags: group.tags.clone(),
            instances: group.instances.iter().map(|state| state.instance.clone()).collect(),
            status: group.deleting.map(|_| "Delete in progress".to_owned()),
            refresh: None,
        })
    }
}

/// Rules that carry the cluster's tag come with their ids, all others as EC2 shows them with the group: without ids and tags, unless they were asked for.
fn observed_security_group(id: &str, group: &SecurityGroup, query: &Query) -> ObservedSecurityGroup {
    let asked = query.rule_ids_of.contains(id);
    let observed = |(id, state): (&String, &RuleState)| {
        let (id, tags) = match asked || state.tags.contains_key(OWNER_TAG) {
            true => (Some(id.clone()), state.tags.clone()),
            false => (None, Tags::new()),
        };
        ObservedRule { id, rule: state.rule.clone(), tags }
    };
    ObservedSecurityGroup {
        id: id.to_owned(),
        vpc: group.vpc.clone(),
        description: group.description.clone(),
        tags: group.tags.clone(),
        rules: group.rules.iter().map(observed).collect(),
    }
}
