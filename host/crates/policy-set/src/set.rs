//! A policy set, read.

use std::path::Path;
use std::sync::Arc;

use kaphost_policy::{LimitOverrides, ModuleFile, Terms, TypedSetting, Waiver};
use kaphost_sign::VerifyingKey;
use kaphost_spec::{ConfigSource, Diagnostic, Reference, Span};

/// A policy set: policies in the order in which they run, and waivers. It can be changed by nothing but its own text.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(crate) source: Arc<ConfigSource>,
    pub(crate) sha256: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) waivers: Vec<Waiver>,
    /// Where the parts of each waiver stand.
    pub(crate) waiver_places: Vec<WaiverPlaces>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl PolicySet {
    /// What the user calls it: its path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// Its text and name.
    #[must_use]
    pub const fn source(&self) -> &Arc<ConfigSource> {
        &self.source
    }

    /// Lower-case hexadecimal SHA-256 of its text.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Its policies, in the order in which they run. At least one, and no two of one name.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Its exceptions, in the order of the text. Each is for a policy of this set.
    #[must_use]
    pub fn waivers(&self) -> &[Waiver] {
        &self.waivers
    }

    /// Where the waiver of this place names its rule, and where it says when it ends.
    #[must_use]
    pub fn waiver_spans(&self, place: &str) -> Option<(&Span, &Span)> {
        let at = self.waivers.iter().position(|waiver| waiver.place == place)?;
        self.waiver_places.get(at).map(|places| (&places.rule, &places.expires))
    }

    /// Where the entry of this number gives a setting: its values, or its name where it has none. Where it leaves the setting to its default,
    /// the entry's name.
    #[must_use]
    pub fn setting_span(&self, entry: usize, setting: &str) -> Option<Span> {
        let entry = self.entries.get(entry)?;
        let given = entry.settings.iter().position(|given| given.name == setting);
        let Some((name, values)) = given.and_then(|at| entry.places.settings.get(at)) else { return Some(entry.places.name.clone()) };
        Some(match (values.first(), values.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => name.clone(),
        })
    }

    /// What is odd in it, but keeps nothing from being used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

/// One policy of a set.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) name: String,
    /// As the set spells it.
    pub(crate) path: String,
    /// The same, where it is in a registry.
    pub(crate) reference: Option<Reference>,
    pub(crate) sha256: Option<String>,
    /// Who must have signed the module, and where the set says it.
    pub(crate) signers: Vec<(VerifyingKey, Span)>,
    pub(crate) terms: Terms,
    pub(crate) limits: LimitOverrides,
    pub(crate) settings: Vec<TypedSetting>,
    pub(crate) places: Places,
}

/// Where the parts of an entry stand.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) name: Span,
    pub(crate) path: Span,
    pub(crate) sha256: Span,
    /// The name of each setting, and each of its values.
    pub(crate) settings: Vec<(Span, Vec<Span>)>,
}

/// Where the parts of a waiver stand.
#[derive(Clone, Debug)]
pub(crate) struct WaiverPlaces {
    pub(crate) rule: Span,
    pub(crate) expires: Span,
}

impl Entry {
    /// The name that the module must call itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the policy may do.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The settings that it is given, each with the type that it is written with.
    #[must_use]
    pub fn settings(&self) -> &[TypedSetting] {
        &self.settings
    }

    /// Lower-case hexadecimal SHA-256 that the module must have. A module in a registry may do without: the digest of its reference says as much.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Where its module is in a registry, if it is in one. With a digest.
    #[must_use]
    pub const fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Who must have signed the module, each, and where the set says it; nobody in particular when it is empty.
    #[must_use]
    pub fn signers(&self) -> &[(VerifyingKey, Span)] {
        &self.signers
    }

    /// Where its module is, as the set spells it: relative to the set's folder, absolute, or in a registry.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The module to load: its file, the SHA-256 that it must have, and its limits. `folder` is the set's. Of a module in a registry, whoever has fetched it
    /// says where it is ([`Self::reference`]).
    #[must_use]
    pub fn file(&self, folder: &Path) -> ModuleFile {
        ModuleFile { path: folder.join(&self.path), source: None, sha256: self.sha256.clone(), limits: self.limits.clone() }
    }

    /// Where the set names the module's file, for what is wrong with that.
    #[must_use]
    pub const fn path_span(&self) -> &Span {
        &self.places.path
    }

    /// Where the set gives the module's SHA-256, for when it is another.
    #[must_use]
    pub const fn sha256_span(&self) -> &Span {
        &self.places.sha256
    }
}
