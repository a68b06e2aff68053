//! A plan is data: what `plan` prints is what `apply` does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::action::{Planned, StepId};
use crate::names::Names;
use crate::resource::Kind;

/// The way from observed to desired.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whose.
    pub names: Names,
    /// What changes, for people: by resource, leaf by leaf.
    pub changes: Vec<Change>,
    /// What is carried out. A step stands after every step it waits for.
    pub steps: Vec<Step>,
    /// What is not ours and stays, in words: users' own rules and tags.
    pub kept: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many writes there are, waits excluded.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.steps.iter().filter(|step| !step.action.is_wait()).count()
    }

    /// How many writes stand one after the other on the longest way: what a run takes when each level is one round trip. Waits count
    /// nothing.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depth: Vec<usize> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let before = step.after.iter().filter_map(|id| depth.get(id.0)).max().copied().unwrap_or(0);
            depth.push(before + usize::from(!step.action.is_wait()));
        }
        depth.into_iter().max().unwrap_or(0)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in [`Plan::steps`].
    pub id: StepId,
    /// What it does.
    pub action: Planned,
    /// The steps that must have succeeded before.
    pub after: BTreeSet<StepId>,
    /// What it is about, for people: `security group kapacitor-stage`.
    pub subject: String,
}

/// What happens to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ChangeKind {
    Create,
    Update,
    Delete,
}

/// What happens to one resource, leaf by leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What kind of resource.
    pub resource: Kind,
    /// Its name; for a rule, what it says.
    pub name: String,
    /// What happens.
    pub kind: ChangeKind,
    /// What differs, sorted by leaf. Secrets as digests.
    pub leaves: Vec<LeafChange>,
    /// How many further values stay as they are.
    pub unchanged: usize,
    /// A consequence that people must know: "the running instance keeps version 3 until it is replaced".
    pub note: Option<String>,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeafChange {
    /// The name of the value in the resource: `health-check-grace-period`, `devices["/dev/sda1"].encrypted`.
    pub leaf: String,
    /// `None`: not there.
    pub old: Option<String>,
    /// `None`: goes. "(known after apply)" where AWS chooses it.
    pub new: Option<String>,
    /// The config path that decides it, where there is one: leads to the line, and to the policy.
    pub path: Option<String>,
}

/// Why a plan cannot be made. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// Stable.
    pub code: RefusalCode,
    /// About what.
    pub resource: Kind,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The config path that it comes from.
    pub path: Option<String>,
}

/// Every reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// Something of that name is there and does not carry our tag.
    NotOurs,
    /// It carries our tag for another cluster.
    OtherCluster,
    /// AWS cannot change it in place, and kaphost does not replace it yet.
    NeedsReplacement,
    /// The image is not there.
    ImageMissing,
    /// Deletion protection is on.
    DeletionProtected,
    /// Policies of others hang on the role.
    ForeignAttachments,
    /// An instance refresh to another version is under way.
    RefreshInProgress,
    /// It is being deleted: wait.
    BeingDeleted,
    /// A further volume stands where the image has its root volume.
    RootDeviceTaken,
    /// The group that HTTP's rules are to go onto is not there.
    GroupMissing,
    /// The group that HTTP's rules are to go onto is the cluster's own.
    OwnGroup,
    /// What is there is no server that kaphost could take over.
    NotAdoptable,
    /// More policies on the role than kaphost can keep track of.
    TooManyPolicies,
    /// The region has no such instance type.
    NoInstanceType,
    /// The image is made for another architecture than the instance type runs.
    OtherArchitecture,
    /// The instance type cannot be EBS-optimised.
    NotEbsOptimized,
    /// A subnet is not there.
    SubnetMissing,
    /// A subnet is in another VPC.
    SubnetElsewhere,
    /// The instance type is offered in none of the zones.
    NotOffered,
    /// The key pair is not there.
    KeyMissing,
    /// A group that a rule names is not there.
    PeerMissing,
    /// The account may have no more of it.
    QuotaReached,
}
