//! Rows of a plan: a sign, a name, a value that is, was, or becomes another, and who wanted it in the margin.

use anstyle::Style;
use kaphost_plan::ChangeKind;
use textwrap::{WordSeparator, WordSplitter};

use crate::term::{self, BAD, CHANGED, FAINT, GOOD, paint};

/// Wider than this a line is hard to follow, however wide the terminal is.
const WIDEST: usize = 100;
/// Names longer than this stand on a line of their own.
const LABEL: usize = 42;
/// Where the rows of a resource begin.
const INDENT: usize = 4;

/// What happens, and in which colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sign(pub(super) char, pub(super) Style);

impl Sign {
    pub(super) const fn of(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Create => Self('+', GOOD),
            ChangeKind::Update => Self('~', CHANGED),
            ChangeKind::Delete => Self('-', BAD),
        }
    }
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) sign: Option<Sign>,
    pub(super) label: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
    /// Who wanted it, when a policy did.
    pub(super) blame: Option<String>,
}

impl Row {
    /// A value that nothing happens to but that it is there.
    pub(super) fn said(label: &str, value: String) -> Self {
        Self { sign: None, label: label.to_owned(), old: None, new: Some(value), blame: None }
    }

    /// The value in pieces that stay together, each with its colour.
    fn pieces(&self) -> Vec<(String, Option<Style>)> {
        match (&self.old, &self.new) {
            (None, None) => Vec::new(),
            (None, Some(new)) => vec![(new.clone(), None)],
            (Some(old), None) => vec![(old.clone(), Some(BAD)), ("goes".to_owned(), Some(FAINT))],
            (Some(old), Some(new)) => vec![(old.clone(), Some(BAD)), (format!("→ {new}"), Some(GOOD))],
        }
    }
}

/// Rows under one another, names and margin aligned. A text for each, which may be several lines.
pub(super) fn table(rows: &[Row]) -> Vec<String> {
    let width = term::width().min(WIDEST);
    let label = rows.iter().map(|row| columns(&row.label)).filter(|columns| *columns <= LABEL).max().unwrap_or(0);
    let margin = rows.iter().filter_map(|row| row.blame.as_ref()).map(|by| columns(by) + 2).max();
    let margin = margin.map(|widest| width.saturating_sub(widest));
    rows.iter().map(|row| one(row, label, margin, width)).collect()
}

fn one(row: &Row, label: usize, margin: Option<usize>, width: usize) -> String {
    let start = INDENT + 2 + label + 2;
    let sign = row.sign.map_or_else(|| " ".to_owned(), |Sign(sign, style)| paint(style, sign));
    let mut lines = vec![Line::new(format!("{}{sign} {}", " ".repeat(INDENT), row.label), INDENT + 2 + columns(&row.label))];
    let room = width.saturating_sub(start).max(20);
    for (at, (text, style)) in row.pieces().into_iter().enumerate() {
        for (part, piece) in textwrap::wrap(&text, lines_of(room)).iter().enumerate() {
            let here = lines.last().map_or(0, |line| line.columns);
            // The first word of a value stands beside its name, the next piece beside the one before, as long as there is room.
            let beside = if at == 0 { start } else { here + 1 };
            let first = part == 0 && here < beside && beside + columns(piece) <= width;
            let column = if first { beside } else { start };
            if !first {
                lines.push(Line::new(String::new(), 0));
            }
            if let Some(line) = lines.last_mut() {
                line.put(column, piece, style);
            }
        }
    }
    if let (Some(by), Some(margin)) = (&row.blame, margin) {
        let by = format!("# {by}");
        let fits = |line: &Line| line.columns + 2 + columns(&by) <= width;
        // At the margin, right of it where the value reaches into it, and below where it reaches further.
        if !lines.last().is_some_and(fits) {
            lines.push(Line::new(String::new(), 0));
        }
        if let Some(line) = lines.last_mut() {
            let column = margin.max(line.columns + 2).min(width.saturating_sub(columns(&by)).max(line.columns + 2));
            line.put(column, &by, Some(FAINT));
        }
    }
    lines.into_iter().map(|line| line.text + "\n").collect()
}

/// A line in the making, with how far it reaches: colours take no room.
struct Line {
    text: String,
    columns: usize,
}

impl Line {
    const fn new(text: String, columns: usize) -> Self {
        Self { text, columns }
    }

    fn put(&mut self, column: usize, text: &str, style: Option<Style>) {
        self.text.push_str(&" ".repeat(column.saturating_sub(self.columns)));
        self.text.push_str(&style.map_or_else(|| text.to_owned(), |style| paint(style, text)));
        self.columns = column.max(self.columns) + columns(text);
    }
}

fn columns(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// A long text on several lines.
pub(super) fn folded(text: &str, first: &str, others: &str) -> String {
    let options = lines_of(term::width().min(WIDEST)).initial_indent(first).subsequent_indent(others);
    textwrap::fill(text, options) + "\n"
}

/// Lines of a width, broken at spaces where they can be: a name that is broken at a hyphen is not to be copied.
fn lines_of<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width).word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, old: Option<&str>, new: Option<&str>, blame: Option<&str>) -> Row {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Row { sign: Some(Sign::of(ChangeKind::Update)), label: label.to_owned(), old: own(old), new: own(new), blame: own(blame) }
    }

    fn plain(rows: &[Row]) -> String {
        anstream::adapter::strip_str(&table(rows).concat()).to_string()
    }

    #[test]
    fn names_values_and_margin_are_aligned_and_nothing_is_wider_than_it_may_be() {
        let long = "subnet-0aaaaaaaaaaaaaaaa subnet-0bbbbbbbbbbbbbbbb subnet-0cccccccccccccccc";
        let shown = plain(&[
            row("tenancy", Some("default"), Some("dedicated"), Some("org: dedicated-tenancy")),
            row("subnets", Some(long), Some(long), Some("subnets: a-rule-of-a-very-long-name")),
            row("devices[\"/dev/sda1\"].delete-on-termination-and-more", None, Some("true"), None),
            row("key", Some("ops"), None, None),
        ]);
        insta::assert_snapshot!(shown, @r#"
        ~ tenancy  default → dedicated         # org: dedicated-tenancy
        ~ subnets  subnet-0aaaaaaaaaaaaaaaa subnet-0bbbbbbbbbbbbbbbb
                   subnet-0cccccccccccccccc
                   → subnet-0aaaaaaaaaaaaaaaa subnet-0bbbbbbbbbbbbbbbb
                   subnet-0cccccccccccccccc    # subnets: a-rule-of-a-very-long-name
        ~ devices["/dev/sda1"].delete-on-termination-and-more
                   true
        ~ key      ops goes
        "#);
        assert!(shown.lines().all(|line| columns(line) <= 80), "{shown}");
    }
}
