//! Killed at any moment, run again: everything once, and no orphan. The kill is SIGKILL, after each call in turn has had its effect on AWS.

use kaphost_tests::{APPLY, Account, DESTROY, Emulator, Failure, Holdings, PLAN, Stage};

/// Stages that share the kill points between them, on accounts of their own.
const SIDE_BY_SIDE: u32 = 3;
/// A run makes fewer calls than this, polls included; more means that it does not end.
const MOST_CALLS: u32 = 60;

/// Kills a run after each of its calls in turn, and gives how many kill points there were.
fn after_each_call(each: fn(&Stage, &Holdings, u32) -> Result<bool, Failure>) -> Result<u32, Failure> {
    let server = Emulator::shared()?;
    let killed = std::thread::scope(|scope| {
        let work = |first: u32| -> Result<u32, Failure> {
            let stage = Stage::on(server.account())?;
            let before = stage.account.holdings()?;
            // What is known of the image is remembered from here on, so that all kill points are points of the same run.
            stage.expect(2, PLAN)?;
            for (killed, nth) in (0..).zip((first..MOST_CALLS).step_by(SIDE_BY_SIDE as usize)) {
                if !each(&stage, &before, nth)? {
                    return Ok(killed);
                }
                assert_eq!(stage.account.holdings()?.beyond(&before), [""; 0], "not destroyed after kill {nth}");
            }
            Err(Failure::new(format!("the run had not ended after {MOST_CALLS} calls")))
        };
        let threads: Vec<_> = (1..=SIDE_BY_SIDE).map(|first| scope.spawn(move || work(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum::<Result<u32, _>>()
    })?;
    Ok(killed)
}

fn kill(account: &Account, stage: &Stage, nth: u32, arguments: &str) -> Result<bool, Failure> {
    stage.kaphost.kill_after_call(account, nth, arguments.split_whitespace())
}

#[test]
fn apply_killed_after_each_call_and_run_again_makes_everything_once() -> Result<(), Failure> {
    let killed = after_each_call(|stage, before, nth| {
        if !kill(&stage.account, stage, nth, APPLY)? {
            return Ok(false);
        }
        stage.expect(0, APPLY).map_err(|failure| Failure::new(format!("killed after call {nth}, then: {failure}")))?;
        assert_eq!(stage.account.holdings()?.beyond(before), stage.cluster_of_one(), "after kill {nth}");
        stage.expect(0, PLAN).map_err(|failure| Failure::new(format!("killed after call {nth}, applied, then: {failure}")))?;
        stage.expect(0, DESTROY)?;
        Ok(true)
    })?;
    assert!(killed >= 14, "six reads, seven writes and a poll are fourteen kill points at least, not {killed}");
    Ok(())
}

#[test]
fn destroy_killed_after_each_call_and_run_again_leaves_nothing() -> Result<(), Failure> {
    let killed = after_each_call(|stage, _, nth| {
        stage.expect(0, APPLY)?;
        let struck = kill(&stage.account, stage, nth, DESTROY)?;
        stage.expect(0, DESTROY).map_err(|failure| Failure::new(format!("killed after call {nth}, then: {failure}")))?;
        Ok(struck)
    })?;
    assert!(killed >= 13, "six reads, six writes and a poll are thirteen kill points at least, not {killed}");
    Ok(())
}

/// Killed in the middle of a change, then changed back: what was half done does not stand in the way of another wish.
#[test]
fn a_change_killed_half_way_can_be_taken_back() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let before = stage.config.clone();
    for nth in [7, 8, 9] {
        stage.change(|config| {
            config.instance_type = "t3.large".to_owned();
            config.ssh.push("cidr=\"10.9.0.0/16\" description=\"VPN\"".to_owned());
            config.tags.insert("Team".to_owned(), "metrics".to_owned());
        })?;
        assert!(kill(&stage.account, &stage, nth, APPLY)?, "the change makes fewer than {nth} calls");
        stage.change(|config| *config = before.clone())?;
        stage.expect(0, APPLY)?;
        stage.expect(0, PLAN)?;
    }
    Ok(())
}
