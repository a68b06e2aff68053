//! A cluster's values one after another, in the order of their paths, for whatever is to be made of them.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::model::{Ami, Cluster, EgressRule, IngressRule, Kapacitor, Scaling, Source, Volume, VolumeSettings};

/// Takes the values of a cluster, and is told where in it each of them stands.
pub(super) trait Sink {
    /// Down to a field of where it stands; [`Self::up`] comes back.
    fn field(&mut self, name: &'static str);
    /// Down to an entry of where it stands; [`Self::up`] comes back.
    fn key(&mut self, key: &str);
    fn up(&mut self);
    fn present(&mut self);
    fn flag(&mut self, value: bool);
    fn int(&mut self, value: u64);
    fn text(&mut self, value: &str);
    fn texts<'a>(&mut self, values: impl Iterator<Item = &'a str>);

    fn within(&mut self, field: &'static str, what: impl FnOnce(&mut Self)) {
        self.field(field);
        what(self);
        self.up();
    }

    fn entry(&mut self, key: &str, what: impl FnOnce(&mut Self)) {
        self.key(key);
        what(self);
        self.up();
    }

    fn set_flag(&mut self, field: &'static str, value: bool) {
        self.within(field, |it| it.flag(value));
    }

    fn set_int(&mut self, field: &'static str, value: impl Into<u64>) {
        self.within(field, |it| it.int(value.into()));
    }

    fn set_text(&mut self, field: &'static str, value: &str) {
        self.within(field, |it| it.text(value));
    }

    fn maybe_int(&mut self, field: &'static str, value: Option<u32>) {
        if let Some(value) = value {
            self.set_int(field, value);
        }
    }

    fn maybe_text(&mut self, field: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.set_text(field, value);
        }
    }
}

/// Gives the sink every value, in the order of paths.
pub(super) fn walk<S: Sink>(cluster: &Cluster, top: &mut S) {
    match &cluster.ami {
        Ami::Id(id) => top.set_text("ami", id.as_str()),
        Ami::Ssm(parameter) => top.set_text("ami", &format!("ssm:{parameter}")),
        Ami::Lookup { owner, name } => top.within("ami", |ami| {
            ami.set_text("name", name);
            ami.set_text("owner", owner);
        }),
    }
    if let Some(optimized) = cluster.ebs_optimized {
        top.set_flag("ebs-optimized", optimized);
    }
    top.within("egress", |egress| rules(egress, &cluster.egress, egress_rule));
    top.within("http", |http| {
        ingress(http, &cluster.http.allow);
        http.set_int("port", cluster.http.port);
        http.maybe_text("security-group", cluster.http.security_group.as_ref().map(|group| group.as_str()));
    });
    top.within("iam", |iam| {
        iam.maybe_text("boundary", cluster.iam.boundary.as_ref().map(|arn| arn.as_str()));
        iam.within("inline-policy", |policies| {
            for (name, document) in &cluster.iam.inline_policies {
                policies.entry(name, |policy| policy.text(document));
            }
        });
        iam.within("managed-policy", |policies| {
            for arn in &cluster.iam.managed_policies {
                policies.entry(arn.as_str(), Sink::present);
            }
        });
        iam.set_text("profile-path", cluster.iam.profile_path.as_str());
    });
    top.set_text("instance-type", cluster.instance_type.as_str());
    if let Some(it) = &cluster.kapacitor {
        top.within("kapacitor", |top| kapacitor(top, it));
    }
    top.within("metadata", |metadata| {
        metadata.set_flag("enabled", cluster.metadata.enabled);
        metadata.set_int("hop-limit", cluster.metadata.hop_limit);
        metadata.set_text("tokens", cluster.metadata.tokens.as_str());
    });
    top.set_text("name", cluster.name.as_str());
    top.within("network", |network| {
        network.set_flag("public-ip", cluster.network.public_ip);
        network.within("subnets", |subnets| {
            for subnet in &cluster.network.subnets {
                subnets.entry(subnet.as_str(), Sink::present);
            }
        });
        network.set_text("vpc", cluster.network.vpc.as_str());
    });
    top.set_text("region", cluster.region.as_str());
    top.within("rollout", |rollout| {
        rollout.set_flag("auto-rollback", cluster.rollout.auto_rollback);
        rollout.set_flag("skip-matching", cluster.rollout.skip_matching);
        rollout.set_text("strategy", cluster.rollout.strategy.as_str());
        rollout.set_int("timeout", cluster.rollout.timeout_s);
        rollout.maybe_int("warmup", cluster.rollout.warmup_s);
    });
    top.within("root-volume", |root| volume(root, &cluster.root_volume, None));
    top.within("scaling", |top| scaling(top, &cluster.scaling));
    if let Some(spot) = &cluster.spot {
        top.within("spot", |top| {
            top.present();
            top.maybe_text("max-price", spot.max_price.as_ref().map(|price| price.as_str()));
        });
    }
    top.within("ssh", |ssh| {
        ingress(ssh, &cluster.ssh.allow);
        ssh.maybe_text("key", cluster.ssh.key.as_ref().map(|key| key.as_str()));
        ssh.set_int("port", cluster.ssh.port);
    });
    top.within("tag", |tags| {
        for (key, tag) in &cluster.tags {
            tags.entry(key.as_str(), |entry| {
                entry.text(tag.value.as_str());
                entry.set_flag("propagate", tag.propagate);
            });
        }
    });
    top.set_text("tenancy", cluster.tenancy.as_str());
    if let Some(data) = &cluster.user_data {
        top.set_text("user-data", &format!("sha256:{}", data.sha256()));
    }
    top.within("volume", |volumes| {
        for (device, Volume { settings, snapshot }) in &cluster.volumes {
            volumes.entry(device.as_str(), |entry| volume(entry, settings, snapshot.as_ref().map(|snapshot| snapshot.as_str())));
        }
    });
}

/// Entries whose keys sort otherwise than their texts.
fn rules<S: Sink, K: fmt::Display, V>(sink: &mut S, rules: &BTreeMap<K, V>, each: impl Fn(&mut S, &V)) {
    let mut rules: Vec<(String, &V)> = rules.iter().map(|(key, rule)| (key.to_string(), rule)).collect();
    rules.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (key, rule) in rules {
        sink.entry(&key, |entry| each(entry, rule));
    }
}

fn ingress<S: Sink>(node: &mut S, allow: &BTreeMap<Source, IngressRule>) {
    node.within("allow", |it| rules(it, allow, |entry, rule| entry.set_text("description", &rule.description)));
}

fn egress_rule<S: Sink>(entry: &mut S, rule: &EgressRule) {
    entry.set_text("description", &rule.description);
    if let Some((from, to)) = rule.ports {
        entry.set_text("ports", &format!("{from}-{to}"));
    }
}

fn volume<S: Sink>(node: &mut S, volume: &VolumeSettings, snapshot: Option<&str>) {
    node.set_flag("delete-on-termination", volume.delete_on_termination);
    node.set_flag("encrypted", volume.encrypted);
    node.maybe_int("iops", volume.iops);
    node.maybe_text("kms-key", volume.kms_key.as_ref().map(|key| key.as_str()));
    node.set_int("size", volume.size_gib);
    node.maybe_text("snapshot", snapshot);
    node.maybe_int("throughput", volume.throughput_mibps);
    node.set_text("type", volume.volume_type.as_str());
}

fn scaling<S: Sink>(node: &mut S, scaling: &Scaling) {
    node.set_flag("deletion-protection", scaling.deletion_protection);
    node.set_text("health-check", scaling.health_check.as_str());
    node.set_int("health-check-grace-period", scaling.health_check_grace_period_s);
    node.within("termination-policies", |it| it.texts(scaling.termination_policies.iter().map(|policy| policy.as_str())));
    node.set_int("wait-for-capacity-timeout", scaling.wait_for_capacity_timeout_s);
}

fn kapacitor<S: Sink>(node: &mut S, kapacitor: &Kapacitor) {
    // It goes into user data, and holds passwords of what Kapacitor alerts by: as there, its digest stands for it.
    let digest = |text: &String| format!("sha256:{}", crate::hex(&Sha256::digest(text.as_bytes())));
    node.maybe_text("extra-config", kapacitor.extra_config.as_ref().map(digest).as_deref());
    node.maybe_text("hostname", kapacitor.hostname.as_deref());
    node.within("influxdb", |it| it.texts(kapacitor.influxdb.iter().map(String::as_str)));
    node.set_text("log-level", kapacitor.log_level.as_str());
    node.set_text("owner", &kapacitor.owner);
    if let Some(storage) = &kapacitor.storage {
        node.within("storage", |node| {
            node.set_text("device", storage.device.as_str());
            node.set_text("mount-point", &storage.mount_point);
        });
    }
    if let Some(tls) = &kapacitor.tls {
        node.within("tls", |node| {
            node.set_text("certificate", &tls.certificate);
            node.set_text("key", &tls.key);
        });
    }
}
