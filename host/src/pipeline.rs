//! The pipeline as commands use it: read, load, admit, desire, look.

use std::path::Path as FilePath;

use kaphost_plan::{Desired, Image, ImageFact, Observed, Plan};
use kaphost_policy::{Admission, Decision, Effect, Facts, Outcome};
use kaphost_spec::AdmittedSpec;
use serde_json::{Value, json};

use crate::cli::{CloudArgs, Global};
use crate::cloud::Session;
use crate::facts::{self, FactsArgs, Trust};
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::policies::{Asked, Policies};
use crate::record::Inputs;
use crate::render::warnings::Warnings;
use crate::{render, term};

/// Reads the config on a thread of its own while the policies load, which takes longer: neither needs the other. What is wrong with the config is
/// told first.
///
/// # Errors
/// As [`input::read`] and [`Policies::load`].
pub(crate) fn read_and_load(file: &FilePath, asked: &Asked<'_>) -> Result<(Input, Policies), Failure> {
    if asked.for_none() {
        // Nothing that is worth a thread.
        return Ok((input::read(file)?, Policies::load(asked)?));
    }
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new().name("config".into()).spawn_scoped(scope, || input::read(file));
        let policies = Policies::load(asked);
        let input = match reading {
            Ok(reading) => reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // No thread to be had: one after the other, then.
            Err(_) => input::read(file),
        };
        Ok((input?, policies?))
    })
}

/// What the policies let pass.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The sealed cluster.
    pub(crate) spec: AdmittedSpec,
    /// How it came about.
    pub(crate) decision: Decision,
    /// What led to it, for programs.
    pub(crate) inputs: Value,
    /// What is said beside it, for programs; people have been shown it already.
    pub(crate) warnings: Vec<Value>,
}

/// Asks the policies. What they advise and what is odd about them is shown. A denial is shown, violation by violation, and is a failure.
///
/// # Errors
/// When a policy denies, or cannot be run; when the record cannot be written; when something is odd where nothing may be.
pub(crate) fn admit(global: &Global, input: &Input, policies: &Policies, facts: &Facts, asked: &Asked<'_>) -> Result<Admitted, Failure> {
    let Admission { outcome, decision, .. } = policies.evaluate(global, input, facts)?;
    if let Some(record) = asked.record {
        record.write(input, policies, &decision)?;
    }
    let inputs = json!(Inputs::new(input, policies, &decision));
    let shown = Warnings::of(&decision, &input.spec, |waiver| policies.place_of(waiver));
    term::err(&shown.text());
    let warnings = shown.json();
    match outcome {
        Outcome::Admitted(_) if policies.strict() && shown.count() > 0 => {
            Err(Failure::Strict { count: shown.count(), warnings, decision: json!(decision) })
        }
        Outcome::Admitted(spec) => Ok(Admitted { spec: *spec, decision, inputs, warnings }),
        Outcome::Denied => {
            term::err(&render::decision::violations(&decision, &input.spec, Effect::Deny));
            term::err(&render::decision::waived(&decision));
            let [violations, waived] =
                [Effect::Deny, Effect::Waived].map(|effect| render::decision::violations_json(&decision, &input.spec, effect));
            Err(Failure::Denied { violations, waived, warnings, inputs: Box::new(inputs), decision: json!(decision) })
        }
    }
}

/// A cluster that is admitted and fit to be planned.
pub(crate) struct Prepared {
    /// As its file describes it.
    pub(crate) input: Input,
    /// What the policies did.
    pub(crate) decision: Decision,
    /// What led to it, for programs.
    pub(crate) inputs: Value,
    /// What is said beside it, for programs.
    pub(crate) warnings: Vec<Value>,
    /// What AWS should hold.
    pub(crate) desired: Desired,
    /// The image that policies were told of, when they were.
    judged_image: Option<String>,
    /// The cloud, when facts were read from it already.
    session: Option<Session>,
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
}

impl Prepared {
    /// Everything before the cloud is asked what it holds. It is asked for facts, when a policy needs any and no file gives them.
    ///
    /// # Errors
    /// When the facts, the config, the policies or their verdict stand in the way.
    pub(crate) async fn new(
        global: &Global,
        file: &FilePath,
        asked: &Asked<'_>,
        (facts, trust): (&FactsArgs, Trust),
        cloud: &CloudArgs,
    ) -> Result<Self, Failure> {
        let (input, policies) = read_and_load(file, asked)?;
        let (facts, session) = facts::gather(facts, trust, cloud, &input, &policies.needs()).await?;
        let Admitted { spec, decision, inputs, warnings } = admit(global, &input, &policies, &facts, asked)?;
        let desired = kaphost_plan::desire(&spec).map_err(|error| render::too_long(&input.spec, &error))?;
        let judged_image = facts.ami.map(|ami| ami.id);
        Ok(Self { input, decision, inputs, warnings, desired, judged_image, session })
    }

    /// Opens the cloud unless it is open. Once.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) async fn session(&mut self, cloud: &CloudArgs) -> Result<Session, Failure> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => Session::open(cloud, &self.desired.names.region).await,
        }
    }

    /// Sees to it that what is planned is of the image that the policies were told of.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) fn hold_to(&self, image: &str) -> Result<(), Failure> {
        match self.judged_image.as_ref().filter(|judged| *judged != image) {
            Some(judged) => Err(facts::image_moved(&self.input.spec, judged, image)),
            None => Ok(()),
        }
    }

    /// Opens the cloud unless it is open, reads it, and plans. Once.
    ///
    /// # Errors
    /// When the cloud cannot be read, `ami` leads to another image than the policies were told of, or there is no plan.
    pub(crate) async fn look(&mut self, cloud: &CloudArgs) -> Result<(Session, Current), Failure> {
        let mut session = self.session(cloud).await?;
        let (observed, known) = session.observe(&self.desired).await?;
        let fact =
            self.desired.image_fact(&observed, known.as_ref()).ok_or_else(|| Failure::Faulty(vec!["the image was not read".into()]))?;
        let plan = kaphost_plan::diff(&self.desired, &observed, fact).map_err(|refusals| render::refused(&self.input.spec, &refusals))?;
        let ImageFact::Found(image) = fact else { return Err(Failure::Faulty(vec!["a plan without its image".into()])) };
        let image = image.clone();
        self.hold_to(&image.id)?;
        let faults = kaphost_plan::check(&plan, &observed);
        if !faults.is_empty() {
            return Err(Failure::Faulty(faults.iter().map(ToString::to_string).collect()));
        }
        Ok((session, Current { observed, image, plan }))
    }
}
