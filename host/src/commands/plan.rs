//! `kaphost plan`

use clap::Args;
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{ClockArgs, CloudArgs, Global, PolicyArgs, StrictArgs};
use crate::cloud::{Clouds, block_on};
use crate::document::Document;
use crate::drift::{self, Judged};
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::fleet::Ended;
use crate::input::ClusterArgs;
use crate::pipeline::{self, Current, Prepared};
use crate::policies::Asked;
use crate::preflight::PreflightArgs;
use crate::record::RecordArgs;
use crate::render::blame::{self, Blame, Which};
use crate::render::{self, broken};

/// Show what apply would do, and change nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost plan cluster.kdl --policy org.wasm\n  kaphost plan cluster.kdl --policy org.wasm --detailed-exitcode\n  \
                        kaphost plan cluster.kdl --cloud lab:lab.json"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
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
    preflight: PreflightArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict, record: Some(&command.record) };
    let fleet = block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let prepared = pipeline::prepare(global, &command.clusters, &asked, (&command.facts, Trust::Told), &clouds).await?;
        let look = async |mut prepared: Prepared| {
            let (session, current) = prepared.look(&clouds, command.preflight.asks(true)).await?;
            let judged = drift::judge(&prepared, &session, &current.observed, &current.image).await?;
            Ok((prepared, current, judged))
        };
        Ok(prepared.each(look).await)
    })?;
    let ended = |(prepared, current, judged): (Prepared, Current, Option<Judged>)| {
        prepared.tell(&current);
        Ok(ended(command, &prepared, &current, judged.as_ref()))
    };
    fleet.then(ended).show(global, Document::Plan)
}

fn ended(command: &Command, prepared: &Prepared, current: &Current, judged: Option<&Judged>) -> Ended {
    let plan = &current.plan;
    let mut text = render::decision::text(&prepared.decision, &prepared.input.spec);
    if let Some(which) = command.blame {
        text.push_str(&format!("\n{}", blame::text(&prepared.input.spec, &prepared.decision, which)));
    }
    text.push_str(&format!("\n{}", render::plan::text(plan, &Blame::new(&prepared.decision))));
    // What only AWS or a config says is `status`'s to tell: here it is about what the plan mends.
    if let Some(judged) = judged.filter(|judged| judged.is_broken()) {
        text.push_str(&format!("\n{}", broken::text(judged)));
    }
    let mut members = json!({
        "diagnostics": &prepared.input.warnings[..],
        "warnings": prepared.warnings,
        "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived),
        "inputs": prepared.inputs,
        "decision": prepared.decision,
        "plan": render::plan::json(plan),
    });
    if command.blame.is_some() {
        members["values"] = blame::json(&prepared.input.spec, &prepared.decision).into();
    }
    if let Some(judged) = judged {
        members["breaks"] = broken::json(judged);
    }
    let exit = if command.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done };
    Ended { exit, changed: false, text, brief: render::plan::brief(plan), members }
}
