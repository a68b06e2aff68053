//! A compiler that can build for `wasm32-unknown-unknown`, whatever it takes.
//!
//! 1. The active rustc has the target: nothing to do.
//! 2. A compiler of an earlier run of step 4 is in the user's cache folder.
//! 3. `rustup target add`, as every Rust user would.
//! 4. Where that is refused, `guest-policies/wasm-target.sh` makes one of Debian's packages, once per user and version.
//!
//! `KAPHOST_NO_RUSTUP=1` leaves out steps 1 and 3, for a machine where rustup waits long before it fails, and for testing step 4.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use crate::{Result, process};

/// The target: a component made of it imports nothing but the contract, while WASI's targets bring WASI along.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const RECIPE: &str = "guest-policies/wasm-target.sh";

/// A compiler that has the target.
#[derive(Debug)]
pub(crate) struct Compiler {
    /// What to run. `None` is cargo's own choice.
    pub(crate) rustc: Option<PathBuf>,
    /// Which standard library it has: when this changes, what was built before is of no use.
    pub(crate) identity: String,
}

/// Finds or makes a compiler.
///
/// # Errors
/// When every way failed; the last one's own words are already on standard error.
pub(crate) fn compiler(root: &Path) -> Result<Compiler> {
    let rustup = env::var_os("KAPHOST_NO_RUSTUP").is_none_or(|value| value.is_empty() || value == "0");
    let active = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    if rustup && let Some(identity) = identity(&active) {
        return Ok(Compiler { rustc: None, identity });
    }
    let cache = cache_dir()?.join("wasm-target");
    let cached = cache.join("rustc");
    if let Some(identity) = identity(&cached) {
        return Ok(Compiler { rustc: Some(cached), identity });
    }
    if rustup {
        anstream::eprintln!("xtask: rustc lacks {TARGET}: rustup target add {TARGET}");
        // Its failure is not the end, and what it says is shown.
        if let Err(error) = process::run(Command::new("rustup").args(["target", "add", TARGET])) {
            anstream::eprintln!("xtask: {error}");
        } else if let Some(identity) = identity(&active) {
            return Ok(Compiler { rustc: None, identity });
        }
    }
    anstream::eprintln!("xtask: making a compiler with {TARGET} in {}: once, two minutes", cache.display());
    fs::create_dir_all(&cache).map_err(|error| format!("cannot create {}: {error}", cache.display()))?;
    process::run(Command::new("sh").arg(root.join(RECIPE)).arg(&cache))?;
    let identity = identity(&cached).ok_or_else(|| format!("{RECIPE} succeeded, and yet {} lacks {TARGET}", cached.display()))?;
    Ok(Compiler { rustc: Some(cached), identity })
}

/// What a compiler is, when it has the target: its `core`, whose name carries a hash of compiler and build.
fn identity(rustc: &Path) -> Option<String> {
    let asked = process::probe(Command::new(rustc).args(["--print=target-libdir", "--target", TARGET]))?;
    let core = fs::read_dir(asked.trim()).ok()?.flatten().find(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })?;
    let built = core.metadata().and_then(|data| data.modified()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} of {} s", core.path().display(), built.as_secs()))
}

/// The user's cache folder for this project.
fn cache_dir() -> Result<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("kaphost")).ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is an absolute path: set one".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_not_there_or_lacks_the_target_has_no_identity() {
        assert_eq!(identity(Path::new("/nonexistent/rustc")), None);
        let dir = env::temp_dir().join(format!("kaphost-xtask-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let fake = dir.join("rustc");
        fs::write(&fake, format!("#!/bin/sh\necho {}/lib\n", dir.display())).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
            fs::create_dir_all(dir.join("lib")).unwrap();
            assert_eq!(identity(&fake), None, "an empty library");
            fs::write(dir.join("lib/libcore-1.rlib"), "").unwrap();
            assert!(identity(&fake).is_some_and(|identity| identity.contains("libcore-1.rlib")));
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
