//! The policies of a run: found, loaded, bound to their terms, and asked.

pub(crate) mod fetched;
mod given;
pub(crate) mod signed;
mod sources;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use kaphost_policy::{
    Admission, Circumstances, FactKind, Facts, HostOptions, LoadError, Module, ModuleFile, Outcome, Policy, PolicyError, PolicyHost,
    Waiver, WaiverRecord, WaiverState, admit as evaluate,
};
use kaphost_policy_set::{Entry, PolicySet};
use kaphost_spec::{ConfigSource, Diagnostic, Span, Spec};

use self::given::Given;
use self::sources::{Source, Unusable};
use crate::cli::{Global, PolicyArgs};
use crate::failure::Failure;
use crate::input::Input;
use crate::record::RecordArgs;
use crate::render::decision::Sets;
use crate::render::simple::Simple;
use crate::{facts, place, render, term};

/// What a command says about its policies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Which they are, besides the machine's own.
    pub(crate) policies: &'a PolicyArgs,
    /// The instant by which waivers are held; the machine's clock when `None`.
    pub(crate) now: Option<Timestamp>,
    /// Whether what is a warning otherwise ends the command.
    pub(crate) strict: bool,
    /// Where the record of the decision goes.
    pub(crate) record: Option<&'a RecordArgs>,
}

/// What was asked once, to be asked again.
#[derive(Clone, Debug)]
pub(crate) struct Again<'a> {
    /// Where each module and policy set is now, and what it was called then.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Settings of modules given by themselves.
    pub(crate) settings: &'a [String],
    /// The instant by which waivers are held.
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// Whether nobody names any policy, the machine included: then there is nothing to load.
    #[must_use]
    pub(crate) fn for_none(&self) -> bool {
        sources::none(&self.policies.policies)
    }
}

/// Loaded policies with their settings and terms, and the sets that they come from.
#[derive(Debug)]
pub(crate) struct Policies {
    policies: Vec<Policy>,
    /// For each policy that comes from a set, which set and which of its entries.
    entries: Vec<Option<(usize, usize)>>,
    sets: Vec<PolicySet>,
    sources: Vec<String>,
    waivers: Vec<Waiver>,
    settings: Vec<String>,
    now: Timestamp,
    strict: bool,
}

impl Policies {
    /// Loads every module and reads its settings: the machine's own policy set first, then what `KAPHOST_POLICY` names, then `--policy`.
    ///
    /// # Errors
    /// When a set holds mistakes, a module cannot be read or trusted, or a setting is not one that it takes (all such settings).
    pub(crate) fn load(asked: &Asked<'_>) -> Result<Self, Failure> {
        Self::load_keeping(asked, false)
    }

    /// The same for a run that asks them about many clusters: sandboxes are kept from one call to the next, which a handful of calls would not pay for.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn load_for_many(asked: &Asked<'_>) -> Result<Self, Failure> {
        Self::load_keeping(asked, true)
    }

    fn load_keeping(asked: &Asked<'_>, pooled: bool) -> Result<Self, Failure> {
        if asked.for_none() {
            // No engine is made for nothing.
            if !asked.policies.settings.is_empty() {
                return Err(Failure::Usage("--set gives a setting to policies, and there is no --policy".into()));
            }
            return Ok(Self::of(Vec::new(), asked));
        }
        Self::load_sources(sources::read(&asked.policies.policies)?, asked, pooled)
    }

    /// Loads exactly these, whatever this machine and its environment name besides.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn load_again(again: &Again<'_>) -> Result<Self, Failure> {
        let policies = PolicyArgs { policies: Vec::new(), settings: again.settings.to_vec() };
        let asked = Asked { policies: &policies, now: Some(again.now), strict: false, record: None };
        if again.files.is_empty() {
            return Ok(Self::of(Vec::new(), &asked));
        }
        Self::load_sources(sources::read_exactly(&again.files)?, &asked, false)
    }

    fn of(policies: Vec<Policy>, asked: &Asked<'_>) -> Self {
        let now = asked.now.unwrap_or_else(Timestamp::now);
        Self {
            entries: policies.iter().map(|_| None).collect(),
            policies,
            sets: Vec::new(),
            sources: Vec::new(),
            waivers: Vec::new(),
            settings: asked.policies.settings.clone(),
            now,
            strict: asked.strict,
        }
    }

    fn load_sources(sources: Vec<Source>, asked: &Asked<'_>, pooled: bool) -> Result<Self, Failure> {
        let given = Given::parse(&asked.policies.settings)?;
        let mut all = Self::of(Vec::new(), asked);
        let mut unusable = Unusable::default();
        let mut bound = Vec::with_capacity(sources.len());
        for (source, modules) in load_modules(sources, pooled, &mut unusable)? {
            match source {
                Source::Module(file) => {
                    all.sources.push(file.source.clone().unwrap_or_else(|| file.path.display().to_string()));
                    all.entries.extend(modules.iter().map(|_| None));
                    bound.extend(modules.into_iter().map(Bound::Alone));
                }
                Source::Registry(_, called) => {
                    all.sources.push(called);
                    bound.extend(modules.into_iter().map(Bound::Alone));
                }
                Source::Set(set, _) => {
                    // Where a module is missing that is said already.
                    if modules.len() == set.entries().len() {
                        match set.bind(modules) {
                            Ok(policies) => {
                                all.entries.extend((0..policies.len()).map(|entry| Some((all.sets.len(), entry))));
                                bound.push(Bound::Entries(policies));
                            }
                            Err(mut mistakes) => unusable.mistakes.append(&mut mistakes),
                        }
                    }
                    all.sources.push(set.name().to_owned());
                    all.waivers.extend_from_slice(set.waivers());
                    all.sets.push(*set);
                }
            }
        }
        unusable.check()?;
        all.policies = settle(bound, &given)?;
        Ok(all)
    }

    /// The sets that hold, in order.
    #[must_use]
    pub(crate) fn sets(&self) -> &[PolicySet] {
        &self.sets
    }

    /// Every module and set as the user calls it, in order.
    #[must_use]
    pub(crate) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The settings of modules given by themselves, as given.
    #[must_use]
    pub(crate) fn settings(&self) -> &[String] {
        &self.settings
    }

    /// The instant by which waivers are held.
    #[must_use]
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether what is a warning otherwise ends the command.
    #[must_use]
    pub(crate) const fn strict(&self) -> bool {
        self.strict
    }

    /// The facts that at least one policy needs, and will be told.
    #[must_use]
    pub(crate) fn needs(&self) -> BTreeSet<FactKind> {
        self.policies.iter().flat_map(Policy::facts).collect()
    }

    /// Shows what is odd about the config's file and about the sets.
    pub(crate) fn warn(&self, config: &[Diagnostic]) {
        for warnings in std::iter::once(config).chain(self.sets.iter().map(PolicySet::warnings)) {
            term::err(&render::diagnostics(warnings));
        }
    }

    /// What is odd in the sets.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.sets.iter().flat_map(PolicySet::warnings)
    }

    /// What a rule of a policy asks for, in the policy's words.
    #[must_use]
    pub(crate) fn about(&self, policy: usize, rule: &str) -> Option<String> {
        let rules = &self.policies.get(policy)?.module().description().rules;
        rules.iter().find(|known| known.id == rule).map(|known| known.summary.clone())
    }

    /// Whether there is none.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Asks the policies about whatever cluster.
    ///
    /// # Errors
    /// When a policy cannot be run.
    pub(crate) fn ask(&self, spec: &Spec, facts: &Facts) -> Result<Admission, Failure> {
        Ok(evaluate(spec, &self.policies, &Circumstances { facts, waivers: &self.waivers, now: self.now })?)
    }

    /// Asks the policies. What they log is said when somebody wants to hear it.
    ///
    /// # Errors
    /// When a policy cannot be run, or changes what facts were told of.
    pub(crate) fn evaluate(&self, global: &Global, input: &Input, facts: &Facts, said: &mut String) -> Result<Admission, Failure> {
        let admission = self.ask(&input.spec, facts)?;
        if global.verbose {
            for policy in &self.policies {
                for note in policy.module().notes() {
                    said.push_str(&format!("{}: {note}\n", policy.module().source()));
                }
            }
            said.push_str(&render::decision::logs(&admission));
        }
        if let Outcome::Admitted(spec) = &admission.outcome {
            facts::still_hold(&input.spec, spec, &admission.decision, &self.needs())?;
        }
        Ok(admission)
    }
}

impl Sets for Policies {
    fn waiver(&self, waiver: &WaiverRecord) -> Option<(Arc<ConfigSource>, Span)> {
        let set = self.sets.iter().find(|set| set.name() == waiver.set)?;
        let (rule, expires) = set.waiver_spans(&waiver.place)?;
        let span = if matches!(waiver.state, WaiverState::Expired | WaiverState::TooLong) { expires } else { rule };
        Some((Arc::clone(set.source()), span.clone()))
    }

    fn setting(&self, policy: usize, name: &str) -> Option<(Arc<ConfigSource>, Span)> {
        let (set, entry) = (*self.entries.get(policy)?)?;
        let set = self.sets.get(set)?;
        Some((Arc::clone(set.source()), set.setting_span(entry, name)?))
    }
}

/// Loads what every source names, each source with its modules. A module of a set that cannot be loaded is said at its entry, and the rest are
/// loaded all the same.
fn load_modules(sources: Vec<Source>, pooled: bool, unusable: &mut Unusable) -> Result<Vec<(Source, Vec<Module>)>, Failure> {
    let host = host_keeping(pooled)?;
    let found = fetched::files(&sources)?;
    let files: Vec<ModuleFile> = found.iter().flatten().filter_map(|file| file.as_ref().ok()).cloned().collect();
    let mut loaded = host.load_all(&files).into_iter();
    let mut all = Vec::with_capacity(sources.len());
    for (source, found) in sources.into_iter().zip(found) {
        let mut modules = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            // Of each file that was found something was made, in their order.
            match (found, &source) {
                (Err(problem), _) => unusable.problems.push(*problem),
                (Ok(_), Source::Set(set, _)) => match (loaded.next(), set.entries().get(at)) {
                    (Some(Err(error)), Some(entry)) => unusable.problems.push(at_entry(set, entry, &error)),
                    (module, _) => modules.extend(module.transpose()?),
                },
                // What is wrong with a module by itself has no place.
                (Ok(_), Source::Module(_) | Source::Registry(..)) => modules.extend(loaded.next().transpose()?),
            }
        }
        all.push((source, modules));
    }
    Ok(all)
}

/// What is wrong with an entry's module, at the line of the set that names it.
fn at_entry(set: &PolicySet, entry: &Entry, error: &PolicyError) -> Simple {
    let (span, label) = match error {
        PolicyError::Load { error: LoadError::Digest { .. }, .. } => (entry.sha256_span(), "the digest that was agreed on"),
        _ => (entry.path_span(), "named here"),
    };
    Simple::of(error.code(), error).with_help(error.help()).within(set.source(), span, label)
}

/// A source that is fit to be asked.
enum Bound {
    /// A module by itself, whose settings are still to be read.
    Alone(Module),
    /// The policies of a set.
    Entries(Vec<Policy>),
}

/// A module by itself with settings as `--set` gives them, whatever this machine and its environment name besides.
///
/// # Errors
/// Every setting that it does not take.
pub(crate) fn alone(module: Module, settings: &[String]) -> Result<Policy, Failure> {
    let given = Given::parse(settings)?;
    settle(vec![Bound::Alone(module)], &given)?.pop().ok_or_else(|| Failure::Faulty(vec!["a module without its policy".into()]))
}

/// The sandbox for modules, with the user's cache of compiled ones.
///
/// # Errors
/// When this machine cannot run compiled code.
pub(crate) fn host() -> Result<PolicyHost, Failure> {
    host_keeping(false)
}

fn host_keeping(pooled: bool) -> Result<PolicyHost, Failure> {
    let cache_dir = place::cache().map(|folder| folder.join("modules"));
    Ok(PolicyHost::new(HostOptions { cache_dir, pooled, ..HostOptions::default() })?)
}

/// Gives modules by themselves their settings.
fn settle(bound: Vec<Bound>, given: &Given) -> Result<Vec<Policy>, Failure> {
    let mut errors = if given.is_empty() {
        Vec::new()
    } else {
        let alone: Vec<&Module> = bound.iter().filter_map(|one| if let Bound::Alone(module) = one { Some(module) } else { None }).collect();
        let entries = bound.iter().filter_map(|one| if let Bound::Entries(entries) = one { Some(entries) } else { None });
        given.astray(&alone, &entries.flatten().collect::<Vec<_>>())
    };
    let mut policies = Vec::new();
    for one in bound {
        match one {
            Bound::Entries(mut entries) => policies.append(&mut entries),
            Bound::Alone(module) => match module.settings(&given.of(&module)) {
                Ok(settings) => policies.push(Policy::alone(module, settings)),
                Err(wrong) => {
                    let name = &module.description().name;
                    errors.extend(wrong.into_iter().map(|error| (format!("policy `{name}`: {error}"), error.help())));
                }
            },
        }
    }
    if errors.is_empty() { Ok(policies) } else { Err(Failure::Settings(errors)) }
}

impl Unusable {
    fn check(self) -> Result<(), Failure> {
        if self.mistakes.is_empty() && self.problems.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Unusable> for Failure {
    fn from(Unusable { mistakes, problems }: Unusable) -> Self {
        Self::Untrusted { mistakes, problems }
    }
}
