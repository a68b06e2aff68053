//! What goes over the wire, and what comes back. Inside the crate, because the credentials and the endpoint are given here and not looked for.

mod errors;
mod facts;
mod observing;
mod polling;
mod preflight;
mod requests;
mod round_trip;
mod running;
mod server;

use aws_credential_types::Credentials;
use aws_sdk_ec2::config::retry::RetryConfig;
use kaphost_plan::{Names, Query};

use crate::{Aws, ConnectOptions, connect};

pub(super) const REGION: &str = "us-east-1";

/// Everything on this URL, one try for each call.
pub(super) async fn aws(url: &str) -> Aws {
    let options = ConnectOptions { region: REGION.into(), profile: None, endpoint_url: Some(url.into()) };
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    let loader = connect::loader(&options).unwrap().credentials_provider(credentials).retry_config(RetryConfig::disabled());
    Aws::from_config(&loader.load().await, REGION).unwrap()
}

pub(super) fn query() -> Query {
    Query::of(Names::from_cluster("kapacitor-stage", REGION))
}
