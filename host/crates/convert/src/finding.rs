//! What a reader of the Terraform files has to know: what could not be carried over, where it stands, and what to write instead.

use std::fmt;
use std::sync::Arc;

use kaphost_spec::{ConfigSource, Position, Span};

/// A place in one of the Terraform files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Arc<ConfigSource>,
    /// Bytes of its text, within its bounds.
    pub span: Span,
}

impl Place {
    /// Line and column, both from 1.
    #[must_use]
    pub fn position(&self) -> Position {
        self.source.position(self.span.start)
    }

    /// The text that stands there, as far as it may be shown.
    pub(crate) fn shown(&self) -> &str {
        self.source.shown().get(self.span.clone()).unwrap_or_default()
    }
}

impl fmt::Display for Place {
    /// `main.tf:12:3`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The config cannot be used until it is mended: something that a cluster needs is missing or refused.
    Error,
    /// The config can be used, and does not say all that the Terraform files say.
    Warning,
    /// The config says all of it; something beside it has to change.
    Advice,
}

impl Severity {
    /// `error`, `warning`, `advice`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)*) => {
        /// What kind of thing a [`Finding`] reports. The words are stable: scripts may filter by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name, kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }
        }
    };
}

codes! {
    /// The text is not HCL.
    Syntax => "syntax",
    /// No module block has Kapacitor's server for its source, or none has the name that was asked for.
    NoModule => "no-module",
    /// An argument's value is not to be had from the files: only Terraform, or AWS, knows it.
    NotConvertible => "not-convertible",
    /// The module takes no argument of this name.
    UnknownArgument => "unknown-argument",
    /// An argument that the module needs is not given.
    MissingArgument => "missing-argument",
    /// An argument's value has the wrong type.
    WrongType => "wrong-type",
    /// kaphost takes no such value.
    RefusedValue => "refused-value",
    /// The module itself does nothing with this value, so the config does not hold it.
    WithoutEffect => "without-effect",
    /// No `provider "aws"` says the region.
    NoRegion => "no-region",
    /// The rules of a `kapacitor-security-group-rules` module have no place in the clusters that were converted.
    RulesElsewhere => "rules-elsewhere",
    /// Something else in the files uses an output of the module.
    OutputUsed => "output-used",
}

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence: what is the matter.
    pub message: String,
    /// What to write instead, or to do.
    pub help: String,
    /// The argument of the module that it is about.
    pub argument: Option<String>,
    /// Where it stands. `None` when no file has a place for it.
    pub place: Option<Place>,
}

impl fmt::Display for Finding {
    /// `main.tf:12:3: the message; the help`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}; {}", self.message, self.help)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
