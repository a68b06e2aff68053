//! The seal between policies and planning.

use crate::Cluster;

/// A cluster that every policy has let pass. The planner takes nothing else.
///
/// Only `kaphost_policy::admit` may build one; `cargo xtask ci` refuses a second caller of [`AdmittedSpec::seal`] outside of tests.
#[derive(Clone, Debug)]
pub struct AdmittedSpec {
    cluster: Cluster,
    decision: String,
}

impl AdmittedSpec {
    /// Seals what the policies left. `decision` is the lower-case hexadecimal SHA-256 of the decision that admits it.
    #[must_use]
    pub const fn seal(cluster: Cluster, decision: String) -> Self {
        Self { cluster, decision }
    }

    /// What was admitted.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The digest of the decision that admits it.
    #[must_use]
    pub fn decision(&self) -> &str {
        &self.decision
    }
}
