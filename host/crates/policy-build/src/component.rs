//! From a core module to a component, what a component may import, and the worlds that a module carries.

use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};
use wit_parser::{InterfaceId, Resolve, WorldItem};

/// All that a policy may import: the contract's logging, and its types, which hold no functions.
const MAY_IMPORT: [(&str, &str); 2] = [("kaphost:policy", "logging"), ("kaphost:policy", "types")];
/// How a component in binary form starts; a core module's second half is `01 00 00 00`.
const PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// What makes it a policy.
const MUST_EXPORT: (&str, &str) = ("kaphost:policy", "metadata");
/// The worlds of the contract.
const WORLDS: [&str; 3] = ["validator", "mutator", "policy"];

/// Why a module makes no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// It carries no world, or breaks it.
    #[error("the module does not make a component: {0}")]
    NotMade(String),
    /// It is something else.
    #[error("it is no component{}", if .0.is_empty() { String::new() } else { format!(": {}", .0) })]
    NotAComponent(String),
    /// It asks for something outside of the contract.
    #[error("it imports `{0}`: a policy imports the contract's logging and nothing else")]
    Import(String),
    /// It does not say who it is.
    #[error("it does not export `{}/{}`: end the policy with `kaphost_guest::export_policy!`", MUST_EXPORT.0, MUST_EXPORT.1)]
    NoMetadata,
    /// A contract that cannot be read: a mistake in `policy.wit`.
    #[error("the contract cannot be read: {0}")]
    Contract(String),
}

impl ComponentError {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotMade(_) | Self::NotAComponent(_) | Self::NoMetadata => {
                "write `kaphost_guest::export_policy!(MyPolicy: validator);` at the end of src/lib.rs, or `: mutator` or `: policy`, once"
            }
            Self::Import(_) => {
                "leave out the dependency that asks for it: a policy has no clock, files, network, environment or randomness"
            }
            Self::Contract(_) => "the contract's file is not as it was shipped: get it anew",
        }
    }
}

/// Makes a component of a module that carries its world, validates it, and checks that it keeps the contract.
///
/// # Errors
/// When the module carries no world, lacks an export, or imports anything but the contract.
pub fn from_module(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|encoder| encoder.encode());
    let component = encoded.map_err(|error| ComponentError::NotMade(format!("{error:#}")))?;
    check(&component)?;
    Ok(component)
}

/// Checks what a component imports and exports.
///
/// # Errors
/// Names what does not belong there, or what is missing.
pub fn check(component: &[u8]) -> Result<(), ComponentError> {
    // A core module would be decoded as a component of nothing.
    if component.get(..8) != Some(&PREAMBLE) {
        return Err(ComponentError::NotAComponent(String::new()));
    }
    let (resolve, world) = match wit_component::decode(component) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => return Err(ComponentError::NotAComponent("it holds interfaces only".into())),
        Err(error) => return Err(ComponentError::NotAComponent(format!("{error:#}"))),
    };
    let world = &resolve.worlds[world];
    for (key, item) in &world.imports {
        let allowed = match item {
            WorldItem::Interface { id, .. } => MAY_IMPORT.iter().any(|name| is(&resolve, *id, name)),
            _ => false,
        };
        if !allowed {
            return Err(ComponentError::Import(resolve.name_world_key(key)));
        }
    }
    let metadata = |item: &WorldItem| matches!(item, WorldItem::Interface { id, .. } if is(&resolve, *id, &MUST_EXPORT));
    if world.exports.values().any(metadata) { Ok(()) } else { Err(ComponentError::NoMetadata) }
}

/// Whether an interface has this package, of any version, and name.
fn is(resolve: &Resolve, id: InterfaceId, (package, interface): &(&str, &str)) -> bool {
    let found = &resolve.interfaces[id];
    let of = found.package.map(|id| &resolve.packages[id].name);
    found.name.as_deref() == Some(*interface) && of.is_some_and(|of| format!("{}:{}", of.namespace, of.name) == *package)
}

/// Each world of a contract, by its name, in the form in which a module carries it: what the SDK's build script makes where the SDK is built in this
/// repository, and what travels with the SDK elsewhere.
///
/// # Errors
/// When the text is no contract.
pub fn worlds(contract: &str) -> Result<Vec<(&'static str, Vec<u8>)>, ComponentError> {
    let wrong = |error: &dyn std::fmt::Display| ComponentError::Contract(format!("{error:#}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", contract).map_err(|error| wrong(&error))?;
    let encode = |name: &'static str| {
        let world = resolve.select_world(&[package], Some(name)).map_err(|error| wrong(&error))?;
        let encoded = wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None).map_err(|error| wrong(&error))?;
        Ok((name, encoded))
    };
    WORLDS.into_iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use wit_component::embed_component_metadata;

    use super::*;

    /// A core module with these imports and exports of no parameters, made a component of a world given as WIT.
    fn component(wit: &str, module: &[u8]) -> Result<Vec<u8>, ComponentError> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let mut module = module.to_vec();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        from_module(&module)
    }

    #[test]
    fn a_module_that_is_none_is_an_error() {
        assert!(from_module(b"").unwrap_err().to_string().starts_with("the module does not make a component: "));
        for text in [&b"\0asm\x01\0\0\0"[..], b"", b"(component)"] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.starts_with("it is no component"), "{error}");
        }
    }

    #[test]
    fn a_component_that_is_no_policy_is_an_error() {
        let empty = component("package a:b; world w {}", b"\0asm\x01\0\0\0").unwrap_err().to_string();
        assert!(empty.starts_with("it does not export `kaphost:policy/metadata`"), "{empty}");
    }

    #[test]
    fn an_import_outside_of_the_contract_is_named() {
        // (module (import "a:clocks/wall" "now" (func)))
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x15\x01\x0da:clocks/wall\x03now\0\0";
        let error = component("package a:clocks; interface wall { now: func(); } world w { import wall; }", module).unwrap_err();
        assert_eq!(error.to_string(), "it imports `a:clocks/wall`: a policy imports the contract's logging and nothing else");
    }

    #[test]
    fn the_contract_has_three_worlds() {
        let all = worlds(include_str!("../../../../wit/policy.wit")).unwrap();
        assert_eq!(all.iter().map(|(name, bytes)| (*name, bytes.is_empty())).collect::<Vec<_>>(), WORLDS.map(|name| (name, false)));
        assert!(matches!(worlds("world validator {"), Err(ComponentError::Contract(_))));
    }
}
