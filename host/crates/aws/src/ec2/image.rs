//! Machine images.

use aws_sdk_ec2::types as sdk;
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Image, ImageAnswer, ImageGap};

use super::{Ec2, filter};

/// What EC2 answers about an id that it does not know, hides, or cannot read.
pub(super) const MISSING: [&str; 3] = ["InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"];

const OPERATION: &str = "DescribeImages";

/// EC2 gives at most this many in a page.
const PAGE: i32 = 1000;

impl Ec2 {
    /// The image of an id.
    pub(crate) async fn image(&self, id: &str) -> Result<ImageAnswer, CloudError> {
        let gap = || ImageAnswer::Missing(ImageGap::NoImage(id.to_owned()));
        let answer = match self.client.describe_images().image_ids(id).send().await.map_err(self.error(OPERATION)) {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref().is_some_and(|code| MISSING.contains(&code)) => return Ok(gap()),
            Err(error) => return Err(error),
        };
        answer.images().iter().find(|image| image.image_id() == Some(id) && usable(image)).map_or_else(|| Ok(gap()), found)
    }

    /// The newest image of an owner whose name matches; of two made in the same instant the one whose id sorts last, so that it is always the
    /// same one.
    pub(crate) async fn newest_image(&self, owner: &str, name: &str) -> Result<ImageAnswer, CloudError> {
        let call = self.client.describe_images().owners(owner).filters(filter("name", name)).filters(filter("state", "available"));
        let mut items = call.into_paginator().page_size(PAGE).items().send();
        let mut newest: Option<sdk::Image> = None;
        let age = |image: &sdk::Image| (image.creation_date().map(str::to_owned), image.image_id().map(str::to_owned));
        while let Some(image) = items.next().await {
            let image = image.map_err(self.error(OPERATION))?;
            if usable(&image) && newest.as_ref().is_none_or(|newest| age(newest) < age(&image)) {
                newest = Some(image);
            }
        }
        newest.as_ref().map_or(Ok(ImageAnswer::Missing(ImageGap::NoMatch)), found)
    }
}

/// An image that is still made, failed, or was disabled cannot be launched: EC2 would say `InvalidAMIID.Unavailable`.
fn usable(image: &sdk::Image) -> bool {
    matches!(image.state(), None | Some(sdk::ImageState::Available))
}

fn found(image: &sdk::Image) -> Result<ImageAnswer, CloudError> {
    let id = image.image_id().unwrap_or_default();
    let Some(root_device) = image.root_device_name().filter(|name| !name.is_empty()) else {
        let message = format!("the image {id} names no root device, so its root volume cannot be set: choose an image that boots from EBS");
        return Err(CloudError::new(ErrorKind::Invalid, OPERATION, message));
    };
    let architecture = image.architecture().map(|architecture| architecture.as_str().to_owned()).unwrap_or_default();
    Ok(ImageAnswer::Found(Image { id: id.to_owned(), root_device: root_device.to_owned(), architecture }))
}
