//! One call of a guest: a fresh store, every limit set, and what stopped it told apart.

use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower};
use wasmtime::{Engine, Store, StoreContextMut, Trap};

use crate::bindings::{Level, types as wit};
use crate::error::RunError;
use crate::limits::{LOG_MESSAGE_BYTES, Limits};
use crate::pool::Gate;
use crate::state::{CallState, Exhausted, Log};
use crate::text::visible;
use crate::ticker::{TICK_MS, Ticker};

/// What `validate` and `mutate` take.
pub(crate) type Arguments<'a> = (&'a wit::Cluster, &'a wit::Facts, &'a [wit::Setting]);
/// What `describe` returns.
pub(crate) type Described = (wit::Description,);
/// What `validate` returns.
pub(crate) type Validated = (Vec<wit::Violation>,);
/// What `mutate` returns.
pub(crate) type Mutated = (Result<wit::Amended, Vec<wit::Violation>>,);

/// A linker that offers the contract's imports, and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    // Answers for every 0.1.x: within a minor version, names of the component model match.
    linker.instance("kaphost:policy/logging@0.1.0")?.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, CallState>, (level, message): (Level, String)| {
            // What the host does for the guest is paid from the guest's own fuel, so that logging in a loop ends as surely as looping does.
            let paid = store.get_fuel()?.checked_sub(message.len() as u64).ok_or(Trap::OutOfFuel)?;
            store.set_fuel(paid)?;
            let cut = message.floor_char_boundary(LOG_MESSAGE_BYTES + 1);
            store.data_mut().log(level, message.get(..cut).unwrap_or_default());
            Ok(())
        },
    )?;
    Ok(linker)
}

/// The ground that a call stands on.
pub(crate) struct Ground<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) ticker: &'a Ticker,
    /// Of an engine that keeps its sandboxes.
    pub(crate) gate: Option<&'a Gate>,
    pub(crate) limits: &'a Limits,
}

/// Calls one export in an instance of its own. The log is there whether the call succeeds or not.
pub(crate) fn call<P, R>(
    ground: &Ground<'_>,
    instance: &InstancePre<CallState>,
    export: &ComponentExportIndex,
    arguments: P,
) -> (Result<R, RunError>, Log)
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift + 'static,
{
    // Left after the store is gone, whose place it is.
    let _entry = ground.gate.map(Gate::enter);
    let Some(_running) = ground.ticker.start(ground.engine) else { return (Err(RunError::NoClock), Log::default()) };
    let limits = ground.limits;
    let mut store = Store::new(ground.engine, CallState::new(limits));
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.result_bytes);
    // One tick more: the first may come at once.
    store.set_epoch_deadline(limits.deadline_ms.div_ceil(TICK_MS) + 1);
    let result = store
        .set_fuel(limits.fuel)
        .and_then(|()| instance.instantiate(&mut store))
        .and_then(|instance: Instance| instance.get_typed_func::<P, R>(&mut store, export)?.call(&mut store, arguments))
        .map_err(|error| classify(&error, store.data().last_error(), ground));
    let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or_default());
    (result, store.into_data().into_log(fuel))
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
