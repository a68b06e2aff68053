//! A user's words for a policy's settings, checked against the schema that the policy describes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use kaphost_spec::{Path, Segment};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::bindings::types as wit;
use crate::convert;
use crate::description::{SettingKind, SettingSchema, SettingValue};
use crate::image::Written;
use crate::text::visible;

/// Bytes of one text given as a setting. Settings travel with every call.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The setting that a violation's path names, when it complains about one: `settings["NAME"]`. No value of a cluster lies there.
#[must_use]
pub fn setting_of(path: &Path) -> Option<&str> {
    match path.segments() {
        [Segment::Field(field), Segment::Key(name)] if field == "settings" => Some(name),
        _ => None,
    }
}

/// The settings of one policy: exactly those that it described, each with a value. Cheap to clone: each decision holds them.
#[derive(Clone, Default)]
pub struct Settings(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: BTreeMap<String, SettingValue>,
    record: OnceLock<Written<Vec<wit::Setting>>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.0.values).finish()
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.0.values == other.0.values
    }
}

impl Eq for Settings {}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.values.serialize(serializer)
    }
}

impl From<BTreeMap<String, SettingValue>> for Settings {
    fn from(values: BTreeMap<String, SettingValue>) -> Self {
        Self(Arc::new(Inner { values, record: OnceLock::new() }))
    }
}

impl Settings {
    /// As the contract has them. Made once, however many clusters are judged by them.
    pub(crate) fn record(&self) -> &Written<Vec<wit::Setting>> {
        self.0.record.get_or_init(|| Written::new(convert::settings(self)))
    }

    /// Every setting by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SettingValue)> {
        self.0.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.values.get(name)
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
                errors.push(unknown(name, schema));
            }
        }
        let mut values = BTreeMap::new();
        for setting in schema {
            let value = match (by_name.get(setting.name.as_str()), &setting.default) {
                (Some(texts), _) => value(setting, texts),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(missing(setting)),
            };
            match value {
                Ok(value) => {
                    values.insert(setting.name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(values.into()) } else { Err(errors) }
    }

    /// Reads settings whose values have types already: those of a policy set. A `texts` setting takes any number of values, every other one.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub(crate) fn read_typed(schema: &[SettingSchema], given: &[TypedSetting]) -> Result<Self, Vec<Misgiven>> {
        let mut errors = Vec::new();
        let mut values = BTreeMap::new();
        for (index, TypedSetting { name, values: said }) in given.iter().enumerate() {
            let wrong = |error, value| Misgiven { error, at: Some((index, value)) };
            let Some(setting) = schema.iter().find(|setting| setting.name == *name) else {
                errors.push(wrong(unknown(name, schema), None));
                continue;
            };
            match typed(setting, said) {
                Ok(_) if values.contains_key(name) => errors.push(wrong(SettingError::Repeated { name: name.clone() }, None)),
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err((error, value)) => errors.push(wrong(error, value)),
            }
        }
        for setting in schema {
            let said = given.iter().any(|given| given.name == setting.name);
            match &setting.default {
                _ if said => {}
                Some(default) => {
                    values.insert(setting.name.clone(), default.clone());
                }
                None => errors.push(Misgiven { error: missing(setting), at: None }),
            }
        }
        if errors.is_empty() { Ok(values.into()) } else { Err(errors) }
    }
}

/// A setting as a policy set gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedSetting {
    /// Its name, as given.
    pub name: String,
    /// What it is given: truth, whole numbers and single texts.
    pub values: Vec<SettingValue>,
}

/// What is wrong with a [`TypedSetting`], and which of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misgiven {
    /// What.
    pub error: SettingError,
    /// The setting by its place in the list that was given, and its value when it is one of them. `None` when the setting is not there.
    pub at: Option<(usize, Option<usize>)>,
}

fn unknown(name: &str, schema: &[SettingSchema]) -> SettingError {
    SettingError::Unknown {
        name: visible(name, 100),
        similar: similar(name, schema),
        known: schema.iter().map(|setting| setting.name.clone()).collect(),
    }
}

fn missing(setting: &SettingSchema) -> SettingError {
    SettingError::Missing { name: setting.name.clone(), kind: setting.kind, doc: setting.doc.clone() }
}

/// The value that a setting gets, or what is wrong with it and with which of the given ones.
fn typed(setting: &SettingSchema, given: &[SettingValue]) -> Result<SettingValue, (SettingError, Option<usize>)> {
    let name = || setting.name.clone();
    let mistyped = |value: &SettingValue| SettingError::Mistyped { name: name(), given: visible(&as_text(value), 100), kind: setting.kind };
    if let Some(at) = given.iter().position(|value| matches!(value, SettingValue::Text(text) if text.len() > MAX_TEXT_BYTES)) {
        return Err((SettingError::TooLong { name: name(), limit: MAX_TEXT_BYTES }, Some(at)));
    }
    if setting.kind == SettingKind::Texts {
        let one = |(at, value): (usize, &SettingValue)| match value {
            SettingValue::Text(text) => Ok(text.clone()),
            other => Err((mistyped(other), Some(at))),
        };
        return given.iter().enumerate().map(one).collect::<Result<_, _>>().map(SettingValue::Texts);
    }
    match given {
        [] => Err((missing(setting), None)),
        [value] if value.is(setting.kind) => Ok(value.clone()),
        [SettingValue::Integer(given)] => match setting.kind {
            SettingKind::Integer(from, to) => Err((SettingError::OutOfRange { name: name(), given: *given, from, to }, Some(0))),
            _ => Err((mistyped(&SettingValue::Integer(*given)), Some(0))),
        },
        [value] => Err((mistyped(value), Some(0))),
        _ => Err((SettingError::Repeated { name: name() }, Some(1))),
    }
}

fn as_text(value: &SettingValue) -> String {
    match value {
        SettingValue::Boolean(value) => value.to_string(),
        SettingValue::Integer(value) => value.to_string(),
        SettingValue::Text(text) => text.clone(),
        SettingValue::Texts(texts) => texts.join(", "),
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
    fn typed_values_are_held_to_the_schema_each_at_its_place() {
        let text = |text: &str| SettingValue::Text(text.into());
        let given = |given: &[(&str, &[SettingValue])]| {
            let given: Vec<_> = given.iter().map(|(name, values)| TypedSetting { name: (*name).into(), values: values.to_vec() }).collect();
            Settings::read_typed(&schema(), &given)
        };
        let settings =
            given(&[("owner", &[text("a,b")]), ("allowed", &[text("c"), text("d,e")]), ("prefix", &[SettingValue::Integer(9)])]).unwrap();
        // Nothing is split: what is one value in the set is one for the policy.
        assert_eq!(settings.get("owner"), Some(&text("a,b")));
        assert_eq!(settings.get("allowed"), Some(&SettingValue::Texts(vec!["c".into(), "d,e".into()])));
        assert_eq!(settings.get("narrow"), Some(&SettingValue::Boolean(false)));

        let errors = given(&[
            ("prefx", &[SettingValue::Integer(1)]),
            ("prefix", &[SettingValue::Integer(33)]),
            ("narrow", &[text("true")]),
            ("allowed", &[text("a"), SettingValue::Boolean(true)]),
        ]);
        let errors: Vec<_> = errors.unwrap_err().into_iter().map(|wrong| (wrong.error.code(), wrong.at)).collect();
        assert_eq!(
            errors,
            [
                ("unknown-setting", Some((0, None))),
                ("setting-out-of-range", Some((1, Some(0)))),
                ("mistyped-setting", Some((2, Some(0)))),
                ("mistyped-setting", Some((3, Some(1)))),
                ("missing-setting", None),
            ]
        );
        let repeated = given(&[("owner", &[text("a"), text("b")])]).unwrap_err();
        assert_eq!((repeated[0].error.code(), repeated[0].at), ("repeated-setting", Some((0, Some(1)))));
        let twice = given(&[("owner", &[text("a")]), ("owner", &[text("b")])]).unwrap_err();
        assert_eq!((twice[0].error.code(), twice[0].at), ("repeated-setting", Some((1, None))));
        let long = given(&[("owner", &[text(&"x".repeat(MAX_TEXT_BYTES + 1))])]).unwrap_err();
        assert_eq!(long[0].error.code(), "setting-too-long");
    }

    #[test]
    fn suggests_what_was_meant() {
        assert_eq!(similar("prefx", &schema()).as_deref(), Some("prefix"));
        assert_eq!(similar("allow", &schema()).as_deref(), Some("allowed"));
        assert_eq!(similar("zzz", &schema()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
