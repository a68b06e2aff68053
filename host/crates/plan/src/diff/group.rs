//! The Auto Scaling group. Written last: creating it starts a server, which must find everything else in place.

use crate::action::{Planned, Ref, StepId};
use crate::desired::Desired;
use crate::draft::Draft;
use crate::observed::{Instance, ObservedGroup};
use crate::plan::{ChangeKind, RefusalCode};
use crate::resource::{GroupSettings, Kind, OWNER_TAG};
use crate::view::{self, KNOWN_LATER, View, compared, group_tag_diff};

/// Plans the group, and the wait for its server.
pub(super) fn plan(draft: &mut Draft<'_>, desired: &Desired, observed: Option<&ObservedGroup>, version: &Ref<u64>) {
    let settings = desired.group.with_version(version.clone());
    match observed {
        None => create(draft, desired, settings),
        Some(group) => update(draft, desired, group, settings),
    }
}

fn create(draft: &mut Draft<'_>, desired: &Desired, settings: GroupSettings<Ref<u64>>) {
    let name = desired.names.regional.clone();
    let tags = desired.group_tags.clone();
    let new = view::group(&settings, version_text).group_tags(&tags, &desired.tags);
    draft.change(Kind::AutoScalingGroup, &name, ChangeKind::Create, (&View::default(), &new), None);
    let instance_profile = desired.names.global.clone();
    let action = Planned::CreateAutoScalingGroup { name: name.clone(), settings, instance_profile, tags };
    let step = draft.step(Kind::AutoScalingGroup, &name, draft.last(), action);
    wait(draft, desired, step);
}

fn update(draft: &mut Draft<'_>, desired: &Desired, group: &ObservedGroup, settings: GroupSettings<Ref<u64>>) {
    let name = &group.name;
    if !draft.owned(Kind::AutoScalingGroup, name, group.tags.get(OWNER_TAG).map(|tag| tag.value.as_str())) {
        return;
    }
    if let Some(status) = &group.status {
        let message = format!("the {} {name} is going away: AWS says `{status}`", Kind::AutoScalingGroup);
        draft.refuse(RefusalCode::BeingDeleted, Kind::AutoScalingGroup, message, "wait until it is gone, then apply again", Some("name"));
        return;
    }

    let now = group.settings.with_version(Ref::Known(group.settings.template_version));
    let differs = now != settings;
    let note = (now.template_version != settings.template_version).then(|| keeps_version(group, &settings.template_version)).flatten();
    let old = view::group(&now, version_text).group_tags(&compared(&group.tags), &desired.tags);
    let new = view::group(&settings, version_text).group_tags(&compared(&desired.group_tags), &desired.tags);
    draft.change(Kind::AutoScalingGroup, name, ChangeKind::Update, (&old, &new), note);

    let (set, keys) = group_tag_diff(&group.tags, &desired.group_tags);
    let before = draft.last();
    if !set.is_empty() {
        draft.step(Kind::AutoScalingGroup, name, [], Planned::TagGroup { name: name.clone(), set });
    }
    if !keys.is_empty() {
        draft.step(Kind::AutoScalingGroup, name, [], Planned::UntagGroup { name: name.clone(), keys });
    }
    if differs {
        let action = Planned::UpdateAutoScalingGroup { name: name.clone(), settings };
        let step = draft.step(Kind::AutoScalingGroup, name, before, action);
        if !group.instances.iter().any(Instance::in_service) {
            wait(draft, desired, step);
        }
    }
}

fn wait(draft: &mut Draft<'_>, desired: &Desired, after: StepId) {
    if desired.wait_for_capacity_s > 0 {
        let group = desired.names.regional.clone();
        let action = Planned::WaitForCapacity { group: group.clone(), timeout_s: desired.wait_for_capacity_s };
        draft.step(Kind::AutoScalingGroup, &group, [after], action);
    }
}

/// What pinning another version means for a server that runs: nothing until it is replaced.
fn keeps_version(group: &ObservedGroup, pinned: &Ref<u64>) -> Option<String> {
    let runs_another = |instance: &&Instance| instance.template_version.is_none_or(|version| Ref::Known(version) != *pinned);
    let instance = group.instances.iter().find(runs_another)?;
    Some(match instance.template_version {
        Some(version) => format!("the running instance {} keeps version {version} until it is replaced", instance.id),
        None => format!("the running instance {} stays as it is until it is replaced", instance.id),
    })
}

fn version_text(version: &Ref<u64>) -> String {
    match version {
        Ref::Known(0) => "none".to_owned(),
        Ref::Known(number) => number.to_string(),
        Ref::Of(_) => KNOWN_LATER.to_owned(),
    }
}
