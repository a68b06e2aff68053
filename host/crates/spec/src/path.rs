//! Paths into a cluster: `ssh.allow["10.0.0.0/8"].description`. The grammar is the contract's (`wit/policy.wit`).

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::unseen::named;

/// One step of a path. Fields sort before keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A node or property of the config, kebab-case. Nearly all are names that stand in this program.
    Field(Cow<'static, str>),
    /// The key of a keyed list.
    Key(String),
}

impl Segment {
    /// The name or the key.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Field(name) => name,
            Self::Key(key) => key,
        }
    }
}

/// The name of a value of a cluster. The empty path is the cluster itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The cluster itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// This path and a field below it.
    #[must_use]
    pub fn field(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.with(Segment::Field(name.into()))
    }

    /// This path and an entry below it.
    #[must_use]
    pub fn key(&self, key: impl fmt::Display) -> Self {
        self.with(Segment::Key(key.to_string()))
    }

    fn with(&self, segment: Segment) -> Self {
        // Not a clone that grows: every evaluation makes some hundred of these.
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }

    /// Its steps, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The path without its last step; `None` for the cluster itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// Whether this is `other` or lies above it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl FromIterator<Segment> for Path {
    fn from_iter<T: IntoIterator<Item = Segment>>(segments: T) -> Self {
        Self(segments.into_iter().collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) => {
                    if i > 0 {
                        f.write_char('.')?;
                    }
                    f.write_str(name)?;
                }
                // A JSON string: quotes, backslashes and control characters come out escaped. Hardly any key has one.
                Segment::Key(key) if key.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') => {
                    f.write_str("[\"")?;
                    f.write_str(key)?;
                    f.write_str("\"]")?;
                }
                Segment::Key(key) => {
                    let quoted = serde_json::to_string(key).map_err(|_| fmt::Error)?;
                    write!(f, "[{quoted}]")?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a path: {why} at byte {at}")]
pub struct PathError {
    text: String,
    why: &'static str,
    at: usize,
}

impl PathError {
    /// What was expected.
    #[must_use]
    pub const fn why(&self) -> &str {
        self.why
    }

    /// The byte of the text at which it goes wrong.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let fail = |why, at| PathError { text: named(text), why, at };
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            if let Some(inside) = rest.strip_prefix('[') {
                let mut keys = serde_json::Deserializer::from_str(inside).into_iter::<String>();
                match keys.next() {
                    Some(Ok(key)) => segments.push(Segment::Key(key)),
                    _ => return Err(fail("expected a quoted key", at + 1)),
                }
                let used = keys.byte_offset();
                rest = inside[used..].strip_prefix(']').ok_or_else(|| fail("expected `]`", at + 1 + used))?;
            } else {
                let name = match (at, rest.strip_prefix('.')) {
                    (0, None) => rest,
                    (0, Some(_)) | (_, None) => return Err(fail("expected a name", at)),
                    (_, Some(name)) => name,
                };
                let len = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')).unwrap_or(name.len());
                if len == 0 {
                    return Err(fail("expected a name of a-z, 0-9 and -", text.len() - name.len()));
                }
                segments.push(Segment::Field(name[..len].to_owned().into()));
                rest = &name[len..];
            }
        }
        Ok(Self(segments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in
            ["", "tenancy", "network.public-ip", r#"ssh.allow["10.0.0.0/8"].description"#, r#"tag["a\"]b"]"#, r#"tag["a\\b\u0001ä"]"#]
        {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn says_where_a_path_is_wrong() {
        for (text, at) in [(".a", 0), ("a.", 2), ("a[b]", 2), (r#"a["b""#, 5), ("a b", 1), ("A", 0), ("a..b", 2)] {
            let error = text.parse::<Path>().unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }

    #[test]
    fn a_prefix_covers_what_lies_below() {
        let allow: Path = "ssh.allow".parse().unwrap();
        assert!(allow.covers(&r#"ssh.allow["::/0"].description"#.parse().unwrap()));
        assert!(!allow.covers(&"ssh.port".parse().unwrap()));
    }
}
