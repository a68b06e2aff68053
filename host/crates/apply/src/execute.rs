//! The executor: whatever is ready runs side by side. It decides nothing that the plan has not decided.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use kaphost_plan::{Action, Call, Output, Plan, Planned, Step, StepId};
use tokio::time::Instant;

use crate::apply::MAX_ROUNDS;
use crate::cloud::{BoxFuture, Cloud, CloudError, ErrorKind};
use crate::event::Event;
use crate::meet::{Met, meet};
use crate::report::{Outcome, Report, StepReport};
use crate::resolve::{Outputs, resolve};
use crate::retry::{Backoff, patience};
use crate::rollout::{News, Rollout};
use crate::stop::Stop;
use crate::wait::{Goal, Wait};

/// How a plan is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The pauses between two attempts of a call. How long in all is the retry table's to say.
    pub retry: Backoff,
    /// The pauses between two polls of a wait. How long in all is the plan's to say.
    pub poll: Backoff,
    /// How many plans [`apply`](crate::apply()) carries out at most: [`MAX_ROUNDS`], or one where nothing but the first is meant.
    pub rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { retry: Backoff::RETRY, poll: Backoff::POLL, rounds: MAX_ROUNDS }
    }
}

/// Carries a plan out and says how each step went. Never fails as a whole: what went wrong stands in the report.
///
/// After a failure, and after `stop` is raised, calls in flight are finished and nothing new is begun; waits and pauses between attempts end at once.
/// Dropping the future instead leaves calls half heard: prefer `stop`.
pub async fn execute(cloud: &dyn Cloud, plan: &Plan, options: &Options, events: &(dyn Fn(Event) + Sync), stop: &Stop) -> Report {
    let run = Run { cloud, plan, options, events, halt: Stop::new(), began: SystemTime::now() };
    run.all(stop).await
}

struct Run<'a> {
    cloud: &'a dyn Cloud,
    plan: &'a Plan,
    options: &'a Options,
    events: &'a (dyn Fn(Event) + Sync),
    /// Raised by `stop` and by the first failure.
    halt: Stop,
    began: SystemTime,
}

/// What a step leaves behind.
struct Ended {
    output: Option<Output>,
    outcome: Outcome,
}

impl Ended {
    const fn failed(error: CloudError) -> Self {
        Self { output: None, outcome: Outcome::Failed(error) }
    }
}

impl Run<'_> {
    async fn all(&self, stop: &Stop) -> Report {
        let began = Instant::now();
        let mut waiting: BTreeMap<StepId, &Step> = self.plan.steps.iter().map(|step| (step.id, step)).collect();
        let mut outputs = Outputs::new();
        let mut outcomes: BTreeMap<StepId, Outcome> = BTreeMap::new();
        let mut started: BTreeMap<StepId, u64> = BTreeMap::new();
        let mut running: FuturesUnordered<BoxFuture<'_, (StepId, Ended)>> = FuturesUnordered::new();
        let mut stopping = false;
        loop {
            if stop.is_raised() && !stopping && !(waiting.is_empty() && running.is_empty()) {
                stopping = true;
                (self.events)(Event::Stopping);
                self.halt.raise();
            }
            if !self.halt.is_raised() {
                let ready: Vec<&Step> =
                    waiting.values().filter(|step| step.after.iter().all(|id| outputs.contains_key(id))).copied().collect();
                for step in ready {
                    waiting.remove(&step.id);
                    started.insert(step.id, millis(began.elapsed()));
                    running.push(self.begin(step, &outputs, &outcomes));
                }
            }
            if running.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some((id, ended)) = running.next() => {
                    self.announce(id, &ended.outcome);
                    if matches!(ended.outcome, Outcome::Failed(_)) {
                        self.halt.raise();
                    }
                    outputs.extend(ended.output.map(|output| (id, output)));
                    outcomes.insert(id, ended.outcome);
                }
                () = stop.raised(), if !stopping => {}
            }
        }
        if !self.halt.is_raised() {
            for (id, step) in std::mem::take(&mut waiting) {
                let outcome = Outcome::Failed(never_ready(step));
                self.announce(id, &outcome);
                outcomes.insert(id, outcome);
            }
        }
        let steps = self.plan.steps.iter().map(|step| StepReport {
            id: step.id,
            operation: step.action.operation(),
            subject: step.subject.clone(),
            wait: step.action.is_wait(),
            started_ms: started.get(&step.id).copied(),
            outcome: outcomes.get(&step.id).cloned().unwrap_or(Outcome::NotStarted),
            output: outputs.get(&step.id).cloned(),
        });
        let mut report = Report { steps: steps.collect(), interrupted: false, took_ms: millis(began.elapsed()) };
        // A stop that came too late to keep anything from being done has interrupted nothing.
        report.interrupted = stopping && !report.complete();
        report
    }

    fn announce(&self, step: StepId, outcome: &Outcome) {
        (self.events)(match outcome {
            Outcome::Done { took_ms } => Event::Done { step, took_ms: *took_ms },
            Outcome::Met { took_ms } => {
                (self.events)(Event::Met(step));
                Event::Done { step, took_ms: *took_ms }
            }
            Outcome::Failed(error) => Event::Failed { step, error: error.clone() },
            Outcome::CutShort(_) => Event::CutShort(step),
            Outcome::NotStarted => return,
        });
    }

    /// Begins a step; what it needs from the others is taken now.
    fn begin<'r>(&'r self, step: &'r Step, outputs: &Outputs, outcomes: &BTreeMap<StepId, Outcome>) -> BoxFuture<'r, (StepId, Ended)> {
        (self.events)(Event::Started(step.id));
        let call = resolve(&step.action, outputs);
        let before = self.before(step);
        let made = |wanted: fn(&Planned) -> bool| {
            before.iter().any(|step| wanted(&step.action) && matches!(outcomes.get(&step.id), Some(Outcome::Done { .. })))
        };
        let after_create = made(|action| action.creates().is_some() || matches!(action, Action::CreateLaunchTemplateVersion { .. }))
            || before.iter().any(|step| matches!(outcomes.get(&step.id), Some(Outcome::Met { .. })));
        // Everything that a group of our own making ever did is this run's. (Clocks here and at AWS may differ, so no bound is the safe one.)
        let since =
            if made(|action| matches!(action, Action::CreateAutoScalingGroup { .. })) { SystemTime::UNIX_EPOCH } else { self.began };
        Box::pin(async move {
            let ended = match call {
                Err(error) => Ended::failed(error),
                Ok(Call::WaitForCapacity { group, timeout_s }) => self.wait(step, Goal::Capacity, &group, timeout_s, since).await,
                Ok(Call::WaitForGroupGone { group, timeout_s }) => self.wait(step, Goal::Gone, &group, timeout_s, since).await,
                Ok(Call::WaitForRefresh { group, refresh, timeout_s }) => {
                    self.follow(step, Rollout { timeout: seconds(timeout_s), ..self.rollout(step, &group, &refresh) }).await
                }
                Ok(Call::WaitForRefreshGone { group, refresh, timeout_s }) => {
                    let rollout = Rollout { timeout: seconds(timeout_s), any_end: true, ..self.rollout(step, &group, &refresh) };
                    self.follow(step, rollout).await
                }
                Ok(call) => self.write(step, call, after_create).await,
            };
            (step.id, ended)
        })
    }

    /// Every step that this one comes after, near and far.
    fn before(&self, step: &Step) -> Vec<&Step> {
        let by_id: BTreeMap<StepId, &Step> = self.plan.steps.iter().map(|step| (step.id, step)).collect();
        let mut found = BTreeSet::new();
        let mut next: Vec<StepId> = step.after.iter().copied().collect();
        while let Some(id) = next.pop() {
            if let Some(step) = by_id.get(&id).filter(|_| found.insert(id)) {
                next.extend(step.after.iter().copied());
            }
        }
        found.iter().filter_map(|id| by_id.get(id).copied()).collect()
    }

    async fn write(&self, step: &Step, mut call: Call, after_create: bool) -> Ended {
        let began = Instant::now();
        let mut pauses = self.options.retry.pauses();
        let mut first_said: Vec<(ErrorKind, Instant)> = Vec::new();
        let mut part_met = false;
        loop {
            let error = match self.cloud.act(&call).await {
                Ok(output) => return done(output, part_met, began),
                Err(error) => match meet(self.cloud, &self.plan.names, &call, error).await {
                    Met::Done { output, raced } => return done(output, raced || part_met, began),
                    Met::Rest(rest) => {
                        // Fewer each time, so this ends.
                        (call, part_met) = (*rest, true);
                        continue;
                    }
                    Met::Refused(error) => error,
                },
            };
            let now = Instant::now();
            let since = match first_said.iter().find(|(kind, _)| *kind == error.kind) {
                Some((_, since)) => *since,
                None => {
                    first_said.push((error.kind, now));
                    now
                }
            };
            let Some(total) = patience(call.operation(), error.kind, after_create) else { return Ended::failed(error) };
            let left = (since + total).saturating_duration_since(now);
            if left.is_zero() {
                let message = format!("{} (tried again for {} s)", error.message, total.as_secs());
                return Ended::failed(CloudError { message, ..error });
            }
            let pause = pauses.next().map_or(left, |pause| pause.min(left));
            if self.halt.is_raised() {
                return Ended { output: None, outcome: Outcome::CutShort(Some(error)) };
            }
            (self.events)(Event::Retrying { step: step.id, error: error.clone(), in_ms: millis(pause) });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.halt.raised() => return Ended { output: None, outcome: Outcome::CutShort(Some(error)) },
            }
        }
    }

    fn rollout<'r>(&self, step: &Step, group: &'r str, refresh: &'r str) -> Rollout<'r> {
        let operation = step.action.operation();
        Rollout { operation, group, refresh, timeout: Duration::ZERO, since: self.began, poll: self.options.poll, any_end: false }
    }

    async fn follow(&self, step: &Step, rollout: Rollout<'_>) -> Ended {
        let began = Instant::now();
        let tell = |news| {
            (self.events)(match news {
                News::Activity(activity) => Event::Activity { step: step.id, activity },
                News::Refresh(refresh) => Event::Refresh { step: step.id, refresh },
            });
        };
        tokio::select! {
            biased;
            () = self.halt.raised() => Ended { output: None, outcome: Outcome::CutShort(None) },
            result = rollout.run(self.cloud, tell) => match result {
                Ok(()) => done(Output::Done, false, began),
                Err(error) => Ended::failed(error),
            },
        }
    }

    async fn wait(&self, step: &Step, goal: Goal, group: &str, timeout_s: u32, since: SystemTime) -> Ended {
        let began = Instant::now();
        let timeout = seconds(timeout_s);
        let wait = Wait { goal, operation: step.action.operation(), group, timeout, since, poll: self.options.poll };
        let tell = |activity| (self.events)(Event::Activity { step: step.id, activity });
        tokio::select! {
            biased;
            () = self.halt.raised() => Ended { output: None, outcome: Outcome::CutShort(None) },
            result = wait.run(self.cloud, tell) => match result {
                Ok(()) => done(Output::Done, false, began),
                Err(error) => Ended::failed(error),
            },
        }
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

fn done(output: Output, met: bool, began: Instant) -> Ended {
    let took_ms = millis(began.elapsed());
    Ended { output: Some(output), outcome: if met { Outcome::Met { took_ms } } else { Outcome::Done { took_ms } } }
}

fn never_ready(step: &Step) -> CloudError {
    let after: Vec<String> = step.after.iter().map(|id| id.0.to_string()).collect();
    let message = format!(
        "waits for step {}, which can never be done: this is a mistake in kaphost's plan, please report it with the plan",
        after.join(", ")
    );
    CloudError::new(ErrorKind::BrokenPlan, step.action.operation(), message)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
