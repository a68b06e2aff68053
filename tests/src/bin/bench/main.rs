//! `cargo xtask bench`: what kaphost costs, measured beside other tools that do the same job in the same run.
//!
//! It measures, holds each figure against its target, and prints both. Only ratios and limits are targets: absolute times belong to a machine.
//! A missed target is a finding, not an error, unless `--strict` is given; a tool that fails or does another job than it should is always one.

mod api;
mod cfn_guard;
mod check;
#[cfg(feature = "evaluate")]
mod evaluate;
mod figures;
mod fleet;
mod gate;
mod options;
mod timing;

use std::io::Write as _;
use std::process::ExitCode;

use kaphost_tests::Failure;

use crate::figures::Figures;
use crate::options::{Measure, Options, USAGE};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            tell(&format!("bench: {why}\n\n{USAGE}"));
            return ExitCode::from(64);
        }
    };
    match bench(&options) {
        Ok(figures) => {
            say(&if options.json { figures.json() } else { figures.table() });
            if options.strict && figures.missed() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(failure) => {
            tell(&format!("bench: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) -> Result<Figures, Failure> {
    let mut figures = Figures::default();
    for measure in &options.measures {
        match measure {
            Measure::Api => api::measure(options.rounds, &mut figures)?,
            Measure::Check => check::measure(options.rounds, &mut figures)?,
            Measure::Gate => gate::measure(options.rounds, &mut figures)?,
            #[cfg(feature = "evaluate")]
            Measure::Evaluate => evaluate::measure(options.rounds, &mut figures)?,
            #[cfg(not(feature = "evaluate"))]
            Measure::Evaluate => return Err(Failure::new("`evaluate` is not built in; `cargo xtask bench` builds it in")),
        }
    }
    Ok(figures)
}

/// A result.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
}

/// Progress, and what went wrong.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end());
}
