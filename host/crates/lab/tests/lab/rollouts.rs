//! A new version of the template reaches the running server: how it goes, what is said when it fails, and what stands in its way.

use std::time::SystemTime;

use kaphost_apply::{Cloud, End, ErrorKind, Event, Options, Stop, apply};
use kaphost_lab::{Fault, Lab};
use kaphost_plan::{Call, Desired, Instance, ObservedGroup, RefreshPreferences, RefusalCode};

use crate::support::*;

/// The ordinary cluster with this user data, and these nodes more.
fn with(user_data: &str, more: &str) -> Desired {
    desired(&config(&["192.168.0.0/16"], &format!("user-data \"{user_data}\"\n{more}")))
}

async fn group(lab: &Lab) -> ObservedGroup {
    lab.observe(&kaphost_plan::Query::of(ordinary().names)).await.unwrap().auto_scaling_group.unwrap()
}

fn versions(group: &ObservedGroup) -> (u64, Vec<Option<u64>>) {
    (group.settings.template_version, group.instances.iter().map(|instance| instance.template_version).collect())
}

/// Where the server already runs, with the second half of its life before it.
async fn running() -> Lab {
    let lab = prompt();
    converge(&lab, &with("one", "")).await;
    lab.another()
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_server_is_two_writes_and_is_followed_to_its_end() {
    for (more, strategy) in [("", "terminate"), ("rollout strategy=\"launch-first\"", "launch")] {
        let lab = prompt();
        converge(&lab, &with("one", more)).await;
        let before = group(&lab).await.instances[0].id.clone();
        let lab = lab.another();
        let (record, events) = run(&lab, &with("two", more), &Stop::new()).await;
        assert_eq!(record.end, End::Converged);
        assert_eq!(lab.log().writes(), ["CreateLaunchTemplateVersion", "StartInstanceRefresh"], "{strategy}");
        let told: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                Event::Refresh { refresh, .. } => Some(refresh.status.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!((told.first(), told.last()), (Some(&"Pending"), Some(&"Successful")), "{told:?}");
        let first = |words: &str| {
            events.iter().position(|event| matches!(event, Event::Activity { activity, .. } if activity.description.starts_with(words)))
        };
        let (ended, launched) = (first("Terminating").unwrap(), first("Launching").unwrap());
        assert_eq!(launched < ended, strategy == "launch", "{events:?}");
        let group = group(&lab).await;
        assert_eq!(versions(&group), (2, vec![Some(2)]));
        assert!(group.instances[0].id != before && group.instances[0].in_service());
        assert_whole(&lab, &with("two", more)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_why_and_is_undone() {
    let lab = running().await;
    lab.fail_launches(&["Client.InternalError: the key is not there", "Client.InternalError: the key is not there"]).unwrap();
    let (record, _) = run(&lab, &with("two", ""), &Stop::new()).await;
    assert_eq!(record.end, End::Failed);
    let (_, error) = record.failed().next().unwrap();
    assert_eq!(error.kind, ErrorKind::RolloutFailed);
    for words in ["AWS has gone back to the version before", "the key is not there", "of version 1 is InService"] {
        assert!(error.message.contains(words), "{words}: {error}");
    }
    assert_eq!(versions(&group(&lab).await), (1, vec![Some(1)]));

    // Another apply is another try, and the plan says how the last one ended.
    let (plan, _) = planned(&lab, &with("two", "")).await.unwrap();
    let note = plan.changes.iter().find_map(|change| change.note.clone()).unwrap();
    assert!(note.contains("ended as RollbackSuccessful") && note.contains("the key is not there"), "{note}");
    converge(&lab, &with("two", "")).await;
    assert_eq!(versions(&group(&lab).await), (2, vec![Some(2)]));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_left_when_it_is_not_to_be_undone() {
    let lab = running().await;
    lab.fail_launches(&["Client.InternalError: the key is not there"; 2]).unwrap();
    let wanted = with("two", "rollout { auto-rollback #false\n }");
    let (record, _) = run(&lab, &wanted, &Stop::new()).await;
    let (_, error) = record.failed().next().unwrap();
    assert!(error.message.contains("`rollout.auto-rollback`") && error.message.contains("the key is not there"), "{error}");
    assert_eq!(group(&lab).await.settings.template_version, 1, "a refresh that fails pins nothing");
    converge(&lab, &wanted).await;
    assert_whole(&lab, &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_under_way_is_joined() {
    let lab = running().await;
    let stop = Stop::new();
    let wanted = with("two", "");
    let (plan, image) = planned(&lab, &wanted).await.unwrap();
    let tell = |event| {
        if matches!(event, Event::Refresh { .. }) {
            stop.raise();
        }
    };
    let record = apply(&lab, &wanted, plan, &image, &Options::default(), &tell, &stop).await;
    assert_eq!(record.end, End::Interrupted);

    let again = lab.another();
    let (plan, _) = planned(&again, &wanted).await.unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.action.operation()).collect::<Vec<_>>(), ["wait for the rollout"]);
    assert!(plan.changes.iter().any(|change| change.note.as_ref().is_some_and(|note| note.contains("under way already"))), "{plan:?}");
    converge(&again, &wanted).await;
    assert_eq!(again.log().writes(), [""; 0]);
    assert_whole(&lab, &wanted).await;
}

/// Somebody rolls out what is not wanted here.
async fn begin_another(lab: &Lab) {
    let preferences = RefreshPreferences {
        min_healthy_percentage: 0,
        max_healthy_percentage: 100,
        warmup_s: 0,
        auto_rollback: false,
        skip_matching: false,
    };
    let start = Call::StartInstanceRefresh { group: NAME.into(), template: NAME.into(), version: 1, preferences };
    lab.another().act(&start).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_one_is_named_and_cancelled_only_when_told_to() {
    let lab = running().await;
    begin_another(&lab).await;
    let refusals = planned(&lab, &with("two", "")).await.unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].code, RefusalCode::RefreshInProgress);
    assert!(refusals[0].message.contains("refresh-") && refusals[0].help.contains("--cancel-refresh"), "{refusals:?}");
    assert_eq!(lab.log().writes(), [""; 0], "it is found before anything is changed");

    let wanted = Desired { cancel_refresh: true, ..with("two", "") };
    converge(&lab, &wanted).await;
    let log = lab.log();
    let mut writes = log.writes();
    // The version is made while the other one ends.
    writes.sort_unstable();
    assert_eq!(writes, ["CancelInstanceRefresh", "CreateLaunchTemplateVersion", "StartInstanceRefresh"]);
    assert_whole(&lab, &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_between_plan_and_apply_is_refused_by_name() {
    let lab = running().await;
    let (plan, image) = planned(&lab, &with("two", "")).await.unwrap();
    begin_another(&lab).await;
    let record = apply(&lab, &with("two", ""), plan, &image, &Options::default(), &|_| {}, &Stop::new()).await;
    let (step, error) = record.failed().next().unwrap();
    assert_eq!((step.operation, error.kind), ("StartInstanceRefresh", ErrorKind::InUse));
    assert!(error.message.contains("refresh-") && error.message.contains("to version 1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_heard_twice_is_one() {
    for fault in [Fault::Repeat, Fault::LoseAnswer] {
        let lab = running().await;
        lab.fault(2, fault);
        let (_, _) = run(&lab, &with("two", ""), &Stop::new()).await;
        converge(&lab, &with("two", "")).await;
        assert_eq!(versions(&group(&lab).await), (2, vec![Some(2)]));
        assert_eq!(lab.refreshes(NAME).await.unwrap().len(), 1, "{fault:?}");
    }
}

/// Nobody wants an outage for a tag.
#[tokio::test(start_paused = true)]
async fn tags_alone_replace_no_server() {
    let lab = running().await;
    let before = group(&lab).await.instances[0].id.clone();
    converge(&lab, &with("one", "tag \"Team\" \"metrics\"")).await;
    let writes = lab.log().writes().join(" ");
    assert!(writes.contains("UpdateAutoScalingGroup") && !writes.contains("StartInstanceRefresh"), "{writes}");
    let group = group(&lab).await;
    assert_eq!((group.instances[0].id.clone(), versions(&group)), (before, (2, vec![Some(1)])));
    assert_whole(&lab, &with("one", "tag \"Team\" \"metrics\"")).await;
}

/// With no server there is nothing to replace: the group takes the version and launches by it.
#[tokio::test(start_paused = true)]
async fn a_group_without_a_server_pins_at_once() {
    let lab = running().await;
    lab.lose_instances(NAME).unwrap();
    lab.fail_launches(&["InsufficientInstanceCapacity"]).unwrap();
    let wanted = with("two", "");
    converge(&lab, &wanted).await;
    assert_eq!(lab.log().writes(), ["CreateLaunchTemplateVersion", "UpdateAutoScalingGroup"]);
    assert!(group(&lab).await.instances.iter().any(Instance::in_service));
    assert_whole(&lab, &wanted).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_takes_too_long_goes_on_without_us() {
    let lab = running().await;
    lab.behave(kaphost_lab::Behaviour { polls_pending: 1000, ..kaphost_lab::Behaviour::PROMPT }).unwrap();
    let (record, _) = run(&lab, &with("two", "rollout timeout=\"1m\""), &Stop::new()).await;
    let (_, error) = record.failed().next().unwrap();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("after 60 s") && error.message.contains("InProgress"), "{error}");
}

/// Of many versions the old ones go, in one call, and never one that something names.
#[tokio::test(start_paused = true)]
async fn old_versions_are_forgotten() {
    let lab = running().await;
    let mut most = 0;
    for number in 0..25 {
        converge(&lab, &with(&format!("script {number}"), "")).await;
        let template = lab.observe(&kaphost_plan::Query::of(ordinary().names)).await.unwrap().launch_template.unwrap();
        most = most.max(template.versions.len());
        let group = group(&lab).await;
        assert!([1, template.latest, group.settings.template_version].iter().all(|number| template.versions.contains_key(number)));
    }
    let deletions = lab.log().writes().iter().filter(|operation| **operation == "DeleteLaunchTemplateVersions").count();
    assert_eq!((most, deletions), (20, 1), "a deletion now and then, not with every change");
    assert!(lab.group(NAME, SystemTime::UNIX_EPOCH).await.unwrap().is_some());
}
