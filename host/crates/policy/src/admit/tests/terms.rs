//! What each policy may do here: enforcement, grants, waivers, and the other order.

use kaphost_spec::{Leaf, Tenancy, Volume};

use super::fakes::*;
use super::*;
use crate::answer::Reported;
use crate::decision::{OrderPath, Reversed};
use crate::error::{AnswerError, RunError};
use crate::rules::Failure;
use crate::waiver::tests::{at, waiver};
use crate::{Waiver, WaiverState};

const NOW: &str = "2026-11-22T00:00:00Z";

fn dedicated() -> Fake {
    mutator(&["tenancy"], |cluster| cluster.tenancy = Tenancy::Dedicated)
}

fn found(settled: &Settled) -> Vec<(usize, &str, String, Effect)> {
    settled.violations.iter().map(|v| (v.policy, v.rule.as_str(), v.path.to_string(), v.effect)).collect()
}

#[test]
fn a_disabled_policy_is_never_asked() {
    let panics = answering(|_| panic!("asked")).also(validator(|_| panic!("asked"))).held(Enforcement::Disabled);
    let settled = play(vec![panics]).unwrap();
    assert_eq!((settled.passes, settled.violations.len()), (0, 0));
}

#[test]
fn an_advisory_policy_works_on_a_shadow_and_denies_nothing() {
    let advisory = dedicated().also(validator(|_| vec![reported("ssh")])).held(Enforcement::Advisory);
    let sees = validator(|cluster| if cluster.tenancy == Tenancy::Dedicated { vec![reported("tenancy")] } else { vec![] });
    let writer = mutator(&["tag"], |cluster| tag(cluster, "Owner", "ops"));
    let settled = play(vec![advisory, sees, writer]).unwrap();
    assert_eq!(settled.cluster.tenancy, Tenancy::Default);
    assert_eq!(found(&settled), [(0, "r", "ssh".into(), Effect::Advise)]);
    let advice: Vec<_> = settled.advice.iter().map(|c| (c.policy, c.path.to_string(), c.new.clone(), c.pass)).collect();
    assert_eq!(advice, [(0, "tenancy".into(), Some(Leaf::Text("dedicated".into())), 0)]);
    assert!(settled.changes.iter().all(|change| change.policy == 2));
}

#[test]
fn advice_is_about_the_fixed_point_and_not_about_other_advice() {
    let size = |size: u32| mutator(&["root-volume"], move |cluster| cluster.root_volume.size_gib += size).held(Enforcement::Advisory);
    let real = mutator(&["root-volume"], |cluster| cluster.root_volume.size_gib = 100);
    let settled = play(vec![size(1), real, size(2)]).unwrap();
    let advice: Vec<_> = settled.advice.iter().map(|change| (change.policy, change.old.clone(), change.new.clone())).collect();
    assert_eq!(advice, [(0, Some(Leaf::Int(100)), Some(Leaf::Int(101))), (2, Some(Leaf::Int(100)), Some(Leaf::Int(102)))]);
}

#[test]
fn a_mandatory_policy_never_writes_and_demands_what_it_would_have_written() {
    let settled = play(vec![dedicated().held(Enforcement::Mandatory)]).unwrap();
    assert!(settled.changes.is_empty() && !settled.changed && settled.passes == 0);
    assert_eq!(found(&settled), [(0, "r", "tenancy".into(), Effect::Deny)]);
    let violation = &settled.violations[0];
    assert_eq!(violation.message, r#"`tenancy` is "default", and has to be "dedicated": because of tenancy"#);
    assert_eq!(violation.help.as_deref(), Some(r#"set `tenancy` to "dedicated""#));
    assert_eq!(violation.severity, Severity::High);
    // As it should be, there is nothing to demand.
    let both = play(vec![dedicated(), dedicated().held(Enforcement::Mandatory)]).unwrap();
    assert_eq!(found(&both), []);
}

#[test]
fn what_comes_or_goes_as_a_whole_is_one_demand() {
    let edit = |cluster: &mut Cluster| {
        cluster.ssh.allow.clear();
        tag(cluster, "Owner", "ops");
        let settings = cluster.root_volume.clone();
        cluster.volumes.insert("/dev/xvdh".parse().unwrap(), Volume { settings, snapshot: None });
        cluster.ssh.key = Some("ops".parse().unwrap());
    };
    let settled = play(vec![mutator(&[""], edit).held(Enforcement::Mandatory)]).unwrap();
    let said: Vec<_> = settled.violations.iter().map(|v| v.message.split(':').next().unwrap()).collect();
    assert_eq!(
        said,
        [
            r#"`ssh.allow["0.0.0.0/0"]` is there, and has to go"#,
            r#"`ssh.key` is not set, and has to be "ops""#,
            r#"`tag["Owner"]` is not there, and has to be"#,
            r#"`volume["/dev/xvdh"]` is not there, and has to be"#,
        ]
    );
}

#[test]
fn a_mandatory_policy_says_nothing_twice() {
    let also = |path: &'static str| dedicated().also(validator(move |_| vec![reported(path)])).held(Enforcement::Mandatory);
    // Its own violation at the path, or above it, says it already; one elsewhere does not.
    for path in ["tenancy", ""] {
        assert_eq!(found(&play(vec![also(path)]).unwrap()), [(0, "r", path.into(), Effect::Deny)]);
    }
    assert_eq!(play(vec![also("ssh")]).unwrap().violations.len(), 2);
    let other_rule =
        dedicated().also(validator(|_| vec![Reported { rule: "s".into(), ..reported("tenancy") }])).held(Enforcement::Mandatory);
    assert_eq!(play(vec![other_rule]).unwrap().violations.len(), 2);
}

#[test]
fn an_onlooker_that_denies_is_heard_at_the_fixed_point() {
    let deny = |enforcement| denying(vec![reported("ssh")]).held(enforcement);
    let settled = play(vec![deny(Enforcement::Advisory), deny(Enforcement::Mandatory), dedicated()]).unwrap();
    assert_eq!(found(&settled), [(0, "r", "ssh".into(), Effect::Advise), (1, "r", "ssh".into(), Effect::Deny)]);
    assert_eq!(settled.cluster.tenancy, Tenancy::Dedicated);
}

#[test]
fn whoever_fails_fails_the_whole_whatever_it_may_do() {
    for enforcement in [Enforcement::Advisory, Enforcement::Mandatory, Enforcement::Remediate] {
        let broken = answering(|_| Err(Failure::Run(RunError::OutOfFuel { limit: 1 }))).held(enforcement);
        assert_eq!(play(vec![broken]).unwrap_err().code(), "out-of-fuel", "{enforcement}");
        let unexplained = mutator(&[], |cluster| cluster.tenancy = Tenancy::Dedicated).held(enforcement);
        assert_eq!(play(vec![unexplained]).unwrap_err().code(), "unexplained-change", "{enforcement}");
        let renames = mutator(&[""], |cluster| cluster.name = "other-name".parse().unwrap()).held(enforcement);
        assert_eq!(play(vec![renames]).unwrap_err().code(), "forbidden-change", "{enforcement}");
    }
}

#[test]
fn a_write_outside_of_the_grants_is_a_failure_and_nothing_is_kept() {
    let both = || {
        mutator(&[""], |cluster| {
            cluster.tenancy = Tenancy::Dedicated;
            tag(cluster, "Owner", "ops");
        })
    };
    assert!(play(vec![both().writes(&["tenancy", "tag[*]"])]).is_ok());
    let error = play(vec![both().writes(&["tenancy", r#"tag["Team"]"#])]).unwrap_err();
    assert_eq!(error.code(), "not-granted");
    assert!(error.help().contains(r##"`writes #"tag["Owner"]"#`"##), "{}", error.help());
    let PolicyError::Answer { error, policy, .. } = error else { panic!("{error}") };
    assert_eq!(policy, "p0");
    assert_eq!(error.to_string(), r#"it changed `tag["Owner"]` from nothing to "ops", and was granted `tenancy`, `tag["Team"]`"#);
    let nothing = play(vec![both().writes(&[])]).unwrap_err();
    assert!(std::error::Error::source(&nothing).unwrap().to_string().ends_with("and was granted nothing"));
    // Where it only looks on, grants are not asked for.
    assert_eq!(play(vec![both().writes(&[]).held(Enforcement::Mandatory)]).unwrap().violations.len(), 2);
}

#[test]
fn loosening_needs_a_grant_of_its_own() {
    let public = || {
        mutator(&[""], |cluster| {
            cluster.network.public_ip = true;
            tag(cluster, "Public", "yes");
        })
    };
    let settled = play(vec![public().loosens(&["network.public-ip"])]).unwrap();
    let loosens: Vec<_> = settled.changes.iter().filter(|change| change.loosens).map(|change| change.path.to_string()).collect();
    assert_eq!(loosens, ["network.public-ip"]);

    for grants in [&[][..], &["tenancy", "ssh.allow"]] {
        let error = play(vec![public().loosens(grants)]).unwrap_err();
        assert_eq!(error.code(), "loosens");
        assert!(error.help().contains("`loosens \"network.public-ip\"`"), "{}", error.help());
        let PolicyError::Answer { error, .. } = error else { panic!("{error}") };
        let AnswerError::Loosens { path, old, new, .. } = &*error else { panic!("{error}") };
        assert_eq!((path.to_string().as_str(), old.as_str(), new.as_str()), ("network.public-ip", "#false", "#true"));
        assert!(error.to_string().contains("no public address is safer"), "{error}");
    }
    // What another policy has tightened may not be undone, though it was like that at the start.
    let narrow = mutator(&["ssh"], |cluster| cluster.ssh.allow.clear());
    let widen = mutator(&["ssh"], |cluster| cluster.ssh.allow = spec().cluster.ssh.allow.clone()).loosens(&[]);
    assert_eq!(play(vec![narrow, widen]).unwrap_err().code(), "loosens");
}

#[test]
fn the_other_order_is_tried_and_what_hangs_on_it_is_shown() {
    let set = |value: &'static str| {
        mutator(&["tag"], move |cluster| {
            if cluster.tags.len() == 1 {
                tag(cluster, "Owner", value);
            }
        })
    };
    let settled = play(vec![set("a"), validator(|_| vec![]), set("b")]).unwrap();
    let order = settled.order.unwrap();
    assert_eq!(order.reversed, Reversed::Settles);
    let text = |text: &str| Some(Leaf::Text(text.into()));
    let path = r#"tag["Owner"]"#.parse().unwrap();
    assert_eq!(order.paths, [OrderPath { path, declared: text("a"), reversed: text("b") }]);
    // One writer, or several that agree: no order to speak of.
    assert_eq!(play(vec![set("a"), set("a")]).unwrap().order, None);
    assert_eq!(play(vec![set("a"), mutator(&["tag"], |_| ())]).unwrap().order, None);
    // Those that do not write are in no order.
    assert_eq!(play(vec![set("a"), set("b").held(Enforcement::Advisory), set("b").held(Enforcement::Disabled)]).unwrap().order, None);
}

#[test]
fn the_other_order_may_deny_fight_or_fail() {
    let owner = || mutator(&["tag"], |cluster| tag(cluster, "Owner", "ops"));
    let has_owner = |cluster: &Cluster| cluster.tags.keys().any(|key| key.as_str() == "Owner");
    let unless_owned = move |otherwise: fn() -> Result<Mutation, Failure>| {
        answering(move |cluster| if has_owner(cluster) { Ok(Mutation::Amended(Box::new(cluster.clone()), vec![])) } else { otherwise() })
    };
    let order = |second: Fake| play(vec![owner(), second]).unwrap().order.unwrap();
    let denies = order(unless_owned(|| Ok(Mutation::Denied(vec![reported("tag")]))));
    assert_eq!(denies.reversed, Reversed::Denies { policy: 1, message: "bad".into() });
    let silent = order(unless_owned(|| Ok(Mutation::Denied(vec![]))));
    assert!(matches!(silent.reversed, Reversed::Fails { policy: 1, code: "silent-denial", .. }), "{silent:?}");
    // A policy that cannot be run is no matter of order.
    let traps = unless_owned(|| Err(Failure::Run(RunError::OutOfFuel { limit: 1 })));
    assert_eq!(play(vec![owner(), traps]).unwrap_err().code(), "out-of-fuel");
    // Where there is no owner yet, it grows without end: in the declared order it never gets to see that.
    let grows = mutator(&["root-volume", "tag"], move |cluster| {
        if !has_owner(cluster) || cluster.root_volume.size_gib > 50 {
            cluster.root_volume.size_gib += 1;
        }
    });
    let never = order(grows);
    assert_eq!(never.reversed, Reversed::NeverSettles { policies: vec![1] });
    assert_eq!(never.paths.len(), 1);
    assert_eq!(never.paths[0].declared, Some(Leaf::Int(50)));
}

#[test]
fn a_denial_in_the_declared_order_asks_no_further() {
    let settled = play(vec![denying(vec![reported("ssh")]), dedicated(), dedicated()]).unwrap();
    assert_eq!(settled.order, None);
    assert_eq!(found(&settled), [(0, "r", "ssh".into(), Effect::Deny)]);
}

fn waived(fakes: Vec<Fake>, waivers: &[Waiver]) -> Settled {
    let fakes: Vec<Fake> = fakes.into_iter().map(|fake| fake.of_set("org.kdl")).collect();
    play_on(&spec().cluster, &fakes, waivers, at(NOW)).unwrap()
}

fn open_ssh() -> Fake {
    validator(|cluster| {
        let at = |source: &Source| reported(&format!("ssh.allow[\"{source}\"]"));
        cluster.ssh.allow.keys().map(at).collect()
    })
}

fn of_p0(edit: impl FnOnce(&mut Waiver)) -> Waiver {
    let mut waiver = Waiver { policy: "p0".into(), ..waiver() };
    edit(&mut waiver);
    waiver
}

#[test]
fn a_waived_violation_stays_and_does_not_deny() {
    let settled = waived(vec![open_ssh(), open_ssh()], &[of_p0(|_| ())]);
    let path = r#"ssh.allow["0.0.0.0/0"]"#;
    assert_eq!(found(&settled), [(0, "r", path.into(), Effect::Waived), (1, "r", path.into(), Effect::Deny)]);
    assert_eq!(settled.violations[0].waiver, Some(0));
    assert_eq!((settled.waivers[0].state, settled.waivers[0].waived), (WaiverState::Used, 1));
}

#[test]
fn a_waiver_holds_for_what_it_names_and_nothing_else() {
    type Edit = fn(&mut Waiver);
    let holds: [Edit; 4] = [|_| (), |w| w.cluster = "*".into(), |w| w.value = Some("0.0.0.0/0".into()), |w| w.horizon_days = None];
    for (i, edit) in holds.into_iter().enumerate() {
        assert_eq!(waived(vec![open_ssh()], &[of_p0(edit)]).violations[0].effect, Effect::Waived, "{i}");
    }
    let not: [(Edit, Option<WaiverState>); 8] = [
        (|w| w.set = "other.kdl".into(), Some(WaiverState::Unused)),
        (|w| w.policy = "p1".into(), Some(WaiverState::Unused)),
        (|w| w.rule = "s".into(), Some(WaiverState::Unused)),
        (|w| w.value = Some("10.0.0.0/8".into()), Some(WaiverState::Unused)),
        (|w| w.expires = at(NOW), Some(WaiverState::Expired)),
        (|w| w.horizon_days = Some(1), Some(WaiverState::TooLong)),
        (|w| w.cluster = "kapacitor".into(), None),
        (
            |w| {
                w.cluster = "*".into();
                w.rule = "s".into();
            },
            None,
        ),
    ];
    for (i, (edit, state)) in not.into_iter().enumerate() {
        let settled = waived(vec![open_ssh()], &[of_p0(edit)]);
        assert_eq!(settled.violations[0].effect, Effect::Deny, "{i}");
        assert_eq!(settled.waivers.first().map(|waiver| waiver.state), state, "{i}");
    }
    // Nor for a module that was given by itself, in no set.
    let settled = play_on(&spec().cluster, &[open_ssh()], &[of_p0(|_| ())], at(NOW)).unwrap();
    assert_eq!(settled.violations[0].effect, Effect::Deny);
}

#[test]
fn the_first_waiver_that_holds_is_the_one_and_indices_are_those_of_the_record() {
    let waivers = [
        of_p0(|w| w.cluster = "other".into()),
        of_p0(|w| {
            w.cluster = "*".into();
            w.rule = "s".into();
        }),
        of_p0(|w| w.expires = at("2020-01-01T00:00:00Z")),
        of_p0(|w| w.ticket = "SEC-2".into()),
        of_p0(|w| w.ticket = "SEC-3".into()),
    ];
    let settled = waived(vec![open_ssh()], &waivers);
    let states: Vec<_> = settled.waivers.iter().map(|waiver| (waiver.ticket.as_str(), waiver.state)).collect();
    assert_eq!(states, [("SEC-1", WaiverState::Expired), ("SEC-2", WaiverState::Used), ("SEC-3", WaiverState::Unused)]);
    assert_eq!(settled.waivers[settled.violations[0].waiver.unwrap()].ticket, "SEC-2");
}

#[test]
fn a_waiver_holds_for_demands_and_denials_too() {
    let demand = waived(vec![dedicated().held(Enforcement::Mandatory)], &[of_p0(|w| w.value = Some("default".into()))]);
    assert_eq!(found(&demand), [(0, "r", "tenancy".into(), Effect::Waived)]);
    let advice = waived(vec![open_ssh().held(Enforcement::Advisory)], &[of_p0(|_| ())]);
    assert_eq!(advice.violations[0].effect, Effect::Waived);

    // A mutator's denial that is waived stands in nobody's way, and is told once.
    let both = denying(vec![reported("ssh")]).also(validator(|_| vec![reported("ssh")]));
    let settled = waived(vec![both, dedicated()], &[of_p0(|_| ())]);
    assert_eq!(found(&settled), [(0, "r", "ssh".into(), Effect::Waived)]);
    assert_eq!(settled.cluster.tenancy, Tenancy::Dedicated);
    // One that is not: it ends there, and whether the others are needed nobody knows.
    let two = denying(vec![reported("ssh"), Reported { rule: "s".into(), ..reported("http") }]);
    let settled = waived(vec![two, open_ssh()], &[of_p0(|_| ()), Waiver { policy: "p1".into(), ..waiver() }]);
    assert_eq!(found(&settled), [(0, "r", "ssh".into(), Effect::Waived), (0, "s", "http".into(), Effect::Deny)]);
    assert_eq!(settled.waivers[1].state, WaiverState::Untried);
}
