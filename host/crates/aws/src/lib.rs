//! The [`Cloud`] port on AWS: [`Aws`].
//!
//! Beside the lab the other end of the pipeline: a [`Query`] becomes reads made side by side, a [`Call`] becomes one write, and what AWS says becomes
//! [`Observed`] or a [`CloudError`]. It translates and decides nothing: what to write is the plan's, what to try again is the executor's
//! (only throttling, broken connections and 5xx are retried here, by the SDK). No type of the SDK is in its interface, and nothing of a
//! request (user data among it) is in an error.
//!
//! ```no_run
//! use kaphost_aws::{Aws, ConnectOptions};
//!
//! # async fn example() -> Result<(), kaphost_apply::CloudError> {
//! let aws = Aws::connect(ConnectOptions { region: "us-east-1".to_owned(), ..ConnectOptions::default() }).await?;
//! # Ok(()) }
//! ```

mod act;
mod autoscaling;
mod connect;
mod ec2;
mod error;
mod http;
mod iam;
mod observe;
mod preflight;
mod running;
mod ssm;
mod sts;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

pub use connect::ConnectOptions;
use kaphost_apply::{BoxFuture, Cloud, CloudError, GroupReport};
use kaphost_plan::preflight::{Inquiry, World};
use kaphost_plan::{Call, Observed, Output, Query, Refresh, Running};
use kaphost_spec::facts::{Facts, FactsQuery};

/// AWS, one region of one account. Cheap to share: all calls go over one pool of connections.
#[derive(Debug)]
pub struct Aws {
    ec2: ec2::Ec2,
    iam: iam::Iam,
    autoscaling: autoscaling::AutoScaling,
    ssm: ssm::Ssm,
    sts: sts::Sts,
}

impl Cloud for Aws {
    fn observe<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<Observed, CloudError>> {
        Box::pin(self.read(query))
    }

    fn facts<'a>(&'a self, query: &'a FactsQuery) -> BoxFuture<'a, Result<Facts, CloudError>> {
        Box::pin(self.read_facts(query))
    }

    fn preflight<'a>(&'a self, inquiry: &'a Inquiry) -> BoxFuture<'a, Result<World, CloudError>> {
        Box::pin(async { Ok(self.ask(inquiry).await) })
    }

    fn act<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Output, CloudError>> {
        Box::pin(self.write(call))
    }

    fn refreshes<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<Refresh>, CloudError>> {
        Box::pin(self.autoscaling.refreshes(group))
    }

    fn last_activity<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<String>, CloudError>> {
        Box::pin(self.autoscaling.last_activity(group))
    }

    fn running<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Option<Running>, CloudError>> {
        Box::pin(self.read_running(group))
    }

    fn group<'a>(&'a self, name: &'a str, since: SystemTime) -> BoxFuture<'a, Result<Option<GroupReport>, CloudError>> {
        Box::pin(self.autoscaling.report(name, since))
    }
}
