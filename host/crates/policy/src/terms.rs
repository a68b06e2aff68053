//! What a policy may do here. Granted by whoever owns the policy set, never by the policy itself, and never by a cluster's file.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use kaphost_spec::{Path, Pattern};
use serde::Serialize;

use crate::decision::{PolicyRecord, Recorded};
use crate::{FactKind, Module, Settings};

/// How a policy is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Never asked. Stands in the record, so that everybody sees that it is off.
    Disabled,
    /// Says what it would refuse and change. Nothing is refused or changed.
    Advisory,
    /// Refuses. What its mutator would change is a violation: it changes nothing.
    Mandatory,
    /// Changes what it may, and refuses what is left.
    Remediate,
}

impl Enforcement {
    /// All of them, the weakest first.
    pub const ALL: [Self; 4] = [Self::Disabled, Self::Advisory, Self::Mandatory, Self::Remediate];

    /// As a policy set spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Advisory => "advisory",
            Self::Mandatory => "mandatory",
            Self::Remediate => "remediate",
        }
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`Enforcement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is none of disabled, advisory, mandatory, remediate")]
pub struct NoEnforcement;

impl FromStr for Enforcement {
    type Err = NoEnforcement;

    fn from_str(text: &str) -> Result<Self, NoEnforcement> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(NoEnforcement)
    }
}

/// What one policy may do here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How it is held to.
    pub enforcement: Enforcement,
    /// What it may change.
    pub writes: Vec<Pattern>,
    /// What of that it may make less safe.
    pub loosens: Vec<Pattern>,
    /// What it is told of the world, as far as its description asks for it.
    pub facts: BTreeSet<FactKind>,
    /// Whether it sees the text of the user data, which may hold secrets. What it says about them is shown and recorded like all that it says: this
    /// is for policies that are trusted with them.
    pub user_data: bool,
    /// The policy set that names it; `None` when it was given by itself.
    pub set: Option<String>,
}

impl Terms {
    /// For a module that was given by itself: it may change everything and loosen nothing, is told what its description `needs`, and does not
    /// see user data.
    #[must_use]
    pub fn alone(needs: &[FactKind]) -> Self {
        Self {
            enforcement: Enforcement::Remediate,
            writes: vec![Pattern::everything()],
            loosens: Vec::new(),
            facts: needs.iter().copied().collect(),
            user_data: false,
            set: None,
        }
    }

    /// Whether it may change the value at this path.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        self.writes.iter().any(|pattern| pattern.covers(path))
    }

    /// Whether it may make the value at this path less safe, where it may change it at all.
    #[must_use]
    pub fn may_loosen(&self, path: &Path) -> bool {
        self.loosens.iter().any(|pattern| pattern.covers(path))
    }
}

/// A policy, what it was told to do, and what it may do.
#[derive(Clone, Debug)]
pub struct Policy {
    module: Module,
    settings: Settings,
    terms: Terms,
    recorded: Arc<OnceLock<Recorded>>,
}

impl Policy {
    /// A module with settings from [`Module::settings`], under these terms.
    #[must_use]
    pub fn new(module: Module, settings: Settings, terms: Terms) -> Self {
        Self { module, settings, terms, recorded: Arc::default() }
    }

    /// A module given by itself, under [`Terms::alone`].
    #[must_use]
    pub fn alone(module: Module, settings: Settings) -> Self {
        let terms = Terms::alone(&module.description().needs);
        Self::new(module, settings, terms)
    }

    /// The loaded module.
    #[must_use]
    pub const fn module(&self) -> &Module {
        &self.module
    }

    /// Every setting with its value.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it may do.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What stands of it in every decision. Made once: there may be thousands.
    pub(crate) fn recorded(&self) -> &Recorded {
        self.recorded.get_or_init(|| Recorded::new(self.record()))
    }

    fn record(&self) -> PolicyRecord {
        let description = self.module.description();
        PolicyRecord {
            name: description.name.clone(),
            version: description.version.clone(),
            digest: self.module.digest().to_owned(),
            source: self.module.source().to_owned(),
            world: self.module.world(),
            enforcement: self.terms.enforcement,
            set: self.terms.set.clone(),
            writes: self.terms.writes.clone(),
            loosens: self.terms.loosens.clone(),
            facts: self.facts().collect(),
            user_data: self.terms.user_data,
            settings: self.settings.clone(),
        }
    }

    /// The facts that it will be told: those that its description needs and its terms grant. None for one that is never asked.
    pub fn facts(&self) -> impl Iterator<Item = FactKind> {
        let asked = self.terms.enforcement != Enforcement::Disabled;
        self.module.description().needs.iter().copied().filter(move |kind| asked && self.terms.facts.contains(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enforcements_are_read_as_they_are_written() {
        for one in Enforcement::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert_eq!("enforce".parse::<Enforcement>(), Err(NoEnforcement));
        assert!(Enforcement::ALL.is_sorted());
    }

    #[test]
    fn alone_may_write_everything_and_loosen_nothing() {
        let terms = Terms::alone(&[FactKind::Ami]);
        let path: Path = "ssh.allow".parse().unwrap();
        assert!(terms.may_write(&path) && !terms.may_loosen(&path) && !terms.user_data);
        assert!(terms.facts.contains(&FactKind::Ami));
    }
}
