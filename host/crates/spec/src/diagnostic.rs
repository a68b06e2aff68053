//! What is wrong with a config, where, why, and what to do: for people (through miette) and as plain data.

use std::fmt;
use std::sync::Arc;

use miette::{LabeledSpan, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::origin::{Position, Source};
use crate::unseen::named;
use crate::{Code, Span};

/// Whether a diagnostic keeps the file from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// Another place that a diagnostic speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Bytes in the config's text.
    pub span: Span,
    /// What is there: "first given here".
    pub label: String,
}

/// One mistake in a config. Values that came from `(env)` or `(file)` are never quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    source: Arc<Source>,
    code: Code,
    severity: Severity,
    message: String,
    span: Span,
    position: Position,
    label: String,
    help: Option<String>,
    related: Vec<Related>,
}

impl Diagnostic {
    /// An error at a place. `span` is cut to the text's bounds.
    #[must_use]
    pub fn new(code: Code, source: &Arc<Source>, span: Span, message: impl Into<String>) -> Self {
        let end = span.end.min(source.text.len());
        let span = span.start.min(end)..end;
        let position = source.position(span.start);
        Self::at(code, source, span, position, message.into())
    }

    /// As [`Self::new`], with a position that is already known and a span within the text.
    pub(crate) fn at(code: Code, source: &Arc<Source>, span: Span, position: Position, message: String) -> Self {
        let label = "here".to_owned();
        Self {
            source: Arc::clone(source),
            code,
            severity: Severity::Error,
            message,
            span,
            position,
            label,
            help: None,
            related: Vec::new(),
        }
    }

    /// What the snippet says at the place.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place too.
    #[must_use]
    pub fn with_related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related { span, label: label.into() });
        self
    }

    /// Makes it a warning.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The kind of mistake.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Whether it keeps the file from being used.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// One sentence: what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file, as the user calls it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The config.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Line and column of the start of [`Self::span`].
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Bytes in the config's text.
    #[must_use]
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// What the snippet says at the place.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Other places it speaks of.
    #[must_use]
    pub fn related(&self) -> &[Related] {
        &self.related
    }

    /// The part of a span on its first line, so that a mistake in a long text does not print all of it.
    fn first_line(&self, span: &Span) -> SourceSpan {
        let text = self.source.text.get(span.clone()).unwrap_or_default();
        let len = text.find(['\n', '\r']).unwrap_or(text.len());
        SourceSpan::new(span.start.into(), len)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let primary = LabeledSpan::new_primary_with_span(Some(self.label.clone()), self.first_line(&self.span));
        let related = self.related.iter().map(|r| LabeledSpan::new_with_span(Some(r.label.clone()), self.first_line(&r.span)));
        Some(Box::new(std::iter::once(primary).chain(related)))
    }
}

impl Serialize for Diagnostic {
    /// `code severity message file line column span label help related`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Diagnostic", 10)?;
        object.serialize_field("code", &self.code)?;
        object.serialize_field("severity", &self.severity)?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("file", self.file())?;
        object.serialize_field("line", &self.position.line)?;
        object.serialize_field("column", &self.position.column)?;
        object.serialize_field("span", &self.span)?;
        object.serialize_field("label", &self.label)?;
        object.serialize_field("help", &self.help)?;
        object.serialize_field("related", &self.related)?;
        object.end()
    }
}

/// Everything that is wrong with a file, in the order of its text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub(crate) const fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// The errors, and the warnings among them.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The mistakes of two files, one after the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.diagnostics.extend(other.diagnostics);
        self
    }

    /// The same, owned.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        let file = self.diagnostics.first().map_or("the config", Diagnostic::file);
        match errors {
            1 => write!(f, "{file} has a mistake"),
            _ => write!(f, "{file} has {errors} mistakes"),
        }
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.diagnostics.iter().map(|d| d as &dyn miette::Diagnostic)))
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, miette::MietteError> {
        let inner = self.drawn().read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            named(&self.name),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}
