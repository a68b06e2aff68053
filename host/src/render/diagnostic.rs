//! Diagnostics with their snippets, by miette.

use std::fmt;

use kaphost_policy::visible;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};
use textwrap::{WordSeparator, WordSplitter};

use crate::term;

/// One diagnostic, with an empty line after it: its first line is its code, which would else read as the end of the one before.
#[must_use]
pub(crate) fn text(diagnostic: &dyn Diagnostic) -> String {
    let color = term::err_has_color();
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    // An address that is broken over two lines, at a hyphen or anywhere else, is of no use.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(term::width())
        .with_links(false)
        .with_break_words(false)
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation)
        .without_cause_chain();
    let mut out = String::new();
    // Writing into a string cannot fail; a diagnostic that cannot be drawn is still said.
    if handler.render_report(&mut out, &Seen(diagnostic)).is_err() {
        out = format!("{}\n", Seen(diagnostic));
    }
    out.push('\n');
    out
}

/// A diagnostic with everything invisible in its words made visible: they quote names of files, and what others wrote into records and sets. The source answers for what it shows.
#[derive(Debug)]
struct Seen<'d>(&'d dyn Diagnostic);

/// Line by line.
fn seen(text: impl fmt::Display) -> String {
    text.to_string().split('\n').map(|line| visible(line, usize::MAX)).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&seen(self.0))
    }
}

impl std::error::Error for Seen<'_> {}

impl Diagnostic for Seen<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.0.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help().map(|help| Box::new(seen(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let one = |mut span: LabeledSpan| {
            span.set_label(span.label().map(seen));
            span
        };
        Some(Box::new(self.0.labels()?.map(one)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kaphost_spec::ConfigSource;

    use super::*;
    use crate::render::simple::Simple;

    /// Whoever wrote a file, or called it so, says nothing to the terminal.
    #[test]
    fn nothing_of_anybodys_reaches_the_terminal_as_more_than_letters() {
        let bad = "\u{1b}[41mx\u{9b}2J\u{202e}\r\u{7}";
        let source = Arc::new(ConfigSource::new(format!("{bad}\n.kdl"), format!("one {bad}\r\ntwo {bad} three\n")));
        let problem = Simple::new("code", format!("`{bad}` is odd")).with_help(format!("leave {bad}\nhttps://example.com"));
        let said = text(&problem.within(&source, &(4..5), "here"));
        insta::assert_snapshot!(said);
        assert!(said.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{said:?}");
    }
}
