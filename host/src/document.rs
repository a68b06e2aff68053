//! The JSON documents of the commands: which there are, and the one envelope of all of them.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::exit::Exit;

/// What a command prints with `--output json`, however it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Check,
    Plan,
    Apply,
    Adopt,
    Destroy,
    Status,
    Output,
    Explain,
    Facts,
    Replay,
    Show,
    Verify,
    Convert,
    /// Of a command line that cannot be read: which command was meant is not known.
    Usage,
}

impl Document {
    /// The layout. Its number grows when a reader of the old one would misread the new one; what is added does not change it.
    #[must_use]
    pub(crate) const fn schema(self) -> &'static str {
        match self {
            Self::Check => "kaphost.check/1",
            Self::Plan => "kaphost.plan/1",
            Self::Apply => "kaphost.apply/1",
            Self::Adopt => "kaphost.adopt/1",
            Self::Destroy => "kaphost.destroy/1",
            Self::Status => "kaphost.status/1",
            Self::Output => "kaphost.output/1",
            Self::Explain => "kaphost.explain/1",
            Self::Facts => "kaphost.facts/1",
            Self::Replay => "kaphost.replay/1",
            Self::Show => "kaphost.show/1",
            Self::Verify => "kaphost.verify/1",
            Self::Convert => "kaphost.convert/1",
            Self::Usage => "kaphost.usage/1",
        }
    }

    /// The whole text: `schema` and `exit` first, so that a reader knows from the start what it reads; then the members by their names. `members`
    /// is an object.
    #[must_use]
    pub(crate) fn text(self, exit: Exit, members: &Value) -> String {
        Envelope { schema: self.schema(), exit: Some(exit), members }.text()
    }

    /// The same of a document that is kept and read again: how the run ended that wrote it says nothing of what stands in it.
    #[must_use]
    pub(crate) fn kept(self, members: &Value) -> String {
        Envelope { schema: self.schema(), exit: None, members }.text()
    }
}

struct Envelope<'a> {
    schema: &'static str,
    exit: Option<Exit>,
    members: &'a Value,
}

impl Envelope<'_> {
    fn text(&self) -> String {
        // Strings for names, and no value but JSON's own: there is nothing that could have no form.
        serde_json::to_string_pretty(self).unwrap_or_else(|error| json!({ "problems": [error.to_string()] }).to_string()) + "\n"
    }
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let schema = ("schema", Value::from(self.schema));
        let exit = self.exit.map(|exit| ("exit", Value::from(exit.code())));
        let members = self.members.as_object().into_iter().flatten();
        serializer.collect_map(std::iter::once(schema).chain(exit).chain(members.map(|(name, value)| (name.as_str(), value.clone()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_and_the_end_come_first() {
        let members = json!({ "a": [1], "decision": null });
        let text = Document::Plan.text(Exit::Changes, &members);
        assert_eq!(text, "{\n  \"schema\": \"kaphost.plan/1\",\n  \"exit\": 2,\n  \"a\": [\n    1\n  ],\n  \"decision\": null\n}\n");
        assert_eq!(Document::Facts.kept(&json!({})), "{\n  \"schema\": \"kaphost.facts/1\"\n}\n");
    }
}
