//! How many calls, and how deep: what makes kaphost quick.

use kaphost_lab::CallKind;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_fresh_create_is_seven_writes_three_deep() {
    let lab = prompt();
    let record = converge(&lab, &ordinary()).await;
    let log = lab.log();
    let mut writes = log.writes();
    writes.sort_unstable();
    assert_eq!(
        writes,
        [
            "AddRoleToInstanceProfile",
            "AuthorizeSecurityGroupIngress",
            "CreateAutoScalingGroup",
            "CreateInstanceProfile",
            "CreateLaunchTemplate",
            "CreateRole",
            "CreateSecurityGroup"
        ]
    );
    assert_eq!(log.depth(), 3);
    assert_eq!((log.count(CallKind::Observe), log.count(CallKind::Poll)), (1, 1));
    assert_eq!(record.rounds.len(), 1);
    // Three writes and a poll, 10 ms each, and nothing in between.
    assert_eq!(record.rounds[0].1.took_ms, 40);
    assert_whole(&lab, &ordinary()).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_apply_writes_nothing() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let again = lab.another();
    converge(&again, &ordinary()).await;
    assert_eq!(again.log().entries().len(), 1, "{:?}", again.log());
}

#[tokio::test(start_paused = true)]
async fn one_more_network_is_one_write() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let again = lab.another();
    let more = desired(&config(&["192.168.0.0/16", "172.16.0.0/12"], ""));
    converge(&again, &more).await;
    assert_eq!(again.log().writes(), ["AuthorizeSecurityGroupIngress"]);
    assert_whole(&lab, &more).await;
}

#[tokio::test(start_paused = true)]
async fn a_destroy_is_six_writes_and_waits_once() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let again = lab.another();
    let (_, report) = demolish(&again, &ordinary(), false).await.unwrap();
    assert!(report.complete(), "{report:#?}");
    assert_eq!(again.log().writes().len(), 6, "{:?}", again.log().writes());
    assert_eq!(lab.census().unwrap(), []);
    let last = lab.another();
    let (plan, _) = demolish(&last, &ordinary(), false).await.unwrap();
    assert!(plan.is_empty(), "{plan:#?}");
}
