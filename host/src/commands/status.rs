//! `kaphost status`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::{ClockArgs, CloudArgs, Format, Global, PolicyArgs};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::pipeline::Prepared;
use crate::policies::Asked;
use crate::render::status;
use crate::term;

/// Show what AWS holds of a cluster, how its server is, and whether it is as it should be
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost status cluster.kdl --policy org.wasm\n  kaphost status cluster.kdl --policy org.wasm --detailed-exitcode"
)]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    /// Exit with 2 when AWS does not hold what it should
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: false, record: None };
    let (prepared, current) = block_on(async {
        let mut prepared = Prepared::new(global, &command.file, &asked, (&command.facts, Trust::Told), &command.cloud).await?;
        let (_, current) = prepared.look(&command.cloud).await?;
        Ok((prepared, current))
    })?;
    let exit = if command.detailed_exitcode && !current.plan.is_empty() { Exit::Changes } else { Exit::Done };
    let names = &prepared.desired.names;
    term::out(&match global.output {
        Format::Text => status::text(names, &current.observed, &current.plan),
        Format::Json => {
            let mut members = status::json(names, &current.observed);
            members["changes"] = json!(current.plan.changes);
            members["kept"] = json!(current.plan.kept);
            Document::Status.text(exit, &members)
        }
    });
    Ok(exit)
}
