//! Encodes each world of the contract, for `export_policy!` to embed in a component.
//!
//! wit-bindgen would embed the one world that it was asked for; a component has to carry exactly the world whose exports it
//! has, and one set of types has to serve all three.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wit_component::StringEncoding;
use wit_parser::Resolve;

const CONTRACT: &str = "../../wit";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={CONTRACT}");
    let out = env::var("OUT_DIR")?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(CONTRACT)?;
    for world in ["validator", "mutator", "policy"] {
        let id = resolve.select_world(&[package], Some(world))?;
        let encoded = wit_component::metadata::encode(&resolve, id, StringEncoding::UTF8, None)?;
        fs::write(Path::new(&out).join(world), encoded)?;
    }
    Ok(())
}
