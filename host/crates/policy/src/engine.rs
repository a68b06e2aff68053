//! The engines: one runs policies, and another, made when something has to be compiled, makes their code. Most processes find all their code in the cache,
//! and need no compiler.

use std::sync::OnceLock;

use wasmtime::{Config, Engine, OptLevel};

use crate::error::{HostError, LoadError};
use crate::text::visible;

/// The version of wasmtime. A decision hangs on it as far as its fuel is counted: a record names it.
pub const ENGINE_VERSION: &str = "48.0.8";

/// What code is made of besides its component: changes with this file, which holds every setting, with wasmtime, and with the kind of machine.
pub(crate) const CODE_LAYOUT: &[&[u8]] =
    &[include_bytes!("engine.rs"), ENGINE_VERSION.as_bytes(), std::env::consts::ARCH.as_bytes(), std::env::consts::OS.as_bytes()];

/// How much a compiler makes of a component. Changes no outcome: fuel is counted in the component's own instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effort {
    /// Done in three quarters of the time, for a handful of calls: those are over before better code would have paid.
    Quick,
    /// Code that takes up to a tenth less time in a call, for thousands of them.
    Thorough,
}

/// Settings that make a call's outcome depend on its input alone, on every machine.
fn settings() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_component_model(true)
        // A backtrace names the guest's own functions, at a price for each trap; what the guest logged says more.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        // An image to map costs a file, seals and mappings. A policy's data is a few pages: copying them is cheaper for the handful of calls made.
        .memory_init_cow(false);
    config
}

/// For an engine that runs code, and cannot make any. It takes code whose settings are these, for a machine that can do what this one can.
pub(crate) fn running(stack_bytes: usize) -> Config {
    let mut config = settings();
    config.max_wasm_stack(stack_bytes).enable_compiler(false);
    config
}

/// Makes code that every running engine takes: none of what they differ in shapes it.
pub(crate) struct Compiler {
    effort: Effort,
    engine: OnceLock<Result<Engine, String>>,
}

impl Compiler {
    pub(crate) const fn new(effort: Effort) -> Self {
        Self { effort, engine: OnceLock::new() }
    }

    pub(crate) const fn effort(&self) -> Effort {
        self.effort
    }

    /// Made when it is asked for first.
    pub(crate) fn engine(&self) -> Result<&Engine, HostError> {
        let make = || {
            let mut config = settings();
            if self.effort == Effort::Quick {
                // Not the register allocator of one pass, which would halve the time: wasmtime does not stand in for it where code is hostile.
                config.cranelift_opt_level(OptLevel::None);
            }
            Engine::new(&config).map_err(|error| format!("{error:#}"))
        };
        let made = self.engine.get_or_init(make);
        made.as_ref().map_err(|why| HostError::Engine(why.clone()))
    }
}

/// Compiles a component, for every engine that [`running`] describes.
pub(crate) fn compile(compiler: &Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    compiler.precompile_component(bytes).map_err(|error| invalid(&error))
}

/// Why a component is none that can be run.
pub(crate) fn invalid(error: &wasmtime::Error) -> LoadError {
    // The outermost message only says that it failed.
    LoadError::InvalidComponent(visible(&error.root_cause().to_string(), 300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_built() {
        let lock = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../Cargo.lock");
        let text = std::fs::read_to_string(lock).unwrap();
        let wanted = format!("name = \"wasmtime\"\nversion = \"{ENGINE_VERSION}\"\n");
        assert!(text.replace('\r', "").contains(&wanted), "Cargo.lock names another wasmtime than {ENGINE_VERSION}: say so in engine.rs");
    }
}
