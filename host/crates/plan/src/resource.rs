//! The resources of one cluster: what is the same whether desired, observed or sent.
//!
//! Limits and behaviours are AWS's own; where one is surprising, the field says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kaphost_spec::{Cidr, UserData};
use serde::{Deserialize, Serialize, Serializer};

use crate::names::Names;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that owns: its value is the cluster's name.
pub const OWNER_TAG: &str = "kaphost:cluster";
/// The digest of the admitted spec that a resource was created from (16 hexadecimal digits).
pub const SPEC_TAG: &str = "kaphost:spec";
/// The digest of the decision that admitted it (16 hexadecimal digits).
pub const DECISION_TAG: &str = "kaphost:decision";

/// On the Auto Scaling group: the number of the kept plan that was carried out last, written with its first steps. A plan is carried out once.
pub const PLAN_TAG: &str = "kaphost:plan";

/// On the role: which of the policies that hang on it kaphost has put there. Policies carry no tags, so their owner is told here, each by
/// eight digits of a digest, in at most [`MAX_CLAIMS`].
pub const POLICIES_TAG: &str = "kaphost:policies";
/// As many as a tag's 256 characters hold. AWS takes at most 25 managed policies on a role.
pub const MAX_CLAIMS: usize = 28;

/// The kinds of resource, in the order in which people read a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "AWS's own names say it")]
pub enum Kind {
    AutoScalingGroup,
    LaunchTemplate,
    SecurityGroup,
    SecurityGroupRule,
    Role,
    InstanceProfile,
}

/// Who owns a resource, by its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This cluster.
    Us,
    /// Another cluster of kaphost.
    Cluster(String),
    /// Nobody that kaphost knows.
    Nobody,
}

impl Owner {
    /// Reads the tag [`OWNER_TAG`].
    #[must_use]
    pub fn of(value: Option<&str>, names: &Names) -> Self {
        match value {
            Some(cluster) if cluster == names.cluster => Self::Us,
            Some(cluster) => Self::Cluster(cluster.to_owned()),
            None => Self::Nobody,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AutoScalingGroup => "Auto Scaling group",
            Self::LaunchTemplate => "launch template",
            Self::SecurityGroup => "security group",
            Self::SecurityGroupRule => "security group rule",
            Self::Role => "IAM role",
            Self::InstanceProfile => "instance profile",
        })
    }
}

/// Into the server or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Ingress,
    Egress,
}

/// The other end of a rule. `Other` is what kaphost never writes (prefix lists) but users may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Peer {
    Cidr(Cidr),
    SecurityGroup(String),
    Other(String),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::SecurityGroup(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

/// What a rule lets through. AWS ignores ports for every protocol at once (`-1`), so there they are not kept: such rules compare equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// Every protocol and port.
    All,
    /// A protocol by AWS's name (`tcp`) and its ports, inclusive.
    Ports {
        /// `tcp`, `udp`, `icmp`, or a number.
        protocol: String,
        /// The first port.
        from: i32,
        /// The last port.
        to: i32,
    },
}

/// What makes a rule the rule it is: AWS refuses a second one with the same key in a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RuleKey {
    /// Into the server or out of it.
    pub direction: Direction,
    /// What it lets through.
    pub traffic: Traffic,
    /// The other end.
    pub peer: Peer,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all traffic"),
            Self::Ports { protocol, from, to } if from == to => write!(f, "{protocol} {from}"),
            Self::Ports { protocol, from, to } => write!(f, "{protocol} {from}-{to}"),
        }
    }
}

impl fmt::Display for RuleKey {
    /// `tcp 22 from 10.0.0.0/8`, `all traffic to 0.0.0.0/0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        write!(f, "{} {word} {}", self.traffic, self.peer)
    }
}

/// A rule of a security group: one peer each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rule {
    /// Its identity.
    pub key: RuleKey,
    /// May be empty when somebody else wrote it.
    pub description: String,
}

impl RuleKey {
    /// The rule that AWS itself puts into every new group of a VPC, untagged.
    #[must_use]
    pub fn is_default_egress(&self) -> bool {
        let anywhere = matches!(&self.peer, Peer::Cidr(cidr) if cidr.net().prefix_len() == 0 && !cidr.is_ipv6());
        self.direction == Direction::Egress && self.traffic == Traffic::All && anywhere
    }
}

/// What one version of a launch template says, resolved as far as AWS stores it. `G` is how it names security groups.
///
/// The network interface is always interface 0 with the groups inside it, so that there is one shape only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TemplateContent<G> {
    /// `ami-…`, or whatever an outsider wrote.
    pub image: String,
    /// `t3.small`.
    pub instance_type: String,
    /// EC2 key pair.
    pub key: Option<String>,
    /// The name of the instance profile.
    pub instance_profile: String,
    /// The groups of interface 0.
    pub security_groups: Vec<G>,
    /// Of interface 0.
    pub public_ip: bool,
    /// `None` leaves it unsaid, which AWS reads as `default`; required with spot.
    pub tenancy: Option<String>,
    /// `None` buys on demand; `Some(None)` is spot at the on-demand price.
    #[serde(serialize_with = "spot")]
    pub spot: Option<Option<String>>,
    /// `None` leaves it unsaid.
    pub ebs_optimized: Option<bool>,
    /// IMDS: answers at all.
    pub metadata_enabled: bool,
    /// IMDS: `required` or `optional`.
    pub metadata_tokens: String,
    /// IMDS: hops.
    pub metadata_hop_limit: u8,
    /// By device name, the root by the name that the image gives it. Never empty: AWS refuses empty lists.
    pub devices: BTreeMap<String, DeviceContent>,
    /// Decoded. Shown as a digest only.
    pub user_data: Option<UserData>,
    /// What an instance gets. An Auto Scaling group's tag of the same key wins.
    pub instance_tags: Tags,
    /// What its volumes get: tags of the Auto Scaling group do not reach them.
    pub volume_tags: Tags,
    /// Names of further parts that somebody else set and kaphost never does; empty in what kaphost writes. Any entry is a difference.
    pub foreign: BTreeSet<String>,
}

impl<G> TemplateContent<G> {
    /// The same, with groups named in another way.
    #[must_use]
    pub fn map_groups<H>(&self, name: impl FnMut(&G) -> H) -> TemplateContent<H> {
        TemplateContent {
            image: self.image.clone(),
            instance_type: self.instance_type.clone(),
            key: self.key.clone(),
            instance_profile: self.instance_profile.clone(),
            security_groups: self.security_groups.iter().map(name).collect(),
            public_ip: self.public_ip,
            tenancy: self.tenancy.clone(),
            spot: self.spot.clone(),
            ebs_optimized: self.ebs_optimized,
            metadata_enabled: self.metadata_enabled,
            metadata_tokens: self.metadata_tokens.clone(),
            metadata_hop_limit: self.metadata_hop_limit,
            devices: self.devices.clone(),
            user_data: self.user_data.clone(),
            instance_tags: self.instance_tags.clone(),
            volume_tags: self.volume_tags.clone(),
            foreign: self.foreign.clone(),
        }
    }

    /// Its root device: the name that `image` gives to its own; where that is not here, since the content is of another image, the other of the names that images give. `further`
    /// says whether a name is that of a volume besides the root.
    #[must_use]
    pub fn root_device<'a>(&'a self, image: &'a str, further: impl Fn(&str) -> bool) -> Option<&'a str> {
        [image, "/dev/sda1", "/dev/xvda"].into_iter().find(|name| self.devices.contains_key(*name) && !further(name))
    }
}

/// JSON has no null within a null.
#[expect(clippy::option_option, clippy::ref_option, reason = "the shape of the field, and of what serde calls")]
fn spot<S: Serializer>(spot: &Option<Option<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct Spot<'a> {
        max_price: &'a Option<String>,
    }
    spot.as_ref().map(|max_price| Spot { max_price }).serialize(serializer)
}

/// One EBS volume of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "as in kaphost_spec::VolumeSettings")]
pub struct DeviceContent {
    pub volume_type: String,
    pub size_gib: u32,
    pub iops: Option<u32>,
    pub throughput_mibps: Option<u32>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub delete_on_termination: bool,
    pub snapshot: Option<String>,
}

/// How an instance refresh goes about it. `None`s are left to AWS nowhere: each is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefreshPreferences {
    /// Of the desired capacity, how much must stay in service. 0 ends the old server before the new one starts.
    pub min_healthy_percentage: u32,
    /// How much there may be: 200 starts the new server before the old one ends.
    pub max_healthy_percentage: u32,
    /// Seconds between a new instance's being in service and its counting as healthy.
    pub warmup_s: u32,
    /// Goes back to the version that the group pins when the refresh fails.
    pub auto_rollback: bool,
    /// Leaves instances alone that run the version already.
    pub skip_matching: bool,
}

/// A tag of an Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupTag {
    /// Its value.
    pub value: String,
    /// Whether instances get it at launch.
    pub propagate: bool,
}

/// What kaphost sets of an Auto Scaling group. `V` is how it names the launch template's version, always a number in the end:
/// `$Latest` would disable the rollback of an instance refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupSettings<V> {
    /// By name, not by id: send one, not both. An observed group without a template has an empty name.
    pub launch_template: String,
    /// The pinned version.
    pub template_version: V,
    /// `subnet-…`
    pub subnets: BTreeSet<String>,
    /// One.
    pub min: u32,
    /// One.
    pub max: u32,
    /// One.
    pub desired: u32,
    /// `EC2` or `ELB`.
    pub health_check: String,
    /// Seconds.
    pub grace_period_s: u32,
    /// Seconds; otherwise an instance refresh falls back to the grace period.
    pub warmup_s: u32,
    /// In order.
    pub termination_policies: Vec<String>,
    /// Least and most healthy percentage. `None` is AWS's default (terminate first); cleared by sending -1/-1.
    pub maintenance: Option<(u32, u32)>,
    /// `none`, `prevent-force-deletion` or `prevent-all-deletion`.
    pub deletion_protection: String,
}

impl<V> GroupSettings<V> {
    /// The same, pinning another version.
    #[must_use]
    pub fn with_version<W>(&self, version: W) -> GroupSettings<W> {
        GroupSettings {
            launch_template: self.launch_template.clone(),
            template_version: version,
            subnets: self.subnets.clone(),
            min: self.min,
            max: self.max,
            desired: self.desired,
            health_check: self.health_check.clone(),
            grace_period_s: self.grace_period_s,
            warmup_s: self.warmup_s,
            termination_policies: self.termination_policies.clone(),
            maintenance: self.maintenance,
            deletion_protection: self.deletion_protection.clone(),
        }
    }
}
