//! Settings, declared once: the same constant describes a setting to the host and reads it.
//!
//! ```
//! use kaphost_guest::{Description, Settings, setting};
//!
//! const MAX_SIZE: setting::Integer = setting::Integer::new("max-size", 1, 65536, 1000, "The largest volume, in GiB.");
//!
//! let description = Description::new("volume-size", "1.0.0", "Volumes have a sensible size.").setting(MAX_SIZE.schema());
//! assert_eq!(MAX_SIZE.get(&Settings::default()), 1000);
//! ```
//!
//! The host checks every setting against the schema before it calls the policy, and fills in defaults. A value of another
//! type, or a required one that is missing, therefore means a host that does not keep the contract: reading it panics,
//! which is a failure of the policy and never a pass.

use crate::{Setting, SettingKind, SettingSchema, SettingValue};

/// What every kind of setting can say of itself, so that a policy lists its settings once, as `&[&dyn Declared]`.
pub trait Declared {
    /// Kebab-case.
    fn name(&self) -> &'static str;

    /// What the host is told of it.
    fn schema(&self) -> SettingSchema;

    /// Whether it holds its default. A required one does while it holds nothing, as it may where a policy is composed of others.
    fn is_default(&self, settings: &Settings) -> bool;
}

/// What the host hands over: exactly the settings of the description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(Vec<Setting>);

impl From<Vec<Setting>> for Settings {
    fn from(settings: Vec<Setting>) -> Self {
        Self(settings)
    }
}

impl Settings {
    /// Every default, as when nobody sets anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a name, if any.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&SettingValue> {
        self.0.iter().find(|setting| setting.name == name).map(|setting| &setting.value)
    }

    /// With one more setting, in place of an older one of the same name. [`crate::testing::settings`] checks names and types too.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<SettingValue>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|setting| setting.name == name) {
            Some(setting) => setting.value = value,
            None => self.0.push(Setting { name: name.to_owned(), value }),
        }
        self
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }
}

impl From<bool> for SettingValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for SettingValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for SettingValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<const N: usize> From<[&str; N]> for SettingValue {
    fn from(values: [&str; N]) -> Self {
        Self::Texts(values.map(str::to_owned).to_vec())
    }
}

impl From<Vec<String>> for SettingValue {
    fn from(values: Vec<String>) -> Self {
        Self::Texts(values)
    }
}

/// Stops here: the host broke the contract, and guessing would be a way past the policy.
#[cold]
#[expect(clippy::panic, reason = "a trap is how a policy fails when the host breaks the contract")]
fn broken(name: &str, expected: &str, found: Option<&SettingValue>) -> ! {
    let found = match found {
        None => "nothing",
        Some(SettingValue::Boolean(_)) => "a boolean",
        Some(SettingValue::Integer(_)) => "an integer",
        Some(SettingValue::Text(_)) => "a text",
        Some(SettingValue::Texts(_)) => "a list of texts",
    };
    panic!("the host gave {found} for the setting `{name}`, which is {expected}: it must check settings against the description")
}

/// Implements [`Declared`] by the methods of the same names.
macro_rules! declared {
    ($kind:ty) => {
        impl Declared for $kind {
            fn name(&self) -> &'static str {
                self.name
            }

            fn schema(&self) -> SettingSchema {
                self.schema()
            }

            fn is_default(&self, settings: &Settings) -> bool {
                self.is_default(settings)
            }
        }
    };
}

declared!(Boolean);
declared!(Integer);
declared!(Text);
declared!(Texts);

/// A setting that is true or false.
#[derive(Clone, Copy, Debug)]
pub struct Boolean {
    name: &'static str,
    default: bool,
    doc: &'static str,
}

impl Boolean {
    /// `name` is kebab-case, `doc` one sentence.
    #[must_use]
    pub const fn new(name: &'static str, default: bool, doc: &'static str) -> Self {
        Self { name, default, doc }
    }

    /// Its name, for messages about what it holds.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// For [`crate::Description::setting`].
    #[must_use]
    pub fn schema(&self) -> SettingSchema {
        schema(self.name, SettingKind::Boolean, Some(self.default.into()), self.doc)
    }

    /// Its value.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> bool {
        match settings.value(self.name) {
            None => self.default,
            Some(SettingValue::Boolean(value)) => *value,
            other => broken(self.name, "a boolean", other),
        }
    }

    fn is_default(&self, settings: &Settings) -> bool {
        self.get(settings) == self.default
    }
}

/// A setting that is a whole number within a range.
#[derive(Clone, Copy, Debug)]
pub struct Integer {
    name: &'static str,
    from: i64,
    to: i64,
    default: i64,
    doc: &'static str,
}

impl Integer {
    /// `name` is kebab-case, `from` and `to` are inclusive, `doc` is one sentence and says the unit.
    #[must_use]
    pub const fn new(name: &'static str, from: i64, to: i64, default: i64, doc: &'static str) -> Self {
        Self { name, from, to, default, doc }
    }

    /// Its name, for messages about what it holds.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// For [`crate::Description::setting`].
    #[must_use]
    pub fn schema(&self) -> SettingSchema {
        schema(self.name, SettingKind::Integer((self.from, self.to)), Some(self.default.into()), self.doc)
    }

    /// Its value, within the range.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> i64 {
        match settings.value(self.name) {
            None => self.default,
            Some(SettingValue::Integer(value)) if (self.from..=self.to).contains(value) => *value,
            other => broken(self.name, "an integer within its range", other),
        }
    }

    fn is_default(&self, settings: &Settings) -> bool {
        self.get(settings) == self.default
    }
}

/// A setting that is one text. Without a default it is required.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    name: &'static str,
    default: Option<&'static str>,
    doc: &'static str,
}

impl Text {
    /// `name` is kebab-case, `doc` one sentence.
    #[must_use]
    pub const fn new(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self { name, default: Some(default), doc }
    }

    /// A setting that somebody has to set.
    #[must_use]
    pub const fn required(name: &'static str, doc: &'static str) -> Self {
        Self { name, default: None, doc }
    }

    /// Its name, for messages about what it holds.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// For [`crate::Description::setting`].
    #[must_use]
    pub fn schema(&self) -> SettingSchema {
        schema(self.name, SettingKind::Text, self.default.map(Into::into), self.doc)
    }

    /// Its value.
    #[must_use]
    pub fn get<'a>(&self, settings: &'a Settings) -> &'a str {
        match (settings.value(self.name), self.default) {
            (Some(SettingValue::Text(value)), _) => value,
            (None, Some(default)) => default,
            (other, _) => broken(self.name, "a text", other),
        }
    }

    fn is_default(&self, settings: &Settings) -> bool {
        settings.value(self.name).is_none_or(|value| matches!(value, SettingValue::Text(text) if text == self.default.unwrap_or_default()))
    }
}

/// A setting that is a list of texts. Without a default it is required.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    name: &'static str,
    default: Option<&'static [&'static str]>,
    doc: &'static str,
}

impl Texts {
    /// `name` is kebab-case, `doc` one sentence.
    #[must_use]
    pub const fn new(name: &'static str, default: &'static [&'static str], doc: &'static str) -> Self {
        Self { name, default: Some(default), doc }
    }

    /// A setting that somebody has to set, if only to nothing.
    #[must_use]
    pub const fn required(name: &'static str, doc: &'static str) -> Self {
        Self { name, default: None, doc }
    }

    /// Its name, for messages about what it holds.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// For [`crate::Description::setting`].
    #[must_use]
    pub fn schema(&self) -> SettingSchema {
        let default = self.default.map(|texts| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>().into());
        schema(self.name, SettingKind::Texts, default, self.doc)
    }

    /// Its values, in order.
    #[must_use]
    pub fn get<'a>(&self, settings: &'a Settings) -> Vec<&'a str> {
        match (settings.value(self.name), self.default) {
            (Some(SettingValue::Texts(values)), _) => values.iter().map(String::as_str).collect(),
            (None, Some(default)) => default.to_vec(),
            (other, _) => broken(self.name, "a list of texts", other),
        }
    }

    /// Its values as `key=value`, in order; the value is all that follows the first `=`.
    ///
    /// # Errors
    /// Every text without a `=`, or with nothing before it.
    pub fn pairs<'a>(&self, settings: &'a Settings) -> Result<Vec<(&'a str, &'a str)>, Vec<&'a str>> {
        let (mut pairs, mut wrong) = (Vec::new(), Vec::new());
        for text in self.get(settings) {
            match text.split_once('=') {
                Some((key, value)) if !key.is_empty() => pairs.push((key, value)),
                _ => wrong.push(text),
            }
        }
        if wrong.is_empty() { Ok(pairs) } else { Err(wrong) }
    }

    fn is_default(&self, settings: &Settings) -> bool {
        settings
            .value(self.name)
            .is_none_or(|value| matches!(value, SettingValue::Texts(texts) if texts == self.default.unwrap_or_default()))
    }
}

fn schema(name: &str, kind: SettingKind, default_value: Option<SettingValue>, doc: &str) -> SettingSchema {
    SettingSchema { name: name.to_owned(), kind, default_value, doc: doc.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Integer = Integer::new("count", 1, 9, 3, "How many.");
    const OWNER: Text = Text::required("owner", "Who.");
    const NAMES: Texts = Texts::new("names", &["a", "b"], "Which.");
    const TEAMS: Texts = Texts::required("teams", "Whose.");
    const STRICT: Boolean = Boolean::new("strict", true, "Whether.");

    #[test]
    fn reads_what_is_set_and_defaults_otherwise() {
        let unset = Settings::new();
        assert_eq!((COUNT.get(&unset), STRICT.get(&unset)), (3, true));
        assert_eq!(NAMES.get(&unset), ["a", "b"]);
        let set = unset.with("count", 9).with("strict", false).with("names", ["c"]).with("owner", "ops");
        assert_eq!((COUNT.get(&set), STRICT.get(&set), OWNER.get(&set)), (9, false, "ops"));
        assert_eq!(NAMES.get(&set), ["c"]);
        assert_eq!(COUNT.get(&set.with("count", 1)), 1, "the later value stands");
    }

    #[test]
    fn pairs_are_split_at_the_first_sign_and_every_other_text_is_named() {
        let set = |values: &[&str]| Settings::new().with("names", values.iter().map(|&v| v.to_owned()).collect::<Vec<_>>());
        assert_eq!(NAMES.pairs(&set(&["a=b=c", "d="])), Ok(vec![("a", "b=c"), ("d", "")]));
        assert_eq!(NAMES.pairs(&set(&["a=b", "c", "=d"])), Err(vec!["c", "=d"]));
    }

    #[test]
    fn knows_its_default() {
        let all: [&dyn Declared; 5] = [&COUNT, &OWNER, &NAMES, &STRICT, &TEAMS];
        let unset = Settings::new();
        let defaults = unset.clone().with("count", 3).with("owner", "").with("names", ["a", "b"]).with("strict", true).with("teams", []);
        let set = unset.clone().with("count", 4).with("owner", "ops").with("names", ["b", "a"]).with("strict", false).with("teams", ["x"]);
        for setting in all {
            assert!(setting.is_default(&unset) && setting.is_default(&defaults), "{}", setting.name());
            assert!(!setting.is_default(&set) && setting.schema().name == setting.name(), "{}", setting.name());
        }
    }

    #[test]
    #[should_panic(expected = "the host gave nothing for the setting `teams`")]
    fn a_missing_required_list_is_never_guessed() {
        let _ = TEAMS.get(&Settings::new());
    }

    #[test]
    fn a_schema_says_what_is_required() {
        assert_eq!((OWNER.schema().default_value, TEAMS.schema().default_value), (None, None));
        assert_eq!(COUNT.schema().kind, SettingKind::Integer((1, 9)));
        assert_eq!(NAMES.schema().default_value, Some(["a", "b"].into()));
    }

    #[test]
    #[should_panic(expected = "the host gave nothing for the setting `owner`")]
    fn a_missing_required_setting_is_never_guessed() {
        let _ = OWNER.get(&Settings::new());
    }

    #[test]
    #[should_panic(expected = "the host gave a text for the setting `strict`")]
    fn a_mistyped_setting_is_never_guessed() {
        let _ = STRICT.get(&Settings::new().with("strict", "yes"));
    }

    #[test]
    #[should_panic(expected = "an integer within its range")]
    fn a_setting_out_of_range_is_never_clamped() {
        let _ = COUNT.get(&Settings::new().with("count", 10));
    }
}
