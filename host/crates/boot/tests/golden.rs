//! What is rendered, word for word.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod support;

use support::{EVERYTHING, cluster};

/// The least of a `kapacitor` block.
const LEAST: &str = r#"kapacitor { influxdb "http://influxdb.example.com:8086"; }"#;

/// The values at the head, and the steps at the end: what lies between is the same for all.
fn ends(script: &str) -> String {
    let (head, _) = script.split_once("\n\nexport TZ").unwrap();
    let (_, main) = script.split_once("\nmain() {").unwrap();
    let (main, _) = main.split_once("\n}\n").unwrap();
    format!("{head}\n\n…\nmain() {{{main}\n}}")
}

#[test]
fn the_least() {
    insta::assert_snapshot!(ends(kaphost_boot::script(&cluster(LEAST)).unwrap().text()));
}

#[test]
fn a_volume() {
    let nodes = r#"volume "/dev/xvdh" size=300
        kapacitor { influxdb "http://influxdb:8086"; storage device="/dev/xvdh" mount-point="/var/lib/kapacitor"; }"#;
    insta::assert_snapshot!(ends(kaphost_boot::script(&cluster(nodes)).unwrap().text()));
}

#[test]
fn everything() {
    insta::assert_snapshot!(kaphost_boot::script(&cluster(EVERYTHING)).unwrap().text());
}

#[test]
fn together_with_user_data() {
    let nodes = format!("{LEAST}\nuser-data \"#cloud-config\\npackages: [jq]\\n\"");
    let data = kaphost_boot::user_data(&cluster(&nodes)).unwrap().unwrap();
    let (multipart, script) = data.expose().split_once("#!/bin/bash\n").unwrap();
    let (_, end) = script.rsplit_once("{ logger").unwrap();
    insta::assert_snapshot!(format!("{multipart}#!/bin/bash\n…\n{end}"));
}

/// The docs say that 6 KiB are left for `user-data` and `extra-config`.
#[test]
fn the_script_leaves_room() {
    let script = kaphost_boot::script(&cluster(EVERYTHING)).unwrap();
    assert!(script.text().len() <= 10 * 1024, "{} bytes", script.text().len());
    assert!(script.text().is_ascii(), "else it is sent as base64, a third longer");
    assert_eq!(kaphost_boot::script(&cluster("")), None);
}
