//! Code that this program kept, and that is still not to be run.

use super::*;
use crate::{Rule, Severity};

/// The smallest component that compiles to something. What it exports does not matter here: it is compiled, not loaded as a policy.
fn component() -> Vec<u8> {
    wat::parse_str(r#"(component (core module (func (export "f") (result i32) i32.const 7)))"#).unwrap()
}

fn description() -> Description {
    Description {
        name: "test".into(),
        version: "1.0.0".into(),
        summary: "A test.".into(),
        rules: vec![Rule { id: "r".into(), severity: Severity::Low, summary: "Holds.".into(), url: None }],
        settings: vec![],
        needs: vec![],
    }
}

#[test]
fn code_of_another_engine_is_under_another_key_and_refused_under_ours() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::new(home.path().join("cache"));
    let ours = Engine::new(&config(Limits::default().stack_bytes)).unwrap();
    let mut without_fuel = config(Limits::default().stack_bytes);
    without_fuel.consume_fuel(false);
    let theirs = Engine::new(&without_fuel).unwrap();

    let digest = Sha256::digest(component());
    let [our_key, their_key] = [&ours, &theirs].map(|engine| cache::key(engine, &digest, &Limits::default()));
    assert_ne!(our_key, their_key);

    // Whole, sealed, and where ours would be: only wasmtime can tell now, and does. Without fuel it could not be stopped.
    let compiled = Component::from_binary(&theirs, &component()).unwrap();
    let place = Place { cache: &cache, key: our_key.clone() };
    assert_eq!(place.keep(&compiled, &description()), None);
    let mut notes = Vec::new();
    assert!(place.recall(&ours, &mut notes).is_none());
    assert!(notes[0].contains("of no use and was compiled afresh"), "{notes:?}");
    // The same code is taken by the engine that made it.
    assert!(place.recall(&theirs, &mut Vec::new()).is_some());
    // And ours, in its place, by ours.
    let compiled = Component::from_binary(&ours, &component()).unwrap();
    assert_eq!(place.keep(&compiled, &description()), None);
    assert!(place.recall(&ours, &mut Vec::new()).is_some());
}

#[test]
fn the_size_of_the_stack_shapes_no_code() {
    let [small, large] = [64 << 10, 1 << 20].map(|stack| Engine::new(&config(stack)).unwrap());
    let compiled = Component::from_binary(&small, &component()).unwrap().serialize().unwrap();
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::new(home.path().join("cache"));
    cache.store("key", &compiled, &description()).unwrap();
    let Found::Kept(kept) = cache.load("key") else { panic!() };
    deserialize(&large, &kept).unwrap();
}
