//! The resources: a drawing of how they hang together, and what happens to each.

use maud::{Markup, html};

use crate::code::old_to_new;
use crate::text::shown;
use crate::{Fate, Kind, Page, Plan, Resource};

/// The drawing is as wide as a phone, so that its texts are as large there as elsewhere. User units are pixels.
const WIDTH: u32 = 340;
const HEIGHT: u32 = 300;
const NODE: (u32, u32) = (160, 62);
/// So many characters fit into a node.
const FITS: usize = 22;

/// A node: what it is, and where its upper left corner is.
const NODES: [(Kind, u32, u32); 5] = [
    (Kind::AutoScalingGroup, 90, 4),
    (Kind::LaunchTemplate, 90, 108),
    (Kind::SecurityGroup, 4, 212),
    (Kind::InstanceProfile, 176, 212),
    (Kind::Role, 176, 316),
];

/// Who needs whom: indices into [`NODES`].
const EDGES: [(usize, usize); 4] = [(0, 1), (1, 2), (1, 3), (3, 4)];

/// The drawing, and each resource with what differs.
pub(crate) fn resources(page: &Page, plan: &Plan) -> Markup {
    html! {
        (drawing(page, plan))
        @if plan.resources.is_empty() { p { "Nothing was to be done." } }
        @for resource in &plan.resources { (one(resource)) }
        @if !plan.kept.is_empty() {
            h3 { "Not the cluster's, and kept" }
            ul { @for kept in &plan.kept { li { (shown(kept)) } } }
        }
    }
}

fn drawing(page: &Page, plan: &Plan) -> Markup {
    let (title_id, description_id) = (format!("{}graph-title", page.anchor), format!("{}graph-description", page.anchor));
    let words: Vec<String> = NODES.iter().map(|(kind, ..)| format!("{} {}", title(*kind), word(fate(plan, *kind)))).collect();
    let description = format!(
        "The Auto Scaling group starts servers from the launch template, which names the security group and the instance profile; the profile holds the role. {}.",
        words.join(", ")
    );
    html! {
        svg.graph viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + NODE.1 + 24)) role="img" aria-labelledby={ (title_id) " " (description_id) } {
            title id=(title_id) { "Resources of " (shown(&page.cluster)) }
            desc id=(description_id) { (description) }
            @for (from, to) in EDGES {
                @let (a, b) = (NODES[from], NODES[to]);
                path.edge d=(format!("M{} {} V{} H{} V{}", a.1 + NODE.0 / 2, a.2 + NODE.1, a.2 + NODE.1 + 20, b.1 + NODE.0 / 2, b.2)) {}
            }
            @for (kind, x, y) in NODES { (node(plan, kind, x, y)) }
        }
    }
}

fn node(plan: &Plan, kind: Kind, x: u32, y: u32) -> Markup {
    let fate = fate(plan, kind);
    let resource = plan.resources.iter().find(|resource| resource.kind == kind);
    let rules = plan.resources.iter().filter(|it| kind == Kind::SecurityGroup && it.kind == Kind::SecurityGroupRule).count();
    let below = match (rules, resource) {
        (0, Some(resource)) => short(&resource.name),
        (0, None) => String::new(),
        (1, _) => "1 rule".to_owned(),
        (many, _) => format!("{many} rules"),
    };
    html! {
        g class=(format!("node {}", class(fate))) {
            rect x=(x) y=(y) width=(NODE.0) height=(NODE.1) rx="6" {}
            text x=(x + 10) y=(y + 20) class="what" { (title(kind)) }
            text x=(x + 10) y=(y + 37) { (below) }
            text x=(x + 10) y=(y + 53) class="fate" { (sign(fate)) " " (word(fate)) }
        }
    }
}

/// The end of a long name says more than its middle.
fn short(name: &str) -> String {
    let name = shown(name);
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= FITS {
        return name;
    }
    let (start, end) = (&chars[..FITS / 2], &chars[chars.len() - (FITS - FITS / 2 - 1)..]);
    format!("{}…{}", start.iter().collect::<String>(), end.iter().collect::<String>())
}

/// What happens to the resource of a kind. A group whose rules change is changed.
fn fate(plan: &Plan, kind: Kind) -> Fate {
    let of = |kind| plan.resources.iter().find(|resource: &&Resource| resource.kind == kind).map(|resource| resource.fate);
    match of(kind) {
        Some(fate) => fate,
        None if kind == Kind::SecurityGroup && of(Kind::SecurityGroupRule).is_some() => Fate::Changed,
        None => Fate::Kept,
    }
}

fn one(resource: &Resource) -> Markup {
    html! {
        details.resource open[resource.fate == Fate::Changed] {
            summary {
                span class=(class(resource.fate)) { (sign(resource.fate)) } " " (title(resource.kind)) " " strong { (shown(&resource.name)) }
                span.unseen { " " (word(resource.fate)) }
            }
            @if let Some(note) = &resource.note { p { (shown(note)) } }
            @if !resource.leaves.is_empty() {
                ul.leaves {
                    @for leaf in &resource.leaves {
                        li {
                            code { (shown(&leaf.name)) } " "
                            @if resource.fate == Fate::Changed { (old_to_new(leaf.old.as_deref(), leaf.new.as_deref())) }
                            @else { (shown(leaf.new.as_deref().or(leaf.old.as_deref()).unwrap_or_default())) }
                            @if let Some(by) = &leaf.by { " " span.by { (shown(by)) } }
                        }
                    }
                }
            }
        }
    }
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::AutoScalingGroup => "Auto Scaling group",
        Kind::LaunchTemplate => "Launch template",
        Kind::SecurityGroup => "Security group",
        Kind::SecurityGroupRule => "Rule",
        Kind::Role => "IAM role",
        Kind::InstanceProfile => "Instance profile",
    }
}

const fn sign(fate: Fate) -> &'static str {
    match fate {
        Fate::Created => "+",
        Fate::Changed => "~",
        Fate::Deleted => "−",
        Fate::Kept => "=",
    }
}

const fn class(fate: Fate) -> &'static str {
    match fate {
        Fate::Created => "created",
        Fate::Changed => "altered",
        Fate::Deleted => "deleted",
        Fate::Kept => "kept",
    }
}

const fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Created => "to create",
        Fate::Changed => "to change",
        Fate::Deleted => "to delete",
        Fate::Kept => "unchanged",
    }
}
