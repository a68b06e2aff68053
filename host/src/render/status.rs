//! What AWS holds of a cluster.

use kaphost_plan::{Kind, Names, OWNER_TAG, Observed, Plan};
use serde_json::{Value, json};

use crate::render::plan::{self, counts};
use crate::term::{BAD, CHANGED, FAINT, GOOD, STRONG, paint};

/// One resource: its kind, its name or id, and whose it is.
struct Resource<'a> {
    kind: Kind,
    id: &'a str,
    owner: Option<&'a str>,
}

fn resources(observed: &Observed) -> Vec<Resource<'_>> {
    let mut all = Vec::new();
    if let Some(group) = &observed.auto_scaling_group {
        let owner = group.tags.get(OWNER_TAG).map(|tag| tag.value.as_str());
        all.push(Resource { kind: Kind::AutoScalingGroup, id: &group.name, owner });
    }
    if let Some(template) = &observed.launch_template {
        all.push(Resource { kind: Kind::LaunchTemplate, id: &template.id, owner: template.tags.get(OWNER_TAG).map(String::as_str) });
    }
    for group in &observed.security_groups {
        all.push(Resource { kind: Kind::SecurityGroup, id: &group.id, owner: group.tags.get(OWNER_TAG).map(String::as_str) });
    }
    if let Some(role) = &observed.role {
        all.push(Resource { kind: Kind::Role, id: &role.name, owner: role.tags.get(OWNER_TAG).map(String::as_str) });
    }
    if let Some(profile) = &observed.instance_profile {
        all.push(Resource { kind: Kind::InstanceProfile, id: &profile.name, owner: profile.tags.get(OWNER_TAG).map(String::as_str) });
    }
    all
}

/// For people.
#[must_use]
pub(crate) fn text(names: &Names, observed: &Observed, plan: &Plan) -> String {
    let mut out = format!("{} in {}\n\n", paint(STRONG, &names.cluster), names.region);
    let all = resources(observed);
    if all.is_empty() {
        out.push_str("  nothing is there\n");
    }
    for Resource { kind, id, owner } in &all {
        let whose = match owner {
            Some(owner) if *owner == names.cluster => paint(GOOD, "ours"),
            Some(other) => paint(BAD, format_args!("of the cluster {other}")),
            None => paint(BAD, "not ours"),
        };
        out.push_str(&format!("  {:<20}  {id}  {whose}\n", kind.to_string()));
    }
    if let Some(group) = &observed.auto_scaling_group {
        for instance in &group.instances {
            let state = format!("{}, {}", instance.lifecycle, instance.health);
            let state = if instance.in_service() { paint(GOOD, state) } else { paint(CHANGED, state) };
            let version = instance.template_version.map(|version| format!(", template version {version}")).unwrap_or_default();
            out.push_str(&format!(
                "  {:<20}  {}  {state} {}\n",
                "instance",
                instance.id,
                paint(FAINT, format!("in {}{version}", instance.zone))
            ));
        }
        if group.instances.is_empty() {
            out.push_str(&format!("  {:<20}  {}\n", "instance", paint(CHANGED, "none")));
        }
    }
    out.push('\n');
    if plan.is_empty() {
        out.push_str(&format!("{}\n", paint(GOOD, "As it should be.")));
    } else {
        out.push_str(&format!("{} {}; `kaphost plan` shows the way back.\n", paint(CHANGED, "Not as it should be:"), counts(plan)));
        for change in &plan.changes {
            out.push_str(&plan::change(change));
        }
    }
    for kept in &plan.kept {
        out.push_str(&format!("  {} {kept}\n", paint(FAINT, "not ours, and kept:")));
    }
    out
}

/// In a few words.
#[must_use]
pub(crate) fn brief(plan: &Plan) -> String {
    if plan.is_empty() { "as it should be".to_owned() } else { format!("not as it should be: {}", counts(plan)) }
}

/// For programs.
#[must_use]
pub(crate) fn json(names: &Names, observed: &Observed) -> Value {
    let resources: Vec<Value> = resources(observed)
        .iter()
        .map(|resource| json!({ "kind": resource.kind, "id": resource.id, "ours": resource.owner == Some(names.cluster.as_str()) }))
        .collect();
    let instances = observed.auto_scaling_group.as_ref().map(|group| json!(group.instances));
    json!({ "cluster": names.cluster, "region": names.region, "resources": resources, "instances": instances })
}
