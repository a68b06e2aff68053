//! `kaphost apply PLAN`: what was saved, exactly and once, or not at all.

use kaphost_apply::Options;

use crate::cli::Global;
use crate::cloud::{Clouds, block_on};
use crate::commands::apply::{Command, Planned, carry_out};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::pipeline::{self, Prepared};
use crate::policies::Asked;
use crate::saved::{Before, Held, Saved};
use crate::term;

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    refuse_flags(command)?;
    command.record.signers(false)?;
    // In the order of what it costs, and of what must be known before the next thing may be believed: the file, who has signed it, its time, the files that it names, the account, what
    // the policies say, what the cloud holds.
    let saved = Saved::read(&command.clusters.file)?;
    command.require.hold(&saved.file, &saved.bytes)?;
    let held = Held::new(&saved, &command.cloud.cloud)?;
    held.files()?;
    let (clusters, policies) = held.asked();
    let strict = saved.document.strict || command.strict.strict;
    let asked = Asked { policies: &policies, now: None, strict, record: Some(&command.record) };
    block_on(async {
        let read = pipeline::read_and_load(&clusters, &asked).map_err(|failure| held.ended(failure))?;
        held.names(&read.1)?;
        let clouds = Clouds::new(&command.cloud);
        held.account(&clouds).await?;
        let facts = (&FactsArgs::default(), Trust::Confirmed);
        let decided = pipeline::decide(global, read, &asked, facts, &clouds).await.because(|failure| held.ended(failure));
        let look = async |mut prepared: Prepared| {
            held.decision(&prepared)?;
            prepared.desired.mark = Some(saved.document.id.clone());
            let (session, current) = prepared.look(&clouds, command.preflight.asks()).await.map_err(|failure| held.ended(failure))?;
            held.plan(&prepared, &current, &Before::read(&session, &current).await?)?;
            Ok(Planned { prepared, current, session })
        };
        let fleet = match decided.each(look).await.all_or_none() {
            Ok(fleet) => fleet,
            Err(ended) => return ended.show(global, Document::Apply),
        };
        for planned in fleet.going() {
            planned.prepared.tell(&planned.current);
        }
        fleet.preview(global, Planned::text);
        if fleet.going().any(|planned| !planned.current.plan.is_empty()) {
            term::err("\n");
        }
        // What a race has left would be another plan.
        carry_out(global, fleet, &Options { rounds: 1, ..Options::default() }).await
    })
}

/// What was planned, nobody plans anew.
fn refuse_flags(command: &Command) -> Result<(), Failure> {
    let given = [
        (!command.policies.policies.is_empty(), "--policy"),
        (!command.policies.settings.is_empty(), "--set"),
        (command.facts.is_given(), "--facts"),
        (command.cancel_refresh, "--cancel-refresh"),
        (!command.clusters.clusters.is_empty(), "--cluster"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Failure::Usage(format!("{flag} is for a config: what a saved plan does stands in it"))),
        None => Ok(()),
    }
}
