//! A config as it may be shown beside what a policy says of it: what may hold secrets is covered.

use kaphost_spec::{ConfigSource, Origin, Path, Spec};

/// The config of a spec, with user data and what goes into it covered, character by character: every place stays where it was. Names of files and
/// variables that it is taken from stay too.
#[must_use]
pub(crate) fn source(spec: &Spec) -> ConfigSource {
    let source = spec.origins.source();
    let mut text = source.text.clone();
    let kapacitor = Path::root().field("kapacitor");
    for path in [Path::root().field("user-data"), kapacitor.field("extra-config"), kapacitor.field("influxdb")] {
        let (Origin::Config(span) | Origin::Defaults(span)) = spec.origins.of(&path) else { continue };
        let (Some(before), Some(value)) = (text.get(..span.start), text.get(span.clone())) else { continue };
        // `(file)"boot.sh"`: the secret is elsewhere.
        if before.trim_end().ends_with(')') || value.starts_with('(') {
            continue;
        }
        let covered: String = value.chars().map(cover).collect();
        text.replace_range(span, &covered);
    }
    ConfigSource::new(source.name.clone(), text)
}

/// As many bytes as there were, so that nothing moves.
fn cover(c: char) -> String {
    if matches!(c, '"' | '#') || c.is_whitespace() { c.into() } else { "*".repeat(c.len_utf8()) }
}

#[cfg(test)]
mod tests {
    use kaphost_spec::{NoLookup, parse};

    use super::*;

    const CONFIG: &str = r##"cluster "demo" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
    user-data "#!/bin/sh\nexport PASSWORD=hünter2\n"
    kapacitor {
        influxdb "https://influxdb.example.com:8086"
        extra-config """
            [slack]
            token = "hunter2"
            """
    }
    tag "Owner" "metrics"
}
"##;

    #[test]
    fn secrets_are_covered_and_nothing_moves() {
        let file = parse(ConfigSource::new("cluster.kdl", CONFIG), &NoLookup).unwrap();
        let shown = source(&file.specs[0]);
        assert!(!shown.text.contains("nter2") && !shown.text.contains("PASSWORD"), "{}", shown.text);
        assert!(shown.text.contains("tag \"Owner\" \"metrics\"") && shown.text.contains("user-data \"#"), "{}", shown.text);
        assert_eq!((shown.text.len(), shown.text.lines().count()), (CONFIG.len(), CONFIG.lines().count()));
        assert_eq!(shown.text.find("tag \"Owner\""), CONFIG.find("tag \"Owner\""));
    }
}
