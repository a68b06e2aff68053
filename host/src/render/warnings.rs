//! What is said beside a verdict: advice, waivers that do not do what they were granted for, and an outcome that hangs on the order of the policies.

use kaphost_findings::{Finding, Kind, Level};
use kaphost_policy::{Decision, Effect, Reversed, WaiverRecord, WaiverState};
use kaphost_spec::{Leaf, Spec};
use serde_json::{Value, json};

use crate::render::decision::Sets;
use crate::render::simple::Simple;
use crate::render::{decision, diagnostic};

/// Values that one warning names; all of them are in the decision.
const MAX_PATHS: usize = 5;

/// Warnings about policies, and the advice of those that may not do more.
#[derive(Debug)]
pub(crate) struct Warnings {
    advice: String,
    advice_json: Vec<Value>,
    odd: Vec<Simple>,
}

impl Warnings {
    /// Everything that a decision leaves to be said beside its verdict. `sets` says where waivers and settings stand.
    #[must_use]
    pub(crate) fn of(decided: &Decision, spec: &Spec, sets: &impl Sets) -> Self {
        let mut odd: Vec<Simple> = decided
            .waivers
            .iter()
            .filter_map(|waiver| {
                let (problem, label) = stale(waiver)?;
                Some(match sets.waiver(waiver) {
                    Some((source, span)) => problem.within(&source, &span, label),
                    None => problem,
                })
            })
            .collect();
        odd.extend(order(decided));
        Self {
            advice: decision::violations(decided, spec, Effect::Advise, sets),
            advice_json: decision::violations_json(decided, spec, Effect::Advise, sets),
            odd: odd.into_iter().map(Simple::into_warning).collect(),
        }
    }

    /// How many there are, advice apart: what an advisory policy says is never more than advice.
    #[must_use]
    pub(crate) const fn count(&self) -> usize {
        self.odd.len()
    }

    /// As findings of a check, advice apart. `strict` makes errors of them.
    pub(crate) fn findings(&self, strict: bool) -> impl Iterator<Item = Finding> {
        let level = if strict { Level::Error } else { Level::Warning };
        self.odd.iter().map(move |problem| Finding { level, ..problem.finding(Kind::Set) })
    }

    /// For people.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let odd: String = self.odd.iter().map(|problem| diagnostic::text(problem)).collect();
        format!("{}{odd}", self.advice)
    }

    /// For programs: advice has the fields of violations, everything else those of problems, and each says which it is.
    #[must_use]
    pub(crate) fn json(&self) -> Vec<Value> {
        let advice = self.advice_json.iter().map(|violation| {
            let mut violation = violation.clone();
            violation["code"] = json!("advice");
            violation
        });
        advice.chain(self.odd.iter().map(Simple::json)).collect()
    }
}

/// A waiver that holds for nothing. One for every cluster may be needed by another than this.
fn stale(waiver: &WaiverRecord) -> Option<(Simple, &'static str)> {
    let WaiverRecord { policy, rule, cluster, owner, ticket, expires, .. } = waiver;
    let what = match &waiver.value {
        Some(value) => format!("`{policy}/{rule}` for {} at `{value}`", who(cluster)),
        None => format!("`{policy}/{rule}` for {}", who(cluster)),
    };
    let new = |code, message: String, help: String, label| Some((Simple::new(code, message).with_help(help), label));
    match waiver.state {
        WaiverState::Used | WaiverState::Untried => None,
        WaiverState::Unused if cluster == "*" => None,
        WaiverState::Unused => new(
            "waiver-unused",
            format!("the waiver of {what} is not needed: nothing breaks the rule{}", waiver.value.as_ref().map_or("", |_| " there")),
            format!("take it out of the policy set; {owner} answers for it ({ticket})"),
            "waives nothing",
        ),
        WaiverState::Expired => new(
            "waiver-expired",
            format!("the waiver of {what} expired at {expires}: it waives nothing any more"),
            format!("mend what it was for, or have {owner} renew it ({ticket})"),
            "expired",
        ),
        WaiverState::TooLong => {
            let days = waiver.horizon_days.unwrap_or_default();
            new(
                "waiver-too-long",
                format!("the waiver of {what} lasts until {expires}, over {days} days from now: it waives nothing"),
                format!("bring its end within {days} days, as the policy set asks; {owner} answers for it ({ticket})"),
                "too far ahead",
            )
        }
    }
}

fn who(cluster: &str) -> String {
    if cluster == "*" { "every cluster".to_owned() } else { format!("`{cluster}`") }
}

/// An outcome that another order of the same policies would change.
fn order(decided: &Decision) -> Option<Simple> {
    let order = decided.order.as_ref()?;
    let name = |index: usize| decided.policy(index).map_or("", |policy| policy.name.as_str()).to_owned();
    let value = |leaf: &Option<Leaf>| leaf.as_ref().map_or_else(|| "nothing".to_owned(), decision::value);
    let what = match &order.reversed {
        Reversed::Settles => {
            let mut paths: Vec<String> = order
                .paths
                .iter()
                .take(MAX_PATHS)
                .map(|path| format!("`{}` is {}, and {} in the reverse order", path.path, value(&path.declared), value(&path.reversed)))
                .collect();
            let more = order.paths.len().saturating_sub(MAX_PATHS);
            if more > 0 {
                paths.push(format!("and {more} more values differ"));
            }
            paths.join("; ")
        }
        Reversed::NeverSettles { policies } => {
            let names: Vec<String> = policies.iter().map(|policy| format!("`{}`", name(*policy))).collect();
            format!("in the reverse order {} never come to rest", names.join(" and "))
        }
        Reversed::Denies { policy, message } => format!("in the reverse order `{}` denies: {message}", name(*policy)),
        Reversed::Fails { policy, message, .. } => format!("in the reverse order `{}` fails: {message}", name(*policy)),
    };
    let help = "let one policy decide each value, or grant each of them other paths to write";
    Some(Simple::new("order-dependence", format!("the outcome hangs on the order of the policies: {what}")).with_help(help))
}

#[cfg(test)]
mod goldens;

#[cfg(test)]
mod tests {
    use kaphost_policy::{Enforcement, Facts, OrderDependence, OrderPath, PolicyRecord, Settings, Verdict, World};

    use super::*;

    fn decided(reversed: Reversed, paths: &[(&str, &str)]) -> Decision {
        let policy = |name: &str| PolicyRecord {
            name: name.into(),
            version: "1.0.0".into(),
            digest: "0".repeat(64),
            source: format!("{name}.wasm"),
            world: World::Mutator,
            enforcement: Enforcement::Remediate,
            set: Some("org.kdl".into()),
            writes: vec![],
            loosens: vec![],
            facts: Default::default(),
            user_data: false,
            settings: Settings::default(),
        };
        let path = |(path, value): &(&str, &str)| OrderPath {
            path: path.parse().unwrap(),
            declared: Some(Leaf::Text((*value).into())),
            reversed: None,
        };
        Decision {
            schema: kaphost_policy::DECISION_SCHEMA,
            cluster: "kapacitor-stage".into(),
            verdict: Verdict::Admitted,
            input_sha256: String::new(),
            output_sha256: String::new(),
            policies: vec![policy("a"), policy("b")],
            facts: Facts::default(),
            passes: 2,
            changes: vec![],
            advice: vec![],
            violations: vec![],
            order: Some(OrderDependence { reversed, paths: paths.iter().map(path).collect() }),
            waivers: vec![],
        }
    }

    #[test]
    fn every_way_to_hang_on_the_order_names_what_differs() {
        let said = |reversed, paths: &[_]| order(&decided(reversed, paths)).unwrap().to_string();
        let settles = said(Reversed::Settles, &[("tenancy", "dedicated"), ("tag[\"Owner\"]", "me")]);
        assert!(settles.contains("`tenancy` is \"dedicated\", and nothing in the reverse order; `tag[\"Owner\"]` is \"me\""), "{settles}");
        let many: Vec<(String, &str)> = (0..9).map(|i| (format!("tag[\"{i}\"]"), "x")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(path, value)| (path.as_str(), *value)).collect();
        let cut = said(Reversed::Settles, &many);
        assert!(cut.contains("tag[\"4\"]") && !cut.contains("tag[\"5\"]") && cut.ends_with("and 4 more values differ"), "{cut}");
        let never = said(Reversed::NeverSettles { policies: vec![0, 1] }, &[]);
        assert!(never.ends_with("in the reverse order `a` and `b` never come to rest"), "{never}");
        let denies = said(Reversed::Denies { policy: 1, message: "no".into() }, &[]);
        assert!(denies.ends_with("in the reverse order `b` denies: no"), "{denies}");
        let fails = said(Reversed::Fails { policy: 0, code: "loosens", message: "it loosens".into() }, &[]);
        assert!(fails.ends_with("in the reverse order `a` fails: it loosens"), "{fails}");
        assert!(order(&Decision { order: None, ..decided(Reversed::Settles, &[]) }).is_none());
    }
}
