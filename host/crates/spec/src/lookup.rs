//! Where `(env)` and `(file)` values come from.

/// Answers `(env)"NAME"` and `(file)"path"`. This crate reads neither environment nor files: whoever calls [`crate::parse`] does.
pub trait Lookup {
    /// The value of an environment variable.
    ///
    /// # Errors
    /// Why there is none, as a clause: "is not set". Must not hold the value.
    fn env(&self, name: &str) -> Result<String, String>;

    /// The text of a file, its path as the config spells it: relative paths start at the config's folder.
    ///
    /// # Errors
    /// Why it cannot be read, as a clause: "does not exist". Must not hold the text.
    fn file(&self, path: &str) -> Result<String, String>;
}

/// Answers nothing: for configs that come from places which must not read this machine's files and variables.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn env(&self, _: &str) -> Result<String, String> {
        Err("cannot be read here: variables are closed to this config".to_owned())
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("cannot be read here: files are closed to this config".to_owned())
    }
}
