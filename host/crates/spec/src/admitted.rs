//! The seal between policies and planning.

use std::sync::Arc;

use crate::Cluster;

/// A cluster that every policy has let pass. The planner takes nothing else.
///
/// Only `kaphost_policy::admit` may build one; `cargo xtask ci` refuses a second caller of [`AdmittedSpec::seal`] outside of tests.
#[derive(Clone, Debug)]
pub struct AdmittedSpec {
    cluster: Arc<Cluster>,
    decision: String,
}

impl AdmittedSpec {
    /// Seals what the policies left. `decision` is the lower-case hexadecimal SHA-256 of the decision that admits it.
    #[must_use]
    pub fn seal(cluster: impl Into<Arc<Cluster>>, decision: String) -> Self {
        Self { cluster: cluster.into(), decision }
    }

    /// What was admitted.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The digest of the decision that admits it.
    #[must_use]
    pub fn decision(&self) -> &str {
        &self.decision
    }
}
