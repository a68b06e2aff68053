//! `kaphost policy new`

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kaphost_policy_project::{File, Name, python, rust};
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::simple::Simple;
use crate::term::{FAINT, POLICY, paint};
use crate::{input, term};

/// Make a new policy: code, tests, cases, README and a CI file, with the SDK beside them
///
/// The project needs nothing of kaphost's own repository: the SDK and the contract are in its folder `kaphost-guest/`, in the version of this kaphost.
/// The policy's example is one to be replaced.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy new small-root-volumes\n  kaphost policy new small-root-volumes --lang python --in policies"
)]
pub(crate) struct Command {
    /// What it is called: kebab-case, also the name of its folder
    #[arg(value_name = "NAME", value_parser = name)]
    name: Name,
    /// The folder in which the project's folder is made
    #[arg(long = "in", value_name = "FOLDER", default_value = ".")]
    within: PathBuf,
    /// The language
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Some 20 KB, compiled in milliseconds; the same source gives the same bytes
    #[default]
    Rust,
    /// Some 18 MB, since Python is in it; compiled in ten seconds, once for each machine
    Python,
}

fn name(text: &str) -> Result<Name, String> {
    text.parse::<Name>().map_err(|error| format!("{error}; {}", error.help()))
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let name = &command.name;
    let (files, tests) = match command.lang {
        Language::Rust => (rust(name), "cargo test"),
        Language::Python => (python(name), "python3 -m unittest"),
    };
    let folder = if command.within == Path::new(".") { name.as_str().into() } else { command.within.join(name.as_str()) };
    write(&folder, &files)?;
    term::out(&match global.output {
        Format::Text => format!(
            "{} in {}: {} files\n\n  cd {}\n{}",
            paint(POLICY, name),
            folder.display(),
            files.len(),
            folder.display(),
            [
                (tests, "the rules as plain functions, on this machine"),
                ("kaphost policy build", "the component"),
                ("kaphost policy test", "the cases, in the sandbox"),
            ]
            .map(|(line, what)| format!("  {line:<22}  {}\n", paint(FAINT, what)))
            .concat()
        ),
        Format::Json => {
            let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            Document::PolicyNew.text(Exit::Done, &json!({ "name": name.as_str(), "folder": folder, "files": paths }))
        }
    });
    Ok(Exit::Done)
}

/// Puts all files in place at once, or none: they are written beside their place first.
fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    if fs::symlink_metadata(folder).is_ok() {
        let message = format!("`{}` is there already; nothing was written", folder.display());
        let help = "choose another name, or another folder with --in";
        return Err(Failure::Unfit(vec![Simple::new("exists", message).with_help(help)]));
    }
    let unwritable = |file: &Path| {
        let file = file.to_owned();
        move |error: std::io::Error| Failure::Unwritable { what: "the project", file, why: input::plain(&error) }
    };
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = tempfile::Builder::new().prefix(".kaphost-new-").tempdir_in(parent).map_err(unwritable(parent))?;
    // A folder within it, since the temporary one is closed to others.
    let root = new.path().join("project");
    for File { path, text } in files {
        let file = root.join(path);
        let within = file.parent().unwrap_or(&root);
        fs::create_dir_all(within).map_err(unwritable(within))?;
        fs::write(&file, text).map_err(unwritable(&file))?;
    }
    // Where somebody was faster, the system refuses: a folder that holds something is never replaced.
    fs::rename(&root, folder).map_err(unwritable(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_there_whole_or_not_at_all() {
        let here = tempfile::tempdir().unwrap();
        let file = |path: &str| File { path: path.into(), text: b"x".to_vec() };
        let folder = here.path().join("one");
        write(&folder, &[file("a"), file("b/c")]).unwrap();
        assert_eq!(fs::read(folder.join("b/c")).unwrap(), b"x");
        assert!(matches!(write(&folder, &[file("d")]), Err(Failure::Unfit(_))) && !folder.join("d").exists());
        // A file where a folder is wanted: it cannot be finished.
        assert!(matches!(write(&here.path().join("two"), &[file("a"), file("a/b")]), Err(Failure::Unwritable { .. })));
        let left: Vec<_> = fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["one"], "nothing half-written");
        assert!(matches!(write(&here.path().join("no/three"), &[file("a")]), Err(Failure::Unwritable { .. })));
    }
}
