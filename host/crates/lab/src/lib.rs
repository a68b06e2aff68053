//! A cloud in memory: everything that kaphost does, with no AWS at all.
//!
//! [`Lab`] answers the [`Cloud`] port as AWS documents it would: names are unique, deletions wait for what hangs on the deleted, a new role takes its
//! time to be seen, a new instance is pending for a while. Tests ask it for faults, lost answers, crashes and delays; users try a config on it, kept in a
//! file between runs. It sits beside the adapter for AWS at the end of the pipeline.
//!
//! What it takes on trust: any well-formed id of a VPC, subnet, image, snapshot or foreign security group is one that exists, any key pair and KMS key too.
//! A file may say otherwise for images, subnets, VPCs, key pairs and instance types, and holds the counts that [`Behaviour`] explains. It opens no connection and knows no AWS SDK. It does not run
//! instances, meter quotas beyond those of rules and tags, or check permissions.
//!
//! Rules that somebody added to a group go with the group when it is deleted, as on AWS; everything else of others stays.
//!
//! ```
//! use kaphost_apply::{Cloud as _, ErrorKind};
//! use kaphost_lab::{Fault, Lab};
//! use kaphost_plan::{Call, Tags};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let lab = Lab::new("us-east-1");
//! lab.fault(2, Fault::Refuse(ErrorKind::AccessDenied));
//! let create = |name: &str| Call::CreateInstanceProfile { name: name.into(), path: "/".into(), tags: Tags::new() };
//! lab.act(&create("first")).await?;
//! assert_eq!(lab.act(&create("second")).await.unwrap_err().kind, ErrorKind::AccessDenied);
//! assert_eq!(lab.act(&create("FIRST")).await.unwrap_err().kind, ErrorKind::AlreadyExists);
//! assert_eq!(lab.log().writes().len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod act;
mod facts;
mod faults;
mod handmade;
mod iam;
mod images;
mod log;
mod observe;
mod outside;
mod preflight;
mod refresh;
mod refuse;
mod running;
mod scaling;
mod security_group;
mod serial;
mod state;
mod store;
mod template;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use kaphost_apply::{BoxFuture, Cloud, CloudError, ErrorKind, GroupReport};
use kaphost_plan::preflight::{Inquiry, World};
use kaphost_plan::{Call, Observed, Output, Query, Refresh, Running};
use kaphost_spec::facts::{Facts, FactsQuery};

pub use faults::Fault;
pub use handmade::Handmade;
pub use log::{CallKind, Log, LogEntry};
pub use outside::Holding;
pub use state::Behaviour;
pub use store::LabError;

use faults::{Faults, no_answer, refused};
use store::Store;

/// One caller's view of an account: its region, its faults, its log. Clones share all of that; [`Lab::another`] shares the account only.
#[derive(Clone, Debug)]
pub struct Lab {
    store: Arc<Store>,
    region: String,
    faults: Arc<Mutex<Faults>>,
    log: Arc<Mutex<Log>>,
}

impl Lab {
    /// An empty account, in memory.
    #[must_use]
    pub fn new(region: &str) -> Self {
        Self::on(Arc::new(Store::in_memory()), region)
    }

    /// The account in a file; a file that is not there is an empty account, and is made. It holds user data: its mode is 0600.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not a lab of this version. It is then left as it is.
    pub fn open(path: &Path, region: &str) -> Result<Self, LabError> {
        Ok(Self::on(Arc::new(Store::open(path)?), region))
    }

    fn on(store: Arc<Store>, region: &str) -> Self {
        Self { store, region: region.to_owned(), faults: Arc::default(), log: Arc::default() }
    }

    /// A second caller on the same account, with no faults and an empty log.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::on(Arc::clone(&self.store), &self.region)
    }

    /// What has been called so far.
    #[must_use]
    pub fn log(&self) -> Log {
        guard(&self.log).clone()
    }

    /// Something goes wrong with the `write`-th write from the beginning, counted from 1.
    pub fn fault(&self, write: u64, fault: Fault) {
        guard(&self.faults).at(write, fault);
    }

    /// The next calls of an operation are refused. Reads are `observe`, `running`, `facts`, `preflight`, `refreshes` and `poll`.
    pub fn refuse(&self, operation: &str, kind: ErrorKind, times: u64) {
        guard(&self.faults).refuse(operation, kind, times);
    }

    /// After this many writes, every further call of this caller fails, as if its process were gone. Writes in flight are carried out.
    pub fn crash_after(&self, writes: u64) {
        guard(&self.faults).crash_after(writes);
    }

    /// How long calls take, one after the other and then again from the first. Half of it goes by before the work is done, half after.
    pub fn delay(&self, delays: impl IntoIterator<Item = Duration>) {
        guard(&self.faults).delays(delays.into_iter().collect());
    }

    async fn write(&self, call: &Call) -> Result<Output, CloudError> {
        let operation = call.operation();
        let (fault, delay) = guard(&self.faults).write(operation);
        let fault = fault?;
        half(delay).await;
        let result = match fault {
            Some(Fault::Refuse(kind)) => Err(refused(operation, kind)),
            None => self.carry_out(call),
            Some(Fault::LoseAnswer) => self.carry_out(call).and_then(|_| Err(no_answer(operation))),
            Some(Fault::Repeat) => {
                // Whatever the first answer was, nobody heard it.
                drop(self.carry_out(call));
                self.carry_out(call)
            }
        };
        half(delay).await;
        result
    }

    fn carry_out(&self, call: &Call) -> Result<Output, CloudError> {
        let operation = call.operation();
        let answer = self.store.with(|account| {
            let mut world = account.world(&self.region);
            let answer = world.act(call);
            answer.map_err(|refusal| refusal.of(operation, account.last_id))
        });
        answer.unwrap_or_else(|error| Err(broken(operation, &error)))
    }

    async fn read<T>(&self, operation: &'static str, work: impl FnOnce(&mut state::World<'_>) -> T) -> Result<T, CloudError> {
        let delay = guard(&self.faults).read(operation)?;
        half(delay).await;
        let result = self.store.with(|account| work(&mut account.world(&self.region))).map_err(|error| broken(operation, &error));
        half(delay).await;
        result
    }

    async fn logged<T>(
        &self,
        kind: CallKind,
        operation: &'static str,
        work: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let call = guard(&self.log).begin(kind, operation);
        let result = work.await;
        guard(&self.log).end(call, result.as_ref().err().map(|error| error.kind));
        result
    }
}

impl Cloud for Lab {
    fn observe<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Observed, CloudError>> {
        Box::pin(self.logged(CallKind::Observe, "observe", self.read("observe", |world| world.observe(query))))
    }

    fn facts<'a>(&'a self, query: &'a FactsQuery) -> BoxFuture<'a, Result<Facts, CloudError>> {
        Box::pin(self.logged(CallKind::Facts, "facts", self.read("facts", |world| world.facts(query))))
    }

    fn preflight<'a>(&'a self, inquiry: &'a Inquiry) -> BoxFuture<'a, Result<World, CloudError>> {
        Box::pin(self.logged(CallKind::Preflight, "preflight", self.read("preflight", |world| world.preflight(inquiry))))
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Output, CloudError>> {
        Box::pin(self.logged(CallKind::Write, call.operation(), self.write(call)))
    }

    fn refreshes<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<Refresh>, CloudError>> {
        Box::pin(self.logged(CallKind::Poll, "refreshes", self.read("refreshes", |world| world.refreshes(group))))
    }

    fn last_activity<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<String>, CloudError>> {
        Box::pin(self.logged(CallKind::Poll, "last activity", self.read("last activity", |world| world.last_activity(group))))
    }

    fn running<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Running>, CloudError>> {
        Box::pin(self.logged(CallKind::Observe, "running", self.read("running", |world| world.running(group))))
    }

    fn group<'a>(&'a self, name: &'a str, since: SystemTime) -> BoxFuture<'a, Result<Option<GroupReport>, CloudError>> {
        let look = move |world: &mut state::World<'_>| if world.look(name) { world.report(name, since) } else { None };
        Box::pin(self.logged(CallKind::Poll, "poll", self.read("poll", look)))
    }
}

/// Half the time that a call takes. Even a call that takes none gives others their turn, as any call over a network does.
async fn half(delay: Duration) {
    if delay.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay / 2).await;
    }
}

fn broken(operation: &str, error: &LabError) -> CloudError {
    let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    CloudError::new(ErrorKind::Other, operation, format!("{error}{why}"))
}

/// What is behind these locks is changed in single steps, so a panic elsewhere leaves it whole.
fn guard<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
