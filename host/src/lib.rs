//! The command line of kaphost: parses arguments, calls the rooms in the order of the pipeline, renders what they give, and turns how it ended
//! into an exit code. The only crate that prints, and it decides nothing that a room below could decide.

mod cli;
mod cloud;
mod commands;
#[cfg(test)]
mod docs;
mod document;
mod drift;
mod exit;
mod facts;
mod failure;
mod fleet;
mod forms;
mod images;
mod input;
mod interrupt;
mod page;
mod permissions;
mod pipeline;
mod place;
mod policies;
mod preflight;
mod progress;
mod record;
mod registry;
mod render;
mod saved;
mod schemas;
mod signing;
mod term;
mod usage;
mod verdict;
mod written;

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::cli::{Cli, Format};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;

/// The whole program.
#[must_use]
pub fn main_impl() -> ExitCode {
    let cli = match Cli::of_process() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if !asked && usage::wants_json(std::env::args_os()) {
                term::out(&usage::failure(&error).json(Document::Usage));
            }
            // Where the stream is gone there is nobody to tell.
            let _ = error.print();
            return if asked { Exit::Done } else { Exit::Usage }.into();
        }
    };
    cli.global.color.install();
    let global = cli.global();
    // Where the forms that are asked for make no sense together, who asked for JSON gets JSON.
    let output = global.as_ref().map_or_else(|_| forms::wanted(&cli.global.outputs), |global| global.output);
    let exit = global.and_then(|global| commands::run(&global, &cli.command)).unwrap_or_else(|failure| {
        if output == Format::Json {
            term::out(&failure.json(cli.command.document()));
        }
        term::err(&failure.text());
        failure.exit()
    });
    heard(exit, cli.command.document()).into()
}

/// How a run ended whose result may not have got out: whoever reads it from a file must not take half of it, or nothing, for all of it.
fn heard(exit: Exit, document: Document) -> Exit {
    let Some(why) = term::lost() else { return exit };
    let failure =
        Failure::Unheard { why: why.to_owned(), writes: matches!(document, Document::Apply | Document::Adopt | Document::Destroy) };
    term::err(&failure.text());
    // What ended worse than that did so anyway.
    if matches!(exit, Exit::Done | Exit::Changes) { failure.exit() } else { exit }
}
