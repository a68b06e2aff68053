//! What is wrong, as findings: what every format that programs read is made of.

use kaphost_findings::{Finding, Kind, Level, Place, Region};
use kaphost_policy::PolicyError;
use kaphost_spec::{ConfigSource, Diagnostic, Severity, Span};

use crate::failure::Failure;
use crate::render::simple::Simple;

/// A finding that says no more than what is wrong.
#[must_use]
pub(crate) fn plain(kind: Kind, level: Level, rule: String, message: String) -> Finding {
    Finding {
        kind,
        level,
        rule,
        policy: None,
        severity: None,
        path: None,
        message,
        help: None,
        url: None,
        about: None,
        place: None,
        written_by: None,
        waiver: None,
    }
}

/// A place in a text.
#[must_use]
pub(crate) fn place(source: &ConfigSource, span: &Span) -> Place {
    let (start, end) = (source.position(span.start), source.position(span.end));
    let region = Region { line: start.line, column: start.column, end_line: end.line, end_column: end.column };
    Place { file: source.name.clone(), region: Some(region) }
}

/// A mistake, or something odd, in a text of ours.
#[must_use]
pub(crate) fn of_diagnostic(diagnostic: &Diagnostic, kind: Kind) -> Finding {
    let level = match diagnostic.severity() {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
    };
    Finding {
        help: diagnostic.help().map(str::to_owned),
        about: Some(diagnostic.code().explanation().to_owned()),
        place: Some(place(diagnostic.source(), diagnostic.span())),
        ..plain(kind, level, diagnostic.code().to_string(), diagnostic.message().to_owned())
    }
}

/// Everything that a failure says, but for what a decision says already.
#[must_use]
pub(crate) fn of_failure(failure: &Failure) -> Vec<Finding> {
    let problems = |problems: &[Simple], kind| problems.iter().map(|problem| problem.finding(kind)).collect::<Vec<_>>();
    match failure {
        Failure::Config(report) => report.diagnostics().iter().map(|one| of_diagnostic(one, Kind::Config)).collect(),
        Failure::Untrusted { mistakes, problems: more } => {
            let mistakes = mistakes.iter().map(|one| of_diagnostic(one, Kind::Set));
            mistakes.chain(problems(more, Kind::Policy)).collect()
        }
        Failure::FactsMoved(moved) => problems(moved, Kind::Policy),
        Failure::Unplannable(unfit) | Failure::Unfit(unfit) => problems(unfit, Kind::Config),
        Failure::Policy(error) => {
            let mut findings = problems(&failure.problems(), Kind::Policy);
            // What cannot be loaded is about its file, whatever was to be checked with it.
            if let PolicyError::Load { policy: file, .. } | PolicyError::Description { policy: file, .. } = error.as_ref() {
                findings.iter_mut().for_each(|finding| finding.place = Some(Place { file: file.to_owned(), region: None }));
            }
            findings
        }
        Failure::Denied { .. } | Failure::Strict { .. } => Vec::new(),
        _ => problems(&failure.problems(), Kind::Config),
    }
}
