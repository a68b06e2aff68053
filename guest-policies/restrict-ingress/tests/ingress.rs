//! Who may connect, to any port.

use kaphost_guest::{Cluster, SettingValue, Violation, testing};
use restrict_ingress::RestrictIngress;

/// The sample with these sources for Kapacitor's API, and SSH as it was.
fn with_http(sources: &[&str]) -> Cluster {
    let mut cluster = testing::cluster();
    cluster.http.allow = sources.iter().map(|source| testing::ingress(source, "test")).collect();
    cluster
}

fn violations(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate::<RestrictIngress>(cluster, &testing::settings::<RestrictIngress>(set))
}

fn said(sources: &[&str], set: &[(&str, SettingValue)]) -> Vec<String> {
    testing::said(&violations(&with_http(sources), set))
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<RestrictIngress>();
    testing::documented::<RestrictIngress>(include_str!("../README.md"));
}

#[test]
fn narrow_sources_groups_and_nobody_pass() {
    assert!(violations(&testing::cluster(), &[]).is_empty());
    assert!(said(&[], &[]).is_empty());
    assert!(said(&["192.168.0.0/16", "2001:db8::/32", "sg-0fedcba9"], &[]).is_empty());
}

#[test]
fn every_port_is_judged_and_named() {
    let mut cluster = with_http(&["::/0"]);
    cluster.ssh.allow = vec![testing::ingress("0.0.0.0/0", "test")];
    let found = violations(&cluster, &[]);
    assert_eq!(testing::said(&found), [r#"no-world-ingress @ ssh.allow["0.0.0.0/0"]"#, r#"no-world-ingress @ http.allow["::/0"]"#]);
    assert_eq!(found[0].message, "port 22 is open to the whole world: 0.0.0.0/0");
    assert_eq!(found[1].message, "port 9092 is open to the whole world: ::/0");
    assert_eq!(found[1].help.as_deref(), Some("name the networks that need it, or a security group"));
}

#[test]
fn a_range_may_be_too_wide() {
    assert_eq!(said(&["10.0.0.0/7"], &[]), [r#"ingress-range-too-wide @ http.allow["10.0.0.0/7"]"#]);
    assert!(said(&["10.0.0.0/7"], &[("ingress-min-prefix-ipv4", 7.into())]).is_empty());
    assert_eq!(said(&["2001:db8::/32"], &[("ingress-min-prefix-ipv6", 33.into())]).len(), 1);
    assert_eq!(said(&["::/0"], &[("ingress-min-prefix-ipv6", 0.into())]), [r#"no-world-ingress @ http.allow["::/0"]"#]);
}

#[test]
fn once_sources_are_named_nobody_else_passes() {
    let named = [("ingress-sources", ["10.0.0.0/8", "sg-0123abcd"].into())];
    assert!(said(&["10.1.0.0/16", "sg-0123abcd"], &named).is_empty());
    let found = violations(&with_http(&["192.168.0.0/16", "sg-0fedcba9"]), &named);
    assert_eq!(
        testing::said(&found),
        [r#"ingress-source-not-allowed @ http.allow["192.168.0.0/16"]"#, r#"ingress-source-not-allowed @ http.allow["sg-0fedcba9"]"#]
    );
    assert_eq!(found[1].message, "port 9092 is open to the security group sg-0fedcba9, which is not allowed");
    assert_eq!(found[1].help.as_deref(), Some("allow only what lies within: 10.0.0.0/8, sg-0123abcd"));
}

#[test]
fn groups_alone_allow_no_network_and_networks_alone_no_group() {
    let groups = [("ingress-sources", ["sg-0123abcd"].into())];
    let mut cluster = with_http(&["10.1.0.0/16"]);
    cluster.ssh.allow.clear();
    assert_eq!(testing::said(&violations(&cluster, &groups)), [r#"ingress-source-not-allowed @ http.allow["10.1.0.0/16"]"#]);
    let networks = [("ingress-sources", ["10.0.0.0/8"].into())];
    assert_eq!(testing::said(&violations(&testing::cluster(), &networks)), [r#"ingress-source-not-allowed @ ssh.allow["sg-0123abcd"]"#]);
}

#[test]
fn settings_that_cannot_be_understood_let_nothing_pass() {
    let found = violations(&with_http(&[]), &[("ingress-sources", ["office", "sg-1", "10.0.0.0"].into())]);
    assert_eq!(testing::said(&found), [r#"settings @ settings["ingress-sources"]"#, r#"settings @ settings["ingress-sources"]"#]);
    assert_eq!(found[0].message, r#"the setting `ingress-sources` holds "office", which is no network: it has no prefix length"#);
}

#[test]
fn what_is_no_network_never_passes() {
    assert_eq!(said(&["everywhere"], &[]), [r#"ingress-source-not-allowed @ http.allow["everywhere"]"#]);
}
