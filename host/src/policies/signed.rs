//! Who has signed a module: envelopes beside its file, or beside it in its registry, each held to its digest.

use std::path::Path;

use kaphost_sign::{Envelope, SigningKey, Statement, Unsigned, VerifyingKey};
use serde_json::json;

use crate::failure::Failure;
use crate::input;
use crate::render::simple::Simple;
use crate::signing;

/// What is said about a module: that this is the policy that the signer means. A name, and no address.
pub(crate) const PREDICATE_TYPE: &str = "urn:kaphost:policy-module:1";
/// No envelope is longer.
const MAX_BYTES: u64 = 1 << 20;

/// The envelope of keys about a module. The same keys and module give the same text.
#[must_use]
pub(crate) fn envelope(bytes: &[u8], (name, version): (&str, &str), keys: &[SigningKey]) -> Envelope {
    let predicate = json!({ "name": name, "version": version });
    Envelope::sign(&Statement::about(&format!("{name}.wasm"), bytes, PREDICATE_TYPE, predicate), keys)
}

/// The envelopes beside a module's file: none where there is no such file.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn beside(file: &Path) -> Result<Vec<String>, Box<Simple>> {
    match read(&signing::beside(file)) {
        Ok(text) => Ok(vec![text]),
        Err(why) if why == "does not exist" => Ok(Vec::new()),
        Err(why) => Err(unreadable(&signing::beside(file), &why)),
    }
}

/// One file's envelope.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of(file: &Path) -> Result<String, Box<Simple>> {
    read(file).map_err(|why| unreadable(file, &why))
}

fn read(file: &Path) -> Result<String, String> {
    input::text_within(file, MAX_BYTES)
}

fn unreadable(file: &Path, why: &str) -> Box<Simple> {
    let problem = Simple::new("unreadable", format!("the signature `{}` {why}", file.display()))
        .with_help("name a file in UTF-8 that is there and that you may read");
    Box::new(problem)
}

/// What a key has said of the module of this digest in any of these envelopes, or why nothing that it has said counts. `what` is the module as the user
/// calls it.
///
/// # Errors
/// That it is not signed, by this key, or that the signature is about something else.
pub(crate) fn by(what: &str, envelopes: &[String], sha256: &str, key: &VerifyingKey) -> Result<Statement, Box<Simple>> {
    let short = key.id().get(..12).unwrap_or_default().to_owned();
    let mut why: Option<(u8, &str, String)> = None;
    // What says most about what went wrong is told: an altered signature of the key rather than that others have signed.
    let mut because = |weight: u8, code: &'static str, message: String| {
        if why.as_ref().is_none_or(|(known, ..)| *known < weight) {
            why = Some((weight, code, message));
        }
    };
    for text in envelopes {
        match Envelope::parse(text).and_then(|envelope| envelope.verify(key)) {
            Ok(statement) if !statement.is_about_sha256(sha256) => {
                because(3, "other-subject", format!("the key {short} has signed another module than `{what}`: its SHA-256 is {sha256}"));
            }
            Ok(statement) if statement.predicate_type != PREDICATE_TYPE => {
                let said = kaphost_policy::visible(&statement.predicate_type, 100);
                because(3, "other-predicate", format!("the key {short} says `{said}` of `{what}`, and not that it is a policy"));
            }
            Ok(statement) => return Ok(statement),
            Err(Unsigned::Altered { .. }) => {
                because(4, "signature-altered", format!("the signature of the key {short} does not fit `{what}`: it was altered"));
            }
            Err(error @ Unsigned::OtherKey { .. }) => because(2, "other-key", format!("`{what}`: {error}")),
            Err(error) => because(1, "no-envelope", format!("a signature of `{what}` is of no use: {error}")),
        }
    }
    let (_, code, message) =
        why.unwrap_or_else(|| (0, "unsigned", format!("`{what}` is not signed, and the key {short} must have signed it")));
    let help = "`kaphost policy sign` signs a module; get the signature, and the public key, from whom you trust";
    Err(Box::new(Simple::new(code, message).with_help(help)))
}

/// What each key has said of a module.
///
/// # Errors
/// Every key that has not signed it.
pub(crate) fn by_all(what: &str, envelopes: &[String], sha256: &str, keys: &[VerifyingKey]) -> Result<Vec<Statement>, Failure> {
    let (mut statements, mut problems) = (Vec::new(), Vec::new());
    for key in keys {
        match by(what, envelopes, sha256, key) {
            Ok(statement) => statements.push(statement),
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(statements) } else { Err(Failure::Untrusted { mistakes: Vec::new(), problems }) }
}

/// Whether an envelope says that it is about the module of this digest. Who has signed it is another question.
#[must_use]
pub(crate) fn is_about(text: &str, sha256: &str) -> bool {
    Envelope::parse(text).is_ok_and(|envelope| envelope.claims(sha256))
}

/// The signatures of envelopes that hold the same, in one: the form that lies beside a file. Of several statements the last counts.
#[must_use]
pub(crate) fn together(envelopes: &[String]) -> Option<Envelope> {
    let mut all: Vec<Envelope> = envelopes.iter().filter_map(|text| Envelope::parse(text).ok()).collect();
    let mut last = all.pop()?;
    for envelope in all {
        if (&envelope.payload_type, &envelope.payload) == (&last.payload_type, &last.payload) {
            let known: Vec<String> = last.signatures.iter().map(|signature| signature.sig.clone()).collect();
            last.signatures.extend(envelope.signatures.into_iter().filter(|signature| !known.contains(&signature.sig)));
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `openssl genpkey -algorithm ed25519`, for tests and nothing else.
    const KEYS: [&str; 2] = [
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICzi2wVUIbRbh+BPtL2cK3AJRotPHbRP+IMWGn6PvEAP\n-----END PRIVATE KEY-----\n",
    ];

    #[test]
    fn a_signature_counts_for_its_key_its_module_and_its_purpose_only() {
        let key = |index: usize| SigningKey::from_pem(KEYS[index]).unwrap();
        let sha256 = crate::record::sha256(b"module");
        let text = |envelope: &Envelope| vec![envelope.text()];
        let code = |envelopes: &[String], index: usize| {
            by("m.wasm", envelopes, &sha256, &key(index).public()).map(drop).map_err(|error| error.json()["code"].clone())
        };
        let good = envelope(b"module", ("m", "1.0.0"), &[key(0)]);
        assert_eq!(code(&text(&good), 0), Ok(()));
        assert_eq!(code(&[], 0), Err(json!("unsigned")));
        assert_eq!(code(&text(&good), 1), Err(json!("other-key")));
        assert_eq!(code(&["{}".into()], 0), Err(json!("no-envelope")));
        assert_eq!(code(&text(&envelope(b"other", ("m", "1.0.0"), &[key(0)])), 0), Err(json!("other-subject")));
        let plan = Envelope::sign(&Statement::about("p", b"module", "urn:kaphost:decision:1", json!({})), &[key(0)]);
        assert_eq!(code(&text(&plan), 0), Err(json!("other-predicate")), "whoever signs a plan of these bytes vouches for no policy");
        let mut altered = good.clone();
        altered.signatures[0].sig = envelope(b"other", ("m", "1.0.0"), &[key(0)]).signatures[0].sig.clone();
        assert_eq!(code(&text(&altered), 0), Err(json!("signature-altered")));
        // Whatever else lies there, one that counts is enough.
        let all = ["{}".to_owned(), altered.text(), envelope(b"module", ("m", "1.0.0"), &[key(1)]).text(), good.text()];
        assert_eq!((code(&all, 0), code(&all, 1)), (Ok(()), Ok(())));
    }
}
