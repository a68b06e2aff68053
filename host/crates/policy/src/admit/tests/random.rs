//! What holds for every cluster and every chain of policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaphost_spec::{IngressRule, InstanceMetadata, Leaves, Path, Pattern, Source, Tenancy, Tokens};
use proptest::prelude::*;

use super::super::difference::{difference, whole_entry};
use super::fakes::*;
use super::*;
use crate::answer::{Reason, Reported};
use crate::decision::Reversed;
use crate::error::AnswerError;
use crate::rules::{Mutation, Rules as _};
use crate::waiver::tests::{at, waiver};
use crate::{Waiver, WaiverState, tighten};

/// One thing that a random policy wants.
#[derive(Clone, Debug)]
enum Wish {
    Tag(u8, u8),
    NoTag(u8),
    /// Sets the second tag where the first is there.
    Follow(u8, u8),
    Dedicated(bool),
    Size(u32),
    PublicIp(bool),
    Narrow,
    Allow(u8),
    Split,
    Tokens(bool),
    /// Where the tag is there, this size.
    SizeWhere(u8, u32),
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        (0..4u8, 0..3u8).prop_map(|(key, value)| Wish::Tag(key, value)),
        (0..4u8).prop_map(Wish::NoTag),
        (0..4u8, 0..4u8).prop_map(|(key, then)| Wish::Follow(key, then)),
        any::<bool>().prop_map(Wish::Dedicated),
        (10..13u32).prop_map(Wish::Size),
        any::<bool>().prop_map(Wish::PublicIp),
        Just(Wish::Narrow),
        (0..3u8).prop_map(Wish::Allow),
        Just(Wish::Split),
        any::<bool>().prop_map(Wish::Tokens),
        (0..4u8, 10..13u32).prop_map(|(key, size)| Wish::SizeWhere(key, size)),
    ]
}

fn allow(cluster: &mut Cluster, networks: &[&str]) {
    let rule = || IngressRule { description: "x".into() };
    cluster.ssh.allow.extend(networks.iter().map(|network| (Source::Cidr(network.parse().unwrap()), rule())));
}

fn grant(wish: &Wish, cluster: &mut Cluster) {
    let key = |key: u8| format!("K{key}");
    let has = |cluster: &Cluster, k: u8| cluster.tags.contains_key(&key(k).parse().unwrap());
    match *wish {
        Wish::Tag(k, value) => tag(cluster, &key(k), &format!("v{value}")),
        Wish::NoTag(k) => {
            cluster.tags.remove(&key(k).parse().unwrap());
        }
        Wish::Follow(k, then) => {
            if has(cluster, k) {
                tag(cluster, &key(then), "followed");
            }
        }
        Wish::Dedicated(yes) => cluster.tenancy = if yes { Tenancy::Dedicated } else { Tenancy::Default },
        Wish::Size(size) => cluster.root_volume.size_gib = size,
        Wish::PublicIp(yes) => cluster.network.public_ip = yes,
        Wish::Narrow => cluster.ssh.allow.clear(),
        Wish::Allow(which) => allow(cluster, [&["10.0.0.0/8"], &["10.1.0.0/16"], &["::/0"]][usize::from(which)]),
        Wish::Split => {
            if cluster.ssh.allow.remove(&Source::Cidr("10.0.0.0/8".parse().unwrap())).is_some() {
                allow(cluster, &["10.0.0.0/9", "10.128.0.0/9"]);
            }
        }
        Wish::Tokens(required) => {
            let tokens = if required { Tokens::Required } else { Tokens::Optional };
            cluster.metadata = InstanceMetadata { tokens, ..cluster.metadata };
        }
        Wish::SizeWhere(k, size) => {
            if has(cluster, k) {
                cluster.root_volume.size_gib = size;
            }
        }
    }
}

/// What a policy says when the cluster has a tag.
#[derive(Clone, Debug)]
enum Complaint {
    Validates(u8),
    Denies(u8),
}

/// A policy by chance: wishes, complaints, terms.
#[derive(Clone, Debug)]
struct Chance {
    wishes: Vec<Wish>,
    complaint: Option<Complaint>,
    enforcement: Enforcement,
    writes: Vec<&'static str>,
    loosens: Vec<&'static str>,
}

fn chance() -> impl Strategy<Value = Chance> {
    let complaint = prop_oneof![
        4 => Just(None),
        1 => (0..4u8).prop_map(|key| Some(Complaint::Validates(key))),
        1 => (0..4u8).prop_map(|key| Some(Complaint::Denies(key))),
    ];
    let enforcement = prop_oneof![
        1 => Just(Enforcement::Disabled),
        1 => Just(Enforcement::Advisory),
        1 => Just(Enforcement::Mandatory),
        5 => Just(Enforcement::Remediate),
    ];
    let writes = prop_oneof![
        4 => Just(vec!["*"]),
        1 => prop::sample::subsequence(vec!["tag", "tenancy", "root-volume.size", "ssh.allow[*]", "network", "metadata.tokens"], 1..6),
    ];
    let loosens = prop_oneof![
        2 => Just(vec!["*"]),
        1 => prop::sample::subsequence(vec!["tenancy", "ssh.allow", "network.public-ip"], 0..3),
    ];
    (prop::collection::vec(wish(), 0..4), complaint, enforcement, writes, loosens)
        .prop_map(|(wishes, complaint, enforcement, writes, loosens)| Chance { wishes, complaint, enforcement, writes, loosens })
}

fn complaint(key: u8) -> Reported {
    Reported { message: format!("K{key} is there."), ..reported(&format!("tag[\"K{key}\"]")) }
}

impl Chance {
    fn fulfil(&self, cluster: &Cluster) -> Cluster {
        let mut cluster = cluster.clone();
        self.wishes.iter().for_each(|wish| grant(wish, &mut cluster));
        cluster
    }

    fn fake(&self) -> Fake {
        let is_there = |cluster: &Cluster, key: u8| cluster.tags.contains_key(&format!("K{key}").parse().unwrap());
        let this = self.clone();
        let mutates = answering(move |cluster| match this.complaint {
            Some(Complaint::Denies(key)) if is_there(cluster, key) => Ok(Mutation::Denied(vec![complaint(key)])),
            _ => {
                let reason = Reason { rule: "s".into(), ..reason("") };
                Ok(Mutation::Amended(Box::new(this.fulfil(cluster)), vec![reason]))
            }
        });
        let fake = match self.complaint {
            Some(Complaint::Validates(key)) => {
                mutates.also(validator(move |cluster| if is_there(cluster, key) { vec![complaint(key)] } else { vec![] }))
            }
            _ => mutates,
        };
        fake.held(self.enforcement).writes(&self.writes).loosens(&self.loosens).of_set("org.kdl")
    }

    fn may(&self, grants: &[&str], path: &Path) -> bool {
        grants.iter().any(|grant| grant.parse::<Pattern>().unwrap().covers(path))
    }
}

/// The cluster that all begin with, and some others.
fn start() -> impl Strategy<Value = Cluster> {
    prop::collection::vec(wish(), 0..5).prop_map(|wishes| {
        let mut cluster = Arc::unwrap_or_clone(spec().cluster);
        wishes.iter().for_each(|wish| grant(wish, &mut cluster));
        cluster
    })
}

fn some_waivers() -> impl Strategy<Value = Vec<Waiver>> {
    let one = (0..5_usize, any::<bool>(), prop::option::of(0..4u8), prop::sample::select(vec!["kapacitor-stage", "*", "other"]), 0..4u8);
    let waiver = one.prop_map(|(policy, of_set, key, cluster, lapse)| Waiver {
        set: if of_set { "org.kdl" } else { "other.kdl" }.into(),
        policy: format!("p{policy}"),
        value: key.map(|key| format!("K{key}")),
        cluster: cluster.into(),
        expires: at(if lapse == 0 { "2026-01-01T00:00:00Z" } else { "2026-12-01T00:00:00Z" }),
        horizon_days: (lapse != 1).then_some(30),
        ..waiver()
    });
    prop::collection::vec(waiver, 0..4)
}

const NOW: &str = "2026-11-22T00:00:00Z";

fn played(start: &Cluster, chances: &[Chance], waivers: &[Waiver]) -> Result<Settled, PolicyError> {
    let fakes: Vec<Fake> = chances.iter().map(Chance::fake).collect();
    play_on(start, &fakes, waivers, at(NOW))
}

/// The fixed point once more, as a child would write it: no memory, no grants, no waivers.
enum Plain {
    Rest(Box<Cluster>),
    Restless,
    Denied,
}

fn plain(start: &Cluster, chances: &[&Chance]) -> Plain {
    let mut cluster = start.clone();
    for _ in 0..=chances.len() {
        let (mut denied, mut changed) = (false, false);
        for chance in chances {
            let fake = chance.fake();
            let (mutation, _) = (&fake).mutate(&subject(&cluster)).unwrap();
            match mutation.unwrap() {
                // Two that undo each other's work come back to where they were, and are not at rest.
                Mutation::Amended(after, _) => {
                    changed |= *after != cluster;
                    cluster = *after;
                }
                Mutation::Kept(_) => {}
                Mutation::Denied(_) => denied = true,
            }
        }
        if denied {
            return Plain::Denied;
        }
        if !changed {
            return Plain::Rest(Box::new(cluster));
        }
    }
    Plain::Restless
}

fn replay(leaves: &mut Leaves, changes: &[Change]) -> Result<(), TestCaseError> {
    for change in changes {
        prop_assert_eq!(leaves.get(&change.path), change.old.as_ref());
        prop_assert_ne!(&change.old, &change.new);
        match &change.new {
            Some(leaf) => leaves.insert(change.path.clone(), leaf.clone()),
            None => leaves.remove(&change.path),
        };
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the policies want, it ends: at rest, with a denial, or with names.
    #[test]
    fn random_chains_end_and_their_changes_replay(
        start in start(),
        chances in prop::collection::vec(chance(), 0..6),
        waivers in some_waivers(),
    ) {
        let remediating: Vec<usize> = (0..chances.len()).filter(|i| chances[*i].enforcement == Enforcement::Remediate).collect();
        match played(&start, &chances, &waivers) {
            Ok(settled) => {
                prop_assert!(settled.passes as usize <= remediating.len() + 1);
                // The changes lead from the input to the output, each from what the one before left.
                let mut leaves = start.leaves();
                prop_assert_eq!(settled.changed, *settled.cluster != start);
                replay(&mut leaves, &settled.changes)?;
                prop_assert_eq!(&leaves, &settled.cluster.leaves());
                // Only those write that may, only what they may, and passes follow one another.
                for change in &settled.changes {
                    prop_assert!(remediating.contains(&change.policy));
                    let chance = &chances[change.policy];
                    prop_assert!(chance.may(&chance.writes, &change.path), "{}", change.path);
                }
                prop_assert!(settled.changes.is_sorted_by_key(|change| (change.pass, change.policy)));
                let denies = settled.violations.iter().any(|violation| violation.effect == Effect::Deny);
                let waived_denial = |i: &usize| matches!(chances[*i].complaint, Some(Complaint::Denies(_)));
                if !denies {
                    // A fixed point of every policy that remediates and does not complain.
                    for i in remediating.iter().filter(|i| !waived_denial(i)) {
                        prop_assert_eq!(&chances[*i].fulfil(&settled.cluster), &*settled.cluster);
                    }
                }
                // Violations say what they must: whose, and to what effect.
                for violation in &settled.violations {
                    let chance = &chances[violation.policy];
                    prop_assert_ne!(chance.enforcement, Enforcement::Disabled);
                    prop_assert_eq!(violation.waiver.is_some(), violation.effect == Effect::Waived);
                    if violation.effect != Effect::Waived {
                        prop_assert_eq!(violation.effect == Effect::Advise, chance.enforcement == Enforcement::Advisory);
                    }
                }
            }
            Err(PolicyError::Unsettled(unsettled)) => {
                prop_assert_eq!(unsettled.passes as usize, remediating.len() + 1);
                prop_assert!(!unsettled.paths.is_empty());
                prop_assert!(unsettled.paths.iter().all(|path| !path.writes.is_empty()));
            }
            Err(PolicyError::Answer { error, .. }) => match *error {
                AnswerError::NotGranted { path, writes, .. } => prop_assert!(!writes.iter().any(|pattern| pattern.covers(&path))),
                AnswerError::Loosens { path, loosens, .. } => prop_assert!(!loosens.iter().any(|pattern| pattern.covers(&path))),
                error => prop_assert!(false, "{}", error),
            },
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// No policy makes anything less safe without a grant, one step at a time; so without any grants the outcome is as safe as the input.
    #[test]
    fn nothing_loosens_without_a_grant(start in start(), chances in prop::collection::vec(chance(), 1..6)) {
        let none: Vec<Chance> = chances.iter().map(|chance| Chance { loosens: vec![], ..chance.clone() }).collect();
        match played(&start, &none, &[]) {
            Ok(settled) => prop_assert_eq!(tighten::loosened(&start, &settled.cluster), []),
            Err(error) => prop_assert!(matches!(error.code(), "unsettled" | "not-granted" | "loosens"), "{}", error),
        }
        // With grants, each step's loosening is marked, and covered by a grant of its own policy.
        if let Ok(settled) = played(&start, &chances, &[]) {
            for change in settled.changes.iter().filter(|change| change.loosens) {
                let chance = &chances[change.policy];
                let covered = change.path.segments().iter().scan(Path::root(), |path, segment| {
                    *path = path.segments().iter().cloned().chain([segment.clone()]).collect();
                    Some(path.clone())
                });
                prop_assert!(covered.into_iter().any(|path| chance.may(&chance.loosens, &path)), "{}", change.path);
            }
        }
    }

    /// The walk with a memory comes to what the walk without one comes to, in both orders; the order report says so exactly when they differ.
    #[test]
    fn the_order_report_is_right(start in start(), chances in prop::collection::vec(chance(), 1..6)) {
        let all: Vec<Chance> = chances
            .iter()
            .filter(|chance| chance.enforcement == Enforcement::Remediate)
            .map(|chance| Chance { writes: vec!["*"], loosens: vec!["*"], ..chance.clone() })
            .collect();
        let forwards: Vec<&Chance> = all.iter().collect();
        let backwards: Vec<&Chance> = all.iter().rev().collect();
        let settled = match (plain(&start, &forwards), played(&start, &all, &[])) {
            (Plain::Rest(cluster), Ok(settled)) => {
                prop_assert_eq!(&*cluster, &*settled.cluster);
                settled
            }
            (Plain::Denied, Ok(settled)) => {
                prop_assert!(settled.violations.iter().any(|violation| violation.effect == Effect::Deny));
                prop_assert_eq!(settled.order, None);
                return Ok(());
            }
            (Plain::Restless, Err(PolicyError::Unsettled(_))) => return Ok(()),
            (_, other) => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        if settled.changes.is_empty() {
            prop_assert_eq!(settled.order, None);
            return Ok(());
        }
        match (plain(&start, &backwards), settled.order) {
            (Plain::Rest(cluster), None) => prop_assert_eq!(&*cluster, &*settled.cluster),
            (Plain::Rest(cluster), Some(order)) => {
                prop_assert_eq!(order.reversed, Reversed::Settles);
                let reversed = cluster.leaves();
                let differs: Vec<_> = difference(&settled.cluster.leaves(), &reversed)
                    .into_iter()
                    .map(|(path, declared, reversed)| (path.clone(), declared.cloned(), reversed.cloned()))
                    .collect();
                let reported: Vec<_> = order.paths.into_iter().map(|path| (path.path, path.declared, path.reversed)).collect();
                prop_assert!(!reported.is_empty());
                prop_assert_eq!(reported, differs);
            }
            (Plain::Restless, Some(order)) => {
                prop_assert!(matches!(&order.reversed, Reversed::NeverSettles { policies } if !policies.is_empty()), "{:?}", order);
                prop_assert!(!order.paths.is_empty());
            }
            (Plain::Denied, Some(order)) => prop_assert!(matches!(order.reversed, Reversed::Denies { .. }), "{:?}", order),
            (_, order) => prop_assert!(false, "{:?}", order),
        }
    }

    /// The same inputs give the same bytes; and policies that only look on change nothing of what is applied.
    #[test]
    fn outcomes_are_determined(start in start(), chances in prop::collection::vec(chance(), 0..6), waivers in some_waivers()) {
        let first = played(&start, &chances, &waivers);
        let second = played(&start, &chances, &waivers);
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
        if let Ok(first) = first {
            let json = |settled: &Settled| serde_json::to_string(&decision_of(settled)).unwrap();
            prop_assert_eq!(json(&first), json(&second.unwrap()));
            let onlookers = |chance: &&Chance| matches!(chance.enforcement, Enforcement::Disabled | Enforcement::Advisory);
            let others: Vec<Chance> = chances.iter().filter(|chance| !onlookers(chance)).cloned().collect();
            let without = played(&start, &others, &[]);
            if waivers.is_empty() {
                let without = without.unwrap();
                prop_assert_eq!(&without.cluster, &first.cluster);
                prop_assert_eq!(without.changes.len(), first.changes.len());
                let denies = |settled: &Settled| settled.violations.iter().any(|violation| violation.effect == Effect::Deny);
                prop_assert_eq!(denies(&without), denies(&first));
            }
        }
    }

    /// A waiver that holds turns denials of its own policy and rule into waived ones, and does nothing else.
    #[test]
    fn waivers_waive_what_they_say(start in start(), chances in prop::collection::vec(chance(), 1..6), waivers in some_waivers()) {
        let Ok(settled) = played(&start, &chances, &waivers) else { return Ok(()) };
        for violation in settled.violations.iter().filter(|violation| violation.effect == Effect::Waived) {
            let record = &settled.waivers[violation.waiver.unwrap()];
            prop_assert_eq!(record.state, WaiverState::Used);
            prop_assert_eq!((&record.policy, &record.rule), (&format!("p{}", violation.policy), &violation.rule));
            prop_assert_eq!(record.set.as_str(), "org.kdl");
            if let Some(value) = &record.value {
                let shown = violation.path.to_string();
                let quoted = format!("\"{value}\"");
                prop_assert!(shown.contains(&quoted), "{}", shown);
            }
        }
        for (index, record) in settled.waivers.iter().enumerate() {
            let used = settled.violations.iter().filter(|violation| violation.waiver == Some(index)).count();
            prop_assert_eq!(used, record.waived);
            prop_assert_eq!(used > 0, record.state == WaiverState::Used);
            prop_assert_eq!(record.state == WaiverState::Expired, record.expires <= at(NOW));
            prop_assert!(matches!(record.cluster.as_str(), "kapacitor-stage" | "*"));
        }
        // What is waived was there without the waivers too, where they made no difference to what was asked.
        if let Ok(strict) = played(&start, &chances, &[]) && strict.cluster == settled.cluster && strict.passes == settled.passes {
            let key = |violation: &Violation| (violation.policy, violation.rule.clone(), violation.path.clone());
            let had: Vec<_> = strict.violations.iter().map(key).collect();
            prop_assert!(settled.violations.iter().filter(|v| v.effect == Effect::Waived).all(|v| had.contains(&key(v))));
        }
    }

    /// The difference of two clusters turns one into the other, and an entry is whole where one of them has nothing of it.
    #[test]
    fn differences_replay(old in start(), new in start()) {
        let [old, new] = [old, new].map(|cluster| cluster.leaves());
        let mut leaves: BTreeMap<_, _> = old.clone();
        for (path, was, now) in difference(&old, &new) {
            prop_assert_eq!(leaves.get(path), was);
            match now {
                Some(leaf) => leaves.insert(path.clone(), leaf.clone()),
                None => leaves.remove(path),
            };
            if let Some(entry) = whole_entry(path, &old, &new) {
                prop_assert!(entry.covers(path));
                let has = |leaves: &Leaves| leaves.keys().any(|leaf| entry.covers(leaf));
                prop_assert!(has(&old) != has(&new));
            }
        }
        prop_assert_eq!(leaves, new);
    }
}
