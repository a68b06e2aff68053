//! Waiting for an instance, and for a group to go.

use std::time::Duration;

use kaphost_apply::{ErrorKind, Event, Outcome, Stop};
use kaphost_lab::{Behaviour, CallKind};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn polls_at_once_and_then_ever_less_often() {
    let lab = prompt();
    lab.delay([]);
    lab.behave(Behaviour { polls_pending: 7, ..Behaviour::PROMPT }).unwrap();
    let record = converge(&lab, &ordinary()).await;
    assert_eq!(lab.log().count(CallKind::Poll), 8);
    // 0, 1, 2, 4, 8, 15, 15, 15 seconds.
    assert_eq!(record.rounds[0].1.took_ms, 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_fatal_launch_ends_the_wait_in_awss_words() {
    let lab = prompt();
    lab.fail_launches(&["Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state"]).unwrap();
    let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
    let (step, error) = record.failed().next().unwrap();
    assert_eq!((step.operation, error.kind), ("wait for capacity", ErrorKind::LaunchFailed));
    assert!(error.message.contains("InvalidKMSKey") && error.message.contains("desired and actual capacity"), "{error}");
    assert!(record.changed_anything());
}

#[tokio::test(start_paused = true)]
async fn lack_of_capacity_is_told_and_waited_through() {
    let lab = prompt();
    lab.fail_launches(&["InsufficientInstanceCapacity - We currently do not have sufficient t3.small capacity", "VcpuLimitExceeded"])
        .unwrap();
    let (record, events) = run(&lab, &ordinary(), &Stop::new()).await;
    assert!(record.failed().next().is_none());
    let said: Vec<&str> = events
        .iter()
        .filter_map(|event| if let Event::Activity { activity, .. } = event { activity.message.as_deref() } else { None })
        .collect();
    assert!(said.iter().any(|words| words.contains("InsufficientInstanceCapacity")), "{said:?}");
    assert!(said.contains(&"VcpuLimitExceeded"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_quotes_what_aws_said_last() {
    let lab = prompt();
    lab.fail_launches(&["InsufficientInstanceCapacity - try another zone"; 100]).unwrap();
    let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
    let (_, error) = record.failed().next().unwrap();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("after 600 s") && error.message.contains("try another zone"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_fails_is_polled_again() {
    let lab = prompt();
    lab.refuse("poll", ErrorKind::Throttled, 3);
    let record = converge(&lab, &ordinary()).await;
    assert!(record.rounds[0].1.took_ms >= 7000);
    let lab = prompt();
    lab.refuse("poll", ErrorKind::AccessDenied, 1);
    let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
    assert_eq!(record.failed().next().map(|(_, error)| error.kind), Some(ErrorKind::AccessDenied));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_at_once() {
    let lab = prompt();
    lab.behave(Behaviour { polls_pending: 1000, ..Behaviour::PROMPT }).unwrap();
    let stop = Stop::new();
    let ctrl_c = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        ctrl_c.raise();
    });
    let (record, events) = run(&lab, &ordinary(), &stop).await;
    let (_, report) = &record.rounds[0];
    assert_eq!(report.took_ms, 2490, "the observe before took 10 ms");
    assert!(record.interrupted() && report.interrupted);
    assert_eq!(report.steps.last().map(|step| step.outcome.clone()), Some(Outcome::CutShort(None)));
    assert!(events.contains(&Event::Stopping));
    // Everything is there; the next apply has nothing to do.
    assert_whole(&lab, &ordinary()).await;
}

#[tokio::test(start_paused = true)]
async fn draining_interfaces_delay_a_destroy() {
    let lab = prompt();
    lab.behave(Behaviour { polls_deleting: 3, refusals_draining: 4, ..Behaviour::PROMPT }).unwrap();
    converge(&lab, &ordinary()).await;
    let (_, report) = demolish(&lab, &ordinary(), false).await.unwrap();
    assert!(report.complete(), "{report:#?}");
    assert_eq!(lab.census().unwrap(), []);
    // Four refusals, and then it goes. Three looks see the group, the fourth does not.
    assert_eq!(lab.log().writes().iter().filter(|operation| **operation == "DeleteSecurityGroup").count(), 5);
    assert_eq!(lab.log().count(CallKind::Poll), 1 + 4);
}
