//! How a run ended.

use kaphost_apply::{CloudError, End, Outcome, Record, Report, RunVerdict, StepReport};
use kaphost_plan::Plan;
use serde_json::{Value, json};

use crate::failure::{Failure, advice};
use crate::progress::seconds;
use crate::render::simple::Simple;
use crate::render::{diagnostic, plan};
use crate::term::{self, GOOD, paint};

/// The record of a plan that was carried out once and for all.
#[must_use]
pub(crate) fn of_one(plan: Plan, report: Report) -> Record {
    let end = match (report.complete(), report.interrupted) {
        (true, _) => End::Converged,
        (false, true) => End::Interrupted,
        (false, false) => End::Failed,
    };
    Record { rounds: vec![(plan, report)], end }
}

/// How a run ended that did not come to its end, and what was done of it.
///
/// # Errors
/// When it did not come to its end.
pub(crate) fn conclude(record: &Record) -> Result<(), Failure> {
    let changed = match record.verdict() {
        RunVerdict::Done => return Ok(()),
        RunVerdict::Nothing => false,
        RunVerdict::Partly => true,
    };
    Err(Failure::Stopped { said: text(record), changed, interrupted: record.interrupted(), report: json(record) })
}

/// How a run went that came to its end, in a line: `Applied in 4.2 s: 6 created, by 7 calls.` What races have added is counted by its calls.
#[must_use]
pub(crate) fn summary(record: &Record, word: &str) -> String {
    let took: u64 = record.rounds.iter().map(|(_, report)| report.took_ms).sum();
    let done = |step: &&StepReport| !step.wait && matches!(step.outcome, Outcome::Done { .. });
    let calls = record.rounds.iter().flat_map(|(_, report)| &report.steps).filter(done).count();
    let what = record.rounds.first().map(|(plan, _)| plan::counts_done(plan)).filter(|what| !what.is_empty());
    let calls = format!("{calls} {}", if calls == 1 { "write" } else { "writes" });
    let all = what.map_or_else(|| calls.clone(), |what| format!("{what}, in {calls}"));
    format!("{} {all}.\n", paint(GOOD, format_args!("{word} in {}:", seconds(took))))
}

fn text(record: &Record) -> String {
    let mut out = String::from("\n");
    for (_, report) in &record.rounds {
        for step in &report.steps {
            let how = match &step.outcome {
                Outcome::Done { .. } => "done",
                Outcome::Met { .. } => "was there already",
                // AWS did not say no: its answer is missing.
                Outcome::Failed(error) | Outcome::CutShort(Some(error)) if error.kind.leaves_doubt() => "may be done",
                Outcome::Failed(_) => "failed",
                Outcome::CutShort(_) => "cut short",
                Outcome::NotStarted => "not begun",
            };
            out.push_str(&term::hanging(&format!("  {how:<17}  {} {}", step.operation, step.subject), 21));
        }
    }
    out.push('\n');
    let failure = |error: &CloudError| diagnostic::text(&Simple::new("aws", error.to_string()).with_help(advice(error)));
    for (_, error) in record.failed() {
        out.push_str(&failure(error));
    }
    match &record.end {
        End::Unread(error) => out.push_str(&failure(error)),
        End::Refused(refusals) => {
            for refusal in refusals {
                out.push_str(&diagnostic::text(&Simple::new("refused", refusal.message.clone()).with_help(refusal.help.clone())));
            }
        }
        End::Unsettled => {
            let why = "somebody else changes the same cluster at the same time".to_owned();
            out.push_str(&diagnostic::text(&Simple::new("raced", why).with_help("agree on who applies, and run again")));
        }
        End::BrokenPlan(faults) => {
            for fault in faults {
                let why = format!("the plan breaks an invariant: {fault}");
                out.push_str(&diagnostic::text(
                    &Simple::new("faulty-plan", why).with_help("this is a mistake in kaphost: please report it with the plan"),
                ));
            }
        }
        End::Converged | End::Failed | End::Interrupted => {}
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn json(record: &Record) -> Value {
    let rounds: Vec<Value> = record.rounds.iter().map(|(_, report)| json!(report)).collect();
    json!({ "end": record.end, "rounds": rounds })
}
