//! What the lab itself promises: AWS's documented refusals, one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use kaphost_apply::{Cloud, ErrorKind};
use kaphost_lab::{Behaviour, Lab};
use kaphost_plan::{
    Call, Direction, GroupSettings, ImageAnswer, ImageGap, Output, Peer, Query, Rule, RuleKey, Tags, TemplateContent, Traffic,
};
use kaphost_spec::Ami;

use crate::support::*;

async fn refused(lab: &Lab, call: Call) -> (ErrorKind, String) {
    let error = lab.act(&call).await.unwrap_err();
    assert_eq!(error.operation, call.operation());
    assert!(error.request_id.is_some() && !error.message.is_empty());
    (error.kind, error.code.unwrap_or_default())
}

async fn done(lab: &Lab, call: Call) -> Output {
    lab.act(&call).await.unwrap_or_else(|error| panic!("{error}"))
}

fn group(name: &str, vpc: &str) -> Call {
    Call::CreateSecurityGroup { name: name.into(), description: "x".into(), vpc: vpc.into(), tags: Tags::new() }
}

async fn new_group(lab: &Lab, name: &str) -> String {
    let Output::SecurityGroup(id) = done(lab, group(name, "vpc-01")).await else { panic!("no id") };
    id
}

fn rule(cidr: &str, port: i32) -> Rule {
    let traffic = Traffic::Ports { protocol: "tcp".into(), from: port, to: port };
    Rule { key: RuleKey { direction: Direction::Ingress, traffic, peer: Peer::Cidr(cidr.parse().unwrap()) }, description: "x".into() }
}

fn authorize(group: &str, rules: Vec<Rule>) -> Call {
    let tags = Tags::from([("kaphost:cluster".into(), "c".into())]);
    Call::AuthorizeRules { group: group.into(), direction: Direction::Ingress, rules, tags }
}

async fn rules(lab: &Lab, name: &str) -> Vec<kaphost_plan::ObservedRule> {
    let mut names = ordinary().names;
    names.regional = name.into();
    let query = Query::of(names);
    lab.observe(&query).await.unwrap().security_groups[0].rules.clone()
}

#[tokio::test]
async fn group_names_ignore_case_and_are_unique_in_a_vpc() {
    let lab = prompt();
    new_group(&lab, "web").await;
    assert_eq!(refused(&lab, group("WEB", "vpc-01")).await, (ErrorKind::AlreadyExists, "InvalidGroup.Duplicate".into()));
    done(&lab, group("web", "vpc-02")).await;
    assert_eq!(refused(&lab, group("sg-web", "vpc-01")).await.0, ErrorKind::Invalid);
    assert_eq!(refused(&lab, group("x", "none")).await.0, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_new_group_lets_everything_out() {
    let lab = prompt();
    let id = new_group(&lab, "web").await;
    let found = rules(&lab, "web").await;
    assert!(matches!(&found[..], [rule] if rule.rule.key.is_default_egress() && rule.id.is_none()), "{found:?}");
    done(&lab, Call::RevokeDefaultEgress { group: id }).await;
    assert_eq!(rules(&lab, "web").await, []);
}

#[tokio::test]
async fn duplicate_rules_are_refused_all_or_none() {
    let lab = prompt();
    let id = new_group(&lab, "web").await;
    done(&lab, authorize(&id, vec![rule("10.0.0.0/8", 22)])).await;
    let batch = authorize(&id, vec![rule("192.168.0.0/16", 22), rule("10.0.0.0/8", 22)]);
    assert_eq!(refused(&lab, batch).await, (ErrorKind::AlreadyExists, "InvalidPermission.Duplicate".into()));
    assert_eq!(rules(&lab, "web").await.len(), 2);
    let twice = authorize(&id, vec![rule("::/0", 22), rule("::/0", 22)]);
    assert_eq!(refused(&lab, twice).await.0, ErrorKind::AlreadyExists);
    let many = (0..60).map(|port| rule("::/0", port)).collect();
    assert_eq!(refused(&lab, authorize(&id, many)).await.0, ErrorKind::Quota);
    assert_eq!(refused(&lab, authorize(&id, vec![rule("::/0", 70_000)])).await.0, ErrorKind::Invalid);
}

#[tokio::test]
async fn rules_are_changed_and_revoked_by_id() {
    let lab = prompt();
    let id = new_group(&lab, "web").await;
    done(&lab, authorize(&id, vec![rule("10.0.0.0/8", 22), rule("10.0.0.0/8", 80)])).await;
    let ours: Vec<String> = rules(&lab, "web").await.into_iter().filter_map(|rule| rule.id).collect();
    let modify = |to: Rule| Call::ModifyRules { group: id.clone(), rules: BTreeMap::from([(ours[0].clone(), to)]) };
    assert_eq!(refused(&lab, modify(rule("10.0.0.0/8", 80))).await.0, ErrorKind::AlreadyExists);
    assert_eq!(refused(&lab, modify(rule("::/0", 22))).await.0, ErrorKind::Invalid);
    done(&lab, modify(rule("10.0.0.0/8", 443))).await;
    let revoke = |ids: BTreeSet<String>| Call::RevokeRules { group: id.clone(), direction: Direction::Ingress, ids };
    let some = BTreeSet::from([ours[0].clone(), "sgr-0f".into()]);
    assert_eq!(refused(&lab, revoke(some)).await, (ErrorKind::NotFound, "InvalidSecurityGroupRuleId.NotFound".into()));
    done(&lab, revoke(ours.into_iter().collect())).await;
    assert_eq!(rules(&lab, "web").await.len(), 1);
}

#[tokio::test]
async fn a_group_stays_while_something_refers_to_it() {
    let lab = prompt();
    let (a, b) = (new_group(&lab, "a").await, new_group(&lab, "b").await);
    let mut refers = rule("::/0", 22);
    refers.key.peer = Peer::SecurityGroup(a.clone());
    done(&lab, authorize(&b, vec![refers.clone()])).await;
    // To itself it may refer.
    refers.key.peer = Peer::SecurityGroup(b.clone());
    done(&lab, authorize(&b, vec![refers])).await;
    assert_eq!(refused(&lab, Call::DeleteSecurityGroup { id: a.clone() }).await, (ErrorKind::InUse, "DependencyViolation".into()));
    done(&lab, Call::DeleteSecurityGroup { id: b }).await;
    done(&lab, Call::DeleteSecurityGroup { id: a.clone() }).await;
    assert_eq!(refused(&lab, Call::DeleteSecurityGroup { id: a }).await.0, ErrorKind::NotFound);
}

fn content(instance_type: &str) -> TemplateContent<String> {
    let template = ordinary().template;
    TemplateContent {
        instance_type: instance_type.into(),
        security_groups: vec![],
        image: template.image,
        key: template.key,
        instance_profile: "p".into(),
        public_ip: template.public_ip,
        tenancy: template.tenancy,
        spot: template.spot,
        ebs_optimized: template.ebs_optimized,
        metadata_enabled: template.metadata_enabled,
        metadata_tokens: template.metadata_tokens,
        metadata_hop_limit: template.metadata_hop_limit,
        devices: template.devices,
        user_data: template.user_data,
        instance_tags: template.instance_tags,
        volume_tags: template.volume_tags,
        foreign: template.foreign,
    }
}

fn template(name: &str, instance_type: &str, token: &str) -> Call {
    let (description, content) = (String::new(), content(instance_type));
    Call::CreateLaunchTemplate { name: name.into(), tags: Tags::new(), description, content, token: token.into() }
}

fn version(instance_type: &str, token: &str) -> Call {
    let (description, content) = (String::new(), content(instance_type));
    Call::CreateLaunchTemplateVersion { template: "web".into(), description, content, token: token.into() }
}

#[tokio::test]
async fn template_calls_are_idempotent_by_token() {
    let lab = prompt();
    assert!(matches!(done(&lab, template("web", "t3.small", "a")).await, Output::LaunchTemplate { version: 1, .. }));
    assert!(matches!(done(&lab, template("web", "t3.small", "a")).await, Output::LaunchTemplate { version: 1, .. }));
    assert_eq!(refused(&lab, template("web", "t3.large", "a")).await.1, "IdempotentParameterMismatch");
    assert_eq!(refused(&lab, template("web", "t3.small", "b")).await.0, ErrorKind::AlreadyExists);
    assert_eq!(done(&lab, version("t3.large", "c")).await, Output::TemplateVersion(2));
    assert_eq!(done(&lab, version("t3.large", "c")).await, Output::TemplateVersion(2));
    assert_eq!(done(&lab, version("t3.large", "d")).await, Output::TemplateVersion(3));
    assert_eq!(refused(&lab, template("w", "t3.small", "e")).await.0, ErrorKind::Invalid);
}

fn role(name: &str) -> Call {
    let trust = serde_json::json!({ "Statement": [] });
    Call::CreateRole { name: name.into(), path: "/".into(), description: String::new(), trust, boundary: None, tags: Tags::new() }
}

fn profile(name: &str) -> Call {
    Call::CreateInstanceProfile { name: name.into(), path: "/".into(), tags: Tags::new() }
}

fn add(profile: &str, role: &str) -> Call {
    Call::AddRoleToInstanceProfile { profile: profile.into(), role: role.into() }
}

#[tokio::test]
async fn iam_deletes_from_the_leaves_up() {
    let lab = prompt();
    assert_eq!(refused(&lab, add("p", "r")).await.0, ErrorKind::NotFound);
    done(&lab, role("r")).await;
    done(&lab, profile("p")).await;
    assert_eq!(refused(&lab, role("R")).await, (ErrorKind::AlreadyExists, "EntityAlreadyExists".into()));
    done(&lab, add("p", "r")).await;
    assert_eq!(refused(&lab, add("p", "r")).await, (ErrorKind::Quota, "LimitExceeded".into()));
    let conflict = (ErrorKind::InUse, "DeleteConflict".to_owned());
    assert_eq!(refused(&lab, Call::DeleteRole { name: "r".into() }).await, conflict);
    assert_eq!(refused(&lab, Call::DeleteInstanceProfile { name: "p".into() }).await, conflict);
    done(&lab, Call::RemoveRoleFromInstanceProfile { profile: "p".into(), role: "r".into() }).await;
    lab.attach_policy("r", "arn:aws:iam::aws:policy/ReadOnlyAccess").unwrap();
    assert_eq!(refused(&lab, Call::DeleteRole { name: "r".into() }).await, conflict);
    done(&lab, Call::DetachRolePolicy { role: "r".into(), arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into() }).await;
    done(&lab, Call::DeleteRole { name: "r".into() }).await;
    done(&lab, Call::DeleteInstanceProfile { name: "p".into() }).await;
    assert_eq!(lab.census().unwrap(), []);
}

#[tokio::test]
async fn fifty_tags_and_none_of_awss() {
    let lab = prompt();
    let many = |count: usize| (0..count).map(|n| (format!("k{n}"), String::new())).collect::<Tags>();
    done(&lab, role("r")).await;
    let tag = |set: Tags| Call::TagRole { role: "r".into(), set };
    done(&lab, tag(many(50))).await;
    done(&lab, tag(many(50))).await;
    assert_eq!(refused(&lab, tag(Tags::from([("one".into(), "more".into())]))).await.0, ErrorKind::Quota);
    assert_eq!(refused(&lab, tag(Tags::from([("AWS:x".into(), String::new())]))).await.0, ErrorKind::Invalid);
}

fn scaling(name: &str, version: u64) -> Call {
    let settings = ordinary().group;
    let settings = GroupSettings {
        launch_template: "web".into(),
        template_version: version,
        subnets: settings.subnets,
        min: settings.min,
        max: settings.max,
        desired: settings.desired,
        health_check: settings.health_check,
        grace_period_s: settings.grace_period_s,
        warmup_s: settings.warmup_s,
        termination_policies: settings.termination_policies,
        maintenance: settings.maintenance,
        deletion_protection: settings.deletion_protection,
    };
    Call::CreateAutoScalingGroup { name: name.into(), settings, instance_profile: "p".into(), tags: BTreeMap::new() }
}

#[tokio::test]
async fn a_group_needs_its_template_and_a_profile_that_ec2_sees() {
    let lab = prompt();
    lab.behave(Behaviour { refusals_profile: 2, polls_deleting: 1, polls_pending: 1, ..Behaviour::PROMPT }).unwrap();
    assert_eq!(refused(&lab, scaling("web", 1)).await, (ErrorKind::NotFound, "ValidationError".into()));
    done(&lab, template("web", "t3.small", "a")).await;
    assert_eq!(refused(&lab, scaling("web", 2)).await.0, ErrorKind::NotFound);
    assert_eq!(refused(&lab, scaling("web", 1)).await.0, ErrorKind::NotVisibleYet);
    done(&lab, role("r")).await;
    done(&lab, profile("p")).await;
    done(&lab, add("p", "r")).await;
    for _ in 0..2 {
        let error = lab.act(&scaling("web", 1)).await.unwrap_err();
        assert!(error.kind == ErrorKind::NotVisibleYet && error.message.contains("Invalid IAM Instance Profile"), "{error}");
    }
    done(&lab, scaling("web", 1)).await;
    assert_eq!(refused(&lab, scaling("web", 1)).await, (ErrorKind::AlreadyExists, "AlreadyExists".into()));
    assert_eq!(refused(&lab, scaling("a:b", 1)).await.0, ErrorKind::Invalid);

    let look = async || lab.group("web", SystemTime::UNIX_EPOCH).await.unwrap();
    let first = look().await.unwrap();
    assert_eq!((first.instances[0].lifecycle.as_str(), first.activities[0].status.as_str()), ("Pending", "InProgress"));
    let second = look().await.unwrap();
    assert!(second.instances[0].in_service() && second.activities[0].status == "Successful");

    // A server that is lost is replaced.
    lab.lose_instances("web").unwrap();
    assert!(!look().await.unwrap().instances[0].in_service());
    look().await;
    assert!(look().await.unwrap().instances[0].in_service());

    done(&lab, Call::DeleteAutoScalingGroup { name: "web".into() }).await;
    assert_eq!(look().await.unwrap().status.as_deref(), Some("Delete in progress"));
    assert_eq!(look().await, None);
    assert_eq!(refused(&lab, Call::DeleteAutoScalingGroup { name: "web".into() }).await.0, ErrorKind::NotFound);
}

#[tokio::test]
async fn any_image_exists_unless_told() {
    let lab = prompt();
    lab.set_image("ami-0bad0bad", None).unwrap();
    lab.set_image("ami-0ab0ab0a", Some("/dev/sda1")).unwrap();
    let ask = async |id: &str| {
        let query = Query { image: Some(kaphost_spec::Ami::Id(id.parse().unwrap())), ..Query::of(ordinary().names) };
        match lab.observe(&query).await.unwrap().image {
            ImageAnswer::Found(image) => Some(image.root_device),
            ImageAnswer::Missing(_) => None,
            ImageAnswer::NotAsked => panic!("asked"),
        }
    };
    assert_eq!(ask("ami-01230123").await.as_deref(), Some("/dev/xvda"));
    assert_eq!(ask("ami-0ab0ab0a").await.as_deref(), Some("/dev/sda1"));
    assert_eq!(ask("ami-0bad0bad").await, None);
}

/// By a parameter, and by owner and name: the newest that is there.
#[tokio::test]
async fn images_by_parameter_and_search() {
    let lab = prompt();
    let ask = async |image: Ami| lab.observe(&Query { image: Some(image), ..Query::of(ordinary().names) }).await.unwrap().image;
    let search = |owner: &str| Ami::Lookup { owner: owner.into(), name: "kapacitor-*-2026-??-01".into() };
    let found = |answer: ImageAnswer| match answer {
        ImageAnswer::Found(image) => image.id,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(Ami::Ssm("/image".into())).await, ImageAnswer::Missing(ImageGap::NoParameter));
    lab.set_parameter("/image", "vpc-1").unwrap();
    assert_eq!(ask(Ami::Ssm("/image".into())).await, ImageAnswer::Missing(ImageGap::NotAnId("vpc-1".into())));
    lab.set_parameter("/image", "ami-0abcd1234").unwrap();
    assert_eq!(found(ask(Ami::Ssm("/image".into())).await), "ami-0abcd1234");
    lab.set_image("ami-0abcd1234", None).unwrap();
    assert_eq!(ask(Ami::Ssm("/image".into())).await, ImageAnswer::Missing(ImageGap::NoImage("ami-0abcd1234".into())));

    assert_eq!(ask(search("self")).await, ImageAnswer::Missing(ImageGap::NoMatch));
    for (id, owner, name, created) in [
        ("ami-00000001", "self", "kapacitor-ubuntu-2026-08-01", "2026-08-01T00:00:00.000Z"),
        ("ami-00000002", "self", "kapacitor-ubuntu-2026-10-01", "2026-10-01T00:00:00.000Z"),
        ("ami-00000003", "self", "kapacitor-ubuntu-2026-11-15", "2026-11-15T00:00:00.000Z"),
        ("ami-00000004", "amazon", "kapacitor-ubuntu-2026-11-01", "2026-11-01T00:00:00.000Z"),
    ] {
        lab.publish_image(id, owner, name, created).unwrap();
    }
    assert_eq!((found(ask(search("self")).await), found(ask(search("amazon")).await)), ("ami-00000002".into(), "ami-00000004".into()));
}
