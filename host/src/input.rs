//! Reads cluster files, and what they refer to.

use std::cell::RefCell;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kaphost_spec::{ConfigSource, Diagnostic, Lookup, Spec};

use crate::failure::Failure;
use crate::record::sha256;

/// More than any config needs; past it somebody named the wrong file.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// One cluster and the warnings about its file.
#[derive(Debug)]
pub(crate) struct Input {
    /// The cluster as its file describes it.
    pub(crate) spec: Spec,
    /// What is odd about the file but does not keep it from being used.
    pub(crate) warnings: Vec<Diagnostic>,
    /// What it takes from elsewhere, in the order of the file.
    pub(crate) taken: Vec<Taken>,
}

/// Where a config takes a value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A file, as the config spells its path, and the SHA-256 of its text, which may hold secrets.
    File {
        /// As the config spells it.
        path: String,
        /// Lower-case hexadecimal.
        sha256: String,
    },
    /// A variable. What it holds is short, and even a digest could be guessed.
    Variable {
        /// Its name.
        name: String,
    },
}

/// Reads a file that describes exactly one cluster.
///
/// # Errors
/// When it cannot be read, or holds mistakes (all of them), or another number of clusters.
pub(crate) fn read(file: &Path) -> Result<Input, Failure> {
    let text = text_of(file).map_err(|why| Failure::Unreadable { what: "the config", file: file.to_owned(), why })?;
    parse(ConfigSource::new(file.display().to_string(), text), file.parent().unwrap_or(Path::new("")))
}

/// A text that describes exactly one cluster. What it takes from files starts at `folder`.
///
/// # Errors
/// When it holds mistakes (all of them), or another number of clusters.
pub(crate) fn parse(source: ConfigSource, folder: &Path) -> Result<Input, Failure> {
    let name = source.name.clone();
    let here = Here { folder: folder.to_owned(), taken: RefCell::default() };
    let parsed = kaphost_spec::parse(source, &here)?;
    let mut clusters = parsed.specs;
    match (clusters.pop(), clusters.is_empty()) {
        (Some(spec), true) => Ok(Input { spec, warnings: parsed.warnings, taken: here.taken.into_inner() }),
        (last, _) => {
            let count = clusters.len() + usize::from(last.is_some());
            Err(Failure::Clusters { file: name.into(), count })
        }
    }
}

/// A text file, whole.
///
/// # Errors
/// A clause that says why it cannot be read, is none, or is longer than any that is meant.
pub(crate) fn text_of(file: &Path) -> Result<String, String> {
    text_within(file, MAX_BYTES)
}

/// As [`text_of`], with a limit of its own.
///
/// # Errors
/// As [`text_of`].
pub(crate) fn text_within(file: &Path, max_bytes: u64) -> Result<String, String> {
    let bytes = bytes_within(file, max_bytes)?;
    String::from_utf8(bytes).map_err(|error| format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

/// A file, whole.
///
/// # Errors
/// A clause that says why it cannot be read, or that it is longer than it may be.
pub(crate) fn bytes_within(file: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let open = std::fs::File::open(file).map_err(|error| plain(&error))?;
    let mut bytes = Vec::new();
    // What a file says of its size is no limit: a device or a pipe says 0 and may never end.
    open.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > max_bytes) {
        return Err(format!("is over {max_bytes} bytes long, which no file of kaphost's is"));
    }
    Ok(bytes)
}

/// An I/O error as a clause, without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be read by you".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Answers `(env)` from this process and `(file)` from the config's folder.
struct Here {
    folder: PathBuf,
    taken: RefCell<Vec<Taken>>,
}

impl Lookup for Here {
    fn env(&self, name: &str) -> Result<String, String> {
        self.taken.borrow_mut().push(Taken::Variable { name: name.to_owned() });
        std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => "is not set".to_owned(),
            std::env::VarError::NotUnicode(_) => "is not UTF-8".to_owned(),
        })
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let text = text_of(&self.folder.join(path))?;
        self.taken.borrow_mut().push(Taken::File { path: path.to_owned(), sha256: sha256(text.as_bytes()) });
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cluster.kdl");
        let limit = usize::try_from(MAX_BYTES).unwrap();
        std::fs::write(&file, "#".repeat(limit)).unwrap();
        assert_eq!(text_of(&file).unwrap().len(), limit);
        std::fs::write(&file, "#".repeat(limit + 1)).unwrap();
        assert!(text_of(&file).unwrap_err().starts_with("is over"));
        #[cfg(unix)]
        assert!(text_of(Path::new("/dev/zero")).unwrap_err().starts_with("is over"));
        assert_eq!(text_of(folder.path()).unwrap_err(), "is a folder");
        assert_eq!(text_of(&folder.path().join("x")).unwrap_err(), "does not exist");
    }
}
