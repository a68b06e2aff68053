//! What the cases of a policy leave out.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_policy::{Module, SettingValue};
use serde::Serialize;

use crate::probe::{Exploration, Subject, field_of};

/// What the cases of a policy cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Coverage {
    /// Every rule, in the policy's order.
    pub rules: Vec<RuleCoverage>,
    /// Every setting, in the policy's order.
    pub settings: Vec<SettingCoverage>,
    /// Every field of the cluster and of the facts that was seen to make a difference.
    pub fields: Vec<FieldCoverage>,
    /// How many configs were made up to find out.
    pub generated: usize,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleCoverage {
    /// Its id.
    pub id: String,
    /// Cases in which it spoke.
    pub fired: usize,
    /// Cases in which it did not.
    pub passed: usize,
    /// A made-up config on which it speaks: what was changed. `None` when it spoke on none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_up: Option<String>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingCoverage {
    /// Its name.
    pub name: String,
    /// Different values that the cases give it, the default among them.
    pub values: usize,
}

/// A field that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldCoverage {
    /// With `*` for every key.
    pub field: String,
    /// Different values that the cases have there.
    pub values: usize,
}

impl Coverage {
    /// `played` are the cases that came to an answer: what each asked about, and the rules that spoke.
    #[must_use]
    pub fn of(module: &Module, played: &[(Subject, BTreeSet<String>)], exploration: &Exploration) -> Self {
        let description = module.description();
        let rule = |id: &String| {
            let fired = played.iter().filter(|(_, fired)| fired.contains(id)).count();
            RuleCoverage { id: id.clone(), fired, passed: played.len() - fired, made_up: exploration.fired.get(id).cloned() }
        };
        let setting = |schema: &kaphost_policy::SettingSchema| {
            let given = |subject: &Subject| {
                let found = subject.settings.iter().find(|given| given.name == schema.name);
                found.map(|given| given.values.clone()).or_else(|| schema.default.clone().map(flat))
            };
            let mut values: Vec<_> = Vec::new();
            for value in played.iter().map(|(subject, _)| given(subject)) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            SettingCoverage { name: schema.name.clone(), values: values.len() }
        };
        let fields = exploration.reads.iter().filter(|field| !field.starts_with("setting "));
        let field = |field: &String| {
            let values: BTreeSet<String> = played.iter().map(|(subject, _)| at(subject, field)).collect();
            FieldCoverage { field: field.clone(), values: values.len() }
        };
        Self {
            rules: description.rules.iter().map(|one| rule(&one.id)).collect(),
            settings: description.settings.iter().map(setting).collect(),
            fields: fields.map(field).collect(),
            generated: exploration.tried,
        }
    }

    /// Rules that no case makes speak, or no case lets pass.
    pub fn untried(&self) -> impl Iterator<Item = &RuleCoverage> {
        self.rules.iter().filter(|rule| rule.fired == 0 || rule.passed == 0)
    }

    /// Whether every rule has spoken in a case and has not in another.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.untried().next().is_none()
    }
}

/// A default as it would be given.
fn flat(value: SettingValue) -> Vec<SettingValue> {
    match value {
        SettingValue::Texts(texts) => texts.into_iter().map(SettingValue::Text).collect(),
        other => vec![other],
    }
}

/// Everything that a subject has at a field, in one text.
fn at(subject: &Subject, field: &str) -> String {
    if let Some(fact) = field.strip_prefix("facts.") {
        let facts = serde_json::to_value(&subject.facts).unwrap_or_default();
        // `subnets[*].zone`: the kind, and within it a value.
        let (kind, value) = fact.split_once(['.', '[']).map_or((fact, None), |(kind, rest)| (kind, rest.rsplit('.').next()));
        return pick(&facts[kind], value);
    }
    let within = |of: &str| of == field || of.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']));
    let leaves: BTreeMap<String, String> = subject
        .cluster
        .leaves()
        .iter()
        .filter(|(path, _)| within(&field_of(path)))
        .map(|(path, leaf)| (path.to_string(), leaf.to_string()))
        .collect();
    format!("{leaves:?}")
}

/// The value of one name in an object, or in each of several.
fn pick(value: &serde_json::Value, name: Option<&str>) -> String {
    match (value, name) {
        (serde_json::Value::Array(items), name) => items.iter().map(|item| pick(item, name)).collect::<Vec<_>>().join(" "),
        (value, Some(name)) if value.is_object() => value[name].to_string(),
        (value, _) => value.to_string(),
    }
}
