//! The fixed point without WebAssembly: policies made of closures and of random tables.

mod fakes;
mod random;
mod terms;

use std::collections::BTreeMap;

use kaphost_spec::{IngressRule, Leaf, Origins, Path, Source};

use self::fakes::*;
use super::*;
use crate::Severity;
use crate::answer::{Reason, Reported};
use crate::rules::Mutation;

#[test]
fn a_mutators_change_is_recorded_leaf_by_leaf_with_its_reason() {
    let settled = play(vec![mutator(&["tag", r#"tag["Owner"].propagate"#], |cluster| tag(cluster, "Owner", "ops"))]).unwrap();
    assert_eq!(settled.passes, 2);
    let changes: Vec<_> = settled.changes.iter().map(|c| (c.path.to_string(), c.old.clone(), c.new.clone(), c.reason.as_str())).collect();
    assert_eq!(
        changes,
        [
            (r#"tag["Owner"]"#.to_owned(), None, Some(Leaf::Text("ops".into())), "because of tag"),
            (r#"tag["Owner"].propagate"#.to_owned(), None, Some(Leaf::Bool(true)), r#"because of tag["Owner"].propagate"#),
        ]
    );
}

#[test]
fn validators_see_the_fixed_point_only_and_all_of_them_are_heard() {
    let narrow = mutator(&["ssh.allow"], |cluster| {
        cluster.ssh.allow = BTreeMap::from([(Source::Cidr("10.0.0.0/8".parse().unwrap()), IngressRule { description: "inside".into() })]);
    });
    let open = |cluster: &Cluster| {
        let world = Source::Cidr("0.0.0.0/0".parse().unwrap());
        if cluster.ssh.allow.contains_key(&world) { vec![reported("ssh.allow")] } else { vec![reported("tenancy")] }
    };
    let settled = play(vec![validator(open), narrow, validator(open)]).unwrap();
    let found: Vec<_> = settled.violations.iter().map(|v| (v.policy, v.path.to_string(), v.severity)).collect();
    assert_eq!(found, [(0, "tenancy".into(), Severity::High), (2, "tenancy".into(), Severity::High)]);
}

#[test]
fn a_chain_of_dependent_mutators_in_the_worst_order_settles_in_n_plus_one_passes() {
    // Each waits for the tag that the one behind it sets: one step forward a pass.
    let step = |waits: &'static str, sets: &'static str| {
        mutator(&["tag"], move |cluster| {
            if waits.is_empty() || cluster.tags.keys().any(|key| key.as_str() == waits) {
                tag(cluster, sets, "x");
            }
        })
    };
    let settled = play(vec![step("B", "A"), step("C", "B"), step("", "C")]).unwrap();
    assert_eq!(settled.passes, 4);
    let order: Vec<_> = settled.changes.iter().map(|change| (change.pass, change.policy)).collect();
    assert_eq!(order, [(1, 2), (1, 2), (2, 1), (2, 1), (3, 0), (3, 0)]);
}

#[test]
fn two_that_fight_are_named_with_the_path_and_both_values() {
    let set = |value: &'static str| mutator(&["tag"], move |cluster| tag(cluster, "Owner", value));
    let error = play(vec![set("a"), validator(|_| vec![]), set("b")]).unwrap_err();
    let PolicyError::Unsettled(unsettled) = &error else { panic!("{error}") };
    assert_eq!(unsettled.policies(), ["p0", "p2"]);
    assert_eq!(
        error.to_string(),
        r#"the policies do not come to rest after 3 passes: `tag["Owner"]` is set to "a" by `p0`, then set to "b" by `p2`"#
    );
    assert_eq!(error.code(), "unsettled");
}

#[test]
fn two_that_take_turns_are_both_named() {
    // The first writes where the tag is `b` or not there, the second where it is `a`, but each only in every second pass.
    let turn = |when: &'static str, then: &'static str, size: u32| {
        mutator(&["tag", "root-volume"], move |cluster| {
            let is = cluster.tags.iter().find(|(key, _)| key.as_str() == "Owner").map(|(_, tag)| tag.value.as_str().to_owned());
            if is.as_deref().unwrap_or("b") == when && cluster.root_volume.size_gib == size {
                tag(cluster, "Owner", then);
            }
        })
    };
    let flip = mutator(&["root-volume"], |cluster| cluster.root_volume.size_gib = 101 - cluster.root_volume.size_gib);
    let error = play(vec![turn("b", "a", 50), turn("a", "b", 51), flip]).unwrap_err();
    let PolicyError::Unsettled(unsettled) = &error else { panic!("{error}") };
    assert_eq!(unsettled.policies(), ["p2", "p0", "p1"]);
    let tag = unsettled.paths.iter().find(|path| path.path.to_string() == r#"tag["Owner"]"#).unwrap();
    let writes: Vec<_> = tag.writes.iter().map(|write| (write.policy.as_str(), write.value.clone())).collect();
    assert_eq!(writes, [("p0", Some(Leaf::Text("a".into()))), ("p1", Some(Leaf::Text("b".into())))]);
}

#[test]
fn a_mutator_is_asked_about_one_cluster_once() {
    let calls = std::rc::Rc::new(std::cell::Cell::new(0));
    let counted = std::rc::Rc::clone(&calls);
    let count = move |edit: fn(&mut Cluster)| {
        let counted = std::rc::Rc::clone(&counted);
        mutator(&[""], move |cluster| {
            counted.set(counted.get() + 1);
            edit(cluster);
        })
    };
    // Two clusters, three policies: before the change and after it, in both orders, and in both passes.
    let settled = play(vec![count(|_| ()), count(|cluster| tag(cluster, "Owner", "a")), count(|_| ())]).unwrap();
    assert_eq!((settled.passes, calls.get(), settled.order), (2, 6, None));
}

#[test]
fn one_that_never_settles_is_named_alone() {
    let grow = mutator(&["root-volume"], |cluster| cluster.root_volume.size_gib += 1);
    let error = play(vec![grow]).unwrap_err();
    assert!(error.to_string().contains("`root-volume.size` is set to 51 by `p0`, then set to 52 by `p0`"), "{error}");
    assert!(error.help().contains("its own answer"), "{}", error.help());
}

#[test]
fn a_change_without_a_reason_is_a_failure() {
    let error = play(vec![mutator(&["tag[\"Other\"]"], |cluster| tag(cluster, "Owner", "ops"))]).unwrap_err();
    assert_eq!(error.code(), "unexplained-change");
    let PolicyError::Answer { error, .. } = error else { panic!("{error}") };
    assert_eq!(error.to_string(), r#"it changed `tag["Owner"]` from nothing to "ops" without giving a reason"#);
}

#[test]
fn a_reason_without_a_change_is_ignored_but_its_rule_must_exist() {
    assert!(play(vec![mutator(&["tenancy"], |_| ())]).unwrap().changes.is_empty());
    let cites =
        answering(|cluster| Ok(Mutation::Amended(Box::new(cluster.clone()), vec![Reason { rule: "zzz".into(), ..reason("tenancy") }])));
    assert_eq!(play(vec![cites]).unwrap_err().code(), "unknown-rule");
    let cites = validator(|_| vec![Reported { rule: "zzz".into(), ..reported("tenancy") }]);
    assert_eq!(play(vec![cites]).unwrap_err().code(), "unknown-rule");
}

#[test]
fn a_complaint_about_a_setting_is_about_one_that_was_described() {
    let about = |path: &'static str| validator(move |_| vec![reported(path)]);
    let settled = play(vec![about(r#"settings["known"]"#)]).unwrap();
    assert_eq!(settled.violations[0].path.to_string(), r#"settings["known"]"#);
    let PolicyError::Answer { error, .. } = play(vec![about(r#"settings["other"]"#)]).unwrap_err() else { panic!() };
    assert_eq!(
        (error.code(), &*error.to_string()),
        ("invalid-result", "it complains about the setting `other`, which it never described; it has `known`",)
    );
}

#[test]
fn name_region_and_user_data_are_out_of_reach_whatever_the_reason() {
    type Edit = fn(&mut Cluster);
    let edits: [Edit; 3] = [
        |cluster| cluster.name = "other-name".parse().unwrap(),
        |cluster| cluster.region = "eu-west-1".parse().unwrap(),
        |cluster| cluster.user_data = None,
    ];
    for edit in edits {
        assert_eq!(play(vec![mutator(&[""], edit)]).unwrap_err().code(), "forbidden-change");
    }
}

#[test]
fn a_mutator_that_denies_denies_and_one_that_denies_nothing_fails() {
    let never = validator(|_| vec![reported("tenancy")]);
    let settled = play(vec![denying(vec![reported("ssh")]), denying(vec![reported("http")]), never]).unwrap();
    let paths: Vec<_> = settled.violations.iter().map(|violation| violation.path.to_string()).collect();
    assert_eq!(paths, ["ssh", "http"]);
    assert_eq!(play(vec![denying(vec![])]).unwrap_err().code(), "silent-denial");
}

#[test]
fn no_policies_admit_what_is_there() {
    let admission = admit(&spec(), &[], &Circumstances { facts: &Facts::default(), waivers: &[], now: Timestamp::UNIX_EPOCH }).unwrap();
    let Outcome::Admitted(admitted) = admission.outcome else { panic!() };
    assert_eq!(*admitted.cluster(), *spec().cluster);
    assert_eq!(admitted.decision(), admission.decision.digest().unwrap());
    assert_eq!(admission.decision.input_sha256, admission.decision.output_sha256);
    assert_eq!(admission.decision.passes, 0);
}

#[test]
fn the_chain_of_a_value_goes_from_the_config_through_every_change() {
    let settled = play(vec![
        mutator(&["tag"], |cluster| {
            if cluster.tags.len() == 1 {
                tag(cluster, "Team", "one");
            }
        }),
        mutator(&["tag"], |cluster| tag(cluster, "Team", "two")),
        mutator(&["tag"], |cluster| tag(cluster, "Zone", "z")),
    ])
    .unwrap();
    let spec = spec();
    let decision = decision_of(&settled);
    let path: Path = r#"tag["Team"]"#.parse().unwrap();
    let chain = decision.chain(&spec.origins, &path);
    assert!(matches!(chain.origin, kaphost_spec::Origin::Config(_)));
    let values: Vec<_> = chain.changes.iter().map(|change| change.new.clone().unwrap().to_string()).collect();
    assert_eq!(values, [r#""one""#, r#""two""#]);
    assert_eq!(decision.last_writer(&path).unwrap().1.policy, 1);
    assert_eq!(decision.last_writer(&"tenancy".parse().unwrap()), None);
}

fn decision_of(settled: &Settled) -> Decision {
    let policy = |i| crate::decision::PolicyRecord {
        name: format!("p{i}"),
        version: "1.0.0".into(),
        digest: String::new(),
        source: format!("p{i}"),
        world: crate::World::Mutator,
        enforcement: Enforcement::Remediate,
        set: None,
        writes: vec![],
        loosens: vec![],
        facts: [].into(),
        user_data: false,
        settings: crate::Settings::default(),
    };
    Decision {
        schema: DECISION_SCHEMA,
        cluster: "c".into(),
        verdict: Verdict::Admitted,
        input_sha256: String::new(),
        output_sha256: String::new(),
        policies: (0..3).map(policy).collect(),
        facts: Facts::default(),
        passes: settled.passes,
        changes: settled.changes.clone(),
        advice: settled.advice.clone(),
        violations: settled.violations.clone(),
        order: settled.order.clone(),
        waivers: settled.waivers.clone(),
    }
}

/// `Origins` of a spec made in code: nothing was written.
#[test]
fn what_no_file_says_is_built_in() {
    let settled = play(vec![mutator(&["tag"], |cluster| tag(cluster, "New", "x"))]).unwrap();
    let origins = Origins::new(std::sync::Arc::clone(spec().origins.source()), 0..0);
    let decision = decision_of(&settled);
    let chain = decision.chain(&origins, &r#"tag["New"]"#.parse().unwrap());
    assert_eq!(chain.origin, kaphost_spec::Origin::BuiltIn);
    assert_eq!(chain.changes.len(), 2);
}
