//! Diagnostics with their snippets, by miette.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
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
    if handler.render_report(&mut out, diagnostic).is_err() {
        out = format!("{diagnostic}\n");
    }
    out.push('\n');
    out
}
