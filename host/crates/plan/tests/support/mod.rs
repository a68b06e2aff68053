//! What the planner's tests share: a sample cluster, plans as text, and a small world that carries plans out.
#![allow(
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "tests may fail loudly, and each test binary uses its part"
)]

pub(crate) mod text;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};

use kaphost_plan::{Desired, Image, ImageFact, Observed, OtherGroup, Plan, Refusal, desire, diff};
use kaphost_spec::{
    AdmittedSpec, Ami, Cluster, EgressRule, HealthCheck, Http, Iam, IngressRule, InstanceMetadata, Network, Rollout, RolloutStrategy,
    Scaling, Source, Ssh, Tag, Tenancy, TerminationPolicy, Tokens, UserData, VolumeSettings, VolumeType,
};

/// The sample: everything that a small config says, and every default.
pub(crate) fn cluster() -> Cluster {
    Cluster {
        name: "kapacitor-stage".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        ami: Ami::Id("ami-0abcd1234".parse().unwrap()),
        instance_type: "t3.small".parse().unwrap(),
        tenancy: Tenancy::Default,
        ebs_optimized: None,
        spot: None,
        network: Network {
            vpc: "vpc-0a1b2c3d".parse().unwrap(),
            subnets: BTreeSet::from(["subnet-0aaaaaaa".parse().unwrap(), "subnet-0bbbbbbb".parse().unwrap()]),
            public_ip: false,
        },
        ssh: Ssh {
            port: 22,
            key: Some("ops".parse().unwrap()),
            allow: BTreeMap::from([cidr("10.0.0.0/8", "office"), cidr("192.168.0.0/16", "lab")]),
        },
        http: Http { port: 9092, allow: BTreeMap::from([cidr("10.0.0.0/8", "clients")]), security_group: None },
        egress: BTreeMap::from([("0.0.0.0/0".parse().unwrap(), EgressRule { ports: None, description: "anywhere".to_owned() })]),
        metadata: InstanceMetadata { enabled: true, tokens: Tokens::Required, hop_limit: 1 },
        root_volume: VolumeSettings {
            volume_type: VolumeType::Gp3,
            size_gib: 50,
            iops: None,
            throughput_mibps: None,
            encrypted: true,
            kms_key: None,
            delete_on_termination: true,
        },
        volumes: BTreeMap::new(),
        user_data: Some(UserData::new("#!/bin/sh\necho hunter2\n".to_owned()).unwrap()),
        scaling: Scaling {
            termination_policies: vec![TerminationPolicy::Default],
            health_check: HealthCheck::Ec2,
            health_check_grace_period_s: 600,
            wait_for_capacity_timeout_s: 600,
            deletion_protection: false,
        },
        rollout: Rollout {
            strategy: RolloutStrategy::TerminateFirst,
            auto_rollback: true,
            skip_matching: true,
            warmup_s: None,
            timeout_s: 3600,
        },
        iam: Iam {
            profile_path: "/".parse().unwrap(),
            managed_policies: BTreeSet::new(),
            inline_policies: BTreeMap::new(),
            boundary: None,
        },
        tags: BTreeMap::from([("Team".parse().unwrap(), Tag { value: "metrics".parse().unwrap(), propagate: true })]),
        kapacitor: None,
    }
}

pub(crate) fn cidr(network: &str, description: &str) -> (Source, IngressRule) {
    (Source::Cidr(network.parse().unwrap()), IngressRule { description: description.to_owned() })
}

pub(crate) fn desired(cluster: &Cluster) -> Desired {
    desire(&AdmittedSpec::seal(cluster.clone(), "d".repeat(64))).unwrap()
}

pub(crate) fn image(desired: &Desired) -> Image {
    let id = match &desired.image {
        Ami::Id(id) => id.to_string(),
        Ami::Ssm(_) | Ami::Lookup { .. } => "ami-0fedcba9".to_owned(),
    };
    Image { id, root_device: "/dev/sda1".to_owned(), architecture: "x86_64".to_owned() }
}

pub(crate) fn try_diff(desired: &Desired, observed: &Observed) -> Result<Plan, Vec<Refusal>> {
    diff(desired, observed, ImageFact::Found(&image(desired)))
}

/// Plans, and has the plan checked.
pub(crate) fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let plan = try_diff(desired, observed).unwrap_or_else(|refusals| panic!("{refusals:#?}"));
    assert_eq!(kaphost_plan::check(&plan, observed), []);
    plan
}

/// Groups that are somebody else's, onto which HTTP's rules may go.
pub(crate) const OTHERS: [&str; 2] = ["sg-0ccccccc", "sg-0ddddddd"];

/// An account in which nothing is but those groups.
pub(crate) fn empty() -> Observed {
    let other = |id: &str| OtherGroup { id: id.to_owned(), rules: Vec::new(), read: true };
    Observed { other_groups: OTHERS.map(other).into(), ..Observed::default() }
}

/// What AWS holds after a first apply.
pub(crate) fn applied(cluster: &Cluster) -> Observed {
    let desired = desired(cluster);
    world::run(&plan(&desired, &empty()), empty(), usize::MAX)
}
