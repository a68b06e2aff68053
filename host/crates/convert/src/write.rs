//! A cluster as a config: what differs from kaphost's defaults, and nothing else. Read again, it is the same cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use kaphost_spec::{Ami, Cluster, ConfigSource, IngressRule, NoLookup, Source, UserData, VolumeSettings, parse};

use crate::kdl::{Fragment, Line, Writer, quoted};

/// Comments for the one who reads the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Above the cluster.
    pub head: Vec<String>,
    /// Above a node, by its name: `ssh`. One that the config does not need gets them all the same.
    pub nodes: BTreeMap<&'static str, Vec<String>>,
}

/// Writes the config of one cluster. User data stands in it in full.
#[must_use]
pub fn write(cluster: &Cluster, remarks: &Remarks) -> String {
    // What a config means that says the least, rules without descriptions included.
    let bare = Config { cluster, plain: None, remarks: &Remarks::default() }.text();
    let plain = parse(ConfigSource::new("written.kdl", bare), &NoLookup).ok().and_then(|mut file| file.specs.pop());
    Config { cluster, plain: plain.map(|spec| spec.cluster), remarks }.text()
}

struct Config<'a> {
    cluster: &'a Cluster,
    /// What need not be said. `None` says the least.
    plain: Option<Arc<Cluster>>,
    remarks: &'a Remarks,
}

fn text(value: impl Display) -> Fragment {
    Fragment::own(quoted(&value.to_string()))
}

fn bare(value: impl Display) -> Fragment {
    Fragment::own(value.to_string())
}

fn flag(value: bool) -> Fragment {
    bare(format_args!("#{value}"))
}

fn time(seconds: u32) -> Fragment {
    text(if seconds > 0 && seconds.is_multiple_of(60) { format!("{}m", seconds / 60) } else { format!("{seconds}s") })
}

/// A list of words behind a node.
fn list(node: &str, words: impl IntoIterator<Item = impl Display>) -> Line {
    words.into_iter().fold(Line::new(node), |line, word| line.argument(text(word)))
}

impl Config<'_> {
    fn text(&self) -> String {
        let mut out = Writer::default();
        self.remarks.head.iter().for_each(|remark| out.note(remark));
        let cluster = self.cluster;
        out.open(Line::new("cluster").argument(text(&cluster.name)).property("region", text(&cluster.region)));
        self.remark("ami", &mut out);
        let ami = Line::new("ami");
        out.node(match &cluster.ami {
            Ami::Id(id) => ami.argument(text(id)),
            Ami::Ssm(parameter) => ami.argument(text(parameter).annotated("ssm")),
            Ami::Lookup { owner, name } => ami.property("owner", text(owner)).property("name", text(name)),
        });
        self.remark("instance-type", &mut out);
        out.node(Line::new("instance-type").argument(text(&cluster.instance_type)));
        self.compute(&mut out);
        self.network(&mut out);
        self.access(&mut out);
        self.machine(&mut out);
        self.service(&mut out);
        out.close();
        out.done().0
    }

    fn remark(&self, node: &str, out: &mut Writer) {
        self.remarks.nodes.get(node).into_iter().flatten().for_each(|remark| out.note(remark));
    }

    /// A value that is not what a config means that does not say it.
    fn said<T: PartialEq>(&self, of: impl Fn(&Cluster) -> T) -> Option<T> {
        let value = of(self.cluster);
        self.plain.as_ref().filter(|plain| of(plain) != value).map(|_| value)
    }

    /// A node that is written when it says something, or when there is something to say about it.
    fn node(&self, name: &str, line: Line, out: &mut Writer) {
        self.remark(name, out);
        if line.says_something() {
            out.node(line);
        } else {
            out.take_notes().iter().for_each(|note| out.comment(note));
        }
    }

    fn compute(&self, out: &mut Writer) {
        let tenancy = self.said(|cluster| cluster.tenancy).map(text);
        self.node("tenancy", tenancy.map_or(Line::new("tenancy"), |value| Line::new("tenancy").argument(value)), out);
        let optimized = self.said(|cluster| cluster.ebs_optimized).flatten().map(flag);
        self.node("ebs-optimized", optimized.map_or(Line::new("ebs-optimized"), |value| Line::new("ebs-optimized").argument(value)), out);
        if let Some(spot) = self.said(|cluster| cluster.spot.clone()).flatten() {
            self.remark("spot", out);
            out.node(Line::new("spot").maybe("max-price", spot.max_price.map(text)));
        }
    }

    fn network(&self, out: &mut Writer) {
        let network = &self.cluster.network;
        self.remark("network", out);
        let public = self.said(|cluster| cluster.network.public_ip).map(flag);
        out.open(Line::new("network").property("vpc", text(&network.vpc)).maybe("public-ip", public));
        out.node(list("subnets", &network.subnets));
        out.close();
    }

    fn access(&self, out: &mut Writer) {
        let (ssh, http) = (&self.cluster.ssh, &self.cluster.http);
        let key = self.said(|cluster| cluster.ssh.key.clone()).flatten().map(text);
        let line = Line::new("ssh").maybe("port", self.said(|cluster| cluster.ssh.port).map(bare)).maybe("key", key);
        self.ingress("ssh", line, &ssh.allow, |cluster| &cluster.ssh.allow, out);
        let group = self.said(|cluster| cluster.http.security_group.clone()).flatten().map(text);
        let line = Line::new("http").maybe("port", self.said(|cluster| cluster.http.port).map(bare)).maybe("security-group", group);
        self.ingress("http", line, &http.allow, |cluster| &cluster.http.allow, out);

        self.remark("egress", out);
        let egress = &self.cluster.egress;
        let all_out = "0.0.0.0/0".parse().ok();
        let by_default = egress.len() == 1 && egress.iter().all(|(cidr, rule)| Some(*cidr) == all_out && rule.ports.is_none());
        // What everything over IPv4 is described as when nobody says it, a node would not.
        let unsaid = self.plain.as_ref().is_none_or(|plain| plain.egress == *egress);
        if by_default && unsaid {
            out.take_notes().iter().for_each(|note| out.comment(note));
            return;
        }
        if egress.is_empty() {
            out.node(Line::new("egress"));
            return;
        }
        out.open(Line::new("egress"));
        for (cidr, rule) in egress {
            let line = Line::new("allow").property("cidr", text(cidr));
            let line =
                line.maybe("ports", rule.ports.map(|(from, to)| text(if from == to { from.to_string() } else { format!("{from}-{to}") })));
            let same = self.plain.as_ref().is_none_or(|plain| plain.egress.get(cidr) == Some(rule) && !by_default);
            out.node(line.maybe("description", (!same).then(|| text(&rule.description))));
        }
        out.close();
    }

    fn ingress(
        &self,
        node: &str,
        line: Line,
        allow: &BTreeMap<Source, IngressRule>,
        of: fn(&Cluster) -> &BTreeMap<Source, IngressRule>,
        out: &mut Writer,
    ) {
        if allow.is_empty() {
            self.node(node, line, out);
            return;
        }
        self.remark(node, out);
        out.open(line);
        for (source, rule) in allow {
            let line = Line::new("allow");
            let line = match source {
                Source::Cidr(cidr) => line.property("cidr", text(cidr)),
                Source::SecurityGroup(group) => line.property("security-group", text(group)),
            };
            let same = self.plain.as_ref().is_none_or(|plain| of(plain).get(source) == Some(rule));
            out.node(line.maybe("description", (!same).then(|| text(&rule.description))));
        }
        out.close();
    }

    fn machine(&self, out: &mut Writer) {
        let line = Line::new("metadata")
            .maybe("enabled", self.said(|cluster| cluster.metadata.enabled).map(flag))
            .maybe("tokens", self.said(|cluster| cluster.metadata.tokens).map(text))
            .maybe("hop-limit", self.said(|cluster| cluster.metadata.hop_limit).map(bare));
        self.node("metadata", line, out);
        let line = self
            .plain
            .as_ref()
            .map_or(Line::new("root-volume"), |plain| volume(Line::new("root-volume"), &self.cluster.root_volume, &plain.root_volume));
        self.node("root-volume", line, out);
        if let Some(plain) = &self.plain {
            self.remark("volume", out);
            for (device, volume_of) in &self.cluster.volumes {
                // Its size has no default: it is said whatever it is.
                let unlike = VolumeSettings { size_gib: 0, ..plain.root_volume.clone() };
                let line = volume(Line::new("volume").argument(text(device)), &volume_of.settings, &unlike);
                out.node(line.maybe("snapshot", volume_of.snapshot.as_ref().map(text)));
            }
        }
        if let Some(data) = self.said(|cluster| cluster.user_data.clone()).flatten() {
            self.remark("user-data", out);
            out.own_text("user-data", UserData::expose(&data));
        }
    }

    fn service(&self, out: &mut Writer) {
        let policies = self.said(|cluster| cluster.scaling.termination_policies.clone());
        let line = Line::new("scaling")
            .maybe("health-check", self.said(|cluster| cluster.scaling.health_check).map(text))
            .maybe("health-check-grace-period", self.said(|cluster| cluster.scaling.health_check_grace_period_s).map(time))
            .maybe("wait-for-capacity-timeout", self.said(|cluster| cluster.scaling.wait_for_capacity_timeout_s).map(time))
            .maybe("deletion-protection", self.said(|cluster| cluster.scaling.deletion_protection).map(flag));
        match policies {
            None => self.node("scaling", line, out),
            Some(policies) => {
                self.remark("scaling", out);
                out.open(line);
                out.node(list("termination-policies", policies));
                out.close();
            }
        }
        let line = Line::new("rollout")
            .maybe("strategy", self.said(|cluster| cluster.rollout.strategy).map(text))
            .maybe("auto-rollback", self.said(|cluster| cluster.rollout.auto_rollback).map(flag))
            .maybe("skip-matching", self.said(|cluster| cluster.rollout.skip_matching).map(flag))
            .maybe("warmup", self.said(|cluster| cluster.rollout.warmup_s).flatten().map(time))
            .maybe("timeout", self.said(|cluster| cluster.rollout.timeout_s).map(time));
        self.node("rollout", line, out);
        self.iam(out);
        if self.plain.is_some() {
            self.remark("tag", out);
            for (key, tag) in &self.cluster.tags {
                let line = Line::new("tag").argument(text(key)).argument(text(&tag.value));
                out.node(line.maybe("propagate", (!tag.propagate).then(|| flag(false))));
            }
            self.kapacitor(out);
        }
        out.take_notes().iter().for_each(|note| out.comment(note));
    }

    fn iam(&self, out: &mut Writer) {
        let iam = &self.cluster.iam;
        let line = Line::new("iam")
            .maybe("profile-path", self.said(|cluster| cluster.iam.profile_path.clone()).map(text))
            .maybe("boundary", self.said(|cluster| cluster.iam.boundary.clone()).flatten().map(text));
        let managed: BTreeSet<_> = self.said(|cluster| cluster.iam.managed_policies.clone()).unwrap_or_default();
        let inline = self.said(|cluster| cluster.iam.inline_policies.clone()).unwrap_or_default();
        if managed.is_empty() && inline.is_empty() {
            self.node("iam", line, out);
            return;
        }
        self.remark("iam", out);
        out.open(line);
        managed.iter().for_each(|arn| out.node(Line::new("managed-policy").argument(text(arn))));
        for (name, document) in &iam.inline_policies {
            out.node(Line::new("inline-policy").argument(text(name)).argument(text(document)));
        }
        out.close();
    }

    fn kapacitor(&self, out: &mut Writer) {
        let Some(kapacitor) = &self.cluster.kapacitor else { return };
        self.remark("kapacitor", out);
        out.open(Line::new("kapacitor"));
        if let Some(hostname) = &kapacitor.hostname {
            out.node(Line::new("hostname").argument(text(hostname)));
        }
        out.node(list("influxdb", &kapacitor.influxdb));
        if let Some(storage) = &kapacitor.storage {
            let line = Line::new("storage").property("device", text(&storage.device));
            out.node(line.property("mount-point", text(&storage.mount_point)));
        }
        out.node(Line::new("owner").argument(text(&kapacitor.owner)));
        out.node(Line::new("log-level").argument(text(kapacitor.log_level)));
        if let Some(tls) = &kapacitor.tls {
            out.node(Line::new("tls").property("certificate", text(&tls.certificate)).property("key", text(&tls.key)));
        }
        if let Some(extra) = &kapacitor.extra_config {
            out.own_text("extra-config", extra);
        }
        out.close();
    }
}

/// What a volume has that one without a word would not.
fn volume(line: Line, volume: &VolumeSettings, plain: &VolumeSettings) -> Line {
    let differs = |differs: bool, value: Fragment| differs.then_some(value);
    line.maybe("type", differs(volume.volume_type != plain.volume_type, text(volume.volume_type)))
        .maybe("size", differs(volume.size_gib != plain.size_gib, bare(volume.size_gib)))
        .maybe("iops", volume.iops.map(bare))
        .maybe("throughput", volume.throughput_mibps.map(bare))
        .maybe("encrypted", differs(volume.encrypted != plain.encrypted, flag(volume.encrypted)))
        .maybe("kms-key", volume.kms_key.as_ref().map(text))
        .maybe(
            "delete-on-termination",
            differs(volume.delete_on_termination != plain.delete_on_termination, flag(volume.delete_on_termination)),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Cluster {
        let file = parse(ConfigSource::new("x.kdl", text), &NoLookup).unwrap_or_else(|report| panic!("{report:?}\n{text}"));
        Cluster::clone(&file.specs[0].cluster)
    }

    const LEAST: &str = "cluster \"kap\" region=\"us-east-1\" { ami \"ami-1\"; instance-type \"t3.small\"; network vpc=\"vpc-1\" { subnets \"subnet-1\"; }; }";

    #[test]
    fn the_least_is_written_as_the_least() {
        let text = write(&read(LEAST), &Remarks::default());
        assert_eq!(
            text,
            "cluster \"kap\" region=\"us-east-1\" {\n    ami \"ami-1\"\n    instance-type \"t3.small\"\n    network vpc=\"vpc-1\" {\n        subnets \"subnet-1\"\n    }\n}\n"
        );
    }

    #[test]
    fn remarks_stand_above_their_nodes_even_where_there_is_none() {
        let nodes = BTreeMap::from([("ssh", vec!["nobody gets in".to_owned()]), ("iam", vec!["kept".to_owned()])]);
        let text = write(&read(LEAST), &Remarks { head: vec!["found".to_owned()], nodes });
        assert!(text.starts_with("// found\ncluster") && text.contains("    // nobody gets in\n    // kept\n"), "{text}");
        assert_eq!(read(&text), read(LEAST));
    }
}
