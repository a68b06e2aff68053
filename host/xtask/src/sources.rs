//! No source file is left out: each is a module of a file above it, up to the root of a program or a library. What nobody names is compiled by nobody, and
//! its tests are lost in silence.

/// The files, of all that there are (paths from the repository's root), that no other names as its module. `read` gives a file's text.
pub(crate) fn left_out<'a>(files: &[&'a str], read: impl Fn(&str) -> String) -> Vec<&'a str> {
    let named = |file: &str| {
        let Some((name, folder)) = place(file) else { return true };
        let parents: Vec<&&str> = files.iter().filter(|other| may_declare(other, folder)).collect();
        if !parents.is_empty() {
            return parents.iter().any(|parent| declares(&read(parent), name));
        }
        // A folder in which each file is a program by itself: cargo finds those, and what they share is named by one of them.
        let programs = ["tests", "examples", "benches", "bin"].contains(&last(folder));
        let mut beside = files.iter().filter(|other| folder_of(other) == folder);
        programs && (folder_of(file) == folder || beside.any(|program| declares(&read(program), name)))
    };
    files.iter().copied().filter(|file| !named(file)).collect()
}

/// The name of the module that a file is, and the folder of the module above it. None for the root of a program, a library or a build script.
fn place(file: &str) -> Option<(&str, &str)> {
    let folder = folder_of(file);
    match last(file).strip_suffix(".rs")? {
        "main" | "lib" | "build" => None,
        "mod" => Some((last(folder), folder_of(folder))),
        name => Some((name, folder)),
    }
}

/// Whether this file is the module, or the root, whose parts lie in the folder.
fn may_declare(file: &str, folder: &str) -> bool {
    let inside = folder_of(file) == folder && ["mod.rs", "lib.rs", "main.rs"].contains(&last(file));
    inside || file.strip_suffix(".rs") == Some(folder)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether there is a line `mod NAME;`, whoever may see the module.
fn declares(text: &str, name: &str) -> bool {
    let before = |line: &str| line.trim().strip_suffix(';')?.strip_suffix(name)?.strip_suffix("mod ").map(str::to_owned);
    text.lines().filter_map(before).any(|before| !before.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[(&'static str, &'static str)]) -> Vec<&'static str> {
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        left_out(&names, |file| files.iter().find(|(name, _)| *name == file).unwrap().1.to_owned())
    }

    #[test]
    fn a_file_that_nobody_names_is_found_at_every_depth() {
        let mut files = [
            ("a/src/lib.rs", "mod one;\npub(crate) mod two;\npub mod three;"),
            ("a/src/one.rs", "#[cfg(test)]\nmod tests;"),
            ("a/src/one/tests.rs", ""),
            ("a/src/two/mod.rs", "    mod deep;"),
            ("a/src/two/deep.rs", ""),
            ("a/src/three.rs", ""),
            ("a/build.rs", ""),
        ];
        assert_eq!(left(&files), [""; 0]);
        files[0].1 = "// mod one; mod two;\npub mod three;";
        assert_eq!(left(&files), ["a/src/one.rs", "a/src/two/mod.rs"]);
        (files[1].1, files[3].1) = ("mod other;", "mod deeper;");
        assert_eq!(left(&files), ["a/src/one.rs", "a/src/one/tests.rs", "a/src/two/mod.rs", "a/src/two/deep.rs"]);
    }

    #[test]
    fn a_folder_of_programs_needs_no_names_until_one_file_is_the_root_of_all() {
        let apart = [("a/tests/one.rs", "mod support;"), ("a/tests/two.rs", ""), ("a/tests/support/mod.rs", ""), ("a/src/bin/demo.rs", "")];
        assert_eq!(left(&apart), [""; 0]);
        let unused = [("a/tests/one.rs", ""), ("a/tests/support/mod.rs", "")];
        assert_eq!(left(&unused), ["a/tests/support/mod.rs"]);
        let together = [("a/tests/main.rs", "mod one;"), ("a/tests/one.rs", ""), ("a/tests/two.rs", "")];
        assert_eq!(left(&together), ["a/tests/two.rs"]);
    }
}
