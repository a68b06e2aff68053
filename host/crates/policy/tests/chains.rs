//! Chains of real components, by chance: the same outcome as the same rules without WebAssembly, the same bytes each time.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::sync::{Arc, LazyLock};

use crate::support::{Guest, Layout, spec};
use kaphost_policy::{
    Admission, Circumstances, Decision, Enforcement, Facts, HostOptions, Module, Outcome, Policy, PolicyError, PolicyHost, Reversed, Terms,
    Verdict, admit,
};
use kaphost_spec::{Cluster, InstanceMetadata, Leaves, Spec, Tenancy, Tokens};
use proptest::prelude::*;

/// A field that a guest finds at one place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Tenancy,
    PublicIp,
    Tokens,
    HopLimit,
    RootSize,
    Encrypted,
}

/// Where the condition holds, set the field.
#[derive(Clone, Copy, Debug)]
struct Rule {
    when: Option<(Field, u32)>,
    field: Field,
    value: u32,
}

impl Field {
    fn offset(self) -> u32 {
        let at = |outer: &str, record: &str, field: &str| Layout::of("cluster").at(outer) + Layout::of(record).at(field);
        match self {
            Self::Tenancy => Layout::of("cluster").at("tenancy"),
            Self::PublicIp => at("network", "network", "public-ip"),
            Self::Tokens => at("metadata", "instance-metadata", "tokens"),
            Self::HopLimit => at("metadata", "instance-metadata", "hop-limit"),
            Self::RootSize => at("root-volume", "volume-settings", "size-gib"),
            Self::Encrypted => at("root-volume", "volume-settings", "encrypted"),
        }
    }

    const fn store(self) -> &'static str {
        if matches!(self, Self::RootSize) { "i32.store" } else { "i32.store8" }
    }

    const fn load(self) -> &'static str {
        if matches!(self, Self::RootSize) { "i32.load" } else { "i32.load8_u" }
    }

    fn get(self, cluster: &Cluster) -> u32 {
        match self {
            Self::Tenancy => u32::from(cluster.tenancy == Tenancy::Dedicated),
            Self::PublicIp => u32::from(cluster.network.public_ip),
            Self::Tokens => u32::from(cluster.metadata.tokens == Tokens::Optional),
            Self::HopLimit => cluster.metadata.hop_limit.into(),
            Self::RootSize => cluster.root_volume.size_gib,
            Self::Encrypted => u32::from(cluster.root_volume.encrypted),
        }
    }

    fn set(self, cluster: &mut Cluster, value: u32) {
        match self {
            Self::Tenancy => cluster.tenancy = if value == 1 { Tenancy::Dedicated } else { Tenancy::Default },
            Self::PublicIp => cluster.network.public_ip = value == 1,
            Self::Tokens => {
                let tokens = if value == 1 { Tokens::Optional } else { Tokens::Required };
                cluster.metadata = InstanceMetadata { tokens, ..cluster.metadata };
            }
            Self::HopLimit => cluster.metadata.hop_limit = u8::try_from(value).unwrap(),
            Self::RootSize => cluster.root_volume.size_gib = value,
            Self::Encrypted => cluster.root_volume.encrypted = value == 1,
        }
    }
}

impl Rule {
    fn code(self) -> String {
        let set = format!("({} offset={} (local.get 0) (i32.const {}))", self.field.store(), self.field.offset(), self.value);
        match self.when {
            None => set,
            Some((field, value)) => {
                let is = format!("(i32.eq ({} offset={} (local.get 0)) (i32.const {value}))", field.load(), field.offset());
                format!("(if {is} (then {set}))")
            }
        }
    }

    fn apply(self, cluster: &mut Cluster) {
        if self.when.is_none_or(|(field, value)| field.get(cluster) == value) {
            self.field.set(cluster, self.value);
        }
    }
}

const fn rule(field: Field, value: u32) -> Rule {
    Rule { when: None, field, value }
}

const fn where_(when: Field, is: u32, field: Field, value: u32) -> Rule {
    Rule { when: Some((when, is)), field, value }
}

/// Policies that tighten, loosen, follow one another, race and fight.
const RULES: &[&[Rule]] = &[
    &[rule(Field::Tenancy, 1)],
    &[rule(Field::Tenancy, 0)],
    &[rule(Field::PublicIp, 0), rule(Field::Tokens, 0)],
    &[rule(Field::PublicIp, 1)],
    &[rule(Field::RootSize, 60)],
    &[rule(Field::RootSize, 70), rule(Field::Encrypted, 1)],
    &[where_(Field::Tenancy, 1, Field::RootSize, 80)],
    &[where_(Field::RootSize, 60, Field::HopLimit, 2)],
    &[where_(Field::RootSize, 50, Field::HopLimit, 1), where_(Field::HopLimit, 2, Field::Tenancy, 1)],
    &[where_(Field::PublicIp, 1, Field::Encrypted, 0)],
    &[],
    &[where_(Field::HopLimit, 2, Field::Tokens, 1), where_(Field::Encrypted, 0, Field::RootSize, 90)],
    &[where_(Field::RootSize, 50, Field::RootSize, 61)],
    &[where_(Field::RootSize, 50, Field::RootSize, 62)],
    &[where_(Field::HopLimit, 1, Field::HopLimit, 3)],
    &[where_(Field::HopLimit, 1, Field::HopLimit, 4), where_(Field::RootSize, 61, Field::Encrypted, 1)],
];

fn modules(host: &PolicyHost) -> Vec<Module> {
    let one = |rules: &&[Rule]| {
        let edit: String = rules.iter().map(|rule| rule.code()).collect();
        host.load("guest.wasm", &Guest::mutator(&edit, Some(["r", "", "Because."])).build()).unwrap()
    };
    RULES.iter().map(one).collect()
}

/// Two hosts that share nothing: what the one says the other must say too.
static MODULES: LazyLock<[Vec<Module>; 2]> = LazyLock::new(|| [(); 2].map(|()| modules(&PolicyHost::new(HostOptions::default()).unwrap())));

#[derive(Clone, Debug)]
struct Entry {
    policy: usize,
    enforcement: Enforcement,
    writes: &'static str,
    loosens: &'static str,
}

fn entry() -> impl Strategy<Value = Entry> {
    let enforcement = prop_oneof![
        1 => Just(Enforcement::Disabled),
        1 => Just(Enforcement::Advisory),
        1 => Just(Enforcement::Mandatory),
        6 => Just(Enforcement::Remediate),
    ];
    let writes = prop_oneof![12 => Just("*"), 1 => Just("root-volume"), 1 => Just("tenancy")];
    let loosens = prop_oneof![12 => Just("*"), 1 => Just("metadata"), 1 => Just("tag[\"None\"]")];
    (0..RULES.len(), enforcement, writes, loosens).prop_map(|(policy, enforcement, writes, loosens)| Entry {
        policy,
        enforcement,
        writes,
        loosens,
    })
}

fn chain() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(entry(), 0..8)
}

fn start() -> impl Strategy<Value = Spec> {
    let rules = prop::sample::subsequence(RULES.concat(), 0..4);
    rules.prop_map(|rules| {
        let mut spec = spec();
        rules.into_iter().for_each(|rule| rule.apply(Arc::make_mut(&mut spec.cluster)));
        spec
    })
}

fn run(spec: &Spec, chain: &[Entry], modules: &[Module]) -> Result<Admission, PolicyError> {
    let policies: Vec<Policy> = chain
        .iter()
        .map(|entry| {
            let module = modules[entry.policy].clone();
            let settings = module.settings(&[]).unwrap();
            let terms = Terms {
                enforcement: entry.enforcement,
                writes: vec![entry.writes.parse().unwrap()],
                loosens: vec![entry.loosens.parse().unwrap()],
                ..Terms::alone(&module.description().needs)
            };
            Policy::new(module, settings, terms)
        })
        .collect();
    admit(spec, &policies, &Circumstances { facts: &Facts::default(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH })
}

/// What rules without WebAssembly, grants or memory come to; `None` when they never rest.
fn plain(start: &Cluster, rules: &[&[Rule]]) -> Option<Cluster> {
    let mut cluster = start.clone();
    for _ in 0..=rules.len() {
        let mut changed = false;
        for policy in rules {
            let before = cluster.clone();
            policy.iter().for_each(|rule| rule.apply(&mut cluster));
            changed |= before != cluster;
        }
        if !changed {
            return Some(cluster);
        }
    }
    None
}

fn replayed(start: &Cluster, decision: &Decision) -> Leaves {
    let mut leaves = start.leaves();
    for change in &decision.changes {
        assert_eq!(leaves.get(&change.path), change.old.as_ref());
        match &change.new {
            Some(leaf) => leaves.insert(change.path.clone(), leaf.clone()),
            None => leaves.remove(&change.path),
        };
    }
    leaves
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn components_do_what_their_rules_do(start in start(), chain in chain()) {
        let remediating: Vec<&[Rule]> =
            chain.iter().filter(|entry| entry.enforcement == Enforcement::Remediate).map(|entry| RULES[entry.policy]).collect();
        let outcome = run(&start, &chain, &MODULES[0]);
        match &outcome {
            Ok(admission) => {
                let decision = &admission.decision;
                let expected = plain(&start.cluster, &remediating).unwrap();
                prop_assert_eq!(replayed(&start.cluster, decision), expected.leaves());
                prop_assert!(decision.passes as usize <= remediating.len() + 1);
                // A mandatory policy denies exactly where it would have changed something.
                let demands = |entry: &Entry| {
                    let mut after = expected.clone();
                    RULES[entry.policy].iter().for_each(|rule| rule.apply(&mut after));
                    after != expected
                };
                let held = |enforcement| chain.iter().filter(move |entry| entry.enforcement == enforcement);
                prop_assert_eq!(decision.verdict == Verdict::Denied, held(Enforcement::Mandatory).any(demands));
                prop_assert_eq!(!decision.advice.is_empty(), held(Enforcement::Advisory).any(demands));
                if let Outcome::Admitted(admitted) = &admission.outcome {
                    prop_assert_eq!(admitted.cluster(), &expected);
                    prop_assert_eq!(admitted.decision(), decision.digest().unwrap());
                }
                // Grants are as wide as what was done.
                for change in &decision.changes {
                    let entry = &chain[change.policy];
                    prop_assert!(entry.writes.parse::<kaphost_spec::Pattern>().unwrap().covers(&change.path));
                    if change.loosens {
                        prop_assert!(entry.loosens.parse::<kaphost_spec::Pattern>().unwrap().covers(&change.path));
                    }
                }
                // The other order, where it could be walked without running into a grant.
                let reversed: Vec<&[Rule]> = remediating.iter().rev().copied().collect();
                if !decision.changes.is_empty() && !matches!(&decision.order, Some(order) if matches!(order.reversed, Reversed::Fails { .. })) {
                    match plain(&start.cluster, &reversed) {
                        Some(cluster) => prop_assert_eq!(decision.order.is_some(), cluster != expected),
                        None => prop_assert!(decision.order.is_some()),
                    }
                }
            }
            Err(PolicyError::Unsettled(unsettled)) => {
                prop_assert!(plain(&start.cluster, &remediating).is_none());
                prop_assert!(unsettled.paths.iter().all(|path| !path.writes.is_empty()));
            }
            Err(error) => prop_assert!(matches!(error.code(), "not-granted" | "loosens"), "{}", error),
        }
        // Again, and by the other host: the same bytes, or the same words.
        for modules in &*MODULES {
            match (&outcome, run(&start, &chain, modules)) {
                (Ok(first), Ok(again)) => prop_assert_eq!(first.decision.to_json().unwrap(), again.decision.to_json().unwrap()),
                (Err(first), Err(again)) => prop_assert_eq!(format!("{first:?}"), format!("{again:?}")),
                (first, again) => prop_assert!(false, "{:?} {:?}", first, again),
            }
        }
    }
}
