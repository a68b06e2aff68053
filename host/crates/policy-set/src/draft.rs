//! A set in the making, some of whose digests are still to be written: what there is to write, and where.

use std::path::Path;

use kaphost_spec::{ConfigSource, Reference, Report, Span};

use crate::parse::{self, Digests};
use crate::set::{Entry, PolicySet};

/// Such a set. Nothing can be evaluated by it.
#[derive(Clone, Debug)]
pub struct Draft(PolicySet);

/// Where a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, relative to the set's folder or absolute.
    File(String),
    /// In a registry. Without a digest it is to be written.
    Registry(Reference),
}

/// One policy of a draft.
#[derive(Clone, Copy, Debug)]
pub struct Drafted<'a>(&'a Entry);

impl Draft {
    /// Reads a set as [`PolicySet::parse`] does, but that digests may be missing.
    ///
    /// # Errors
    /// Every other mistake of the text.
    pub fn parse(source: ConfigSource) -> Result<Self, Report> {
        parse::parse(source, Digests::MayLack).map(Self)
    }

    /// Its policies, in order.
    pub fn entries(&self) -> impl Iterator<Item = Drafted<'_>> {
        self.0.entries.iter().map(Drafted)
    }

    /// Its text and name.
    #[must_use]
    pub fn source(&self) -> &ConfigSource {
        &self.0.source
    }
}

impl<'a> Drafted<'a> {
    /// The policy's name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.0.name
    }

    /// Where its module is.
    #[must_use]
    pub fn place(self) -> Place {
        self.0.reference.clone().map_or_else(|| Place::File(self.0.path.clone()), Place::Registry)
    }

    /// The file of its module. `folder` is the set's.
    #[must_use]
    pub fn file(self, folder: &Path) -> std::path::PathBuf {
        folder.join(&self.0.path)
    }

    /// The SHA-256 that the set gives of the module itself.
    #[must_use]
    pub fn sha256(self) -> Option<&'a str> {
        self.0.sha256.as_deref()
    }

    /// Where the set says where the module is: the value, with its quotes.
    #[must_use]
    pub fn path_span(self) -> &'a Span {
        &self.0.places.path
    }

    /// Where the set gives the module's SHA-256, if it does: the value, with its quotes.
    #[must_use]
    pub fn sha256_span(self) -> Option<&'a Span> {
        self.0.sha256.as_ref().map(|_| &self.0.places.sha256)
    }
}
