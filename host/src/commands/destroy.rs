//! `kaphost destroy`

use std::sync::Arc;

use clap::Args;
use kaphost_apply::{Options, execute};
use kaphost_plan::{Names, Observed, Plan};
use serde_json::json;

use crate::cli::{CloudArgs, Global};
use crate::cloud::{Clouds, Session, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::{self, ClusterArgs, Input};
use crate::progress::{Progress, Screen};
use crate::render::report;
use crate::{interrupt, permissions, render, term};

/// Remove everything of a cluster that is ours
///
/// What carries no tag of ours stays. Policies are not asked: they decide what may be there, not what may go.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost destroy cluster.kdl\n  kaphost destroy cluster.kdl --detach-policies --auto-approve\n  \
                        kaphost destroy cluster.kdl --iam-policy > operator.json")]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    /// Detach and delete policies that others put onto the role, which keep it from being deleted
    #[arg(long)]
    detach_policies: bool,
    /// Print the IAM policy that allows removing exactly this, and remove nothing
    #[arg(long, conflicts_with = "auto_approve")]
    iam_policy: bool,
    /// Do not ask
    #[arg(long, env = "KAPHOST_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    auto_approve: bool,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// What is to go of one cluster.
struct Doomed {
    names: Names,
    plan: Plan,
    observed: Observed,
    session: Arc<Session>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let inputs = input::read(&command.clusters)?;
    block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let look = async |input: Input| {
            let names = Names::of(&input.spec.cluster);
            let session = clouds.session(&names.region).await?;
            let observed = session.observe_names(&names, true).await?;
            let plan = kaphost_plan::destroy(&names, &observed, command.detach_policies)
                .map_err(|refusals| render::refused(&input.spec, &refusals))?;
            Ok(Doomed { names, plan, observed, session })
        };
        let fleet = Fleet::of(inputs).each(look).await;
        if !command.iam_policy {
            fleet.preview(global, Doomed::text);
        }
        let fleet = match fleet.all_or_none() {
            Ok(fleet) => fleet,
            Err(ended) => return ended.show(global, Document::Destroy),
        };
        if command.iam_policy {
            let clusters: Vec<permissions::Needs<'_>> =
                fleet.going().map(|it| permissions::of_destroy(&it.names, &it.plan, &it.observed)).collect();
            return permissions::print(global, Document::Destroy, &clouds, &clusters).await;
        }
        let doomed = fleet.going().filter(|doomed| !doomed.plan.is_empty()).count();
        if doomed > 0 {
            let question =
                if fleet.is_several() { format!("\nRemove all of this, of {doomed} clusters?") } else { "\nRemove all of this?".into() };
            super::ask(command.auto_approve, question).await?;
            term::err("\n");
        }
        let (screen, stop, several) = (Screen::new(), interrupt::stop(), fleet.is_several());
        let remove = async |Doomed { names, plan, session, .. }: Doomed| {
            let plan_json = render::plan::json(&plan);
            if plan.is_empty() {
                return Ok(Ended { brief: "nothing is left".to_owned(), ..Ended::with(json!({ "plan": plan_json })) });
            }
            let progress = Progress::new(&plan, &screen, several.then_some(names.cluster.as_str()));
            let (options, show) = (Options::default(), |event| progress.show(&event));
            let work = execute(session.cloud.as_ref(), &plan, &options, &show, &stop);
            let report = progress.beside(work).await;
            let record = report::of_one(plan, report);
            report::conclude(&record)?;
            let text = format!("\n{}{} is gone from {}.\n", report::summary(&record, "Removed"), names.cluster, names.region);
            let document = json!({ "plan": plan_json, "report": report::json(&record) });
            Ok(Ended { changed: true, text, brief: "gone".to_owned(), ..Ended::with(document) })
        };
        fleet.each(remove).await.show(global, Document::Destroy)
    })
}

impl Doomed {
    fn text(&self) -> String {
        let Self { names, plan, .. } = self;
        if plan.is_empty() && plan.kept.is_empty() {
            return format!("Nothing of {} is left in {}.\n", names.cluster, names.region);
        }
        render::plan::removal_text(plan)
    }
}
