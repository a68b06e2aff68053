//! Configs that nobody wrote: at the edges of every value, one change at a time, then several. Which fields a policy looks at is seen from what makes its
//! answer another one; a rule that never speaks on any of them is said to be so, with their number, and no more is claimed.

mod edges;
mod explore;
mod variation;

use kaphost_policy::{Facts, SettingValue, TypedSetting};
use kaphost_spec::{Cluster, Path, Segment};

pub use explore::{Exploration, Failing, explore};

/// What a policy is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The cluster.
    pub cluster: Cluster,
    /// What is known of the world.
    pub facts: Facts,
    /// Settings, as given.
    pub settings: Vec<TypedSetting>,
    /// Whether the policy sees the text of the user data.
    pub user_data: bool,
}

/// The field that a path belongs to: the path with `*` for every key. `ssh.allow[*].description`.
#[must_use]
pub fn field_of(path: &Path) -> String {
    let mut out = String::new();
    for segment in path.segments() {
        match segment {
            Segment::Field(name) if out.is_empty() => out.push_str(name),
            Segment::Field(name) => {
                out.push('.');
                out.push_str(name);
            }
            Segment::Key(_) => out.push_str("[*]"),
        }
    }
    out
}

/// Values that a policy is likely to compare with: those of its settings.
#[derive(Clone, Debug, Default)]
struct Hints {
    numbers: Vec<i64>,
    texts: Vec<String>,
}

impl Hints {
    fn of(settings: &[TypedSetting]) -> Self {
        let mut hints = Self::default();
        for value in settings.iter().flat_map(|setting| &setting.values) {
            hints.add(value);
        }
        hints
    }

    fn add(&mut self, value: &SettingValue) {
        match value {
            SettingValue::Integer(number) => self.numbers.push(*number),
            SettingValue::Text(text) => self.text(text),
            SettingValue::Texts(texts) => texts.iter().for_each(|text| self.text(text)),
            SettingValue::Boolean(_) => {}
        }
    }

    /// A text, and its parts where it is of the form `Key=value`.
    fn text(&mut self, text: &str) {
        self.texts.push(text.to_owned());
        if let Some((key, value)) = text.split_once('=') {
            self.texts.extend([key.to_owned(), value.to_owned()]);
        }
    }
}
