//! What a policy answers with, made pleasant to write.

use crate::setting::Declared;
use crate::{Amended, Change, Cluster, Description, Fact, Rule, SettingSchema, Severity, Violation, path};

/// The rule that a policy holds when its settings have a form of their own, which the host cannot check: they can be understood.
/// Until they can, such a policy passes nothing.
pub const SETTINGS: &str = "settings";

impl Description {
    /// A policy without rules, settings or needs. `name` is kebab-case, `version` semantic, `summary` one sentence.
    pub fn new(name: impl Into<String>, version: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            rules: Vec::new(),
            settings: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds a setting.
    #[must_use]
    pub fn setting(mut self, setting: SettingSchema) -> Self {
        self.settings.push(setting);
        self
    }

    /// Adds every setting of a list.
    #[must_use]
    pub fn settings(self, settings: &[&dyn Declared]) -> Self {
        settings.iter().fold(self, |description, setting| description.setting(setting.schema()))
    }

    /// Adds a fact without which the policy cannot answer.
    #[must_use]
    pub fn needs(mut self, fact: Fact) -> Self {
        if !self.needs.contains(&fact) {
            self.needs.push(fact);
        }
        self
    }

    /// Takes over the rules, settings and needs of a policy that this one is composed of. What both name stays as it was here.
    #[must_use]
    pub fn including(mut self, other: Self) -> Self {
        for rule in other.rules {
            if !self.rules.iter().any(|r| r.id == rule.id) {
                self.rules.push(rule);
            }
        }
        for setting in other.settings {
            if !self.settings.iter().any(|s| s.name == setting.name) {
                self.settings.push(setting);
            }
        }
        other.needs.into_iter().fold(self, Self::needs)
    }
}

impl Rule {
    /// A rule. `id` is kebab-case and stable over versions, `summary` one sentence: what must hold.
    pub fn new(id: impl Into<String>, severity: Severity, summary: impl Into<String>) -> Self {
        Self { id: id.into(), severity, summary: summary.into(), url: None }
    }

    /// The rule [`SETTINGS`].
    #[must_use]
    pub fn settings() -> Self {
        Self::new(SETTINGS, Severity::High, "The settings of this policy can be understood.")
    }

    /// Where it is explained, or which control it answers.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

impl Violation {
    /// A broken rule. `rule` is one of the description's, `path` comes from [`crate::path`], `message` says what is wrong with the value.
    pub fn new(rule: impl Into<String>, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule: rule.into(), path: path.into(), message: message.into(), help: None }
    }

    /// A broken rule [`SETTINGS`]: the setting `name` holds a `value` that cannot be understood. The host points at its place in the policy set.
    /// `problem` completes "…, which is", and `example` says what to write.
    #[must_use]
    pub fn of_setting(name: &str, value: &str, problem: &str, example: &str) -> Self {
        let message = ["the setting `", name, "` holds ", &path::quoted(value), ", which is ", problem].concat();
        Self::new(SETTINGS, path::setting(name), message)
            .help(["write ", example, " in `", name, "`; until then no cluster passes"].concat())
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A cluster that is being rewritten, with a reason for every change.
///
/// ```
/// use kaphost_guest::{Amendment, testing, path};
///
/// let mut amendment = Amendment::of(testing::cluster());
/// if amendment.cluster.network.public_ip {
///     amendment.cluster.network.public_ip = false;
///     amendment.because("no-public-ip", path::PUBLIC_IP, "servers have no public address");
/// }
/// let amended = amendment.done();
/// ```
#[derive(Clone, Debug)]
pub struct Amendment {
    /// The cluster so far.
    pub cluster: Cluster,
    changes: Vec<Change>,
}

impl Amendment {
    /// Nothing changed yet.
    #[must_use]
    pub const fn of(cluster: Cluster) -> Self {
        Self { cluster, changes: Vec::new() }
    }

    /// Goes on from what another policy left, keeping its reasons.
    #[must_use]
    pub fn after(amended: Amended) -> Self {
        Self { cluster: amended.cluster, changes: amended.changes }
    }

    /// Says why something was changed. A path stands for all that lies below it; a change that nothing explains is a failure of the policy.
    pub fn because(&mut self, rule: impl Into<String>, path: impl Into<String>, reason: impl Into<String>) {
        self.changes.push(Change { rule: rule.into(), path: path.into(), reason: reason.into() });
    }

    /// What to return from [`crate::Mutate::mutate`].
    #[must_use]
    pub fn done(self) -> Amended {
        Amended { cluster: self.cluster, changes: self.changes }
    }
}
