//! Code that this program kept, and that is still not to be run; and what runs without a clock.

#[path = "../../tests/support/mod.rs"]
mod support;

use wasmtime::Config;

use self::support::Guest;
use super::*;
use crate::inspect::Surface;
use crate::{Description, Rule, Severity, World};

/// The smallest component that compiles to something. What it exports does not matter here: it is compiled, not loaded as a policy.
fn component() -> Vec<u8> {
    wat::parse_str(r#"(component (core module (func (export "f") (result i32) i32.const 7)))"#).unwrap()
}

fn known() -> Known {
    let description = Description {
        name: "test".into(),
        version: "1.0.0".into(),
        summary: "A test.".into(),
        rules: vec![Rule { id: "r".into(), severity: Severity::Low, summary: "Holds.".into(), url: None }],
        settings: vec![],
        needs: vec![],
    };
    let surface =
        Surface { world: World::Validator, metadata: "m".into(), validating: Some("v".into()), mutating: None, never_frees: false };
    Known { surface, description }
}

fn running() -> Config {
    engine::running(Limits::default().stack_bytes)
}

/// Code that an engine with these settings could run.
fn code(mut settings: Config) -> Vec<u8> {
    engine::compile(&Engine::new(settings.enable_compiler(true)).unwrap(), &component()).unwrap()
}

#[test]
fn code_of_another_engine_is_under_another_key_and_refused_under_ours() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::new(home.path().join("cache"));
    let mut without_fuel = running();
    without_fuel.consume_fuel(false);
    let [ours, theirs] = [running(), without_fuel.clone()].map(|settings| Engine::new(&settings).unwrap());

    let digest = Content::Bytes(&component()).sha256().unwrap();
    let [our_key, their_key] = [&ours, &theirs].map(|engine| cache::key(engine, Effort::Quick, &digest, &Limits::default()));
    assert_ne!(our_key, their_key);
    assert_ne!(our_key, cache::key(&ours, Effort::Thorough, &digest, &Limits::default()), "nor is quick code taken for better");

    // Whole, sealed, and where ours would be: only wasmtime can tell now, and does. Without fuel it could not be stopped.
    let place = Place { cache: &cache, key: our_key };
    assert_eq!(place.keep(&code(without_fuel), &known()), None);
    let mut notes = Vec::new();
    assert!(place.recall(&ours, &mut notes).is_none());
    assert!(notes[0].contains("of no use and was compiled afresh"), "{notes:?}");
    // The same code is taken by the engine that it is for.
    assert!(place.recall(&theirs, &mut Vec::new()).is_some());
    // And ours, in its place, by ours.
    assert_eq!(place.keep(&code(running()), &known()), None);
    assert!(place.recall(&ours, &mut Vec::new()).is_some());
}

#[test]
fn the_compiler_makes_code_for_every_engine_that_runs_it() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::new(home.path().join("cache"));
    for effort in [Effort::Quick, Effort::Thorough] {
        let code = engine::compile(Compiler::new(effort).engine().unwrap(), &component()).unwrap();
        cache.store("key", &code, &known()).unwrap();
        for (stack_bytes, pool) in [(64 << 10, None), (1 << 20, None), (1 << 20, Some(Wiping::Whole)), (1 << 20, Some(Wiping::Written))] {
            let shared = Shared::start(Kind { stack_bytes, pool }).unwrap();
            assert_eq!(shared.gate.is_some(), pool.is_some());
            deserialize(&shared.engine, &Code::Made(&code)).unwrap();
            let Found::Kept(kept) = cache.load("key") else { panic!() };
            deserialize(&shared.engine, &Code::Kept(&kept)).unwrap();
        }
    }
}

#[test]
fn an_engine_that_runs_code_makes_none() {
    let shared = Shared::start(Kind { stack_bytes: 64 << 10, pool: None }).unwrap();
    assert!(engine::compile(&shared.engine, &component()).is_err());
}

#[test]
fn no_thread_is_started_for_what_is_over_soon() {
    let turning = |turns: u32| {
        let turn = "(br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))";
        let guest = Guest::validator();
        let pass = guest.validate.clone().unwrap();
        Guest { validate: Some(format!("(local $i i32) (loop $next {turn} (i32.const {turns})))) {pass}")), ..guest }
    };
    for (turns, has_a_thread) in [(1_000, false), (100_000, true)] {
        let host = support::host();
        let module = host.load("guest.wasm", &turning(turns).build()).unwrap();
        assert!(!host.shared.ticker.has_a_thread(), "it was asked what it is");
        let settings = module.settings(&[]).unwrap();
        let circumstances = crate::Circumstances { facts: &crate::Facts::default(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH };
        crate::admit(&support::spec(), &[crate::Policy::alone(module, settings)], &circumstances).unwrap();
        assert_eq!(host.shared.ticker.has_a_thread(), has_a_thread, "{turns}");
    }
}
