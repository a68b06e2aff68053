//! From a core module to a component, and what a component may import.

use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{InterfaceId, Resolve, WorldItem, WorldKey};

use crate::Result;

/// All that a policy may import: the contract's logging, and its types, which hold no functions.
const MAY_IMPORT: [(&str, &str); 2] = [("kaphost:policy", "logging"), ("kaphost:policy", "types")];
/// How a component in binary form starts; a core module's second half is `01 00 00 00`.
const PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// What makes it a policy.
const MUST_EXPORT: (&str, &str) = ("kaphost:policy", "metadata");

/// Makes a component of a module that carries its world, validates it, and checks that it keeps the contract.
///
/// # Errors
/// When the module carries no world, lacks an export, or imports anything but the contract.
pub(crate) fn from_module(module: &[u8]) -> Result<Vec<u8>> {
    let encode = || ComponentEncoder::default().validate(true).module(module)?.encode();
    let component = encode().map_err(|error| format!("the module does not make a component: {error:#}"))?;
    check(&component)?;
    Ok(component)
}

/// Checks what a component imports and exports.
///
/// # Errors
/// Names what does not belong there, or what is missing.
pub(crate) fn check(component: &[u8]) -> Result {
    // A core module would be decoded as a component of nothing.
    if component.get(..8) != Some(&PREAMBLE) {
        return Err("it is no component".into());
    }
    let (resolve, world) = match wit_component::decode(component) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => return Err("it is no component: it holds interfaces only".into()),
        Err(error) => return Err(format!("it is no component: {error:#}").into()),
    };
    let world = &resolve.worlds[world];
    for (key, item) in &world.imports {
        let allowed = match item {
            WorldItem::Interface { id, .. } => MAY_IMPORT.iter().any(|name| is(&resolve, *id, name)),
            _ => false,
        };
        if !allowed {
            return Err(format!("it imports `{}`: a policy imports the contract's logging and nothing else", name(&resolve, key)).into());
        }
    }
    let metadata = |item: &WorldItem| matches!(item, WorldItem::Interface { id, .. } if is(&resolve, *id, &MUST_EXPORT));
    if world.exports.values().any(metadata) {
        Ok(())
    } else {
        Err(format!("it does not export `{}/{}`: end the policy with `kaphost_guest::export_policy!`", MUST_EXPORT.0, MUST_EXPORT.1).into())
    }
}

/// Whether an interface has this package, of any version, and name.
fn is(resolve: &Resolve, id: InterfaceId, (package, interface): &(&str, &str)) -> bool {
    let found = &resolve.interfaces[id];
    let of = found.package.map(|id| &resolve.packages[id].name);
    found.name.as_deref() == Some(*interface) && of.is_some_and(|of| format!("{}:{}", of.namespace, of.name) == *package)
}

fn name(resolve: &Resolve, key: &WorldKey) -> String {
    resolve.name_world_key(key)
}

#[cfg(test)]
mod tests {
    use wit_component::{StringEncoding, embed_component_metadata};

    use super::*;

    /// A core module with these imports and exports of no parameters, made a component of a world given as WIT.
    fn component(wit: &str, module: &[u8]) -> Result<Vec<u8>> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("test.wit", wit)?;
        let world = resolve.select_world(&[package], None)?;
        let mut module = module.to_vec();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
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
}
