//! Policies applied to a cluster: mutators to a fixed point, then everybody's word on what they left.
//!
//! `states` asks and remembers, `fixed_point` walks, `order` tries the other order, `judgement` hears validators and those that only look on,
//! `waiving` knows the exceptions.

mod difference;
mod fixed_point;
mod judgement;
mod order;
mod states;
mod waiving;

use std::sync::Arc;

use jiff::Timestamp;
use kaphost_spec::{AdmittedSpec, Cluster, Spec};
use sha2::{Digest as _, Sha256};

use self::fixed_point::End;
pub(crate) use self::states::Player;
use self::states::States;
use self::waiving::Waiving;
use crate::decision::{
    Admission, CallLog, Change, DECISION_SCHEMA, Decision, Effect, OrderDependence, Outcome, Recorded, Verdict, Violation,
};
use crate::error::{HostError, PolicyError};
use crate::rules::{Bound, Rules};
use crate::{Enforcement, FactKind, Facts, Policy, Waiver, WaiverRecord};

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

/// Applies the policies, in their order, to a cluster, each under its own terms.
///
/// Those that remediate change the cluster. With n of them at most n+1 passes are made, the last of which must change nothing; then every policy
/// is asked about what is left, and all violations are reported together. A mutator that denies ends this after its pass: there is nothing
/// settled to ask about. What a mandatory policy would change is a violation; what an advisory one would change, and what it finds, is advice. A
/// violation that a waiver of the policy's own set holds for does not deny. With no policies at all everything is admitted: whether that may be is
/// the caller's question.
///
/// # Errors
/// When a policy cannot be trusted or run, or goes beyond its terms. That is neither a denial nor a pass, and nothing of what it did is kept.
pub fn admit(spec: &Spec, policies: &[Policy], circumstances: &Circumstances<'_>) -> Result<Admission, PolicyError> {
    let told = told(policies, circumstances.facts)?;
    let players: Vec<Player<'_, Bound<'_>>> = policies
        .iter()
        .map(|policy| Player {
            rules: Bound::new(policy, circumstances.facts),
            source: policy.module().source(),
            description: policy.module().description(),
            terms: policy.terms(),
        })
        .collect();
    let settled = run(&spec.cluster, &players, circumstances.waivers, circumstances.now)?;
    let denies = settled.violations.iter().any(|violation| violation.effect == Effect::Deny);
    let input_sha256 = leaves_sha256(&spec.cluster);
    let output_sha256 = if settled.changed { leaves_sha256(&settled.cluster) } else { input_sha256.clone() };
    let recorded: Vec<&Recorded> = policies.iter().map(Policy::recorded).collect();
    let mut decision = Decision {
        schema: DECISION_SCHEMA,
        cluster: spec.cluster.name.to_string(),
        verdict: if denies { Verdict::Denied } else { Verdict::Admitted },
        input_sha256,
        output_sha256,
        policies: recorded.iter().map(|recorded| recorded.record.clone()).collect(),
        facts: told,
        passes: settled.passes,
        changes: settled.changes,
        advice: settled.advice,
        violations: settled.violations,
        order: settled.order,
        waivers: settled.waivers,
    };
    let outcome = match decision.verdict {
        Verdict::Denied => Outcome::Denied,
        Verdict::Admitted => {
            let digest = decision.digest_with(&recorded).map_err(no_json)?;
            Outcome::Admitted(Box::new(AdmittedSpec::seal(settled.cluster, digest)))
        }
    };
    Ok(Admission { outcome, decision, logs: settled.logs })
}

/// Those facts that at least one policy is told. What a policy needs must have been granted and given: it cannot answer without.
fn told(policies: &[Policy], facts: &Facts) -> Result<Facts, PolicyError> {
    let mut told = Facts::default();
    for policy in policies.iter().filter(|policy| policy.terms().enforcement != Enforcement::Disabled) {
        let (mut ungranted, mut missing) = (Vec::new(), Vec::new());
        for kind in policy.module().description().needs.iter().copied() {
            if !policy.terms().facts.contains(&kind) {
                ungranted.push(kind);
            } else if !facts.has(kind) {
                missing.push(kind);
            } else {
                tell(&mut told, facts, kind);
            }
        }
        if !ungranted.is_empty() || !missing.is_empty() {
            return Err(PolicyError::MissingFacts { policy: policy.module().source().to_owned(), ungranted, missing });
        }
    }
    Ok(told)
}

fn tell(told: &mut Facts, facts: &Facts, kind: FactKind) {
    match kind {
        FactKind::Account => told.account.clone_from(&facts.account),
        FactKind::Ami => told.ami.clone_from(&facts.ami),
        FactKind::Subnets => told.subnets.clone_from(&facts.subnets),
        FactKind::Vpc => told.vpc.clone_from(&facts.vpc),
    }
}

/// Equal clusters have equal digests.
fn leaves_sha256(cluster: &Cluster) -> String {
    kaphost_spec::hex(&Sha256::digest(cluster.leaves_json()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn no_json(error: serde_json::Error) -> PolicyError {
    PolicyError::Host(HostError::Engine(format!("a decision has no JSON form: {error}")))
}

/// What the policies left.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) cluster: Arc<Cluster>,
    /// Whether that is another one than was given.
    pub(crate) changed: bool,
    pub(crate) passes: u32,
    pub(crate) changes: Vec<Change>,
    pub(crate) advice: Vec<Change>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) order: Option<OrderDependence>,
    pub(crate) waivers: Vec<WaiverRecord>,
    pub(crate) logs: Vec<CallLog>,
}

pub(crate) fn run<R: Rules>(
    cluster: &Arc<Cluster>,
    players: &[Player<'_, R>],
    waivers: &[Waiver],
    now: Timestamp,
) -> Result<Settled, PolicyError> {
    let waiving = Waiving::new(waivers, cluster.name.as_str(), now, players);
    let mut states = States::new(cluster, players);
    let remediates = |index: &usize| players.get(*index).is_some_and(|player| player.terms.enforcement == Enforcement::Remediate);
    let order: Vec<usize> = (0..players.len()).filter(remediates).collect();

    let walk = fixed_point::walk(&mut states, &order, &waiving).map_err(|failed| failed.of(players))?;
    if walk.end == End::Restless {
        return Err(PolicyError::Unsettled(Box::new(fixed_point::unsettled(&walk, players))));
    }
    let dependence = order::dependence(&mut states, &walk, &order, &waiving).map_err(|failed| failed.of(players))?;
    let mut judgement = judgement::judge(&mut states, &walk, &waiving).map_err(|failed| failed.of(players))?;
    let waivers = waiving.records(&mut judgement.violations, walk.end == End::Rest);

    let (cluster, logs) = states.into_state(walk.state);
    Ok(Settled {
        cluster,
        changed: walk.state != 0,
        passes: walk.passes,
        changes: walk.changes,
        advice: judgement.advice,
        violations: judgement.violations,
        order: dependence,
        waivers,
        logs,
    })
}

#[cfg(test)]
mod tests;
