//! What a plan takes for granted, held against a world that is otherwise.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{applied, cidr, cluster, desired, image, plan};
use kaphost_plan::preflight::{
    Asked, IamQuotas, Inquiry, InstanceType, Preflight, Quota, Subnet, Wanted, World, architecture_by_name, judge,
};
use kaphost_plan::{Image, Observed};
use kaphost_spec::{Cluster, Source};

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// What is asked before the sample, as changed, is made from nothing.
fn asked(cluster: &Cluster) -> Inquiry {
    let desired = desired(cluster);
    Inquiry::of(&desired, &plan(&desired, &crate::support::empty()))
}

/// A world in which everything is as the sample needs it.
fn sound() -> World {
    let subnet = |zone: &str| Subnet { zone: zone.to_owned(), vpc: "vpc-0a1b2c3d".to_owned(), free: Some(200) };
    World {
        instance_type: Asked::Is(Some(InstanceType { architectures: set(&["x86_64"]), ebs_optimized: Some(true) })),
        zones: Asked::Is(set(&["us-east-1a", "us-east-1b"])),
        subnets: Asked::Is(BTreeMap::from([
            ("subnet-0aaaaaaa".to_owned(), subnet("us-east-1a")),
            ("subnet-0bbbbbbb".to_owned(), subnet("us-east-1b")),
        ])),
        key: Asked::Is(true),
        groups: Asked::Is(set(&["sg-0ccccccc"])),
        auto_scaling_groups: Asked::Is(Quota { used: 3, most: 500 }),
        iam: Asked::Is(IamQuotas { roles: Quota { used: 3, most: 1000 }, instance_profiles: Quota { used: 3, most: 1000 } }),
    }
}

fn held(change: impl FnOnce(&mut Cluster), image: &Image, world: &World) -> Preflight {
    let mut cluster = cluster();
    cluster.ssh.allow.insert(Source::SecurityGroup("sg-0ccccccc".parse().unwrap()), cidr("10.0.0.0/8", "bastion").1);
    change(&mut cluster);
    judge(Wanted { desired: &desired(&cluster), image: Some(image), inquiry: &asked(&cluster) }, world)
}

/// Code, path and message of everything that was found, a line each.
fn said(found: &Preflight) -> Vec<String> {
    let path = |path: &Option<String>| path.clone().unwrap_or_default();
    let refusals = found.refusals.iter().map(|it| format!("{:?} {}: {}", it.code, path(&it.path), it.message));
    refusals.chain(found.warnings.iter().map(|it| format!("{:?} {}: {}", it.code, path(&it.path), it.message))).collect()
}

#[test]
fn only_what_a_plan_concerns_is_asked() {
    let cluster = cluster();
    let whole = asked(&cluster);
    assert!(whole.group_quota && whole.iam_quota && whole.groups.is_empty(), "{whole:?}");
    assert_eq!((whole.instance_type.as_deref(), whole.key.as_deref(), whole.subnets.len()), (Some("t3.small"), Some("ops"), 2));

    let after = |change: fn(&mut Cluster)| {
        let mut changed = cluster.clone();
        change(&mut changed);
        let desired = desired(&changed);
        Inquiry::of(&desired, &plan(&desired, &applied(&cluster)))
    };
    assert!(after(|_| ()).is_empty());
    let peer = after(|it| drop(it.ssh.allow.insert(Source::SecurityGroup("sg-0ccccccc".parse().unwrap()), cidr("10.0.0.0/8", "").1)));
    assert_eq!(peer, Inquiry { groups: set(&["sg-0ccccccc"]), ..Inquiry::default() });
    let another = after(|it| it.instance_type = "t3.large".parse().unwrap());
    assert_eq!((another.instance_type.as_deref(), another.group_quota, another.iam_quota), (Some("t3.large"), false, false));
    assert_eq!(after(|it| it.scaling.health_check_grace_period_s = 5).key, None);
}

#[test]
fn a_sound_world_says_nothing() {
    assert_eq!(said(&held(|_| (), &image(&desired(&cluster())), &sound())), [""; 0]);
}

#[test]
fn everything_that_is_otherwise_is_found_at_once() {
    let sample = image(&desired(&cluster()));
    let subnet = |zone: &str, vpc: &str, free| Subnet { zone: zone.to_owned(), vpc: vpc.to_owned(), free: Some(free) };
    let world = World {
        instance_type: Asked::Is(Some(InstanceType { architectures: set(&["x86_64"]), ebs_optimized: Some(false) })),
        zones: Asked::Is(set(&["us-east-1b", "us-east-1c"])),
        subnets: Asked::Is(BTreeMap::from([("subnet-0aaaaaaa".to_owned(), subnet("us-east-1a", "vpc-0fffffff", 9))])),
        key: Asked::Is(false),
        groups: Asked::Is(BTreeSet::new()),
        auto_scaling_groups: Asked::Is(Quota { used: 500, most: 500 }),
        iam: Asked::Is(IamQuotas { roles: Quota { used: 1000, most: 1000 }, instance_profiles: Quota { used: 1, most: 1000 } }),
    };
    let arm = Image { architecture: "arm64".to_owned(), ..sample };
    insta::assert_debug_snapshot!("at_once", said(&held(|it| it.ebs_optimized = Some(true), &arm, &world)));
}

#[test]
fn what_is_odd_is_a_warning() {
    let sample = image(&desired(&cluster()));
    let subnet = |zone: &str, free| Subnet { zone: zone.to_owned(), vpc: "vpc-0a1b2c3d".to_owned(), free: Some(free) };
    let subnets = |second: Subnet| {
        Asked::Is(BTreeMap::from([("subnet-0aaaaaaa".to_owned(), subnet("us-east-1a", 0)), ("subnet-0bbbbbbb".to_owned(), second)]))
    };
    let one_zone = World { subnets: subnets(subnet("us-east-1a", 5)), ..sound() };
    let half = World { subnets: subnets(subnet("us-east-1f", 5)), ..sound() };
    let unanswered = World {
        key: Asked::Unanswered("DescribeKeyPairs: UnauthorizedOperation: no".to_owned()),
        iam: Asked::Unanswered("x".to_owned()),
        ..sound()
    };
    for (name, world) in [("one_zone", one_zone), ("half", half), ("unanswered", unanswered)] {
        let found = held(|_| (), &sample, &world);
        assert!(found.refusals.is_empty(), "{found:?}");
        insta::assert_debug_snapshot!(name, said(&found));
    }
}

#[test]
fn nothing_is_asked_and_the_architecture_is_known_all_the_same() {
    let sample = image(&desired(&cluster()));
    assert_eq!(said(&held(|_| (), &sample, &World::default())), [""; 0]);
    let arm = Image { architecture: "arm64".to_owned(), ..sample };
    let found = held(|_| (), &arm, &World::default());
    assert_eq!(said(&found), ["OtherArchitecture instance-type: the image ami-0abcd1234 is made for arm64, and t3.small runs x86_64"]);
    let nobody = World { instance_type: Asked::Is(None), ..sound() };
    assert_eq!(said(&held(|_| (), &arm, &nobody)), ["NoInstanceType instance-type: there is no instance type t3.small in us-east-1"]);
}

#[test]
fn names_of_instance_types_say_what_they_run() {
    for (name, runs) in [
        ("t3.small", Some("x86_64")),
        ("t4g.small", Some("arm64")),
        ("m7i-flex.large", Some("x86_64")),
        ("m6gd.large", Some("arm64")),
        ("c7gn.16xlarge", Some("arm64")),
        ("im4gn.large", Some("arm64")),
        ("is4gen.medium", Some("arm64")),
        ("x2gd.metal", Some("arm64")),
        ("x2iedn.xlarge", Some("x86_64")),
        ("g4dn.xlarge", Some("x86_64")),
        ("g5g.xlarge", Some("arm64")),
        ("a1.large", Some("arm64")),
        ("hpc7g.4xlarge", Some("arm64")),
        ("i4i.large", Some("x86_64")),
        ("mac2.metal", None),
        ("u-6tb1.metal", None),
        ("u7i-12tb.224xlarge", None),
        ("p6e-gb200.36xlarge", None),
        ("nonsense", None),
    ] {
        assert_eq!(architecture_by_name(name), runs, "{name}");
    }
}

/// Whatever is there already, a plan that is empty asks nothing.
#[test]
fn nothing_to_do_is_nothing_to_ask() {
    let desired = desired(&cluster());
    assert!(Inquiry::of(&desired, &plan(&desired, &applied(&cluster()))).is_empty());
    assert!(!Inquiry::of(&desired, &plan(&desired, &Observed::default())).is_empty());
}
