//! Diagnostics with their snippets, by miette.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::term;

/// One diagnostic, with a trailing newline.
#[must_use]
pub(crate) fn text(diagnostic: &dyn Diagnostic) -> String {
    let color = term::err_has_color();
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(term::width()).with_links(false).without_cause_chain();
    let mut out = String::new();
    // Writing into a string cannot fail; a diagnostic that cannot be drawn is still said.
    if handler.render_report(&mut out, diagnostic).is_err() {
        out = format!("{diagnostic}\n");
    }
    out
}
