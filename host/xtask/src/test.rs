//! `cargo xtask test`: builds what the tests need, and runs all of them.

use crate::workspace::{Workspace, cargo};
use crate::{Result, policies, process};

/// How many tests a program of tests runs at once: the test library's own variable.
const THREADS: &str = "RUST_TEST_THREADS";

/// End-to-end tests wait, for programs that wait in turn: with one for each processor, a third of the processors' time is nobody's.
const TESTS_A_PROCESSOR: usize = 2;

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
    let mut test = workspace_of("test", &["--no-fail-fast"]);
    if std::env::var_os(THREADS).is_none() {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        test.env(THREADS, (processors * TESTS_A_PROCESSOR).to_string());
    }
    Ok(process::run(test.args(args))?)
}
