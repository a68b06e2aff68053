//! One HTTP client for everything that the SDK calls: connections are kept and shared, and nothing of TLS is loaded before the first `https` call.
//!
//! The SDK's own client reads the machine's root certificates once for each service client, before any call. With a plain `http` endpoint that is
//! wasted, and it is most of the start-up time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// How long an idle connection is kept: longer than a poll's interval, shorter than the minute after which AWS's balancers close.
const IDLE: Duration = Duration::from_secs(50);

/// The client.
pub(crate) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Client::default())
}

/// Connectors by what makes them differ.
type Connectors = Mutex<HashMap<(Scheme, Option<Duration>, Option<Duration>), SharedHttpConnector>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    /// Emulators on loopback, and the metadata endpoints that credentials come from. Never by a proxy.
    Http,
    /// AWS. By the proxy that the environment names, if any.
    Https,
}

#[derive(Clone, Debug, Default)]
struct Client {
    connectors: Arc<Connectors>,
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(ByScheme { client: self.clone(), settings: settings.clone(), sleep: components.sleep_impl() })
    }
}

impl Client {
    fn connector(
        &self,
        scheme: Scheme,
        settings: &HttpConnectorSettings,
        sleep: Option<&SharedAsyncSleep>,
    ) -> Result<SharedHttpConnector, ConnectorError> {
        let key = (scheme, settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = connectors.get(&key) {
            return Ok(known.clone());
        }
        let made = SharedHttpConnector::new(build(scheme, settings, sleep)?);
        connectors.insert(key, made.clone());
        Ok(made)
    }
}

fn build(scheme: Scheme, settings: &HttpConnectorSettings, sleep: Option<&SharedAsyncSleep>) -> Result<Connector, ConnectorError> {
    let (trust, proxy) = match scheme {
        Scheme::Http => (TrustStore::empty(), ProxyConfig::disabled()),
        Scheme::Https => (TrustStore::default(), ProxyConfig::from_env()),
    };
    let tls = TlsContext::builder().with_trust_store(trust).build().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut builder = Connector::builder()
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(tls)
        .connector_settings(settings.clone())
        .proxy_config(proxy)
        .pool_idle_timeout(IDLE);
    builder.set_sleep_impl(sleep.cloned());
    Ok(builder.build())
}

/// Chooses the connector when the request, and with it the scheme, is known.
#[derive(Debug)]
struct ByScheme {
    client: Client,
    settings: HttpConnectorSettings,
    sleep: Option<SharedAsyncSleep>,
}

impl HttpConnector for ByScheme {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let scheme = if request.uri().starts_with("http://") { Scheme::Http } else { Scheme::Https };
        match self.client.connector(scheme, &self.settings, self.sleep.as_ref()) {
            Ok(connector) => connector.call(request),
            Err(error) => HttpConnectorFuture::ready(Err(error)),
        }
    }
}
