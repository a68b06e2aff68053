//! Credentials as Docker keeps them: in its configuration, or in the helper that the configuration names. Nothing prints them.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use crate::error::{RegistryError, shown};

/// Bytes of Docker's configuration that are read.
const CONFIG_BYTES: u64 = 1 << 20;
/// What Docker calls its own registry in its configuration.
const HUB: &str = "https://index.docker.io/v1/";

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password, or a token that is used as one.
        password: String,
    },
    /// What a token service gives tokens for.
    Identity(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// Whose they are, as far as one may say.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Basic { user, .. } => format!("`{}`", shown(user)),
            Self::Identity(_) => "the user of the identity token".to_owned(),
        }
    }

    /// Those for a registry, if there are any. Blocks: a helper is a program that may ask.
    pub(crate) fn of(registry: &str, config: &Path) -> Result<Option<Self>, RegistryError> {
        let failed = |why: String| RegistryError::Credentials { registry: registry.to_owned(), why };
        let file = match File::open(config) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(failed(format!("`{}` cannot be read: {error}", config.display()))),
        };
        let server = if is_hub(registry) { HUB } else { registry };
        match get_credential_from_reader(file.take(CONFIG_BYTES), server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Some(Self::Basic { user, password })),
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Self::Identity(token))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
            // How helpers say that they know nobody, by their protocol.
            Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => Ok(None),
            Err(CredentialRetrievalError::HelperFailure { helper, stderr, .. }) => {
                let said = shown(&stderr);
                let said = if said.is_empty() { said } else { format!(": {said}") };
                Err(failed(format!("`{}` failed{said}", shown(&helper))))
            }
            Err(error) => Err(failed(format!("of `{}`: {}", config.display(), plain(&error)))),
        }
    }
}

fn plain(error: &CredentialRetrievalError) -> &'static str {
    match error {
        CredentialRetrievalError::HelperCommunicationError => "its credential helper cannot be run",
        CredentialRetrievalError::MalformedHelperResponse => "its credential helper gives an answer that makes no sense",
        CredentialRetrievalError::CredentialDecodingError => "what it holds for this registry is damaged",
        CredentialRetrievalError::CredentialMismatchError => "it holds two different things for this registry",
        _ => "it is not as Docker writes it",
    }
}

/// Docker's own registry, by whatever of its names.
pub(crate) fn is_hub(registry: &str) -> bool {
    matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(registry: &str, config: &str) -> Result<Option<Credentials>, RegistryError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        fs::write(&file, config).unwrap();
        Credentials::of(registry, &file)
    }

    #[test]
    fn credentials_are_those_of_the_registry_and_nobody_elses() {
        // `me:secret`
        let config = r#"{"auths":{"127.0.0.1:5000":{"auth":"bWU6c2VjcmV0"},"https://index.docker.io/v1/":{"auth":"bWU6c2VjcmV0"},"ghcr.io":{"auth":"","identitytoken":"t"}}}"#;
        let basic = Credentials::Basic { user: "me".into(), password: "secret".into() };
        assert_eq!(of("127.0.0.1:5000", config).unwrap(), Some(basic.clone()));
        assert_eq!(of("docker.io", config).unwrap(), Some(basic.clone()));
        assert_eq!(of("ghcr.io", config).unwrap(), Some(Credentials::Identity("t".into())));
        for other in ["127.0.0.1:5001", "127.0.0.1", "io", "evil-ghcr.io"] {
            assert_eq!(of(other, config).unwrap(), None, "{other}");
        }
        assert!(!format!("{basic:?}").contains("secret"));
        assert_eq!(Credentials::of("ghcr.io", Path::new("/nowhere/config.json")).unwrap(), None);
    }

    #[test]
    fn a_configuration_of_no_use_is_said_without_what_it_holds() {
        for config in [
            "{",
            r#"{"auths":{"r":{"auth":"hunter2!"}}}"#,
            r#"{"credHelpers":{"r":"kaphost-there-is-none"}}"#,
            r#"{"auths":{"r":{"auth":"bWU6c2VjcmV0","username":"me","password":"hunter2"}}}"#,
        ] {
            let error = of("r", config).unwrap_err();
            assert!(
                error.to_string().starts_with("no credentials for the registry `r` can be had: ") && !error.to_string().contains("hunter2"),
                "{error}"
            );
        }
    }
}
