//! Two at once: the same cluster applied or destroyed by several runs at the same time is there once, or gone.

use std::time::Duration;

use kaphost_tests::{APPLY, DESTROY, Failure, PLAN, Stage};

/// Long enough that all runs read before any of them writes.
const LATENCY: Duration = Duration::from_millis(250);

#[test]
fn several_applies_of_one_config_make_one_cluster() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.expect(2, PLAN)?;
    stage.account.rounds(LATENCY)?;
    let runs = [stage.start(APPLY)?, stage.start(APPLY)?, stage.start(APPLY)?];
    let mut met = 0;
    for run in runs {
        let run = run.end()?;
        assert_eq!(run.code, Some(0), "{run}");
        met += run.stderr.matches("was there already, and is ours").count();
    }
    assert!(met > 0, "the runs never met: this has tested nothing\n{}", stage.account.calls()?);
    stage.account.clear_faults()?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    stage.expect(0, PLAN)?;
    Ok(())
}

#[test]
fn several_destroys_leave_nothing() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.expect(0, APPLY)?;
    stage.account.rounds(LATENCY)?;
    for run in [stage.start(DESTROY)?, stage.start(DESTROY)?] {
        let run = run.end()?;
        assert_eq!(run.code, Some(0), "{run}");
    }
    stage.account.clear_faults()?;
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

/// One wish after the other's: an update of the same kind by two runs is one version.
#[test]
fn several_updates_make_one_version() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    stage.change(|config| config.instance_type = "t3.large".to_owned())?;
    stage.account.rounds(LATENCY)?;
    for run in [stage.start(APPLY)?, stage.start(APPLY)?] {
        let run = run.end()?;
        assert_eq!(run.code, Some(0), "{run}");
    }
    stage.account.clear_faults()?;
    let held = stage.account.holdings()?.to_string();
    assert!(held.contains("launch template kapacitor-stage, latest version 2"), "{held}");
    stage.expect(0, PLAN)?;
    Ok(())
}
