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

use crate::{BuildError, process};

/// The target: a component made of it imports nothing but the contract, while WASI's targets bring WASI along.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What to do where no way leads to a compiler.
pub(crate) const HELP: &str = "any compiler that has the target will do: `rustup target add wasm32-unknown-unknown`, or your distribution's package \
     (Debian: rustc-web and libstd-rust-web-dev), and RUSTC=… if it is not the rustc of your PATH";

/// Travels with the program: whoever builds a policy need not have this repository.
const RECIPE: &str = include_str!("../../../../guest-policies/wasm-target.sh");

/// A compiler that has the target.
#[derive(Debug)]
pub struct Compiler {
    /// What to run. `None` is cargo's own choice.
    pub rustc: Option<PathBuf>,
    /// Which standard library it has: when this changes, what was built before is of no use.
    pub identity: String,
}

impl Compiler {
    /// What it calls itself: `1.95.0 (59807616e 2026-04-14)`. Empty when it does not say.
    #[must_use]
    pub fn version(&self) -> String {
        let rustc = self.rustc.clone().unwrap_or_else(active);
        let said = process::probe(Command::new(rustc).arg("-V")).unwrap_or_default();
        said.trim().strip_prefix("rustc ").unwrap_or_default().to_owned()
    }
}

/// Finds or makes a compiler. `cache` is the user's cache folder for kaphost; `say` is told what takes time.
///
/// # Errors
/// When every way failed; the last one's own words are already on standard error.
pub fn find(cache: &Path, say: &mut dyn FnMut(&str)) -> Result<Compiler, BuildError> {
    let rustup = env::var_os("KAPHOST_NO_RUSTUP").is_none_or(|value| value.is_empty() || value == "0");
    if rustup && let Some(identity) = identity(&active()) {
        return Ok(Compiler { rustc: None, identity });
    }
    let cache = cache.join("wasm-target");
    let cached = cache.join("rustc");
    if let Some(identity) = identity(&cached) {
        return Ok(Compiler { rustc: Some(cached), identity });
    }
    if rustup {
        say(&format!("rustc lacks {TARGET}: rustup target add {TARGET}"));
        // Its failure is not the end, and what it says is shown.
        if let Err(error) = process::run_aside(Command::new("rustup").args(["target", "add", TARGET])) {
            say(&error.to_string());
        } else if let Some(identity) = identity(&active()) {
            return Ok(Compiler { rustc: None, identity });
        }
    }
    say(&format!("making a compiler with {TARGET} in {}: once, two minutes", cache.display()));
    fs::create_dir_all(&cache).map_err(BuildError::io("create", &cache))?;
    let recipe = cache.join("wasm-target.sh");
    fs::write(&recipe, RECIPE).map_err(BuildError::io("write", &recipe))?;
    process::run_aside(Command::new("sh").arg(&recipe).arg(&cache)).map_err(|error| BuildError::NoCompiler { why: error.to_string() })?;
    let identity = identity(&cached)
        .ok_or_else(|| BuildError::NoCompiler { why: format!("the recipe succeeded, and yet {} lacks the target", cached.display()) })?;
    Ok(Compiler { rustc: Some(cached), identity })
}

fn active() -> PathBuf {
    PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_not_there_or_lacks_the_target_has_no_identity() {
        assert_eq!(identity(Path::new("/nonexistent/rustc")), None);
        let dir = env::temp_dir().join(format!("kaphost-compiler-{}", std::process::id()));
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
