//! Text → tokens of KDL 2, in one pass and without recursion.
//!
//! `kdl` recurses for each `*` and `/` in a block comment, for each error that it recovers from, and doubles its work for each nested
//! `/-`. A config may come from anywhere, so this lexer and [`super::grammar`] look at the text first: what reaches `kdl` is well-formed,
//! shallow, and free of both.

use std::cell::OnceCell;
use std::ops::Range;

use super::value::shown;
use crate::Code;
use crate::covered::covered;

/// What is wrong with the text as such.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) code: Code,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) label: &'static str,
    pub(super) help: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// White space and comments within a line, and escaped line ends.
    Space,
    Newline,
    Semicolon,
    Open,
    Close,
    LeftParen,
    RightParen,
    Equals,
    Slashdash,
    /// A string of any kind: name or value.
    Text,
    /// A number or keyword: value only.
    Value,
}

pub(super) struct Lexed {
    pub(super) tokens: Vec<(Token, Range<usize>)>,
    /// Insides of block comments, whose content means nothing.
    pub(super) comments: Vec<Range<usize>>,
    pub(super) mistakes: Vec<Mistake>,
}

/// Digits of a number: what surely fits the 128 bits in which `kdl` reads them.
const MAX_DIGITS: usize = 36;

/// Hash signs of a raw string. Nobody needs more than a few, and each costs a comparison at every quote.
const MAX_HASHES: usize = 16;

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    out: Lexed,
    /// The text as it may be shown, once a message would quote a part of it.
    covered: OnceCell<String>,
}

pub(super) fn lex(text: &str) -> Lexed {
    let out = Lexed { tokens: Vec::new(), comments: Vec::new(), mistakes: Vec::new() };
    let mut lexer = Lexer { text, at: 0, out, covered: OnceCell::new() };
    for (at, c) in text.char_indices().filter(|(at, c)| is_disallowed(*c) && !(*at == 0 && *c == BOM)) {
        let message = format!("the character U+{:04X} may not stand in a config", u32::from(c));
        lexer.mistake(
            at..at + c.len_utf8(),
            message,
            "this character",
            "delete it; within a text in quotes write it as an escape: `\\u{…}`",
        );
    }
    if text.starts_with(BOM) {
        lexer.at = BOM.len_utf8();
    }
    while lexer.token() {}
    lexer.out
}

const BOM: char = '\u{FEFF}';

const fn is_disallowed(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0E'..='\x1F' | '\x7F' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | BOM)
}

const fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\x0B' | '\x0C' | '\u{2028}' | '\u{2029}')
}

const fn is_space(c: char) -> bool {
    matches!(c, '\t' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn eat_while(&mut self, good: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !good(c)).unwrap_or(rest.len());
    }

    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, label: &'static str, help: impl Into<String>) {
        self.out.mistakes.push(Mistake { code: Code::Syntax, span, message: message.into(), label, help: help.into() });
    }

    /// A word as a message calls it: quoted, unless it is covered where the text is shown. A script that is not in quotes is read as words, its passwords too.
    fn called(&self, span: Range<usize>) -> String {
        let covered = self.covered.get_or_init(|| covered(self.text));
        match self.text.get(span.clone()) {
            Some(word) if covered.get(span) == Some(word) => format!("`{}`", shown(word)),
            _ => "this word".to_owned(),
        }
    }

    /// Takes one token. False at the end.
    fn token(&mut self) -> bool {
        let start = self.at;
        let Some(c) = self.peek() else { return false };
        let rest = self.rest();
        let simple = match c {
            ';' => Some(Token::Semicolon),
            '{' => Some(Token::Open),
            '}' => Some(Token::Close),
            '(' => Some(Token::LeftParen),
            ')' => Some(Token::RightParen),
            '=' => Some(Token::Equals),
            _ if is_newline(c) => Some(Token::Newline),
            _ => None,
        };
        let token = if let Some(token) = simple {
            self.bump();
            token
        } else if is_space(c) {
            self.eat_while(is_space);
            Token::Space
        } else if rest.starts_with("//") {
            self.eat_while(|c| !is_newline(c));
            Token::Space
        } else if self.eat("/*") {
            self.comment(start);
            Token::Space
        } else if self.eat("/-") {
            Token::Slashdash
        } else if c == '\\' {
            self.escaped_line_end(start);
            Token::Space
        } else if c == '"' {
            self.quoted(start);
            Token::Text
        } else if c == '#' {
            self.hash(start)
        } else {
            self.bare(start)
        };
        self.out.tokens.push((token, start..self.at));
        true
    }

    fn comment(&mut self, start: usize) {
        let mut depth = 1_usize;
        while depth > 0 {
            let rest = self.rest();
            let Some(next) = rest.find(['*', '/']) else {
                self.at = self.text.len();
                self.mistake(start..start + 2, "this comment is not closed", "opened here", "close it with `*/`; comments nest");
                return;
            };
            self.at += next;
            if self.eat("*/") {
                depth -= 1;
            } else if self.eat("/*") {
                depth += 1;
            } else {
                self.at += 1;
            }
        }
        self.out.comments.push(start + 2..self.at - 2);
    }

    fn escaped_line_end(&mut self, start: usize) {
        self.bump();
        loop {
            self.eat_while(is_space);
            let inner = self.at;
            if !self.eat("/*") {
                break;
            }
            self.comment(inner);
        }
        if self.rest().starts_with("//") {
            self.eat_while(|c| !is_newline(c));
        }
        if self.eat("\r\n") || self.peek().is_none() {
            return;
        }
        if self.peek().is_some_and(is_newline) {
            self.bump();
        } else {
            self.mistake(
                start..start + 1,
                "a `\\` stands where none may",
                "continues no line",
                "within a text in quotes it begins an escape; else it ends a line",
            );
        }
    }

    fn quoted(&mut self, start: usize) {
        if self.eat("\"\"\"") {
            self.several_lines(start, "\"\"\"", true);
            return;
        }
        self.bump();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    return;
                }
                Some('\\') => {
                    self.escape();
                }
                Some(c) if !is_newline(c) => {
                    self.bump();
                }
                _ => {
                    let help = "end it with `\"`; a text of several lines stands between lines of `\"\"\"`";
                    self.mistake(start..self.at, "this text is not closed on its line", "opened here", help);
                    return;
                }
            }
        }
    }

    /// After a backslash in a quoted text. True when it swallows white space.
    fn escape(&mut self) -> bool {
        let start = self.at;
        self.bump();
        match self.peek() {
            Some('\\' | '"' | 'b' | 'f' | 'n' | 'r' | 't' | 's') => {
                self.bump();
            }
            Some('u') => {
                self.bump();
                let rest = self.rest();
                let digits = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(digits, _)| digits);
                let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
                if plain && u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).is_some() {
                    self.at += digits.len() + 2;
                } else {
                    self.mistake(start..self.at, "this is no Unicode escape", "not `\\u{…}`", "write 1 to 6 hexadecimal digits: `\\u{e9}`");
                }
            }
            Some(c) if is_space(c) || is_newline(c) => {
                self.eat_while(|c| is_space(c) || is_newline(c));
                return true;
            }
            _ => {
                let help =
                    "a backslash is written `\\\\`; escapes are \\n \\r \\t \\s \\\" \\b \\f and \\u{…}; nothing is an escape in #\"…\"#";
                self.mistake(start..self.at, "this is no escape", "an unknown escape", help);
            }
        }
        false
    }

    /// The body of a text between lines of quotes, whose opening quotes have been taken.
    fn several_lines(&mut self, start: usize, closing: &str, escapes: bool) {
        let opening = start..self.at;
        let body = self.at;
        if !self.peek().is_some_and(is_newline) {
            let help = "put the text onto lines of its own, or use one `\"` on each side";
            self.mistake(opening.clone(), "`\"\"\"` opens a text of several lines, and ends its line", "more follows on this line", help);
        }
        let mut swallows = false;
        loop {
            if self.rest().starts_with(closing) {
                break;
            }
            match self.peek() {
                None => {
                    let help = format!("close it with `{closing}` on a line of its own");
                    self.mistake(opening, "this text of several lines is not closed", "opened here", help);
                    return;
                }
                Some('\\') if escapes => swallows |= self.escape(),
                Some(_) => {
                    self.bump();
                }
            }
        }
        let text = self.text.get(body..self.at).unwrap_or_default();
        if !swallows {
            self.indentation(body, text);
        }
        self.at += closing.len();
    }

    /// Every line of such a text starts with what stands in front of the closing quotes.
    fn indentation(&mut self, body: usize, text: &str) {
        let Some(last) = text.rfind(is_newline) else { return };
        let last = last + text[last..].chars().next().map_or(0, char::len_utf8);
        let prefix = &text[last..];
        if !prefix.chars().all(is_space) {
            let help = "put them onto a line of their own";
            self.mistake(body + last..body + text.len(), "text stands in front of the closing quotes", "in front of the quotes", help);
            return;
        }
        let mut at = 0;
        for line in text[..last].split(is_newline) {
            if !line.starts_with(prefix) && !line.chars().all(is_space) {
                let help = "every line starts with the white space that stands in front of the closing quotes";
                self.mistake(
                    body + at..body + at + line.len(),
                    "this line is indented less than the closing quotes",
                    "starts too early",
                    help,
                );
                return;
            }
            at += line.len() + text[at + line.len()..].chars().next().map_or(0, char::len_utf8);
        }
    }

    /// A raw string or a keyword.
    fn hash(&mut self, start: usize) -> Token {
        self.eat_while(|c| c == '#');
        let hashes = self.at - start;
        if hashes > MAX_HASHES {
            self.mistake(start..self.at, format!("a raw text has at most {MAX_HASHES} `#`"), "too many", "take some away");
        }
        let closing = |quotes: &str| format!("{quotes}{}", "#".repeat(hashes));
        if let Some(after) = self.rest().strip_prefix("\"\"\"")
            && after.starts_with(is_newline)
        {
            self.at += 3;
            self.several_lines(start, &closing("\"\"\""), false);
            return Token::Text;
        }
        if self.eat("\"") {
            let line = self.rest().find(is_newline).unwrap_or(self.rest().len());
            let closing = closing("\"");
            match self.rest()[..line].find(&closing) {
                Some(end) => self.at += end + closing.len(),
                None => {
                    self.at += line;
                    self.mistake(
                        start..self.at,
                        "this raw text is not closed on its line",
                        "opened here",
                        format!("end it with `{closing}`"),
                    );
                }
            }
            return Token::Text;
        }
        self.eat_while(is_plain);
        let word = &self.text[start..self.at];
        if !matches!(word, "#true" | "#false" | "#null" | "#inf" | "#-inf" | "#nan") {
            let message = format!("{} is no keyword", self.called(start..self.at));
            self.mistake(start..self.at, message, "not a keyword", "KDL has #true, #false, #null, #inf, #-inf and #nan");
        }
        Token::Value
    }

    /// A number, or text without quotes.
    fn bare(&mut self, start: usize) -> Token {
        // Takes too much on purpose, so that `10.0.0.0/8` is one mistake. A comment may follow a word directly.
        loop {
            self.eat_while(is_plain);
            let rest = self.rest();
            if !rest.starts_with(['/', '[', ']', '#']) || rest.starts_with("//") || rest.starts_with("/*") {
                break;
            }
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            if !is_number(digits) {
                let message = format!("{} starts like a number and is none", self.called(start..self.at));
                self.mistake(start..self.at, message, "no number", "text that starts with a digit stands in double quotes");
            } else if digits.len() > MAX_DIGITS {
                self.mistake(start..self.at, "this number is too long", "too long", "no value of a config is so large");
            }
            return Token::Value;
        }
        let dotted = digits.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        match word {
            "true" | "false" | "null" | "inf" | "-inf" | "nan" => {
                let help = format!("write `#{word}`, or put it in quotes if it is text");
                self.mistake(start..self.at, format!("`{word}` alone is nothing in KDL 2"), "a keyword without its `#`", help);
                Token::Value
            }
            _ if dotted => {
                self.mistake(start..self.at, "a number starts with a digit", "starts with a dot", "write `0.5`, not `.5`");
                Token::Value
            }
            _ => {
                if !word.chars().all(is_plain) {
                    let message = format!("{} needs double quotes", self.called(start..self.at));
                    let help = "text without quotes holds no white space and none of / \\ ( ) { } [ ] ; \" # =";
                    self.mistake(start..self.at, message, "text without quotes", help);
                }
                Token::Text
            }
        }
    }
}

/// What text without quotes is made of. Disallowed characters too: they are reported by then, and every token must take something.
fn is_plain(c: char) -> bool {
    !matches!(c, '\\' | '/' | '(' | ')' | '{' | '}' | '[' | ']' | ';' | '"' | '#' | '=') && !is_space(c) && !is_newline(c)
}

/// A number without its sign.
fn is_number(text: &str) -> bool {
    let run = |text: &str, radix: u32| text.starts_with(|c: char| c.is_digit(radix)) && text.chars().all(|c| c.is_digit(radix) || c == '_');
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return run(digits, radix);
        }
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    run(whole, 10)
        && fraction.is_none_or(|fraction| run(fraction, 10))
        && exponent.is_none_or(|exponent| run(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), 10))
}
