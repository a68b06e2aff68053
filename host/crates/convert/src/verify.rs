//! Reads the written config as kaphost will, and blames what it refuses on the Terraform files.

use std::ops::Range;

use kaphost_spec::{ConfigSource, Lookup, Severity as SpecSeverity, parse};

use crate::finding::{Code, Finding, Place, Severity};
use crate::kdl::{Meaning, PLACEHOLDER};

/// Files are there when the config is used, except those that nobody has named yet.
struct Assumed;

impl Lookup for Assumed {
    fn env(&self, _: &str) -> Result<String, String> {
        Err("is not read by a converted config".to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        if path.starts_with(PLACEHOLDER) { Err("is a placeholder".to_owned()) } else { Ok("#!/bin/sh\n".to_owned()) }
    }
}

/// What kaphost refuses of the text, apart from placeholders, which are known. `module` is blamed for what no argument says.
pub(crate) fn refused(text: &str, meanings: &[(Range<usize>, Meaning)], module: Option<&Place>) -> Vec<Finding> {
    let Err(report) = parse(ConfigSource::new("converted.kdl", text), &Assumed) else { return Vec::new() };
    let mut findings = Vec::new();
    for diagnostic in report.diagnostics().iter().filter(|diagnostic| diagnostic.severity() == SpecSeverity::Error) {
        let (argument, place) = match blamed(text, meanings, diagnostic.span().start) {
            Some(Meaning::Placeholder) => continue,
            Some(Meaning::Said { argument, place }) => (Some(argument.clone()), Some(place.clone())),
            None => (None, module.cloned()),
        };
        let subject = argument.as_ref().map_or_else(String::new, |argument| format!("`{argument}`: "));
        findings.push(Finding {
            code: Code::RefusedValue,
            severity: Severity::Error,
            message: format!("{subject}kaphost refuses it: {}", diagnostic.message()),
            help: diagnostic.help().unwrap_or("mend it in the config").to_owned(),
            argument,
            place,
        });
    }
    findings
}

/// The value at a byte of the text; else, what is missing being told of the node and what clashes of one of two values, the next that an argument
/// said on the line, and then any on it.
fn blamed<'m>(text: &str, meanings: &'m [(Range<usize>, Meaning)], at: usize) -> Option<&'m Meaning> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line_end = text.get(at..)?.find('\n').map_or(text.len(), |length| at + length);
    let is_said = |meaning: &Meaning| matches!(meaning, Meaning::Said { .. });
    let within = |from: usize| meanings.iter().find(move |(range, meaning)| (from..line_end).contains(&range.start) && is_said(meaning));
    let exact = meanings.iter().find(|(range, _)| range.contains(&at));
    exact.or_else(|| within(at)).or_else(|| within(line_start)).map(|(_, meaning)| meaning)
}
