//! Every row of the table by example, and what holds for all of them by chance.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kaphost_spec::{EgressRule, Tag, Tenancy, Tls, Volume};
use proptest::prelude::*;

use super::*;

/// Read once: property tests want it thousands of times.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let text = r##"
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "m7i.large"
    tenancy "dedicated"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" }
    ssh { allow cidr="10.0.0.0/8"; allow security-group="sg-0aaaaaaa"; }
    http { allow cidr="10.0.0.0/8"; }
    egress { allow cidr="0.0.0.0/0" ports="443"; }
    scaling deletion-protection=#true
    volume "/dev/xvdh" size=10
    iam boundary="arn:aws:iam::123456789012:policy/b" {
        managed-policy "arn:aws:iam::aws:policy/A"
        inline-policy "allow" #"{"Statement":[{"Effect":"Allow"}]}"#
        inline-policy "deny" #"{"Statement":[{"Effect":"Deny"}]}"#
    }
    kapacitor { influxdb "http://i:8086"; tls certificate="/c" key="/k"; }
}
"##;
    std::sync::Arc::unwrap_or_clone(crate::testing::spec(text).cluster)
});

fn cluster() -> Cluster {
    CLUSTER.clone()
}

fn ingress() -> IngressRule {
    IngressRule { description: "x".into() }
}

type Edit = fn(&mut Cluster);

/// Each with the path that it loosens and what is said of it. The other way round none of them loosens anything.
const LOOSENING: &[(&str, &str, &str, Edit)] = &[
    (r#"ssh.allow["0.0.0.0/0"]"#, "10.0.0.0/8, sg-0aaaaaaa", "0.0.0.0/0, 10.0.0.0/8, sg-0aaaaaaa", |c| {
        c.ssh.allow.insert(Source::Cidr("0.0.0.0/0".parse().unwrap()), ingress());
    }),
    (r#"ssh.allow["sg-0bbbbbbb"]"#, "10.0.0.0/8, sg-0aaaaaaa", "10.0.0.0/8, sg-0aaaaaaa, sg-0bbbbbbb", |c| {
        c.ssh.allow.insert(Source::SecurityGroup("sg-0bbbbbbb".parse().unwrap()), ingress());
    }),
    (r#"http.allow["2001:db8::/32"]"#, "10.0.0.0/8", "10.0.0.0/8, 2001:db8::/32", |c| {
        c.http.allow.insert(Source::Cidr("2001:db8::/32".parse().unwrap()), ingress());
    }),
    ("http.security-group", "not set", "sg-0aaaaaaa", |c| c.http.security_group = Some("sg-0aaaaaaa".parse().unwrap())),
    (r#"egress["0.0.0.0/0"]"#, "0.0.0.0/0 ports 443-443", "0.0.0.0/0", |c| {
        c.egress.values_mut().for_each(|rule| rule.ports = None);
    }),
    (r#"egress["::/0"]"#, "0.0.0.0/0 ports 443-443", "0.0.0.0/0 ports 443-443, ::/0", |c| {
        c.egress.insert("::/0".parse().unwrap(), EgressRule { ports: None, description: "x".into() });
    }),
    ("tenancy", r#""dedicated""#, r#""default""#, |c| c.tenancy = Tenancy::Default),
    ("root-volume.encrypted", "#true", "#false", |c| c.root_volume.encrypted = false),
    (r#"volume["/dev/xvdh"].encrypted"#, "#true", "#false", |c| {
        c.volumes.values_mut().for_each(|volume| volume.settings.encrypted = false);
    }),
    (r#"volume["/dev/xvdz"].encrypted"#, "not there", "#false", |c| {
        let open = kaphost_spec::VolumeSettings { encrypted: false, ..c.root_volume.clone() };
        c.volumes.insert("/dev/xvdz".parse().unwrap(), Volume { settings: open, snapshot: None });
    }),
    ("metadata.tokens", r#""required""#, r#""optional""#, |c| c.metadata.tokens = Tokens::Optional),
    ("metadata.hop-limit", "1", "2", |c| c.metadata.hop_limit = 2),
    ("network.public-ip", "#false", "#true", |c| c.network.public_ip = true),
    ("scaling.deletion-protection", "#true", "#false", |c| c.scaling.deletion_protection = false),
    ("ssh.key", "not set", "ops", |c| c.ssh.key = Some("ops".parse().unwrap())),
    ("iam.boundary", "arn:aws:iam::123456789012:policy/b", "not set", |c| c.iam.boundary = None),
    (r#"iam.managed-policy["arn:aws:iam::aws:policy/AdministratorAccess"]"#, "not there", "there", |c| {
        c.iam.managed_policies.insert("arn:aws:iam::aws:policy/AdministratorAccess".parse().unwrap());
    }),
    (r#"iam.inline-policy["new"]"#, "not there", "{}", |c| {
        c.iam.inline_policies.insert("new".into(), "{}".into());
    }),
    ("kapacitor.tls", r#""/c" "/k""#, "not there", |c| c.kapacitor.as_mut().unwrap().tls = None),
];

#[test]
fn each_row_tells_what_is_looser_and_that_the_way_back_is_not() {
    let before = cluster();
    for (path, old, new, edit) in LOOSENING {
        let mut after = before.clone();
        edit(&mut after);
        let found = loosened(&before, &after);
        let [one] = found.as_slice() else { panic!("{path}: {found:?}") };
        assert_eq!((one.path.to_string().as_str(), one.old.as_str(), one.new.as_str()), (*path, *old, *new));
        assert_eq!(loosened(&after, &before), [], "{path}");
    }
    // Off is safer than on, which the cluster above cannot show by a single change away from what is safest.
    let off = Cluster { metadata: kaphost_spec::InstanceMetadata { enabled: false, ..before.metadata }, ..before.clone() };
    assert_eq!(loosened(&before, &off), []);
    assert_eq!(loosened(&off, &before)[0].path.to_string(), "metadata.enabled");
}

#[test]
fn every_row_has_an_example() {
    let shown: BTreeSet<&str> = LOOSENING.iter().map(|(path, ..)| *path).chain(["metadata.enabled"]).collect();
    for row in TABLE {
        let list = row.path().to_string();
        assert!(shown.iter().any(|path| path.starts_with(&list)), "{}", row.field);
        assert!(!row.order.is_empty() && row.field.replace("[]", "[*]").parse::<kaphost_spec::Pattern>().is_ok(), "{}", row.field);
    }
    assert!(TABLE.is_sorted_by_key(|row| row.field));
}

#[test]
fn where_nothing_is_comparable_both_ways_loosen() {
    let both: [(&str, Edit, Edit); 4] = [
        ("ssh.key", |c| c.ssh.key = Some("a".parse().unwrap()), |c| c.ssh.key = Some("b".parse().unwrap())),
        (
            "http.security-group",
            |c| c.http.security_group = Some("sg-0aaaaaaa".parse().unwrap()),
            |c| c.http.security_group = Some("sg-0bbbbbbb".parse().unwrap()),
        ),
        (
            "iam.boundary",
            |c| c.iam.boundary = Some("arn:aws:iam::123456789012:policy/x".parse().unwrap()),
            |c| c.iam.boundary = Some("arn:aws:iam::123456789012:policy/y".parse().unwrap()),
        ),
        (
            r#"iam.inline-policy["allow"]"#,
            |c| drop(c.iam.inline_policies.insert("allow".into(), "{}".into())),
            |c| drop(c.iam.inline_policies.insert("allow".into(), "[]".into())),
        ),
    ];
    for (path, one, other) in both {
        let [mut a, mut b] = [cluster(), cluster()];
        one(&mut a);
        other(&mut b);
        assert_eq!(loosened(&a, &b)[0].path.to_string(), path);
        assert_eq!(loosened(&b, &a)[0].path.to_string(), path);
    }
    // A document that denies is safer there than gone.
    let mut gone = cluster();
    gone.iam.inline_policies.remove("deny");
    assert_eq!(loosened(&cluster(), &gone)[0].path.to_string(), r#"iam.inline-policy["deny"]"#);
    gone.iam.inline_policies.clear();
    assert_eq!(loosened(&cluster(), &gone).len(), 1);
}

#[test]
fn narrowing_splitting_and_taking_away_do_not_loosen() {
    let edits: [Edit; 6] = [
        |c| c.ssh.allow.clear(),
        |c| {
            c.ssh.allow = ["10.0.0.0/9", "10.128.0.0/9", "10.1.1.1/32"].map(|text| (Source::Cidr(text.parse().unwrap()), ingress())).into();
        },
        |c| c.volumes.clear(),
        |c| c.egress = [("10.0.0.0/8".parse().unwrap(), EgressRule { ports: Some((443, 443)), description: "x".into() })].into(),
        |c| c.volumes.values_mut().for_each(|volume| volume.settings.kms_key = Some("alias/own".parse().unwrap())),
        |c| {
            let settings = c.root_volume.clone();
            c.volumes.insert("/dev/xvdz".parse().unwrap(), Volume { settings, snapshot: None });
        },
    ];
    for (i, edit) in edits.into_iter().enumerate() {
        let mut after = cluster();
        edit(&mut after);
        assert_ne!(after, cluster());
        assert_eq!(loosened(&cluster(), &after), [], "{i}");
    }
}

/// What may be done to a cluster, safe or not, in a world small enough that two clusters are often comparable.
fn random() -> impl Strategy<Value = Cluster> {
    let network = || prop::sample::select(vec!["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "0.0.0.0/0", "::/0", "::/1", "8000::/1"]);
    let source = || {
        prop_oneof![
            network().prop_map(|text| Source::Cidr(text.parse().unwrap())),
            prop::sample::select(vec!["sg-0aaaaaaa", "sg-0bbbbbbb"]).prop_map(|text| Source::SecurityGroup(text.parse().unwrap())),
        ]
    };
    let sources = move || prop::collection::btree_set(source(), 0..4);
    let ports = prop_oneof![Just(None), Just(Some((0, 65_535))), Just(Some((443, 443))), Just(Some((400, 500)))];
    let egress = prop::collection::vec((network(), ports), 0..4);
    let flags = prop::array::uniform8(any::<bool>());
    let volumes = prop::collection::btree_map(prop::sample::select(vec!["/dev/xvdh", "/dev/xvdi"]), any::<(bool, bool)>(), 0..3);
    let texts = prop::array::uniform5(prop::option::of(prop::sample::select(vec!["a", "b"])));
    (sources(), sources(), egress, flags, volumes, texts, 1..4_u8).prop_map(|(ssh, http, egress, flags, volumes, texts, hops)| {
        let mut c = cluster();
        let [dedicated, root, off, tokens, public, protected, tls, kapacitor] = flags;
        let allow = |sources: BTreeSet<Source>| sources.into_iter().map(|source| (source, ingress())).collect();
        c.ssh.allow = allow(ssh);
        c.http.allow = allow(http);
        c.egress = egress.into_iter().map(|(text, ports)| (text.parse().unwrap(), EgressRule { ports, description: "x".into() })).collect();
        c.tenancy = if dedicated { Tenancy::Dedicated } else { Tenancy::Default };
        c.root_volume.encrypted = root;
        c.metadata.enabled = !off;
        c.metadata.tokens = if tokens { Tokens::Required } else { Tokens::Optional };
        c.metadata.hop_limit = hops;
        c.network.public_ip = public;
        c.scaling.deletion_protection = protected;
        let volume = |(encrypted, keyed): (bool, bool)| Volume {
            settings: kaphost_spec::VolumeSettings {
                encrypted,
                kms_key: (encrypted && keyed).then(|| "alias/own".parse().unwrap()),
                ..c.root_volume.clone()
            },
            snapshot: None,
        };
        c.volumes = volumes.into_iter().map(|(device, what)| (device.parse().unwrap(), volume(what))).collect();
        if let Some(node) = c.kapacitor.as_mut() {
            node.tls = tls.then(|| Tls { certificate: "/c".into(), key: "/k".into() });
        }
        if kapacitor {
            c.kapacitor = None;
        }
        let [key, group, boundary, managed, inline] = texts;
        c.ssh.key = key.map(|text| text.parse().unwrap());
        c.http.security_group = group.map(|text| format!("sg-0{}", text.repeat(7)).parse().unwrap());
        c.iam.boundary = boundary.map(|text| format!("arn:aws:iam::123456789012:policy/{text}").parse().unwrap());
        c.iam.managed_policies = managed.map(|text| format!("arn:aws:iam::aws:policy/{text}").parse().unwrap()).into_iter().collect();
        c.iam.inline_policies = inline
            .map(|text| ("p".to_owned(), format!(r#"{{"Effect":"{}"}}"#, if text == "a" { "Deny" } else { "Allow" })))
            .into_iter()
            .collect();
        c
    })
}

/// What a row looks at, in a form that is equal where two clusters are equally safe by it.
fn safety(c: &Cluster, field: &str) -> String {
    let reach = |allow: &BTreeMap<Source, IngressRule>| {
        let cidrs = allow.keys().filter_map(|source| if let Source::Cidr(cidr) = source { Some(cidr) } else { None });
        let groups: Vec<_> = allow.keys().filter(|source| matches!(source, Source::SecurityGroup(_))).cloned().collect();
        format!("{:?} {groups:?}", Reach::of(cidrs))
    };
    // At ports that no two rules of this world tell from one another, and beyond TCP.
    let egress = || {
        let ports = [0, 399, 400, 442, 443, 444, 500, 501, 65_535, 65_536_u32];
        let open = |ports: Option<(u16, u16)>, port| ports.is_none_or(|(from, to)| (u32::from(from)..=u32::from(to)).contains(&port));
        let at = |port| Reach::of(c.egress.iter().filter(|(_, rule)| open(rule.ports, port)).map(|(cidr, _)| cidr));
        format!("{:?}", ports.map(at))
    };
    match field {
        "ssh.allow[]" => reach(&c.ssh.allow),
        "http.allow[]" => reach(&c.http.allow),
        "egress[]" => egress(),
        "volume[].encrypted" => {
            format!("{:?}", c.volumes.iter().filter(|(_, v)| !v.settings.encrypted).map(|(d, _)| d).collect::<Vec<_>>())
        }
        "kapacitor.tls" => format!("{:?}", c.kapacitor.as_ref().is_some_and(|kapacitor| kapacitor.tls.is_some())),
        field => {
            let list: Path = field.replace("[]", "").parse().unwrap();
            format!("{:?}", c.leaves().into_iter().filter(|(path, _)| list.covers(path)).collect::<Vec<_>>())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_loosens_itself(cluster in random()) {
        prop_assert_eq!(loosened(&cluster, &cluster), []);
    }

    /// Two that are each at least as safe as the other are equally safe, in every row; and what is equally safe loosens in neither direction.
    #[test]
    fn the_order_is_antisymmetric(a in random(), b in random()) {
        for row in TABLE {
            let neither = row.loosened(&a, &b).is_empty() && row.loosened(&b, &a).is_empty();
            prop_assert_eq!(neither, safety(&a, row.field) == safety(&b, row.field), "{}", row.field);
        }
    }

    /// What loosens as a whole loosens in one of its steps, at a path of the same row.
    #[test]
    fn the_order_is_transitive(a in random(), b in random(), c in random()) {
        for row in TABLE {
            if row.loosened(&a, &b).is_empty() && row.loosened(&b, &c).is_empty() {
                prop_assert_eq!(row.loosened(&a, &c), [], "{}", row.field);
            }
        }
    }

    /// Fields without an order are not looked at.
    #[test]
    fn what_has_no_order_never_loosens(cluster in random(), size in 1..100_u32, port in 1..1_000_u16) {
        let mut other = cluster.clone();
        other.root_volume.size_gib = size;
        other.ssh.port = port;
        other.ami = kaphost_spec::Ami::Id("ami-0ffffffff".parse().unwrap());
        other.instance_type = "t3.nano".parse().unwrap();
        other.tags.insert("New".parse().unwrap(), Tag { value: "x".parse().unwrap(), propagate: false });
        prop_assert_eq!(loosened(&cluster, &other), []);
        prop_assert_eq!(loosened(&other, &cluster), []);
    }
}
