//! The rules of a security group.
//!
//! Ours are those that carry our tag; everybody else's stay. Rules carry the owner's tags and no others, and tags that others put onto them stay:
//! a rule is replaced too easily to be worth a write for its tags. What is needed is let in before what is not is shut out.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Planned, Ref, StepId};
use crate::desired::{Desired, DesiredRules};
use crate::draft::Draft;
use crate::observed::ObservedRule;
use crate::plan::ChangeKind;
use crate::resource::{Direction, Kind, OWNER_TAG, Owner, Peer, Rule, RuleKey};
use crate::view::View;

/// A group whose rules are planned.
pub(super) struct Target<'a> {
    /// What should be in it.
    pub(super) wanted: &'a DesiredRules,
    /// Its name, or the id of one that is not ours, for people.
    pub(super) name: &'a str,
    /// Whether the group is ours: then AWS's own egress rule is, too.
    pub(super) ours: bool,
}

/// The rules of a group that does not exist yet: AWS puts the default egress rule into it.
pub(super) fn of_new_group(draft: &mut Draft<'_>, desired: &Desired, created: StepId) {
    let target = Target { wanted: &desired.rules, name: desired.names.security_group(), ours: true };
    let missing: Vec<&Rule> = desired.rules.rules.iter().filter(|rule| !rule.key.is_default_egress()).collect();
    for rule in &missing {
        target.show(draft, None, Some(rule));
    }
    let group = Ref::Of(created);
    target.authorize(draft, desired, &group, &missing, Some(created));
    if !desired.rules.rules.iter().any(|rule| rule.key.is_default_egress()) {
        draft.step(Kind::SecurityGroup, target.name, [created], Planned::RevokeDefaultEgress { group });
    }
}

/// The rules of a group that is there.
pub(super) fn of_existing_group(draft: &mut Draft<'_>, desired: &Desired, target: &Target<'_>, id: &str, rules: &[ObservedRule]) {
    let sorted = sort(draft, target, id, rules);
    let pairs = pair(&sorted);
    let taken: BTreeSet<&RuleKey> = pairs.iter().map(|(_, new)| &new.key).collect();
    let modified: BTreeMap<String, Rule> = pairs.iter().map(|(old, new)| (old.0.to_owned(), (*new).clone())).collect();
    let added: Vec<&Rule> = sorted.missing.iter().filter(|rule| !taken.contains(&rule.key)).copied().collect();
    let removed: Vec<&Ours<'_>> = sorted.leftover.iter().filter(|old| !modified.contains_key(old.0)).collect();

    for (old, new) in &pairs {
        target.show(draft, Some(old.1), Some(new));
    }
    for rule in &added {
        target.show(draft, None, Some(rule));
    }
    for old in &removed {
        target.show(draft, Some(old.1), None);
    }

    let at = Ref::Known(id.to_owned());
    let mut before = Vec::new();
    if !modified.is_empty() {
        before.push(draft.step(Kind::SecurityGroup, target.name, [], Planned::ModifyRules { group: at.clone(), rules: modified }));
    }
    before.extend(target.authorize(draft, desired, &at, &added, None));
    for direction in [Direction::Ingress, Direction::Egress] {
        let ids: BTreeSet<String> = removed.iter().filter(|old| old.1.key.direction == direction).map(|old| old.0.to_owned()).collect();
        if !ids.is_empty() {
            draft.step(Kind::SecurityGroup, target.name, before.clone(), Planned::RevokeRules { group: at.clone(), direction, ids });
        }
    }
    if let Some(default) = sorted.default_egress {
        target.show(draft, Some(default), None);
        draft.step(Kind::SecurityGroup, target.name, before, Planned::RevokeDefaultEgress { group: at });
    }
}

/// A rule of ours, by its id.
type Ours<'a> = (&'a str, &'a Rule);

/// What there is, set against what there should be.
#[derive(Default)]
struct Sorted<'a> {
    /// Ours, with another description than desired.
    redescribed: Vec<(Ours<'a>, &'a Rule)>,
    /// Ours, not desired.
    leftover: Vec<Ours<'a>>,
    /// Desired, not there: no rule holds its key.
    missing: Vec<&'a Rule>,
    /// AWS's own egress rule, when it is not desired. It is in our group since the group was made, so it counts as ours.
    default_egress: Option<&'a Rule>,
}

fn sort<'a>(draft: &mut Draft<'_>, target: &Target<'a>, id: &str, rules: &'a [ObservedRule]) -> Sorted<'a> {
    let wanted: BTreeMap<&RuleKey, &Rule> = target.wanted.rules.iter().map(|rule| (&rule.key, rule)).collect();
    let mut sorted = Sorted::default();
    for observed in rules {
        let rule = &observed.rule;
        let owner = Owner::of(observed.tags.get(OWNER_TAG).map(String::as_str), draft.names);
        match (observed.id.as_deref(), wanted.get(&rule.key)) {
            (Some(id), Some(new)) if owner == Owner::Us => {
                if new.description != rule.description {
                    sorted.redescribed.push(((id, rule), new));
                }
            }
            (Some(id), None) if owner == Owner::Us => sorted.leftover.push((id, rule)),
            (_, wanted) if target.ours && owner == Owner::Nobody && rule.key.is_default_egress() => {
                if wanted.is_none() {
                    sorted.default_egress = Some(rule);
                }
            }
            (_, Some(_)) => {
                draft.keep(format!("rule {} of {}: somebody else made it, it does what the config asks, and it stays theirs", rule.key, id))
            }
            // What others have in a group of theirs is no news.
            (_, None) if !target.ours => {}
            (_, None) => draft.keep(format!("rule {} of {id}: somebody else's", rule.key)),
        }
    }
    let held: BTreeSet<&RuleKey> = rules.iter().map(|observed| &observed.rule.key).collect();
    sorted.missing = wanted.into_values().filter(|rule| !held.contains(&rule.key)).collect();
    sorted
}

/// Which rule becomes which, in one call. A rule is turned only into one that nothing holds, so no two ever say the same on the way.
/// AWS changes ports and peer of a rule, not its direction and not the kind of its peer.
fn pair<'a>(sorted: &Sorted<'a>) -> Vec<(Ours<'a>, &'a Rule)> {
    let mut pairs = sorted.redescribed.clone();
    let mut free = sorted.missing.clone();
    let mut left = sorted.leftover.clone();
    // The likeliest story first: other ports for the same peer, then another peer for the same ports, then anything.
    let stories: [fn(&RuleKey, &RuleKey) -> bool; 3] = [|a, b| a.peer == b.peer, |a, b| a.traffic == b.traffic, |_, _| true];
    for same in stories {
        left.retain(|old| {
            let fits = |new: &&Rule| {
                let (a, b) = (&old.1.key, &new.key);
                a.direction == b.direction && peer_kind(&a.peer) == peer_kind(&b.peer) && same(a, b)
            };
            match free.iter().position(fits) {
                Some(at) => {
                    pairs.push((*old, free.remove(at)));
                    false
                }
                None => true,
            }
        });
    }
    pairs
}

/// What AWS calls the type of a rule: "when you modify a rule, you cannot change the rule type" (`SecurityGroupRuleRequest`).
const fn peer_kind(peer: &Peer) -> u8 {
    match peer {
        Peer::Cidr(cidr) if cidr.is_ipv6() => 6,
        Peer::Cidr(_) => 4,
        Peer::SecurityGroup(_) => 1,
        Peer::Other(_) => 0,
    }
}

impl Target<'_> {
    /// One call for each direction that has any.
    fn authorize(
        &self,
        draft: &mut Draft<'_>,
        desired: &Desired,
        group: &Ref<String>,
        rules: &[&Rule],
        after: Option<StepId>,
    ) -> Vec<StepId> {
        let mut steps = Vec::new();
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules: Vec<Rule> = rules.iter().filter(|rule| rule.key.direction == direction).map(|rule| (*rule).clone()).collect();
            if !rules.is_empty() {
                let action = Planned::AuthorizeRules { group: group.clone(), direction, rules, tags: desired.ownership.clone() };
                steps.push(draft.step(Kind::SecurityGroup, self.name, after, action));
            }
        }
        steps
    }

    /// Tells people: a rule that comes, goes, or becomes another.
    fn show(&self, draft: &mut Draft<'_>, old: Option<&Rule>, new: Option<&Rule>) {
        let kind = match (old, new) {
            (None, _) => ChangeKind::Create,
            (Some(_), Some(_)) => ChangeKind::Update,
            (Some(_), None) => ChangeKind::Delete,
        };
        let name = new.or(old).map(|rule| rule.key.to_string()).unwrap_or_default();
        let name = if self.ours { name } else { format!("{name} on {}", self.name) };
        let view = |rule: Option<&Rule>| {
            let mut view = View::default();
            if let Some(rule) = rule {
                let path = self.wanted.paths.get(&rule.key).map(ToString::to_string);
                view.set("rule", &rule.key, path.as_deref());
                if !rule.description.is_empty() {
                    view.set("description", &rule.description, path.map(|path| format!("{path}.description")).as_deref());
                }
            }
            view
        };
        draft.change(Kind::SecurityGroupRule, name, kind, (&view(old), &view(new)), None);
    }
}
