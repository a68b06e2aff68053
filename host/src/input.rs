//! Reads cluster files, and what they refer to.

use std::path::{Path, PathBuf};

use kaphost_spec::{ConfigSource, Diagnostic, Lookup, Spec};

use crate::failure::Failure;

/// More than any config needs; past it somebody named the wrong file.
const MAX_BYTES: u64 = 1 << 20;

/// One cluster and the warnings about its file.
#[derive(Debug)]
pub(crate) struct Input {
    /// The cluster as its file describes it.
    pub(crate) spec: Spec,
    /// What is odd about the file but does not keep it from being used.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads a file that describes exactly one cluster.
///
/// # Errors
/// When it cannot be read, or holds mistakes (all of them), or another number of clusters.
pub(crate) fn read(file: &Path) -> Result<Input, Failure> {
    let text = text_of(file).map_err(|why| Failure::Unreadable { what: "the config", file: file.to_owned(), why })?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let parsed = kaphost_spec::parse(ConfigSource::new(file.display().to_string(), text), &Here { folder })?;
    let mut clusters = parsed.specs;
    match (clusters.pop(), clusters.is_empty()) {
        (Some(spec), true) => Ok(Input { spec, warnings: parsed.warnings }),
        (last, _) => {
            let count = clusters.len() + usize::from(last.is_some());
            Err(Failure::Clusters { file: file.to_owned(), count })
        }
    }
}

fn text_of(file: &Path) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|error| plain(&error))?.len();
    if size > MAX_BYTES {
        return Err(format!("is {size} bytes long, {MAX_BYTES} at most"));
    }
    let bytes = std::fs::read(file).map_err(|error| plain(&error))?;
    String::from_utf8(bytes).map_err(|error| format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
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
}

impl Lookup for Here {
    fn env(&self, name: &str) -> Result<String, String> {
        std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => "is not set".to_owned(),
            std::env::VarError::NotUnicode(_) => "is not UTF-8".to_owned(),
        })
    }

    fn file(&self, path: &str) -> Result<String, String> {
        text_of(&self.folder.join(path))
    }
}
