//! A case asked, and what came of it beside what must.

use std::collections::BTreeSet;
use std::slice;

use jiff::Timestamp;
use kaphost_policy::{CallLog, Circumstances, Facts, Misgiven, Module, Policy, PolicyError, Settings, Terms, admit};
use kaphost_spec::{Code, Diagnostic, Spec};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::expected::{Expected, leaf, shown};
use super::{Case, Suite};

/// What came of a case.
#[derive(Debug)]
pub struct Played {
    /// What came of it, changes first.
    pub actual: Vec<Expected>,
    /// The rules that spoke.
    pub fired: BTreeSet<String>,
    /// From what must come of it to what came; empty when they are the same.
    pub diff: Vec<DiffLine>,
    /// The policy's failure, when it failed.
    pub failure: Option<PolicyError>,
    /// Every call, with what was said and used up.
    pub calls: Vec<CallLog>,
}

impl Played {
    /// Whether what came of it is what must.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.diff.is_empty()
    }
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffLine {
    /// Whose it is.
    pub sign: Sign,
    /// As it stands in a file of cases.
    pub text: String,
}

/// Whose a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Both have it.
    Same,
    /// It must come, and did not.
    Missing,
    /// It came, and must not.
    Unexpected,
}

impl Case {
    /// The config's text with its replacements.
    ///
    /// # Errors
    /// Each replacement of what is not there.
    pub fn text(&self, suite: &Suite, config: &str) -> Result<String, Vec<Diagnostic>> {
        let mut text = config.to_owned();
        let mut wrong = Vec::new();
        for one in &self.replace {
            if one.old.is_empty() || !text.contains(&one.old) {
                let message = format!("`{}` is not in the config", shown(&one.old));
                let diagnostic = Diagnostic::new(Code::InvalidValue, &suite.source, one.span.clone(), message);
                wrong.push(
                    diagnostic
                        .with_label("replaces nothing")
                        .with_help("write it as it stands in the config, after the replacements above"),
                );
            } else {
                text = text.replacen(&one.old, &one.new, 1);
            }
        }
        if wrong.is_empty() { Ok(text) } else { Err(wrong) }
    }

    /// The policy's settings in this case.
    ///
    /// # Errors
    /// Each that the policy does not take, at its place.
    pub fn settings(&self, suite: &Suite, module: &Module) -> Result<Settings, Vec<Diagnostic>> {
        let misgiven = |Misgiven { error, at }: Misgiven| {
            let place = at.and_then(|(setting, value)| {
                let (name, values) = self.places.settings.get(setting)?;
                value.map_or(Some(name), |value| values.get(value)).cloned()
            });
            let span = place.unwrap_or_else(|| self.span.clone());
            Diagnostic::new(Code::InvalidValue, &suite.source, span, error.to_string()).with_label("here").with_help(error.help())
        };
        module.description().typed_settings(&self.settings).map_err(|errors| errors.into_iter().map(misgiven).collect())
    }

    /// A mistake about the config or the facts of this case, at the line that names them.
    #[must_use]
    pub fn about_config(&self, suite: &Suite, message: String, help: &str) -> Diagnostic {
        Diagnostic::new(Code::UnreadableFile, &suite.source, self.places.config.clone(), message).with_label("named here").with_help(help)
    }

    /// As [`Self::about_config`], about the facts.
    #[must_use]
    pub fn about_facts(&self, suite: &Suite, message: String, help: &str) -> Diagnostic {
        Diagnostic::new(Code::UnreadableFile, &suite.source, self.places.facts.clone(), message).with_label("given here").with_help(help)
    }

    /// Whether a rule must speak, of a policy that has it.
    ///
    /// # Errors
    /// Each expectation of a rule that the policy does not have.
    pub fn check_rules(&self, suite: &Suite, module: &Module) -> Result<(), Vec<Diagnostic>> {
        let description = module.description();
        let known: Vec<&str> = description.rules.iter().map(|rule| rule.id.as_str()).collect();
        let unknown = self.expected.iter().filter_map(Expected::rule).filter(|rule| description.rule(rule).is_none());
        let one = |rule: &str| {
            let help = kaphost_spec::nearest(rule, known.iter().copied())
                .map_or_else(|| format!("its rules are: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            let message = format!("the policy `{}` has no rule `{}`", description.name, shown(rule));
            let span = self.places.expect.clone().unwrap_or_else(|| self.span.clone());
            Diagnostic::new(Code::UnknownTarget, &suite.source, span.start..span.start + "expect".len(), message)
                .with_label("expects what can never come")
                .with_help(help)
        };
        let wrong: Vec<Diagnostic> = unknown.map(one).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// Asks the policy about the case's config, as a module that is given by itself.
#[must_use]
pub fn play(case: &Case, module: &Module, settings: Settings, spec: &Spec, facts: &Facts) -> Played {
    let terms = Terms { user_data: case.user_data, ..Terms::alone(&module.description().needs) };
    let policy = Policy::new(module.clone(), settings, terms);
    let circumstances = Circumstances { facts, waivers: &[], now: Timestamp::UNIX_EPOCH };
    let (actual, failure, calls) = match admit(spec, slice::from_ref(&policy), &circumstances) {
        Ok(admission) => {
            let changes = admission.decision.changes.iter().map(|change| Expected::Change {
                path: change.path.clone(),
                rule: Some(change.rule.clone()),
                from: change.old.as_ref().map(leaf),
                to: change.new.as_ref().map(leaf),
            });
            let source = spec.origins.source();
            let violations = admission.decision.violations.iter().map(|violation| Expected::Violation {
                rule: violation.rule.clone(),
                path: Some(violation.path.clone()),
                line: Some(source.position(spec.origins.nearest(&violation.path).start).line),
            });
            (changes.chain(violations).collect::<Vec<_>>(), None, admission.logs)
        }
        Err(error) => (vec![Expected::Failure { code: error.code().to_owned() }], Some(error), Vec::new()),
    };
    let fired = actual.iter().filter_map(Expected::rule).map(str::to_owned).collect();
    let diff = difference(&case.expected, &actual);
    Played { actual, fired, diff, failure, calls }
}

/// Whatever the order: what comes in another one is the same. What both have stands in it too, for whoever reads it.
fn difference(expected: &[Expected], actual: &[Expected]) -> Vec<DiffLine> {
    let mut left: Vec<&Expected> = actual.iter().collect();
    let mut met = Vec::with_capacity(expected.len());
    for one in expected {
        if let Some(at) = left.iter().position(|other| one.is(other)) {
            left.remove(at);
            met.push(one);
        }
    }
    if met.len() == expected.len() && left.is_empty() {
        return Vec::new();
    }
    let lines = |all: &mut dyn Iterator<Item = &Expected>| all.map(|one| format!("{one}\n")).collect::<String>();
    let (old, new) = (lines(&mut expected.iter()), lines(&mut met.into_iter().chain(left)));
    let sign = |tag| match tag {
        ChangeTag::Equal => Sign::Same,
        ChangeTag::Delete => Sign::Missing,
        ChangeTag::Insert => Sign::Unexpected,
    };
    TextDiff::from_lines(&old, &new)
        .iter_all_changes()
        .map(|change| DiffLine { sign: sign(change.tag()), text: change.value().trim_end().trim_start_matches('\u{0}').to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(rule: &str, line: Option<usize>) -> Expected {
        Expected::Violation { rule: rule.into(), path: None, line }
    }

    #[test]
    fn the_order_does_not_matter_and_the_number_does() {
        let (a, b) = (violation("a", Some(1)), violation("b", Some(2)));
        assert_eq!(difference(&[a.clone(), b.clone()], &[b.clone(), a.clone()]), []);
        assert_eq!(difference(&[violation("a", None)], std::slice::from_ref(&a)), []);
        let twice = difference(std::slice::from_ref(&a), &[a.clone(), a.clone()]);
        assert_eq!(twice.iter().filter(|line| line.sign == Sign::Unexpected).count(), 1);
        let signs: Vec<Sign> = difference(&[a.clone(), b], &[a, violation("c", Some(3))]).iter().map(|line| line.sign).collect();
        assert_eq!(signs, [Sign::Same, Sign::Missing, Sign::Unexpected]);
    }
}
