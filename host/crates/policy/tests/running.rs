//! What stops a guest that runs: each limit, each kind of bad answer, and what a good one leads to.

#![expect(clippy::expect_used, reason = "tests may fail loudly, outside of test functions too")]

use std::time::{Duration, Instant};

use crate::support::{Guest, LOG_PIECE, Layout, NEVER_FREES, load, load_within, spec};
use kaphost_policy::{
    Admission, Circumstances, Facts, Limits, LogLevel, Module, Outcome, Policy, PolicyError, RunError, Settings, Verdict, admit,
};

/// Runs one policy on the test's cluster.
fn run(module: &Module) -> Result<Admission, PolicyError> {
    let settings = module.settings(&[]).expect("no settings are needed");
    let circumstances = Circumstances { facts: &Facts::default(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH };
    admit(&spec(), &[Policy::alone(module.clone(), settings)], &circumstances)
}

fn failing(guest: &Guest) -> PolicyError {
    run(&load(&guest.build()).expect("it loads")).expect_err("it fails when it runs")
}

#[track_caller]
fn fails(guest: &Guest, code: &str, says: &str) {
    let error = failing(guest);
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert_eq!(error.code(), code, "{source}");
    assert!(source.contains(says), "{source}");
    assert!(!error.help().is_empty());
    assert_eq!(error.policy(), Some("guest.wasm"));
}

// ── Good answers ────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_validator_that_finds_nothing_admits_the_cluster_as_it_is() {
    let admission = run(&load(&Guest::validator().build()).unwrap()).unwrap();
    let Outcome::Admitted(admitted) = admission.outcome else { panic!() };
    assert_eq!(*admitted.cluster(), *spec().cluster);
    assert_eq!(admission.decision.verdict, Verdict::Admitted);
    assert_eq!(admission.decision.input_sha256, admission.decision.output_sha256);
    let [call] = admission.logs.as_slice() else { panic!("{:?}", admission.logs) };
    assert!(call.log.messages.is_empty() && call.log.used.fuel > 0 && call.log.used.memory_bytes >= 1 << 16, "{call:?}");
    assert_eq!(run(&load(&Guest::validator().build()).unwrap()).unwrap().logs, admission.logs, "fuel is the same each time");
}

#[test]
fn a_violation_denies_and_carries_its_rules_severity() {
    let mut guest = Guest::validator();
    let at = guest.data.violation(b"r", br#"ssh.allow["0.0.0.0/0"]"#, b"SSH is open.\x1b[2J");
    guest.validate = Some(format!("(i32.const {at})"));
    let admission = run(&load(&guest.build()).unwrap()).unwrap();
    assert!(matches!(admission.outcome, Outcome::Denied));
    let [violation] = admission.decision.violations.as_slice() else { panic!() };
    assert_eq!((violation.rule.as_str(), violation.severity), ("r", kaphost_policy::Severity::High));
    assert_eq!(violation.path.to_string(), r#"ssh.allow["0.0.0.0/0"]"#);
    assert_eq!(violation.message, "SSH is open.\\u{1b}[2J");
    assert!(!admission.decision.to_json().unwrap().contains('\u{1b}'));
}

#[test]
fn a_mutators_change_is_found_explained_and_sealed() {
    let edit = format!("(i32.store8 offset={} (local.get 0) (i32.const 1))", Layout::of("cluster").at("tenancy"));
    let module = load(&Guest::mutator(&edit, Some(["r", "tenancy", "Ours alone."])).build()).unwrap();
    let admission = run(&module).unwrap();
    let [change] = admission.decision.changes.as_slice() else { panic!("{:?}", admission.decision.changes) };
    assert_eq!((change.path.to_string(), change.rule.as_str(), change.reason.as_str()), ("tenancy".into(), "r", "Ours alone."));
    assert_eq!(admission.decision.passes, 2);
    let Outcome::Admitted(admitted) = &admission.outcome else { panic!() };
    assert_eq!(admitted.cluster().tenancy, kaphost_spec::Tenancy::Dedicated);
    assert_eq!(admitted.decision(), admission.decision.digest().unwrap());
    // Everything else came through the guest unchanged.
    let mut rest = admitted.cluster().clone();
    rest.tenancy = spec().cluster.tenancy;
    assert_eq!(rest, *spec().cluster);
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let edit = format!("(i32.store8 offset={} (local.get 0) (i32.const 1))", Layout::of("cluster").at("tenancy"));
    let bytes = Guest::mutator(&edit, Some(["r", "", "Because."])).build();
    let decisions: Vec<String> = (0..3).map(|_| run(&load(&bytes).unwrap()).unwrap().decision.to_json().unwrap()).collect();
    assert!(decisions.iter().all(|decision| *decision == decisions[0]));
}

#[test]
fn a_guest_never_sees_the_text_of_user_data() {
    // Looks through all of its memory for `hunter2`, and traps when it is there.
    let guest = Guest::validating(
        r"(local $at i32)
          (block $end (loop $next
            (br_if $end (i32.ge_u (local.get $at) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))))
            (if (i64.eq (i64.and (i64.load align=1 (local.get $at)) (i64.const 0x00ffffffffffffff)) (i64.const 0x003272_65746e7568))
              (then (unreachable)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
          (i32.const 0)",
    );
    // "hunter2" in little-endian is 0x32_72_65_74_6e_75_68.
    assert_eq!(u64::from_le_bytes(*b"hunter2\0"), 0x0032_7265_746e_7568);
    let needle = guest.validate.as_ref().unwrap().replace("0x003272_65746e7568", "0x0032726574_6e7568");
    let admission = run(&load(&Guest { validate: Some(needle.clone()), ..Guest::validator() }.build()).unwrap()).unwrap();
    assert!(matches!(admission.outcome, Outcome::Admitted(_)));
    // The search does find what is there: the description of the SSH rule, `the world`.
    let there = needle.replace("0x0032726574_6e7568", &format!("{:#x}", u64::from_le_bytes(*b"the wor\0")));
    fails(&Guest { validate: Some(there), ..Guest::validator() }, "trap", "unreachable");
}

// ── Limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn an_endless_loop_ends_with_its_fuel() {
    fails(&Guest::validating("(loop (br 0)) (unreachable)"), "out-of-fuel", "200000000");
}

#[test]
fn an_endless_loop_ends_at_the_deadline_when_there_is_fuel() {
    let limits = Limits { fuel: u64::MAX / 2, deadline_ms: 50, ..Limits::default() };
    let module = load_within(&Guest::validating("(loop (br 0)) (unreachable)").build(), limits).unwrap();
    let start = Instant::now();
    let error = run(&module).unwrap_err();
    assert_eq!(error.code(), "deadline");
    assert!(start.elapsed() >= Duration::from_millis(40), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    // The clock goes on for the next call, also after it has slept.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(run(&module).unwrap_err().code(), "deadline");
}

#[test]
fn describing_and_starting_are_limited_too() {
    let describe = Guest { describe: "(loop (br 0)) (unreachable)".into(), ..Guest::validator() };
    assert_eq!(load(&describe.build()).unwrap_err().code(), "out-of-fuel");
    let start = Guest { items: "(func $start (loop (br 0))) (start $start)".into(), ..Guest::validator() };
    assert_eq!(load(&start.build()).unwrap_err().code(), "out-of-fuel");
}

#[test]
fn a_trap_says_why_and_what_was_logged_last() {
    fails(&Guest::validating("(unreachable)"), "trap", "unreachable");
    fails(&Guest::validating("(i32.div_s (i32.const 1) (i32.const 0))"), "trap", "divide by zero");
    fails(&Guest::validating("(i32.load (i32.const -4))"), "trap", "out of bounds");
    let mut guest = Guest::validator();
    let [at, len] = guest.data.text("panicked at src/lib.rs:7: no \u{1b}tags".as_bytes());
    guest.validate = Some(format!("(call $log (i32.const 3) (i32.const {at}) (i32.const {len})) (unreachable)"));
    let PolicyError::Run { error: RunError::Trap { said, .. }, .. } = failing(&guest) else { panic!() };
    assert_eq!(said.as_deref(), Some("panicked at src/lib.rs:7: no \\u{1b}tags"));
}

#[test]
fn memory_is_limited_at_the_start_and_while_growing() {
    fails(&Guest::validating("(drop (memory.grow (i32.const 2000))) (unreachable)"), "memory-limit", "67108864");
    fails(&Guest::validating("(loop (drop (memory.grow (i32.const 1))) (br 0)) (unreachable)"), "memory-limit", "67108864");
    assert_eq!(load(&Guest { pages: 2_000, ..Guest::validator() }.build()).unwrap_err().code(), "memory-limit");
}

#[test]
fn tables_are_limited() {
    let table = |min: u32| format!("(table $t {min} funcref) (func $grow (drop (table.grow $t (ref.null func) (i32.const 1000))))");
    let grow = Guest { items: table(1), ..Guest::validating("(loop (call $grow) (br 0)) (unreachable)") };
    fails(&grow, "table-limit", "20000");
    let large = Guest { items: table(1_000_000), ..Guest::validator() };
    assert_eq!(load(&large.build()).unwrap_err().code(), "table-limit");
}

#[test]
fn instances_are_limited() {
    let limits = Limits { instances: 1, ..Limits::default() };
    assert_eq!(load_within(&Guest::validator().build(), limits).unwrap_err().code(), "instance-limit");
}

#[test]
fn recursion_ends_at_the_stack() {
    let guest = Guest {
        items: "(func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1)))".into(),
        ..Guest::validating("(call $down (i32.const 0))")
    };
    fails(&guest, "stack-overflow", "524288");
}

#[test]
fn an_answer_of_many_megabytes_is_refused_in_bounded_memory() {
    // One violation whose message is 40 MB of zeros: there, and read by nobody.
    let mut guest = Guest { pages: 700, ..Guest::validator() };
    let (rule, path) = (guest.data.text(b"r"), guest.data.text(b"tenancy"));
    let list = guest.data.words(&[rule[0], rule[1], path[0], path[1], 100_000, 40_000_000, 0, 0, 0]);
    let at = guest.data.words(&[list, 1]);
    guest.validate = Some(format!("(i32.const {at})"));
    fails(&guest, "result-too-large", "1048576");

    // The same violation a hundred thousand times over, all in one list.
    let mut guest = Guest { pages: 700, ..Guest::validator() };
    let at = guest.data.words(&[100_000, 400_000]);
    guest.validate = Some(format!("(i32.const {at})"));
    fails(&guest, "result-too-large", "1048576");
}

#[test]
fn a_log_message_of_many_megabytes_is_refused_and_a_flood_is_counted() {
    let huge = Guest { pages: 700, ..Guest::validating("(call $log (i32.const 1) (i32.const 65536) (i32.const 40000000)) (unreachable)") };
    fails(&huge, "result-too-large", "1048576");

    let mut flood = Guest::validator();
    let [at, len] = flood.data.text(b"hello");
    let pass = flood.validate.take().unwrap();
    flood.validate = Some(format!(
        "(local $i i32)
         (loop $next
            (call $log (i32.const 1) (i32.const {at}) (i32.const {len}))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
         {pass}"
    ));
    let admission = run(&load(&flood.build()).unwrap()).unwrap();
    let [call] = admission.logs.as_slice() else { panic!() };
    assert_eq!((call.log.messages.len(), call.log.dropped), (256, 744));
    assert_eq!(call.log.messages[0], (LogLevel::Info, "hello".into()));
}

#[test]
fn logging_is_paid_for_with_fuel() {
    // A megabyte a time, without end: 200 messages use up what a loop alone would need 20 million rounds for.
    let guest = Guest {
        pages: 20,
        ..Guest::validating("(loop (call $log (i32.const 1) (i32.const 131072) (i32.const 1000000)) (br 0)) (unreachable)")
    };
    fails(&guest, "out-of-fuel", "200000000");
}

// ── Bad answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_is_no_value_of_its_type_is_no_answer() {
    fails(&Guest::validating("(i32.const -16)"), "invalid-result", "");
    fails(&Guest::validating("(i32.const 2)"), "invalid-result", "align");
    let mut guest = Guest::validator();
    let at = guest.data.violation(b"r", b"tenancy", b"\xff\xfe");
    guest.validate = Some(format!("(i32.const {at})"));
    fails(&guest, "invalid-result", "utf-8");
    let edit = format!("(i32.store8 offset={} (local.get 0) (i32.const 77))", Layout::of("cluster").at("tenancy"));
    fails(&Guest::mutator(&edit, None), "invalid-result", "");
}

#[test]
fn a_violation_must_cite_a_rule_and_a_path() {
    for (rule, path, code, says) in [
        ("zzz", "tenancy", "unknown-rule", "`zzz`"),
        ("r", "not a path", "invalid-result", "not a path"),
        ("r", "tag[\"a\u{202e}b\"]", "invalid-result", "invisible"),
    ] {
        let mut guest = Guest::validator();
        let at = guest.data.violation(rule.as_bytes(), path.as_bytes(), b"Bad.");
        guest.validate = Some(format!("(i32.const {at})"));
        fails(&guest, code, says);
    }
}

#[test]
fn what_a_mutator_may_not_do_is_a_failure_that_names_it() {
    let layout = Layout::of("cluster");
    let flip = |field: &str| format!("(i32.store8 offset={} (local.get 0) (i32.const 1))", layout.at(field));
    fails(&Guest::mutator(&flip("tenancy"), None), "unexplained-change", "`tenancy` from \"default\" to \"dedicated\"");
    fails(&Guest::mutator(&flip("tenancy"), Some(["r", "network", "No."])), "unexplained-change", "`tenancy`");
    fails(&Guest::mutator(&flip("tenancy"), Some(["zzz", "tenancy", "No."])), "unknown-rule", "`zzz`");
    // The first letter of name and region; the last of the instance type.
    let letter = |field: &str| format!("(i32.store8 (i32.load offset={} (local.get 0)) (i32.const 120))", layout.at(field));
    fails(&Guest::mutator(&letter("name"), Some(["r", "", "No."])), "forbidden-change", "`name`");
    fails(&Guest::mutator(&letter("region"), Some(["r", "", "No."])), "forbidden-change", "`region`");
    let spaces = format!("(i32.store8 (i32.load offset={} (local.get 0)) (i32.const 32))", layout.at("instance-type"));
    fails(&Guest::mutator(&spaces, Some(["r", "", "No."])), "invalid-result", "`instance-type` to \" 3.small\"");
    // No user data any more, and user data with another digest.
    let none = format!("(i32.store8 offset={} (local.get 0) (i32.const 0))", layout.at("user-data"));
    fails(&Guest::mutator(&none, Some(["r", "", "No."])), "forbidden-change", "`user-data`");
    let digest = format!("(i32.store8 (i32.load offset={} (local.get 0)) (i32.const 120))", layout.at("user-data") + 4);
    fails(&Guest::mutator(&digest, Some(["r", "", "No."])), "forbidden-change", "`user-data`");
    // The second subnet is the first once more.
    let twice = format!(
        "(i64.store offset=8 (i32.load offset={at} (local.get 0)) (i64.load (i32.load offset={at} (local.get 0))))",
        at = layout.at("network") + 8
    );
    fails(&Guest::mutator(&twice, Some(["r", "", "No."])), "invalid-result", "more than once");
}

#[test]
fn facts_that_are_needed_and_not_there_are_no_pass() {
    let mut guest = Guest::validator();
    let needs = guest.data.put(&[0, 2]);
    let description = guest.data.description();
    guest.describe = format!(
        "(i32.store offset=40 (i32.const {description}) (i32.const {needs}))
         (i32.store offset=44 (i32.const {description}) (i32.const 2))
         (i32.const {description})"
    );
    let error = failing(&guest);
    assert_eq!(error.code(), "missing-facts");
    assert!(error.to_string().contains("`facts.account`, `facts.subnets`"), "{error}");
}

#[test]
fn one_failing_policy_leaves_the_next_ones_alone() {
    let broken = load(&Guest::validating("(unreachable)").build()).unwrap();
    assert!(run(&broken).is_err());
    assert!(run(&load(&Guest::validator().build()).unwrap()).is_ok());
    // Nor does one call know of another: a fresh store each time.
    let counts = Guest {
        items: "(global $calls (mut i32) (i32.const 0))".into(),
        ..Guest::validating(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (if (i32.gt_u (global.get $calls) (i32.const 1)) (then (unreachable))) (i32.const 1024)",
        )
    };
    let mut counts = counts;
    let pass = counts.data.words(&[0, 0]);
    counts.validate = counts.validate.map(|body| body.replace("(i32.const 1024)", &format!("(i32.const {pass})")));
    let module = load(&counts.build()).unwrap();
    for _ in 0..3 {
        assert!(run(&module).is_ok());
    }
}

#[test]
fn calls_from_several_threads_do_not_disturb_one_another() {
    let module = load(&Guest::validator().build()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert!(run(&module).is_ok())));
        }
    });
    assert_eq!(module.settings(&[]).unwrap(), Settings::default());
}

/// Says so many bytes of a piece that holds `abcdefgh` fourteen times.
fn piece(count: u32) -> String {
    let words = "(i64.const 0x6867666564636261)".repeat(14);
    format!("(call $piece (i32.const 1) (i32.const {count}) {words})")
}

/// Says pieces of so many bytes, and finds nothing.
fn saying(pieces: &[u32]) -> Guest {
    let mut guest = Guest { imports: LOG_PIECE, ..Guest::validator() };
    let said: String = pieces.iter().map(|count| piece(*count)).collect();
    guest.validate = guest.validate.map(|pass| said + &pass);
    guest
}

#[test]
fn what_is_said_in_pieces_is_one_message() {
    // Full pieces go on, the first that is not full ends the message; what does not end is not kept.
    let admission = run(&load(&saying(&[112, 112, 3, 0, 5, 112, 0, 112]).build()).unwrap()).unwrap();
    let whole = "abcdefgh".repeat(14);
    let said = [format!("{whole}{whole}abc"), String::new(), "abcde".into(), whole];
    assert_eq!(admission.logs[0].log.messages, said.map(|message| (LogLevel::Info, message)));
}

#[test]
fn a_component_that_says_things_in_pieces_is_one_module() {
    let modules = |guest: &Guest| {
        let bytes = guest.build();
        let payloads = wasmparser::Parser::new(0).parse_all(&bytes).map(Result::unwrap);
        payloads.filter(|payload| matches!(payload, wasmparser::Payload::ModuleSection { .. })).count()
    };
    let mut by_memory = Guest::validator();
    by_memory.validate = by_memory.validate.map(|pass| format!("(call $log (i32.const 1) (i32.const 0) (i32.const 0)) {pass}"));
    assert_eq!((modules(&by_memory), modules(&saying(&[1]))), (3, 1));
}

#[test]
fn a_piece_holds_so_much_and_is_paid_for() {
    fails(&saying(&[113]), "invalid-result", "a piece of a message holds 112 bytes at most");
    let flood = format!("(loop {} (br 0)) (unreachable)", piece(112));
    fails(&Guest { imports: LOG_PIECE, ..Guest::validating(&flood) }, "out-of-fuel", "200000000");
}

#[test]
fn who_never_frees_is_asked_for_memory_once_for_each_argument() {
    let after = |requests: u32, promise: &str| {
        let mut guest = Guest { items: promise.into(), ..Guest::validator() };
        let trap = format!("(if (i32.gt_u (global.get $requests) (i32.const {requests})) (then (unreachable)))");
        guest.validate = guest.validate.map(|pass| trap + &pass);
        guest
    };
    // For the arguments, and for what the cluster points to: there are neither settings nor facts.
    run(&load(&after(2, NEVER_FREES).build()).unwrap()).unwrap();
    fails(&after(1, NEVER_FREES), "trap", "unreachable");
    // For each text and each list.
    fails(&after(20, ""), "trap", "unreachable");
}
