//! The pipeline as commands use it: read, load, admit, desire, look.

use std::sync::Arc;

use kaphost_plan::{Desired, Image, ImageFact, Observed, Plan, Refusal};
use kaphost_policy::{Decision, Facts};
use kaphost_spec::AdmittedSpec;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::cloud::{Clouds, Session};
use crate::facts::{self, FactsArgs, Trust};
use crate::failure::Failure;
use crate::fleet::{self, Fleet};
use crate::input::{self, ClusterArgs, Input};
use crate::policies::{Asked, Policies};
use crate::preflight::{self, Asks};
use crate::record::Inputs;
use crate::render::simple::Simple;
use crate::verdict::Verdict;
use crate::{render, term};

/// Reads the config, then the policies. What is wrong with the config is told first, what is odd about it or about the policy sets once for all clusters.
///
/// # Errors
/// As [`input::read`] and [`Policies::load`].
pub(crate) fn read_and_load(clusters: &ClusterArgs, asked: &Asked<'_>) -> Result<(Vec<Input>, Policies), Failure> {
    let (inputs, policies) = (input::read(clusters)?, Policies::load(asked)?);
    if let Some(input) = inputs.first() {
        policies.warn(&input.warnings);
    }
    Ok((inputs, policies))
}

/// What the policies let pass.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The sealed cluster.
    pub(crate) spec: AdmittedSpec,
    /// How it came about.
    pub(crate) decision: Decision,
    /// What led to it.
    pub(crate) inputs: Inputs,
    /// What is said beside it, for programs; people have been shown it already.
    pub(crate) warnings: Vec<Value>,
}

/// Asks the policies. What they advise and what is odd about them is shown. A denial is shown, violation by violation, and is a failure.
///
/// # Errors
/// When a policy denies, or cannot be run; when the record cannot be written; when something is odd where nothing may be.
pub(crate) fn admit(global: &Global, input: &Input, policies: &Policies, facts: &Facts, asked: &Asked<'_>) -> Result<Admitted, Failure> {
    let verdict = Verdict::of(global, input, policies, facts, asked.record);
    if !verdict.said.is_empty() && !input.alone {
        term::err(&fleet::heading(input.spec.cluster.name.as_str(), input.spec.cluster.region.as_str()));
    }
    term::err(&verdict.said);
    verdict.end
}

/// A cluster that is admitted and fit to be planned.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// As its file describes it.
    pub(crate) input: Input,
    /// What the policies did.
    pub(crate) decision: Decision,
    /// What led to it, for programs.
    pub(crate) inputs: Value,
    /// What is said beside it, for programs.
    pub(crate) warnings: Vec<Value>,
    /// The policies, to be asked about what AWS holds.
    pub(crate) policies: Arc<Policies>,
    /// What they were told of the world.
    pub(crate) facts: Facts,
    /// The cluster as they leave it.
    pub(crate) admitted: AdmittedSpec,
    /// What AWS should hold.
    pub(crate) desired: Desired,
}

/// AWS as it is, and the way from there.
#[derive(Debug)]
pub(crate) struct Current {
    /// What AWS holds.
    pub(crate) observed: Observed,
    /// The cluster's image.
    pub(crate) image: Image,
    /// The way.
    pub(crate) plan: Plan,
    /// What the world says of it that is no refusal, for people.
    pub(crate) said: String,
}

/// Everything before the cloud is asked what it holds. It is asked for facts, when a policy needs any and no file gives them. The policies are loaded once for
/// all clusters.
///
/// # Errors
/// When the config, or the policies as such, stand in the way. What stands in the way of one cluster is with that cluster.
pub(crate) async fn prepare(
    global: &Global,
    clusters: &ClusterArgs,
    asked: &Asked<'_>,
    (facts, trust): (&FactsArgs, Trust),
    clouds: &Clouds<'_>,
) -> Result<Fleet<Prepared>, Failure> {
    Ok(decide(global, read_and_load(clusters, asked)?, asked, (facts, trust), clouds).await)
}

/// As [`prepare`], of what was read and loaded already.
pub(crate) async fn decide(
    global: &Global,
    (inputs, policies): (Vec<Input>, Policies),
    asked: &Asked<'_>,
    (facts, trust): (&FactsArgs, Trust),
    clouds: &Clouds<'_>,
) -> Fleet<Prepared> {
    let policies = Arc::new(policies);
    let needs = policies.needs();
    let told = Fleet::of(inputs).each(async |input| {
        let facts = facts::gather(facts, trust, clouds, &input, &needs).await?;
        Ok((input, facts))
    });
    told.await.then(|(input, facts)| {
        let Admitted { spec, decision, inputs, warnings } = admit(global, &input, &policies, &facts, asked)?;
        let desired = kaphost_plan::desire(&spec).map_err(|error| render::too_long(&input.spec, &error))?;
        Ok(Prepared { input, decision, inputs: json!(inputs), warnings, policies: Arc::clone(&policies), facts, admitted: spec, desired })
    })
}

impl Prepared {
    /// Opens the cloud unless it is open, reads it, and plans. The plan is held against the world, as far as that is asked.
    ///
    /// # Errors
    /// When the cloud cannot be read, `ami` leads to another image than the policies were told of, or there is no plan that AWS would take.
    pub(crate) async fn look(&mut self, clouds: &Clouds<'_>, asks: Asks) -> Result<(Arc<Session>, Current), Failure> {
        let session = clouds.session(&self.desired.names.region).await?;
        let (observed, known) = session.observe(&self.desired).await?;
        let fact =
            self.desired.image_fact(&observed, known.as_ref()).ok_or_else(|| Failure::Faulty(vec!["the image was not read".into()]))?;
        let image = if let ImageFact::Found(image) = fact { Some(image.clone()) } else { None };
        let plan = kaphost_plan::diff(&self.desired, &observed, fact);
        let preflight = preflight::fly(&session, &self.desired, (plan.as_ref().ok(), image.as_ref()), asks).await?;
        let warnings = preflight::warnings(&self.input.spec, &preflight);
        // All that stands in the way is said at once, whoever found it.
        let plan = match plan {
            Ok(plan) if preflight.refusals.is_empty() => plan,
            plan => {
                let refusals: Vec<Refusal> = plan.err().unwrap_or_default().into_iter().chain(preflight.refusals).collect();
                return Err(render::refused(&self.input.spec, &refusals));
            }
        };
        let image = image.ok_or_else(|| Failure::Faulty(vec!["a plan without its image".into()]))?;
        if let Some(judged) = self.facts.ami.as_ref().filter(|judged| judged.id != image.id) {
            return Err(facts::image_moved(&self.input.spec, &judged.id, &image.id));
        }
        let faults = kaphost_plan::check(&plan, &observed);
        if !faults.is_empty() {
            return Err(Failure::Faulty(faults.iter().map(ToString::to_string).collect()));
        }
        self.warnings.extend(warnings.iter().map(Simple::json));
        let said = warnings.iter().map(|warning| render::diagnostic::text(warning)).collect();
        Ok((session, Current { observed, image, plan, said }))
    }

    /// Shows people what the world says of the plan that is no refusal.
    pub(crate) fn tell(&self, current: &Current) {
        let cluster = &self.input.spec.cluster;
        if !current.said.is_empty() && !self.input.alone {
            term::err(&fleet::heading(cluster.name.as_str(), cluster.region.as_str()));
        }
        term::err(&current.said);
    }
}
