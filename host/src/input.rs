//! Reads cluster files, and what they refer to.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use kaphost_spec::{ConfigSource, Diagnostic, Lookup, Spec};

use crate::failure::Failure;
use crate::record::sha256;

/// More than any config needs; past it somebody named the wrong file.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// Which clusters of a file a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The config, with one cluster or several
    #[arg(value_name = "CLUSTER.kdl")]
    pub(crate) file: PathBuf,
    /// One cluster of the file, by its name; may be given several times. All of them otherwise
    #[arg(long = "cluster", value_name = "NAME")]
    pub(crate) clusters: Vec<String>,
}

/// One cluster of a run, and what is to be said of its file.
#[derive(Debug)]
pub(crate) struct Input {
    /// The cluster as its file describes it.
    pub(crate) spec: Spec,
    /// What is odd about the file but does not keep it from being used.
    pub(crate) warnings: Arc<[Diagnostic]>,
    /// What the file takes from elsewhere, in its order.
    pub(crate) taken: Arc<[Taken]>,
    /// Whether the run is about no other cluster.
    pub(crate) alone: bool,
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

/// Reads the clusters that are asked for, in the order of their file. At least one.
///
/// # Errors
/// When the file cannot be read, or holds mistakes (all of them), or does not describe every cluster that is named.
pub(crate) fn read(asked: &ClusterArgs) -> Result<Vec<Input>, Failure> {
    let file = &asked.file;
    let text = text_of(file).map_err(|why| Failure::Unreadable { what: "the config", file: file.clone(), why })?;
    parse(ConfigSource::new(file.display().to_string(), text), file.parent().unwrap_or(Path::new("")), &asked.clusters)
}

/// The one cluster of a run.
///
/// # Errors
/// When there are several.
pub(crate) fn only(mut inputs: Vec<Input>, file: &Path, command: &'static str) -> Result<Input, Failure> {
    let names = inputs.iter().map(|input| input.spec.cluster.name.to_string()).collect();
    match (inputs.pop(), inputs.is_empty()) {
        (Some(input), true) => Ok(input),
        _ => Err(Failure::SeveralClusters { file: file.to_owned(), command, names }),
    }
}

/// The clusters of a text: those that are named, all of them where none is. What they take from files starts at `folder`.
///
/// # Errors
/// When it holds mistakes (all of them), or does not describe every cluster that is named.
pub(crate) fn parse(source: ConfigSource, folder: &Path, named: &[String]) -> Result<Vec<Input>, Failure> {
    let file = source.name.clone();
    let here = Here { folder: folder.to_owned(), taken: RefCell::default() };
    let parsed = kaphost_spec::parse(source, &here)?;
    let there: Vec<String> = parsed.specs.iter().map(|spec| spec.cluster.name.to_string()).collect();
    let unknown: BTreeSet<&String> = named.iter().filter(|name| !there.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(Failure::NoSuchCluster { file, unknown: unknown.into_iter().cloned().collect(), there });
    }
    let (warnings, taken): (Arc<[_]>, Arc<[_]>) = (parsed.warnings.into(), here.taken.into_inner().into());
    let chosen = parsed.specs.into_iter().filter(|spec| named.is_empty() || named.iter().any(|name| name == spec.cluster.name.as_str()));
    let specs: Vec<Spec> = chosen.collect();
    let alone = specs.len() == 1;
    let one = |spec| Input { spec, warnings: Arc::clone(&warnings), taken: Arc::clone(&taken), alone };
    Ok(specs.into_iter().map(one).collect())
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
    // The name is printed wherever something is said of the file, and a terminal obeys it.
    if file.to_string_lossy().chars().any(char::is_control) {
        return Err("has a control character in its name, which no file of kaphost's has".to_owned());
    }
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
    fn clusters_are_chosen_by_name_in_the_order_of_the_file() {
        let one = |name: &str| {
            let rest = "ami \"ami-0abcd1234\"; instance-type \"t3.small\"; network vpc=\"vpc-0a1b\" { subnets \"subnet-0aaa\"; }";
            format!("cluster \"{name}\" region=\"us-east-1\" {{ {rest}; }}\n")
        };
        let text = ["stage", "test", "prod"].map(one).concat();
        let chosen = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            let inputs = parse(ConfigSource::new("fleet.kdl", text.as_str()), Path::new(""), &named)?;
            Ok::<_, Failure>(inputs.iter().map(|input| (input.spec.cluster.name.to_string(), input.alone)).collect::<Vec<_>>())
        };
        let said = |list: &[(&str, bool)]| list.iter().map(|(name, alone)| ((*name).to_owned(), *alone)).collect::<Vec<_>>();
        assert_eq!(chosen(&[]).unwrap(), said(&[("stage", false), ("test", false), ("prod", false)]));
        assert_eq!(chosen(&["prod", "stage", "prod"]).unwrap(), said(&[("stage", false), ("prod", false)]));
        assert_eq!(chosen(&["test"]).unwrap(), said(&[("test", true)]));
        let refused = chosen(&["stagee", "test", "x"]).unwrap_err().members();
        let helps: Vec<&str> = refused["problems"].as_array().unwrap().iter().map(|problem| problem["help"].as_str().unwrap()).collect();
        assert_eq!(helps, ["did you mean `stage`?", "there are: stage, test, prod"], "{refused:#}");
    }

    #[test]
    fn a_file_with_a_name_that_a_terminal_obeys_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for (name, is_read) in [("a\u{1b}[31m.kdl", false), ("a\nb.kdl", false), ("a\u{9b}31m.kdl", false), ("Zürich 東京.kdl", true)] {
            let file = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            assert_eq!(text_of(&file).is_ok(), is_read, "{name:?}");
        }
    }

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
