//! What is signed, with its signatures: DSSE, version 1.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use crate::key::{SigningKey, VerifyingKey};
use crate::statement::{STATEMENT_TYPE, Statement};

/// What an envelope of a statement says it holds.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// More signatures than anybody needs: each costs a try.
const MOST_SIGNATURES: usize = 64;

/// A payload and its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// [`PAYLOAD_TYPE`]. Signed together with the payload.
    pub payload_type: String,
    /// Base64.
    pub payload: String,
    /// By whom.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Says whose it is; a hint that nobody relies on. [`VerifyingKey::id`]
    #[serde(default)]
    pub keyid: String,
    /// Base64.
    pub sig: String,
}

/// Why something is not signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Something else, or cut short.
    #[error("it is no DSSE envelope{}", line.map_or_else(String::new, |line| format!(": line {line} is not as it should be")))]
    NotAnEnvelope {
        /// From 1, where there is one.
        line: Option<usize>,
    },
    /// Another kind of payload.
    #[error("it holds {found:?}, and a signed statement is {PAYLOAD_TYPE:?}")]
    OtherPayload {
        /// What it says it holds.
        found: String,
    },
    /// Nobody's.
    #[error("nobody has signed it")]
    NoSignature,
    /// Others have signed it, as far as they say.
    #[error("the key {} has not signed it; it says that it is signed by {}", short(wanted), list(signers))]
    OtherKey {
        /// The key that was asked for.
        wanted: String,
        /// Whose signatures there are, as far as they say.
        signers: Vec<String>,
    },
    /// A signature that says it is of the key, and is not one for this payload.
    #[error(
        "the signature that says it is of the key {} does not fit: what is signed was altered since, or the signature was",
        short(wanted)
    )]
    Altered {
        /// The key that was asked for.
        wanted: String,
    },
    /// Signed by the right key, and no statement.
    #[error("what is signed is no in-toto statement of version 1")]
    NoStatement,
}

/// As many digits as tell keys apart.
fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}

fn list(signers: &[String]) -> String {
    let name = |id: &String| if id.is_empty() { "somebody without a name".to_owned() } else { format!("{:?}", short(id)) };
    signers.iter().map(name).collect::<Vec<_>>().join(", ")
}

impl Envelope {
    /// Signs a statement with each of these keys.
    #[must_use]
    pub fn sign(statement: &Statement, keys: &[SigningKey]) -> Self {
        // Texts and JSON: it has a JSON form.
        let payload = serde_json::to_vec(statement).unwrap_or_default();
        let message = signed_bytes(PAYLOAD_TYPE, &payload);
        let one = |key: &SigningKey| Signature { keyid: key.public().id(), sig: STANDARD.encode(key.sign(&message)) };
        Self { payload_type: PAYLOAD_TYPE.to_owned(), payload: STANDARD.encode(&payload), signatures: keys.iter().map(one).collect() }
    }

    /// Indented JSON.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads one. Trusts nothing of it.
    ///
    /// # Errors
    /// When it is none, or holds something else than a statement.
    pub fn parse(text: &str) -> Result<Self, Unsigned> {
        let envelope: Self = serde_json::from_str(text).map_err(|error| Unsigned::NotAnEnvelope { line: Some(error.line()) })?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(Unsigned::OtherPayload { found: envelope.payload_type });
        }
        Ok(envelope)
    }

    /// Whether it says something of the file of this SHA-256, in lower-case hexadecimal: as it says itself, whoever has signed it.
    #[must_use]
    pub fn claims(&self, sha256: &str) -> bool {
        let statement = decoded(&self.payload).and_then(|payload| serde_json::from_slice::<Statement>(&payload).ok());
        statement.is_some_and(|statement| statement.is_about_sha256(sha256))
    }

    /// What the key has signed. Whoever else has signed it makes no difference.
    ///
    /// # Errors
    /// When the key has not signed it as it is, or it is no statement.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Statement, Unsigned> {
        if self.signatures.is_empty() {
            return Err(Unsigned::NoSignature);
        }
        let payload = decoded(&self.payload).ok_or(Unsigned::NotAnEnvelope { line: None })?;
        let message = signed_bytes(&self.payload_type, &payload);
        let fits = |signature: &Signature| decoded(&signature.sig).is_some_and(|bytes| key.has_signed(&message, &bytes));
        if !self.signatures.iter().take(MOST_SIGNATURES).any(fits) {
            let wanted = key.id();
            let signers: Vec<String> = self.signatures.iter().take(MOST_SIGNATURES).map(|signature| signature.keyid.clone()).collect();
            return Err(if signers.contains(&wanted) { Unsigned::Altered { wanted } } else { Unsigned::OtherKey { wanted, signers } });
        }
        // Only now is it looked at.
        let statement: Statement = serde_json::from_slice(&payload).map_err(|_| Unsigned::NoStatement)?;
        if statement.statement_type == STATEMENT_TYPE { Ok(statement) } else { Err(Unsigned::NoStatement) }
    }
}

/// DSSE takes both alphabets.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// DSSE's pre-authentication encoding: the type is signed too, and lengths make it unambiguous.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // RFC 8410, section 10.3, and another one.
    const KEYS: [&str; 2] = [
        "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
    ];

    fn key(index: usize) -> SigningKey {
        SigningKey::from_pem(&format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", KEYS[index])).unwrap()
    }

    fn statement() -> Statement {
        Statement::about("p.kapplan", b"plan", "urn:example:decision:1", json!({ "verdict": "admitted" }))
    }

    /// The example of DSSE's own protocol document.
    #[test]
    fn what_is_signed_is_as_dsse_has_it() {
        assert_eq!(
            signed_bytes("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn a_statement_is_as_in_toto_has_it() {
        // What `printf plan | sha256sum` prints.
        let sha256 = "64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525";
        let expected = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "p.kapplan", "digest": { "sha256": sha256 } }],
            "predicateType": "urn:example:decision:1",
            "predicate": { "verdict": "admitted" },
        });
        assert_eq!(json!(statement()), expected);
        assert!(statement().is_about(b"plan") && !statement().is_about(b"Plan"));
    }

    #[test]
    fn each_signer_is_found_and_nobody_else() {
        let both = Envelope::sign(&statement(), &[key(0), key(1)]);
        let read = Envelope::parse(&both.text()).unwrap();
        assert_eq!(read, both);
        for index in 0..2 {
            assert_eq!(read.verify(&key(index).public()), Ok(statement()));
        }
        let one = Envelope::sign(&statement(), &[key(0)]);
        assert_eq!(one, Envelope::sign(&statement(), &[key(0)]), "Ed25519 draws no number");
        let Err(Unsigned::OtherKey { wanted, signers }) = one.verify(&key(1).public()) else { panic!() };
        assert_eq!((wanted, signers), (key(1).public().id(), vec![key(0).public().id()]));
        // Who a signature says it is of counts for nothing.
        let mut unnamed = one.clone();
        unnamed.signatures[0].keyid.clear();
        assert_eq!(unnamed.verify(&key(0).public()), Ok(statement()));
        assert!(unnamed.verify(&key(1).public()).unwrap_err().to_string().contains("without a name"));
    }

    #[test]
    fn whatever_is_not_as_it_was_signed_is_found() {
        let signed = Envelope::sign(&statement(), &[key(0)]);
        let public = key(0).public();
        let broken = |change: fn(&mut Envelope)| {
            let mut envelope = signed.clone();
            change(&mut envelope);
            Envelope::parse(&envelope.text()).and_then(|envelope| envelope.verify(&public)).unwrap_err()
        };
        let altered = Unsigned::Altered { wanted: public.id() };
        assert_eq!(
            broken(|it| it.payload = STANDARD.encode(serde_json::to_vec(&Statement::about("p", b"other", "urn:x", json!({}))).unwrap())),
            altered
        );
        assert_eq!(broken(|it| it.signatures[0].sig = STANDARD.encode([0; 64])), altered);
        assert_eq!(broken(|it| it.signatures[0].sig = "no".to_owned()), altered);
        assert_eq!(broken(|it| it.signatures.clear()), Unsigned::NoSignature);
        assert_eq!(broken(|it| it.payload_type = "text/plain".to_owned()), Unsigned::OtherPayload { found: "text/plain".to_owned() });
        assert_eq!(broken(|it| it.payload = "no base64".to_owned()), Unsigned::NotAnEnvelope { line: None });
        assert!(matches!(Envelope::parse("{}"), Err(Unsigned::NotAnEnvelope { line: Some(1) })));
        assert!(matches!(Envelope::parse("[1,\n2"), Err(Unsigned::NotAnEnvelope { .. })));
        // Signed by the right key, and something else.
        let sign = |payload: &[u8]| {
            let sig = STANDARD.encode(key(0).sign(&signed_bytes(PAYLOAD_TYPE, payload)));
            Envelope { payload: STANDARD.encode(payload), signatures: vec![Signature { keyid: String::new(), sig }], ..signed.clone() }
        };
        assert_eq!(sign(b"{}").verify(&public), Err(Unsigned::NoStatement));
        let mut older = statement();
        older.statement_type = "https://in-toto.io/Statement/v0.1".to_owned();
        assert_eq!(sign(&serde_json::to_vec(&older).unwrap()).verify(&public), Err(Unsigned::NoStatement));
        assert_eq!(sign(&serde_json::to_vec(&statement()).unwrap()).verify(&public), Ok(statement()));
        // A type of payload that is another is signed otherwise.
        let mut other = signed.clone();
        other.payload_type = "text/plain".to_owned();
        assert_eq!(other.verify(&public), Err(altered));
    }
}
