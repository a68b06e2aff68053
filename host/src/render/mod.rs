//! What the rooms give, for people and for programs. Everything here returns text or JSON and prints nothing.

pub(crate) mod blame;
pub(crate) mod conversion;
pub(crate) mod decision;
pub(crate) mod diagnostic;
pub(crate) mod explain;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod simple;
pub(crate) mod status;
pub(crate) mod warnings;

use kaphost_plan::{NotProvisioned, Refusal};
use kaphost_spec::{Diagnostic, Path, Spec};
use serde_json::Value;

use crate::failure::Failure;
use crate::render::simple::Simple;

/// A JSON document, indented, with a trailing newline.
#[must_use]
pub(crate) fn json_text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Several diagnostics, one after the other.
#[must_use]
pub(crate) fn diagnostics(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|one| diagnostic::text(one)).collect()
}

/// Values that this version does not provision, each at its place.
#[must_use]
pub(crate) fn not_provisioned(spec: &Spec, missing: &[NotProvisioned]) -> Failure {
    let one = |missing: &NotProvisioned| {
        Simple::new("not-provisioned", missing.to_string()).with_help(missing.help).at(&spec.origins, &missing.path)
    };
    Failure::Unplannable(missing.iter().map(one).collect())
}

/// Refusals, each at the line that it comes from where there is one.
#[must_use]
pub(crate) fn refused(spec: &Spec, refusals: &[Refusal]) -> Failure {
    let one = |refusal: &Refusal| {
        let code = serde_json::to_value(refusal.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
        let problem = Simple::new(&code, refusal.message.clone()).with_help(refusal.help.clone());
        match refusal.path.as_deref().and_then(|path| path.parse::<Path>().ok()) {
            Some(path) => problem.at(&spec.origins, &path),
            None => problem,
        }
    };
    Failure::Unplannable(refusals.iter().map(one).collect())
}
