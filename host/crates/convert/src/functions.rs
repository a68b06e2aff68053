//! The functions that are worked out. Arguments of modules seldom need others, and one that is not worked out is named, never guessed.

use crate::evaluate::MAX_TEXT;
use crate::value::{Item, Value};

/// Their names.
pub(crate) const NAMES: &[&str] =
    &["concat", "file", "join", "length", "lower", "tobool", "tolist", "tonumber", "toset", "tostring", "trimspace", "upper"];

/// What a function gives. `None` when it does not take such arguments.
pub(crate) fn call(name: &str, arguments: Vec<Item>) -> Option<Value> {
    if name == "concat" {
        let mut all = Vec::new();
        for argument in arguments {
            all.extend(list(argument)?);
        }
        return Some(Value::List(all));
    }
    let mut arguments = arguments.into_iter();
    let (first, second, none) = (arguments.next()?, arguments.next(), arguments.next());
    if none.is_some() || second.is_some() != (name == "join") {
        return None;
    }
    match name {
        "file" => match first.value {
            Value::Text(path) if !path.is_empty() => Some(Value::File(path)),
            _ => None,
        },
        "join" => {
            let separator = first.value.text()?;
            let parts: Option<Vec<String>> = list(second?)?.iter().map(|item| item.value.text()).collect();
            Some(parts?.join(&separator)).filter(|text| text.len() <= MAX_TEXT).map(Value::Text)
        }
        "length" => match &first.value {
            Value::List(items) => Some(items.len()),
            Value::Object(fields) => Some(fields.len()),
            // Terraform counts what a reader sees as one character; only of ASCII is that certain here.
            Value::Text(text) if text.is_ascii() => Some(text.len()),
            _ => None,
        }
        .map(|length| Value::Number(length.to_string())),
        "lower" => first.value.text().map(|text| Value::Text(text.to_lowercase())),
        "upper" => first.value.text().map(|text| Value::Text(text.to_uppercase())),
        "trimspace" => first.value.text().map(|text| Value::Text(text.trim().to_owned())),
        "tobool" => first.value.flag().map(Value::Bool),
        "tonumber" => match first.value {
            Value::Number(number) => Some(Value::Number(number)),
            value => value.whole().map(|whole| Value::Number(whole.to_string())),
        },
        "tostring" => first.value.text().map(Value::Text),
        "tolist" => list(first).map(Value::List),
        "toset" => {
            let mut items = list(first)?;
            // A set of text has no repeats and is sorted; of anything else it is not worked out.
            if !items.iter().all(|item| matches!(item.value, Value::Text(_))) {
                return None;
            }
            items.sort_by_cached_key(|item| item.value.text());
            items.dedup_by(|one, other| one.value == other.value);
            Some(Value::List(items))
        }
        _ => None,
    }
}

fn list(item: Item) -> Option<Vec<Item>> {
    match item.value {
        Value::List(items) => Some(items),
        _ => None,
    }
}
