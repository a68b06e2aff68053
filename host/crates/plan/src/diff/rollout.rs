//! How a new version of the template reaches the server that runs.
//!
//! By an instance refresh, which replaces the server and lets the group pin the version when that went well. Where no server runs, or where the versions differ in
//! nothing but the tags that instances get at their launch, pinning the version is enough: nobody wants an outage for a tag. A refresh that goes on towards the wanted version is
//! joined; another one is refused, or cancelled when whoever applies says so.

use crate::action::{Planned, Ref, StepId};
use crate::desired::{Desired, ImageFact};
use crate::diff::template;
use crate::draft::Draft;
use crate::observed::{Image, Instance, Observed, ObservedGroup, ObservedTemplate, Refresh};
use crate::plan::RefusalCode;
use crate::resource::{Kind, OWNER_TAG, TemplateContent};
use crate::view::{View, keyed};

/// How long a refresh that was cancelled may take to end, in seconds: what it has begun with an instance is finished first.
const CANCELLED_S: u32 = 15 * 60;

/// What becomes of the group's version.
pub(super) enum Way {
    /// It stays.
    Keep,
    /// The group pins another, at once.
    Pin,
    /// A refresh replaces these instances first.
    Replace(Vec<Instance>),
    /// A refresh to that version is under way, and replaces these.
    Join(Vec<Instance>, Refresh),
}

/// Whether a plan depends on the instance refreshes of the group: read them into [`ObservedGroup::refresh`] before [`diff`](crate::diff()). A group that is as it should
/// be needs none, so that a run with nothing to do makes no call for it.
#[must_use]
pub fn needs_refresh(desired: &Desired, observed: &Observed, image: &Image) -> bool {
    let (Some(group), Some(template)) = (&observed.auto_scaling_group, &observed.launch_template) else { return false };
    let desired = &*desired.located(observed);
    let ours = group.tags.get(OWNER_TAG).is_some_and(|tag| tag.value == desired.names.cluster) && group.status.is_none();
    let Some(security_group) = observed.security_groups.iter().find(|group| group.vpc == desired.vpc) else { return false };
    let content = template::content(desired, image, &Ref::Known(security_group.id.clone()));
    let version = template::find(template, Some(group.settings.template_version), &content);
    ours && (version != Some(group.settings.template_version)
        || !outdated(group, template, version.map(Ref::Known).as_ref(), &content).is_empty())
}

/// The instances that a server of this content would replace.
fn outdated(
    group: &ObservedGroup,
    template: &ObservedTemplate,
    wanted: Option<&Ref<u64>>,
    content: &TemplateContent<Ref<String>>,
) -> Vec<Instance> {
    let old = |instance: &&Instance| {
        let going = instance.lifecycle.starts_with("Terminat");
        let runs = template.runs(instance);
        let same = runs.is_some_and(|number| {
            wanted == Some(&Ref::Known(number))
                || template
                    .versions
                    .get(&number)
                    .is_some_and(|version| same_server(&version.content.map_groups(|id| Ref::Known(id.clone())), content))
        });
        !going && !same
    };
    group.instances.iter().filter(old).cloned().collect()
}

/// Whether two versions differ in nothing but the tags that instances and volumes get at their launch.
fn same_server(a: &TemplateContent<Ref<String>>, b: &TemplateContent<Ref<String>>) -> bool {
    let untagged = |content: &TemplateContent<Ref<String>>| TemplateContent {
        instance_tags: Default::default(),
        volume_tags: Default::default(),
        ..content.clone()
    };
    untagged(a) == untagged(b)
}

/// What to do, and whether it may be done. `version` is the one that the group is to pin, `content` what it says.
pub(super) fn way(
    draft: &mut Draft<'_>,
    desired: &Desired,
    group: &ObservedGroup,
    template: Option<&ObservedTemplate>,
    version: &Ref<u64>,
    content: &TemplateContent<Ref<String>>,
) -> Way {
    // A template that is made anew: whatever the instances run, it is another.
    let old = match template {
        Some(template) => outdated(group, template, Some(version), content),
        None => group.instances.clone(),
    };
    let pinned = Ref::Known(group.settings.template_version) == *version && group.settings.launch_template == desired.names.regional;
    if pinned && old.is_empty() {
        return Way::Keep;
    }
    if let Some(refresh) = group.refresh.as_ref().filter(|refresh| refresh.active()) {
        if refresh.advances() && refresh.version.map(Ref::Known).as_ref() == Some(version) {
            return Way::Join(old, refresh.clone());
        }
        if !desired.cancel_refresh {
            let help = "wait until it is over (`kaphost status` shows how it goes on), or apply with `--cancel-refresh`";
            draft.refuse(RefusalCode::RefreshInProgress, Kind::AutoScalingGroup, in_words(&group.name, refresh), help, None);
        }
    }
    if old.is_empty() { Way::Pin } else { Way::Replace(old) }
}

fn in_words(group: &str, refresh: &Refresh) -> String {
    let to = refresh.version.map(|version| format!(" to version {version} of the template")).unwrap_or_default();
    let percent = refresh.percent.map(|percent| format!(", {percent}% done")).unwrap_or_default();
    format!("another instance refresh of {group} is under way: {}{to}, {}{percent}", refresh.id, refresh.status)
}

/// Shows which instances are replaced, by what.
pub(super) fn show(old: &mut View, new: &mut View, replaced: &[Instance], version: &str) {
    for instance in replaced {
        let leaf = keyed("instances", &instance.id);
        let runs = instance.template_version.map_or_else(|| "no version of the template".to_owned(), |number| format!("version {number}"));
        old.set(&leaf, runs, None);
        new.set(&leaf, format!("replaced by one of version {version}"), None);
    }
}

/// What people must know of it.
pub(super) fn note(desired: &Desired, group: &ObservedGroup, way: &Way) -> Option<String> {
    match way {
        Way::Keep => None,
        Way::Pin => {
            let ids: Vec<&str> = group.instances.iter().map(|instance| instance.id.as_str()).collect();
            (!ids.is_empty())
                .then(|| format!("only tags of instances and volumes change: {} keeps its own until it is replaced", ids.join(", ")))
        }
        Way::Replace(_) => {
            let how = if desired.rollout.min_healthy_percentage == 0 {
                "the old server ends before the new one starts"
            } else {
                "the new server is in service before the old one ends"
            };
            let failed = group
                .refresh
                .as_ref()
                .filter(|refresh| !refresh.active() && refresh.status != "Successful" && refresh.status != "Cancelled");
            let before = failed.map(|refresh| {
                let why = refresh.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("; the last rollout ({}) ended as {}{why}", refresh.id, refresh.status)
            });
            Some(format!("a rollout: {how}{}", before.unwrap_or_default()))
        }
        Way::Join(_, refresh) => {
            let percent = refresh.percent.map(|percent| format!(", {percent}% done")).unwrap_or_default();
            Some(format!("the rollout {} is under way already ({}{percent}): it is followed to its end", refresh.id, refresh.status))
        }
    }
}

/// Ends a refresh that stands in the way. The steps that may write the group wait for what this gives.
pub(super) fn clear(draft: &mut Draft<'_>, desired: &Desired, group: &ObservedGroup) -> Option<StepId> {
    let refresh = group.refresh.as_ref().filter(|refresh| refresh.active() && desired.cancel_refresh)?;
    let name = &group.name;
    let cancelled = (refresh.status != "Cancelling")
        .then(|| draft.step(Kind::AutoScalingGroup, name, [], Planned::CancelInstanceRefresh { group: name.clone() }));
    let wait = Planned::WaitForRefreshGone { group: name.clone(), refresh: refresh.id.clone(), timeout_s: CANCELLED_S };
    Some(draft.step(Kind::AutoScalingGroup, name, cancelled, wait))
}

/// Starts the refresh, after everything else, and follows it.
pub(super) fn start(draft: &mut Draft<'_>, desired: &Desired, group: &ObservedGroup, version: &Ref<u64>) {
    let name = &group.name;
    let action = Planned::StartInstanceRefresh {
        group: name.clone(),
        template: desired.names.regional.clone(),
        version: version.clone(),
        preferences: desired.rollout,
    };
    let started = draft.step(Kind::AutoScalingGroup, name, draft.last(), action);
    follow(draft, desired, name, Ref::Of(started), Some(started));
}

/// Follows a refresh.
pub(super) fn follow(draft: &mut Draft<'_>, desired: &Desired, group: &str, refresh: Ref<String>, after: Option<StepId>) {
    let action = Planned::WaitForRefresh { group: group.to_owned(), refresh, timeout_s: desired.rollout_timeout_s };
    draft.step(Kind::AutoScalingGroup, group, after, action);
}

impl Desired {
    /// Whether the instance refreshes of the group must be read before a plan is made, given what is known of the image.
    #[must_use]
    pub fn needs_refresh(&self, observed: &Observed, known: Option<&Image>) -> bool {
        matches!(self.image_fact(observed, known), Some(ImageFact::Found(image)) if needs_refresh(self, observed, image))
    }
}
