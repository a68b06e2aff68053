//! Material for this crate's tests.

use kaphost_spec::{ConfigSource, NoLookup, Spec};

/// The one cluster of a config.
pub(crate) fn spec(text: &str) -> Spec {
    let file = kaphost_spec::parse(ConfigSource::new("test.kdl", text), &NoLookup).expect("the test's config is sound");
    file.specs.into_iter().next().expect("it holds a cluster")
}
