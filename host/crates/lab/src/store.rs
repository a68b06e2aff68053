//! Where an account is kept: in memory, or in a file that outlives the run.
//!
//! Every call reads the file and writes it back under a lock (`FILE.lock`), so that two runs on one file see each other as they would on AWS. A file is
//! replaced whole, by renaming, with mode 0600: launch templates hold user data, which may be a secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::state::{Account, FORMAT};

/// Why a lab's file cannot be used. Nothing has been written to it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The file, or the lock beside it, cannot be read or written.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// `read`, `lock`, `write`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{}` is no lab of kaphost", path.display())]
    NotALab {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The file was written by another version of kaphost.
    #[error(
        "`{}` is a lab of format {found}, and this kaphost reads format {FORMAT}",
        path.display()
    )]
    OtherFormat {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
}

#[derive(Debug)]
pub(crate) enum Store {
    Memory(Mutex<Account>),
    File(PathBuf),
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(Mutex::new(Account::default()))
    }

    /// A file that may not be there yet, but must be one that could be.
    pub(crate) fn open(path: &Path) -> Result<Self, LabError> {
        let store = Self::File(path.to_owned());
        store.with(|_| ())?;
        Ok(store)
    }

    /// Works on the account, alone. What is done to it is kept.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> Result<T, LabError> {
        match self {
            // Work never panics half-way; and if it did, half an account is what a killed run leaves, too.
            Self::Memory(account) => Ok(work(&mut account.lock().unwrap_or_else(PoisonError::into_inner))),
            Self::File(path) => {
                let _lock = lock(path)?;
                let before = read(path)?;
                let mut account = match &before {
                    Some(text) => parse(path, text)?,
                    None => Account::default(),
                };
                let result = work(&mut account);
                let text = serde_json::to_string_pretty(&account).map_err(|source| LabError::NotALab { path: path.clone(), source })?;
                if before.as_deref() != Some(text.as_str()) {
                    write(path, &text).map_err(|source| LabError::Io { what: "write", path: path.clone(), source })?;
                }
                Ok(result)
            }
        }
    }
}

/// Waits for other runs; the lock goes with the returned file.
fn lock(path: &Path) -> Result<File, LabError> {
    let path = beside(path, "lock");
    let locked = private().create(true).truncate(false).write(true).open(&path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| LabError::Io { what: "lock", path, source })
}

fn read(path: &Path) -> Result<Option<String>, LabError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LabError::Io { what: "read", path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<Account, LabError> {
    /// Read first, so that another version's file is told from a broken one.
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Header {
        kaphost_lab: u64,
    }
    let not_a_lab = |source| LabError::NotALab { path: path.to_owned(), source };
    let Header { kaphost_lab: found } = serde_json::from_str(text).map_err(not_a_lab)?;
    if found != u64::from(FORMAT) {
        return Err(LabError::OtherFormat { path: path.to_owned(), found });
    }
    serde_json::from_str(text).map_err(not_a_lab)
}

/// All or nothing: a reader sees the old file or the new one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = beside(path, "new");
    // One that a killed run left behind may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).write(true).open(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    drop(file);
    // Half a file is of no use to anybody, least of all on a full disk.
    written.and_then(|()| fs::rename(&new, path)).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// `FILE.lock`, `FILE.new`.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is a mode on Unix only"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_put_in_place_is_not_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let taken = home.path().join("lab.json");
        fs::create_dir_all(taken.join("inside")).unwrap();
        assert!(write(&taken, "{}").is_err());
        let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lab.json"]);
    }
}
