//! Signatures of what kaphost writes, and of what it is given: keys from files, envelopes beside what they are about.

use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_sign::{Envelope, KeyError, SigningKey, Statement, Unsigned, VerifyingKey};
use serde_json::Value;

use crate::failure::Failure;
use crate::input;
use crate::render::simple::Simple;
use crate::saved;

/// What is said about a plan or a record: the summary of its decision. A name, and no address.
pub(crate) const PREDICATE_TYPE: &str = "urn:kaphost:decision:1";
/// No key and no envelope is longer.
const MAX_BYTES: u64 = 1 << 20;

/// Who signs what is written.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub(crate) struct SignArgs {
    /// Sign what --out or --record writes by this Ed25519 key; the signature goes into FILE.sig, as a DSSE envelope. May be given several times
    #[arg(long, value_name = "KEY.pem")]
    sign: Vec<PathBuf>,
}

/// Who must have signed what is carried out.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Signatures")]
pub(crate) struct RequireArgs {
    /// Carry out only a saved plan that was signed by this key; several times for several signatures
    #[arg(long = "require-signature", value_name = "PUBLIC.pem", env = "KAPHOST_REQUIRE_SIGNATURE")]
    keys: Vec<PathBuf>,
    /// Where the signatures are, if not in PLAN.sig
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// Keys that sign.
#[derive(Debug, Default)]
pub(crate) struct Signers(Vec<SigningKey>);

impl SignArgs {
    /// Whether anybody is to sign.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.sign.is_empty()
    }

    /// Reads the keys, before anything else is done.
    ///
    /// # Errors
    /// Every key that cannot be read or used.
    pub(crate) fn signers(&self) -> Result<Signers, Failure> {
        all(&self.sign, SigningKey::from_pem).map(Signers)
    }
}

impl Signers {
    /// Signs a file that has just been written, if anybody is to sign.
    ///
    /// # Errors
    /// When the envelope cannot be written.
    pub(crate) fn sign(&self, file: &Path, text: &str, predicate: impl FnOnce() -> Value) -> Result<Option<PathBuf>, Failure> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        let statement = Statement::about(&name, text.as_bytes(), PREDICATE_TYPE, predicate());
        let beside = beside(file);
        saved::write("the signature", &beside, &Envelope::sign(&statement, &self.0).text())?;
        Ok(Some(beside))
    }
}

/// `p.kapplan.sig`
#[must_use]
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

impl RequireArgs {
    /// Whether anybody must have signed.
    #[must_use]
    pub(crate) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// That something else than a saved plan is to be carried out, which nobody can have signed.
    ///
    /// # Errors
    /// When somebody must have signed.
    pub(crate) fn refuse(&self, file: &Path) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        let message = format!("`{}` is no saved plan, and nothing else can be signed and carried out", file.display());
        let help = "save a plan with `kaphost plan --out PLAN --sign KEY`, and apply that";
        Err(Failure::Stale {
            file: file.display().to_string(),
            reasons: vec![Simple::new("unsigned", message).with_help(help)],
            ended: None,
        })
    }

    /// Holds a file to its signatures.
    ///
    /// # Errors
    /// Every key that has not signed these bytes.
    pub(crate) fn hold(&self, file: &Path, bytes: &[u8]) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        verify(file, bytes, &self.keys, self.signature.as_deref()).map(drop)
    }
}

/// What each of these keys has said of a file, in their order.
///
/// # Errors
/// When a key cannot be used; every key that has not signed these bytes.
pub(crate) fn verify(file: &Path, bytes: &[u8], keys: &[PathBuf], signature: Option<&Path>) -> Result<Vec<Statement>, Failure> {
    let parsed = all(keys, VerifyingKey::from_pem)?;
    let beside = signature.map_or_else(|| beside(file), Path::to_owned);
    let shown = file.display();
    let unsigned = |code: &str, message: String, help: &str| Simple::new(code, message).with_help(help);
    let refused = |reasons: Vec<Simple>| Failure::Stale { file: shown.to_string(), reasons, ended: None };
    let text = match input::text_within(&beside, MAX_BYTES) {
        Ok(text) => text,
        Err(why) if signature.is_none() && why == "does not exist" => {
            let message = format!("`{shown}` is not signed: there is no `{}`", beside.display());
            return Err(refused(vec![unsigned(
                "unsigned",
                message,
                "sign it with --sign when it is written, or name the signature with --signature",
            )]));
        }
        Err(why) => return Err(Failure::Unreadable { what: "the signature", file: beside, why }),
    };
    let in_envelope = |error: &Unsigned| {
        let code = match error {
            Unsigned::NotAnEnvelope { .. } | Unsigned::NoStatement => "no-envelope",
            Unsigned::OtherPayload { .. } => "other-payload",
            Unsigned::NoSignature => "unsigned",
            Unsigned::OtherKey { .. } => "other-key",
            Unsigned::Altered { .. } => "signature-altered",
        };
        unsigned(
            code,
            format!("`{}`: {error}", beside.display()),
            "get both files from where they were kept, and the public key from whom you trust",
        )
    };
    let envelope = Envelope::parse(&text).map_err(|error| refused(vec![in_envelope(&error)]))?;
    let mut statements = Vec::new();
    let mut reasons = Vec::new();
    for key in &parsed {
        match envelope.verify(key) {
            Err(error) => reasons.push(in_envelope(&error)),
            Ok(statement) if !statement.is_about(bytes) => {
                let names: Vec<String> = statement.subject.iter().map(|subject| format!("{:?}", subject.name)).collect();
                let message =
                    format!("`{}` is signed, and not about this file: it is about another ({})", beside.display(), names.join(", "));
                reasons.push(unsigned(
                    "other-subject",
                    message,
                    "get both files from where they were kept: one of them was changed or exchanged",
                ));
            }
            Ok(statement) if statement.predicate_type != PREDICATE_TYPE => {
                let message =
                    format!("`{}` says {:?} of this file, and not {PREDICATE_TYPE:?}", beside.display(), statement.predicate_type);
                reasons.push(unsigned("other-predicate", message, "name a signature that `kaphost plan --sign` has made"));
            }
            Ok(statement) => statements.push(statement),
        }
    }
    if reasons.is_empty() { Ok(statements) } else { Err(refused(reasons)) }
}

/// The keys of these files, to sign with.
///
/// # Errors
/// Everything that is wrong with any.
pub(crate) fn signing_keys(files: &[PathBuf]) -> Result<Vec<SigningKey>, Failure> {
    all(files, SigningKey::from_pem)
}

/// The public keys of these files.
///
/// # Errors
/// Everything that is wrong with any.
pub(crate) fn public_keys(files: &[PathBuf]) -> Result<Vec<VerifyingKey>, Failure> {
    all(files, VerifyingKey::from_pem)
}

/// Each key of these files, or everything that is wrong with any.
fn all<K>(files: &[PathBuf], parse: impl Fn(&str) -> Result<K, KeyError>) -> Result<Vec<K>, Failure> {
    let mut keys = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match input::text_within(file, MAX_BYTES) {
            Err(why) => {
                let message = format!("the key `{}` {why}", file.display());
                problems.push(Simple::new("key", message).with_help("name a file with a key in PEM that you may read"));
            }
            Ok(text) => match parse(&text) {
                Ok(key) => keys.push(key),
                Err(error) => problems.push(Simple::new("key", format!("the key `{}` {error}", file.display())).with_help(error.help())),
            },
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(Failure::Unfit(problems)) }
}

/// What is said of a decision where it is signed: who decided, by which rules, and how. `decision` and `inputs` are as they stand in what is signed.
#[must_use]
pub(crate) fn summary(inputs: &Value, decision: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let pick = |value: &Value, names: &[&str]| -> Value {
        names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone()))).collect::<serde_json::Map<_, _>>().into()
    };
    let policies: Vec<Value> =
        list(&decision["policies"]).iter().map(|policy| pick(policy, &["name", "version", "digest", "enforcement", "set"])).collect();
    let violations = list(&decision["violations"]);
    let count = |effect: &str| violations.iter().filter(|violation| violation["effect"] == effect).count();
    let used = |waiver: &&Value| waiver["state"] == "used";
    let waivers: Vec<Value> =
        list(&decision["waivers"]).iter().filter(used).map(|it| pick(it, &["policy", "rule", "ticket", "owner", "expires"])).collect();
    serde_json::json!({
        "cluster": decision["cluster"],
        "verdict": decision["verdict"],
        "engine": inputs["engine"],
        "now": inputs["now"],
        "policies": policies,
        "changes": list(&decision["changes"]).len(),
        "violations": { "denied": count("deny"), "advised": count("advise"), "waived": count("waived") },
        "waivers": waivers,
    })
}
