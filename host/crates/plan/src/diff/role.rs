//! The role and its instance profile.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::action::{Planned, StepId};
use crate::desired::Desired;
use crate::diff::policies::{self, Way};
use crate::draft::Draft;
use crate::observed::{Observed, ObservedProfile, ObservedRole};
use crate::plan::{ChangeKind, RefusalCode};
use crate::resource::{Kind, OWNER_TAG, POLICIES_TAG, Tags};
use crate::view::{View, compared, tag_diff};

pub(super) fn plan(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed) {
    let role = match &observed.role {
        None => Some(create_role(draft, desired)),
        Some(role) => {
            update_role(draft, desired, role);
            None
        }
    };
    let profile = match &observed.instance_profile {
        None => Some(create_profile(draft, desired)),
        Some(profile) => {
            update_profile(draft, desired, profile);
            None
        }
    };
    put_role_into_profile(draft, desired, observed.instance_profile.as_ref(), [role, profile]);
}

fn create_role(draft: &mut Draft<'_>, desired: &Desired) -> StepId {
    let name = desired.names.role().to_owned();
    let policies = Way::of_new_role(draft, desired);
    let mut tags = desired.resource_tags();
    let mut new = role_view(&desired.iam_path, &desired.role_description, &desired.trust).tags("tags", &tags, &desired.tags);
    policies::wanted(&mut new, &desired.policies);
    draft.change(Kind::Role, &name, ChangeKind::Create, (&View::default(), &new), None);
    tags.extend(policies.tag(&Tags::new()).map(|claims| (POLICIES_TAG.to_owned(), claims)));
    let create = Planned::CreateRole {
        name: name.clone(),
        path: desired.iam_path.clone(),
        description: desired.role_description.clone(),
        trust: desired.trust.clone(),
        boundary: desired.policies.boundary.clone(),
        tags,
    };
    let created = draft.step(Kind::Role, &name, [], create);
    policies.steps(draft, &name, Some(created));
    created
}

fn update_role(draft: &mut Draft<'_>, desired: &Desired, role: &ObservedRole) {
    let name = &role.name;
    if !draft.owned(Kind::Role, name, role.tags.get(OWNER_TAG).map(String::as_str)) {
        return;
    }
    // The path of one that was adopted is what it is: the config speaks of the profile's.
    let path = if desired.names.adopted.role.is_some() { &role.path } else { &desired.iam_path };
    path_stays(draft, Kind::Role, name, &role.path, path);

    let policies = Way::of_role(draft, desired, role);
    let same_trust = normalise(&role.trust) == normalise(&desired.trust);
    let trust = if same_trust { &desired.trust } else { &role.trust };
    let tags = desired.resource_tags();
    let mut old = role_view(&role.path, &role.description, trust).tags("tags", &compared(&role.tags), &desired.tags);
    let mut new = role_view(path, &desired.role_description, &desired.trust).tags("tags", &compared(&tags), &desired.tags);
    policies::there(&mut old, role, &desired.policies);
    policies::wanted(&mut new, &desired.policies);
    policies.show(&mut old, &mut new, &role.tags);
    draft.change(Kind::Role, name, ChangeKind::Update, (&old, &new), None);

    if !same_trust {
        draft.step(Kind::Role, name, [], Planned::UpdateTrust { role: name.clone(), trust: desired.trust.clone() });
    }
    if role.description != desired.role_description {
        let description = desired.role_description.clone();
        draft.step(Kind::Role, name, [], Planned::UpdateRoleDescription { role: name.clone(), description });
    }
    let (mut set, keys) = tag_diff(&role.tags, &tags);
    set.extend(policies.tag(&role.tags).map(|claims| (POLICIES_TAG.to_owned(), claims)));
    // IAM takes `Team` and `team` for one key: the old spelling goes first, or it would take the new one with it.
    let gone = (!keys.is_empty()).then(|| draft.step(Kind::Role, name, [], Planned::UntagRole { role: name.clone(), keys }));
    let tagged = (!set.is_empty()).then(|| draft.step(Kind::Role, name, gone, Planned::TagRole { role: name.clone(), set }));
    policies.steps(draft, name, tagged.or(gone));
}

fn create_profile(draft: &mut Draft<'_>, desired: &Desired) -> StepId {
    let name = desired.names.instance_profile().to_owned();
    let tags = desired.resource_tags();
    let new = profile_view(&desired.iam_path, Some(desired.names.role())).tags("tags", &tags, &desired.tags);
    draft.change(Kind::InstanceProfile, &name, ChangeKind::Create, (&View::default(), &new), None);
    let path = desired.iam_path.clone();
    draft.step(Kind::InstanceProfile, &name.clone(), [], Planned::CreateInstanceProfile { name, path, tags })
}

fn update_profile(draft: &mut Draft<'_>, desired: &Desired, profile: &ObservedProfile) {
    let name = &profile.name;
    if !draft.owned(Kind::InstanceProfile, name, profile.tags.get(OWNER_TAG).map(String::as_str)) {
        return;
    }
    path_stays(draft, Kind::InstanceProfile, name, &profile.path, &desired.iam_path);

    let tags = desired.resource_tags();
    let old = profile_view(&profile.path, profile.role.as_deref()).tags("tags", &compared(&profile.tags), &desired.tags);
    let new = profile_view(&desired.iam_path, Some(desired.names.role())).tags("tags", &compared(&tags), &desired.tags);
    draft.change(Kind::InstanceProfile, name, ChangeKind::Update, (&old, &new), None);

    let (set, keys) = tag_diff(&profile.tags, &tags);
    let untag = Planned::UntagInstanceProfile { profile: name.clone(), keys: keys.clone() };
    let gone = (!keys.is_empty()).then(|| draft.step(Kind::InstanceProfile, name, [], untag));
    if !set.is_empty() {
        draft.step(Kind::InstanceProfile, name, gone, Planned::TagInstanceProfile { profile: name.clone(), set });
    }
}

/// AWS allows one role in a profile: another one goes first. `created` are the steps that make role and profile.
fn put_role_into_profile(draft: &mut Draft<'_>, desired: &Desired, profile: Option<&ObservedProfile>, created: [Option<StepId>; 2]) {
    let (name, role) = (desired.names.instance_profile(), desired.names.role());
    let holds = profile.and_then(|profile| profile.role.as_ref());
    if holds.is_some_and(|holds| holds == role) {
        return;
    }
    let mut after: Vec<StepId> = created.into_iter().flatten().collect();
    if let Some(other) = holds {
        let remove = Planned::RemoveRoleFromInstanceProfile { profile: name.to_owned(), role: other.clone() };
        after.push(draft.step(Kind::InstanceProfile, name, [], remove));
    }
    let add = Planned::AddRoleToInstanceProfile { profile: name.to_owned(), role: role.to_owned() };
    draft.step(Kind::InstanceProfile, name, after, add);
}

fn path_stays(draft: &mut Draft<'_>, kind: Kind, name: &str, is: &str, should: &str) {
    if is != should {
        let message = format!("the {kind} {name} has the path `{is}`, the config says `{should}`: IAM cannot change a path");
        let help = format!("set `iam.profile-path` to `{is}`, or destroy the cluster and apply it anew");
        draft.refuse(RefusalCode::NeedsReplacement, kind, message, help, Some("iam.profile-path"));
    }
}

fn role_view(path: &str, description: &str, trust: &Value) -> View {
    let mut view = View::default();
    view.set("path", path, Some("iam.profile-path"));
    view.set("description", description, None);
    view.set("trust", trust, None);
    view
}

fn profile_view(path: &str, role: Option<&str>) -> View {
    let mut view = View::default();
    view.set("path", path, Some("iam.profile-path"));
    if let Some(role) = role {
        view.set("role", role, None);
    }
    view
}

/// A policy document in one spelling: IAM takes a value for a list of one, lists for sets, and `Sid`s for names without meaning. An
/// outsider's document nests as deep as serde_json reads, which is bounded.
fn normalise(document: &Value) -> Value {
    match document {
        Value::Array(items) => {
            let by_text: BTreeMap<String, Value> = items.iter().map(normalise).map(|item| (item.to_string(), item)).collect();
            let mut items: Vec<Value> = by_text.into_values().collect();
            if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
        }
        Value::Object(fields) => {
            Value::Object(fields.iter().filter(|(key, _)| *key != "Sid").map(|(key, value)| (key.clone(), normalise(value))).collect())
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trust_is_compared_by_meaning() {
        let ours = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]});
        let same = json!({"Statement": {"Sid": "x", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": ["sts:AssumeRole"], "Effect": "Allow"}, "Version": "2012-10-17"});
        let other = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}}]});
        assert_eq!(normalise(&ours), normalise(&same));
        assert_ne!(normalise(&ours), normalise(&other));
    }
}
