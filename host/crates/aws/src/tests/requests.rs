//! What every write puts on the wire, parameter by parameter.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_apply::{Cloud as _, ErrorKind};
use kaphost_plan::{
    Action, Call, DeviceContent, Direction, GroupSettings, GroupTag, Output, Peer, Rule, RuleKey, Tags, TemplateContent, Traffic,
};
use kaphost_spec::UserData;

use super::aws;
use super::server::{Request, Server, ec2, query};

fn tags() -> Tags {
    Tags::from([("kaphost:cluster".into(), "kapacitor-stage".into()), ("Team".into(), "metrics & more".into())])
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn rule(direction: Direction, traffic: Traffic, peer: Peer, description: &str) -> Rule {
    Rule { key: RuleKey { direction, traffic, peer }, description: description.into() }
}

fn tcp(from: i32, to: i32) -> Traffic {
    Traffic::Ports { protocol: "tcp".into(), from, to }
}

fn cidr(text: &str) -> Peer {
    Peer::Cidr(text.parse().unwrap())
}

pub(super) fn content() -> TemplateContent<String> {
    let root = DeviceContent {
        volume_type: "gp3".into(),
        size_gib: 50,
        iops: Some(4000),
        throughput_mibps: Some(250),
        encrypted: true,
        kms_key: Some("alias/ops".into()),
        delete_on_termination: true,
        snapshot: None,
    };
    let data = DeviceContent {
        volume_type: "st1".into(),
        size_gib: 500,
        iops: None,
        throughput_mibps: None,
        encrypted: false,
        kms_key: None,
        delete_on_termination: false,
        snapshot: Some("snap-0123456789abcdef0".into()),
    };
    TemplateContent {
        image: "ami-0123456789abcdef0".into(),
        instance_type: "t3.small".into(),
        key: Some("ops".into()),
        instance_profile: "kapacitor-stage-us-east-1".into(),
        security_groups: vec!["sg-1".into(), "sg-2".into()],
        public_ip: false,
        tenancy: Some("dedicated".into()),
        spot: Some(Some("0.05".into())),
        ebs_optimized: Some(true),
        metadata_enabled: true,
        metadata_tokens: "required".into(),
        metadata_hop_limit: 1,
        devices: BTreeMap::from([("/dev/sda1".into(), root), ("/dev/xvdh".into(), data)]),
        user_data: Some(UserData::new("#!/bin/sh\necho hunter2\n".into()).unwrap()),
        instance_tags: tags(),
        volume_tags: tags(),
        foreign: BTreeSet::new(),
    }
}

/// As little as there can be.
fn plain() -> TemplateContent<String> {
    TemplateContent {
        key: None,
        tenancy: None,
        spot: None,
        ebs_optimized: None,
        devices: BTreeMap::new(),
        user_data: None,
        instance_tags: Tags::new(),
        volume_tags: Tags::new(),
        public_ip: true,
        ..content()
    }
}

pub(super) fn create_template() -> Call {
    Action::CreateLaunchTemplate {
        name: "kapacitor-stage".into(),
        tags: tags(),
        description: "spec 0123".into(),
        content: content(),
        token: "token-1".into(),
    }
}

fn settings(maintenance: Option<(u32, u32)>) -> GroupSettings<u64> {
    GroupSettings {
        launch_template: "kapacitor-stage".into(),
        template_version: 7,
        subnets: set(&["subnet-b", "subnet-a"]),
        min: 1,
        max: 1,
        desired: 1,
        health_check: "ELB".into(),
        grace_period_s: 600,
        warmup_s: 600,
        termination_policies: vec!["OldestInstance".into(), "Default".into()],
        maintenance,
        deletion_protection: "none".into(),
    }
}

fn group_tags() -> BTreeMap<String, GroupTag> {
    BTreeMap::from([
        ("kaphost:cluster".into(), GroupTag { value: "kapacitor-stage".into(), propagate: false }),
        ("Team".into(), GroupTag { value: "metrics".into(), propagate: true }),
    ])
}

fn ec2_calls() -> Vec<Call> {
    let ingress = vec![
        rule(Direction::Ingress, tcp(22, 22), cidr("10.0.0.0/8"), "office"),
        rule(Direction::Ingress, tcp(22, 22), cidr("2001:db8::/32"), ""),
        rule(Direction::Ingress, tcp(9092, 9092), Peer::SecurityGroup("sg-9".into()), "friends"),
    ];
    let egress = vec![
        rule(Direction::Egress, Traffic::All, cidr("0.0.0.0/0"), "everything"),
        rule(Direction::Egress, tcp(443, 444), Peer::Other("pl-1".into()), "S3"),
    ];
    let modified = BTreeMap::from([
        ("sgr-1".into(), rule(Direction::Ingress, tcp(22, 22), cidr("10.0.0.0/16"), "smaller")),
        ("sgr-2".into(), rule(Direction::Ingress, tcp(22, 22), Peer::SecurityGroup("sg-9".into()), "")),
    ]);
    vec![
        Action::CreateSecurityGroup { name: "kapacitor-stage".into(), description: "a group".into(), vpc: "vpc-1".into(), tags: tags() },
        Action::AuthorizeRules { group: "sg-1".into(), direction: Direction::Ingress, rules: ingress, tags: tags() },
        Action::AuthorizeRules { group: "sg-1".into(), direction: Direction::Egress, rules: egress, tags: tags() },
        Action::ModifyRules { group: "sg-1".into(), rules: modified },
        Action::RevokeRules { group: "sg-1".into(), direction: Direction::Ingress, ids: set(&["sgr-2", "sgr-1"]) },
        Action::RevokeRules { group: "sg-1".into(), direction: Direction::Egress, ids: set(&["sgr-3"]) },
        Action::RevokeDefaultEgress { group: "sg-1".into() },
        Action::TagEc2 { resources: set(&["sg-1", "sgr-1"]), set: tags() },
        Action::UntagEc2 { resources: set(&["sg-1"]), keys: set(&["Team"]) },
        create_template(),
        Action::CreateLaunchTemplateVersion {
            template: "lt-0123456789abcdef0".into(),
            description: "by id".into(),
            content: plain(),
            token: "token-2".into(),
        },
        Action::CreateLaunchTemplateVersion {
            template: "kapacitor-stage".into(),
            description: "by name".into(),
            content: TemplateContent { spot: Some(None), metadata_enabled: false, ..plain() },
            token: "token-3".into(),
        },
        Action::DeleteTemplateVersions { template: "lt-0123456789abcdef0".into(), versions: [2, 3].into() },
        Action::DeleteLaunchTemplate { id: "lt-0123456789abcdef0".into() },
        Action::DeleteSecurityGroup { id: "sg-1".into() },
    ]
}

fn iam_calls() -> Vec<Call> {
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": []});
    let (role, profile) = (|| "r".to_owned(), || "p".to_owned());
    vec![
        Action::CreateRole {
            name: role(),
            path: "/kaphost/".into(),
            description: "of a server".into(),
            trust: trust.clone(),
            boundary: Some("arn:aws:iam::1:policy/edge".into()),
            tags: tags(),
        },
        Action::AttachRolePolicy { role: role(), arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into() },
        Action::PutRolePolicy { role: role(), name: "inline".into(), document: trust.to_string() },
        Action::PutRoleBoundary { role: role(), arn: "arn:aws:iam::1:policy/edge".into() },
        Action::DeleteRoleBoundary { role: role() },
        Action::UpdateTrust { role: role(), trust },
        Action::UpdateRoleDescription { role: role(), description: "another".into() },
        Action::TagRole { role: role(), set: tags() },
        Action::UntagRole { role: role(), keys: set(&["a", "b"]) },
        Action::CreateInstanceProfile { name: profile(), path: "/".into(), tags: tags() },
        Action::TagInstanceProfile { profile: profile(), set: tags() },
        Action::UntagInstanceProfile { profile: profile(), keys: set(&["a"]) },
        Action::AddRoleToInstanceProfile { profile: profile(), role: role() },
        Action::RemoveRoleFromInstanceProfile { profile: profile(), role: role() },
        Action::DeleteInstanceProfile { name: profile() },
        Action::DeleteRole { name: role() },
        Action::DetachRolePolicy { role: role(), arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into() },
        Action::DeleteRolePolicy { role: role(), name: "inline".into() },
    ]
}

fn group_calls() -> Vec<Call> {
    let name = || "kapacitor-stage".to_owned();
    let create = |maintenance| Action::CreateAutoScalingGroup {
        name: name(),
        settings: settings(maintenance),
        instance_profile: "p".into(),
        tags: group_tags(),
    };
    vec![
        create(Some((100, 200))),
        create(None),
        Action::UpdateAutoScalingGroup { name: name(), settings: settings(None) },
        Action::StartInstanceRefresh {
            group: name(),
            template: name(),
            version: 7,
            preferences: kaphost_plan::RefreshPreferences {
                min_healthy_percentage: 100,
                max_healthy_percentage: 200,
                warmup_s: 30,
                auto_rollback: true,
                skip_matching: false,
            },
        },
        Action::CancelInstanceRefresh { group: name() },
        Action::TagGroup { name: name(), set: group_tags() },
        Action::UntagGroup { name: name(), keys: set(&["Team"]) },
        Action::DeleteAutoScalingGroup { name: name() },
    ]
}

fn answer(request: &Request) -> (u16, String) {
    let action = request.action();
    match action {
        "CreateSecurityGroup" => ec2(action, "<groupId>sg-1</groupId>"),
        "CreateLaunchTemplate" => ec2(
            action,
            "<launchTemplate><launchTemplateId>lt-1</launchTemplateId><latestVersionNumber>1</latestVersionNumber></launchTemplate>",
        ),
        "CreateRole" => query(
            action,
            "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>arn:aws:iam::1:role/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>",
        ),
        "CreateLaunchTemplateVersion" => ec2(action, "<launchTemplateVersion><versionNumber>8</versionNumber></launchTemplateVersion>"),
        // Of three rules that let everything out, one is ours and one is IPv6.
        "DescribeSecurityGroupRules" => {
            let all = |id: &str, rest: &str| {
                format!(
                    "<item><securityGroupRuleId>{id}</securityGroupRuleId><isEgress>true</isEgress><ipProtocol>-1</ipProtocol>\
                         <fromPort>-1</fromPort><toPort>-1</toPort>{rest}</item>"
                )
            };
            let v4 = "<cidrIpv4>0.0.0.0/0</cidrIpv4>";
            let owned = format!("{v4}<tagSet><item><key>kaphost:cluster</key><value>other</value></item></tagSet>");
            let rules = all("sgr-ours", &owned) + &all("sgr-v6", "<cidrIpv6>::/0</cidrIpv6>") + &all("sgr-default", v4);
            ec2(action, &format!("<securityGroupRuleSet>{rules}</securityGroupRuleSet>"))
        }
        "StartInstanceRefresh" => query(action, "<InstanceRefreshId>r-1</InstanceRefreshId>"),
        // Gone already is as good as deleted.
        "DeleteLaunchTemplateVersions" => ec2(
            action,
            "<unsuccessfullyDeletedLaunchTemplateVersionSet><item><versionNumber>3</versionNumber><responseError>\
             <code>launchTemplateVersionDoesNotExist</code></responseError></item></unsuccessfullyDeletedLaunchTemplateVersionSet>",
        ),
        _ => query(action, "<ignored/>"),
    }
}

/// Every request of these calls, as text; and that the operation is the one which the plan announces.
async fn shown(calls: Vec<Call>) -> String {
    let server = Server::start(answer);
    let aws = aws(&server.url).await;
    for call in &calls {
        let output = aws.act(call).await.unwrap();
        assert_eq!(server.requests().last().map(|request| request.action().to_owned()), Some(call.operation().to_owned()));
        let expected = match call {
            Action::CreateSecurityGroup { .. } => Output::SecurityGroup("sg-1".into()),
            Action::CreateLaunchTemplate { .. } => Output::LaunchTemplate { id: "lt-1".into(), version: 1 },
            Action::CreateRole { .. } => Output::Role { arn: "arn:aws:iam::1:role/r".into() },
            Action::CreateLaunchTemplateVersion { .. } => Output::TemplateVersion(8),
            Action::StartInstanceRefresh { .. } => Output::Refresh("r-1".into()),
            _ => Output::Done,
        };
        assert_eq!(output, expected, "{}", call.operation());
    }
    server.requests().iter().map(Request::shown).collect()
}

#[tokio::test]
async fn ec2_requests() {
    insta::assert_snapshot!(shown(ec2_calls()).await);
}

#[tokio::test]
async fn iam_requests() {
    insta::assert_snapshot!(shown(iam_calls()).await);
}

#[tokio::test]
async fn auto_scaling_requests() {
    insta::assert_snapshot!(shown(group_calls()).await);
}

#[tokio::test]
async fn a_default_egress_rule_that_does_not_show_is_an_error() {
    let server = Server::start(|request| ec2(request.action(), ""));
    let error = aws(&server.url).await.act(&Action::RevokeDefaultEgress { group: "sg-1".into() }).await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::NotFound, "RevokeSecurityGroupEgress"));
    assert_eq!(server.actions(), ["DescribeSecurityGroupRules"]);
}

#[tokio::test]
async fn a_wait_is_no_call() {
    let server = Server::start(|request| ec2(request.action(), ""));
    let error = aws(&server.url).await.act(&Action::WaitForCapacity { group: "g".into(), timeout_s: 1 }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_user_agent_names_kaphost() {
    let server = Server::start(|request| query(request.action(), ""));
    aws(&server.url).await.act(&Action::DeleteRole { name: "r".into() }).await.unwrap();
    let agent = server.requests()[0].headers.get("x-amz-user-agent").cloned().unwrap_or_default();
    assert!(agent.contains("app/kaphost"), "{agent}");
    assert!(agent.contains(&format!("kaphost/{}", env!("CARGO_PKG_VERSION"))), "{agent}");
}
