//! Where cargo puts things, and whether what lies there is what the sources say now.
//!
//! These tests run a program and components that another step builds (`cargo xtask test` does it in the right order).
//! Running an old one would prove nothing, so that is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Failure;

/// How to get what is missing or old.
const REMEDY: &str = "run the tests with `cargo xtask test`, which builds it first";

/// The folder of cargo's profile that the running executable was built in.
#[derive(Clone, Debug)]
pub struct Built {
    profile: PathBuf,
}

impl Built {
    /// Finds it from the running executable: `target/<profile>/deps/test-…` or `target/<profile>/xtask`.
    ///
    /// # Errors
    /// When the executable lies elsewhere.
    pub fn find() -> Result<Self, Failure> {
        let executable = std::env::current_exe().map_err(Failure::while_doing("finding the running executable"))?;
        let folder = executable.parent().unwrap_or(Path::new("/"));
        let profile = if folder.ends_with("deps") || folder.ends_with("examples") { folder.parent().unwrap_or(folder) } else { folder };
        Ok(Self { profile: profile.to_owned() })
    }

    /// The target folder itself.
    #[must_use]
    pub fn target(&self) -> &Path {
        // With `--target TRIPLE` the profile lies one deeper; what is kept beside it is then kept per triple.
        self.profile.parent().unwrap_or(&self.profile)
    }

    /// The `kaphost` program.
    ///
    /// # Errors
    /// When it is missing, or older than a source it was built from.
    pub fn kaphost(&self) -> Result<PathBuf, Failure> {
        let program = self.profile.join(format!("kaphost{}", std::env::consts::EXE_SUFFIX));
        let built = modified(&program)?;
        // Written by cargo beside every program: what it was made of.
        let list = self.profile.join("kaphost.d");
        let text = fs::read_to_string(&list).map_err(Failure::while_doing(format!("reading {}; {REMEDY}", list.display())))?;
        newest_older_than(&program, built, sources_in(&text))?;
        Ok(program)
    }

    /// The component of a policy in `guest-policies/`: `org`, `restrict-ssh`, `imdsv2`.
    ///
    /// # Errors
    /// When it is missing, or older than its own sources, those of the policies that it is composed of, the guest library or the contract.
    pub fn policy(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.target().join("policies");
        let root = workspace();
        let file = [name.to_owned(), name.replace('-', "_")].map(|stem| folder.join(stem + ".wasm")).into_iter().find(|path| path.exists());
        let Some(component) = file else {
            return Err(Failure::new(format!("there is no {}; {REMEDY}", folder.join(format!("{name}.wasm")).display())));
        };
        let mut sources = Vec::new();
        let guests = root.join("guest-policies");
        for room in [guests.join(name).join("src"), guests.join("sdk/src"), root.join("wit")] {
            collect(&room, &mut sources);
        }
        for part in composed_of(&guests, name)? {
            collect(&guests.join(part).join("src"), &mut sources);
        }
        newest_older_than(&component, modified(&component)?, sources)?;
        Ok(component)
    }
}

/// The policies of this repository that a policy is made of, by the manifests: dependencies that are folders beside it, and theirs.
fn composed_of(guests: &Path, name: &str) -> Result<Vec<String>, Failure> {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(name.to_owned());
    let mut done = 0;
    while let Some(name) = next {
        let manifest = guests.join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(Failure::while_doing(format!("reading {}", manifest.display())))?;
        let dependencies = text.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
        let names = dependencies.filter_map(|line| line.split(['=', '.']).next()).map(|name| name.trim().to_owned());
        for name in names.filter(|name| !name.is_empty() && guests.join(name).is_dir()) {
            if !parts.contains(&name) {
                parts.push(name);
            }
        }
        next = parts.get(done).cloned();
        done += 1;
    }
    Ok(parts)
}

/// The repository.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

fn modified(path: &Path) -> Result<SystemTime, Failure> {
    fs::metadata(path)
        .and_then(|data| data.modified())
        .map_err(Failure::while_doing(format!("there is no usable {}; {REMEDY}", path.display())))
}

/// The files of a dependency list as make writes it: `target: file file`, a space in a name as `\ `.
fn sources_in(list: &str) -> Vec<PathBuf> {
    let files = list.lines().filter_map(|line| line.split_once(": ")).map(|(_, files)| files);
    files
        .flat_map(|files| {
            let mut names = vec![String::new()];
            let mut escaped = false;
            for letter in files.chars() {
                match letter {
                    '\\' if !escaped => escaped = true,
                    ' ' if !escaped => names.push(String::new()),
                    _ => {
                        if let Some(last) = names.last_mut() {
                            last.push(letter);
                        }
                        escaped = false;
                    }
                }
            }
            names
        })
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "wit") {
            into.push(path);
        }
    }
}

fn newest_older_than(product: &Path, built: SystemTime, sources: Vec<PathBuf>) -> Result<(), Failure> {
    let newer = sources.into_iter().find(|source| modified(source).is_ok_and(|changed| changed > built));
    match newer {
        Some(source) => Err(Failure::new(format!("{} is older than {}; {REMEDY}", product.display(), source.display()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependency_lists_are_read_with_their_escapes() {
        let list = "/t/debug/kaphost: /a/main.rs /a/with\\ space.rs\n";
        assert_eq!(sources_in(list), [PathBuf::from("/a/main.rs"), PathBuf::from("/a/with space.rs")]);
        assert!(sources_in("").is_empty());
    }

    #[test]
    fn a_policy_is_composed_of_the_policies_that_it_depends_on() {
        let guests = workspace().join("guest-policies");
        let parts = composed_of(&guests, "org").unwrap();
        assert!(["dedicated-tenancy", "restrict-ssh"].iter().all(|part| parts.iter().any(|found| found == part)), "{parts:?}");
        assert!(composed_of(&guests, "restrict-ssh").unwrap().is_empty(), "the guest library is no policy");
    }

    #[test]
    fn a_program_older_than_its_source_is_refused_and_a_newer_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("debug");
        fs::create_dir(&profile).unwrap();
        let built = Built { profile: profile.clone() };
        assert!(built.kaphost().unwrap_err().to_string().contains("cargo xtask test"));

        let source = folder.path().join("main.rs");
        fs::write(&source, "").unwrap();
        let program = profile.join(format!("kaphost{}", std::env::consts::EXE_SUFFIX));
        fs::write(&program, "").unwrap();
        fs::write(profile.join("kaphost.d"), format!("{}: {}\n", program.display(), source.display())).unwrap();
        let hour = std::time::Duration::from_secs(3600);
        let set = |path: &Path, when: SystemTime| fs::File::options().append(true).open(path).unwrap().set_modified(when).unwrap();
        set(&source, SystemTime::now() - hour);
        assert_eq!(built.kaphost().unwrap(), program);
        set(&source, SystemTime::now() + hour);
        let refusal = built.kaphost().unwrap_err().to_string();
        assert!(refusal.contains("is older than") && refusal.contains("main.rs"), "{refusal}");
    }
}
