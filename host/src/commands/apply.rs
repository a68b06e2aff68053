//! `kaphost apply`

mod saved;

use std::sync::Arc;

use clap::Args;
use kaphost_apply::{Options, Stop, apply};
use kaphost_policy::Effect;
use serde_json::json;

use crate::cli::{CloudArgs, Global, PolicyArgs, StrictArgs};
use crate::cloud::{Clouds, Session, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::ClusterArgs;
use crate::pipeline::{self, Current, Prepared};
use crate::policies::Asked;
use crate::preflight::PreflightArgs;
use crate::progress::{Progress, Screen};
use crate::record::RecordArgs;
use crate::render::blame::Blame;
use crate::render::{outputs, report};
use crate::signing::RequireArgs;
use crate::{interrupt, render, term};

/// Make AWS hold what the config says, after the policies have had their word
///
/// Shows the plan and asks before it changes anything. Ctrl-C finishes the calls in flight and says what was done; run it again and it goes on from there. A plan that `plan
/// --out` has saved may stand in place of the config: exactly that is carried out, once, and nobody is asked; or it is refused, when anything is not as it was.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost apply cluster.kdl --policy org.wasm\n  kaphost apply cluster.kdl --policy org.wasm --auto-approve\n  \
                        kaphost apply cluster.kdl --cloud lab:lab.json\n  kaphost apply p.kapplan --require-signature public.pem"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
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
    preflight: PreflightArgs,
    #[command(flatten)]
    require: RequireArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// One cluster with the way to what it should be.
struct Planned {
    prepared: Prepared,
    current: Current,
    session: Arc<Session>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    if crate::saved::is_one(&command.clusters.file) {
        return saved::run(global, command);
    }
    command.require.refuse(&command.clusters.file)?;
    command.record.signers(false)?;
    // No flag sets the clock here: an exception whose time is over does not come back for whoever asks with an earlier date.
    let asked = Asked { policies: &command.policies, now: None, strict: command.strict.strict, record: Some(&command.record) };
    block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let prepared = pipeline::prepare(global, &command.clusters, &asked, (&command.facts, Trust::Confirmed), &clouds).await?;
        let look = async |mut prepared: Prepared| {
            prepared.desired.cancel_refresh = command.cancel_refresh;
            let (session, current) = prepared.look(&clouds, command.preflight.asks()).await?;
            Ok(Planned { prepared, current, session })
        };
        let fleet = prepared.each(look).await.then(|planned: Planned| {
            planned.prepared.tell(&planned.current);
            Ok(planned)
        });
        fleet.preview(global, Planned::text);
        // Nothing of any cluster is begun before all of them are admitted and planned.
        let fleet = match fleet.all_or_none() {
            Ok(fleet) => fleet,
            Err(ended) => return ended.show(global, Document::Apply),
        };
        let differing = fleet.going().filter(|planned| !planned.current.plan.is_empty()).count();
        if differing > 0 {
            let question =
                if fleet.is_several() { format!("\nCarry this out, of {differing} clusters?") } else { "\nCarry this out?".into() };
            super::ask(command.auto_approve, question).await?;
            term::err("\n");
        }
        carry_out(global, fleet, &Options::default()).await
    })
}

/// Carries out what is planned for each cluster, and shows how it went.
async fn carry_out(global: &Global, fleet: Fleet<Planned>, options: &Options) -> Result<Exit, Failure> {
    let (screen, stop, several) = (Screen::new(), interrupt::stop(), fleet.is_several());
    fleet.each(async |planned: Planned| planned.carry_out(options, &screen, &stop, several).await).await.show(global, Document::Apply)
}

impl Planned {
    /// For people, before they are asked.
    fn text(&self) -> String {
        let decision = &self.prepared.decision;
        let decided = render::decision::text(decision, &self.prepared.input.spec);
        format!("{decided}\n{}", render::plan::text(&self.current.plan, &Blame::new(decision)))
    }

    async fn carry_out(self, options: &Options, screen: &Screen, stop: &Stop, several: bool) -> Result<Ended, Failure> {
        let Self { prepared, current, session } = self;
        let names = &prepared.desired.names;
        let mut document = json!({
            "warnings": prepared.warnings,
            "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived, &*prepared.policies),
            "inputs": prepared.inputs,
            "decision": prepared.decision,
            "plan": render::plan::json(&current.plan),
        });
        if current.plan.is_empty() {
            document["outputs"] = outputs::json(&outputs::of(names, &current.observed));
            return Ok(Ended { brief: "no changes".to_owned(), ..Ended::with(document) });
        }
        let brief = format!("applied: {}", render::plan::counts(&current.plan));
        let progress = Progress::new(&current.plan, screen, several.then_some(names.cluster.as_str()));
        let show = |event| progress.show(&event);
        let work = apply(session.cloud.as_ref(), &prepared.desired, current.plan, &current.image, options, &show, stop);
        let record = progress.beside(work).await;
        report::conclude(&record)?;

        let outputs = outputs::after(&current.observed, &record, names);
        document["report"] = report::json(&record);
        document["outputs"] = outputs::json(&outputs);
        Ok(Ended {
            changed: true,
            text: format!("\n{}\n{}", report::summary(&record, "Applied"), outputs::text(&outputs)),
            brief,
            ..Ended::with(document)
        })
    }
}
