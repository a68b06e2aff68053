//! Where policies come from: the machine, the environment and the command line, in this order. Each adds to what was there before, and none takes
//! anything away.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use kaphost_policy::{ModuleFile, visible};
use kaphost_policy_set::PolicySet;
use kaphost_spec::{Code, ConfigSource, Diagnostic, Reference, Report};

use crate::input;
use crate::render::simple::Simple;

/// The machine's own policy set: whoever may write here decides for everybody. Held whenever it is there; nothing names another in its place.
const MACHINE: &str = if cfg!(windows) { r"C:\ProgramData\kaphost\policy.kdl" } else { "/etc/kaphost/policy.kdl" };

/// The first bytes of WebAssembly, module or component.
const MAGIC: &[u8] = b"\0asm";

/// What was given, read as far as it is text.
#[derive(Debug)]
pub(super) enum Source {
    /// A module by itself.
    Module(ModuleFile),
    /// A module in a registry, by digest, and what it is called.
    Registry(Reference, String),
    /// A policy set, and the folder that its paths start at.
    Set(Box<PolicySet>, PathBuf),
}

/// What keeps sources from being used: mistakes with a place, and problems.
#[derive(Debug, Default)]
pub(super) struct Unusable {
    pub(super) mistakes: Vec<Diagnostic>,
    pub(super) problems: Vec<Simple>,
}

/// A file to read, and whether it must be a policy set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    file: PathBuf,
    /// What it is called, where that is not its path.
    called: Option<String>,
    set: bool,
}

/// Whether nobody names any policy, the machine included.
pub(super) fn none(given: &[String]) -> bool {
    given.is_empty() && from_environment().is_empty() && machine().is_ok_and(|files| files.is_empty())
}

/// Everything that holds on this machine and for this command, in order.
///
/// # Errors
/// Everything that cannot be read, not only the first.
pub(super) fn read(given: &[String]) -> Result<Vec<Source>, Unusable> {
    let mut all = machine()?;
    all.extend(from_environment().into_iter().map(|file| Named { file, called: None, set: false }));
    all.extend(given.iter().map(|file| Named { file: file.into(), called: None, set: false }));
    recognise_all(&all)
}

/// As [`read`], of exactly these files, and what each is to be called: for evaluating again what was evaluated before.
///
/// # Errors
/// As [`read`].
pub(super) fn read_exactly(given: &[(PathBuf, String)]) -> Result<Vec<Source>, Unusable> {
    let named = |(file, called): &(PathBuf, String)| Named { file: file.clone(), called: Some(called.clone()), set: false };
    recognise_all(&given.iter().map(named).collect::<Vec<_>>())
}

/// `KAPHOST_POLICY`: paths, separated as in `PATH`.
fn from_environment() -> Vec<PathBuf> {
    split(&std::env::var_os("KAPHOST_POLICY").unwrap_or_default())
}

/// As `PATH` is split, but that a reference to a registry is one whole, whatever colons are in it: it ends with its digest.
fn split(value: &OsStr) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut rest = value.to_str();
    while let Some(text) = rest.filter(|text| text.contains("oci://")) {
        let (before, reference) = text.split_at(text.find("oci://").unwrap_or_default());
        all.extend(std::env::split_paths(before));
        let end = reference.find("@sha256:").map_or(reference.len(), |at| reference.floor_char_boundary(at + "@sha256:".len() + 64));
        let (reference, after) = reference.split_at(end);
        all.push(reference.into());
        rest = Some(after);
    }
    match rest {
        Some(text) => all.extend(std::env::split_paths(text)),
        None => all.extend(std::env::split_paths(value)),
    }
    all.retain(|path| !path.as_os_str().is_empty());
    all
}

fn machine() -> Result<Vec<Named>, Unusable> {
    machine_wide(Path::new(MACHINE), std::env::var_os("KAPHOST_SYSTEM_POLICY"))
}

/// The machine's own set, when there is one, and the one that `KAPHOST_SYSTEM_POLICY` adds to it: a variable is in the user's hand, and takes no set
/// away.
fn machine_wide(fixed: &Path, added: Option<OsString>) -> Result<Vec<Named>, Unusable> {
    let mut files = Vec::new();
    // The link itself, not what it points to: one that points nowhere is no missing set.
    match std::fs::symlink_metadata(fixed) {
        Ok(_) => files.push(fixed.to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(unreadable(fixed, &input::plain(&error))),
    }
    files.extend(added.filter(|file| !file.is_empty()).map(PathBuf::from));
    Ok(files.into_iter().map(|file| Named { file, called: None, set: true }).collect())
}

fn unreadable(file: &Path, why: &str) -> Unusable {
    let problem = Simple::new("unreadable", format!("the policy set `{}` {why}", file.display()))
        .with_help("no command runs without the policy sets that hold here: ask whoever owns it");
    Unusable { problems: vec![problem], ..Unusable::default() }
}

fn recognise_all(files: &[Named]) -> Result<Vec<Source>, Unusable> {
    let mut sources = Vec::with_capacity(files.len());
    let mut unusable = Unusable::default();
    let mut sets: Vec<PathBuf> = Vec::new();
    for named in files {
        match recognise(named) {
            Ok(Source::Set(set, folder)) => {
                // The same set twice says nothing new. A set that cannot be found by its real name is never the same as another.
                let real = named.file.canonicalize().unwrap_or_default();
                if real.as_os_str().is_empty() || !sets.contains(&real) {
                    sets.push(real);
                    sources.push(Source::Set(set, folder));
                }
            }
            Ok(module) => sources.push(module),
            Err(mut one) => {
                unusable.mistakes.append(&mut one.mistakes);
                unusable.problems.append(&mut one.problems);
            }
        }
    }
    if unusable.mistakes.is_empty() && unusable.problems.is_empty() { Ok(sources) } else { Err(unusable) }
}

/// By content: WebAssembly starts with four bytes of its own, and what is text and not called `.wasm` is a policy set. What is neither is left to
/// the loading of modules, which says what it is.
fn recognise(Named { file, called, set }: &Named) -> Result<Source, Unusable> {
    if let Some(text) = file.to_str().filter(|text| Reference::is_one(text)) {
        return in_registry(text, called.as_deref(), *set);
    }
    let module = || Ok(Source::Module(ModuleFile { path: file.clone(), source: called.clone(), ..ModuleFile::default() }));
    let parse = |file: &Path, text: String| parse(file, called.as_deref(), text);
    if *set {
        return match input::text_of(file) {
            Ok(text) => parse(file, text),
            Err(why) => Err(unreadable(file, &why)),
        };
    }
    if starts_as_wasm(file) || file.extension().is_some_and(|extension| extension == "wasm") {
        return module();
    }
    match input::text_of(file) {
        Ok(text) if !text.contains('\0') => parse(file, text),
        Ok(_) => module(),
        Err(why) if why.starts_with("is over") => Err(unreadable(file, &why)),
        Err(_) => module(),
    }
}

/// A module in a registry. By a tag alone it would be another one from one run to the next.
fn in_registry(text: &str, called: Option<&str>, set: bool) -> Result<Source, Unusable> {
    let shown = visible(text, 300);
    let problem = |code: &str, what: String, help: String| {
        Err(Unusable { problems: vec![Simple::new(code, what).with_help(help)], ..Unusable::default() })
    };
    if set {
        let help = "name the set's file: it may name modules in registries";
        return problem("unreadable", format!("the policy set `{shown}` is a module in a registry"), help.to_owned());
    }
    match text.parse::<Reference>() {
        Ok(reference) if reference.digest().is_none() => problem(
            Code::Unpinned.as_str(),
            format!("the policy `{shown}` names a tag, which may be moved, and no digest"),
            format!("`kaphost policy digest {reference}` prints it with its digest: give that"),
        ),
        Ok(reference) => {
            let called = called.map_or_else(|| reference.to_string(), str::to_owned);
            Ok(Source::Registry(reference, called))
        }
        Err(invalid) => problem(Code::InvalidReference.as_str(), format!("the policy `{shown}` {invalid}"), invalid.help),
    }
}

/// False also for what cannot be read.
fn starts_as_wasm(file: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    // Only of a regular file: reading from a pipe takes away what is read, and may wait for ever.
    let regular = std::fs::metadata(file).is_ok_and(|data| data.is_file());
    !regular || std::fs::File::open(file).is_ok_and(|mut open| open.read_exact(&mut start).is_ok() && start == MAGIC)
}

fn parse(file: &Path, called: Option<&str>, text: String) -> Result<Source, Unusable> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    match PolicySet::parse(ConfigSource::new(called.map_or_else(|| file.display().to_string(), str::to_owned), text)) {
        Ok(set) => Ok(Source::Set(Box::new(set), folder)),
        Err(report) => Err(Unusable { problems: neither(file, &report), mistakes: report.into_diagnostics() }),
    }
}

/// A text of which nothing can be made was perhaps never meant as a policy set.
fn neither(file: &Path, report: &Report) -> Vec<Simple> {
    let foreign = |diagnostic: &Diagnostic| match diagnostic.code() {
        Code::Syntax | Code::TooDeep | Code::MoreMistakes => true,
        Code::UnknownNode => !diagnostic.help().is_some_and(|help| help.starts_with("did you mean")),
        _ => false,
    };
    if !report.diagnostics().iter().all(foreign) {
        return Vec::new();
    }
    let message = format!("`{}` is neither a WebAssembly component nor a policy set in KDL", file.display());
    vec![
        Simple::new("neither-module-nor-set", message)
            .with_help("name a policy's `.wasm` file, or mend what keeps the text from being read"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(named: Vec<Named>) -> Vec<PathBuf> {
        assert!(named.iter().all(|named| named.set), "what the machine names is a set: {named:?}");
        named.into_iter().map(|named| named.file).collect()
    }

    #[test]
    fn the_machines_own_set_comes_first_and_no_variable_takes_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let fixed = folder.path().join("policy.kdl");
        let added = || Some(OsString::from("added.kdl"));
        assert_eq!(files(machine_wide(&fixed, None).unwrap()), Vec::<PathBuf>::new());
        assert_eq!(files(machine_wide(&fixed, added()).unwrap()), [PathBuf::from("added.kdl")]);
        std::fs::write(&fixed, "").unwrap();
        for without in [None, Some(OsString::new())] {
            assert_eq!(files(machine_wide(&fixed, without).unwrap()), vec![fixed.clone()]);
        }
        assert_eq!(files(machine_wide(&fixed, added()).unwrap()), [fixed.clone(), PathBuf::from("added.kdl")]);
        // What lies below a file is not there.
        assert_eq!(files(machine_wide(&fixed.join("policy.kdl"), None).unwrap()), Vec::<PathBuf>::new());
    }

    #[test]
    #[cfg(unix)]
    fn a_set_that_cannot_be_reached_is_no_missing_set() {
        let folder = tempfile::tempdir().unwrap();
        let fixed = folder.path().join("policy.kdl");
        std::os::unix::fs::symlink("nowhere", &fixed).unwrap();
        let named = machine_wide(&fixed, None).unwrap();
        assert_eq!(named.len(), 1);
        let unusable = recognise_all(&named).unwrap_err();
        assert_eq!(unusable.problems.len(), 1);
        assert!(unusable.problems[0].to_string().contains("does not exist"), "{:?}", unusable.problems);
    }

    #[test]
    fn files_are_told_apart_by_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            std::fs::write(&file, bytes).unwrap();
            Named { file, called: None, set: false }
        };
        let digest = "0".repeat(64);
        let set = format!("policy \"a\" path=\"a.wasm\" sha256=\"{digest}\" enforcement=\"mandatory\"");
        let is_module = |named: &Named| matches!(recognise(named), Ok(Source::Module(_)));
        assert!(is_module(&write("module.kdl", b"\0asm\x0d\0\x01\0")), "whatever it is called");
        assert!(is_module(&write("latin1.txt", b"k\xe4phost")) && is_module(&write("zeros", b"\0\0\0\0")));
        assert!(is_module(&write("page.wasm", b"<!doctype html>")), "the loader says that it is no WebAssembly");
        assert!(is_module(&Named { file: folder.path().to_owned(), called: None, set: false }));
        assert!(is_module(&Named { file: folder.path().join("absent"), called: None, set: false }));
        assert!(matches!(recognise(&write("org", set.as_bytes())), Ok(Source::Set(..))), "whatever it is called");

        let page = recognise(&write("page.html", b"<!doctype html>\n<p style=\"}\">")).unwrap_err();
        assert!(page.problems[0].to_string().contains("neither"), "{page:?}");
        let misspelt = recognise(&write("other.kdl", set.replace("policy", "polcy").as_bytes())).unwrap_err();
        assert!(misspelt.problems.is_empty() && misspelt.mistakes.len() == 1, "{misspelt:?}");
        // What the machine names is a policy set, or nothing runs.
        let module = Named { set: true, ..write("policy.kdl", b"\0asm\x0d\0\x01\0") };
        assert!(recognise(&module).is_err());
    }

    #[test]
    fn references_are_told_from_paths_and_need_a_digest() {
        let pinned = format!("oci://127.0.0.1:5000/org:1@sha256:{}", "a".repeat(64));
        let named = |text: &str, set: bool| recognise(&Named { file: text.into(), called: None, set });
        assert!(matches!(named(&pinned, false), Ok(Source::Registry(_, called)) if called == pinned));
        for (text, set, said) in
            [("oci://ghcr.io/org:1", false, "no digest"), ("oci://ghcr.io", false, "names no repository"), (&*pinned, true, "is a module")]
        {
            let unusable = named(text, set).unwrap_err();
            assert!(unusable.problems[0].to_string().contains(said), "{unusable:?}");
        }
        let paths = |text: &str| split(OsStr::new(text)).into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        let sep = if cfg!(windows) { ";" } else { ":" };
        assert_eq!(paths(&format!("a.wasm{sep}{pinned}{sep}{sep}b.kdl{sep}{pinned}")), ["a.wasm", &*pinned, "b.kdl", &*pinned]);
        assert_eq!(paths(&format!("a{sep}b")), ["a", "b"]);
        assert_eq!(paths("oci://ghcr.io/a:1"), ["oci://ghcr.io/a:1"], "said to have no digest, and not torn apart");
        assert_eq!(paths(""), Vec::<String>::new());
    }

    #[test]
    fn a_set_given_twice_is_one_set() {
        let folder = tempfile::tempdir().unwrap();
        let digest = "0".repeat(64);
        let file = folder.path().join("org.kdl");
        std::fs::write(&file, format!("policy \"a\" path=\"a.wasm\" sha256=\"{digest}\" enforcement=\"mandatory\"")).unwrap();
        let other = folder.path().join("copy.kdl");
        std::fs::copy(&file, &other).unwrap();
        let roundabout = folder.path().join(".").join("org.kdl");
        let named = [file, roundabout, other].map(|file| Named { file, called: None, set: false });
        assert_eq!(recognise_all(&named).unwrap().len(), 2, "one, and its copy");
    }
}
