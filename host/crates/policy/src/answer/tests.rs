//! What leaves the host comes back as it was, and what comes back wrong is named.

use super::*;
use crate::convert;
use crate::convert::UserDataText::{Hidden, Shown};

pub(crate) fn plain() -> spec::Cluster {
    let spec = crate::testing::spec(
        r#"cluster "kapacitor-stage" region="us-east-1" {
            ami "ami-0abcd1234"
            instance-type "t3.small"
            network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" "subnet-0bbb2222" }
            user-data "echo hello"
            tag "Team" "metrics"
        }"#,
    );
    std::sync::Arc::unwrap_or_clone(spec.cluster)
}

/// Every optional value there, and every choice other than its default.
pub(crate) fn full() -> spec::Cluster {
    let rule = |text: &str| spec::IngressRule { description: text.into() };
    let mut cluster = plain();
    cluster.ami = spec::Ami::Lookup { owner: "amazon".into(), name: "al2023-*".into() };
    cluster.tenancy = spec::Tenancy::Dedicated;
    cluster.ebs_optimized = Some(false);
    cluster.spot = Some(spec::Spot { max_price: Some("0.05".parse().unwrap()) });
    cluster.network.public_ip = true;
    cluster.ssh.port = 2222;
    cluster.ssh.key = Some("ops".parse().unwrap());
    cluster.ssh.allow = BTreeMap::from([
        (spec::Source::Cidr("2001:db8::/32".parse().unwrap()), rule("office")),
        (spec::Source::SecurityGroup("sg-0abc1234".parse().unwrap()), rule("bastion")),
    ]);
    cluster.http.allow = cluster.ssh.allow.clone();
    cluster.http.security_group = Some("sg-0def5678".parse().unwrap());
    let egress = spec::EgressRule { ports: Some((443, 444)), description: "out".into() };
    cluster.egress = BTreeMap::from([("10.0.0.0/8".parse().unwrap(), egress)]);
    cluster.metadata = spec::InstanceMetadata { enabled: false, tokens: spec::Tokens::Optional, hop_limit: 2 };
    cluster.root_volume = spec::VolumeSettings {
        volume_type: spec::VolumeType::Gp3,
        size_gib: 77,
        iops: Some(4_000),
        throughput_mibps: Some(250),
        encrypted: true,
        kms_key: Some("alias/ebs".parse().unwrap()),
        delete_on_termination: false,
    };
    let volume = spec::Volume { settings: cluster.root_volume.clone(), snapshot: Some("snap-0abc1234".parse().unwrap()) };
    cluster.volumes = BTreeMap::from([("/dev/xvdh".parse().unwrap(), volume)]);
    cluster.scaling.termination_policies = vec![spec::TerminationPolicy::OldestInstance, spec::TerminationPolicy::Default];
    cluster.scaling.health_check = spec::HealthCheck::Elb;
    cluster.scaling.health_check_grace_period_s = 61;
    cluster.scaling.wait_for_capacity_timeout_s = 62;
    cluster.scaling.deletion_protection = true;
    cluster.rollout = spec::Rollout {
        strategy: spec::RolloutStrategy::LaunchFirst,
        auto_rollback: false,
        skip_matching: false,
        warmup_s: Some(63),
        timeout_s: 64,
    };
    cluster.iam.profile_path = "/metrics/".parse().unwrap();
    cluster.iam.managed_policies = BTreeSet::from(["arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy".parse().unwrap()]);
    let document = r#"{"Statement":[],"Version":"2012-10-17"}"#;
    cluster.iam.inline_policies = BTreeMap::from([("read".into(), document.into())]);
    cluster.iam.boundary = Some("arn:aws:iam::123456789012:policy/boundary".parse().unwrap());
    cluster.tags.insert("Owner".parse().unwrap(), spec::Tag { value: "ops".parse().unwrap(), propagate: false });
    cluster.kapacitor = Some(spec::Kapacitor {
        hostname: Some("kapacitor.example.com".into()),
        influxdb: vec!["https://influx.example.com:8086".into()],
        storage: Some(spec::Storage { device: "/dev/xvdh".parse().unwrap(), mount_point: "/data".into() }),
        owner: "kapacitor".into(),
        log_level: spec::LogLevel::Warn,
        tls: Some(spec::Tls { certificate: "/etc/tls/a.pem".into(), key: "/etc/tls/a.key".into() }),
        extra_config: Some("[smtp]\n".into()),
    });
    cluster
}

#[test]
fn nothing_is_lost_between_host_and_guest() {
    for before in [plain(), full()] {
        for text in [Hidden, Shown] {
            assert_eq!(cluster(convert::cluster(&before, text), &before, text), Ok(before.clone()));
        }
    }
}

#[test]
fn user_data_comes_back_as_it_went_with_its_text_or_without() {
    let before = plain();
    assert_eq!(convert::cluster(&before, Hidden).user_data.unwrap().text, None);
    assert_eq!(convert::cluster(&before, Shown).user_data.unwrap().text.as_deref(), Some("echo hello"));
    // With the text where none was sent, and without where it was.
    for (went, came) in [(Hidden, Shown), (Shown, Hidden)] {
        assert_eq!(cluster(convert::cluster(&before, came), &before, went), Err(AnswerError::UserData));
    }
    type Edit = fn(&mut Option<wit::UserData>);
    let edits: [Edit; 5] = [
        |data| *data = None,
        |data| data.as_mut().unwrap().text = Some("echo other".into()),
        |data| data.as_mut().unwrap().text = None,
        |data| data.as_mut().unwrap().size += 1,
        |data| data.as_mut().unwrap().sha256 = "0".repeat(64),
    ];
    for edit in edits {
        let mut record = convert::cluster(&before, Shown);
        edit(&mut record.user_data);
        assert_eq!(cluster(record, &before, Shown), Err(AnswerError::UserData));
    }
}

#[test]
fn networks_are_canonicalised_and_then_unique() {
    let before = full();
    let mut record = convert::cluster(&before, Hidden);
    record.egress[0].cidr = "10.1.2.3/8".into();
    assert_eq!(cluster(record.clone(), &before, Hidden), Ok(before.clone()));
    record.egress.push(record.egress[0].clone());
    let error = cluster(record, &before, Hidden).unwrap_err();
    assert_eq!(error.to_string(), "it gave `egress[\"10.1.2.3/8\"]` more than once");
}

#[test]
fn values_are_checked_alone_and_together_and_shown_safely() {
    type Edit = fn(&mut wit::Cluster);
    let edits: [(&str, Edit); 6] = [
        ("`network.vpc`", |record| record.network.vpc = "vpc\u{1b}[31m".into()),
        ("`ssh.allow[\"10.0.0.0\"]`", |record| record.ssh.allow[0].source = wit::Source::Cidr("10.0.0.0".into())),
        ("`metadata.hop-limit`", |record| record.metadata.hop_limit = 65),
        ("`tag[\"aws:x\"]`", |record| record.tags[0].key = "aws:x".into()),
        ("`iam.inline-policy[\"read\"]`", |record| record.iam.inline_policies[0].document = "[]".into()),
        ("`network.subnets`", |record| record.network.subnets.clear()),
    ];
    for (path, edit) in edits {
        let mut record = convert::cluster(&full(), Hidden);
        edit(&mut record);
        let error = cluster(record, &full(), Hidden).unwrap_err();
        assert_eq!(error.code(), "invalid-result");
        assert!(error.to_string().contains(path) && !error.to_string().contains('\u{1b}'), "{error}");
    }
}
