//! The pages of the repository, and what is shown on them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands between two fences.
#[derive(Clone, Debug)]
pub(crate) struct Snippet {
    /// The page, from the repository's root.
    pub(crate) page: PathBuf,
    /// The line of the opening fence, from 1.
    line: usize,
    /// What the fence says that it is.
    pub(crate) kind: String,
    /// Without the fences.
    pub(crate) text: String,
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.page.display(), self.line)
    }
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page, from the repository's root, sorted.
fn pages() -> Vec<PathBuf> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // What is built, and what git and tools keep for themselves.
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                collect(&path, into);
            } else if name.ends_with(".md") {
                into.push(path);
            }
        }
    }
    let root = repository();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    pages.sort();
    assert!(pages.len() > 40, "{pages:?}");
    pages.iter().map(|page| page.strip_prefix(&root).unwrap().to_owned()).collect()
}

/// A page's snippets, and its lines outside of them, each with its number.
fn cut(page: &Path) -> (Vec<Snippet>, Vec<(usize, String)>) {
    let text = fs::read_to_string(repository().join(page)).unwrap();
    let (mut snippets, mut rest) = (Vec::new(), Vec::new());
    let mut open: Option<Snippet> = None;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, None) => rest.push((index + 1, line.to_owned())),
            (None, Some(kind)) => {
                open = Some(Snippet { page: page.to_owned(), line: index + 1, kind: kind.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some("")) => snippets.extend(open.take()),
            (Some(snippet), _) => snippet.text.push_str(&format!("{line}\n")),
        }
    }
    assert!(open.is_none(), "{}: a fence is not closed", page.display());
    (snippets, rest)
}

/// Every fenced snippet of every page.
pub(crate) fn snippets() -> Vec<Snippet> {
    pages().iter().flat_map(|page| cut(page).0).collect()
}

/// What begins with `kaphost ` between backticks on any page, with its place. The changelog tells of what there was.
pub(crate) fn command_lines() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages().iter().filter(|page| !page.ends_with("CHANGELOG.md")) {
        for (number, line) in cut(page).1 {
            let spans = line.split('`').skip(1).step_by(2).filter(|span| span.starts_with("kaphost ")).map(str::to_owned);
            found.extend(spans.map(|span| (format!("{}:{number}", page.display()), span)));
        }
    }
    found
}
