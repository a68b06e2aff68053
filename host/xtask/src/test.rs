//! `cargo xtask test`: builds what the tests need, and runs all of them.

use crate::workspace::{Workspace, cargo};
use crate::{Result, policies, process};

/// Builds the policies and the program, then runs every test. Further arguments go to `cargo test`.
///
/// # Errors
/// When something does not build, or a test fails.
pub(crate) fn run(args: &[String]) -> Result {
    let workspace = Workspace::find()?;
    policies::build(&workspace)?;
    process::run(cargo().current_dir(&workspace.root).args(["build", "--quiet", "--locked", "--package", "kaphost"]))?;
    process::run(
        cargo()
            .current_dir(&workspace.root)
            .args(["test", "--workspace", "--locked", "--no-fail-fast", "--features", "kaphost-tests/evaluate"])
            .args(args),
    )
}
