//! What came of a policy's cases, as `kaphost policy test` shows it.

use kaphost_policy::Module;
use kaphost_policy_kit::{Coverage, DiffLine, Exploration, Sign};
use serde_json::{Value, json};

use super::grouped;
use crate::render::simple::Simple;
use crate::term::{self, BAD, CHANGED, FAINT, GOOD, STRONG, paint};

/// Everything that came of a run.
#[derive(Debug)]
pub(crate) struct TestReport<'a> {
    /// The policy.
    pub(crate) module: &'a Module,
    /// Each file of cases.
    pub(crate) suites: &'a [SuiteReport],
    /// What they leave out.
    pub(crate) coverage: &'a Coverage,
    /// What came of configs that nobody wrote.
    pub(crate) exploration: &'a Exploration,
    /// Whether rules that no case tries are a failure.
    pub(crate) whole: bool,
}

/// What came of one file of cases.
#[derive(Debug)]
pub(crate) struct SuiteReport {
    /// As the user named it.
    pub(crate) file: String,
    /// Each case, in order.
    pub(crate) cases: Vec<CaseReport>,
}

/// What came of one case.
#[derive(Debug)]
pub(crate) struct CaseReport {
    /// Its name.
    pub(crate) name: String,
    /// Where it stands in its file.
    pub(crate) line: usize,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of one case.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// What must.
    Passed,
    /// Something else, which is written down as what must by now.
    Updated(Vec<DiffLine>),
    /// Something else.
    Differs {
        /// From what must come to what came.
        diff: Vec<DiffLine>,
        /// The policy's failure in full, when it failed.
        failure: Option<String>,
    },
    /// It could not be asked: what is wrong with it, in full.
    Broken(String),
}

impl Outcome {
    const fn passed(&self) -> bool {
        matches!(self, Self::Passed | Self::Updated(_))
    }
}

impl TestReport<'_> {
    /// Whether nothing is to be mended.
    #[must_use]
    pub(crate) fn passed(&self) -> bool {
        self.failed() == 0 && self.exploration.failures.is_empty() && (!self.whole || self.coverage.is_whole())
    }

    fn cases(&self) -> impl Iterator<Item = &CaseReport> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }

    fn failed(&self) -> usize {
        self.cases().filter(|case| !case.outcome.passed()).count()
    }
}

/// For people.
#[must_use]
pub(crate) fn text(report: &TestReport<'_>) -> String {
    let mut out = String::new();
    for suite in report.suites {
        out.push_str(&format!("{}\n", paint(STRONG, &suite.file)));
        for case in &suite.cases {
            one(&mut out, case);
        }
    }
    let updated = report.cases().filter(|case| matches!(case.outcome, Outcome::Updated(_))).count();
    let (all, failed) = (report.cases().count(), report.failed());
    let mut parts = vec![paint(GOOD, format_args!("{} passed", all - failed - updated))];
    if updated > 0 {
        parts.push(paint(CHANGED, format_args!("{updated} written down anew")));
    }
    if failed > 0 {
        parts.push(paint(BAD, format_args!("{failed} failed")));
    }
    out.push_str(&format!("\n{all} {}: {}\n", if all == 1 { "case" } else { "cases" }, parts.join(", ")));
    coverage(&mut out, report);
    for failing in &report.exploration.failures {
        out.push_str(&format!("\n{} on a config that was made up: {}\n", paint(BAD, "fails"), failing.changes));
        wrapped(&mut out, &format!("{}: {}", failing.error.code(), chain(&failing.error)), 4);
    }
    out
}

/// An error with its causes, in one line.
#[must_use]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

fn one(out: &mut String, case: &CaseReport) {
    let mark = match case.outcome {
        Outcome::Passed => paint(GOOD, "✓"),
        Outcome::Updated(_) => paint(CHANGED, "↻"),
        Outcome::Differs { .. } | Outcome::Broken(_) => paint(BAD, "✗"),
    };
    let line = if case.outcome.passed() { String::new() } else { paint(FAINT, format_args!("  line {}", case.line)) };
    out.push_str(&format!("  {mark} {}{line}\n", case.name));
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Updated(diff) => lines(out, diff),
        Outcome::Differs { diff, failure } => {
            lines(out, diff);
            indented(out, failure.as_deref().unwrap_or_default());
        }
        Outcome::Broken(text) => indented(out, text),
    }
}

fn indented(out: &mut String, text: &str) {
    for line in text.lines() {
        out.push_str(format!("      {line}").trim_end());
        out.push('\n');
    }
}

fn lines(out: &mut String, diff: &[DiffLine]) {
    for DiffLine { sign, text } in diff {
        let (mark, style) = match sign {
            Sign::Same => (' ', FAINT),
            Sign::Missing => ('-', BAD),
            Sign::Unexpected => ('+', GOOD),
        };
        out.push_str(&format!("      {}\n", paint(style, format_args!("{mark} {text}"))));
    }
}

fn coverage(out: &mut String, report: &TestReport<'_>) {
    let coverage = report.coverage;
    let made_up = grouped(coverage.generated as u64);
    let width = coverage.rules.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    out.push_str(&format!("\n{}\n", paint(STRONG, "Rules")));
    for rule in &coverage.rules {
        out.push_str(&format!("  {:width$}  spoke in {}, passed in {}\n", rule.id, cases(rule.fired), cases(rule.passed)));
        match (&rule.made_up, rule.fired, rule.passed) {
            (Some(changes), 0, _) => wrapped(out, &format!("no case makes it speak; a config with {changes} does"), 6),
            (None, 0, _) if coverage.generated == 0 => wrapped(out, "no case makes it speak", 6),
            (None, 0, _) => {
                wrapped(out, &format!("no case makes it speak, and it was not seen to by {made_up} configs that were made up"), 6)
            }
            (_, _, 0) => wrapped(out, "no case lets it pass", 6),
            _ => {}
        }
    }
    let alike: Vec<&str> = coverage.settings.iter().filter(|one| one.values < 2).map(|one| one.name.as_str()).collect();
    if !alike.is_empty() {
        out.push_str(&format!("{}\n", paint(STRONG, "Settings that no case varies")));
        wrapped(out, &alike.join(", "), 2);
    }
    let alike: Vec<&str> = coverage.fields.iter().filter(|one| one.values < 2).map(|one| one.field.as_str()).collect();
    if !alike.is_empty() {
        out.push_str(&format!("{}\n", paint(STRONG, "Fields that make a difference, and that no case varies")));
        wrapped(out, &alike.join(", "), 2);
    }
    let name = &report.module.description().name;
    if coverage.generated > 0 && report.exploration.failures.is_empty() {
        let fields = match coverage.fields.len() {
            1 => "1 field makes".to_owned(),
            count => format!("{count} fields make"),
        };
        let text = format!("{name} answered {made_up} configs that were made up at the edges; {fields} a difference to it");
        out.push('\n');
        wrapped(out, &text, 0);
    }
}

fn cases(count: usize) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}

fn wrapped(out: &mut String, text: &str, indent: usize) {
    for line in textwrap::wrap(text, term::width().saturating_sub(indent)) {
        out.push_str(&format!("{:indent$}{}\n", "", paint(FAINT, line)));
    }
}

/// For programs.
#[must_use]
pub(crate) fn json(report: &TestReport<'_>) -> Value {
    let description = report.module.description();
    let mut problems = Vec::new();
    let mut add = |count: usize, code: &str, message: String, help: &str| {
        if count > 0 {
            problems.push(Simple::new(code, message).with_help(help).json());
        }
    };
    let failed = report.failed();
    add(
        failed,
        "cases",
        format!("{failed} of {} cases do not come out", report.cases().count()),
        "mend the policy, or `--update` the cases",
    );
    let failures = report.exploration.failures.len();
    add(
        failures,
        "generated",
        "the policy fails on configs that are valid".into(),
        "let it answer: what is wrong with a config is a violation",
    );
    let untried = if report.whole { report.coverage.untried().count() } else { 0 };
    add(untried, "coverage", format!("{untried} rules do not both speak and pass in a case"), "write a case for each");
    json!({
        "problems": problems,
        "policy": { "name": description.name, "version": description.version, "sha256": report.module.digest(), "file": report.module.source() },
        "suites": report.suites.iter().map(suite_json).collect::<Vec<_>>(),
        "coverage": report.coverage,
        "whole": report.coverage.is_whole(),
        "generated-failures": report.exploration.failures.iter().map(|failing| json!({
            "changes": failing.changes, "code": failing.error.code(), "message": chain(&failing.error),
        })).collect::<Vec<_>>(),
    })
}

fn suite_json(suite: &SuiteReport) -> Value {
    json!({ "file": suite.file, "cases": suite.cases.iter().map(case_json).collect::<Vec<_>>() })
}

fn case_json(case: &CaseReport) -> Value {
    let (outcome, diff, problem) = match &case.outcome {
        Outcome::Passed => ("passed", None, None),
        Outcome::Updated(diff) => ("updated", Some(diff), None),
        Outcome::Differs { diff, failure } => ("failed", Some(diff), failure.as_ref()),
        Outcome::Broken(text) => ("broken", None, Some(text)),
    };
    json!({ "name": case.name, "line": case.line, "outcome": outcome, "diff": diff, "problem": problem })
}
