//! Where kaphost keeps what it may lose.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// The user's cache folder for kaphost: `KAPHOST_CACHE_DIR`, else `$XDG_CACHE_HOME/kaphost` or what the system uses for it.
/// `None` when there is no home.
#[must_use]
pub(crate) fn cache() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("KAPHOST_CACHE_DIR").filter(|folder| !folder.is_empty()) {
        return Some(folder.into());
    }
    etcetera::choose_base_strategy().ok().map(|base| base.cache_dir().join("kaphost"))
}

/// Puts a file in place whole or not at all. Only its owner may read it.
///
/// # Errors
/// When the folder cannot be made or written.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.persist(file)?;
    Ok(())
}
