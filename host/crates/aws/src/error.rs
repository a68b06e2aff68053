//! SDK errors → [`CloudError`]. What kaphost makes of a code of AWS is data: [`ROWS`], read from the top, the first row that fits wins.
//!
//! Nothing of a request goes into an error: a request may hold user data.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use kaphost_apply::{CloudError, ErrorKind};

/// One row: a code (`*` at either end stands for anything), a part of the message when the code alone is not enough, and what it means.
type Row = (&'static str, Option<&'static str>, ErrorKind);

/// Codes of EC2, IAM and Auto Scaling. Both spellings of Auto Scaling's faults are here: the wire says `ResourceInUse`, its model `ResourceInUseFault`.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // IAM is not there yet for EC2. Before the general rows of the same codes.
    ("ValidationError",           Some("Invalid IAM Instance Profile"), ErrorKind::NotVisibleYet),
    ("InvalidParameterValue",     Some("Invalid IAM Instance Profile"), ErrorKind::NotVisibleYet),
    ("MalformedPolicyDocument*",  Some("Invalid principal"),            ErrorKind::NotVisibleYet),
    // Too fast. Before `*LimitExceeded`, which is a quota.
    ("*RequestLimitExceeded",     None, ErrorKind::Throttled),
    ("BandwidthLimitExceeded",    None, ErrorKind::Throttled),
    ("Throttl*",                  None, ErrorKind::Throttled),
    ("RequestThrottled*",         None, ErrorKind::Throttled),
    ("EC2ThrottledException",     None, ErrorKind::Throttled),
    ("TooManyRequests*",          None, ErrorKind::Throttled),
    ("PriorRequestNotComplete",   None, ErrorKind::Throttled),
    ("SlowDown",                  None, ErrorKind::Throttled),
    // Who is asking.
    ("UnrecognizedClient*",       None, ErrorKind::Credentials),
    ("ExpiredToken*",             None, ErrorKind::Credentials),
    ("RequestExpired",            None, ErrorKind::Credentials),
    ("InvalidClientTokenId",      None, ErrorKind::Credentials),
    ("InvalidAccessKeyId",        None, ErrorKind::Credentials),
    ("AuthFailure",               None, ErrorKind::Credentials),
    ("SignatureDoesNotMatch",     None, ErrorKind::Credentials),
    ("InvalidSignature*",         None, ErrorKind::Credentials),
    ("IncompleteSignature*",      None, ErrorKind::Credentials),
    ("MissingAuthenticationToken*", None, ErrorKind::Credentials),
    // And whether that one may.
    ("AccessDenied*",             None, ErrorKind::AccessDenied),
    ("*UnauthorizedOperation",    None, ErrorKind::AccessDenied),
    ("UnauthorizedAccess",        None, ErrorKind::AccessDenied),
    ("OptInRequired",             None, ErrorKind::AccessDenied),
    ("Blocked",                   None, ErrorKind::AccessDenied),
    // There already.
    ("*.Duplicate",               None, ErrorKind::AlreadyExists),
    ("*AlreadyExists*",           None, ErrorKind::AlreadyExists),
    // In use.
    ("DependencyViolation",       None, ErrorKind::InUse),
    ("*.InUse",                   None, ErrorKind::InUse),
    ("DeleteConflict*",           None, ErrorKind::InUse),
    ("ResourceInUse*",            None, ErrorKind::InUse),
    ("ScalingActivityInProgress*", None, ErrorKind::InUse),
    ("InstanceRefreshInProgress*", None, ErrorKind::InUse),
    // Another change is being made. Two of these come with HTTP 500.
    ("ConcurrentModification*",   None, ErrorKind::Busy),
    ("EntityTemporarilyUnmodifiable*", None, ErrorKind::Busy),
    ("ResourceContention*",       None, ErrorKind::Busy),
    ("ServiceLinkedRoleFailure*", None, ErrorKind::Busy),
    // Quotas: waiting does not help.
    ("*LimitExceeded",            None, ErrorKind::Quota),
    ("*LimitExceededFault",       None, ErrorKind::Quota),
    ("*LimitExceededException",   None, ErrorKind::Quota),
    ("*QuotaExceeded*",           None, ErrorKind::Quota),
    // Not there.
    ("NoSuchEntity*",             None, ErrorKind::NotFound),
    ("*.NotFound",                None, ErrorKind::NotFound),
    ("*.NotFoundException",       None, ErrorKind::NotFound),
    ("*NotFound",                 None, ErrorKind::NotFound),
    ("*NotFoundException",        None, ErrorKind::NotFound),
    ("InvalidAMIID.Unavailable",  None, ErrorKind::NotFound),
    ("ValidationError",           Some("not found"),      ErrorKind::NotFound),
    ("ValidationError",           Some("does not exist"), ErrorKind::NotFound),
    // AWS failed.
    ("InternalError",             None, ErrorKind::Service),
    ("InternalFailure",           None, ErrorKind::Service),
    ("ServiceFailure*",           None, ErrorKind::Service),
    ("ServiceUnavailable*",       None, ErrorKind::Service),
    ("ServerInternal",            None, ErrorKind::Service),
    ("Unavailable",               None, ErrorKind::Service),
    // The values.
    ("Validation*",               None, ErrorKind::Invalid),
    ("Invalid*",                  None, ErrorKind::Invalid),
    ("Malformed*",                None, ErrorKind::Invalid),
    ("Missing*",                  None, ErrorKind::Invalid),
    ("Unsupported*",              None, ErrorKind::Invalid),
    ("UnknownParameter",          None, ErrorKind::Invalid),
    ("UnmodifiableEntity*",       None, ErrorKind::Invalid),
    ("IdempotentParameterMismatch", None, ErrorKind::Invalid),
    ("VPCIdNotSpecified",         None, ErrorKind::Invalid),
];

/// How an encoded authorisation failure begins. What follows is up to 10 KB that only `sts:DecodeAuthorizationMessage` can read.
const ENCODED: &str = "Encoded authorization failure message:";

/// Longest message that is kept, in characters: AWS repeats whole documents in some.
const MESSAGE_MAX: usize = 1000;

/// Said after AWS's words when the credentials were refused.
const REFUSED_HELP: &str = "sign in again or choose other credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, `aws sso login`); \
     if they are good elsewhere, the region may not be enabled for the account, or this machine's clock may be wrong";

/// Said when there are none.
const MISSING_HELP: &str = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`";

/// What AWS's code means. `status` is HTTP's, for answers whose code no row knows.
fn classify(code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    let row = code.and_then(|code| ROWS.iter().find(|row| fits(row.0, code) && row.1.is_none_or(|part| message.contains(part))));
    row.map_or_else(
        || match status {
            401 => ErrorKind::Credentials,
            403 => ErrorKind::AccessDenied,
            429 => ErrorKind::Throttled,
            500.. => ErrorKind::Service,
            _ => ErrorKind::Other,
        },
        |row| row.2,
    )
}

fn fits(pattern: &str, code: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => code.contains(pattern.trim_matches('*')),
        (Some(end), None) => code.ends_with(end),
        (None, Some(start)) => code.starts_with(start),
        (None, None) => code == pattern,
    }
}

/// Makes a [`CloudError`] of what the SDK says. `endpoint` names who was called, for errors in which nobody answered.
pub(crate) fn translate<E>(operation: &str, endpoint: &str, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let (kind, code, message) = match error {
        SdkError::ServiceError(context) if context.err().code().is_some() => {
            answered(context.err().code(), context.err().message(), status)
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            (classify(None, "", status), None, format!("the answer of {endpoint} (HTTP {status}) could not be read"))
        }
        _ => unanswered(endpoint, error),
    };
    CloudError { kind, operation: operation.to_owned(), code, message, request_id }
}

/// AWS has answered, with a refusal.
fn answered(code: Option<&str>, message: Option<&str>, status: u16) -> (ErrorKind, Option<String>, String) {
    let words = message.unwrap_or_default();
    let kind = classify(code, words, status);
    let mut text = shortened(words);
    if text.is_empty() {
        text = format!("HTTP {status}, without a word");
    }
    if kind == ErrorKind::Credentials {
        text = format!("{}; {REFUSED_HELP}", text.trim_end_matches('.'));
    }
    (kind, code.map(str::to_owned), text)
}

/// Cuts what nobody can read.
fn shortened(message: &str) -> String {
    let message = message.trim();
    if let Some((words, _)) = message.split_once(ENCODED) {
        return format!("{} (encoded details left out)", words.trim_end());
    }
    if message.chars().count() <= MESSAGE_MAX {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_MAX).chain(std::iter::once('…')).collect()
}

/// Nobody has answered: no credentials to ask with, no connection, or no answer in time.
fn unanswered(endpoint: &str, error: &(dyn Error + 'static)) -> (ErrorKind, Option<String>, String) {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    if let Some(at) = causes.iter().position(|cause| cause.is::<CredentialsError>()) {
        return (ErrorKind::Credentials, None, missing(&chain(&causes[at..])));
    }
    let words = chain(causes.get(1..).unwrap_or_default());
    let lower = words.to_lowercase();
    if lower.contains("credential") || lower.contains("identity") {
        return (ErrorKind::Credentials, None, missing(&words));
    }
    if words.is_empty() {
        (ErrorKind::Unreachable, None, format!("no answer from {endpoint}"))
    } else {
        (ErrorKind::Unreachable, None, format!("no answer from {endpoint}: {words}"))
    }
}

/// What to do first, then where the SDK has looked, which it tells over many lines.
fn missing(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("no credentials: {MISSING_HELP} ({words})")
}

/// The texts of nested errors, each once.
fn chain(causes: &[&(dyn Error + 'static)]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in causes {
        let text = cause.to_string();
        if !text.is_empty() && !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    shortened(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached() {
        for (index, (pattern, part, kind)) in ROWS.iter().enumerate() {
            let code = pattern.replace('*', "X");
            let message = part.map_or_else(|| "words".to_owned(), |part| format!("words {part} words"));
            let first = ROWS.iter().position(|row| fits(row.0, &code) && row.1.is_none_or(|part| message.contains(part)));
            assert_eq!(classify(Some(&code), &message, 400), *kind, "{pattern}");
            assert_eq!(first.map(|row| ROWS[row].2), Some(*kind), "row {index} ({pattern}) is hidden by row {first:?}");
        }
    }

    /// Codes as AWS documents them, one by one, so that a pattern that is too wide shows.
    #[test]
    fn documented_codes() {
        use ErrorKind::*;
        let cases = [
            ("InvalidGroup.Duplicate", "", AlreadyExists),
            ("InvalidPermission.Duplicate", "", AlreadyExists),
            ("InvalidLaunchTemplateName.AlreadyExistsException", "", AlreadyExists),
            ("EntityAlreadyExists", "", AlreadyExists),
            ("AlreadyExists", "", AlreadyExists),
            ("InvalidGroup.InUse", "", InUse),
            ("DependencyViolation", "", InUse),
            ("DeleteConflict", "", InUse),
            ("ResourceInUse", "", InUse),
            ("ScalingActivityInProgress", "", InUse),
            ("InstanceRefreshInProgress", "", InUse),
            ("ActiveInstanceRefreshNotFound", "", NotFound),
            ("ConcurrentModification", "", Busy),
            ("ResourceContention", "", Busy),
            ("ServiceLinkedRoleFailure", "", Busy),
            ("RequestLimitExceeded", "", Throttled),
            ("Throttling", "", Throttled),
            ("ThrottlingException", "", Throttled),
            ("LimitExceeded", "", Quota),
            ("VcpuLimitExceeded", "", Quota),
            ("RulesPerSecurityGroupLimitExceeded", "", Quota),
            ("SecurityGroupLimitExceeded", "", Quota),
            ("TagLimitExceeded", "", Quota),
            ("UnauthorizedOperation", "", AccessDenied),
            ("AccessDenied", "", AccessDenied),
            ("AuthFailure", "", Credentials),
            ("ExpiredToken", "", Credentials),
            ("InvalidClientTokenId", "", Credentials),
            ("NoSuchEntity", "", NotFound),
            ("InvalidGroup.NotFound", "", NotFound),
            ("InvalidSecurityGroupRuleId.NotFound", "", NotFound),
            ("InvalidLaunchTemplateName.NotFoundException", "", NotFound),
            ("InvalidLaunchTemplateId.NotFound", "", NotFound),
            ("InvalidAMIID.NotFound", "", NotFound),
            ("InvalidAMIID.Unavailable", "", NotFound),
            ("InvalidAMIID.Malformed", "", Invalid),
            ("ValidationError", "AutoScalingGroup name not found - kapacitor", NotFound),
            ("ValidationError", "Invalid IAM Instance Profile name (kapacitor)", NotVisibleYet),
            ("ValidationError", "Min bound, 2, must be less than or equal to max bound, 1", Invalid),
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"x\"", NotVisibleYet),
            ("MalformedPolicyDocument", "Syntax errors in policy.", Invalid),
            (
                "InvalidParameterValue",
                "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
                NotVisibleYet,
            ),
            ("InvalidParameterValue", "x", Invalid),
            ("InternalError", "", Service),
            ("SomethingNew", "", Other),
        ];
        for (code, message, kind) in cases {
            assert_eq!(classify(Some(code), message, 400), kind, "{code}");
        }
        assert_eq!(classify(Some("SomethingNew"), "", 503), Service);
        assert_eq!(classify(None, "", 403), AccessDenied);
    }

    #[test]
    fn a_contention_is_busy_although_its_status_is_500() {
        assert_eq!(classify(Some("ResourceContention"), "", 500), ErrorKind::Busy);
        assert_eq!(classify(Some("ServiceLinkedRoleFailure"), "", 500), ErrorKind::Busy);
    }

    #[test]
    fn an_encoded_message_is_cut() {
        let words = format!("You are not authorized to perform this operation. {ENCODED} {}", "x".repeat(4000));
        let (kind, _, message) = answered(Some("UnauthorizedOperation"), Some(&words), 403);
        assert_eq!(
            (kind, message.as_str()),
            (ErrorKind::AccessDenied, "You are not authorized to perform this operation. (encoded details left out)")
        );
        assert_eq!(shortened(&"ä".repeat(3000)).chars().count(), MESSAGE_MAX + 1);
    }
}
