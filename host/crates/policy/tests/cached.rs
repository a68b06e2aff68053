//! The cache of compiled modules, seen from outside: what it saves, and what it must never do.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::Guest;
use kaphost_policy::{HostOptions, PolicyHost};

fn host(folder: &Path) -> PolicyHost {
    PolicyHost::new(HostOptions { cache_dir: Some(folder.to_owned()), ..HostOptions::default() }).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_second_host_takes_what_the_first_compiled() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let bytes = Guest::validator().build();
    let first = host(&folder).load("a.wasm", &bytes).unwrap();
    let cached = files(&folder);
    assert_eq!(cached.len(), 1);
    let written = std::fs::metadata(&cached[0]).unwrap().modified().unwrap();

    let second = host(&folder).load("b.wasm", &bytes).unwrap();
    assert!(second.notes().is_empty(), "{:?}", second.notes());
    assert_eq!(first.description(), second.description());
    assert_eq!(files(&folder), cached);
    assert_eq!(std::fs::metadata(&cached[0]).unwrap().modified().unwrap(), written, "it was not written again");
}

#[test]
fn a_file_is_the_same_module_as_its_bytes_and_another_file_is_not() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let (validator, mutator) = (Guest::validator().build(), Guest::mutator("", None).build());
    let from_bytes = host(&folder).load("a.wasm", &validator).unwrap();
    let file = home.path().join("a.wasm");
    std::fs::write(&file, &validator).unwrap();
    let from_file = host(&folder).load_file(&file).unwrap();
    assert_eq!(files(&folder).len(), 1);
    assert!(from_file.notes().is_empty(), "{:?}", from_file.notes());
    let known = |module: &kaphost_policy::Module| (module.digest().to_owned(), module.world(), module.description().clone());
    assert_eq!(known(&from_bytes), known(&from_file));
    // The cache goes by what is in the file, not by its name.
    std::fs::write(&file, &mutator).unwrap();
    let other = host(&folder).load_file(&file).unwrap();
    assert_eq!((other.world(), files(&folder).len()), (kaphost_policy::World::Mutator, 2));
    assert_ne!(other.digest(), from_file.digest());
}

#[test]
fn what_was_altered_is_not_run_but_compiled_afresh() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let bytes = Guest::validator().build();
    host(&folder).load("a.wasm", &bytes).unwrap();
    let file = files(&folder).remove(0);
    let good = std::fs::read(&file).unwrap();
    for cut in [0, 10, 48, good.len() / 2, good.len() - 1] {
        std::fs::write(&file, &good[..cut]).unwrap();
        let module = host(&folder).load("a.wasm", &bytes).unwrap();
        assert!(module.notes().iter().any(|note| note.contains("altered or cut short")), "{cut}: {:?}", module.notes());
        assert!(host(&folder).load("a.wasm", &bytes).unwrap().notes().is_empty(), "it was replaced");
    }
}

#[test]
fn what_others_may_write_is_neither_read_nor_written() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let bytes = Guest::validator().build();
    host(&folder).load("a.wasm", &bytes).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let module = host(&folder).load("a.wasm", &bytes).unwrap();
    assert_eq!(module.notes().len(), 2, "{:?}", module.notes());
    assert!(module.notes().iter().all(|note| note.contains("may be written by others")), "{:?}", module.notes());
}

#[test]
fn a_cache_that_cannot_be_written_is_a_note() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let module = host(&file.path().join("below-a-file")).load("a.wasm", &Guest::validator().build()).unwrap();
    assert!(module.notes().iter().any(|note| note.contains("not cached")), "{:?}", module.notes());
}

#[test]
fn another_component_has_another_file() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    host(&folder).load("a.wasm", &Guest::validator().build()).unwrap();
    host(&folder).load("a.wasm", &Guest::mutator("", None).build()).unwrap();
    assert_eq!(files(&folder).len(), 2);
}
