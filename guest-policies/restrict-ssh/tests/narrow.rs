//! What is cut down, and what is left alone.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use kaphost_guest::{Amended, Cluster, SettingValue, Settings, testing};
use proptest::prelude::*;
use restrict_ssh::RestrictSsh;

fn settings(allowed: SettingValue) -> Settings {
    testing::settings::<RestrictSsh>(&[("narrow", true.into()), ("allowed-cidrs", allowed)])
}

fn narrowed(sources: &[&str], settings: &Settings) -> Amended {
    testing::mutate::<RestrictSsh>(testing::cluster_with_ssh(sources), settings).unwrap()
}

fn sources(cluster: &Cluster) -> Vec<&str> {
    cluster.ssh.allow.iter().map(|rule| rule.source.key()).collect()
}

#[test]
fn nothing_changes_unless_told() {
    let settings = testing::settings::<RestrictSsh>(&[("allowed-cidrs", ["10.0.0.0/8"].into())]);
    let amended = narrowed(&["0.0.0.0/0", "::/0"], &settings);
    assert_eq!((sources(&amended.cluster), amended.changes), (vec!["0.0.0.0/0", "::/0"], vec![]));
}

#[test]
fn nothing_changes_without_networks_to_narrow_to() {
    let amended = narrowed(&["0.0.0.0/0"], &settings(SettingValue::Texts(vec![])));
    assert_eq!((sources(&amended.cluster), amended.changes), (vec!["0.0.0.0/0"], vec![]));
}

#[test]
fn the_world_becomes_the_allowed_networks() {
    let settings = settings(["2001:db8::/32", "192.168.0.0/16", "10.0.0.0/8", "10.1.0.0/16"].into());
    let amended = narrowed(&["0.0.0.0/0", "::/0", "sg-0123abcd"], &settings);
    assert_eq!(sources(&amended.cluster), ["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32", "sg-0123abcd"]);
    let changes: Vec<String> = amended.changes.iter().map(|c| format!("{} @ {}: {}", c.rule, c.path, c.reason)).collect();
    assert_eq!(
        changes,
        [
            r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]: 0.0.0.0/0 is cut down to 10.0.0.0/8, 192.168.0.0/16, which SSH may come from"#,
            r#"no-world-ssh @ ssh.allow["10.0.0.0/8"]: this is what the allowed networks leave of 0.0.0.0/0"#,
            r#"no-world-ssh @ ssh.allow["192.168.0.0/16"]: this is what the allowed networks leave of 0.0.0.0/0"#,
            r#"no-world-ssh @ ssh.allow["::/0"]: ::/0 is cut down to 2001:db8::/32, which SSH may come from"#,
            r#"no-world-ssh @ ssh.allow["2001:db8::/32"]: this is what the allowed networks leave of ::/0"#,
        ]
    );
    assert!(testing::validate::<RestrictSsh>(&amended.cluster, &settings).is_empty());
}

#[test]
fn what_lies_elsewhere_is_dropped_with_a_reason() {
    let amended = narrowed(&["10.1.0.0/16", "172.16.0.0/12"], &settings(["10.0.0.0/8"].into()));
    assert_eq!(sources(&amended.cluster), ["10.1.0.0/16"]);
    let [change] = &amended.changes[..] else { panic!("{:?}", amended.changes) };
    assert_eq!((change.rule.as_str(), change.path.as_str()), ("ssh-range-not-allowed", r#"ssh.allow["172.16.0.0/12"]"#));
    assert_eq!(change.reason, "172.16.0.0/12 lies outside of the networks that SSH may come from");
}

#[test]
fn what_two_rules_become_is_there_once_and_an_older_rule_keeps_its_description() {
    let mut cluster = testing::cluster_with_ssh(&["0.0.0.0/0", "0.0.0.0/1"]);
    cluster.ssh.allow.push(testing::ingress("10.0.0.0/8", "office"));
    let amended = testing::mutate::<RestrictSsh>(cluster, &settings(["10.0.0.0/8"].into())).unwrap();
    assert_eq!(amended.cluster.ssh.allow, [testing::ingress("10.0.0.0/8", "office")]);
    let paths: Vec<&str> = amended.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, [r#"ssh.allow["0.0.0.0/0"]"#, r#"ssh.allow["0.0.0.0/1"]"#]);
}

#[test]
fn a_range_over_allowed_neighbours_is_left_alone() {
    let amended = narrowed(&["10.0.0.0/8"], &settings(["10.0.0.0/9", "10.128.0.0/9"].into()));
    assert_eq!((sources(&amended.cluster), amended.changes), (vec!["10.0.0.0/8"], vec![]));
}

#[test]
fn an_ipv4_range_in_ipv6_clothes_is_left_for_validation_to_refuse() {
    // Cut down as IPv4 it would let in a network that the rule did not, which the host takes for loosening, and rightly so.
    let settings = settings(["10.0.0.0/8"].into());
    for clothed in ["::ffff:0.0.0.0/96", "64:ff9b::/96"] {
        let amended = narrowed(&[clothed], &settings);
        assert_eq!((sources(&amended.cluster), amended.changes), (vec![clothed], vec![]));
        assert_eq!(testing::validate::<RestrictSsh>(&amended.cluster, &settings).len(), 1);
    }
}

#[test]
fn an_allowed_network_that_is_too_wide_is_left_for_validation_to_refuse() {
    let settings = settings(["10.0.0.0/7"].into());
    let amended = narrowed(&["0.0.0.0/0"], &settings);
    assert_eq!(sources(&amended.cluster), ["10.0.0.0/7"]);
    assert_eq!(testing::validate::<RestrictSsh>(&amended.cluster, &settings).len(), 1);
}

#[test]
fn settings_that_cannot_be_understood_change_nothing() {
    let amended = narrowed(&["0.0.0.0/0"], &settings(["office"].into()));
    assert_eq!((sources(&amended.cluster), amended.changes), (vec!["0.0.0.0/0"], vec![]));
}

fn network() -> impl Strategy<Value = String> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, prefix)| format!("{}/{prefix}", std::net::Ipv4Addr::from(bits & 0xc180_0000)));
    let v6 = (any::<u128>(), 0_u8..=128).prop_map(|(bits, prefix)| format!("{}/{prefix}", std::net::Ipv6Addr::from(bits & 0xc18 << 116)));
    prop_oneof![v4, v6].prop_map(|text| text.parse::<kaphost_guest::net::Network>().unwrap().to_string())
}

proptest! {
    /// `testing::mutate` also checks that a second pass changes nothing.
    #[test]
    fn whatever_comes_out_passes_and_was_let_in_before(
        rules in prop::collection::btree_set(network(), 0..6),
        allowed in prop::collection::vec(network(), 1..4),
    ) {
        let settings = testing::settings::<RestrictSsh>(&[
            ("narrow", true.into()),
            ("allowed-cidrs", allowed.clone().into()),
            ("min-prefix-ipv4", 0.into()),
            ("min-prefix-ipv6", 0.into()),
        ]);
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let amended = narrowed(&rules, &settings);
        let net = |text: &str| text.parse::<kaphost_guest::net::Network>().unwrap();
        for source in sources(&amended.cluster) {
            prop_assert!(rules.iter().any(|rule| net(rule).contains(net(source))), "{source} was not let in before");
        }
        for violation in testing::validate::<RestrictSsh>(&amended.cluster, &settings) {
            // Only an allowed network that is the whole world itself can be left.
            prop_assert_eq!(&violation.rule, "no-world-ssh");
            prop_assert!(allowed.iter().any(|a| net(a).prefix() == 0));
        }
    }
}
