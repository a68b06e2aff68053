//! Single words and texts of a policy set.

use std::fmt;
use std::str::FromStr;

use kaphost_policy::{Enforcement, FactKind};
use kaphost_sign::VerifyingKey;
use kaphost_spec::names::Invalid;
use kaphost_spec::reading::{Value, Wrong};
use kaphost_spec::{Code, Pattern, Reference, nearest};

/// Characters of a sentence: an owner, a ticket, a reason.
const MAX_SENTENCE: usize = 500;

/// A policy's own name: kebab-case, at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyName(pub(crate) String);

impl FromStr for PolicyName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split('-').all(word) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("is no name of a policy or rule", "names are kebab-case, at most 64 characters: `restrict-ssh`"))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 in lower-case hexadecimal.
pub(crate) fn digest(value: &Value<'_>) -> Result<String, Wrong> {
    const HELP: &str = "`sha256sum FILE` prints the 64 digits";
    let text = value.text()?;
    let text = text.strip_prefix("sha256:").unwrap_or(&text);
    if text.len() != 64 {
        let count = text.chars().count();
        let letters = if count == 1 { "character" } else { "characters" };
        let problem = format!("is {count} {letters} long, where a SHA-256 has 64");
        return Err(value.wrong(Code::InvalidDigest, &problem, HELP));
    }
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(value.wrong(Code::InvalidDigest, "is not hexadecimal", HELP));
    }
    Ok(text.to_ascii_lowercase())
}

pub(crate) fn enforcement(value: &Value<'_>) -> Result<Enforcement, Wrong> {
    let words = Enforcement::ALL.map(|one| (one.as_str(), one));
    word(value, "is no enforcement", &words)
}

pub(crate) fn fact(value: &Value<'_>) -> Result<FactKind, Wrong> {
    let words = [("account", FactKind::Account), ("ami", FactKind::Ami), ("subnets", FactKind::Subnets), ("vpc", FactKind::Vpc)];
    word(value, "is no fact", &words)
}

fn word<T: Copy>(value: &Value<'_>, problem: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
    let text = value.text()?;
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meant);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let help = nearest(&text, known.iter().copied())
        .map_or_else(|| format!("use one of: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    Err(value.wrong(Code::UnknownWord, problem, help))
}

pub(crate) fn pattern(value: &Value<'_>) -> Result<Pattern, Wrong> {
    value
        .text()?
        .parse::<Pattern>()
        .map_err(|error| value.wrong(Code::InvalidPattern, "grants nothing", format!("{error}: {}", error.help())))
}

/// A text that says something.
pub(crate) fn sentence(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.trim().is_empty() {
        return Err(value.wrong(Code::InvalidValue, "is empty", "say it"));
    }
    if text.chars().count() > MAX_SENTENCE {
        return Err(value.wrong(Code::InvalidValue, "is too long", format!("use at most {MAX_SENTENCE} characters")));
    }
    Ok(text)
}

/// A module's place: a file's path, or a reference to a registry; as it is spelt, and read.
pub(crate) fn path(value: &Value<'_>) -> Result<(String, Option<Reference>), Wrong> {
    let text = value.text()?;
    if text.is_empty() || text.contains('\0') {
        return Err(value.wrong(Code::InvalidValue, "is no path", "name the module's file, relative to the folder of this set"));
    }
    if !Reference::is_one(&text) {
        return Ok((text, None));
    }
    match text.parse::<Reference>() {
        Ok(reference) => Ok((text, Some(reference))),
        Err(invalid) => Err(value.wrong(Code::InvalidReference, &invalid.problem, invalid.help)),
    }
}

/// The public half of a key that signs.
pub(crate) fn key(value: &Value<'_>) -> Result<VerifyingKey, Wrong> {
    const HELP: &str = "write the one line that stands in a public key's PEM between BEGIN and END: a set takes nothing from other files";
    let text = value.text()?;
    VerifyingKey::from_text(&text).map_err(|error| value.wrong(Code::InvalidKey, &error.to_string(), format!("{HELP}; {}", error.help())))
}
