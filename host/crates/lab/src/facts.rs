//! What policies ask to know of the world around a cluster.
//!
//! An account's file may say it of images, subnets and VPCs; of what it does not name, any well-formed id exists, with facts that follow from the
//! id: the same in every run.

use std::collections::BTreeMap;

use kaphost_spec::Ami;
use kaphost_spec::facts::{AmiFacts, Facts, FactsQuery, SubnetFacts, VpcFacts};

use crate::refuse::well_formed;
use crate::state::{SubnetState, VpcState, World};

impl World<'_> {
    pub(crate) fn facts(&self, query: &FactsQuery) -> Facts {
        let subnets = query.subnets.iter().filter_map(|id| self.subnet(id.as_str()));
        Facts {
            account: query.account.then(|| self.account.to_owned()),
            ami: query.ami.as_ref().and_then(|ami| self.image_facts(ami)),
            subnets: subnets.collect(),
            vpc: query.vpc.as_ref().and_then(|id| self.vpc(id.as_str())),
        }
        .sorted()
    }

    fn image_facts(&self, ami: &Ami) -> Option<AmiFacts> {
        let (id, image) = self.resolve(ami).ok()?;
        Some(AmiFacts {
            owner: image.owner.unwrap_or_else(|| self.account.to_owned()),
            name: image.name.unwrap_or_else(|| id.clone()),
            created: image.created,
            architecture: image.architecture,
            root_device: image.root_device,
            id,
        })
    }

    pub(crate) fn subnet(&self, id: &str) -> Option<SubnetFacts> {
        let SubnetState { zone, cidr, auto_public_ip, .. } = known(&self.region.subnets, id, "subnet-")?;
        let number = number(id);
        Some(SubnetFacts {
            id: id.to_owned(),
            zone: zone.unwrap_or_else(|| format!("{}{}", self.region_name, ["a", "b", "c"][number % 3])),
            cidr: cidr.unwrap_or_else(|| format!("10.0.{}.0/24", number % 256)),
            auto_public_ip,
        })
    }

    fn vpc(&self, id: &str) -> Option<VpcFacts> {
        let VpcState { cidrs, is_default } = known(&self.region.vpcs, id, "vpc-")?;
        Some(VpcFacts { id: id.to_owned(), cidrs, is_default })
    }
}

/// What the account says of an id; of an id that it does not name, what is said of any.
pub(crate) fn known<T: Clone + Default>(said: &BTreeMap<String, Option<T>>, id: &str, prefix: &str) -> Option<T> {
    match said.get(id) {
        Some(known) => known.clone(),
        None => well_formed(id, prefix).then(T::default),
    }
}

/// The number that the last digits of an id make.
fn number(id: &str) -> usize {
    let digits = id.rsplit('-').next().unwrap_or_default();
    digits.get(digits.len().saturating_sub(6)..).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or(0)
}
