//! Registries as this machine and its user have them: whose credentials, and where what was pulled is kept.

use std::future::Future;
use std::path::PathBuf;

use kaphost_policy::visible;
use kaphost_registry::{Options, Registries, RegistryError, Store};
use kaphost_spec::Reference;

use crate::cloud::block_on;
use crate::failure::Failure;
use crate::place;
use crate::render::simple::Simple;

/// Everything that asks registries in this process.
#[must_use]
pub(crate) fn registries() -> Registries {
    Registries::new(Options { docker_config: docker_config(), ..Options::default() })
}

/// Docker's configuration: in the folder that `DOCKER_CONFIG` names, else in `.docker` at home.
fn docker_config() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME").or_else(|| variable("USERPROFILE"))?.join(".docker")))?;
    Some(folder.join("config.json"))
}

/// What was pulled, in the user's cache folder.
///
/// # Errors
/// When there is no home, and no other folder is named.
pub(crate) fn store() -> Result<Store, RegistryError> {
    let folder = place::cache().ok_or_else(|| RegistryError::Store {
        path: PathBuf::from("~"),
        why: "is not there: this user has no home, and so no folder for what is pulled".to_owned(),
    })?;
    Ok(Store::new(folder.join("registry")))
}

/// Asks registries to the end of the work, on a thread of its own: whoever calls may be waiting for AWS already, and no thread waits for two.
///
/// # Errors
/// When the system gives no thread or runtime, and what the work itself fails with.
pub(crate) fn ask<T: Send>(work: impl Future<Output = Result<T, Failure>> + Send) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("registry".into()).spawn_scoped(scope, || block_on(work));
        let asking = asking.map_err(|error| Failure::Runtime(error.to_string()))?;
        asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What is wrong, with what to do, and no place yet.
#[must_use]
pub(crate) fn problem(error: &RegistryError) -> Simple {
    Simple::of(error.code(), error).with_help(error.help())
}

/// Reads a reference that is given on the command line.
///
/// # Errors
/// What is wrong with it, and how one is written.
pub(crate) fn reference(text: &str) -> Result<Reference, String> {
    text.parse().map_err(|invalid: kaphost_spec::names::Invalid| format!("`{}` {}: {}", visible(text, 300), invalid.problem, invalid.help))
}
