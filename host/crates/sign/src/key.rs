//! Keys, from PEM.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_spec::hex;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use sha2::{Digest as _, Sha256};

/// What stands before the 32 bytes of an Ed25519 key in its SPKI (RFC 8410).
const SPKI_START: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The object identifier of Ed25519, 1.3.101.112, as DER has it.
const ED25519_OID: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

/// Why a text is no key that can be used. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Something else.
    #[error("is no key in PEM")]
    NotPem,
    /// A key under a password.
    #[error("is encrypted")]
    Encrypted,
    /// The other half, or another form.
    #[error("holds `{found}` where `{wanted}` is needed")]
    Label {
        /// What stands after `BEGIN`.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// More than one.
    #[error("holds several keys")]
    Several,
    /// RSA, an elliptic curve of NIST's, Ed448.
    #[error("is no Ed25519 key")]
    OtherKind,
    /// PEM that says it is a key and is none.
    #[error("is damaged")]
    Broken,
}

impl KeyError {
    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Encrypted => "kaphost asks for no password: `openssl pkey -in KEY -out PLAIN` takes it off; keep that file where only its user may read it".to_owned(),
            Self::Label { wanted: PUBLIC, .. } => "`openssl pkey -in KEY.pem -pubout` prints the public half of a key".to_owned(),
            Self::Label { found, .. } if found == PUBLIC => "only the private half signs".to_owned(),
            Self::Label { .. } => "give it in PKCS#8: `openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pem`".to_owned(),
            Self::NotPem | Self::OtherKind | Self::Broken | Self::Several => "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one".to_owned(),
        }
    }
}

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// Holds the text to be PEM of exactly one thing, and that to be called so.
fn labelled(text: &str, wanted: &'static str) -> Result<(), KeyError> {
    let begin = |line: &str| Some(line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_owned());
    let labels: Vec<String> = text.lines().filter_map(begin).collect();
    match labels.as_slice() {
        [] => Err(KeyError::NotPem),
        [one] if one == wanted => Ok(()),
        // Before RFC 8018, encryption was said in a header below the label.
        [one] if one == "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
        [_] if text.contains("Proc-Type: 4,ENCRYPTED") => Err(KeyError::Encrypted),
        [one] if one.len() <= 40 && one.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ') => {
            Err(KeyError::Label { found: one.clone(), wanted })
        }
        [_] => Err(KeyError::NotPem),
        _ => Err(KeyError::Several),
    }
}

fn is_ed25519(der: &[u8]) -> bool {
    der.windows(ED25519_OID.len()).any(|part| part == ED25519_OID)
}

/// The half that signs. Nothing prints it.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

impl SigningKey {
    /// Reads PKCS#8, with or without the public half in it.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        labelled(text, PRIVATE)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::Broken)?;
        if !is_ed25519(der.secret_pkcs8_der()) {
            return Err(KeyError::OtherKind);
        }
        // OpenSSL leaves the public half out; where it is there, it is checked.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Self).map_err(|_| KeyError::Broken)
    }

    /// The other half.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        VerifyingKey(key)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// The half that everybody may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Reads an SPKI.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        labelled(text, PUBLIC)?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::Broken)?;
        Self::from_spki(&der)
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        match der.strip_prefix(SPKI_START.as_slice()).map(<[u8; 32]>::try_from) {
            Some(Ok(key)) => Ok(Self(key)),
            _ if is_ed25519(der) => Err(KeyError::Broken),
            _ => Err(KeyError::OtherKind),
        }
    }

    /// Reads PEM, or the line that stands in it between BEGIN and END: the form in which a policy set holds a key.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.contains("-----") {
            return Self::from_pem(text);
        }
        let der = STANDARD.decode(text.trim()).map_err(|_| KeyError::NotPem)?;
        Self::from_spki(&der)
    }

    /// The line that [`Self::from_text`] reads.
    #[must_use]
    pub fn line(&self) -> String {
        STANDARD.encode([SPKI_START.as_slice(), &self.0].concat())
    }

    /// Lower-case hexadecimal SHA-256 of its SPKI: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&Sha256::new().chain_update(SPKI_START).chain_update(self.0).finalize())
    }

    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    // RFC 8410, section 10.1: the public half of another key.
    const OTHER: &str =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_read_and_told_apart() {
        let key = SigningKey::from_pem(KEY).unwrap();
        let other = VerifyingKey::from_pem(OTHER).unwrap();
        assert_ne!(key.public(), other);
        assert_eq!(key.public().id().len(), 64);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public().id()));
        let signature = key.sign(b"message");
        assert!(key.public().has_signed(b"message", &signature));
        let line = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
        assert_eq!(
            (other.line().as_str(), VerifyingKey::from_text(line), VerifyingKey::from_text(OTHER)),
            (line, Ok(other.clone()), Ok(other.clone()))
        );
        for (text, error) in [
            ("", KeyError::OtherKind),
            ("no key", KeyError::NotPem),
            (&line[4..], KeyError::Broken),
            ("MCowBQYDK2VwAyEAGb8=", KeyError::Broken),
        ] {
            assert_eq!(VerifyingKey::from_text(text), Err(error), "{text}");
        }
        assert!(!key.public().has_signed(b"massage", &signature) && !other.has_signed(b"message", &signature));
    }

    #[test]
    fn what_is_no_such_key_says_what_it_is() {
        let private = |text: &str| SigningKey::from_pem(text).unwrap_err();
        let public = |text: &str| VerifyingKey::from_pem(text).unwrap_err();
        let called = |label: &str| KEY.replace(PRIVATE, label);
        assert_eq!(private(""), KeyError::NotPem);
        assert_eq!(private("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"), KeyError::NotPem);
        assert_eq!(private(&called("\u{1b}[31m")), KeyError::NotPem);
        assert_eq!(private(&called("ENCRYPTED PRIVATE KEY")), KeyError::Encrypted);
        let old = called("RSA PRIVATE KEY").replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nM");
        assert_eq!(private(&old), KeyError::Encrypted);
        assert_eq!(private(&called("OPENSSH PRIVATE KEY")), KeyError::Label { found: "OPENSSH PRIVATE KEY".to_owned(), wanted: PRIVATE });
        assert_eq!(private(OTHER), KeyError::Label { found: PUBLIC.to_owned(), wanted: PRIVATE });
        assert_eq!(public(KEY), KeyError::Label { found: PRIVATE.to_owned(), wanted: PUBLIC });
        assert_eq!(private(&format!("{KEY}{KEY}")), KeyError::Several);
        assert_eq!(private(&KEY.replace("IEIJ1h", "IEIJ1")), KeyError::Broken);
        assert_eq!(private(&KEY.replace("MC4CAQAwBQYDK2VwBCIE", "MC4CAQAwBQYDK2VxBCIE")), KeyError::OtherKind, "Ed448's number");
        assert_eq!(public(&OTHER.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu")), KeyError::OtherKind, "X25519's number");
        assert_eq!(public(&OTHER.replace("ZuE=", "")), KeyError::Broken);
        for error in [KeyError::NotPem, KeyError::Encrypted, private(OTHER), public(KEY), KeyError::OtherKind] {
            assert!(!error.help().is_empty() && !error.to_string().contains("MC4"));
        }
    }
}
