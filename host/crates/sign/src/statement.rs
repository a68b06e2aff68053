//! What is said about a file: in-toto's Statement, version 1.

use std::collections::BTreeMap;

use kaphost_spec::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The `_type` of the layout.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What is said about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`]
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// Of what it is said.
    pub subject: Vec<Subject>,
    /// The name of what is said, as a URI.
    pub predicate_type: String,
    /// What is said.
    pub predicate: Value,
}

/// Of what something is said. Its digest counts, and its name does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// By algorithm: `sha256`, in lower-case hexadecimal.
    pub digest: BTreeMap<String, String>,
}

impl Statement {
    /// Says something about a file.
    #[must_use]
    pub fn about(name: &str, bytes: &[u8], predicate_type: &str, predicate: Value) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), hex(&Sha256::digest(bytes)))]);
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject { name: name.to_owned(), digest }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Whether it says it about this file.
    #[must_use]
    pub fn is_about(&self, bytes: &[u8]) -> bool {
        self.is_about_sha256(&hex(&Sha256::digest(bytes)))
    }

    /// Whether it says it about the file of this SHA-256, in lower-case hexadecimal.
    #[must_use]
    pub fn is_about_sha256(&self, sha256: &str) -> bool {
        self.subject.iter().any(|subject| subject.digest.get("sha256").is_some_and(|digest| digest == sha256))
    }
}
