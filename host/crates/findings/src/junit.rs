//! JUnit's XML: a suite a file, a case a cluster and rule. What denies is a failure, what could not be judged is an error, what is waived is
//! skipped, and what only advises passes with its text in the output: readers of JUnit know no warnings.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{Checked, Finding, Kind, Level, Outcome, Run, Unwritable};

/// The whole document.
pub(crate) fn junit(run: &Run) -> Result<String, Unwritable> {
    let mut report = Report::new(run.tool.name.clone());
    for checked in &run.checked {
        report.add_test_suite(suite(checked));
    }
    let mut text = report.to_string().map_err(|error| Unwritable(error.to_string()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn suite(checked: &Checked) -> TestSuite {
    let mut suite = TestSuite::new(checked.title());
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &checked.findings {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    for (rule, findings) in &by_rule {
        suite.add_test_case(case(rule, findings, checked));
    }
    if checked.outcome == Outcome::Passed && by_rule.values().flatten().all(|finding| finding.level < Level::Error) {
        let mut whole = TestCase::new("admitted", TestCaseStatus::success());
        whole.set_classname(checked.title());
        suite.add_test_case(whole);
    }
    suite
}

fn case(rule: &str, findings: &[&Finding], checked: &Checked) -> TestCase {
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
    let mut case = TestCase::new(rule, status);
    case.set_classname(checked.title());
    if passed {
        case.set_system_out(text);
    }
    case
}

fn located(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{}:{}:{}: {}", place.file, place.region.line, place.region.column, finding.full_text()),
        None => finding.full_text(),
    }
}
