//! What is said of the fixed point: by validators, and by the mutators that only look on.

use kaphost_spec::{Leaf, Leaves};

use super::difference::whole_entry;
use super::fixed_point::{End, Walk};
use super::states::{Failed, Said, States};
use super::waiving::Waiving;
use crate::answer::Reported;
use crate::decision::{Change, Effect, Violation};
use crate::rules::Rules;
use crate::text::visible;
use crate::{Description, Enforcement};

/// Characters of a value in a sentence.
const VALUE_CHARS: usize = 200;

/// What is said of it all.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) violations: Vec<Violation>,
    pub(super) advice: Vec<Change>,
}

/// Asks every policy but the disabled ones about where the walk ended. Where a mutator denied, that is all there is: nothing is settled.
pub(super) fn judge<R: Rules>(states: &mut States<'_, R>, walk: &Walk, waiving: &Waiving<'_>) -> Result<Judgement, Failed> {
    let players = states.players;
    let mut judgement = Judgement::default();
    for (policy, player) in players.iter().enumerate() {
        let enforcement = player.terms.enforcement;
        if enforcement == Enforcement::Disabled {
            continue;
        }
        let denials = walk.denials.iter().filter(|denial| denial.policy == policy);
        let mut found: Vec<(usize, Reported)> = denials.map(|denial| (denial.state, denial.reported.clone())).collect();
        if walk.end == End::Rest {
            for reported in states.validate(policy, walk.state, walk.passes)? {
                // A mutator that denies and is waived may say the same as a validator.
                if !found.iter().any(|(_, denied)| *denied == reported) {
                    found.push((walk.state, reported));
                }
            }
            if enforcement != Enforcement::Remediate {
                match states.ask(policy, walk.state, walk.passes)? {
                    None | Some(Said::Keeps) => {}
                    Some(Said::Denies(denied)) => found.extend(denied.into_iter().map(|reported| (walk.state, reported))),
                    Some(Said::Amends { changes, .. }) if enforcement == Enforcement::Advisory => judgement.advice.extend(changes),
                    Some(Said::Amends { changes, leaves, .. }) => {
                        let demanded = demands(&changes, &found, states.state(walk.state).leaves(), &leaves);
                        found.extend(demanded.into_iter().map(|reported| (walk.state, reported)));
                    }
                }
            }
        }
        let base = if enforcement == Enforcement::Advisory { Effect::Advise } else { Effect::Deny };
        for (state, reported) in found {
            let waiver = waiving.find(policy, &reported, states.state(state));
            judgement.violations.push(violation(policy, player.description, reported, base, waiver));
        }
    }
    Ok(judgement)
}

fn violation(policy: usize, description: &Description, reported: Reported, effect: Effect, waiver: Option<usize>) -> Violation {
    let Reported { rule, path, message, help } = reported;
    // Every rule that gets here is one of the description's: `states` saw to that.
    let known = description.rule(&rule);
    Violation {
        policy,
        severity: known.map_or(crate::Severity::Critical, |rule| rule.severity),
        url: known.and_then(|rule| rule.url.clone()),
        rule,
        effect: if waiver.is_some() { Effect::Waived } else { effect },
        waiver,
        path,
        message,
        help,
    }
}

/// What a mutator that may not change anything would change, as violations: one for each value, or for each entry that would come or go as a
/// whole. None where the policy has found the same rule broken there itself.
fn demands(changes: &[Change], found: &[(usize, Reported)], before: &Leaves, after: &Leaves) -> Vec<Reported> {
    let mut demands: Vec<Reported> = Vec::new();
    for change in changes {
        if found.iter().any(|(_, own)| own.rule == change.rule && own.path.covers(&change.path)) {
            continue;
        }
        let entry = whole_entry(&change.path, before, after);
        let path = entry.as_ref().unwrap_or(&change.path);
        if demands.iter().any(|other| other.rule == change.rule && other.path == *path) {
            continue;
        }
        let (wrong, help) = match (&change.old, &change.new) {
            (None, Some(_)) if entry.is_some() => (format!("`{path}` is not there, and has to be"), format!("add `{path}`")),
            (_, None) => (format!("`{path}` is there, and has to go"), format!("take `{path}` out")),
            (None, Some(new)) => {
                let new = shown(new);
                (format!("`{path}` is not set, and has to be {new}"), format!("set `{path}` to {new}"))
            }
            (Some(old), Some(new)) => {
                let new = shown(new);
                (format!("`{path}` is {}, and has to be {new}", shown(old)), format!("set `{path}` to {new}"))
            }
        };
        demands.push(Reported {
            rule: change.rule.clone(),
            path: path.clone(),
            message: format!("{wrong}: {}", change.reason),
            help: Some(help),
        });
    }
    demands
}

fn shown(leaf: &Leaf) -> String {
    visible(&leaf.to_string(), VALUE_CHARS)
}
