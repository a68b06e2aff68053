//! Systems Manager, of which kaphost needs one call: the value of a parameter that names an image.
//!
//! The service's SDK would add two minutes to every build on two cores for it, so the call is made with the parts that every SDK is made of: the same
//! credentials, signature, retries, timeouts and connections. Its protocol is AWS JSON 1.1: a POST of a JSON object, whose answer is one.

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use kaphost_apply::{CloudError, ErrorKind};
use serde_json::{Value, json};

const SERVICE: &str = "ssm";
const OPERATION: &str = "GetParameter";
const TARGET: &str = "AmazonSSM.GetParameter";
/// What SSM says of a parameter that is not there, and of a version or label that is not.
const MISSING: [&str; 2] = ["ParameterNotFound", "ParameterVersionNotFound"];

/// The one call and who it goes to, for errors.
#[derive(Debug)]
pub(crate) struct Ssm {
    get: Operation<String, String, Refused>,
    endpoint: String,
}

/// What SSM answered in place of a parameter.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(ErrorMetadata);

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Ssm {
    pub(crate) fn new(config: &SdkConfig, region: &str) -> Self {
        let url = config.endpoint_url().map_or_else(|| format!("https://ssm.{region}.{}", suffix(region)), str::to_owned);
        let endpoint = config.endpoint_url().map_or_else(|| format!("SSM in {region}"), str::to_owned);
        let mut builder = Operation::builder()
            .service_name(SERVICE)
            .operation_name(OPERATION)
            .endpoint_url(&url)
            .with_connection_poisoning()
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
            .runtime_plugin(signing(config, region));
        if let Some(behaviour) = config.behavior_version() {
            builder = builder.behavior_version(behaviour);
        }
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(retries) = config.retry_config() {
            builder = builder.standard_retry(retries);
        }
        if let Some(timeouts) = config.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = config.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            builder = builder.time_source(time);
        }
        if let Some(protection) = config.stalled_stream_protection() {
            builder = builder.stalled_stream_protection(protection);
        }
        Self { get: builder.serializer(request).deserializer(value).build(), endpoint }
    }

    /// The value of a parameter; `None` when there is none of the name.
    pub(crate) async fn parameter(&self, name: &str) -> Result<Option<String>, CloudError> {
        let answer = self.get.invoke(name.to_owned()).await;
        match answer.map_err(|error: SdkError<Refused, HttpResponse>| crate::error::translate(OPERATION, &self.endpoint, &error)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.code.as_deref().is_some_and(|code| MISSING.contains(&code)) => Ok(None),
            // Its other words for values that it does not like, such as a path that ends with a slash, begin with its own name.
            Err(error) if error.kind == ErrorKind::Other => Err(CloudError { kind: ErrorKind::Invalid, ..error }),
            Err(error) => Err(error),
        }
    }
}

/// Signature version 4, by the credentials that every client has.
fn signing(config: &SdkConfig, region: &str) -> StaticRuntimePlugin {
    let mut layer = Layer::new("ssm");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigningName::from_static(SERVICE));
    layer.store_put(SigningRegion::from(Region::new(region.to_owned())));
    layer.store_put(SigV4OperationSigningConfig {
        name: Some(SigningName::from_static(SERVICE)),
        region: Some(SigningRegion::from(Region::new(region.to_owned()))),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("ssm")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]))));
    if let Some(credentials) = config.credentials_provider() {
        components = components.with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    if let Some(cache) = config.identity_cache() {
        components = components.with_identity_cache(Some(cache));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn request(name: String) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = HttpRequest::new(SdkBody::from(json!({ "Name": name }).to_string()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.1");
    request.headers_mut().insert("x-amz-target", TARGET);
    Ok(request)
}

fn value(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let body: Value = response.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    if response.status().is_success() {
        return match body["Parameter"]["Value"].as_str() {
            Some(value) => Ok(value.to_owned()),
            None => Err(OrchestratorError::other("the answer holds no value of the parameter")),
        };
    }
    let text = |key: &str| body[key].as_str();
    // The code may come with the name space of the service in front.
    let code = text("__type").map(|code| code.rsplit('#').next().unwrap_or(code));
    let mut refused = ErrorMetadata::builder();
    if let Some(code) = code {
        refused = refused.code(code);
    }
    if let Some(message) = text("message").or_else(|| text("Message")) {
        refused = refused.message(message);
    }
    Err(OrchestratorError::operation(Refused(refused.build())))
}

/// The domain of AWS's partitions. `AWS_ENDPOINT_URL` is for whoever lives in another.
fn suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}
