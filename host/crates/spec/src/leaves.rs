//! A cluster as a flat table of leaves, so that two of them can be compared value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

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

impl From<bool> for Leaf {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u16> for Leaf {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Leaf {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<String> for Leaf {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
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

/// How many leaves there is room for at first: a server with some rules, volumes and tags has fewer.
const LEAVES: usize = 96;

/// Every value of a cluster by its path.
pub type Leaves = BTreeMap<Path, Leaf>;

/// A table in the making, and where in the cluster it stands.
struct Table<'a> {
    leaves: &'a mut Vec<(Path, Leaf)>,
    at: Path,
}

impl Table<'_> {
    fn within(&mut self, field: &'static str) -> Table<'_> {
        Table { at: self.at.field(field), leaves: self.leaves }
    }

    fn entry(&mut self, key: impl fmt::Display) -> Table<'_> {
        Table { at: self.at.key(key), leaves: self.leaves }
    }

    /// Of the node itself.
    fn own(&mut self, leaf: Leaf) {
        self.leaves.push((self.at.clone(), leaf));
    }

    fn set(&mut self, field: &'static str, leaf: Leaf) {
        self.leaves.push((self.at.field(field), leaf));
    }

    fn text(&mut self, field: &'static str, value: impl fmt::Display) {
        self.set(field, Leaf::Text(value.to_string()));
    }

    fn maybe_text(&mut self, field: &'static str, value: Option<&impl fmt::Display>) {
        if let Some(value) = value {
            self.text(field, value);
        }
    }

    fn int(&mut self, field: &'static str, value: impl Into<u64>) {
        self.set(field, Leaf::Int(value.into()));
    }

    fn maybe_int(&mut self, field: &'static str, value: Option<u32>) {
        if let Some(value) = value {
            self.int(field, value);
        }
    }

    fn flag(&mut self, field: &'static str, value: bool) {
        self.set(field, Leaf::Bool(value));
    }

    fn texts<T: fmt::Display>(&mut self, field: &'static str, values: &[T]) {
        self.set(field, Leaf::Texts(values.iter().map(ToString::to_string).collect()));
    }

    fn present<T: fmt::Display>(&mut self, field: &'static str, entries: impl IntoIterator<Item = T>) {
        let set = self.within(field);
        for entry in entries {
            set.leaves.push((set.at.key(entry), Leaf::Present));
        }
    }

    fn ingress(&mut self, allow: &BTreeMap<Source, IngressRule>) {
        let mut rules = self.within("allow");
        for (source, rule) in allow {
            rules.entry(source).text("description", &rule.description);
        }
    }

    fn volume(&mut self, volume: &VolumeSettings) {
        self.flag("delete-on-termination", volume.delete_on_termination);
        self.flag("encrypted", volume.encrypted);
        self.maybe_int("iops", volume.iops);
        self.maybe_text("kms-key", volume.kms_key.as_ref());
        self.int("size", volume.size_gib);
        self.maybe_int("throughput", volume.throughput_mibps);
        self.text("type", volume.volume_type);
    }

    fn kapacitor(&mut self, kapacitor: &Kapacitor) {
        // It goes into user data, and holds passwords of what Kapacitor alerts by: as there, its digest stands for it.
        let digest = |text: &String| format!("sha256:{}", crate::hex(&Sha256::digest(text.as_bytes())));
        self.maybe_text("extra-config", kapacitor.extra_config.as_ref().map(digest).as_ref());
        self.maybe_text("hostname", kapacitor.hostname.as_ref());
        self.texts("influxdb", &kapacitor.influxdb);
        self.text("log-level", kapacitor.log_level);
        self.text("owner", &kapacitor.owner);
        if let Some(storage) = &kapacitor.storage {
            let mut node = self.within("storage");
            node.text("device", &storage.device);
            node.text("mount-point", &storage.mount_point);
        }
        if let Some(tls) = &kapacitor.tls {
            let mut node = self.within("tls");
            node.text("certificate", &tls.certificate);
            node.text("key", &tls.key);
        }
    }
}

impl Cluster {
    /// Every value by its path. Two clusters are equal if and only if their leaves are.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        let mut leaves = Vec::with_capacity(LEAVES);
        self.write(&mut Table { leaves: &mut leaves, at: Path::root() });
        // A map that is made at once of what is in order already takes no search for each value.
        leaves.into_iter().collect()
    }

    /// In the order of paths as far as it is known beforehand: only the keys of lists may sort otherwise than their texts.
    fn write(&self, top: &mut Table<'_>) {
        match &self.ami {
            Ami::Id(id) => top.text("ami", id),
            Ami::Ssm(parameter) => top.text("ami", format_args!("ssm:{parameter}")),
            Ami::Lookup { owner, name } => {
                let mut ami = top.within("ami");
                ami.text("name", name);
                ami.text("owner", owner);
            }
        }
        if let Some(optimized) = self.ebs_optimized {
            top.flag("ebs-optimized", optimized);
        }
        let mut egress = top.within("egress");
        for (cidr, rule) in &self.egress {
            let mut entry = egress.entry(cidr);
            entry.text("description", &rule.description);
            if let Some((from, to)) = rule.ports {
                entry.text("ports", format_args!("{from}-{to}"));
            }
        }

        let mut http = top.within("http");
        http.ingress(&self.http.allow);
        http.int("port", self.http.port);
        http.maybe_text("security-group", self.http.security_group.as_ref());

        let mut iam = top.within("iam");
        iam.maybe_text("boundary", self.iam.boundary.as_ref());
        for (name, document) in &self.iam.inline_policies {
            iam.within("inline-policy").entry(name).own(Leaf::Text(document.clone()));
        }
        iam.present("managed-policy", &self.iam.managed_policies);
        iam.text("profile-path", &self.iam.profile_path);

        top.text("instance-type", &self.instance_type);
        if let Some(kapacitor) = &self.kapacitor {
            top.within("kapacitor").kapacitor(kapacitor);
        }

        let mut metadata = top.within("metadata");
        metadata.flag("enabled", self.metadata.enabled);
        metadata.int("hop-limit", self.metadata.hop_limit);
        metadata.text("tokens", self.metadata.tokens);

        top.text("name", &self.name);

        let mut network = top.within("network");
        network.flag("public-ip", self.network.public_ip);
        network.present("subnets", &self.network.subnets);
        network.text("vpc", &self.network.vpc);

        top.text("region", &self.region);

        let mut rollout = top.within("rollout");
        rollout.flag("auto-rollback", self.rollout.auto_rollback);
        rollout.flag("skip-matching", self.rollout.skip_matching);
        rollout.text("strategy", self.rollout.strategy);
        rollout.int("timeout", self.rollout.timeout_s);
        rollout.maybe_int("warmup", self.rollout.warmup_s);

        top.within("root-volume").volume(&self.root_volume);

        let mut scaling = top.within("scaling");
        scaling.flag("deletion-protection", self.scaling.deletion_protection);
        scaling.text("health-check", self.scaling.health_check);
        scaling.int("health-check-grace-period", self.scaling.health_check_grace_period_s);
        scaling.texts("termination-policies", &self.scaling.termination_policies);
        scaling.int("wait-for-capacity-timeout", self.scaling.wait_for_capacity_timeout_s);

        if let Some(spot) = &self.spot {
            top.set("spot", Leaf::Present);
            top.within("spot").maybe_text("max-price", spot.max_price.as_ref());
        }

        let mut ssh = top.within("ssh");
        ssh.ingress(&self.ssh.allow);
        ssh.maybe_text("key", self.ssh.key.as_ref());
        ssh.int("port", self.ssh.port);

        for (key, tag) in &self.tags {
            let mut tags = top.within("tag");
            let mut entry = tags.entry(key);
            entry.own(Leaf::Text(tag.value.to_string()));
            entry.flag("propagate", tag.propagate);
        }
        top.text("tenancy", self.tenancy);
        top.maybe_text("user-data", self.user_data.as_ref().map(|data| format!("sha256:{}", data.sha256())).as_ref());
        for (device, volume) in &self.volumes {
            let mut volumes = top.within("volume");
            let mut entry = volumes.entry(device);
            entry.volume(&volume.settings);
            entry.maybe_text("snapshot", volume.snapshot.as_ref());
        }
    }
}
