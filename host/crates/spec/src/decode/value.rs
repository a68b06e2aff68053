//! One written value, and the ways to read it.

use std::str::FromStr;

use kdl::{KdlEntry, KdlValue};

use super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::names::Invalid;
use crate::origin::Origin;
use crate::{Code, Span, nearest};

/// A mistake on its way to the report.
pub type Wrong = Box<Diagnostic>;

/// A value of whatever type.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// `#true` or `#false`.
    Boolean(bool),
    /// A number that is not whole.
    Fraction,
    /// `#null`
    Null,
}

/// One value as it stands in the text: an argument, or what is right of a property's `=`.
pub struct Value<'c> {
    pub(super) cx: &'c Context<'c>,
    pub(super) entry: &'c KdlEntry,
    /// What the value is for, as messages call it: its path.
    pub(super) name: String,
    pub(super) defaults: bool,
}

impl Value<'_> {
    /// The value with its annotation, without a property's name.
    #[must_use]
    pub fn span(&self) -> Span {
        let whole = range(self.entry.span());
        let Some(name) = self.entry.name() else { return whole };
        let (after_key, after_eq) = self.entry.format().map_or((0, 0), |f| (f.after_key.len(), f.after_eq.len()));
        let start = range(name.span()).end + after_key + 1 + after_eq;
        if start < whole.end { start..whole.end } else { whole }
    }

    pub(super) fn origin(&self) -> Origin {
        if self.defaults { Origin::Defaults(self.span()) } else { Origin::Config(self.span()) }
    }

    pub(super) fn is_null(&self) -> bool {
        self.entry.ty().is_none() && self.entry.value().is_null()
    }

    /// A mistake about this value. `problem` is a clause: "is no network".
    #[must_use]
    pub fn wrong(&self, code: Code, problem: &str, help: impl Into<String>) -> Wrong {
        self.wrong_as(code, format!("`{}` {problem}", self.name), problem, help)
    }

    fn wrong_as(&self, code: Code, message: String, label: &str, help: impl Into<String>) -> Wrong {
        Box::new(self.cx.diagnostic(code, self.span(), message).with_label(label).with_help(help))
    }

    fn invalid(&self, code: Code, invalid: &Invalid) -> Wrong {
        self.wrong(code, &invalid.problem, invalid.help.as_str())
    }

    fn wrong_type(&self, wanted: &str) -> Wrong {
        let (is, help) = match self.entry.value() {
            KdlValue::String(text) if matches!(text.as_str(), "true" | "yes" | "on") => ("is text", "write `#true`".to_owned()),
            KdlValue::String(text) if matches!(text.as_str(), "false" | "no" | "off") => ("is text", "write `#false`".to_owned()),
            KdlValue::String(_) => ("is text", format!("write {wanted}")),
            KdlValue::Integer(_) => ("is a whole number", format!("write {wanted}")),
            KdlValue::Float(_) => ("is a fraction", format!("write {wanted}")),
            KdlValue::Bool(_) => ("is `#true` or `#false`", format!("write {wanted}")),
            KdlValue::Null => ("is `#null`", format!("write {wanted}, or leave it out")),
        };
        self.wrong(Code::WrongType, &format!("{is}, not {wanted}"), help)
    }

    /// The text behind `(env)` or `(file)`, if the value is one of them.
    fn looked_up(&self) -> Result<Option<String>, Wrong> {
        let Some(kind) = self.entry.ty() else { return Ok(None) };
        let kind = kind.value();
        let Some(lookup) = self.cx.lookup else {
            return Err(self.annotation(kind, "nothing is taken from elsewhere here: write the value itself"));
        };
        let KdlValue::String(name) = self.entry.value() else {
            return Err(self.wrong_type("the quoted name of what the annotation reads"));
        };
        match kind {
            "env" => lookup.env(name).map(Some).map_err(|why| {
                let message = format!("`{}`: the environment variable {} {why}", self.name, shown(name));
                self.wrong_as(Code::MissingVariable, message, &why, format!("set {} before you run kaphost", shown(name)))
            }),
            "file" => lookup.file(name).map(Some).map_err(|why| {
                let message = format!("`{}`: the file {} {why}", self.name, shown(name));
                self.wrong_as(Code::UnreadableFile, message, &why, "a path starts at the folder of this config")
            }),
            "ssm" | "lookup" => Err(self.annotation(kind, "this annotation is for `ami` alone")),
            _ => Err(self.annotation(kind, "use `(env)\"NAME\"`, `(file)\"path\"`, or no annotation")),
        }
    }

    /// A mistake about the value's annotation.
    pub(super) fn annotation(&self, kind: &str, help: &str) -> Wrong {
        let written = self.entry.ty().map_or(0..0, |ty| range(ty.span()));
        let annotation = match self.cx.called(&written, kind, "") {
            covered if covered.is_empty() => "this annotation".to_owned(),
            _ => format!("`({})`", shown(kind)),
        };
        let message = format!("`{}` cannot take its value from {annotation}", self.name);
        self.wrong_as(Code::UnknownAnnotation, message, "not an annotation for this value", help)
    }

    /// Text as it is, down to the last newline of a file.
    pub(super) fn long_text(&self) -> Result<String, Wrong> {
        if let Some(text) = self.looked_up()? {
            return Ok(text);
        }
        match self.entry.value() {
            KdlValue::String(text) => Ok(text.clone()),
            _ => Err(self.wrong_type("text in double quotes")),
        }
    }

    /// Text as it is written, its annotation being the caller's.
    pub(super) fn plain_text(&self) -> Result<String, Wrong> {
        self.entry.value().as_string().map(str::to_owned).ok_or_else(|| self.wrong_type("text in double quotes"))
    }

    /// Text of one line: the newline that ends a file does not count.
    ///
    /// # Errors
    /// When it is something else, or cannot be looked up.
    pub fn text(&self) -> Result<String, Wrong> {
        let mut text = self.long_text()?;
        if self.entry.ty().is_some() {
            let end = text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
            text.truncate(end);
        }
        Ok(text)
    }

    /// Text with rules of its own.
    ///
    /// # Errors
    /// When it is something else, or breaks them.
    pub fn parse<T: FromStr<Err = Invalid>>(&self, code: Code) -> Result<T, Wrong> {
        self.text()?.parse().map_err(|invalid| self.invalid(code, &invalid))
    }

    /// One of a few words.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn keyword<T: FromStr<Err = Invalid>>(&self, words: &[&str]) -> Result<T, Wrong> {
        let text = self.text()?;
        text.parse().map_err(|invalid: Invalid| {
            let help = nearest(&text, words.iter().copied()).map_or(invalid.help, |word| format!("did you mean `{word}`?"));
            self.wrong(Code::UnknownWord, &invalid.problem, help)
        })
    }

    /// True or false.
    ///
    /// # Errors
    /// When it is neither.
    pub fn flag(&self) -> Result<bool, Wrong> {
        match (self.looked_up()?, self.entry.value()) {
            (Some(text), _) => match text.trim_end() {
                "true" | "#true" => Ok(true),
                "false" | "#false" => Ok(false),
                _ => Err(self.wrong(Code::WrongType, "is neither true nor false", "what the annotation reads must be `true` or `false`")),
            },
            (None, KdlValue::Bool(value)) => Ok(*value),
            (None, _) => Err(self.wrong_type("`#true` or `#false`")),
        }
    }

    /// The value as it is written, of whatever type.
    ///
    /// # Errors
    /// When it is to be taken from elsewhere, which values of any type cannot.
    pub fn scalar(&self) -> Result<Scalar, Wrong> {
        if let Some(kind) = self.entry.ty() {
            return Err(self.annotation(kind.value(), "write the value itself"));
        }
        Ok(match self.entry.value() {
            KdlValue::String(text) => Scalar::Text(text.clone()),
            KdlValue::Integer(value) => Scalar::Integer(*value),
            KdlValue::Bool(value) => Scalar::Boolean(*value),
            KdlValue::Float(_) => Scalar::Fraction,
            KdlValue::Null => Scalar::Null,
        })
    }

    /// A whole number from a range, as it is written.
    ///
    /// # Errors
    /// When it is something else.
    pub fn whole(&self, min: u64, max: u64) -> Result<u64, Wrong> {
        let Scalar::Integer(value) = self.scalar()? else { return Err(self.wrong_type("a whole number")) };
        u64::try_from(value)
            .ok()
            .filter(|value| (min..=max).contains(value))
            .ok_or_else(|| self.wrong(Code::OutOfRange, &format!("is not within {min} to {max}"), format!("use {min} to {max}")))
    }

    /// A whole number from a range.
    pub(super) fn int(&self, min: u32, max: u32) -> Result<u32, Wrong> {
        let value = match (self.looked_up()?, self.entry.value()) {
            (Some(text), _) => text
                .trim_end()
                .parse::<i128>()
                .map_err(|_| self.wrong(Code::WrongType, "is no whole number", "what the annotation reads must be a whole number"))?,
            (None, KdlValue::Integer(value)) => *value,
            (None, _) => return Err(self.wrong_type("a whole number")),
        };
        u32::try_from(value)
            .ok()
            .filter(|value| (min..=max).contains(value))
            .ok_or_else(|| self.wrong(Code::OutOfRange, &format!("is not within {min} to {max}"), format!("use {min} to {max}")))
    }

    /// A TCP port.
    pub(super) fn port(&self) -> Result<u16, Wrong> {
        let port = self.int(1, u32::from(u16::MAX))?;
        u16::try_from(port).map_err(|_| self.wrong_type("a port"))
    }

    /// A length of time: whole seconds, or text such as `10m`.
    pub(super) fn seconds(&self, min: u32, max: u32) -> Result<u32, Wrong> {
        const HELP: &str = "write seconds, or hours, minutes and seconds such as \"90s\", \"10m\" or \"1h30m\"";
        let no_duration = || self.wrong(Code::InvalidDuration, "is no length of time", HELP);
        let seconds = match (self.entry.ty(), self.entry.value()) {
            (None, KdlValue::Integer(value)) => u64::try_from(*value).map_err(|_| no_duration())?,
            (None, KdlValue::String(_)) | (Some(_), _) => duration(&self.text()?).ok_or_else(no_duration)?,
            (None, _) => return Err(self.wrong_type("a length of time")),
        };
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| (min..=max).contains(seconds))
            .ok_or_else(|| self.wrong(Code::OutOfRange, "is out of range", format!("use {min} to {max} seconds")))
    }

    /// Ports: one number, or text such as `443` or `8000-9000`.
    pub(super) fn ports(&self) -> Result<(u16, u16), Wrong> {
        const HELP: &str = "write one port or a range from low to high: \"443\", \"8000-9000\"";
        if let (None, KdlValue::Integer(_)) = (self.entry.ty(), self.entry.value()) {
            return self.port().map(|port| (port, port));
        }
        let text = self.text()?;
        let (from, to) = text.split_once('-').unwrap_or((&text, &text));
        match (port_number(from), port_number(to)) {
            (Some(from), Some(to)) if from <= to => Ok((from, to)),
            _ => Err(self.wrong(Code::InvalidPorts, "is no port and no range of ports", HELP)),
        }
    }

    /// A number of dollars: text, or a plain decimal number as it is written.
    pub(super) fn price(&self) -> Result<crate::names::MaxPrice, Wrong> {
        if let (None, KdlValue::Integer(_) | KdlValue::Float(_), Some(format)) = (self.entry.ty(), self.entry.value(), self.entry.format())
        {
            return format.value_repr.parse().map_err(|invalid| self.invalid(Code::InvalidValue, &invalid));
        }
        self.parse(Code::InvalidValue)
    }
}

fn port_number(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| plain && *port > 0)
}

/// `90s`, `10m`, `1h30m`, `0`: each unit once, the larger first. Digits alone are seconds.
fn duration(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (mut rest, mut total) = (text, 0_u64);
    for (unit, seconds) in [('h', 3600), ('m', 60), ('s', 1)] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(after) = rest[digits..].strip_prefix(unit) {
            let number: u64 = rest[..digits].parse().ok()?;
            total = total.checked_add(number.checked_mul(seconds)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

/// A span of `kdl` as a range of bytes.
pub(super) const fn range(span: miette::SourceSpan) -> Span {
    span.offset()..span.offset() + span.len()
}

/// Text from a config as a message may show it: short, and without control characters.
pub(super) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut short: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("0", 0), ("600", 600), ("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("1h2m3s", 3723)] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["", "m", "10", "1.5h", "10 m", "-1s", "30m1h", "1h1h", "10minutes", "99999999999999999999h", "18446744073709551615h"] {
            assert_eq!(duration(text), if text == "10" { Some(10) } else { None }, "{text}");
        }
    }
}
