//! The package in a folder, as cargo knows it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::module::Order;
use crate::process::{self, ProcessError};
use crate::{BuildError, module};

/// What is asked of the profile whatever the manifest says: nothing in a policy is there to be debugged, and a panic traps.
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "false"),
];

/// A package of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Its library, as rustc calls it.
    library: String,
    workspace: PathBuf,
    target_dir: PathBuf,
}

impl Project {
    /// Asks cargo what is in a folder.
    ///
    /// # Errors
    /// When there is no package in it, or one without a library; when cargo fails.
    pub fn find(folder: &Path) -> Result<Self, BuildError> {
        let missing = |why: &str| BuildError::NoProject { folder: folder.to_owned(), why: why.to_owned() };
        let real = folder.canonicalize().map_err(|_| missing("does not exist"))?;
        let manifest = real.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(missing("holds no Cargo.toml"));
        }
        let mut ask = module::cargo();
        ask.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(&manifest);
        let text = process::read(&mut ask)?;
        let unknown = || ProcessError::Answer { line: process::line(&ask), wanted: "what it is known to" };
        let metadata: Value = serde_json::from_str(&text).map_err(|_| unknown())?;
        let folder_of = |key: &str| metadata[key].as_str().map(PathBuf::from);
        let (Some(workspace), Some(target_dir)) = (folder_of("workspace_root"), folder_of("target_directory")) else {
            return Err(unknown().into());
        };
        let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
        let here = |package: &&Value| {
            let path = package["manifest_path"].as_str().map(Path::new);
            path.and_then(|path| path.canonicalize().ok()).is_some_and(|path| path == manifest)
        };
        let package = packages.iter().find(here).ok_or_else(|| missing("is a workspace and no package of it"))?;
        let name = package["name"].as_str().ok_or_else(unknown)?.to_owned();
        let targets = package["targets"].as_array().map_or(&[][..], Vec::as_slice);
        let kinds =
            |target: &Value| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib" || kind == "cdylib"));
        let library = targets.iter().find(|target| kinds(target)).and_then(|target| target["name"].as_str());
        let library = library.ok_or_else(|| missing("holds a package without a library: a policy is a src/lib.rs"))?.replace('-', "_");
        Ok(Self { folder: real, name, library, workspace, target_dir })
    }

    /// What cargo is asked for to build it.
    #[must_use]
    pub fn order(&self) -> Order {
        Order {
            manifest: self.folder.join("Cargo.toml"),
            package: self.name.clone(),
            library: self.library.clone(),
            profile: "release",
            target_dir: self.target_dir.join("kaphost"),
            root: (self.workspace.clone(), "/policy"),
            profile_settings: PROFILE,
            locked: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_without_a_policy_is_told() {
        let dir = std::env::temp_dir().join(format!("kaphost-project-{}", std::process::id()));
        let why = |folder: &Path| Project::find(folder).unwrap_err().to_string();
        assert!(why(&dir).ends_with("does not exist"));
        fs::create_dir_all(dir.join("src")).unwrap();
        assert!(why(&dir).ends_with("holds no Cargo.toml"));
        fs::write(dir.join("Cargo.toml"), "[package]\nname = \"a-b\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n").unwrap();
        fs::write(dir.join("src/main.rs"), "fn main() {}").unwrap();
        assert!(why(&dir).contains("without a library"), "{}", why(&dir));
        fs::write(dir.join("src/lib.rs"), "").unwrap();
        let project = Project::find(&dir).unwrap();
        assert_eq!((project.name.as_str(), project.library.as_str()), ("a-b", "a_b"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
