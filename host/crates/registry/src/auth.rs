//! Who asks: what a registry wants to know before it answers (`WWW-Authenticate`), and the tokens that it takes.
//!
//! Basic credentials go to the registry that wants them, or to the token service that it names, if that is of its own domain and asked by `https`. A
//! service elsewhere is asked as nobody. What a token is good for is said from here, never by the registry: reading one repository, or writing it too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde::Deserialize;
use url::Url;

use crate::credentials::Credentials;
use crate::error::{RegistryError, shown};
use crate::limits::ANSWER_BYTES;
use crate::transport::{Transport, authority};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    pub(crate) const fn deed(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Read => "pull",
            Self::Write => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }
}

/// What a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password, with each request.
    Basic,
    /// A token from a service.
    Bearer {
        /// Its address.
        realm: String,
        /// What the registry is called there.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads `WWW-Authenticate`. A token is taken before a password, where a registry offers both.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let mut basic = None;
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let (scheme, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if scheme.is_empty() {
                return basic;
            }
            let (parameters, next) = parameters(after);
            let of = |name: &str| parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
            if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = of("realm")
            {
                return Some(Self::Bearer { realm, service: of("service") });
            }
            if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Self::Basic);
            }
            rest = next;
        }
    }
}

/// `name=value, name="value"` up to the next scheme, and what is left.
fn parameters(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut all = Vec::new();
    loop {
        let here = text.trim_start_matches([' ', '\t', ',']);
        let name_end = here.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(here.len());
        let (name, after) = here.split_at(name_end);
        let Some(after) = after.trim_start().strip_prefix('=').filter(|_| !name.is_empty()) else { return (all, here) };
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let mut value = String::new();
            let mut escaped = false;
            let mut end = quoted.len();
            for (at, letter) in quoted.char_indices() {
                match letter {
                    _ if escaped => {
                        value.push(letter);
                        escaped = false;
                    }
                    '\\' => escaped = true,
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    letter => value.push(letter),
                }
            }
            (value, quoted.get(end..).unwrap_or_default())
        } else {
            let end = after.find([',', ' ', '\t']).unwrap_or(after.len());
            (after.get(..end).unwrap_or_default().to_owned(), after.get(end..).unwrap_or_default())
        };
        all.push((name.to_owned(), value));
        text = next;
    }
}

/// Name and password as a header has them.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether a token service may see the registry's credentials: it is the registry, or of the same domain.
fn is_of(registry: &Url, service: &Url) -> bool {
    let (Some(url::Host::Domain(registry)), Some(url::Host::Domain(service))) = (registry.host(), service.host()) else {
        // Addresses have no domain.
        return registry.host() == service.host();
    };
    let domain = |host: &str| {
        let labels: Vec<&str> = host.rsplit('.').take(2).collect();
        (labels.len() == 2).then(|| labels.join("."))
    };
    registry == service || (domain(registry).is_some() && domain(registry) == domain(service))
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Gets a token from the service that the registry names.
pub(crate) async fn token(
    transport: &Transport,
    registry: &Url,
    (realm, service): (&str, Option<&str>),
    (repository, access): (&str, Access),
    credentials: Option<&Credentials>,
) -> Result<HeaderValue, RegistryError> {
    let name = authority(registry);
    let nonsense = |what: &str| RegistryError::Nonsense { registry: name.clone(), what: what.to_owned() };
    let mut url = Url::parse(realm).map_err(|_| nonsense("its token service has no address"))?;
    url.set_fragment(None);
    let astray = |why| RegistryError::Astray { registry: name.clone(), to: shown(&url.origin().ascii_serialization()), why };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(astray("with a name in the address, where no token service is"));
    }
    if !may_be_asked(registry, &url) {
        return Err(astray("to ask for a token without encryption"));
    }
    let known = credentials.filter(|_| is_of(registry, &url));
    let scope = access.scope(repository);
    let request = match known {
        Some(Credentials::Identity(token)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", "kaphost").append_pair("scope", &scope);
            form.append_pair("refresh_token", token);
            if let Some(service) = service {
                form.append_pair("service", service);
            }
            Request::builder()
                .method(Method::POST)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .uri(url.as_str())
                .body(Full::new(Bytes::from(form.finish())))
        }
        _ => {
            url.query_pairs_mut().append_pair("scope", &scope);
            if let Some(service) = service {
                url.query_pairs_mut().append_pair("service", service);
            }
            let mut request = Request::builder().uri(url.as_str());
            if let Some(Credentials::Basic { user, password }) = known
                && let Some(header) = basic(user, password)
            {
                request = request.header(AUTHORIZATION, header);
            }
            request.body(Full::default())
        }
    };
    let mut request = request.map_err(|_| nonsense("its token service has no address"))?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Redirects are not followed: credentials are with it.
    let mut answer = transport.send(&url, request).await?;
    let body = answer.bytes("the answer of the token service", ANSWER_BYTES).await?;
    if !answer.status.is_success() {
        let who = known.map_or_else(|| "anybody".to_owned(), Credentials::who);
        let said = if credentials.is_some() && known.is_none() {
            format!(": its token service {} is of another domain, and was not given the credentials", shown(&authority(&url)))
        } else {
            format!(": its token service answers {}", answer.status.as_u16())
        };
        return Err(RegistryError::Forbidden { registry: name, who, deed: access.deed(), repository: repository.to_owned(), said });
    }
    let token: Token = serde_json::from_slice(&body).map_err(|_| nonsense("its token service gives no token"))?;
    let token =
        token.token.or(token.access_token).filter(|token| !token.is_empty()).ok_or_else(|| nonsense("its token service gives no token"))?;
    sensitive(&format!("Bearer {token}")).ok_or_else(|| nonsense("its token service gives a token that no header can hold"))
}

/// Whether an address that a registry names may be asked at all: by `https`; and by plain `http` on this machine, if that is where the registry is.
pub(crate) fn may_be_asked(registry: &Url, url: &Url) -> bool {
    let is_loopback = |url: &Url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(registry) && is_loopback(url),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer =
            |realm: &str, service: Option<&str>| Some(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) });
        assert_eq!(
            Challenge::read(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull""#),
            bearer("https://auth.docker.io/token", Some("registry.docker.io"))
        );
        assert_eq!(Challenge::read(r#"bearer service=x , realm = "https://a/\"b\"""#), bearer("https://a/\"b\"", Some("x")));
        assert_eq!(Challenge::read(r#"Basic realm="Registry Realm""#), Some(Challenge::Basic));
        assert_eq!(Challenge::read(r#"Basic realm="a", Bearer realm="https://b""#), bearer("https://b", None));
        assert_eq!(Challenge::read("Basic"), Some(Challenge::Basic));
        for other in
            ["", "Negotiate", "Bearer", "Bearer service=x", "Digest realm=\"a\"", "Bearer realm", ",,,", "Bearer realm=\"unterminated"]
        {
            assert!(!matches!(Challenge::read(other), Some(Challenge::Basic)), "{other}");
        }
        assert_eq!(Challenge::read("Bearer service=x"), None);
    }

    #[test]
    fn credentials_go_to_services_of_the_registrys_domain_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (registry, service, may) in [
            ("https://registry-1.docker.io", "https://auth.docker.io/token", true),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("https://ghcr.io", "https://ghcr.io/token", true),
            ("https://ghcr.io", "https://evil.io/token", false),
            ("https://ghcr.io", "https://io/token", false),
            ("https://10.0.0.1", "https://10.0.0.1/token", true),
            ("https://10.0.0.1", "https://11.0.0.1/token", false),
            ("https://registry", "https://registry/token", true),
            ("https://registry", "https://other/token", false),
        ] {
            assert_eq!(is_of(&url(registry), &url(service)), may, "{registry} {service}");
        }
        for (registry, to, may) in [
            ("https://ghcr.io", "https://storage.example.org", true),
            ("https://ghcr.io", "http://ghcr.io", false),
            ("https://ghcr.io", "http://127.0.0.1", false),
            ("http://127.0.0.1:5000", "http://localhost:1", true),
            ("http://127.0.0.1:5000", "http://[::1]:1", true),
            ("http://127.0.0.1:5000", "http://10.0.0.1", false),
            ("http://127.0.0.1:5000", "file:///etc/passwd", false),
        ] {
            assert_eq!(may_be_asked(&url(registry), &url(to)), may, "{registry} {to}");
        }
    }
}
