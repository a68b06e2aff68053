//! A module as these commands are given it: a file, or a reference to a registry.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kaphost_policy::{Anatomy, DEFAULT_COMPONENT_BYTES, Module, ModuleFile, PolicyError};
use kaphost_registry::{Artifact, Found, Reference, Registries};

use crate::cloud::block_on;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::policies::fetched;
use crate::{input, policies, registry};

/// Which module is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    File(PathBuf),
    Registry(Reference),
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if Reference::is_one(text) { registry::reference(text).map(Self::Registry) } else { Ok(Self::File(text.into())) }
    }
}

impl Named {
    /// The module's file, brought here where a registry has it, and called what the user calls it: in a registry with the digest that was found.
    ///
    /// # Errors
    /// When a registry's cannot be had. That a file is missing is for whoever reads it to say.
    pub(super) fn ready(&self) -> Result<ModuleFile, Failure> {
        match self {
            Self::File(file) => Ok(ModuleFile { path: file.clone(), ..ModuleFile::default() }),
            Self::Registry(reference) => {
                let (store, registries) = (registry::store()?, registry::registries());
                let pulled = block_on(or_ctrl_c(registries.pull(&store, reference)))?;
                Ok(fetched::at(&pulled, &pulled.reference.to_string()))
            }
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Registry(reference) => write!(f, "{reference}"),
        }
    }
}

/// A module that was read, and has said in the sandbox who it is.
pub(super) struct Known {
    pub(super) bytes: Vec<u8>,
    pub(super) module: Module,
}

/// Reads a module and asks it who it is: nothing is signed or passed on that no kaphost would load. `called` is what the user calls it.
///
/// # Errors
/// When it cannot be read, or is no policy.
pub(super) fn known(file: &Path, called: &str) -> Result<Known, Failure> {
    let bytes = bytes(file)?;
    let named = ModuleFile { path: file.to_owned(), source: Some(called.to_owned()), ..ModuleFile::default() };
    let module = policies::host()?.load_read(&named, &bytes)?;
    Ok(Known { bytes, module })
}

/// The bytes of a module's file.
///
/// # Errors
/// When it cannot be read, or is longer than any module may be.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |why| Failure::Unreadable { what: "the policy", file: file.to_owned(), why };
    input::bytes_within(file, DEFAULT_COMPONENT_BYTES).map_err(unreadable)
}

impl Known {
    /// What is pushed of it.
    ///
    /// # Errors
    /// None that can happen: it was loaded.
    pub(super) fn artifact(self) -> Result<Artifact, Failure> {
        let description = self.module.description();
        let failed = |error| PolicyError::Load { policy: self.module.source().to_owned(), error };
        let Anatomy { imports, exports, .. } = Anatomy::of(&self.bytes).map_err(failed)?;
        let (title, version, summary) = (description.name.clone(), description.version.clone(), description.summary.clone());
        Ok(Artifact { title, version, summary, exports, imports, module: self.bytes })
    }
}

/// Asks the registry what a reference names, until ctrl-C comes.
///
/// # Errors
/// When it cannot be asked, or has no such module.
pub(super) async fn find(registries: &Registries, reference: &Reference) -> Result<Found, Failure> {
    or_ctrl_c(registries.find(reference)).await
}
