//! The config, line by line, with what policies did to each and what breaks a rule there.

use maud::{Markup, html};

use crate::text::shown;
use crate::{Change, Effect, Page, Source, Violation};

/// The listing, or why there is none.
pub(crate) fn listing(page: &Page) -> Markup {
    let (file, lines) = match &page.source {
        Source::Missing(why) => return html! { p { "The text is not shown: " (shown(why)) "." } },
        Source::Shown { file, lines } => (file, lines),
    };
    html! {
        p { code { (shown(file)) } }
        ol.code aria-label="Lines of the config" {
            @for (number, text) in (1..).zip(lines) {
                li id={ (page.anchor) "L" (number) } {
                    div.line {
                        a.number href={ "#" (page.anchor) "L" (number) } aria-label={ "Line " (number) } { (number) }
                        code { (shown(text)) }
                    }
                    (marks(page, number))
                }
            }
        }
    }
}

fn marks(page: &Page, line: usize) -> Markup {
    let changes: Vec<&Change> = page.changes.iter().filter(|change| change.line == Some(line)).collect();
    let violations: Vec<&Violation> = page.violations.iter().filter(|violation| violation.line == Some(line)).collect();
    html! {
        @if !changes.is_empty() || !violations.is_empty() {
            ul.marks {
                @for violation in violations {
                    li class=(effect(violation.effect)) {
                        strong { (word(violation.effect)) } " " (shown(&violation.message)) " "
                        span.by { (author(page, violation.policy, &violation.rule)) }
                    }
                }
                @for change in changes { li class=(if change.advice { "advised" } else { "changed" }) { (one_line(page, change)) } }
            }
        }
    }
}

fn one_line(page: &Page, change: &Change) -> Markup {
    html! {
        strong { (if change.advice { "Advice" } else { "Changed" }) } " "
        code { (shown(&change.path)) } " " (old_to_new(change.old.as_deref(), change.new.as_deref())) " "
        span.by { (author(page, change.policy, &change.rule)) }
    }
}

/// `default → dedicated`. Said in words too: a screen reader reads no colour.
pub(crate) fn old_to_new(old: Option<&str>, new: Option<&str>) -> Markup {
    html! {
        @if let Some(old) = old { del { (shown(old)) } " " }
        @else { span.none { "unset" } " " }
        span aria-hidden="true" { "→" } span.unseen { "becomes" } " "
        @if let Some(new) = new { ins { (shown(new)) } }
        @else { span.none { "gone" } }
    }
}

/// `org: dedicated-tenancy`
pub(crate) fn author(page: &Page, policy: usize, rule: &str) -> String {
    let name = page.policies.get(policy).map_or("an unknown policy", |policy| policy.name.as_str());
    format!("{}: {}", shown(name), shown(rule))
}

pub(crate) const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Denied => "denied",
        Effect::Advised => "advised",
        Effect::Waived => "waived",
    }
}

pub(crate) const fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Denied => "Violation",
        Effect::Advised => "Advice",
        Effect::Waived => "Waived",
    }
}

/// A link to a line, where there is one.
pub(crate) fn line(page: &Page, line: Option<usize>) -> Markup {
    html! { @if let Some(line) = line { a href={ "#" (page.anchor) "L" (line) } { "line " (line) } } @else { "–" } }
}
