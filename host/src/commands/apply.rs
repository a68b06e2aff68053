//! `kaphost apply`

use std::path::PathBuf;

use clap::Args;
use kaphost_apply::{Options, apply};
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{CloudArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::pipeline::Prepared;
use crate::policies::Asked;
use crate::progress::Progress;
use crate::record::RecordArgs;
use crate::render::blame::Blame;
use crate::render::{outputs, report};
use crate::{interrupt, render, term};

/// Make AWS hold what the config says, after the policies have had their word
///
/// Shows the plan and asks before it changes anything. Ctrl-C finishes the calls in flight and says what was done; run it again and it goes on from there.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost apply cluster.kdl --policy org.wasm\n  kaphost apply cluster.kdl --policy org.wasm --auto-approve\n  \
                        kaphost apply cluster.kdl --cloud lab:lab.json"
)]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    /// Do not ask
    #[arg(long, env = "KAPHOST_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    auto_approve: bool,
    /// Cancel an instance refresh of somebody else's that stands in the way of the rollout
    #[arg(long)]
    cancel_refresh: bool,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    // No flag sets the clock here: an exception whose time is over does not come back for whoever asks with an earlier date.
    let asked = Asked { policies: &command.policies, now: None, strict: command.strict.strict, record: Some(&command.record) };
    block_on(async {
        let mut prepared = Prepared::new(global, &command.file, &asked, (&command.facts, Trust::Confirmed), &command.cloud).await?;
        prepared.desired.cancel_refresh = command.cancel_refresh;
        let (session, current) = prepared.look(&command.cloud).await?;
        if global.output == Format::Text {
            term::out(&render::decision::text(&prepared.decision, &prepared.input.spec));
            term::out(&format!("\n{}", render::plan::text(&current.plan, &Blame::new(&prepared.decision))));
        }
        if current.plan.is_empty() {
            if global.output == Format::Json {
                let outputs = outputs::json(&outputs::of(&prepared.desired.names, &current.observed));
                let members = json!({
                    "warnings": prepared.warnings,
                    "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived),
                    "inputs": prepared.inputs,
                    "decision": prepared.decision,
                    "plan": render::plan::json(&current.plan),
                    "outputs": outputs,
                });
                term::out(&Document::Apply.text(Exit::Done, &members));
            }
            return Ok(Exit::Done);
        }
        super::ask(command.auto_approve, "\nCarry this out?").await?;

        term::err("\n");
        let progress = Progress::new(&current.plan);
        let stop = interrupt::stop();
        let plan_json = render::plan::json(&current.plan);
        let show = |event| progress.show(&event);
        let record =
            apply(session.cloud.as_ref(), &prepared.desired, current.plan, &current.image, &Options::default(), &show, &stop).await;
        report::conclude(&record)?;

        let outputs = outputs::after(&current.observed, &record, &prepared.desired.names);
        match global.output {
            Format::Text => term::out(&format!("\n{}", outputs::text(&outputs))),
            Format::Json => {
                let members = json!({
                    "warnings": prepared.warnings,
                    "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived),
                    "inputs": prepared.inputs,
                    "decision": prepared.decision,
                    "plan": plan_json,
                    "report": report::json(&record),
                    "outputs": outputs::json(&outputs),
                });
                term::out(&Document::Apply.text(Exit::Done, &members));
            }
        }
        Ok(Exit::Done)
    })
}
