//! Which component is tested, with which cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kaphost_policy::ModuleFile;

use super::super::module::Named;
use crate::failure::Failure;
use crate::input;
use crate::render::diagnostic;
use crate::render::simple::Simple;

/// What is tested.
#[derive(Debug)]
pub(super) struct Found {
    /// The component.
    pub(super) module: ModuleFile,
    /// The files of cases, sorted.
    pub(super) files: Vec<PathBuf>,
    /// What is odd about it.
    pub(super) warning: Option<String>,
}

impl Found {
    /// `policy` is a component, or a folder with one in it, or a component in a registry, whose cases are here.
    ///
    /// # Errors
    /// When there is no component, or there are no cases.
    pub(super) fn of(policy: &Named, cases: &[PathBuf]) -> Result<Self, Failure> {
        let (named, folder) = match policy {
            Named::File(path) if path.is_dir() => (Named::File(the_component(path)?), path.clone()),
            Named::File(file) => (policy.clone(), file.parent().unwrap_or(Path::new("")).to_owned()),
            Named::Registry(_) => (policy.clone(), PathBuf::from(".")),
        };
        let beside = if folder == Path::new(".") { PathBuf::from("cases") } else { folder.join("cases") };
        let from = if cases.is_empty() { vec![beside] } else { cases.to_vec() };
        let mut files = Vec::new();
        for path in &from {
            // The folder that is meant where none is named may be missing.
            if path.is_dir() || cases.is_empty() {
                files.extend(with_extension(path, "kdl")?);
            } else {
                files.push(path.clone());
            }
        }
        if files.is_empty() {
            let message =
                format!("there are no cases in `{}`", from.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("`, `"));
            let help = "write one as a `.kdl` file there, or name another place with --cases";
            return Err(Failure::Unfit(vec![Simple::new("no-cases", message).with_help(help)]));
        }
        let source = if let Named::File(module) = &named { newer_source(&folder, module) } else { None };
        let warning = source.map(|source| {
            let message = format!("`{named}` is older than `{}`", source.display());
            diagnostic::text(&Simple::new("old-component", message).with_help("`kaphost policy build` builds it anew").into_warning())
        });
        Ok(Self { module: named.ready()?, files, warning })
    }
}

fn the_component(folder: &Path) -> Result<PathBuf, Failure> {
    let mut found = with_extension(folder, "wasm")?;
    match (found.pop(), found.len()) {
        (Some(module), 0) => Ok(module),
        (None, _) => {
            let message = format!("there is no component in `{}`", folder.display());
            Err(Failure::Unfit(vec![Simple::new("no-component", message).with_help("`kaphost policy build` makes it; or name its file")]))
        }
        (Some(last), _) => {
            found.push(last);
            let names: Vec<String> = found.iter().map(|path| format!("`{}`", path.display())).collect();
            let message = format!("there are several components: {}", names.join(", "));
            Err(Failure::Unfit(vec![Simple::new("several-components", message).with_help("name the one that is meant")]))
        }
    }
}

/// Files of one kind, directly in a folder, sorted. A folder that is not there has none.
fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::Unreadable { what: "the folder", file: folder.to_owned(), why: input::plain(&error) }),
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| if folder == Path::new(".") { PathBuf::from(entry.file_name()) } else { entry.path() })
        .filter(|path| path.extension().is_some_and(|found| found == extension) && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// A source of the policy that has changed since its component was built.
fn newer_source(folder: &Path, module: &Path) -> Option<PathBuf> {
    let built = changed(module)?;
    let mut sources = vec![folder.join("Cargo.toml"), folder.join("pyproject.toml")];
    for extension in ["rs", "py"] {
        sources.extend(with_extension(&folder.join("src"), extension).unwrap_or_default());
    }
    sources.into_iter().find(|source| changed(source).is_some_and(|time| time > built))
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|data| data.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_one_component_and_its_cases() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let code = |cases: &[PathBuf]| match Found::of(&Named::File(folder.path().to_owned()), cases) {
            Ok(found) => format!("{} cases, warned: {}", found.files.len(), found.warning.is_some()),
            Err(failure) => failure.members()["problems"][0]["code"].as_str().unwrap().to_owned(),
        };
        assert_eq!(code(&[]), "no-component");
        fs::write(at("a.wasm"), "").unwrap();
        assert_eq!(code(&[]), "no-cases");
        fs::create_dir_all(at("cases/configs")).unwrap();
        fs::create_dir(at("src")).unwrap();
        for file in ["cases/b.kdl", "cases/a.kdl", "cases/notes.txt", "cases/configs/c.kdl"] {
            fs::write(at(file), "").unwrap();
        }
        assert_eq!(code(&[]), "2 cases, warned: false");
        assert_eq!(code(&[at("cases/a.kdl")]), "1 cases, warned: false");
        fs::write(at("src/lib.rs"), "").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().append(true).open(at("src/lib.rs")).unwrap().set_modified(later).unwrap();
        assert_eq!(code(&[]), "2 cases, warned: true");
        fs::write(at("b.wasm"), "").unwrap();
        assert_eq!(code(&[]), "several-components");
    }
}
