//! `kaphost show`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::saved::Saved;
use crate::{render, term};

/// Show a plan that `plan --out` has saved
///
/// Reads that file and nothing else. That it is as it was written is checked; whether it may still be applied is for apply to find out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost plan cluster.kdl --policy org.wasm --out p.kapplan\n  kaphost show p.kapplan\n  kaphost show p.kapplan --output json"
)]
pub(crate) struct Command {
    /// What --out wrote
    #[arg(value_name = "PLAN.kapplan")]
    file: PathBuf,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let saved = Saved::read(&command.file)?;
    term::out(&match global.output {
        Format::Text => render::saved::text(&saved)?,
        Format::Json => Document::Show.text(
            Exit::Done,
            &json!({
                "sha256": saved.sha256(),
                "good": saved.is_good().is_ok(),
                "plan": saved.document,
            }),
        ),
    });
    Ok(Exit::Done)
}
