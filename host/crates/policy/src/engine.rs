//! Which engine runs the policies.

/// The version of wasmtime. A decision hangs on it as far as its fuel is counted: a record names it.
pub const ENGINE_VERSION: &str = "48.0.8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_built() {
        let lock = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../Cargo.lock");
        let text = std::fs::read_to_string(lock).unwrap();
        let wanted = format!("name = \"wasmtime\"\nversion = \"{ENGINE_VERSION}\"\n");
        assert!(text.replace('\r', "").contains(&wanted), "Cargo.lock names another wasmtime than {ENGINE_VERSION}: say so in engine.rs");
    }
}
