//! `kaphost status`

use clap::Args;
use serde_json::json;

use crate::cli::{ClockArgs, CloudArgs, Global, PolicyArgs};
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
use crate::preflight::Asks;
use crate::render::{broken, status};

/// Show what AWS holds of a cluster, how its server is, and whether it is as it should be
///
/// What differs is shown value by value. With policies, what AWS holds is turned back into a cluster and the policies are asked about that: what the server
/// that runs breaks is named by policy and rule, whatever its file says. Changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost status cluster.kdl --policy org.wasm\n  kaphost status cluster.kdl --policy org.wasm --detailed-exitcode"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    /// Exit with 2 when AWS does not hold what it should, or what runs breaks a policy
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
    let fleet = block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let prepared = pipeline::prepare(global, &command.clusters, &asked, (&command.facts, Trust::Told), &clouds).await?;
        let look = async |mut prepared: Prepared| {
            // What others hung onto the role is judged like the rest.
            prepared.desired.read_attachments = !prepared.policies.is_empty();
            let (session, current) = prepared.look(&clouds, Asks::Nothing).await?;
            let judged = drift::judge(&prepared, &session, &current.observed, &current.image).await?;
            Ok((prepared, current, judged))
        };
        Ok(prepared.each(look).await)
    })?;
    fleet.then(|(prepared, current, judged)| Ok(ended(command, &prepared, &current, judged.as_ref()))).show(global, Document::Status)
}

fn ended(command: &Command, prepared: &Prepared, current: &Current, judged: Option<&Judged>) -> Ended {
    let names = &prepared.desired.names;
    let mut members = status::json(names, &current.observed);
    members["diagnostics"] = json!(&*prepared.input.warnings);
    members["warnings"] = json!(prepared.warnings);
    members["changes"] = json!(current.plan.changes);
    members["kept"] = json!(current.plan.kept);
    let mut text = status::text(names, &current.observed, &current.plan);
    let mut brief = status::brief(&current.plan);
    let is_broken = judged.is_some_and(Judged::is_broken);
    if let Some(judged) = judged {
        text.push_str(&broken::text(judged));
        members["breaks"] = broken::json(judged);
    }
    if is_broken {
        brief.push_str(", and breaks policies");
    }
    let differs = !current.plan.is_empty() || is_broken;
    let exit = if command.detailed_exitcode && differs { Exit::Changes } else { Exit::Done };
    Ended { exit, changed: false, text, brief, members }
}
