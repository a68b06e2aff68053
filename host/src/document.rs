//! The JSON documents of the commands: which there are, and the one envelope of all of them.

use serde::Serialize;
use serde_json::json;

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
    Schema,
    Report,
    Completions,
    Man,
    PolicyNew,
    PolicyBuild,
    PolicyInspect,
    PolicyRun,
    PolicyTest,
    PolicyBench,
    PolicyDiff,
    PolicyPush,
    PolicyPull,
    PolicySign,
    PolicyVerify,
    PolicyDigest,
    PolicyLock,
    /// Of a command line that cannot be read: which command was meant is not known.
    Usage,
}

impl Document {
    /// The layout. Its number grows when a reader of the old one would misread the new one; what is added does not change it.
    #[must_use]
    pub(crate) const fn schema(self) -> &'static str {
        match self {
            Self::Check => kaphost_findings::SCHEMA,
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
            Self::Schema => "kaphost.schema/1",
            // These three print no JSON of their own: what they fail with is told in it.
            Self::Report => "kaphost.report/1",
            Self::Completions => "kaphost.completions/1",
            Self::Man => "kaphost.man/1",
            Self::PolicyNew => "kaphost.policy-new/1",
            Self::PolicyBuild => "kaphost.policy-build/1",
            Self::PolicyInspect => "kaphost.policy-inspect/1",
            Self::PolicyRun => "kaphost.policy-run/1",
            Self::PolicyTest => "kaphost.policy-test/1",
            Self::PolicyBench => "kaphost.policy-bench/1",
            Self::PolicyDiff => "kaphost.policy-diff/1",
            Self::PolicyPush => "kaphost.policy-push/1",
            Self::PolicyPull => "kaphost.policy-pull/1",
            Self::PolicySign => "kaphost.policy-sign/1",
            Self::PolicyVerify => "kaphost.policy-verify/1",
            Self::PolicyDigest => "kaphost.policy-digest/1",
            Self::PolicyLock => "kaphost.policy-lock/1",
            Self::Usage => "kaphost.usage/1",
        }
    }

    /// The whole text: `schema` and `exit` first, so that a reader knows from the start what it reads; then the members. `members` is an object, or a
    /// structure that is one in JSON.
    #[must_use]
    pub(crate) fn text<T: Serialize>(self, exit: Exit, members: &T) -> String {
        Envelope { schema: self.schema(), exit: Some(exit.code()), members }.text()
    }

    /// The same of a document that is kept and read again: how the run ended that wrote it says nothing of what stands in it.
    #[must_use]
    pub(crate) fn kept<T: Serialize>(self, members: &T) -> String {
        Envelope { schema: self.schema(), exit: None, members }.text()
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
    #[serde(flatten)]
    members: &'a T,
}

impl<T: Serialize> Envelope<'_, T> {
    fn text(&self) -> String {
        // Names are strings and values are JSON's own: there is nothing that could have no form.
        serde_json::to_string_pretty(self).unwrap_or_else(|error| json!({ "problems": [error.to_string()] }).to_string()) + "\n"
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
