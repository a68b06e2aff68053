//! The leaves of two clusters, of those nodes only in which they differ: what somebody changed is a small part of a cluster.

use super::{Leaves, Table};
use crate::model::Cluster;

impl Cluster {
    /// The leaves of this cluster and of another, without those nodes at the top (`ssh`, `root-volume`, …) that are the same in both. Every leaf that differs
    /// is among them, and every leaf beside it under the same node.
    #[must_use]
    pub fn leaves_apart(&self, other: &Self) -> (Leaves, Leaves) {
        let nodes = differing(self, other);
        (Table::of(self, Some(&nodes)), Table::of(other, Some(&nodes)))
    }
}

/// The nodes at the top in which they differ, by name.
fn differing(one: &Cluster, other: &Cluster) -> Vec<&'static str> {
    // A field that is left out does not compile.
    macro_rules! nodes {
        ($($field:ident: $node:literal)*) => {{
            let Cluster { $($field),* } = one;
            let nodes = [$(($node, *$field != other.$field)),*];
            nodes.into_iter().filter_map(|(node, differs)| differs.then_some(node)).collect()
        }};
    }
    nodes! {
        name: "name" region: "region" ami: "ami" instance_type: "instance-type" tenancy: "tenancy" ebs_optimized: "ebs-optimized" spot: "spot"
        network: "network" ssh: "ssh" http: "http" egress: "egress" metadata: "metadata" root_volume: "root-volume" volumes: "volume"
        user_data: "user-data" scaling: "scaling" rollout: "rollout" iam: "iam" tags: "tag" kapacitor: "kapacitor"
    }
}
