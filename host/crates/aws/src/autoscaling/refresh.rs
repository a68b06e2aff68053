//! Instance refreshes: the rolling update of a group.

use aws_sdk_autoscaling::types as sdk;
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Refresh, RefreshPreferences};

use super::{AutoScaling, number, version};

/// Of a group only the latest count: one may be under way, and another may have failed before it.
const LATEST: i32 = 5;

impl AutoScaling {
    /// The latest refreshes, newest first. A group that is not there has none.
    pub(crate) async fn refreshes(&self, group: &str) -> Result<Vec<Refresh>, CloudError> {
        let call = self.client.describe_instance_refreshes().auto_scaling_group_name(group).max_records(LATEST);
        match call.send().await.map_err(self.error("DescribeInstanceRefreshes")) {
            Ok(answer) => Ok(answer.instance_refreshes().iter().map(refresh).collect()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Gives the id of the refresh.
    pub(crate) async fn start_refresh(
        &self,
        group: &str,
        template: &str,
        version: u64,
        preferences: &RefreshPreferences,
    ) -> Result<String, CloudError> {
        const OPERATION: &str = "StartInstanceRefresh";
        let template = sdk::LaunchTemplateSpecification::builder().launch_template_name(template).version(version.to_string()).build();
        let preferences = sdk::RefreshPreferences::builder()
            .min_healthy_percentage(number(preferences.min_healthy_percentage))
            .max_healthy_percentage(number(preferences.max_healthy_percentage))
            .instance_warmup(number(preferences.warmup_s))
            .auto_rollback(preferences.auto_rollback)
            .skip_matching(preferences.skip_matching)
            .build();
        let call = self
            .client
            .start_instance_refresh()
            .auto_scaling_group_name(group)
            .strategy(sdk::RefreshStrategy::Rolling)
            .desired_configuration(sdk::DesiredConfiguration::builder().launch_template(template).build())
            .preferences(preferences);
        let answer = call.send().await.map_err(self.error(OPERATION))?;
        let message = || format!("the answer of {} does not say the id of the refresh", self.endpoint);
        answer.instance_refresh_id.ok_or_else(|| CloudError::new(ErrorKind::Other, OPERATION, message()))
    }

    pub(crate) async fn cancel_refresh(&self, group: &str) -> Result<(), CloudError> {
        let call = self.client.cancel_instance_refresh().auto_scaling_group_name(group);
        call.send().await.map_err(self.error("CancelInstanceRefresh"))?;
        Ok(())
    }
}

fn refresh(refresh: &sdk::InstanceRefresh) -> Refresh {
    let template = refresh.desired_configuration().and_then(|wanted| wanted.launch_template());
    // While it goes back, the reason of the failure stands with the rollback.
    let rollback = refresh.rollback_details().and_then(|details| details.rollback_reason());
    let reason = rollback.or_else(|| refresh.status_reason()).filter(|text| !text.is_empty());
    Refresh {
        id: refresh.instance_refresh_id().unwrap_or_default().to_owned(),
        status: refresh.status().map_or("", sdk::InstanceRefreshStatus::as_str).to_owned(),
        reason: reason.map(str::to_owned),
        percent: refresh.percentage_complete().and_then(|percent| u32::try_from(percent).ok()),
        version: template.and_then(version),
    }
}
