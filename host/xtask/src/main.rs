//! The project's own chores: `cargo xtask COMMAND`.
//!
//! The first thing that a newcomer waits for, so it depends on little: of kaphost's own crates on the one that builds policies, which depends on none
//! of the others. Each command is one file with a `run`, and one line of [`COMMANDS`].

mod ci;
mod policies;
mod programs;
mod sources;
mod test;
mod workspace;

use std::process::ExitCode;

use kaphost_policy_build::process;

/// What every command returns: its error is told to the user as it is.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// One chore.
struct Command {
    name: &'static str,
    /// One line for `cargo xtask help`.
    about: &'static str,
    /// Takes the arguments that follow the name.
    run: fn(&[String]) -> Result,
}

const COMMANDS: &[Command] = &[
    Command { name: "demo", about: "Show the main job on an AWS API on loopback, from nothing to nothing", run: programs::demo },
    Command { name: "test", about: "Build what the tests need, and run all of them", run: test::run },
    Command { name: "policies", about: "Build every guest policy into `policies/` of the target folder", run: policies::run },
    Command { name: "bench", about: "Measure, side by side with others: ratios and counts", run: programs::bench },
    Command { name: "ci", about: "Check formatting, lints, the direction of dependencies, and docs", run: ci::run },
];

/// What the shell sees when the arguments are wrong, as in `sysexits.h`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        None => {
            anstream::eprint!("{}", usage());
            ExitCode::from(EXIT_USAGE)
        }
        Some((name, _)) if ["help", "--help", "-h"].contains(&name.as_str()) => {
            anstream::print!("{}", usage());
            ExitCode::SUCCESS
        }
        Some((name, rest)) => match COMMANDS.iter().find(|command| command.name == name) {
            None => {
                anstream::eprintln!("xtask: there is no command `{name}`\n\n{}", usage());
                ExitCode::from(EXIT_USAGE)
            }
            Some(command) => match (command.run)(rest) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    anstream::eprintln!("xtask {name}: {error}");
                    ExitCode::FAILURE
                }
            },
        },
    }
}

fn usage() -> String {
    let width = COMMANDS.iter().map(|command| command.name.len()).max().unwrap_or_default();
    let commands: Vec<String> = COMMANDS.iter().map(|command| format!("  {:width$}  {}\n", command.name, command.about)).collect();
    format!("Usage: cargo xtask COMMAND\n\n{}", commands.concat())
}
