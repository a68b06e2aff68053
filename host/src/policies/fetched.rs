//! Modules on their way from where they are named to where they are read: those of registries are brought here, and all are held to who must have signed
//! them. All of it before any is compiled, and without a word to any registry where everything is here already.

use std::path::{Path, PathBuf};

use kaphost_policy::ModuleFile;
use kaphost_policy_set::{Entry, PolicySet};
use kaphost_registry::{Pulled, RegistryError, Store};
use kaphost_spec::Reference;

use super::signed;
use super::sources::Source;
use crate::failure::Failure;
use crate::registry::{ask, problem, registries, store};
use crate::render::simple::Simple;

/// A module that can be loaded, or what is wrong with it.
pub(super) type Ready = Result<ModuleFile, Box<Simple>>;

/// The modules of each source, in their order, ready to be loaded; or what is wrong with one, at its place.
///
/// # Errors
/// When the system gives no thread to ask registries on.
pub(super) fn files(sources: &[Source]) -> Result<Vec<Vec<Ready>>, Failure> {
    let named = sources.iter().flat_map(|source| match source {
        Source::Module(_) => Vec::new(),
        Source::Registry(reference, _) => vec![reference.clone()],
        Source::Set(set, _) => set.entries().iter().filter_map(Entry::reference).cloned().collect(),
    });
    let mut here = Here::bring(named.collect())?;
    let mut all = Vec::with_capacity(sources.len());
    for source in sources {
        all.push(match source {
            Source::Module(file) => vec![Ok(file.clone())],
            Source::Registry(reference, called) => {
                vec![here.next(reference).map(|pulled| at(&pulled, called)).map_err(|error| Box::new(problem(&error)))]
            }
            Source::Set(set, folder) => set.entries().iter().map(|entry| here.entry(set, folder, entry)).collect(),
        });
    }
    Ok(all)
}

/// The file of one module in a registry, brought here where it is not.
///
/// # Errors
/// When it cannot be had.
pub(crate) fn file(reference: &Reference) -> Result<PathBuf, Failure> {
    let mut here = Here::bring(vec![reference.clone()])?;
    here.next(reference).map(|pulled| pulled.path).map_err(Failure::from)
}

/// What was pulled, to be loaded: by its digest.
#[must_use]
pub(crate) fn at(pulled: &Pulled, called: &str) -> ModuleFile {
    ModuleFile { path: pulled.path.clone(), source: Some(called.to_owned()), sha256: Some(pulled.sha256.clone()), ..ModuleFile::default() }
}

/// What was brought, in the order in which it was named.
struct Here {
    store: Option<Store>,
    pulled: std::vec::IntoIter<Result<Pulled, RegistryError>>,
}

impl Here {
    fn bring(named: Vec<Reference>) -> Result<Self, Failure> {
        if named.is_empty() {
            return Ok(Self { store: None, pulled: Vec::new().into_iter() });
        }
        let store = store().map_err(Failure::from)?;
        let known: Vec<Option<Pulled>> = named.iter().map(|reference| store.pulled(reference)).collect();
        let pulled = if known.iter().all(Option::is_some) {
            known.into_iter().flatten().map(Ok).collect()
        } else {
            ask(async { Ok(registries().pull_all(&store, named).await) })?
        };
        Ok(Self { store: Some(store), pulled: pulled.into_iter() })
    }

    fn next(&mut self, reference: &Reference) -> Result<Pulled, RegistryError> {
        // There is one for each that was named.
        self.pulled.next().unwrap_or_else(|| Err(RegistryError::NotFound { what: reference.to_string(), said: String::new() }))
    }

    /// The module of a set's entry. What is wrong with it is said where the set names it.
    fn entry(&mut self, set: &PolicySet, folder: &Path, entry: &Entry) -> Ready {
        // Modules are called by where the set is called to be, wherever it is.
        let Some(reference) = entry.reference() else {
            let called = Path::new(set.name()).parent().unwrap_or(Path::new("")).join(entry.path()).display().to_string();
            let file = ModuleFile { source: Some(called.clone()), ..entry.file(folder) };
            if !entry.signers().is_empty() {
                let envelopes = signed::beside(&file.path)
                    .map_err(|problem| Box::new((*problem).within(set.source(), entry.path_span(), "named here")))?;
                // A set gives the digest of each file.
                hold(set, entry, &called, &envelopes, entry.sha256().unwrap_or_default())?;
            }
            return Ok(file);
        };
        let pulled = self.next(reference).map_err(|error| {
            let label = if matches!(error, RegistryError::Digest { .. }) { "the digest that was agreed on" } else { "named here" };
            Box::new(problem(&error).within(set.source(), entry.path_span(), label))
        })?;
        self.signed(set, entry, &pulled)?;
        let file = entry.file(folder);
        let sha256 = file.sha256.or(Some(pulled.sha256));
        Ok(ModuleFile { path: pulled.path, source: Some(reference.to_string()), sha256, ..file })
    }

    /// Holds a module of a registry to its signers: by the signatures that are here, and by those that came since only where these do not do.
    fn signed(&self, set: &PolicySet, entry: &Entry, pulled: &Pulled) -> Result<(), Box<Simple>> {
        let (false, Some(store)) = (entry.signers().is_empty(), &self.store) else { return Ok(()) };
        let called = pulled.reference.to_string();
        let Err(unsigned) = hold(set, entry, &called, &store.signatures(&pulled.sha256), &pulled.sha256) else { return Ok(()) };
        if pulled.fetched {
            return Err(unsigned);
        }
        let fresh = ask(async {
            let registries = registries();
            let fresh = async { registries.signatures(&registries.find(&pulled.reference).await?).await };
            fresh.await.map_err(Failure::from)
        });
        // That the registry cannot be asked takes nothing from what is wrong with what is here.
        let Ok(fresh) = fresh else { return Err(unsigned) };
        hold(set, entry, &called, &fresh, &pulled.sha256)?;
        store.keep_signatures(&pulled.sha256, &fresh).map_err(|error| Box::new(problem(&error)))
    }
}

/// Holds a module to everybody who must have signed it. The first who has not is named, where the set names them.
fn hold(set: &PolicySet, entry: &Entry, called: &str, envelopes: &[String], sha256: &str) -> Result<(), Box<Simple>> {
    for (key, span) in entry.signers() {
        signed::by(called, envelopes, sha256, key)
            .map_err(|problem| Box::new((*problem).within(set.source(), span, "must have signed it")))?;
    }
    Ok(())
}
