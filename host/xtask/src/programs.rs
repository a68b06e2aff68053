//! `cargo xtask demo` and `cargo xtask bench`: build what they show, then hand over to the program of that name in `tests/`.

use crate::workspace::{Workspace, cargo};
use crate::{Result, policies, process};

/// The main job on a real AWS API on loopback, from nothing to nothing.
///
/// # Errors
/// When something does not build, or a command of the demo does not do what it should.
pub(crate) fn demo(args: &[String]) -> Result {
    hand_over("demo", &[], &[], args)
}

/// What kaphost costs, side by side with others: ratios and counts.
///
/// # Errors
/// When something does not build, or a measured job fails.
pub(crate) fn bench(args: &[String]) -> Result {
    hand_over("bench", &["--release"], &["--features", "regorus"], args)
}

fn hand_over(program: &str, profile: &[&str], features: &[&str], args: &[String]) -> Result {
    let workspace = Workspace::find()?;
    anstream::eprintln!("xtask {program}: building kaphost and its policies; the first time takes some minutes");
    policies::build(&workspace)?;
    process::run(cargo().current_dir(&workspace.root).args(["build", "--quiet", "--locked", "--package", "kaphost"]).args(profile))?;
    let mut run = cargo();
    run.current_dir(&workspace.root).args(["run", "--quiet", "--locked", "--package", "kaphost-tests", "--bin", program]);
    process::run(run.args(profile).args(features).arg("--").args(args))
}
