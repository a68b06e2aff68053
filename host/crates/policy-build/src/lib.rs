//! From a policy's source to a component. Of Rust: a compiler that has the target, cargo's core module, the component made of it in process. Of Python:
//! componentize-py, with WASI stubbed out.
//!
//! Beside the pipeline, for those who build policies: `cargo xtask policies` for the ones of this repository, `kaphost policy build` for everybody's.
//! Says what goes on by a function that it is handed. Knows nothing of kaphost's other crates, runs no policy and prints nothing; the programs that it
//! starts say on standard error what they have to say.
//!
//! The same Rust and the same compiler give the same bytes, wherever the source lies: no folder of the machine is left in them, and no flag or
//! wrapper of whoever calls has a say. The same holds of Python, where componentize-py can be run as `python/still.py` does: on Linux on x86-64.
//!
//! ```no_run
//! use kaphost_policy_build::{Project, compiler, component, module};
//!
//! # fn example() -> Result<(), kaphost_policy_build::BuildError> {
//! let project = Project::find("my-policy".as_ref())?;
//! let compiler = compiler::find("cache".as_ref(), &mut |line| eprintln!("{line}"))?;
//! let component = component::from_module(&module::build(&project.order(), &compiler)?)?;
//! println!("{} bytes", component.len());
//! # Ok(())
//! # }
//! ```

pub mod compiler;
pub mod component;
pub mod module;
pub mod process;
mod project;
mod provenance;
pub mod python;
mod source;

use std::io;
use std::path::{Path, PathBuf};

pub use project::Project;
pub use provenance::Makers;
pub use source::Source;

use crate::component::ComponentError;
use crate::process::ProcessError;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program that is needed did not start or did not succeed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// What was compiled makes no policy.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// There is nothing to compile.
    #[error("{} {why}", folder.display())]
    NoProject {
        /// As it was given.
        folder: PathBuf,
        /// A clause: "holds no Cargo.toml".
        why: String,
    },
    /// Every way to a compiler was tried.
    #[error("no compiler for {} is to be had: {why}", compiler::TARGET)]
    NoCompiler {
        /// A clause about the last way.
        why: String,
    },
    /// Every way to componentize-py was tried.
    #[error("no componentize-py {} is to be had: {why}", python::VERSION)]
    NoComponentizer {
        /// A clause about the last way.
        why: String,
    },
    /// A file or folder.
    #[error("cannot {doing} {}: {error}", path.display())]
    Io {
        /// "write", "read", "prepare".
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl BuildError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { doing, path, error }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Process(error) => error.help(),
            Self::Component(error) => error.help().to_owned(),
            Self::NoProject { .. } => "name the folder of a policy, or make one with `kaphost policy new NAME`".to_owned(),
            Self::NoCompiler { .. } => compiler::HELP.to_owned(),
            Self::NoComponentizer { .. } => python::HELP.to_owned(),
            Self::Io { .. } => "make it possible, or name another folder".to_owned(),
        }
    }
}
