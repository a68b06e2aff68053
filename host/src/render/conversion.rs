//! What a conversion found, for people and for programs.

use std::fmt;

use kaphost_convert::{ArgumentReport, Conversion, Finding, Outcome, Place, Severity};
use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde_json::{Value, json};

use crate::render::diagnostic;

/// A finding with its snippet.
#[derive(Debug)]
struct Located<'f>(&'f Finding);

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Located<'_> {}

impl Diagnostic for Located<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.0.code.as_str()))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.0.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|place| place.source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let Place { source, span } = self.0.place.as_ref()?;
        // A script of many lines is not to be printed whole.
        let text = source.text.get(span.clone()).unwrap_or_default();
        let first_line = span.start..span.start + text.find(['\n', '\r']).unwrap_or(text.len());
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some("here".into()), first_line))))
    }
}

/// Findings one after the other.
#[must_use]
pub(crate) fn findings(findings: &[Finding]) -> String {
    findings.iter().map(|finding| diagnostic::text(&Located(finding))).collect()
}

/// How it went, in a line for each cluster, and what is left to do.
#[must_use]
pub(crate) fn summary(conversion: &Conversion) -> String {
    let count = |outcome: fn(&Outcome) -> bool| conversion.arguments.iter().filter(|argument| outcome(&argument.outcome)).count();
    let carried = count(|outcome| matches!(outcome, Outcome::Carried(_)));
    let named = count(|outcome| matches!(outcome, Outcome::Named));
    let arguments = |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
    let mut text = format!("converted {}: {} carried over", conversion.clusters.join(", "), arguments(carried));
    if named > 0 {
        text.push_str(&format!(", {named} named above"));
    }
    text.push('\n');
    let errors = conversion.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        let values = if errors == 1 { "1 value is".to_owned() } else { format!("{errors} values are") };
        text.push_str(&format!("the config cannot be used until {values} mended; `kaphost check` points at each\n"));
    }
    text
}

fn place(object: &mut Value, place: Option<&Place>) {
    if let Some(place) = place {
        let position = place.position();
        object["file"] = json!(place.source.name);
        object["line"] = json!(position.line);
        object["column"] = json!(position.column);
    }
}

/// `code severity message help argument`, and `file line column` where it has a place.
#[must_use]
pub(crate) fn finding_json(finding: &Finding) -> Value {
    let mut object = json!({
        "code": finding.code.as_str(),
        "severity": finding.severity.as_str(),
        "message": finding.message,
        "help": finding.help,
        "argument": finding.argument,
    });
    place(&mut object, finding.place.as_ref());
    object
}

/// `module name outcome`, with `path` where it is carried over and `why` where nothing of it is needed, and `file line column`.
#[must_use]
pub(crate) fn argument_json(argument: &ArgumentReport) -> Value {
    let mut object = json!({ "module": argument.module, "name": argument.name });
    match argument.outcome {
        Outcome::Carried(path) => {
            object["outcome"] = json!("carried");
            object["path"] = json!(path);
        }
        Outcome::Named => object["outcome"] = json!("named"),
        Outcome::NotNeeded(why) => {
            object["outcome"] = json!("not-needed");
            object["why"] = json!(why);
        }
    }
    place(&mut object, Some(&argument.place));
    object
}
