//! How values came to be what they are: where each was said, and what each policy did to it or would have done.

use kaphost_policy::{Change, Decision, PolicyRecord};
use kaphost_spec::{ConfigSource, Leaf, Leaves, Origin, Path, Position, Span, Spec};
use serde_json::{Value, json};

use crate::render::decision::{identity, value};
use crate::term::{self, BAD, FAINT, GOOD, POLICY, STRONG, paint};

/// One value and its way.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// The leaf.
    pub(crate) path: &'a Path,
    first: Option<First<'a>>,
    /// What the first stands in place of.
    beneath: Vec<First<'a>>,
    changes: Vec<Step<'a>>,
    advice: Vec<Step<'a>>,
}

/// What was there before any policy.
#[derive(Debug)]
struct First<'a> {
    value: &'a Leaf,
    said: Said<'a>,
}

/// Where a value was said.
#[derive(Debug)]
enum Said<'a> {
    /// In the cluster's own node, or in the file's `defaults`.
    Here { source: &'a ConfigSource, at: Position, defaults: bool },
    /// Nowhere.
    BuiltIn,
}

/// What one policy did to it, or would have done.
#[derive(Debug)]
struct Step<'a> {
    policy: &'a PolicyRecord,
    change: &'a Change,
}

/// The chain of the value at a path, or of each value below it. Values that a policy took away are there too, and those that one would have added.
#[must_use]
pub(crate) fn chains<'a>(spec: &'a Spec, said: &'a Leaves, decision: &'a Decision, path: &Path) -> Vec<Chain<'a>> {
    let changed = decision.changes.iter().chain(&decision.advice).map(|change| &change.path);
    let mut paths: Vec<&Path> = said.keys().chain(changed).filter(|leaf| path.covers(leaf)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().map(|path| Chain::of(spec, said, decision, path)).collect()
}

impl<'a> Chain<'a> {
    fn of(spec: &'a Spec, said: &'a Leaves, decision: &'a Decision, path: &'a Path) -> Self {
        let source = spec.origins.source();
        let here = |span: &Span, defaults| Said::Here { source, at: source.position(span.start), defaults };
        let place = |origin: &Origin| match origin {
            Origin::Config(span) => here(span, false),
            Origin::Defaults(span) => here(span, true),
            Origin::BuiltIn => Said::BuiltIn,
        };
        let first = said.get(path).map(|value| First { value, said: place(&spec.origins.of(path)) });
        let beneath = spec.origins.beneath(path).iter().filter(|_| first.is_some());
        let beneath = beneath.map(|beneath| First { value: &beneath.value, said: place(&beneath.origin) }).collect();
        let steps = |changes: &'a [Change]| {
            let mine = changes.iter().filter(|change| change.path == *path);
            mine.filter_map(|change| Some(Step { policy: decision.policy(change.policy)?, change })).collect()
        };
        Self { path, first, beneath, changes: steps(&decision.changes), advice: steps(&decision.advice) }
    }

    /// The value as the policies leave it.
    #[must_use]
    pub(crate) fn value(&self) -> Option<&Leaf> {
        match self.changes.last() {
            Some(step) => step.change.new.as_ref(),
            None => self.first.as_ref().map(|first| first.value),
        }
    }

    /// [`Self::value`] for people. What a policy took away is gone; what one would have added was never there.
    fn shown(&self) -> String {
        if self.is_changed() { shown(self.value()) } else { self.value().map_or_else(|| "unset".to_owned(), value) }
    }

    /// Whether no file says it: it is kaphost's own default before the policies, or nothing.
    #[must_use]
    pub(crate) fn is_default(&self) -> bool {
        !matches!(&self.first, Some(First { said: Said::Here { .. }, .. }))
    }

    /// Whether nothing but kaphost's own default says it, and no policy has anything to say of it.
    #[must_use]
    pub(crate) fn is_built_in(&self) -> bool {
        self.is_default() && !self.has_steps()
    }

    /// Whether a policy did something to it, or would have.
    #[must_use]
    pub(crate) fn has_steps(&self) -> bool {
        !self.changes.is_empty() || !self.advice.is_empty()
    }

    /// Whether a policy did something to it.
    #[must_use]
    pub(crate) fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// `cluster.kdl:5:13`, `cluster.kdl:2:9 (defaults)`, `built-in default`, with what that stands in place of; nothing where a policy added it. `built_in`
    /// says whether kaphost's own default is named too.
    #[must_use]
    pub(crate) fn said(&self, built_in: bool) -> Option<String> {
        let first = self.first.as_ref()?;
        let beneath = self.beneath.iter().filter(|beneath| built_in || !matches!(beneath.said, Said::BuiltIn));
        Some(beneath.fold(first.said.by(), |said, beneath| format!("{said}, in place of {}: {}", beneath.said.by(), value(beneath.value))))
    }

    /// The whole of it, every line with this in front.
    #[must_use]
    pub(crate) fn text(&self, indent: &str) -> String {
        let mut out = format!("{indent}{} = {}\n", paint(STRONG, self.path), paint(GOOD, self.shown()));
        if let Some(First { value, said }) = &self.first {
            out.push_str(&format!("{indent}  {}: {}\n", said.by(), shown(Some(value))));
        }
        for First { value, said } in &self.beneath {
            let line = format!("in place of {}: {}", said.by(), shown(Some(value)));
            out.push_str(&format!("{indent}    {}\n", paint(FAINT, line)));
        }
        for step in &self.changes {
            out.push_str(&step.text(indent, "", ""));
        }
        for step in &self.advice {
            out.push_str(&step.text(indent, "advice of ", ", not applied"));
        }
        out
    }

    /// For programs.
    #[must_use]
    pub(crate) fn json(&self) -> Value {
        let said = self.first.iter().map(|first| (first, false)).chain(self.beneath.iter().map(|beneath| (beneath, true)));
        let first = said.map(|(First { value, said }, overridden)| {
            let mut link = json!({ "kind": said.kind(), "by": said.by(), "value": value });
            if overridden {
                link["overridden"] = json!(true);
            }
            if let Said::Here { source, at, .. } = said {
                link["file"] = json!(source.name);
                link["line"] = json!(at.line);
                link["column"] = json!(at.column);
            }
            link
        });
        let changes = self.changes.iter().map(|step| step.json("policy"));
        let advice = self.advice.iter().map(|step| step.json("advice"));
        let chain: Vec<Value> = first.chain(changes).chain(advice).collect();
        json!({ "path": self.path, "value": self.value(), "chain": chain })
    }
}

impl Said<'_> {
    fn by(&self) -> String {
        match self {
            Self::Here { source, at, defaults } => {
                format!("{}:{}:{}{}", source.name, at.line, at.column, if *defaults { " (defaults)" } else { "" })
            }
            Self::BuiltIn => "built-in default".to_owned(),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Here { defaults: false, .. } => "config",
            Self::Here { defaults: true, .. } => "defaults",
            Self::BuiltIn => "built-in",
        }
    }
}

impl Step<'_> {
    fn by(&self) -> String {
        let set = self.policy.set.as_ref().map(|set| format!(" of {set}")).unwrap_or_default();
        format!("{} {}{set}", self.policy.name, identity(self.policy))
    }

    fn text(&self, indent: &str, before: &str, after: &str) -> String {
        let Change { old, new, rule, reason, .. } = self.change;
        let old = old.as_ref().map_or_else(|| "unset".to_owned(), value);
        let (old, new) = (paint(BAD, old), paint(GOOD, shown(new.as_ref())));
        let mut out = format!("{indent}  {before}{}: {old} → {new}{after}\n", paint(POLICY, self.by()));
        for line in textwrap::wrap(&format!("{rule}: {reason}"), term::width().saturating_sub(indent.len() + 6)) {
            out.push_str(&format!("{indent}      {}\n", paint(FAINT, line)));
        }
        out
    }

    fn json(&self, kind: &str) -> Value {
        json!({
            "kind": kind,
            "by": self.by(),
            "policy": author(self.policy),
            "rule": self.change.rule,
            "reason": self.change.reason,
            "pass": self.change.pass,
            "old": self.change.old,
            "value": self.change.new,
        })
    }
}

/// Who a policy is, for programs.
#[must_use]
pub(crate) fn author(policy: &PolicyRecord) -> Value {
    json!({ "name": policy.name, "version": policy.version, "digest": policy.digest, "set": policy.set })
}

fn shown(leaf: Option<&Leaf>) -> String {
    leaf.map_or_else(|| "gone".to_owned(), value)
}

/// For people.
#[must_use]
pub(crate) fn text(chains: &[Chain<'_>]) -> String {
    chains.iter().map(|chain| chain.text("")).collect()
}

/// For programs.
#[must_use]
pub(crate) fn json(chains: &[Chain<'_>]) -> Value {
    json!({ "values": chains.iter().map(Chain::json).collect::<Vec<_>>() })
}

/// Paths that are there and begin in the same way as one that is not.
#[must_use]
pub(crate) fn similar(said: &Leaves, path: &Path) -> Vec<String> {
    let first = path.segments().first();
    let mut tops: Vec<String> = said.keys().filter(|leaf| leaf.segments().first() == first).map(ToString::to_string).collect();
    if tops.is_empty() {
        tops = said.keys().map(top).collect();
        tops.dedup();
    }
    tops.truncate(30);
    tops
}

/// The node of the config that a value belongs to.
#[must_use]
pub(crate) fn top(leaf: &Path) -> String {
    leaf.segments().first().map_or_else(String::new, |segment| segment.text().to_owned())
}
