//! Every cluster met on the way to the fixed point, and what each mutator makes of it. A policy is a pure function, so it is asked about one
//! cluster once: a second pass, or another order, costs the questions that are new.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kaphost_spec::{Cluster, Leaves, Path};

use super::difference::{difference, explanation};
use crate::answer::Reported;
use crate::decision::{CallLog, Change};
use crate::error::{AnswerError, Operation, PolicyError};
use crate::rules::{Failure, Mutation, Rules, Subject};
use crate::{Description, Log, Rule, Terms, setting_of, tighten};

/// A policy in the game, with or without WebAssembly behind it.
pub(crate) struct Player<'a, R> {
    pub(crate) rules: R,
    pub(crate) source: &'a str,
    pub(crate) description: &'a Description,
    pub(crate) terms: &'a Terms,
}

/// A policy that could not be asked, or whose answer cannot stand.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) policy: usize,
    pub(super) operation: Operation,
    pub(super) failure: Box<Failure>,
}

impl Failed {
    pub(super) fn of<R>(self, players: &[Player<'_, R>]) -> PolicyError {
        self.failure.of(players.get(self.policy).map_or("", |player| player.source), self.operation)
    }
}

/// A cluster that was met.
pub(super) struct State {
    pub(super) subject: Subject,
    leaves: OnceCell<Leaves>,
}

impl State {
    fn new(cluster: Arc<Cluster>) -> Self {
        Self { leaves: OnceCell::new(), subject: Subject::new(cluster) }
    }

    /// Value by value. Made when it is asked for: of a cluster that nobody changes or complains about, nobody asks.
    pub(super) fn leaves(&self) -> &Leaves {
        self.leaves.get_or_init(|| self.subject.cluster.leaves())
    }
}

/// What a mutator makes of a cluster.
#[derive(Debug)]
pub(super) enum Answer {
    /// It does not mutate.
    Silent,
    /// The same.
    Keeps,
    /// Another one. The changes have no pass yet.
    Makes { state: usize, changes: Vec<Change> },
    /// Nothing: it cannot be made right.
    Denies(Vec<Reported>),
}

/// What a mutator said, held against what it may say.
pub(super) enum Said {
    Keeps,
    /// `leaves` are the amended cluster's, of those nodes in which something changed.
    Amends {
        cluster: Box<Cluster>,
        leaves: Leaves,
        changes: Vec<Change>,
    },
    Denies(Vec<Reported>),
}

pub(super) struct States<'a, R> {
    pub(super) players: &'a [Player<'a, R>],
    states: Vec<State>,
    answers: BTreeMap<(usize, usize), Rc<Answer>>,
    pub(super) logs: Vec<CallLog>,
}

impl<'a, R: Rules> States<'a, R> {
    /// Starts with one cluster, which is state 0.
    pub(super) fn new(cluster: &Arc<Cluster>, players: &'a [Player<'a, R>]) -> Self {
        Self { players, states: vec![State::new(Arc::clone(cluster))], answers: BTreeMap::new(), logs: Vec::new() }
    }

    pub(super) fn state(&self, index: usize) -> &State {
        &self.states[index]
    }

    /// What became of the cluster.
    pub(super) fn into_state(mut self, index: usize) -> (Arc<Cluster>, Vec<CallLog>) {
        (self.states.swap_remove(index).subject.cluster, self.logs)
    }

    /// Says that a walk has left this state. Most are never come back to, and policies that never rest make many; the first one is where the other
    /// order starts.
    pub(super) fn leave(&mut self, state: usize) {
        if state != 0 {
            self.states[state].subject.forget();
        }
    }

    /// What this mutator makes of this cluster, held against its grants.
    pub(super) fn mutate(&mut self, policy: usize, state: usize, pass: u32) -> Result<Rc<Answer>, Failed> {
        if let Some(known) = self.answers.get(&(policy, state)) {
            return Ok(Rc::clone(known));
        }
        let answer = match self.ask(policy, state, pass)? {
            None => Answer::Silent,
            Some(Said::Keeps) => Answer::Keeps,
            Some(Said::Denies(violations)) => Answer::Denies(violations),
            Some(Said::Amends { cluster, mut changes, .. }) => {
                granted(self.players[policy].terms, &self.states[state].subject.cluster, &cluster, &mut changes)
                    .map_err(|error| Failed { policy, operation: Operation::Mutate, failure: Box::new(Failure::Answer(error)) })?;
                Answer::Makes { state: self.meet(*cluster), changes }
            }
        };
        let answer = Rc::new(answer);
        self.answers.insert((policy, state), Rc::clone(&answer));
        Ok(answer)
    }

    /// Asks a mutator, whatever it may do with the answer. `None` from a policy that does not mutate.
    pub(super) fn ask(&mut self, policy: usize, state: usize, pass: u32) -> Result<Option<Said>, Failed> {
        let player = &self.players[policy];
        let here = &self.states[state];
        let Some((result, log)) = player.rules.mutate(&here.subject) else { return Ok(None) };
        keep(&mut self.logs, policy, Operation::Mutate, pass, log);
        result.and_then(|mutation| Ok(examine(policy, player.description, here, mutation)?)).map(Some).map_err(|failure| Failed {
            policy,
            operation: Operation::Mutate,
            failure: Box::new(failure),
        })
    }

    /// Asks a validator. Nothing from a policy that does not validate.
    pub(super) fn validate(&mut self, policy: usize, state: usize, pass: u32) -> Result<Vec<Reported>, Failed> {
        let player = &self.players[policy];
        let (result, log) = player.rules.validate(&self.states[state].subject);
        keep(&mut self.logs, policy, Operation::Validate, pass, log);
        result.and_then(|violations| Ok(all_known(player.description, violations)?)).map_err(|failure| Failed {
            policy,
            operation: Operation::Validate,
            failure: Box::new(failure),
        })
    }

    /// The state of this cluster: one that was met before, or a new one. Looks from the newest on, which is where a fight comes back to.
    fn meet(&mut self, cluster: Cluster) -> usize {
        if let Some(known) = self.states.iter().rposition(|state| *state.subject.cluster == cluster) {
            return known;
        }
        self.states.push(State::new(Arc::new(cluster)));
        self.states.len() - 1
    }
}

fn keep(logs: &mut Vec<CallLog>, policy: usize, operation: Operation, pass: u32, log: Log) {
    if log != Log::default() {
        logs.push(CallLog { policy, operation, pass, log });
    }
}

fn examine(policy: usize, description: &Description, here: &State, mutation: Mutation) -> Result<Said, AnswerError> {
    let (cluster, reasons) = match mutation {
        Mutation::Denied(violations) if violations.is_empty() => return Err(AnswerError::SilentDenial),
        Mutation::Denied(violations) => return Ok(Said::Denies(all_known(description, violations)?)),
        Mutation::Kept(reasons) => (None, reasons),
        Mutation::Amended(cluster, reasons) => (Some(cluster), reasons),
    };
    for reason in &reasons {
        known(description, &reason.rule)?;
    }
    let before = &here.subject.cluster;
    // A record that is written in another way may still be the same cluster.
    let Some(cluster) = cluster.filter(|cluster| **cluster != **before) else { return Ok(Said::Keeps) };
    forbidden(before, &cluster)?;
    let (olds, leaves) = before.leaves_apart(&cluster);
    let mut changes = Vec::new();
    for (path, old, new) in difference(&olds, &leaves) {
        let (path, old, new) = (path.clone(), old.cloned(), new.cloned());
        let Some(reason) = explanation(&reasons, &path) else { return Err(AnswerError::UnexplainedChange { path, old, new }) };
        let (rule, reason) = (reason.rule.clone(), reason.reason.clone());
        changes.push(Change { path, old, new, policy, rule, reason, pass: 0, loosens: false });
    }
    Ok(Said::Amends { cluster, leaves, changes })
}

/// Whether all that a policy changed is its to change, and none of it less safe but what may be. Marks what may and is.
fn granted(terms: &Terms, before: &Cluster, after: &Cluster, changes: &mut [Change]) -> Result<(), AnswerError> {
    if let Some(change) = changes.iter().find(|change| !terms.may_write(&change.path)) {
        let Change { path, old, new, .. } = change.clone();
        return Err(AnswerError::NotGranted { path, old, new, writes: terms.writes.clone() });
    }
    for loosening in tighten::loosened(before, after) {
        if !terms.may_loosen(&loosening.path) {
            let tighten::Loosening { path, old, new, order } = loosening;
            return Err(AnswerError::Loosens { path, old, new, order, loosens: terms.loosens.clone() });
        }
        for change in changes.iter_mut() {
            change.loosens |= loosening.path.covers(&change.path);
        }
    }
    Ok(())
}

fn known<'a>(description: &'a Description, rule: &str) -> Result<&'a Rule, AnswerError> {
    description.rule(rule).ok_or_else(|| AnswerError::UnknownRule {
        rule: rule.to_owned(),
        declared: description.rules.iter().map(|rule| rule.id.clone()).collect(),
    })
}

fn all_known(description: &Description, violations: Vec<Reported>) -> Result<Vec<Reported>, AnswerError> {
    for violation in &violations {
        known(description, &violation.rule)?;
        if let Some(setting) = setting_of(&violation.path).filter(|name| description.settings.iter().all(|known| known.name != *name)) {
            let declared = description.settings.iter().map(|setting| setting.name.clone()).collect();
            return Err(AnswerError::UnknownSetting { setting: setting.to_owned(), declared });
        }
    }
    Ok(violations)
}

/// What no policy may change, whatever reason it gives. `answer::cluster` sees to this for modules; here it holds for whatever answers.
fn forbidden(before: &Cluster, after: &Cluster) -> Result<(), AnswerError> {
    for (changed, field) in [(before.name != after.name, "name"), (before.region != after.region, "region")] {
        if changed {
            return Err(AnswerError::ForbiddenChange { path: Path::root().field(field) });
        }
    }
    if before.user_data != after.user_data {
        return Err(AnswerError::UserData);
    }
    Ok(())
}
