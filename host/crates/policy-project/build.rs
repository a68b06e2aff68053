//! Packs what travels with the program: the SDK's sources, as a package that needs nothing of this repository, the contract, and the versions of
//! everything that the SDK is built with.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What in the SDK's sources points elsewhere in this repository, and what stands for it in the package. Each must be there as often as it says.
const REPLACED: &[(&str, usize, &str, &str)] = &[
    ("src/bindings.rs", 1, "path: \"../../wit\"", "path: \"wit\""),
    ("src/bindings.rs", 2, "env!(\"OUT_DIR\"), \"/\", ", "\"../worlds/\", "),
    ("src/bindings.rs", 1, "; see `build.rs`", ""),
    ("src/lib.rs", 1, "`cargo xtask policies` builds", "`kaphost policy build` builds"),
];

/// From here on the SDK's `lib.rs` compiles the examples of this repository's own documents.
const OWN_EXAMPLES: &str = "\n/// The example of the guests' README, compiled.";

/// What packages need only for features that this workspace switches on and the SDK does not ask for. Each must be there.
const UNASKED: &[(&str, &str)] =
    &[("hashbrown", "serde"), ("hashbrown", "serde_core"), ("semver", "serde"), ("semver", "serde_core"), ("serde", "serde_derive")];

fn main() -> Result {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.join("../../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    for part in ["guest-policies/sdk", "guest-policies/sdk-python", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
    }
    let mut files = BTreeMap::new();
    sources(&root.join("guest-policies/sdk"), "src", &mut files)?;
    adapt(&mut files)?;
    files.insert("wit/policy.wit".to_owned(), fs::read_to_string(root.join("wit/policy.wit"))?);
    files.insert(
        "Cargo.toml".to_owned(),
        manifest(&fs::read_to_string(root.join("Cargo.toml"))?, &fs::read_to_string(root.join("guest-policies/sdk/Cargo.toml"))?)?,
    );

    let mut list = String::from("/// The SDK's files, by their paths in its folder.\npub(crate) const SDK: &[(&str, &str)] = &[\n");
    pack(&out, "sdk", &files, &mut list)?;
    list.push_str("];\n\n/// Those of the SDK for Python.\npub(crate) const PYTHON_SDK: &[(&str, &str)] = &[\n");
    let mut files = BTreeMap::new();
    for part in ["kaphost_guest", "bindings"] {
        sources(&root.join("guest-policies/sdk-python"), part, &mut files)?;
    }
    pack(&out, "sdk-python", &files, &mut list)?;
    list.push_str("];\n\n/// What the SDK needs of the registry: name, version, checksum, and what each needs itself.\n");
    list.push_str("pub(crate) const LOCKED: &[(&str, &str, &str, &[&str])] = &[\n");
    for ((name, version), Package { checksum, needs }) in closure(&fs::read_to_string(root.join("Cargo.lock"))?, "wit-bindgen")? {
        writeln!(list, "    ({name:?}, {version:?}, {checksum:?}, &{needs:?}),")?;
    }
    list.push_str("];\n");
    fs::write(out.join("packed.rs"), list)?;
    Ok(())
}

/// Writes files where the crate includes them from, and lists them.
fn pack(out: &Path, folder: &str, files: &BTreeMap<String, String>, list: &mut String) -> Result {
    if out.join(folder).exists() {
        fs::remove_dir_all(out.join(folder))?;
    }
    for (path, text) in files {
        let file = out.join(folder).join(path);
        fs::create_dir_all(file.parent().ok_or("no folder")?)?;
        fs::write(file, text)?;
        writeln!(list, "    ({path:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{folder}/\", {path:?}))),")?;
    }
    Ok(())
}

fn sources(folder: &Path, below: &str, into: &mut BTreeMap<String, String>) -> Result {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = format!("{below}/{}", entry.file_name().to_str().ok_or("a name that is no text")?);
        if entry.file_type()?.is_dir() {
            // What Python leaves where it was run is no source.
            if entry.file_name() != "__pycache__" {
                sources(folder, &path, into)?;
            }
        } else {
            into.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

fn adapt(files: &mut BTreeMap<String, String>) -> Result {
    for (file, count, from, to) in REPLACED {
        let text = files.get_mut(*file).ok_or("the SDK is made of other files by now")?;
        if text.matches(from).count() != *count {
            return Err(
                format!("{file} of the SDK does not hold {from:?} {count} times: say in this build script what stands for it").into()
            );
        }
        *text = text.replace(from, to);
    }
    let lib = files.get_mut("src/lib.rs").ok_or("the SDK has no lib.rs")?;
    let end = lib.find(OWN_EXAMPLES).ok_or("lib.rs of the SDK does not end with the examples of documents")?;
    lib.truncate(end);
    match files.iter().find(|(_, text)| text.contains("../../")) {
        Some((file, _)) => Err(format!("{file} of the SDK points out of its folder").into()),
        None => Ok(()),
    }
}

/// The manifest of the SDK as a package by itself, of this workspace's and its own here.
fn manifest(root: &str, sdk: &str) -> Result<String> {
    let line = |start: &str| root.lines().find(|line| line.starts_with(start)).ok_or(format!("no `{start}` in Cargo.toml"));
    let table = |text: &str, name: &str| -> Result<String> {
        let lines = text.lines().skip_while(|line| *line != format!("[{name}]")).skip(1).take_while(|line| !line.starts_with('['));
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        if lines.is_empty() { Err(format!("no `{name}` in Cargo.toml").into()) } else { Ok(lines.join("\n")) }
    };
    Ok(format!(
        "# The SDK of kaphost {version}, as it came with the program: `kaphost policy new` wrote it. Nothing in here is meant to be changed.\n\
         [package]\n\
         name = \"kaphost-guest\"\n\
         description = \"The SDK for kaphost's policies: pure functions on plain data, tested natively, shipped as WebAssembly components.\"\n\
         version = \"{version}\"\n{edition}\n{rust}\n{license}\npublish = false\n\n\
         [features]\n{features}\n\n\
         [dependencies]\n{bindgen}\n\n\
         [lints.rust]\n{rustc_lints}\n\n[lints.clippy]\n{clippy_lints}\n",
        version = env::var("CARGO_PKG_VERSION")?,
        edition = line("edition = ")?,
        rust = line("rust-version = ")?,
        license = line("license = ")?,
        bindgen = line("wit-bindgen = ")?,
        features = table(sdk, "features")?,
        rustc_lints = table(root, "workspace.lints.rust")?,
        clippy_lints = table(root, "workspace.lints.clippy")?,
    ))
}

/// A package of the lock file.
#[derive(Clone)]
struct Package {
    checksum: String,
    /// As the lock file has them: by name, and by version where the name is there more than once.
    needs: Vec<String>,
}

type Packages = BTreeMap<(String, String), Package>;

/// A package and all that it needs, from a lock file; each names what it needs as a lock file of these alone does.
fn closure(lock: &str, start: &str) -> Result<Packages> {
    let mut packages = Packages::new();
    for block in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.map(|text| text.trim_matches('"').to_owned())
        };
        let needs = block.lines().skip_while(|line| *line != "dependencies = [").skip(1).take_while(|line| *line != "]");
        let needs = needs.map(|line| line.trim().trim_matches(|c| c == '"' || c == ',').to_owned()).collect();
        let (name, version) = (value("name").ok_or("no name")?, value("version").ok_or("no version")?);
        packages.insert((name, version), Package { checksum: value("checksum").unwrap_or_default(), needs });
    }
    for (package, need) in UNASKED {
        let mut there = false;
        for (_, found) in packages.iter_mut().filter(|((name, _), _)| name == package) {
            let before = found.needs.len();
            found.needs.retain(|known| known != need);
            there |= found.needs.len() < before;
        }
        if !there {
            return Err(format!("{package} does not need {need}: say so in this build script").into());
        }
    }
    let key = |need: &str| {
        let (name, version) = need.split_once(' ').map_or((need, None), |(name, version)| (name, Some(version)));
        let found = packages.keys().find(|(known, of)| known == name && version.is_none_or(|version| of == version));
        found.cloned().ok_or(format!("Cargo.lock lacks {need}"))
    };
    let mut found = Packages::new();
    let mut wanted = BTreeSet::from([key(start)?]);
    while let Some(next) = wanted.pop_first() {
        if found.contains_key(&next) {
            continue;
        }
        let package = packages.get(&next).ok_or("a package that was just found")?;
        for need in &package.needs {
            wanted.insert(key(need)?);
        }
        found.insert(next, package.clone());
    }
    let several = |name: &str| found.keys().filter(|(known, _)| known == name).count() > 1;
    let mut all = found.clone();
    for package in all.values_mut() {
        for need in &mut package.needs {
            let (name, version) = key(need)?;
            *need = if several(&name) { format!("{name} {version}") } else { name };
        }
    }
    Ok(all)
}
