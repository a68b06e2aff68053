//! What is found becomes ours by its tags. None is taken away: that is for an apply to show and do.

use std::collections::BTreeMap;

use crate::action::{Planned, Ref};
use crate::adopt::free;
use crate::desired::{Desired, DesiredRules};
use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Observed, ObservedRule};
use crate::plan::ChangeKind;
use crate::resource::{Kind, OWNER_TAG, Owner, Rule, RuleKey, Tags};
use crate::view::{View, compared};

/// The tags that are to be set: all that are not there yet, and of something that is ours already only those that an apply would set, too.
pub(super) fn to_set<T: Clone + PartialEq>(
    there: &BTreeMap<String, T>,
    wanted: &BTreeMap<String, T>,
    ours: impl FnOnce(&BTreeMap<String, T>) -> bool,
) -> BTreeMap<String, T> {
    let wanted = if ours(there) { compared(wanted) } else { wanted.clone() };
    wanted.into_iter().filter(|(key, value)| there.get(key) != Some(value)).collect()
}

/// As [`to_set`], for plain tags.
pub(super) fn plain(there: &Tags, wanted: &Tags, cluster: &str) -> Tags {
    to_set(there, wanted, |tags| tags.get(OWNER_TAG).is_some_and(|owner| owner == cluster))
}

/// Shows and returns what becomes of a resource's tags.
fn tagged(draft: &mut Draft<'_>, desired: &Desired, kind: Kind, name: &str, there: &mut Tags) -> Tags {
    let set = plain(there, &desired.resource_tags(), &desired.names.cluster);
    let old = View::default().tags("tags", &compared(there), &desired.tags);
    there.extend(set.clone());
    let new = View::default().tags("tags", &compared(there), &desired.tags);
    draft.change(kind, name, ChangeKind::Update, (&old, &new), None);
    set
}

/// The security group, and the rules that the config has, there and on a group of others.
pub(super) fn security_groups(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed, after: &mut Observed) {
    let mut ec2 = Ec2Tags::default();
    for (group, after) in observed.security_groups.iter().zip(&mut after.security_groups).filter(|(group, _)| group.vpc == desired.vpc) {
        let name = format!("{} ({})", desired.names.security_group(), group.id);
        if free(draft, Kind::SecurityGroup, &name, group.tags.get(OWNER_TAG).map(String::as_str)) {
            let set = tagged(draft, desired, Kind::SecurityGroup, &name, &mut after.tags);
            ec2.add(&group.id, (set, Default::default()));
            rules(draft, desired, &group.id, &desired.rules, &mut after.rules, &mut ec2);
        }
    }
    if let Some(elsewhere) = &desired.elsewhere
        && let Some(other) = after.other_groups.iter_mut().find(|other| other.id == elsewhere.group && other.read)
    {
        rules(draft, desired, &elsewhere.group, &elsewhere.rules, &mut other.rules, &mut ec2);
    }
    ec2.plan(draft);
}

/// Rules that the config has become ours, and get its description where they have none. Others stay whose they are: the plan of what is left names them.
fn rules(draft: &mut Draft<'_>, desired: &Desired, group: &str, wanted: &DesiredRules, there: &mut [ObservedRule], ec2: &mut Ec2Tags) {
    let wanted: BTreeMap<&RuleKey, &Rule> = wanted.rules.iter().map(|rule| (&rule.key, rule)).collect();
    let mut described = BTreeMap::new();
    for observed in there {
        let (Some(id), Some(rule)) = (&observed.id, wanted.get(&observed.rule.key)) else { continue };
        let owner = Owner::of(observed.tags.get(OWNER_TAG).map(String::as_str), draft.names);
        // AWS's own, which comes with every group, is ours without a tag.
        if matches!(owner, Owner::Cluster(_)) || rule.key.is_default_egress() {
            continue;
        }
        let shown = |view: &mut View, rule: &Rule, owner: &str| {
            view.set("owner", owner, None);
            if !rule.description.is_empty() {
                view.set("description", &rule.description, None);
            }
        };
        let (mut old, mut new) = (View::default(), View::default());
        shown(&mut old, &observed.rule, if owner == Owner::Us { &desired.names.cluster } else { "nobody" });
        if observed.rule.description.is_empty() && !rule.description.is_empty() {
            observed.rule.description.clone_from(&rule.description);
            described.insert(id.clone(), (*rule).clone());
        }
        shown(&mut new, &observed.rule, &desired.names.cluster);
        draft.change(Kind::SecurityGroupRule, format!("{} of {group}", rule.key), ChangeKind::Update, (&old, &new), None);
        if owner == Owner::Nobody {
            ec2.add(id, (desired.ownership.clone(), Default::default()));
            observed.tags.extend(desired.ownership.clone());
        }
    }
    if !described.is_empty() {
        draft.step(Kind::SecurityGroup, group, [], Planned::ModifyRules { group: Ref::Known(group.to_owned()), rules: described });
    }
}

/// The role and its profile.
pub(super) fn role_and_profile(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed, after: &mut Observed) {
    if let (Some(role), Some(after)) = (&observed.role, &mut after.role)
        && free(draft, Kind::Role, &role.name, role.tags.get(OWNER_TAG).map(String::as_str))
    {
        let set = tagged(draft, desired, Kind::Role, &role.name, &mut after.tags);
        if !set.is_empty() {
            draft.step(Kind::Role, &role.name, [], Planned::TagRole { role: role.name.clone(), set });
        }
    }
    if let (Some(profile), Some(after)) = (&observed.instance_profile, &mut after.instance_profile)
        && free(draft, Kind::InstanceProfile, &profile.name, profile.tags.get(OWNER_TAG).map(String::as_str))
    {
        let set = tagged(draft, desired, Kind::InstanceProfile, &profile.name, &mut after.tags);
        if !set.is_empty() {
            draft.step(Kind::InstanceProfile, &profile.name, [], Planned::TagInstanceProfile { profile: profile.name.clone(), set });
        }
    }
}
