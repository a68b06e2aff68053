//! The launch template. Versions never change: another content is another version, and one that exists already is used again.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_spec::hex;
use sha2::{Digest as _, Sha256};

use crate::action::{Planned, Ref, StepId};
use crate::desired::Desired;
use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Image, Observed, ObservedGroup, ObservedTemplate, ObservedVersion};
use crate::plan::ChangeKind;
use crate::resource::{Kind, OWNER_TAG, Tags, TemplateContent};
use crate::view::{self, KNOWN_LATER, View, compared, group_ref, tag_diff};

/// So many versions are left alone: deleting costs a call, and people look back.
const MANY_VERSIONS: usize = 20;
/// So many of the newest stay when the others go.
const KEPT_VERSIONS: usize = 10;
/// EC2's limit for one call.
const DELETED_AT_ONCE: usize = 200;

/// Plans the template; gives the version that the group is to pin.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    desired: &Desired,
    observed: &Observed,
    image: &Image,
    group: &Ref<String>,
    ec2_tags: &mut Ec2Tags,
) -> Ref<u64> {
    let content = content(desired, image, group);
    let root = image.root_device.as_str();
    let name = &desired.names.regional;
    let Some(template) = &observed.launch_template else {
        let tags = desired.resource_tags();
        let new = show(&content, group_ref, root, &desired.tags).tags("tags", &tags, &desired.tags);
        draft.change(Kind::LaunchTemplate, name, ChangeKind::Create, (&View::default(), &new), None);
        let (description, _) = identify(desired, &content, root, None);
        // No token: the name is unique already. A token made from the content would be the same again after destroy and apply, with another
        // group in the request, and EC2 remembers tokens for a day: `IdempotentParameterMismatch`.
        let create = Planned::CreateLaunchTemplate { name: name.clone(), tags, description, content, token: String::new() };
        return Ref::Of(draft.step(Kind::LaunchTemplate, name, maker(group), create));
    };
    if !draft.owned(Kind::LaunchTemplate, name, template.tags.get(OWNER_TAG).map(String::as_str)) {
        return Ref::Known(0);
    }

    let tags = desired.resource_tags();
    ec2_tags.add(&template.id, tag_diff(&template.tags, &tags));
    let pinned = observed.auto_scaling_group.as_ref().map(|group| &group.settings).filter(|settings| settings.launch_template == *name);
    let pinned = pinned.map(|settings| settings.template_version);
    let old_tags = compared(&template.tags);
    let new_tags = compared(&tags);

    if let Some(version) = find(template, pinned, &content) {
        // Somebody has pinned another version, or the config goes back: what that means is in the versions.
        let before = pinned.filter(|number| *number != version).and_then(|number| template.versions.get(&number));
        let differs = |before: &ObservedVersion| {
            (show(&before.content, String::as_str, root, &desired.tags), show(&content, group_ref, root, &desired.tags))
        };
        let (old, new) = before.map(differs).unwrap_or_default();
        let (old, new) = (old.tags("tags", &old_tags, &desired.tags), new.tags("tags", &new_tags, &desired.tags));
        draft.change(Kind::LaunchTemplate, name, ChangeKind::Update, (&old, &new), None);
        return Ref::Known(version);
    }

    let before = pinned.and_then(|number| template.versions.get(&number)).or_else(|| template.versions.values().next_back());
    let mut old = before.map(|version| show(&version.content, String::as_str, root, &desired.tags)).unwrap_or_default();
    let mut new = show(&content, group_ref, root, &desired.tags);
    old.set("version", pinned.filter(|number| *number > 0).unwrap_or(template.latest), None);
    new.set("version", KNOWN_LATER, None);
    let (old, new) = (old.tags("tags", &old_tags, &desired.tags), new.tags("tags", &new_tags, &desired.tags));
    let forgotten = forgotten(template, observed.auto_scaling_group.as_ref());
    let note = (!forgotten.is_empty()).then(|| format!("{} old versions that nothing names any more are deleted", forgotten.len()));
    draft.change(Kind::LaunchTemplate, name, ChangeKind::Update, (&old, &new), note);
    if !forgotten.is_empty() {
        let delete = Planned::DeleteTemplateVersions { template: template.id.clone(), versions: forgotten };
        draft.step(Kind::LaunchTemplate, name, [], delete);
    }
    let (description, token) = identify(desired, &content, root, Some(template));
    let create = Planned::CreateLaunchTemplateVersion { template: name.clone(), description, content, token };
    Ref::Of(draft.step(Kind::LaunchTemplate, name, maker(group), create))
}

/// The desired content, with its image, its root device and its group.
pub(super) fn content(desired: &Desired, image: &Image, group: &Ref<String>) -> TemplateContent<Ref<String>> {
    let mut devices: BTreeMap<_, _> = desired.template.devices.clone();
    devices.insert(image.root_device.clone(), desired.root.clone());
    TemplateContent { image: image.id.clone(), devices, ..desired.template.map_groups(|()| group.clone()) }
}

/// A version that says exactly this: the pinned one if it does, else the newest that does. None when the group is yet to be made.
pub(super) fn find(template: &ObservedTemplate, pinned: Option<u64>, content: &TemplateContent<Ref<String>>) -> Option<u64> {
    let says = |number: &u64| {
        template.versions.get(number).is_some_and(|version| version.content.map_groups(|id| Ref::Known(id.clone())) == *content)
    };
    pinned.filter(says).or_else(|| template.versions.keys().rev().copied().find(says))
}

/// The versions to delete, oldest first, once there are many. Kept are the newest ones, and whatever something names: the template's default and latest, the group's, which a
/// refresh would go back to, an instance's, and that of a refresh.
fn forgotten(template: &ObservedTemplate, group: Option<&ObservedGroup>) -> BTreeSet<u64> {
    if template.versions.len() < MANY_VERSIONS {
        return BTreeSet::new();
    }
    let mut named = BTreeSet::from([template.default, template.latest]);
    if let Some(group) = group {
        named.insert(group.settings.template_version);
        named.extend(group.instances.iter().filter_map(|instance| template.runs(instance)));
        named.extend(group.refresh.as_ref().and_then(|refresh| refresh.version));
    }
    let old = template.versions.keys().take(template.versions.len() - KEPT_VERSIONS);
    old.filter(|number| !named.contains(number)).take(DELETED_AT_ONCE).copied().collect()
}

/// The version's description, and the token that lets two appliers make one version of it.
pub(crate) fn identify(
    desired: &Desired,
    content: &TemplateContent<Ref<String>>,
    root: &str,
    template: Option<&ObservedTemplate>,
) -> (String, String) {
    // The view shows user data by twelve digits of its digest, which is not enough to identify it.
    let user_data = content.user_data.as_ref().map(kaphost_spec::UserData::sha256).unwrap_or_default();
    let digest = show(content, group_ref, root, &Tags::new()).digest(user_data);
    // The template's id too: one of the same name that was deleted and made anew is another.
    let (id, latest) = template.map(|template| (template.id.as_str(), template.latest)).unwrap_or_default();
    let token = hex(&Sha256::digest(format!("{}\n{id}\n{digest}\n{latest}", desired.names.regional)));
    (format!("kaphost {}", &digest[..16]), token)
}

fn show<G>(content: &TemplateContent<G>, group: impl Fn(&G) -> &str, root: &str, user: &Tags) -> View {
    view::template(content, group, root, user)
}

const fn maker(group: &Ref<String>) -> Option<StepId> {
    match group {
        Ref::Of(step) => Some(*step),
        Ref::Known(_) => None,
    }
}
