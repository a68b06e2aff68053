//! Programs that Debian packages and no registry has: a browser, a reader of manual pages.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::Failure;
use crate::built::Built;

/// One at a time within this process; a file keeps other processes away.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A program of one of these names, from wherever it is; installed from this package of Debian where there is none and root runs the tests, as a pipeline on a fresh machine does.
///
/// # Errors
/// When it is not there and cannot be installed: with what to do.
pub fn program(names: &[&str], package: &str) -> Result<PathBuf, Failure> {
    if let Some(found) = find(names) {
        return Ok(found);
    }
    let _here = INSTALLING.lock();
    let built = Built::find()?;
    let lock_path = built.target().join("debian.lock");
    let lock = File::create(&lock_path).map_err(Failure::while_doing(format!("making {}", lock_path.display())))?;
    lock.lock().map_err(Failure::while_doing(format!("locking {}", lock_path.display())))?;
    if let Some(found) = find(names) {
        return Ok(found);
    }
    let missing = |why: &str| Failure::new(format!("{} is needed, and {why}: `apt-get install {package}`", names.join(" or ")));
    if find(&["apt-get"]).is_none() || !is_root() {
        return Err(missing("is neither there nor to be installed by these tests, which need root and apt-get for that"));
    }
    let install = || apt(&["install", "--yes", "--no-install-recommends", package]);
    // The lists of a fresh machine are empty or old.
    if install().is_err() {
        apt(&["update"]).and_then(|()| install()).map_err(|why| missing(&format!("apt-get could not install it ({why})")))?;
    }
    find(names).ok_or_else(|| missing("the package does not bring it"))
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0")
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(["--quiet=2", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}
