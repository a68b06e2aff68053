//! Values of the expression language, and what Terraform turns them into where another type is wanted.

use crate::evaluate::Open;
use crate::finding::Place;

/// A value and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Item>),
    /// In the order of the text.
    Object(Vec<(String, Item)>),
    /// What `file("…")` reads. Nothing here reads files, so it stays a name.
    File(String),
    /// A part of a list or an object that the files do not tell.
    Unknown(Open),
}

impl Item {
    /// The same value, said to stand elsewhere: at the reference that led to it.
    pub(crate) fn moved_to(self, place: &Place) -> Self {
        let moved = |item: Self| item.moved_to(place);
        let value = match self.value {
            Value::List(items) => Value::List(items.into_iter().map(moved).collect()),
            Value::Object(fields) => Value::Object(fields.into_iter().map(|(key, item)| (key, moved(item))).collect()),
            plain => plain,
        };
        Self { value, place: place.clone() }
    }
}

impl Value {
    /// What it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::File(_) => "the text of a file",
            Self::Unknown(_) => "not known",
        }
    }

    /// As text: numbers and booleans turn into it by themselves.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Null | Self::List(_) | Self::Object(_) | Self::File(_) | Self::Unknown(_) => None,
        }
    }

    /// As true or false: text that says so turns into it by itself.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// As a whole number that is not negative: text that is one turns into it by itself.
    pub(crate) fn whole(&self) -> Option<u64> {
        let (Self::Number(text) | Self::Text(text)) = self else { return None };
        let text = text.split_once('.').map_or(text.as_str(), |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { text });
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_turn_into_one_another_as_in_terraform() {
        let text = |text: &str| Value::Text(text.to_owned());
        let number = |text: &str| Value::Number(text.to_owned());
        assert_eq!(number("22").text().as_deref(), Some("22"));
        assert_eq!(Value::Bool(true).text().as_deref(), Some("true"));
        assert_eq!((text("true").flag(), text("0").flag(), text("yes").flag(), number("1").flag()), (Some(true), Some(false), None, None));
        assert_eq!((text("9092").whole(), number("50.0").whole(), number("50.5").whole()), (Some(9092), Some(50), None));
        assert_eq!((number("-1").whole(), text("").whole(), text(".0").whole(), text("1e3").whole()), (None, None, None, None));
        assert_eq!(Value::Null.text(), None);
    }
}
