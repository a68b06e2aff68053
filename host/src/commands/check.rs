//! `kaphost check`

use std::mem::ManuallyDrop;
use std::path::PathBuf;

use clap::Args;
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{ClockArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::policies::Asked;
use crate::record::RecordArgs;
use crate::{pipeline, render, term};

/// Check a config and what the policies say of it; calls no AWS and needs no credentials
///
/// Shows what each policy would change and why, and every violation with its line and column.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost check cluster.kdl\n  kaphost check cluster.kdl --policy org.wasm\n  \
                        kaphost check cluster.kdl --policy org.kdl --strict\n  \
                        kaphost check cluster.kdl --policy org.wasm --set allowed-cidrs=10.0.0.0/8 --output json")]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
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
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict, record: Some(&command.record) };
    let (input, policies) = pipeline::read_and_load(&command.file, &asked)?;
    // The process ends with this command, and the system takes all back at once: taking the sandbox apart before would only take time.
    let policies = ManuallyDrop::new(policies);
    let facts = command.facts.given(&input, &policies.needs())?.unwrap_or_default();
    let admitted = pipeline::admit(global, &input, &policies, &facts, &asked)?;
    // What EC2 would refuse shows only now: the boot script is made of what the policies left.
    kaphost_plan::desire(&admitted.spec).map_err(|error| render::too_long(&input.spec, &error))?;
    match global.output {
        Format::Text => term::out(&render::decision::text(&admitted.decision, &input.spec)),
        Format::Json => {
            let members = json!({
                "diagnostics": input.warnings,
                "warnings": admitted.warnings,
                "waived": render::decision::violations_json(&admitted.decision, &input.spec, Effect::Waived),
                "inputs": admitted.inputs,
                "decision": admitted.decision,
            });
            term::out(&Document::Check.text(Exit::Done, &members));
        }
    }
    Ok(Exit::Done)
}
