//! The texts of heredocs, as HCL reads them.
//!
//! `hcl-edit` takes the indentation away from lines of nothing but white space too, and `\r` from the ends of lines; HCL does neither. A boot
//! script is to arrive byte for byte, so the text is read again from the source.

use hcl_edit::Span as _;
use hcl_edit::template::{Element, HeredocTemplate};

/// A piece of a template: text, or the index of an element that has to be evaluated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Element(usize),
}

/// The pieces of a heredoc whose text is `source`.
pub(crate) fn heredoc(heredoc: &HeredocTemplate, source: &str) -> Vec<Piece> {
    let elements = heredoc.template.iter().enumerate();
    let raw = elements.map(|(index, element)| match element {
        Element::Literal(literal) => {
            let written = literal.span().and_then(|span| source.get(span)).unwrap_or(literal.as_str());
            Piece::Text(unescaped(written))
        }
        Element::Interpolation(_) | Element::Directive(_) => Piece::Element(index),
    });
    // What follows the marker says whether the indentation goes: `<<-`.
    let flush = heredoc.span().and_then(|span| source.get(span)).is_some_and(|text| text.starts_with("<<-"));
    if flush { flushed(lines(raw)) } else { raw.collect() }
}

/// `$${` and `%%{` are the only escapes of a heredoc.
fn unescaped(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}

/// Texts cut after each line break, as HCL's scanner cuts them.
fn lines(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut lines = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => lines.extend(text.split_inclusive('\n').map(|line| Piece::Text(line.to_owned()))),
            element @ Piece::Element(_) => lines.push(element),
        }
    }
    lines
}

/// Takes away as much leading white space as all lines have, those of nothing but white space aside.
fn flushed(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let mut starts = Vec::new();
    let mut at_start = true;
    let mut least = usize::MAX;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => {
                let trimmed = text.trim_start();
                let blank = trimmed.is_empty() && text.ends_with('\n');
                if at_start && !blank {
                    least = least.min(text.chars().count() - trimmed.chars().count());
                    starts.push(index);
                }
                at_start = text.ends_with('\n');
            }
            Piece::Element(_) => {
                if at_start {
                    least = 0;
                }
                at_start = false;
            }
        }
    }
    for index in starts {
        if let Some(Piece::Text(text)) = pieces.get_mut(index) {
            *text = text.chars().skip(least).collect();
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> String {
        let body = hcl_edit::parser::parse_body(source).unwrap();
        let Some(expression) = body.get_attribute("a").map(|a| a.value.clone()) else { panic!("no attribute") };
        let pieces = heredoc(expression.as_heredoc_template().unwrap(), source);
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Element(index) => format!("<{index}>"),
        };
        pieces.iter().map(text).collect()
    }

    #[test]
    fn indentation_goes_as_far_as_all_lines_have_it() {
        assert_eq!(read("a = <<-EOF\n    one\n      two\n    EOF\n"), "one\n  two\n");
        assert_eq!(read("a = <<EOF\n    one\n  two\nEOF\n"), "    one\n  two\n");
        assert_eq!(read("a = <<-EOF\n\tone\n\n\ttwo\n EOF\n"), "one\n\ntwo\n");
        assert_eq!(read("a = <<-EOF\n    one\n  ${x}\n    two\n    EOF\n"), "  one\n<1>\n  two\n");
        assert_eq!(read("a = <<-EOF\n${x} one\n    two\n    EOF\n"), "<0> one\n    two\n");
    }

    #[test]
    fn lines_of_white_space_keep_it_and_do_not_count() {
        assert_eq!(read("a = <<-EOF\n    one\n  \n    two\n    EOF\n"), "one\n  \ntwo\n");
    }

    #[test]
    fn carriage_returns_and_escapes() {
        assert_eq!(read("a = <<-EOF\n  one\r\n  two $${x} \\n %%{y}\n  EOF\n"), "one\r\ntwo ${x} \\n %{y}\n");
        assert_eq!(read("a = <<EOF\nEOF\n"), "");
    }
}
