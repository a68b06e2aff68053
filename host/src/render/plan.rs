//! A plan as people like to read it.

use std::collections::BTreeMap;

use kaphost_plan::{Change, ChangeKind, LeafChange, Names, Plan};
use serde_json::{Value, json};
use textwrap::{WordSeparator, WordSplitter};

use crate::render::blame::Blame;
use crate::term::{BAD, CHANGED, FAINT, GOOD, STRONG, paint};

/// What of a plan people are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// Whose.
    pub(crate) names: &'a Names,
    /// What changes.
    pub(crate) changes: &'a [Change],
    /// What is not ours and stays.
    pub(crate) kept: &'a [String],
    /// Whether there is nothing to do.
    pub(crate) empty: bool,
}

impl<'a> From<&'a Plan> for Shown<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { names: &plan.names, changes: &plan.changes, kept: &plan.kept, empty: plan.is_empty() }
    }
}

/// The plan in text, at most 80 columns where values allow it.
#[must_use]
pub(crate) fn text<'a>(plan: impl Into<Shown<'a>>, blame: &Blame<'_>) -> String {
    let plan = plan.into();
    let mut out = String::new();
    let (cluster, region) = (&plan.names.cluster, &plan.names.region);
    if plan.empty {
        out.push_str(&format!("{} {cluster} in {region} is as it should be.\n", paint(GOOD, "No changes.")));
    } else {
        out.push_str(&format!("{} {cluster} in {region}: {}\n", paint(STRONG, "Plan for"), counted(plan.changes)));
    }
    for change in plan.changes {
        out.push('\n');
        out.push_str(&one(change, blame));
    }
    if !plan.kept.is_empty() {
        out.push_str(&format!("\n{}\n", paint(STRONG, "Not ours, and kept:")));
        for kept in plan.kept {
            out.push_str(&format!("    {kept}\n"));
        }
    }
    out
}

/// `5 to create, 1 to update`
#[must_use]
pub(crate) fn counts(plan: &Plan) -> String {
    counted(&plan.changes)
}

fn counted(changes: &[Change]) -> String {
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let parts: Vec<String> = [(ChangeKind::Create, "create"), (ChangeKind::Update, "update"), (ChangeKind::Delete, "delete")]
        .into_iter()
        .map(|(kind, verb)| (count(kind), verb))
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{count} to {verb}"))
        .collect();
    if parts.is_empty() { "nothing to change but to wait".to_owned() } else { parts.join(", ") }
}

/// A plan in a few words: `no changes`, `5 to create, 1 to update`
#[must_use]
pub(crate) fn brief(plan: &Plan) -> String {
    if plan.is_empty() { "no changes".to_owned() } else { counts(plan) }
}

/// What happens to one resource, leaf by leaf.
#[must_use]
pub(crate) fn change(change: &Change) -> String {
    one(change, &Blame::none())
}

fn one(change: &Change, blame: &Blame<'_>) -> String {
    let (sign, style) = match change.kind {
        ChangeKind::Create => ('+', GOOD),
        ChangeKind::Update => ('~', CHANGED),
        ChangeKind::Delete => ('-', BAD),
    };
    let mut out = format!("  {} {} {}\n", paint(style, sign), change.resource, paint(STRONG, &change.name));
    let (tags, leaves) = folded(change);
    let widest = leaves.iter().map(|leaf| leaf.leaf.chars().count()).chain(tags.keys().map(|set| set.len())).max().unwrap_or(0).min(44);
    for leaf in leaves {
        let value = match (&leaf.old, &leaf.new) {
            (None, Some(new)) => wrapped(new, 8 + widest),
            (Some(old), None) => format!("{} {}", paint(BAD, old), paint(FAINT, "goes")),
            (Some(old), Some(new)) => format!("{} → {}", paint(BAD, old), paint(GOOD, new)),
            (None, None) => continue,
        };
        let by = leaf.path.as_deref().and_then(|path| blame.policy_of(path));
        let by = by.map(|by| paint(FAINT, format_args!("  # {by}"))).unwrap_or_default();
        out.push_str(&format!("      {:<widest$}  {value}{by}\n", leaf.leaf));
    }
    for (set, keys) in tags {
        let indent = " ".repeat(8 + widest);
        let first = format!("      {set:<widest$}  ");
        let options = lines(80).initial_indent(&first).subsequent_indent(&indent);
        out.push_str(&format!("{}\n", textwrap::fill(&keys.join(", "), options)));
    }
    if let Some(note) = &change.note {
        for line in textwrap::wrap(note, lines(72)) {
            out.push_str(&format!("      {}\n", paint(FAINT, line)));
        }
    }
    out
}

/// A long value on several lines, each but the first indented.
fn wrapped(value: &str, indent: usize) -> String {
    let room = 80usize.saturating_sub(indent).max(20);
    textwrap::wrap(value, lines(room)).join(&format!("\n{}", " ".repeat(indent)))
}

/// Lines of a width, broken at spaces where they can be: a name that is broken at a hyphen is not to be copied.
fn lines<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width).word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation)
}

/// The tags of something new say little one by one: their keys are shown, set by set, and the other leaves apart. Where something changes, every leaf is shown.
fn folded(change: &Change) -> (BTreeMap<&str, Vec<&str>>, Vec<&LeafChange>) {
    let mut tags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rest = Vec::new();
    for leaf in &change.leaves {
        let tag = leaf.leaf.strip_suffix("\"]").and_then(|name| name.split_once("[\"")).filter(|(set, _)| set.ends_with("tags"));
        match tag {
            Some((set, key)) if change.kind == ChangeKind::Create => tags.entry(set).or_default().push(key),
            _ => rest.push(leaf),
        }
    }
    (tags, rest)
}

/// The plan for programs.
#[must_use]
pub(crate) fn json(plan: &Plan) -> Value {
    json!({
        "names": plan.names,
        "changes": plan.changes,
        "steps": plan.steps.iter().map(|step| json!({
            "id": step.id,
            "operation": step.action.operation(),
            "subject": step.subject,
            "after": step.after,
        })).collect::<Vec<_>>(),
        "kept": plan.kept,
    })
}
