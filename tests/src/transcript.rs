//! What a run said, in a form that golden files can hold, or that can be looked into.

use serde_json::Value;

use crate::{Failure, Kaphost, Run};

impl Kaphost {
    /// Runs kaphost to its end on a terminal of 80 columns, with arguments that are separated by spaces.
    ///
    /// # Errors
    /// As [`Kaphost::run`].
    pub fn run_narrow(&self, arguments: &str) -> Result<Run, Failure> {
        let mut command = self.command();
        Run::of(command.args(arguments.split_whitespace()).env("COLUMNS", "80"))
    }
}

impl Run {
    /// The document on standard output.
    ///
    /// # Errors
    /// When there is none.
    pub fn document(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.stdout).map_err(|error| Failure::new(format!("{error}: {self}")))
    }

    /// `code: message` of each reason for which something that was kept does not hold any more, and of what ended the run.
    ///
    /// # Errors
    /// When there is no document.
    pub fn reasons(&self) -> Result<Vec<String>, Failure> {
        let document = self.document()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let shown = |problem: &Value| format!("{}: {}", text(&problem["code"]), text(&problem["message"]));
        let list = |problems: &Value| problems.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>();
        Ok([list(&document["reasons"]), list(&document["ended"]["problems"])].concat())
    }

    /// Both streams and the code. Digests, which differ between compilers, are named and not spelt; time and memory are left out.
    #[must_use]
    pub fn transcript(&self) -> String {
        let code = self.code.map_or_else(|| "none (a signal)".to_owned(), |code| code.to_string());
        without_digests(&format!("exit code {code}\n── stdout\n{}── stderr\n{}", self.stdout, self.stderr))
    }
}

/// Puts `[digest]` in place of every SHA-256: whole, or cut to its first 12 digits after `sha256:`.
fn without_digests(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        let is_digest = digits.len() == 64 || (digits.len() == 12 && out.ends_with("sha256:"));
        out.push_str(if is_digest { "[digest]" } else { digits });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_named_and_the_rest_is_kept() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(without_digests(&format!("a1 sha256:0123456789ab, {digest}")), "a1 sha256:[digest], [digest]");
        assert_eq!(without_digests("deadbeefdead sha256:12 faé"), "deadbeefdead sha256:12 faé");
    }
}
