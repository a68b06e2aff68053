//! componentize-py, in the one version that the contract's types were written for: found, or installed below the user's cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, process};

/// The version.
pub const VERSION: &str = "0.25.1";

/// What is installed, each file by its digest.
const REQUIREMENTS: &str = include_str!("../../../../../guest-policies/sdk-python/requirements.txt");

/// What to do where it cannot be had.
pub(crate) const HELP: &str = "a Python of 3.10 or newer with `venv` and the way to PyPI are needed once; or install componentize-py of that very version \
     yourself, and see that it is in the PATH";

/// A componentize-py.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Componentizer {
    /// What to run.
    pub program: PathBuf,
}

/// Finds or installs it. `cache` is the user's cache folder for kaphost; `say` is told what takes time.
///
/// # Errors
/// When there is no Python, or its package cannot be installed; the programs' own words are on standard error.
pub fn find(cache: &Path, say: &mut dyn FnMut(&str)) -> Result<Componentizer, BuildError> {
    let name = Path::new("componentize-py");
    let folder = cache.join(format!("componentize-py-{VERSION}"));
    let installed = folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name);
    for program in [name, &installed] {
        if is_it(program) {
            return Ok(Componentizer { program: program.to_owned() });
        }
    }
    say(&format!("installing componentize-py {VERSION} in {}: once, 15 MB", folder.display()));
    install(&folder).map_err(|error| BuildError::NoComponentizer { why: error.to_string() })?;
    if is_it(&installed) {
        Ok(Componentizer { program: installed })
    } else {
        Err(BuildError::NoComponentizer { why: format!("it was installed, and yet {} does not run", installed.display()) })
    }
}

fn is_it(program: &Path) -> bool {
    let said = process::probe(Command::new(program).arg("--version").env_remove("PYTHONPATH").env_remove("PYTHONHOME"));
    said.is_some_and(|said| said.split_whitespace().last() == Some(VERSION))
}

fn install(folder: &Path) -> Result<(), BuildError> {
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(BuildError::io("create", parent))?;
    let requirements = tempfile::NamedTempFile::new().map_err(BuildError::io("write", &std::env::temp_dir()))?;
    fs::write(requirements.path(), REQUIREMENTS).map_err(BuildError::io("write", requirements.path()))?;
    process::run_aside(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let python = folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join("python");
    let mut pip = Command::new(python);
    pip.args(["-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--only-binary=:all:", "--require-hashes", "--no-deps", "-r"]).arg(requirements.path());
    Ok(process::run_aside(&mut pip)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_is_asked_for_everywhere() {
        let pinned: Vec<&str> = REQUIREMENTS.lines().filter_map(|line| line.strip_prefix("componentize-py==")).collect();
        assert_eq!(pinned, [format!("{VERSION} \\")]);
        assert!(!is_it(Path::new("/nonexistent/componentize-py")));
    }
}
