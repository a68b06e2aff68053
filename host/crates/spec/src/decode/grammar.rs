//! Tokens → a text that `kdl` surely takes, or every mistake in it. See [`super::lexer`] for why.

use std::ops::Range;

use super::lexer::{Lexed, Mistake, Token, lex};
use crate::Code;

/// Blocks within blocks. A config needs four.
const MAX_DEPTH: usize = 16;

/// Mistakes of syntax kept: what follows the first few is often their consequence.
const MAX_MISTAKES: usize = 20;

/// A node whose name has been read.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Where its `/-` stands.
    commented: Option<usize>,
    has_children: bool,
}

/// A block that is open.
struct Block {
    brace: Range<usize>,
    owner: Node,
    /// Where its own `/-` stands.
    commented: Option<usize>,
}

struct Grammar {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    /// The end of the last token that was no white space.
    end: usize,
    spaced: bool,
    blocks: Vec<Block>,
    /// What `/-` takes out of the text.
    blanks: Vec<Range<usize>>,
    mistakes: Vec<Mistake>,
}

/// The text with comments emptied and everything behind `/-` blanked, byte for byte as long as before, so that spans stay true.
pub(super) fn check(text: &str) -> Result<String, Vec<Mistake>> {
    let Lexed { tokens, comments, mistakes } = lex(text);
    let mut grammar = Grammar { tokens, at: 0, end: 0, spaced: true, blocks: Vec::new(), blanks: comments, mistakes };
    grammar.nodes();
    if grammar.mistakes.is_empty() {
        return Ok(blank(text, grammar.blanks));
    }
    let mut mistakes = grammar.mistakes;
    mistakes.sort_by_key(|mistake| mistake.span.start);
    mistakes.truncate(MAX_MISTAKES);
    Err(mistakes)
}

fn blank(text: &str, mut blanks: Vec<Range<usize>>) -> String {
    blanks.sort_by_key(|blank| blank.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for Range { start, end } in blanks {
        let start = start.max(at);
        if start < end {
            out.push_str(text.get(at..start).unwrap_or_default());
            out.extend(std::iter::repeat_n(' ', end - start));
            at = end;
        }
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

impl Grammar {
    fn mistake(&mut self, span: Range<usize>, message: &str, label: &'static str, help: &str) {
        self.mistakes.push(Mistake { code: Code::Syntax, span, message: message.to_owned(), label, help: help.to_owned() });
    }

    fn next(&mut self) -> Option<(Token, Range<usize>)> {
        let (token, span) = self.peek()?;
        self.at += 1;
        self.spaced = matches!(token, Token::Space | Token::Newline);
        if !self.spaced {
            self.end = span.end;
        }
        Some((token, span))
    }

    fn peek(&self) -> Option<(Token, Range<usize>)> {
        self.tokens.get(self.at).cloned()
    }

    fn is(&self, wanted: Token) -> bool {
        self.tokens.get(self.at).is_some_and(|(token, _)| *token == wanted)
    }

    fn skip_spaces(&mut self) {
        while self.is(Token::Space) {
            self.next();
        }
    }

    fn skip_lines(&mut self) {
        while self.is(Token::Space) || self.is(Token::Newline) {
            self.next();
        }
    }

    /// Drops what cannot be understood, up to where a node may go on.
    fn recover(&mut self) {
        while !matches!(self.peek(), None | Some((Token::Newline | Token::Semicolon | Token::Open | Token::Close, _))) {
            self.next();
        }
    }

    fn nodes(&mut self) {
        let mut node: Option<Node> = None;
        loop {
            let went_on = match node {
                None => self.between(&mut node),
                Some(current) => self.within(current, &mut node),
            };
            if !went_on {
                break;
            }
        }
        for block in std::mem::take(&mut self.blocks) {
            self.mistake(block.brace, "this block is not closed", "opened here", "close it with `}`");
        }
    }

    /// Where a node may start. False at the end.
    fn between(&mut self, node: &mut Option<Node>) -> bool {
        self.skip_lines();
        let mut commented = None;
        if self.is(Token::Slashdash)
            && let Some((_, span)) = self.next()
        {
            commented = Some(span.start);
            self.skip_lines();
            if !(self.is(Token::Text) || self.is(Token::LeftParen)) {
                self.mistake(
                    span,
                    "`/-` takes out what follows it, and nothing does",
                    "takes nothing out",
                    "take it away, or let a node follow",
                );
            }
        }
        let Some((token, span)) = self.peek() else { return false };
        match token {
            Token::Close => {
                self.next();
                if let Some(block) = self.blocks.pop() {
                    let mut owner = block.owner;
                    match block.commented {
                        Some(start) => self.blanks.push(start..span.end),
                        None => owner.has_children = true,
                    }
                    *node = Some(owner);
                } else {
                    self.mistake(span, "this `}` closes nothing", "no block is open", "take it away");
                }
            }
            Token::Open => {
                self.mistake(
                    span,
                    "a block stands behind the name of its node",
                    "no name in front",
                    "write the node's name in front of the `{`",
                );
                *node = Some(Node { commented, has_children: false });
            }
            Token::Text => {
                self.next();
                *node = Some(Node { commented, has_children: false });
            }
            Token::LeftParen => {
                self.annotation();
                self.skip_spaces();
                *node = Some(Node { commented, has_children: false });
                if self.is(Token::Text) {
                    self.next();
                } else {
                    self.mistake(span, "an annotation stands in front of a name or value", "in front of nothing", "take it away");
                    self.recover();
                }
            }
            Token::Semicolon => {
                self.next();
                self.mistake(span, "`;` ends a node, and there is none", "ends nothing", "take it away");
            }
            _ => {
                self.mistake(
                    span,
                    "a node starts with its name",
                    "no name",
                    "write the name of a node; text that starts with a digit needs quotes",
                );
                *node = Some(Node { commented, has_children: false });
                self.recover();
            }
        }
        true
    }

    /// Behind the name of a node. False when nothing can be made of the rest.
    fn within(&mut self, current: Node, node: &mut Option<Node>) -> bool {
        self.skip_spaces();
        let Some((token, span)) = self.peek() else {
            self.finish(current, node);
            return true;
        };
        match token {
            // The `;` of a node that `/-` takes out goes with it: `kdl` takes none that ends nothing.
            Token::Newline | Token::Semicolon => {
                self.next();
                self.finish(current, node);
            }
            Token::Close => self.finish(current, node),
            Token::Open => {
                if current.has_children {
                    self.mistake(span.clone(), "a node has one block", "a second block", "put it into the first");
                }
                return self.open(span, current, None, node);
            }
            Token::Slashdash => {
                let spaced = self.spaced;
                self.next();
                self.skip_lines();
                match self.peek() {
                    Some((Token::Open, brace)) => return self.open(brace, current, Some(span.start), node),
                    Some((Token::Text | Token::Value | Token::LeftParen, _)) if spaced && !current.has_children => {
                        self.entry();
                        self.blanks.push(span.start..self.end);
                        self.spaced = false;
                    }
                    _ => {
                        let help = "take it away, or let a value or a block follow, with white space in front of the `/-`";
                        self.mistake(span, "`/-` takes out what follows it, and nothing does", "takes nothing out", help);
                        self.recover();
                    }
                }
            }
            Token::Text | Token::Value | Token::LeftParen => {
                if current.has_children {
                    self.mistake(
                        span,
                        "nothing may follow a block on its line",
                        "follows a block",
                        "put values in front of the block, nodes onto a new line",
                    );
                    self.recover();
                } else if self.spaced {
                    self.entry();
                } else {
                    self.mistake(span, "white space is missing between two values", "follows directly", "put a space in front");
                    self.recover();
                }
            }
            Token::Equals => {
                let help = "a node's value follows its name without `=`: `name \"value\"`; a property is `name=\"value\"`";
                self.mistake(span, "`=` stands where none may", "gives nothing a value", help);
                self.recover();
            }
            Token::RightParen | Token::Space => {
                self.mistake(span, "this `)` closes nothing", "no `(` in front", "take it away");
                self.recover();
            }
        }
        true
    }

    fn open(&mut self, brace: Range<usize>, owner: Node, commented: Option<usize>, node: &mut Option<Node>) -> bool {
        self.next();
        if self.blocks.len() >= MAX_DEPTH {
            self.mistakes.push(Mistake {
                code: Code::TooDeep,
                span: brace,
                message: format!("blocks are nested more than {MAX_DEPTH} deep"),
                label: "one too many",
                help: "a config needs four".to_owned(),
            });
            self.blocks.clear();
            return false;
        }
        self.blocks.push(Block { brace, owner, commented });
        *node = None;
        true
    }

    fn finish(&mut self, current: Node, node: &mut Option<Node>) {
        if let Some(start) = current.commented {
            self.blanks.push(start..self.end);
        }
        *node = None;
    }

    /// One argument or property.
    fn entry(&mut self) {
        if self.is(Token::Text) {
            self.next();
            // White space may stand on both sides of the `=`; without one, it separates this argument from the next.
            let mut ahead = self.tokens.iter().skip(self.at).map(|(token, _)| *token).skip_while(|token| *token == Token::Space);
            if ahead.next() != Some(Token::Equals) {
                return;
            }
            self.skip_spaces();
            self.next();
            self.skip_spaces();
        }
        self.value();
    }

    fn value(&mut self) {
        if self.is(Token::LeftParen) {
            self.annotation();
            self.skip_spaces();
        }
        if self.is(Token::Text) || self.is(Token::Value) {
            self.next();
            return;
        }
        let span = self.peek().map_or(self.end..self.end, |(_, span)| span.start..span.start);
        self.mistake(span, "a value is missing", "expected a value", "write the value; text stands in double quotes");
        self.recover();
    }

    /// `(name)`
    fn annotation(&mut self) {
        let Some((_, open)) = self.next() else { return };
        self.skip_spaces();
        let named = self.is(Token::Text);
        if named {
            self.next();
            self.skip_spaces();
        }
        if named && self.is(Token::RightParen) {
            self.next();
        } else {
            self.mistake(open, "an annotation is a name in parentheses", "not `(name)`", "write `(env)`, `(file)` or `(ssm)`");
        }
    }
}
