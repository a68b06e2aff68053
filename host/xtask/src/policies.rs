//! `cargo xtask policies`: every guest policy as a component in `policies/` of the target folder.
//!
//! Each guest is built by a cargo of its own, because a policy that is composed of others switches their exports off, and
//! one cargo would switch them on again for all. For the same reason the packages are plain libraries and the crate type is
//! said here: cargo gives a `cdylib` one name whatever its features, so that two builds of it would overwrite each other for ever. The module that comes out is made a component in process, inspected, and
//! written only when its bytes have changed. Nothing is built where everything that goes in is as it was, byte by byte (`made`).

mod made;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kaphost_policy_build::module::Order;
use kaphost_policy_build::{compiler, component, module};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::workspace::Workspace;

/// The profile of the root `Cargo.toml` that is made for guests.
const PROFILE: &str = "guest";

/// Builds every guest and says what it made.
///
/// # Errors
/// When there is no compiler for the target, a guest does not build, or its component breaks the contract.
pub(crate) fn run(args: &[String]) -> Result {
    if let Some(unknown) = args.first() {
        return Err(format!("unknown argument `{unknown}`: the command takes none").into());
    }
    for built in build(&Workspace::find()?)? {
        anstream::println!("{built}");
    }
    Ok(())
}

/// A component that was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Bytes.
    pub(crate) size: usize,
    /// Lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl std::fmt::Display for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {} bytes  sha256:{}", self.path.display(), self.size, self.sha256)
    }
}

/// Builds every guest into `policies/` of the target folder, sorted by name.
///
/// # Errors
/// As [`run`].
pub(crate) fn build(workspace: &Workspace) -> Result<Vec<Built>> {
    let compiler = compiler::find(&cache_dir()?, &mut |line| anstream::eprintln!("xtask: {line}"))?;
    let out = workspace.target_dir.join("policies");
    fs::create_dir_all(&out).map_err(|error| format!("cannot create {}: {error}", out.display()))?;
    let inputs =
        made::inputs(workspace, &compiler.identity).map_err(|error| format!("cannot read what the policies are made of: {error}"))?;
    let in_folder = |error: io::Error| format!("cannot use {}: {error}", out.display());
    if let Some(all) = made::found(&out, &inputs, &workspace.guests) {
        for built in &all {
            as_new(&built.path).map_err(in_folder)?;
        }
        return Ok(all);
    }
    made::forget(&out).map_err(in_folder)?;

    let mut all = Vec::new();
    for guest in &workspace.guests {
        let module = module::build(&order(workspace, guest), &compiler).map_err(|error| format!("{guest}: {error}"))?;
        let component = component::from_module(&module).map_err(|error| format!("{guest}: {error}"))?;
        let path = out.join(format!("{guest}.wasm"));
        write_if_changed(&path, &component).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        all.push(Built { path, size: component.len(), sha256: hex(&Sha256::digest(&component)) });
    }
    made::record(&out, &inputs, &workspace.guests, &all).map_err(in_folder)?;
    Ok(all)
}

/// The user's cache folder for this project.
fn cache_dir() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("kaphost")).ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is an absolute path: set one".into())
}

/// What cargo is asked for to build one guest.
fn order(workspace: &Workspace, guest: &str) -> Order {
    Order {
        manifest: workspace.root.join("Cargo.toml"),
        package: guest.to_owned(),
        library: guest.replace('-', "_"),
        profile: PROFILE,
        target_dir: workspace.target_dir.join("guests"),
        root: (workspace.root.clone(), "/kaphost"),
        profile_settings: &[],
        locked: false,
    }
}

/// Replaces a file in one step, so that nobody ever reads half of it. One that holds these bytes already only gets a new time.
fn write_if_changed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|before| before == bytes) {
        return as_new(path);
    }
    let new = path.with_extension(format!("wasm.{}", std::process::id()));
    fs::write(&new, bytes)?;
    fs::rename(&new, path).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Gives a file the time of now: whoever asks whether it is older than its sources (a fresh checkout makes them all new) sees that it is not.
fn as_new(path: &Path) -> io::Result<()> {
    fs::File::options().append(true).open(path)?.set_modified(std::time::SystemTime::now())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds for real: about a second once the compiler is there and nothing has changed.
    #[test]
    fn every_guest_becomes_a_small_component_that_carries_no_path_of_this_machine() {
        let workspace = Workspace::find().unwrap();
        let built = build(&workspace).unwrap();
        assert_eq!(built.len(), workspace.guests.len());
        for built in built {
            let bytes = fs::read(&built.path).unwrap();
            assert_eq!(bytes.len(), built.size);
            component::check(&bytes).unwrap();
            // A policy is below 100 KiB, one that is composed of a dozen about twice that: what is larger compiles for too long.
            assert!(built.size < 256 * 1024, "{built}");
            let text = String::from_utf8_lossy(&bytes);
            for folder in [workspace.root.to_str().unwrap(), "/.cargo/", "/home/", "/.cache/"] {
                assert!(!text.contains(folder), "{} holds {folder}", built.path.display());
            }
        }
    }

    #[test]
    fn a_file_that_holds_the_bytes_already_is_as_new_and_never_half_written() {
        let path = std::env::temp_dir().join(format!("kaphost-xtask-write-{}.wasm", std::process::id()));
        write_if_changed(&path, b"one").unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        write_if_changed(&path, b"one").unwrap();
        assert!(fs::metadata(&path).unwrap().modified().unwrap() > old + std::time::Duration::from_secs(3000));
        write_if_changed(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        fs::remove_file(&path).unwrap();
    }
}
