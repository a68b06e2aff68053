//! From an admitted spec to AWS's terms.

use std::collections::BTreeMap;

use kaphost_boot::UserDataTooLong;
use kaphost_spec::{
    AdmittedSpec, Cidr, Cluster, EgressRule, IngressRule, Path, RolloutStrategy, Source, Tenancy, UserData, VolumeSettings, hex,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::desired::{Desired, DesiredRules, Policies, RulesElsewhere};
use crate::names::Names;
use crate::resource::{
    DECISION_TAG, DeviceContent, Direction, GroupSettings, GroupTag, OWNER_TAG, Peer, RefreshPreferences, Rule, RuleKey, SPEC_TAG, Tags,
    TemplateContent, Traffic,
};

/// The tag that AWS's console shows as a resource's name.
const NAME_TAG: &str = "Name";

/// Least and most healthy percentage of a group of one, for two servers for a while and no gap.
pub(crate) const LAUNCH_FIRST: (u32, u32) = (100, 200);
/// The same for a gap and never two. Said and not left to AWS, whose default for a refresh is 90: of one server that is one.
const TERMINATE_FIRST: (u32, u32) = (0, 100);

/// Says what AWS should hold.
///
/// # Errors
/// When the user data, boot script included, is longer than EC2 takes.
pub fn desire(spec: &AdmittedSpec) -> Result<Desired, UserDataTooLong> {
    let cluster = spec.cluster();
    let user_data = kaphost_boot::user_data(cluster)?;
    let names = Names::of(cluster);
    let tags: Tags = cluster.tags.iter().map(|(key, tag)| (key.to_string(), tag.value.to_string())).collect();
    let (rules, elsewhere) = rules(cluster);
    Ok(Desired {
        ownership: ownership(spec),
        vpc: cluster.network.vpc.to_string(),
        group_description: format!("kaphost: Kapacitor server {}", cluster.name),
        rules,
        elsewhere,
        iam_path: cluster.iam.profile_path.to_string(),
        role_description: format!("kaphost: role of the Kapacitor server {} in {}", cluster.name, cluster.region),
        trust: trust(),
        policies: policies(cluster),
        root: device(&cluster.root_volume, None),
        template: template(cluster, &names, user_data),
        group: group(cluster, &names),
        group_tags: group_tags(spec, &names),
        wait_for_capacity_s: cluster.scaling.wait_for_capacity_timeout_s,
        rollout: rollout(cluster),
        rollout_timeout_s: cluster.rollout.timeout_s,
        cancel_refresh: false,
        mark: None,
        read_attachments: false,
        image: cluster.ami.clone(),
        names,
        tags,
    })
}

fn policies(cluster: &Cluster) -> Policies {
    Policies {
        managed: cluster.iam.managed_policies.iter().map(ToString::to_string).collect(),
        inline: cluster.iam.inline_policies.clone(),
        boundary: cluster.iam.boundary.as_ref().map(ToString::to_string),
    }
}

/// The first 16 of a digest's digits: enough to tell versions apart, short enough to read.
fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// Who owns, and what it was created from. The latter two are never a reason for a write.
fn ownership(spec: &AdmittedSpec) -> Tags {
    let mut hash = Sha256::new();
    for (path, leaf) in spec.cluster().leaves() {
        // One line a leaf: the path escapes line breaks, and so does the leaf.
        hash.update(format!("{path}={leaf}\n"));
    }
    Tags::from([
        (OWNER_TAG.to_owned(), spec.cluster().name.to_string()),
        (SPEC_TAG.to_owned(), short(&hex(&hash.finalize()))),
        (DECISION_TAG.to_owned(), short(spec.decision())),
    ])
}

/// Rules by key, each with the path that decides it and its description.
#[derive(Default)]
struct Rules(BTreeMap<RuleKey, (Path, String)>);

impl Rules {
    /// The rules of `ssh` or `http`. Where both share a port, the first one's description stands: AWS takes a rule once.
    fn ingress(&mut self, section: &'static str, port: u16, allow: &BTreeMap<Source, IngressRule>) {
        for (source, IngressRule { description }) in allow {
            let peer = match source {
                Source::Cidr(cidr) => Peer::Cidr(*cidr),
                Source::SecurityGroup(id) => Peer::SecurityGroup(id.to_string()),
            };
            let key = RuleKey { direction: Direction::Ingress, traffic: tcp(port, port), peer };
            let path = Path::root().field(section).field("allow").key(source);
            self.0.entry(key).or_insert_with(|| (path, description.clone()));
        }
    }

    fn egress(&mut self, egress: &BTreeMap<Cidr, EgressRule>) {
        for (cidr, rule) in egress {
            let traffic = rule.ports.map_or(Traffic::All, |(from, to)| tcp(from, to));
            let key = RuleKey { direction: Direction::Egress, traffic, peer: Peer::Cidr(*cidr) };
            self.0.insert(key, (Path::root().field("egress").key(cidr), rule.description.clone()));
        }
    }

    fn done(self) -> DesiredRules {
        DesiredRules {
            rules: self.0.iter().map(|(key, (_, description))| Rule { key: key.clone(), description: description.clone() }).collect(),
            paths: self.0.into_iter().map(|(key, (path, _))| (key, path)).collect(),
        }
    }
}

/// The rules of the cluster's own group, and those that go onto another.
fn rules(cluster: &Cluster) -> (DesiredRules, Option<RulesElsewhere>) {
    let (mut own, mut other) = (Rules::default(), Rules::default());
    own.ingress("ssh", cluster.ssh.port, &cluster.ssh.allow);
    own.egress(&cluster.egress);
    let http = &cluster.http;
    let into = if http.security_group.is_some() { &mut other } else { &mut own };
    into.ingress("http", http.port, &http.allow);
    let elsewhere = http.security_group.as_ref().map(|group| RulesElsewhere { group: group.to_string(), rules: other.done() });
    (own.done(), elsewhere)
}

fn tcp(from: u16, to: u16) -> Traffic {
    Traffic::Ports { protocol: "tcp".to_owned(), from: from.into(), to: to.into() }
}

/// EC2, and nobody else, may take the role.
fn trust() -> serde_json::Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    })
}

fn device(settings: &VolumeSettings, snapshot: Option<String>) -> DeviceContent {
    DeviceContent {
        volume_type: settings.volume_type.to_string(),
        size_gib: settings.size_gib,
        iops: settings.iops,
        throughput_mibps: settings.throughput_mibps,
        encrypted: settings.encrypted,
        kms_key: settings.kms_key.as_ref().map(ToString::to_string),
        delete_on_termination: settings.delete_on_termination,
        snapshot,
    }
}

/// What instances and volumes carry from the template. Without the digests of spec and decision: they would make every change a new
/// version.
fn launch_tags(cluster: &Cluster) -> Tags {
    let mut tags = Tags::from([(NAME_TAG.to_owned(), cluster.name.to_string())]);
    tags.extend(cluster.tags.iter().filter(|(_, tag)| tag.propagate).map(|(key, tag)| (key.to_string(), tag.value.to_string())));
    tags.insert(OWNER_TAG.to_owned(), cluster.name.to_string());
    tags
}

fn template(cluster: &Cluster, names: &Names, user_data: Option<UserData>) -> TemplateContent<()> {
    let tags = launch_tags(cluster);
    // EC2 refuses tenancy `default` said explicitly together with spot. Otherwise it is always said, for AWS stores what was sent:
    // what is said once stays comparable.
    let tenancy = match (&cluster.spot, cluster.tenancy) {
        (Some(_), Tenancy::Default) => None,
        (_, tenancy) => Some(tenancy.to_string()),
    };
    let volumes = cluster.volumes.iter();
    TemplateContent {
        image: String::new(),
        instance_type: cluster.instance_type.to_string(),
        key: cluster.ssh.key.as_ref().map(ToString::to_string),
        instance_profile: names.instance_profile().to_owned(),
        security_groups: vec![()],
        public_ip: cluster.network.public_ip,
        tenancy,
        spot: cluster.spot.as_ref().map(|spot| spot.max_price.as_ref().map(ToString::to_string)),
        ebs_optimized: cluster.ebs_optimized,
        metadata_enabled: cluster.metadata.enabled,
        metadata_tokens: cluster.metadata.tokens.to_string(),
        metadata_hop_limit: cluster.metadata.hop_limit,
        devices: volumes
            .map(|(name, volume)| (name.to_string(), device(&volume.settings, volume.snapshot.as_ref().map(ToString::to_string))))
            .collect(),
        user_data,
        instance_tags: tags.clone(),
        volume_tags: tags,
        foreign: Default::default(),
    }
}

fn group(cluster: &Cluster, names: &Names) -> GroupSettings<()> {
    let scaling = &cluster.scaling;
    GroupSettings {
        launch_template: names.regional.clone(),
        template_version: (),
        subnets: cluster.network.subnets.iter().map(ToString::to_string).collect(),
        min: 1,
        max: 1,
        desired: 1,
        health_check: scaling.health_check.as_str().to_ascii_uppercase(),
        grace_period_s: scaling.health_check_grace_period_s,
        warmup_s: warmup_s(cluster),
        termination_policies: scaling.termination_policies.iter().map(ToString::to_string).collect(),
        maintenance: match cluster.rollout.strategy {
            RolloutStrategy::LaunchFirst => Some(LAUNCH_FIRST),
            RolloutStrategy::TerminateFirst => None,
        },
        deletion_protection: if scaling.deletion_protection { "prevent-all-deletion" } else { "none" }.to_owned(),
    }
}

fn rollout(cluster: &Cluster) -> RefreshPreferences {
    let (min_healthy_percentage, max_healthy_percentage) = match cluster.rollout.strategy {
        RolloutStrategy::LaunchFirst => LAUNCH_FIRST,
        RolloutStrategy::TerminateFirst => TERMINATE_FIRST,
    };
    RefreshPreferences {
        min_healthy_percentage,
        max_healthy_percentage,
        warmup_s: warmup_s(cluster),
        auto_rollback: cluster.rollout.auto_rollback,
        skip_matching: cluster.rollout.skip_matching,
    }
}

fn warmup_s(cluster: &Cluster) -> u32 {
    cluster.rollout.warmup_s.unwrap_or(cluster.scaling.health_check_grace_period_s)
}

/// The group's own tags. The user's, a name and the owner reach instances; what the group was created from does not.
fn group_tags(spec: &AdmittedSpec, names: &Names) -> BTreeMap<String, GroupTag> {
    let mut tags = BTreeMap::from([(NAME_TAG.to_owned(), GroupTag { value: names.cluster.clone(), propagate: true })]);
    for (key, tag) in &spec.cluster().tags {
        tags.insert(key.to_string(), GroupTag { value: tag.value.to_string(), propagate: tag.propagate });
    }
    for (key, value) in ownership(spec) {
        let propagate = key == OWNER_TAG;
        tags.insert(key, GroupTag { value, propagate });
    }
    tags
}
