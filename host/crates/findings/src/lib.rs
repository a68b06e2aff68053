//! What a check found, in the forms that other programs read: JSON, NDJSON, SARIF, JUnit, GitHub's workflow commands, TAP. What came of tests, in the two
//! that are made for them ([`TestSuites`]).
//!
//! Last stage of `kaphost check`: the host gathers a [`Run`] (plain data), and each [`Format`] is one pure function of it. Of the JSON
//! document this makes the [`Members`]; its envelope is that of all of kaphost's documents. Knows no config, no
//! policy and no AWS; reads and prints nothing. Every text has been made printable where it entered kaphost; what a format needs beyond that
//! (XML's characters, GitHub's escapes) is done here.

mod github;
mod json;
mod junit;
mod model;
mod sarif;
mod tap;
mod tests_run;

use std::fmt;

pub use json::{Members, SCHEMA};
pub use model::{Checked, Finding, Kind, Level, Outcome, Place, Region, Run, Skipped, Tool, Waived};
pub use tests_run::{TestEnd, TestPoint, TestSuite, TestSuites};

/// A form that a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit's XML in Jenkins's dialect, for test reports.
    Junit,
    /// GitHub's workflow commands, which annotate lines of a pull request.
    Github,
    /// The Test Anything Protocol, version 14.
    Tap,
}

/// A run that has no form in a format: never met, since every part has one. The libraries that write the formats can say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable(String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the result has no such form: {}", self.0)
    }
}

impl std::error::Error for Unwritable {}

impl Format {
    /// The whole text, with a newline at its end. Equal runs give equal bytes.
    ///
    /// # Errors
    /// None that can happen; see [`Unwritable`].
    pub fn write(self, run: &Run) -> Result<String, Unwritable> {
        match self {
            Self::Ndjson => json::ndjson(run),
            Self::Sarif => sarif::sarif(run),
            Self::Junit => junit::junit(run),
            Self::Github => Ok(github::github(run)),
            Self::Tap => Ok(tap::tap(run)),
        }
    }
}
