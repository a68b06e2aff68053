//! `kaphost check`

use std::mem::ManuallyDrop;

use clap::Args;
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{ClockArgs, Global, PolicyArgs, StrictArgs};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::{ClusterArgs, Input};
use crate::policies::Asked;
use crate::record::RecordArgs;
use crate::{pipeline, render};

/// Check a config and what the policies say of it; calls no AWS and needs no credentials
///
/// Shows what each policy would change and why, and every violation with its line and column.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost check cluster.kdl\n  kaphost check cluster.kdl --policy org.wasm\n  \
                        kaphost check cluster.kdl --policy org.kdl --strict\n  \
                        kaphost check cluster.kdl --policy org.wasm --set allowed-cidrs=10.0.0.0/8 --output json")]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
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
    let (inputs, policies) = pipeline::read_and_load(&command.clusters, &asked)?;
    // The process ends with this command, and the system takes all back at once: taking the sandbox apart before would only take time.
    let policies = ManuallyDrop::new(policies);
    let check = |input: Input| {
        let facts = command.facts.given(&input, &policies.needs())?.unwrap_or_default();
        let admitted = pipeline::admit(global, &input, &policies, &facts, &asked)?;
        // What EC2 would refuse shows only now: the boot script is made of what the policies left.
        kaphost_plan::desire(&admitted.spec).map_err(|error| render::too_long(&input.spec, &error))?;
        let members = json!({
            "diagnostics": &input.warnings[..],
            "warnings": admitted.warnings,
            "waived": render::decision::violations_json(&admitted.decision, &input.spec, Effect::Waived),
            "inputs": admitted.inputs,
            "decision": admitted.decision,
        });
        let text = render::decision::text(&admitted.decision, &input.spec);
        Ok(Ended { exit: Exit::Done, changed: false, text, brief: "may be".to_owned(), members })
    };
    Fleet::of(inputs).then(check).show(global, Document::Check)
}
