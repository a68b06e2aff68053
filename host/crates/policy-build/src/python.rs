//! A policy in Python: the project in a folder, and its component, made by componentize-py with WASI stubbed out.

mod still;
mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::de::DeTable;

use crate::{BuildError, process};

pub(crate) use tool::HELP;
pub use tool::{Componentizer, VERSION, find};

/// What a project's manifest is called.
pub const MANIFEST: &str = "pyproject.toml";

/// The worlds of the contract.
const WORLDS: [&str; 3] = ["validator", "mutator", "policy"];

/// What is said where the machine cannot be made to stand still.
const UNTRACED: &str = "this system does not let componentize-py be traced: something of this machine is in the component, and another build has another digest";
const ELSEWHERE: &str = "only on Linux on x86-64 the same source gives the same bytes in Python: another build has another digest";
/// Folders within folders of sources. More are a link that leads back.
const MAX_DEPTH: usize = 32;

/// A project of a policy in Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonProject {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// The world that it exports.
    pub world: &'static str,
}

impl PythonProject {
    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// When there is none, it says less than is needed, or the policy or its SDK is not beside it.
    pub fn find(folder: &Path) -> Result<Self, BuildError> {
        let missing = |why: String| BuildError::NoProject { folder: folder.to_owned(), why };
        let real = folder.canonicalize().map_err(|_| missing("does not exist".into()))?;
        let manifest = real.join(MANIFEST);
        let text = fs::read_to_string(&manifest).map_err(BuildError::io("read", &manifest))?;
        let unreadable = |error: toml::de::Error| missing(format!("holds a {MANIFEST} that is no TOML: {}", error.message()));
        let document = DeTable::parse(&text).map_err(unreadable)?.into_inner();
        let name =
            said(&document, &["project", "name"]).ok_or_else(|| missing(format!("holds a {MANIFEST} without `name` in `[project]`")))?;
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(missing(format!("holds a {MANIFEST} whose `name` is no name of a project")));
        }
        let asked = said(&document, &["tool", "kaphost", "world"]);
        let unsaid =
            || missing(format!("holds a {MANIFEST} that does not say `world = \"validator\"` (or mutator, or policy) in `[tool.kaphost]`"));
        let world = WORLDS.into_iter().find(|world| asked == Some(world)).ok_or_else(unsaid)?;
        for needed in ["src/policy.py", "kaphost-guest/kaphost_guest/__init__.py", "kaphost-guest/wit/policy.wit"] {
            if !real.join(needed).is_file() {
                return Err(missing(format!("holds no {needed}")));
            }
        }
        Ok(Self { name: name.to_owned(), world, folder: real })
    }

    /// Makes the component, of a copy of the sources: Python leaves beside them what it compiles, and takes that for the source where its length and the
    /// second of its last change agree. Nothing of the machine is in it where the machine can be made to stand still (Linux on x86-64); elsewhere the seed of
    /// Python's hashes is, among other things, and `say` is told.
    ///
    /// # Errors
    /// When the policy cannot be imported, or its classes are not those of its world; componentize-py has said why on standard error.
    pub fn componentize(&self, componentizer: &Componentizer, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
        let scratch = tempfile::tempdir().map_err(BuildError::io("make", &std::env::temp_dir()))?;
        // By its real name, since that is what the system calls it.
        let root = scratch.path().canonicalize().map_err(BuildError::io("find", scratch.path()))?;
        let [source, guest, temporary, none, out] = ["src", "kaphost-guest", "tmp", "none", "policy.wasm"].map(|name| root.join(name));
        let packages = none.join("lib/site-packages");
        for folder in [&temporary, &packages] {
            fs::create_dir_all(folder).map_err(BuildError::io("make", folder))?;
        }
        copy(&self.folder.join("src"), &source, MAX_DEPTH)?;
        copy(&self.folder.join("kaphost-guest"), &guest, MAX_DEPTH)?;
        let mut command = Command::new(&componentizer.program);
        command
            .arg("--quiet")
            .arg("--wit-path")
            .arg(guest.join("wit"))
            .args(["--world", self.world, "componentize", "policy", "--stub-wasi"])
            .arg("--python-path")
            .arg(&source)
            .arg("--python-path")
            .arg(&guest)
            .arg("--output")
            .arg(&out)
            .env("TMPDIR", &temporary)
            // Where none is named, pipenv and python3 are asked for the machine's packages, and those would be imported, too.
            .env("VIRTUAL_ENV", &none)
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME");
        if !still::run(&root, &command)? {
            say(if still::KNOWN { UNTRACED } else { ELSEWHERE });
            process::run_aside(&mut command)?;
        }
        fs::read(&out).map_err(BuildError::io("read", &out))
    }
}

/// Copies the files of a folder, and of those in it. What Python has compiled stays behind.
fn copy(from: &Path, to: &Path, depth: usize) -> Result<(), BuildError> {
    if depth == 0 {
        return Err(BuildError::io("copy", from)(std::io::Error::other("its folders are nested too deep, or a link leads back into them")));
    }
    fs::create_dir_all(to).map_err(BuildError::io("make", to))?;
    for entry in fs::read_dir(from).map_err(BuildError::io("read", from))? {
        let name = entry.map_err(BuildError::io("read", from))?.file_name();
        let (old, new) = (from.join(&name), to.join(&name));
        if old.is_dir() && name != "__pycache__" {
            copy(&old, &new, depth - 1)?;
        } else if old.is_file() {
            fs::copy(&old, &new).map_err(BuildError::io("copy", &old))?;
        }
    }
    Ok(())
}

/// A text of a document.
fn said<'a>(document: &'a DeTable<'_>, path: &[&str]) -> Option<&'a str> {
    let (last, tables) = path.split_last()?;
    let table = tables.iter().try_fold(document, |table, name| table.get(*name)?.get_ref().as_table())?;
    table.get(*last)?.get_ref().as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_copied_without_what_was_compiled_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for file in ["src/policy.py", "src/rules/ssh.py", "src/__pycache__/policy.pyc", "src/rules/__pycache__/ssh.pyc"] {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), file).unwrap();
        }
        copy(&at("src"), &at("copy"), MAX_DEPTH).unwrap();
        assert_eq!(fs::read_to_string(at("copy/rules/ssh.py")).unwrap(), "src/rules/ssh.py");
        assert!(at("copy/policy.py").is_file() && !at("copy/__pycache__").exists() && !at("copy/rules/__pycache__").exists());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("src"), at("src/again")).unwrap();
            assert!(copy(&at("src"), &at("endless"), MAX_DEPTH).unwrap_err().to_string().contains("nested too deep"));
        }
    }

    #[test]
    fn a_project_says_its_name_and_its_world() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let why = || PythonProject::find(folder.path()).unwrap_err().to_string();
        assert!(why().contains("cannot read"), "{}", why());
        for (manifest, part) in [
            ("[project", "no TOML"),
            ("[project]\n", "without `name`"),
            ("[project]\nname = \"../a\"\n", "no name of a project"),
            ("[project]\nname = \"a-b\"\n", "does not say `world"),
            ("[project]\nname = \"a-b\"\n[tool.kaphost]\nworld = \"command\"\n", "does not say `world"),
            ("[project]\nname = \"a-b\"\n[tool.kaphost]\nworld = \"policy\"\n", "holds no src/policy.py"),
        ] {
            write(MANIFEST, manifest);
            assert!(why().contains(part), "{manifest}: {}", why());
        }
        for path in ["src/policy.py", "kaphost-guest/kaphost_guest/__init__.py", "kaphost-guest/wit/policy.wit"] {
            write(path, "");
        }
        let project = PythonProject::find(folder.path()).unwrap();
        assert_eq!((project.name.as_str(), project.world), ("a-b", "policy"));
    }
}
