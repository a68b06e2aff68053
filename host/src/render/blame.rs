//! Who wrote a value: for the lines of a plan, and for every value of a cluster.

use clap::ValueEnum;
use kaphost_policy::{Decision, visible};
use kaphost_spec::{Path, Spec};
use serde_json::Value;

use crate::render::decision::value;
use crate::render::explain::{self, Chain};
use crate::term::{FAINT, GOOD, STRONG, paint};

/// No name of a policy or rule is longer.
const NAME_CHARS: usize = 100;

/// A decision, asked for authors. Without one, nobody wrote anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blame<'a>(Authors<'a>);

/// Where authors stand.
#[derive(Clone, Copy, Debug)]
enum Authors<'a> {
    Nobody,
    Of(&'a Decision),
    /// In a decision's JSON, which may come from anywhere.
    Kept(&'a Value),
}

impl<'a> Blame<'a> {
    /// By a decision.
    #[must_use]
    pub(crate) const fn new(decision: &'a Decision) -> Self {
        Self(Authors::Of(decision))
    }

    /// By a decision that was kept.
    #[must_use]
    pub(crate) const fn of_json(decision: &'a Value) -> Self {
        Self(Authors::Kept(decision))
    }

    /// Nobody.
    #[must_use]
    pub(crate) const fn none() -> Self {
        Self(Authors::Nobody)
    }

    /// The policy and rule that last wrote the value at a config path: `org: dedicated-tenancy`.
    #[must_use]
    pub(crate) fn policy_of(&self, path: &str) -> Option<String> {
        let path: Path = path.parse().ok()?;
        match self.0 {
            Authors::Nobody => None,
            Authors::Of(decision) => {
                let (policy, change) = decision.last_writer(&path)?;
                Some(format!("{}: {}", policy.name, change.rule))
            }
            Authors::Kept(decision) => {
                let covers = |change: &&Value| {
                    change["path"].as_str().and_then(|changed| changed.parse().ok()).is_some_and(|changed: Path| path.covers(&changed))
                };
                let change = decision["changes"].as_array()?.iter().rev().find(covers)?;
                let policy = usize::try_from(change["policy"].as_u64()?).ok()?;
                let [policy, rule] = [&decision["policies"][policy]["name"], &change["rule"]].map(|name| name.as_str());
                Some(format!("{}: {}", visible(policy?, NAME_CHARS), visible(rule?, NAME_CHARS)))
            }
        }
    }
}

/// `--blame`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// What the config says, and what policies did; built-in defaults are counted
    Said,
    /// Built-in defaults too
    All,
}

/// Every value as the policies leave it, with where it comes from, node by node. `Which` it says what is folded.
#[must_use]
pub(crate) fn text(spec: &Spec, decision: &Decision, which: Which) -> String {
    let leaves = spec.cluster.leaves();
    let chains = explain::chains(spec, &leaves, decision, &Path::root());
    let mut out = format!("{} {}: {}\n", paint(STRONG, "Values of"), spec.cluster.name, count(&chains));
    let mut node = String::new();
    let shown = |chain: &&Chain<'_>| which == Which::All || !chain.is_built_in();
    for chain in chains.iter().filter(shown) {
        let top = explain::top(chain.path);
        // A value that is a node by itself needs no heading.
        let below = chain.path.segments().len() > 1;
        if below && node != top {
            out.push_str(&format!("  {}\n", paint(STRONG, &top)));
        }
        node = top;
        let indent = if below { "    " } else { "  " };
        if chain.has_steps() {
            out.push_str(&chain.text(indent));
        } else {
            let (value, said) = (chain.value().map(value).unwrap_or_default(), chain.said(which == Which::All).unwrap_or_default());
            out.push_str(&format!("{indent}{} = {}  {}\n", chain.path, paint(GOOD, value), paint(FAINT, said)));
        }
    }
    let folded = chains.iter().filter(|chain| !shown(chain)).count();
    if folded > 0 {
        out.push_str(&format!("  {}\n", paint(FAINT, format!("and {folded} built-in defaults: --blame=all shows them"))));
    }
    out
}

/// `9 from the config, 2 by policies, 31 built-in defaults`
fn count(chains: &[Chain<'_>]) -> String {
    let there = || chains.iter().filter(|chain| chain.value().is_some());
    let by_policy = there().filter(|chain| chain.is_changed()).count();
    let built_in = there().filter(|chain| !chain.is_changed() && chain.is_default()).count();
    let gone = chains.iter().filter(|chain| chain.is_changed() && chain.value().is_none()).count();
    let said = there().count() - by_policy - built_in;
    let mut parts = vec![format!("{said} from the config")];
    if by_policy > 0 {
        parts.push(format!("{by_policy} by policies"));
    }
    if gone > 0 {
        parts.push(format!("{gone} taken away by policies"));
    }
    parts.push(format!("{built_in} built-in defaults"));
    parts.join(", ")
}

/// The same for programs: every value, whatever is folded for people.
#[must_use]
pub(crate) fn json(spec: &Spec, decision: &Decision) -> Vec<Value> {
    explain::chains(spec, &spec.cluster.leaves(), decision, &Path::root()).iter().map(Chain::json).collect()
}
