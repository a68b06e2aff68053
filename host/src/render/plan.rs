//! A plan as people like to read it: resource by resource, old → new, and in the margin who wanted it so.

mod layout;

use std::collections::BTreeMap;

use kaphost_plan::{Change, ChangeKind, Kind, LeafChange, Names, Plan};
use serde_json::{Value, json};

use crate::render::blame::Blame;
use crate::term::{BAD, CHANGED, FAINT, GOOD, STRONG, paint};
use layout::{Row, Sign};

/// The kinds of resource that every cluster has one of, in the order in which people read a plan. Rules are read with their group.
const KINDS: [Kind; 5] = [Kind::AutoScalingGroup, Kind::LaunchTemplate, Kind::SecurityGroup, Kind::Role, Kind::InstanceProfile];

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

/// The way to what a config says, in text, at most 80 columns where values allow it.
#[must_use]
pub(crate) fn text<'a>(plan: impl Into<Shown<'a>>, blame: &Blame<'_>) -> String {
    let plan = plan.into();
    let (cluster, region) = (&plan.names.cluster, &plan.names.region);
    if plan.empty {
        return format!("{} {cluster} in {region} is as it should be.\n", paint(GOOD, "No changes.")) + &kept(&plan);
    }
    let mut out = changes(&plan, blame);
    let blocks = blocks(&plan);
    let same: Vec<String> = KINDS.iter().filter(|kind| !blocks.iter().any(|block| block.kind == **kind)).map(Kind::to_string).collect();
    if !same.is_empty() {
        out.push_str(&format!("\n  {}\n", paint(FAINT, format_args!("unchanged: {}", same.join(", ")))));
    }
    out + &kept(&plan) + &total(&plan)
}

/// The way to nothing.
#[must_use]
pub(crate) fn removal_text(plan: &Plan) -> String {
    let plan = Shown::from(plan);
    if plan.empty {
        return kept(&plan);
    }
    changes(&plan, &Blame::none()) + &kept(&plan) + &total(&plan)
}

fn changes(plan: &Shown<'_>, blame: &Blame<'_>) -> String {
    let mut out = format!("{} {} in {}\n", paint(STRONG, "Plan for"), plan.names.cluster, plan.names.region);
    for block in blocks(plan) {
        out.push('\n');
        out.push_str(&block.text(blame));
    }
    out
}

fn kept(plan: &Shown<'_>) -> String {
    if plan.kept.is_empty() {
        return String::new();
    }
    let lines: String = plan.kept.iter().map(|kept| layout::folded(kept, "    ", "      ")).collect();
    format!("\n{}\n{lines}", paint(STRONG, "Not ours, and kept:"))
}

fn total(plan: &Shown<'_>) -> String {
    format!("\n{} {}.\n", paint(STRONG, "Plan:"), counted(plan.changes))
}

/// `5 to create, 1 to change, 1 server to replace`
#[must_use]
pub(crate) fn counts(plan: &Plan) -> String {
    counted(&plan.changes)
}

fn counted(changes: &[Change]) -> String {
    let parts = tally(changes, ["to create", "to change", "to delete"], "to replace");
    if parts.is_empty() { "nothing to change but to wait".to_owned() } else { parts }
}

/// A plan in a few words: `no changes`, `5 to create, 1 to change`
#[must_use]
pub(crate) fn brief(plan: &Plan) -> String {
    if plan.is_empty() { "no changes".to_owned() } else { counts(plan) }
}

/// What happens to one resource, leaf by leaf.
#[must_use]
pub(crate) fn change(change: &Change) -> String {
    let rule = change.resource == Kind::SecurityGroupRule;
    let (of_itself, rules) = if rule { (None, vec![change]) } else { (Some(change), Vec::new()) };
    Block { kind: change.resource, name: &change.name, change: of_itself, rules }.text(&Blame::none())
}

/// `5 created, 1 changed`, of a plan that was carried out.
#[must_use]
pub(crate) fn counts_done(plan: &Plan) -> String {
    tally(&plan.changes, ["created", "changed", "deleted"], "replaced")
}

fn tally(changes: &[Change], words: [&str; 3], replaced: &str) -> String {
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    let kinds = [ChangeKind::Create, ChangeKind::Update, ChangeKind::Delete];
    let mut parts: Vec<String> = kinds
        .into_iter()
        .zip(words)
        .map(|(kind, word)| (count(kind), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let servers = changes.iter().flat_map(|change| &change.leaves).filter(|leaf| is_replaced(leaf)).count();
    if servers > 0 {
        parts.push(format!("{servers} {} {replaced}", if servers == 1 { "server" } else { "servers" }));
    }
    parts.join(", ")
}

/// A server that a rollout puts another in the place of.
fn is_replaced(leaf: &LeafChange) -> bool {
    leaf.leaf.starts_with("instances[") && leaf.old.is_some() && leaf.new.is_some()
}

/// A resource, and for a security group what happens to its rules.
struct Block<'a> {
    kind: Kind,
    name: &'a str,
    /// Nothing happens to the resource itself when it is missing: only to rules of it.
    change: Option<&'a Change>,
    rules: Vec<&'a Change>,
}

/// Resource by resource, the rules of a group with it.
fn blocks<'a>(plan: &Shown<'a>) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for change in plan.changes {
        if change.resource != Kind::SecurityGroupRule {
            blocks.push(Block { kind: change.resource, name: &change.name, change: Some(change), rules: Vec::new() });
            continue;
        }
        // `tcp 9092 from 10.0.0.0/8 on sg-…` is of a group that is not ours.
        let group = change.name.rsplit_once(" on ").map_or(plan.names.security_group(), |(_, group)| group);
        match blocks.iter_mut().find(|block| block.kind == Kind::SecurityGroup && block.name == group) {
            Some(block) => block.rules.push(change),
            None => blocks.push(Block { kind: Kind::SecurityGroup, name: group, change: None, rules: vec![change] }),
        }
    }
    blocks
}

impl Block<'_> {
    fn text(&self, blame: &Blame<'_>) -> String {
        let kind = self.change.map_or(ChangeKind::Update, |change| change.kind);
        let Sign(sign, style) = Sign::of(kind);
        let mut out = format!("  {} {} {}\n", paint(style, sign), self.kind, paint(STRONG, self.name));
        let mut rows = Vec::new();
        let mut folded = None;
        if let Some(change) = self.change {
            let (tags, leaves) = tags_apart(change);
            rows.extend(leaves.into_iter().map(|leaf| leaf_row(change.kind, leaf, blame)));
            rows.extend(tags.into_iter().map(|(set, keys)| Row::said(set, keys.join(", "))));
            folded = (change.kind == ChangeKind::Update && change.unchanged > 0).then_some(change.unchanged);
        }
        let own = rows.len();
        rows.extend(self.rules.iter().map(|rule| rule_row(rule, blame)));
        let mut lines = layout::table(&rows);
        if let Some(count) = folded {
            lines.insert(own, format!("      {}\n", paint(FAINT, format_args!("({count} more unchanged)"))));
        }
        out.push_str(&lines.concat());
        for note in self.change.iter().chain(&self.rules).filter_map(|change| change.note.as_ref()) {
            out.push_str(&paint_lines(&layout::folded(note, "      ", "      ")));
        }
        out
    }
}

fn paint_lines(text: &str) -> String {
    text.lines().map(|line| paint(FAINT, line) + "\n").collect()
}

fn by(path: Option<&str>, blame: &Blame<'_>) -> Option<String> {
    path.and_then(|path| blame.policy_of(path))
}

fn leaf_row(kind: ChangeKind, leaf: &LeafChange, blame: &Blame<'_>) -> Row {
    // Of something new every value is: a sign at each line would say nothing.
    let sign = match (&leaf.old, &leaf.new) {
        _ if kind != ChangeKind::Update => None,
        _ if is_replaced(leaf) => Some(Sign('±', CHANGED)),
        (None, _) => Some(Sign('+', GOOD)),
        (Some(_), None) => Some(Sign('-', BAD)),
        (Some(_), Some(_)) => Some(Sign('~', CHANGED)),
    };
    let [old, new] = [&leaf.old, &leaf.new].map(|value| value.as_deref().map(readable));
    Row { sign, label: leaf.leaf.clone(), old, new, blame: by(leaf.path.as_deref(), blame) }
}

/// A JSON document with spaces in it, where its lines may be broken; anything else as it is.
fn readable(value: &str) -> String {
    fn spaced(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("{}: {}", json!(name), spaced(value))).collect();
                format!("{{{}}}", members.join(", "))
            }
            Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
            simple => simple.to_string(),
        }
    }
    match serde_json::from_str(value) {
        Ok(document @ Value::Object(_)) if value.starts_with('{') => spaced(&document),
        _ => value.to_owned(),
    }
}

/// A rule is one line: what it says, and what for.
fn rule_row(change: &Change, blame: &Blame<'_>) -> Row {
    let leaf = |name: &str| change.leaves.iter().find(|leaf| leaf.leaf == name);
    let (rule, description) = (leaf("rule"), leaf("description"));
    let label = change.name.split(" on ").next().unwrap_or(&change.name);
    let was = |leaf: Option<&LeafChange>| leaf.and_then(|leaf| leaf.old.clone());
    let is = |leaf: Option<&LeafChange>| leaf.and_then(|leaf| leaf.new.clone());
    let (label, old, new) = match change.kind {
        ChangeKind::Create => (label.to_owned(), None, is(description)),
        // What went with a whole group, or was taken away, needs no more than its name.
        ChangeKind::Delete => (label.to_owned(), None, was(description)),
        ChangeKind::Update => match was(rule) {
            // It becomes another rule.
            Some(old) => (old, None, Some(format!("→ {label}"))),
            None => (label.to_owned(), was(description), is(description)),
        },
    };
    let path = rule.or(description).and_then(|leaf| leaf.path.as_deref());
    Row { sign: Some(Sign::of(change.kind)), label: format!("rule {label}"), old, new, blame: by(path, blame) }
}

/// The tags of something new say little one by one: their keys are shown, set by set, and the other leaves apart. Where something changes, every leaf is shown.
fn tags_apart(change: &Change) -> (BTreeMap<&str, Vec<&str>>, Vec<&LeafChange>) {
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
