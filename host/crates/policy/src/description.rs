//! What a policy says of itself: plain data, checked and made printable when the module is loaded.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FactKind;
use crate::error::DescriptionError;
use crate::limits::SENTENCE_CHARS;
use crate::settings::{Misgiven, Settings, TypedSetting};
use crate::text::is_kebab;

/// Bytes of a name: of a policy, a rule or a setting.
const NAME_BYTES: usize = 64;
/// Rules of one policy: ten times the longest benchmark of a cloud's security controls for one service.
const MAX_RULES: usize = 1_000;
/// Settings of one policy.
const MAX_SETTINGS: usize = 200;
/// Texts in one default value.
const MAX_TEXTS: usize = 1_000;

/// How bad a violation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// A rule that a policy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Kebab-case, unique in the policy.
    pub id: String,
    /// How bad it is to break it.
    pub severity: Severity,
    /// One sentence: what must hold.
    pub summary: String,
    /// Where it is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A setting's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// True or false.
    Boolean,
    /// A whole number, from and to, inclusive.
    Integer(i64, i64),
    /// Text.
    Text,
    /// Several texts, in order.
    Texts,
}

impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("true or false"),
            Self::Integer(i64::MIN, i64::MAX) => f.write_str("a whole number"),
            Self::Integer(from, to) => write!(f, "a whole number from {from} to {to}"),
            Self::Text => f.write_str("text"),
            Self::Texts => f.write_str("texts, separated by commas"),
        }
    }
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Several texts, in order.
    Texts(Vec<String>),
}

impl SettingValue {
    /// Whether the value is of this type and in its range.
    #[must_use]
    pub const fn is(&self, kind: SettingKind) -> bool {
        match (self, kind) {
            (Self::Boolean(_), SettingKind::Boolean) | (Self::Text(_), SettingKind::Text) | (Self::Texts(_), SettingKind::Texts) => true,
            (Self::Integer(value), SettingKind::Integer(from, to)) => from <= *value && *value <= to,
            _ => false,
        }
    }
}

/// A setting that a policy takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingSchema {
    /// Kebab-case, unique in the policy.
    pub name: String,
    /// Its type.
    pub kind: SettingKind,
    /// What stands when nobody says otherwise. `None` makes the setting required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<SettingValue>,
    /// One sentence.
    pub doc: String,
}

/// What a policy says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Kebab-case.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Every rule that it can cite.
    pub rules: Vec<Rule>,
    /// Every setting that it takes.
    pub settings: Vec<SettingSchema>,
    /// Facts without which it cannot answer.
    pub needs: Vec<FactKind>,
}

impl Description {
    /// The rule of that id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Reads settings whose values have types already, by the schema that this describes, and fills in the defaults.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn typed_settings(&self, given: &[TypedSetting]) -> Result<Settings, Vec<Misgiven>> {
        Settings::read_typed(&self.settings, given)
    }

    /// Whether everything holds together.
    pub(crate) fn check(&self) -> Result<(), DescriptionError> {
        let wrong = |what: String, problem: &str| Err(DescriptionError { what, problem: problem.to_owned() });
        let kebab = |what: &str, text: &str| {
            if is_kebab(text, NAME_BYTES) {
                return Ok(());
            }
            let shown: String = text.chars().take(NAME_BYTES).collect();
            wrong(format!("the name `{shown}` of {what}"), "is not kebab-case of at most 64 characters: `restrict-ssh`")
        };
        let sentence = |what: String, text: &str| match text.chars().count() {
            0 => wrong(what, "is empty"),
            n if n > SENTENCE_CHARS => wrong(what, "is longer than 1,000 characters"),
            _ => Ok(()),
        };
        kebab("the policy", &self.name)?;
        if !is_semver(&self.version) {
            return wrong("its version".into(), "is not of the form `1.2.3`");
        }
        sentence("its summary".into(), &self.summary)?;
        if self.rules.len() > MAX_RULES {
            return wrong("its list of rules".into(), "has more than 1,000 entries");
        }
        let mut ids = BTreeSet::new();
        for rule in &self.rules {
            kebab("a rule", &rule.id)?;
            if !ids.insert(&rule.id) {
                return wrong(format!("the rule `{}`", rule.id), "is there more than once");
            }
            sentence(format!("the summary of the rule `{}`", rule.id), &rule.summary)?;
            if rule.url.as_ref().is_some_and(|url| !is_web_address(url)) {
                return wrong(format!("the address of the rule `{}`", rule.id), "is no `https://…` address");
            }
        }
        if self.settings.len() > MAX_SETTINGS {
            return wrong("its list of settings".into(), "has more than 200 entries");
        }
        let mut names = BTreeSet::new();
        for setting in &self.settings {
            kebab("a setting", &setting.name)?;
            let what = || format!("the setting `{}`", setting.name);
            if !names.insert(&setting.name) {
                return wrong(what(), "is there more than once");
            }
            sentence(format!("the documentation of the setting `{}`", setting.name), &setting.doc)?;
            if matches!(setting.kind, SettingKind::Integer(from, to) if from > to) {
                return wrong(what(), "has an empty range");
            }
            if setting.default.as_ref().is_some_and(|default| !default.is(setting.kind)) {
                return wrong(format!("the default of the setting `{}`", setting.name), "is not of the setting's own type and range");
            }
            if matches!(&setting.default, Some(SettingValue::Texts(texts)) if texts.len() > MAX_TEXTS) {
                return wrong(format!("the default of the setting `{}`", setting.name), "has more than 1,000 entries");
            }
        }
        Ok(())
    }
}

/// `1.2.3`, with `-…` and `+…` behind it where wanted.
fn is_semver(text: &str) -> bool {
    let plain = |part: &str| part.split('.').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let numbers: Vec<&str> = core.split('.').collect();
    text.len() <= NAME_BYTES
        && numbers.len() == 3
        && numbers
            .iter()
            .all(|n| !n.is_empty() && n.len() <= 10 && n.bytes().all(|b| b.is_ascii_digit()) && (*n == "0" || !n.starts_with('0')))
        && pre.is_none_or(plain)
        && build.is_none_or(plain)
}

fn is_web_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Description {
        Description {
            name: "restrict-ssh".into(),
            version: "1.0.0".into(),
            summary: "SSH is not open to the world.".into(),
            rules: vec![Rule {
                id: "open".into(),
                severity: Severity::High,
                summary: "Not open.".into(),
                url: Some("https://x.example/".into()),
            }],
            settings: vec![SettingSchema {
                name: "prefix".into(),
                kind: SettingKind::Integer(0, 32),
                default: Some(SettingValue::Integer(8)),
                doc: "The widest network.".into(),
            }],
            needs: vec![],
        }
    }

    #[test]
    fn a_sound_description_passes() {
        good().check().unwrap();
    }

    #[test]
    fn everything_that_does_not_hold_together_is_found() {
        type Break = fn(&mut Description);
        let breaks: [(&str, Break); 13] = [
            ("name", |d| d.name = "Restrict SSH".into()),
            ("version", |d| d.version = "1.0".into()),
            ("summary", |d| d.summary.clear()),
            ("summary", |d| d.summary = "x".repeat(1_001)),
            ("more than once", |d| d.rules.push(d.rules[0].clone())),
            ("kebab", |d| d.rules[0].id = "a b".into()),
            ("address", |d| d.rules[0].url = Some("javascript:alert(1)".into())),
            ("1,000 entries", |d| d.rules = (0..=MAX_RULES).map(|i| Rule { id: format!("r{i}"), ..d.rules[0].clone() }).collect()),
            ("more than once", |d| d.settings.push(d.settings[0].clone())),
            ("own type and range", |d| d.settings[0].default = Some(SettingValue::Integer(33))),
            ("own type and range", |d| d.settings[0].default = Some(SettingValue::Text("8".into()))),
            ("empty range", |d| d.settings[0].kind = SettingKind::Integer(1, 0)),
            ("documentation", |d| d.settings[0].doc.clear()),
        ];
        for (expected, broken) in breaks {
            let mut description = good();
            broken(&mut description);
            let error = description.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn knows_semantic_versions() {
        for good in ["0.1.0", "1.2.3-rc.1", "1.2.3+build", "1.2.3-a-b+c.d"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-", "1.2.3+", "v1.2.3", "1.2.3-a..b"] {
            assert!(!is_semver(bad), "{bad}");
        }
    }
}
