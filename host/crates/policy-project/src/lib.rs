//! A new policy as a project of its own: the files of `kaphost policy new`.
//!
//! A pure function from a [`Name`] to paths and texts: writes nothing. What a project needs besides the registry travels in the program: the SDK with
//! the contract, as the folder `kaphost-guest/`, and the versions of all that it is built with, as `Cargo.lock`. Nothing in it points anywhere else.
//!
//! ```
//! use kaphost_policy_project::{Name, rust};
//!
//! let files = rust(&"small-root-volumes".parse::<Name>()?);
//! assert!(files.iter().any(|file| file.path == "src/lib.rs" && file.text.contains("SmallRootVolumes")));
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

/// The templates. `{{name}}`, `{{crate}}`, `{{Type}}` and `{{version}}` are filled in.
const TEMPLATES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("README.md", include_str!("../template/README.md.in")),
    (".gitignore", include_str!("../template/gitignore.in")),
    (".github/workflows/policy.yml", include_str!("../template/policy.yml.in")),
    ("src/lib.rs", include_str!("../template/lib.rs.in")),
    ("cases/root-volume.kdl", include_str!("../template/root-volume.kdl.in")),
    ("cases/configs/cluster.kdl", include_str!("../template/cluster.kdl.in")),
];

/// The files of a new policy in Rust, sorted by path: code, native tests, cases, README, a CI file, the SDK.
#[must_use]
pub fn rust(name: &Name) -> Vec<File> {
    let fill = |text: &str| {
        text.replace("{{name}}", name.as_str())
            .replace("{{crate}}", &name.library())
            .replace("{{Type}}", &name.type_name())
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
    };
    let file = |path: &str, text: String| File { path: path.to_owned(), text: text.into_bytes() };
    let mut files: Vec<File> = TEMPLATES.iter().map(|(path, text)| file(path, fill(text))).collect();
    files.push(file("Cargo.lock", lock::text(name, packed::LOCKED)));
    files.extend(packed::SDK.iter().map(|(path, text)| file(&format!("kaphost-guest/{path}"), (*text).to_owned())));
    // The contract is ours, and a test reads it: there is no other.
    let contract = packed::SDK.iter().find(|(path, _)| *path == "wit/policy.wit").map_or("", |(_, text)| text);
    for (world, bytes) in worlds(contract).unwrap_or_default() {
        files.push(File { path: format!("kaphost-guest/worlds/{world}"), text: bytes });
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
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
    fn the_same_name_gives_the_same_bytes() {
        let name: Name = "a".parse().unwrap();
        assert_eq!(rust(&name), rust(&name));
    }
}
