//! `kaphost plan`

use std::path::PathBuf;

use clap::Args;
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{ClockArgs, CloudArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::cloud::block_on;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::pipeline::Prepared;
use crate::policies::Asked;
use crate::render::blame::Blame;
use crate::{render, term};

/// Show what apply would do, and change nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost plan cluster.kdl --policy org.wasm\n  kaphost plan cluster.kdl --policy org.wasm --detailed-exitcode\n  \
                        kaphost plan cluster.kdl --cloud lab:lab.json"
)]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    /// Exit with 2 when there is something to change
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict };
    let (prepared, current) = block_on(async {
        let mut prepared = Prepared::new(global, &command.file, &asked, (&command.facts, Trust::Told), &command.cloud).await?;
        let (_, current) = prepared.look(&command.cloud).await?;
        Ok((prepared, current))
    })?;
    let plan = &current.plan;
    match global.output {
        Format::Text => {
            term::out(&render::decision::text(&prepared.decision, &prepared.input.spec));
            term::out(&format!("\n{}", render::plan::text(plan, &Blame::new(&prepared.decision))));
        }
        Format::Json => {
            let exit = if command.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done };
            term::out(&render::json_text(&json!({
                "version": 1,
                "exit": exit.code(),
                "diagnostics": prepared.input.warnings,
                "warnings": prepared.warnings,
                "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived),
                "decision": prepared.decision,
                "plan": render::plan::json(plan),
            })));
        }
    }
    Ok(if command.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done })
}
