//! What policies ask to know of the world around a cluster: its image, its subnets, its VPC.
//!
//! By filters where EC2 has them: an id that is not there is then left out of the answer, where asking by id fails with the first of them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, Image, ImageState};
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_spec::Ami;
use kaphost_spec::facts::{AmiFacts, SubnetFacts, VpcFacts};
use kaphost_spec::names::{SubnetId, VpcId};

use super::Ec2;
use super::image::MISSING;

impl Ec2 {
    /// The image that a cluster names; no call without one. `None` when there is none that could be launched.
    pub(crate) async fn image_facts(&self, ami: Option<&Ami>) -> Result<Option<AmiFacts>, CloudError> {
        const OPERATION: &str = "DescribeImages";
        let call = self.client.describe_images();
        let call = match ami {
            None => return Ok(None),
            Some(Ami::Id(id)) => call.image_ids(id.as_str()),
            Some(Ami::Lookup { owner, name }) => {
                call.owners(owner).filters(super::filter("name", name)).filters(super::filter("state", "available"))
            }
            Some(Ami::Ssm(parameter)) => {
                let message =
                    format!("EC2 knows no parameters, and none named {parameter}: it is asked by the id that the parameter holds");
                return Err(CloudError::new(ErrorKind::BrokenPlan, OPERATION, message));
            }
        };
        let answer = match call.send().await.map_err(self.error(OPERATION)) {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref().is_some_and(|code| MISSING.contains(&code)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let usable = answer.images().iter().filter(|image| matches!(image.state(), None | Some(ImageState::Available)));
        // Of several the newest; of two made in the same instant the one whose id sorts last, so that it is always the same one.
        let newest = usable.max_by_key(|image| (image.creation_date(), image.image_id()));
        newest.map(|image| told(image, OPERATION)).transpose()
    }

    /// These subnets, sorted by id; no call without any. Those that are not there are left out.
    pub(crate) async fn subnet_facts(&self, ids: &BTreeSet<SubnetId>) -> Result<Vec<SubnetFacts>, CloudError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = Filter::builder().name("subnet-id").set_values(Some(ids.iter().map(ToString::to_string).collect())).build();
        let mut items = self.client.describe_subnets().filters(asked).into_paginator().items().send();
        let mut subnets = Vec::new();
        while let Some(subnet) = items.next().await {
            let subnet = subnet.map_err(self.error("DescribeSubnets"))?;
            let id = subnet.subnet_id().unwrap_or_default().to_owned();
            self.see(&id, &subnet);
            subnets.push(SubnetFacts {
                id,
                zone: subnet.availability_zone().unwrap_or_default().to_owned(),
                cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
                auto_public_ip: subnet.map_public_ip_on_launch() == Some(true),
            });
        }
        subnets.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(subnets)
    }

    /// A VPC; no call without one.
    pub(crate) async fn vpc_facts(&self, id: Option<&VpcId>) -> Result<Option<VpcFacts>, CloudError> {
        let Some(id) = id else { return Ok(None) };
        let answer = self.client.describe_vpcs().filters(super::filter("vpc-id", id.as_str())).send().await;
        let answer = answer.map_err(self.error("DescribeVpcs"))?;
        let Some(vpc) = answer.vpcs().iter().find(|vpc| vpc.vpc_id() == Some(id.as_str())) else { return Ok(None) };
        // The networks that go or failed are listed too.
        let associated = vpc.cidr_block_association_set().iter().filter(|set| {
            let state = set.cidr_block_state().and_then(|state| state.state());
            matches!(state, None | Some(aws_sdk_ec2::types::VpcCidrBlockStateCode::Associated))
        });
        let cidrs: BTreeSet<&str> = associated.filter_map(|set| set.cidr_block()).chain(vpc.cidr_block()).collect();
        Ok(Some(VpcFacts {
            id: id.to_string(),
            cidrs: cidrs.into_iter().map(str::to_owned).collect(),
            is_default: vpc.is_default() == Some(true),
        }))
    }
}

fn told(image: &Image, operation: &str) -> Result<AmiFacts, CloudError> {
    let id = image.image_id().unwrap_or_default();
    let said = |value: Option<&str>, what: &str| {
        let missing = || CloudError::new(ErrorKind::Invalid, operation, format!("AWS does not say {what} of the image {id}"));
        value.filter(|value| !value.is_empty()).map(str::to_owned).ok_or_else(missing)
    };
    Ok(AmiFacts {
        id: id.to_owned(),
        owner: said(image.owner_id(), "the owner")?,
        name: image.name().unwrap_or_default().to_owned(),
        created: said(image.creation_date(), "the creation date")?,
        architecture: said(image.architecture().map(|architecture| architecture.as_str()), "the architecture")?,
        root_device: said(image.root_device_name(), "the root device")?,
    })
}
