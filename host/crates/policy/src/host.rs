//! The sandbox: one engine for all policies, and the way from a file's bytes to a [`Module`].

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

use crate::cache::{self, Cache, Found};
use crate::call::{self, Ground};
use crate::error::{HostError, LoadError, PolicyError};
use crate::inspect;
use crate::limits::{DEFAULT_COMPONENT_BYTES, DEFAULT_STACK_BYTES, Limits, MAX_STACK_BYTES};
use crate::module::{Compiled, Module};
use crate::state::CallState;
use crate::text::visible;
use crate::ticker::Ticker;

/// How policies are run.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Limits of each call.
    pub limits: Limits,
    /// Bytes of WebAssembly stack, for all policies of this host. 512 KiB by default, 1 MiB at most.
    pub stack_bytes: usize,
    /// Bytes of a component file. 64 MiB by default.
    pub component_bytes: u64,
    /// Where compiled modules are kept; `None` compiles each time. Made, with access for its owner only, when it is not there.
    pub cache_dir: Option<PathBuf>,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), stack_bytes: DEFAULT_STACK_BYTES, component_bytes: DEFAULT_COMPONENT_BYTES, cache_dir: None }
    }
}

/// What all modules of a host share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<CallState>,
    ticker: Ticker,
    stack_bytes: usize,
}

impl Shared {
    pub(crate) const fn ground<'a>(&'a self, limits: &'a Limits) -> Ground<'a> {
        Ground { engine: &self.engine, ticker: &self.ticker, limits, stack_bytes: self.stack_bytes }
    }
}

/// Loads policies. One is enough for a process; making one takes well under a millisecond.
pub struct PolicyHost {
    shared: Arc<Shared>,
    limits: Limits,
    component_bytes: u64,
    cache: Option<Cache>,
}

impl std::fmt::Debug for PolicyHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyHost").field("limits", &self.limits).field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl PolicyHost {
    /// Sets up the sandbox.
    ///
    /// # Errors
    /// [`PolicyError::Host`] when a limit cannot be held, or this machine cannot run compiled code.
    pub fn new(options: HostOptions) -> Result<Self, PolicyError> {
        let HostOptions { limits, stack_bytes, component_bytes, cache_dir } = options;
        check(&limits, stack_bytes).map_err(PolicyError::Host)?;
        let start = || {
            let engine = Engine::new(&config(stack_bytes))?;
            let linker = call::linker(&engine)?;
            Ok(Shared { engine, linker, ticker: Ticker::default(), stack_bytes })
        };
        let shared = start().map_err(|error: wasmtime::Error| PolicyError::Host(HostError::Engine(format!("{error:#}"))))?;
        Ok(Self { shared: Arc::new(shared), limits, component_bytes, cache: cache_dir.map(Cache::new) })
    }

    /// Loads a policy from its bytes. `source` is what the user calls it, and what errors call it.
    ///
    /// # Errors
    /// [`PolicyError::Load`] when it is no policy that may be run; [`PolicyError::Run`] and [`PolicyError::Description`] when it cannot say
    /// who it is.
    pub fn load(&self, source: &str, bytes: &[u8]) -> Result<Module, PolicyError> {
        self.load_with(source, bytes, self.limits.clone())
    }

    /// As [`Self::load`], with limits of its own.
    ///
    /// # Errors
    /// As [`Self::load`], and [`PolicyError::Host`] when a limit cannot be held.
    pub fn load_with(&self, source: &str, bytes: &[u8], limits: Limits) -> Result<Module, PolicyError> {
        check(&limits, self.shared.stack_bytes).map_err(PolicyError::Host)?;
        let compiled = self.compile(source, bytes, limits).map_err(|error| PolicyError::Load { policy: visible(source, 1_000), error })?;
        Module::new(compiled, &self.shared)
    }

    /// Reads and loads a policy's file.
    ///
    /// # Errors
    /// As [`Self::load`], and when the file cannot be read.
    pub fn load_file(&self, path: &Path) -> Result<Module, PolicyError> {
        let source = path.display().to_string();
        match self.read(path) {
            Ok(bytes) => self.load(&source, &bytes),
            Err(error) => Err(PolicyError::Load { policy: visible(&source, 1_000), error }),
        }
    }

    /// Loads several files, each on a thread of its own: compiling is what takes time. The results are in the order of the paths.
    pub fn load_files<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<Module, PolicyError>> {
        if let [path] = paths {
            return vec![self.load_file(path.as_ref())];
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = paths
                .iter()
                .map(|path| (path, std::thread::Builder::new().spawn_scoped(scope, || self.load_file(path.as_ref()))))
                .collect();
            threads
                .into_iter()
                .map(|(path, thread)| match thread.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(loaded)) => loaded,
                    // No thread to be had: this one does it. A thread that panicked did so on this input; it will again, here, and be seen.
                    Ok(Err(_)) | Err(_) => self.load_file(path.as_ref()),
                })
                .collect()
        })
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let unreadable = |error: std::io::Error| {
            LoadError::Unreadable(match error.kind() {
                std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
                std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
                _ => error.to_string(),
            })
        };
        let kind = fs::metadata(path).map_err(unreadable)?;
        if !kind.is_file() {
            return Err(LoadError::Unreadable(if kind.is_dir() { "it is a folder" } else { "it is no regular file" }.into()));
        }
        let file = fs::File::open(path).map_err(unreadable)?;
        if kind.len() > self.component_bytes {
            return Err(LoadError::TooLarge { size: kind.len(), limit: self.component_bytes });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(kind.len()).unwrap_or_default());
        // One byte more than may be: a file that grows meanwhile is still found too large.
        file.take(self.component_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    /// From bytes to compiled code, by way of the cache.
    fn compile(&self, source: &str, bytes: &[u8], limits: Limits) -> Result<Compiled, LoadError> {
        let size = bytes.len() as u64;
        if size > self.component_bytes {
            return Err(LoadError::TooLarge { size, limit: self.component_bytes });
        }
        let surface = inspect::surface(bytes)?;
        let sha256 = Sha256::digest(bytes);
        let mut notes = Vec::new();
        let component = match &self.cache {
            None => self.translate(bytes)?,
            Some(cache) => {
                let key = cache::key(&self.shared.engine, &sha256);
                match self.recall(cache, &key, &mut notes) {
                    Some(component) => component,
                    None => {
                        let component = self.translate(bytes)?;
                        if let Err(why) = component.serialize().map_err(|error| error.to_string()).and_then(|code| cache.store(&key, &code))
                        {
                            notes.push(format!("the compiled policy is not cached: {why}"));
                        }
                        component
                    }
                }
            }
        };
        Ok(Compiled { source: visible(source, 1_000), digest: kaphost_spec::hex(&sha256), surface, component, notes, limits })
    }

    fn recall(&self, cache: &Cache, key: &str, notes: &mut Vec<String>) -> Option<Component> {
        match cache.load(key) {
            Found::Nothing => None,
            Found::Code(code) => match deserialize(&self.shared.engine, &code) {
                Ok(component) => Some(component),
                Err(why) => {
                    notes.push(format!("a cached module is of no use and was compiled afresh: {why}"));
                    None
                }
            },
            Found::Untrusted(why) => {
                notes.push(format!("a cached module is not trusted and was compiled afresh: {why}"));
                None
            }
        }
    }

    fn translate(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        Component::from_binary(&self.shared.engine, bytes).map_err(|error| {
            // The outermost message only says that it failed.
            LoadError::InvalidComponent(visible(&error.root_cause().to_string(), 300))
        })
    }
}

/// Turns cached code into a component.
#[expect(unsafe_code, reason = "compiled code can be loaded in no other way; the cache is what makes it sound")]
fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component, String> {
    // SAFETY: `code` must be what `Component::serialize` gave. It comes from `Cache::load` only, which hands out bytes that this program
    // wrote: their folder and file belong to this user and nobody else may write them, and a digest over key and content matches. wasmtime
    // itself refuses code of another version, target or configuration.
    unsafe { Component::deserialize(engine, code) }.map_err(|error| error.root_cause().to_string())
}

/// Settings that make a call's outcome depend on its input alone, on every machine.
fn config(stack_bytes: usize) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes)
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

/// Limits that cannot be held are refused rather than bent.
fn check(limits: &Limits, stack_bytes: usize) -> Result<(), HostError> {
    /// A day: far beyond any use, and far from overflowing the epoch.
    const DAY_MS: u64 = 24 * 3_600 * 1_000;
    /// A 32-bit guest's whole memory.
    const GUEST_BYTES: u64 = 4 << 30;
    let bounds: [(&'static str, u64, u64, u64); 9] = [
        ("fuel", limits.fuel, 1, u64::MAX / 2),
        ("deadline-ms", limits.deadline_ms, 1, DAY_MS),
        ("memory-bytes", limits.memory_bytes as u64, 1 << 16, GUEST_BYTES),
        ("table-elements", limits.table_elements as u64, 1, 10_000_000),
        ("instances", limits.instances as u64, 1, 10_000),
        ("result-bytes", limits.result_bytes as u64, 1 << 10, 1 << 30),
        ("log-bytes", limits.log_bytes as u64, 0, 1 << 30),
        ("log-messages", limits.log_messages as u64, 0, 1 << 20),
        ("stack-bytes", stack_bytes as u64, 16 << 10, MAX_STACK_BYTES as u64),
    ];
    match bounds.into_iter().find(|(_, given, least, most)| given < least || given > most) {
        Some((name, given, least, most)) => Err(HostError::Limit { name, given, least, most }),
        None => Ok(()),
    }
}
