//! What must come of a case, and how that is written.

use std::fmt::Write as _;

use kaphost_spec::reading::{Said, Scalar, Section, Value, Wrong};
use kaphost_spec::{Code, Leaf, Path};

/// One thing that comes of a case. What is `None` in an expectation may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A value is changed.
    Change {
        /// The leaf.
        path: Path,
        /// The rule that asks for it.
        rule: Option<String>,
        /// Before, as KDL; absent when it was not there.
        from: Option<String>,
        /// After, as KDL; absent when it is taken away.
        to: Option<String>,
    },
    /// A rule is broken.
    Violation {
        /// The rule.
        rule: String,
        /// What breaks it.
        path: Option<Path>,
        /// The line of the config, from 1, after its replacements.
        line: Option<usize>,
    },
    /// The policy fails.
    Failure {
        /// The code of the failure: `trap`, `out-of-fuel`.
        code: String,
    },
}

impl Expected {
    /// Reads the node `expect`. `None` when something in it is broken, which is reported.
    pub(super) fn read(section: Section<'_>) -> Option<Vec<Self>> {
        let changes: Vec<_> = section.each("change").into_iter().map(change).collect();
        let violations: Vec<_> = section.each("violation").into_iter().map(violation).collect();
        let failures: Vec<_> = section.each("failure").into_iter().map(failure).collect();
        section.finish();
        changes.into_iter().chain(violations).chain(failures).collect()
    }

    /// Whether this, as it was written, is that, as it came.
    #[must_use]
    pub fn is(&self, actual: &Self) -> bool {
        fn any<T: PartialEq>(said: Option<&T>, actual: Option<&T>) -> bool {
            said.is_none() || said == actual
        }
        match (self, actual) {
            (Self::Change { path, rule, from, to }, Self::Change { path: of, rule: by, from: before, to: after }) => {
                path == of && any(rule.as_ref(), by.as_ref()) && any(from.as_ref(), before.as_ref()) && any(to.as_ref(), after.as_ref())
            }
            (Self::Violation { rule, path, line }, Self::Violation { rule: broken, path: at, line: on }) => {
                rule == broken && any(path.as_ref(), at.as_ref()) && any(line.as_ref(), on.as_ref())
            }
            (Self::Failure { code }, Self::Failure { code: of }) => code == of,
            _ => false,
        }
    }

    /// The rule that it is about.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Change { rule, .. } => rule.as_deref(),
            Self::Violation { rule, .. } => Some(rule),
            Self::Failure { .. } => None,
        }
    }
}

impl std::fmt::Display for Expected {
    /// As a node of `expect`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Change { path, rule, from, to } => {
                write!(f, "change {}", text(&path.to_string()))?;
                if let Some(rule) = rule {
                    write!(f, " rule={}", text(rule))?;
                }
                // A value of several texts cannot be a property.
                let several = |value: &Option<String>| value.as_ref().is_some_and(|value| value.starts_with('\u{0}'));
                if several(from) || several(to) {
                    let one = |name: &str, value: &Option<String>| {
                        value.as_ref().map(|value| format!("{name} {}", value.trim_start_matches('\u{0}'))).into_iter()
                    };
                    let both: Vec<String> = one("from", from).chain(one("to", to)).collect();
                    return write!(f, " {{ {} }}", both.join("; "));
                }
                for (name, value) in [("from", from), ("to", to)] {
                    if let Some(value) = value {
                        write!(f, " {name}={value}")?;
                    }
                }
                Ok(())
            }
            Self::Violation { rule, path, line } => {
                write!(f, "violation {}", text(rule))?;
                if let Some(path) = path {
                    write!(f, " path={}", text(&path.to_string()))?;
                }
                if let Some(line) = line {
                    write!(f, " line={line}")?;
                }
                Ok(())
            }
            Self::Failure { code } => write!(f, "failure {}", text(code)),
        }
    }
}

fn change(section: Section<'_>) -> Option<Expected> {
    let path = path_argument(&section);
    let rule = section.maybe("rule", Value::text);
    let side = |name: &'static str| section.list(name, scalar).map(|values| joined(values.into_iter().map(|(value, _)| value).collect()));
    let (from, to) = (side("from"), side("to"));
    section.finish();
    Some(Expected::Change { path: path?, rule, from, to })
}

fn violation(section: Section<'_>) -> Option<Expected> {
    let rule = match section.argument(0, &Path::root().field("violation"), Value::text) {
        Said::Is(rule) => Some(rule),
        Said::Wrong => None,
        Said::No | Said::Null => {
            section.missing(Code::MissingValue, "a rule", "name the rule that is broken: `violation \"no-public-ip\"`");
            None
        }
    };
    let path = section.said("path", path);
    let broken = matches!(path, Said::Wrong);
    let line = section.maybe("line", |value| value.whole(1, 1_000_000)).and_then(|line| usize::try_from(line).ok());
    section.finish();
    if broken { None } else { Some(Expected::Violation { rule: rule?, path: path.ok(), line }) }
}

fn failure(section: Section<'_>) -> Option<Expected> {
    let code = match section.argument(0, &Path::root().field("failure"), Value::text) {
        Said::Is(code) => Some(code),
        Said::Wrong => None,
        Said::No | Said::Null => {
            section.missing(Code::MissingValue, "a code", "name the failure as kaphost does: `failure \"trap\"`");
            None
        }
    };
    section.finish();
    Some(Expected::Failure { code: code? })
}

fn path_argument(section: &Section<'_>) -> Option<Path> {
    match section.argument(0, &Path::root().field("change"), path) {
        Said::Is(path) => Some(path),
        Said::Wrong => None,
        Said::No | Said::Null => {
            section.missing(Code::MissingValue, "a path", "name the value that is changed: `change \"tenancy\"`");
            None
        }
    }
}

fn path(value: &Value<'_>) -> Result<Path, Wrong> {
    value.text()?.parse::<Path>().map_err(|error| {
        value.wrong(
            Code::InvalidValue,
            "is no path",
            format!("{error}; write it as violations do: `ssh.allow[\"10.0.0.0/8\"].description`"),
        )
    })
}

fn scalar(value: &Value<'_>) -> Result<String, Wrong> {
    match value.scalar()? {
        Scalar::Text(one) => Ok(text(&one)),
        Scalar::Integer(number) => Ok(number.to_string()),
        Scalar::Boolean(flag) => Ok(format!("#{flag}")),
        Scalar::Fraction | Scalar::Null => {
            Err(value.wrong(Code::WrongType, "is no value of a cluster", "write text, a whole number, `#true` or `#false`"))
        }
    }
}

/// Several texts are marked by a NUL, which no text of KDL holds, so that one text is never taken for a list of one.
fn joined(mut values: Vec<String>) -> String {
    match values.len() {
        1 => values.pop().unwrap_or_default(),
        _ => format!("\u{0}{}", values.join(" ")),
    }
}

/// A leaf as it is written here. An entry without values of its own is `#true`; a list of one text is that text.
pub(super) fn leaf(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Present => "#true".to_owned(),
        Leaf::Bool(flag) => format!("#{flag}"),
        Leaf::Int(number) => number.to_string(),
        Leaf::Text(one) => text(one),
        Leaf::Texts(several) => joined(several.iter().map(|one| text(one)).collect()),
    }
}

/// A text in KDL: plain, raw where that saves escapes.
pub(super) fn text(text: &str) -> String {
    let escapes = text.contains(['"', '\\']);
    let raw = escapes && !text.contains("\"#") && !text.ends_with('\\') && !text.chars().any(|c| c.is_control());
    if raw {
        return format!("#\"{text}\"#");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text of the file, for a message.
pub(super) fn shown(text: &str) -> String {
    kaphost_policy::visible(text, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_kdl_reads_them() {
        assert_eq!(text("plain"), "\"plain\"");
        assert_eq!(text(r#"tag["Owner"]"#), r##"#"tag["Owner"]"#"##);
        assert_eq!(text("a\"#b\n"), r##""a\"#b\n""##);
        assert_eq!(text("\u{7f}\u{202e}"), r#""\u{7f}\u{202e}""#);
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        let actual = Expected::Violation { rule: "r".into(), path: Some("tenancy".parse().unwrap()), line: Some(3) };
        let loose = Expected::Violation { rule: "r".into(), path: None, line: None };
        assert!(loose.is(&actual) && actual.is(&actual) && !actual.is(&loose));
        assert!(!Expected::Violation { rule: "other".into(), path: None, line: None }.is(&actual));
        assert!(!Expected::Failure { code: "trap".into() }.is(&actual));
    }
}
