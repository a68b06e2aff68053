//! What a folder holds: a policy in Rust or one in Python.

use std::path::Path;

use crate::python::{self, PythonProject};
use crate::{BuildError, Project};

/// A policy's project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A package of cargo's.
    Rust(Project),
    /// A project with a `pyproject.toml`.
    Python(PythonProject),
}

impl Source {
    /// Looks at the folder's manifest. Where both are, it is Rust's: a `pyproject.toml` may be there for a linter alone.
    ///
    /// # Errors
    /// When there is none, or it is not that of a policy.
    pub fn find(folder: &Path) -> Result<Self, BuildError> {
        if folder.join("Cargo.toml").is_file() {
            return Project::find(folder).map(Self::Rust);
        }
        if folder.join(python::MANIFEST).is_file() {
            return PythonProject::find(folder).map(Self::Python);
        }
        let why = if folder.exists() { "holds neither a Cargo.toml nor a pyproject.toml" } else { "does not exist" };
        Err(BuildError::NoProject { folder: folder.to_owned(), why: why.to_owned() })
    }

    /// The policy's name, as its manifest has it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Rust(project) => &project.name,
            Self::Python(project) => &project.name,
        }
    }
}
