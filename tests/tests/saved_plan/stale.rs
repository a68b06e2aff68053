//! Every way in which a saved plan is not to be carried out any more, each told by name, with nothing written to AWS.

use kaphost_tests::{CallLog, Emulator, Run, Set, Stage};
use serde_json::json;

use super::cases::{CASES, Case, aws};
use super::{APPLY_SAVED, SAVE, SECRET, saved, stage};

fn held(case: &Case) -> (Stage, Run, CallLog) {
    let mut stage = stage();
    (case.before)(&mut stage);
    let save = if case.plan.is_empty() { SAVE.to_owned() } else { format!("plan cluster.kdl {} --out p.kapplan", case.plan) };
    stage.expect(0, &save).unwrap_or_else(|error| panic!("{}: {error}", case.what));
    (case.after)(&mut stage);
    let before = stage.account.holdings().unwrap();
    let arguments = format!("{APPLY_SAVED} {}", case.apply);
    let (run, calls) = stage.expect(6, &format!("{arguments} --output json")).unwrap_or_else(|error| panic!("{}: {error}", case.what));
    // What people are told costs nothing where AWS is not asked.
    if !case.asks {
        let people = stage.run(&arguments).unwrap();
        assert_eq!(people.code, Some(6), "{}: {people}", case.what);
        assert!(people.stdout.is_empty() && people.stderr.contains("cannot be relied on"), "{}: {people}", case.what);
    }
    assert_eq!(stage.account.holdings().unwrap(), before, "{}", case.what);
    (stage, run, calls)
}

#[test]
fn every_way_to_be_stale_is_told_by_name_and_writes_nothing() {
    assert!(CASES.len() >= 12);
    for case in CASES {
        let (_, run, calls) = held(case);
        let what = case.what;
        assert_eq!(calls.writes(), 0, "{what}:\n{calls}");
        assert_eq!(!calls.is_empty(), case.asks, "{what}:\n{calls}");
        let found = run.reasons().unwrap();
        for said in case.says {
            assert!(
                found.iter().any(|reason| reason.starts_with(said) || (!said.contains(':') && reason.contains(said))),
                "{what}: no {said:?} in {found:#?}"
            );
        }
        assert!(found.len() == case.says.len() || case.says == ["digest"], "{what}: {found:#?}");
        assert!(!format!("{run}").contains(SECRET), "{what}: {run}");
    }
}

/// Other credentials, and nothing else is other.
#[test]
fn a_plan_for_another_account_is_refused_before_anything_else_is_asked() {
    let stage = stage();
    saved(&stage, SAVE);
    let other = Emulator::shared().unwrap().account();
    other.clear_calls().unwrap();
    let mut command = stage.kaphost.command();
    command.args(["apply", "p.kapplan", "--output", "json"]).env("AWS_ACCESS_KEY_ID", other.access_key());
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(6), "{run}");
    let (then, now) = (stage.account.id(), other.id());
    assert_eq!(
        run.reasons().unwrap(),
        [format!("other-account: `p.kapplan`: it is for the account {then}, and these credentials are of {now}")]
    );
    let calls = other.calls().unwrap();
    assert_eq!(calls.iter().map(|call| call.action.as_str()).collect::<Vec<_>>(), ["GetCallerIdentity"], "{calls}");
}

#[test]
fn a_variable_that_holds_something_else_is_named_and_not_shown() {
    let mut stage = stage();
    stage.change(|config| config.more.push("tag \"Cost\" (env)\"COST\"".to_owned())).unwrap();
    let run = |arguments: &str, value: &str| {
        let mut command = stage.kaphost.command();
        command.args(arguments.split(' ')).env("COST", value);
        Run::of(&mut command).unwrap()
    };
    assert_eq!(run(SAVE, "4711").code, Some(0));
    let stale = run(&format!("{APPLY_SAVED} --output json"), "0815");
    assert_eq!(stale.code, Some(6), "{stale}");
    assert_eq!(
        stale.reasons().unwrap(),
        ["variable-changed: `p.kapplan`: of the variables that the config takes values from (`COST`) one or more hold something else"]
    );
    assert!(!stale.to_string().contains("0815"), "{stale}");
    assert_eq!(run(APPLY_SAVED, "4711").code, Some(0));
}

/// What the machine and the environment name holds, too, and must be what held then.
#[test]
fn a_policy_that_came_or_went_is_named() {
    let stage = stage();
    saved(&stage, SAVE);
    Set::at(stage.kaphost.folder().join("more/set.kdl")).with_built("imdsv2", "mandatory", &[]).unwrap().write().unwrap();
    let run = |variable: &str, value: &str| {
        let mut command = stage.kaphost.command();
        command.args(["apply", "p.kapplan", "--output", "json"]).env(variable, value);
        let (run, calls) = stage.account.record(|| Run::of(&mut command)).unwrap();
        assert_eq!(calls.len(), 0, "{run}");
        assert_eq!(run.code, Some(6), "{run}");
        run.reasons().unwrap()
    };
    let came = "policy-changed: `p.kapplan`: the policy `more/set.kdl` was not there then";
    assert_eq!(run("KAPHOST_POLICY", "more/set.kdl"), [came]);
    assert_eq!(run("KAPHOST_SYSTEM_POLICY", "more/set.kdl"), [came]);
    // And the other way round.
    let mut command = stage.kaphost.command();
    command.args(SAVE.split(' ')).env("KAPHOST_SYSTEM_POLICY", "more/set.kdl");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(0));
    let (gone, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert_eq!(gone.reasons().unwrap(), ["policy-changed: `p.kapplan`: the policy `more/set.kdl` is gone"]);
    assert_eq!(calls.len(), 0, "{calls}");
}

/// A search leads to a newer image by now.
#[test]
fn another_image_is_another_plan() {
    let stage = stage();
    let image = &stage.seed.images[0];
    let (id, name) = (image.id.clone(), format!("kapacitor-{}", stage.account.id()));
    let copy = |name: &str| aws(&stage, "ec2", "copy_image", json!({ "SourceImageId": id, "SourceRegion": "us-east-1", "Name": name }));
    copy(&format!("{name}-1"));
    let lookup = format!("    ami owner=\"self\" name=\"{name}-*\"\n");
    let text: String = stage.config.to_string().lines().filter(|line| !line.contains("ami \"")).map(|line| format!("{line}\n")).collect();
    stage.kaphost.write("cluster.kdl", &text.replacen("{\n", &format!("{{\n{lookup}"), 1)).unwrap();
    stage.expect(0, SAVE).unwrap();
    // The emulator dates images to the second, and of two of one second neither is the newer one.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    copy(&format!("{name}-2"));
    let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert!(run.reasons().unwrap()[0].starts_with("image-changed: `p.kapplan`: `ami` led to ami-"), "{run}");
    assert_eq!(calls.writes(), 0, "{calls}");
}
