//! Guest to host: every value of what a policy returned goes through the same checks as a config's, and every text through [`visible`].

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use kaphost_spec as spec;
use kaphost_spec::Path;
use kaphost_spec::names::Invalid;

use crate::bindings::types as wit;
use crate::convert::UserDataText;
use crate::error::AnswerError;
use crate::limits::SENTENCE_CHARS;
use crate::text::visible;

/// Characters of a bad value that an error shows.
const VALUE_CHARS: usize = 120;

/// Bytes of a path. The longest that names anything holds one ARN of 2,048.
const PATH_BYTES: usize = 4_096;

type Answer<T> = Result<T, AnswerError>;

fn invalid(path: Path, value: &str, error: Invalid) -> AnswerError {
    AnswerError::InvalidValue { path, value: format!("\"{}\"", visible(value, VALUE_CHARS)), problem: error.problem, help: error.help }
}

/// A checked value; the path is made only when it is needed.
fn parse<T: FromStr<Err = Invalid>>(text: &str, path: impl FnOnce() -> Path) -> Answer<T> {
    text.parse().map_err(|error| invalid(path(), text, error))
}

fn parse_maybe<T: FromStr<Err = Invalid>>(text: Option<&String>, path: impl FnOnce() -> Path) -> Answer<Option<T>> {
    text.map(|text| parse(text, path)).transpose()
}

fn at(fields: &[&'static str]) -> Path {
    fields.iter().fold(Path::root(), |path, field| path.field(*field))
}

/// The entry of a keyed list, for an error: its key comes from the guest and may be anything.
fn entry(list: &[&'static str], key: &str) -> Path {
    at(list).key(visible(key, VALUE_CHARS))
}

/// Puts an entry into a keyed list, where each key may stand once.
fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, path: impl FnOnce() -> Path) -> Answer<()> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(AnswerError::DuplicateEntry { path: path() }),
    }
}

fn parse_set<T: FromStr<Err = Invalid> + Ord>(texts: &[String], list: &[&'static str]) -> Answer<BTreeSet<T>> {
    let mut set = BTreeSet::new();
    for text in texts {
        let path = || entry(list, text);
        if !set.insert(parse(text, path)?) {
            return Err(AnswerError::DuplicateEntry { path: path() });
        }
    }
    Ok(set)
}

/// The cluster that a mutator returned, checked value by value and as a whole. `before` is what it was given, with or without the text of the
/// user data.
pub(crate) fn cluster(record: wit::Cluster, before: &spec::Cluster, user_data: UserDataText) -> Answer<spec::Cluster> {
    for (returned, given, field) in [(&record.name, before.name.as_str(), "name"), (&record.region, before.region.as_str(), "region")] {
        if returned != given {
            return Err(AnswerError::ForbiddenChange { path: at(&[field]) });
        }
    }
    // It must come back as it went, text or no text: no grant lets a policy change it.
    let unchanged = match (&record.user_data, &before.user_data) {
        (None, None) => true,
        (Some(returned), Some(given)) => {
            let text = (user_data == UserDataText::Shown).then(|| given.expose());
            returned.sha256 == given.sha256() && returned.size as usize == given.size() && returned.text.as_deref() == text
        }
        _ => false,
    };
    if !unchanged {
        return Err(AnswerError::UserData);
    }
    let cluster = spec::Cluster {
        name: before.name.clone(),
        region: before.region.clone(),
        ami: match record.ami {
            wit::Ami::Id(id) => spec::Ami::Id(parse(&id, || at(&["ami"]))?),
            wit::Ami::Ssm(name) => spec::Ami::Ssm(name),
            wit::Ami::Lookup(lookup) => spec::Ami::Lookup { owner: lookup.owner, name: lookup.name },
        },
        instance_type: parse(&record.instance_type, || at(&["instance-type"]))?,
        tenancy: match record.tenancy {
            wit::Tenancy::Default => spec::Tenancy::Default,
            wit::Tenancy::Dedicated => spec::Tenancy::Dedicated,
        },
        ebs_optimized: record.ebs_optimized,
        spot: match record.spot {
            None => None,
            Some(spot) => Some(spec::Spot { max_price: parse_maybe(spot.max_price.as_ref(), || at(&["spot", "max-price"]))? }),
        },
        network: spec::Network {
            vpc: parse(&record.network.vpc, || at(&["network", "vpc"]))?,
            subnets: parse_set(&record.network.subnets, &["network", "subnets"])?,
            public_ip: record.network.public_ip,
        },
        ssh: spec::Ssh {
            port: record.ssh.port,
            key: parse_maybe(record.ssh.key.as_ref(), || at(&["ssh", "key"]))?,
            allow: ingress(record.ssh.allow, "ssh")?,
        },
        http: spec::Http {
            port: record.http.port,
            allow: ingress(record.http.allow, "http")?,
            security_group: parse_maybe(record.http.security_group.as_ref(), || at(&["http", "security-group"]))?,
        },
        egress: egress(record.egress)?,
        metadata: spec::InstanceMetadata {
            enabled: record.metadata.enabled,
            tokens: match record.metadata.tokens {
                wit::Tokens::Required => spec::Tokens::Required,
                wit::Tokens::Optional => spec::Tokens::Optional,
            },
            hop_limit: record.metadata.hop_limit,
        },
        root_volume: volume_settings(record.root_volume, || at(&["root-volume"]))?,
        volumes: volumes(record.volumes)?,
        user_data: before.user_data.clone(),
        scaling: scaling(&record.scaling)?,
        rollout: rollout(record.rollout),
        iam: iam(record.iam)?,
        tags: tags(record.tags)?,
        kapacitor: record.kapacitor.map(kapacitor).transpose()?,
    };
    whole(&cluster)?;
    Ok(cluster)
}

/// What no single value can show: ranges, lengths, and values that do not go together.
fn whole(cluster: &spec::Cluster) -> Answer<()> {
    let Some(problem) = spec::validate(cluster).into_iter().next() else { return Ok(()) };
    Err(AnswerError::InvalidCluster { path: problem.path, message: visible(&problem.message, SENTENCE_CHARS), help: problem.help })
}

fn ingress(rules: Vec<wit::IngressRule>, node: &'static str) -> Answer<BTreeMap<spec::Source, spec::IngressRule>> {
    let mut allow = BTreeMap::new();
    for rule in rules {
        let path = |key: &str| entry(&[node, "allow"], key);
        let source = match &rule.source {
            wit::Source::Cidr(cidr) => spec::Source::Cidr(parse(cidr, || path(cidr))?),
            wit::Source::SecurityGroup(id) => spec::Source::SecurityGroup(parse(id, || path(id))?),
        };
        let key = source.to_string();
        insert(&mut allow, source, spec::IngressRule { description: rule.description }, || path(&key))?;
    }
    Ok(allow)
}

fn egress(rules: Vec<wit::EgressRule>) -> Answer<BTreeMap<spec::Cidr, spec::EgressRule>> {
    let mut egress = BTreeMap::new();
    for rule in rules {
        let path = || entry(&["egress"], &rule.cidr);
        let cidr = parse(&rule.cidr, path)?;
        insert(&mut egress, cidr, spec::EgressRule { ports: rule.ports, description: rule.description }, path)?;
    }
    Ok(egress)
}

fn volume_settings(volume: wit::VolumeSettings, path: impl Fn() -> Path) -> Answer<spec::VolumeSettings> {
    Ok(spec::VolumeSettings {
        volume_type: match volume.volume_type {
            wit::VolumeType::Gp3 => spec::VolumeType::Gp3,
            wit::VolumeType::Gp2 => spec::VolumeType::Gp2,
            wit::VolumeType::Io2 => spec::VolumeType::Io2,
            wit::VolumeType::Io1 => spec::VolumeType::Io1,
            wit::VolumeType::St1 => spec::VolumeType::St1,
            wit::VolumeType::Sc1 => spec::VolumeType::Sc1,
            wit::VolumeType::Standard => spec::VolumeType::Standard,
        },
        size_gib: volume.size_gib,
        iops: volume.iops,
        throughput_mibps: volume.throughput_mibps,
        encrypted: volume.encrypted,
        kms_key: parse_maybe(volume.kms_key.as_ref(), || path().field("kms-key"))?,
        delete_on_termination: volume.delete_on_termination,
    })
}

fn volumes(list: Vec<wit::Volume>) -> Answer<BTreeMap<spec::names::Device, spec::Volume>> {
    let mut volumes = BTreeMap::new();
    for volume in list {
        let path = || entry(&["volume"], &volume.device);
        let device = parse(&volume.device, path)?;
        let settings = volume_settings(volume.settings, path)?;
        let snapshot = parse_maybe(volume.snapshot.as_ref(), || path().field("snapshot"))?;
        insert(&mut volumes, device, spec::Volume { settings, snapshot }, path)?;
    }
    Ok(volumes)
}

fn scaling(scaling: &wit::Scaling) -> Answer<spec::Scaling> {
    let policies = scaling.termination_policies.iter().map(|policy| parse(policy, || at(&["scaling", "termination-policies"])));
    Ok(spec::Scaling {
        termination_policies: policies.collect::<Answer<_>>()?,
        health_check: match scaling.health_check {
            wit::HealthCheck::Ec2 => spec::HealthCheck::Ec2,
            wit::HealthCheck::Elb => spec::HealthCheck::Elb,
        },
        health_check_grace_period_s: scaling.health_check_grace_period_s,
        wait_for_capacity_timeout_s: scaling.wait_for_capacity_timeout_s,
        deletion_protection: scaling.deletion_protection,
    })
}

const fn rollout(rollout: wit::Rollout) -> spec::Rollout {
    spec::Rollout {
        strategy: match rollout.strategy {
            wit::RolloutStrategy::TerminateFirst => spec::RolloutStrategy::TerminateFirst,
            wit::RolloutStrategy::LaunchFirst => spec::RolloutStrategy::LaunchFirst,
        },
        auto_rollback: rollout.auto_rollback,
        skip_matching: rollout.skip_matching,
        warmup_s: rollout.warmup_s,
        timeout_s: rollout.timeout_s,
    }
}

fn iam(iam: wit::Iam) -> Answer<spec::Iam> {
    let mut inline_policies = BTreeMap::new();
    for policy in iam.inline_policies {
        let path = || entry(&["iam", "inline-policy"], &policy.name);
        let document = spec::canonical_json(&policy.document).map_err(|error| invalid(path(), &policy.document, error))?;
        insert(&mut inline_policies, policy.name.clone(), document, path)?;
    }
    Ok(spec::Iam {
        profile_path: parse(&iam.profile_path, || at(&["iam", "profile-path"]))?,
        managed_policies: parse_set(&iam.managed_policies, &["iam", "managed-policy"])?,
        inline_policies,
        boundary: parse_maybe(iam.boundary.as_ref(), || at(&["iam", "boundary"]))?,
    })
}

fn tags(list: Vec<wit::Tag>) -> Answer<BTreeMap<spec::names::TagKey, spec::Tag>> {
    let mut tags = BTreeMap::new();
    for tag in list {
        let path = || entry(&["tag"], &tag.key);
        let value = parse(&tag.value, path)?;
        insert(&mut tags, parse(&tag.key, path)?, spec::Tag { value, propagate: tag.propagate }, path)?;
    }
    Ok(tags)
}

fn kapacitor(kapacitor: wit::Kapacitor) -> Answer<spec::Kapacitor> {
    let storage = match kapacitor.storage {
        None => None,
        Some(storage) => Some(spec::Storage {
            device: parse(&storage.device, || at(&["kapacitor", "storage", "device"]))?,
            mount_point: storage.mount_point,
        }),
    };
    Ok(spec::Kapacitor {
        hostname: kapacitor.hostname,
        influxdb: kapacitor.influxdb,
        storage,
        owner: kapacitor.owner,
        log_level: match kapacitor.log_level {
            wit::LogLevel::Debug => spec::LogLevel::Debug,
            wit::LogLevel::Info => spec::LogLevel::Info,
            wit::LogLevel::Warn => spec::LogLevel::Warn,
            wit::LogLevel::Error => spec::LogLevel::Error,
        },
        tls: kapacitor.tls.map(|tls| spec::Tls { certificate: tls.certificate, key: tls.key }),
        extra_config: kapacitor.extra_config,
    })
}

/// A path that a guest named. Refused when its keys hold what cannot be seen: no name of AWS's does, and paths are printed.
fn path(text: &str) -> Answer<Path> {
    let bad = |why: &str| AnswerError::BadPath(visible(why, 300));
    if text.len() > PATH_BYTES {
        return Err(bad(&format!("it is {} bytes long, and no path is longer than {PATH_BYTES}", text.len())));
    }
    let path: Path = text.parse().map_err(|error: spec::PathError| bad(&error.to_string()))?;
    let shown = path.to_string();
    if visible(&shown, usize::MAX) == shown { Ok(path) } else { Err(bad(&format!("`{shown}` holds invisible characters"))) }
}

/// A violation as the guest reported it; whether its rule exists is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) rule: String,
    pub(crate) path: Path,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Why a mutator changed something; whether its rule exists is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) rule: String,
    pub(crate) path: Path,
    pub(crate) reason: String,
}

pub(crate) fn violations(list: Vec<wit::Violation>) -> Answer<Vec<Reported>> {
    list.into_iter()
        .map(|violation| {
            Ok(Reported {
                rule: visible(&violation.rule, 100),
                path: path(&violation.path)?,
                message: visible(&violation.message, SENTENCE_CHARS),
                help: violation.help.map(|help| visible(&help, SENTENCE_CHARS)),
            })
        })
        .collect()
}

pub(crate) fn reasons(list: Vec<wit::Change>) -> Answer<Vec<Reason>> {
    list.into_iter()
        .map(|change| {
            Ok(Reason { rule: visible(&change.rule, 100), path: path(&change.path)?, reason: visible(&change.reason, SENTENCE_CHARS) })
        })
        .collect()
}

/// What a policy says of itself, made printable. Whether it holds together is [`crate::Description::check`]'s business.
pub(crate) fn description(record: wit::Description) -> crate::Description {
    use crate::{FactKind, Rule, SettingKind, SettingSchema, SettingValue, Severity};
    // One more than may be kept, so that the check sees what was too long.
    let sentence = |text: &str| visible(text, SENTENCE_CHARS + 1);
    let name = |text: &str| visible(text, 100);
    let value = |value: wit::SettingValue| match value {
        wit::SettingValue::Boolean(value) => SettingValue::Boolean(value),
        wit::SettingValue::Integer(value) => SettingValue::Integer(value),
        wit::SettingValue::Text(value) => SettingValue::Text(sentence(&value)),
        wit::SettingValue::Texts(values) => SettingValue::Texts(values.iter().map(|value| sentence(value)).collect()),
    };
    let needs: BTreeSet<FactKind> = record
        .needs
        .iter()
        .map(|fact| match fact {
            wit::Fact::Account => FactKind::Account,
            wit::Fact::Ami => FactKind::Ami,
            wit::Fact::Subnets => FactKind::Subnets,
            wit::Fact::Vpc => FactKind::Vpc,
        })
        .collect();
    crate::Description {
        name: name(&record.name),
        version: name(&record.version),
        summary: sentence(&record.summary),
        rules: record
            .rules
            .into_iter()
            .map(|rule| Rule {
                id: name(&rule.id),
                severity: match rule.severity {
                    wit::Severity::Low => Severity::Low,
                    wit::Severity::Medium => Severity::Medium,
                    wit::Severity::High => Severity::High,
                    wit::Severity::Critical => Severity::Critical,
                },
                summary: sentence(&rule.summary),
                url: rule.url.map(|url| sentence(&url)),
            })
            .collect(),
        settings: record
            .settings
            .into_iter()
            .map(|setting| SettingSchema {
                name: name(&setting.name),
                kind: match setting.kind {
                    wit::SettingKind::Boolean => SettingKind::Boolean,
                    wit::SettingKind::Integer((from, to)) => SettingKind::Integer(from, to),
                    wit::SettingKind::Text => SettingKind::Text,
                    wit::SettingKind::Texts => SettingKind::Texts,
                },
                default: setting.default_value.map(value),
                doc: sentence(&setting.doc),
            })
            .collect(),
        needs: needs.into_iter().collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
