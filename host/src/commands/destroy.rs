//! `kaphost destroy`

use std::path::PathBuf;

use clap::Args;
use kaphost_apply::{Options, execute};
use kaphost_plan::Names;
use serde_json::json;

use crate::cli::{CloudArgs, Format, Global};
use crate::cloud::{Session, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::render::blame::Blame;
use crate::render::report;
use crate::{input, interrupt, render, term};

/// Remove everything of a cluster that is ours
///
/// What carries no tag of ours stays. Policies are not asked: they decide what may be there, not what may go.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost destroy cluster.kdl\n  kaphost destroy cluster.kdl --detach-policies --auto-approve")]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    /// Detach and delete policies that others put onto the role, which keep it from being deleted
    #[arg(long)]
    detach_policies: bool,
    /// Do not ask
    #[arg(long, env = "KAPHOST_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    auto_approve: bool,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let input = input::read(&command.file)?;
    let names = Names::of(&input.spec.cluster);
    block_on(async {
        let session = Session::open(&command.cloud, &names.region).await?;
        let observed = session.observe_names(&names, true).await?;
        let plan = kaphost_plan::destroy(&names, &observed, command.detach_policies)
            .map_err(|refusals| render::refused(&input.spec, &refusals))?;
        if global.output == Format::Text {
            let nothing = plan.is_empty() && plan.kept.is_empty();
            let none = || format!("Nothing of {} is left in {}.\n", names.cluster, names.region);
            term::out(&if nothing { none() } else { render::plan::text(&plan, &Blame::none()) });
        }
        if plan.is_empty() {
            if global.output == Format::Json {
                term::out(&Document::Destroy.text(Exit::Done, &json!({ "plan": render::plan::json(&plan) })));
            }
            return Ok(Exit::Done);
        }
        super::ask(command.auto_approve, "\nRemove all of this?").await?;

        term::err("\n");
        let progress = Progress::new(&plan);
        let stop = interrupt::stop();
        let plan_json = render::plan::json(&plan);
        let report = execute(session.cloud.as_ref(), &plan, &Options::default(), &|event| progress.show(&event), &stop).await;
        let record = report::of_one(plan, report);
        report::conclude(&record)?;
        match global.output {
            Format::Text => term::out(&format!("\n{} is gone from {}.\n", names.cluster, names.region)),
            Format::Json => {
                let members = json!({ "plan": plan_json, "report": report::json(&record) });
                term::out(&Document::Destroy.text(Exit::Done, &members));
            }
        }
        Ok(Exit::Done)
    })
}
