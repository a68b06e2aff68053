//! The leaves of a cluster as JSON, written as they come.

use std::fmt::Write as _;

use serde_json::Value;

use super::walk::{Sink, walk};
use crate::model::Cluster;

/// Bytes that there is room for at first: a server with some rules, volumes and tags takes fewer.
const JSON_BYTES: usize = 4 << 10;

/// The JSON of a cluster's leaves.
pub(super) fn of(cluster: &Cluster) -> String {
    let mut text = Text { json: String::with_capacity(JSON_BYTES), at: String::with_capacity(128), above: Vec::with_capacity(8) };
    text.json.push('{');
    walk(cluster, &mut text);
    text.json.push('}');
    text.json
}

/// JSON in the making.
struct Text {
    json: String,
    /// The path of where it stands, as it is written between the quotes of JSON.
    at: String,
    /// How long that is for each node above.
    above: Vec<usize>,
}

/// Whether JSON holds the text as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
}

/// A text in quotes.
fn quoted(json: &mut String, text: &str) {
    if is_plain(text) {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        // Writing to a text cannot fail.
        let _ = write!(json, "{}", Value::from(text));
    }
}

impl Text {
    fn name(&mut self) {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(&self.at);
        self.json.push_str("\":");
    }
}

impl Sink for Text {
    fn field(&mut self, name: &'static str) {
        self.above.push(self.at.len());
        if !self.at.is_empty() {
            self.at.push('.');
        }
        self.at.push_str(name);
    }

    fn key(&mut self, key: &str) {
        self.above.push(self.at.len());
        if is_plain(key) {
            self.at.push_str("[\\\"");
            self.at.push_str(key);
            self.at.push_str("\\\"]");
        } else {
            // A path quotes the key, and JSON quotes the path.
            let twice = Value::from(format!("[{}]", Value::from(key))).to_string();
            self.at.push_str(twice.trim_matches('"'));
        }
    }

    fn up(&mut self) {
        self.at.truncate(self.above.pop().unwrap_or_default());
    }

    fn present(&mut self) {
        self.name();
        self.json.push_str("null");
    }

    fn flag(&mut self, value: bool) {
        self.name();
        self.json.push_str(if value { "true" } else { "false" });
    }

    fn int(&mut self, value: u64) {
        self.name();
        let _ = write!(self.json, "{value}");
    }

    fn text(&mut self, value: &str) {
        self.name();
        quoted(&mut self.json, value);
    }

    fn texts<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        self.name();
        self.json.push('[');
        for (i, value) in values.enumerate() {
            if i > 0 {
                self.json.push(',');
            }
            quoted(&mut self.json, value);
        }
        self.json.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Path;

    #[test]
    fn a_path_is_written_as_its_own_form_is() {
        for key in ["", "10.0.0.0/8", "a\"]b", "\\", "\u{1}ü", "\""] {
            let mut text = Text { json: String::new(), at: String::new(), above: Vec::new() };
            text.within("tag", |tag| tag.entry(key, |entry| entry.set_flag("propagate", true)));
            let path = serde_json::to_string(&Path::root().field("tag").key(key).field("propagate")).unwrap();
            assert_eq!(text.json, format!("{path}:true"));
            assert_eq!(text.at, "");
        }
    }
}
