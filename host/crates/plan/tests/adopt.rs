//! Take-overs as people and the executor see them, and what their checker refuses.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{cluster, desired, image, text, world};
use kaphost_plan::{
    Adoption, DeviceContent, Direction, GroupSettings, GroupTag, ImageFact, Instance, Launches, NamedGroup, Names, Observed, ObservedGroup,
    ObservedProfile, ObservedRole, ObservedRule, ObservedSecurityGroup, Peer, Planned, Refusal, Rule, RuleKey, Running, RunningProfile,
    Tags, TemplateContent, Traffic, adopt, check_adoption, locate,
};

const SUFFIXED: &str = "kapacitor-stage-20240102030405678900000001";
const GLOBAL: &str = "kapacitor-stage20240102030405678900000002";
const GROUP_ID: &str = "sg-0eeeeeee";

fn content() -> TemplateContent<String> {
    let root = DeviceContent {
        volume_type: "gp2".to_owned(),
        size_gib: 50,
        iops: None,
        throughput_mibps: None,
        encrypted: false,
        kms_key: None,
        delete_on_termination: true,
        snapshot: None,
    };
    TemplateContent {
        image: "ami-0abcd1234".to_owned(),
        instance_type: "t3.small".to_owned(),
        key: Some("ops".to_owned()),
        instance_profile: GLOBAL.to_owned(),
        security_groups: vec![GROUP_ID.to_owned()],
        public_ip: false,
        tenancy: None,
        spot: None,
        ebs_optimized: Some(false),
        metadata_enabled: true,
        metadata_tokens: String::new(),
        metadata_hop_limit: 0,
        devices: BTreeMap::from([("/dev/sda1".to_owned(), root)]),
        user_data: cluster().user_data,
        instance_tags: Tags::new(),
        volume_tags: Tags::new(),
        foreign: BTreeSet::from(["Monitoring".to_owned()]),
    }
}

fn ingress(id: &str, port: i32, cidr: &str) -> ObservedRule {
    let traffic = Traffic::Ports { protocol: "tcp".to_owned(), from: port, to: port };
    let key = RuleKey { direction: Direction::Ingress, traffic, peer: Peer::Cidr(cidr.parse().unwrap()) };
    ObservedRule { id: Some(id.to_owned()), rule: Rule { key, description: String::new() }, tags: Tags::new() }
}

/// A server as the Terraform module makes it, with a rule that the sample has not.
fn running() -> (Running, Observed) {
    let group = ObservedGroup {
        name: "kapacitor-stage".to_owned(),
        arn: String::new(),
        settings: GroupSettings {
            launch_template: String::new(),
            template_version: 0,
            subnets: BTreeSet::from(["subnet-0aaaaaaa".to_owned(), "subnet-0bbbbbbb".to_owned()]),
            min: 1,
            max: 1,
            desired: 1,
            health_check: "EC2".to_owned(),
            grace_period_s: 600,
            warmup_s: 0,
            termination_policies: vec!["Default".to_owned()],
            maintenance: None,
            deletion_protection: "none".to_owned(),
        },
        tags: BTreeMap::from([("Name".to_owned(), GroupTag { value: "kapacitor-stage".to_owned(), propagate: true })]),
        instances: vec![Instance {
            id: "i-0a1b2c3d".to_owned(),
            zone: "us-east-1a".to_owned(),
            lifecycle: "InService".to_owned(),
            health: "Healthy".to_owned(),
            template_version: None,
            template: None,
        }],
        status: None,
        refresh: None,
    };
    let named = NamedGroup { id: GROUP_ID.to_owned(), name: SUFFIXED.to_owned(), vpc: "vpc-0a1b2c3d".to_owned(), tags: Tags::new() };
    let running = Running {
        group: group.clone(),
        from: Launches::Configuration { name: SUFFIXED.to_owned(), content: content() },
        security_groups: vec![named],
        profile: Some(RunningProfile { name: GLOBAL.to_owned(), role: Some(GLOBAL.to_owned()) }),
    };
    let rules = vec![
        world::default_egress(),
        ingress("sgr-01", 22, "10.0.0.0/8"),
        ingress("sgr-02", 9092, "10.0.0.0/8"),
        ingress("sgr-03", 8086, "10.9.0.0/16"),
    ];
    let statement = serde_json::json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" } });
    let observed = Observed {
        security_groups: vec![ObservedSecurityGroup {
            id: GROUP_ID.to_owned(),
            vpc: "vpc-0a1b2c3d".to_owned(),
            description: "Security group for the kapacitor-stage launch configuration".to_owned(),
            tags: Tags::new(),
            rules,
        }],
        role: Some(ObservedRole {
            name: GLOBAL.to_owned(),
            path: "/".to_owned(),
            arn: String::new(),
            id: String::new(),
            description: String::new(),
            trust: serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] }),
            tags: Tags::new(),
            boundary: None,
            attachments: None,
        }),
        instance_profile: Some(ObservedProfile {
            name: GLOBAL.to_owned(),
            path: "/".to_owned(),
            tags: Tags::new(),
            role: Some(GLOBAL.to_owned()),
        }),
        auto_scaling_group: Some(group),
        ..Observed::default()
    };
    (running, observed)
}

fn take_over(running: &Running, observed: &Observed) -> Result<Adoption, Vec<Refusal>> {
    let desired = desired(&cluster());
    let names = locate(&desired.names, running, None)?;
    adopt(&desired, &names, running, observed, ImageFact::Found(&image(&desired)), None)
}

#[test]
fn a_server_of_the_terraform_module() {
    let (running, observed) = running();
    let adoption = take_over(&running, &observed).unwrap();
    assert_eq!(check_adoption(&adoption.plan, &running, &observed), []);
    let shown = format!(
        "{}\nnot carried over: {:?}\n\nleft to an apply:\n{}",
        text::plan(&adoption.plan),
        adoption.otherwise,
        text::plan(&adoption.rest)
    );
    insta::assert_snapshot!(shown);
}

/// What runs may be of an image that calls its root otherwise than the config's image does.
#[test]
fn the_root_is_the_root_under_either_name() {
    let mut content = content();
    let root = content.devices.remove("/dev/sda1").unwrap();
    content.devices = BTreeMap::from([("/dev/xvda".to_owned(), root.clone()), ("/dev/xvdh".to_owned(), root)]);
    assert_eq!(content.root_device("/dev/sda1", |_| false), Some("/dev/xvda"));
    assert_eq!(content.root_device("/dev/sda1", |name| name == "/dev/xvda"), None, "the config has a volume of that name");
    assert_eq!(content.root_device("/dev/xvdh", |_| false), Some("/dev/xvdh"));
}

#[test]
fn refusals_are_told_at_once() {
    let (mut running, mut observed) = running();
    let Launches::Configuration { content, .. } = &mut running.from else { panic!("{running:#?}") };
    content.foreign.insert("UserData (no text)".to_owned());
    running.profile = None;
    let theirs = Tags::from([("kaphost:cluster".to_owned(), "other".to_owned())]);
    observed.role.as_mut().unwrap().tags = theirs.clone();
    observed.security_groups[0].tags = theirs;
    insta::assert_snapshot!(text::refusals(&take_over(&running, &observed).unwrap_err()));
}

#[test]
fn several_groups_need_a_word_unless_one_is_called_after_the_cluster() {
    let (mut running, _) = running();
    let names = Names::from_cluster("kapacitor-stage", "us-east-1");
    let other =
        |id: &str, name: &str| NamedGroup { id: id.to_owned(), name: name.to_owned(), vpc: "vpc-0a1b2c3d".to_owned(), tags: Tags::new() };
    running.security_groups.push(other("sg-0ffffff1", "bastions"));
    assert_eq!(locate(&names, &running, None).unwrap().security_group(), SUFFIXED);
    assert_eq!(locate(&names, &running, Some("sg-0ffffff1")).unwrap().security_group(), "bastions");
    running.security_groups.push(other("sg-0ffffff2", "kapacitor-stage-more"));
    let refusals = |own: Option<&str>| text::refusals(&locate(&names, &running, own).unwrap_err());
    insta::assert_snapshot!(refusals(None) + &refusals(Some("sg-0ffffff3")));
}

#[test]
fn the_checker_lets_nothing_replace_the_server() {
    let (running, observed) = running();
    let sound = take_over(&running, &observed).unwrap().plan;
    let faults = |change: &dyn Fn(&mut Planned)| {
        let mut plan = sound.clone();
        plan.steps.iter_mut().for_each(|step| change(&mut step.action));
        check_adoption(&plan, &running, &observed).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(faults(&|_| {}), "");
    let larger = |action: &mut Planned| {
        if let Planned::UpdateAutoScalingGroup { settings, .. } = action {
            settings.desired = 0;
        }
    };
    assert!(faults(&larger).contains("changes more of the Auto Scaling group"));
    let other_server = |action: &mut Planned| {
        if let Planned::CreateLaunchTemplate { content, .. } = action {
            content.instance_type = "t3.large".to_owned();
        }
    };
    assert!(faults(&other_server).contains("of another server"));
    let wider = |action: &mut Planned| {
        if let Planned::ModifyRules { rules, .. } = action {
            rules.values_mut().for_each(|rule| rule.key.peer = Peer::Cidr("0.0.0.0/0".parse().unwrap()));
        }
    };
    assert!(faults(&wider).contains("in more than a description"));
    let unowned = |action: &mut Planned| {
        if let Planned::TagRole { set, .. } = action {
            set.remove("kaphost:cluster");
        }
    };
    assert!(faults(&unowned).contains("tags the role"));
    let refresh = |action: &mut Planned| {
        if let Planned::TagInstanceProfile { .. } = action {
            *action = Planned::CancelInstanceRefresh { group: "kapacitor-stage".to_owned() };
        }
    };
    assert!(faults(&refresh).contains("has no place in a take-over"));
    let strangers = |action: &mut Planned| {
        if let Planned::TagEc2 { resources, .. } = action {
            resources.insert("sg-0ccccccc".to_owned());
        }
    };
    assert!(faults(&strangers).contains("sg-0ccccccc"));
    assert!(matches!(sound.steps.last().unwrap().action, Planned::TagGroup { .. }), "the group is tagged last");
}
