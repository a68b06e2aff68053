//! cargo's part: a package as a core module, the same bytes wherever it lies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compiler::{Compiler, TARGET};
use crate::{BuildError, process};

/// What cargo is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// The manifest of the package, or of its workspace.
    pub manifest: PathBuf,
    /// The package.
    pub package: String,
    /// Its library, as rustc calls it: `my_policy`.
    pub library: String,
    /// The profile: `release`, or one that is made for guests.
    pub profile: &'static str,
    /// A folder of cargo's for this alone: a cargo that builds guests and one that builds for this machine never wait for each other.
    pub target_dir: PathBuf,
    /// The folder that holds all sources but those of registries, and what stands in its place in what the compiler writes.
    pub root: (PathBuf, &'static str),
    /// Settings of the profile that stand over the manifest's own, as `CARGO_PROFILE_…` has them.
    pub profile_settings: &'static [(&'static str, &'static str)],
    /// Whether `Cargo.lock` must already say everything.
    pub locked: bool,
}

/// The cargo that started us, so that a `+toolchain` holds for what we start.
#[must_use]
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Has cargo build one package, and returns its core module.
///
/// # Errors
/// When it does not build; the compiler has said why on standard error.
pub fn build(order: &Order, compiler: &Compiler) -> Result<Vec<u8>, BuildError> {
    clear_when_changed(&order.target_dir, &compiler.identity)?;
    let mut cargo = cargo();
    cargo
        .args(["rustc", "--quiet", "--package", &order.package, "--lib", "--crate-type=cdylib", "--target", TARGET])
        .args(["--profile", order.profile])
        .arg("--manifest-path")
        .arg(&order.manifest)
        .arg("--target-dir")
        .arg(&order.target_dir)
        // Separated by 0x1f, so that a folder's name may hold spaces. Stands over RUSTFLAGS, which is meant for the host.
        .env("CARGO_ENCODED_RUSTFLAGS", flags(order).join("\u{1f}"))
        .envs(order.profile_settings.iter().copied())
        // A wrapper or flags of whoever called would change the bytes.
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS");
    if order.locked {
        cargo.arg("--locked");
    }
    if let Some(rustc) = &compiler.rustc {
        cargo.env("RUSTC", rustc);
    }
    process::run_aside(&mut cargo)?;
    let module = order.target_dir.join(TARGET).join(order.profile).join(format!("{}.wasm", order.library));
    fs::read(&module).map_err(BuildError::io("read", &module))
}

/// Throws away what another compiler built: cargo takes two compilers of one version for the same.
fn clear_when_changed(target_dir: &Path, identity: &str) -> Result<(), BuildError> {
    let stamp = target_dir.join("compiler");
    if fs::read_to_string(&stamp).is_ok_and(|before| before == identity) {
        return Ok(());
    }
    if target_dir.exists() {
        fs::remove_dir_all(target_dir).map_err(BuildError::io("prepare", target_dir))?;
    }
    fs::create_dir_all(target_dir).map_err(BuildError::io("prepare", target_dir))?;
    fs::write(&stamp, identity).map_err(BuildError::io("write", &stamp))
}

/// Bytes of the stack that a policy keeps values on whose address it takes. Every call gets a memory that is new from its first byte to its last; with the
/// 1 MiB that rustc asks for, wiping it would be a good part of a call. With this much, the texts of a policy and what the SDK has for a start, nearly all
/// policies get by with one page of WebAssembly, 64 KiB.
const STACK_BYTES: u32 = 32 << 10;

fn flags(order: &Order) -> Vec<String> {
    let mut flags = remap(order);
    flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    flags
}

/// Takes the folders of this machine out of what the compiler writes, so that every machine writes the same.
fn remap(order: &Order) -> Vec<String> {
    let mut folders = vec![order.root.clone(), (order.target_dir.clone(), "/target")];
    let home = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(cargo_home) = home("CARGO_HOME").or_else(|| home("HOME").map(|home| home.join(".cargo"))) {
        folders.push((cargo_home, "/cargo"));
    }
    folders.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_clears_the_folder() {
        let dir = env::temp_dir().join(format!("kaphost-module-clear-{}", std::process::id()));
        clear_when_changed(&dir, "one").unwrap();
        fs::write(dir.join("object"), "").unwrap();
        clear_when_changed(&dir, "one").unwrap();
        assert!(dir.join("object").exists());
        clear_when_changed(&dir, "two").unwrap();
        assert!(!dir.join("object").exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
