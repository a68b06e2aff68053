//! What runs, as a cluster that a config can say.
//!
//! What no config can say is left out here and shows where it is looked for: in what an apply after the adoption would change.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use kaphost_spec::{
    Ami, Cidr, Cluster, EgressRule, HealthCheck, Http, Iam, IngressRule, InstanceMetadata, Network, Rollout, RolloutStrategy, Scaling,
    Source, Spot, Ssh, Tag, Tenancy, TerminationPolicy, Tokens, Volume, VolumeSettings, VolumeType, names::ProfilePath,
};

use crate::desire::LAUNCH_FIRST;
use crate::draft::Draft;
use crate::names::Names;
use crate::observed::{Observed, ObservedRule, ObservedSecurityGroup};
use crate::plan::{Refusal, RefusalCode};
use crate::resource::{DeviceContent, Direction, GroupSettings, Kind, Peer, RuleKey, Tags, TemplateContent, Traffic};
use crate::running::Running;

/// What a cluster is called, in words.
const NAME: &str = "cluster's name";
const SSH_PORT: u16 = 22;
const HTTP_PORT: u16 = 9092;
/// Seconds, as a config has them that does not say.
const WAIT_FOR_CAPACITY_S: u32 = 600;
const ROLLOUT_S: u32 = 3600;
const ROOT_GIB: u32 = 50;

/// A server that runs, as a config says it.
#[derive(Clone, Debug)]
pub struct Described {
    /// It.
    pub cluster: Cluster,
    /// What somebody should look at, by the node that it is about.
    pub remarks: Vec<(&'static str, String)>,
}

/// Describes what runs. `names` are those that [`locate`](crate::locate) gave, `observed` is what they hold, with the ids of rules; `content` is what the server is made of
/// ([`settle`](crate::settle)), `root_device` that of its image.
///
/// # Errors
/// What a config cannot do without and this server does not have in a form that it takes.
pub fn describe(
    names: &Names,
    running: &Running,
    observed: &Observed,
    content: &TemplateContent<String>,
    root_device: &str,
) -> Result<Described, Vec<Refusal>> {
    let mut draft = Draft::new(names);
    let mut remarks = Vec::new();
    let own = observed.security_groups.iter().find(|group| running.security_groups.iter().any(|named| named.id == group.id));
    let (name, region) = (need(&mut draft, NAME, &names.cluster), need(&mut draft, "region", &names.region));
    let image = need(&mut draft, "image", &content.image);
    let instance_type = need(&mut draft, "instance type", &content.instance_type);
    let vpc = need(&mut draft, "VPC", own.map_or("", |group| group.vpc.as_str()));
    let mut subnets = BTreeSet::new();
    for subnet in &running.group.settings.subnets {
        subnets.extend(need(&mut draft, "subnet", subnet));
    }
    if running.group.settings.subnets.is_empty() {
        need::<kaphost_spec::names::SubnetId>(&mut draft, "subnets", "");
    }
    draft.finish()?;
    let (Some(name), Some(region), Some(image), Some(instance_type), Some(vpc)) = (name, region, image, instance_type, vpc) else {
        // Each that is missing has been refused above.
        return Err(Vec::new());
    };

    let mut access = Access::default();
    if let Some(group) = own {
        access.read(group, &mut remarks);
    }
    let spot = content.spot.as_ref().map(|price| Spot { max_price: price.as_deref().and_then(|price| price.parse().ok()) });
    let root_volume = content.devices.get(root_device).map(volume);
    if root_volume.is_none() {
        remarks.push(("root-volume", "the server's root volume is as its image has it; the config always says what it is".to_owned()));
    }
    let volumes = content.devices.iter().filter(|(name, _)| *name != root_device);
    Ok(Described {
        cluster: Cluster {
            name,
            region,
            ami: Ami::Id(image),
            instance_type,
            tenancy: content.tenancy.as_deref().and_then(word).unwrap_or(Tenancy::Default),
            ebs_optimized: content.ebs_optimized,
            spot,
            network: Network { vpc, subnets, public_ip: content.public_ip },
            ssh: Ssh {
                port: access.ssh_port.unwrap_or(SSH_PORT),
                key: content.key.as_deref().and_then(|key| key.parse().ok()),
                allow: access.ssh,
            },
            http: Http { port: access.http_port.unwrap_or(HTTP_PORT), allow: access.http, security_group: None },
            egress: access.egress,
            metadata: InstanceMetadata {
                enabled: content.metadata_enabled,
                tokens: word(&content.metadata_tokens).unwrap_or(Tokens::Required),
                hop_limit: content.metadata_hop_limit,
            },
            root_volume: root_volume.unwrap_or(PLAIN_VOLUME),
            volumes: volumes
                .filter_map(|(name, device)| {
                    let snapshot = device.snapshot.as_ref().and_then(|id| id.parse().ok());
                    Some((name.parse().ok()?, Volume { settings: volume(device), snapshot }))
                })
                .collect(),
            user_data: content.user_data.clone(),
            scaling: scaling(&running.group.settings),
            rollout: rollout(&running.group.settings),
            iam: iam(observed, &mut remarks),
            tags: tags(names, running, observed, own),
            kapacitor: None,
        },
        remarks,
    })
}

const PLAIN_VOLUME: VolumeSettings = VolumeSettings {
    volume_type: VolumeType::Gp3,
    size_gib: ROOT_GIB,
    iops: None,
    throughput_mibps: None,
    encrypted: true,
    kms_key: None,
    delete_on_termination: true,
};

/// A value that no config can do without.
fn need<T: FromStr>(draft: &mut Draft<'_>, what: &str, text: &str) -> Option<T> {
    let value = text.parse().ok();
    if value.is_none() {
        let message = if text.is_empty() {
            format!("the server has no {what} to be seen")
        } else {
            format!("`{text}` is no {what} that a config takes")
        };
        let help = match what {
            NAME => "give the cluster a name of its own: `--name`; the group keeps its name",
            _ => "a config says these of every server: see what the group launches from",
        };
        draft.refuse(RefusalCode::NotAdoptable, Kind::AutoScalingGroup, message, help, None);
    }
    value
}

fn word<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn volume(device: &DeviceContent) -> VolumeSettings {
    VolumeSettings {
        volume_type: word(&device.volume_type).unwrap_or(VolumeType::Gp3),
        size_gib: device.size_gib,
        iops: device.iops,
        throughput_mibps: device.throughput_mibps,
        encrypted: device.encrypted,
        kms_key: device.kms_key.as_deref().and_then(word),
        delete_on_termination: device.delete_on_termination,
    }
}

fn scaling(settings: &GroupSettings<u64>) -> Scaling {
    let mut policies: Vec<TerminationPolicy> = settings.termination_policies.iter().filter_map(|policy| word(policy)).collect();
    if policies.is_empty() {
        policies.push(TerminationPolicy::Default);
    }
    Scaling {
        termination_policies: policies,
        health_check: word(&settings.health_check.to_ascii_lowercase()).unwrap_or(HealthCheck::Ec2),
        health_check_grace_period_s: settings.grace_period_s,
        wait_for_capacity_timeout_s: WAIT_FOR_CAPACITY_S,
        deletion_protection: settings.deletion_protection == "prevent-all-deletion",
    }
}

fn rollout(settings: &GroupSettings<u64>) -> Rollout {
    let strategy = if settings.maintenance == Some(LAUNCH_FIRST) { RolloutStrategy::LaunchFirst } else { RolloutStrategy::TerminateFirst };
    let said = settings.warmup_s != 0 && settings.warmup_s != settings.grace_period_s;
    Rollout { strategy, auto_rollback: true, skip_matching: true, warmup_s: said.then_some(settings.warmup_s), timeout_s: ROLLOUT_S }
}

/// Policies that hang on the role stay whose they are.
fn iam(observed: &Observed, remarks: &mut Vec<(&'static str, String)>) -> Iam {
    let path = observed.instance_profile.as_ref().and_then(|profile| profile.path.parse().ok());
    if let Some(role) = &observed.role {
        let attached = role.attachments.iter().flat_map(|attachments| attachments.managed.iter().chain(&attachments.inline));
        let attached: Vec<&str> = attached.map(String::as_str).chain(role.boundary.as_deref()).collect();
        if !attached.is_empty() {
            remarks.push(("iam", format!("on the role {} hang, and stay as they are: {}", role.name, attached.join(", "))));
        }
    }
    let profile_path = path.unwrap_or_else(ProfilePath::root);
    Iam { profile_path, managed_policies: BTreeSet::new(), inline_policies: BTreeMap::new(), boundary: None }
}

/// Those of the group, and those of the others that the group does not have: a config's tags are on all.
fn tags(
    names: &Names,
    running: &Running,
    observed: &Observed,
    own: Option<&ObservedSecurityGroup>,
) -> BTreeMap<kaphost_spec::names::TagKey, Tag> {
    let mut found: BTreeMap<String, (String, bool)> =
        running.group.tags.iter().map(|(key, tag)| (key.clone(), (tag.value.clone(), tag.propagate))).collect();
    if found.get("Name") == Some(&(names.cluster.clone(), true)) {
        found.remove("Name");
    }
    let profile = observed.instance_profile.as_ref().map(|profile| &profile.tags);
    let others = [own.map(|group| &group.tags), observed.role.as_ref().map(|role| &role.tags), profile];
    for (key, value) in others.into_iter().flatten().flat_map(Tags::iter).filter(|(key, _)| *key != "Name") {
        found.entry(key.clone()).or_insert_with(|| (value.clone(), false));
    }
    let says = |(key, (value, propagate)): (String, (String, bool))| {
        let reserved = key.starts_with("kaphost:") || key.starts_with("aws:");
        if reserved { None } else { Some((key.parse().ok()?, Tag { value: value.parse().ok()?, propagate })) }
    };
    found.into_iter().filter_map(says).collect()
}

/// Who may reach the server, and whom it may reach.
#[derive(Default)]
struct Access {
    ssh_port: Option<u16>,
    http_port: Option<u16>,
    ssh: BTreeMap<Source, IngressRule>,
    http: BTreeMap<Source, IngressRule>,
    egress: BTreeMap<Cidr, EgressRule>,
}

impl Access {
    /// Sorts the rules of the group by what they are for: a config has one port to log in and one to call Kapacitor.
    fn read(&mut self, group: &ObservedSecurityGroup, remarks: &mut Vec<(&'static str, String)>) {
        let rules = &group.rules;
        let mut ports: BTreeSet<u16> = rules.iter().filter_map(|rule| one_port(&rule.rule.key)).map(|(port, _)| port).collect();
        self.ssh_port = ports.take(&SSH_PORT);
        self.http_port = ports.take(&HTTP_PORT);
        // What is neither's own is guessed: the other of the two, when it is missing.
        for port in ports {
            let (slot, node, is) = match (self.ssh_port, self.http_port) {
                (None, _) => (&mut self.ssh_port, "ssh", "to log in"),
                (_, None) => (&mut self.http_port, "http", "for Kapacitor"),
                _ => break,
            };
            *slot = Some(port);
            remarks.push((node, format!("that port {port} is {is} is a guess")));
        }
        for rule in rules {
            if let Err(node) = self.rule(rule) {
                remarks.push((node, format!("a rule that no config says, and that stays as it is: {}", rule.rule.key)));
            }
        }
    }

    /// Takes a rule in; else the node that it is nearest to.
    fn rule(&mut self, rule: &ObservedRule) -> Result<(), &'static str> {
        let key = &rule.rule.key;
        if key.direction == Direction::Egress {
            let Peer::Cidr(cidr) = &key.peer else { return Err("egress") };
            let port = |port: i32| u16::try_from(port).map_err(|_| "egress");
            let ports = match &key.traffic {
                Traffic::All => None,
                Traffic::Ports { protocol, from, to } if protocol == "tcp" => Some((port(*from)?, port(*to)?)),
                Traffic::Ports { .. } => return Err("egress"),
            };
            if self.egress.contains_key(cidr) {
                return Err("egress");
            }
            self.egress.insert(*cidr, EgressRule { ports, description: said(rule, || format!("to {cidr}")) });
            return Ok(());
        }
        let Some((port, source)) = one_port(key) else { return Err("http") };
        let (allow, what) = if Some(port) == self.ssh_port {
            (&mut self.ssh, "SSH")
        } else if Some(port) == self.http_port {
            (&mut self.http, "Kapacitor")
        } else {
            return Err("http");
        };
        let description = said(rule, || format!("{what} from {source}"));
        allow.insert(source, IngressRule { description });
        Ok(())
    }
}

/// The description of a rule; one that has none gets one when it is adopted.
fn said(rule: &ObservedRule, otherwise: impl FnOnce() -> String) -> String {
    let description = &rule.rule.description;
    if !description.is_empty() {
        return description.clone();
    }
    // AWS's own keeps none, whatever the config calls it.
    if rule.rule.key.is_default_egress() { "everything over IPv4".to_owned() } else { otherwise() }
}

/// The port and the source of a rule that lets TCP in on one port.
fn one_port(key: &RuleKey) -> Option<(u16, Source)> {
    let Traffic::Ports { protocol, from, to } = &key.traffic else { return None };
    let source = match &key.peer {
        Peer::Cidr(cidr) => Source::Cidr(*cidr),
        Peer::SecurityGroup(id) => Source::SecurityGroup(id.parse().ok()?),
        Peer::Other(_) => return None,
    };
    (key.direction == Direction::Ingress && protocol == "tcp" && from == to).then_some((u16::try_from(*from).ok()?, source))
}
