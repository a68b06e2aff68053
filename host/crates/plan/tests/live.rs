//! A cluster read back from what AWS holds.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;

use crate::support::{applied, cluster, desired, image};
use kaphost_plan::live::live;
use kaphost_plan::{
    Attachments, Direction, GroupTag, OWNER_TAG, Observed, ObservedGroup, ObservedRule, Peer, Rule, RuleKey, Tags, TemplateContent, Traffic,
};
use kaphost_spec::{Cluster, EgressRule, Kapacitor, LogLevel, Source, Tenancy, Volume};

/// What is read back of the sample after somebody's hand on it.
fn read(change: impl FnOnce(&mut Observed)) -> kaphost_plan::live::Live {
    let mut observed = applied(&cluster());
    change(&mut observed);
    live(&cluster(), &desired(&cluster()), &observed, &image(&desired(&cluster()))).unwrap()
}

fn group(observed: &mut Observed) -> &mut ObservedGroup {
    observed.auto_scaling_group.as_mut().unwrap()
}

fn content(observed: &mut Observed) -> &mut TemplateContent<String> {
    &mut observed.launch_template.as_mut().unwrap().versions.get_mut(&1).unwrap().content
}

/// A rule without our tag.
fn opened(direction: Direction, traffic: Traffic, peer: &str) -> ObservedRule {
    let peer = peer.parse().map_or_else(|_| Peer::Other(peer.to_owned()), Peer::Cidr);
    ObservedRule {
        id: None,
        rule: Rule { key: RuleKey { direction, traffic, peer }, description: "by hand".to_owned() },
        tags: Tags::new(),
    }
}

fn tcp(from: i32, to: i32) -> Traffic {
    Traffic::Ports { protocol: "tcp".to_owned(), from, to }
}

/// The leaves that differ from the sample's.
fn differs(cluster: &Cluster) -> Vec<String> {
    let (was, is) = (crate::support::cluster().leaves(), cluster.leaves());
    let paths: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    paths.into_iter().filter(|path| was.get(*path) != is.get(*path)).map(ToString::to_string).collect()
}

#[test]
fn what_was_applied_is_read_back() {
    let read = read(|_| ());
    assert_eq!(differs(&read.cluster), [""; 0]);
    assert_eq!(read.unsaid, [""; 0]);
    assert!(read.assumed.iter().any(|path| path == "rollout.timeout"), "{:?}", read.assumed);
    let mut large = cluster();
    large.tenancy = Tenancy::Dedicated;
    large.egress.insert("10.0.0.0/8".parse().unwrap(), EgressRule { ports: Some((443, 443)), description: "proxy".to_owned() });
    large.egress.remove(&"0.0.0.0/0".parse().unwrap());
    large.volumes.insert("/dev/xvdh".parse().unwrap(), Volume { settings: large.root_volume.clone(), snapshot: None });
    large.rollout.warmup_s = Some(7);
    large.http.security_group = Some(crate::support::OTHERS[0].parse().unwrap());
    let read = live(&large, &desired(&large), &applied(&large), &image(&desired(&large))).unwrap();
    assert_eq!(read.cluster, large);
}

#[test]
fn nothing_there_is_nothing_to_judge() {
    assert_eq!(live(&cluster(), &desired(&cluster()), &Observed::default(), &image(&desired(&cluster()))), None);
    let mut foreign = applied(&cluster());
    foreign.security_groups.clear();
    foreign
        .auto_scaling_group
        .as_mut()
        .unwrap()
        .tags
        .insert(OWNER_TAG.to_owned(), GroupTag { value: "another".to_owned(), propagate: true });
    assert_eq!(live(&cluster(), &desired(&cluster()), &foreign, &image(&desired(&cluster()))), None);
}

#[test]
fn everybodys_rules_count_wherever_they_cover_a_port() {
    let read = read(|observed| {
        let rules = &mut observed.security_groups[0].rules;
        rules.push(opened(Direction::Ingress, tcp(0, 65535), "0.0.0.0/0"));
        rules.push(opened(Direction::Ingress, Traffic::All, "172.16.0.0/12"));
        rules.push(opened(Direction::Ingress, tcp(8080, 8080), "0.0.0.0/0"));
        rules.push(opened(Direction::Ingress, tcp(22, 22), "pl-0123"));
        rules.push(opened(Direction::Egress, tcp(53, 53), "10.0.0.2/32"));
    });
    for source in ["0.0.0.0/0", "172.16.0.0/12"] {
        let source = Source::Cidr(source.parse().unwrap());
        assert!(read.cluster.ssh.allow.contains_key(&source) && read.cluster.http.allow.contains_key(&source), "{source}");
    }
    assert_eq!(read.cluster.egress[&"10.0.0.2/32".parse().unwrap()].ports, Some((53, 53)));
    assert_eq!(read.unsaid, ["the rule tcp 8080 from 0.0.0.0/0", "the rule tcp 22 from pl-0123"]);
}

#[test]
fn the_server_that_runs_is_judged_and_not_the_next() {
    let read = read(|observed| {
        let template = observed.launch_template.as_mut().unwrap();
        let mut second = template.versions[&1].clone();
        second.content.instance_type = "t3.large".to_owned();
        template.versions.insert(2, second);
        group(observed).settings.template_version = 2;
        group(observed).instances = vec![kaphost_plan::Instance {
            id: "i-0abc".to_owned(),
            zone: "us-east-1a".to_owned(),
            lifecycle: "InService".to_owned(),
            health: "Healthy".to_owned(),
            template_version: Some(1),
            template: None,
        }];
    });
    assert_eq!(differs(&read.cluster), [""; 0]);
}

#[test]
fn hands_on_everything_are_read_back() {
    let read = read(|observed| {
        observed.role.as_mut().unwrap().attachments = Some(Attachments {
            managed: vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()],
            inline: vec!["theirs".to_owned()],
            ..Attachments::default()
        });
        let settings = &mut group(observed).settings;
        settings.health_check = "ELB".to_owned();
        settings.termination_policies = vec!["arn:aws:lambda:x".to_owned()];
        group(observed).tags.insert("Extra".to_owned(), GroupTag { value: "x".to_owned(), propagate: false });
        let content = content(observed);
        content.metadata_tokens = "optional".to_owned();
        content.public_ip = true;
        content.devices.values_mut().for_each(|device| device.encrypted = false);
        content.key = None;
    });
    assert_eq!(
        differs(&read.cluster),
        [
            "iam.managed-policy[\"arn:aws:iam::aws:policy/AdministratorAccess\"]",
            "metadata.tokens",
            "network.public-ip",
            "root-volume.encrypted",
            "scaling.health-check",
            "ssh.key",
            "tag[\"Extra\"]",
            "tag[\"Extra\"].propagate",
        ]
    );
    assert_eq!(
        read.unsaid,
        ["scaling.termination-policies is `arn:aws:lambda:x`", "the inline policy theirs of somebody else's, whose document was not read"]
    );
}

#[test]
fn a_boot_script_cannot_be_read_back() {
    let mut it = cluster();
    it.kapacitor = Some(Kapacitor {
        hostname: None,
        influxdb: vec!["http://influxdb:8086".to_owned()],
        storage: None,
        owner: "kapacitor".to_owned(),
        log_level: LogLevel::Info,
        tls: None,
        extra_config: None,
    });
    let mut observed = applied(&it);
    let said = |observed: &Observed| {
        live(&it, &desired(&it), observed, &image(&desired(&it))).unwrap().assumed.iter().any(|path| path.starts_with("kapacitor"))
    };
    assert!(!said(&observed));
    content(&mut observed).user_data = None;
    assert!(said(&observed));
}
