//! The sandbox: one engine for all policies, and the way from a file's bytes to a [`Module`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::burden::{self, Bounds};
use crate::cache::{self, Cache, Found, Kept, Known};
use crate::call::{self, Ground, Haste};
use crate::content::Content;
use crate::engine::{self, Compiler, Effort};
use crate::error::{HostError, LoadError, PolicyError};
use crate::inspect;
use crate::limits::{DEFAULT_COMPONENT_BYTES, LimitOverrides, Limits};
use crate::module::{Compiled, Module};
use crate::pool::{self, Gate, Wiping};
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
    /// where there are many, and better code is made for them; a process that makes a handful starts faster without, and that is the default. Changes
    /// no outcome.
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
    kind: Kind,
    ticker: Ticker,
    gate: Option<Gate>,
}

/// What engines differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    stack_bytes: usize,
    /// `None` keeps no sandboxes.
    pool: Option<Wiping>,
}

impl Shared {
    fn start(kind: Kind) -> Result<Arc<Self>, PolicyError> {
        let start = |pool: Option<Wiping>| {
            let mut config = engine::running(kind.stack_bytes);
            if let Some(wiping) = pool {
                pool::pooled(&mut config, wiping);
            }
            let engine = Engine::new(&config)?;
            let linker = call::linker(&engine)?;
            Ok(Arc::new(Self {
                engine,
                linker,
                kind: Kind { pool, ..kind },
                ticker: Ticker::default(),
                gate: pool.map(|_| Gate::default()),
            }))
        };
        // Where so many addresses cannot be had, it is done without.
        let started = if kind.pool.is_some() { start(kind.pool).or_else(|_| start(None)) } else { start(None) };
        started.map_err(|error: wasmtime::Error| PolicyError::Host(HostError::Engine(format!("{error:#}"))))
    }

    pub(crate) const fn ground<'a>(&'a self, limits: &'a Limits, haste: Haste) -> Ground<'a> {
        Ground { engine: &self.engine, ticker: &self.ticker, gate: self.gate.as_ref(), limits, haste }
    }
}

/// Loads policies. One is enough for a process; making one takes well under a millisecond.
pub struct PolicyHost {
    shared: Arc<Shared>,
    /// For policies that need another kind of engine.
    others: Mutex<BTreeMap<Kind, Arc<Shared>>>,
    compiler: Compiler,
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
        let shared = Shared::start(Kind { stack_bytes: limits.stack_bytes, pool: pooled.then_some(Wiping::Whole) })?;
        let cache = cache_dir.map(Cache::new);
        let compiler = Compiler::new(if pooled { Effort::Thorough } else { Effort::Quick });
        Ok(Self { shared, others: Mutex::default(), compiler, limits, component_bytes, cache, pooled })
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
        let size = bytes.len() as u64;
        if size > self.component_bytes {
            let error = LoadError::TooLarge { size, limit: self.component_bytes };
            return Err(PolicyError::Load { policy: visible(source, 1_000), error });
        }
        self.load_content(source, &Content::Bytes(bytes), sha256, &limits)
    }

    fn load_content(&self, source: &str, content: &Content<'_>, sha256: Option<&str>, limits: &Limits) -> Result<Module, PolicyError> {
        limits.check().map_err(PolicyError::Host)?;
        let load = |pool: Option<Wiping>| {
            let shared = self.shared(Kind { stack_bytes: limits.stack_bytes, pool })?;
            self.compile(shared, source, content, sha256, limits)
        };
        let pooled = self.pooled && pool::fits(limits) && pool::may_hold(content.size());
        match load(pooled.then_some(Wiping::Whole)) {
            // It may be sound and merely have more parts than the pool has room for.
            Err(PolicyError::Load { error: LoadError::InvalidComponent(_), .. }) if self.pooled => load(None),
            loaded => loaded,
        }
    }

    fn shared(&self, kind: Kind) -> Result<Arc<Shared>, PolicyError> {
        if kind == (Kind { stack_bytes: self.limits.stack_bytes, pool: self.pooled.then_some(Wiping::Whole) }) {
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

    /// A policy's file, whole: for whoever wants to look at its bytes beside having them loaded ([`Self::load_read`]).
    ///
    /// # Errors
    /// When it cannot be read, is no regular file, or is larger than a component may be.
    pub fn read_file(&self, path: &Path) -> Result<Vec<u8>, PolicyError> {
        let read = || {
            let content = Content::open(path, self.component_bytes)?;
            Ok(content.read(&content.sha256()?)?.into_owned())
        };
        read().map_err(|error| PolicyError::Load { policy: visible(&path.display().to_string(), 1_000), error })
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
        match Content::open(&file.path, self.component_bytes) {
            Ok(content) => self.load_content(source, &content, file.sha256.as_deref(), &file.limits.on(&self.limits)),
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

    /// The same with another way to wipe memory, for a component that starts with too much of it.
    fn roomier(&self, shared: &Shared, component: &Component) -> Result<Option<Arc<Shared>>, PolicyError> {
        if shared.kind.pool != Some(Wiping::Whole) || pool::is_wiped_in_place(component) {
            return Ok(None);
        }
        self.shared(Kind { pool: Some(Wiping::Written), ..shared.kind }).map(Some)
    }

    /// From bytes to a module, by way of the cache: what is known there needs the bytes no further than to be told apart.
    fn compile(
        &self,
        mut shared: Arc<Shared>,
        source: &str,
        content: &Content<'_>,
        expected: Option<&str>,
        limits: &Limits,
    ) -> Result<Module, PolicyError> {
        let load = |error| PolicyError::Load { policy: visible(source, 1_000), error };
        let sha256 = content.sha256().map_err(load)?;
        let digest = kaphost_spec::hex(&sha256);
        if let Some(expected) = expected.filter(|expected| !expected.eq_ignore_ascii_case(&digest)) {
            return Err(load(LoadError::Digest { expected: visible(expected, 100), found: digest }));
        }
        let mut notes = Vec::new();
        let place =
            self.cache.as_ref().map(|cache| Place { cache, key: cache::key(&shared.engine, self.compiler.effort(), &sha256, limits) });
        let mut recalled = place.as_ref().and_then(|place| place.recall(&shared.engine, &mut notes));
        if let Some((component, _)) = &recalled
            && let Some(other) = self.roomier(&shared, component)?
        {
            shared = other;
            recalled = place.as_ref().and_then(|place| place.recall(&shared.engine, &mut notes));
        }
        let compiled = |surface, component, notes| Compiled {
            source: visible(source, 1_000),
            digest,
            surface,
            component,
            notes,
            limits: limits.clone(),
        };
        if let Some((component, Known { surface, description })) = recalled {
            return Module::known(compiled(surface, component, notes), description, &shared);
        }
        let bytes = content.read(&sha256).map_err(load)?;
        let surface = inspect::surface(&bytes).map_err(load)?;
        let code = burden::compile(self.compiler.engine().map_err(PolicyError::Host)?, &bytes, Bounds::DEFAULT).map_err(load)?;
        let made = |shared: &Shared| deserialize(&shared.engine, &Code::Made(&code)).map_err(|error| load(engine::invalid(&error)));
        let mut component = made(&shared)?;
        if let Some(other) = self.roomier(&shared, &component)? {
            component = made(&other)?;
            shared = other;
        }
        Module::new(compiled(surface, component, notes), &shared, |surface, description| {
            place?.keep(&code, &Known { surface: surface.clone(), description: description.clone() })
        })
    }
}

/// Where in the cache a module belongs.
struct Place<'a> {
    cache: &'a Cache,
    key: String,
}

impl Place<'_> {
    fn recall(&self, engine: &Engine, notes: &mut Vec<String>) -> Option<(Component, Known)> {
        match self.cache.load(&self.key) {
            Found::Nothing => None,
            Found::Kept(kept) => match deserialize(engine, &Code::Kept(&kept)) {
                Ok(component) => Some((component, kept.known)),
                Err(error) => {
                    notes.push(format!("a cached module is of no use and was compiled afresh: {}", error.root_cause()));
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
    fn keep(&self, code: &[u8], known: &Known) -> Option<String> {
        let kept = self.cache.store(&self.key, code, known);
        kept.err().map(|why| format!("the compiled policy is not cached: {why}"))
    }
}

/// Code that this program compiled.
enum Code<'a> {
    /// In this process, just now.
    Made(&'a [u8]),
    /// Earlier, and kept in the cache.
    Kept(&'a Kept),
}

/// Turns compiled code into a component.
#[expect(unsafe_code, reason = "compiled code can be loaded in no other way; where it comes from is what makes it sound")]
fn deserialize(engine: &Engine, code: &Code<'_>) -> wasmtime::Result<Component> {
    // SAFETY, of all three: the code must be what `Engine::precompile_component` gave, unaltered. What is made was got from there a moment ago. What is kept
    // comes from `Cache::load` only, which hands out what this program wrote: folder and file belong to this user and nobody else may write them, and a
    // digest over key and content matches. That file itself is mapped, not what its name leads to by now, and this program never writes to a file that is
    // in place. wasmtime itself refuses code of another version, target or configuration, and code that needs what this machine lacks.
    //
    // Mapped, its pages come as they are needed. Where files may not be mapped as code (a `noexec` mount), it is read.
    match code {
        Code::Made(code) => unsafe { Component::deserialize(engine, code) },
        Code::Kept(kept) => {
            if let Some(path) = kept.path()
                && let Ok(component) = unsafe { Component::deserialize_file(engine, path) }
            {
                return Ok(component);
            }
            unsafe { Component::deserialize(engine, kept.code()?) }
        }
    }
}

#[cfg(test)]
mod tests;
