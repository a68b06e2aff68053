//! A cluster as a flat table of leaves, so that two of them can be compared value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::Path;
use crate::model::{Ami, Cluster, IngressRule, Kapacitor, Source, VolumeSettings};

/// One value. Never null: what is not set has no leaf. An entry of a keyed list that has no values of its own (a subnet) is [`Leaf::Present`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Leaf {
    /// The entry is there.
    Present,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(u64),
    /// Text.
    Text(String),
    /// Several texts, in order.
    Texts(Vec<String>),
}

impl fmt::Display for Leaf {
    /// As the config spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Bool(value) => write!(f, "#{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{}", Value::from(value.as_str())),
            Self::Texts(values) => {
                for (i, value) in values.iter().enumerate() {
                    let gap = if i == 0 { "" } else { " " };
                    write!(f, "{gap}{}", Value::from(value.as_str()))?;
                }
                Ok(())
            }
        }
    }
}

/// Every value of a cluster by its path.
pub type Leaves = BTreeMap<Path, Leaf>;

/// A table in the making, and where in the cluster it stands.
struct Table<'a> {
    leaves: &'a mut Leaves,
    at: Path,
}

impl Table<'_> {
    fn below(&mut self, at: Path) -> Table<'_> {
        Table { leaves: self.leaves, at }
    }

    fn within(&mut self, field: &str) -> Table<'_> {
        let at = self.at.field(field);
        self.below(at)
    }

    fn entry(&mut self, key: impl fmt::Display) -> Table<'_> {
        let at = self.at.key(key);
        self.below(at)
    }

    fn set(&mut self, leaf: Leaf) {
        self.leaves.insert(self.at.clone(), leaf);
    }

    fn text(&mut self, field: &str, value: impl fmt::Display) {
        self.within(field).set(Leaf::Text(value.to_string()));
    }

    fn maybe_text(&mut self, field: &str, value: Option<&impl fmt::Display>) {
        if let Some(value) = value {
            self.text(field, value);
        }
    }

    fn int(&mut self, field: &str, value: impl Into<u64>) {
        self.within(field).set(Leaf::Int(value.into()));
    }

    fn maybe_int(&mut self, field: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.int(field, value);
        }
    }

    fn flag(&mut self, field: &str, value: bool) {
        self.within(field).set(Leaf::Bool(value));
    }

    fn texts<T: fmt::Display>(&mut self, field: &str, values: &[T]) {
        self.within(field).set(Leaf::Texts(values.iter().map(ToString::to_string).collect()));
    }

    fn present<T: fmt::Display>(&mut self, field: &str, entries: impl IntoIterator<Item = T>) {
        let mut set = self.within(field);
        for entry in entries {
            set.entry(entry).set(Leaf::Present);
        }
    }

    fn ingress(&mut self, allow: &BTreeMap<Source, IngressRule>) {
        let mut rules = self.within("allow");
        for (source, rule) in allow {
            rules.entry(source).text("description", &rule.description);
        }
    }

    fn volume(&mut self, volume: &VolumeSettings) {
        self.text("type", volume.volume_type);
        self.int("size", volume.size_gib);
        self.maybe_int("iops", volume.iops);
        self.maybe_int("throughput", volume.throughput_mibps);
        self.flag("encrypted", volume.encrypted);
        self.maybe_text("kms-key", volume.kms_key.as_ref());
        self.flag("delete-on-termination", volume.delete_on_termination);
    }

    fn kapacitor(&mut self, kapacitor: &Kapacitor) {
        self.maybe_text("hostname", kapacitor.hostname.as_ref());
        self.texts("influxdb", &kapacitor.influxdb);
        if let Some(storage) = &kapacitor.storage {
            let mut node = self.within("storage");
            node.text("device", &storage.device);
            node.text("mount-point", &storage.mount_point);
        }
        self.text("owner", &kapacitor.owner);
        self.text("log-level", kapacitor.log_level);
        if let Some(tls) = &kapacitor.tls {
            let mut node = self.within("tls");
            node.text("certificate", &tls.certificate);
            node.text("key", &tls.key);
        }
        self.maybe_text("extra-config", kapacitor.extra_config.as_ref());
    }
}

impl Cluster {
    /// Every value by its path. Two clusters are equal if and only if their leaves are.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        let mut leaves = Leaves::new();
        let mut top = Table { leaves: &mut leaves, at: Path::root() };
        top.text("name", &self.name);
        top.text("region", &self.region);
        match &self.ami {
            Ami::Id(id) => top.text("ami", id),
            Ami::Ssm(parameter) => top.text("ami", format_args!("ssm:{parameter}")),
            Ami::Lookup { owner, name } => {
                let mut ami = top.within("ami");
                ami.text("owner", owner);
                ami.text("name", name);
            }
        }
        top.text("instance-type", &self.instance_type);
        top.text("tenancy", self.tenancy);
        if let Some(optimized) = self.ebs_optimized {
            top.flag("ebs-optimized", optimized);
        }
        if let Some(spot) = &self.spot {
            top.within("spot").set(Leaf::Present);
            top.within("spot").maybe_text("max-price", spot.max_price.as_ref());
        }

        let mut network = top.within("network");
        network.text("vpc", &self.network.vpc);
        network.present("subnets", &self.network.subnets);
        network.flag("public-ip", self.network.public_ip);

        let mut ssh = top.within("ssh");
        ssh.int("port", self.ssh.port);
        ssh.maybe_text("key", self.ssh.key.as_ref());
        ssh.ingress(&self.ssh.allow);

        let mut http = top.within("http");
        http.int("port", self.http.port);
        http.ingress(&self.http.allow);
        http.maybe_text("security-group", self.http.security_group.as_ref());

        let mut egress = top.within("egress");
        for (cidr, rule) in &self.egress {
            let mut entry = egress.entry(cidr);
            if let Some((from, to)) = rule.ports {
                entry.text("ports", format_args!("{from}-{to}"));
            }
            entry.text("description", &rule.description);
        }

        let mut metadata = top.within("metadata");
        metadata.flag("enabled", self.metadata.enabled);
        metadata.text("tokens", self.metadata.tokens);
        metadata.int("hop-limit", self.metadata.hop_limit);

        top.within("root-volume").volume(&self.root_volume);
        for (device, volume) in &self.volumes {
            let mut volumes = top.within("volume");
            let mut entry = volumes.entry(device);
            entry.volume(&volume.settings);
            entry.maybe_text("snapshot", volume.snapshot.as_ref());
        }
        top.maybe_text("user-data", self.user_data.as_ref().map(|data| format!("sha256:{}", data.sha256())).as_ref());

        let mut scaling = top.within("scaling");
        scaling.texts("termination-policies", &self.scaling.termination_policies);
        scaling.text("health-check", self.scaling.health_check);
        scaling.int("health-check-grace-period", self.scaling.health_check_grace_period_s);
        scaling.int("wait-for-capacity-timeout", self.scaling.wait_for_capacity_timeout_s);
        scaling.flag("deletion-protection", self.scaling.deletion_protection);

        let mut rollout = top.within("rollout");
        rollout.text("strategy", self.rollout.strategy);
        rollout.flag("auto-rollback", self.rollout.auto_rollback);
        rollout.flag("skip-matching", self.rollout.skip_matching);
        rollout.maybe_int("warmup", self.rollout.warmup_s);
        rollout.int("timeout", self.rollout.timeout_s);

        let mut iam = top.within("iam");
        iam.text("profile-path", &self.iam.profile_path);
        iam.present("managed-policy", &self.iam.managed_policies);
        for (name, document) in &self.iam.inline_policies {
            iam.within("inline-policy").entry(name).set(Leaf::Text(document.clone()));
        }
        iam.maybe_text("boundary", self.iam.boundary.as_ref());

        for (key, tag) in &self.tags {
            let mut tags = top.within("tag");
            let mut entry = tags.entry(key);
            entry.set(Leaf::Text(tag.value.to_string()));
            entry.flag("propagate", tag.propagate);
        }
        if let Some(kapacitor) = &self.kapacitor {
            top.within("kapacitor").kapacitor(kapacitor);
        }
        leaves
    }
}
