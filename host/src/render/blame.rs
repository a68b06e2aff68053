//! Who wrote a value.

use kaphost_policy::Decision;
use kaphost_spec::Path;

/// A decision, asked for authors. Without one, nobody wrote anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blame<'a>(Option<&'a Decision>);

impl<'a> Blame<'a> {
    /// By a decision.
    #[must_use]
    pub(crate) const fn new(decision: &'a Decision) -> Self {
        Self(Some(decision))
    }

    /// Nobody.
    #[must_use]
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// The policy and rule that last wrote the value at a config path: `org: dedicated-tenancy`.
    #[must_use]
    pub(crate) fn policy_of(&self, path: &str) -> Option<String> {
        let path: Path = path.parse().ok()?;
        let (policy, change) = self.0?.last_writer(&path)?;
        Some(format!("{}: {}", policy.name, change.rule))
    }
}
