//! Machine images.

use aws_sdk_ec2::types::ImageState;
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Image, ImageAnswer};

use super::Ec2;

/// What EC2 answers about an id that it does not know, hides, or cannot read.
pub(super) const MISSING: [&str; 3] = ["InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"];

impl Ec2 {
    /// The image of an id; no call without one.
    pub(crate) async fn image(&self, id: Option<&str>) -> Result<ImageAnswer, CloudError> {
        const OPERATION: &str = "DescribeImages";
        let Some(id) = id else { return Ok(ImageAnswer::NotAsked) };
        let answer = match self.client.describe_images().image_ids(id).send().await.map_err(self.error(OPERATION)) {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref().is_some_and(|code| MISSING.contains(&code)) => return Ok(ImageAnswer::Missing),
            Err(error) => return Err(error),
        };
        // An image that is still made, failed, or was disabled cannot be launched: EC2 would say `InvalidAMIID.Unavailable`.
        let usable = |state: Option<&ImageState>| matches!(state, None | Some(ImageState::Available));
        let Some(image) = answer.images().iter().find(|image| image.image_id() == Some(id) && usable(image.state())) else {
            return Ok(ImageAnswer::Missing);
        };
        let Some(root_device) = image.root_device_name().filter(|name| !name.is_empty()) else {
            let message =
                format!("the image {id} names no root device, so its root volume cannot be set: choose an image that boots from EBS");
            return Err(CloudError { kind: ErrorKind::Invalid, operation: OPERATION.to_owned(), code: None, message, request_id: None });
        };
        let architecture = image.architecture().map(|architecture| architecture.as_str().to_owned()).unwrap_or_default();
        Ok(ImageAnswer::Found(Image { id: id.to_owned(), root_device: root_device.to_owned(), architecture }))
    }
}
