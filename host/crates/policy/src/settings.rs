//! A user's words for a policy's settings, checked against the schema that the policy describes.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

use crate::description::{SettingKind, SettingSchema, SettingValue};
use crate::text::visible;

/// Bytes of one text given as a setting. Settings travel with every call.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The settings of one policy: exactly those that it described, each with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, SettingValue>);

impl Settings {
    /// Every setting by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SettingValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.get(name)
    }

    /// Reads `name=value` pairs. A `texts` setting may be given several times, or once with commas between; every other setting once.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub(crate) fn read(schema: &[SettingSchema], given: &[(String, String)]) -> Result<Self, Vec<SettingError>> {
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, text) in given {
            by_name.entry(name).or_default().push(text);
        }
        let mut errors: Vec<SettingError> = Vec::new();
        for name in by_name.keys() {
            if !schema.iter().any(|setting| setting.name == *name) {
                errors.push(SettingError::Unknown {
                    name: visible(name, 100),
                    similar: similar(name, schema),
                    known: schema.iter().map(|setting| setting.name.clone()).collect(),
                });
            }
        }
        let mut values = BTreeMap::new();
        for setting in schema {
            let value = match (by_name.get(setting.name.as_str()), &setting.default) {
                (Some(texts), _) => value(setting, texts),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(SettingError::Missing { name: setting.name.clone(), kind: setting.kind, doc: setting.doc.clone() }),
            };
            match value {
                Ok(value) => {
                    values.insert(setting.name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self(values)) } else { Err(errors) }
    }
}

fn value(setting: &SettingSchema, texts: &[&str]) -> Result<SettingValue, SettingError> {
    let name = || setting.name.clone();
    if texts.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(SettingError::TooLong { name: name(), limit: MAX_TEXT_BYTES });
    }
    if setting.kind == SettingKind::Texts {
        let split = texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
        return Ok(SettingValue::Texts(split.map(str::to_owned).collect()));
    }
    let [text] = texts else { return Err(SettingError::Repeated { name: name() }) };
    let mistyped = || SettingError::Mistyped { name: name(), given: visible(text, 100), kind: setting.kind };
    match setting.kind {
        SettingKind::Text | SettingKind::Texts => Ok(SettingValue::Text((*text).to_owned())),
        SettingKind::Boolean => match *text {
            "true" | "#true" => Ok(SettingValue::Boolean(true)),
            "false" | "#false" => Ok(SettingValue::Boolean(false)),
            _ => Err(mistyped()),
        },
        SettingKind::Integer(from, to) => {
            let number: i64 = text.parse().map_err(|_| mistyped())?;
            if from <= number && number <= to {
                Ok(SettingValue::Integer(number))
            } else {
                Err(SettingError::OutOfRange { name: name(), given: number, from, to })
            }
        }
    }
}

/// The described name that is at most two edits away, or holds what was given.
fn similar(given: &str, schema: &[SettingSchema]) -> Option<String> {
    let near = schema.iter().map(|setting| (distance(given, &setting.name), &setting.name)).min()?;
    if near.0 <= 2 || (near.1.contains(given) && given.len() >= 3) { Some(near.1.clone()) } else { None }
}

/// Levenshtein's distance. Names are at most 64 bytes; what is longer is like nothing.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.bytes().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// The policy has none of that name.
    #[error("there is no setting `{name}`")]
    Unknown {
        /// As given.
        name: String,
        /// What was probably meant.
        similar: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// It has no default, and nobody gave it.
    #[error("the setting `{name}` is required")]
    Missing {
        /// Its name.
        name: String,
        /// What it wants.
        kind: SettingKind,
        /// What the policy says of it.
        doc: String,
    },
    /// It is of another type.
    #[error("the setting `{name}` is `{given}`, which is not {kind}")]
    Mistyped {
        /// Its name.
        name: String,
        /// As given.
        given: String,
        /// What it wants.
        kind: SettingKind,
    },
    /// It is a number outside of its range.
    #[error("the setting `{name}` is {given}, and may be {from} to {to}")]
    OutOfRange {
        /// Its name.
        name: String,
        /// As given.
        given: i64,
        /// The least.
        from: i64,
        /// The most.
        to: i64,
    },
    /// It takes one value and was given several.
    #[error("the setting `{name}` is given more than once")]
    Repeated {
        /// Its name.
        name: String,
    },
    /// Its text is too long to carry.
    #[error("the setting `{name}` is longer than {limit} bytes")]
    TooLong {
        /// Its name.
        name: String,
        /// Bytes.
        limit: usize,
    },
}

impl SettingError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-setting",
            Self::Missing { .. } => "missing-setting",
            Self::Mistyped { .. } => "mistyped-setting",
            Self::OutOfRange { .. } => "setting-out-of-range",
            Self::Repeated { .. } => "repeated-setting",
            Self::TooLong { .. } => "setting-too-long",
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Unknown { similar: Some(similar), .. } => format!("did you mean `{similar}`?"),
            Self::Unknown { known, .. } if known.is_empty() => "this policy takes no settings".into(),
            Self::Unknown { known, .. } => format!("this policy takes `{}`", known.join("`, `")),
            Self::Missing { name, kind, doc } => format!("give `{name}=…`, {kind}: {doc}"),
            Self::Mistyped { kind, .. } => format!("give {kind}"),
            Self::OutOfRange { from, to, .. } => format!("give a whole number from {from} to {to}"),
            Self::Repeated { .. } => "give it once".into(),
            Self::TooLong { .. } => "shorten it".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Vec<SettingSchema> {
        let setting = |name: &str, kind, default| SettingSchema { name: name.into(), kind, default, doc: "Doc.".into() };
        vec![
            setting("narrow", SettingKind::Boolean, Some(SettingValue::Boolean(false))),
            setting("prefix", SettingKind::Integer(0, 32), Some(SettingValue::Integer(8))),
            setting("owner", SettingKind::Text, None),
            setting("allowed", SettingKind::Texts, Some(SettingValue::Texts(vec![]))),
        ]
    }

    fn read(given: &[(&str, &str)]) -> Result<Settings, Vec<&'static str>> {
        let given: Vec<_> = given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Settings::read(&schema(), &given).map_err(|errors| errors.iter().map(SettingError::code).collect())
    }

    #[test]
    fn fills_defaults_and_reads_every_type() {
        let settings = read(&[("owner", "me, you"), ("narrow", "true"), ("allowed", "10.0.0.0/8, ::/0"), ("allowed", "a")]).unwrap();
        assert_eq!(settings.get("narrow"), Some(&SettingValue::Boolean(true)));
        assert_eq!(settings.get("prefix"), Some(&SettingValue::Integer(8)));
        assert_eq!(settings.get("owner"), Some(&SettingValue::Text("me, you".into())));
        assert_eq!(settings.get("allowed"), Some(&SettingValue::Texts(["10.0.0.0/8", "::/0", "a"].map(String::from).to_vec())));
    }

    #[test]
    fn reports_every_mistake_at_once() {
        let mistakes = [("prefx", "1"), ("narrow", "yes"), ("prefix", "33"), ("zzz", "")];
        assert_eq!(
            read(&mistakes).unwrap_err(),
            ["unknown-setting", "unknown-setting", "mistyped-setting", "setting-out-of-range", "missing-setting"]
        );
        assert_eq!(read(&[("owner", "a"), ("owner", "b")]).unwrap_err(), ["repeated-setting"]);
        assert_eq!(read(&[("owner", "a"), ("prefix", "8.5")]).unwrap_err(), ["mistyped-setting"]);
    }

    #[test]
    fn suggests_what_was_meant() {
        assert_eq!(similar("prefx", &schema()).as_deref(), Some("prefix"));
        assert_eq!(similar("allow", &schema()).as_deref(), Some("allowed"));
        assert_eq!(similar("zzz", &schema()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
