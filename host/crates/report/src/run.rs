//! What was done, when: a table, with a bar beside each step.

use maud::{Markup, html};

use crate::text::{shown, span};
use crate::{Outcome, Page, Round, Run, Step};

/// The bars are drawn in thousandths of the round.
const FULL: u64 = 1_000;
/// Shorter than this a bar cannot be seen.
const LEAST: u64 = 4;

/// Each round as a table.
pub(crate) fn timeline(page: &Page, run: &Run) -> Markup {
    html! {
        p class=(if run.complete { "complete" } else { "incomplete" }) { "The run " (shown(&run.end)) "." }
        @for (number, round) in (1..).zip(&run.rounds) {
            @if run.rounds.len() > 1 { h3 { "Round " (number) } }
            div.scroll role="region" aria-label=(page.called(&format!("Steps of round {number}"))) tabindex="0" {
                table.timeline {
                    caption { "Took " (span(round.took_ms)) ", left to right" }
                    thead { tr { th scope="col" { "Step" } th scope="col" { "When" } th scope="col" { "Took" } th scope="col" { "Outcome" } } }
                    tbody { @for step in &round.steps { (row(round, step)) } }
                }
            }
        }
    }
}

fn row(round: &Round, step: &Step) -> Markup {
    html! {
        tr {
            th scope="row" { (shown(&step.operation)) br; span.subject { (shown(&step.subject)) } }
            td.bar {
                @if let Some(start) = step.started_ms {
                    span.unseen { "begun after " (span(start)) }
                    (bar(round.took_ms, start, step.took_ms.unwrap_or_default(), class(step)))
                }
            }
            td.took { @if let Some(took) = step.took_ms { (span(took)) } @else { "–" } }
            td { (outcome(&step.outcome)) }
        }
    }
}

/// Stretches with its cell; the words beside it say the same.
fn bar(whole: u64, start: u64, took: u64, class: &str) -> Markup {
    let whole = whole.max(1);
    let at = |ms: u64| (ms.saturating_mul(FULL) / whole).min(FULL);
    let width = (at(start + took) - at(start)).max(LEAST);
    let x = at(start).min(FULL - LEAST);
    html! {
        svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.track x="0" y="0" width="1000" height="10" {}
            rect class=(class) x=(x) y="0" width=(width.min(FULL - x)) height="10" {}
        }
    }
}

const fn class(step: &Step) -> &'static str {
    match (&step.outcome, step.wait) {
        (Outcome::Failed(_), _) => "failed",
        (Outcome::CutShort | Outcome::NotStarted, _) => "stopped",
        (_, true) => "wait",
        (Outcome::Done | Outcome::Met, false) => "call",
    }
}

fn outcome(outcome: &Outcome) -> Markup {
    html! {
        @match outcome {
            Outcome::Done => "done",
            Outcome::Met => "was there already",
            Outcome::Failed(why) => { strong { "failed" } ": " (shown(why)) },
            Outcome::CutShort => "cut short",
            Outcome::NotStarted => "not begun",
        }
    }
}
