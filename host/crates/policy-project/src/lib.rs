//! A new policy as a project of its own: the files of `kaphost policy new`.
//!
//! A pure function from a [`Name`] to paths and texts: writes nothing. What a project needs besides the registry travels in the program: the SDK with
//! the contract, as the folder `kaphost-guest/`, and the versions of all that it is built with, as `Cargo.lock`. Nothing in it points anywhere else.
//!
//! ```
//! use kaphost_policy_project::{Name, rust};
//!
//! let files = rust(&"small-root-volumes".parse::<Name>()?);
//! assert!(files.iter().any(|file| file.path == "src/lib.rs" && file.text.windows(16).any(|at| at == b"SmallRootVolumes")));
//! # Ok::<(), kaphost_policy_project::BadName>(())
//! ```

mod lock;
mod name;

use kaphost_policy_build::component::worlds;

pub use name::{BadName, Name};

/// What the build script packed.
mod packed {
    include!(concat!(env!("OUT_DIR"), "/packed.rs"));
}

/// A file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// In the project's folder, with slashes.
    pub path: String,
    /// What it holds.
    pub text: Vec<u8>,
}

/// The templates of a policy in Rust. `{{name}}`, `{{crate}}`, `{{Type}}` and `{{version}}` are filled in.
const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/rust/Cargo.toml.in")),
    ("README.md", include_str!("../template/rust/README.md.in")),
    (".gitignore", include_str!("../template/rust/gitignore.in")),
    (".github/workflows/policy.yml", include_str!("../template/rust/policy.yml.in")),
    ("src/lib.rs", include_str!("../template/rust/lib.rs.in")),
];

/// Those of a policy in Python, which holds the same rule.
const PYTHON: &[(&str, &str)] = &[
    ("pyproject.toml", include_str!("../template/python/pyproject.toml.in")),
    ("README.md", include_str!("../template/python/README.md.in")),
    (".gitignore", include_str!("../template/python/gitignore.in")),
    (".github/workflows/policy.yml", include_str!("../template/python/policy.yml.in")),
    ("src/policy.py", include_str!("../template/python/policy.py.in")),
    ("tests/__init__.py", include_str!("../template/python/tests_init.py.in")),
    ("tests/test_policy.py", include_str!("../template/python/test_policy.py.in")),
];

/// What must come of which config, whatever the language.
const CASES: &[(&str, &str)] = &[
    ("cases/root-volume.kdl", include_str!("../template/root-volume.kdl.in")),
    ("cases/configs/cluster.kdl", include_str!("../template/cluster.kdl.in")),
];

/// The files of a new policy in Rust, sorted by path: code, native tests, cases, README, a CI file, the SDK.
#[must_use]
pub fn rust(name: &Name) -> Vec<File> {
    let mut files = filled(name, RUST);
    files.push(file("Cargo.lock", lock::text(name, packed::LOCKED)));
    files.extend(packed::SDK.iter().map(|(path, text)| file(&format!("kaphost-guest/{path}"), (*text).to_owned())));
    for (world, bytes) in worlds(contract()).unwrap_or_default() {
        files.push(File { path: format!("kaphost-guest/worlds/{world}"), text: bytes });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The same in Python.
#[must_use]
pub fn python(name: &Name) -> Vec<File> {
    let mut files = filled(name, PYTHON);
    files.extend(packed::PYTHON_SDK.iter().map(|(path, text)| file(&format!("kaphost-guest/{path}"), (*text).to_owned())));
    files.push(file("kaphost-guest/wit/policy.wit", contract().to_owned()));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn filled(name: &Name, templates: &[(&str, &str)]) -> Vec<File> {
    let fill = |text: &str| {
        text.replace("{{name}}", name.as_str())
            .replace("{{crate}}", &name.library())
            .replace("{{Type}}", &name.type_name())
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
    };
    templates.iter().chain(CASES).map(|(path, text)| file(path, fill(text))).collect()
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), text: text.into_bytes() }
}

/// The contract is ours, and a test reads it: there is no other.
fn contract() -> &'static str {
    packed::SDK.iter().find(|(path, _)| *path == "wit/policy.wit").map_or("", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_whole_and_points_nowhere_else() {
        let files = rust(&"small-root-volumes".parse().unwrap());
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        for path in [
            ".github/workflows/policy.yml",
            "Cargo.lock",
            "Cargo.toml",
            "README.md",
            "cases/root-volume.kdl",
            "kaphost-guest/Cargo.toml",
            "kaphost-guest/src/lib.rs",
            "kaphost-guest/wit/policy.wit",
            "kaphost-guest/worlds/mutator",
            "kaphost-guest/worlds/policy",
            "kaphost-guest/worlds/validator",
            "src/lib.rs",
        ] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
        assert!(paths.is_sorted() && paths.iter().all(|path| !path.contains("..") && !path.starts_with('/')));
        for file in &files {
            if let Ok(text) = std::str::from_utf8(&file.text) {
                assert!(!text.contains("{{") || file.path.ends_with(".yml"), "{}: something is not filled in", file.path);
                assert!(!text.contains("../../"), "{} points out of the project", file.path);
                assert!(!text.contains(env!("CARGO_MANIFEST_DIR")), "{} names this machine", file.path);
            }
            assert!(!file.text.is_empty(), "{}", file.path);
        }
        let manifest = files.iter().find(|file| file.path == "kaphost-guest/Cargo.toml").unwrap();
        let manifest = std::str::from_utf8(&manifest.text).unwrap();
        let dependencies: Vec<&str> =
            manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.is_empty()).collect();
        assert_eq!(dependencies.len(), 1, "{manifest}");
        assert!(dependencies[0].starts_with("wit-bindgen = "), "{manifest}");
    }

    #[test]
    fn a_project_in_python_is_whole_too() {
        let files = python(&"small-root-volumes".parse().unwrap());
        let text = |path: &str| {
            let found = files.iter().find(|file| file.path == path);
            std::str::from_utf8(&found.unwrap_or_else(|| panic!("{path} is not there")).text).unwrap()
        };
        for path in ["cases/root-volume.kdl", "kaphost-guest/wit/policy.wit", "kaphost-guest/bindings/wit_world/imports/types.py"] {
            assert!(!text(path).is_empty(), "{path}");
        }
        assert!(
            text("pyproject.toml").contains("name = \"small-root-volumes\"") && text("src/policy.py").contains("\"small-root-volumes\"")
        );
        assert!(text("kaphost-guest/kaphost_guest/__init__.py").contains("def answers"));
        assert!(files.iter().all(|file| !file.path.contains("__pycache__") && !file.path.contains("tests/sdk")));
        for file in files.iter().filter(|file| !file.path.ends_with(".yml")) {
            assert!(!std::str::from_utf8(&file.text).unwrap().contains("{{"), "{}: something is not filled in", file.path);
        }
        assert!(files.is_sorted_by_key(|file| &file.path));
    }

    #[test]
    fn the_same_name_gives_the_same_bytes() {
        let name: Name = "a".parse().unwrap();
        assert_eq!(rust(&name), rust(&name));
    }
}
