//! Every row of the retry table, in virtual time: waited through while it lasts, given up when its time is over, final where the table says nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use kaphost_apply::{Cloud, ErrorKind, Event, Options, Report, Stop, execute, retry};
use kaphost_plan::{Call, Direction, Names, Plan, Planned, Ref, Step, StepId, Tags};
use tokio::time::Instant;

use crate::support::*;

/// More refusals than any patience outlasts.
const FOR_EVER: u64 = 10_000;

/// A plan of these steps, each after the one before.
fn chain(actions: Vec<Planned>) -> Plan {
    let steps = actions.into_iter().enumerate().map(|(place, action)| Step {
        id: StepId(place),
        action,
        after: place.checked_sub(1).map(StepId).into_iter().collect(),
        subject: "a test".to_owned(),
    });
    Plan { names: names(), changes: vec![], steps: steps.collect(), kept: vec![] }
}

fn names() -> Names {
    ordinary().names
}

async fn carry_out(lab: &kaphost_lab::Lab, plan: &Plan) -> Report {
    execute(lab, plan, &Options::default(), &|_| {}, &Stop::new()).await
}

/// A plan that makes every operation of the table in turn: the whole create, then changes, then the destroy.
async fn everything() -> Vec<Plan> {
    let lab = prompt();
    let (create, _) = planned(&lab, &ordinary()).await.unwrap();
    converge(&lab, &ordinary()).await;
    let closed = "egress { allow cidr=\"10.0.0.0/8\" description=\"inside\"\n }\n tag \"Team\" \"metrics\"";
    let other = desired(
        &config(&["172.16.0.0/12", "192.168.0.0/16"], &format!("instance-type \"t3.large\"\nscaling health-check=\"elb\"\n{closed}"))
            .replace("instance-type \"t3.small\"", ""),
    );
    let (change, _) = planned(&lab, &other).await.unwrap();
    converge(&lab, &other).await;
    let observed = lab.observe(&kaphost_plan::Query::for_destroy(names())).await.unwrap();
    let destroy = kaphost_plan::destroy(&names(), &observed, false).unwrap();
    let trust = Planned::UpdateTrust { role: ROLE.into(), trust: ordinary().trust };
    let policies = r#"iam { managed-policy "arn:aws:iam::aws:policy/ReadOnlyAccess"; inline-policy "own" "{\"Statement\":[]}"; }"#;
    let fresh = desired(&config(&["172.16.0.0/12"], &format!("{closed}\n{policies}")));
    let (fresh, _) = planned(&prompt(), &fresh).await.unwrap();
    vec![create, change, destroy, chain(vec![trust]), fresh]
}

/// The account as it is before each of these plans.
async fn before(plan: usize) -> kaphost_lab::Lab {
    let lab = prompt();
    if (1..4).contains(&plan) {
        converge(&lab, &ordinary()).await;
    }
    lab.another()
}

#[tokio::test(start_paused = true)]
async fn rows_without_a_condition_are_waited_through_and_given_up_in_time() {
    let plans = everything().await;
    for row in retry::TABLE.iter().filter(|row| !row.after_create && row.kind != ErrorKind::AlreadyExists) {
        let wanted = row.operation.unwrap_or("CreateRole");
        let found = plans.iter().position(|plan| plan.steps.iter().any(|step| step.action.operation() == wanted));
        let place = found.unwrap_or_else(|| panic!("no plan makes a {wanted}"));

        let lab = before(place).await;
        lab.delay([]);
        lab.refuse(wanted, row.kind, 3);
        let report = carry_out(&lab, &plans[place]).await;
        assert!(report.complete(), "{row:?}: {report:#?}");
        assert!(report.took_ms >= 3500, "{row:?}: half a second, one, two: {}", report.took_ms);

        let lab = before(place).await;
        lab.delay([]);
        lab.refuse(wanted, row.kind, FOR_EVER);
        let began = Instant::now();
        let report = carry_out(&lab, &plans[place]).await;
        let (_, error) = report.failed().next().unwrap_or_else(|| panic!("{row:?} did not fail"));
        assert_eq!(error.kind, row.kind);
        assert!(error.message.contains("tried again for"), "{error}");
        let took = began.elapsed();
        assert!(row.patience <= took && took < row.patience + Duration::from_secs(2), "{row:?} took {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_after_a_create_are_waited_through_on_new_things_only() {
    let plans = everything().await;
    for row in retry::TABLE.iter().filter(|row| row.after_create) {
        let operation = row.operation.unwrap();
        // The planner never tags what it has just made: AWS takes the tags with the creation.
        if operation == "CreateTags" {
            continue;
        }
        let found = [0, 4, 1].into_iter().find(|place| plans[*place].steps.iter().any(|step| step.action.operation() == operation));
        let place = found.unwrap_or_else(|| panic!("no plan makes a {operation}"));

        let lab = before(place).await;
        lab.refuse(operation, row.kind, 3);
        let report = carry_out(&lab, &plans[place]).await;
        assert!(report.complete(), "{row:?}: {report:#?}");

        let lab = before(place).await;
        lab.refuse(operation, row.kind, FOR_EVER);
        let report = carry_out(&lab, &plans[place]).await;
        assert_eq!(report.failed().next().map(|(step, error)| (step.operation, error.kind)), Some((operation, row.kind)));
        let (patience, took) = (row.patience, Duration::from_millis(report.took_ms));
        assert!(patience <= took && took < patience + Duration::from_secs(2), "{row:?} took {took:?}");
    }
    // On a group that this run did not make, it is final.
    let lab = prompt();
    let report = carry_out(&lab, &chain(vec![authorize(Ref::Known("sg-0123".into()))])).await;
    assert_eq!(report.failed().next().map(|(_, error)| error.kind), Some(ErrorKind::NotFound));
    assert!(report.took_ms < 500, "{}", report.took_ms);
}

#[tokio::test(start_paused = true)]
async fn what_the_table_does_not_name_is_final() {
    for kind in
        [ErrorKind::AccessDenied, ErrorKind::Quota, ErrorKind::Invalid, ErrorKind::Credentials, ErrorKind::Unreachable, ErrorKind::Service]
    {
        let lab = prompt();
        lab.refuse("CreateRole", kind, 1);
        let (record, _) = run(&lab, &ordinary(), &Stop::new()).await;
        let failed: Vec<_> = record.failed().map(|(step, error)| (step.operation, error.kind)).collect();
        assert_eq!(failed, [("CreateRole", kind)]);
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_are_told_and_double() {
    let lab = prompt();
    lab.refuse("CreateAutoScalingGroup", ErrorKind::NotVisibleYet, 6);
    let (_, events) = run(&lab, &ordinary(), &Stop::new()).await;
    let pauses: Vec<u64> =
        events.iter().filter_map(|event| if let Event::Retrying { in_ms, .. } = event { Some(*in_ms) } else { None }).collect();
    assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_is_deleted() {
    let deletes = vec![
        Planned::DeleteAutoScalingGroup { name: "x".into() },
        Planned::DeleteLaunchTemplate { id: "lt-1".into() },
        Planned::DeleteSecurityGroup { id: "sg-1".into() },
        Planned::RemoveRoleFromInstanceProfile { profile: "x".into(), role: "x".into() },
        Planned::DeleteInstanceProfile { name: "x".into() },
        Planned::DetachRolePolicy { role: "x".into(), arn: "arn".into() },
        Planned::DeleteRolePolicy { role: "x".into(), name: "x".into() },
        Planned::DeleteRole { name: "x".into() },
    ];
    let report = carry_out(&prompt(), &chain(deletes)).await;
    assert!(report.complete() && !report.raced(), "{report:#?}");
}

/// AWS takes all rules of a batch or none, so one that a rival has added keeps the others.
#[tokio::test(start_paused = true)]
async fn of_rules_that_are_partly_there_the_rest_is_added() {
    let lab = prompt();
    let plan = chain(vec![create_group(), authorize(Ref::Of(StepId(0)))]);
    let Planned::AuthorizeRules { rules, .. } = authorize(Ref::Of(StepId(0))) else { panic!("no rules") };
    assert_eq!(rules.len(), 2);
    let rival = lab.another();
    let tell = |event| {
        if matches!(event, Event::Done { step: StepId(0), .. }) {
            let tags = Tags::from([("kaphost:cluster".into(), NAME.into())]);
            let first = Call::AuthorizeRules {
                group: "sg-00000000000000002".into(),
                direction: Direction::Ingress,
                rules: vec![rules[0].clone()],
                tags,
            };
            let rival = rival.clone();
            tokio::spawn(async move { rival.act(&first).await.unwrap() });
        }
    };
    let report = execute(&lab, &plan, &Options::default(), &tell, &Stop::new()).await;
    assert!(report.complete() && report.raced(), "{report:#?}");
    assert_eq!(lab.log().writes(), ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupIngress"]);
    let observed = lab.observe(&query()).await.unwrap();
    assert_eq!(observed.security_groups[0].rules.iter().filter(|rule| rule.rule.key.direction == Direction::Ingress).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_rules_that_are_partly_gone_the_rest_is_revoked() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let observed = lab.observe(&query()).await.unwrap();
    let group = &observed.security_groups[0];
    let mut ids: BTreeSet<String> = group.rules.iter().filter_map(|rule| rule.id.clone()).collect();
    assert_eq!(ids.len(), 2);
    ids.insert("sgr-0ffff".into());
    let revoke = Planned::RevokeRules { group: Ref::Known(group.id.clone()), direction: Direction::Ingress, ids };
    let report = carry_out(&lab, &chain(vec![revoke])).await;
    assert!(report.complete(), "{report:#?}");
    let observed = lab.observe(&query()).await.unwrap();
    assert!(observed.security_groups[0].rules.iter().all(|rule| rule.id.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_by_nothing_visible_is_tried_for_a_minute() {
    for row in retry::TABLE.iter().filter(|row| row.kind == ErrorKind::AlreadyExists) {
        let operation = row.operation.unwrap();
        let lab = prompt();
        let wanted = match operation {
            "AuthorizeSecurityGroupEgress" => desired(&config(&[], "egress { allow cidr=\"10.0.0.0/8\" description=\"inside\"\n }")),
            _ => ordinary(),
        };
        lab.refuse(operation, ErrorKind::AlreadyExists, FOR_EVER);
        let (record, _) = run(&lab, &wanted, &Stop::new()).await;
        let (step, error) = record.failed().next().unwrap();
        assert_eq!((step.operation, error.kind), (operation, ErrorKind::AlreadyExists));
        assert!((60_000..62_000).contains(&record.rounds[0].1.took_ms), "{operation}: {}", record.rounds[0].1.took_ms);
    }
}

fn query() -> kaphost_plan::Query {
    kaphost_plan::Query::of(names())
}

fn create_group() -> Planned {
    let tags = Tags::from([("kaphost:cluster".into(), NAME.into())]);
    Planned::CreateSecurityGroup { name: NAME.into(), description: "x".into(), vpc: "vpc-0a1b".into(), tags }
}

fn authorize(group: Ref<String>) -> Planned {
    let rules = ordinary().rules.rules.into_iter().filter(|rule| rule.key.direction == Direction::Ingress).collect();
    Planned::AuthorizeRules { group, direction: Direction::Ingress, rules, tags: Tags::new() }
}

/// The lab is asked directly: a wait is no call.
#[tokio::test]
async fn a_wait_is_never_sent() {
    let error = prompt().act(&Call::WaitForCapacity { group: "x".into(), timeout_s: 1 }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BrokenPlan);
}
