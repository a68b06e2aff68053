//! Sandboxes that are kept for the next call: nothing of the last one is left in them, and every limit holds as it does without.

#![expect(clippy::expect_used, reason = "tests may fail loudly, outside of test functions too")]

use crate::support::{Guest, host, spec};
use kaphost_policy::{Admission, Circumstances, Facts, HostOptions, Limits, Module, Policy, PolicyError, PolicyHost, admit};

fn pooled() -> PolicyHost {
    PolicyHost::new(HostOptions { pooled: true, ..HostOptions::default() }).expect("the sandbox starts")
}

fn run(module: &Module) -> Result<Admission, PolicyError> {
    let settings = module.settings(&[]).expect("no settings are needed");
    let circumstances = Circumstances { facts: &Facts::default(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH };
    admit(&spec(), &[Policy::alone(module.clone(), settings)], &circumstances)
}

/// Traps when it finds anything in memory or table that it did not put there in this call; then leaves a mark in every page and in the table.
fn marking(pages: u32) -> Vec<u8> {
    let mut guest = Guest {
        pages,
        items: "(table $t 10 30 funcref) (elem declare func $mark)
                (func $mark
                    (local $at i32)
                    (local.set $at (i32.const 131072))
                    (loop $pages
                        (if (i32.load (local.get $at)) (then (unreachable)))
                        (i32.store (local.get $at) (i32.const -1))
                        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
                        (br_if $pages (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
                    (if (i32.eqz (ref.is_null (table.get $t (i32.const 7)))) (then (unreachable)))
                    (table.set $t (i32.const 7) (ref.func $mark)))"
            .into(),
        ..Guest::validator()
    };
    let none = guest.data.words(&[0, 0]);
    // What is grown is new as well, far beyond what is wiped in place.
    let grow = format!("(if (i32.ne (memory.size) (i32.const {pages})) (then (unreachable))) (drop (memory.grow (i32.const 64)))");
    guest.validate = Some(format!("{grow} (call $mark) (i32.const {none})"));
    guest.build()
}

#[test]
fn no_call_finds_anything_of_another() {
    let host = pooled();
    let other = host.load("other.wasm", &Guest::validator().build()).unwrap();
    // What starts small is wiped whole, the rest as far as it was written.
    for pages in [4, 5, 18] {
        let marking = host.load("marking.wasm", &marking(pages)).unwrap();
        for _ in 0..40 {
            run(&marking).unwrap();
            run(&other).unwrap();
        }
        // More at once than there is room for: some wait.
        std::thread::scope(|scope| {
            for _ in 0..48 {
                scope.spawn(|| (0..10).for_each(|_| assert!(run(&marking).is_ok())));
            }
        });
    }
}

#[test]
fn a_call_that_failed_leaves_nothing_either() {
    let host = pooled();
    let marking = host.load("marking.wasm", &marking(4)).unwrap();
    let mut failing = Guest::validating("(i32.store (i32.const 131072) (i32.const 1)) (unreachable)");
    failing.pages = 4;
    let failing = host.load("failing.wasm", &failing.build()).unwrap();
    for _ in 0..40 {
        assert_eq!(run(&failing).unwrap_err().code(), "trap");
        run(&marking).unwrap();
    }
}

#[test]
fn the_outcome_is_the_same_to_the_byte() {
    let guest = Guest::mutator("", None).build();
    let [with, without] = [pooled(), host()].map(|host| {
        let module = host.load("guest.wasm", &guest).expect("it loads");
        run(&module).expect("it runs").decision.to_json().expect("it has a form")
    });
    assert_eq!(with, without);
}

#[test]
fn every_limit_holds_and_says_the_same() {
    let table = |min: u32| format!("(table $t {min} funcref) (func $grow (drop (table.grow $t (ref.null func) (i32.const 1000))))");
    let wide = Guest { items: table(1_000_000), ..Guest::validator() };
    let guests = [
        ("endless", Guest::validating("(loop (br 0)) (unreachable)")),
        ("memory", Guest::validating("(loop (drop (memory.grow (i32.const 1))) (br 0)) (unreachable)")),
        ("memory at the start", Guest { pages: 2_000, ..Guest::validator() }),
        ("table", Guest { items: table(1), ..Guest::validating("(loop (call $grow) (br 0)) (unreachable)") }),
        ("table at the start", Guest { items: table(1_000_000), ..Guest::validator() }),
        ("trap", Guest::validating("(unreachable)")),
    ];
    for (name, guest) in guests {
        let [with, without] = [pooled(), host()].map(|host| {
            let error = host.load("guest.wasm", &guest.build()).and_then(|module| run(&module)).expect_err(name);
            (error.code(), error.to_string(), std::error::Error::source(&error).map(ToString::to_string))
        });
        assert_eq!(with, without, "{name}");
    }
    // What the pool has no room for and the limits allow is run without it.
    let limits = Limits { table_elements: 2_000_000, ..Limits::default() };
    let module = pooled().load_with("wide.wasm", &wide.build(), limits).unwrap_or_else(|error| panic!("{error}"));
    assert!(run(&module).is_ok());
}
