//! Instance refreshes: one server replaced by another, a step at each look at the group.

use kaphost_apply::ErrorKind;
use kaphost_plan::{Output, Refresh, RefreshPreferences};

use crate::refuse::{Answer, refuse};
use crate::scaling::now_ms;
use crate::state::{ActivityState, RefreshState, ScalingGroup, World};

/// So many launches fail before a refresh is given up. AWS goes by time; here time is looks.
const FAILURES: u32 = 2;

impl RefreshState {
    /// Whether it goes on.
    pub(crate) fn active(&self) -> bool {
        self.told().active()
    }

    fn told(&self) -> Refresh {
        let percent = match self.status.as_str() {
            "Successful" => 100,
            "Pending" => 0,
            _ if self.old.is_empty() => 90,
            _ => 0,
        };
        Refresh {
            id: self.id.clone(),
            status: self.status.clone(),
            reason: self.reason.clone(),
            percent: Some(percent),
            version: Some(self.version),
        }
    }

    fn becomes(&mut self, status: &str) {
        status.clone_into(&mut self.status);
    }
}

impl World<'_> {
    pub(crate) fn start_refresh(&mut self, group: &str, template: &str, version: u64, preferences: &RefreshPreferences) -> Answer<Output> {
        let id = self.new_id("refresh-");
        if self.template_content(template, version).is_none() {
            let message = format!(
                "You must use a valid fully-formed launch template. The specified launch template {template} or its version {version} does not exist."
            );
            return refuse(ErrorKind::NotFound, "ValidationError", message);
        }
        let (least, most) = (preferences.min_healthy_percentage, preferences.max_healthy_percentage);
        if least > 100 || !(100..=200).contains(&most) || most - least > 100 {
            return refuse(ErrorKind::Invalid, "ValidationError", "MinHealthyPercentage and MaxHealthyPercentage differ by more than 100");
        }
        let found = self.living_group(group)?;
        if let Some(active) = found.refreshes.iter().find(|refresh| refresh.active()) {
            let message =
                format!("An Instance Refresh is already in progress and blocks the execution of this Instance Refresh: {}", active.id);
            return refuse(ErrorKind::InUse, "InstanceRefreshInProgress", message);
        }
        if preferences.auto_rollback && found.settings.template_version == 0 {
            let message = "AutoRollback needs a group whose launch template is pinned by a number";
            return refuse(ErrorKind::Invalid, "ValidationError", message);
        }
        let matches = |version_of: Option<u64>| preferences.skip_matching && version_of == Some(version);
        let old = found.instances.iter().map(|state| &state.instance).filter(|instance| !matches(instance.template_version));
        let refresh = RefreshState {
            id: id.clone(),
            status: "Pending".to_owned(),
            reason: None,
            template: template.to_owned(),
            version,
            before: found.settings.template_version,
            launch_first: least == 100,
            auto_rollback: preferences.auto_rollback,
            old: old.map(|instance| instance.id.clone()).collect(),
            failures: 0,
        };
        found.refreshes.push(refresh);
        Ok(Output::Refresh(id))
    }

    pub(crate) fn cancel_refresh(&mut self, group: &str) -> Answer<Output> {
        match self.living_group(group)?.refreshes.iter_mut().find(|refresh| refresh.active()) {
            Some(refresh) => {
                refresh.becomes("Cancelling");
                Ok(Output::Done)
            }
            None => refuse(ErrorKind::NotFound, "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found"),
        }
    }

    /// Newest first.
    pub(crate) fn refreshes(&self, group: &str) -> Vec<Refresh> {
        let group = self.region.auto_scaling_groups.get(group);
        group.into_iter().flat_map(|group| group.refreshes.iter().rev().map(RefreshState::told)).collect()
    }

    /// The first half of a step: ends old instances whose time has come. Gives how many more than the group should have may be launched.
    pub(crate) fn refresh_before_launch(&mut self, name: &str) -> u32 {
        let Some((group, at)) = self.active(name) else { return 0 };
        let refresh = &mut group.refreshes[at];
        match refresh.status.as_str() {
            "Pending" => {
                refresh.becomes("InProgress");
                return 0;
            }
            "Cancelling" => {
                refresh.becomes("Cancelled");
                return 0;
            }
            _ => {}
        }
        let new_serves = group.instances.iter().any(|state| !refresh.old.contains(&state.instance.id) && state.instance.in_service());
        if refresh.old.is_empty() || (refresh.launch_first && !new_serves) {
            return u32::from(refresh.launch_first && !refresh.old.is_empty());
        }
        let (old, refresh) = (std::mem::take(&mut refresh.old), refresh.id.clone());
        group.instances.retain(|state| !old.contains(&state.instance.id));
        for id in old {
            group.activities.push(ActivityState {
                id: format!("{refresh}-{id}"),
                status: "Successful".to_owned(),
                description: format!("Terminating EC2 instance: {id}"),
                cause: "an instance was taken out of service in response to an instance refresh".to_owned(),
                message: None,
                started_ms: now_ms(),
            });
        }
        0
    }

    /// The second half: what the launches have come to.
    pub(crate) fn refresh_after_launch(&mut self, name: &str, failure: Option<String>) {
        let Some((group, at)) = self.active(name) else { return };
        let desired = usize::try_from(group.settings.desired).unwrap_or(usize::MAX);
        let whole = group.instances.len() == desired && group.instances.iter().all(|state| state.instance.in_service());
        let refresh = &mut group.refreshes[at];
        refresh.failures += u32::from(failure.is_some());
        let back = refresh.status == "RollbackInProgress";
        if refresh.old.is_empty() && whole && failure.is_none() && refresh.status != "Pending" {
            refresh.becomes(if back { "RollbackSuccessful" } else { "Successful" });
            if !back {
                group.settings.template_version = refresh.version;
                group.settings.launch_template.clone_from(&refresh.template);
            }
        } else if refresh.failures >= FAILURES {
            refresh.failures = 0;
            refresh.reason = failure.map(|message| format!("New instances cannot be launched. Last failure: {message}"));
            if back {
                refresh.becomes("RollbackFailed");
            } else if refresh.auto_rollback {
                refresh.becomes("RollbackInProgress");
                let before = refresh.before;
                let replaced = group.instances.iter().map(|state| &state.instance).filter(|it| it.template_version != Some(before));
                refresh.old = replaced.map(|instance| instance.id.clone()).collect();
            } else {
                refresh.becomes("Failed");
            }
        }
    }

    /// The group and the place of its refresh that goes on.
    fn active(&mut self, name: &str) -> Option<(&mut ScalingGroup, usize)> {
        let group = self.region.auto_scaling_groups.get_mut(name)?;
        let at = group.refreshes.iter().position(RefreshState::active)?;
        Some((group, at))
    }
}
