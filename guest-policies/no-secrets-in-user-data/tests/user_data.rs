//! What is seen, what is not shown, and what was reviewed.

use kaphost_guest::{Cluster, Kapacitor, LogLevel, SettingValue, UserData, Violation, testing};
use no_secrets_in_user_data::NoSecretsInUserData;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn cluster(text: Option<&str>) -> Cluster {
    let user_data = UserData { sha256: DIGEST.into(), size: 100, text: text.map(str::to_owned) };
    Cluster { user_data: Some(user_data), ..testing::cluster() }
}

fn with_kapacitor(influxdb: &str, extra_config: &str) -> Cluster {
    let kapacitor = Kapacitor {
        hostname: None,
        influxdb: vec!["https://influxdb-1:8086".into(), influxdb.into()],
        storage: None,
        owner: "kapacitor".into(),
        log_level: LogLevel::Info,
        tls: None,
        extra_config: Some(extra_config.into()),
    };
    Cluster { kapacitor: Some(kapacitor), ..testing::cluster() }
}

fn violations(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate::<NoSecretsInUserData>(cluster, &testing::settings::<NoSecretsInUserData>(set))
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<NoSecretsInUserData>();
    testing::documented::<NoSecretsInUserData>(include_str!("../README.md"));
}

#[test]
fn no_user_data_and_harmless_user_data_pass() {
    assert!(violations(&testing::cluster(), &[]).is_empty());
    assert!(violations(&cluster(Some("#!/bin/sh\necho ready\n")), &[]).is_empty());
    assert!(violations(&with_kapacitor("https://influxdb-2:8086", "[slack]\n  enabled = true\n"), &[]).is_empty());
}

#[test]
fn what_is_found_is_told_by_line_and_never_shown() {
    let found = violations(&cluster(Some("#!/bin/sh\nexport INFLUX_PASSWORD=hunter2\ncurl https://a:hunter2@b\n")), &[]);
    assert_eq!(testing::said(&found), ["secret-in-user-data @ user-data", "secret-in-user-data @ user-data"]);
    assert_eq!(found[0].message, "line 2 holds a plain value where a secret has its name");
    assert_eq!(found[1].message, "line 3 holds a password in an address");
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn user_data_that_is_not_shown_does_not_pass() {
    let found = violations(&cluster(None), &[]);
    assert_eq!(testing::said(&found), ["user-data-unseen @ user-data"]);
    assert_eq!(
        found[0].help.as_deref(),
        Some(format!("grant the policy the user data in its policy set, or review it and add {DIGEST} to `reviewed-user-data`").as_str())
    );
}

#[test]
fn compressed_parts_do_not_pass_unseen() {
    let found = violations(&cluster(Some("#cloud-config\ncontent: H4sIAAAAAAAAA0vOzy0oSi0uTk0BAA==\n")), &[]);
    assert_eq!(testing::said(&found), ["user-data-unseen @ user-data"]);
    assert_eq!(found[0].message, "line 2 starts something compressed, which cannot be looked into");
}

#[test]
fn what_was_reviewed_passes_shown_or_not() {
    let reviewed = [("reviewed-user-data", [DIGEST.to_uppercase().as_str()].into())];
    assert!(violations(&cluster(None), &reviewed).is_empty());
    assert!(violations(&cluster(Some("PASSWORD=hunter2")), &reviewed).is_empty());
    let other = DIGEST.replace('0', "f");
    assert_eq!(violations(&cluster(None), &[("reviewed-user-data", [other.as_str()].into())]).len(), 1);
}

#[test]
fn a_review_of_something_else_than_a_digest_is_told() {
    let found = violations(&testing::cluster(), &[("reviewed-user-data", [DIGEST, "boot.sh"].into())]);
    assert_eq!(testing::said(&found), [r#"settings @ settings["reviewed-user-data"]"#]);
    assert_eq!(found[0].message, r#"the setting `reviewed-user-data` holds "boot.sh", which is no SHA-256 digest"#);
}

#[test]
fn further_names_may_be_named() {
    let license = cluster(Some("LICENSE_KEY=abc\n"));
    assert!(violations(&license, &[]).is_empty());
    assert_eq!(violations(&license, &[("secret-names", ["license-key"].into())]).len(), 1);
    assert!(violations(&cluster(Some("A=b\n")), &[("secret-names", [" "].into())]).is_empty(), "a blank name is none");
}

#[test]
fn the_kapacitor_node_is_looked_at_without_any_grant() {
    let found = violations(&with_kapacitor("https://admin:hunter2@influxdb-2:8086", "[slack]\n  token = \"hunter2\"\n"), &[]);
    assert_eq!(
        testing::said(&found),
        ["secret-in-kapacitor-config @ kapacitor.influxdb", "secret-in-kapacitor-config @ kapacitor.extra-config"]
    );
    assert_eq!(found[1].message, "line 2 holds a plain value where a secret has its name");
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn a_flood_of_findings_is_counted_and_not_told_one_by_one() {
    let found = violations(&cluster(Some(&"PASSWORD=hunter2\n".repeat(500))), &[]);
    assert_eq!((found.len(), found[20].message.as_str()), (21, "480 more lines hold something of the kind"));
}
