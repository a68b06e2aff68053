//! From options to clients.

use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_ec2::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{FrameworkMetadata, StalledStreamProtectionConfig};
use kaphost_apply::{CloudError, ErrorKind};

use crate::autoscaling::AutoScaling;
use crate::ec2::Ec2;
use crate::iam::Iam;
use crate::ssm::Ssm;
use crate::sts::Sts;
use crate::{Aws, http};

/// Tries in all, the SDK's own: throttling, broken connections, 5xx. What else may heal is for whoever calls.
const ATTEMPTS: u32 = 5;
/// A TCP and TLS handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// Between request and the first byte of the answer. Creating an Auto Scaling group includes a trial of the launch: seconds, not milliseconds.
const READ: Duration = Duration::from_secs(30);
/// One try.
const ATTEMPT: Duration = Duration::from_secs(45);
/// All tries of one call with the pauses between them.
const OPERATION: Duration = Duration::from_secs(180);

/// How to reach AWS. What is not said here comes from where the SDK looks for it: environment, profile, metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The cluster's region: `us-east-1`. It wins over `AWS_REGION` and the profile's.
    pub region: String,
    /// A profile of the user's AWS configuration, in place of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// Call this, in place of AWS and of `AWS_ENDPOINT_URL`: `http://127.0.0.1:5000`.
    pub endpoint_url: Option<String>,
}

impl Aws {
    /// Prepares the clients. Makes no call: credentials are looked for with the first one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the region is empty or the endpoint (the option's, or the environment's) is no `http://` or `https://` URL.
    pub async fn connect(options: ConnectOptions) -> Result<Self, CloudError> {
        let config = loader(&options)?.load().await;
        Self::from_config(&config, &options.region)
    }

    pub(crate) fn from_config(config: &SdkConfig, region: &str) -> Result<Self, CloudError> {
        if let Some(url) = config.endpoint_url() {
            check_endpoint(url)?;
        }
        // A bucket of retry tokens for each service: one that throttles must not take the retries of the others, nor those of another region.
        let partition = |service: &str| RetryPartition::new(format!("kaphost-{service}-{region}"));
        let endpoint = |service: &str| config.endpoint_url().map_or_else(|| format!("{service} in {region}"), str::to_owned);
        let ec2 = aws_sdk_ec2::config::Builder::from(config).retry_partition(partition("ec2")).build();
        let iam = aws_sdk_iam::config::Builder::from(config).retry_partition(partition("iam")).build();
        let autoscaling = aws_sdk_autoscaling::config::Builder::from(config).retry_partition(partition("autoscaling")).build();
        let sts = aws_sdk_sts::config::Builder::from(config).retry_partition(partition("sts")).build();
        Ok(Self {
            ec2: Ec2::new(aws_sdk_ec2::Client::from_conf(ec2), endpoint("EC2")),
            iam: Iam { client: aws_sdk_iam::Client::from_conf(iam), endpoint: endpoint("IAM") },
            autoscaling: AutoScaling { client: aws_sdk_autoscaling::Client::from_conf(autoscaling), endpoint: endpoint("Auto Scaling") },
            sts: Sts { client: aws_sdk_sts::Client::from_conf(sts), endpoint: endpoint("STS") },
            ssm: Ssm::new(config, region),
        })
    }
}

/// Everything but the credentials, which the SDK finds.
pub(crate) fn loader(options: &ConnectOptions) -> Result<ConfigLoader, CloudError> {
    if options.region.is_empty() {
        return Err(invalid("the region is empty: name the cluster's, for example `us-east-1`".to_owned()));
    }
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(options.region.clone()))
        .http_client(http::client())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        // Answers are small and the timeouts above hold them: nothing streams.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    // `app/kaphost` and `lib/kaphost/<version>` in the user agent, which CloudTrail keeps.
    if let Ok(name) = AppName::new("kaphost") {
        loader = loader.app_name(name);
    }
    if let Ok(metadata) = FrameworkMetadata::new("kaphost", Some(env!("CARGO_PKG_VERSION"))) {
        loader = loader.framework_metadata(metadata);
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        check_endpoint(url)?;
        loader = loader.endpoint_url(url);
    }
    Ok(loader)
}

fn check_endpoint(url: &str) -> Result<(), CloudError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#', ':']).next().unwrap_or_default());
    match host {
        Some(host) if !host.is_empty() && !url.contains(char::is_whitespace) => Ok(()),
        _ => Err(invalid(format!("the endpoint `{url}` is no URL: it looks like `http://127.0.0.1:5000` or `https://host`"))),
    }
}

fn invalid(message: String) -> CloudError {
    CloudError { kind: ErrorKind::Invalid, operation: "connect to AWS".to_owned(), code: None, message, request_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url() {
        for good in ["http://127.0.0.1:5000", "https://example.org", "http://[::1]:80/x"] {
            assert!(check_endpoint(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:5000", "http://", "http://:80", "ftp://host", "http://a b"] {
            assert_eq!(check_endpoint(bad).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn a_region_is_needed() {
        assert!(loader(&ConnectOptions::default()).is_err());
    }
}
