//! Paths with wildcards, for grants: what a policy may write or loosen. `ssh.allow`, `tag["Owner"]`, `volume[*].encrypted`, `*` for everything.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::nearest;
use crate::path::{Path, Segment};

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Is(Segment),
    AnyKey,
}

/// A path whose keys may be wildcards. Covers every path that it is, or that lies below it. The pattern `*` covers all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Vec<Step>);

impl Pattern {
    /// Covers everything: `*`.
    #[must_use]
    pub const fn everything() -> Self {
        Self(Vec::new())
    }

    /// Whether the path is one that this names, or lies below one.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        let fits = |(step, segment): (&Step, &Segment)| match step {
            Step::Is(wanted) => wanted == segment,
            Step::AnyKey => matches!(segment, Segment::Key(_)),
        };
        self.0.len() <= path.segments().len() && self.0.iter().zip(path.segments()).all(fits)
    }
}

impl From<&Path> for Pattern {
    /// The pattern without wildcards.
    fn from(path: &Path) -> Self {
        Self(path.segments().iter().cloned().map(Step::Is).collect())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("*");
        }
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Is(Segment::Field(name)) if i == 0 => f.write_str(name)?,
                Step::Is(Segment::Field(name)) => write!(f, ".{name}")?,
                Step::Is(key @ Segment::Key(_)) => Path::from_iter([key.clone()]).fmt(f)?,
                Step::AnyKey => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no pattern, or one that covers nothing a cluster can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern of paths: {why}")]
pub struct PatternError {
    text: String,
    why: String,
    help: String,
    at: usize,
}

impl PatternError {
    /// The byte of the text at which it goes wrong.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    /// Reads a pattern, and holds its names against what a cluster has: a grant with a mistyped name would grant nothing and say nothing.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        const HELP: &str = "write `ssh.allow`, `tag[\"Owner\"]`, `volume[*].encrypted`, or `*` for everything";
        let fail = |why: String, at, help: String| PatternError { text: text.escape_debug().to_string(), why, help, at };
        if text == "*" {
            return Ok(Self::everything());
        }
        if text.is_empty() {
            return Err(fail("it is empty".into(), 0, HELP.into()));
        }
        // Pieces between wildcards are ordinary paths, but for a piece that starts below a wildcard: it needs its first dot.
        let mut steps = Vec::new();
        let mut names = Names::default();
        let mut from = 0;
        loop {
            let end = wildcard(text, from);
            let piece = &text[from..end.unwrap_or(text.len())];
            let path = if from > 0 && !piece.is_empty() && !piece.starts_with('[') {
                let below = piece
                    .strip_prefix('.')
                    .ok_or_else(|| fail(format!("a name needs a dot before it at byte {from}"), from, HELP.into()))?;
                if below.is_empty() {
                    return Err(fail(format!("a name is missing at byte {}", from + 1), from + 1, HELP.into()));
                }
                from += 1;
                below
            } else {
                piece
            };
            let path: Path = path.parse().map_err(|error: crate::PathError| {
                let at = from + error.at();
                fail(format!("{} at byte {at}", error.why()), at, HELP.into())
            })?;
            for segment in path.segments() {
                names.step(Some(segment)).map_err(|(why, help)| fail(why, from, help))?;
                steps.push(Step::Is(segment.clone()));
            }
            let Some(end) = end else { return Ok(Self(steps)) };
            names.step(None).map_err(|(why, help)| fail(why, end, help))?;
            steps.push(Step::AnyKey);
            from = end + "[*]".len();
        }
    }
}

/// Where the next `[*]` stands that is not inside of a quoted key.
fn wildcard(text: &str, from: usize) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < from) {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted && text[at..].starts_with("[*]") => return Some(at),
            _ => {}
        }
    }
    None
}

/// Every place that a cluster can have a value, with `[]` for the key of a keyed list. A test holds this against [`crate::Cluster::leaves`].
const PLACES: &[&str] = &[
    "name",
    "region",
    "ami",
    "ami.owner",
    "ami.name",
    "instance-type",
    "tenancy",
    "ebs-optimized",
    "spot",
    "spot.max-price",
    "network.vpc",
    "network.subnets[]",
    "network.public-ip",
    "ssh.port",
    "ssh.key",
    "ssh.allow[].description",
    "http.port",
    "http.allow[].description",
    "http.security-group",
    "egress[].ports",
    "egress[].description",
    "metadata.enabled",
    "metadata.tokens",
    "metadata.hop-limit",
    "root-volume.type",
    "root-volume.size",
    "root-volume.iops",
    "root-volume.throughput",
    "root-volume.encrypted",
    "root-volume.kms-key",
    "root-volume.delete-on-termination",
    "volume[].type",
    "volume[].size",
    "volume[].iops",
    "volume[].throughput",
    "volume[].encrypted",
    "volume[].kms-key",
    "volume[].delete-on-termination",
    "volume[].snapshot",
    "user-data",
    "scaling.termination-policies",
    "scaling.health-check",
    "scaling.health-check-grace-period",
    "scaling.wait-for-capacity-timeout",
    "scaling.deletion-protection",
    "rollout.strategy",
    "rollout.auto-rollback",
    "rollout.skip-matching",
    "rollout.warmup",
    "rollout.timeout",
    "iam.profile-path",
    "iam.managed-policy[]",
    "iam.inline-policy[]",
    "iam.boundary",
    "tag[]",
    "tag[].propagate",
    "kapacitor.hostname",
    "kapacitor.influxdb",
    "kapacitor.storage.device",
    "kapacitor.storage.mount-point",
    "kapacitor.owner",
    "kapacitor.log-level",
    "kapacitor.tls.certificate",
    "kapacitor.tls.key",
    "kapacitor.extra-config",
];

/// Walks down [`PLACES`], a step at a time.
#[derive(Default)]
struct Names {
    so_far: String,
}

impl Names {
    /// Goes one step down; `None` is a wildcard key.
    fn step(&mut self, segment: Option<&Segment>) -> Result<(), (String, String)> {
        let above = self.so_far.clone();
        match segment {
            Some(Segment::Field(name)) if above.is_empty() => self.so_far.push_str(name),
            Some(Segment::Field(name)) => self.so_far = format!("{above}.{name}"),
            Some(Segment::Key(_)) | None => self.so_far.push_str("[]"),
        }
        let is_there = PLACES.iter().any(|place| {
            place.strip_prefix(self.so_far.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
        });
        if is_there {
            return Ok(());
        }
        let what = if above.is_empty() { "a cluster".to_owned() } else { format!("`{above}`") };
        let Some(Segment::Field(name)) = segment else {
            return Err((format!("{what} is no list with keys"), format!("leave the key out: {}", below(&above))));
        };
        let known = children(&above);
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => below(&above),
        };
        Err((format!("{what} has no `{name}`"), help))
    }
}

/// The names directly below a place.
fn children(above: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = PLACES
        .iter()
        .filter_map(|place| if above.is_empty() { Some(*place) } else { place.strip_prefix(above)?.strip_prefix('.') })
        .map(|rest| rest.split(['.', '[']).next().unwrap_or(rest))
        .collect();
    names.dedup();
    names
}

fn below(above: &str) -> String {
    match children(above).as_slice() {
        [] if PLACES.iter().any(|place| place.starts_with(&format!("{above}[]"))) => "name an entry by its key, or `[*]` for any".into(),
        [] => "nothing lies below it".into(),
        names => format!("there are: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "*",
            "tenancy",
            "network.public-ip",
            "volume[*].encrypted",
            "volume[*]",
            r#"tag["Owner"]"#,
            r#"tag["[*]"].propagate"#,
            r#"tag["a\"[*]"]"#,
            "ssh.allow[*].description",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn covers_what_it_names_and_what_lies_below() {
        for (grant, covered) in [
            ("*", ""),
            ("*", "tenancy"),
            ("ssh", r#"ssh.allow["::/0"].description"#),
            ("ssh.allow", r#"ssh.allow["::/0"]"#),
            ("volume[*].encrypted", r#"volume["/dev/xvdh"].encrypted"#),
            ("volume[*]", r#"volume["/dev/xvdh"].encrypted"#),
            (r#"tag["Owner"]"#, r#"tag["Owner"].propagate"#),
        ] {
            assert!(pattern(grant).covers(&path(covered)), "{grant} {covered}");
        }
        for (grant, other) in [
            ("ssh.allow", "ssh.port"),
            ("ssh.allow", "ssh"),
            ("volume[*].encrypted", "root-volume.encrypted"),
            ("volume[*].encrypted", r#"volume["/dev/xvdh"].size"#),
            ("volume[*]", "volume"),
            (r#"tag["Owner"]"#, r#"tag["owner"]"#),
            (r#"tag["[*]"]"#, r#"tag["Owner"]"#),
            ("http", "https"),
        ] {
            assert!(!pattern(grant).covers(&path(other)), "{grant} {other}");
        }
    }

    #[test]
    fn says_where_a_pattern_is_wrong_and_what_was_meant() {
        for (text, at, why, help) in [
            ("", 0, "empty", "ssh.allow"),
            ("ssh.", 4, "expected a name", "ssh.allow"),
            ("ssh.alow", 0, "`ssh` has no `alow`", "did you mean `allow`?"),
            ("sssh", 0, "a cluster has no `sssh`", "did you mean `ssh`?"),
            ("*.encrypted", 0, "expected a name", "volume[*]"),
            ("volume[*]encrypted", 9, "needs a dot", "volume[*]"),
            ("volume[*].", 10, "a name is missing", "volume[*]"),
            ("volume[*].encripted", 10, "has no `encripted`", "did you mean `encrypted`?"),
            ("tenancy[*]", 7, "`tenancy` is no list with keys", "leave the key out"),
            ("volume[x]", 7, "expected a quoted key", "volume[*]"),
            ("volume.encrypted", 0, "`volume` has no `encrypted`", "[*]"),
            ("tenancy.x", 0, "`tenancy` has no `x`", "nothing lies below it"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert_eq!(error.at(), at, "{text}: {error}");
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert!(error.help().contains(help), "{text}: {}", error.help());
        }
    }

    #[test]
    fn a_path_is_the_pattern_of_itself() {
        for place in [r#"ssh.allow["::/0"].description"#, "tenancy"] {
            let path = path(place);
            assert!(Pattern::from(&path).covers(&path));
            assert_eq!(Pattern::from(&path).to_string(), place);
        }
        assert_eq!(Pattern::from(&Path::root()), Pattern::everything());
    }

    #[test]
    fn every_place_is_a_pattern() {
        for place in PLACES {
            assert!(pattern(&place.replace("[]", "[*]")).covers(&path(&place.replace("[]", "[\"k\"]"))), "{place}");
        }
    }
}
