//! The server that runs, held against the policies: what AWS holds is turned back into a cluster, and the policies are asked about that one.
//!
//! What the file says has been admitted already. What runs may be something else: somebody changed it by hand, or the policies are newer than it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaphost_plan::live::{Live, live};
use kaphost_plan::{Image, Observed};
use kaphost_policy::{Change, Decision, Effect, PolicyRecord, Severity};
use kaphost_spec::facts::FactsQuery;
use kaphost_spec::{Leaf, Path, Spec, validate};

use crate::cloud::Session;
use crate::facts;
use crate::failure::Failure;
use crate::pipeline::Prepared;

/// What the policies say of the server that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    /// What it breaks, sorted by path.
    pub(crate) breaks: Vec<Break>,
    /// What AWS does not say: as the admitted cluster has it.
    pub(crate) assumed: Vec<String>,
    /// What AWS holds and no config can say: no policy is asked about it.
    pub(crate) unsaid: Vec<String>,
    /// Why no policy could be asked.
    pub(crate) not_asked: Option<String>,
}

/// A value that a policy does not let stand.
#[derive(Clone, Debug)]
pub(crate) struct Break {
    /// Which.
    pub(crate) path: Path,
    /// What it is, where it is one value.
    pub(crate) is: Option<Leaf>,
    /// What the policy puts there, if it does.
    pub(crate) wanted: Option<Leaf>,
    /// The policy's name.
    pub(crate) policy: String,
    /// Its rule.
    pub(crate) rule: String,
    /// How bad that is, where the policy refuses it.
    pub(crate) severity: Option<Severity>,
    /// The rule's reason or the violation's message, in the policy's words.
    pub(crate) message: String,
    /// Whether a waiver holds for it.
    pub(crate) waived: bool,
}

impl Judged {
    /// Whether anything is broken that nobody may break.
    #[must_use]
    pub(crate) fn is_broken(&self) -> bool {
        self.breaks.iter().any(|broken| !broken.waived)
    }
}

/// Asks the policies about what AWS holds. Writes nothing; reads nothing either, unless a policy needs facts of an image or a network that is another by now.
///
/// # Errors
/// When ctrl-C comes. What keeps policies from being asked is part of the answer.
pub(crate) async fn judge(prepared: &Prepared, session: &Session, observed: &Observed, image: &Image) -> Result<Option<Judged>, Failure> {
    let policies = &prepared.policies;
    if policies.is_empty() {
        return Ok(None);
    }
    let admitted = prepared.admitted.cluster();
    let Some(Live { cluster, assumed, unsaid }) = live(admitted, &prepared.desired, observed, image) else { return Ok(None) };
    let mut judged = Judged { assumed, unsaid, ..Judged::default() };
    if cluster == *admitted {
        // These very values have been admitted.
        return Ok(Some(judged));
    }
    if let Some(problem) = validate(&cluster).first() {
        judged.not_asked = Some(format!("AWS holds what no config may say: {}", problem.message));
        return Ok(Some(judged));
    }
    let spec = Spec { cluster: Arc::new(cluster), origins: prepared.input.spec.origins.clone() };
    let needs = policies.needs();
    let is_of_the_config = FactsQuery::of(&spec.cluster, &needs) == FactsQuery::of(&prepared.input.spec.cluster, &needs);
    let facts = match is_of_the_config {
        true => Ok(prepared.facts.clone()),
        false => facts::from_cloud(session, &spec, &needs).await,
    };
    let asked = match facts {
        Ok(facts) => policies.ask(&spec, &facts),
        Err(stopped @ Failure::Stopped { .. }) => return Err(stopped),
        Err(failure) => Err(failure),
    };
    match asked {
        Ok(admission) => judged.breaks = breaks(&admission.decision, &spec),
        Err(failure) => judged.not_asked = Some(failure.brief()),
    }
    Ok(Some(judged))
}

/// What a policy would change, and what one refuses once that is changed.
fn breaks(decision: &Decision, spec: &Spec) -> Vec<Break> {
    let leaves = spec.cluster.leaves();
    let name = |policy: usize| decision.policy(policy).map(|policy: &PolicyRecord| policy.name.clone()).unwrap_or_default();
    // Of several changes of one value the last counts: it is what the policies agree on.
    let last: BTreeMap<&Path, &Change> = decision.changes.iter().map(|change| (&change.path, change)).collect();
    let changed = last.into_values().map(|change| Break {
        path: change.path.clone(),
        is: leaves.get(&change.path).cloned(),
        wanted: change.new.clone(),
        policy: name(change.policy),
        rule: change.rule.clone(),
        severity: None,
        message: change.reason.clone(),
        waived: false,
    });
    let refused = decision.violations.iter().filter(|violation| violation.effect != Effect::Advise).map(|violation| Break {
        path: violation.path.clone(),
        is: leaves.get(&violation.path).cloned(),
        wanted: None,
        policy: name(violation.policy),
        rule: violation.rule.clone(),
        severity: Some(violation.severity),
        message: violation.message.clone(),
        waived: violation.effect == Effect::Waived,
    });
    let mut all: Vec<Break> = changed.chain(refused).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}
