//! `kaphost plan`

use std::path::PathBuf;

use clap::Args;
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{ClockArgs, CloudArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::pipeline::Prepared;
use crate::policies::Asked;
use crate::record::RecordArgs;
use crate::render::blame::{self, Blame, Which};
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
    /// Show where every value comes from: what the config says and what policies did, or `--blame=all`
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "said")]
    blame: Option<Which>,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict, record: Some(&command.record) };
    let (prepared, current) = block_on(async {
        let mut prepared = Prepared::new(global, &command.file, &asked, (&command.facts, Trust::Told), &command.cloud).await?;
        let (_, current) = prepared.look(&command.cloud).await?;
        Ok((prepared, current))
    })?;
    let plan = &current.plan;
    let exit = if command.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done };
    match global.output {
        Format::Text => {
            term::out(&render::decision::text(&prepared.decision, &prepared.input.spec));
            if let Some(which) = command.blame {
                term::out(&format!("\n{}", blame::text(&prepared.input.spec, &prepared.decision, which)));
            }
            term::out(&format!("\n{}", render::plan::text(plan, &Blame::new(&prepared.decision))));
        }
        Format::Json => {
            let mut members = json!({
                "diagnostics": prepared.input.warnings,
                "warnings": prepared.warnings,
                "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived),
                "inputs": prepared.inputs,
                "decision": prepared.decision,
                "plan": render::plan::json(plan),
            });
            if command.blame.is_some() {
                members["values"] = blame::json(&prepared.input.spec, &prepared.decision).into();
            }
            term::out(&Document::Plan.text(exit, &members));
        }
    }
    Ok(exit)
}
