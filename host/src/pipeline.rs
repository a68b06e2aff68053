//! The pipeline as commands use it: read, load, admit, desire, look.

use std::collections::BTreeSet;
use std::path::Path as FilePath;

use kaphost_plan::{Desired, Image, ImageFact, Observed, Plan};
use kaphost_policy::{
    Admission, Circumstances, Decision, FactKind, Facts, HostOptions, Module, Outcome, Policy, PolicyHost, admit as evaluate,
};
use kaphost_spec::{AdmittedSpec, nearest};
use serde_json::json;

use crate::cli::{CloudArgs, Global, PolicyArgs};
use crate::cloud::Session;
use crate::facts::{self, FactsArgs, Trust};
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::{place, render, term};

/// Loaded policies with their settings.
#[derive(Debug)]
pub(crate) struct Policies(Vec<Policy>);

impl Policies {
    /// Loads every module and reads its settings.
    ///
    /// # Errors
    /// When a module cannot be read or trusted, or a setting is not one that it takes (all such settings).
    pub(crate) fn load(args: &PolicyArgs) -> Result<Self, Failure> {
        if args.policies.is_empty() {
            // No engine is made for nothing.
            return settings_for_nobody(args).map(|()| Self(Vec::new()));
        }
        let host =
            PolicyHost::new(HostOptions { cache_dir: place::cache().map(|folder| folder.join("modules")), ..HostOptions::default() })?;
        let mut modules = Vec::new();
        for module in host.load_files(&args.policies) {
            modules.push(module?);
        }
        let given = Given::parse(&args.settings)?;
        let mut errors = given.unknown_policies(&modules.iter().map(|module| module.description().name.as_str()).collect::<Vec<_>>());
        let mut policies = Vec::new();
        errors.extend(given.taken_by_nobody(&modules));
        for module in modules {
            let takes = |name: &str| module.description().settings.iter().any(|setting| setting.name == name);
            match module.settings(&given.of(&module.description().name, takes)) {
                Ok(settings) => policies.push(Policy::alone(module, settings)),
                Err(wrong) => {
                    errors.extend(wrong.into_iter().map(|error| (format!("policy `{}`: {error}", module.description().name), error.help())))
                }
            }
        }
        if errors.is_empty() { Ok(Self(policies)) } else { Err(Failure::Settings(errors)) }
    }

    /// The facts that at least one policy needs, and will be told.
    #[must_use]
    pub(crate) fn needs(&self) -> BTreeSet<FactKind> {
        self.0.iter().flat_map(Policy::facts).collect()
    }

    /// Asks the policies, and shows what they log when somebody wants to hear it.
    ///
    /// # Errors
    /// When a policy cannot be run, or changes what facts were told of.
    pub(crate) fn evaluate(&self, global: &Global, input: &Input, facts: &Facts) -> Result<Admission, Failure> {
        if !input.warnings.is_empty() {
            term::err(&render::diagnostics(&input.warnings));
        }
        let circumstances = Circumstances { facts, waivers: &[], now: jiff::Timestamp::now() };
        let admission = evaluate(&input.spec, &self.0, &circumstances)?;
        if global.verbose {
            for policy in &self.0 {
                for note in policy.module.notes() {
                    term::err(&format!("{}: {note}\n", policy.module.source()));
                }
            }
            term::err(&render::decision::logs(&admission));
        }
        if let Outcome::Admitted(spec) = &admission.outcome {
            facts::still_hold(&input.spec, spec, &admission.decision, &self.needs())?;
        }
        Ok(admission)
    }
}

fn settings_for_nobody(args: &PolicyArgs) -> Result<(), Failure> {
    if args.settings.is_empty() {
        return Ok(());
    }
    Err(Failure::Usage("--set gives a setting to policies, and there is no --policy".into()))
}

/// `--set` as given: the policy that is meant, when one is named; a name; a value.
struct Given(Vec<(Option<String>, String, String)>);

impl Given {
    fn parse(settings: &[String]) -> Result<Self, Failure> {
        let one = |text: &String| {
            let (name, value) = text.split_once('=')?;
            let (policy, name) = match name.split_once(':') {
                Some((policy, name)) => (Some(policy.to_owned()), name),
                None => (None, name),
            };
            Some((policy, name.to_owned(), value.to_owned()))
        };
        let parsed = settings.iter().map(|text| one(text).ok_or_else(|| Failure::Usage(format!("`{text}` is no setting: use NAME=VALUE"))));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// What one policy gets: what names it, and what names nobody and is of a name that it takes.
    fn of(&self, policy: &str, takes: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mine = self.0.iter().filter(|(meant, name, _)| match meant {
            Some(meant) => meant == policy,
            None => takes(name),
        });
        mine.map(|(_, name, value)| (name.clone(), value.clone())).collect()
    }

    fn unknown_policies(&self, loaded: &[&str]) -> Vec<(String, String)> {
        let unknown = self.0.iter().filter_map(|(meant, ..)| meant.as_deref().filter(|meant| !loaded.contains(meant)));
        unknown.map(|policy| (format!("there is no policy `{policy}` here"), format!("there are: {}", loaded.join(", ")))).collect()
    }

    fn taken_by_nobody(&self, modules: &[Module]) -> Vec<(String, String)> {
        let known: Vec<&str> =
            modules.iter().flat_map(|module| module.description().settings.iter().map(|setting| setting.name.as_str())).collect();
        let nobody = self.0.iter().filter(|(meant, name, _)| meant.is_none() && !known.contains(&name.as_str()));
        let help = |name: &str| match (known.as_slice(), nearest(name, known.iter().copied())) {
            ([], _) => "the policies here take no settings".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            (_, None) => format!("they take: {}", known.join(", ")),
        };
        nobody.map(|(_, name, _)| (format!("no policy here takes the setting `{name}`"), help(name))).collect()
    }
}

/// Reads the config on a thread of its own while the policies load, which takes longer: neither needs the other. What is wrong with the config is
/// told first.
///
/// # Errors
/// As [`input::read`] and [`Policies::load`].
pub(crate) fn read_and_load(file: &FilePath, policies: &PolicyArgs) -> Result<(Input, Policies), Failure> {
    if policies.policies.is_empty() {
        // Nothing that is worth a thread.
        return Ok((input::read(file)?, Policies::load(policies)?));
    }
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new().name("config".into()).spawn_scoped(scope, || input::read(file));
        let policies = Policies::load(policies);
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
}

/// Asks the policies. A denial is shown, violation by violation, and is a failure.
///
/// # Errors
/// When a policy denies, or cannot be run.
pub(crate) fn admit(global: &Global, input: &Input, policies: &Policies, facts: &Facts) -> Result<Admitted, Failure> {
    let Admission { outcome, decision, .. } = policies.evaluate(global, input, facts)?;
    match outcome {
        Outcome::Admitted(spec) => Ok(Admitted { spec: *spec, decision }),
        Outcome::Denied => {
            term::err(&render::decision::violations(&decision, &input.spec));
            let violations = render::decision::violations_json(&decision, &input.spec);
            Err(Failure::Denied { violations, decision: json!(decision) })
        }
    }
}

/// A cluster that is admitted and fit to be planned.
pub(crate) struct Prepared {
    /// As its file describes it.
    pub(crate) input: Input,
    /// What the policies did.
    pub(crate) decision: Decision,
    /// What AWS should hold.
    pub(crate) desired: Desired,
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
    /// When the facts, the config, the policies or their verdict stand in the way, or this version cannot provision what is asked for.
    pub(crate) async fn new(
        global: &Global,
        file: &FilePath,
        policies: &PolicyArgs,
        (facts, trust): (&FactsArgs, Trust),
        cloud: &CloudArgs,
    ) -> Result<Self, Failure> {
        let (input, policies) = read_and_load(file, policies)?;
        let (facts, session) = facts::gather(facts, trust, cloud, &input, &policies.needs()).await?;
        let Admitted { spec, decision } = admit(global, &input, &policies, &facts)?;
        let desired = kaphost_plan::desire(&spec).map_err(|missing| render::not_provisioned(&input.spec, &missing))?;
        Ok(Self { input, decision, desired, session })
    }

    /// Opens the cloud unless it is open, reads it, and plans. Once.
    ///
    /// # Errors
    /// When the cloud cannot be read, or there is no plan.
    pub(crate) async fn look(&mut self, cloud: &CloudArgs) -> Result<(Session, Current), Failure> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(cloud, &self.desired.names.region).await?,
        };
        let (observed, known) = session.observe(&self.desired).await?;
        let fact =
            self.desired.image_fact(&observed, known.as_ref()).ok_or_else(|| Failure::Faulty(vec!["the image was not read".into()]))?;
        let plan = kaphost_plan::diff(&self.desired, &observed, fact).map_err(|refusals| render::refused(&self.input.spec, &refusals))?;
        let ImageFact::Found(image) = fact else { return Err(Failure::Faulty(vec!["a plan without its image".into()])) };
        let image = image.clone();
        let faults = kaphost_plan::check(&plan, &observed);
        if !faults.is_empty() {
            return Err(Failure::Faulty(faults.iter().map(ToString::to_string).collect()));
        }
        Ok((session, Current { observed, image, plan }))
    }
}
