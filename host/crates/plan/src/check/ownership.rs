//! Who owns what a plan writes.

use std::collections::BTreeSet;

use crate::action::{Planned, Ref};
use crate::check::Fault;
use crate::names::Names;
use crate::observed::{Observed, ObservedGroup, ObservedRule, OtherGroup};
use crate::plan::Plan;
use crate::resource::{Direction, OWNER_TAG, Rule, Tags};

pub(super) fn check(plan: &Plan, observed: &Observed) -> Vec<Fault> {
    let books = Books::new(plan, observed);
    let complaints = plan.steps.iter().flat_map(|step| books.complaints(&step.action).into_iter().map(|message| (step.id, message)));
    complaints.map(|(id, message)| Fault { step: Some(id), message }).collect()
}

/// Who owns what, before and by the plan.
struct Books<'a> {
    names: &'a Names,
    observed: &'a Observed,
    /// The operations of the plan that create.
    creates: BTreeSet<&'static str>,
}

impl<'a> Books<'a> {
    fn new(plan: &'a Plan, observed: &'a Observed) -> Self {
        let creates = plan.steps.iter().filter(|step| step.action.creates().is_some()).map(|step| step.action.operation()).collect();
        Self { names: &plan.names, observed, creates }
    }

    fn complaints(&self, action: &Planned) -> Vec<String> {
        let mut all = Vec::new();
        let mut must = |holds: bool, message: String| {
            if !holds {
                all.push(message);
            }
        };
        match action {
            Planned::CreateSecurityGroup { name, vpc, tags, .. } => {
                must(name == self.names.security_group() && self.tagged(tags), format!("makes the group {name} without its name or owner"));
                let taken = self.observed.security_groups.iter().any(|group| group.vpc == *vpc);
                must(!taken, format!("makes a group {name} that is there already"));
            }
            Planned::CreateRole { name, tags, .. } => {
                must(name == self.names.role() && self.tagged(tags), format!("makes the role {name} without its name or owner"));
                must(self.observed.role.is_none(), format!("makes a role {name} that is there already"));
            }
            Planned::CreateInstanceProfile { name, tags, .. } => {
                must(
                    name == self.names.instance_profile() && self.tagged(tags),
                    format!("makes the profile {name} without its name or owner"),
                );
                must(self.observed.instance_profile.is_none(), format!("makes a profile {name} that is there already"));
            }
            Planned::CreateLaunchTemplate { name, tags, .. } => {
                must(*name == self.names.regional && self.tagged(tags), format!("makes the template {name} without its name or owner"));
                must(self.observed.launch_template.is_none(), format!("makes a template {name} that is there already"));
            }
            Planned::CreateAutoScalingGroup { name, tags, .. } => {
                let tagged = tags.get(OWNER_TAG).is_some_and(|tag| tag.value == self.names.cluster);
                must(name == self.names.group() && tagged, format!("makes the Auto Scaling group {name} without its name or owner"));
                must(self.observed.auto_scaling_group.is_none(), format!("makes an Auto Scaling group {name} that is there already"));
            }
            Planned::AuthorizeRules { group, rules, tags, direction } => {
                must(self.tagged(tags), "adds rules without their owner".to_owned());
                must(!rules.is_empty(), "adds no rule".to_owned());
                // Onto a group of others only what is let in there, and only where it was read, or a rule would be made a second time.
                let elsewhere = *direction == Direction::Ingress && self.other(group).is_some_and(|other| other.read);
                if !elsewhere {
                    all.extend(self.group(group).err());
                }
                all.extend(self.clashes(group, rules.iter()));
            }
            Planned::ModifyRules { group, rules } => {
                must(!rules.is_empty(), "changes no rule".to_owned());
                all.extend(self.group_or_other(group));
                all.extend(rules.keys().filter_map(|id| self.rule(group, id)));
                // A rule may keep its own key, and may take no other rule's.
                let kept = |rule: &&Rule| {
                    let own = rules.iter().find(|(_, new)| new.key == rule.key).map(|(id, _)| id);
                    self.holds(group, rule).is_none_or(|holder| holder.as_ref() != own)
                };
                all.extend(self.clashes(group, rules.values().filter(kept)));
            }
            Planned::RevokeRules { group, ids, .. } => {
                all.extend(self.group_or_other(group));
                all.extend(ids.iter().filter_map(|id| self.rule(group, id)));
            }
            Planned::RevokeDefaultEgress { group } => all.extend(self.group(group).err()),
            Planned::TagEc2 { resources, .. } | Planned::UntagEc2 { resources, .. } => {
                for id in resources {
                    must(self.group_id(id) || self.template_id(id), format!("tags {id}, which is not ours"));
                }
            }
            Planned::UpdateTrust { role, .. }
            | Planned::UpdateRoleDescription { role, .. }
            | Planned::TagRole { role, .. }
            | Planned::UntagRole { role, .. }
            | Planned::DeleteRoleBoundary { role }
            | Planned::DetachRolePolicy { role, .. }
            | Planned::DeleteRolePolicy { role, .. }
            | Planned::DeleteRole { name: role } => must(self.role(role), format!("writes the role {role}, which is not ours")),
            Planned::AttachRolePolicy { role, .. } | Planned::PutRolePolicy { role, .. } | Planned::PutRoleBoundary { role, .. } => {
                let made = self.creates.contains("CreateRole") && role == self.names.role();
                must(self.role(role) || made, format!("writes the role {role}, which is not ours"));
            }
            Planned::TagInstanceProfile { profile, .. }
            | Planned::UntagInstanceProfile { profile, .. }
            | Planned::RemoveRoleFromInstanceProfile { profile, .. }
            | Planned::DeleteInstanceProfile { name: profile } => {
                must(self.profile(profile), format!("writes the profile {profile}, which is not ours"));
            }
            Planned::AddRoleToInstanceProfile { profile, role } => {
                let profile_ours =
                    self.profile(profile) || self.creates.contains("CreateInstanceProfile") && profile == self.names.instance_profile();
                let role_ours = self.role(role) || self.creates.contains("CreateRole") && role == self.names.role();
                must(profile_ours && role_ours, format!("puts the role {role} into the profile {profile}: not both are ours"));
            }
            Planned::CreateLaunchTemplateVersion { template, .. } => {
                must(self.template(template), format!("writes the template {template}, which is not ours"));
            }
            Planned::DeleteLaunchTemplate { id } => must(self.template_id(id), format!("deletes the template {id}, which is not ours")),
            Planned::DeleteSecurityGroup { id } => must(self.group_id(id), format!("deletes the group {id}, which is not ours")),
            Planned::UpdateAutoScalingGroup { name, settings } => {
                must(self.scaling(name), format!("writes the Auto Scaling group {name}, which is not ours"));
                if let Ref::Known(number) = settings.template_version {
                    let there = self.observed.launch_template.as_ref().is_some_and(|template| template.versions.contains_key(&number));
                    must(there, format!("pins version {number} of the template, which is not there"));
                }
            }
            Planned::TagGroup { name, .. } | Planned::UntagGroup { name, .. } | Planned::DeleteAutoScalingGroup { name } => {
                must(self.scaling(name), format!("writes the Auto Scaling group {name}, which is not ours"));
            }
            Planned::DeleteTemplateVersions { template, versions } => {
                must(self.template_id(template), format!("writes the template {template}, which is not ours"));
                for number in versions.iter().filter(|number| self.names(**number)) {
                    must(false, format!("deletes version {number} of the template, which something names"));
                }
            }
            Planned::StartInstanceRefresh { group, version, .. } => {
                must(self.scaling(group), format!("replaces the instances of {group}, which is not ours"));
                if let Ref::Known(number) = version {
                    let there = self.observed.launch_template.as_ref().is_some_and(|template| template.versions.contains_key(number));
                    must(there, format!("rolls out version {number} of the template, which is not there"));
                }
            }
            Planned::CancelInstanceRefresh { group } => {
                must(self.scaling(group), format!("writes the Auto Scaling group {group}, which is not ours"))
            }
            Planned::WaitForRefresh { group, .. } | Planned::WaitForRefreshGone { group, .. } => {
                must(self.scaling(group), format!("waits for the group {group}, which is not ours"));
            }
            Planned::WaitForGroupGone { group, .. } => must(self.scaling(group), format!("waits for the group {group}, which is not ours")),
            Planned::WaitForCapacity { group, .. } => {
                must(group == self.names.group(), format!("waits for the group {group}, which is not ours"))
            }
        }
        all
    }

    fn tagged(&self, tags: &Tags) -> bool {
        tags.get(OWNER_TAG).is_some_and(|cluster| *cluster == self.names.cluster)
    }

    /// The rules of a group, ours or not.
    fn rules(&self, group: &Ref<String>) -> Option<&'a [ObservedRule]> {
        let Ref::Known(id) = group else { return None };
        let own = self.observed.security_groups.iter().find(|group| group.id == *id).map(|group| group.rules.as_slice());
        own.or_else(|| self.other(group).map(|other| other.rules.as_slice()))
    }

    fn other(&self, group: &Ref<String>) -> Option<&'a OtherGroup> {
        let Ref::Known(id) = group else { return None };
        self.observed.other_groups.iter().find(|other| other.id == *id)
    }

    /// A group of ours, or one of others: there only rules of ours are written, which [`Self::rule`] sees to.
    fn group_or_other(&self, group: &Ref<String>) -> Option<String> {
        self.group(group).err().filter(|_| self.other(group).is_none())
    }

    /// A group of ours; one that the plan makes is (its shape is checked elsewhere).
    fn group(&self, group: &Ref<String>) -> Result<(), String> {
        match group {
            Ref::Known(id) if !self.group_id(id) => Err(format!("writes the group {id}, which is not ours")),
            _ => Ok(()),
        }
    }

    fn group_id(&self, id: &str) -> bool {
        self.observed.security_groups.iter().any(|group| group.id == id && self.tagged(&group.tags))
    }

    /// What is wrong with writing this rule.
    fn rule(&self, group: &Ref<String>, id: &str) -> Option<String> {
        let rule = self.rules(group)?.iter().find(|rule| rule.id.as_deref() == Some(id));
        (!rule.is_some_and(|rule| self.tagged(&rule.tags))).then(|| format!("writes the rule {id}, which is not ours"))
    }

    /// The rule of the group that says the same, by its id.
    fn holds(&self, group: &Ref<String>, rule: &Rule) -> Option<Option<String>> {
        self.rules(group)?.iter().find(|observed| observed.rule.key == rule.key).map(|observed| observed.id.clone())
    }

    fn clashes<'b>(&self, group: &Ref<String>, rules: impl Iterator<Item = &'b Rule>) -> Vec<String> {
        let mut seen = BTreeSet::new();
        rules
            .filter(|rule| !seen.insert(&rule.key) || self.holds(group, rule).is_some())
            .map(|rule| format!("makes the rule {} a second time", rule.key))
            .collect()
    }

    fn role(&self, name: &str) -> bool {
        self.observed.role.as_ref().is_some_and(|role| role.name == name && self.tagged(&role.tags))
    }

    fn profile(&self, name: &str) -> bool {
        self.observed.instance_profile.as_ref().is_some_and(|profile| profile.name == name && self.tagged(&profile.tags))
    }

    fn template(&self, name: &str) -> bool {
        self.observed.launch_template.as_ref().is_some_and(|template| template.name == name && self.tagged(&template.tags))
    }

    fn template_id(&self, id: &str) -> bool {
        self.observed.launch_template.as_ref().is_some_and(|template| template.id == id && self.tagged(&template.tags))
    }

    /// Whether template, group or an instance name this version.
    fn names(&self, number: u64) -> bool {
        let template = self.observed.launch_template.as_ref();
        let group = self.observed.auto_scaling_group.as_ref();
        template.is_some_and(|template| {
            let runs = |group: &ObservedGroup| group.instances.iter().any(|instance| template.runs(instance) == Some(number));
            let pins = |group: &ObservedGroup| group.settings.template_version == number;
            template.default == number || template.latest == number || group.is_some_and(|group| pins(group) || runs(group))
        })
    }

    fn scaling(&self, name: &str) -> bool {
        let group = self.observed.auto_scaling_group.as_ref().filter(|group| group.name == name);
        group.and_then(|group| group.tags.get(OWNER_TAG)).is_some_and(|tag| tag.value == self.names.cluster)
    }
}
