//! The search: each subject with one thing changed, then with several.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kaphost_policy::{Admission, Circumstances, Module, Policy, PolicyError, Terms, admit};
use kaphost_spec::{ConfigSource, Origins, Spec, validate};

use super::variation::Variation;
use super::{Subject, edges};

/// Subjects that are varied: those of the first cases. More say little that these do not.
const MAX_SUBJECTS: usize = 12;
/// Failures that are kept.
const MAX_FAILURES: usize = 20;
/// Changes that are made at once, at most.
const AT_ONCE: u64 = 4;

/// What came of configs that nobody wrote.
#[derive(Debug, Default)]
pub struct Exploration {
    /// How many there were, every one of them valid.
    pub tried: usize,
    /// Fields that make a difference to the answer, with `*` for every key; settings as `setting NAME`.
    pub reads: BTreeSet<String>,
    /// Each rule that spoke, and on what: the changes that were made.
    pub fired: BTreeMap<String, String>,
    /// Where the policy failed: what no valid config may make it do.
    pub failures: Vec<Failing>,
}

/// A failure on a made-up config.
#[derive(Debug)]
pub struct Failing {
    /// The changes that were made.
    pub changes: String,
    /// What the policy did.
    pub error: PolicyError,
}

/// Asks about `budget` configs at most, made of these, all valid.
#[must_use]
pub fn explore(module: &Module, subjects: &[Subject], budget: usize) -> Exploration {
    let mut found = Exploration::default();
    let mut known: Vec<(&Subject, Vec<Variation>, Option<String>)> = Vec::new();
    for subject in subjects {
        if known.len() < MAX_SUBJECTS && known.iter().all(|(other, ..)| *other != subject) {
            let answer = ask(module, subject).and_then(Result::ok).map(|admission| said(&admission));
            known.push((subject, edges::of(subject, module.description()), answer));
        }
    }
    // One at a time. Every change is made once, each to another subject in turn, before any is made to a second one: a small budget sees all fields.
    let longest = known.iter().map(|(_, variations, _)| variations.len()).max().unwrap_or_default();
    for round in 0..known.len() {
        for at in 0..longest {
            let Some((subject, variations, before)) = known.get((at + round) % known.len()) else { continue };
            if let Some(variation) = variations.get(at).filter(|_| found.tried < budget) {
                found.look(module, subject, std::slice::from_ref(variation), before.as_deref());
            }
        }
    }
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    // Most combinations are valid; where hardly any is, this ends too.
    for _ in 0..budget.saturating_mul(4) {
        if found.tried >= budget {
            break;
        }
        let Some((subject, variations, _)) = known.get(chance.below(known.len())) else { break };
        let count = 2 + chance.next() % (AT_ONCE - 1);
        let changes: Vec<Variation> = (0..count).filter_map(|_| variations.get(chance.below(variations.len())).cloned()).collect();
        found.look(module, subject, &changes, None);
    }
    found
}

impl Exploration {
    fn look(&mut self, module: &Module, subject: &Subject, changes: &[Variation], before: Option<&str>) {
        let mut made_up = subject.clone();
        changes.iter().for_each(|change| change.apply(&mut made_up));
        if made_up == *subject || !validate(&made_up.cluster).is_empty() {
            return;
        }
        let Some(answer) = ask(module, &made_up) else { return };
        self.tried += 1;
        let words = || changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match answer {
            Ok(admission) => {
                if let (Some(before), [change]) = (before, changes)
                    && before != said(&admission)
                {
                    self.reads.insert(change.field.clone());
                }
                let decision = &admission.decision;
                let rules =
                    decision.violations.iter().map(|violation| &violation.rule).chain(decision.changes.iter().map(|change| &change.rule));
                for rule in rules {
                    if !self.fired.contains_key(rule) {
                        self.fired.insert(rule.clone(), words());
                    }
                }
            }
            Err(error) if self.failures.len() < MAX_FAILURES => self.failures.push(Failing { changes: words(), error }),
            Err(_) => {}
        }
    }
}

/// `None` where the settings are none that the policy takes, or a fact that it needs is gone: no host would ask.
fn ask(module: &Module, subject: &Subject) -> Option<Result<Admission, PolicyError>> {
    let description = module.description();
    if !description.needs.iter().all(|kind| subject.facts.has(*kind)) {
        return None;
    }
    let settings = description.typed_settings(&subject.settings).ok()?;
    let terms = Terms { user_data: subject.user_data, ..Terms::alone(&description.needs) };
    let policy = Policy::new(module.clone(), settings, terms);
    let source = Arc::new(ConfigSource::new("made up", ""));
    let spec = Spec { cluster: Arc::new(subject.cluster.clone()), origins: Origins::new(source, 0..0) };
    let circumstances = Circumstances { facts: &subject.facts, waivers: &[], now: Timestamp::UNIX_EPOCH };
    Some(admit(&spec, std::slice::from_ref(&policy), &circumstances))
}

/// The answer, without what of it is the question.
fn said(admission: &Admission) -> String {
    let decision = &admission.decision;
    let changes: Vec<_> = decision.changes.iter().map(|change| (&change.path, &change.new, &change.rule)).collect();
    let violations: Vec<_> = decision.violations.iter().map(|one| (&one.rule, &one.path, &one.message)).collect();
    format!("{changes:?} {violations:?}")
}

/// Marsaglia's xorshift: the same on every machine.
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 where there is nothing to choose from.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or_default()
    }
}
