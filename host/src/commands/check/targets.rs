//! Which files are checked.
//!
//! What is named is checked, whatever it is called. A folder and a pattern are searched: everything in them that is called `*.kdl` (a pattern: that
//! matches) is a config, but for `.git` and what `--exclude` names. No ignore file is read: what is checked could shrink by what is checked. Files are
//! named from where the run was started, and are in the order of the arguments, sorted within each.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};
use walkdir::WalkDir;

use crate::failure::Failure;
use crate::input;

/// `*` stays within a folder, as in a shell, and names that begin with a dot are names like others.
const MATCHING: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
/// What a pattern is told from a name by.
const SPECIAL: [char; 3] = ['*', '?', '['];

/// What is to be checked.
#[derive(Debug)]
pub(super) struct Targets {
    /// In order. A file is in it once.
    pub(super) all: Vec<Target>,
    /// Whether one file is named, and nothing is searched.
    pub(super) one_file: bool,
}

/// One thing to check.
#[derive(Debug)]
pub(super) enum Target {
    /// A file that was named.
    Named(PathBuf),
    /// A file that was found. It may be of another kind than a config.
    Found(PathBuf),
    /// What was named and leads to no file, and why.
    Nothing(PathBuf, &'static str, String),
}

impl Target {
    /// As the user knows it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Found(path) | Self::Nothing(path, ..) => path,
        }
    }
}

/// Looks for what the arguments name.
///
/// # Errors
/// When a pattern is none.
pub(super) fn find(named: &[PathBuf], exclude: &[String]) -> Result<Targets, Failure> {
    let exclude = exclude.iter().map(|text| pattern(text)).collect::<Result<Vec<_>, _>>()?;
    let mut search = Search { exclude, all: Vec::new(), known: BTreeSet::new() };
    for path in named {
        search.take(path)?;
    }
    let one_file = matches!(search.all.as_slice(), [Target::Named(_) | Target::Nothing(..)]) && named.len() == 1;
    Ok(Targets { all: search.all, one_file })
}

fn pattern(text: &str) -> Result<Pattern, Failure> {
    Pattern::new(text).map_err(|error| Failure::Usage(format!("`{text}` is no pattern: {} at character {}", error.msg, error.pos + 1)))
}

struct Search {
    exclude: Vec<Pattern>,
    all: Vec<Target>,
    known: BTreeSet<PathBuf>,
}

impl Search {
    fn take(&mut self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            self.search(path, path, "the folder", "holds no .kdl file", &|file| file.extension().is_some_and(|kind| kind == "kdl"));
            return Ok(());
        }
        match path.to_str().filter(|text| text.contains(SPECIAL) && !path.exists()) {
            Some(text) => {
                // Both sides in one form, since a folder may be found under another than it is named by.
                let pattern = pattern(plain(path).to_str().unwrap_or(text))?;
                self.search(path, &base(path), "the pattern", "matches no file", &|file| pattern.matches_path_with(&plain(file), MATCHING));
            }
            // Whether it can be read is seen when it is read.
            None => self.add(Target::Named(path.to_owned())),
        }
        Ok(())
    }

    /// Takes what is below a folder.
    fn search(&mut self, named: &Path, folder: &Path, what: &'static str, without: &str, is_meant: &dyn Fn(&Path) -> bool) {
        let before = self.all.len();
        let mut found = false;
        let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        for entry in entries.filter_entry(|entry| entry.depth() == 0 || entry.file_name() != OsStr::new(".git")) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_meant(entry.path()) => {
                    let file = plain(entry.path());
                    found = true;
                    if !self.exclude.iter().any(|pattern| pattern.matches_path_with(&file, MATCHING)) {
                        self.add(Target::Found(file));
                    }
                }
                Ok(_) => {}
                // A link to a folder that it lies in: what is there is found without it.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().map_or_else(|| folder.to_owned(), plain);
                    let why = error.io_error().map_or_else(|| error.to_string(), input::plain);
                    // A pattern that begins in a folder that is not there matches nothing.
                    if error.depth() > 0 {
                        self.add(Target::Nothing(path, "the path", why));
                    }
                }
            }
        }
        // A gate that was given nothing to check has checked nothing.
        if self.all.len() == before && !found {
            self.add(Target::Nothing(named.to_owned(), what, without.to_owned()));
        }
    }

    /// Unless it is there already.
    fn add(&mut self, target: Target) {
        if self.known.insert(plain(target.path())) {
            self.all.push(target);
        }
    }
}

/// Without what stands for the folder itself: `./a.kdl` is `a.kdl`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// The folder that a pattern is looked for in: all of it that is no pattern.
fn base(pattern: &Path) -> PathBuf {
    let literal = pattern.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(SPECIAL));
    let base: PathBuf = literal.collect();
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files as in `FILES`, each empty, and what the arguments find of them.
    struct Place(tempfile::TempDir);

    const FILES: &[&str] = &[
        "a.kdl",
        "notes.md",
        "envs/b.kdl",
        "envs/deep/c.kdl",
        "envs/deep/.hidden.kdl",
        "envs/Z.kdl",
        "envs/x.KDL",
        ".git/config.kdl",
        "odd[1].kdl",
    ];

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for file in FILES {
                let path = folder.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            Self(folder)
        }

        fn find(&self, named: &[&str], exclude: &[&str]) -> (Vec<String>, bool) {
            let at = |text: &&str| self.0.path().join(text);
            let named: Vec<PathBuf> = named.iter().map(at).collect();
            let exclude: Vec<String> = exclude.iter().map(|text| at(text).display().to_string()).collect();
            let targets = find(&named, &exclude).unwrap();
            let one = |target: &Target| {
                let path = target.path().strip_prefix(self.0.path()).unwrap().display().to_string();
                match target {
                    Target::Named(_) => format!("named {path}"),
                    Target::Found(_) => path,
                    Target::Nothing(_, what, why) => format!("{what} {path} {why}"),
                }
            };
            (targets.all.iter().map(one).collect(), targets.one_file)
        }
    }

    #[test]
    fn a_folder_is_searched_and_a_file_is_taken() {
        let place = Place::new();
        let envs = ["envs/Z.kdl", "envs/b.kdl", "envs/deep/.hidden.kdl", "envs/deep/c.kdl"];
        assert_eq!(place.find(&["envs"], &[]), (envs.map(str::to_owned).to_vec(), false));
        let (all, _) = place.find(&[""], &[]);
        assert_eq!(all, ["a.kdl", envs[0], envs[1], envs[2], envs[3], "odd[1].kdl"]);
        assert_eq!(place.find(&["notes.md"], &[]), (vec!["named notes.md".to_owned()], true));
        assert_eq!(place.find(&["odd[1].kdl"], &[]), (vec!["named odd[1].kdl".to_owned()], true), "what is there is no pattern");
        // In the order of the arguments, and once.
        let (all, one) = place.find(&["envs/deep/c.kdl", "envs", "./envs/b.kdl", "missing.kdl"], &[]);
        assert_eq!(all, ["named envs/deep/c.kdl", "envs/Z.kdl", "envs/b.kdl", "envs/deep/.hidden.kdl", "named missing.kdl"]);
        assert!(!one);
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        let place = Place::new();
        assert_eq!(place.find(&["envs/*.kdl"], &[]).0, ["envs/Z.kdl", "envs/b.kdl"]);
        assert_eq!(place.find(&["**/[bc].kdl"], &[]).0, ["envs/b.kdl", "envs/deep/c.kdl"]);
        assert_eq!(place.find(&["envs/**/?.kdl"], &["**/b.kdl"]).0, ["envs/Z.kdl", "envs/deep/c.kdl"]);
        assert_eq!(place.find(&["no/*.kdl"], &[]).0, ["the pattern no/*.kdl matches no file"]);
        assert_eq!(place.find(&[".git/refs*"], &[]).0, ["the pattern .git/refs* matches no file"]);
        assert!(matches!(find(&[PathBuf::from("a[*.kdl")], &[]), Err(Failure::Usage(_))));
        // What is left out on purpose is not missed.
        assert_eq!(place.find(&["envs"], &["envs/**"]).0, Vec::<String>::new());
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_once() {
        let place = Place::new();
        let root = place.0.path();
        std::fs::create_dir(root.join("linked")).unwrap();
        std::os::unix::fs::symlink(root.join("envs/deep"), root.join("linked/there")).unwrap();
        std::os::unix::fs::symlink(root.join("linked"), root.join("linked/round")).unwrap();
        std::os::unix::fs::symlink(root.join("a.kdl"), root.join("linked/a.kdl")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere.kdl"), root.join("linked/broken.kdl")).unwrap();
        let (all, _) = place.find(&["linked"], &[]);
        assert_eq!(all, ["linked/a.kdl", "the path linked/broken.kdl does not exist", "linked/there/.hidden.kdl", "linked/there/c.kdl"]);
    }
}
