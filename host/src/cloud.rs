//! Opens the cloud that the user chose, and reads it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kaphost_apply::{Cloud, find, look};
use kaphost_aws::{Aws, ConnectOptions};
use kaphost_lab::Lab;
use kaphost_plan::preflight::{Inquiry, World};
use kaphost_plan::{Desired, Image, ImageAnswer, Names, Observed, Query};
use kaphost_spec::Ami;
use kaphost_spec::facts::{Facts, FactsQuery};
use tokio::sync::Mutex;

use crate::cli::CloudArgs;
use crate::failure::Failure;
use crate::images::Images;
use crate::interrupt::or_ctrl_c;
use crate::progress::patiently;

/// The cloud that the user chose, each of its regions opened when a cluster first needs it.
pub(crate) struct Clouds<'a> {
    args: &'a CloudArgs,
    images: Arc<Images>,
    open: Mutex<BTreeMap<String, Arc<Session>>>,
}

/// A cloud in one region, and what is remembered of it.
pub(crate) struct Session {
    /// The port.
    pub(crate) cloud: Box<dyn Cloud>,
    images: Arc<Images>,
    /// What the memory calls this cloud and region.
    scope: String,
}

impl<'a> Clouds<'a> {
    /// Opens nothing yet.
    #[must_use]
    pub(crate) fn new(args: &'a CloudArgs) -> Self {
        Self { args, images: Arc::new(Images::open()), open: Mutex::default() }
    }

    /// The session of a region; clusters of one region share it.
    ///
    /// # Errors
    /// When the choice of a cloud is none, the lab's file is broken, or there is no way to reach AWS.
    pub(crate) async fn session(&self, region: &str) -> Result<Arc<Session>, Failure> {
        let mut open = self.open.lock().await;
        if let Some(session) = open.get(region) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.new_session(region).await?);
        open.insert(region.to_owned(), Arc::clone(&session));
        Ok(session)
    }

    async fn new_session(&self, region: &str) -> Result<Session, Failure> {
        let args = self.args;
        let images = Arc::clone(&self.images);
        if let Some(file) = args.cloud.strip_prefix("lab:") {
            if file.is_empty() {
                return Err(Failure::Usage("`lab:` names no file: use `lab:FILE`".into()));
            }
            let lab = Lab::open(Path::new(file), region).map_err(Failure::Lab)?;
            return Ok(Session { cloud: Box::new(lab), images, scope: format!("lab:{file} {region}") });
        }
        if args.cloud != "aws" {
            return Err(Failure::Usage(format!("`{}` is no cloud: use `aws` or `lab:FILE`", args.cloud)));
        }
        let endpoint = args.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
        let scope = format!("{} {region}", endpoint.as_deref().unwrap_or("aws"));
        let options = ConnectOptions { region: region.to_owned(), profile: args.profile.clone(), endpoint_url: endpoint };
        Ok(Session { cloud: Box::new(Aws::connect(options).await?), images, scope })
    }
}

impl Session {
    /// The image, as remembered. What a parameter or a search means may be another image today: only ids are remembered.
    #[must_use]
    pub(crate) fn known(&self, ami: &Ami) -> Option<Image> {
        if let Ami::Id(id) = ami { self.images.get(&self.scope, id.as_str()) } else { None }
    }

    /// Remembers an image.
    pub(crate) fn learn(&self, image: &Image) {
        self.images.learn(&self.scope, image);
    }

    /// Reads everything that a plan needs, and the image unless it is remembered. The image that comes back is the answer or the memory.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn observe(&self, desired: &Desired) -> Result<(Observed, Option<Image>), Failure> {
        let known = self.known(&desired.image);
        let observed = patiently(or_ctrl_c(look(self.cloud.as_ref(), desired, known.as_ref()))).await?;
        if let ImageAnswer::Found(found) = &observed.image {
            self.images.learn(&self.scope, found);
            let found = found.clone();
            return Ok((observed, Some(found)));
        }
        Ok((observed, known))
    }

    /// Reads facts. What they say of the image is remembered: it need not be read again to plan.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn facts(&self, query: &FactsQuery) -> Result<Facts, Failure> {
        let facts = patiently(or_ctrl_c(self.cloud.facts(query))).await?;
        if let Some(ami) = &facts.ami {
            let (id, root_device, architecture) = (ami.id.clone(), ami.root_device.clone(), ami.architecture.clone());
            self.images.learn(&self.scope, &Image { id, root_device, architecture });
        }
        Ok(facts)
    }

    /// Reads what a plan takes for granted.
    ///
    /// # Errors
    /// When nothing can be asked, or ctrl-C comes.
    pub(crate) async fn preflight(&self, inquiry: &Inquiry) -> Result<World, Failure> {
        or_ctrl_c(self.cloud.preflight(inquiry)).await
    }

    /// Reads everything under a cluster's names but no image.
    ///
    /// # Errors
    /// When a read fails, or ctrl-C comes.
    pub(crate) async fn observe_names(&self, names: &Names, attachments: bool) -> Result<Observed, Failure> {
        patiently(or_ctrl_c(find(self.cloud.as_ref(), Query { attachments, ..Query::of(names.clone()) }))).await
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
