//! From a plan to AWS holding what is desired, races included.

use std::sync::Arc;

use kaphost_plan::{Desired, Image, ImageFact, Plan, check, diff};

use crate::cloud::Cloud;
use crate::event::Event;
use crate::execute::{Options, execute};
use crate::look::look;
use crate::report::{End, Record, Report};
use crate::stop::Stop;

/// How many plans one apply carries out at most. The second heals what a race or a lost answer has left; a third one is needed only when the rival is still at
/// work. More would be a fight of two configs over one name, which no run can win.
pub const MAX_ROUNDS: usize = 3;

/// Carries a plan out, and looks again when a creation met something that was there already: what was met may differ from what is desired.
/// `image` is the one that `first` was planned with; images never change, so it is not read again.
///
/// Without a race this costs no call beyond the plan's own.
pub async fn apply(
    cloud: &dyn Cloud,
    desired: &Desired,
    first: Plan,
    image: &Image,
    options: &Options,
    events: &(dyn Fn(Event) + Sync),
    stop: &Stop,
) -> Record {
    let mut rounds: Vec<(Plan, Report)> = Vec::new();
    let mut plan = first;
    let end = loop {
        let report = execute(cloud, &plan, options, events, stop).await;
        let (complete, raced, failed) = (report.complete(), report.raced(), report.failed().next().is_some());
        rounds.push((plan, report));
        if failed {
            break End::Failed;
        }
        if !complete {
            break End::Interrupted;
        }
        if !raced {
            break End::Converged;
        }
        let observed = match look(cloud, desired, Some(image)).await {
            Ok(observed) => observed,
            Err(error) => break End::Unread(error),
        };
        plan = match diff(desired, &observed, ImageFact::Found(image)) {
            Ok(plan) => plan,
            Err(refusals) => break End::Refused(refusals),
        };
        if plan.is_empty() {
            break End::Converged;
        }
        let faults = check(&plan, &observed);
        if !faults.is_empty() {
            break End::BrokenPlan(faults.iter().map(ToString::to_string).collect());
        }
        if stop.is_raised() {
            break End::Interrupted;
        }
        if rounds.len() >= options.rounds {
            break End::Unsettled;
        }
        events(Event::Replanned(Arc::new(plan.clone())));
    };
    Record { rounds, end }
}
