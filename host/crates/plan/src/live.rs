//! What AWS holds of a cluster, turned back into a cluster: so that policies can be asked about the server that runs, whatever its file says.
//!
//! AWS does not say everything that a file does. What it cannot say is as the admitted cluster has it, and is named; what it holds and no file can say is named too.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use kaphost_spec::{Ami, Cluster, EgressRule, IngressRule, RolloutStrategy, Source, Spot, Tag, Tenancy, Volume, VolumeSettings};

use crate::desired::Desired;
use crate::observed::{Attachments, Image, Observed, ObservedGroup, ObservedRule};
use crate::resource::{DeviceContent, Direction, GroupTag, OWNER_TAG, Peer, TemplateContent, Traffic};

/// A cluster as AWS holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What policies can be asked about.
    pub cluster: Cluster,
    /// What AWS does not say, in the words of a config: as the admitted cluster has it.
    pub assumed: Vec<String>,
    /// What AWS holds and a config cannot say, in words: no policy is asked about it.
    pub unsaid: Vec<String>,
}

/// Reads the cluster back. `None` when nothing of it is there that a policy could judge. `admitted` is what its file and the policies make of it, `image` what its `ami` leads to.
#[must_use]
pub fn live(admitted: &Cluster, desired: &Desired, observed: &Observed, image: &Image) -> Option<Live> {
    let ours = |tag: Option<&String>| tag == Some(&desired.names.cluster);
    let group = observed.auto_scaling_group.as_ref().filter(|group| ours(group.tags.get(OWNER_TAG).map(|tag| &tag.value)));
    let security_group = observed.security_groups.iter().find(|group| ours(group.tags.get(OWNER_TAG)));
    if group.is_none() && security_group.is_none() {
        return None;
    }
    let mut reader = Reader { live: Live { cluster: admitted.clone(), assumed: Vec::new(), unsaid: Vec::new() } };
    match security_group {
        Some(found) => {
            reader.read(&found.vpc, "network.vpc", |cluster, vpc| cluster.network.vpc = vpc);
            let elsewhere: Vec<&ObservedRule> =
                observed.other_groups.iter().flat_map(|group| &group.rules).filter(|rule| ours(rule.tags.get(OWNER_TAG))).collect();
            reader.rules(&found.rules, admitted.http.security_group.is_some().then_some(elsewhere.as_slice()));
        }
        None => reader.assume("the security group is not there", &["ssh.allow", "http.allow", "egress"]),
    }
    match group {
        Some(group) => reader.group(group),
        None => reader.assume("the Auto Scaling group is not there", &["network.subnets", "scaling", "tag"]),
    }
    // What runs, not what would be started next: a policy breaks on the server that is there.
    let running = group.and_then(|group| group.instances.iter().find_map(|instance| instance.template_version));
    let version = running.or_else(|| group.map(|group| group.settings.template_version));
    let template = observed.launch_template.as_ref().filter(|template| ours(template.tags.get(OWNER_TAG)));
    match version.and_then(|version| template?.versions.get(&version)) {
        Some(version) => reader.template(&version.content, desired, image),
        None => reader.assume(
            "the version of the launch template that the server runs is not there",
            &["ami", "instance-type", "root-volume", "volume", "metadata"],
        ),
    }
    match observed.role.as_ref().filter(|role| ours(role.tags.get(OWNER_TAG))) {
        Some(role) => {
            reader.read(&role.path, "iam.profile-path", |cluster, path| cluster.iam.profile_path = path);
            match &role.boundary {
                None => reader.live.cluster.iam.boundary = None,
                Some(arn) => reader.read(arn, "iam.boundary", |cluster, arn| cluster.iam.boundary = Some(arn)),
            }
            match &role.attachments {
                Some(attachments) => reader.attachments(attachments),
                None => reader.assume("the policies of the role were not read", &["iam.managed-policy", "iam.inline-policy"]),
            }
        }
        None => reader.assume("the role is not there", &["iam"]),
    }
    let told_by_nothing =
        ["scaling.wait-for-capacity-timeout", "rollout.auto-rollback", "rollout.skip-matching", "rollout.timeout", "http.security-group"];
    reader.live.assumed.extend(told_by_nothing.map(str::to_owned));
    Some(reader.live)
}

struct Reader {
    live: Live,
}

impl Reader {
    /// Takes a value that AWS says, if it is one that a config can say.
    fn read<T: FromStr>(&mut self, text: &str, path: &str, set: impl FnOnce(&mut Cluster, T)) {
        match text.parse() {
            Ok(value) => set(&mut self.live.cluster, value),
            Err(_) => self.live.unsaid.push(format!("{path} is `{text}`")),
        }
    }

    fn assume(&mut self, why: &str, paths: &[&str]) {
        self.live.assumed.extend(paths.iter().map(|path| format!("{path} ({why})")));
    }

    /// Everybody's rules: what somebody opened by hand is open. A rule counts wherever it covers the port.
    fn rules(&mut self, own: &[ObservedRule], elsewhere: Option<&[&ObservedRule]>) {
        let (ssh, http) = (self.live.cluster.ssh.port, self.live.cluster.http.port);
        let cluster = &mut self.live.cluster;
        let ssh_was = std::mem::take(&mut cluster.ssh.allow);
        let http_was = std::mem::take(&mut cluster.http.allow);
        let egress_was = std::mem::take(&mut cluster.egress);
        for rule in own {
            let key = &rule.rule.key;
            let description = rule.rule.description.clone();
            let said = match (key.direction, &key.peer) {
                (Direction::Ingress, _) => match source(&key.peer) {
                    Some(source) => {
                        let rule = |was: &BTreeMap<Source, IngressRule>| IngressRule {
                            description: described(&description, was.get(&source).map(|rule| &rule.description)),
                        };
                        let mut covers = false;
                        if covers_port(&key.traffic, ssh) {
                            covers = true;
                            cluster.ssh.allow.entry(source.clone()).or_insert_with(|| rule(&ssh_was));
                        }
                        if covers_port(&key.traffic, http) && elsewhere.is_none() {
                            covers = true;
                            cluster.http.allow.entry(source.clone()).or_insert_with(|| rule(&http_was));
                        }
                        covers
                    }
                    None => false,
                },
                (Direction::Egress, Peer::Cidr(cidr)) => match ports(&key.traffic) {
                    // All traffic is what counts of two rules for one network.
                    Some(ports) => {
                        let description = described(&description, egress_was.get(cidr).map(|rule| &rule.description));
                        let entry = cluster.egress.entry(*cidr).or_insert_with(|| EgressRule { ports, description });
                        let wider = ports.is_none();
                        if wider {
                            entry.ports = None;
                        }
                        wider || entry.ports == ports
                    }
                    None => false,
                },
                (Direction::Egress, _) => false,
            };
            if !said {
                self.live.unsaid.push(format!("the rule {key}"));
            }
        }
        for rule in elsewhere.into_iter().flatten() {
            if let Some(source) = source(&rule.rule.key.peer) {
                let description = described(&rule.rule.description, http_was.get(&source).map(|rule| &rule.description));
                self.live.cluster.http.allow.insert(source, IngressRule { description });
            }
        }
    }

    fn group(&mut self, group: &ObservedGroup) {
        let settings = &group.settings;
        let subnets: BTreeSet<_> = settings.subnets.iter().filter_map(|id| id.parse().ok()).collect();
        if !subnets.is_empty() {
            self.live.cluster.network.subnets = subnets;
        }
        let scaling = &mut self.live.cluster.scaling;
        scaling.health_check_grace_period_s = settings.grace_period_s;
        scaling.deletion_protection = settings.deletion_protection == "prevent-all-deletion";
        let policies: Vec<_> = settings.termination_policies.iter().filter_map(|policy| policy.parse().ok()).collect();
        if policies.len() == settings.termination_policies.len() {
            scaling.termination_policies = policies;
        } else {
            self.live.unsaid.push(format!("scaling.termination-policies is `{}`", settings.termination_policies.join(" ")));
        }
        self.read(&settings.health_check.to_ascii_lowercase(), "scaling.health-check", |cluster, check| {
            cluster.scaling.health_check = check
        });
        let rollout = &mut self.live.cluster.rollout;
        rollout.strategy = match settings.maintenance {
            Some((least, _)) if least >= 100 => RolloutStrategy::LaunchFirst,
            _ => RolloutStrategy::TerminateFirst,
        };
        if rollout.warmup_s.is_some() || settings.warmup_s != settings.grace_period_s {
            rollout.warmup_s = Some(settings.warmup_s);
        }
        self.tags(&group.tags);
    }

    /// The user's tags: not AWS's, not kaphost's, and not the name that every server gets.
    fn tags(&mut self, tags: &BTreeMap<String, GroupTag>) {
        let name = self.live.cluster.name.to_string();
        let names_itself = self.live.cluster.tags.keys().any(|key| key.as_str() == "Name");
        let given = |key: &str, tag: &GroupTag| key == "Name" && tag.value == name && !names_itself;
        let users = tags.iter().filter(|(key, tag)| !key.starts_with("aws:") && !key.starts_with("kaphost:") && !given(key, tag));
        self.live.cluster.tags.clear();
        for (key, GroupTag { value, propagate }) in users {
            match (key.parse(), value.parse()) {
                (Ok(key), Ok(value)) => drop(self.live.cluster.tags.insert(key, Tag { value, propagate: *propagate })),
                _ => self.live.unsaid.push(format!("the tag {key}")),
            }
        }
    }

    fn template(&mut self, content: &TemplateContent<String>, desired: &Desired, image: &Image) {
        // A parameter or a search that leads to this image says it as well.
        if content.image != image.id {
            self.read(&content.image, "ami", |cluster, id| cluster.ami = Ami::Id(id));
        }
        self.read(&content.instance_type, "instance-type", |cluster, it| cluster.instance_type = it);
        match &content.key {
            None => self.live.cluster.ssh.key = None,
            Some(key) => self.read(key, "ssh.key", |cluster, key| cluster.ssh.key = Some(key)),
        }
        let cluster = &mut self.live.cluster;
        cluster.network.public_ip = content.public_ip;
        cluster.ebs_optimized = content.ebs_optimized;
        cluster.metadata.enabled = content.metadata_enabled;
        cluster.metadata.hop_limit = content.metadata_hop_limit;
        cluster.tenancy = Tenancy::Default;
        if let Some(tenancy) = &content.tenancy {
            self.read(tenancy, "tenancy", |cluster, tenancy| cluster.tenancy = tenancy);
        }
        match &content.spot {
            None => self.live.cluster.spot = None,
            Some(None) => self.live.cluster.spot = Some(Spot { max_price: None }),
            Some(Some(price)) => self.read(price, "spot.max-price", |cluster, price| cluster.spot = Some(Spot { max_price: Some(price) })),
        }
        self.read(&content.metadata_tokens, "metadata.tokens", |cluster, tokens| cluster.metadata.tokens = tokens);
        self.devices(content, &image.root_device);
        if self.live.cluster.kapacitor.is_none() {
            self.live.cluster.user_data.clone_from(&content.user_data);
        } else if content.user_data != desired.template.user_data {
            // The boot script cannot be read back into the block that it was made of.
            self.assume("the user data is another", &["kapacitor", "user-data"]);
        }
        self.live.unsaid.extend(content.foreign.iter().cloned());
    }

    /// The root volume and the others.
    fn devices(&mut self, content: &TemplateContent<String>, image: &str) {
        let further = |name: &str| self.live.cluster.volumes.keys().any(|device| device.as_str() == name);
        let root = content.root_device(image, further);
        self.live.cluster.volumes.clear();
        if root.is_none() {
            self.assume("no root device is said", &["root-volume"]);
        }
        for (name, device) in &content.devices {
            let Some(settings) = settings(device) else {
                self.live.unsaid.push(format!("the volume {name}"));
                continue;
            };
            if root == Some(name.as_str()) {
                self.live.cluster.root_volume = settings;
                continue;
            }
            let snapshot = device.snapshot.as_ref().and_then(|id| id.parse().ok());
            self.read(name, "volume", |cluster, device| drop(cluster.volumes.insert(device, Volume { settings, snapshot })));
        }
    }

    /// Everybody's policies: what the role may do does not depend on who hung them there.
    fn attachments(&mut self, attachments: &Attachments) {
        self.live.cluster.iam.managed_policies.clear();
        for arn in &attachments.managed {
            self.read(arn, "iam.managed-policy", |cluster, arn| {
                cluster.iam.managed_policies.insert(arn);
            });
        }
        let documents = &attachments.documents;
        let canonical = |document: &serde_json::Value| {
            let text = document.to_string();
            kaphost_spec::canonical_json(&text).unwrap_or(text)
        };
        self.live.cluster.iam.inline_policies = documents.iter().map(|(name, document)| (name.clone(), canonical(document))).collect();
        let unread = attachments.inline.iter().filter(|name| !documents.contains_key(*name));
        self.live.unsaid.extend(unread.map(|name| format!("the inline policy {name} of somebody else's, whose document was not read")));
    }
}

/// AWS puts a rule without a description into every new group, and people do so by hand. A config has one for every rule.
fn described(text: &str, admitted: Option<&String>) -> String {
    match (text, admitted) {
        ("", Some(admitted)) => admitted.clone(),
        ("", None) => "no description".to_owned(),
        (text, _) => text.to_owned(),
    }
}

fn source(peer: &Peer) -> Option<Source> {
    match peer {
        Peer::Cidr(cidr) => Some(Source::Cidr(*cidr)),
        Peer::SecurityGroup(id) => id.parse().ok().map(Source::SecurityGroup),
        Peer::Other(_) => None,
    }
}

fn covers_port(traffic: &Traffic, port: u16) -> bool {
    match traffic {
        Traffic::All => true,
        Traffic::Ports { protocol, from, to } => protocol == "tcp" && (*from..=*to).contains(&i32::from(port)),
    }
}

/// As a rule of `egress` says them: none is all traffic. Outside, none is what such a rule cannot say.
fn ports(traffic: &Traffic) -> Option<Option<(u16, u16)>> {
    match traffic {
        Traffic::All => Some(None),
        Traffic::Ports { protocol, from, to } if protocol == "tcp" => Some(Some(((*from).try_into().ok()?, (*to).try_into().ok()?))),
        Traffic::Ports { .. } => None,
    }
}

fn settings(content: &DeviceContent) -> Option<VolumeSettings> {
    Some(VolumeSettings {
        volume_type: content.volume_type.parse().ok()?,
        size_gib: content.size_gib,
        iops: content.iops,
        throughput_mibps: content.throughput_mibps,
        encrypted: content.encrypted,
        kms_key: match &content.kms_key {
            Some(key) => Some(key.parse().ok()?),
            None => None,
        },
        delete_on_termination: content.delete_on_termination,
    })
}
