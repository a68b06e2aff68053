//! By what name each resource is found.
//!
//! Names follow from the cluster's, so that one round of reads finds everything. What was adopted has the names that somebody else gave it, which AWS does not change: the launch
//! template, whose name always follows from the cluster's, says by tags what the others are called.

use kaphost_spec::Cluster;
use serde::{Deserialize, Serialize};

use crate::observed::Observed;
use crate::resource::{OWNER_TAG, Tags};

/// On the launch template of an adopted cluster: the name of the Auto Scaling group.
pub const GROUP_NAME_TAG: &str = "kaphost:group";
/// On the launch template of an adopted cluster: the name of the security group.
pub const SECURITY_GROUP_NAME_TAG: &str = "kaphost:security-group";
/// On the launch template of an adopted cluster: the name of the role.
pub const ROLE_NAME_TAG: &str = "kaphost:role";
/// On the launch template of an adopted cluster: the name of the instance profile.
pub const PROFILE_NAME_TAG: &str = "kaphost:instance-profile";

/// The names by which everything is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The cluster.
    pub cluster: String,
    /// Its region.
    pub region: String,
    /// Launch template, and unless adopted Auto Scaling group and security group: regional, so the cluster's name alone.
    pub regional: String,
    /// Role and instance profile unless adopted: IAM is global, so the region is in the name. At most 64 characters.
    pub global: String,
    /// What is called otherwise.
    #[serde(default, skip_serializing_if = "Adopted::is_empty")]
    pub adopted: Adopted,
}

/// Names that do not follow from the cluster's: those of resources that were there before kaphost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Adopted {
    /// Of the Auto Scaling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Of the security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group: Option<String>,
    /// Of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Of the instance profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
}

impl Adopted {
    /// What the tags of a launch template say.
    #[must_use]
    pub fn of(tags: &Tags) -> Self {
        let said = |key: &str| tags.get(key).filter(|name| !name.is_empty()).cloned();
        Self {
            group: said(GROUP_NAME_TAG),
            security_group: said(SECURITY_GROUP_NAME_TAG),
            role: said(ROLE_NAME_TAG),
            instance_profile: said(PROFILE_NAME_TAG),
        }
    }

    /// The tags that say it.
    #[must_use]
    pub fn tags(&self) -> Tags {
        let said = [
            (GROUP_NAME_TAG, &self.group),
            (SECURITY_GROUP_NAME_TAG, &self.security_group),
            (ROLE_NAME_TAG, &self.role),
            (PROFILE_NAME_TAG, &self.instance_profile),
        ];
        said.into_iter().filter_map(|(key, name)| Some((key.to_owned(), name.clone()?))).collect()
    }

    /// Whether everything is called as it follows from the cluster's name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Names {
    /// The names of a cluster that kaphost makes.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        Self::from_cluster(cluster.name.as_str(), cluster.region.as_str())
    }

    /// The names that follow from that of a cluster and its region.
    #[must_use]
    pub fn from_cluster(cluster: &str, region: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            region: region.to_owned(),
            regional: cluster.to_owned(),
            global: format!("{cluster}-{region}"),
            adopted: Adopted::default(),
        }
    }

    /// The names by which the cluster is to be found, given what was found by these: others, when its launch template says so. Only one of ours is believed.
    #[must_use]
    pub fn located(&self, observed: &Observed) -> Self {
        let template = observed.launch_template.as_ref().filter(|template| template.tags.get(OWNER_TAG) == Some(&self.cluster));
        match template {
            Some(template) => Self { adopted: Adopted::of(&template.tags), ..self.clone() },
            None => self.clone(),
        }
    }

    /// The name of the Auto Scaling group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.adopted.group.as_deref().unwrap_or(&self.regional)
    }

    /// The name of the security group.
    #[must_use]
    pub fn security_group(&self) -> &str {
        self.adopted.security_group.as_deref().unwrap_or(&self.regional)
    }

    /// The name of the role.
    #[must_use]
    pub fn role(&self) -> &str {
        self.adopted.role.as_deref().unwrap_or(&self.global)
    }

    /// The name of the instance profile.
    #[must_use]
    pub fn instance_profile(&self) -> &str {
        self.adopted.instance_profile.as_deref().unwrap_or(&self.global)
    }
}
