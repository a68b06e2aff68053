//! The typed cluster: every default filled in, every value valid. Mirrors the record `cluster` of `wit/policy.wit`, field by field.
//!
//! Keyed lists are maps, so that order never matters and a path names an entry by what it is, not by where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::cidr::Cidr;
use crate::leaves::Leaf;
use crate::names::{
    AmiId, Arn, ClusterName, Device, InstanceType, Invalid, KeyName, KmsKey, MaxPrice, ProfilePath, Region, SecurityGroupId, SnapshotId,
    SubnetId, TagKey, TagValue, VpcId,
};
use crate::secret::UserData;

/// Gives an enum the words that the config and AWS use for it.
macro_rules! keywords {
    ($name:ident { $($variant:ident => $word:literal),* }) => {
        impl $name {
            /// Every value, in the order in which help shows them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Their words, in the same order.
            pub const WORDS: &[&str] = &[$($word),*];

            /// As the config spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<$name> for Leaf {
            fn from(value: $name) -> Self {
                Self::Text(value.to_string())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::ALL.iter().find(|value| value.as_str() == text).copied().ok_or_else(|| {
                    Invalid::new("is none of the known words", format!("use one of {}", Self::WORDS.join(", ")))
                })
            }
        }
    };
}

/// One Kapacitor server as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Namespaces every resource.
    pub name: ClusterName,
    /// The AWS region.
    pub region: Region,
    /// The machine image.
    pub ami: Ami,
    /// For example `t3.small`.
    pub instance_type: InstanceType,
    /// Whose hardware the instance shares.
    pub tenancy: Tenancy,
    /// `None` leaves it to AWS.
    pub ebs_optimized: Option<bool>,
    /// `None` buys on demand.
    pub spot: Option<Spot>,
    /// Where the server lives.
    pub network: Network,
    /// Who may log in.
    pub ssh: Ssh,
    /// Who may call Kapacitor.
    pub http: Http,
    /// What the server may reach.
    pub egress: BTreeMap<Cidr, EgressRule>,
    /// The instance metadata service.
    pub metadata: InstanceMetadata,
    /// The root volume.
    pub root_volume: VolumeSettings,
    /// Further volumes by device.
    pub volumes: BTreeMap<Device, Volume>,
    /// What runs at first boot.
    pub user_data: Option<UserData>,
    /// The group of one and its health.
    pub scaling: Scaling,
    /// How a change reaches the running server.
    pub rollout: Rollout,
    /// The role of the server.
    pub iam: Iam,
    /// The user's tags by key.
    pub tags: BTreeMap<TagKey, Tag>,
    /// Renders the boot script.
    pub kapacitor: Option<Kapacitor>,
}

/// Where the machine image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ami {
    /// An image id.
    Id(AmiId),
    /// The name of an SSM parameter that holds an image id.
    Ssm(String),
    /// The newest image of an owner whose name matches.
    Lookup {
        /// An account id, `self` or an alias such as `amazon`.
        owner: String,
        /// A name; `*` and `?` match.
        name: String,
    },
}

/// Whose hardware the instance shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tenancy {
    /// Shared with other accounts.
    #[default]
    Default,
    /// This account's alone.
    Dedicated,
}

keywords!(Tenancy { Default => "default", Dedicated => "dedicated" });

/// A spot instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// US dollars an hour. `None` is the on-demand price.
    pub max_price: Option<MaxPrice>,
}

/// Where the server lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The VPC.
    pub vpc: VpcId,
    /// At least one.
    pub subnets: BTreeSet<SubnetId>,
    /// Whether the instance gets a public address.
    pub public_ip: bool,
}

/// Who may open connections. Networks sort before groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A network.
    Cidr(Cidr),
    /// The members of a security group.
    SecurityGroup(SecurityGroupId),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::SecurityGroup(id) => id.fmt(f),
        }
    }
}

/// What is said of one source that is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressRule {
    /// 1 to 255 characters.
    pub description: String,
}

/// Who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// TCP port.
    pub port: u16,
    /// `None` installs no key.
    pub key: Option<KeyName>,
    /// Who is let in.
    pub allow: BTreeMap<Source, IngressRule>,
}

/// Who may call Kapacitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// TCP port.
    pub port: u16,
    /// Who is let in.
    pub allow: BTreeMap<Source, IngressRule>,
    /// Put the rules onto this group in place of the cluster's own.
    pub security_group: Option<SecurityGroupId>,
}

/// What the server may reach in one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRule {
    /// `None` is every protocol and port, else TCP from and to, inclusive, from ≤ to.
    pub ports: Option<(u16, u16)>,
    /// 1 to 255 characters.
    pub description: String,
}

/// The instance metadata service (IMDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceMetadata {
    /// Whether it answers at all.
    pub enabled: bool,
    /// Whether it insists on session tokens.
    pub tokens: Tokens,
    /// 1 to 64.
    pub hop_limit: u8,
}

/// Whether IMDS insists on session tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tokens {
    /// IMDSv2 only.
    #[default]
    Required,
    /// IMDSv1 answers too.
    Optional,
}

keywords!(Tokens { Required => "required", Optional => "optional" });

/// EBS volume types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names say it")]
pub enum VolumeType {
    #[default]
    Gp3,
    Gp2,
    Io2,
    Io1,
    St1,
    Sc1,
    Standard,
}

keywords!(VolumeType { Gp3 => "gp3", Gp2 => "gp2", Io2 => "io2", Io1 => "io1", St1 => "st1", Sc1 => "sc1", Standard => "standard" });

/// What root and further volumes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSettings {
    /// gp3 unless told otherwise.
    pub volume_type: VolumeType,
    /// GiB.
    pub size_gib: u32,
    /// `None` leaves it to AWS.
    pub iops: Option<u32>,
    /// MiB a second.
    pub throughput_mibps: Option<u32>,
    /// True unless told otherwise.
    pub encrypted: bool,
    /// `None` is the account's default EBS key.
    pub kms_key: Option<KmsKey>,
    /// True unless told otherwise.
    pub delete_on_termination: bool,
}

/// One further volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What it shares with the root.
    pub settings: VolumeSettings,
    /// Start from this snapshot.
    pub snapshot: Option<SnapshotId>,
}

/// What decides that the instance is unwell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthCheck {
    /// The status checks of EC2.
    #[default]
    Ec2,
    /// A load balancer's as well.
    Elb,
}

keywords!(HealthCheck { Ec2 => "ec2", Elb => "elb" });

/// The termination policies of Auto Scaling that need no further argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "AWS's own names say it")]
pub enum TerminationPolicy {
    Default,
    AllocationStrategy,
    ClosestToNextInstanceHour,
    NewestInstance,
    OldestInstance,
    OldestLaunchConfiguration,
    OldestLaunchTemplate,
}

keywords!(TerminationPolicy { Default => "Default", AllocationStrategy => "AllocationStrategy", ClosestToNextInstanceHour => "ClosestToNextInstanceHour", NewestInstance => "NewestInstance", OldestInstance => "OldestInstance", OldestLaunchConfiguration => "OldestLaunchConfiguration", OldestLaunchTemplate => "OldestLaunchTemplate" });

/// The group of one and its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// In order; never empty, no repeats.
    pub termination_policies: Vec<TerminationPolicy>,
    /// What decides that the instance is unwell.
    pub health_check: HealthCheck,
    /// Seconds after launch in which health is not judged.
    pub health_check_grace_period_s: u32,
    /// Seconds that apply waits for a healthy instance; 0 does not wait.
    pub wait_for_capacity_timeout_s: u32,
    /// When true, destroy refuses.
    pub deletion_protection: bool,
}

/// Which of two servers goes first when one replaces the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RolloutStrategy {
    /// A gap, never two.
    #[default]
    TerminateFirst,
    /// Two for a while, no gap.
    LaunchFirst,
}

keywords!(RolloutStrategy { TerminateFirst => "terminate-first", LaunchFirst => "launch-first" });

/// How a change reaches the running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Which server goes first.
    pub strategy: RolloutStrategy,
    /// Go back to the old template when the new one fails.
    pub auto_rollback: bool,
    /// Leave instances alone that already match.
    pub skip_matching: bool,
    /// Seconds. `None` is the health check's grace period.
    pub warmup_s: Option<u32>,
    /// Seconds that apply follows a rollout.
    pub timeout_s: u32,
}

/// The role of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iam {
    /// The path of role and instance profile.
    pub profile_path: ProfilePath,
    /// Managed policies to attach.
    pub managed_policies: BTreeSet<Arn>,
    /// Inline policy documents by name, as compact JSON with sorted keys.
    pub inline_policies: BTreeMap<String, String>,
    /// A permissions boundary.
    pub boundary: Option<Arn>,
}

/// One of the user's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its value.
    pub value: TagValue,
    /// Whether instances and volumes carry it too.
    pub propagate: bool,
}

/// How much Kapacitor says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

keywords!(LogLevel { Debug => "debug", Info => "info", Warn => "warn", Error => "error" });

/// What the boot script fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kapacitor {
    /// `None` is the private DNS name of the instance.
    pub hostname: Option<String>,
    /// At least one URL, in order.
    pub influxdb: Vec<String>,
    /// `None` keeps data on the root volume.
    pub storage: Option<Storage>,
    /// The user who owns the data.
    pub owner: String,
    /// How much Kapacitor says.
    pub log_level: LogLevel,
    /// `None` serves plain HTTP.
    pub tls: Option<Tls>,
    /// TOML that is appended to the configuration.
    pub extra_config: Option<String>,
}

/// The data volume of Kapacitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// One of the cluster's volumes.
    pub device: Device,
    /// An absolute path.
    pub mount_point: String,
}

/// Certificate and key files on the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// An absolute path.
    pub certificate: String,
    /// An absolute path.
    pub key: String,
}
