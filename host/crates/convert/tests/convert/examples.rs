//! The Terraform files in `configs/terraform`, converted.

use kaphost_convert::{Conversion, Outcome, Request, convert};
use kaphost_spec::ConfigSource;

use crate::support::{read, shown};

fn example(name: &str, more: &[(&str, &str)]) -> Conversion {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../configs/terraform");
    let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let mut files = vec![ConfigSource::new(name, text)];
    files.extend(more.iter().map(|(name, text)| ConfigSource::new(*name, *text)));
    convert(Request::new(files)).unwrap()
}

#[test]
fn the_snippet_is_carried_over_whole() {
    let conversion = example("snippet.tf", &[]);
    insta::assert_snapshot!(shown(&conversion));
    let file = read(&conversion);
    assert!(conversion.is_usable() && conversion.findings.is_empty() && file.warnings.is_empty());
    let cluster = &file.specs[0].cluster;
    assert_eq!(cluster.user_data.as_ref().map(|data| data.expose()), Some("#!/bin/bash\nsudo systemctl start kapacitor\n"));
}

#[test]
fn every_argument_that_is_a_literal_is_carried_over() {
    let conversion = example("everything.tf", &[]);
    insta::assert_snapshot!(shown(&conversion));
    read(&conversion);
    assert!(conversion.is_usable(), "{}", shown(&conversion));
    let named: Vec<_> = conversion.arguments.iter().filter(|argument| argument.outcome == Outcome::Named).collect();
    assert!(named.is_empty(), "{named:?}");
    assert_eq!(conversion.arguments.len(), 34, "each argument of both blocks, once");
}

#[test]
fn what_terraform_looks_up_is_named_and_left_open() {
    let conversion = example("multi-cluster.tf", &[]);
    insta::assert_snapshot!(shown(&conversion));
    assert!(!conversion.is_usable());
}

#[test]
fn a_tfvars_file_gives_values_to_variables() {
    let values = "kapacitor_ami_id = \"ami-0abcd1234abcd1234\"\nssh_key_name = \"ops\"\n";
    let conversion = example("multi-cluster.tf", &[("terraform.tfvars", values)]);
    assert!(conversion.kdl.contains("ami \"ami-0abcd1234abcd1234\" // from var.kapacitor_ami_id"), "{}", conversion.kdl);
    assert!(conversion.kdl.contains("ssh key=\"ops\""), "{}", conversion.kdl);
}
