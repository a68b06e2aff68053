//! What a plan takes for granted of EC2: instance types and where they are offered, subnets, key pairs, the groups that rules name.
//!
//! By filters where EC2 has them: what is not there is then left out of the answer, where asking by name fails with the first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use aws_sdk_ec2::types::{EbsOptimizedSupport, Filter, LocationType, Subnet as DescribedSubnet};
use kaphost_apply::CloudError;
use kaphost_plan::preflight::{InstanceType, Subnet};

use super::Ec2;

/// Of groups and subnets EC2 gives at most this many in a page.
const PAGE: i32 = 1000;

impl Ec2 {
    /// An instance type; `None` when the region has none of the name.
    pub(crate) async fn instance_type(&self, name: &str) -> Result<Option<InstanceType>, CloudError> {
        let answer = self.client.describe_instance_types().instance_types(name.into()).send().await;
        let answer = match answer.map_err(self.error("DescribeInstanceTypes")) {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some("InvalidInstanceType") => return Ok(None),
            Err(error) => return Err(error),
        };
        let named = answer.instance_types().iter().find(|it| it.instance_type().is_some_and(|it| it.as_str() == name));
        Ok(named.map(|it| InstanceType {
            architectures: it
                .processor_info()
                .map(|processor| processor.supported_architectures().iter().map(|it| it.as_str().to_owned()).collect())
                .unwrap_or_default(),
            ebs_optimized: it.ebs_info().and_then(|ebs| ebs.ebs_optimized_support()).map(|it| *it != EbsOptimizedSupport::Unsupported),
        }))
    }

    /// The zones of the region in which an instance type is offered.
    pub(crate) async fn zones_of(&self, instance_type: &str) -> Result<BTreeSet<String>, CloudError> {
        let call = self.client.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let mut items = call.filters(super::filter("instance-type", instance_type)).into_paginator().items().send();
        let mut zones = BTreeSet::new();
        while let Some(offering) = items.next().await {
            zones.extend(offering.map_err(self.error("DescribeInstanceTypeOfferings"))?.location().map(str::to_owned));
        }
        Ok(zones)
    }

    /// These subnets, when facts told of all of them.
    fn seen(&self, ids: &BTreeSet<String>) -> Option<BTreeMap<String, Subnet>> {
        let seen = self.subnets.lock().unwrap_or_else(PoisonError::into_inner);
        let all = ids.iter().map(|id| Some((id.clone(), seen.get(id)?.clone()))).collect::<Option<BTreeMap<_, _>>>();
        all.filter(|all| !all.is_empty())
    }

    /// Keeps what facts say of a subnet.
    pub(super) fn see(&self, id: &str, subnet: &DescribedSubnet) {
        self.subnets.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), place(subnet));
    }

    /// Those of these subnets that there are.
    pub(crate) async fn places(&self, ids: &BTreeSet<String>) -> Result<BTreeMap<String, Subnet>, CloudError> {
        if let Some(seen) = self.seen(ids) {
            return Ok(seen);
        }
        let mut items = self.client.describe_subnets().filters(any("subnet-id", ids)).into_paginator().page_size(PAGE).items().send();
        let mut subnets = BTreeMap::new();
        while let Some(subnet) = items.next().await {
            let subnet = subnet.map_err(self.error("DescribeSubnets"))?;
            subnets.insert(subnet.subnet_id().unwrap_or_default().to_owned(), place(&subnet));
        }
        Ok(subnets)
    }

    /// Whether there is a key pair of this name.
    pub(crate) async fn has_key(&self, name: &str) -> Result<bool, CloudError> {
        let answer = self.client.describe_key_pairs().filters(super::filter("key-name", name)).send().await;
        let answer = answer.map_err(self.error("DescribeKeyPairs"))?;
        // A name may hold `*` and `?`, which the filter takes for any characters.
        Ok(answer.key_pairs().iter().any(|pair| pair.key_name() == Some(name)))
    }

    /// Those of these groups that there are.
    pub(crate) async fn groups_there(&self, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, CloudError> {
        let mut items =
            self.client.describe_security_groups().filters(any("group-id", ids)).into_paginator().page_size(PAGE).items().send();
        let mut groups = BTreeSet::new();
        while let Some(group) = items.next().await {
            groups.extend(group.map_err(self.error("DescribeSecurityGroups"))?.group_id().map(str::to_owned));
        }
        Ok(groups)
    }
}

fn place(subnet: &DescribedSubnet) -> Subnet {
    Subnet {
        zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        vpc: subnet.vpc_id().unwrap_or_default().to_owned(),
        free: subnet.available_ip_address_count().and_then(|free| free.try_into().ok()),
    }
}

/// One filter with several values.
fn any(name: &str, values: &BTreeSet<String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.iter().cloned().collect())).build()
}
