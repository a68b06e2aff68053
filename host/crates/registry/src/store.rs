//! What was pulled, by digest: manifests, modules and signatures, in a folder of the user's.
//!
//! A name says what a file holds, so nothing is ever out of date, and what is read is held to its name: a file that was altered is as good as none. A
//! file is put in place whole, after its digest was found right.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kaphost_spec::hex;
use sha2::{Digest as _, Sha256};

use crate::error::RegistryError;
use crate::limits::{SIGNATURE_BYTES, SIGNATURES};

/// What is read at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Such a folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// In this folder, which is made when something is kept.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where something of this digest is, if it is here and what its name says.
    #[must_use]
    pub fn find(&self, sha256: &str) -> Option<PathBuf> {
        let path = self.path(sha256);
        let mut file = File::open(&path).ok()?;
        let mut digest = Sha256::new();
        let mut buffer = [0; CHUNK_BYTES];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => digest.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        (hex(&digest.finalize()) == sha256).then_some(path)
    }

    /// Something small, if it is here and what its name says.
    pub(crate) fn read(&self, sha256: &str, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(sha256)).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
        (hex(&Sha256::digest(&bytes)) == sha256).then_some(bytes)
    }

    /// Keeps bytes under their digest.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<PathBuf, RegistryError> {
        let mut coming = self.begin()?;
        coming.add(bytes)?;
        let sha256 = coming.sha256();
        coming.keep_as(&sha256)
    }

    /// Begins a file that has no name yet.
    pub(crate) fn begin(&self) -> Result<Coming<'_>, RegistryError> {
        let folder = self.folder.join("sha256");
        let failed = |error: std::io::Error| unwritable(&folder, &error);
        create_private(&folder).map_err(failed)?;
        let file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
        Ok(Coming { store: self, file, digest: Sha256::new(), size: 0 })
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join("sha256").join(sha256)
    }

    fn signatures_of(&self, module_sha256: &str) -> PathBuf {
        self.folder.join("signatures").join(module_sha256)
    }

    /// The envelopes that are kept of a module, in the order of their names. What one says counts only by its signature.
    #[must_use]
    pub fn signatures(&self, module_sha256: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.signatures_of(module_sha256)) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        let read = |file: &PathBuf| {
            let mut text = String::new();
            File::open(file).ok()?.take(SIGNATURE_BYTES).read_to_string(&mut text).ok()?;
            Some(text)
        };
        files.iter().filter_map(read).take(SIGNATURES).collect()
    }

    /// Keeps envelopes of a module.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep_signatures(&self, module_sha256: &str, envelopes: &[String]) -> Result<(), RegistryError> {
        let folder = self.signatures_of(module_sha256);
        for envelope in envelopes {
            let file = folder.join(hex(&Sha256::digest(envelope)));
            let write = || {
                create_private(&folder)?;
                let mut new = tempfile::NamedTempFile::new_in(&folder)?;
                new.write_all(envelope.as_bytes())?;
                new.persist(&file).map_err(|error| error.error)
            };
            write().map_err(|error| unwritable(&folder, &error))?;
        }
        Ok(())
    }
}

/// A file on its way into the store. Goes away when it is dropped.
pub(crate) struct Coming<'a> {
    store: &'a Store,
    file: tempfile::NamedTempFile,
    digest: Sha256,
    size: u64,
}

impl Coming<'_> {
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| unwritable(&self.store.folder, &error))
    }

    /// Bytes so far.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Of the bytes so far.
    pub(crate) fn sha256(&self) -> String {
        hex(&self.digest.clone().finalize())
    }

    /// Gives it its name, which whoever calls has found to be right.
    pub(crate) fn keep_as(self, sha256: &str) -> Result<PathBuf, RegistryError> {
        let path = self.store.path(sha256);
        let failed = |error: std::io::Error| unwritable(&path, &error);
        self.file.as_file().sync_data().map_err(failed)?;
        self.file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> RegistryError {
    RegistryError::Store { path: path.to_owned(), why: format!("cannot be written: {error}") }
}

fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_its_digest_and_only_while_it_is_that() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("a/b"));
        let sha256 = hex(&Sha256::digest(b"module"));
        assert_eq!(store.find(&sha256), None);
        let path = store.keep(b"module").unwrap();
        assert_eq!((store.find(&sha256), store.read(&sha256, 100)), (Some(path.clone()), Some(b"module".to_vec())));
        assert_eq!(store.read(&sha256, 3), None, "longer than may be");
        fs::write(&path, b"modulE").unwrap();
        assert_eq!((store.find(&sha256), store.read(&sha256, 100)), (None, None));
        assert_eq!(store.keep(b"module").unwrap(), path);
        assert!(store.find(&sha256).is_some(), "and it heals");

        let mut broken_off = store.begin().unwrap();
        broken_off.add(b"half").unwrap();
        drop(broken_off);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left of what broke off");
    }

    #[test]
    fn signatures_are_kept_by_module_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        assert!(store.signatures("m").is_empty());
        store.keep_signatures("m", &["one".into(), "two".into()]).unwrap();
        store.keep_signatures("m", &["two".into()]).unwrap();
        let mut kept = store.signatures("m");
        kept.sort();
        assert_eq!(kept, ["one", "two"]);
        assert!(store.signatures("n").is_empty());
    }
}
