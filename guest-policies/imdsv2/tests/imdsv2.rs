//! What is rewritten, what is refused, and what is left alone.

use imdsv2::Imdsv2;
use kaphost_guest::{Cluster, InstanceMetadata, SettingValue, Settings, Tokens, testing};

fn settings(set: &[(&str, SettingValue)]) -> Settings {
    testing::settings::<Imdsv2>(set)
}

fn cluster(enabled: bool, tokens: Tokens, hop_limit: u8) -> Cluster {
    Cluster { metadata: InstanceMetadata { enabled, tokens, hop_limit }, ..testing::cluster() }
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<Imdsv2>();
    testing::documented::<Imdsv2>(include_str!("../README.md"));
}

#[test]
fn the_sample_passes_untouched() {
    let amended = testing::mutate::<Imdsv2>(testing::cluster(), &settings(&[])).unwrap();
    assert_eq!((amended.cluster, amended.changes), (testing::cluster(), vec![]));
    assert!(testing::validate::<Imdsv2>(&testing::cluster(), &settings(&[])).is_empty());
}

#[test]
fn tokens_and_hops_are_rewritten_and_nothing_else() {
    let amended = testing::mutate::<Imdsv2>(cluster(true, Tokens::Optional, 3), &settings(&[])).unwrap();
    assert_eq!(amended.cluster, testing::cluster());
    assert_eq!(testing::changed(&amended), ["imdsv2 @ metadata.tokens", "imds-hop-limit @ metadata.hop-limit"]);
    assert_eq!(amended.changes[1].reason, "answers of the metadata service travel at most 1 hop");
}

#[test]
fn what_stands_unrewritten_is_refused() {
    let said = |cluster, set: &[_]| testing::said(&testing::validate::<Imdsv2>(&cluster, &settings(set)));
    assert_eq!(said(cluster(true, Tokens::Optional, 2), &[]), ["imdsv2 @ metadata.tokens", "imds-hop-limit @ metadata.hop-limit"]);
    assert_eq!(said(cluster(true, Tokens::Required, 64), &[]), ["imds-hop-limit @ metadata.hop-limit"]);
    let violations = testing::validate::<Imdsv2>(&cluster(true, Tokens::Required, 3), &settings(&[("max-hop-limit", 2.into())]));
    assert_eq!(violations[0].message, "answers of the metadata service travel 3 hops, and may travel 2");
    assert_eq!(violations[0].help.as_deref(), Some("write `metadata hop-limit=2`"));
}

#[test]
fn containers_get_their_second_hop_when_the_setting_says_so() {
    let two = settings(&[("max-hop-limit", 2.into())]);
    assert!(testing::validate::<Imdsv2>(&cluster(true, Tokens::Required, 2), &two).is_empty());
    let amended = testing::mutate::<Imdsv2>(cluster(true, Tokens::Required, 5), &two).unwrap();
    assert_eq!((amended.cluster.metadata.hop_limit, amended.changes.len()), (2, 1));
    assert_eq!(amended.changes[0].reason, "answers of the metadata service travel at most 2 hops");
    // A tighter value is never loosened to the limit.
    let amended = testing::mutate::<Imdsv2>(cluster(true, Tokens::Required, 1), &two).unwrap();
    assert_eq!((amended.cluster.metadata.hop_limit, amended.changes.len()), (1, 0));
}

#[test]
fn a_service_that_is_off_answers_nobody() {
    let off = cluster(false, Tokens::Optional, 64);
    assert!(testing::validate::<Imdsv2>(&off, &settings(&[])).is_empty());
    let amended = testing::mutate::<Imdsv2>(off.clone(), &settings(&[])).unwrap();
    assert_eq!((amended.cluster, amended.changes), (off, vec![]));
}
