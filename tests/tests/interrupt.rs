//! Ctrl-C: calls in flight are finished, nothing new is begun, and what was done is said.

use std::time::{Duration, Instant};

use kaphost_tests::{APPLY, DESTROY, Failure, Fault, PLAN, Rule, Running, Scenario, Stage};

const PATIENCE: Duration = Duration::from_secs(60);
/// How long a call is held in flight while Ctrl-C is pressed: time enough for a signal on a busy machine.
const IN_FLIGHT: Fault = Fault::Delay { ms: 2000 };

/// Waits until AWS has seen a call of this action, and the calls that come side by side with it.
fn until_called(stage: &Stage, actions: &[&str]) -> Result<(), Failure> {
    let since = Instant::now();
    loop {
        let calls = stage.account.calls()?;
        if actions.iter().all(|action| calls.actions().contains(action)) {
            return Ok(());
        }
        if since.elapsed() > PATIENCE {
            return Err(Failure::new(format!("{actions:?} never came:\n{calls}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn begin(stage: &Stage, arguments: &str) -> Result<Running, Failure> {
    stage.account.clear_calls()?;
    stage.start(arguments)
}

#[test]
fn calls_in_flight_are_finished_and_a_second_run_goes_on() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    for action in ["CreateRole", "CreateInstanceProfile", "CreateSecurityGroup"] {
        stage.account.fault(&Rule::new(IN_FLIGHT).action(action))?;
    }
    let running = begin(&stage, APPLY)?;
    until_called(&stage, &["CreateRole", "CreateInstanceProfile", "CreateSecurityGroup"])?;
    running.interrupt()?;
    let run = running.end()?;
    assert_eq!(run.code, Some(5), "{run}");

    let calls = stage.account.calls()?;
    assert_eq!(calls.writes(), 3, "nothing new is begun:\n{calls}");
    assert!(calls.iter().all(|call| call.status == Some(200) || call.error_code.is_some()), "none is cut off:\n{calls}");
    assert!(run.stderr.contains("Stopping: the calls in flight are finished, nothing new is begun."), "{run}");
    for (how, operations) in [
        ("done", &["CreateRole", "CreateInstanceProfile", "CreateSecurityGroup"][..]),
        ("not begun", &["AddRoleToInstanceProfile", "AuthorizeSecurityGroupIngress", "CreateLaunchTemplate", "CreateAutoScalingGroup"]),
    ] {
        for operation in operations {
            let line = format!("  {how:<17}  {operation} ");
            assert!(run.stderr.contains(&line), "{line}: {run}");
        }
    }
    assert!(run.said().contains("stopped on request; part of the plan is carried out"), "{run}");
    let global = stage.config.global_name();
    let made = [
        "egress rule of kapacitor-stage: -1 -1--1 0.0.0.0/0".to_owned(),
        format!("instance profile {global} with "),
        format!("role {global}"),
        "security group kapacitor-stage".to_owned(),
    ];
    assert_eq!(stage.account.holdings()?.beyond(&before), made, "what is said to be done is done");

    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    stage.expect(0, PLAN)?;
    Ok(())
}

#[test]
fn before_anything_is_written_nothing_is_changed() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.account.fault(&Rule::new(IN_FLIGHT).action("GetRole"))?;
    let running = begin(&stage, APPLY)?;
    until_called(&stage, &["GetRole"])?;
    running.interrupt()?;
    let run = running.end()?;
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.said().contains("nothing was changed"), "{run}");
    let calls = stage.account.calls()?;
    assert_eq!(calls.writes(), 0, "{calls}");
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

#[test]
fn waiting_for_capacity_ends_at_once() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.account.scenario(&Scenario { pending_polls: Some(10_000), ..Scenario::default() })?;
    let running = begin(&stage, APPLY)?;
    until_called(&stage, &["CreateAutoScalingGroup", "DescribeScalingActivities"])?;
    let pressed = Instant::now();
    running.interrupt()?;
    let run = running.end()?;
    assert!(pressed.elapsed() < Duration::from_secs(20), "a wait does not outlast the wish to stop: {run}");
    assert_eq!(run.code, Some(5), "{run}");
    assert!(run.stderr.contains("  done               CreateAutoScalingGroup "), "{run}");
    assert!(run.stderr.contains("  cut short          wait for capacity "), "{run}");

    // Everything is there; the next run has nothing to do but to say so.
    stage.account.scenario(&Scenario { pending_polls: Some(0), ..Scenario::default() })?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.writes(), 0, "{calls}");
    Ok(())
}

#[test]
fn a_destroy_that_was_stopped_goes_on_later() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.expect(0, APPLY)?;
    stage.account.fault(&Rule::new(IN_FLIGHT).action("DeleteAutoScalingGroup"))?;
    let running = begin(&stage, DESTROY)?;
    until_called(&stage, &["DeleteAutoScalingGroup"])?;
    running.interrupt()?;
    let run = running.end()?;
    assert_eq!(run.code, Some(5), "{run}");
    assert!(run.stderr.contains("  done               DeleteAutoScalingGroup "), "{run}");
    assert!(run.stderr.contains("  not begun          DeleteSecurityGroup "), "{run}");
    assert!(!run.stdout.contains("is gone"), "{run}");
    stage.expect(0, DESTROY)?;
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

/// Pressed again, the program ends at once, and says what that means.
#[test]
fn the_second_ctrl_c_does_not_wait() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.account.fault(&Rule::new(Fault::Delay { ms: 20_000 }).action("CreateRole"))?;
    let running = begin(&stage, APPLY)?;
    until_called(&stage, &["CreateRole"])?;
    running.interrupt()?;
    std::thread::sleep(Duration::from_millis(500));
    let pressed = Instant::now();
    running.interrupt()?;
    let run = running.end()?;
    assert!(pressed.elapsed() < Duration::from_secs(10), "{run}");
    assert_eq!(run.code, Some(5), "{run}");
    assert!(run.stderr.contains("Stopped at once"), "{run}");
    Ok(())
}
