//! What is encrypted, with which key, and what is refused.

use encrypted_volumes::EncryptedVolumes;
use kaphost_guest::{Cluster, Settings, testing};

fn plain() -> Settings {
    testing::settings::<EncryptedVolumes>(&[])
}

fn with_key() -> Settings {
    testing::settings::<EncryptedVolumes>(&[("kms-key", "alias/volumes".into())])
}

/// The sample, with the encryption of its volumes off.
fn open() -> Cluster {
    let mut cluster = testing::cluster();
    cluster.root_volume.encrypted = false;
    cluster.volumes[0].settings.encrypted = false;
    cluster
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<EncryptedVolumes>();
    testing::documented::<EncryptedVolumes>(include_str!("../README.md"));
}

#[test]
fn encryption_is_turned_on_and_the_key_stays() {
    let mut cluster = open();
    cluster.volumes[0].settings.kms_key = Some("alias/theirs".into());
    let amended = testing::mutate::<EncryptedVolumes>(cluster, &plain()).unwrap();
    assert_eq!(
        testing::changed(&amended),
        ["encrypted-volumes @ root-volume.encrypted", r#"encrypted-volumes @ volume["/dev/xvdh"].encrypted"#]
    );
    let mut expected = testing::cluster();
    expected.volumes[0].settings.kms_key = Some("alias/theirs".into());
    assert_eq!(amended.cluster, expected);
}

#[test]
fn an_encrypted_cluster_passes_untouched() {
    let amended = testing::mutate::<EncryptedVolumes>(testing::cluster(), &plain()).unwrap();
    assert_eq!((amended.cluster, amended.changes), (testing::cluster(), vec![]));
    assert!(testing::validate::<EncryptedVolumes>(&testing::cluster(), &plain()).is_empty());
}

#[test]
fn a_named_key_is_put_in_place_of_none_and_of_another() {
    let mut cluster = testing::cluster();
    cluster.volumes[0].settings.kms_key = Some("alias/theirs".into());
    let amended = testing::mutate::<EncryptedVolumes>(cluster, &with_key()).unwrap();
    assert_eq!(testing::changed(&amended), ["volume-key @ root-volume.kms-key", r#"volume-key @ volume["/dev/xvdh"].kms-key"#]);
    assert_eq!(amended.cluster.root_volume.kms_key.as_deref(), Some("alias/volumes"));
    assert_eq!(amended.cluster.volumes[0].settings.kms_key.as_deref(), Some("alias/volumes"));
    assert!(testing::validate::<EncryptedVolumes>(&amended.cluster, &with_key()).is_empty());
}

#[test]
fn what_stands_unencrypted_is_refused() {
    assert_eq!(
        testing::said(&testing::validate::<EncryptedVolumes>(&open(), &plain())),
        ["encrypted-volumes @ root-volume.encrypted", r#"encrypted-volumes @ volume["/dev/xvdh"].encrypted"#]
    );
}

#[test]
fn the_help_says_the_key_as_well() {
    let help = |settings: &Settings| testing::validate::<EncryptedVolumes>(&open(), settings)[0].help.clone().unwrap_or_default();
    assert_eq!(help(&plain()), "write `encrypted=#true`");
    assert_eq!(help(&with_key()), r#"write `encrypted=#true kms-key="alias/volumes"`"#);
    assert_eq!(testing::validate::<EncryptedVolumes>(&open(), &with_key()).len(), 2, "one violation a volume");
}

#[test]
fn a_wrong_key_is_refused_with_the_right_one() {
    let mut cluster = testing::cluster();
    cluster.root_volume.kms_key = Some("alias/volumes".into());
    cluster.volumes[0].settings.kms_key = Some("alias/theirs".into());
    let violations = testing::validate::<EncryptedVolumes>(&cluster, &with_key());
    assert_eq!(testing::said(&violations), [r#"volume-key @ volume["/dev/xvdh"].kms-key"#]);
    assert_eq!(violations[0].message, r#"the volume is encrypted with "alias/theirs", and has to be with "alias/volumes""#);
    assert_eq!(violations[0].help.as_deref(), Some(r#"write `kms-key="alias/volumes"`"#));
    let violations = testing::validate::<EncryptedVolumes>(&testing::cluster(), &with_key());
    assert_eq!(violations[0].message, r#"the volume is encrypted with the account's default key, and has to be with "alias/volumes""#);
}

#[test]
fn a_blank_key_is_none() {
    let blank = testing::settings::<EncryptedVolumes>(&[("kms-key", "  ".into())]);
    assert!(testing::validate::<EncryptedVolumes>(&testing::cluster(), &blank).is_empty());
}

#[test]
fn what_is_no_key_is_said_of_the_setting_and_put_nowhere() {
    let given = |key: &str| testing::settings::<EncryptedVolumes>(&[("kms-key", key.into())]);
    let long = format!("alias/{}", "a".repeat(2043));
    for text in ["our key", "volumes", "alias/\u{e9}", "arn:aws:s3:::bucket", &long] {
        let amended = testing::mutate::<EncryptedVolumes>(open(), &given(text)).unwrap();
        assert_eq!(amended.cluster, testing::cluster(), "encrypted, and no more: {text}");
        let violations = testing::validate::<EncryptedVolumes>(&amended.cluster, &given(text));
        assert_eq!(testing::said(&violations), [r#"settings @ settings["kms-key"]"#], "{text}");
        assert!(violations[0].message.starts_with("the setting `kms-key` holds") && violations[0].message.ends_with("which is no KMS key"));
    }
    let arn = "arn:aws-cn:kms:cn-north-1:111122223333:key/1";
    for text in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab", arn, " alias/ours "] {
        let amended = testing::mutate::<EncryptedVolumes>(open(), &given(text)).unwrap();
        assert_eq!(amended.cluster.root_volume.kms_key.as_deref(), Some(text.trim()));
    }
}
