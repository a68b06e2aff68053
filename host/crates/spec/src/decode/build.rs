//! Tokens → KDL document, for a text that [`super::grammar`] has passed.
//!
//! `kdl` would make the same of it ([`super::document`]'s tests hold the two to that), and takes most of a millisecond for a config of a thousand bytes: half of what a check of many configs
//! takes. The tokens are there already. What a value means that is more than plain (escapes, several lines, fractions, other bases) is still for `kdl` to say, value by value.

use std::ops::Range;

use kdl::{KdlDocument, KdlEntry, KdlEntryFormat, KdlIdentifier, KdlNode, KdlValue};

use super::lexer::{Token, lex};

/// The document: names, values and annotations with their spans, and nothing of how they are laid out. `None` when `kdl` has to read the text as a whole.
pub(super) fn build(text: &str) -> Option<KdlDocument> {
    let mut builder = Builder { text, tokens: lex(text).tokens.into_iter().peekable(), end: 0 };
    let mut open: Vec<(Vec<KdlNode>, KdlNode)> = Vec::new();
    let mut nodes: Vec<KdlNode> = Vec::new();
    loop {
        builder.skip(&[Token::Space, Token::Newline, Token::Semicolon]);
        let Some((token, span)) = builder.tokens.peek() else { break };
        let begins = span.start;
        let mut node = match token {
            Token::Close => {
                builder.next()?;
                let (around, mut owner) = open.pop()?;
                let mut children = KdlDocument::new();
                *children.nodes_mut() = std::mem::replace(&mut nodes, around);
                owner.set_children(children);
                owner
            }
            _ => {
                let mut node = builder.node()?;
                node.set_span(begins..begins);
                node
            }
        };
        if builder.entries(&mut node)? {
            open.push((std::mem::take(&mut nodes), node));
        } else {
            node.set_span(node.span().offset()..builder.end);
            nodes.push(node);
        }
    }
    if !open.is_empty() {
        return None;
    }
    let mut document = KdlDocument::new();
    *document.nodes_mut() = nodes;
    Some(document)
}

struct Builder<'t> {
    text: &'t str,
    tokens: std::iter::Peekable<std::vec::IntoIter<(Token, Range<usize>)>>,
    /// Where what was taken last ends, white space and ends of nodes apart.
    end: usize,
}

impl Builder<'_> {
    fn skip(&mut self, tokens: &[Token]) {
        while self.tokens.next_if(|(token, _)| tokens.contains(token)).is_some() {}
    }

    fn next_if(&mut self, wanted: Token) -> Option<Range<usize>> {
        let (token, span) = self.tokens.next_if(|(token, _)| *token == wanted)?;
        if token != Token::Space {
            self.end = span.end;
        }
        Some(span)
    }

    /// Whatever is next, which is no white space.
    fn next(&mut self) -> Option<(Token, Range<usize>)> {
        let (token, span) = self.tokens.next()?;
        self.end = span.end;
        Some((token, span))
    }

    fn at(&self, span: &Range<usize>) -> Option<&str> {
        self.text.get(span.clone())
    }

    /// A node's name, and its annotation if it has one.
    fn node(&mut self) -> Option<KdlNode> {
        let annotation = self.annotation()?;
        let span = self.next_if(Token::Text)?;
        let mut node = KdlNode::new(self.identifier(span)?);
        if let Some(annotation) = annotation {
            node.set_ty(annotation);
        }
        Some(node)
    }

    /// Everything up to the node's end; whether a block begins there.
    fn entries(&mut self, node: &mut KdlNode) -> Option<bool> {
        loop {
            self.skip(&[Token::Space]);
            match self.tokens.peek() {
                None | Some((Token::Newline | Token::Semicolon | Token::Close, _)) => return Some(false),
                Some((Token::Open, _)) => {
                    self.next()?;
                    return Some(true);
                }
                Some(_) => {
                    let entry = self.entry()?;
                    node.push(entry);
                }
            }
        }
    }

    /// An argument, or a property.
    fn entry(&mut self) -> Option<KdlEntry> {
        let Some(first) = self.next_if(Token::Text) else { return self.value(None) };
        // White space after an argument parts it from the next.
        self.spaces();
        if let Some(equals) = self.next_if(Token::Equals) {
            let after_key = self.at(&(first.end..equals.start))?.to_owned();
            let after_eq = self.spaces().map_or(Some(String::new()), |span| self.at(&span).map(str::to_owned))?;
            let key = self.identifier(first)?;
            return self.value(Some((key, after_key, after_eq)));
        }
        let mut entry = KdlEntry::new(self.string(&first)?);
        entry.set_span(first);
        Some(entry)
    }

    /// The white space that comes next, all of it.
    fn spaces(&mut self) -> Option<Range<usize>> {
        let mut span = self.next_if(Token::Space)?;
        while let Some(more) = self.next_if(Token::Space) {
            span.end = more.end;
        }
        Some(span)
    }

    /// A value with its annotation, of a property where it has a key, with the white space on both sides of the `=`.
    fn value(&mut self, key: Option<(KdlIdentifier, String, String)>) -> Option<KdlEntry> {
        let begins = self.tokens.peek().map(|(_, span)| span.start)?;
        let annotation = self.annotation()?;
        let (token, span) = self.next()?;
        let mut format = KdlEntryFormat::default();
        let value = match token {
            Token::Text => self.string(&span)?,
            Token::Value => {
                self.at(&span)?.clone_into(&mut format.value_repr);
                self.number_or_keyword(&span)?
            }
            _ => return None,
        };
        let mut entry = match key {
            Some((key, after_key, after_eq)) => {
                let begins = key.span().offset();
                (format.after_key, format.after_eq) = (after_key, after_eq);
                let mut entry = KdlEntry::new_prop(key, value);
                entry.set_span(begins..span.end);
                entry
            }
            None => {
                let mut entry = KdlEntry::new(value);
                entry.set_span(begins..span.end);
                entry
            }
        };
        entry.set_format(format);
        if let Some(annotation) = annotation {
            entry.set_ty(annotation);
        }
        Some(entry)
    }

    /// `(name)`, and the white space after it. `Some(None)` where there is none.
    fn annotation(&mut self) -> Option<Option<KdlIdentifier>> {
        if self.next_if(Token::LeftParen).is_none() {
            return Some(None);
        }
        self.skip(&[Token::Space]);
        let name = self.next_if(Token::Text)?;
        self.skip(&[Token::Space]);
        self.next_if(Token::RightParen)?;
        self.skip(&[Token::Space]);
        self.identifier(name).map(Some)
    }

    fn identifier(&self, span: Range<usize>) -> Option<KdlIdentifier> {
        let KdlValue::String(name) = self.string(&span)? else { return None };
        let mut identifier = KdlIdentifier::from(name);
        identifier.set_span(span);
        Some(identifier)
    }

    fn string(&self, span: &Range<usize>) -> Option<KdlValue> {
        let text = self.at(span)?;
        let inner = text.trim_start_matches('#');
        let hashes = text.len() - inner.len();
        let Some(quoted) = inner.strip_prefix('"') else { return Some(KdlValue::String(text.to_owned())) };
        let inside = quoted.get(..quoted.len().checked_sub(1 + hashes)?)?;
        if quoted.starts_with("\"\"") && !inside.is_empty() || hashes == 0 && inside.contains('\\') {
            return authority(text);
        }
        Some(KdlValue::String(inside.to_owned()))
    }

    fn number_or_keyword(&self, span: &Range<usize>) -> Option<KdlValue> {
        let text = self.at(span)?;
        match text {
            "#true" => return Some(KdlValue::Bool(true)),
            "#false" => return Some(KdlValue::Bool(false)),
            "#null" => return Some(KdlValue::Null),
            _ => {}
        }
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse().ok().map(KdlValue::Integer) } else { authority(text) }
    }
}

/// What a value means that is not plain.
fn authority(value: &str) -> Option<KdlValue> {
    Some(KdlEntry::parse(value).ok()?.value().clone())
}
