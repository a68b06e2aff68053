//! The way from what AWS holds to what it should hold.

mod elsewhere;
mod group;
mod policies;
mod role;
mod rollout;
mod rules;
mod security_group;
mod template;

use kaphost_spec::Ami;

use crate::desired::{Desired, ImageFact};
pub(crate) use policies::Claims;
pub use rollout::needs_refresh;
pub(crate) use template::identify;

use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Image, ImageGap, Observed, Query};
use crate::plan::{Plan, Refusal, RefusalCode};
use crate::resource::Kind;

/// What to read before [`diff`]. Asks for the image only when it is not known already: `known` is the one of the config's id, or the one that
/// the config's parameter or search gave earlier in the same run.
#[must_use]
pub fn query(desired: &Desired, known: Option<&Image>) -> Query {
    let asked = known.is_none_or(|image| !desired.is_image(image));
    let policies = &desired.policies;
    Query {
        image: asked.then(|| desired.image.clone()),
        attachments: desired.read_attachments || !policies.managed.is_empty() || !policies.inline.is_empty(),
        documents: policies.inline.keys().cloned().collect(),
        group: desired.elsewhere.as_ref().map(|elsewhere| elsewhere.group.clone()),
        ..Query::of(desired.names.clone())
    }
}

/// Plans the way from observed to desired. Get `image` from [`Desired::image_fact`].
///
/// A resource that is ours ends up as desired, its tags included: tags that others put onto it are removed, except AWS's own. What is not ours is never
/// written. A group of ours that has no healthy instance but is as desired needs no write: healing is AWS's work.
///
/// # Errors
/// Every reason why no plan can be made, at once.
pub fn diff(desired: &Desired, observed: &Observed, image: ImageFact<'_>) -> Result<Plan, Vec<Refusal>> {
    let desired = &*desired.located(observed);
    let mut draft = Draft::new(&desired.names);
    let mut tags = Ec2Tags::default();

    let image = found(&mut draft, desired, image);
    role::plan(&mut draft, desired, observed);
    let security_group = security_group::plan(&mut draft, desired, observed, &mut tags);
    elsewhere::plan(&mut draft, desired, observed);
    let version = template::plan(&mut draft, desired, observed, &image, &security_group, &mut tags);
    tags.plan(&mut draft);
    let content = template::content(desired, &image, &security_group);
    group::plan(&mut draft, desired, observed, &version, &content);

    draft.finish()
}

/// The image. A refusal gives one all the same: no plan comes of it, and the other refusals are still found.
fn found(draft: &mut Draft<'_>, desired: &Desired, image: ImageFact<'_>) -> Image {
    let region = &desired.names.region;
    let mut refuse = |message: String, help: &str, path: &str| {
        draft.refuse(RefusalCode::ImageMissing, Kind::LaunchTemplate, message, help, Some(path));
    };
    match image {
        ImageFact::Missing(gap) => {
            match (gap, &desired.image) {
                (ImageGap::NoImage(id), Ami::Ssm(parameter)) => refuse(
                    format!("the parameter {parameter} names the image {id}, which is not in {region}, or this account may not see it"),
                    "name a parameter of this region that holds the id of an image that is there",
                    "ami",
                ),
                (ImageGap::NoImage(id), _) => refuse(
                    format!("the image {id} is not in {region}, or this account may not see it"),
                    "check the id and the region: every region has ids of its own; a private image must be shared with this account",
                    "ami",
                ),
                (ImageGap::NoMatch, Ami::Lookup { owner, name }) => refuse(
                    format!("no available image of {owner} in {region} has a name like `{name}`"),
                    "check owner and name: `*` stands for any characters; an owner is an account id, `self`, or an alias such as `amazon`",
                    "ami.name",
                ),
                (ImageGap::NotAnId(value), _) => refuse(
                    format!("the SSM parameter holds `{value}`, which is no image's id"),
                    "name a parameter that holds an id and nothing else: `ami-…`",
                    "ami",
                ),
                (ImageGap::NoMatch | ImageGap::NoParameter, _) => refuse(
                    format!("there is no such SSM parameter in {region}"),
                    "check its name and the region; the public ones of AWS begin with /aws/service/",
                    "ami",
                ),
            }
            Image { id: String::new(), root_device: String::new(), architecture: String::new() }
        }
        ImageFact::Found(image) => {
            if desired.template.devices.contains_key(&image.root_device) {
                let device = &image.root_device;
                let message = format!("the volume {device} stands where the image {} has its root volume", image.id);
                let path = format!("volume[\"{device}\"]");
                draft.refuse(RefusalCode::RootDeviceTaken, Kind::LaunchTemplate, message, "give the volume another device", Some(&path));
            }
            image.clone()
        }
    }
}
