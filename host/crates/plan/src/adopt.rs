//! Taking over a server that somebody else has made: ours by its tags from then on, launched from a template of ours, and not replaced.
//!
//! Starts from the Auto Scaling group ([`Running`]) and goes to what its server is made of. What is taken over keeps its name; the launch template is made anew under the cluster's, says
//! what the group launches now, and tells by its tags what the others are called. Whatever else the config says otherwise is left to the next apply.
//!
//! The group is pinned to the template when everything else is ours, and tagged last: until then no plan but this one touches it.

mod content;
mod describe;
mod locate;
mod tags;
mod template;

pub use content::{Settled, leaves_public_ip_open, settle};
pub use describe::{Described, describe};
pub use locate::locate;

use crate::action::{Planned, Ref};
use crate::desired::{Desired, ImageFact};
use crate::diff::diff;
use crate::draft::Draft;
use crate::names::Names;
use crate::observed::{Observed, ObservedGroup, ObservedSecurityGroup};
use crate::plan::{ChangeKind, Plan, Refusal, RefusalCode};
use crate::resource::{GroupSettings, Kind, OWNER_TAG, Owner};
use crate::running::{Launches, Running};
use crate::view::{self, KNOWN_LATER, compared};
use template::Pinned;

/// A take-over.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// What it does. Nothing in it replaces an instance: [`check_adoption`](crate::check_adoption) sees to that.
    pub plan: Plan,
    /// What the config says otherwise than what is found: what an apply after it would do.
    pub rest: Plan,
    /// In what the template of ours differs from what the group launches now, in words.
    pub otherwise: Vec<String>,
}

/// Plans a take-over. `names` are those that [`locate()`] gave, `observed` is what they hold, the rules of the groups with their ids
/// ([`Query::rule_ids_of`](crate::Query::rule_ids_of)). `public` is whether the subnets give servers a public address where nothing says so.
///
/// # Errors
/// Every reason why it cannot be taken over, or why no apply could follow.
pub fn adopt(
    desired: &Desired,
    names: &Names,
    running: &Running,
    observed: &Observed,
    image: ImageFact<'_>,
    public: Option<bool>,
) -> Result<Adoption, Vec<Refusal>> {
    let desired = &desired.under(names, observed);
    let mut draft = Draft::new(&desired.names);
    let mut after = observed.clone();
    missing(&mut draft, desired, running, observed);
    let settled = running.from.content().map(|content| settle(content, Some(desired), public));
    if let Some(settled) = &settled {
        for part in &settled.refused {
            let message = format!("{} says what kaphost has no word for: {part}", running.from.words());
            let help = "let the group launch from one without it, then adopt";
            draft.refuse(RefusalCode::NotAdoptable, Kind::LaunchTemplate, message, help, None);
        }
    }

    tags::security_groups(&mut draft, desired, observed, &mut after);
    tags::role_and_profile(&mut draft, desired, observed, &mut after);
    if let (Some(settled), Some(group)) = (&settled, &observed.auto_scaling_group) {
        let pinned = template::plan(&mut draft, desired, running, observed, (&settled.content, image), &mut after);
        pin_and_tag(&mut draft, desired, running, group, pinned, &mut after);
    }
    let plan = draft.finish()?;
    let rest = diff(desired, &after, image)?;
    Ok(Adoption { plan, rest, otherwise: settled.map(|settled| settled.otherwise).unwrap_or_default() })
}

/// What the group leans on and is not there: it could launch no server.
fn missing(draft: &mut Draft<'_>, desired: &Desired, running: &Running, observed: &Observed) {
    let named = running.from.content().map(|content| content.instance_profile.as_str()).filter(|name| !name.is_empty());
    if let Some(name) = named.filter(|_| running.profile.is_none()) {
        let message = format!("{} names the instance profile {name}, which is not there: no server could start", running.from.words());
        let help = "make the profile, or let the group launch from a configuration without it, then adopt";
        draft.refuse(RefusalCode::NotAdoptable, Kind::InstanceProfile, message, help, None);
    }
    let own = |group: &&ObservedSecurityGroup| running.security_groups.iter().any(|named| named.id == group.id);
    match observed.security_groups.iter().find(own) {
        Some(group) if group.vpc != desired.vpc => {
            let message = format!("the security group {} of this server is in {}, the config says {}", group.id, group.vpc, desired.vpc);
            let help = format!("set `network.vpc` to `{}`: AWS cannot move a group", group.vpc);
            draft.refuse(RefusalCode::NeedsReplacement, Kind::SecurityGroup, message, help, Some("network.vpc"));
        }
        Some(_) => {}
        None => {
            let message = format!("the security group {} has gone while it was looked at", desired.names.security_group());
            draft.refuse(RefusalCode::NotAdoptable, Kind::SecurityGroup, message, "adopt again", None);
        }
    }
    if observed.auto_scaling_group.is_none() {
        let message = format!("the {} {} has gone while it was looked at", Kind::AutoScalingGroup, running.group.name);
        draft.refuse(RefusalCode::NotAdoptable, Kind::AutoScalingGroup, message, "adopt again", None);
    }
    if let Some(refresh) = observed.auto_scaling_group.as_ref().and_then(|group| group.refresh.as_ref()).filter(|refresh| refresh.active())
    {
        let message = format!("an instance refresh of {} is under way: {}, {}", running.group.name, refresh.id, refresh.status);
        draft.refuse(RefusalCode::RefreshInProgress, Kind::AutoScalingGroup, message, "wait until it is over, then adopt", None);
    }
}

/// Whether it may be taken over: what is nobody's may, what is ours is already.
fn free(draft: &mut Draft<'_>, kind: Kind, name: &str, owner: Option<&str>) -> bool {
    let Owner::Cluster(other) = Owner::of(owner, draft.names) else { return true };
    let message = format!("the {kind} {name} belongs to the cluster {other}: it carries the tag {OWNER_TAG}={other}");
    let help = "a server belongs to one cluster: adopt it under that cluster's name, or correct the tag if somebody changed it by hand";
    draft.refuse(RefusalCode::OtherCluster, kind, message, help, Some("name"));
    false
}

/// The group: launches from the template of ours, when everything else is ours, and is ours at last.
fn pin_and_tag(
    draft: &mut Draft<'_>,
    desired: &Desired,
    running: &Running,
    group: &ObservedGroup,
    pinned: Option<Pinned>,
    after: &mut Observed,
) {
    let name = &group.name;
    if !free(draft, Kind::AutoScalingGroup, name, group.tags.get(OWNER_TAG).map(|tag| tag.value.as_str())) {
        return;
    }
    let found = &group.settings;
    let now = found.with_version(Ref::Known(found.template_version));
    let settings = match &pinned {
        // Nothing says how long a new server takes to be well: without it the next refresh would go by another time than the config's.
        Some(pinned) => GroupSettings {
            launch_template: desired.names.regional.clone(),
            warmup_s: if found.warmup_s == 0 { desired.group.warmup_s } else { found.warmup_s },
            ..found.with_version(pinned.version.clone())
        },
        None => now.clone(),
    };
    let set =
        tags::to_set(&group.tags, &desired.group_tags, |tags| tags.get(OWNER_TAG).is_some_and(|tag| tag.value == desired.names.cluster));
    let mut tagged = group.tags.clone();
    tagged.extend(set.clone());

    let version = |version: &Ref<u64>| match version {
        Ref::Known(0) => "none".to_owned(),
        Ref::Known(number) => number.to_string(),
        Ref::Of(_) => KNOWN_LATER.to_owned(),
    };
    let mut old = view::group(&now, version).group_tags(&compared(&group.tags), &desired.tags);
    let new = view::group(&settings, version).group_tags(&compared(&tagged), &desired.tags);
    if let (Launches::Configuration { name, .. }, true) = (&running.from, now != settings) {
        old.set("launch-configuration", name, None);
    }
    let ids: Vec<&str> = group.instances.iter().map(|instance| instance.id.as_str()).collect();
    let note =
        if ids.is_empty() { "no instance runs".to_owned() } else { format!("{} goes on as it is: nothing is replaced", ids.join(", ")) };
    draft.change(Kind::AutoScalingGroup, name, ChangeKind::Update, (&old, &new), Some(note));

    let before = draft.last();
    let updated = (now != settings).then(|| {
        let action = Planned::UpdateAutoScalingGroup { name: name.clone(), settings: settings.clone() };
        draft.step(Kind::AutoScalingGroup, name, before.clone(), action)
    });
    if !set.is_empty() {
        // Last of all: a run that is killed before leaves a group that no plan but an adoption touches.
        let wait = updated.map_or(before, |updated| [updated].into());
        draft.step(Kind::AutoScalingGroup, name, wait, Planned::TagGroup { name: name.clone(), set });
    }
    if let Some(group) = &mut after.auto_scaling_group {
        let number = pinned.map_or(found.template_version, |pinned| pinned.number);
        group.settings = settings.with_version(number);
        group.tags = tagged;
    }
}
