//! Running other programs, with errors that say which one and how.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::Result;

/// A program with its arguments, for errors: `cargo metadata --no-deps`.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs a program to its end; what it prints goes where ours goes.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| format!("cannot start `{}`: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", line(command)).into()) }
}

/// Runs a program to its end and returns what it printed. What it said on standard error goes where ours goes.
///
/// # Errors
/// When it cannot be started, does not succeed or prints something other than UTF-8.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let Output { status, stdout, .. } =
        command.stderr(std::process::Stdio::inherit()).output().map_err(|error| format!("cannot start `{}`: {error}", line(command)))?;
    if !status.success() {
        return Err(format!("`{}` failed: {status}", line(command)).into());
    }
    String::from_utf8(stdout).map_err(|_| format!("`{}` printed something other than UTF-8", line(command)).into())
}

/// What a program prints, when it succeeds. Nothing of it is shown: for asking whether something is there.
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
