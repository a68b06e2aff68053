//! What came of tests, rather than of a check: suites of cases, as JUnit's XML and as TAP.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use serde_json::json;

use crate::{Unwritable, junit, tap};

/// Every suite of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSuites {
    /// What was tested, and by what: `kaphost policy test`.
    pub name: String,
    /// In order.
    pub suites: Vec<TestSuite>,
}

/// Cases that belong together: those of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSuite {
    /// The file, or what else they have in common.
    pub name: String,
    /// In order.
    pub points: Vec<TestPoint>,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPoint {
    /// What it is called.
    pub name: String,
    /// What came of it.
    pub end: TestEnd,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestEnd {
    /// What must.
    Passed,
    /// Something else: in a line, and in full.
    Failed(String, String),
    /// It could not be tried: in a line, and in full.
    Broken(String, String),
}

impl TestSuites {
    /// JUnit's XML in Jenkins's dialect: a suite a file. What came out otherwise is a failure, what could not be tried an error.
    ///
    /// # Errors
    /// None that can happen; see [`Unwritable`].
    pub fn junit(&self) -> Result<String, Unwritable> {
        let mut report = Report::new(self.name.clone());
        for suite in &self.suites {
            let mut written = quick_junit::TestSuite::new(suite.name.clone());
            for point in &suite.points {
                let mut case = TestCase::new(point.name.clone(), status(&point.end));
                case.set_classname(suite.name.clone());
                written.add_test_case(case);
            }
            report.add_test_suite(written);
        }
        junit::text(&report)
    }

    /// The Test Anything Protocol 14: a test point a case, what is wrong as its YAML block, which is JSON.
    #[must_use]
    pub fn tap(&self) -> String {
        let points = || self.suites.iter().flat_map(|suite| suite.points.iter().map(move |point| (suite.name.as_str(), point)));
        let mut text = format!("TAP version 14\n1..{}\n", points().count());
        for (index, (suite, point)) in points().enumerate() {
            let title = tap::description(&format!("{suite}: {}", point.name));
            let (verdict, severity, said) = match &point.end {
                TestEnd::Passed => ("ok", "", None),
                TestEnd::Failed(line, full) => ("not ok", "fail", Some((line, full))),
                TestEnd::Broken(line, full) => ("not ok", "error", Some((line, full))),
            };
            text.push_str(&format!("{verdict} {} - {title}\n", index + 1));
            if let Some((line, full)) = said {
                let block = [("message", json!(line)), ("severity", json!(severity)), ("text", json!(full))];
                let lines: String = block.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
                text.push_str(&format!("  ---\n{lines}  ...\n"));
            }
        }
        text
    }
}

fn status(end: &TestEnd) -> TestCaseStatus {
    let (kind, line, full) = match end {
        TestEnd::Passed => return TestCaseStatus::success(),
        TestEnd::Failed(line, full) => (NonSuccessKind::Failure, line, full),
        TestEnd::Broken(line, full) => (NonSuccessKind::Error, line, full),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(line.clone()).set_description(full.clone());
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> TestSuites {
        let point = |name: &str, end: TestEnd| TestPoint { name: name.into(), end };
        let failed = TestEnd::Failed("another answer".into(), "- a\n+ b \u{1b}".into());
        let broken = TestEnd::Broken("no such file".into(), "absent.kdl".into());
        let suite = |name: &str, points| TestSuite { name: name.into(), points };
        let suites = vec![
            suite("a.kdl", vec![point("one #1", TestEnd::Passed), point("two <2>", failed)]),
            suite("b.kdl", vec![point("three\nlines", broken)]),
        ];
        TestSuites { name: "kaphost policy test".into(), suites }
    }

    #[test]
    fn junit_tells_failures_from_errors() {
        let text = run().junit().unwrap();
        let parts = [
            r#"tests="3" failures="1" errors="1""#,
            r#"classname="a.kdl""#,
            "two &lt;2&gt;",
            r#"<failure message="another answer">"#,
            r#"<error message="no such file">"#,
            "- a\n+ b",
        ];
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn tap_has_a_point_a_case_on_one_line() {
        assert_eq!(
            run().tap(),
            "TAP version 14\n1..3\nok 1 - a.kdl: one \\#1\n\
             not ok 2 - a.kdl: two <2>\n  ---\n  message: \"another answer\"\n  severity: \"fail\"\n  text: \"- a\\n+ b \\u001b\"\n  ...\n\
             not ok 3 - b.kdl: three lines\n  ---\n  message: \"no such file\"\n  severity: \"error\"\n  text: \"absent.kdl\"\n  ...\n"
        );
    }
}
