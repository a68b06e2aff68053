//! The question before a change, on a real terminal.

use std::time::Duration;

use kaphost_tests::{APPLY, Built, CallLog, Failure, PLAN, Python, Run, Stage};

/// Runs kaphost on a terminal, answers its question, and gives what it did.
fn answered(stage: &Stage, arguments: &str, answer: &str) -> Result<(Run, CallLog), Failure> {
    let kaphost = stage.kaphost.command();
    let mut command = Python::ready(&Built::find()?)?.script("terminal.py");
    command.args(["Only yes is taken for it: ", answer]).arg(kaphost.get_program()).args(arguments.split(' '));
    command.current_dir(stage.kaphost.folder());
    command.envs(kaphost.get_envs().filter_map(|(key, value)| Some((key, value?))));
    stage.account.record(|| Run::of(&mut command))
}

#[test]
fn yes_carries_it_out() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let (run, _) = answered(&stage, "apply cluster.kdl --policy org.wasm", "yes")?;
    assert_eq!(run.code, Some(0), "{run}");
    let (plan, question) = (run.stdout.find("6 to create"), run.stdout.find("Carry this out?"));
    assert!(plan.is_some() && plan < question, "the plan is shown before the question: {run}");
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    stage.expect(0, PLAN)?;

    let (run, _) = answered(&stage, "destroy cluster.kdl", "yes")?;
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

#[test]
fn anything_else_changes_nothing() -> Result<(), Failure> {
    let stage = Stage::new()?;
    for answer in ["no", "y", "", "YES"] {
        let (run, calls) = answered(&stage, "apply cluster.kdl --policy org.wasm", answer)?;
        assert_eq!((run.code, calls.writes()), (Some(1), 0), "{answer:?}: {run}\n{calls}");
        assert!(run.stdout.contains("not confirmed; nothing was changed"), "{run}");
    }
    stage.expect(0, APPLY)?;
    let (run, calls) = answered(&stage, "destroy cluster.kdl", "no")?;
    assert_eq!((run.code, calls.writes()), (Some(1), 0), "{run}\n{calls}");
    Ok(())
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let (run, calls) = answered(&stage, "apply cluster.kdl --policy org.wasm", "^C")?;
    assert_eq!((run.code, calls.writes()), (Some(1), 0), "{run}\n{calls}");
    assert!(run.stdout.contains("stopped on request; nothing was changed"), "{run}");
    Ok(())
}

/// Somebody who watches sees each step that is under way and how far the whole has come; without colour no escape sets any.
#[test]
fn a_run_is_watched_live() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.account.latency(Duration::from_millis(150))?;
    let kaphost = stage.kaphost.command();
    let mut command = Python::ready(&Built::find()?)?.script("terminal.py");
    command.args(["nothing is asked", ""]).arg(kaphost.get_program()).args(APPLY.split(' ')).current_dir(stage.kaphost.folder());
    command.envs(kaphost.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("TERM", "xterm").env("COLUMNS", "80");
    let run = Run::of(&mut command)?;
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains(" of 8 done after ") && run.stdout.contains("8/8 ✓ wait for capacity"), "{run}");
    // What is under way has a line of its own, and is not said once more beside the count.
    assert!(!run.stdout.lines().any(|line| line.contains("done after") && line.contains("; ")), "{run}");
    assert!(
        !run.stdout
            .split('\u{1b}')
            .skip(1)
            .any(|rest| rest.split(|c: char| c.is_ascii_alphabetic()).next().is_some_and(|code| rest[code.len()..].starts_with('m'))),
        "{run:?}"
    );
    Ok(())
}
