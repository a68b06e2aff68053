//! A policy document: statements that allow, and the conditions of each.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeStruct as _, Serializer};

/// What must hold besides action and resource: values by operator and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition(BTreeMap<&'static str, BTreeMap<String, BTreeSet<String>>>);

impl Condition {
    fn with<T: ToString>(mut self, operator: &'static str, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(|value| value.to_string());
        self.0.entry(operator).or_default().entry(key.to_owned()).or_default().extend(values);
        self
    }

    /// The key has one of these values.
    pub(super) fn equals<T: ToString>(self, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.with("StringEquals", key, values)
    }

    /// The key, an ARN, is one of these.
    pub(super) fn one_of_arns<T: ToString>(self, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.with("ArnEquals", key, values)
    }

    /// No tag but these is written.
    pub(super) fn only_tags<T: ToString>(self, keys: impl IntoIterator<Item = T>) -> Self {
        self.with("ForAllValues:StringEquals", "aws:TagKeys", keys)
    }
}

#[derive(Clone, Debug)]
struct Statement {
    sid: &'static str,
    actions: BTreeSet<&'static str>,
    resources: BTreeSet<String>,
    condition: Condition,
}

/// Statements, in the order in which they were first asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Document(Vec<Statement>);

impl Document {
    /// Allows an action. What holds for the same resources under the same condition is one statement.
    pub(super) fn allow(
        &mut self,
        sid: &'static str,
        action: &'static str,
        resources: impl IntoIterator<Item = String>,
        condition: Condition,
    ) {
        let resources: BTreeSet<String> = resources.into_iter().collect();
        match self.0.iter_mut().find(|it| it.resources == resources && it.condition == condition) {
            Some(statement) => drop(statement.actions.insert(action)),
            None => self.0.push(Statement { sid, actions: [action].into(), resources, condition }),
        }
    }

    /// As [`Self::allow`], beside what stands under the same name and condition: none of its actions takes a resource of another.
    pub(super) fn allow_beside(&mut self, sid: &'static str, action: &'static str, resource: String, condition: Condition) {
        match self.0.iter_mut().find(|it| it.sid == sid && it.condition == condition) {
            Some(statement) => {
                statement.actions.insert(action);
                statement.resources.insert(resource);
            }
            None => self.allow(sid, action, [resource], condition),
        }
    }
}

/// As IAM takes it, in the order in which its documentation shows it. `Sid`s are unique: AWS asks it within a document.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut statements = Vec::with_capacity(self.0.len());
        for statement in &self.0 {
            let count = seen.entry(statement.sid).and_modify(|count| *count += 1).or_insert(1);
            let sid = if *count == 1 { statement.sid.to_owned() } else { format!("{}{count}", statement.sid) };
            statements.push(Written { sid, statement });
        }
        let mut document = serializer.serialize_struct("Document", 2)?;
        document.serialize_field("Version", "2012-10-17")?;
        document.serialize_field("Statement", &statements)?;
        document.end()
    }
}

struct Written<'a> {
    sid: String,
    statement: &'a Statement,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Statement { actions, resources, condition, .. } = self.statement;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("Sid", &self.sid)?;
        map.serialize_entry("Effect", "Allow")?;
        map.serialize_entry("Action", &OneOrMany(actions))?;
        map.serialize_entry("Resource", &OneOrMany(resources))?;
        if !condition.0.is_empty() {
            let operators = condition.0.iter().map(|(operator, keys)| {
                let keys: BTreeMap<&String, OneOrMany<'_, String>> = keys.iter().map(|(key, values)| (key, OneOrMany(values))).collect();
                (*operator, keys)
            });
            map.serialize_entry("Condition", &operators.collect::<BTreeMap<_, _>>())?;
        }
        map.end()
    }
}

/// A list of one is written as that one.
struct OneOrMany<'a, T>(&'a BTreeSet<T>);

impl<T: Serialize> Serialize for OneOrMany<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = self.0.iter();
        match (values.next(), values.next()) {
            (Some(one), None) => one.serialize(serializer),
            _ => self.0.serialize(serializer),
        }
    }
}
