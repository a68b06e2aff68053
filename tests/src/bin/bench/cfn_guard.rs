//! cfn-guard: what `check` is measured beside. Installed once into the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kaphost_tests::{Built, Failure};

/// The version that is measured.
const VERSION: &str = "3.2.1";

/// The program, installed when it is not there.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn ready() -> Result<PathBuf, Failure> {
    let root = Built::find()?.target().join("bench-tools");
    let program = root.join("bin").join(format!("cfn-guard{}", std::env::consts::EXE_SUFFIX));
    if is_right(&program) {
        return Ok(program);
    }
    crate::tell(&format!("Installing cfn-guard {VERSION} to measure beside; this takes some minutes, once."));
    let made = std::fs::create_dir_all(&root);
    made.map_err(|error| Failure::new(format!("making {}: {error}", root.display())))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut install = Command::new(cargo);
    install.args(["install", "cfn-guard", "--version", VERSION, "--locked", "--force", "--quiet", "--root"]).arg(&root);
    // A folder of its own for what it is built from: its dependencies are not ours.
    install.env("CARGO_TARGET_DIR", root.join("build")).current_dir(&root).stdin(Stdio::null());
    let status = install.status().map_err(|error| Failure::new(format!("starting cargo install cfn-guard: {error}")))?;
    // Only the program is of use; what is left over takes disk, not correctness.
    let _ = std::fs::remove_dir_all(root.join("build"));
    if status.success() && is_right(&program) {
        return Ok(program);
    }
    Err(Failure::new(format!("cargo install cfn-guard --version {VERSION}: {status}; the network or the registry may be out of reach")))
}

fn is_right(program: &Path) -> bool {
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    said.is_ok_and(|said| said.status.success() && String::from_utf8_lossy(&said.stdout).split_whitespace().any(|word| word == VERSION))
}
