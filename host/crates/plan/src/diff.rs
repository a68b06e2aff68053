//! The way from what AWS holds to what it should hold.

mod group;
mod role;
mod rules;
mod security_group;
mod template;

use crate::desired::{Desired, ImageFact};
use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Image, Observed, Query};
use crate::plan::{Plan, Refusal, RefusalCode};
use crate::resource::Kind;

/// What to read before [`diff`]. Asks for the image only when it is not known already.
#[must_use]
pub fn query(desired: &Desired, known: Option<&Image>) -> Query {
    let asked = known.is_none_or(|image| image.id != desired.image);
    Query { names: desired.names.clone(), image: asked.then(|| desired.image.clone()), attachments: false }
}

/// Plans the way from observed to desired. Get `image` from [`Desired::image_fact`].
///
/// A resource that is ours ends up as desired, its tags included: tags that others put onto it are removed, except AWS's own. What is not ours is never
/// written. A group of ours that has no healthy instance but is as desired needs no write: healing is AWS's work.
///
/// # Errors
/// Every reason why no plan can be made, at once.
pub fn diff(desired: &Desired, observed: &Observed, image: ImageFact<'_>) -> Result<Plan, Vec<Refusal>> {
    let mut draft = Draft::new(&desired.names);
    let mut tags = Ec2Tags::default();

    let root = root_device(&mut draft, desired, image);
    role::plan(&mut draft, desired, observed);
    let security_group = security_group::plan(&mut draft, desired, observed, &mut tags);
    let existing = observed.auto_scaling_group.as_ref();
    let version = template::plan(&mut draft, desired, observed, root, &security_group, &mut tags);
    tags.plan(&mut draft);
    group::plan(&mut draft, desired, existing, &version);

    draft.finish()
}

/// The name of the root device. A refusal gives a name all the same: no plan comes of it, and the other refusals are still found.
fn root_device<'a>(draft: &mut Draft<'_>, desired: &Desired, image: ImageFact<'a>) -> &'a str {
    match image {
        ImageFact::Missing => {
            let message = format!("the image {} is not in {}, or this account may not see it", desired.image, desired.names.region);
            let help = "check the id and the region: every region has ids of its own; a private image must be shared with this account";
            draft.refuse(RefusalCode::ImageMissing, Kind::LaunchTemplate, message, help, Some("ami"));
            ""
        }
        ImageFact::Found(image) => {
            if desired.template.devices.contains_key(&image.root_device) {
                let device = &image.root_device;
                let message = format!("the volume {device} stands where the image {} has its root volume", image.id);
                let path = format!("volume[\"{device}\"]");
                draft.refuse(RefusalCode::RootDeviceTaken, Kind::LaunchTemplate, message, "give the volume another device", Some(&path));
            }
            &image.root_device
        }
    }
}
