//! The Auto Scaling group. Written last: creating it starts a server, which must find everything else in place.

use std::collections::BTreeMap;

use crate::action::{Planned, Ref, StepId};
use crate::desired::Desired;
use crate::diff::rollout::{self, Way};
use crate::draft::Draft;
use crate::observed::{Instance, Observed, ObservedGroup, ObservedTemplate};
use crate::plan::{ChangeKind, RefusalCode};
use crate::resource::{GroupSettings, GroupTag, Kind, OWNER_TAG, PLAN_TAG, TemplateContent};
use crate::view::{self, KNOWN_LATER, View, compared, group_tag_diff};

/// Plans the group, and the wait for its server.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    desired: &Desired,
    observed: &Observed,
    version: &Ref<u64>,
    content: &TemplateContent<Ref<String>>,
) {
    match &observed.auto_scaling_group {
        None => create(draft, desired, desired.group.with_version(version.clone())),
        Some(group) => update(draft, desired, group, observed.launch_template.as_ref(), version, content),
    }
}

fn create(draft: &mut Draft<'_>, desired: &Desired, settings: GroupSettings<Ref<u64>>) {
    let name = desired.names.group().to_owned();
    let mut tags = desired.group_tags.clone();
    tags.extend(mark(desired));
    let new = view::group(&settings, version_text).group_tags(&tags, &desired.tags);
    draft.change(Kind::AutoScalingGroup, &name, ChangeKind::Create, (&View::default(), &new), None);
    let instance_profile = desired.names.instance_profile().to_owned();
    let action = Planned::CreateAutoScalingGroup { name: name.clone(), settings, instance_profile, tags };
    let step = draft.step(Kind::AutoScalingGroup, &name, draft.last(), action);
    wait(draft, desired, step);
}

fn update(
    draft: &mut Draft<'_>,
    desired: &Desired,
    group: &ObservedGroup,
    template: Option<&ObservedTemplate>,
    version: &Ref<u64>,
    content: &TemplateContent<Ref<String>>,
) {
    let name = &group.name;
    if !draft.owned(Kind::AutoScalingGroup, name, group.tags.get(OWNER_TAG).map(|tag| tag.value.as_str())) {
        return;
    }
    if let Some(status) = &group.status {
        let message = format!("the {} {name} is going away: AWS says `{status}`", Kind::AutoScalingGroup);
        draft.refuse(RefusalCode::BeingDeleted, Kind::AutoScalingGroup, message, "wait until it is gone, then apply again", Some("name"));
        return;
    }

    let way = rollout::way(draft, desired, group, template, version, content);
    let pins = group.settings.template_version;
    let now = group.settings.with_version(Ref::Known(pins));
    let wanted = desired.group.with_version(version.clone());
    let mut old = view::group(&now, version_text).group_tags(&compared(&group.tags), &desired.tags);
    let mut new = view::group(&wanted, version_text).group_tags(&compared(&desired.group_tags), &desired.tags);
    if let Way::Replace(replaced) | Way::Join(replaced, _) = &way {
        rollout::show(&mut old, &mut new, replaced, &version_text(version));
    }
    let (mut set, keys) = group_tag_diff(&group.tags, &desired.group_tags);
    // Where nothing is done, nothing says that it was.
    let acts = !draft.is_empty() || !old.changes_to(&new).is_empty();
    if let Some((key, tag)) = mark(desired).filter(|(key, tag)| acts && group.tags.get(key) != Some(tag)) {
        let was = group.tags.get(&key).map(|was| (key.clone(), was.clone()));
        old = old.group_tags(&was.into_iter().collect(), &desired.tags);
        new = new.group_tags(&BTreeMap::from([(key.clone(), tag.clone())]), &desired.tags);
        set.insert(key, tag);
    }
    draft.change(Kind::AutoScalingGroup, name, ChangeKind::Update, (&old, &new), rollout::note(desired, group, &way));

    let mut before = draft.last();
    if !set.is_empty() {
        draft.step(Kind::AutoScalingGroup, name, [], Planned::TagGroup { name: name.clone(), set });
    }
    if !keys.is_empty() {
        draft.step(Kind::AutoScalingGroup, name, [], Planned::UntagGroup { name: name.clone(), keys });
    }
    // A refresh pins its version itself, when it went well: until then the group keeps what it has, to go back to. What is no number, or another template, is nothing to
    // go back to.
    let settings = match way {
        Way::Replace(_) | Way::Join(..) if pins > 0 && now.launch_template == wanted.launch_template => {
            wanted.with_version(Ref::Known(pins))
        }
        _ => wanted,
    };
    if matches!(way, Way::Pin | Way::Replace(_)) {
        before.extend(rollout::clear(draft, desired, group));
    }
    if now != settings {
        let action = Planned::UpdateAutoScalingGroup { name: name.clone(), settings };
        let step = draft.step(Kind::AutoScalingGroup, name, before, action);
        let replaces = matches!(way, Way::Replace(_) | Way::Join(..));
        if !replaces && !group.instances.iter().any(Instance::in_service) {
            wait(draft, desired, step);
        }
    }
    match way {
        Way::Keep | Way::Pin => {}
        Way::Replace(_) => rollout::start(draft, desired, group, version),
        Way::Join(_, refresh) => rollout::follow(draft, desired, name, Ref::Known(refresh.id), None),
    }
}

/// What says that a kept plan was carried out. Instances do not get it: it says nothing of them.
fn mark(desired: &Desired) -> Option<(String, GroupTag)> {
    desired.mark.as_ref().map(|id| (PLAN_TAG.to_owned(), GroupTag { value: id.clone(), propagate: false }))
}

fn wait(draft: &mut Draft<'_>, desired: &Desired, after: StepId) {
    if desired.wait_for_capacity_s > 0 {
        let group = desired.names.group().to_owned();
        let action = Planned::WaitForCapacity { group: group.clone(), timeout_s: desired.wait_for_capacity_s };
        draft.step(Kind::AutoScalingGroup, &group, [after], action);
    }
}

fn version_text(version: &Ref<u64>) -> String {
    match version {
        Ref::Known(0) => "none".to_owned(),
        Ref::Known(number) => number.to_string(),
        Ref::Of(_) => KNOWN_LATER.to_owned(),
    }
}
