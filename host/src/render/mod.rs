//! What the rooms give, for people and for programs. Everything here returns text or JSON and prints nothing.

pub(crate) mod adoption;
pub(crate) mod blame;
pub(crate) mod broken;
pub(crate) mod conversion;
pub(crate) mod decision;
pub(crate) mod diagnostic;
pub(crate) mod explain;
pub(crate) mod finding;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod saved;
pub(crate) mod shipping;
pub(crate) mod simple;
pub(crate) mod status;
pub(crate) mod warnings;

use kaphost_plan::{Refusal, UserDataTooLong};
use kaphost_spec::{Code, Diagnostic, Path, Spec, UserData};

use crate::failure::Failure;
use crate::render::simple::Simple;

/// Several diagnostics, one after the other.
#[must_use]
pub(crate) fn diagnostics(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|one| diagnostic::text(one)).collect()
}

/// User data that EC2 would refuse, at the longest value that is in it.
#[must_use]
pub(crate) fn too_long(spec: &Spec, too_long: &UserDataTooLong) -> Failure {
    let help = format!("EC2 takes {} bytes of user data: let a short script fetch the long one", UserData::MAX_BYTES);
    let problem = Simple::new(Code::UserDataTooLong.as_str(), too_long.to_string()).with_help(help);
    Failure::Unplannable(vec![problem.at(&spec.origins, &too_long.path)])
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
