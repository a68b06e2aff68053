//! The cache of compiled policies as a user meets it: it saves the compilation, is never trusted when it may have been altered, and its loss
//! is no error. What is shown with `-v` says which of these happened.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use kaphost_tests::{Built, Kaphost, Run, SMALLEST};

fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", SMALLEST).unwrap();
    fs::copy(Built::find().unwrap().policy("dedicated-tenancy").unwrap(), kaphost.folder().join("policy.wasm")).unwrap();
    kaphost
}

/// A run that ends well, whatever is the matter with the cache.
fn check(kaphost: &Kaphost) -> Run {
    let run = kaphost.run(["check", "cluster.kdl", "--policy", "policy.wasm", "-v"]).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("tenancy"), "the policy did its work: {run}");
    run
}

fn folder(kaphost: &Kaphost) -> PathBuf {
    kaphost.home().join(".cache/kaphost/modules")
}

/// The one file of compiled code, and when it was written.
fn cached(kaphost: &Kaphost) -> (PathBuf, SystemTime) {
    let files: Vec<PathBuf> = fs::read_dir(folder(kaphost)).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("not one file: {files:?}") };
    (file.clone(), fs::metadata(file).unwrap().modified().unwrap())
}

#[test]
fn a_second_run_takes_what_the_first_compiled() {
    let kaphost = kaphost();
    let first = check(&kaphost);
    let cold = cached(&kaphost);
    let second = check(&kaphost);
    assert_eq!(cached(&kaphost), cold, "it was not written again");
    assert!(second.stderr.is_empty(), "nothing is odd about it: {second}");
    assert_eq!(first.stdout, second.stdout);
    // Another policy has a file of its own.
    fs::copy(Built::find().unwrap().policy("restrict-ssh").unwrap(), kaphost.folder().join("policy.wasm")).unwrap();
    let other = kaphost.run(["check", "cluster.kdl", "--policy", "policy.wasm"]).unwrap();
    assert_eq!(other.code, Some(0), "{other}");
    assert_eq!(fs::read_dir(folder(&kaphost)).unwrap().count(), 2);
}

/// So the many tests that begin with a policy that was given to them compile none.
#[test]
fn what_the_harness_gives_is_what_kaphost_takes() {
    let kaphost = kaphost();
    kaphost.give("dedicated-tenancy", "policy.wasm").unwrap();
    let given = cached(&kaphost);
    assert!(check(&kaphost).stderr.is_empty(), "nothing is odd about it");
    assert_eq!(cached(&kaphost), given, "it was taken, not written again");
    fs::remove_file(&given.0).unwrap();
    check(&kaphost);
    assert_eq!(cached(&kaphost).0, given.0);
}

#[test]
fn what_was_altered_is_compiled_afresh_and_replaced() {
    let kaphost = kaphost();
    check(&kaphost);
    let (file, _) = cached(&kaphost);
    let good = fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for bad in [Vec::new(), good[..good.len() / 2].to_vec(), flipped(0), flipped(40), flipped(good.len() / 2), flipped(good.len() - 1)] {
        fs::write(&file, &bad).unwrap();
        let run = check(&kaphost);
        assert!(run.stderr.contains("altered or cut short"), "{run}");
        assert_eq!(fs::read(&file).unwrap().len(), good.len(), "it was replaced");
        assert!(check(&kaphost).stderr.is_empty());
    }
}

#[test]
fn what_others_may_write_is_not_trusted() {
    let kaphost = kaphost();
    check(&kaphost);
    let (file, _) = cached(&kaphost);
    let chmod = |path: &PathBuf, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    chmod(&file, 0o666);
    let run = check(&kaphost);
    assert!(run.stderr.contains("may be written by others"), "{run}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it was replaced by one that may not");
    assert!(check(&kaphost).stderr.is_empty());

    chmod(&folder(&kaphost), 0o777);
    let run = check(&kaphost);
    assert!(run.stderr.contains("may be written by others"), "{run}");
}

#[test]
fn a_cache_that_cannot_be_kept_is_no_error() {
    let kaphost = kaphost();
    // A file stands where the folder should be: neither root nor anybody can write below it.
    fs::write(kaphost.home().join(".cache"), "in the way").unwrap();
    let run = check(&kaphost);
    assert!(run.stderr.contains("not cached"), "{run}");
    // And without -v nobody is bothered with it.
    let run = kaphost.run(["check", "cluster.kdl", "--policy", "policy.wasm"]).unwrap();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn the_folder_can_be_chosen() {
    let kaphost = kaphost();
    let chosen = kaphost.home().join("elsewhere");
    let mut command = kaphost.command();
    command.args(["check", "cluster.kdl", "--policy", "policy.wasm"]).env("KAPHOST_CACHE_DIR", &chosen);
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(fs::read_dir(chosen.join("modules")).unwrap().count(), 1);
    assert!(!folder(&kaphost).exists());
}
