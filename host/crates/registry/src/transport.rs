//! One request and its answer: by `https`, through the proxy that the environment names, or by plain `http` on this machine; within its time, and read no
//! further than was allowed. The clients are what the AWS SDK's own are made of, so nothing is built or loaded twice.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::LINK;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower_service::Service;
use url::Url;

use crate::error::{RegistryError, shown};
use crate::limits::Limits;

type Boxed = Box<dyn Error + Send + Sync>;
type Secure = Client<HttpsConnector<Proxied>, Full<Bytes>>;

/// Clients, made when they are first needed: the machine's root certificates take a while to read.
#[derive(Debug)]
pub(crate) struct Transport {
    limits: Limits,
    plain: OnceLock<Client<HttpConnector, Full<Bytes>>>,
    /// Or why there is none.
    secure: OnceLock<Result<Secure, String>>,
}

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where it came from.
    pub(crate) url: Url,
    body: Incoming,
    registry: String,
    limits: Limits,
    deadline: Instant,
}

impl Transport {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits, plain: OnceLock::new(), secure: OnceLock::new() }
    }

    /// Asks once. Whoever calls has decided that the address may be asked; errors call it by its host.
    pub(crate) async fn send(&self, url: &Url, request: Request<Full<Bytes>>) -> Result<Answer, RegistryError> {
        let registry = authority(url);
        let deadline = Instant::now() + self.limits.whole;
        let is_empty = request.body().is_end_stream();
        let unreachable = |why: String| RegistryError::Unreachable { registry: registry.clone(), why };
        let asked = if url.scheme() == "http" {
            self.plain.get_or_init(|| Client::builder(TokioExecutor::new()).build(http(self.limits.connect))).request(request)
        } else {
            let secure = self
                .secure
                .get_or_init(|| secure(self.limits.connect).map(|connector| Client::builder(TokioExecutor::new()).build(connector)));
            secure.as_ref().map_err(|why| unreachable(why.clone()))?.request(request)
        };
        // A body that is sent may take as long as one that comes.
        let within = if is_empty { self.limits.pause.max(self.limits.connect) } else { self.limits.whole };
        let response: Response<Incoming> = match tokio::time::timeout(within, asked).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Err(unreachable(why(&error))),
            Ok(Err(error)) => return Err(RegistryError::Broken { registry, why: why(&error) }),
            Err(_) => return Err(slow(&registry, within)),
        };
        let (head, body) = response.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, url: url.clone(), body, registry, limits: self.limits, deadline })
    }
}

/// Of a header's links: `<ADDRESS>; rel="next", …`.
fn next_of(links: &str) -> Option<String> {
    let of_next = |link: &str| {
        let (target, parameters) = link.split_once('>')?;
        let is_next = |parameter: &str| {
            let (name, value) = parameter.split_once('=')?;
            let words = value.trim().trim_end_matches(',').trim().trim_matches('"');
            (name.trim().eq_ignore_ascii_case("rel") && words.split_whitespace().any(|word| word.eq_ignore_ascii_case("next")))
                .then_some(())
        };
        parameters.split(';').find_map(is_next).map(|()| target.trim().to_owned())
    };
    links.split('<').skip(1).find_map(of_next)
}

fn slow(registry: &str, after: Duration) -> RegistryError {
    RegistryError::Slow { registry: registry.to_owned(), what: "an answer", seconds: after.as_secs() }
}

impl Answer {
    /// A header's text, where it has one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a list goes on of which this is a part: the target of the link (RFC 8288) whose relation is `next`.
    pub(crate) fn next_page(&self) -> Option<String> {
        self.headers.get_all(LINK).iter().filter_map(|header| next_of(header.to_str().ok()?)).next()
    }

    /// Bytes, as the answer itself says.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let frame = tokio::time::timeout(self.limits.pause.min(left), self.body.frame()).await;
            let frame =
                frame.map_err(|_| slow(&self.registry, if left < self.limits.pause { self.limits.whole } else { self.limits.pause }))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(RegistryError::Broken { registry: self.registry.clone(), why: why(&error) }),
                // What comes after the body says nothing that is asked for.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body, which may be so long. `what` has its article.
    pub(crate) async fn bytes(&mut self, what: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let too_large = |size| RegistryError::TooLarge { what: what.to_owned(), size, limit };
        if let Some(length) = self.length().filter(|length| *length > limit) {
            return Err(too_large(Some(length)));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            if (bytes.len() + piece.len()) as u64 > limit {
                return Err(too_large(None));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// Host, and port where it is not the scheme's.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The innermost causes of an error, which say most; hyper's outer ones say "client error".
fn why(error: &dyn Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    let from = words.len().saturating_sub(2);
    let mut said: Vec<String> = words.split_off(from);
    said.dedup();
    // An error that repeats its cause says it once.
    if let [outer, inner] = said.as_slice()
        && outer.contains(inner.as_str())
    {
        said.pop();
    }
    shown(&said.join(": "))
}

fn http(connect: Duration) -> HttpConnector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(connect));
    http.set_nodelay(true);
    http
}

fn secure(connect: Duration) -> Result<HttpsConnector<Proxied>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
    let builder = builder.map_err(|error| format!("this machine's root certificates cannot be used: {error}"))?;
    Ok(builder.https_only().enable_http1().wrap_connector(Proxied { http: http(connect), proxies: Arc::new(Matcher::from_env()) }))
}

/// To where it is asked for, or through a tunnel of the proxy that the environment names for it.
#[derive(Clone, Debug)]
struct Proxied {
    http: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Service<Uri> for Proxied {
    type Response = TokioIo<TcpStream>;
    type Error = Boxed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Boxed>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Boxed>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let mut http = self.http.clone();
        let proxy = self.proxies.intercept(&to);
        Box::pin(async move {
            let Some(proxy) = proxy else { return http.call(to).await.map_err(Into::into) };
            let mut tunnel = Tunnel::new(proxy.uri().clone(), http);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            tunnel.call(to).await.map_err(Into::into)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_at_the_link_whose_relation_is_next() {
        for (links, next) in [
            ("</v2/a/referrers/b?last=c&n=1>; rel=\"next\"", Some("/v2/a/referrers/b?last=c&n=1")),
            ("<https://r.example/x,y>;rel=next", Some("https://r.example/x,y")),
            ("</first>; rel=\"first\", </second>; title=\"a; b\"; REL=\"last Next\", </third>; rel=\"prev\"", Some("/second")),
            ("</a>; rel=\"prev\"", None),
            ("</a>; rel=\"nextish\"; title=\"next\"", None),
            ("</a", None),
            ("rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_of(links).as_deref(), next, "{links}");
        }
    }
}
