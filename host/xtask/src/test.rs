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
    let workspace_of = |verb: &str, more: &[&str]| {
        let mut command = cargo();
        command.current_dir(&workspace.root).args([verb, "--workspace", "--locked", "--features", "kaphost-tests/evaluate"]).args(more);
        command
    };
    // The program together with the tests: built by itself it would ask other features of what they share, and have the AWS SDK and wasmtime built twice.
    process::run(&mut workspace_of("build", &["--quiet", "--bins", "--tests"]))?;
    Ok(process::run(workspace_of("test", &["--no-fail-fast"]).args(args))?)
}
