//! A loaded policy: who it is, what it may do, and how to ask it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, InstancePre};

use crate::bindings::types as wit;
use crate::call::{self, Arguments, Describe, Export, Function, Ground, Haste, Mutate, Validate};
use crate::error::{LoadError, Operation, PolicyError, RunError};
use crate::host::Shared;
use crate::inspect::Surface;
use crate::limits::Limits;
use crate::returned::Amended;
use crate::settings::{SettingError, Settings};
use crate::state::{CallState, Log};
use crate::text::visible;
use crate::{Description, answer};

/// What a policy may do, found from what it exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Refuse.
    Validator,
    /// Rewrite, or refuse.
    Mutator,
    /// Rewrite, then check what is left.
    Policy,
}

impl World {
    /// Whether it has `validate`.
    #[must_use]
    pub const fn validates(self) -> bool {
        matches!(self, Self::Validator | Self::Policy)
    }

    /// Whether it has `mutate`.
    #[must_use]
    pub const fn mutates(self) -> bool {
        matches!(self, Self::Mutator | Self::Policy)
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validator => "validator",
            Self::Mutator => "mutator",
            Self::Policy => "policy",
        })
    }
}

/// A policy that has been loaded, checked and asked who it is. Cheap to clone; may be shared between threads.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    source: String,
    digest: String,
    world: World,
    never_frees: bool,
    description: Description,
    notes: Vec<String>,
    limits: Limits,
    shared: Arc<Shared>,
    instance: InstancePre<CallState>,
    haste: Haste,
    validate: Option<Export<Validate>>,
    mutate: Option<Export<Mutate>>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("source", &self.0.source).field("digest", &self.0.digest).finish_non_exhaustive()
    }
}

/// What is known of a component before it runs for the first time.
pub(crate) struct Compiled {
    pub(crate) source: String,
    pub(crate) digest: String,
    pub(crate) surface: Surface,
    pub(crate) component: Component,
    pub(crate) notes: Vec<String>,
    pub(crate) limits: Limits,
}

/// A component whose types are the contract's.
struct Typed {
    instance: InstancePre<CallState>,
    haste: Haste,
    describe: Export<Describe>,
    validate: Option<Export<Validate>>,
    mutate: Option<Export<Mutate>>,
}

impl Typed {
    fn of(compiled: &Compiled, shared: &Shared) -> Result<Self, PolicyError> {
        let Compiled { source, surface, component, .. } = compiled;
        let load = |error| PolicyError::Load { policy: source.clone(), error };
        let instance = shared.linker.instantiate_pre(component).map_err(|error| {
            let why = visible(&format!("{error:#}"), 300);
            load(LoadError::WrongTypes { item: "kaphost:policy/logging".into(), why })
        })?;
        let describe = export(&instance, &surface.metadata, "describe").map_err(load)?;
        let validate = surface.validating.as_deref().map(|name| export(&instance, name, "validate"));
        let mutate = surface.mutating.as_deref().map(|name| export(&instance, name, "mutate"));
        let (validate, mutate) = (validate.transpose().map_err(load)?, mutate.transpose().map_err(load)?);
        Ok(Self { instance, haste: Haste::of(component), describe, validate, mutate })
    }
}

impl Module {
    /// Checks every type, and only then lets the component run for the first time: `describe`. What it says is offered to `keep`, which says why it
    /// could not be kept.
    pub(crate) fn new(
        mut compiled: Compiled,
        shared: &Arc<Shared>,
        keep: impl FnOnce(&Surface, &Description) -> Option<String>,
    ) -> Result<Self, PolicyError> {
        let typed = Typed::of(&compiled, shared)?;
        let policy = || compiled.source.clone();
        let (described, _log) = call::call(&shared.ground(&compiled.limits, typed.haste), &typed.instance, &typed.describe, ());
        let (record,) = described.map_err(|error| PolicyError::Run { policy: policy(), operation: Operation::Describe, error })?;
        let description = answer::description(record);
        description.check().map_err(|error| PolicyError::Description { policy: policy(), error })?;
        compiled.notes.extend(keep(&compiled.surface, &description));
        Ok(Self::of(compiled, typed, description, shared))
    }

    /// As [`Self::new`], of one that said this of itself before.
    pub(crate) fn known(compiled: Compiled, description: Description, shared: &Arc<Shared>) -> Result<Self, PolicyError> {
        let typed = Typed::of(&compiled, shared)?;
        Ok(Self::of(compiled, typed, description, shared))
    }

    fn of(compiled: Compiled, typed: Typed, description: Description, shared: &Arc<Shared>) -> Self {
        let Compiled { source, digest, surface, notes, limits, .. } = compiled;
        let Typed { instance, haste, validate, mutate, .. } = typed;
        let shared = Arc::clone(shared);
        Self(Arc::new(Inner {
            source,
            digest,
            world: surface.world,
            never_frees: surface.never_frees,
            description,
            notes,
            limits,
            shared,
            instance,
            haste,
            validate,
            mutate,
        }))
    }

    /// What the user called it: a path or a reference.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Lower-case hexadecimal SHA-256 of the component's bytes.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// What it may do.
    #[must_use]
    pub fn world(&self) -> World {
        self.0.world
    }

    /// What it says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// What happened on the way that the user may want to know, though nothing is wrong: a cache that was not trusted.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The limits of each of its calls.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Reads `name=value` pairs by the schema that the policy describes, and fills in the defaults. A setting of several texts may be given
    /// several times, or once with commas between.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn settings(&self, given: &[(String, String)]) -> Result<Settings, Vec<SettingError>> {
        Settings::read(&self.0.description.settings, given)
    }

    /// Whether it has promised that memory may be asked of it once for many values.
    pub(crate) fn takes_values_at_once(&self) -> bool {
        self.0.never_frees
    }

    fn ground(&self) -> Ground<'_> {
        self.0.shared.ground(&self.0.limits, self.0.haste)
    }

    /// Calls `validate`; a mutator has nothing to say.
    pub(crate) fn validate(&self, arguments: Arguments<'_>) -> (Result<Vec<wit::Violation>, RunError>, Log) {
        let Some(export) = &self.0.validate else { return (Ok(Vec::new()), Log::default()) };
        let (result, log) = call::call(&self.ground(), &self.0.instance, export, arguments);
        (result.map(|(violations,)| violations), log)
    }

    /// Calls `mutate`; `None` for a validator, which has no way to change anything.
    #[expect(clippy::type_complexity, reason = "the contract's own result")]
    pub(crate) fn mutate(&self, arguments: Arguments<'_>) -> Option<(Result<Result<Amended, Vec<wit::Violation>>, RunError>, Log)> {
        let export = self.0.mutate.as_ref()?;
        let (result, log) = call::call(&self.ground(), &self.0.instance, export, arguments);
        Some((result.map(|(answer,)| answer), log))
    }
}

/// A function of an exported interface, or what is wrong with it.
fn export<F: Function>(instance: &InstancePre<CallState>, interface: &str, function: &str) -> Result<Export<F>, LoadError> {
    Export::find(instance, interface, function)
        .map_err(|why| LoadError::WrongTypes { item: visible(&format!("{interface}.{function}"), 200), why: visible(&why, 300) })
}
