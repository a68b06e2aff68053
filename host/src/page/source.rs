//! The config's text: only the one that was decided on, with what may hold secrets covered.

use std::path::{Path as FilePath, PathBuf};

use kaphost_report::Source;
use kaphost_saved_plan::Seal;
use kaphost_spec::{ConfigSource, Path, Spec, covered};

use crate::input;
use crate::record::{Config, sha256};

/// The text, and where in it each value stands.
#[derive(Debug)]
pub(super) struct Text {
    spec: Spec,
    covered: ConfigSource,
}

/// Reads it, from where it is now or where it was then. In a saved plan its digest is salted.
///
/// # Errors
/// A clause that says why it cannot be shown. What cannot be parsed cannot be covered either.
pub(super) fn read(then: &Config, now: Option<&FilePath>, cluster: &str, salt: Option<&str>) -> Result<Text, String> {
    let file = now.map_or_else(|| PathBuf::from(&then.file), FilePath::to_owned);
    let name = file.display();
    let text = input::text_of(&file).map_err(|why| format!("`{name}` {why}"))?;
    let digest = sha256(text.as_bytes());
    if digest != then.sha256 && salt.is_none_or(|salt| Seal::new(salt).digest(&digest) != then.sha256) {
        return Err(format!("`{name}` is not the config that was decided on: its digest is another"));
    }
    let folder = file.parent().unwrap_or(FilePath::new(""));
    let inputs = input::parse(ConfigSource::new(then.file.clone(), text.clone()), folder, &[])
        .map_err(|_| format!("`{name}` cannot be read here as it was then: a file or a variable that it takes values from is missing"))?;
    let covered = ConfigSource::new(then.file.clone(), covered(&text));
    let spec = inputs.into_iter().map(|input| input.spec).find(|spec| spec.cluster.name.as_str() == cluster);
    let spec = spec.ok_or_else(|| format!("`{name}` has no cluster {cluster}"))?;
    Ok(Text { spec, covered })
}

impl Text {
    /// For the page.
    pub(super) fn shown(&self) -> Source {
        Source::Shown { file: self.covered.name.clone(), lines: self.covered.text.lines().map(str::to_owned).collect() }
    }

    /// The line that says a value, or the node around it.
    pub(super) fn line(&self, path: &str) -> Option<usize> {
        let path: Path = path.parse().ok()?;
        Some(self.covered.position(self.spec.origins.nearest(&path).start).line)
    }
}
