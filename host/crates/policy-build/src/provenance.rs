//! Who made a component, written into it where its tools look for it: the `producers` section.

use wasm_metadata::Producers;

use crate::component::ComponentError;

/// What a component was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Makers {
    /// The language of its source.
    pub language: &'static str,
    /// What compiled it, and what that calls itself.
    pub compiler: (&'static str, String),
    /// The version of kaphost.
    pub kaphost: String,
}

impl Makers {
    /// The component with its makers in it. Nothing else of it changes, and the same makers give the same bytes.
    ///
    /// # Errors
    /// When it is no component.
    pub fn sign(&self, component: &[u8]) -> Result<Vec<u8>, ComponentError> {
        let mut producers = Producers::empty();
        producers.add("language", self.language, "");
        producers.add("processed-by", self.compiler.0, &self.compiler.1);
        producers.add("processed-by", "kaphost", &self.kaphost);
        producers.add_to_wasm(component).map_err(|error| ComponentError::NotAComponent(format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_makers_are_in_it_and_once() {
        let makers = Makers { language: "Rust", compiler: ("rustc", "1.95.0".into()), kaphost: "0.1.0".into() };
        let signed = makers.sign(b"\0asm\x0d\0\x01\0").unwrap();
        let found = Producers::from_wasm(&signed).unwrap().unwrap();
        assert_eq!(found.get("processed-by").unwrap().get("rustc").unwrap(), "1.95.0");
        assert_eq!(makers.sign(&signed).unwrap(), signed);
        assert!(makers.sign(b"no").is_err());
    }
}
