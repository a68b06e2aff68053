//! Digests that tell nobody what they were taken over.
//!
//! User data may hold a short secret, and whoever has its bare SHA-256 (or that of a cluster, a decision or a template which holds it, for all else in them is known) can
//! try passwords until it fits, with tables made beforehand. Kept plans lie about for longer than a run, so each has a salt of its own, and such digests stand in it salted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::canonical::sha256;

/// How a value that the config takes user data from is shown elsewhere: this, and 12 to 64 digits.
const BARE: &str = "sha256:";
/// What stands in its place.
const SALTED: &str = "salted:";
/// Digits that are shown of a digest at least.
const LEAST: usize = 12;

/// A salt, and the digests that must not stand bare.
#[derive(Clone, Debug)]
pub struct Seal {
    salt: String,
    secret: BTreeSet<String>,
}

impl Seal {
    /// With the salt of a document.
    #[must_use]
    pub fn new(salt: impl Into<String>) -> Self {
        Self { salt: salt.into(), secret: BTreeSet::new() }
    }

    /// A digest, or the beginning of one, that was taken over something secret: from now on it is salted wherever it stands. Shorter ones than are ever shown are ignored:
    /// they would be found in what is no digest.
    pub fn hide(&mut self, digest: &str) {
        if digest.len() >= LEAST && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.secret.insert(digest.to_owned());
        }
    }

    /// The salted digest of a text, 64 digits.
    #[must_use]
    pub fn digest(&self, text: &str) -> String {
        // The length first: no two salts and texts spell the same bytes.
        sha256(format!("{}:{}{text}", self.salt.len(), self.salt).as_bytes())
    }

    /// The same, said to be salted.
    #[must_use]
    pub fn covered(&self, text: &str) -> String {
        format!("{SALTED}{}", self.digest(text))
    }

    /// A JSON value in which no secret's digest stands bare: neither those that were named nor any that looks like user data's.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => members.iter().map(|(name, value)| (self.text(name), self.value(value))).collect(),
            simple => simple.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut out = self.without_bare(text);
        // The longest first: one may begin another.
        let mut secret: Vec<&String> = self.secret.iter().filter(|digest| out.contains(digest.as_str())).collect();
        secret.sort_by_key(|digest| std::cmp::Reverse(digest.len()));
        for digest in secret {
            out = out.replace(digest.as_str(), &self.in_place_of(digest));
        }
        out
    }

    /// Digests that say of themselves what they are. One after an `@` pins something public.
    fn without_bare(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(BARE) {
            let (before, from) = rest.split_at(at);
            let after = &from[BARE.len()..];
            let digits = &after[..after.bytes().take_while(u8::is_ascii_hexdigit).count()];
            out.push_str(before);
            if digits.len() < LEAST || before.ends_with('@') {
                out.push_str(BARE);
                out.push_str(digits);
            } else {
                out.push_str(SALTED);
                out.push_str(&self.in_place_of(digits));
            }
            rest = &after[digits.len()..];
        }
        out + rest
    }

    /// As many digits as there were.
    fn in_place_of(&self, digest: &str) -> String {
        let mut salted = self.digest(digest);
        salted.truncate(digest.len());
        salted
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_secrets_digest_stands_bare_and_everything_else_stays() {
        let bare = sha256(b"hunter2");
        let other = sha256(b"a template that holds it");
        let mut seal = Seal::new("5a17");
        seal.hide(&other);
        seal.hide(&other[..16]);
        seal.hide("deadbeef");
        let value = json!({
            "leaf": format!("sha256:{bare}"),
            "shown": format!("sha256:{} (7 bytes) → sha256:{} (9 bytes)", &bare[..12], &bare[12..24]),
            "description": format!("kaphost {}", &other[..16]),
            "token": [other, "deadbeef", 7],
            "pinned": format!("registry.example.com/org@sha256:{bare}"),
            "short": "sha256:abc",
            "policy": sha256(b"a module"),
        });
        let sealed = seal.value(&value);
        let text = sealed.to_string();
        assert_eq!(text.matches(&bare).count(), 1, "only what is pinned: {text}");
        assert!(!text.contains(&format!("sha256:{}", &bare[12..24])) && !text.contains(&other[..16]), "{text}");
        assert_eq!(sealed["leaf"], format!("salted:{}", seal.digest(&bare)));
        assert_eq!(sealed["token"][0], seal.digest(&other));
        assert!(sealed["shown"].as_str().unwrap().ends_with(" (9 bytes)"), "{text}");
        for same in ["pinned", "short", "policy"] {
            assert_eq!(sealed[same], value[same]);
        }
        assert_eq!((&sealed["token"][1], &sealed["token"][2]), (&json!("deadbeef"), &json!(7)));
        // The same again, and something else with another salt.
        assert_eq!(seal.value(&value), sealed);
        assert_ne!(Seal::new("5a18").value(&value)["leaf"], sealed["leaf"]);
    }
}
