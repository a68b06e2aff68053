//! `kaphost report`

use std::collections::BTreeSet;
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
/// Takes what --record wrote, also a folder of it, saved plans, and what `check`, `plan` and `apply` print with `--output json`; what several files say of a cluster is told together, and
/// several clusters on one page. It shows the config with who changed each line, verdict, violations and waivers, the resources and the timeline of the run. It needs no network, runs no
/// script, and shows no user data.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost check cluster.kdl --policy org.wasm --record decision.json\n  kaphost report decision.json --html -o decision.html\n  \
                  kaphost apply cluster.kdl --policy org.wasm --auto-approve --output json > applied.json\n  kaphost report applied.json --html -o applied.html\n  kaphost report p.kapplan --html -o plan.html"
)]
pub(crate) struct Command {
    /// A record or a folder of records, a saved plan, or the JSON of a command
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
    let documents = Documents::read(&command.documents)?;
    for cluster in documents.undecided() {
        term::err(&format!("The report is without {cluster}: the files hold no decision on it.\n"));
    }
    let mut pages = Vec::new();
    let mut gaps = BTreeSet::new();
    for (page, gap) in documents.pages(command.config.as_deref()) {
        pages.push(page);
        gaps.extend(gap);
    }
    for gap in gaps {
        term::err(&format!("The report is without the config's text: {gap}. `--config FILE` says where it is.\n"));
    }
    let text = match pages.as_slice() {
        [page] => kaphost_report::html(page),
        _ => kaphost_report::html_of_all(pages),
    };
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
