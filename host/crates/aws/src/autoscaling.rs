//! Auto Scaling: the group of one.

pub(crate) mod configuration;
mod refresh;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_autoscaling::primitives::{DateTime, DateTimeFormat};
use aws_sdk_autoscaling::types::{
    AutoScalingGroup, DeletionProtection, Filter, InstanceMaintenancePolicy, LaunchTemplateSpecification, LifecycleState,
    ScalingActivityStatusCode, Tag, TagDescription,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use kaphost_apply::{Activity, CloudError, ErrorKind, GroupReport};
use kaphost_plan::preflight::Quota;
use kaphost_plan::{GroupSettings, GroupTag, Instance, ObservedGroup};

/// Both describes give at most this many in a page.
const PAGE: i32 = 100;
/// What tags hang on.
const GROUP: &str = "auto-scaling-group";
/// In a maintenance policy: unset.
const UNSET: i32 = -1;

/// The client of Auto Scaling and who it calls, for errors.
#[derive(Debug)]
pub(crate) struct AutoScaling {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
}

impl AutoScaling {
    /// For `map_err`.
    fn error<E>(&self, operation: &str) -> impl FnOnce(SdkError<E, HttpResponse>) -> CloudError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        move |error| crate::error::translate(operation, &self.endpoint, &error)
    }

    // ── reads ──

    pub(crate) async fn describe(&self, name: &str) -> Result<Option<AutoScalingGroup>, CloudError> {
        let call = self.client.describe_auto_scaling_groups().auto_scaling_group_names(name);
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut found = None;
        while let Some(group) = items.next().await {
            let group = group.map_err(self.error("DescribeAutoScalingGroups"))?;
            if group.auto_scaling_group_name() == Some(name) {
                found = Some(group);
            }
        }
        Ok(found)
    }

    /// The group of the name.
    pub(crate) async fn group(&self, name: &str) -> Result<Option<ObservedGroup>, CloudError> {
        Ok(self.describe(name).await?.map(|group| observed(name, &group)))
    }

    /// How many groups the account has in this region, and may have.
    pub(crate) async fn group_quota(&self) -> Result<Quota, CloudError> {
        const OPERATION: &str = "DescribeAccountLimits";
        let answer = self.client.describe_account_limits().send().await.map_err(self.error(OPERATION))?;
        let count = |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok());
        let (used, most) = (count(answer.number_of_auto_scaling_groups()), count(answer.max_number_of_auto_scaling_groups()));
        let missing = || CloudError::new(ErrorKind::Other, OPERATION, "AWS does not say how many groups there may be");
        let (Some(used), Some(most)) = (used, most) else { return Err(missing()) };
        Ok(Quota { used, most })
    }

    /// One poll: the group and its activities, side by side.
    pub(crate) async fn report(&self, name: &str, since: SystemTime) -> Result<Option<GroupReport>, CloudError> {
        let (group, activities) = tokio::join!(self.describe(name), self.activities(name, since));
        let Some(group) = group? else { return Ok(None) };
        Ok(Some(GroupReport { instances: instances(&group), activities: activities?, status: group.status().map(str::to_owned) }))
    }

    /// Activities since a moment, newest first. AWS filters, to the second; what does not know the filter is filtered here.
    async fn activities(&self, name: &str, since: SystemTime) -> Result<Vec<Activity>, CloudError> {
        let since = whole_second(since);
        let mut call = self.client.describe_scaling_activities().auto_scaling_group_name(name);
        if let Ok(text) = since.fmt(DateTimeFormat::DateTime) {
            call = call.filters(Filter::builder().name("StartTimeLowerBound").values(text).build());
        }
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut found: Vec<(DateTime, Activity)> = Vec::new();
        while let Some(activity) = items.next().await {
            let activity = match activity.map_err(self.error("DescribeScalingActivities")) {
                Ok(activity) => activity,
                // No such group: the other read says so.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let started = activity.start_time().copied().unwrap_or(since);
            if started < since {
                // AWS gives them newest first: the rest is older still, up to six weeks of it.
                break;
            }
            found.push((started, activity_of(&activity)));
        }
        found.sort_by_key(|(started, _)| std::cmp::Reverse(*started));
        Ok(found.into_iter().map(|(_, activity)| activity).collect())
    }

    /// AWS gives the newest first, also of groups that are gone.
    pub(crate) async fn last_activity(&self, name: &str) -> Result<Option<String>, CloudError> {
        let call = self.client.describe_scaling_activities().auto_scaling_group_name(name).include_deleted_groups(true).max_records(1);
        match call.send().await.map_err(self.error("DescribeScalingActivities")) {
            Ok(answer) => Ok(answer.activities().first().and_then(|activity| activity.activity_id()).map(str::to_owned)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    // ── writes ──

    pub(crate) async fn create(
        &self,
        name: &str,
        settings: &GroupSettings<u64>,
        tags: &BTreeMap<String, GroupTag>,
    ) -> Result<(), CloudError> {
        let call = self
            .client
            .create_auto_scaling_group()
            .auto_scaling_group_name(name)
            .launch_template(template(settings))
            .vpc_zone_identifier(subnets(settings))
            .min_size(number(settings.min))
            .max_size(number(settings.max))
            .desired_capacity(number(settings.desired))
            .health_check_type(&settings.health_check)
            .health_check_grace_period(number(settings.grace_period_s))
            .default_instance_warmup(number(settings.warmup_s))
            .set_termination_policies(Some(settings.termination_policies.clone()))
            .set_instance_maintenance_policy(settings.maintenance.map(|bounds| maintenance(Some(bounds))))
            .deletion_protection(DeletionProtection::from(settings.deletion_protection.as_str()))
            .set_tags((!tags.is_empty()).then(|| tag_list(name, tags)));
        call.send().await.map_err(self.error("CreateAutoScalingGroup"))?;
        Ok(())
    }

    /// All settings, also those that are as they were; an unset maintenance policy is cleared.
    pub(crate) async fn update(&self, name: &str, settings: &GroupSettings<u64>) -> Result<(), CloudError> {
        let call = self
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name(name)
            .launch_template(template(settings))
            .vpc_zone_identifier(subnets(settings))
            .min_size(number(settings.min))
            .max_size(number(settings.max))
            .desired_capacity(number(settings.desired))
            .health_check_type(&settings.health_check)
            .health_check_grace_period(number(settings.grace_period_s))
            .default_instance_warmup(number(settings.warmup_s))
            .set_termination_policies(Some(settings.termination_policies.clone()))
            .instance_maintenance_policy(maintenance(settings.maintenance))
            .deletion_protection(DeletionProtection::from(settings.deletion_protection.as_str()));
        call.send().await.map_err(self.error("UpdateAutoScalingGroup"))?;
        Ok(())
    }

    pub(crate) async fn tag(&self, name: &str, set: &BTreeMap<String, GroupTag>) -> Result<(), CloudError> {
        let call = self.client.create_or_update_tags().set_tags(Some(tag_list(name, set)));
        call.send().await.map_err(self.error("CreateOrUpdateTags"))?;
        Ok(())
    }

    pub(crate) async fn untag(&self, name: &str, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        let tags = keys.iter().map(|key| Tag::builder().resource_id(name).resource_type(GROUP).key(key).build()).collect();
        self.client.delete_tags().set_tags(Some(tags)).send().await.map_err(self.error("DeleteTags"))?;
        Ok(())
    }

    /// With its instances.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), CloudError> {
        let call = self.client.delete_auto_scaling_group().auto_scaling_group_name(name).force_delete(true);
        call.send().await.map_err(self.error("DeleteAutoScalingGroup"))?;
        Ok(())
    }
}

/// What is known of a group from one describe.
pub(crate) fn observed(name: &str, group: &AutoScalingGroup) -> ObservedGroup {
    let tag = |tag: &TagDescription| {
        let value = tag.value().unwrap_or_default().to_owned();
        Some((tag.key()?.to_owned(), GroupTag { value, propagate: tag.propagate_at_launch() == Some(true) }))
    };
    ObservedGroup {
        name: name.to_owned(),
        arn: group.auto_scaling_group_arn().unwrap_or_default().to_owned(),
        settings: settings(group),
        tags: group.tags().iter().filter_map(tag).collect(),
        instances: instances(group),
        status: group.status().map(str::to_owned),
        refresh: None,
    }
}

fn template(settings: &GroupSettings<u64>) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_name(&settings.launch_template)
        .version(settings.template_version.to_string())
        .build()
}

/// Sorted, as the set is.
fn subnets(settings: &GroupSettings<u64>) -> String {
    settings.subnets.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

fn maintenance(bounds: Option<(u32, u32)>) -> InstanceMaintenancePolicy {
    let (least, most) = bounds.map_or((UNSET, UNSET), |(least, most)| (number(least), number(most)));
    InstanceMaintenancePolicy::builder().min_healthy_percentage(least).max_healthy_percentage(most).build()
}

fn tag_list(group: &str, tags: &BTreeMap<String, GroupTag>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, tag)| {
            let base = Tag::builder().resource_id(group).resource_type(GROUP);
            base.key(key).value(&tag.value).propagate_at_launch(tag.propagate).build()
        })
        .collect()
}

/// What kaphost sets of a group, read back.
fn settings(group: &AutoScalingGroup) -> GroupSettings<u64> {
    let template = group.launch_template();
    let count = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let zones = group.vpc_zone_identifier().unwrap_or_default();
    let bounds = group.instance_maintenance_policy();
    GroupSettings {
        launch_template: template.and_then(|template| template.launch_template_name()).unwrap_or_default().to_owned(),
        template_version: template.and_then(version).unwrap_or_default(),
        subnets: zones.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        min: count(group.min_size()).unwrap_or_default(),
        max: count(group.max_size()).unwrap_or_default(),
        desired: count(group.desired_capacity()).unwrap_or_default(),
        health_check: group.health_check_type().unwrap_or_default().to_owned(),
        grace_period_s: count(group.health_check_grace_period()).unwrap_or_default(),
        warmup_s: count(group.default_instance_warmup()).unwrap_or_default(),
        termination_policies: group.termination_policies().to_vec(),
        maintenance: bounds.and_then(|bounds| Some((count(bounds.min_healthy_percentage())?, count(bounds.max_healthy_percentage())?))),
        deletion_protection: group.deletion_protection().map_or("none", DeletionProtection::as_str).to_owned(),
    }
}

/// A pinned number; `$Latest` and `$Default` are none.
fn version(template: &LaunchTemplateSpecification) -> Option<u64> {
    template.version().and_then(|version| version.parse().ok())
}

fn instances(group: &AutoScalingGroup) -> Vec<Instance> {
    let mut instances: Vec<Instance> = group
        .instances()
        .iter()
        .map(|instance| Instance {
            id: instance.instance_id().unwrap_or_default().to_owned(),
            zone: instance.availability_zone().unwrap_or_default().to_owned(),
            lifecycle: instance.lifecycle_state().map_or("", LifecycleState::as_str).to_owned(),
            health: instance.health_status().unwrap_or_default().to_owned(),
            template_version: instance.launch_template().and_then(version),
            template: instance.launch_template().and_then(|template| template.launch_template_name()).map(str::to_owned),
        })
        .collect();
    instances.sort_by(|a, b| a.id.cmp(&b.id));
    instances
}

fn activity_of(activity: &aws_sdk_autoscaling::types::Activity) -> Activity {
    Activity {
        id: activity.activity_id().unwrap_or_default().to_owned(),
        status: activity.status_code().map_or("", ScalingActivityStatusCode::as_str).to_owned(),
        description: activity.description().unwrap_or_default().to_owned(),
        cause: activity.cause().unwrap_or_default().to_owned(),
        message: activity.status_message().filter(|text| !text.is_empty()).map(str::to_owned),
    }
}

/// AWS keeps activities by the second, so "since" is too.
fn whole_second(moment: SystemTime) -> DateTime {
    let since_epoch = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    DateTime::from_secs(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}

/// AWS's numbers are signed; ours are far below the limit, and beyond it AWS refuses.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
