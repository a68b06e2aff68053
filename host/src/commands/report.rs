//! `kaphost report`

use std::path::PathBuf;

use clap::Args;

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::page::Documents;
use crate::record;
use crate::term;

/// Write a decision, and what was done by it, as one page of HTML
///
/// Takes what --record wrote, and what `check`, `plan` and `apply` print with `--output json`; several files of one run are told together. The page shows the config with who
/// changed each line, verdict, violations and waivers, the resources and the timeline of the run. It needs no network, runs no script, and shows no user data.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost check cluster.kdl --policy org.wasm --record decision.json\n  kaphost report decision.json --html -o decision.html\n  \
                  kaphost apply cluster.kdl --policy org.wasm --auto-approve --output json > applied.json\n  kaphost report applied.json --html -o applied.html"
)]
pub(crate) struct Command {
    /// A record, or the JSON of a command
    #[arg(value_name = "DOCUMENT.json", required = true)]
    documents: Vec<PathBuf>,
    /// As HTML, which is the only form so far
    #[arg(long)]
    html: bool,
    /// Where to write it; standard output otherwise
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the config is now. Its text is shown only if it is the one that was decided on
    #[arg(long, value_name = "CLUSTER.kdl")]
    config: Option<PathBuf>,
}

/// In both forms of output the page: it is what was asked for.
pub(super) fn run(_: &Global, command: &Command) -> Result<Exit, Failure> {
    let (page, gap) = Documents::read(&command.documents)?.page(command.config.as_deref());
    if let Some(gap) = gap {
        term::err(&format!("The report is without the config's text: {gap}. `--config FILE` says where it is.\n"));
    }
    let text = kaphost_report::html(&page);
    match &command.out {
        None => term::out(&text),
        Some(file) => record::replace(file, text.as_bytes()).map_err(|error| Failure::Unwritable {
            what: "the report",
            file: file.clone(),
            why: error.to_string(),
        })?,
    }
    Ok(Exit::Done)
}
