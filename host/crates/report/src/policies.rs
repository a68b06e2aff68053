//! The policies: who was asked, what they did, what they found, and what was let pass.

use maud::{Markup, html};

use crate::code::{author, effect, line, old_to_new, word};
use crate::text::{link, shown};
use crate::{Page, Violation, Waiver};

/// A table that may be wider than a phone: it scrolls by itself, by keyboard too.
fn table(page: &Page, label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label={ "Table: " (page.called(label)) } tabindex="0" { table { (content) } } }
}

/// Every policy, and what it did.
pub(crate) fn asked(page: &Page) -> Markup {
    if page.policies.is_empty() {
        return html! { p { "No policy was asked." } };
    }
    let rows = html! {
        thead { tr { th scope="col" { "Policy" } th scope="col" { "Held to" } th scope="col" { "Changed" } th scope="col" { "Found" } th scope="col" { "SHA-256" } } }
        tbody {
            @for (at, policy) in page.policies.iter().enumerate() {
                tr {
                    th scope="row" { (shown(&policy.name)) " " (shown(&policy.version)) }
                    td { (shown(&policy.enforcement)) @if let Some(set) = &policy.set { ", by " (shown(set)) } }
                    td { (page.changes.iter().filter(|change| change.policy == at && !change.advice).count()) }
                    td { (page.violations.iter().filter(|violation| violation.policy == at).count()) }
                    td { code title=(shown(&policy.sha256)) { (shown(policy.sha256.get(..12).unwrap_or(&policy.sha256))) } }
                }
            }
        }
    };
    table(page, "Policies", &rows)
}

/// What they changed, and would have.
pub(crate) fn changes(page: &Page) -> Option<Markup> {
    if page.changes.is_empty() {
        return None;
    }
    let rows = html! {
        thead { tr { th scope="col" { "Value" } th scope="col" { "Change" } th scope="col" { "By" } th scope="col" { "Why" } th scope="col" { "Where" } } }
        tbody {
            @for change in &page.changes {
                tr {
                    th scope="row" { code { (shown(&change.path)) } }
                    td {
                        (old_to_new(change.old.as_deref(), change.new.as_deref()))
                        @if change.advice { " " em { "(advice: not done)" } }
                        @if change.loosens { " " em { "(less safe, by a grant)" } }
                    }
                    td { (author(page, change.policy, &change.rule)) }
                    td { (shown(&change.reason)) }
                    td { (line(page, change.line)) }
                }
            }
        }
    };
    Some(table(page, "Changes by policies", &rows))
}

/// Every rule that is broken, the worst first as the policies were asked.
pub(crate) fn violations(page: &Page) -> Option<Markup> {
    if page.violations.is_empty() {
        return None;
    }
    Some(
        html! { ul.cards { @for violation in &page.violations { li class=(effect(violation.effect)) { (violation_card(page, violation)) } } } },
    )
}

fn violation_card(page: &Page, violation: &Violation) -> Markup {
    html! {
        p.head {
            strong { (word(violation.effect)) } " " span.severity { (shown(&violation.severity)) } " "
            span.by { (author(page, violation.policy, &violation.rule)) }
        }
        p { (shown(&violation.message)) }
        p { code { (shown(&violation.path)) } " " @if violation.line.is_some() { "at " (line(page, violation.line)) } }
        @if let Some(help) = &violation.help { p.help { "What to do: " (shown(help)) } }
        @if let Some(url) = &violation.url {
            p {
                @match link(url) {
                    Some(url) => a href=(url) rel="noopener noreferrer" { (shown(url)) },
                    None => (shown(url)),
                }
            }
        }
        @if let Some(waiver) = violation.waiver.and_then(|at| page.waivers.get(at)) {
            p { "Waived by " (shown(&waiver.ticket)) " until " (shown(&waiver.expires)) ", " (shown(&waiver.owner)) ": " (shown(&waiver.reason)) }
        }
    }
}

/// Every waiver that is about the cluster.
pub(crate) fn waivers(page: &Page) -> Option<Markup> {
    if page.waivers.is_empty() {
        return None;
    }
    let about = |waiver: &Waiver| format!("{}/{}", shown(&waiver.policy), shown(&waiver.rule));
    let rows = html! {
        thead {
            tr { th scope="col" { "Ticket" } th scope="col" { "Rule" } th scope="col" { "Until" } th scope="col" { "State" } th scope="col" { "Lets pass" } th scope="col" { "Owner" } th scope="col" { "Why" } }
        }
        tbody {
            @for waiver in &page.waivers {
                tr {
                    th scope="row" { (shown(&waiver.ticket)) }
                    td { (about(waiver)) @if let Some(value) = &waiver.value { ", " code { (shown(value)) } } }
                    td { (shown(&waiver.expires)) }
                    td { (shown(&waiver.state)) }
                    td { (waiver.waived) }
                    td { (shown(&waiver.owner)) }
                    td { (shown(&waiver.reason)) " (" (shown(&waiver.place)) ")" }
                }
            }
        }
    };
    Some(table(page, "Waivers", &rows))
}
