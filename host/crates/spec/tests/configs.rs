//! The configs that kaphost ships.

use kaphost_spec::{ConfigSource, NoLookup, parse};

#[test]
fn shipped_configs_parse_without_a_warning() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../configs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "kdl") {
            let text = std::fs::read_to_string(&path).unwrap();
            let file = parse(ConfigSource::new(path.display().to_string(), text), &NoLookup).unwrap_or_else(|report| {
                panic!("{report}: {:#?}", report.diagnostics());
            });
            assert_eq!(file.warnings, [], "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 3);
}
