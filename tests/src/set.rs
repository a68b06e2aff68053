//! A policy set in the making, with the modules that it names beside it: a test says only what it is about.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::{Built, Failure};

/// One policy of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The policy's name.
    pub name: String,
    /// The file of its module, relative to the set's folder.
    pub path: String,
    /// The SHA-256 that the set gives.
    pub sha256: String,
    /// `disabled`, `advisory`, `mandatory` or `remediate`.
    pub enforcement: String,
    /// Further nodes, each as it stands in the file.
    pub more: Vec<String>,
}

/// A policy set and its folder.
#[derive(Clone, Debug)]
pub struct Set {
    file: PathBuf,
    /// Its policies, in order.
    pub entries: Vec<Entry>,
    /// Nodes beside the policies: waivers, and what bounds them.
    pub more: Vec<String>,
}

impl Set {
    /// An empty set that will be written to this file.
    #[must_use]
    pub fn at(file: PathBuf) -> Self {
        Self { file, entries: Vec::new(), more: Vec::new() }
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    /// Adds one of the policies in `guest-policies/`, whose module is put beside the set. `more` are nodes of the entry.
    ///
    /// # Errors
    /// When the policy is not built, or its module cannot be copied.
    pub fn with_built(self, name: &str, enforcement: &str, more: &[&str]) -> Result<Self, Failure> {
        let built = Built::find()?.policy(name)?;
        let bytes = fs::read(&built).map_err(Failure::while_doing(format!("reading {}", built.display())))?;
        self.with(name, enforcement, &bytes, more)
    }

    /// Adds a policy of these bytes, which are put beside the set.
    ///
    /// # Errors
    /// When its module cannot be written.
    pub fn with(mut self, name: &str, enforcement: &str, module: &[u8], more: &[&str]) -> Result<Self, Failure> {
        let path = format!("{name}.wasm");
        let file = self.folder().join(&path);
        fs::create_dir_all(self.folder()).map_err(Failure::while_doing(format!("making {}", self.folder().display())))?;
        fs::write(&file, module).map_err(Failure::while_doing(format!("writing {}", file.display())))?;
        self.entries.push(Entry {
            name: name.to_owned(),
            path,
            sha256: hex(&Sha256::digest(module)),
            enforcement: enforcement.to_owned(),
            more: more.iter().map(|node| (*node).to_owned()).collect(),
        });
        Ok(self)
    }

    /// Adds a node beside the policies.
    #[must_use]
    pub fn and(mut self, node: &str) -> Self {
        self.more.push(node.to_owned());
        self
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Entry { name, path, sha256, enforcement, more } in &self.entries {
            let _ = writeln!(text, "policy {name:?} path={path:?} enforcement={enforcement:?} {{\n    sha256 {sha256:?}");
            for node in more {
                let _ = writeln!(text, "    {node}");
            }
            text.push_str("}\n");
        }
        for node in &self.more {
            text.push_str(node);
            text.push('\n');
        }
        text
    }

    /// Writes it; itself again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self) -> Result<Self, Failure> {
        fs::create_dir_all(self.folder()).map_err(Failure::while_doing(format!("making {}", self.folder().display())))?;
        fs::write(&self.file, self.text()).map_err(Failure::while_doing(format!("writing {}", self.file.display())))?;
        Ok(self)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_names_what_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let set = Set::at(folder.path().join("sets/org.kdl"));
        let set = set.with("a", "mandatory", b"abc", &["settings narrow=#true"]).unwrap().and("waivers max-days=30").write().unwrap();
        assert_eq!(fs::read(folder.path().join("sets/a.wasm")).unwrap(), b"abc");
        assert_eq!(
            fs::read_to_string(set.file()).unwrap(),
            "policy \"a\" path=\"a.wasm\" enforcement=\"mandatory\" {\n    \
             sha256 \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n    settings narrow=#true\n}\nwaivers max-days=30\n"
        );
    }
}
