//! One call of a guest: a fresh store, every limit set, and what stopped it told apart.

use std::marker::PhantomData;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, TypedFunc};
use wasmtime::{Engine, Store, StoreContextMut, Trap};

use crate::bindings::{Level, types as wit};
use crate::error::RunError;
use crate::image::Given;
use crate::limits::{LOG_MESSAGE_BYTES, Limits};
use crate::pool::{Gate, is_wiped_in_place};
use crate::returned::Amended;
use crate::state::{CallState, Exhausted, Log};
use crate::text::visible;
use crate::ticker::{TICK_MS, Ticker};

/// What `validate` and `mutate` take.
pub(crate) type Arguments<'a> = (Given<'a, wit::Cluster>, Given<'a, wit::Facts>, Given<'a, [wit::Setting]>);

/// A function of the contract.
pub(crate) trait Function {
    /// What it takes.
    type Takes<'a>: ComponentNamedList + Lower + Clone;
    /// What it returns.
    type Gives: ComponentNamedList + Lift + 'static;
}

/// `metadata.describe`
pub(crate) struct Describe;
/// `validating.validate`
pub(crate) struct Validate;
/// `mutating.mutate`
pub(crate) struct Mutate;

impl Function for Describe {
    type Takes<'a> = ();
    type Gives = (wit::Description,);
}

impl Function for Validate {
    type Takes<'a> = Arguments<'a>;
    type Gives = (Vec<wit::Violation>,);
}

impl Function for Mutate {
    type Takes<'a> = Arguments<'a>;
    type Gives = (Result<Amended, Vec<wit::Violation>>,);
}

/// A component's function whose type is the contract's.
pub(crate) struct Export<F> {
    index: ComponentExportIndex,
    function: PhantomData<fn(F)>,
}

impl<F: Function> Export<F> {
    /// Finds it in an exported interface, and compares its type with the contract's: the only way to have one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn find(instance: &InstancePre<CallState>, interface: &str, function: &str) -> Result<Self, String> {
        let component = instance.component();
        let (_, parent) = component.get_export(None, interface).ok_or("there is no such interface")?;
        let (ty, index) = component.get_export(Some(&parent), function).ok_or("the interface does not hold it")?;
        let ComponentItem::ComponentFunc(ty) = ty else { return Err("it is no function".to_owned()) };
        if ty.async_() {
            return Err("it is asynchronous".to_owned());
        }
        ty.typecheck::<F::Takes<'_>, F::Gives>(&instance.instance_type()).map_err(|error| format!("{error:#}"))?;
        Ok(Self { index, function: PhantomData })
    }

    /// The function in an instance of its component. Comparing its type again for each call would be a tenth of what a call takes.
    #[expect(unsafe_code, reason = "wasmtime has no other way to keep the outcome of a comparison of types for further instances")]
    fn of<'a>(&self, instance: &Instance, store: &mut Store<CallState>) -> wasmtime::Result<TypedFunc<F::Takes<'a>, F::Gives>> {
        let function = instance.get_func(store, self.index).ok_or_else(|| wasmtime::Error::msg("the function is not there"))?;
        // SAFETY: the function must have this type. `find` compared it; an index is good for its own component only, which `get_func` sees to; and the
        // contract has no resources, which are all that types of two instances of one component could differ in.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }
}

/// What `log-piece` takes of a message.
type Words = (u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64);
const PIECE_BYTES: usize = size_of::<Words>();

/// A linker that offers the contract's imports, and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    // Answers for every 0.1.x: within a minor version, names of the component model match.
    let mut logging = linker.instance("kaphost:policy/logging@0.1.0")?;
    logging.func_wrap("log", |mut store: StoreContextMut<'_, CallState>, (level, message): (Level, String)| {
        pay(&mut store, message.len())?;
        let cut = message.floor_char_boundary(LOG_MESSAGE_BYTES + 1);
        store.data_mut().log(level, message.get(..cut).unwrap_or_default());
        Ok(())
    })?;
    logging.func_wrap("log-piece", |mut store: StoreContextMut<'_, CallState>, (level, count, words): (Level, u8, Words)| {
        let (a, b, c, d, e, f, g, h, i, j, k, l, m, n) = words;
        let mut bytes = [0; PIECE_BYTES];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip([a, b, c, d, e, f, g, h, i, j, k, l, m, n]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let piece = bytes.get(..usize::from(count)).ok_or_else(|| wasmtime::Error::msg("a piece of a message holds 112 bytes at most"))?;
        pay(&mut store, piece.len())?;
        store.data_mut().log_piece(level, piece, piece.len() < PIECE_BYTES);
        Ok(())
    })?;
    Ok(linker)
}

/// Units of fuel that a message costs besides its bytes: about what the host does for an empty one, in instructions.
const MESSAGE_FUEL: u64 = 500;

/// What the host does for the guest is paid from the guest's own fuel, so that logging in a loop ends as surely as looping does, and not by the clock.
fn pay(store: &mut StoreContextMut<'_, CallState>, bytes: usize) -> wasmtime::Result<()> {
    let paid = store.get_fuel()?.checked_sub(MESSAGE_FUEL + bytes as u64).ok_or(Trap::OutOfFuel)?;
    store.set_fuel(paid)
}

/// The ground that a call stands on.
pub(crate) struct Ground<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) ticker: &'a Ticker,
    /// Of an engine that keeps its sandboxes.
    pub(crate) gate: Option<&'a Gate>,
    pub(crate) limits: &'a Limits,
    pub(crate) haste: Haste,
}

/// Whether a component's calls are worth being tried without a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Most are over soon.
    Soon,
    /// It starts with much memory, as those do that have a language's runtime in them: to start it is long already.
    Long,
}

impl Haste {
    pub(crate) fn of(component: &Component) -> Self {
        if is_wiped_in_place(component) { Self::Soon } else { Self::Long }
    }
}

/// What a call may burn without a clock. Everything that takes a guest time takes fuel, by the instruction, by the byte that is moved and by the message, and
/// so much is burnt within two ticks of the clock: no deadline is noticed sooner. A thread that ticks takes a short process a tenth of its time to start and
/// to end, and nearly every call is over before its first tick.
const FUEL_WITHOUT_CLOCK: u64 = 250_000;

/// Calls one export in an instance of its own. The log is there whether the call succeeds or not.
///
/// What is not over soon is called again from its beginning, with a clock: it depends on nothing but its arguments, so that it is the same call.
pub(crate) fn call<F: Function>(
    ground: &Ground<'_>,
    instance: &InstancePre<CallState>,
    export: &Export<F>,
    arguments: F::Takes<'_>,
) -> (Result<F::Gives, RunError>, Log) {
    let fuel = ground.limits.fuel;
    if ground.haste == Haste::Soon {
        let soon = attempt(ground, instance, export, arguments.clone(), fuel.min(FUEL_WITHOUT_CLOCK));
        if fuel <= FUEL_WITHOUT_CLOCK || !matches!(soon.0, Err(RunError::OutOfFuel { .. })) {
            return soon;
        }
    }
    let Some(_running) = ground.ticker.start(ground.engine) else { return (Err(RunError::NoClock), Log::default()) };
    attempt(ground, instance, export, arguments, fuel)
}

/// Calls it with so much fuel.
fn attempt<F: Function>(
    ground: &Ground<'_>,
    instance: &InstancePre<CallState>,
    export: &Export<F>,
    arguments: F::Takes<'_>,
    fuel: u64,
) -> (Result<F::Gives, RunError>, Log) {
    // Left after the store is gone, whose place it is.
    let _entry = ground.gate.map(Gate::enter);
    let limits = ground.limits;
    let mut store = Store::new(ground.engine, CallState::new(limits));
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.result_bytes);
    // One tick more: the first may come at once.
    store.set_epoch_deadline(limits.deadline_ms.div_ceil(TICK_MS) + 1);
    let result = store
        .set_fuel(fuel)
        .and_then(|()| instance.instantiate(&mut store))
        .and_then(|instance| export.of(&instance, &mut store)?.call(&mut store, arguments))
        .map_err(|error| classify(&error, store.data().last_error(), ground));
    let burnt = fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    (result, store.into_data().into_log(burnt))
}

/// Tells what stopped a call.
fn classify(error: &wasmtime::Error, said: Option<&str>, ground: &Ground<'_>) -> RunError {
    let limits = ground.limits;
    match error.downcast_ref::<Exhausted>() {
        Some(Exhausted::Memory { wanted }) => return RunError::MemoryLimit { wanted: *wanted, limit: limits.memory_bytes },
        Some(Exhausted::Table { wanted }) => return RunError::TableLimit { wanted: *wanted, limit: limits.table_elements },
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => RunError::OutOfFuel { limit: limits.fuel },
        Some(Trap::Interrupt) => RunError::Deadline { limit_ms: limits.deadline_ms },
        Some(Trap::StackOverflow) => RunError::StackOverflow { limit: limits.stack_bytes },
        Some(trap) => {
            // The error says already that it is a trap.
            let reason = trap.to_string();
            let reason = reason.strip_prefix("wasm trap: ").unwrap_or(&reason).to_owned();
            RunError::Trap { reason, said: said.map(str::to_owned) }
        }
        None => {
            // wasmtime has no type for these two; tests hold their texts.
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            let says = |text: &str| chain.iter().any(|cause| cause.contains(text));
            if says("fuel allocated for hostcalls has been exhausted") {
                RunError::ResultTooLarge { limit: limits.result_bytes }
            } else if says("resource limit exceeded") {
                RunError::InstanceLimit { limit: limits.instances }
            } else {
                RunError::BadValue(visible(chain.last().map_or("", String::as_str), 300))
            }
        }
    }
}
