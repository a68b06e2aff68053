//! What goes wrong between kaphost and AWS: kills, lost answers, rivals, ctrl-C. Each call of the job in turn.

use std::time::Duration;

use futures_util::future::join;
use kaphost_apply::{Cloud, End, ErrorKind, Event, Options, Outcome, RunVerdict, Stop, apply};
use kaphost_lab::{Behaviour, Fault};
use kaphost_plan::{Call, OWNER_TAG, Tags};

use crate::support::*;

const WRITES: u64 = 7;

#[tokio::test(start_paused = true)]
async fn killed_after_any_call_and_run_again_it_is_whole() {
    for writes in 0..=WRITES {
        let lab = prompt();
        let dying = lab.another();
        dying.delay([Duration::from_millis(10), Duration::from_millis(3), Duration::from_millis(25)]);
        let (plan, image) = planned(&dying, &ordinary()).await.unwrap();
        dying.crash_after(writes);
        let record = apply(&dying, &ordinary(), plan, &image, &Options::default(), &|_| {}, &Stop::new()).await;
        assert_eq!(record.end, End::Failed, "killed after {writes}");
        converge(&lab.another(), &ordinary()).await;
        assert_whole(&lab, &ordinary()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_killed_after_any_call_and_run_again_leaves_nothing() {
    for writes in 0..6 {
        let lab = prompt();
        converge(&lab, &ordinary()).await;
        let dying = lab.another();
        dying.crash_after(writes);
        // The observe comes before the first write, and a process that is killed at once does not even read.
        if writes > 0 {
            let (_, report) = demolish(&dying, &ordinary(), false).await.unwrap();
            assert!(!report.complete());
        }
        let (_, report) = demolish(&lab.another(), &ordinary(), false).await.unwrap();
        assert!(report.complete(), "killed after {writes}: {report:#?}");
        assert_eq!(lab.census().unwrap(), []);
    }
}

/// The answer is lost, and the SDK sends the call again: it meets its own work.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_sent_twice_meets_itself() {
    for write in 1..=WRITES {
        let lab = prompt();
        lab.fault(write, Fault::Repeat);
        let record = converge(&lab, &ordinary()).await;
        assert_whole(&lab, &ordinary()).await;
        let met = record.rounds[0].1.steps.iter().filter(|step| matches!(step.outcome, Outcome::Met { .. })).count();
        assert_eq!(met, 1, "write {write}: {:?}", lab.log().writes());
        // One look at the whole, and no write more.
        assert_eq!((record.rounds.len(), lab.log().writes().len()), (1, 7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_fails_the_run_and_the_next_one_heals_it() {
    for write in 1..=WRITES {
        let lab = prompt();
        lab.fault(write, Fault::LoseAnswer);
        let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
        assert_eq!((&record.end, record.verdict()), (&End::Failed, RunVerdict::Partly), "write {write}");
        let (_, error) = record.failed().next().unwrap();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        converge(&lab, &ordinary()).await;
        assert_whole(&lab, &ordinary()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_calls_in_flight_finish_and_begins_nothing_new() {
    let lab = prompt();
    lab.delay([Duration::from_millis(10), Duration::from_millis(100)]);
    lab.fault(1, Fault::Refuse(ErrorKind::AccessDenied));
    let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
    let outcomes: Vec<_> = record.rounds[0].1.steps.iter().map(|step| &step.outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done { .. })).count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| ***outcome == Outcome::NotStarted).count(), outcomes.len() - 3, "{outcomes:?}");
    assert!(lab.log().unheard_writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_changed_is_told_from_partly_applied() {
    let lab = prompt();
    for operation in ["CreateRole", "CreateInstanceProfile", "CreateSecurityGroup"] {
        lab.refuse(operation, ErrorKind::AccessDenied, 1);
    }
    let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
    assert_eq!((record.verdict(), record.failed().count()), (RunVerdict::Nothing, 3));
    assert_eq!(lab.census().unwrap(), []);
}

/// Ctrl-C at every millisecond of the create.
#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_in_flight_and_a_second_run_heals() {
    for after_ms in 0..32 {
        let lab = prompt();
        let (plan, image) = planned(&lab, &ordinary()).await.unwrap();
        let stop = Stop::new();
        let ctrl_c = stop.clone();
        let raise = async move {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            ctrl_c.raise();
        };
        let running = async { apply(&lab, &ordinary(), plan, &image, &Options::default(), &|_| {}, &stop).await };
        let (record, ()) = join(running, raise).await;
        assert_eq!(record.end, End::Interrupted, "after {after_ms} ms");
        assert!(lab.log().unheard_writes().is_empty(), "{:?}", lab.log());
        let report = &record.rounds[0].1;
        assert!(report.failed().next().is_none() && report.interrupted);
        let expected = if after_ms == 0 {
            0..=3
        } else if after_ms < 10 {
            3..=3
        } else if after_ms == 10 {
            3..=6
        } else {
            3..=7
        };
        assert!(expected.contains(&lab.log().writes().len()), "after {after_ms} ms: {:?}", lab.log().writes());
        converge(&lab, &ordinary()).await;
        assert_whole(&lab, &ordinary()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_start_begins_nothing() {
    let lab = prompt();
    let stop = Stop::new();
    stop.raise();
    let (record, events) = run(&lab, &ordinary(), &stop).await;
    assert_eq!((record.verdict(), events), (RunVerdict::Nothing, vec![Event::Stopping]));
    assert_eq!(lab.log().writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_pause_between_attempts() {
    let lab = prompt();
    lab.refuse("CreateAutoScalingGroup", ErrorKind::NotVisibleYet, 1000);
    let stop = Stop::new();
    let ctrl_c = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        ctrl_c.raise();
    });
    let (record, _) = run(&lab, &ordinary(), &stop).await;
    let report = &record.rounds[0].1;
    assert!((19_000..20_001).contains(&report.took_ms), "{}", report.took_ms);
    let cut = report.steps.iter().find(|step| step.operation == "CreateAutoScalingGroup").map(|step| &step.outcome);
    assert!(matches!(cut, Some(Outcome::CutShort(Some(error))) if error.kind == ErrorKind::NotVisibleYet), "{cut:?}");
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_end_in_one_of_everything() {
    for (mine, theirs) in [(10, 10), (10, 7), (3, 20), (20, 3), (1, 100)] {
        let lab = prompt();
        let (a, b) = (lab.another(), lab.another());
        a.delay([Duration::from_millis(mine)]);
        b.delay([Duration::from_millis(theirs)]);
        join(converge(&a, &ordinary()), converge(&b, &ordinary())).await;
        assert_whole(&lab, &ordinary()).await;
    }
}

/// Two configs on one name: no harm, and the last writer wins once the other is at rest.
#[tokio::test(start_paused = true)]
async fn two_configs_at_once_leave_one_of_everything() {
    let lab = prompt();
    let other = desired(&config(&["172.16.0.0/12"], "tag \"Team\" \"metrics\""));
    let (a, b) = (lab.another(), lab.another());
    a.delay([Duration::from_millis(10)]);
    b.delay([Duration::from_millis(12)]);
    let stop = Stop::new();
    let mine = ordinary();
    join(run(&a, &mine, &stop), run(&b, &other, &stop)).await;
    assert_eq!(lab.census().unwrap(), one_of_everything());
    converge(&lab, &other).await;
    assert_whole(&lab, &other).await;
}

#[tokio::test(start_paused = true)]
async fn a_race_that_left_other_content_is_put_right_in_a_second_round() {
    let lab = prompt();
    let (plan, image) = planned(&lab, &ordinary()).await.unwrap();
    // A rival with another instance type is through before the first call of ours.
    let rival = config(&["172.16.0.0/12"], "").replace("t3.small", "t3.large");
    converge(&lab.another(), &desired(&rival)).await;
    let events = std::sync::Mutex::new(vec![]);
    let tell = |event| events.lock().unwrap().push(event);
    let record = apply(&lab, &ordinary(), plan, &image, &Options::default(), &tell, &Stop::new()).await;
    assert_eq!((&record.end, record.rounds.len()), (&End::Converged, 2));
    assert!(events.into_inner().unwrap().iter().any(|event| matches!(event, Event::Replanned(plan) if !plan.is_empty())));
    assert_whole(&lab, &ordinary()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_appears_meanwhile_is_not_touched() {
    let strangers = [Tags::new(), Tags::from([(OWNER_TAG.into(), "another".into())])];
    for tags in strangers {
        let lab = prompt();
        let (plan, image) = planned(&lab, &ordinary()).await.unwrap();
        let trust = serde_json::json!({ "Statement": [] });
        let role = Call::CreateRole {
            name: ROLE.into(),
            path: "/".into(),
            description: "theirs".into(),
            trust,
            boundary: None,
            tags: tags.clone(),
        };
        lab.another().act(&role).await.unwrap();
        let record = apply(&lab, &ordinary(), plan, &image, &Options::default(), &|_| {}, &Stop::new()).await;
        let (step, error) = record.failed().next().unwrap();
        assert_eq!((step.operation, error.kind), ("CreateRole", ErrorKind::NotOurs), "{error}");
        let observed = lab.observe(&kaphost_plan::Query::of(ordinary().names)).await.unwrap();
        let role = observed.role.unwrap();
        assert_eq!((role.description.as_str(), role.tags), ("theirs", tags));
    }
}

#[tokio::test(start_paused = true)]
async fn everything_slow_at_once_still_converges() {
    let lab = prompt();
    let slow = Behaviour { polls_pending: 5, polls_deleting: 5, refusals_draining: 5, refusals_profile: 5, refusals_new_group: 5 };
    lab.behave(slow).unwrap();
    converge(&lab, &ordinary()).await;
    assert_whole(&lab, &ordinary()).await;
    let (_, report) = demolish(&lab, &ordinary(), false).await.unwrap();
    assert!(report.complete(), "{report:#?}");
    assert_eq!(lab.census().unwrap(), []);
}
