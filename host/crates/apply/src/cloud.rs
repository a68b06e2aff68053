//! The port: what kaphost asks of a cloud. Three answer it: AWS by its SDK, the lab in memory, and what a test scripts.

use std::fmt;
use std::time::SystemTime;

pub use futures_util::future::BoxFuture;
use kaphost_plan::preflight::{Inquiry, World};
use kaphost_plan::{Call, Instance, Observed, Output, Query, Refresh, Running};
use kaphost_spec::facts::{Facts, FactsQuery};

/// A cloud.
///
/// Every method is one attempt from the caller's view: throttling and broken connections are retried below it (in the SDK),
/// [`ErrorKind`]s that a retry table covers are retried above it (in the executor).
pub trait Cloud: Send + Sync {
    /// Reads everything under a cluster's names, all reads side by side.
    ///
    /// # Errors
    /// When any read fails. "Not found" is no failure.
    fn observe<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Observed, CloudError>>;

    /// Reads what policies ask to know of the world around a cluster, and nothing else, all reads side by side. What there is not is absent from the
    /// answer ([`FactsQuery::missing`] names it); lists are sorted.
    ///
    /// # Errors
    /// When any read fails. "Not found" is no failure.
    fn facts<'a>(&'a self, query: &'a FactsQuery) -> BoxFuture<'a, Result<Facts, CloudError>>;

    /// Reads what a plan takes for granted of the world, and nothing else, all reads side by side. A question that AWS does not answer is
    /// [`Asked::Unanswered`](kaphost_plan::preflight::Asked), and no failure: what is asked here AWS says later anyway.
    ///
    /// # Errors
    /// When nothing can be asked at all.
    fn preflight<'a>(&'a self, inquiry: &'a Inquiry) -> BoxFuture<'a, Result<World, CloudError>>;

    /// Makes one write. Never called with a wait.
    ///
    /// # Errors
    /// When AWS refuses, or does not answer.
    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Output, CloudError>>;

    /// The latest instance refreshes of a group, newest first. A group that is not there has none.
    ///
    /// # Errors
    /// When the read fails.
    fn refreshes<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<Refresh>, CloudError>>;

    /// The id of the newest scaling activity of the groups that have this name or had it: they outlive their group. None where AWS remembers no such group, which it does for six weeks.
    ///
    /// # Errors
    /// When the read fails.
    fn last_activity<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<String>, CloudError>>;

    /// An Auto Scaling group by its name, whoever made it, followed to what its server is made of. Reads one after the other: each says where the next is.
    ///
    /// # Errors
    /// When a read fails. A group that is not there is `Ok(None)`.
    fn running<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Running>, CloudError>>;

    /// One poll of an Auto Scaling group and its scaling activities that started at or after `since`.
    ///
    /// # Errors
    /// When a read fails. A group that is not there is `Ok(None)`.
    fn group<'a>(&'a self, name: &'a str, since: SystemTime) -> BoxFuture<'a, Result<Option<GroupReport>, CloudError>>;
}

/// A group at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupReport {
    /// Its instances.
    pub instances: Vec<Instance>,
    /// Its scaling activities, newest first.
    pub activities: Vec<Activity>,
    /// `Delete in progress`, when it is.
    pub status: Option<String>,
}

/// One scaling activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// `InProgress`, `Successful`, `Failed`, …
    pub status: String,
    /// What it does: "Launching a new EC2 instance: i-0abc".
    pub description: String,
    /// Why it is done, in AWS's words.
    pub cause: String,
    /// How it went, in AWS's words. This is where the reason of a failure stands.
    pub message: Option<String>,
}

/// What went wrong, as far as kaphost acts on it. Each row of the retry table (`retry`) is one of these and an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// What the call is about is not there, or not visible yet.
    NotFound,
    /// Something of that name, or such a rule, is there already.
    AlreadyExists,
    /// IAM has not reached EC2 yet: "Invalid IAM Instance Profile", "Invalid principal in policy".
    NotVisibleYet,
    /// Something still uses it: `DependencyViolation`, `DeleteConflict`, `ResourceInUse`, `ScalingActivityInProgress`.
    InUse,
    /// Another change is being made: `ConcurrentModification`, `ResourceContention`. Retryable.
    Busy,
    /// Too many calls, and the SDK has given up.
    Throttled,
    /// The caller may not do this.
    AccessDenied,
    /// A quota is reached. Never retried: waiting does not help.
    Quota,
    /// AWS does not like the values.
    Invalid,
    /// There are no credentials, or they are no longer good.
    Credentials,
    /// No answer: no connection, or none in time.
    Unreachable,
    /// AWS failed (5xx).
    Service,
    /// Something of that name is there and belongs to somebody else. Only the executor says so, having looked.
    NotOurs,
    /// AWS tried to launch the server and failed. Only a wait says so.
    LaunchFailed,
    /// An instance refresh did not come to its end. Only a wait says so.
    RolloutFailed,
    /// A wait was over before what it waited for came.
    TimedOut,
    /// The plan contradicts itself: it was not made by the planner.
    BrokenPlan,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Whether a write that ended so may have been carried out all the same: AWS did not say no, its answer is missing.
    #[must_use]
    pub const fn leaves_doubt(self) -> bool {
        matches!(self, Self::Unreachable | Self::Service)
    }
}

/// One failed call.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CloudError {
    /// What kaphost makes of it.
    pub kind: ErrorKind,
    /// `CreateRole`.
    pub operation: String,
    /// AWS's code: `MalformedPolicyDocument`.
    pub code: Option<String>,
    /// AWS's words, or the connector's.
    pub message: String,
    /// For AWS's support.
    pub request_id: Option<String>,
}

impl CloudError {
    /// An error that kaphost itself found: no code of AWS, no request.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), code: None, message: message.into(), request_id: None }
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{}: {code}: {}", self.operation, self.message),
            None => write!(f, "{}: {}", self.operation, self.message),
        }
    }
}

impl std::error::Error for CloudError {}
