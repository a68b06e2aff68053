//! The JSON Schemas of all versioned documents, which are files in `schemas/`. What several of them share stands in one file, and is put into each that
//! refers to it: what is printed needs nothing else.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A document that has a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    text: &'static str,
}

macro_rules! schemas {
    ($($name:literal,)*) => {
        /// Every document, in the order in which they are listed.
        pub(crate) const ALL: &[Schema] = &[$(Schema { name: $name, text: include_str!(concat!("../schemas/", $name, ".json")) }),*];
    };
}

schemas! {
    "check",
    "check-line",
    "plan",
    "apply",
    "adopt",
    "destroy",
    "status",
    "output",
    "explain",
    "facts",
    "show",
    "verify",
    "replay",
    "report",
    "convert",
    "schema",
    "completions",
    "man",
    "policy-new",
    "policy-build",
    "policy-inspect",
    "policy-run",
    "policy-test",
    "policy-bench",
    "policy-diff",
    "policy-push",
    "policy-pull",
    "policy-sign",
    "policy-verify",
    "policy-digest",
    "policy-lock",
    "usage",
    "decision",
    "record",
    "saved-plan",
}

const DEFINITIONS: &str = include_str!("../schemas/definitions.json");
const PREFIX: &str = "#/$defs/";

impl Schema {
    /// The schema by itself: with everything that it refers to.
    ///
    /// # Errors
    /// None that can happen: the files are JSON, and hold what they refer to.
    pub(crate) fn whole(self) -> serde_json::Result<Value> {
        let mut schema: Value = serde_json::from_str(self.text)?;
        let mut known: BTreeMap<String, Value> = serde_json::from_str(DEFINITIONS)?;
        let mut used = Map::new();
        let mut open = Vec::new();
        references(&schema, &mut open);
        while let Some(name) = open.pop() {
            if let Some(definition) = known.remove(&name) {
                references(&definition, &mut open);
                used.insert(name, definition);
            }
        }
        if !used.is_empty() {
            schema["$defs"] = Value::Object(used);
        }
        Ok(schema)
    }

    /// Layout and purpose, as the schema says them.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub(crate) fn about(self) -> serde_json::Result<(String, String)> {
        let schema: Value = serde_json::from_str(self.text)?;
        let text = |name: &str| schema[name].as_str().unwrap_or_default().to_owned();
        Ok((text("title"), text("description")))
    }
}

/// The names of the definitions that are referred to.
fn references(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().and_then(|text| text.strip_prefix(PREFIX)) {
                    Some(definition) if name == "$ref" => into.push(definition.to_owned()),
                    _ => references(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    /// Commands that do something, each by its words: `policy-test` of `kaphost policy test`.
    fn commands(of: &clap::Command, words: &str, into: &mut Vec<String>) {
        let within: Vec<&clap::Command> = of.get_subcommands().filter(|command| command.get_name() != "help").collect();
        if within.is_empty() {
            into.push(words.to_owned());
        }
        for command in within {
            let name = command.get_name();
            commands(command, &if words.is_empty() { name.to_owned() } else { format!("{words}-{name}") }, into);
        }
    }

    /// Whoever adds a command that takes `--output json`, and all do, writes down what it prints.
    #[test]
    fn every_command_has_a_schema_of_its_document() {
        let mut all = Vec::new();
        commands(&crate::cli::Cli::command(), "", &mut all);
        assert!(all.len() >= 17, "{all:?}");
        let without: Vec<String> = all.into_iter().filter(|words| !ALL.iter().any(|schema| words == schema.name)).collect();
        assert!(
            without.is_empty(),
            "no schema says what these commands print with `--output json`: {without:?}. For each write host/schemas/NAME.json, which begins with the title \
             `kaphost.NAME/1`, and add NAME to the list in host/src/schemas.rs. tests/tests/schemas.rs then holds real documents to it: add runs of the command"
        );
    }

    /// And no document names a layout that nobody can look up.
    #[test]
    fn every_layout_that_is_written_has_a_schema() {
        let source = include_str!("document.rs").split("#[cfg(test)]").next().unwrap();
        let layouts: BTreeSet<&str> = source.split('"').filter(|text| text.starts_with("kaphost.")).collect();
        assert!(layouts.len() > 15, "{layouts:?}");
        let known: BTreeSet<String> = ALL.iter().map(|schema| schema.about().unwrap().0).collect();
        let unknown: Vec<&&str> = layouts.iter().filter(|layout| !known.contains(**layout)).collect();
        assert!(unknown.is_empty(), "host/schemas has no file with the title {unknown:?}");
    }

    #[test]
    fn each_schema_has_all_that_it_refers_to_and_each_definition_is_of_use() {
        let mut unused: BTreeSet<String> = serde_json::from_str::<BTreeMap<String, Value>>(DEFINITIONS).unwrap().into_keys().collect();
        for schema in ALL {
            let whole = schema.whole().unwrap();
            let mut referred = Vec::new();
            references(&whole, &mut referred);
            for name in referred {
                assert!(whole["$defs"][&name].is_object(), "{}: {name}", schema.name);
                unused.remove(&name);
            }
            let (title, description) = schema.about().unwrap();
            assert!(title.starts_with("kaphost.") && !description.is_empty(), "{}: {title}", schema.name);
        }
        assert_eq!(unused, BTreeSet::new());
    }
}
