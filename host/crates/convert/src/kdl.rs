//! Writes KDL, and remembers which bytes stand for which place of the Terraform files.

use std::fmt::Write as _;
use std::ops::Range;

use crate::finding::Place;

const INDENT: &str = "    ";
/// Hash signs around a raw text; kaphost reads no more than 16.
const MAX_HASHES: usize = 8;

/// What some bytes of the KDL stand for.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// A value, from this argument at this place.
    Said { argument: String, place: Place },
    /// Nothing yet: what is missing has been reported.
    Placeholder,
}

/// A value in KDL's spelling.
#[derive(Clone, Debug)]
pub(crate) struct Fragment {
    kdl: String,
    meaning: Option<Meaning>,
}

impl Fragment {
    /// KDL as it is, of the converter's own.
    pub(crate) fn own(kdl: impl Into<String>) -> Self {
        Self { kdl: kdl.into(), meaning: None }
    }

    /// What a placeholder says: kaphost refuses it wherever it stands.
    pub(crate) fn placeholder(argument: &str) -> Self {
        Self { kdl: quoted(&format!("{PLACEHOLDER}{argument}")), meaning: Some(Meaning::Placeholder) }
    }

    /// KDL for the value of an argument.
    pub(crate) fn said(kdl: String, argument: &str, place: &Place) -> Self {
        Self { kdl, meaning: Some(Meaning::Said { argument: argument.to_owned(), place: place.clone() }) }
    }

    /// With an annotation before it: `(file)`.
    pub(crate) fn annotated(mut self, annotation: &str) -> Self {
        self.kdl = format!("({annotation}){}", self.kdl);
        self
    }
}

/// How a placeholder starts: no name, id, word or number of a config does.
pub(crate) const PLACEHOLDER: &str = "REPLACE-WITH-";

/// One node in the making.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    parts: Vec<(String, Option<Fragment>)>,
    remark: Option<String>,
}

impl Line {
    pub(crate) fn new(node: &str) -> Self {
        Self { parts: vec![(node.to_owned(), None)], remark: None }
    }

    pub(crate) fn argument(mut self, value: Fragment) -> Self {
        self.parts.push((" ".to_owned(), Some(value)));
        self
    }

    pub(crate) fn property(mut self, name: &str, value: Fragment) -> Self {
        self.parts.push((format!(" {name}="), Some(value)));
        self
    }

    /// The property, when there is a value for it.
    pub(crate) fn maybe(self, name: &str, value: Option<Fragment>) -> Self {
        match value {
            Some(value) => self.property(name, value),
            None => self,
        }
    }

    /// Whether there is more than the node's name.
    pub(crate) fn says_something(&self) -> bool {
        self.parts.len() > 1
    }

    /// A comment behind the node.
    pub(crate) fn remark(self, text: impl Into<String>) -> Self {
        self.maybe_remark(Some(text.into()))
    }

    /// A comment behind the node, when there is something to say.
    pub(crate) fn maybe_remark(mut self, text: Option<String>) -> Self {
        self.remark = text;
        self
    }
}

/// The text so far.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
    depth: usize,
    meanings: Vec<(Range<usize>, Meaning)>,
    /// Comments for what could not be carried over, to go before the next node.
    pending: Vec<String>,
}

impl Writer {
    /// A comment before the next node.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.pending.push(text.into());
    }

    /// The comments that no node has followed yet.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.pending)
    }

    /// A comment on a line of its own.
    pub(crate) fn comment(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}// {}", INDENT.repeat(self.depth), one_line(text));
    }

    pub(crate) fn empty_line(&mut self) {
        self.text.push('\n');
    }

    /// A node without a block.
    pub(crate) fn node(&mut self, line: Line) {
        self.line(line, "");
    }

    /// A node with a block; `close` ends it.
    pub(crate) fn open(&mut self, line: Line) {
        self.line(line, " {");
        self.depth += 1;
    }

    pub(crate) fn close(&mut self) {
        self.flush();
        self.depth = self.depth.saturating_sub(1);
        let _ = writeln!(self.text, "{}}}", INDENT.repeat(self.depth));
    }

    /// A node with a long text: on lines of its own where it has several.
    pub(crate) fn long_text(&mut self, node: &str, text: &str, argument: &str, place: &Place, remark: Option<String>) {
        let kdl = self.long(text);
        if let Some(remark) = remark {
            self.note(remark);
        }
        self.node(Line::new(node).argument(Fragment::said(kdl, argument, place)));
    }

    /// As [`Self::long_text`], of the writer's own.
    pub(crate) fn own_text(&mut self, node: &str, text: &str) {
        let kdl = self.long(text);
        self.node(Line::new(node).argument(Fragment::own(kdl)));
    }

    fn long(&self, text: &str) -> String {
        block(text, &INDENT.repeat(self.depth + 1)).unwrap_or_else(|| quoted(text))
    }

    fn flush(&mut self) {
        for note in self.take_notes() {
            self.comment(&note);
        }
    }

    fn line(&mut self, line: Line, end: &str) {
        self.flush();
        self.text.push_str(&INDENT.repeat(self.depth));
        for (text, value) in line.parts {
            self.text.push_str(&text);
            let Some(value) = value else { continue };
            let start = self.text.len();
            self.text.push_str(&value.kdl);
            if let Some(meaning) = value.meaning {
                self.meanings.push((start..self.text.len(), meaning));
            }
        }
        self.text.push_str(end);
        if let Some(remark) = line.remark {
            let _ = write!(self.text, " // {}", one_line(&remark));
        }
        self.text.push('\n');
    }

    /// The whole text, and what its bytes stand for, in order.
    pub(crate) fn done(self) -> (String, Vec<(Range<usize>, Meaning)>) {
        (self.text, self.meanings)
    }
}

/// Text of a comment: one line, and no character that KDL does not take.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_newline(c) || is_disallowed(c) { '�' } else { c }).collect()
}

/// A text in double quotes, on one line.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| escape(c, &mut out));
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() || is_newline(c) || is_disallowed(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// A text on lines of its own, raw where nothing in it needs an escape. `None` when it has only one line.
fn block(text: &str, indent: &str) -> Option<String> {
    if !text.contains('\n') {
        return None;
    }
    let is_blank = |line: &str| !line.is_empty() && line.chars().all(is_space);
    let plain = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || is_newline(c) || is_disallowed(c));
    let longest_end = (1..=MAX_HASHES).find(|hashes| !text.contains(&format!("\"{}", "#".repeat(*hashes))));
    let mut out = String::with_capacity(text.len() * 2);
    match longest_end {
        Some(hashes) if text.chars().all(plain) && !text.split('\n').any(is_blank) => {
            let hashes = "#".repeat(hashes);
            let _ = write!(out, "{hashes}\"\"\"");
            for line in text.split('\n') {
                let indent = if line.is_empty() { "" } else { indent };
                let _ = write!(out, "\n{indent}{line}");
            }
            let _ = write!(out, "\n{indent}\"\"\"{hashes}");
        }
        _ => {
            out.push_str("\"\"\"");
            for line in text.split('\n') {
                out.push('\n');
                if line.is_empty() {
                    continue;
                }
                out.push_str(indent);
                // A line of nothing but white space would count as empty.
                let mut letters = line.chars();
                match letters.next() {
                    Some(first) if is_blank(line) => {
                        let _ = write!(out, "\\u{{{:x}}}", u32::from(first));
                    }
                    Some(first) => escape(first, &mut out),
                    None => {}
                }
                letters.for_each(|c| escape(c, &mut out));
            }
            let _ = write!(out, "\n{indent}\"\"\"");
        }
    }
    Some(out)
}

/// What ends a line in KDL.
const fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\x0B' | '\x0C' | '\u{2028}' | '\u{2029}')
}

/// White space within a line of KDL.
const fn is_space(c: char) -> bool {
    matches!(c, '\t' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

/// What may not stand in KDL as it is. Its control characters are left to `char::is_control`.
const fn is_disallowed(c: char) -> bool {
    matches!(c, '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
