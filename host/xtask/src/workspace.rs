//! What cargo knows of this workspace: where it is, where its output goes, and which guests it has.

use std::path::{Path, PathBuf};

pub(crate) use kaphost_policy_build::module::cargo;
use serde_json::Value;

use crate::{Result, process};

/// The folder of the guests, below the root.
const GUESTS: &str = "guest-policies";

/// What makes a package there a guest: it depends on the SDK.
const SDK: &str = "kaphost-guest";

/// The workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds; honours `CARGO_TARGET_DIR`.
    pub(crate) target_dir: PathBuf,
    /// The packages below `guest-policies/` that are written with the SDK, sorted.
    pub(crate) guests: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// When cargo fails or answers something unknown.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut ask = cargo();
        ask.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(manifest);
        Self::read(&process::read(&mut ask)?)
    }

    fn read(metadata: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata)?;
        let folder =
            |key: &str| metadata[key].as_str().map(PathBuf::from).ok_or_else(|| format!("`cargo metadata` does not say its `{key}`"));
        let root = folder("workspace_root")?;
        let below = root.join(GUESTS);
        let is_guest = |package: &&Value| {
            let within = package["manifest_path"].as_str().is_some_and(|path| Path::new(path).starts_with(&below));
            within && list(&package["dependencies"]).iter().any(|dependency| dependency["name"] == SDK)
        };
        let mut guests: Vec<String> =
            list(&metadata["packages"]).iter().filter(is_guest).filter_map(|p| p["name"].as_str().map(str::to_owned)).collect();
        guests.sort_unstable();
        Ok(Self { target_dir: folder("target_directory")?, root, guests })
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_guests_and_no_library() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root.join("wit/policy.wit").is_file());
        for guest in ["dedicated-tenancy", "org", "restrict-ssh"] {
            assert!(workspace.guests.iter().any(|name| name == guest), "{guest} is not among {:?}", workspace.guests);
        }
        assert!(!workspace.guests.iter().any(|name| name == "kaphost-guest"), "the SDK is no guest");
    }

    #[test]
    fn an_answer_without_folders_is_an_error() {
        let error = Workspace::read(r#"{"workspace_root": "/w"}"#).unwrap_err().to_string();
        assert_eq!(error, "`cargo metadata` does not say its `target_directory`");
        assert!(Workspace::read("cargo").is_err());
    }
}
