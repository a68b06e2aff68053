//! What holds for every pair of clusters, and wherever a run is killed.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, and their generators are no test functions")]

use std::collections::BTreeMap;

use crate::support::{OTHERS, applied, cluster, desired, empty, plan, try_diff, world};
use kaphost_plan::{Action, Observed, ObservedRule, Peer, Plan, Traffic, check, destroy};
use kaphost_spec::{Ami, Cluster, EgressRule, RolloutStrategy, Source, Spot, Tag, Tenancy, UserData, Volume};
use proptest::prelude::*;

/// Few values each, so that clusters often share some.
fn networks() -> impl Strategy<Value = Vec<(usize, bool)>> {
    proptest::collection::vec((0..6usize, any::<bool>()), 0..5)
}

const SOURCES: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "2001:db8::/32", "fd00::/8"];

fn source(index: usize) -> Source {
    SOURCES.get(index).map_or_else(|| Source::SecurityGroup("sg-0bbbbbbb".parse().unwrap()), |text| Source::Cidr(text.parse().unwrap()))
}

fn allow(picks: &[(usize, bool)]) -> BTreeMap<Source, kaphost_spec::IngressRule> {
    let rule = |named: bool| kaphost_spec::IngressRule { description: if named { "office" } else { "lab" }.to_owned() };
    picks.iter().map(|(index, named)| (source(*index), rule(*named))).collect()
}

prop_compose! {
    fn clusters()(
        ssh in networks(),
        http in networks(),
        ports in (prop_oneof![Just(22u16), Just(2222)], prop_oneof![Just(9092u16), Just(2222)]),
        egress in 0..4usize,
        (image, size, tagged, spot) in (0..2usize, 8..10u32, 0..3usize, 0..3usize),
        (dedicated, launch_first, script, extra, wait) in any::<(bool, bool, bool, bool, bool)>(),
        (managed, inline, boundary, elsewhere) in (proptest::collection::btree_set(0..3usize, 0..3), 0..3usize, 0..3usize, 0..3usize),
    ) -> Cluster {
        let mut it = cluster();
        (it.ssh.allow, it.http.allow) = (allow(&ssh), allow(&http));
        (it.ssh.port, it.http.port) = ports;
        let rule = |ports| EgressRule { ports, description: "out".to_owned() };
        it.egress = match egress {
            0 => BTreeMap::from([("0.0.0.0/0".parse().unwrap(), rule(None))]),
            1 => BTreeMap::from([("0.0.0.0/0".parse().unwrap(), rule(Some((443, 443)))), ("::/0".parse().unwrap(), rule(None))]),
            2 => BTreeMap::from([("10.0.0.0/8".parse().unwrap(), rule(None))]),
            _ => BTreeMap::new(),
        };
        it.ami = Ami::Id(["ami-0abcd1234", "ami-0ffff1234"][image].parse().unwrap());
        it.root_volume.size_gib = size;
        if tagged > 0 {
            it.tags.insert("Owner".parse().unwrap(), Tag { value: "ops".parse().unwrap(), propagate: tagged == 1 });
        }
        it.tenancy = if dedicated { Tenancy::Dedicated } else { Tenancy::Default };
        it.spot = match spot {
            0 => None,
            1 => Some(Spot { max_price: None }),
            _ => Some(Spot { max_price: Some("0.05".parse().unwrap()) }),
        };
        it.rollout.strategy = if launch_first { RolloutStrategy::LaunchFirst } else { RolloutStrategy::TerminateFirst };
        it.user_data = script.then(|| UserData::new("#!/bin/sh\n".to_owned()).unwrap());
        if extra {
            let volume = Volume { settings: it.root_volume.clone(), snapshot: None };
            it.volumes.insert("/dev/xvdh".parse().unwrap(), volume);
        }
        it.scaling.wait_for_capacity_timeout_s = if wait { 600 } else { 0 };
        let arn = |index: usize| format!("arn:aws:iam::aws:policy/P{index}").parse().unwrap();
        it.iam.managed_policies = managed.into_iter().map(arn).collect();
        let document = |index: usize| format!(r#"{{"Statement":[],"Version":"{index}"}}"#);
        it.iam.inline_policies = (inline > 0).then(|| ("x".to_owned(), document(inline))).into_iter().collect();
        it.iam.boundary = (boundary > 0).then(|| arn(boundary));
        it.http.security_group = OTHERS.get(elsewhere).map(|id| id.parse().unwrap());
        it
    }
}

/// Rules that users put into the group, as far as nothing says the same yet.
fn add_foreign(observed: &mut Observed, picks: &[(usize, bool)]) {
    for group in &mut observed.security_groups {
        for (index, ssh) in picks {
            let peer = match source(*index) {
                Source::Cidr(cidr) => Peer::Cidr(cidr),
                Source::SecurityGroup(id) => Peer::SecurityGroup(id.to_string()),
            };
            let port = if *ssh { 22 } else { 8086 };
            let mut rule = world::default_egress().rule;
            rule.key.direction = kaphost_plan::Direction::Ingress;
            (rule.key.peer, rule.key.traffic) = (peer, Traffic::Ports { protocol: "tcp".to_owned(), from: port, to: port });
            if group.rules.iter().all(|there| there.rule.key != rule.key) {
                group.rules.push(ObservedRule { id: None, rule, tags: BTreeMap::new() });
            }
        }
    }
}

fn foreign(observed: &Observed) -> Vec<ObservedRule> {
    let rules = observed.security_groups.iter().flat_map(|group| &group.rules);
    rules.filter(|rule| rule.tags.is_empty() && !rule.rule.key.is_default_egress()).cloned().collect()
}

fn finish(plan: &Plan, observed: Observed) -> Observed {
    world::run(plan, observed, usize::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applied_is_done(a in clusters(), b in clusters(), users in networks()) {
        let mut observed = applied(&a);
        prop_assert!(plan(&desired(&a), &observed).is_empty());

        add_foreign(&mut observed, &users);
        let attachments = observed.role.as_mut().unwrap().attachments.as_mut().unwrap();
        attachments.managed.push("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
        let before = foreign(&observed);
        let wanted = desired(&b);
        let way = plan(&wanted, &observed);
        prop_assert_eq!(&way, &plan(&wanted, &observed), "the same inputs give the same plan");
        prop_assert_eq!(way.is_empty(), way.changes.is_empty(), "what people read is what is done");
        let after = finish(&way, observed);
        let again = plan(&wanted, &after);
        prop_assert!(again.is_empty(), "{:?}", again.changes);
        prop_assert!(after.role.as_ref().unwrap().attachments.as_ref().unwrap().managed.iter().any(|arn| arn.contains("Administrator")));
        for rule in before {
            prop_assert!(foreign(&after).contains(&rule), "{:?} is gone", rule);
        }
    }

    #[test]
    fn killed_anywhere_converges(a in clusters(), b in clusters(), fresh in any::<bool>(), steps in 0..12usize) {
        let start = if fresh { empty() } else { applied(&a) };
        let wanted = desired(&b);
        let killed = world::run(&plan(&wanted, &start), start, steps);
        let mended = finish(&plan(&wanted, &killed), killed);
        prop_assert!(plan(&wanted, &mended).is_empty());
    }

    #[test]
    fn destroyed_is_gone(a in clusters(), built in 0..12usize, steps in 0..12usize, attached in any::<bool>()) {
        let wanted = desired(&a);
        let mut observed = world::run(&plan(&wanted, &empty()), empty(), built);
        if let Some(role) = observed.role.as_mut().filter(|_| attached) {
            let attachments = role.attachments.get_or_insert_default();
            attachments.managed.push("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
            attachments.inline.push("theirs".to_owned());
        }
        let end = |observed: &Observed| {
            let plan = destroy(&wanted.names, observed, true).unwrap();
            assert_eq!(check(&plan, observed), []);
            plan
        };
        let killed = world::run(&end(&observed), observed, steps);
        let nothing = finish(&end(&killed), killed);
        prop_assert!(end(&nothing).is_empty());
        prop_assert!(nothing.role.is_none() && nothing.instance_profile.is_none() && nothing.launch_template.is_none());
        prop_assert!(nothing.security_groups.is_empty() && nothing.auto_scaling_group.is_none());
        prop_assert!(nothing.other_groups.iter().all(|group| group.rules.is_empty()), "{:?}", nothing.other_groups);
    }

    /// Whatever of the five is somebody else's, nothing is planned, and a destroy does not touch it.
    #[test]
    fn what_is_not_ours_is_never_written(a in clusters(), b in clusters(), which in 0..5usize, other in any::<bool>()) {
        let mut observed = applied(&a);
        let mut tags = [
            &mut observed.role.as_mut().unwrap().tags,
            &mut observed.instance_profile.as_mut().unwrap().tags,
            &mut observed.launch_template.as_mut().unwrap().tags,
            &mut observed.security_groups[0].tags,
        ];
        let group = &mut observed.auto_scaling_group.as_mut().unwrap().tags;
        if let Some(tags) = tags.get_mut(which) {
            tags.remove("kaphost:cluster");
            if other {
                tags.insert("kaphost:cluster".to_owned(), "other".to_owned());
            }
        } else if other {
            group.get_mut("kaphost:cluster").unwrap().value = "other".to_owned();
        } else {
            group.remove("kaphost:cluster");
        }
        prop_assert!(try_diff(&desired(&b), &observed).is_err());
        if let Ok(plan) = destroy(&desired(&b).names, &observed, false) {
            prop_assert_eq!(check(&plan, &observed), []);
            let touched = |action: &Action<_, _>| match which {
                0 => matches!(action, Action::DeleteRole { .. }),
                1 => matches!(action, Action::DeleteInstanceProfile { .. } | Action::RemoveRoleFromInstanceProfile { .. }),
                2 => matches!(action, Action::DeleteLaunchTemplate { .. }),
                3 => matches!(action, Action::DeleteSecurityGroup { .. }),
                _ => matches!(action, Action::DeleteAutoScalingGroup { .. } | Action::WaitForGroupGone { .. }),
            };
            prop_assert!(!plan.steps.iter().any(|step| touched(&step.action)));
            prop_assert!(!plan.kept.is_empty());
        }
    }
}

/// Further tags are drift, AWS's own excepted; what a resource was created from is not compared.
#[test]
fn tags_end_up_exact() {
    let mut observed = applied(&cluster());
    let role = observed.role.as_mut().unwrap();
    role.tags.insert("kaphost:spec".to_owned(), "0123456789abcdef".to_owned());
    role.tags.insert("aws:made-by".to_owned(), "x".to_owned());
    assert!(plan(&desired(&cluster()), &observed).is_empty());
    observed.role.as_mut().unwrap().tags.insert("extra".to_owned(), "x".to_owned());
    let way = plan(&desired(&cluster()), &observed);
    let operations: Vec<&str> = way.steps.iter().map(|step| step.action.operation()).collect();
    assert_eq!(operations, ["UntagRole"]);
}
