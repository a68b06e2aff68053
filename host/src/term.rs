//! The terminal: what kaphost knows of the place it prints to. The only module that touches standard streams.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// `--color`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Sets what both streams do from here on.
    pub(crate) fn install(self) {
        match self {
            Self::Auto => {}
            Self::Always => ColorChoice::Always.write_global(),
            Self::Never => ColorChoice::Never.write_global(),
        }
    }
}

/// Added things.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Changed things.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Removed things, and what went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Headings.
pub(crate) const STRONG: Style = Style::new().bold();
/// Names of policies and rules.
pub(crate) const POLICY: Style = AnsiColor::Cyan.on_default();

/// Text in a style.
#[must_use]
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Why a result did not get out, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Writes a result. A closed pipe is the reader's right and ends the output quietly; whatever else keeps it from getting out is remembered: see [`lost`].
pub(crate) fn out(text: &str) {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => drop(LOST.set(error.to_string())),
        _ => {}
    }
}

/// Why a result, or a part of it, did not get out: a full disk, for one.
#[must_use]
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Writes a diagnostic.
pub(crate) fn err(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Whether diagnostics may be in colour.
#[must_use]
pub(crate) fn err_has_color() -> bool {
    // Golden files hold what is plain, wherever the tests are run.
    !cfg!(test) && anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// Whether somebody watches the diagnostics live.
#[must_use]
pub(crate) fn err_is_live() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal: `COLUMNS` when set, else what the terminal says, else 80; 40 to 160.
#[must_use]
pub(crate) fn width() -> usize {
    if cfg!(test) {
        return 80;
    }
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    said.or_else(asked).unwrap_or(80).clamp(40, 160)
}

/// A line, broken between words where it is longer than the terminal is wide, and going on under its text: a terminal breaks it within a name.
#[must_use]
pub(crate) fn hanging(line: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let options = textwrap::Options::new(width())
        .subsequent_indent(&indent)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::wrap(line, options).join("\n") + "\n"
}

/// Whether there is anybody to answer a question.
#[must_use]
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks a question whose only good answer is `yes`.
///
/// # Errors
/// When standard input cannot be read.
pub(crate) fn confirm(question: &str) -> std::io::Result<bool> {
    err(&format!("{question} Only {} is taken for it: ", paint(STRONG, "yes")));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_under_its_text() {
        let name = "wait-for-capacity-of-the-group";
        let line = format!("  1/8 ✓ {name} {name} {name}");
        assert_eq!(hanging(&line, 8), format!("  1/8 ✓ {name} {name}\n        {name}\n"));
        assert_eq!(hanging("  short  40 ms", 8), "  short  40 ms\n");
    }
}
