//! The fixed point without WebAssembly: policies made of closures and of random tables.

use std::collections::BTreeMap;

use kaphost_spec::{IngressRule, Origins, Source, Tag};
use proptest::prelude::*;

use super::*;
use crate::{Rule, Severity};

fn spec() -> Spec {
    let text = r#"
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" }
    ssh { allow cidr="0.0.0.0/0" description="the world" }
    user-data "echo hello"
    tag "Team" "metrics"
}
"#;
    crate::testing::spec(text)
}

fn description(name: &str) -> Description {
    let rule = |id: &str| Rule { id: id.into(), severity: Severity::High, summary: "Holds.".into(), url: None };
    Description {
        name: name.into(),
        version: "1.0.0".into(),
        summary: "A test.".into(),
        rules: vec![rule("r"), rule("s")],
        settings: vec![],
        needs: vec![],
    }
}

type Mutator = Box<dyn Fn(&Cluster) -> Mutation>;
type Validator = Box<dyn Fn(&Cluster) -> Vec<Reported>>;

#[derive(Default)]
struct Fake {
    mutate: Option<Mutator>,
    validate: Option<Validator>,
}

impl Rules for Fake {
    fn validate(&self, subject: &Subject<'_>) -> (Result<Vec<Reported>, Failure>, Log) {
        (Ok(self.validate.as_ref().map(|validate| validate(subject.cluster)).unwrap_or_default()), Log::default())
    }

    fn mutate(&self, subject: &Subject<'_>) -> Option<(Result<Mutation, Failure>, Log)> {
        Some((Ok(self.mutate.as_ref()?(subject.cluster)), Log::default()))
    }
}

fn reason(path: &str) -> Reason {
    Reason { rule: "r".into(), path: path.parse().unwrap(), reason: format!("because of {path}") }
}

fn reported(path: &str) -> Reported {
    Reported { rule: "r".into(), path: path.parse().unwrap(), message: "bad".into(), help: None }
}

fn mutator(reasons: &[&str], edit: impl Fn(&mut Cluster) + 'static) -> Fake {
    let reasons: Vec<Reason> = reasons.iter().map(|path| reason(path)).collect();
    let mutate = move |cluster: &Cluster| {
        let mut cluster = cluster.clone();
        edit(&mut cluster);
        Mutation::Amended(Box::new(cluster), reasons.clone())
    };
    Fake { mutate: Some(Box::new(mutate)), validate: None }
}

fn validator(validate: impl Fn(&Cluster) -> Vec<Reported> + 'static) -> Fake {
    Fake { mutate: None, validate: Some(Box::new(validate)) }
}

fn play(fakes: Vec<Fake>) -> Result<Settled, PolicyError> {
    let names: Vec<String> = (0..fakes.len()).map(|i| format!("p{i}")).collect();
    let descriptions: Vec<Description> = names.iter().map(|name| description(name)).collect();
    let players: Vec<Player<'_, Fake>> = fakes
        .into_iter()
        .zip(&names)
        .zip(&descriptions)
        .map(|((rules, source), description)| Player { rules, source, description })
        .collect();
    run(&spec().cluster, &players, &Facts::default())
}

fn tag(cluster: &mut Cluster, key: &str, value: &str) {
    cluster.tags.insert(key.parse().unwrap(), Tag { value: value.parse().unwrap(), propagate: true });
}

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
fn one_that_never_settles_is_named_alone() {
    let grow = mutator(&["root-volume"], |cluster| cluster.root_volume.size_gib += 1);
    let error = play(vec![grow]).unwrap_err();
    assert!(error.to_string().contains("`root-volume.size` is set to 52 by `p0`"), "{error}");
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
    let cites = Fake {
        mutate: Some(Box::new(|cluster| {
            Mutation::Amended(Box::new(cluster.clone()), vec![Reason { rule: "zzz".into(), ..reason("tenancy") }])
        })),
        validate: None,
    };
    assert_eq!(play(vec![cites]).unwrap_err().code(), "unknown-rule");
    let cites = validator(|_| vec![Reported { rule: "zzz".into(), ..reported("tenancy") }]);
    assert_eq!(play(vec![cites]).unwrap_err().code(), "unknown-rule");
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
    let deny = |violations: Vec<Reported>| Fake { mutate: Some(Box::new(move |_| Mutation::Denied(violations.clone()))), validate: None };
    let never = validator(|_| vec![reported("tenancy")]);
    let settled = play(vec![deny(vec![reported("ssh")]), deny(vec![reported("http")]), never]).unwrap();
    let paths: Vec<_> = settled.violations.iter().map(|violation| violation.path.to_string()).collect();
    assert_eq!(paths, ["ssh", "http"]);
    assert_eq!(play(vec![deny(vec![])]).unwrap_err().code(), "silent-denial");
}

#[test]
fn no_policies_admit_what_is_there() {
    let admission = admit(&spec(), &[], &Circumstances { facts: &Facts::default(), waivers: &[], now: Timestamp::UNIX_EPOCH }).unwrap();
    let Outcome::Admitted(admitted) = admission.outcome else { panic!() };
    assert_eq!(*admitted.cluster(), spec().cluster);
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
    let policies = (0..3)
        .map(|i| PolicyRecord {
            name: format!("p{i}"),
            version: "1.0.0".into(),
            digest: String::new(),
            source: format!("p{i}"),
            world: crate::World::Mutator,
            enforcement: crate::Enforcement::Remediate,
            set: None,
            writes: vec![],
            loosens: vec![],
            facts: [].into(),
            user_data: false,
            settings: crate::Settings::default(),
        })
        .collect();
    Decision {
        schema: DECISION_SCHEMA,
        cluster: "c".into(),
        verdict: Verdict::Admitted,
        input_sha256: String::new(),
        output_sha256: String::new(),
        policies,
        facts: Facts::default(),
        passes: settled.passes,
        changes: settled.changes.clone(),
        advice: vec![],
        violations: settled.violations.clone(),
        order: None,
        waivers: vec![],
    }
}

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
    ]
}

fn grant(wish: &Wish, cluster: &mut Cluster) {
    let key = |key: u8| format!("K{key}");
    match *wish {
        Wish::Tag(k, value) => tag(cluster, &key(k), &format!("v{value}")),
        Wish::NoTag(k) => {
            cluster.tags.remove(&key(k).parse().unwrap());
        }
        Wish::Follow(k, then) => {
            if cluster.tags.contains_key(&key(k).parse().unwrap()) {
                tag(cluster, &key(then), "followed");
            }
        }
        Wish::Dedicated(yes) => cluster.tenancy = if yes { kaphost_spec::Tenancy::Dedicated } else { kaphost_spec::Tenancy::Default },
        Wish::Size(size) => cluster.root_volume.size_gib = size,
        Wish::PublicIp(yes) => cluster.network.public_ip = yes,
        Wish::Narrow => cluster.ssh.allow.clear(),
    }
}

fn random(wishes: Vec<Wish>) -> Fake {
    mutator(&[""], move |cluster| wishes.iter().for_each(|wish| grant(wish, cluster)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever the policies want, the loop ends: at rest, or with names.
    #[test]
    fn random_policies_settle_or_are_named(policies in proptest::collection::vec(proptest::collection::vec(wish(), 1..4), 1..5)) {
        let count = policies.len();
        match play(policies.iter().cloned().map(random).collect()) {
            Ok(settled) => {
                prop_assert!(settled.passes as usize <= count + 1);
                // A fixed point of every one of them.
                for wishes in &policies {
                    let mut again = settled.cluster.clone();
                    wishes.iter().for_each(|wish| grant(wish, &mut again));
                    prop_assert_eq!(&again, &settled.cluster);
                }
                // The changes lead from the input to the output, each from what the one before left.
                let mut leaves = settled.input.clone();
                for change in &settled.changes {
                    prop_assert_eq!(leaves.get(&change.path), change.old.as_ref());
                    prop_assert_ne!(&change.old, &change.new);
                    match &change.new {
                        Some(leaf) => leaves.insert(change.path.clone(), leaf.clone()),
                        None => leaves.remove(&change.path),
                    };
                }
                prop_assert_eq!(&leaves, &settled.output);
                prop_assert_eq!(&settled.output, &settled.cluster.leaves());
            }
            Err(PolicyError::Unsettled(unsettled)) => {
                prop_assert_eq!(unsettled.passes as usize, count + 1);
                prop_assert!(!unsettled.paths.is_empty());
                prop_assert!(unsettled.paths.iter().all(|path| !path.writes.is_empty()));
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// The difference of two clusters turns one into the other.
    #[test]
    fn differences_replay(before in proptest::collection::vec(wish(), 0..6), after in proptest::collection::vec(wish(), 0..6)) {
        let [old, new] = [before, after].map(|wishes| {
            let mut cluster = spec().cluster;
            wishes.iter().for_each(|wish| grant(wish, &mut cluster));
            cluster.leaves()
        });
        let mut leaves = old.clone();
        for (path, was, now) in difference(&old, &new) {
            prop_assert_eq!(leaves.get(path), was);
            match now {
                Some(leaf) => leaves.insert(path.clone(), leaf.clone()),
                None => leaves.remove(path),
            };
        }
        prop_assert_eq!(leaves, new);
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
