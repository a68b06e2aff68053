//! What a take-over may do: tag, describe rules, make a template that says what is launched now, and let the group pin it.

use std::collections::BTreeMap;

use crate::action::{Planned, Ref};
use crate::check::Fault;
use crate::observed::{Observed, ObservedGroup, ObservedRule};
use crate::plan::Plan;
use crate::resource::{GroupSettings, GroupTag, OWNER_TAG, Rule, Tags, TemplateContent};
use crate::running::Running;

pub(super) fn check(plan: &Plan, running: &Running, observed: &Observed) -> Vec<Fault> {
    let books = Books { plan, running, observed };
    let complaints = plan.steps.iter().flat_map(|step| books.complaint(&step.action).map(|message| (step.id, message)));
    complaints.map(|(id, message)| Fault { step: Some(id), message }).collect()
}

struct Books<'a> {
    plan: &'a Plan,
    running: &'a Running,
    observed: &'a Observed,
}

impl Books<'_> {
    fn complaint(&self, action: &Planned) -> Option<String> {
        let observed = self.observed;
        let unless = |holds: bool, message: String| (!holds).then_some(message);
        match action {
            Planned::TagEc2 { resources, set } => {
                let foreign: Vec<&String> = resources.iter().filter(|id| !self.takes(id, set)).collect();
                unless(foreign.is_empty(), format!("tags {foreign:?}, which are another's or no part of the server"))
            }
            Planned::TagRole { role, set } => {
                let may = observed.role.as_ref().is_some_and(|found| found.name == *role && self.free(found.tags.get(OWNER_TAG), set));
                unless(may, format!("tags the role {role}, which is another's or no part of the server"))
            }
            Planned::TagInstanceProfile { profile, set } => {
                let found = observed.instance_profile.as_ref();
                let may = found.is_some_and(|found| found.name == *profile && self.free(found.tags.get(OWNER_TAG), set));
                unless(may, format!("tags the profile {profile}, which is another's or no part of the server"))
            }
            Planned::TagGroup { name, set } => {
                let own = |tags: &BTreeMap<String, GroupTag>| tags.get(OWNER_TAG).map(|tag| tag.value.clone());
                let found = observed.auto_scaling_group.as_ref().filter(|found| found.name == *name);
                let owner = set.get(OWNER_TAG).map(|tag| (OWNER_TAG.to_owned(), tag.value.clone()));
                let may = found.is_some_and(|found| self.free(own(&found.tags).as_ref(), &owner.into_iter().collect()));
                unless(may, format!("tags the Auto Scaling group {name}, which is another's or no part of the server"))
            }
            Planned::ModifyRules { group, rules } => {
                let Ref::Known(id) = group else { return Some("describes rules of a group that is not there".to_owned()) };
                let changed = rules.iter().filter(|(rule, new)| !self.describes(id, rule, new)).count();
                unless(changed == 0, format!("changes {changed} rules of {id} in more than a description that is empty"))
            }
            Planned::CreateLaunchTemplate { name, tags, content, .. } => {
                let named = *name == self.plan.names.regional && self.tagged(tags) && observed.launch_template.is_none();
                unless(
                    named && self.same_server(content),
                    format!("makes the template {name} without its name or owner, or of another server"),
                )
            }
            Planned::CreateLaunchTemplateVersion { template, content, .. } => {
                let named = observed.launch_template.as_ref().is_some_and(|found| found.name == *template);
                unless(named && self.same_server(content), format!("makes a version of the template {template} of another server"))
            }
            Planned::UpdateAutoScalingGroup { name, settings } => {
                let found = observed.auto_scaling_group.as_ref().filter(|found| found.name == *name);
                let may = found.is_some_and(|found| same_group(found, settings)) && settings.launch_template == self.plan.names.regional;
                unless(may, format!("changes more of the Auto Scaling group {name} than what it launches from"))
            }
            other => Some(format!("{} has no place in a take-over", other.operation())),
        }
    }

    fn tagged(&self, tags: &Tags) -> bool {
        tags.get(OWNER_TAG) == Some(&self.plan.names.cluster)
    }

    /// Whether what carries this owner's tag may be given those tags.
    fn free(&self, owner: Option<&String>, set: &Tags) -> bool {
        match owner {
            Some(owner) => *owner == self.plan.names.cluster && set.get(OWNER_TAG).is_none_or(|new| new == owner),
            None => self.tagged(set),
        }
    }

    fn takes(&self, id: &str, set: &Tags) -> bool {
        let (observed, running) = (self.observed, self.running);
        let in_use = |id: &str| running.security_groups.iter().any(|group| group.id == id);
        let group = observed.security_groups.iter().find(|group| group.id == id && in_use(id)).map(|group| &group.tags);
        let template = observed.launch_template.as_ref().filter(|template| template.id == id).map(|template| &template.tags);
        let tags = group.or(template).or_else(|| self.rules().find(|rule| rule.id.as_deref() == Some(id)).map(|rule| &rule.tags));
        tags.is_some_and(|tags| self.free(tags.get(OWNER_TAG), set))
    }

    /// The rules of the server's group, and of one that was read because the config names it.
    fn rules(&self) -> impl Iterator<Item = &ObservedRule> {
        let own = self.observed.security_groups.iter().flat_map(|group| &group.rules);
        own.chain(self.observed.other_groups.iter().filter(|other| other.read).flat_map(|other| &other.rules))
    }

    /// Whether a rule keeps what it says, and had no description.
    fn describes(&self, group: &str, id: &str, new: &Rule) -> bool {
        let own = self.observed.security_groups.iter().filter(|found| found.id == group).flat_map(|found| &found.rules);
        let other = self.observed.other_groups.iter().filter(|found| found.id == group && found.read).flat_map(|found| &found.rules);
        own.chain(other).any(|rule| {
            let free = rule.tags.get(OWNER_TAG).is_none_or(|owner| *owner == self.plan.names.cluster);
            rule.id.as_deref() == Some(id) && rule.rule.key == new.key && rule.rule.description.is_empty() && free
        })
    }

    /// Whether a server of this is the one that the group launches now. What it leaves to AWS may be said, and tags reach the next one only.
    fn same_server(&self, content: &TemplateContent<Ref<String>>) -> bool {
        let Some(found) = self.running.from.content() else { return false };
        let groups = found.security_groups.iter().cloned().map(Ref::Known);
        let devices = found.devices.len() == content.devices.len()
            && found.devices.iter().all(|(name, device)| {
                content.devices.get(name).is_some_and(|new| {
                    let same_size = device.size_gib == 0 || device.size_gib == new.size_gib;
                    let same_type = device.volume_type.is_empty() || device.volume_type == new.volume_type;
                    let same_rest = device.encrypted == new.encrypted && device.snapshot == new.snapshot && device.kms_key == new.kms_key;
                    same_size && same_type && same_rest && device.iops == new.iops && device.throughput_mibps == new.throughput_mibps
                })
            });
        devices
            && found.image == content.image
            && found.instance_type == content.instance_type
            && found.key == content.key
            && found.instance_profile == content.instance_profile
            && groups.eq(content.security_groups.iter().cloned())
            && found.spot == content.spot
            && (found.tenancy.is_none() || found.tenancy == content.tenancy)
            && (found.metadata_tokens.is_empty() || found.metadata_tokens == content.metadata_tokens)
            && found.metadata_enabled == content.metadata_enabled
            && found.user_data == content.user_data
    }
}

/// Whether the settings say of the group what it is, but for what it launches from and a warm-up that nobody has said.
fn same_group(found: &ObservedGroup, settings: &GroupSettings<Ref<u64>>) -> bool {
    let now = &found.settings;
    let same = GroupSettings {
        launch_template: now.launch_template.clone(),
        warmup_s: if now.warmup_s == 0 { 0 } else { settings.warmup_s },
        ..settings.with_version(now.template_version)
    };
    same == *now
}
