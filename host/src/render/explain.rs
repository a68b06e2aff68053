//! How values came to be what they are.

use kaphost_policy::Decision;
use kaphost_spec::{Leaf, Origin, Path, Spec};
use serde_json::{Value, json};

use crate::render::decision::{identity, value};
use crate::term::{FAINT, GOOD, POLICY, STRONG, paint};

/// One value and its way.
#[derive(Debug)]
pub(crate) struct Chain {
    path: Path,
    links: Vec<Link>,
}

/// One thing that was said of a value.
#[derive(Debug)]
struct Link {
    /// `cluster.kdl:5:13`, `built-in default`, `org 0.1.0 sha256:…`
    by: String,
    /// The rule and reason of a policy.
    why: Option<String>,
    value: Option<Leaf>,
    policy: bool,
}

/// The chain of the value at a path, or of each value below it. Values that a policy took away are there too.
#[must_use]
pub(crate) fn chains(spec: &Spec, decision: &Decision, path: &Path) -> Vec<Chain> {
    let said = spec.cluster.leaves();
    let mut paths: Vec<&Path> =
        said.keys().chain(decision.changes.iter().map(|change| &change.path)).filter(|leaf| path.covers(leaf)).collect();
    paths.sort_unstable();
    paths.dedup();
    let one = |path: &Path| {
        let chain = decision.chain(&spec.origins, path);
        let source = spec.origins.source();
        let at = |span: &kaphost_spec::Span| {
            let position = source.position(span.start);
            format!("{}:{}:{}", source.name, position.line, position.column)
        };
        let mut links = Vec::new();
        if let Some(leaf) = said.get(path) {
            let by = match &chain.origin {
                Origin::Config(span) => at(span),
                Origin::Defaults(span) => format!("{} (defaults)", at(span)),
                Origin::BuiltIn => "built-in default".to_owned(),
            };
            links.push(Link { by, why: None, value: Some(leaf.clone()), policy: false });
        }
        for change in chain.changes.iter().filter(|change| change.path == *path) {
            let by = decision.policy(change.policy).map(|policy| format!("{} {}", policy.name, identity(policy))).unwrap_or_default();
            links.push(Link { by, why: Some(format!("{}: {}", change.rule, change.reason)), value: change.new.clone(), policy: true });
        }
        Chain { path: path.clone(), links }
    };
    paths.into_iter().map(one).collect()
}

fn shown(value_: Option<&Leaf>) -> String {
    value_.map_or_else(|| "gone".to_owned(), value)
}

/// For people.
#[must_use]
pub(crate) fn text(chains: &[Chain]) -> String {
    let mut out = String::new();
    for chain in chains {
        let last = chain.links.last().and_then(|link| link.value.as_ref());
        out.push_str(&format!("{} = {}\n", paint(STRONG, &chain.path), paint(GOOD, shown(last))));
        for link in &chain.links {
            let by = if link.policy { paint(POLICY, &link.by) } else { link.by.clone() };
            out.push_str(&format!("  {by}: {}\n", shown(link.value.as_ref())));
            if let Some(why) = &link.why {
                out.push_str(&format!("      {}\n", paint(FAINT, why)));
            }
        }
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn json(chains: &[Chain]) -> Value {
    let chain = |chain: &Chain| {
        let link = |link: &Link| json!({ "by": link.by, "policy": link.policy, "why": link.why, "value": link.value });
        json!({ "path": chain.path, "chain": chain.links.iter().map(link).collect::<Vec<_>>() })
    };
    json!({ "version": 1, "values": chains.iter().map(chain).collect::<Vec<_>>() })
}

/// Paths that are there and begin in the same way as one that is not.
#[must_use]
pub(crate) fn similar(spec: &Spec, path: &Path) -> Vec<String> {
    let first = path.segments().first();
    let mut tops: Vec<String> =
        spec.cluster.leaves().keys().filter(|leaf| leaf.segments().first() == first).map(ToString::to_string).collect();
    if tops.is_empty() {
        let top = |leaf: &Path| {
            leaf.segments().first().map(|segment| match segment {
                kaphost_spec::Segment::Field(name) | kaphost_spec::Segment::Key(name) => name.clone(),
            })
        };
        tops = spec.cluster.leaves().keys().filter_map(top).collect();
        tops.dedup();
    }
    tops.truncate(30);
    tops
}
