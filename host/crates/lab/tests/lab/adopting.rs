//! Servers that somebody else has made, taken over: nothing is replaced, and afterwards they are like any other.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_apply::{Cloud, Options, Report, Stop, Survey, SurveyError, execute, find, survey};
use kaphost_convert::{Remarks, write};
use kaphost_lab::{Behaviour, Handmade, Lab};
use kaphost_plan::{
    Adoption, Call, Desired, DeviceContent, Direction, GroupTag, ImageFact, Kind, Names, Peer, Query, Refusal, RefusalCode, Rule, RuleKey,
    Tags, TemplateContent, Traffic, adopt, check_adoption, describe, destroy, query, settle,
};
use kaphost_spec::UserData;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::*;

const SUFFIX: &str = "20240102030405678900000001";

fn device(volume_type: &str, size_gib: u32) -> DeviceContent {
    DeviceContent {
        volume_type: volume_type.to_owned(),
        size_gib,
        iops: None,
        throughput_mibps: None,
        encrypted: false,
        kms_key: None,
        delete_on_termination: true,
        snapshot: None,
    }
}

fn rule(direction: Direction, port: Option<i32>, cidr: &str) -> Rule {
    let traffic = port.map_or(Traffic::All, |port| Traffic::Ports { protocol: "tcp".to_owned(), from: port, to: port });
    Rule { key: RuleKey { direction, traffic, peer: Peer::Cidr(cidr.parse().unwrap()) }, description: String::new() }
}

/// What the Terraform module makes with its defaults.
fn handmade() -> Handmade {
    let unset = ["Monitoring", "BlockDeviceMappings[/dev/xvda].Encrypted (unset)"];
    Handmade {
        name: NAME.to_owned(),
        suffix: SUFFIX.to_owned(),
        group: NAME.to_owned(),
        vpc: "vpc-0a1b".to_owned(),
        subnets: BTreeSet::from(["subnet-0aaa".to_owned(), "subnet-0bbb".to_owned()]),
        content: TemplateContent {
            image: "ami-0abcd1234".to_owned(),
            instance_type: "t3.small".to_owned(),
            key: Some("ops".to_owned()),
            instance_profile: String::new(),
            security_groups: vec![],
            public_ip: false,
            tenancy: None,
            spot: None,
            ebs_optimized: Some(false),
            metadata_enabled: true,
            metadata_tokens: String::new(),
            metadata_hop_limit: 0,
            devices: BTreeMap::from([("/dev/xvda".to_owned(), device("gp2", 50))]),
            user_data: Some(UserData::new("#!/bin/sh\necho ready\n".to_owned()).unwrap()),
            instance_tags: Tags::new(),
            volume_tags: Tags::new(),
            foreign: unset.map(str::to_owned).into(),
        },
        from_template: false,
        rules: vec![rule(Direction::Ingress, Some(22), "10.0.0.0/8"), rule(Direction::Ingress, Some(9092), "10.0.0.0/8")],
        tags: BTreeMap::from([("Name".to_owned(), GroupTag { value: NAME.to_owned(), propagate: true })]),
        profile_path: "/".to_owned(),
        grace_period_s: 600,
    }
}

/// A look at it, and the config that says it.
async fn written(lab: &Lab, server: &Handmade) -> String {
    let survey = survey(lab, &server.group, None, Query::of(Names::from_cluster(NAME, REGION))).await.expect("a survey");
    let content = settle(survey.running.from.content().unwrap(), None, survey.public).content;
    let described = describe(&survey.names, &survey.running, &survey.observed, &content, "/dev/xvda").expect("a description");
    write(&described.cluster, &Remarks::default())
}

async fn look(lab: &Lab, wanted: &Desired, group: &str) -> Result<(Survey, Adoption), Vec<Refusal>> {
    let survey = match survey(lab, group, None, query(wanted, None)).await {
        Ok(survey) => survey,
        Err(SurveyError::Refused(refusals)) => return Err(refusals),
        Err(error) => panic!("{error}"),
    };
    let Some(ImageFact::Found(image)) = wanted.image_fact(&survey.observed, None) else { panic!("no image") };
    let adoption = adopt(wanted, &survey.names, &survey.running, &survey.observed, ImageFact::Found(image), survey.public)?;
    assert_eq!(check_adoption(&adoption.plan, &survey.running, &survey.observed), [], "{:#?}", adoption.plan);
    Ok((survey, adoption))
}

async fn take_over(lab: &Lab, wanted: &Desired, group: &str) -> (Adoption, Report) {
    let (_, adoption) = look(lab, wanted, group).await.expect("an adoption");
    let report = execute(lab, &adoption.plan, &Options::default(), &|_| {}, &Stop::new()).await;
    (adoption, report)
}

/// Begins a take-over that dies after this many writes.
async fn killed(lab: &Lab, wanted: &Desired, group: &str, writes: u64) {
    let dying = lab.another();
    let (_, adoption) = look(&dying, wanted, group).await.expect("an adoption");
    dying.crash_after(writes);
    execute(&dying, &adoption.plan, &Options::default(), &|_| {}, &Stop::new()).await;
}

/// Takes it over to the end, and sees that the look ahead was right.
async fn adopted(lab: &Lab, wanted: &Desired, group: &str) {
    let (adoption, report) = take_over(lab, wanted, group).await;
    assert!(report.complete(), "{report:#?}");
    let (plan, _) = planned(&lab.another(), wanted).await.expect("a plan");
    assert_eq!(plan.changes, adoption.rest.changes, "what was foretold");
    let (again, _) = take_over(&lab.another(), wanted, group).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan);
}

async fn instance(lab: &Lab, group: &str) -> String {
    let running = lab.running(group).await.unwrap().unwrap();
    assert_eq!(running.group.instances.len(), 1, "{:#?}", running.group.instances);
    running.group.instances[0].id.clone()
}

fn all_ours(lab: &Lab) {
    let strangers: Vec<_> = lab.census().unwrap().into_iter().filter(|held| held.owner.as_deref() != Some(NAME)).collect();
    // A template of the old one stays: nothing of ours launches from it.
    assert!(strangers.iter().all(|held| held.kind == Kind::LaunchTemplate), "{strangers:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_terraform_made_is_taken_over_and_destroyed() {
    let lab = prompt();
    let before = lab.make_server(&handmade()).unwrap();
    let wanted = desired(&written(&lab, &handmade()).await);
    adopted(&lab, &wanted, NAME).await;
    assert_eq!(instance(&lab, NAME).await, before);
    all_ours(&lab);
    let writes = lab.log().writes().join(" ");
    assert_eq!(
        writes,
        "ModifySecurityGroupRules CreateTags TagRole TagInstanceProfile CreateLaunchTemplate UpdateAutoScalingGroup CreateOrUpdateTags"
    );
    let (plan, _) = planned(&lab, &wanted).await.unwrap();
    assert!(plan.is_empty(), "{:#?}", plan.changes);

    let observed = find(&lab, Query::for_destroy(wanted.names.clone())).await.unwrap();
    let plan = destroy(&wanted.names, &observed, false).unwrap();
    assert_eq!(kaphost_plan::check(&plan, &observed), []);
    assert!(execute(&lab, &plan, &Options::default(), &|_| {}, &Stop::new()).await.complete());
    assert_eq!(lab.census().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_later_change_replaces_the_server_as_of_any_cluster() {
    let lab = prompt();
    let before = lab.make_server(&handmade()).unwrap();
    let text = written(&lab, &handmade()).await;
    adopted(&lab, &desired(&text), NAME).await;
    let safer = desired(&text.replace("metadata tokens=\"optional\"", ""));
    let (plan, _) = planned(&lab, &safer).await.unwrap();
    assert!(plan.steps.iter().any(|step| step.action.operation() == "StartInstanceRefresh"), "{plan:#?}");
    converge(&lab, &safer).await;
    assert_ne!(instance(&lab, NAME).await, before);
    let (plan, _) = planned(&lab, &safer).await.unwrap();
    assert!(plan.is_empty(), "{:#?}", plan.changes);
}

#[tokio::test(start_paused = true)]
async fn another_name_of_the_group_is_remembered() {
    let lab = prompt();
    let server = Handmade { group: "Kapacitor_ASG".to_owned(), ..handmade() };
    lab.make_server(&server).unwrap();
    let wanted = desired(&written(&lab, &server).await);
    adopted(&lab, &wanted, "Kapacitor_ASG").await;
    let observed = find(&lab, Query::of(wanted.names.clone())).await.unwrap();
    assert_eq!(observed.auto_scaling_group.unwrap().name, "Kapacitor_ASG");
    // Nothing of the deterministic names was made beside it.
    assert_eq!(lab.census().unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_anothers_is_refused() {
    let lab = prompt();
    let theirs = GroupTag { value: "kapacitor-prod".to_owned(), propagate: true };
    let server = Handmade { tags: BTreeMap::from([("kaphost:cluster".to_owned(), theirs)]), ..handmade() };
    lab.make_server(&server).unwrap();
    let wanted = desired(&config(&["10.0.0.0/8"], ""));
    let refusals = look(&lab, &wanted, NAME).await.unwrap_err();
    assert_eq!(refusals.iter().map(|refusal| refusal.code).collect::<Vec<_>>(), [RefusalCode::OtherCluster]);
}

#[tokio::test(start_paused = true)]
async fn what_no_template_of_ours_can_say_is_refused() {
    let lab = prompt();
    let mut server = handmade();
    server.content.foreign.extend(["UserData (no text)".to_owned(), "KernelId".to_owned()]);
    lab.make_server(&server).unwrap();
    let refusals = look(&lab, &desired(&config(&[], "")), NAME).await.unwrap_err();
    let said: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    assert!(said.len() == 2 && said[0].contains("KernelId") && said[1].contains("UserData"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn an_apply_of_what_is_half_adopted_is_refused_and_says_what_to_do() {
    for writes in 0..7 {
        let lab = prompt();
        lab.make_server(&handmade()).unwrap();
        let wanted = desired(&written(&lab, &handmade()).await);
        killed(&lab, &wanted, NAME, writes).await;
        if let Err(refusals) = planned(&lab, &wanted).await {
            assert!(refusals.iter().all(|refusal| refusal.code == RefusalCode::NotOurs && refusal.help.contains("adopt")), "{refusals:#?}");
        } else {
            panic!("after {writes} writes an apply has a plan");
        }
        let observed = find(&lab, Query::for_destroy(wanted.names.clone())).await.unwrap();
        if let Ok(plan) = destroy(&wanted.names, &observed, false) {
            assert!(plan.is_empty() || observed.launch_template.is_none(), "after {writes}: {plan:#?}");
        }
    }
}

fn any_server() -> impl Strategy<Value = Handmade> {
    let hardware = (
        select(&["t3.small", "m5.large"][..]),
        select(&[None, Some("default"), Some("dedicated")][..]),
        select(&[None, Some("0.04")][..]),
        select(&[None, Some(false), Some(true)][..]),
        select(&[("", 0u8), ("required", 1), ("optional", 2)][..]),
        select(&["gp2", "gp3", "io1"][..]),
        any::<[bool; 5]>(),
    );
    let around = (
        proptest::collection::btree_set((select(&[22, 2222, 9092, 80][..]), select(&["10.0.0.0/8", "192.168.1.0/24", "::/0"][..])), 0..5),
        proptest::collection::btree_map(select(&["Team", "Owner", "Name"][..]), (select(&["a", NAME][..]), any::<bool>()), 0..3),
        select(&["/", "/metrics/"][..]),
        select(&[NAME, "other-asg"][..]),
        select(&[0u32, 300, 600][..]),
    );
    (hardware, around).prop_map(|((kind, tenancy, price, ebs, metadata, root, flags), (rules, tags, path, group, grace))| {
        let mut server = handmade();
        let content = &mut server.content;
        content.instance_type = kind.to_owned();
        content.spot = price.map(|price| Some(price.to_owned()));
        // EC2 refuses the other.
        content.tenancy = tenancy.filter(|tenancy| price.is_none() || *tenancy == "dedicated").map(str::to_owned);
        content.ebs_optimized = ebs;
        (content.metadata_tokens, content.metadata_hop_limit) = (metadata.0.to_owned(), metadata.1);
        let [further, no_data, unset_public, from_template, extra_egress] = flags;
        let volume = DeviceContent { iops: (root == "io1").then_some(1000), ..device(root, 100) };
        content.devices.insert("/dev/xvda".to_owned(), volume);
        if further {
            content
                .devices
                .insert("/dev/xvdh".to_owned(), DeviceContent { delete_on_termination: false, encrypted: true, ..device("gp2", 300) });
        }
        if no_data {
            content.user_data = None;
        }
        if unset_public {
            content.foreign.insert("AssociatePublicIpAddress (unset)".to_owned());
        }
        server.from_template = from_template;
        server.rules = rules.into_iter().map(|(port, cidr)| rule(Direction::Ingress, Some(port), cidr)).collect();
        if extra_egress {
            server.rules.push(rule(Direction::Egress, Some(443), "10.0.0.0/8"));
        }
        let tag = |(key, (value, propagate)): (&str, (&str, bool))| (key.to_owned(), GroupTag { value: value.to_owned(), propagate });
        server.tags = tags.into_iter().map(tag).collect();
        (server.profile_path, server.group, server.grace_period_s) = (path.to_owned(), group.to_owned(), grace);
        server
    })
}

fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The config that is written for a server says all of it: adopted with it, nothing is left to change, and the server is the same.
    #[test]
    fn with_the_written_config_nothing_is_left(server in any_server()) {
        in_virtual_time(async {
            let lab = prompt();
            let before = lab.make_server(&server).unwrap();
            let wanted = desired(&written(&lab, &server).await);
            adopted(&lab, &wanted, &server.group).await;
            let (plan, _) = planned(&lab, &wanted).await.unwrap();
            assert!(plan.is_empty(), "{:#?}", plan.changes);
            assert_eq!(instance(&lab, &server.group).await, before);
            all_ours(&lab);
        });
    }

    /// Killed after any call, and run again: taken over whole, and the same server all the time.
    #[test]
    fn killed_anywhere_it_heals(server in any_server(), first in 0..9u64, second in 0..9u64) {
        in_virtual_time(async {
            let lab = prompt();
            let before = lab.make_server(&server).unwrap();
            let wanted = desired(&written(&lab, &server).await);
            for writes in [first, second] {
                killed(&lab, &wanted, &server.group, writes).await;
                assert_eq!(instance(&lab, &server.group).await, before);
            }
            adopted(&lab, &wanted, &server.group).await;
            assert_eq!(instance(&lab, &server.group).await, before);
            all_ours(&lab);
        });
    }

    /// Adopted with a config that says something else: nothing of it is done by the adoption, the plan after it is the one that was foretold, and an apply does it.
    #[test]
    fn what_the_config_says_otherwise_is_foretold_and_left(server in any_server(), ssh in select(&["10.0.0.0/8", "172.16.0.0/12"][..])) {
        in_virtual_time(async {
            let lab = prompt();
            let before = lab.make_server(&server).unwrap();
            // The path of a profile never changes.
            let path = format!("iam profile-path=\"{}\"", server.profile_path);
            let wanted = desired(&config(&[ssh], &path));
            adopted(&lab, &wanted, &server.group).await;
            assert_eq!(instance(&lab, &server.group).await, before);
            converge(&lab, &wanted).await;
            let (plan, _) = planned(&lab, &wanted).await.unwrap();
            assert!(plan.is_empty(), "{:#?}", plan.changes);
            all_ours(&lab);
        });
    }

    /// Two adopters at once.
    #[test]
    fn two_adopters_make_one_cluster(server in any_server(), mine in 1..40u64, theirs in 1..40u64) {
        in_virtual_time(async {
            let lab = Lab::new(REGION);
            lab.behave(Behaviour::PROMPT).unwrap();
            let before = lab.make_server(&server).unwrap();
            let wanted = desired(&written(&lab, &server).await);
            let (one, two) = (lab.another(), lab.another());
            one.delay([std::time::Duration::from_millis(mine)]);
            two.delay([std::time::Duration::from_millis(theirs)]);
            futures_util::future::join(take_over(&one, &wanted, &server.group), take_over(&two, &wanted, &server.group)).await;
            adopted(&lab, &wanted, &server.group).await;
            assert_eq!(instance(&lab, &server.group).await, before);
            all_ours(&lab);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_of_more_than_one_and_a_missing_profile_are_refused() {
    let lab = prompt();
    lab.make_server(&handmade()).unwrap();
    let profile = format!("{NAME}{SUFFIX}");
    lab.act(&Call::RemoveRoleFromInstanceProfile { profile: profile.clone(), role: profile.clone() }).await.unwrap();
    lab.act(&Call::DeleteInstanceProfile { name: profile }).await.unwrap();
    let wanted = desired(&config(&[], ""));
    let refusals = look(&lab, &wanted, NAME).await.unwrap_err();
    assert!(refusals.iter().any(|refusal| refusal.message.contains("which is not there")), "{refusals:#?}");

    let mut group = lab.running(NAME).await.unwrap().unwrap();
    (group.group.settings.min, group.group.settings.max, group.group.settings.desired) = (0, 3, 2);
    let refusals = kaphost_plan::locate(&wanted.names, &group, None).unwrap_err();
    assert!(refusals[0].message.contains("at least 0, at most 3, 2 wanted"), "{refusals:#?}");
}
