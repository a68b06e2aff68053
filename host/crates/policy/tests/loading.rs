//! What may be loaded, and what each thing that may not is called.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use crate::support::{Guest, component, host, load, wat};
use kaphost_policy::{HostOptions, Limits, LoadError, PolicyError, PolicyHost, World};

fn refusal(bytes: &[u8]) -> (String, String) {
    let error = load(bytes).map(|module| format!("{module:?}")).unwrap_err();
    assert_eq!(error.policy(), Some("guest.wasm"));
    assert!(!error.help().is_empty());
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    (error.code().to_owned(), source)
}

#[track_caller]
fn refused(bytes: &[u8], code: &str, says: &str) {
    let (found, message) = refusal(bytes);
    assert_eq!(found, code, "{message}");
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_sound_guest_says_who_it_is() {
    let module = load(&Guest::validator().build()).unwrap();
    assert_eq!(module.world(), World::Validator);
    assert_eq!(module.source(), "guest.wasm");
    let description = module.description();
    assert_eq!((description.name.as_str(), description.version.as_str(), description.rules.len()), ("test-policy", "1.2.3", 1));
    assert_eq!(module.digest().len(), 64);
    assert!(module.notes().is_empty());
}

#[test]
fn the_world_follows_from_the_exports() {
    assert_eq!(load(&Guest::mutator("", None).build()).unwrap().world(), World::Mutator);
    let both = Guest { validate: Guest::validator().validate, ..Guest::mutator("", None) };
    assert_eq!(load(&both.build()).unwrap().world(), World::Policy);
}

#[test]
fn what_is_no_webassembly_is_told_from_what_is_no_component() {
    refused(b"", "not-wasm", "empty");
    refused(b"#!/bin/sh\necho hello\n", "not-wasm", "does not start with");
    refused(b"\x7fELF\x02\x01\x01\0\0\0\0\0", "not-wasm", "does not start with");
    refused(b"  (component)", "not-wasm", "text format");
    refused(&wat("(module (func (export \"validate\")))"), "not-a-component", "core WebAssembly module");
    refused(b"\0asm", "invalid-component", "eight bytes");
    refused(b"\0asm\x09\0\0\0", "invalid-component", "version");
}

#[test]
fn everything_outside_of_the_contract_is_named() {
    let families = [
        "wasi:filesystem/types@0.2.0",
        "wasi:clocks/wall-clock@0.2.3",
        "wasi:random/random@0.2.0",
        "wasi:cli/environment@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "acme:tools/shell",
        "kaphost:policy/secrets@0.1.0",
    ];
    for family in families {
        refused(&wat(&format!(r#"(component (import "{family}" (instance)))"#)), "foreign-import", family);
    }
    let all: String = families.iter().map(|family| format!(r#"(import "{family}" (instance))"#)).collect();
    let (_, message) = refusal(&wat(&format!("(component {all})")));
    for family in families {
        assert!(message.contains(family), "{message}");
    }
    refused(&wat(r#"(component (import "getenv" (func)))"#), "foreign-import", "`getenv`");
}

#[test]
fn half_right_worlds_are_wrong_worlds() {
    let exporting = |items: &[&str]| {
        let exports: String = items.iter().map(|item| format!(r#"(export "kaphost:policy/{item}" (instance $i))"#)).collect();
        wat(&format!("(component (component $c) (instance $i (instantiate $c)) {exports})"))
    };
    refused(&wat("(component)"), "wrong-world", "nothing of the contract");
    refused(&exporting(&["metadata@0.1.0"]), "wrong-world", "neither");
    refused(&exporting(&["validating@0.1.0"]), "wrong-world", "`metadata`");
    refused(&exporting(&["metadata@0.2.0", "validating@0.2.0"]), "wrong-contract-version", "kaphost:policy/validating@0.2.0");
    refused(&exporting(&["metadata@0.1.0", "validating@1.0.0"]), "wrong-contract-version", "kaphost:policy/validating@1.0.0");
    refused(&exporting(&["metadata", "validating"]), "wrong-contract-version", "kaphost:policy/metadata");
    // The right names on empty instances.
    refused(&exporting(&["metadata@0.1.0", "validating@0.1.0"]), "wrong-types", "kaphost:policy/metadata@0.1.0.describe");
}

#[test]
fn right_names_with_wrong_types_are_found_before_anything_runs() {
    // A start function that would trap, to show that it is never reached.
    let bytes = wat(r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0) (func $start unreachable) (start $start))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))
        (component $c (import "f" (func $f (result u32))) (export "describe" (func $f)) (export "validate" (func $f)))
        (instance $e (instantiate $c (with "f" (func $f))))
        (export "kaphost:policy/metadata@0.1.0" (instance $e))
        (export "kaphost:policy/validating@0.1.0" (instance $e)))"#);
    refused(&bytes, "wrong-types", "describe");
}

#[test]
fn an_import_of_the_contract_with_a_wrong_type_is_refused() {
    let bytes = wat(r#"(component
        (import "kaphost:policy/logging@0.1.0" (instance $l (export "log" (func (param "message" string)))))
        (component $c) (instance $i (instantiate $c))
        (export "kaphost:policy/metadata@0.1.0" (instance $i))
        (export "kaphost:policy/validating@0.1.0" (instance $i)))"#);
    refused(&bytes, "wrong-types", "log");
}

#[test]
fn a_cut_or_damaged_component_is_an_error_wherever_it_is_cut() {
    let good = Guest::validator().build();
    let host = host();
    let digest = host.load("good.wasm", &good).unwrap().digest().to_owned();
    let mut refused = 0;
    for len in (0..good.len()).step_by(good.len() / 150 + 1) {
        match host.load("cut.wasm", &good[..len]) {
            // What was cut off were names for debuggers: another file, by its digest, and a whole one.
            Ok(module) => assert_ne!(module.digest(), digest),
            Err(error) => {
                assert!(matches!(error, PolicyError::Load { .. }), "{len}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
    // A flipped bit may leave a component that is sound, and even one that traps; never a panic, and never the same digest.
    for at in (8..good.len()).step_by(good.len() / 150 + 1) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        if let Ok(module) = host.load("flipped.wasm", &bad) {
            assert_ne!(module.digest(), digest);
        }
    }
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let host = PolicyHost::new(HostOptions { component_bytes: 1_000, ..HostOptions::default() }).unwrap();
    let bytes = Guest::validator().build();
    let PolicyError::Load { error: LoadError::TooLarge { size, limit }, .. } = host.load("big.wasm", &bytes).unwrap_err() else { panic!() };
    assert_eq!((size, limit), (bytes.len() as u64, 1_000));

    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 40).unwrap();
    assert_eq!(host.load_file(file.path()).unwrap_err().code(), "too-large");
    assert_eq!(host.load_file(std::path::Path::new("/nonexistent/x.wasm")).unwrap_err().code(), "unreadable");
    assert_eq!(host.load_file(&std::env::temp_dir()).unwrap_err().code(), "unreadable");
    #[cfg(unix)]
    assert_eq!(host.load_file(std::path::Path::new("/dev/zero")).unwrap_err().code(), "unreadable");
}

#[test]
fn several_files_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["a.wasm", "b.wasm", "c.wasm"].iter().map(|name| folder.path().join(name)).collect();
    std::fs::write(&paths[0], Guest::validator().build()).unwrap();
    std::fs::write(&paths[2], Guest::mutator("", None).build()).unwrap();
    let loaded = host().load_files(&paths);
    assert_eq!(loaded[0].as_ref().unwrap().world(), World::Validator);
    assert_eq!(loaded[1].as_ref().unwrap_err().code(), "unreadable");
    assert_eq!(loaded[2].as_ref().unwrap().world(), World::Mutator);
}

#[test]
fn a_description_that_does_not_hold_together_is_refused() {
    for (name, version, rule) in [("Bad Name", "1.2.3", "r"), ("good", "one", "r"), ("good", "1.2.3", "\u{1b}[31m")] {
        let mut guest = Guest::validator();
        let at = guest.data.described(name.as_bytes(), version.as_bytes(), rule.as_bytes());
        guest.describe = format!("(i32.const {at})");
        let (code, message) = refusal(&guest.build());
        assert_eq!(code, "bad-description");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
}

#[test]
fn limits_that_cannot_be_held_are_refused() {
    for limits in [
        Limits { fuel: 0, ..Limits::default() },
        Limits { deadline_ms: u64::MAX, ..Limits::default() },
        Limits { memory_bytes: 0, ..Limits::default() },
        Limits { result_bytes: 0, ..Limits::default() },
    ] {
        assert_eq!(host().load_with("guest.wasm", &[], limits).unwrap_err().code(), "policy-host");
    }
    let limits = Limits { stack_bytes: 1 << 30, ..Limits::default() };
    assert!(PolicyHost::new(HostOptions { limits, ..HostOptions::default() }).is_err());
}

#[test]
fn a_component_may_export_more_than_the_contract_asks_for() {
    // Tools add exports of their own; they are never called.
    let guest = Guest { items: r#"(func (export "unrelated"))"#.into(), ..Guest::validator() };
    assert!(load(&guest.build()).is_ok());
}

/// The helper of these tests makes what it says it makes.
#[test]
fn the_contracts_worlds_are_the_hosts() {
    for world in ["validator", "mutator", "policy"] {
        let module = format!(
            r#"(module (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "{}") (result i32) unreachable)
                (func (export "{}") (param i32) (result i32) unreachable)
                (func (export "{}") (param i32) (result i32) unreachable))"#,
            crate::support::DESCRIBE,
            if world == "mutator" { "x" } else { crate::support::VALIDATE },
            if world == "validator" { "y" } else { crate::support::MUTATE },
        );
        refused(&component(world, &module), "trap", "unreachable");
    }
}
