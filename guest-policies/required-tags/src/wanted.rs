//! The settings, understood, and one tag against them.

use kaphost_guest::{Cluster, Settings, Tag, Violation, path, setting, sorted};

use crate::{DEFAULTS, PROPAGATE, PROPAGATED, REQUIRED, REQUIRED_TAGS, VALUE, VALUES};

/// What the settings ask for.
pub(crate) struct Wanted<'a> {
    /// Keys, sorted, each once.
    pub(crate) required: Vec<&'a str>,
    /// Key and one allowed value.
    pub(crate) values: Vec<(&'a str, &'a str)>,
    /// Key and value to fill in.
    pub(crate) defaults: Vec<(&'a str, &'a str)>,
    pub(crate) propagate: bool,
}

impl<'a> Wanted<'a> {
    /// Takes the settings.
    ///
    /// # Errors
    /// A violation for every text that is no tag, and for every key that is filled in with two values.
    pub(crate) fn new(settings: &'a Settings) -> Result<Self, Vec<Violation>> {
        let mut wrong = Vec::new();
        let values = pairs(&VALUES, settings, &mut wrong);
        let defaults = pairs(&DEFAULTS, settings, &mut wrong);
        for (index, (key, value)) in defaults.iter().enumerate() {
            if defaults.iter().take(index).any(|(other, _)| other == key) {
                let text = [key, "=", value].concat();
                wrong.push(Violation::of_setting(DEFAULTS.name(), &text, "a second value for that tag", "one value a tag"));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut required = sorted(REQUIRED.get(settings));
        required.dedup();
        Ok(Self { required, values, defaults, propagate: PROPAGATE.get(settings) })
    }

    /// What is wrong with a required tag as such.
    pub(crate) fn missing(&self, cluster: &Cluster, key: &str) -> Option<Violation> {
        let tag = cluster.tags.iter().find(|tag| tag.key == key);
        let message = match tag {
            None => format!("the tag {} is missing", path::quoted(key)),
            Some(tag) if tag.value.trim().is_empty() => format!("the tag {} is empty", path::quoted(key)),
            Some(_) => return None,
        };
        // A key that differs in case only is the usual reason; AWS tells them apart.
        let similar = cluster.tags.iter().find(|tag| tag.key != key && tag.key.eq_ignore_ascii_case(key));
        let line = format!("tag {} \"…\"", path::quoted(key));
        let mut help = match (tag, similar) {
            (None, Some(other)) => format!("write `{line}`: {} is another tag, because keys are case-sensitive", path::quoted(&other.key)),
            (None, None) => format!("add `{line}` to the cluster"),
            (Some(_), _) => format!("give it a value: `{line}`"),
        };
        let allowed = self.allowed(key);
        if !allowed.is_empty() {
            help.push_str("; it may be ");
            help.push_str(&path::list(allowed));
        }
        Some(Violation::new(REQUIRED_TAGS, path::tag(key), message).help(help))
    }

    /// What is wrong with a tag that is there. An empty one that is required is told already.
    pub(crate) fn judge(&self, tag: &Tag) -> Option<Violation> {
        let at = || path::tag(&tag.key);
        let required = self.required.contains(&tag.key.as_str());
        if required && tag.value.trim().is_empty() {
            return None;
        }
        let mut allowed = self.values.iter().filter(|(key, _)| *key == tag.key).peekable();
        if allowed.peek().is_some() && !allowed.any(|(_, value)| *value == tag.value) {
            let message = format!("the tag {} may not be {}", path::quoted(&tag.key), path::quoted(&tag.value));
            return Some(Violation::new(VALUE, at(), message).help(format!("write one of: {}", path::list(self.allowed(&tag.key)))));
        }
        if self.propagate && required && !tag.propagate {
            let message = format!("the tag {} stays on the group: instances and volumes do not carry it", path::quoted(&tag.key));
            let violation = Violation::new(PROPAGATED, path::below(&at(), "propagate"), message);
            return Some(violation.help("leave out `propagate=#false`"));
        }
        None
    }

    /// The values that a key may have, quoted. None may have any.
    fn allowed(&self, key: &str) -> Vec<String> {
        self.values.iter().filter(|(other, _)| *other == key).map(|(_, value)| path::quoted(value)).collect()
    }
}

fn pairs<'a>(setting: &setting::Texts, settings: &'a Settings, wrong: &mut Vec<Violation>) -> Vec<(&'a str, &'a str)> {
    let told = |text| Violation::of_setting(setting.name(), text, "no tag", "tags such as Stage=production");
    setting.pairs(settings).unwrap_or_else(|texts| {
        wrong.extend(texts.into_iter().map(told));
        Vec::new()
    })
}
