//! The launch template of ours that says what the group launches now.

use kaphost_spec::hex;
use sha2::{Digest as _, Sha256};

use crate::action::{Planned, Ref};
use crate::adopt::{free, tags};
use crate::desired::{Desired, ImageFact};
use crate::diff::identify;
use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Observed, ObservedGroup, ObservedTemplate, ObservedVersion};
use crate::plan::{ChangeKind, RefusalCode};
use crate::resource::{Kind, OWNER_TAG, Owner, Tags, TemplateContent};
use crate::running::{Launches, Running};
use crate::view::{self, KNOWN_LATER, View, group_ref};

/// A version of our template that the group is to pin.
pub(super) struct Pinned {
    /// As the plan names it.
    pub(super) version: Ref<u64>,
    /// The number that it will have.
    pub(super) number: u64,
}

/// Plans the template. `None` leaves the group as it is: it pins a version of ours already, or there is a refusal.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    desired: &Desired,
    running: &Running,
    observed: &Observed,
    (content, image): (&TemplateContent<String>, ImageFact<'_>),
    after: &mut Observed,
) -> Option<Pinned> {
    let image = if let ImageFact::Found(image) = image { image.root_device.as_str() } else { "" };
    let root = content.root_device(image, |name| desired.template.devices.contains_key(name)).unwrap_or_default();
    let name = desired.names.regional.clone();
    let wanted = content.map_groups(|id| Ref::Known(id.clone()));
    let all_tags: Tags = desired.resource_tags().into_iter().chain(desired.names.adopted.tags()).collect();
    let ids = |group: &ObservedGroup, told: &dyn Fn(&str) -> bool| {
        group.instances.iter().map(|instance| instance.id.clone()).filter(|id| told(id)).collect::<Vec<_>>()
    };
    let note = Some(format!("says what {} says", running.from.words()));
    let (base, token) = identify(desired, &wanted, "", observed.launch_template.as_ref());

    let Some(template) = &observed.launch_template else {
        let description = ObservedVersion::adopting(&base, ids(&running.group, &|_| true).iter().map(String::as_str));
        let new = view::template(&wanted, group_ref, root, &desired.tags).tags("tags", &all_tags, &desired.tags);
        draft.change(Kind::LaunchTemplate, &name, ChangeKind::Create, (&View::default(), &new), note);
        let version = ObservedVersion { description: description.clone(), content: content.clone() };
        after.launch_template = Some(ObservedTemplate {
            id: KNOWN_LATER.to_owned(),
            name: name.clone(),
            tags: all_tags.clone(),
            latest: 1,
            default: 1,
            versions: [(1, version)].into(),
        });
        let action =
            Planned::CreateLaunchTemplate { name: name.clone(), tags: all_tags, description, content: wanted, token: String::new() };
        return Some(Pinned { version: Ref::Of(draft.step(Kind::LaunchTemplate, &name, [], action)), number: 1 });
    };

    let owner = template.tags.get(OWNER_TAG).map(String::as_str);
    let launches = matches!(&running.from, Launches::Template { id, .. } if *id == template.id);
    if !free(draft, Kind::LaunchTemplate, &name, owner) {
        return None;
    }
    let ours = Owner::of(owner, draft.names) == Owner::Us;
    if !ours && !launches {
        let message = format!("the launch template {name} ({}) is there already, and this group does not launch from it", template.id);
        let help = "kaphost finds a cluster by that name: remove the template, or adopt under another name";
        draft.refuse(RefusalCode::NotOurs, Kind::LaunchTemplate, message, help, Some("name"));
        return None;
    }
    let set = tags::plain(&template.tags, &all_tags, &desired.names.cluster);
    let set: Tags = set.into_iter().chain(pointers(&template.tags, &all_tags)).collect();
    let old_tags = View::default().tags("tags", &view::compared(&template.tags), &desired.tags);
    let tagged: Tags = template.tags.clone().into_iter().chain(set.clone()).collect();
    let new_tags = View::default().tags("tags", &view::compared(&tagged), &desired.tags);
    draft.change(Kind::LaunchTemplate, &name, ChangeKind::Update, (&old_tags, &new_tags), None);
    let mut ec2 = Ec2Tags::default();
    ec2.add(&template.id, (set, Default::default()));
    ec2.plan(draft);
    if let Some(after) = &mut after.launch_template {
        after.tags = tagged;
    }

    // What was adopted to the end is for an apply to change.
    let settings = &running.group.settings;
    let done = running.group.tags.get(OWNER_TAG).is_some_and(|tag| tag.value == desired.names.cluster);
    if done && launches && settings.template_version > 0 {
        return None;
    }
    // A version that says this, and says it of every server that runs.
    let says = |number: u64| template.versions.get(&number).is_some_and(|version| version.content == *content);
    let covered = running.group.instances.iter().all(|instance| template.runs(instance).is_some_and(says));
    let found = template.versions.keys().rev().copied().find(|number| says(*number)).filter(|_| covered);
    if let Some(number) = found {
        return Some(Pinned { version: Ref::Known(number), number });
    }
    let untold = |id: &str| running.group.instances.iter().any(|it| it.id == id && !template.runs(it).is_some_and(says));
    let description = ObservedVersion::adopting(&base, ids(&running.group, &untold).iter().map(String::as_str));
    let number = template.latest + 1;
    let mut new = view::template(&wanted, group_ref, root, &desired.tags);
    new.set("version", KNOWN_LATER, None);
    draft.change(Kind::LaunchTemplate, format!("{name}, a new version"), ChangeKind::Create, (&View::default(), &new), note);
    if let Some(after) = &mut after.launch_template {
        after.latest = number;
        after.versions.insert(number, ObservedVersion { description: description.clone(), content: content.clone() });
    }
    // The description says more than the content: another one is another call.
    let token = hex(&Sha256::digest(format!("{token}\n{description}")));
    let action = Planned::CreateLaunchTemplateVersion { template: name.clone(), description, content: wanted, token };
    Some(Pinned { version: Ref::Of(draft.step(Kind::LaunchTemplate, &name, [], action)), number })
}

/// The tags that say where the others are found, which no apply sets.
fn pointers(there: &Tags, wanted: &Tags) -> Tags {
    let set = wanted.iter().filter(|(key, value)| view::is_pointer(key) && there.get(*key) != Some(*value));
    set.map(|(key, value)| (key.clone(), value.clone())).collect()
}
