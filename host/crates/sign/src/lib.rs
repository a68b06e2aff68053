//! Signatures: a statement of in-toto about a file, in an envelope of DSSE, by Ed25519.
//!
//! Stands beside the pipeline: the host has written a file and says by a [`Statement`] what it is; [`Envelope::sign`] binds that to a key, and
//! [`Envelope::verify`] finds out whether it is so. Formats and cryptography are others' (in-toto Statement v1, DSSE v1, PKCS#8, SPKI, `ring`): any tool that knows them reads what
//! is made here. Pure: reads no file and no clock, trusts no key that it is not given, and knows nothing of what is signed.
//!
//! ```
//! use kaphost_sign::{Envelope, SigningKey, Statement};
//! # const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
//! let key = SigningKey::from_pem(KEY)?;
//! let statement = Statement::about("p.kapplan", b"the file", "urn:example:predicate", serde_json::json!({ "verdict": "admitted" }));
//! let envelope = Envelope::sign(&statement, &[key]).text();
//! let public = SigningKey::from_pem(KEY)?.public();
//! let found = Envelope::parse(&envelope)?.verify(&public)?;
//! assert!(found.is_about(b"the file") && !found.is_about(b"another"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod envelope;
mod key;
mod statement;

pub use envelope::{Envelope, PAYLOAD_TYPE, Signature, Unsigned};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use statement::{STATEMENT_TYPE, Statement, Subject};
