//! The page around its parts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use sha2::{Digest as _, Sha256};

use crate::text::{count, shown};
use crate::{Effect, Page, Verdict, code, graph, policies, run};

/// All that the page looks like. No font, no picture, nothing from elsewhere.
const STYLE: &str = include_str!("style.css");

/// A part of the page, with its heading.
struct Part {
    id: &'static str,
    title: &'static str,
    content: Markup,
}

/// Writes the page down.
#[must_use]
pub fn html(page: &Page) -> String {
    let parts = parts(page);
    let verdict = verdict(page.verdict);
    let heading = markup! { (shown(&page.cluster)) " " span class=(format!("verdict {verdict}")) { (verdict) } };
    let said = markup! {
        (words(page))
        nav aria-label="Parts of the report" { (links(page, &parts)) }
    };
    let main = markup! {
        @for part in &parts {
            section id=(part.id) aria-labelledby={ "h-" (part.id) } {
                h2 id={ "h-" (part.id) } { (part.title) }
                (part.content)
            }
        }
    };
    document(&format!("{}: {verdict}", shown(&page.cluster)), &heading, &said, &main)
}

/// Writes the pages of several clusters as one, in their order.
#[must_use]
pub fn html_of_all(mut pages: Vec<Page>) -> String {
    for (number, page) in (1..).zip(&mut pages) {
        page.anchor = format!("c{number}-");
    }
    let denied = pages.iter().filter(|page| page.verdict == Verdict::Denied).count();
    let verdict = verdict(if denied > 0 { Verdict::Denied } else { Verdict::Admitted });
    let clusters = count(pages.len(), "cluster");
    let heading = markup! { (clusters) " " span class=(format!("verdict {verdict}")) { (verdict) } };
    let said = markup! {
        p { @if denied > 0 { (count(denied, "cluster")) " of " (pages.len()) " denied." } @else { "All are admitted." } }
        nav aria-label="Clusters" {
            ul { @for page in &pages { li { a href={ "#" (page.anchor) "cluster" } { (shown(&page.cluster)) ": " (self::verdict(page.verdict)) } } } }
        }
    };
    let main = markup! { @for page in &pages { (one_of_all(page)) } };
    document(&format!("{clusters}: {verdict}"), &heading, &said, &main)
}

/// One cluster among several.
fn one_of_all(page: &Page) -> Markup {
    let (anchor, parts, verdict) = (&page.anchor, parts(page), verdict(page.verdict));
    markup! {
        section.cluster id={ (anchor) "cluster" } aria-labelledby={ (anchor) "h-cluster" } {
            h2 id={ (anchor) "h-cluster" } { (shown(&page.cluster)) " " span class=(format!("verdict {verdict}")) { (verdict) } }
            (words(page))
            nav aria-label={ "Parts of the report on " (shown(&page.cluster)) } { (links(page, &parts)) }
            @for part in &parts {
                section id={ (anchor) (part.id) } aria-label=(page.called(part.title)) {
                    h3 { (part.title) }
                    (part.content)
                }
            }
        }
    }
}

/// What is to be known before anything else.
fn words(page: &Page) -> Markup {
    markup! {
        p { (summary(page)) }
        @for remark in &page.remarks {
            p.remark { strong { "Mind: " } (shown(remark)) }
        }
    }
}

fn links(page: &Page, parts: &[Part]) -> Markup {
    markup! { ul { @for part in parts { li { a href={ "#" (page.anchor) (part.id) } { (part.title) } } } } }
}

fn document(title: &str, heading: &Markup, said: &Markup, main: &Markup) -> String {
    let document = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header {
                    p.product { "kaphost report" }
                    h1 { (heading) }
                    (said)
                }
                main id="main" { (main) }
                footer { p { "No script runs on this page, and nothing is loaded from anywhere. User data is covered." } }
            }
        }
    };
    document.into_string()
}

/// Nothing but the page's own style may take effect.
fn policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Admitted => "admitted",
        Verdict::Denied => "denied",
    }
}

/// The whole in a sentence.
fn summary(page: &Page) -> String {
    let of = |effect| page.violations.iter().filter(|violation| violation.effect == effect).count();
    let made = page.changes.iter().filter(|change| !change.advice).count();
    let mut parts = vec![format!("{} asked", policies_count(page.policies.len()))];
    for (number, one) in [
        (made, "value changed"),
        (of(Effect::Denied), "violation"),
        (of(Effect::Advised), "advice"),
        (of(Effect::Waived), "waived violation"),
    ] {
        match (number, one) {
            (0, _) => {}
            (number, "value changed") => parts.push(format!("{} changed", count(number, "value"))),
            (number, "advice") => parts.push(format!("{number} advised")),
            (number, one) => parts.push(count(number, one)),
        }
    }
    parts.join(", ") + "."
}

fn policies_count(number: usize) -> String {
    match number {
        0 => "No policies".to_owned(),
        1 => "1 policy".to_owned(),
        many => format!("{many} policies"),
    }
}

fn parts(page: &Page) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |id, title, content: Option<Markup>| parts.extend(content.map(|content| Part { id, title, content }));
    add("violations", "Violations", policies::violations(page));
    add("policies", "Policies", Some(policies::asked(page)));
    add("changes", "Changes by policies", policies::changes(page));
    add("waivers", "Waivers", policies::waivers(page));
    add("config", "Config", Some(code::listing(page)));
    add("resources", "Resources", page.plan.as_ref().map(|plan| graph::resources(page, plan)));
    add("timeline", "Timeline", page.run.as_ref().map(|run| run::timeline(page, run)));
    add("outputs", "Outputs", pairs(&page.outputs));
    add("evidence", "Evidence", pairs(&page.evidence));
    parts
}

/// Names and values.
fn pairs(pairs: &[(String, String)]) -> Option<Markup> {
    (!pairs.is_empty()).then(|| {
        markup! {
            dl { @for (name, value) in pairs { div { dt { (shown(name)) } dd { code { (shown(value)) } } } } }
        }
    })
}
