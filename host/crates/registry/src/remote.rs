//! One repository of one registry, as one command asks it: with whatever the registry wants to know, following it where it may be followed, and with what
//! it refuses told in words.

use std::sync::Mutex;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use kaphost_spec::Reference;
use serde::Deserialize;
use url::Url;

use crate::Registries;
use crate::auth::{self, Access, Challenge, may_be_asked};
use crate::credentials::{Credentials, is_hub};
use crate::error::{RegistryError, shown};
use crate::limits::{ANSWER_BYTES, REDIRECTS};
use crate::transport::{Answer, authority};

/// Such a repository.
pub(crate) struct Remote<'a> {
    registries: &'a Registries,
    /// As the user calls it.
    pub(crate) registry: String,
    base: Url,
    repository: String,
    access: Access,
    /// What is sent with each request to the registry, once it has asked for it.
    authorization: Mutex<Option<HeaderValue>>,
}

/// A request.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// What is asked for, as a noun.
    pub(crate) what: &'static str,
    pub(crate) accept: &'a str,
    /// The body and its type.
    pub(crate) body: Option<(&'a str, Bytes)>,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(url: Url, what: &'static str, accept: &'a str) -> Self {
        Self { method: Method::GET, url, what, accept, body: None }
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Registries {
    /// The repository of a reference.
    pub(crate) fn remote(&self, reference: &Reference, access: Access) -> Result<Remote<'_>, RegistryError> {
        let registry = reference.registry().to_owned();
        // Docker's registry answers at another name than it is called by, and keeps what has no owner in a place of its own.
        let (host, repository) = if is_hub(&registry) {
            let repository = reference.repository();
            ("registry-1.docker.io", if repository.contains('/') { repository.to_owned() } else { format!("library/{repository}") })
        } else {
            (registry.as_str(), reference.repository().to_owned())
        };
        let scheme = if reference.is_loopback() { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/v2/"))
            .map_err(|_| RegistryError::Nonsense { registry: registry.clone(), what: "its name is none of a host".to_owned() })?;
        Ok(Remote { registries: self, registry, base, repository, access, authorization: Mutex::default() })
    }
}

impl Remote<'_> {
    /// `/v2/NAME/` and this.
    pub(crate) fn url(&self, rest: &str) -> Result<Url, RegistryError> {
        self.base.join(&format!("{}/{rest}", self.repository)).map_err(|_| self.nonsense("a part of an address that is none"))
    }

    pub(crate) fn nonsense(&self, what: &str) -> RegistryError {
        RegistryError::Nonsense { registry: self.registry.clone(), what: what.to_owned() }
    }

    /// An address that an answer names, relative to where it came from.
    pub(crate) fn location(&self, answer: &Answer) -> Result<Url, RegistryError> {
        let named = answer.header(LOCATION.as_str()).ok_or_else(|| self.nonsense("it says to go on elsewhere and not where"))?;
        self.elsewhere(answer, named)
    }

    /// Such an address, as it is written.
    pub(crate) fn elsewhere(&self, answer: &Answer, named: &str) -> Result<Url, RegistryError> {
        let url = answer.url.join(named).map_err(|_| self.nonsense("it says to go on at an address that is none"))?;
        let astray = |why| RegistryError::Astray { registry: self.registry.clone(), to: shown(&url.origin().ascii_serialization()), why };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(astray("with a name in the address"));
        }
        if !may_be_asked(&self.base, &url) {
            return Err(astray("where nothing is encrypted"));
        }
        Ok(url)
    }

    /// Asks, gives what the registry wants to know, and follows it. The answer is one of success, or `None` when there is no such thing.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> Result<Option<Answer>, RegistryError> {
        let mut url = ask.url.clone();
        let mut asked_who = false;
        let mut redirects = 0;
        loop {
            let mut answer = self.registries.transport.send(&url, self.request(ask, &url)?).await.map_err(|error| self.by_name(error))?;
            match answer.status {
                status if status.is_success() => return Ok(Some(answer)),
                StatusCode::UNAUTHORIZED if !asked_who && self.is_home(&url) => {
                    asked_who = true;
                    self.authorize(&answer).await?;
                }
                status if status.is_redirection() && matches!(ask.method, Method::GET | Method::HEAD) => {
                    redirects += 1;
                    if redirects > REDIRECTS {
                        return Err(self.nonsense(&format!("it redirects more than {REDIRECTS} times")));
                    }
                    url = self.location(&answer)?;
                }
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(self.refused(ask, &mut answer).await),
            }
        }
    }

    /// As [`Self::ask`], where there has to be something. `reference` is what is not there otherwise.
    pub(crate) async fn must(&self, ask: &Ask<'_>, reference: &str) -> Result<Answer, RegistryError> {
        self.ask(ask).await?.ok_or_else(|| RegistryError::NotFound { what: reference.to_owned(), said: String::new() })
    }

    /// Whether an address is the registry's own: then, and only then, it is told who asks.
    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn request(&self, ask: &Ask<'_>, url: &Url) -> Result<Request<Full<Bytes>>, RegistryError> {
        let mut request =
            Request::builder().method(&ask.method).uri(url.as_str()).header(USER_AGENT, concat!("kaphost/", env!("CARGO_PKG_VERSION")));
        if !ask.accept.is_empty() {
            request = request.header(ACCEPT, ask.accept);
        }
        if self.is_home(url)
            && let Some(authorization) = self.authorization.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
        {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = match &ask.body {
            Some((media_type, bytes)) => {
                request = request.header(CONTENT_TYPE, *media_type);
                Full::new(bytes.clone())
            }
            None => Full::default(),
        };
        request.body(body).map_err(|_| self.nonsense("an address that no request can have"))
    }

    async fn authorize(&self, answer: &Answer) -> Result<(), RegistryError> {
        let challenges: Vec<Challenge> =
            answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|header| Challenge::read(header.to_str().ok()?)).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let challenge = bearer.or(challenges.first()).ok_or_else(|| self.nonsense("it wants to know who asks, and not how"))?;
        let credentials = self.credentials().await?;
        let authorization = match (challenge, &credentials) {
            (Challenge::Bearer { realm, service }, credentials) => {
                let asked_for = (self.repository.as_str(), self.access);
                auth::token(&self.registries.transport, &self.base, (realm, service.as_deref()), asked_for, credentials.as_ref())
                    .await
                    .map_err(|error| self.by_name(error))?
            }
            (Challenge::Basic, Some(Credentials::Basic { user, password })) => {
                auth::basic(user, password).ok_or_else(|| self.nonsense("a password that no header can hold"))?
            }
            (Challenge::Basic, Some(Credentials::Identity(_))) => {
                return Err(self.forbidden("the user of the identity token".to_owned(), ": it wants a name and a password".to_owned()));
            }
            (Challenge::Basic, None) => {
                return Err(self.forbidden("anybody".to_owned(), ": it wants a name and a password, and there are none".to_owned()));
            }
        };
        *self.authorization.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(authorization);
        Ok(())
    }

    async fn credentials(&self) -> Result<Option<Credentials>, RegistryError> {
        let Some(config) = self.registries.options.docker_config.clone() else { return Ok(None) };
        let registry = self.registry.clone();
        // A helper is a program that may ask somebody: it must not hold up what else waits here.
        let reading = tokio::task::spawn_blocking(move || Credentials::of(&registry, &config));
        let failed = |why: &str| RegistryError::Credentials { registry: self.registry.clone(), why: why.to_owned() };
        match tokio::time::timeout(self.registries.options.limits.whole, reading).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(failed("reading them came to no end")),
            Err(_) => Err(failed("the credential helper does not answer")),
        }
    }

    fn forbidden(&self, who: String, said: String) -> RegistryError {
        RegistryError::Forbidden {
            registry: self.registry.clone(),
            who,
            deed: self.access.deed(),
            repository: self.repository.clone(),
            said,
        }
    }

    /// What is said of an answer that is none of success.
    async fn refused(&self, ask: &Ask<'_>, answer: &mut Answer) -> RegistryError {
        let body = answer.bytes("an error", ANSWER_BYTES).await.unwrap_or_default();
        let said = serde_json::from_slice::<Errors>(&body).ok().and_then(|errors| errors.errors.into_iter().next()).map_or_else(
            String::new,
            |one| {
                let words = if one.message.is_empty() { one.code } else { one.message };
                if words.is_empty() { words } else { format!(": {}", shown(&words)) }
            },
        );
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let who = match self.credentials().await {
                    Ok(Some(credentials)) => credentials.who(),
                    _ => "anybody".to_owned(),
                };
                self.forbidden(who, said)
            }
            status => RegistryError::Refused { registry: self.registry.clone(), status: status.as_u16(), what: ask.what, said },
        }
    }

    /// The registry as the user calls it, where a host of it was asked.
    fn by_name(&self, error: RegistryError) -> RegistryError {
        let own = authority(&self.base);
        let name = |registry: String| if registry == own { self.registry.clone() } else { registry };
        match error {
            RegistryError::Unreachable { registry, why } => RegistryError::Unreachable { registry: name(registry), why },
            RegistryError::Slow { registry, what, seconds } => RegistryError::Slow { registry: name(registry), what, seconds },
            RegistryError::Broken { registry, why } => RegistryError::Broken { registry: name(registry), why },
            other => other,
        }
    }
}
