//! The outputs: the names and ids that others need.

use kaphost_apply::Record;
use kaphost_plan::{Action, Names, OWNER_TAG, Observed, Output as Made, Ref, Tags};
use serde_json::{Map, Value};

/// A name and its value, when there is one.
pub(crate) type Output = (&'static str, Option<String>);

/// The outputs of the Terraform module under its names. A launch template stands in place of the launch configuration; `iam_role_id` is the role's name, as
/// Terraform has it. Only what is ours.
#[must_use]
pub(crate) fn of(names: &Names, observed: &Observed) -> Vec<Output> {
    let ours = |tags: &Tags| tags.get(OWNER_TAG) == Some(&names.cluster);
    let group = observed.auto_scaling_group.as_ref();
    let group = group.filter(|group| group.tags.get(OWNER_TAG).is_some_and(|tag| tag.value == names.cluster));
    let template = observed.launch_template.as_ref().filter(|template| ours(&template.tags));
    let role = observed.role.as_ref().filter(|role| ours(&role.tags));
    let profile = observed.instance_profile.as_ref().filter(|profile| ours(&profile.tags));
    let security_group = observed.security_groups.iter().find(|group| ours(&group.tags));
    vec![
        ("asg_name", group.map(|group| group.name.clone())),
        ("launch_template_name", template.map(|template| template.name.clone())),
        ("launch_template_id", template.map(|template| template.id.clone())),
        ("launch_template_version", group.map(|group| group.settings.template_version.to_string())),
        ("iam_role_arn", role.map(|role| role.arn.clone())),
        ("iam_role_id", role.map(|role| role.name.clone())),
        ("instance_profile_name", profile.map(|profile| profile.name.clone())),
        ("security_group_id", security_group.map(|group| group.id.clone())),
    ]
}

/// The outputs after a run that came to its end: what was there before, and what the run made. AWS is not asked again.
#[must_use]
pub(crate) fn after(before: &Observed, record: &Record, names: &Names) -> Vec<Output> {
    let mut outputs = of(names, before);
    let names = names.located(before);
    let mut set = |name: &str, value: String| {
        if let Some((_, known)) = outputs.iter_mut().find(|(known, _)| *known == name) {
            *known = Some(value);
        }
    };
    set("asg_name", names.group().to_owned());
    set("launch_template_name", names.regional.clone());
    set("iam_role_id", names.role().to_owned());
    set("instance_profile_name", names.instance_profile().to_owned());
    // A group that was to pin another version than the last that was made would have been planned so: versions that are there already.
    for (plan, _) in &record.rounds {
        for step in &plan.steps {
            let version = match &step.action {
                Action::UpdateAutoScalingGroup { settings, .. } | Action::CreateAutoScalingGroup { settings, .. } => {
                    &settings.template_version
                }
                Action::StartInstanceRefresh { version, .. } => version,
                _ => continue,
            };
            if let Ref::Known(version) = version {
                set("launch_template_version", version.to_string());
            }
        }
    }
    for made in record.rounds.iter().flat_map(|(_, report)| &report.steps).filter_map(|step| step.output.as_ref()) {
        match made {
            Made::SecurityGroup(id) => set("security_group_id", id.clone()),
            Made::Role { arn } => set("iam_role_arn", arn.clone()),
            Made::LaunchTemplate { id, version } => {
                set("launch_template_id", id.clone());
                set("launch_template_version", version.to_string());
            }
            Made::TemplateVersion(version) => set("launch_template_version", version.to_string()),
            Made::Done | Made::Refresh(_) => {}
        }
    }
    outputs
}

/// `name = value`, aligned. What is not there yet is left out.
#[must_use]
pub(crate) fn text(outputs: &[Output]) -> String {
    let there: Vec<(&str, &String)> = outputs.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?))).collect();
    if there.is_empty() {
        return "Nothing is there yet.\n".to_owned();
    }
    let widest = there.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    there.iter().map(|(name, value)| format!("{name:<widest$} = {value}\n")).collect()
}

/// An object; null for what is not there yet.
#[must_use]
pub(crate) fn json(outputs: &[Output]) -> Value {
    Value::Object(outputs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.clone()))).collect::<Map<_, _>>())
}
