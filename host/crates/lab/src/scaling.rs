//! Auto Scaling groups: launching, terminating, and what they say of it. Time is counted in looks at the group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kaphost_apply::{Activity, ErrorKind, GroupReport};
use kaphost_plan::{GroupSettings, GroupTag, Instance, Output};

use crate::refuse::{Answer, check_tags, refuse, well_formed};
use crate::state::{ActivityState, InstanceState, RefreshState, ScalingGroup, Template, World};

const INVALID: &str = "ValidationError";

impl World<'_> {
    pub(crate) fn create_group(
        &mut self,
        name: &str,
        settings: &GroupSettings<u64>,
        instance_profile: &str,
        tags: &BTreeMap<String, GroupTag>,
    ) -> Answer<Output> {
        if name.is_empty() || name.len() > 255 || !name.chars().all(|c| c.is_ascii_graphic() && c != ':') {
            return refuse(ErrorKind::Invalid, INVALID, format!("Value '{name}' at 'autoScalingGroupName' failed to satisfy constraint"));
        }
        if let Some(group) = self.region.auto_scaling_groups.get(name) {
            let message = match group.deleting {
                Some(_) => format!("AutoScalingGroup by this name already exists and is pending delete - {name}"),
                None => format!("AutoScalingGroup by this name already exists - A group with the name {name} already exists"),
            };
            return refuse(ErrorKind::AlreadyExists, "AlreadyExists", message);
        }
        check_tags([], tags.iter().map(|(key, tag)| (key, &tag.value)))?;
        self.check_settings(settings)?;
        self.check_profile(instance_profile)?;
        if let Some(content) = self.template_content(&settings.launch_template, settings.template_version) {
            let named = content.instance_profile.clone();
            if named != instance_profile {
                self.check_profile(&named)?;
            }
        }
        let (settings, tags) = (settings.clone(), tags.clone());
        let group = ScalingGroup {
            settings,
            launch_configuration: None,
            tags,
            instances: vec![],
            activities: vec![],
            deleting: None,
            refreshes: vec![],
        };
        self.region.auto_scaling_groups.insert(name.to_owned(), group);
        self.launch(name);
        Ok(Output::Done)
    }

    /// AWS dry-runs a launch, and so needs to see the profile with its role from EC2.
    fn check_profile(&mut self, name: &str) -> Answer<()> {
        let message = format!(
            "You must use a valid fully-formed launch template. Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        );
        match self.iam.instance_profiles.get_mut(name) {
            Some(profile) if profile.role.is_some() && profile.unseen == 0 => Ok(()),
            Some(profile) => {
                profile.unseen = profile.unseen.saturating_sub(1);
                refuse(ErrorKind::NotVisibleYet, INVALID, message)
            }
            None => refuse(ErrorKind::NotVisibleYet, INVALID, message),
        }
    }

    fn check_settings(&self, settings: &GroupSettings<u64>) -> Answer<()> {
        let invalid = |message: String| refuse(ErrorKind::Invalid, INVALID, message);
        if !(settings.min <= settings.desired && settings.desired <= settings.max) {
            return invalid("Desired capacity must be between the specified min size and max size".to_owned());
        }
        if settings.subnets.is_empty() || !settings.subnets.iter().all(|subnet| well_formed(subnet, "subnet-")) {
            return invalid("The subnet ID does not exist, or none was given".to_owned());
        }
        let (name, version) = (&settings.launch_template, settings.template_version);
        let Some(content) = self.template_content(name, version) else {
            let message = format!(
                "You must use a valid fully-formed launch template. The specified launch template {name} or its version {version} does not exist."
            );
            return refuse(ErrorKind::NotFound, INVALID, message);
        };
        if let Some(missing) = content.security_groups.iter().find(|id| !self.region.security_groups.contains_key(*id)) {
            let message = format!("You must use a valid fully-formed launch template. The security group '{missing}' does not exist");
            return refuse(ErrorKind::NotFound, INVALID, message);
        }
        if let Some(None) = self.region.images.get(&content.image) {
            return invalid(format!(
                "You must use a valid fully-formed launch template. The image id '[{}]' does not exist",
                content.image
            ));
        }
        Ok(())
    }

    fn group(&mut self, name: &str) -> Answer<&mut ScalingGroup> {
        match self.region.auto_scaling_groups.get_mut(name) {
            Some(group) => Ok(group),
            None => refuse(ErrorKind::NotFound, INVALID, "AutoScalingGroup name not found - null"),
        }
    }

    /// A group that is not on its way out.
    pub(crate) fn living_group(&mut self, name: &str) -> Answer<&mut ScalingGroup> {
        let group = self.group(name)?;
        if group.deleting.is_some() {
            return refuse(ErrorKind::InUse, "ScalingActivityInProgress", format!("AutoScalingGroup {name} is pending delete"));
        }
        Ok(group)
    }

    /// Running instances keep the template version that they were launched from.
    pub(crate) fn update_group(&mut self, name: &str, settings: &GroupSettings<u64>) -> Answer<Output> {
        self.living_group(name)?;
        self.check_settings(settings)?;
        let group = self.living_group(name)?;
        let (now, active) = (&group.settings, group.refreshes.iter().any(RefreshState::active));
        if active && (now.launch_template != settings.launch_template || now.template_version != settings.template_version) {
            let message = "An Instance Refresh is in progress with a desired configuration: the launch template cannot be changed";
            return refuse(ErrorKind::InUse, "InstanceRefreshInProgress", message);
        }
        group.settings = settings.clone();
        // A group has one or the other.
        group.launch_configuration = None;
        Ok(Output::Done)
    }

    pub(crate) fn tag_group(&mut self, name: &str, set: &BTreeMap<String, GroupTag>) -> Answer<Output> {
        let group = self.living_group(name)?;
        check_tags(group.tags.keys(), set.iter().map(|(key, tag)| (key, &tag.value)))?;
        group.tags.extend(set.clone());
        Ok(Output::Done)
    }

    pub(crate) fn untag_group(&mut self, name: &str, keys: &BTreeSet<String>) -> Answer<Output> {
        self.living_group(name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Output::Done)
    }

    /// With its instances, as `ForceDelete` does.
    pub(crate) fn delete_group(&mut self, name: &str) -> Answer<Output> {
        let polls = self.behaviour.polls_deleting;
        let now = now_ms();
        let activity = self.new_id("");
        let group = self.group(name)?;
        if group.deleting.is_some() {
            return Ok(Output::Done);
        }
        let protection = group.settings.deletion_protection.as_str();
        if protection == "prevent-all-deletion" || (protection == "prevent-force-deletion" && !group.instances.is_empty()) {
            return refuse(ErrorKind::Invalid, INVALID, format!("AutoScalingGroup {name} is protected from deletion ({protection})"));
        }
        group.deleting = Some(polls);
        for state in &mut group.instances {
            "Terminating".clone_into(&mut state.instance.lifecycle);
            group.activities.push(ActivityState {
                id: activity.clone(),
                status: "InProgress".to_owned(),
                description: format!("Terminating EC2 instance: {}", state.instance.id),
                cause: "a user request force-deleted the AutoScalingGroup".to_owned(),
                message: None,
                started_ms: now,
            });
        }
        if polls == 0 {
            self.gone(name);
        }
        Ok(Output::Done)
    }

    /// Removes a group. The network interfaces of its instances may drain for a while.
    fn gone(&mut self, name: &str) {
        let draining = self.behaviour.refusals_draining;
        let Some(group) = self.region.auto_scaling_groups.remove(name) else { return };
        if let Some(activity) = group.activities.last() {
            self.region.last_activities.insert(name.to_owned(), activity.id.clone());
        }
        for id in group.instances.iter().flat_map(|state| &state.security_groups) {
            if let Some(group) = self.region.security_groups.get_mut(id) {
                group.draining = draining;
            }
        }
    }

    /// One look at a group: time goes by. Returns whether there is still one.
    pub(crate) fn look(&mut self, name: &str) -> bool {
        let Some(group) = self.region.auto_scaling_groups.get_mut(name) else { return false };
        if let Some(left) = group.deleting {
            if left == 0 {
                self.gone(name);
                return false;
            }
            group.deleting = Some(left - 1);
            return true;
        }
        for state in &mut group.instances {
            if state.instance.lifecycle != "Pending" {
                continue;
            }
            if state.pending > 0 {
                state.pending -= 1;
                continue;
            }
            "InService".clone_into(&mut state.instance.lifecycle);
            if let Some(activity) = group.activities.iter_mut().find(|activity| activity.id == state.activity) {
                "Successful".clone_into(&mut activity.status);
            }
        }
        let more = self.refresh_before_launch(name);
        let failure = self.launch_up_to(name, more);
        self.refresh_after_launch(name, failure);
        true
    }

    pub(crate) fn launch(&mut self, name: &str) {
        self.launch_up_to(name, 0);
    }

    /// Launches what the group lacks, and so many more than it should have, one activity each. A launch that fails is tried again at the next look; its message comes back.
    fn launch_up_to(&mut self, name: &str, more: u32) -> Option<String> {
        let pending = self.behaviour.polls_pending;
        loop {
            let group = self.region.auto_scaling_groups.get(name)?;
            if group.instances.len() >= usize::try_from(group.settings.desired.saturating_add(more)).unwrap_or(usize::MAX) {
                return None;
            }
            let configuration = group.launch_configuration.clone();
            let (template, version) = launches(group);
            // A group of others may follow the newest.
            let newest = |found: &&Template| found.name == template && version == 0;
            let version = self.region.launch_templates.values().find(newest).map_or(version, |found| found.latest);
            let content = match &configuration {
                Some(name) => self.region.launch_configurations.get(name).map(|configuration| &configuration.content),
                None => self.template_content(&template, version),
            };
            let failure = match content {
                None => Some(format!("The specified launch template {template} does not exist. Launching EC2 instance failed.")),
                Some(_) if self.region.launch_failures.is_empty() => None,
                Some(_) => Some(self.region.launch_failures[0].clone()),
            };
            let security_groups = content.map(|content| content.security_groups.clone()).unwrap_or_default();
            if failure.is_some() && !self.region.launch_failures.is_empty() {
                self.region.launch_failures.remove(0);
            }
            let zone = format!("{}a", self.region_name);
            let (activity, id) = (self.new_id(""), self.new_id("i-"));
            let group = self.region.auto_scaling_groups.get_mut(name)?;
            let (status, description) = match &failure {
                Some(_) => ("Failed", "Launching a new EC2 instance.  Status Reason: the launch failed".to_owned()),
                None => ("InProgress", format!("Launching a new EC2 instance: {id}")),
            };
            group.activities.push(ActivityState {
                id: activity.clone(),
                status: status.to_owned(),
                description,
                cause: "an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 0 to 1".to_owned(),
                message: failure.clone(),
                started_ms: now_ms(),
            });
            if failure.is_some() {
                return failure;
            }
            let (lifecycle, health) = ("Pending".to_owned(), "Healthy".to_owned());
            let launched = configuration.is_none();
            let (template_version, template) = (launched.then_some(version), launched.then_some(template));
            let instance = Instance { id, zone, lifecycle, health, template_version, template };
            group.instances.push(InstanceState { instance, security_groups, activity, pending });
        }
    }

    /// Somebody terminates the group's instances from outside: the group heals itself at the next look.
    pub(crate) fn lose_instances(&mut self, name: &str) -> Answer<()> {
        self.group(name)?.instances.clear();
        Ok(())
    }

    /// Activities outlive their group.
    pub(crate) fn last_activity(&self, name: &str) -> Option<String> {
        let group = self.region.auto_scaling_groups.get(name);
        group.and_then(|group| Some(group.activities.last()?.id.clone())).or_else(|| self.region.last_activities.get(name).cloned())
    }

    pub(crate) fn report(&self, name: &str, since: SystemTime) -> Option<GroupReport> {
        let group = self.region.auto_scaling_groups.get(name)?;
        let since_ms = since.duration_since(UNIX_EPOCH).map_or(0, millis);
        let activities = group.activities.iter().rev().filter(|activity| activity.started_ms >= since_ms);
        Some(GroupReport {
            instances: group.instances.iter().map(|state| state.instance.clone()).collect(),
            activities: activities.map(said).collect(),
            status: group.deleting.map(|_| "Delete in progress".to_owned()),
        })
    }
}

/// What a new instance is made of: while a refresh goes on, what that goes to.
fn launches(group: &ScalingGroup) -> (String, u64) {
    match group.refreshes.iter().find(|refresh| refresh.active()) {
        Some(refresh) if refresh.status != "RollbackInProgress" => (refresh.template.clone(), refresh.version),
        _ => (group.settings.launch_template.clone(), group.settings.template_version),
    }
}

fn said(activity: &ActivityState) -> Activity {
    let ActivityState { id, status, description, cause, message, .. } = activity.clone();
    Activity { id, status, description, cause, message }
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
