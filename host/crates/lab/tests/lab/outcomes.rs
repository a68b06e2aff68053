//! What belongs to others, and plans that contradict themselves.

use kaphost_apply::{Cloud, ErrorKind, Options, Stop, execute};
use kaphost_plan::{Call, Direction, Peer, Plan, Planned, Query, Ref, RefusalCode, Rule, RuleKey, Step, StepId, Tags, Traffic};

use crate::support::*;

fn foreign_rule() -> Rule {
    let key = RuleKey {
        direction: Direction::Ingress,
        traffic: Traffic::Ports { protocol: "tcp".into(), from: 443, to: 443 },
        peer: Peer::Cidr("203.0.113.0/24".parse().unwrap()),
    };
    Rule { key, description: "theirs".into() }
}

#[tokio::test(start_paused = true)]
async fn rules_of_others_stay_through_applies_and_go_with_the_group() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let query = Query::of(ordinary().names);
    let group = lab.observe(&query).await.unwrap().security_groups[0].id.clone();
    let theirs = Call::AuthorizeRules { group, direction: Direction::Ingress, rules: vec![foreign_rule()], tags: Tags::new() };
    lab.act(&theirs).await.unwrap();

    let other = desired(&config(&["172.16.0.0/12"], ""));
    converge(&lab, &other).await;
    assert_whole(&lab, &other).await;
    let rules = lab.observe(&query).await.unwrap().security_groups[0].rules.clone();
    assert!(rules.iter().any(|rule| rule.rule == foreign_rule()), "{rules:#?}");

    let (_, report) = demolish(&lab, &other, false).await.unwrap();
    assert!(report.complete());
    assert_eq!(lab.census().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn policies_of_others_keep_a_role_unless_told() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    lab.attach_policy(ROLE, "arn:aws:iam::aws:policy/ReadOnlyAccess").unwrap();
    lab.put_inline_policy(ROLE, "theirs").unwrap();
    let refusals = demolish(&lab, &ordinary(), false).await.unwrap_err();
    assert!(refusals.iter().any(|refusal| refusal.code == RefusalCode::ForeignAttachments), "{refusals:#?}");
    assert_whole(&lab, &ordinary()).await;
    let (_, report) = demolish(&lab, &ordinary(), true).await.unwrap();
    assert!(report.complete(), "{report:#?}");
    assert_eq!(lab.census().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn strangers_of_our_names_are_refused_and_untouched() {
    let lab = prompt();
    let (name, description, vpc) = (NAME.to_owned(), "theirs".to_owned(), "vpc-0a1b".to_owned());
    lab.act(&Call::CreateSecurityGroup { name, description, vpc, tags: Tags::new() }).await.unwrap();
    let before = lab.census().unwrap();
    let refusals = planned(&lab, &ordinary()).await.unwrap_err();
    assert_eq!(refusals[0].code, RefusalCode::NotOurs);
    let (plan, _) = demolish(&lab, &ordinary(), true).await.unwrap();
    assert!(plan.is_empty() && !plan.kept.is_empty(), "{plan:#?}");
    assert_eq!(lab.census().unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_others_refer_to_is_waited_for_and_then_told() {
    let lab = prompt();
    converge(&lab, &ordinary()).await;
    let query = Query::of(ordinary().names);
    let ours = lab.observe(&query).await.unwrap().security_groups[0].id.clone();
    let (name, description, vpc) = ("theirs".to_owned(), "theirs".to_owned(), "vpc-0a1b".to_owned());
    let kaphost_plan::Output::SecurityGroup(theirs) =
        lab.act(&Call::CreateSecurityGroup { name, description, vpc, tags: Tags::new() }).await.unwrap()
    else {
        panic!("no group")
    };
    let mut rule = foreign_rule();
    rule.key.peer = Peer::SecurityGroup(ours);
    lab.act(&Call::AuthorizeRules { group: theirs.clone(), direction: Direction::Ingress, rules: vec![rule], tags: Tags::new() })
        .await
        .unwrap();
    let (_, report) = demolish(&lab, &ordinary(), false).await.unwrap();
    let (step, error) = report.failed().next().unwrap();
    assert_eq!((step.operation, error.kind), ("DeleteSecurityGroup", ErrorKind::InUse));
    assert!(error.message.contains(&theirs) && error.message.contains("900 s"), "{error}");
}

fn step(id: usize, after: &[usize], action: Planned) -> Step {
    Step { id: StepId(id), action, after: after.iter().copied().map(StepId).collect(), subject: "a test".into() }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_contradicts_itself_is_an_error_and_not_a_hang() {
    let profile = |name: &str| Planned::CreateInstanceProfile { name: name.into(), path: "/".into(), tags: Tags::new() };
    let names = ordinary().names;
    let plan = |steps| Plan { names: names.clone(), changes: vec![], steps, kept: vec![] };
    // Two that wait for each other, one that waits for nobody's step, and a reference to a step that gives nothing.
    let circle = plan(vec![step(0, &[], profile("a")), step(1, &[2], profile("b")), step(2, &[1], profile("c"))]);
    let nobody = plan(vec![step(0, &[9], profile("a"))]);
    let empty = plan(vec![step(0, &[], profile("a")), step(1, &[0], Planned::RevokeDefaultEgress { group: Ref::Of(StepId(0)) })]);
    for (plan, failures) in [(circle, 2), (nobody, 1), (empty, 1)] {
        let report = execute(&prompt(), &plan, &Options::default(), &|_| {}, &Stop::new()).await;
        let kinds: Vec<ErrorKind> = report.failed().map(|(_, error)| error.kind).collect();
        assert_eq!(kinds, vec![ErrorKind::BrokenPlan; failures]);
    }
}
