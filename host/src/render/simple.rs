//! A problem, with or without a place in a config.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use kaphost_findings::{Finding, Kind, Level};
use kaphost_policy::visible;
use kaphost_spec::{ConfigSource, Origins, Path, Span};
use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde_json::{Value, json};

use crate::render::finding;

/// Longest message about a JSON text, in characters: serde repeats what it does not know.
const MESSAGE_CHARS: usize = 500;

/// Code, message, and what to do.
#[derive(Debug)]
pub(crate) struct Simple {
    code: String,
    message: String,
    causes: Vec<String>,
    help: Option<String>,
    place: Option<(Arc<ConfigSource>, Span)>,
    label: &'static str,
    warning: bool,
}

impl Simple {
    /// A problem.
    #[must_use]
    pub(crate) fn new(code: &str, message: String) -> Self {
        Self { code: code.to_owned(), message, causes: Vec::new(), help: None, place: None, label: "decided here", warning: false }
    }

    /// An error, with its chain of causes.
    #[must_use]
    pub(crate) fn of(code: &str, error: &dyn Error) -> Self {
        let mut problem = Self::new(code, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            problem.causes.push(error.to_string());
            cause = error.source();
        }
        problem
    }

    /// What to do.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The line of a config that it comes from: that of a value, or of the nearest node around it.
    #[must_use]
    pub(crate) fn at(mut self, origins: &Origins, path: &Path) -> Self {
        self.place = Some((Arc::clone(origins.source()), origins.nearest(path)));
        self
    }

    /// What serde says of a JSON text, at its line and column.
    #[must_use]
    pub(crate) fn of_json(code: &str, source: &Arc<ConfigSource>, error: &serde_json::Error) -> Self {
        let line_start = source.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        // serde counts bytes, from 1; at the end of a text it may point past it.
        let at = source.text.floor_char_boundary(line_start + error.column().saturating_sub(1)).min(source.text.len());
        let words = error.to_string();
        let message = visible(words.rsplit_once(" at line ").map_or(words.as_str(), |(message, _)| message), MESSAGE_CHARS);
        Self { place: Some((Arc::clone(source), at..at)), label: "here", ..Self::new(code, message) }
    }

    /// The place in a text that it is about.
    #[must_use]
    pub(crate) fn within(mut self, source: &Arc<ConfigSource>, span: &Span, label: &'static str) -> Self {
        self.place = Some((Arc::clone(source), span.clone()));
        self.label = label;
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub(crate) const fn into_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// As a finding of a check.
    #[must_use]
    pub(crate) fn finding(&self, kind: Kind) -> Finding {
        let level = if self.warning { Level::Warning } else { Level::Error };
        Finding {
            help: self.help.clone(),
            place: self.place.as_ref().map(|(source, span)| finding::place(source, span)),
            ..finding::plain(kind, level, self.code.clone(), self.to_string())
        }
    }

    /// `code message causes help`, and `file line column` where it has a place.
    #[must_use]
    pub(crate) fn json(&self) -> Value {
        let mut object = json!({ "code": self.code, "message": self.message, "causes": self.causes, "help": self.help });
        if let Some((source, span)) = &self.place {
            let position = source.position(span.start);
            object["file"] = json!(source.name);
            object["line"] = json!(position.line);
            object["column"] = json!(position.column);
        }
        object
    }
}

impl fmt::Display for Simple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl Error for Simple {}

impl Diagnostic for Simple {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.warning { miette::Severity::Warning } else { miette::Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|(source, _)| source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.place.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some(self.label.into()), span.clone()))))
    }
}
