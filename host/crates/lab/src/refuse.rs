//! How AWS says no.

use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::Tags;

/// AWS's limit for one resource.
const MAX_TAGS: usize = 50;

/// A refusal: what kaphost makes of it, AWS's code, AWS's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into() }
    }

    /// The same as the port says it. Requests are numbered.
    pub(crate) fn of(self, operation: &str, request: u64) -> CloudError {
        CloudError {
            kind: self.kind,
            operation: operation.to_owned(),
            code: Some(self.code.to_owned()),
            message: self.message,
            request_id: Some(format!("lab-{request:08}")),
        }
    }
}

/// A call's answer.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// An early return with a refusal.
pub(crate) fn refuse<T>(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Answer<T> {
    Err(Refusal::new(kind, code, message))
}

/// Whether these tags may be put onto a resource that has those.
pub(crate) fn check_tags<'a>(
    there: impl IntoIterator<Item = &'a String>,
    new: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Answer<()> {
    let mut keys: std::collections::BTreeSet<&String> = there.into_iter().collect();
    for (key, value) in new {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return refuse(ErrorKind::Invalid, "InvalidParameterValue", format!("Tag `{key}` has a key or a value that is too long"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refuse(
                ErrorKind::Invalid,
                "InvalidParameterValue",
                format!("Tag keys starting with 'aws:' are reserved for internal use: {key}"),
            );
        }
        keys.insert(key);
    }
    if keys.len() > MAX_TAGS {
        return refuse(ErrorKind::Quota, "TagLimitExceeded", format!("The maximum number of tags for a resource is {MAX_TAGS}"));
    }
    Ok(())
}

/// The tags of a resource that is being created.
pub(crate) fn new_tags(tags: &Tags) -> Answer<Tags> {
    check_tags([], tags)?;
    Ok(tags.clone())
}

/// An id as AWS writes it: its prefix, and 1 to 17 hexadecimal digits.
pub(crate) fn well_formed(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|digits| (1..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
