//! What a component is made of and who made it, read from its bytes: nothing is compiled and nothing runs.

use serde::Serialize;
use wasmparser::{KnownCustom, Parser, Payload};

use crate::error::LoadError;
use crate::inspect;
use crate::text::visible;

/// Characters that are shown of a name, a version or an annotation.
const TEXT_CHARS: usize = 200;

/// Producers and annotations that are kept: a component may be made of any number of modules, each with its own.
const MAX_ENTRIES: usize = 64;

/// Custom sections that say something about the whole, as the tools of the Bytecode Alliance write them.
const ANNOTATIONS: [&str; 7] = ["authors", "description", "homepage", "licenses", "revision", "source", "version"];

/// A component from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anatomy {
    /// Bytes.
    pub size: usize,
    /// The version of the contract that it was built against: `0.1.0`.
    pub contract: Option<String>,
    /// What it asks for, by name.
    pub imports: Vec<String>,
    /// What it offers, by name.
    pub exports: Vec<String>,
    /// What it was made with, as its maker says: nobody vouches for it. Each once.
    pub producers: Vec<Producer>,
    /// What its maker says about it: `source`, `revision`, `licenses`, ….
    pub annotations: Vec<(String, String)>,
}

/// A line of a `producers` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// `Rust`, `wit-component`, ….
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

impl Anatomy {
    /// Reads a component that a [`crate::PolicyHost`] has loaded, or may be about to.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn of(bytes: &[u8]) -> Result<Self, LoadError> {
        let (imports, exports) = inspect::names(bytes)?;
        let contract = exports.iter().filter_map(|name| inspect::contract_item(name)).find_map(|(_, version)| version);
        let contract = contract.map(|version| visible(version, TEXT_CHARS));
        let shown = |names: &[String]| names.iter().map(|name| visible(name, TEXT_CHARS)).collect();
        let mut anatomy = Self {
            size: bytes.len(),
            contract,
            imports: shown(&imports),
            exports: shown(&exports),
            producers: Vec::new(),
            annotations: Vec::new(),
        };
        // Nested modules and components too: a compiler leaves its name in the module that it made.
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| LoadError::InvalidComponent(visible(&error.to_string(), 300)))?;
            if let Payload::CustomSection(section) = payload {
                match section.as_known() {
                    KnownCustom::Producers(producers) => anatomy.add_producers(producers),
                    _ => anatomy.annotate(section.name(), section.data()),
                }
            }
        }
        Ok(anatomy)
    }

    /// What of the section cannot be read is left out: it says nothing that anything hangs on.
    fn add_producers(&mut self, section: wasmparser::ProducersSectionReader<'_>) {
        for field in section.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let text = |text: &str| visible(text, TEXT_CHARS);
                let producer = Producer { field: text(field.name), name: text(value.name), version: text(value.version) };
                if self.producers.len() < MAX_ENTRIES && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }

    fn annotate(&mut self, name: &str, data: &[u8]) {
        if ANNOTATIONS.contains(&name)
            && self.annotations.len() < MAX_ENTRIES
            && let Ok(text) = std::str::from_utf8(data)
        {
            self.annotations.push((name.to_owned(), visible(text, TEXT_CHARS)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(body: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {body})")).unwrap()
    }

    #[test]
    fn what_nested_modules_say_of_their_makers_is_there_once() {
        let module = r#"(core module (@producers (language "Rust" "2024") (processed-by "rustc" "1.95.0")))"#;
        let bytes = component(&format!(
            r#"{module} {module} (import "kaphost:policy/logging@0.1.0" (instance)) (@custom "licenses" "MIT") (@custom "secret" "x")"#
        ));
        let anatomy = Anatomy::of(&bytes).unwrap();
        let said: Vec<String> = anatomy.producers.iter().map(|one| format!("{} {} {}", one.field, one.name, one.version)).collect();
        assert_eq!(said, ["language Rust 2024", "processed-by rustc 1.95.0"]);
        assert_eq!(anatomy.annotations, [("licenses".to_owned(), "MIT".to_owned())]);
        assert_eq!(anatomy.imports, ["kaphost:policy/logging@0.1.0"]);
        assert_eq!((anatomy.size, anatomy.contract, anatomy.exports.len()), (bytes.len(), None, 0));
    }

    #[test]
    fn nothing_in_it_is_taken_for_granted() {
        // A producers section whose count says more than there is, and annotations that are no text or would move the cursor.
        let bytes = component(r#"(@custom "producers" "\7f\01a") (@custom "source" "\ff\fe") (@custom "revision" "\1b[2Jabc")"#);
        let anatomy = Anatomy::of(&bytes).unwrap();
        assert!(anatomy.producers.is_empty());
        let [(name, text)] = anatomy.annotations.as_slice() else { panic!("{:?}", anatomy.annotations) };
        assert!(name == "revision" && !text.contains('\u{1b}') && text.contains("abc"), "{text:?}");
        for len in 0..bytes.len() {
            // Cut anywhere, it is an error or a shorter answer.
            let _ = Anatomy::of(&bytes[..len]);
        }
    }
}
