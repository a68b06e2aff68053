//! What came of a policy's cases as points that readers of test reports know: a suite a file of cases, one of the rules' coverage, one of configs that were
//! made up.

use anstream::adapter::strip_str;
use kaphost_findings::{TestEnd, TestPoint, TestSuite, TestSuites};
use kaphost_policy_kit::{DiffLine, Sign};

use super::test::{CaseReport, Outcome, TestReport, chain};

/// Every point of a run.
#[must_use]
pub(crate) fn of(report: &TestReport<'_>) -> TestSuites {
    let mut suites: Vec<TestSuite> = Vec::with_capacity(report.suites.len() + 2);
    for suite in report.suites {
        suites.push(TestSuite { name: suite.file.clone(), points: suite.cases.iter().map(point).collect() });
    }
    // Only where it can fail: what is merely said is said in the other forms.
    if report.whole {
        suites.push(TestSuite { name: "coverage of the rules".into(), points: report.coverage.rules.iter().map(rule).collect() });
    }
    if report.coverage.generated > 0 {
        suites.push(TestSuite { name: "configs that were made up".into(), points: made_up(report) });
    }
    TestSuites { name: format!("kaphost policy test {}", report.module.description().name), suites }
}

fn point(case: &CaseReport) -> TestPoint {
    let end = match &case.outcome {
        Outcome::Passed | Outcome::Updated(_) => TestEnd::Passed,
        Outcome::Differs { diff, failure } => {
            let count = |sign| diff.iter().filter(|line| line.sign == sign).count();
            let line = format!("line {}: {} missing, {} unexpected", case.line, count(Sign::Missing), count(Sign::Unexpected));
            let failure = failure.as_deref().map(|text| format!("\n{}", strip_str(text))).unwrap_or_default();
            TestEnd::Failed(line, format!("{}{failure}", diff.iter().map(marked).collect::<String>()))
        }
        Outcome::Broken(text) => TestEnd::Broken(format!("line {}: the case cannot be asked", case.line), strip_str(text).to_string()),
    };
    TestPoint { name: case.name.clone(), end }
}

fn marked(line: &DiffLine) -> String {
    let mark = match line.sign {
        Sign::Same => ' ',
        Sign::Missing => '-',
        Sign::Unexpected => '+',
    };
    format!("{mark} {}\n", line.text)
}

fn rule(rule: &kaphost_policy_kit::RuleCoverage) -> TestPoint {
    let told = match (rule.fired, rule.passed) {
        (0, _) => Some("no case makes it speak"),
        (_, 0) => Some("no case lets it pass"),
        _ => None,
    };
    let full = || match &rule.made_up {
        Some(changes) if rule.fired == 0 => format!("a config with {changes} does"),
        _ => "write a case for it".to_owned(),
    };
    let end = told.map_or(TestEnd::Passed, |line| TestEnd::Failed(line.to_owned(), full()));
    TestPoint { name: rule.id.clone(), end }
}

fn made_up(report: &TestReport<'_>) -> Vec<TestPoint> {
    let failures = &report.exploration.failures;
    if failures.is_empty() {
        return vec![TestPoint { name: format!("{} are answered", report.coverage.generated), end: TestEnd::Passed }];
    }
    let one = |failing: &kaphost_policy_kit::Failing| TestPoint {
        name: failing.changes.clone(),
        end: TestEnd::Failed(format!("the policy fails: {}", failing.error.code()), chain(&failing.error)),
    };
    failures.iter().map(one).collect()
}
