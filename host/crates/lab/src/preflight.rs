//! What a plan takes for granted of the world around a cluster.
//!
//! As with facts: an account's file may say it of what it names, and of everything else the best is said. Any instance type is there, runs what its name says and is
//! offered everywhere; any key pair is there.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_plan::preflight::{Asked, IamQuotas, Inquiry, InstanceType, Quota, Subnet, World as Around, architecture_by_name};

use crate::refuse::well_formed;
use crate::state::{InstanceTypeState, World};

/// Zones of a region, by their last letter.
const ZONES: [&str; 3] = ["a", "b", "c"];
/// What an account may have unless it asked for more: Auto Scaling groups in a region, roles, instance profiles.
const QUOTAS: (u32, u32, u32) = (500, 1000, 1000);

impl World<'_> {
    pub(crate) fn preflight(&self, inquiry: &Inquiry) -> Around {
        let kind = inquiry.instance_type.as_deref().map(|name| (name, self.instance_type(name)));
        Around {
            instance_type: asked(kind.as_ref().map(|(name, state)| state.as_ref().map(|state| state.told(name)))),
            zones: asked(kind.filter(|_| !inquiry.subnets.is_empty()).map(|(_, state)| self.zones(state))),
            subnets: asked((!inquiry.subnets.is_empty()).then(|| self.places(&inquiry.subnets))),
            key: asked(inquiry.key.as_ref().map(|name| self.region.key_pairs.get(name).copied().unwrap_or(true))),
            groups: asked((!inquiry.groups.is_empty()).then(|| self.groups_there(&inquiry.groups))),
            auto_scaling_groups: asked(inquiry.group_quota.then(|| quota(self.region.auto_scaling_groups.len(), QUOTAS.0))),
            iam: asked(inquiry.iam_quota.then(|| IamQuotas {
                roles: quota(self.iam.roles.len(), QUOTAS.1),
                instance_profiles: quota(self.iam.instance_profiles.len(), QUOTAS.2),
            })),
        }
    }

    fn instance_type(&self, name: &str) -> Option<InstanceTypeState> {
        self.region.instance_types.get(name).map_or_else(|| Some(InstanceTypeState::default()), Clone::clone)
    }

    fn zones(&self, state: Option<InstanceTypeState>) -> BTreeSet<String> {
        let everywhere = || ZONES.map(|letter| format!("{}{letter}", self.region_name)).into();
        state.map_or_else(BTreeSet::new, |state| state.zones.unwrap_or_else(everywhere))
    }

    fn places(&self, ids: &BTreeSet<String>) -> BTreeMap<String, Subnet> {
        let place = |id: &String| {
            let facts = self.subnet(id)?;
            let vpc = self.region.subnets.get(id).and_then(|said| said.as_ref()?.vpc.clone()).unwrap_or_default();
            Some((id.clone(), Subnet { zone: facts.zone, vpc, free: None }))
        };
        ids.iter().filter_map(place).collect()
    }

    /// Groups of the lab, and any well-formed id besides.
    fn groups_there(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        ids.iter().filter(|id| self.region.security_groups.contains_key(*id) || well_formed(id, "sg-")).cloned().collect()
    }
}

impl InstanceTypeState {
    fn told(&self, name: &str) -> InstanceType {
        let by_name = || BTreeSet::from([architecture_by_name(name).unwrap_or("x86_64").to_owned()]);
        InstanceType { architectures: self.architectures.clone().unwrap_or_else(by_name), ebs_optimized: self.ebs_optimized }
    }
}

fn asked<T>(answer: Option<T>) -> Asked<T> {
    answer.map_or(Asked::No, Asked::Is)
}

fn quota(used: usize, most: u32) -> Quota {
    Quota { used: used.try_into().unwrap_or(u32::MAX), most }
}
