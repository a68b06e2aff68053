//! Host to guest: the typed cluster, facts and settings as the contract's records. Guest to host is [`crate::answer`].

use std::collections::{BTreeMap, BTreeSet};

use kaphost_spec as spec;

use crate::bindings::types as wit;
use crate::{FactKind, Facts, SettingValue, Settings};

fn text(value: &impl ToString) -> String {
    value.to_string()
}

fn maybe<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Whether a policy sees the text of the user data. Digest and size it always sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserDataText {
    Hidden,
    /// Its terms grant it.
    Shown,
}

/// The whole record.
pub(crate) fn cluster(cluster: &spec::Cluster, text_of_user_data: UserDataText) -> wit::Cluster {
    wit::Cluster {
        name: text(&cluster.name),
        region: text(&cluster.region),
        ami: match &cluster.ami {
            spec::Ami::Id(id) => wit::Ami::Id(text(id)),
            spec::Ami::Ssm(name) => wit::Ami::Ssm(name.clone()),
            spec::Ami::Lookup { owner, name } => wit::Ami::Lookup(wit::AmiLookup { owner: owner.clone(), name: name.clone() }),
        },
        instance_type: text(&cluster.instance_type),
        tenancy: match cluster.tenancy {
            spec::Tenancy::Default => wit::Tenancy::Default,
            spec::Tenancy::Dedicated => wit::Tenancy::Dedicated,
        },
        ebs_optimized: cluster.ebs_optimized,
        spot: cluster.spot.as_ref().map(|spot| wit::Spot { max_price: maybe(spot.max_price.as_ref()) }),
        network: wit::Network {
            vpc: text(&cluster.network.vpc),
            subnets: cluster.network.subnets.iter().map(text).collect(),
            public_ip: cluster.network.public_ip,
        },
        ssh: wit::Ssh { port: cluster.ssh.port, key: maybe(cluster.ssh.key.as_ref()), allow: ingress(&cluster.ssh.allow) },
        http: wit::Http {
            port: cluster.http.port,
            allow: ingress(&cluster.http.allow),
            security_group: maybe(cluster.http.security_group.as_ref()),
        },
        egress: cluster
            .egress
            .iter()
            .map(|(cidr, rule)| wit::EgressRule { cidr: text(cidr), ports: rule.ports, description: rule.description.clone() })
            .collect(),
        metadata: wit::InstanceMetadata {
            enabled: cluster.metadata.enabled,
            tokens: match cluster.metadata.tokens {
                spec::Tokens::Required => wit::Tokens::Required,
                spec::Tokens::Optional => wit::Tokens::Optional,
            },
            hop_limit: cluster.metadata.hop_limit,
        },
        root_volume: volume_settings(&cluster.root_volume),
        volumes: cluster
            .volumes
            .iter()
            .map(|(device, volume)| wit::Volume {
                device: text(device),
                settings: volume_settings(&volume.settings),
                snapshot: maybe(volume.snapshot.as_ref()),
            })
            .collect(),
        user_data: cluster.user_data.as_ref().map(|data| user_data(data, text_of_user_data)),
        scaling: scaling(&cluster.scaling),
        rollout: rollout(&cluster.rollout),
        iam: iam(&cluster.iam),
        tags: cluster
            .tags
            .iter()
            .map(|(key, tag)| wit::Tag { key: text(key), value: text(&tag.value), propagate: tag.propagate })
            .collect(),
        kapacitor: cluster.kapacitor.as_ref().map(kapacitor),
    }
}

fn user_data(data: &spec::UserData, text: UserDataText) -> wit::UserData {
    wit::UserData {
        sha256: data.sha256().to_owned(),
        // At most 16,384 bytes: the type holds that.
        size: u32::try_from(data.size()).unwrap_or(u32::MAX),
        text: (text == UserDataText::Shown).then(|| data.expose().to_owned()),
    }
}

fn ingress(allow: &BTreeMap<spec::Source, spec::IngressRule>) -> Vec<wit::IngressRule> {
    allow
        .iter()
        .map(|(source, rule)| wit::IngressRule {
            source: match source {
                spec::Source::Cidr(cidr) => wit::Source::Cidr(text(cidr)),
                spec::Source::SecurityGroup(id) => wit::Source::SecurityGroup(text(id)),
            },
            description: rule.description.clone(),
        })
        .collect()
}

fn volume_settings(volume: &spec::VolumeSettings) -> wit::VolumeSettings {
    wit::VolumeSettings {
        volume_type: match volume.volume_type {
            spec::VolumeType::Gp3 => wit::VolumeType::Gp3,
            spec::VolumeType::Gp2 => wit::VolumeType::Gp2,
            spec::VolumeType::Io2 => wit::VolumeType::Io2,
            spec::VolumeType::Io1 => wit::VolumeType::Io1,
            spec::VolumeType::St1 => wit::VolumeType::St1,
            spec::VolumeType::Sc1 => wit::VolumeType::Sc1,
            spec::VolumeType::Standard => wit::VolumeType::Standard,
        },
        size_gib: volume.size_gib,
        iops: volume.iops,
        throughput_mibps: volume.throughput_mibps,
        encrypted: volume.encrypted,
        kms_key: maybe(volume.kms_key.as_ref()),
        delete_on_termination: volume.delete_on_termination,
    }
}

fn scaling(scaling: &spec::Scaling) -> wit::Scaling {
    wit::Scaling {
        termination_policies: scaling.termination_policies.iter().map(text).collect(),
        health_check: match scaling.health_check {
            spec::HealthCheck::Ec2 => wit::HealthCheck::Ec2,
            spec::HealthCheck::Elb => wit::HealthCheck::Elb,
        },
        health_check_grace_period_s: scaling.health_check_grace_period_s,
        wait_for_capacity_timeout_s: scaling.wait_for_capacity_timeout_s,
        deletion_protection: scaling.deletion_protection,
    }
}

const fn rollout(rollout: &spec::Rollout) -> wit::Rollout {
    wit::Rollout {
        strategy: match rollout.strategy {
            spec::RolloutStrategy::TerminateFirst => wit::RolloutStrategy::TerminateFirst,
            spec::RolloutStrategy::LaunchFirst => wit::RolloutStrategy::LaunchFirst,
        },
        auto_rollback: rollout.auto_rollback,
        skip_matching: rollout.skip_matching,
        warmup_s: rollout.warmup_s,
        timeout_s: rollout.timeout_s,
    }
}

fn iam(iam: &spec::Iam) -> wit::Iam {
    wit::Iam {
        profile_path: text(&iam.profile_path),
        managed_policies: iam.managed_policies.iter().map(text).collect(),
        inline_policies: iam
            .inline_policies
            .iter()
            .map(|(name, document)| wit::InlinePolicy { name: name.clone(), document: document.clone() })
            .collect(),
        boundary: maybe(iam.boundary.as_ref()),
    }
}

fn kapacitor(kapacitor: &spec::Kapacitor) -> wit::Kapacitor {
    wit::Kapacitor {
        hostname: kapacitor.hostname.clone(),
        influxdb: kapacitor.influxdb.clone(),
        storage: kapacitor
            .storage
            .as_ref()
            .map(|storage| wit::Storage { device: text(&storage.device), mount_point: storage.mount_point.clone() }),
        owner: kapacitor.owner.clone(),
        log_level: match kapacitor.log_level {
            spec::LogLevel::Debug => wit::LogLevel::Debug,
            spec::LogLevel::Info => wit::LogLevel::Info,
            spec::LogLevel::Warn => wit::LogLevel::Warn,
            spec::LogLevel::Error => wit::LogLevel::Error,
        },
        tls: kapacitor.tls.as_ref().map(|tls| wit::Tls { certificate: tls.certificate.clone(), key: tls.key.clone() }),
        extra_config: kapacitor.extra_config.clone(),
    }
}

/// Those facts that are granted, as they were read.
pub(crate) fn facts(facts: &Facts, granted: &BTreeSet<FactKind>) -> wit::Facts {
    let may = |kind| granted.contains(&kind);
    wit::Facts {
        account: facts.account.clone().filter(|_| may(FactKind::Account)),
        ami: facts.ami.as_ref().filter(|_| may(FactKind::Ami)).map(|ami| wit::AmiFacts {
            id: ami.id.clone(),
            owner: ami.owner.clone(),
            name: ami.name.clone(),
            created: ami.created.clone(),
            architecture: ami.architecture.clone(),
            root_device: ami.root_device.clone(),
        }),
        subnets: facts
            .subnets
            .iter()
            .filter(|_| may(FactKind::Subnets))
            .map(|subnet| wit::SubnetFacts {
                id: subnet.id.clone(),
                zone: subnet.zone.clone(),
                cidr: subnet.cidr.clone(),
                auto_public_ip: subnet.auto_public_ip,
            })
            .collect(),
        vpc: facts.vpc.as_ref().filter(|_| may(FactKind::Vpc)).map(|vpc| wit::VpcFacts {
            id: vpc.id.clone(),
            cidrs: vpc.cidrs.clone(),
            is_default: vpc.is_default,
        }),
    }
}

/// Settings, sorted by name.
pub(crate) fn settings(settings: &Settings) -> Vec<wit::Setting> {
    settings
        .iter()
        .map(|(name, value)| wit::Setting {
            name: name.to_owned(),
            value: match value {
                SettingValue::Boolean(value) => wit::SettingValue::Boolean(*value),
                SettingValue::Integer(value) => wit::SettingValue::Integer(*value),
                SettingValue::Text(value) => wit::SettingValue::Text(value.clone()),
                SettingValue::Texts(values) => wit::SettingValue::Texts(values.clone()),
            },
        })
        .collect()
}
