//! Policies applied to a cluster: mutators to a fixed point, then every validator on what they left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kaphost_spec::{AdmittedSpec, Cluster, Leaf, Leaves, Path, Spec};
use sha2::{Digest as _, Sha256};

use crate::answer::{Reason, Reported};
use crate::decision::{Admission, CallLog, Change, DECISION_SCHEMA, Decision, Effect, Outcome, PolicyRecord, Verdict, Violation};
use crate::error::{AnswerError, HostError, Operation, PolicyError, Unsettled, UnsettledPath, UnsettledWrite};
use crate::rules::{Bound, FactsRecord, Failure, Mutation, Rules, Subject};
use crate::{Description, FactKind, Facts, Log, Policy, Waiver};

/// What a decision hangs on besides the cluster and the policies. All of it goes into the record of the decision.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// What is known of the world. A policy is told what it needs and was granted.
    pub facts: &'a Facts,
    /// Exceptions, in the order in which they are recorded.
    pub waivers: &'a [Waiver],
    /// The clock. Only waivers look at it.
    pub now: Timestamp,
}

/// Applies the policies, in their order, to a cluster.
///
/// With n mutators at most n+1 passes are made, the last of which must change nothing; then every validator sees what is left, and all their
/// violations are reported together. A mutator that denies ends this after its pass: there is nothing settled to validate. With no policies
/// at all everything is admitted: whether that may be is the caller's question.
///
/// # Errors
/// When a policy cannot be trusted or run. That is neither a denial nor a pass, and nothing of what it did is kept.
pub fn admit(spec: &Spec, policies: &[Policy], circumstances: &Circumstances<'_>) -> Result<Admission, PolicyError> {
    let facts = circumstances.facts;
    let players: Vec<Player<Bound<'_>>> = policies
        .iter()
        .map(|policy| Player {
            rules: Bound::new(&policy.module, &policy.settings),
            source: policy.module.source(),
            description: policy.module.description(),
        })
        .collect();
    for player in &players {
        let missing: Vec<FactKind> = player.description.needs.iter().copied().filter(|kind| !facts.has(*kind)).collect();
        if !missing.is_empty() {
            return Err(PolicyError::MissingFacts { policy: player.source.to_owned(), ungranted: Vec::new(), missing });
        }
    }
    let settled = run(&spec.cluster, &players, facts)?;
    let verdict = if settled.violations.is_empty() { Verdict::Admitted } else { Verdict::Denied };
    let decision = Decision {
        schema: DECISION_SCHEMA,
        cluster: spec.cluster.name.to_string(),
        verdict,
        input_sha256: leaves_sha256(&settled.input)?,
        output_sha256: leaves_sha256(&settled.output)?,
        policies: policies.iter().map(record).collect(),
        facts: facts.clone(),
        passes: settled.passes,
        changes: settled.changes,
        advice: Vec::new(),
        violations: settled.violations,
        order: None,
        waivers: Vec::new(),
    };
    let outcome = match verdict {
        Verdict::Denied => Outcome::Denied,
        Verdict::Admitted => {
            let digest = decision.digest().map_err(no_json)?;
            Outcome::Admitted(Box::new(AdmittedSpec::seal(settled.cluster, digest)))
        }
    };
    Ok(Admission { outcome, decision, logs: settled.logs })
}

fn record(policy: &Policy) -> PolicyRecord {
    let description = policy.module.description();
    PolicyRecord {
        name: description.name.clone(),
        version: description.version.clone(),
        digest: policy.module.digest().to_owned(),
        source: policy.module.source().to_owned(),
        world: policy.module.world(),
        enforcement: policy.terms.enforcement,
        set: policy.terms.set.clone(),
        writes: policy.terms.writes.clone(),
        loosens: policy.terms.loosens.clone(),
        facts: policy.facts().collect(),
        user_data: policy.terms.user_data,
        settings: policy.settings.clone(),
    }
}

/// Leaves are sorted by path and every leaf has one JSON form, so equal clusters have equal digests.
fn leaves_sha256(leaves: &Leaves) -> Result<String, PolicyError> {
    let json = serde_json::to_vec(leaves).map_err(no_json)?;
    Ok(kaphost_spec::hex(&Sha256::digest(json)))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn no_json(error: serde_json::Error) -> PolicyError {
    PolicyError::Host(HostError::Engine(format!("a decision has no JSON form: {error}")))
}

/// A policy in the game, with or without WebAssembly behind it.
pub(crate) struct Player<'a, R> {
    pub(crate) rules: R,
    pub(crate) source: &'a str,
    pub(crate) description: &'a Description,
}

/// What the policies left.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) cluster: Cluster,
    pub(crate) input: Leaves,
    pub(crate) output: Leaves,
    pub(crate) passes: u32,
    pub(crate) changes: Vec<Change>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) logs: Vec<CallLog>,
}

pub(crate) fn run<R: Rules>(cluster: &Cluster, players: &[Player<'_, R>], facts: &Facts) -> Result<Settled, PolicyError> {
    let facts = FactsRecord::new(facts);
    let input = cluster.leaves();
    let mut settled = Settled {
        cluster: cluster.clone(),
        output: input.clone(),
        input,
        passes: 0,
        changes: Vec::new(),
        violations: Vec::new(),
        logs: Vec::new(),
    };
    settled.mutate(players, &facts)?;
    if settled.violations.is_empty() {
        settled.validate(players, &facts)?;
    }
    Ok(settled)
}

impl Settled {
    /// Mutators in order, again and again until a whole pass changes nothing.
    fn mutate<R: Rules>(&mut self, players: &[Player<'_, R>], facts: &FactsRecord<'_>) -> Result<(), PolicyError> {
        // A validator is asked too, and says that it does not mutate: after the first pass that is known.
        let mut mutators: Vec<usize> = (0..players.len()).collect();
        let mut pass = 0;
        loop {
            pass += 1;
            let before = self.changes.len();
            let mut asked = Vec::with_capacity(mutators.len());
            // Owned by the loop, so that a pass that changes nothing converts the cluster once for all mutators.
            let mut i = 0;
            while i < mutators.len() {
                let current = self.cluster.clone();
                let subject = Subject::new(&current, facts);
                while let Some(&index) = mutators.get(i) {
                    i += 1;
                    let Some(player) = players.get(index) else { continue };
                    let Some((result, log)) = player.rules.mutate(&subject) else { continue };
                    asked.push(index);
                    self.keep(index, Operation::Mutate, pass, log);
                    let mutation = result.map_err(|failure| failure.of(player.source, Operation::Mutate))?;
                    if self
                        .take(index, player, pass, &current, mutation)
                        .map_err(|error| Failure::Answer(error).of(player.source, Operation::Mutate))?
                    {
                        break;
                    }
                }
            }
            mutators = asked;
            if mutators.is_empty() {
                return Ok(());
            }
            self.passes = pass;
            let changed = self.changes.get(before..).unwrap_or_default();
            if changed.is_empty() || !self.violations.is_empty() {
                return Ok(());
            }
            if pass as usize > mutators.len() {
                return Err(unsettled(pass, changed, players));
            }
        }
    }

    /// Takes in what one mutator said. Says whether the cluster changed.
    fn take<R>(
        &mut self,
        index: usize,
        player: &Player<'_, R>,
        pass: u32,
        current: &Cluster,
        mutation: Mutation,
    ) -> Result<bool, AnswerError> {
        let (cluster, reasons) = match mutation {
            Mutation::Denied(violations) if violations.is_empty() => return Err(AnswerError::SilentDenial),
            Mutation::Denied(violations) => {
                self.report(index, player.description, violations)?;
                return Ok(false);
            }
            Mutation::Amended(cluster, reasons) => (*cluster, reasons),
        };
        for reason in &reasons {
            known(player.description, &reason.rule)?;
        }
        if cluster == *current {
            return Ok(false);
        }
        forbidden(current, &cluster)?;
        let output = cluster.leaves();
        for (path, old, new) in difference(&self.output, &output) {
            let Some(reason) = explanation(&reasons, path) else {
                return Err(AnswerError::UnexplainedChange { path: path.clone(), old: old.cloned(), new: new.cloned() });
            };
            self.changes.push(Change {
                path: path.clone(),
                old: old.cloned(),
                new: new.cloned(),
                policy: index,
                rule: reason.rule.clone(),
                reason: reason.reason.clone(),
                pass,
            });
        }
        self.output = output;
        self.cluster = cluster;
        Ok(true)
    }

    /// Every validator, on what the mutators left.
    fn validate<R: Rules>(&mut self, players: &[Player<'_, R>], facts: &FactsRecord<'_>) -> Result<(), PolicyError> {
        let cluster = self.cluster.clone();
        let subject = Subject::new(&cluster, facts);
        for (index, player) in players.iter().enumerate() {
            let (result, log) = player.rules.validate(&subject);
            self.keep(index, Operation::Validate, self.passes, log);
            result
                .and_then(|violations| Ok(self.report(index, player.description, violations)?))
                .map_err(|failure| failure.of(player.source, Operation::Validate))?;
        }
        Ok(())
    }

    fn report(&mut self, index: usize, description: &Description, violations: Vec<Reported>) -> Result<(), AnswerError> {
        for violation in violations {
            let rule = known(description, &violation.rule)?;
            self.violations.push(Violation {
                policy: index,
                rule: violation.rule,
                severity: rule.severity,
                effect: Effect::Deny,
                waiver: None,
                url: rule.url.clone(),
                path: violation.path,
                message: violation.message,
                help: violation.help,
            });
        }
        Ok(())
    }

    fn keep(&mut self, policy: usize, operation: Operation, pass: u32, log: Log) {
        if log != Log::default() {
            self.logs.push(CallLog { policy, operation, pass, log });
        }
    }
}

fn known<'a>(description: &'a Description, rule: &str) -> Result<&'a crate::Rule, AnswerError> {
    description.rule(rule).ok_or_else(|| AnswerError::UnknownRule {
        rule: rule.to_owned(),
        declared: description.rules.iter().map(|rule| rule.id.clone()).collect(),
    })
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

/// Every leaf that differs, in order of paths.
pub(crate) fn difference<'a>(old: &'a Leaves, new: &'a Leaves) -> Vec<(&'a Path, Option<&'a Leaf>, Option<&'a Leaf>)> {
    let gone_or_changed = old.iter().filter_map(|(path, leaf)| match new.get(path) {
        Some(now) if now == leaf => None,
        now => Some((path, Some(leaf), now)),
    });
    let added = new.iter().filter(|(path, _)| !old.contains_key(*path)).map(|(path, leaf)| (path, None, Some(leaf)));
    let mut all: Vec<_> = gone_or_changed.chain(added).collect();
    all.sort_by_key(|(path, ..)| *path);
    all
}

/// The reason that covers a leaf: the longest path wins, and of two equal ones the first.
fn explanation<'a>(reasons: &'a [Reason], path: &Path) -> Option<&'a Reason> {
    reasons.iter().filter(|reason| reason.path.covers(path)).rev().max_by_key(|reason| reason.path.segments().len())
}

/// Names the values that the last pass still changed, and who wrote them.
fn unsettled<R>(passes: u32, changes: &[Change], players: &[Player<'_, R>]) -> PolicyError {
    let mut by_path: BTreeMap<&Path, Vec<UnsettledWrite>> = BTreeMap::new();
    for change in changes {
        let policy = players.get(change.policy).map_or_else(String::new, |player| player.source.to_owned());
        by_path.entry(&change.path).or_default().push(UnsettledWrite { policy, value: change.new.clone() });
    }
    let paths = by_path.into_iter().map(|(path, writes)| UnsettledPath { path: path.clone(), writes }).collect();
    PolicyError::Unsettled(Box::new(Unsettled { passes, paths }))
}

#[cfg(test)]
mod tests;
