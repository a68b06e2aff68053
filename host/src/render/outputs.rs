//! The outputs: the names and ids that others need.

use kaphost_plan::Observed;
use serde_json::{Map, Value};

/// A name and its value, when there is one.
pub(crate) type Output = (&'static str, Option<String>);

/// The outputs of the Terraform module under its names. A launch template stands in place of the launch configuration; `iam_role_id` is the role's name, as
/// Terraform has it.
#[must_use]
pub(crate) fn of(observed: &Observed) -> Vec<Output> {
    let group = observed.auto_scaling_group.as_ref();
    let template = observed.launch_template.as_ref();
    let role = observed.role.as_ref();
    let security_group = observed.security_groups.first();
    vec![
        ("asg_name", group.map(|group| group.name.clone())),
        ("launch_template_name", template.map(|template| template.name.clone())),
        ("launch_template_id", template.map(|template| template.id.clone())),
        ("launch_template_version", group.map(|group| group.settings.template_version.to_string())),
        ("iam_role_arn", role.map(|role| role.arn.clone())),
        ("iam_role_id", role.map(|role| role.name.clone())),
        ("instance_profile_name", observed.instance_profile.as_ref().map(|profile| profile.name.clone())),
        ("security_group_id", security_group.map(|group| group.id.clone())),
    ]
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
