//! The sandbox: one engine for all policies, and the way from a file's bytes to a [`Module`].

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

use crate::Description;
use crate::cache::{self, Cache, Found, Kept};
use crate::call::{self, Ground};
use crate::error::{HostError, LoadError, PolicyError};
use crate::inspect;
use crate::limits::{DEFAULT_COMPONENT_BYTES, LimitOverrides, Limits};
use crate::module::{Compiled, Module};
use crate::pool::{self, Gate};
use crate::state::CallState;
use crate::text::visible;
use crate::ticker::Ticker;

/// How policies are run.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Limits of each call, where a policy has none of its own.
    pub limits: Limits,
    /// Bytes of a component file. 64 MiB by default.
    pub component_bytes: u64,
    /// Where compiled modules are kept; `None` compiles each time. Made, with access for its owner only, when it is not there.
    pub cache_dir: Option<PathBuf>,
    /// Whether sandboxes are kept for the next call, wiped, in some hundred GiB of reserved addresses. A call then takes half the time, so it pays
    /// where there are many; a process that makes a handful starts faster without, and that is the default. Changes no outcome.
    pub pooled: bool,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), component_bytes: DEFAULT_COMPONENT_BYTES, cache_dir: None, pooled: false }
    }
}

/// A file to load, and what is known of it beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called, also in errors. `None` calls it by its path.
    pub source: Option<String>,
    /// The SHA-256 that it must have, in hexadecimal. `None` takes whatever is there.
    pub sha256: Option<String>,
    /// Where its limits differ from the host's.
    pub limits: LimitOverrides,
}

/// What all modules of a host share that have the same stack, pooled or not: these are the engine's, every other limit a call's.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<CallState>,
    ticker: Ticker,
    gate: Option<Gate>,
}

/// What engines differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    stack_bytes: usize,
    pooled: bool,
}

impl Shared {
    fn start(kind: Kind) -> Result<Arc<Self>, PolicyError> {
        let start = |pooled: bool| {
            let mut config = config(kind.stack_bytes);
            if pooled {
                pool::pooled(&mut config);
            }
            let engine = Engine::new(&config)?;
            let linker = call::linker(&engine)?;
            Ok(Arc::new(Self { engine, linker, ticker: Ticker::default(), gate: pooled.then(Gate::default) }))
        };
        // Where so many addresses cannot be had, it is done without.
        let started = if kind.pooled { start(true).or_else(|_| start(false)) } else { start(false) };
        started.map_err(|error: wasmtime::Error| PolicyError::Host(HostError::Engine(format!("{error:#}"))))
    }

    pub(crate) const fn ground<'a>(&'a self, limits: &'a Limits) -> Ground<'a> {
        Ground { engine: &self.engine, ticker: &self.ticker, gate: self.gate.as_ref(), limits }
    }
}

/// Loads policies. One is enough for a process; making one takes well under a millisecond.
pub struct PolicyHost {
    shared: Arc<Shared>,
    /// For policies that need another kind of engine.
    others: Mutex<BTreeMap<Kind, Arc<Shared>>>,
    limits: Limits,
    component_bytes: u64,
    cache: Option<Cache>,
    pooled: bool,
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
        let HostOptions { limits, component_bytes, cache_dir, pooled } = options;
        limits.check().map_err(PolicyError::Host)?;
        let shared = Shared::start(Kind { stack_bytes: limits.stack_bytes, pooled })?;
        Ok(Self { shared, others: Mutex::default(), limits, component_bytes, cache: cache_dir.map(Cache::new), pooled })
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
        self.load_checked(source, bytes, None, limits)
    }

    fn load_checked(&self, source: &str, bytes: &[u8], sha256: Option<&str>, limits: Limits) -> Result<Module, PolicyError> {
        limits.check().map_err(PolicyError::Host)?;
        let load = |pooled: bool| {
            let shared = self.shared(Kind { stack_bytes: limits.stack_bytes, pooled })?;
            let (compiled, place) = self
                .compile(&shared, source, bytes, sha256, limits.clone())
                .map_err(|error| PolicyError::Load { policy: visible(source, 1_000), error })?;
            Module::new(compiled, &shared, |component, description| place.and_then(|place| place.keep(component, description)))
        };
        match load(self.pooled && pool::fits(&limits)) {
            // It may be sound and merely have more parts than the pool has room for.
            Err(PolicyError::Load { error: LoadError::InvalidComponent(_), .. }) if self.pooled => load(false),
            loaded => loaded,
        }
    }

    fn shared(&self, kind: Kind) -> Result<Arc<Shared>, PolicyError> {
        if kind == (Kind { stack_bytes: self.limits.stack_bytes, pooled: self.pooled }) {
            return Ok(Arc::clone(&self.shared));
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = others.get(&kind) {
            return Ok(Arc::clone(shared));
        }
        let shared = Shared::start(kind)?;
        others.insert(kind, Arc::clone(&shared));
        Ok(shared)
    }

    /// Reads and loads a policy's file.
    ///
    /// # Errors
    /// As [`Self::load`], and when the file cannot be read.
    pub fn load_file(&self, path: &Path) -> Result<Module, PolicyError> {
        self.load_one(&ModuleFile { path: path.to_owned(), ..ModuleFile::default() })
    }

    /// Reads and loads a policy's file, if it is the file that was agreed on: where a digest is given, it is compared before anything is looked
    /// at or compiled.
    ///
    /// # Errors
    /// As [`Self::load_with`], when the file cannot be read, and [`LoadError::Digest`] when it is another.
    pub fn load_one(&self, file: &ModuleFile) -> Result<Module, PolicyError> {
        let by_path;
        let source = match &file.source {
            Some(source) => source,
            None => {
                by_path = file.path.display().to_string();
                &by_path
            }
        };
        match self.read(&file.path) {
            Ok(bytes) => self.load_checked(source, &bytes, file.sha256.as_deref(), file.limits.on(&self.limits)),
            Err(error) => Err(PolicyError::Load { policy: visible(source, 1_000), error }),
        }
    }

    /// As [`Self::load_one`], for bytes that were read already. The path is only what the policy is called, when nothing else is.
    ///
    /// # Errors
    /// As [`Self::load_one`].
    pub fn load_read(&self, file: &ModuleFile, bytes: &[u8]) -> Result<Module, PolicyError> {
        let source = file.source.clone().unwrap_or_else(|| file.path.display().to_string());
        self.load_checked(&source, bytes, file.sha256.as_deref(), file.limits.on(&self.limits))
    }

    /// Loads several files, each on a thread of its own: compiling is what takes time. The results are in the order of the paths.
    pub fn load_files<P: AsRef<Path> + Sync>(&self, paths: &[P]) -> Vec<Result<Module, PolicyError>> {
        let files: Vec<ModuleFile> =
            paths.iter().map(|path| ModuleFile { path: path.as_ref().to_owned(), ..ModuleFile::default() }).collect();
        self.load_all(&files)
    }

    /// As [`Self::load_files`], with what is known of each file.
    pub fn load_all(&self, files: &[ModuleFile]) -> Vec<Result<Module, PolicyError>> {
        if let [file] = files {
            return vec![self.load_one(file)];
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                files.iter().map(|file| (file, std::thread::Builder::new().spawn_scoped(scope, || self.load_one(file)))).collect();
            threads
                .into_iter()
                .map(|(file, thread)| match thread.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(loaded)) => loaded,
                    // No thread to be had: this one does it. A thread that panicked did so on this input; it will again, here, and be seen.
                    Ok(Err(_)) | Err(_) => self.load_one(file),
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
    fn compile(
        &self,
        shared: &Shared,
        source: &str,
        bytes: &[u8],
        expected: Option<&str>,
        limits: Limits,
    ) -> Result<(Compiled, Option<Place<'_>>), LoadError> {
        let size = bytes.len() as u64;
        if size > self.component_bytes {
            return Err(LoadError::TooLarge { size, limit: self.component_bytes });
        }
        let sha256 = Sha256::digest(bytes);
        let digest = kaphost_spec::hex(&sha256);
        if let Some(expected) = expected.filter(|expected| !expected.eq_ignore_ascii_case(&digest)) {
            return Err(LoadError::Digest { expected: visible(expected, 100), found: digest });
        }
        let surface = inspect::surface(bytes)?;
        let mut notes = Vec::new();
        let place = self.cache.as_ref().map(|cache| Place { cache, key: cache::key(&shared.engine, &sha256, &limits) });
        let recalled = place.as_ref().and_then(|place| place.recall(&shared.engine, &mut notes));
        let (component, description) = match recalled {
            Some((component, description)) => (component, Some(description)),
            None => (translate(&shared.engine, bytes)?, None),
        };
        let compiled = Compiled { source: visible(source, 1_000), digest, surface, component, description, notes, limits };
        Ok((compiled, place))
    }
}

/// Where in the cache a module belongs.
struct Place<'a> {
    cache: &'a Cache,
    key: String,
}

impl Place<'_> {
    fn recall(&self, engine: &Engine, notes: &mut Vec<String>) -> Option<(Component, Description)> {
        match self.cache.load(&self.key) {
            Found::Nothing => None,
            Found::Kept(kept) => match deserialize(engine, &kept) {
                Ok(component) => Some((component, kept.description)),
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

    /// Keeps what is new. Says why it could not.
    fn keep(&self, component: &Component, description: &Description) -> Option<String> {
        let kept =
            component.serialize().map_err(|error| error.to_string()).and_then(|code| self.cache.store(&self.key, &code, description));
        kept.err().map(|why| format!("the compiled policy is not cached: {why}"))
    }
}

fn translate(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(engine, bytes).map_err(|error| {
        // The outermost message only says that it failed.
        LoadError::InvalidComponent(visible(&error.root_cause().to_string(), 300))
    })
}

/// Turns cached code into a component.
#[expect(unsafe_code, reason = "compiled code can be loaded in no other way; the cache is what makes it sound")]
fn deserialize(engine: &Engine, kept: &Kept) -> Result<Component, String> {
    // SAFETY: the code must be what `Component::serialize` gave. It comes from `Cache::load` only, which hands out what this program wrote: folder
    // and file belong to this user and nobody else may write them, and a digest over key and content matches. That file itself is mapped, not
    // what its name leads to by now, and this program never writes to a file that is in place. wasmtime itself refuses code of another version,
    // target or configuration.
    //
    // Mapped, its pages come as they are needed. Where files may not be mapped as code (a `noexec` mount), it is read.
    if let Some(path) = kept.path()
        && let Ok(component) = unsafe { Component::deserialize_file(engine, path) }
    {
        return Ok(component);
    }
    let code = kept.code().map_err(|error| error.to_string())?;
    // SAFETY: as above.
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

#[cfg(test)]
mod tests;
