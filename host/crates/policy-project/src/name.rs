//! What a policy may be called.

use std::fmt;
use std::str::FromStr;

/// Bytes of a policy's name, as the host takes it.
const MAX_BYTES: usize = 64;

/// Names that are something else to Rust or cargo, or that the project needs for itself. Rust's keywords of one word, of every edition.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "kaphost",
    "kaphost-guest",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit-bindgen",
    "yield",
];

/// A policy's name: kebab-case, at most 64 bytes, good for a package too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is no [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be the name of a policy: it {why}")]
pub struct BadName {
    text: String,
    why: &'static str,
    help: String,
}

impl BadName {
    /// What to do.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let shown: String = text.chars().take(MAX_BYTES).filter(|c| !c.is_control()).collect();
        let bad = |why, help: String| Err(BadName { text: shown.clone(), why, help });
        if text.len() > MAX_BYTES {
            return bad("is longer than 64 characters", "say it shorter: the README has room for the rest".into());
        }
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.split('-').all(word) {
            let meant = kebab(text);
            let help = if meant.is_empty() { "small-root-volumes".to_owned() } else { meant };
            return bad("is not kebab-case", format!("use small letters, digits and single hyphens, a letter first: `{help}`"));
        }
        if TAKEN.contains(&text) {
            return bad("means something else to Rust or cargo", format!("say more: `{text}-policy`"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The nearest thing in kebab-case; empty when there is none.
fn kebab(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-').to_owned()
}

impl Name {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The library, as Rust calls it: `small_root_volumes`.
    #[must_use]
    pub fn library(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The type: `SmallRootVolumes`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            first.to_ascii_uppercase() + rest
        };
        self.0.split('-').map(word).collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_taken_as_they_are() {
        for (text, library, type_name) in [("a", "a", "A"), ("no-public-ip", "no_public_ip", "NoPublicIp"), ("x1-2y", "x1_2y", "X12y")] {
            let name: Name = text.parse().unwrap();
            assert_eq!((name.as_str(), name.library().as_str(), name.type_name().as_str()), (text, library, type_name));
        }
    }

    #[test]
    fn bad_names_are_refused_with_what_was_perhaps_meant() {
        let refused = |text: &str| text.parse::<Name>().unwrap_err();
        for (text, help) in [
            ("NoPublicIp", "`no-public-ip`"),
            ("no_public_ip", "`no-public-ip`"),
            ("no--public", "`no-public`"),
            ("-x", "`x`"),
            ("1st", "`st`"),
            ("../../etc", "`etc`"),
            ("a/b", "`a-b`"),
            ("", "`small-root-volumes`"),
            ("\u{1b}[2J", "`j`"),
            ("match", "`match-policy`"),
            ("kaphost-guest", "`kaphost-guest-policy`"),
        ] {
            let error = refused(text);
            assert!(error.help().contains(help) && !error.to_string().contains('\u{1b}'), "{text:?}: {error}; {}", error.help());
        }
        assert!(refused(&"a".repeat(65)).to_string().contains("longer than 64"));
        assert!("a".repeat(64).parse::<Name>().is_ok());
    }
}
