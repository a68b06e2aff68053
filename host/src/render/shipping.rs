//! Policies on their way: what was pushed, pulled, signed and pinned.

use std::path::{Path, PathBuf};

use kaphost_policy::{Module, visible};
use kaphost_registry::{Pulled, Pushed, Reference};
use kaphost_sign::{SigningKey, Statement, VerifyingKey};
use serde_json::{Value, json};

use crate::term::{FAINT, GOOD, paint};

fn done(what: &str) -> String {
    format!("{} {what}\n", paint(GOOD, "✓"))
}

fn row(name: &str, value: &str) -> String {
    format!("  {} {value}\n", paint(FAINT, format!("{name:<10}")))
}

fn counted(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        count => count.to_string(),
    }
}

/// For people.
#[must_use]
pub(crate) fn pushed(policy: &str, pushed: &Pushed, signatures: usize) -> String {
    let mut out = done(&format!("{policy} is pushed"));
    out.push_str(&row("reference", &pushed.reference.to_string()));
    out.push_str(&row("module", &format!("sha256:{}, {} bytes", pushed.sha256, pushed.size)));
    if let Some(before) = &pushed.moved_from {
        out.push_str(&row("tag was at", &format!("sha256:{before}")));
    }
    out.push_str(&row("signatures", &counted(signatures)));
    out
}

/// For programs.
#[must_use]
pub(crate) fn pushed_json(name: &str, version: &str, pushed: &Pushed, signatures: usize) -> Value {
    json!({
        "policy": { "name": name, "version": version },
        "reference": pushed.reference.to_string(),
        "sha256": pushed.sha256,
        "size": pushed.size,
        "movedFrom": pushed.moved_from,
        "signatures": signatures,
    })
}

/// For people.
#[must_use]
pub(crate) fn pulled(pulled: &Pulled, signatures: usize, out_file: Option<&Path>, keys: &[PathBuf]) -> String {
    let mut out = done(if pulled.fetched { "pulled" } else { "here already" });
    out.push_str(&row("reference", &pulled.reference.to_string()));
    out.push_str(&row("module", &format!("sha256:{}, {} bytes", pulled.sha256, pulled.size)));
    out.push_str(&row("signatures", &counted(signatures)));
    for key in keys {
        out.push_str(&row("signed by", &key.display().to_string()));
    }
    if let Some(file) = out_file {
        out.push_str(&row("written to", &file.display().to_string()));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn pulled_json(pulled: &Pulled, signatures: usize, out_file: Option<&Path>) -> Value {
    json!({
        "reference": pulled.reference.to_string(),
        "sha256": pulled.sha256,
        "size": pulled.size,
        "signatures": signatures,
        "fetched": pulled.fetched,
        "out": out_file,
    })
}

/// For people: with the line that a policy set takes.
#[must_use]
pub(crate) fn signed(module: &Module, place: &str, files: &[PathBuf], keys: &[SigningKey]) -> String {
    let description = module.description();
    let mut out = done(&format!("{} {} is signed", description.name, description.version));
    out.push_str(&row("module", &format!("sha256:{}", module.digest())));
    out.push_str(&row("at", place));
    for (file, key) in files.iter().zip(keys) {
        out.push_str(&row("by", &file.display().to_string()));
        out.push_str(&row("in a set", &format!("signed-by \"{}\"", key.public().line())));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn signed_json(module: &Module, place: &str, keys: &[SigningKey]) -> Value {
    let description = module.description();
    let keys: Vec<VerifyingKey> = keys.iter().map(SigningKey::public).collect();
    json!({
        "policy": { "name": description.name, "version": description.version },
        "sha256": module.digest(),
        "signature": place,
        "keys": keys.iter().map(|key| json!({ "id": key.id(), "line": key.line() })).collect::<Vec<_>>(),
    })
}

/// For people.
#[must_use]
pub(crate) fn verified(called: &str, files: &[PathBuf], statements: &[Statement]) -> String {
    let mut out = String::new();
    for (file, statement) in files.iter().zip(statements) {
        out.push_str(&done(&format!("{called} is signed by {}", file.display())));
        let member = |name: &str| visible(statement.predicate[name].as_str().unwrap_or("?"), 100);
        out.push_str(&format!("  as {} {}\n", member("name"), member("version")));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn verified_json(called: &str, sha256: &str, statements: &[Statement]) -> Value {
    json!({ "module": called, "sha256": sha256, "statements": statements })
}

/// For programs.
#[must_use]
pub(crate) fn digest_json(reference: Option<&Reference>, sha256: &str, size: u64) -> Value {
    json!({ "reference": reference.map(ToString::to_string), "sha256": sha256, "size": size })
}

/// A digest that a set has got.
pub(crate) struct Locked {
    /// The policy.
    pub(crate) name: String,
    /// Its module, as the set spells it, without digest.
    pub(crate) place: String,
    /// Hexadecimal.
    pub(crate) digest: String,
    /// What it was before, if it had one.
    pub(crate) before: Option<String>,
}

/// For people.
#[must_use]
pub(crate) fn locked(set: &str, locked: &[Locked], check: bool) -> String {
    if locked.is_empty() {
        return done(&format!("{set} holds every digest as it is"));
    }
    let what = if locked.len() == 1 { "1 digest".to_owned() } else { format!("{} digests", locked.len()) };
    let mut out = if check { format!("{set} lacks {what}:\n") } else { done(&format!("{what} written into {set}")) };
    for Locked { name, place, digest, before } in locked {
        out.push_str(&format!("  {name}  {place}\n"));
        if let Some(before) = before {
            out.push_str(&row("  was", &format!("sha256:{before}")));
        }
        out.push_str(&row("  is", &format!("sha256:{digest}")));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn locked_json(set: &str, locked: &[Locked], check: bool) -> Value {
    let one = |it: &Locked| json!({ "policy": it.name, "module": it.place, "sha256": it.digest, "before": it.before });
    json!({ "set": set, "written": !check && !locked.is_empty(), "digests": locked.iter().map(one).collect::<Vec<_>>() })
}
