//! What kaphost compiles the shipped policies to. A policy takes a second or more to compile, a test has a home of its own, and hardly one of them is about
//! that: so each policy is compiled once for all tests of a process, by kaphost itself, in a home that held nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::SMALLEST;
use crate::{Built, Failure, Kaphost};

/// A file of the cache: its name, and its bytes.
type File = (OsString, Vec<u8>);

/// By the policies' names.
static COMPILED: Mutex<BTreeMap<String, Vec<File>>> = Mutex::new(BTreeMap::new());

impl Kaphost {
    /// Puts a policy of `guest-policies/` into the working folder, and what kaphost compiled it to into the cache, as if it had been used here before.
    /// A test that is about the cache, or about what a first run does, copies [`Built::policy`] by itself.
    ///
    /// # Errors
    /// When the policy is not built, cannot be copied, or kaphost fails to compile it.
    pub fn give(&self, policy: &str, file: &str) -> Result<(), Failure> {
        copy(policy, &self.folder().join(file))?;
        self.knows(&[policy])
    }

    /// The second half of [`Self::give`], for policies that come here otherwise, beside a policy set: what kaphost compiled them to is in the cache.
    ///
    /// # Errors
    /// As there.
    pub fn knows(&self, policies: &[&str]) -> Result<(), Failure> {
        let folder = cache(self);
        make_private(&folder).map_err(Failure::while_doing(format!("making {}", folder.display())))?;
        // Whoever comes second waits: to compile it as well would take longer.
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        for policy in policies {
            if !compiled.contains_key(*policy) {
                compiled.insert((*policy).to_owned(), compile(policy)?);
            }
            for (name, bytes) in compiled.get(*policy).map_or(&[][..], Vec::as_slice) {
                let path = folder.join(name);
                write_private(&path, bytes).map_err(Failure::while_doing(format!("writing {}", path.display())))?;
            }
        }
        Ok(())
    }
}

fn copy(policy: &str, to: &Path) -> Result<(), Failure> {
    let from = Built::find()?.policy(policy)?;
    fs::copy(&from, to).map(drop).map_err(Failure::while_doing(format!("copying {}", from.display())))
}

fn cache(kaphost: &Kaphost) -> PathBuf {
    kaphost.home().join(".cache/kaphost/modules")
}

/// What a run with the policy leaves in the cache.
fn compile(policy: &str) -> Result<Vec<File>, Failure> {
    let kaphost = Kaphost::offline()?;
    kaphost.write("cluster.kdl", SMALLEST)?;
    copy(policy, &kaphost.folder().join("policy.wasm"))?;
    // What the policy says of the config, or which settings and facts it misses, is all the same.
    let run = kaphost.run(["check", "cluster.kdl", "--policy", "policy.wasm"])?;
    let folder = cache(&kaphost);
    let nothing = || Failure::new(format!("kaphost left nothing in {}: {run}", folder.display()));
    let files = fs::read_dir(&folder).map_err(|_| nothing())?.map(|entry| {
        let entry = entry?;
        Ok((entry.file_name(), fs::read(entry.path())?))
    });
    let files: Vec<File> = files.collect::<std::io::Result<_>>().map_err(Failure::while_doing(format!("reading {}", folder.display())))?;
    if files.is_empty() { Err(nothing()) } else { Ok(files) }
}

/// As kaphost makes it: a folder that others may write is not trusted.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, bytes)
}
