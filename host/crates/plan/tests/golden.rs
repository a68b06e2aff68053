//! Plans as people and the executor see them, for one change each.

use crate::support::{applied, cidr, cluster, desired, image, plan, text, try_diff, world};
use kaphost_plan::{Attachments, ImageFact, ImageGap, Observed, ObservedRule, Query, check, destroy, diff, query};
use kaphost_spec::{Cluster, EgressRule, RolloutStrategy, Tag};

/// The plan from the sample as applied to the sample as changed, as text.
fn after(change: impl FnOnce(&mut Cluster)) -> String {
    let mut changed = cluster();
    change(&mut changed);
    text::plan(&plan(&desired(&changed), &applied(&cluster())))
}

/// The plan that mends what an outsider did to the sample, as text.
fn drift(tamper: impl FnOnce(&mut Observed)) -> String {
    let mut observed = applied(&cluster());
    tamper(&mut observed);
    text::plan(&plan(&desired(&cluster()), &observed))
}

#[test]
fn create() {
    let plan = plan(&desired(&cluster()), &Observed::default());
    let operations: Vec<&str> = plan.steps.iter().map(|step| step.action.operation()).collect();
    assert_eq!((plan.writes(), plan.depth(), operations.len()), (7, 3, 8), "{operations:?}");
    insta::assert_snapshot!(text::plan(&plan));
    assert!(!format!("{plan:?}").contains("hunter2"));
}

#[test]
fn create_without_rules_authorises_nothing() {
    let mut closed = cluster();
    closed.ssh.allow.clear();
    closed.http.allow.clear();
    let plan = plan(&desired(&closed), &Observed::default());
    let operations: Vec<&str> = plan.steps.iter().map(|step| step.action.operation()).collect();
    assert!(!operations.contains(&"AuthorizeSecurityGroupIngress"), "{operations:?}");
    assert_eq!(plan.writes(), 6);
}

#[test]
fn create_with_narrow_egress() {
    let mut narrow = cluster();
    narrow.egress = [("10.0.0.0/8".parse().unwrap(), EgressRule { ports: Some((443, 443)), description: "proxy".to_owned() })].into();
    let plan = plan(&desired(&narrow), &Observed::default());
    insta::assert_snapshot!(text::plan(&plan).split("steps:").nth(1).unwrap());
}

#[test]
fn nothing_to_do() {
    insta::assert_snapshot!(after(|_| ()));
}

#[test]
fn another_decision_is_no_reason_for_a_write() {
    let spec = kaphost_spec::AdmittedSpec::seal(cluster(), "e".repeat(64));
    let again = kaphost_plan::desire(&spec).unwrap();
    assert_ne!(again.ownership, desired(&cluster()).ownership);
    assert!(plan(&again, &applied(&cluster())).is_empty());
}

#[test]
fn add_cidr() {
    insta::assert_snapshot!(after(|it| it.ssh.allow.extend([cidr("172.16.0.0/12", "vpn")])));
}

#[test]
fn remove_cidr() {
    insta::assert_snapshot!(after(|it| drop(it.ssh.allow.pop_first())));
}

#[test]
fn change_port() {
    insta::assert_snapshot!(after(|it| it.ssh.port = 2222));
}

#[test]
fn change_description() {
    insta::assert_snapshot!(after(|it| it.ssh.allow.extend([cidr("10.0.0.0/8", "headquarters")])));
}

#[test]
fn swap_ipv4_for_ipv6() {
    insta::assert_snapshot!(after(|it| {
        it.ssh.allow.pop_last();
        it.ssh.allow.extend([cidr("2001:db8::/32", "lab")]);
    }));
}

#[test]
fn change_image() {
    insta::assert_snapshot!(after(|it| it.ami = kaphost_spec::Ami::Id("ami-0ffff1234".parse().unwrap())));
}

#[test]
fn change_tags() {
    insta::assert_snapshot!(after(|it| {
        it.tags = [("Owner".parse().unwrap(), Tag { value: "ops".parse().unwrap(), propagate: false })].into();
    }));
}

#[test]
fn change_group() {
    insta::assert_snapshot!(after(|it| {
        it.rollout.strategy = RolloutStrategy::LaunchFirst;
        it.scaling.deletion_protection = true;
        it.scaling.health_check_grace_period_s = 120;
    }));
}

#[test]
fn restrict_egress() {
    insta::assert_snapshot!(after(|it| {
        it.egress = [("10.0.0.0/8".parse().unwrap(), EgressRule { ports: None, description: "inside".to_owned() })].into();
    }));
}

#[test]
fn widen_egress_again() {
    let mut narrow = cluster();
    narrow.egress = [("10.0.0.0/8".parse().unwrap(), EgressRule { ports: None, description: "inside".to_owned() })].into();
    insta::assert_snapshot!(text::plan(&plan(&desired(&cluster()), &applied(&narrow))));
}

#[test]
fn drift_of_everything() {
    insta::assert_snapshot!(drift(|it| {
        let group = it.auto_scaling_group.as_mut().unwrap();
        (group.settings.desired, group.settings.max, group.settings.template_version) = (3, 3, 0);
        group.tags.remove("Name");
        group.instances.clear();
        let role = it.role.as_mut().unwrap();
        role.trust["Statement"][0]["Principal"] = serde_json::json!({"AWS": "*"});
        role.tags.insert("cost".to_owned(), "42".to_owned());
        role.tags.insert("aws:cloudformation:stack-name".to_owned(), "x".to_owned());
        it.instance_profile.as_mut().unwrap().role = Some("somebody".to_owned());
        let security_group = &mut it.security_groups[0];
        security_group.tags.insert("cost".to_owned(), "42".to_owned());
        it.launch_template.as_mut().unwrap().tags.insert("cost".to_owned(), "42".to_owned());
        security_group.rules.retain(|rule| rule.rule.description != "lab");
    }));
}

#[test]
fn rules_of_users_stay() {
    let mut observed = applied(&cluster());
    let group = &mut observed.security_groups[0];
    // One that nobody asked for, and one that the config now asks for as well.
    for (port, network) in [(8086, "10.9.0.0/16"), (22, "172.16.0.0/12")] {
        let mut rule = group.rules[0].rule.clone();
        rule.key.traffic = kaphost_plan::Traffic::Ports { protocol: "tcp".to_owned(), from: port, to: port };
        rule.key.peer = kaphost_plan::Peer::Cidr(network.parse().unwrap());
        group.rules.push(ObservedRule { id: None, rule, tags: Default::default() });
    }
    let mut wanted = cluster();
    wanted.ssh.allow.extend([cidr("172.16.0.0/12", "vpn")]);
    insta::assert_snapshot!(text::plan(&plan(&desired(&wanted), &observed)));
}

#[test]
fn rules_of_another_cluster_stay() {
    let mut observed = applied(&cluster());
    let rules = &mut observed.security_groups[0].rules;
    let lab = rules.iter_mut().find(|rule| rule.rule.description == "lab").unwrap();
    lab.tags.insert("kaphost:cluster".to_owned(), "other".to_owned());
    let mut without = cluster();
    without.ssh.allow.pop_last();
    let plan = plan(&desired(&without), &observed);
    assert!(plan.is_empty(), "{:?}", plan.steps);
    assert_eq!(plan.kept, ["rule tcp 22 from 192.168.0.0/16 of sg-00000001: somebody else's"]);
}

#[test]
fn going_back_pins_the_old_version() {
    let mut other = cluster();
    other.instance_type = "t3.large".parse().unwrap();
    let there = world::run(&plan(&desired(&other), &applied(&cluster())), applied(&cluster()), usize::MAX);
    let back = plan(&desired(&cluster()), &there);
    insta::assert_snapshot!(text::plan(&back));
}

#[test]
fn a_lost_security_group_is_made_anew() {
    insta::assert_snapshot!(drift(|it| it.security_groups.clear()));
}

#[test]
fn destroy_everything() {
    let observed = applied(&cluster());
    let names = desired(&cluster()).names;
    let plan = destroy(&names, &observed, false).unwrap();
    assert_eq!(check(&plan, &observed), []);
    assert_eq!((plan.writes(), plan.depth()), (6, 3));
    insta::assert_snapshot!(text::plan(&plan));
    let nothing = world::run(&plan, observed, usize::MAX);
    assert!(destroy(&names, &nothing, false).unwrap().is_empty());
}

#[test]
fn destroy_leaves_what_is_not_ours() {
    let mut observed = applied(&cluster());
    observed.launch_template.as_mut().unwrap().tags.clear();
    observed.security_groups[0].tags.insert("kaphost:cluster".to_owned(), "other".to_owned());
    observed.role.as_mut().unwrap().attachments = Some(Attachments {
        managed: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
        inline: vec!["extra".to_owned()],
        ..Attachments::default()
    });
    let plan = destroy(&desired(&cluster()).names, &observed, true).unwrap();
    assert_eq!(check(&plan, &observed), []);
    insta::assert_snapshot!(text::plan(&plan));
}

#[test]
fn destroy_refuses() {
    let mut observed = applied(&cluster());
    observed.auto_scaling_group.as_mut().unwrap().settings.deletion_protection = "prevent-all-deletion".to_owned();
    observed.role.as_mut().unwrap().attachments =
        Some(Attachments { managed: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()], ..Attachments::default() });
    observed.instance_profile.as_mut().unwrap().tags.clear();
    insta::assert_snapshot!(text::refusals(&destroy(&desired(&cluster()).names, &observed, false).unwrap_err()));
}

#[test]
fn every_refusal_at_once() {
    let mut observed = applied(&cluster());
    observed.role.as_mut().unwrap().tags.clear();
    observed.instance_profile.as_mut().unwrap().path = "/other/".to_owned();
    observed.security_groups[0].description = "by hand".to_owned();
    let mut stray = observed.security_groups[0].clone();
    (stray.id, stray.vpc) = ("sg-0ffffff1".to_owned(), "vpc-0fffffff".to_owned());
    observed.security_groups.push(stray);
    observed.launch_template.as_mut().unwrap().tags.insert("kaphost:cluster".to_owned(), "other".to_owned());
    observed.auto_scaling_group.as_mut().unwrap().status = Some("Delete in progress".to_owned());
    let refusals = diff(&desired(&cluster()), &observed, ImageFact::Missing(&ImageGap::NoImage("ami-0abcd1234".to_owned()))).unwrap_err();
    insta::assert_snapshot!(text::refusals(&refusals));
}

#[test]
fn a_volume_where_the_root_is() {
    let mut clash = cluster();
    let volume = kaphost_spec::Volume { settings: clash.root_volume.clone(), snapshot: None };
    clash.volumes.insert("/dev/sda1".parse().unwrap(), volume);
    insta::assert_snapshot!(text::refusals(&try_diff(&desired(&clash), &Observed::default()).unwrap_err()));
}

#[test]
fn the_image_is_asked_for_once() {
    let desired = desired(&cluster());
    let known = image(&desired);
    assert_eq!(query(&desired, None).image, Some(cluster().ami));
    assert_eq!(query(&desired, Some(&known)).image, None);
    let other = kaphost_plan::Image { id: "ami-0000".to_owned(), ..known.clone() };
    assert_eq!(query(&desired, Some(&other)).image, Some(cluster().ami));
    let nothing = Observed::default();
    assert_eq!(desired.image_fact(&nothing, None), None);
    assert_eq!(desired.image_fact(&nothing, Some(&other)), None);
    assert_eq!(desired.image_fact(&nothing, Some(&known)), Some(ImageFact::Found(&known)));
    assert!(Query::for_destroy(desired.names).attachments);
}
