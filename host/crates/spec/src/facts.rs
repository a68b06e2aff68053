//! What is known of the world around a cluster and may be told to policies. Inputs, not calls: whoever runs policies reads these first and
//! records them. Plain data, here so that the room that reads them need not know the room that hands them on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a policy may ask to know. Its description says which of these it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// The account's number.
    Account,
    /// The image that `ami` resolves to.
    Ami,
    /// The subnets of `network`.
    Subnets,
    /// The VPC of `network`.
    Vpc,
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "facts.account",
            Self::Ami => "facts.ami",
            Self::Subnets => "facts.subnets",
            Self::Vpc => "facts.vpc",
        })
    }
}

/// Facts. What was not read is none or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Facts {
    /// The 12 digits of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The image that `ami` resolves to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ami: Option<AmiFacts>,
    /// The subnets of `network`, sorted by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<SubnetFacts>,
    /// The VPC of `network`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<VpcFacts>,
}

impl Facts {
    /// Whether this fact is known.
    #[must_use]
    pub const fn has(&self, kind: FactKind) -> bool {
        match kind {
            FactKind::Account => self.account.is_some(),
            FactKind::Ami => self.ami.is_some(),
            FactKind::Subnets => !self.subnets.is_empty(),
            FactKind::Vpc => self.vpc.is_some(),
        }
    }
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AmiFacts {
    /// `ami-…`
    pub id: String,
    /// The 12 digits of the owner's account.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// `x86_64`, `arm64`, …
    pub architecture: String,
    /// The name of its root device, `/dev/sda1`.
    pub root_device: String,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SubnetFacts {
    /// `subnet-…`
    pub id: String,
    /// `us-east-1a`
    pub zone: String,
    /// Its IPv4 network.
    pub cidr: String,
    /// Whether instances in it get a public address unless told otherwise.
    pub auto_public_ip: bool,
}

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VpcFacts {
    /// `vpc-…`
    pub id: String,
    /// Its IPv4 networks.
    pub cidrs: Vec<String>,
    /// Whether it is the account's default VPC.
    pub is_default: bool,
}
