//! What the components lie there of: the digest of everything that goes into them, and of each of them. A fresh checkout makes every source file new to cargo,
//! which then builds all guests again, one minute long, to the same bytes. The bytes of the sources are what counts here, not their times.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Built, hex};
use crate::workspace::Workspace;

/// What goes into a component, from the repository's root: sources, the contract, what is asked of cargo, and who makes a component of a module.
const INPUTS: [&str; 7] =
    ["guest-policies", "wit", "Cargo.toml", "Cargo.lock", ".cargo/config.toml", "host/crates/policy-build", "host/xtask/src"];

/// The file beside the components.
const RECORD: &str = "made-of";

/// The digest of what the components are made of here and now: files with their names, the compiler, and settings of profiles that variables hold.
pub(super) fn inputs(workspace: &Workspace, compiler: &str) -> io::Result<String> {
    let mut files = Vec::new();
    for input in INPUTS {
        collect(&workspace.root.join(input), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    // Lengths stand before what they belong to, so that nothing of one file can be taken for a part of another.
    let mut feed = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    for file in files {
        feed(file.strip_prefix(&workspace.root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        feed(&fs::read(&file)?);
    }
    feed(compiler.as_bytes());
    let mut variables: Vec<(String, String)> = std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PROFILE_")).collect();
    variables.sort();
    for (name, value) in variables {
        feed(name.as_bytes());
        feed(value.as_bytes());
    }
    Ok(hex(&digest.finalize()))
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), into)?;
        }
    } else if path.exists() {
        into.push(path.to_owned());
    }
    Ok(())
}

/// The components that lie there, when they were made of exactly this and are as they were made.
pub(super) fn found(folder: &Path, inputs: &str, guests: &[String]) -> Option<Vec<Built>> {
    let text = fs::read_to_string(folder.join(RECORD)).ok()?;
    let mut lines = text.lines();
    if lines.next()? != inputs {
        return None;
    }
    let recorded: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(' ')).collect();
    let built = guests.iter().map(|guest| {
        let path = folder.join(format!("{guest}.wasm"));
        let bytes = fs::read(&path).ok()?;
        let sha256 = hex(&Sha256::digest(&bytes));
        (recorded.get(guest.as_str()) == Some(&sha256.as_str())).then_some(Built { path, size: bytes.len(), sha256 })
    });
    built.collect()
}

/// Takes the record away: whatever happens next, what lies there is not trusted.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(RECORD)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Records what the components were made of.
pub(super) fn record(folder: &Path, inputs: &str, guests: &[String], built: &[Built]) -> io::Result<()> {
    let lines: String = guests.iter().zip(built).map(|(guest, built)| format!("{guest} {}\n", built.sha256)).collect();
    fs::write(folder.join(RECORD), format!("{inputs}\n{lines}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(root: &Path) -> Workspace {
        for folder in ["guest-policies/one/src", "wit"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("guest-policies/one/src/lib.rs"), "one").unwrap();
        fs::write(root.join("wit/policy.wit"), "contract").unwrap();
        Workspace { root: root.to_owned(), target_dir: root.join("target"), guests: vec!["one".to_owned()] }
    }

    #[test]
    fn any_change_of_what_goes_in_is_another_digest_and_a_new_place_is_none() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let of = |root: &Path, compiler| inputs(&workspace(root), compiler).unwrap();
        let before = of(here.path(), "rustc 1");
        assert_eq!(of(there.path(), "rustc 1"), before);
        assert_ne!(of(here.path(), "rustc 2"), before);
        for (file, text) in [("guest-policies/two.rs", ""), ("Cargo.lock", "x"), ("host/crates/policy-build/src/lib.rs", "y")] {
            let workspace = workspace(there.path());
            let path = there.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let unchanged = inputs(&workspace, "rustc 1").unwrap();
            fs::write(&path, text).unwrap();
            assert_ne!(inputs(&workspace, "rustc 1").unwrap(), unchanged, "{file}");
        }
        // A byte that goes from one file into the next.
        let workspace = workspace(here.path());
        fs::write(here.path().join("wit/policy.wit"), "contrac").unwrap();
        fs::write(here.path().join("wit/z.wit"), "t").unwrap();
        assert_ne!(inputs(&workspace, "rustc 1").unwrap(), before);
    }

    #[test]
    fn what_was_changed_removed_or_made_of_something_else_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let guests = ["one".to_owned(), "two".to_owned()];
        let make = || {
            let built = guests.iter().map(|guest| {
                let path = folder.path().join(format!("{guest}.wasm"));
                fs::write(&path, guest).unwrap();
                Built { path, size: guest.len(), sha256: hex(&Sha256::digest(guest)) }
            });
            record(folder.path(), "inputs", &guests, &built.collect::<Vec<_>>()).unwrap();
        };
        let there = |inputs| found(folder.path(), inputs, &guests).map(|built| built.len());
        assert_eq!(there("inputs"), None, "nothing was made yet");
        make();
        assert_eq!(there("inputs"), Some(2));
        assert_eq!(there("others"), None);
        fs::write(folder.path().join("two.wasm"), "2wo").unwrap();
        assert_eq!(there("inputs"), None);
        make();
        fs::remove_file(folder.path().join("one.wasm")).unwrap();
        assert_eq!(there("inputs"), None);
        make();
        forget(folder.path()).unwrap();
        forget(folder.path()).unwrap();
        assert_eq!(there("inputs"), None);
    }
}
