//! Running other programs, with errors that say which one and how.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// A program that did not start, or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It did not start.
    #[error("cannot start `{line}`: {error}")]
    Start {
        /// The program and its arguments.
        line: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It ended otherwise than well. What it said about it is on standard error.
    #[error("`{line}` failed: {status}")]
    Failed {
        /// The program and its arguments.
        line: String,
        /// How.
        status: std::process::ExitStatus,
    },
    /// It printed something other than UTF-8, or another thing than was asked for.
    #[error("`{line}` printed something other than {wanted}")]
    Answer {
        /// The program and its arguments.
        line: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

impl ProcessError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Start { line, .. } if line.starts_with("cargo ") => {
                "policies are compiled by cargo: install Rust (https://rustup.rs, or your distribution's packages), and see that cargo is in the PATH"
                    .to_owned()
            }
            Self::Start { .. } => "install the program, and see that it is in the PATH".to_owned(),
            Self::Failed { .. } => "what it says stands above".to_owned(),
            Self::Answer { .. } => "it is perhaps another program of the same name, or a newer one".to_owned(),
        }
    }
}

/// A program with its arguments, for errors: `cargo metadata --no-deps`.
#[must_use]
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs a program to its end; what it prints goes where ours goes.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<(), ProcessError> {
    let status = command.status().map_err(|error| ProcessError::Start { line: line(command), error })?;
    if status.success() { Ok(()) } else { Err(ProcessError::Failed { line: line(command), status }) }
}

/// As [`run`], for a program that has no result to print: standard output is ours alone.
///
/// # Errors
/// As [`run`].
pub fn run_aside(command: &mut Command) -> Result<(), ProcessError> {
    run(command.stdout(Stdio::null()))
}

/// Runs a program to its end and returns what it printed. What it said on standard error goes where ours goes.
///
/// # Errors
/// When it cannot be started, does not succeed or prints something other than UTF-8.
pub fn read(command: &mut Command) -> Result<String, ProcessError> {
    let Output { status, stdout, .. } =
        command.stderr(Stdio::inherit()).output().map_err(|error| ProcessError::Start { line: line(command), error })?;
    if !status.success() {
        return Err(ProcessError::Failed { line: line(command), status });
    }
    String::from_utf8(stdout).map_err(|_| ProcessError::Answer { line: line(command), wanted: "UTF-8" })
}

/// What a program prints, when it succeeds. Nothing of it is shown: for asking whether something is there.
#[must_use]
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
