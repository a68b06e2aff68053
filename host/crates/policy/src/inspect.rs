//! What a component asks for and offers, read from its outermost sections before anything is compiled or run.

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

use crate::error::LoadError;
use crate::module::World;
use crate::text::visible;

/// Characters that are shown of an import's or export's name.
const NAME_CHARS: usize = 200;

/// Imports that an error names at most; a component may have as many as it likes.
const NAMED_IMPORTS: usize = 64;

/// The custom section of a module that never frees memory.
pub(crate) const PROMISE: &str = "kaphost:never-frees";

/// What a component is to the host: its world, and its exports' exact names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Surface {
    pub(crate) world: World,
    pub(crate) metadata: String,
    pub(crate) validating: Option<String>,
    pub(crate) mutating: Option<String>,
    /// Whether its maker promises by [`PROMISE`] that it frees no memory.
    pub(crate) never_frees: bool,
}

/// Reads the outermost imports and exports. Nested modules and components are skipped, so this takes microseconds whatever the size.
pub(crate) fn surface(bytes: &[u8]) -> Result<Surface, LoadError> {
    header(bytes)?;
    let (imports, exports) = names(bytes)?;
    check_imports(&imports, &exports)?;
    Ok(Surface { never_frees: never_frees(bytes), ..world(&exports)? })
}

/// The eight bytes that every WebAssembly file starts with.
fn header(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::NotWasm("the file is empty"));
    }
    if !bytes.starts_with(b"\0asm") {
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
            return Err(LoadError::NotWasm("it looks like WebAssembly's text format, which has to be compiled first"));
        }
        return Err(LoadError::NotWasm("it does not start with the bytes `\\0asm`"));
    }
    match bytes.get(4..8) {
        Some([1, 0, 0, 0]) => Err(LoadError::NotAComponent),
        // Layer 1 is the component model; the version before it is wasmparser's to judge.
        Some([_, _, 1, 0]) => Ok(()),
        Some(_) => Err(LoadError::InvalidComponent("its version of the binary format is unknown".into())),
        None => Err(LoadError::InvalidComponent("it ends within its first eight bytes".into())),
    }
}

pub(crate) fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), LoadError> {
    let invalid = |error: wasmparser::BinaryReaderError| LoadError::InvalidComponent(visible(&error.to_string(), 300));
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (used, payload) = match parser.parse(rest, true).map_err(invalid)? {
            wasmparser::Chunk::Parsed { consumed, payload } => (consumed, payload),
            wasmparser::Chunk::NeedMoreData(_) => return Err(LoadError::InvalidComponent("it ends too early".into())),
        };
        rest = rest.get(used..).unwrap_or_default();
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    exports.push(export.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ModuleSection { unchecked_range: range, .. } | Payload::ComponentSection { unchecked_range: range, .. } => {
                let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                rest = rest.get(len..).ok_or_else(|| LoadError::InvalidComponent("it ends within a nested module".into()))?;
            }
            Payload::End(_) => return Ok((imports, exports)),
            _ => {}
        }
    }
}

/// Whether every module with a memory of its own, however deep, holds the promise. Who promises and frees all the same harms nothing but that memory.
fn never_frees(bytes: &[u8]) -> bool {
    #[derive(Default)]
    struct Seen {
        memory: bool,
        promise: bool,
    }
    let (mut module, mut kept) = (None, false);
    for payload in Parser::new(0).parse_all(bytes) {
        match (payload, &mut module) {
            (Ok(Payload::Version { encoding: Encoding::Module, .. }), module) => *module = Some(Seen::default()),
            (Ok(Payload::MemorySection(_)), Some(seen)) => seen.memory = true,
            (Ok(Payload::CustomSection(section)), Some(seen)) => seen.promise |= section.name() == PROMISE,
            (Ok(Payload::End(_)), module) => match module.take() {
                Some(Seen { memory: true, promise: false }) => return false,
                Some(Seen { memory: true, promise: true }) => kept = true,
                _ => {}
            },
            (Ok(_), _) => {}
            (Err(_), _) => return false,
        }
    }
    kept
}

/// An item of the contract: `kaphost:policy/validating@0.1.0`.
pub(crate) fn contract_item(name: &str) -> Option<(&str, Option<&str>)> {
    let item = name.strip_prefix("kaphost:policy/")?;
    Some(item.split_once('@').map_or((item, None), |(item, version)| (item, Some(version))))
}

/// Whether this host speaks that version: any 0.1.x, since within it items are only added.
fn speaks(version: Option<&str>) -> bool {
    version
        .and_then(|version| version.strip_prefix("0.1."))
        .is_some_and(|patch| !patch.is_empty() && patch.len() <= 5 && patch.bytes().all(|b| b.is_ascii_digit()))
}

fn check_imports(imports: &[String], exports: &[String]) -> Result<(), LoadError> {
    let foreign: Vec<String> = imports
        .iter()
        .filter(|name| !matches!(contract_item(name), Some(("logging" | "types", _))))
        .take(NAMED_IMPORTS)
        .map(|name| visible(name, NAME_CHARS))
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::ForeignImport { imports: foreign });
    }
    let other: Vec<String> = imports
        .iter()
        .chain(exports)
        .filter(|name| contract_item(name).is_some_and(|(_, version)| !speaks(version)))
        .take(NAMED_IMPORTS)
        .map(|name| visible(name, NAME_CHARS))
        .collect();
    if other.is_empty() { Ok(()) } else { Err(LoadError::WrongContractVersion { found: other }) }
}

fn world(exports: &[String]) -> Result<Surface, LoadError> {
    let the = |wanted: &str| {
        let mut found = exports.iter().filter(|name| contract_item(name).is_some_and(|(item, _)| item == wanted));
        let first = found.next().cloned();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(LoadError::WrongWorld(format!("it exports `{wanted}` in more than one version"))),
        }
    };
    let (metadata, validating, mutating) = (the("metadata")?, the("validating")?, the("mutating")?);
    let metadata = match (metadata, &validating, &mutating) {
        (Some(metadata), _, _) => metadata,
        (None, None, None) => return Err(LoadError::WrongWorld("it exports nothing of the contract".into())),
        (None, _, _) => return Err(LoadError::WrongWorld("it does not export `metadata`".into())),
    };
    let world = match (&validating, &mutating) {
        (Some(_), None) => World::Validator,
        (None, Some(_)) => World::Mutator,
        (Some(_), Some(_)) => World::Policy,
        (None, None) => {
            return Err(LoadError::WrongWorld("it exports `metadata`, but neither `validating` nor `mutating`".into()));
        }
    };
    Ok(Surface { world, metadata, validating, mutating, never_frees: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(body: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {body})")).unwrap()
    }

    fn exporting(items: &[&str]) -> Vec<u8> {
        with(items, "")
    }

    fn with(items: &[&str], more: &str) -> Vec<u8> {
        let exports: String = items.iter().map(|item| format!(r#"(export "{item}" (instance $i))"#)).collect();
        component(&format!("(component $c) (instance $i (instantiate $c)) {exports} {more}"))
    }

    #[test]
    fn the_world_follows_from_the_exports() {
        let [m, v, u] = ["metadata", "validating", "mutating"].map(|item| format!("kaphost:policy/{item}@0.1.0"));
        for (items, world) in [(vec![&m, &v], World::Validator), (vec![&u, &m], World::Mutator), (vec![&m, &v, &u], World::Policy)] {
            let items: Vec<&str> = items.into_iter().map(String::as_str).collect();
            assert_eq!(surface(&exporting(&items)).unwrap().world, world);
        }
    }

    #[test]
    fn later_patches_of_the_contract_are_spoken_and_nothing_else() {
        assert!(speaks(Some("0.1.0")) && speaks(Some("0.1.17")));
        for version in [None, Some(""), Some("0.1"), Some("0.1."), Some("0.2.0"), Some("1.0.0"), Some("0.1.0-rc.1"), Some("0.1.0+x")] {
            assert!(!speaks(version), "{version:?}");
        }
    }

    #[test]
    fn every_foreign_import_is_named() {
        let bytes = component(
            r#"(import "wasi:filesystem/types@0.2.0" (instance)) (import "kaphost:policy/logging@0.1.0" (instance))
               (import "wasi:clocks/wall-clock@0.2.0" (instance)) (import "env" (func))"#,
        );
        let LoadError::ForeignImport { imports } = surface(&bytes).unwrap_err() else { panic!() };
        assert_eq!(imports, ["wasi:filesystem/types@0.2.0", "wasi:clocks/wall-clock@0.2.0", "env"]);
    }

    #[test]
    fn a_nested_components_imports_are_its_own_business() {
        let bytes = component(r#"(component (import "wasi:cli/run@0.2.0" (instance)))"#);
        assert_eq!(surface(&bytes).unwrap_err().code(), "wrong-world");
    }

    #[test]
    fn truncation_at_every_byte_is_an_error_and_no_more() {
        let bytes = exporting(&["kaphost:policy/metadata@0.1.0", "kaphost:policy/validating@0.1.0"]);
        let whole = surface(&bytes).unwrap();
        for len in 0..bytes.len() {
            match surface(&bytes[..len]) {
                // Cut at the end of a section, what is left is whole: it lacks exports, or only the names for debuggers.
                Ok(cut) => assert_eq!(cut, whole, "{len}"),
                Err(error) => assert!(matches!(error.code(), "not-wasm" | "invalid-component" | "wrong-world"), "{len}: {error}"),
            }
        }
        assert!(surface(&bytes[..bytes.len() / 2]).is_err());
    }

    #[test]
    fn a_promise_is_one_of_all_modules_with_memory() {
        let promising =
            |body: &str| surface(&with(&["kaphost:policy/metadata@0.1.0", "kaphost:policy/validating@0.1.0"], body)).unwrap().never_frees;
        let promise = r#"(core module (memory 1) (@custom "kaphost:never-frees" "\01"))"#;
        let without = "(core module (memory 1))";
        let no_memory = "(core module (func))";
        assert!(promising(promise));
        assert!(promising(&format!("{no_memory} {promise} {promise}")));
        assert!(promising(&format!("{promise} (component {promise})")));
        assert!(!promising(""));
        assert!(!promising(no_memory));
        assert!(!promising(without));
        assert!(!promising(&format!("{promise} {without}")));
        assert!(!promising(&format!("{promise} (component (component {without}))")));
        // Of the component around it: that has no memory.
        assert!(!promising(&format!(r#"{without} (@custom "kaphost:never-frees" "\01")"#)));
    }
}
