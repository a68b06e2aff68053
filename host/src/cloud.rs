//! Opens the cloud that the user chose, and reads it.

use std::path::Path;

use kaphost_apply::{Cloud, find, look};
use kaphost_aws::{Aws, ConnectOptions};
use kaphost_lab::Lab;
use kaphost_plan::{Desired, Image, ImageAnswer, Names, Observed, Query};
use kaphost_spec::Ami;
use kaphost_spec::facts::{Facts, FactsQuery};

use crate::cli::CloudArgs;
use crate::failure::Failure;
use crate::images::Images;
use crate::interrupt::or_ctrl_c;

/// A cloud, and what is remembered of it.
pub(crate) struct Session {
    /// The port.
    pub(crate) cloud: Box<dyn Cloud>,
    images: Images,
}

impl Session {
    /// Opens the cloud for a region.
    ///
    /// # Errors
    /// When the choice is none, the lab's file is broken, or there is no way to reach AWS.
    pub(crate) async fn open(args: &CloudArgs, region: &str) -> Result<Self, Failure> {
        if let Some(file) = args.cloud.strip_prefix("lab:") {
            if file.is_empty() {
                return Err(Failure::Usage("`lab:` names no file: use `lab:FILE`".into()));
            }
            let lab = Lab::open(Path::new(file), region).map_err(Failure::Lab)?;
            return Ok(Self { cloud: Box::new(lab), images: Images::open(format!("lab:{file}")) });
        }
        if args.cloud != "aws" {
            return Err(Failure::Usage(format!("`{}` is no cloud: use `aws` or `lab:FILE`", args.cloud)));
        }
        let endpoint = args.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
        let scope = format!("{} {region}", endpoint.as_deref().unwrap_or("aws"));
        let options = ConnectOptions { region: region.to_owned(), profile: args.profile.clone(), endpoint_url: endpoint };
        Ok(Self { cloud: Box::new(Aws::connect(options).await?), images: Images::open(scope) })
    }

    /// The image, as remembered. What a parameter or a search means may be another image today: only ids are remembered.
    #[must_use]
    pub(crate) fn known(&self, ami: &Ami) -> Option<Image> {
        if let Ami::Id(id) = ami { self.images.get(id.as_str()) } else { None }
    }

    /// Remembers an image.
    pub(crate) fn learn(&mut self, image: &Image) {
        self.images.learn(image);
    }

    /// Reads everything that a plan needs, and the image unless it is remembered. The image that comes back is the answer or the memory.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn observe(&mut self, desired: &Desired) -> Result<(Observed, Option<Image>), Failure> {
        let known = self.known(&desired.image);
        let observed = or_ctrl_c(look(self.cloud.as_ref(), desired, known.as_ref())).await?;
        if let ImageAnswer::Found(found) = &observed.image {
            self.images.learn(found);
            let found = found.clone();
            return Ok((observed, Some(found)));
        }
        Ok((observed, known))
    }

    /// Reads facts. What they say of the image is remembered: it need not be read again to plan.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn facts(&mut self, query: &FactsQuery) -> Result<Facts, Failure> {
        let facts = or_ctrl_c(self.cloud.facts(query)).await?;
        if let Some(ami) = &facts.ami {
            let (id, root_device, architecture) = (ami.id.clone(), ami.root_device.clone(), ami.architecture.clone());
            self.images.learn(&Image { id, root_device, architecture });
        }
        Ok(facts)
    }

    /// Reads everything under a cluster's names but no image.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn observe_names(&self, names: &Names, attachments: bool) -> Result<Observed, Failure> {
        or_ctrl_c(find(self.cloud.as_ref(), Query { attachments, ..Query::of(names.clone()) })).await
    }
}

/// Runs one command's asynchronous part. One thread: what it waits for is AWS.
///
/// # Errors
/// When the system gives no runtime, and what the command itself fails with.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Runtime(error.to_string()))?;
    let result = runtime.block_on(work);
    // A question that nobody answers any more must not keep the program.
    runtime.shutdown_background();
    result
}
