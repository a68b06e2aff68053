//! Where a module is in an OCI registry, as users write it: `oci://ghcr.io/acme/org:1.2@sha256:…`.

use std::fmt;
use std::str::FromStr;

use crate::names::Invalid;

/// What every reference begins with.
const SCHEME: &str = "oci://";
/// Characters of a repository's name: no registry takes more.
const MAX_REPOSITORY: usize = 255;
/// Characters of a tag, as the distribution specification bounds them.
const MAX_TAG: usize = 128;
const FORM: &str = "write `oci://HOST/NAME:TAG@sha256:DIGEST`, such as `oci://ghcr.io/acme/org:1.2`";

/// A module in a registry, by tag, by digest, or by both; then the digest counts and the tag is for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Whether a text is meant as one: then it is no path.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Host, and port where one is given: `ghcr.io`, `127.0.0.1:5000`, `[::1]:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name within the registry: `acme/org`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The SHA-256 of the manifest, as everywhere in OCI: 64 hexadecimal digits in lower case. The manifest holds the module's own.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The same with this digest.
    #[must_use]
    pub fn with_digest(&self, digest: &str) -> Self {
        Self { digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// The same by its tag alone.
    #[must_use]
    pub fn without_digest(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }

    /// Whether the registry runs on this machine, by its address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(host_of(&self.registry))
    }
}

/// Whether a host is this machine: `localhost`, and addresses that are never routed.
fn is_loopback(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Without the port.
fn host_of(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        // A colon within brackets is part of the address.
        Some((host, port)) if !port.contains(']') => host,
        _ => registry,
    }
}

impl FromStr for Reference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = |problem: &str| Invalid::new(problem, FORM);
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("is no reference to a registry"))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest_of(digest)?)),
            None => (rest, None),
        };
        let (registry, name) = rest.split_once('/').ok_or_else(|| wrong("names no repository"))?;
        // The port's colon is in front of the first slash.
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        let registry = registry.to_ascii_lowercase();
        if !is_registry(&registry) {
            return Err(wrong("names no host that could be a registry"));
        }
        if !is_repository(repository) {
            return Err(Invalid::new(
                "names no repository that there can be",
                "a repository is lower-case letters, digits and `.`, `_`, `-` between them, in parts that `/` divides: `acme/org`",
            ));
        }
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(Invalid::new(
                "has a tag that there cannot be",
                "a tag is up to 128 letters, digits, `.`, `_` and `-`, and begins with none of `.` and `-`",
            ));
        }
        if tag.is_none() && digest.is_none() {
            return Err(Invalid::new("names neither a tag nor a digest", FORM));
        }
        Ok(Self { registry, repository: repository.to_owned(), tag: tag.map(str::to_owned), digest })
    }
}

fn digest_of(text: &str) -> Result<String, Invalid> {
    let hex =
        text.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    hex.map(str::to_owned).ok_or_else(|| {
        Invalid::new(
            "has a digest that is none",
            "a digest is `sha256:` and 64 hexadecimal digits in lower case; `kaphost policy digest REFERENCE` prints it",
        )
    })
}

fn is_registry(registry: &str) -> bool {
    let host = host_of(registry);
    let port = registry.strip_prefix(host).unwrap_or_default();
    let has_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0));
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.len() <= 253 && host.split('.').all(label),
    };
    is_host && has_port
}

fn is_repository(name: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        // Words, and between them `.`, `_`, `__` or any number of `-`.
        let mut between = "".to_owned();
        let mut sound = part.bytes().next().is_some_and(is_word) && part.bytes().last().is_some_and(is_word);
        for byte in part.bytes() {
            if is_word(byte) {
                sound &= matches!(between.as_str(), "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-');
                between.clear();
            } else {
                sound &= matches!(byte, b'.' | b'_' | b'-');
                between.push(char::from(byte));
            }
        }
        sound
    };
    name.len() <= MAX_REPOSITORY && name.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= MAX_TAG && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_part_by_part_and_written_as_they_were() {
        let digest = "a".repeat(64);
        for (text, registry, repository, tag) in [
            ("oci://ghcr.io/acme/org:1.2".to_owned(), "ghcr.io", "acme/org", Some("1.2")),
            (format!("oci://127.0.0.1:5000/org@sha256:{digest}"), "127.0.0.1:5000", "org", None),
            (format!("oci://[::1]:5000/a/b__c/d-1.x:V_1@sha256:{digest}"), "[::1]:5000", "a/b__c/d-1.x", Some("V_1")),
            ("oci://[::1]/a:x".to_owned(), "[::1]", "a", Some("x")),
        ] {
            let read: Reference = text.parse().unwrap();
            assert_eq!((read.registry(), read.repository(), read.tag()), (registry, repository, tag));
            assert_eq!(read.digest(), text.contains('@').then_some(digest.as_str()));
            assert_eq!(read.to_string(), text);
            assert_eq!(read.is_loopback(), registry != "ghcr.io");
        }
        assert_eq!("oci://GHCR.io/a:B".parse::<Reference>().unwrap().to_string(), "oci://ghcr.io/a:B");
        for other in ["127.0.0.1.example.org", "10.0.0.1:80", "localhost.example.org", "[::2]:80"] {
            assert!(!format!("oci://{other}/a:b").parse::<Reference>().unwrap().is_loopback(), "{other}");
        }
    }

    #[test]
    fn what_is_no_reference_says_what_is_wrong() {
        for text in [
            "",
            "oci://",
            "org.wasm",
            "https://ghcr.io/a:b",
            "oci://ghcr.io",
            "oci://ghcr.io/",
            "oci://ghcr.io/a",
            "oci:///a:b",
            "oci://gh cr.io/a:b",
            "oci://user@ghcr.io/a:b",
            "oci://ghcr.io:0/a:b",
            "oci://ghcr.io:99999/a:b",
            "oci://ghcr.io:/a:b",
            "oci://-a.io/a:b",
            "oci://[::g]/a:b",
            "oci://ghcr.io/A:b",
            "oci://ghcr.io/a//b:c",
            "oci://ghcr.io/../b:c",
            "oci://ghcr.io/a._b:c",
            "oci://ghcr.io/a___b:c",
            "oci://ghcr.io/-a:c",
            "oci://ghcr.io/a:",
            "oci://ghcr.io/a:.b",
            "oci://ghcr.io/a:b:c",
            "oci://ghcr.io/a:b?c",
            "oci://ghcr.io/a@sha256:abc",
            "oci://ghcr.io/a@md5:abc",
            "oci://ghcr.io/a:b@",
            "oci://ghcr.io/a%2fb:c",
        ] {
            let wrong = text.parse::<Reference>().unwrap_err();
            assert!(!wrong.problem.is_empty() && !wrong.help.is_empty(), "{text}");
        }
        assert!(format!("oci://ghcr.io/a@sha256:{}", "A".repeat(64)).parse::<Reference>().is_err());
        assert!(format!("oci://ghcr.io/{}:b", "a".repeat(256)).parse::<Reference>().is_err());
        assert!(format!("oci://ghcr.io/a:{}", "b".repeat(129)).parse::<Reference>().is_err());
    }
}
