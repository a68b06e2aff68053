//! What an Auto Scaling group runs, whoever made it: where an adoption starts.

use crate::observed::ObservedGroup;
use crate::resource::{Tags, TemplateContent};

/// An Auto Scaling group, followed to what its servers are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The group.
    pub group: ObservedGroup,
    /// What it launches servers from.
    pub from: Launches,
    /// The security groups that servers are in, as far as they are there, sorted by id.
    pub security_groups: Vec<NamedGroup>,
    /// The instance profile that servers get, when one is named and there.
    pub profile: Option<RunningProfile>,
}

/// What servers are launched from.
#[derive(Clone, Debug, PartialEq)]
pub enum Launches {
    /// A launch configuration. It cannot be changed and carries no tags.
    Configuration {
        /// Its name.
        name: String,
        /// What it says. What it leaves to AWS is named in [`TemplateContent::foreign`], with "(unset)" behind it.
        content: TemplateContent<String>,
    },
    /// A version of a launch template.
    Template {
        /// `lt-…`
        id: String,
        /// Its name.
        name: String,
        /// The number that the group's version stands for now.
        version: u64,
        /// What that version says. What it leaves to AWS is named as for a configuration.
        content: TemplateContent<String>,
    },
    /// Nothing that could be taken over: why, as the end of "it launches …".
    Else(String),
}

impl Launches {
    /// What a server is, when it is known.
    #[must_use]
    pub const fn content(&self) -> Option<&TemplateContent<String>> {
        match self {
            Self::Configuration { content, .. } | Self::Template { content, .. } => Some(content),
            Self::Else(_) => None,
        }
    }

    /// In words: `the launch configuration NAME`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Configuration { name, .. } => format!("the launch configuration {name}"),
            Self::Template { name, version, .. } => format!("version {version} of the launch template {name}"),
            Self::Else(what) => what.clone(),
        }
    }
}

/// A security group, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedGroup {
    /// `sg-…`
    pub id: String,
    /// Unique within its VPC.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its tags.
    pub tags: Tags,
}

/// An instance profile, and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProfile {
    /// Its name.
    pub name: String,
    /// The name of its role.
    pub role: Option<String>,
}
