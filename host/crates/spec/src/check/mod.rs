//! What must hold between values, and for values whose types cannot hold it: one set of rules for what a file says and for what a
//! policy makes of it.

mod access;
mod compute;
mod kapacitor;
mod volumes;

pub use compute::{canonical_json, role_name};

use std::collections::BTreeMap;

use crate::model::{
    Ami, Cluster, EgressRule, Http, Iam, InstanceMetadata, Kapacitor, Network, Rollout, Scaling, Ssh, Tag, Volume, VolumeSettings,
};
use crate::names::{ClusterName, Device, Invalid, Region, TagKey};
use crate::{Cidr, Code, Path};

/// The longest time that any setting takes: 14 days, after which Auto Scaling ends an instance refresh by itself.
pub(crate) const MAX_SECONDS: u32 = 14 * 24 * 3600;

/// The most tags that a cluster takes: AWS holds 50 on a resource, and kaphost and Auto Scaling need some.
pub(crate) const MAX_TAGS: usize = 40;

/// A rule that a cluster breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind of mistake.
    pub code: Code,
    /// The value that breaks the rule.
    pub path: Path,
    /// The value with which it does not go together.
    pub other: Option<Path>,
    /// One sentence: what is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Problems in the making.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, code: Code, path: &Path, problem: impl AsRef<str>, help: impl Into<String>) {
        let message = format!("`{path}` {}", problem.as_ref());
        self.0.push(Problem { code, path: path.clone(), other: None, message, help: help.into() });
    }

    fn clash(&mut self, code: Code, path: &Path, other: &Path, problem: impl AsRef<str>, help: impl Into<String>) {
        self.add(code, path, problem, help);
        if let Some(last) = self.0.last_mut() {
            last.other = Some(other.clone());
        }
    }

    fn invalid(&mut self, code: Code, path: &Path, checked: Result<(), Invalid>) {
        if let Err(Invalid { problem, help }) = checked {
            self.add(code, path, problem, help);
        }
    }
}

/// A cluster whose required values may be missing: what a file gives when some of it is wrong.
pub(crate) struct Parts<'a> {
    pub(crate) name: Option<&'a ClusterName>,
    pub(crate) region: Option<&'a Region>,
    pub(crate) ami: Option<&'a Ami>,
    pub(crate) network: Option<&'a Network>,
    pub(crate) ssh: &'a Ssh,
    pub(crate) http: &'a Http,
    pub(crate) egress: &'a BTreeMap<Cidr, EgressRule>,
    pub(crate) metadata: InstanceMetadata,
    pub(crate) root_volume: &'a VolumeSettings,
    pub(crate) volumes: &'a BTreeMap<Device, Volume>,
    pub(crate) scaling: &'a Scaling,
    pub(crate) rollout: &'a Rollout,
    pub(crate) iam: &'a Iam,
    pub(crate) tags: &'a BTreeMap<TagKey, Tag>,
    pub(crate) kapacitor: Option<&'a Kapacitor>,
}

/// Every rule that a cluster breaks which its types cannot hold. Call it on what a policy returns; [`crate::parse`] has called it already.
///
/// What it cannot see is whether tenancy `default` was said beside `spot`: a cluster does not hold that, and kaphost leaves it unsaid.
#[must_use]
pub fn validate(cluster: &Cluster) -> Vec<Problem> {
    check(&Parts {
        name: Some(&cluster.name),
        region: Some(&cluster.region),
        ami: Some(&cluster.ami),
        network: Some(&cluster.network),
        ssh: &cluster.ssh,
        http: &cluster.http,
        egress: &cluster.egress,
        metadata: cluster.metadata,
        root_volume: &cluster.root_volume,
        volumes: &cluster.volumes,
        scaling: &cluster.scaling,
        rollout: &cluster.rollout,
        iam: &cluster.iam,
        tags: &cluster.tags,
        kapacitor: cluster.kapacitor.as_ref(),
    })
}

/// As [`validate`], on what is there.
pub(crate) fn check(parts: &Parts<'_>) -> Vec<Problem> {
    let mut problems = Problems::default();
    compute::check(parts, &mut problems);
    access::check(parts, &mut problems);
    volumes::check(parts, &mut problems);
    kapacitor::check(parts, &mut problems);
    problems.0
}
