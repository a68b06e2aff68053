//! Every value of a cluster at its edges. What AWS would not take, alone or beside the rest, is left out by whoever applies these.

use std::collections::BTreeMap;

use kaphost_policy::{Description, FactKind, SettingKind, SettingValue, TypedSetting};
use kaphost_spec::names::{
    AmiId, Arn, Device, InstanceType, KeyName, KmsKey, MaxPrice, ProfilePath, Region, SecurityGroupId, SnapshotId, SubnetId, TagKey,
    TagValue, VpcId,
};
use kaphost_spec::{
    Ami, Cidr, Cluster, EgressRule, HealthCheck, IngressRule, Kapacitor, LogLevel, RolloutStrategy, Source, Spot, Storage, Tag, Tenancy,
    TerminationPolicy, Tls, Tokens, UserData, VolumeSettings, VolumeType,
};

use super::variation::{Book, Variation};
use super::{Hints, Subject};

/// Networks that rules are likely to tell apart.
const NETWORKS: &[&str] =
    &["0.0.0.0/0", "::/0", "0.0.0.0/1", "10.0.0.0/8", "10.1.2.3/32", "8.0.0.0/7", "203.0.113.0/24", "fd00::/8", "2000::/3"];
const GROUP: &str = "sg-0123abcd";

/// What a made-up rule says it is for.
const DESCRIPTION: &str = "made up";

/// Everything that can be changed about a subject, one thing at a time.
pub(super) fn of(subject: &Subject, description: &Description) -> Vec<Variation> {
    let mut hints = Hints::of(&subject.settings);
    description.settings.iter().filter_map(|setting| setting.default.as_ref()).for_each(|value| hints.add(value));
    let mut book = Book { all: Vec::new(), hints: &hints };
    place(&mut book, &subject.cluster);
    access(&mut book, &subject.cluster);
    disks(&mut book, &subject.cluster);
    life(&mut book);
    role(&mut book, &subject.cluster);
    tags(&mut book, &subject.cluster);
    service(&mut book);
    facts(&mut book, subject, description);
    settings(&mut book, subject, description);
    book.all
}

fn place(book: &mut Book<'_>, cluster: &Cluster) {
    book.parsed::<Region>("region", &["us-east-1", "eu-central-1", "us-gov-west-1"], |cluster, region| cluster.region = region);
    book.parsed::<AmiId>("ami", &["ami-0fff1234abcd1234f"], |cluster, id| cluster.ami = Ami::Id(id));
    book.cluster("ami", "(ssm)\"/images/kapacitor\"", |cluster| cluster.ami = Ami::Ssm("/images/kapacitor".into()));
    book.cluster("ami", "(lookup)", |cluster| cluster.ami = Ami::Lookup { owner: "self".into(), name: "kapacitor-*".into() });
    book.parsed::<InstanceType>("instance-type", &["t3.small", "t3.metal", "m7i.large", "p5.48xlarge"], |cluster, kind| {
        cluster.instance_type = kind
    });
    book.words("tenancy", Tenancy::ALL, |cluster, tenancy| cluster.tenancy = tenancy);
    for value in [None, Some(true), Some(false)] {
        book.cluster("ebs-optimized", value.map_or("unset".to_owned(), |flag| format!("#{flag}")), move |cluster| {
            cluster.ebs_optimized = value
        });
    }
    book.cluster("spot", "unset", |cluster| cluster.spot = None);
    book.cluster("spot", "set", |cluster| cluster.spot = Some(Spot { max_price: None }));
    book.parsed::<MaxPrice>("spot.max-price", &["0.01", "9.99"], |cluster, price| cluster.spot = Some(Spot { max_price: Some(price) }));
    book.parsed::<VpcId>("network.vpc", &["vpc-0fff2c3d"], |cluster, vpc| cluster.network.vpc = vpc);
    book.flag("network.public-ip", |cluster| Some(&mut cluster.network.public_ip));
    book.parsed::<SubnetId>("network.subnets", &["subnet-0fff1111"], |cluster, subnet| {
        cluster.network.subnets.insert(subnet);
    });
    for subnet in cluster.network.subnets.clone() {
        book.cluster("network.subnets", format!("all but {subnet}"), move |cluster| {
            cluster.network.subnets.remove(&subnet);
        });
    }
    for text in ["#!/bin/sh\necho ready\n", "#!/bin/sh\nexport DB_PASSWORD=hunter2\n"] {
        if let Ok(data) = UserData::new(text.to_owned()) {
            book.cluster("user-data", "a script", move |cluster| cluster.user_data = Some(data.clone()));
        }
    }
    book.cluster("user-data", "unset", |cluster| cluster.user_data = None);
}

fn access(book: &mut Book<'_>, cluster: &Cluster) {
    const PORTS: &[u16] = &[1, 22, 443, 1_024, u16::MAX];
    book.numbers("ssh.port", PORTS, |cluster, port| cluster.ssh.port = port);
    book.numbers("http.port", PORTS, |cluster, port| cluster.http.port = port);
    book.cluster("ssh.key", "unset", |cluster| cluster.ssh.key = None);
    book.parsed::<KeyName>("ssh.key", &["made-up"], |cluster, key| cluster.ssh.key = Some(key));
    book.cluster("http.security-group", "unset", |cluster| cluster.http.security_group = None);
    book.parsed::<SecurityGroupId>("http.security-group", &[GROUP], |cluster, group| cluster.http.security_group = Some(group));
    ingress(book, "ssh.allow", &cluster.ssh.allow, |cluster| &mut cluster.ssh.allow);
    ingress(book, "http.allow", &cluster.http.allow, |cluster| &mut cluster.http.allow);
    book.cluster("egress", "nothing", |cluster| cluster.egress.clear());
    for ports in [None, Some((443, 443)), Some((1, u16::MAX))] {
        let words = ports.map_or("every port".to_owned(), |(from, to)| format!("ports {from} to {to}"));
        book.parsed::<Cidr>("egress", NETWORKS, move |cluster, cidr| {
            cluster.egress.insert(cidr, EgressRule { ports, description: DESCRIPTION.into() });
        });
        for &cidr in cluster.egress.keys() {
            book.cluster("egress[*].ports", &words, move |cluster| {
                if let Some(rule) = cluster.egress.get_mut(&cidr) {
                    rule.ports = ports;
                }
            });
        }
    }
    for &cidr in cluster.egress.keys() {
        book.cluster("egress", format!("all but {cidr}"), move |cluster| drop(cluster.egress.remove(&cidr)));
        for text in descriptions() {
            book.cluster("egress[*].description", format_args!("of {} characters", text.len()), move |cluster| {
                if let Some(rule) = cluster.egress.get_mut(&cidr) {
                    rule.description.clone_from(&text);
                }
            });
        }
    }
}

/// The shortest and the longest that AWS takes.
fn descriptions() -> [String; 2] {
    ["x".to_owned(), "x".repeat(255)]
}

type Allow = BTreeMap<Source, IngressRule>;

fn ingress(book: &mut Book<'_>, field: &str, allow: &Allow, at: fn(&mut Cluster) -> &mut Allow) {
    book.cluster(field, "nobody", move |cluster| at(cluster).clear());
    let rule = || IngressRule { description: DESCRIPTION.into() };
    book.parsed::<Cidr>(field, NETWORKS, move |cluster, cidr| drop(at(cluster).insert(Source::Cidr(cidr), rule())));
    book.parsed::<SecurityGroupId>(field, &[GROUP], move |cluster, group| drop(at(cluster).insert(Source::SecurityGroup(group), rule())));
    for source in allow.keys() {
        let gone = source.clone();
        book.cluster(field, format!("all but {source}"), move |cluster| drop(at(cluster).remove(&gone)));
        for text in descriptions() {
            let source = source.clone();
            book.cluster(&format!("{field}[*].description"), format_args!("of {} characters", text.len()), move |cluster| {
                if let Some(rule) = at(cluster).get_mut(&source) {
                    rule.description.clone_from(&text);
                }
            });
        }
    }
}

fn disks(book: &mut Book<'_>, cluster: &Cluster) {
    book.flag("metadata.enabled", |cluster| Some(&mut cluster.metadata.enabled));
    book.words("metadata.tokens", Tokens::ALL, |cluster, tokens| cluster.metadata.tokens = tokens);
    book.numbers::<u8>("metadata.hop-limit", &[1, 2, 64], |cluster, hops| cluster.metadata.hop_limit = hops);
    disk(book, "root-volume", |cluster| Some(&mut cluster.root_volume));
    for device in cluster.volumes.keys() {
        let gone = device.clone();
        let of = device.clone();
        disk(book, "volume[*]", move |cluster| cluster.volumes.get_mut(&of).map(|volume| &mut volume.settings));
        let of = device.clone();
        book.parsed::<SnapshotId>("volume[*].snapshot", &["snap-0123abcd"], move |cluster, snapshot| {
            if let Some(volume) = cluster.volumes.get_mut(&of) {
                volume.snapshot = Some(snapshot);
            }
        });
        book.cluster("volume", format!("all but {device}"), move |cluster| drop(cluster.volumes.remove(&gone)));
    }
    book.parsed::<Device>("volume", &["/dev/xvdz"], |cluster, device| {
        let settings = cluster.root_volume.clone();
        cluster.volumes.insert(device, kaphost_spec::Volume { settings, snapshot: None });
    });
}

fn disk(book: &mut Book<'_>, field: &str, at: impl Fn(&mut Cluster) -> Option<&mut VolumeSettings> + Clone + 'static) {
    let within = |name: &str| format!("{field}.{name}");
    let change = |set: fn(&mut VolumeSettings, u32)| {
        let at = at.clone();
        move |cluster: &mut Cluster, value: u32| at(cluster).into_iter().for_each(|settings| set(settings, value))
    };
    book.numbers(&within("size"), &[1, 8, 50, 1_024, 16_384, 65_536], change(|settings, size| settings.size_gib = size));
    book.numbers(&within("iops"), &[100, 3_000, 16_000], change(|settings, iops| settings.iops = Some(iops)));
    book.numbers(&within("throughput"), &[125, 1_000], change(|settings, throughput| settings.throughput_mibps = Some(throughput)));
    let of = at.clone();
    book.words(&within("type"), VolumeType::ALL, move |cluster, kind| {
        of(cluster).into_iter().for_each(|settings| settings.volume_type = kind)
    });
    let of = at.clone();
    book.flag(&within("encrypted"), move |cluster| of(cluster).map(|settings| &mut settings.encrypted));
    let of = at.clone();
    book.flag(&within("delete-on-termination"), move |cluster| of(cluster).map(|settings| &mut settings.delete_on_termination));
    let of = at.clone();
    book.cluster(&within("kms-key"), "unset", move |cluster| of(cluster).into_iter().for_each(|settings| settings.kms_key = None));
    book.parsed::<KmsKey>(&within("kms-key"), &["alias/made-up"], move |cluster, key| {
        at(cluster).into_iter().for_each(|settings| settings.kms_key = Some(key.clone()));
    });
}

fn life(book: &mut Book<'_>) {
    const SECONDS: &[u32] = &[0, 1, 60, 600, 3_600, 7_200, 14 * 24 * 3_600];
    book.words("scaling.health-check", HealthCheck::ALL, |cluster, check| cluster.scaling.health_check = check);
    book.numbers("scaling.health-check-grace-period", SECONDS, |cluster, seconds| cluster.scaling.health_check_grace_period_s = seconds);
    book.numbers("scaling.wait-for-capacity-timeout", SECONDS, |cluster, seconds| cluster.scaling.wait_for_capacity_timeout_s = seconds);
    book.flag("scaling.deletion-protection", |cluster| Some(&mut cluster.scaling.deletion_protection));
    book.words("scaling.termination-policies", TerminationPolicy::ALL, |cluster, policy| {
        cluster.scaling.termination_policies = vec![policy]
    });
    book.words("rollout.strategy", RolloutStrategy::ALL, |cluster, strategy| cluster.rollout.strategy = strategy);
    book.flag("rollout.auto-rollback", |cluster| Some(&mut cluster.rollout.auto_rollback));
    book.flag("rollout.skip-matching", |cluster| Some(&mut cluster.rollout.skip_matching));
    book.cluster("rollout.warmup", "unset", |cluster| cluster.rollout.warmup_s = None);
    book.numbers("rollout.warmup", SECONDS, |cluster, seconds| cluster.rollout.warmup_s = Some(seconds));
    book.numbers("rollout.timeout", SECONDS, |cluster, seconds| cluster.rollout.timeout_s = seconds);
}

fn role(book: &mut Book<'_>, cluster: &Cluster) {
    const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
    const MANAGED: &[&str] = &["arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"];
    const DOCUMENTS: &[(&str, &str)] = &[
        ("everything", r#"{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}"#),
        ("a service", r#"{"Statement":[{"Action":["s3:*","iam:PassRole"],"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}"#),
        (
            "one action",
            r#"{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"arn:aws:s3:::a/*"}],"Version":"2012-10-17"}"#,
        ),
        ("no statement", r#"{"Statement":7}"#),
    ];
    book.parsed::<ProfilePath>("iam.profile-path", &["/", "/made/up/"], |cluster, path| cluster.iam.profile_path = path);
    book.cluster("iam.boundary", "unset", |cluster| cluster.iam.boundary = None);
    book.parsed::<Arn>("iam.boundary", &[BOUNDARY], |cluster, arn| cluster.iam.boundary = Some(arn));
    book.parsed::<Arn>("iam.managed-policy", MANAGED, |cluster, arn| {
        cluster.iam.managed_policies.insert(arn);
    });
    for arn in cluster.iam.managed_policies.clone() {
        book.cluster("iam.managed-policy", format!("all but {arn}"), move |cluster| {
            cluster.iam.managed_policies.remove(&arn);
        });
    }
    for (what, document) in DOCUMENTS {
        book.cluster("iam.inline-policy", what, |cluster| drop(cluster.iam.inline_policies.insert("made-up".into(), (*document).into())));
    }
    book.cluster("iam.inline-policy", "none", |cluster| cluster.iam.inline_policies.clear());
}

fn tags(book: &mut Book<'_>, cluster: &Cluster) {
    let tag = |value: &TagValue| Tag { value: value.clone(), propagate: true };
    book.cluster("tag", "none", |cluster| cluster.tags.clear());
    if let Ok(value) = "made up".parse::<TagValue>() {
        book.parsed::<TagKey>("tag", &["Made-Up", "Owner"], move |cluster, key| drop(cluster.tags.insert(key, tag(&value))));
    }
    for key in cluster.tags.keys() {
        let gone = key.clone();
        let of = key.clone();
        book.parsed::<TagValue>("tag[*]", &["", "made up"], move |cluster, value| {
            cluster.tags.get_mut(&of).into_iter().for_each(|tag| tag.value = value.clone());
        });
        let of = key.clone();
        book.flag("tag[*].propagate", move |cluster| cluster.tags.get_mut(&of).map(|tag| &mut tag.propagate));
        book.cluster("tag", format!("all but {key}"), move |cluster| drop(cluster.tags.remove(&gone)));
    }
}

fn service(book: &mut Book<'_>) {
    fn with(cluster: &mut Cluster) -> &mut Kapacitor {
        cluster.kapacitor.get_or_insert_with(|| Kapacitor {
            hostname: None,
            influxdb: vec!["https://influxdb.example.com:8086".into()],
            storage: None,
            owner: "kapacitor".into(),
            log_level: LogLevel::Info,
            tls: None,
            extra_config: None,
        })
    }
    book.cluster("kapacitor", "unset", |cluster| cluster.kapacitor = None);
    book.cluster("kapacitor", "set", |cluster| {
        with(cluster);
    });
    book.cluster("kapacitor.influxdb", "http://…", |cluster| with(cluster).influxdb = vec!["http://influxdb.example.com:8086".into()]);
    book.cluster("kapacitor.hostname", "set", |cluster| with(cluster).hostname = Some("kapacitor.example.com".into()));
    book.cluster("kapacitor.owner", "root", |cluster| with(cluster).owner = "root".into());
    book.words("kapacitor.log-level", LogLevel::ALL, |cluster, level| with(cluster).log_level = level);
    book.cluster("kapacitor.tls", "set", |cluster| {
        with(cluster).tls = Some(Tls { certificate: "/etc/kapacitor/tls.crt".into(), key: "/etc/kapacitor/tls.key".into() });
    });
    book.cluster("kapacitor.storage", "set", |cluster| {
        if let Some(device) = cluster.volumes.keys().next().cloned() {
            with(cluster).storage = Some(Storage { device, mount_point: "/var/lib/kapacitor".into() });
        }
    });
    for (what, text) in [("plain", "[logging]\nlevel = \"INFO\"\n"), ("a secret", "[slack]\ntoken = 'hunter2'\n")] {
        book.cluster("kapacitor.extra-config", what, move |cluster| with(cluster).extra_config = Some(text.into()));
    }
}

fn facts(book: &mut Book<'_>, subject: &Subject, description: &Description) {
    let asks = |kind| description.needs.contains(&kind);
    if asks(FactKind::Account) {
        book.subject("facts.account", "210987654321", |subject| subject.facts.account = Some("210987654321".into()));
    }
    if asks(FactKind::Ami) {
        let mut image = |field: &str, values: &[&'static str], set: fn(&mut kaphost_policy::AmiFacts, &str)| {
            for value in values.iter().copied().chain([""]).filter(|value| !value.is_empty()) {
                book.subject(&format!("facts.ami.{field}"), value, move |subject| {
                    subject.facts.ami.as_mut().into_iter().for_each(|ami| set(ami, value));
                });
            }
        };
        image("owner", &["999999999999", "123456789012"], |ami, text| ami.owner = text.into());
        image("name", &["made-up"], |ami, text| ami.name = text.into());
        image("created", &["2006-08-25T00:00:00.000Z", "2099-12-31T23:59:59.000Z", "no time"], |ami, text| ami.created = text.into());
        image("architecture", &["x86_64", "arm64", "i386"], |ami, text| ami.architecture = text.into());
        image("root-device", &["/dev/sda1"], |ami, text| ami.root_device = text.into());
    }
    if asks(FactKind::Subnets) {
        for at in 0..subject.facts.subnets.len() {
            for public in [true, false] {
                book.subject("facts.subnets[*].auto-public-ip", format_args!("#{public}"), move |subject| {
                    subject.facts.subnets.get_mut(at).into_iter().for_each(|subnet| subnet.auto_public_ip = public);
                });
            }
            book.subject("facts.subnets[*].zone", "one for all", |subject| {
                subject.facts.subnets.iter_mut().for_each(|subnet| subnet.zone = "us-east-1a".into());
            });
            book.subject("facts.subnets", "one fewer", move |subject| {
                if subject.facts.subnets.len() > 1 {
                    subject.facts.subnets.remove(at.min(subject.facts.subnets.len() - 1));
                }
            });
        }
    }
    if asks(FactKind::Vpc) {
        for default in [true, false] {
            book.subject("facts.vpc.is-default", format_args!("#{default}"), move |subject| {
                subject.facts.vpc.as_mut().into_iter().for_each(|vpc| vpc.is_default = default);
            });
        }
    }
}

fn settings(book: &mut Book<'_>, subject: &Subject, description: &Description) {
    for schema in &description.settings {
        let now: Vec<SettingValue> =
            subject.settings.iter().filter(|given| given.name == schema.name).flat_map(|given| given.values.clone()).collect();
        let text = |text: &str| SettingValue::Text(text.to_owned());
        let values: Vec<Vec<SettingValue>> = match schema.kind {
            SettingKind::Boolean => [true, false].map(|flag| vec![SettingValue::Boolean(flag)]).into(),
            SettingKind::Integer(from, to) => {
                let mut numbers = vec![from, from.saturating_add(1), to.saturating_sub(1), to];
                for value in now.iter().chain(&schema.default) {
                    if let SettingValue::Integer(number) = value {
                        numbers.extend([number.saturating_sub(1), *number, number.saturating_add(1)]);
                    }
                }
                numbers.sort_unstable();
                numbers.dedup();
                numbers
                    .into_iter()
                    .filter(|number| (from..=to).contains(number))
                    .map(|number| vec![SettingValue::Integer(number)])
                    .collect()
            }
            // What a text may be only the policy knows: beyond those of the cases there is none that is sure to be one.
            SettingKind::Text => vec![vec![text("")]],
            SettingKind::Texts => {
                let mut lists =
                    vec![vec![], vec![text("made up")], vec![text("Made-Up=")], vec![text("0.0.0.0/0")], vec![text("10.0.0.0/33")]];
                lists.extend(
                    (0..now.len())
                        .map(|at| now.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, value)| value.clone()).collect()),
                );
                lists.extend(rule_names(description).map(|name| vec![text(name)]));
                lists
            }
        };
        for list in values {
            let name = schema.name.clone();
            let shown: Vec<String> = list.iter().map(|value| serde_json::to_string(value).unwrap_or_default()).collect();
            book.subject(&format!("setting {name}"), shown.join(","), move |subject| {
                subject.settings.retain(|given| given.name != name);
                subject.settings.push(TypedSetting { name: name.clone(), values: list.clone() });
            });
        }
    }
}

/// A composed policy may switch parts on by their names, which rules are often called by.
fn rule_names(description: &Description) -> impl Iterator<Item = &str> {
    description.rules.iter().map(|rule| rule.id.as_str()).take(50)
}
