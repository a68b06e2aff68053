//! JUnit's XML: a suite a file, a case a cluster and rule. What denies is a failure, what could not be judged is an error, what is waived is
//! skipped, and what only advises passes with its text in the output: readers of JUnit know no warnings.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::model::COMMON;
use crate::{Finding, Kind, Level, Outcome, Place, Run, Unwritable};

/// The whole document.
pub(crate) fn junit(run: &Run) -> Result<String, Unwritable> {
    let mut report = Report::new(run.tool.name.clone());
    if !run.common.is_empty() {
        report.add_test_suite(suite(COMMON, &run.common));
    }
    for checked in &run.checked {
        let title = checked.title();
        let mut suite = suite(&title, &checked.findings);
        // What holds no case reads as not run: so what stands in nobody's way has one that passes, and so has what nobody could judge.
        match checked.outcome {
            Outcome::Passed => suite.add_test_case(case("admitted", &title, TestCaseStatus::success())),
            Outcome::Untrusted | Outcome::Invalid if checked.findings.iter().all(|finding| finding.level < Level::Error) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_message("it could not be judged");
                suite.add_test_case(case("admitted", &title, status))
            }
            Outcome::Untrusted | Outcome::Denied | Outcome::Invalid => &mut suite,
        };
        report.add_test_suite(suite);
    }
    text(&report)
}

/// The document's text.
pub(crate) fn text(report: &Report) -> Result<String, Unwritable> {
    let mut text = report.to_string().map_err(|error| Unwritable(error.to_string()))?;
    // Jenkins's schema has this count on suites, and not on the whole. Nothing before it holds a text of somebody else's.
    text = text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn suite(title: &str, findings: &[Finding]) -> TestSuite {
    let mut suite = TestSuite::new(title);
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    for (rule, findings) in &by_rule {
        suite.add_test_case(of_rule(rule, findings, title));
    }
    suite
}

fn case(name: &str, title: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(title);
    case
}

fn of_rule(rule: &str, findings: &[&Finding], title: &str) -> TestCase {
    let text = findings.iter().map(|finding| located(finding)).collect::<Vec<_>>().join("\n\n");
    let first = findings.first().map_or("", |finding| finding.message.as_str());
    let failed = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(first).set_type(rule).set_description(text.clone());
        status
    };
    let status = if findings.iter().any(|finding| finding.level == Level::Error && finding.kind != Kind::Violation) {
        failed(NonSuccessKind::Error)
    } else if findings.iter().any(|finding| finding.level == Level::Error) {
        failed(NonSuccessKind::Failure)
    } else if findings.iter().any(|finding| finding.kind == Kind::Waived) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(text.clone());
        status
    } else {
        TestCaseStatus::success()
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    let mut case = case(rule, title, status);
    if passed {
        case.set_system_out(text);
    }
    case
}

fn located(finding: &Finding) -> String {
    match &finding.place {
        Some(Place { file, region: Some(region) }) => format!("{file}:{}:{}: {}", region.line, region.column, finding.full_text()),
        Some(Place { file, region: None }) => format!("{file}: {}", finding.full_text()),
        None => finding.full_text(),
    }
}
