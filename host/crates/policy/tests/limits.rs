//! Every limit, set for one policy and not for another, in one host.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::time::{Duration, Instant};

use crate::support::{Guest, host, spec};
use kaphost_policy::{
    Admission, Circumstances, Facts, LimitOverrides, LoadError, Module, ModuleFile, Policy, PolicyError, PolicyHost, admit,
};

fn file(limits: LimitOverrides) -> ModuleFile {
    ModuleFile { path: "guest.wasm".into(), limits, ..ModuleFile::default() }
}

fn load_in(host: &PolicyHost, guest: &Guest, limits: LimitOverrides) -> Result<Module, PolicyError> {
    host.load_read(&file(limits), &guest.build())
}

fn run(module: Module) -> Result<Admission, PolicyError> {
    let settings = module.settings(&[]).unwrap();
    let circumstances = Circumstances { facts: &Facts::default(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH };
    admit(&spec(), &[Policy::alone(module, settings)], &circumstances)
}

/// The same guest twice in one host: as everybody, which passes, and with a limit of its own, which it runs into.
#[track_caller]
fn held(guest: &Guest, limits: LimitOverrides, code: &str) {
    let host = host();
    let [free, bound] = [LimitOverrides::default(), limits].map(|limits| load_in(&host, guest, limits).unwrap());
    assert_eq!(run(bound.clone()).unwrap_err().code(), code);
    run(free.clone()).unwrap();
    assert_eq!(run(bound).unwrap_err().code(), code);
    run(free).unwrap();
}

/// A validator that does something first, and then finds nothing.
fn doing(body: &str) -> Guest {
    let guest = Guest::validator();
    let pass = guest.validate.clone().unwrap();
    Guest { validate: Some(format!("{body} {pass}")), ..guest }
}

#[test]
fn fuel() {
    let count =
        "(local $i i32) (loop $next (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))";
    held(&doing(count), LimitOverrides { fuel: Some(20_000), ..LimitOverrides::default() }, "out-of-fuel");
}

/// Turns of a loop, after one message. Those of the second go on after calls that are over soon have ended.
fn counting_to(turns: u32) -> Guest {
    let count = format!(
        "(local $i i32) (call $log (i32.const 1) (i32.const 131072) (i32.const 3)) \
         (loop $next (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {turns}))))"
    );
    Guest { pages: 3, ..doing(&count) }
}

#[test]
fn a_long_call_is_the_same_call_as_a_short_one() {
    let host = host();
    let [short, long] = [100, 200_000].map(|turns| {
        let admission = run(load_in(&host, &counting_to(turns), LimitOverrides::default()).unwrap()).unwrap();
        let [call] = &admission.logs[..] else { panic!("{:?}", admission.logs) };
        call.log.clone()
    });
    assert_eq!((short.messages.len(), &short.messages), (1, &long.messages), "what was begun twice is told once");
    // Seven instructions a turn, as if it had been called once; and no less than what it was called with.
    let turns = long.used.fuel - short.used.fuel;
    assert_eq!((turns % (200_000 - 100), turns / (200_000 - 100)), (0, 7), "{long:?} {short:?}");
    // The limit is what the call needs; a hundredth less is too little.
    for (fuel, code) in [(long.used.fuel, None), (long.used.fuel / 100 * 99, Some("out-of-fuel"))] {
        let limits = LimitOverrides { fuel: Some(fuel), ..LimitOverrides::default() };
        assert_eq!(run(load_in(&host, &counting_to(200_000), limits).unwrap()).err().map(|error| error.code()), code);
    }
}

#[test]
fn the_deadline_holds_within_calls_of_the_host() {
    // Nearly all the time is the host's: it takes in a megabyte for each turn of the loop. Without the deadline it would go on for years.
    let guest =
        Guest { pages: 20, ..doing("(loop (call $log (i32.const 1) (i32.const 131072) (i32.const 1000000)) (br 0)) (unreachable)") };
    let limits = LimitOverrides { deadline_ms: Some(100), fuel: Some(u64::MAX / 2), ..LimitOverrides::default() };
    let module = load_in(&host(), &guest, limits).unwrap();
    let start = Instant::now();
    let error = run(module).unwrap_err();
    assert_eq!(error.code(), "deadline");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("100 ms"));
    assert!((Duration::from_millis(90)..Duration::from_secs(20)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[test]
fn memory() {
    let grow = doing("(drop (memory.grow (i32.const 10)))");
    held(&grow, LimitOverrides { memory_bytes: Some(8 << 16), ..LimitOverrides::default() }, "memory-limit");
}

#[test]
fn table_elements() {
    let guest = Guest {
        items: "(table $t 1 funcref) (func $grow (drop (table.grow $t (ref.null func) (i32.const 1000))))".into(),
        ..doing("(call $grow)")
    };
    held(&guest, LimitOverrides { table_elements: Some(500), ..LimitOverrides::default() }, "table-limit");
}

#[test]
fn instances() {
    let limits = LimitOverrides { instances: Some(1), ..LimitOverrides::default() };
    let host = host();
    assert_eq!(load_in(&host, &Guest::validator(), limits).unwrap_err().code(), "instance-limit");
    load_in(&host, &Guest::validator(), LimitOverrides::default()).unwrap();
}

/// Goes down this deep and comes back.
fn deep(frames: u32) -> Guest {
    let down = "(func $down (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0))
            (then (i32.const 0))
            (else (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))";
    Guest { items: down.into(), ..doing(&format!("(drop (call $down (i32.const {frames})))")) }
}

#[test]
fn stack() {
    let stack = |bytes| LimitOverrides { stack_bytes: Some(bytes), ..LimitOverrides::default() };
    held(&deep(3_000), stack(32 << 10), "stack-overflow");
    // More than everybody gets is possible too, side by side with those who get less.
    let host = host();
    let frames = (5_000..40_000)
        .step_by(1_000)
        .find(|frames| run(load_in(&host, &deep(*frames), LimitOverrides::default()).unwrap()).is_err())
        .unwrap();
    run(load_in(&host, &deep(frames), stack(1 << 20)).unwrap()).unwrap();
    let PolicyError::Run { error, .. } = run(load_in(&host, &deep(frames), stack(32 << 10)).unwrap()).unwrap_err() else { panic!() };
    assert!(error.to_string().contains("32768 bytes"), "{error}");
}

#[test]
fn result_bytes() {
    // A long text where nothing is wrong: a violation would deny, so this one is in what the guest says to the log.
    let guest = Guest { pages: 20, ..doing("(call $log (i32.const 1) (i32.const 131072) (i32.const 100000))") };
    held(&guest, LimitOverrides { result_bytes: Some(50_000), ..LimitOverrides::default() }, "result-too-large");

    let mut guest = Guest { pages: 20, ..Guest::validator() };
    let (rule, path) = (guest.data.text(b"r"), guest.data.text(b"tenancy"));
    let list = guest.data.words(&[rule[0], rule[1], path[0], path[1], 131_072, 100_000, 0, 0, 0]);
    let at = guest.data.words(&[list, 1]);
    guest.validate = Some(format!("(i32.const {at})"));
    held(&guest, LimitOverrides { result_bytes: Some(50_000), ..LimitOverrides::default() }, "result-too-large");
}

#[test]
fn log_bytes_and_messages() {
    let mut guest = Guest::validator();
    let [at, len] = guest.data.text(b"hello");
    let pass = guest.validate.take().unwrap();
    let say = format!("(call $log (i32.const 1) (i32.const {at}) (i32.const {len}))").repeat(20);
    guest.validate = Some(format!("{say} {pass}"));
    let kept = |limits| {
        let log = &run(load_in(&host(), &guest, limits).unwrap()).unwrap().logs[0].log;
        (log.messages.len(), log.dropped)
    };
    assert_eq!(kept(LimitOverrides::default()), (20, 0));
    assert_eq!(kept(LimitOverrides { log_messages: Some(3), ..LimitOverrides::default() }), (3, 17));
    assert_eq!(kept(LimitOverrides { log_bytes: Some(12), ..LimitOverrides::default() }), (2, 18));
    assert_eq!(kept(LimitOverrides { log_bytes: Some(0), ..LimitOverrides::default() }), (0, 20));
}

#[test]
fn a_limit_that_cannot_be_held_is_refused_for_one_policy_too() {
    for limits in [
        LimitOverrides { fuel: Some(0), ..LimitOverrides::default() },
        LimitOverrides { deadline_ms: Some(u64::MAX), ..LimitOverrides::default() },
        LimitOverrides { memory_bytes: Some(1), ..LimitOverrides::default() },
        LimitOverrides { table_elements: Some(0), ..LimitOverrides::default() },
        LimitOverrides { instances: Some(0), ..LimitOverrides::default() },
        LimitOverrides { stack_bytes: Some(2 << 20), ..LimitOverrides::default() },
        LimitOverrides { result_bytes: Some(0), ..LimitOverrides::default() },
        LimitOverrides { log_bytes: Some(usize::MAX), ..LimitOverrides::default() },
        LimitOverrides { log_messages: Some(usize::MAX), ..LimitOverrides::default() },
    ] {
        let error = load_in(&host(), &Guest::validator(), limits.clone()).unwrap_err();
        assert_eq!(error.code(), "policy-host", "{limits:?}");
        assert!(!error.help().is_empty());
    }
}

#[test]
fn limits_are_those_of_the_module() {
    let module = load_in(&host(), &Guest::validator(), LimitOverrides { fuel: Some(1_000_000), ..LimitOverrides::default() }).unwrap();
    let default = kaphost_policy::Limits::default();
    assert_eq!(*module.limits(), kaphost_policy::Limits { fuel: 1_000_000, ..default });
}

/// What the file should be is looked at before the file is.
#[test]
fn another_file_than_the_agreed_one_is_refused_before_anything_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let options = kaphost_policy::HostOptions { cache_dir: Some(cache.clone()), ..kaphost_policy::HostOptions::default() };
    let host = PolicyHost::new(options).unwrap();
    let path = folder.path().join("guest.wasm");
    let bytes = Guest::validator().build();
    std::fs::write(&path, &bytes).unwrap();
    let digest = host.load_file(&path).unwrap().digest().to_owned();
    std::fs::remove_dir_all(&cache).unwrap();

    let agreed = |sha256: &str| ModuleFile { path: path.clone(), sha256: Some(sha256.into()), ..ModuleFile::default() };
    let other = format!("{}{}", if digest.starts_with('0') { "1" } else { "0" }, &digest[1..]);
    let error = host.load_one(&agreed(&other)).unwrap_err();
    assert_eq!(error.code(), "digest-mismatch");
    let PolicyError::Load { error: LoadError::Digest { expected, found }, policy } = &error else { panic!("{error}") };
    assert_eq!((expected, found, policy.as_str()), (&other, &digest, path.to_str().unwrap()));
    assert!(error.help().contains("sha256sum"));
    assert!(!cache.exists(), "nothing was compiled");
    // No component, and not even WebAssembly: its digest is what is wrong with it first.
    std::fs::write(&path, b"#!/bin/sh\n").unwrap();
    assert_eq!(host.load_one(&agreed(&digest)).unwrap_err().code(), "digest-mismatch");

    std::fs::write(&path, &bytes).unwrap();
    let named = ModuleFile { source: Some("org.kdl: test-policy".into()), ..agreed(&digest.to_uppercase()) };
    let loaded = host.load_all(&[named, agreed(&other)]);
    assert_eq!(loaded[0].as_ref().unwrap().source(), "org.kdl: test-policy");
    assert_eq!(loaded[1].as_ref().unwrap_err().code(), "digest-mismatch");
}
