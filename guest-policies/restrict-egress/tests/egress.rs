//! What may be reached.

use kaphost_guest::{Cluster, EgressRule, SettingValue, Violation, testing};
use restrict_egress::RestrictEgress;

type Rule<'a> = (&'a str, Option<(u16, u16)>);

fn cluster(rules: &[Rule<'_>]) -> Cluster {
    let rule = |&(cidr, ports): &Rule<'_>| EgressRule { cidr: cidr.into(), ports, description: "test".into() };
    Cluster { egress: rules.iter().map(rule).collect(), ..testing::cluster() }
}

fn violations(rules: &[Rule<'_>], set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate::<RestrictEgress>(&cluster(rules), &testing::settings::<RestrictEgress>(set))
}

fn said(rules: &[Rule<'_>], set: &[(&str, SettingValue)]) -> Vec<String> {
    testing::said(&violations(rules, set))
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<RestrictEgress>();
    testing::documented::<RestrictEgress>(include_str!("../README.md"));
}

#[test]
fn narrow_networks_and_nothing_pass() {
    assert!(said(&[("10.0.0.0/8", None), ("2001:db8::/32", Some((443, 443)))], &[]).is_empty());
    assert!(said(&[], &[]).is_empty());
}

#[test]
fn what_a_server_reaches_by_default_is_the_world() {
    let found = testing::validate::<RestrictEgress>(&testing::cluster(), &testing::settings::<RestrictEgress>(&[]));
    assert_eq!(testing::said(&found), [r#"no-world-egress @ egress["0.0.0.0/0"]"#]);
    assert_eq!(found[0].message, "the server may reach the whole world: 0.0.0.0/0");
    assert_eq!(found[0].help.as_deref(), Some("write an `egress` node that allows the networks that the server needs"));
    assert_eq!(said(&[("::/0", Some((443, 443)))], &[]), [r#"no-world-egress @ egress["::/0"]"#], "ports alone do not make it narrow");
}

#[test]
fn a_range_may_be_too_wide() {
    assert_eq!(said(&[("128.0.0.0/1", None)], &[]), [r#"egress-range-too-wide @ egress["128.0.0.0/1"]"#]);
    assert!(said(&[("128.0.0.0/1", None)], &[("egress-min-prefix-ipv4", 1.into())]).is_empty());
    assert!(said(&[("2001:db8::/32", None)], &[]).is_empty());
    assert_eq!(
        said(&[("2001:db8::/32", None)], &[("egress-min-prefix-ipv6", 48.into())]),
        [r#"egress-range-too-wide @ egress["2001:db8::/32"]"#]
    );
}

#[test]
fn once_networks_are_named_nothing_else_passes() {
    let named = [("egress-cidrs", ["10.0.0.0/8", "2001:db8::/32"].into())];
    assert!(said(&[("10.1.0.0/16", None), ("2001:db8:1::/48", None)], &named).is_empty());
    let found = violations(&[("192.168.0.0/16", Some((443, 443)))], &named);
    assert_eq!(testing::said(&found), [r#"egress-range-not-allowed @ egress["192.168.0.0/16"]"#]);
    assert_eq!(found[0].help.as_deref(), Some("allow only what lies within: 10.0.0.0/8, 2001:db8::/32"));
}

#[test]
fn on_an_open_port_anything_may_be_reached() {
    let open = [("egress-open-ports", ["443", "8000-8999"].into()), ("egress-cidrs", ["10.0.0.0/8"].into())];
    assert!(said(&[("0.0.0.0/0", Some((443, 443))), ("::/0", Some((8086, 8088))), ("10.0.0.0/8", None)], &open).is_empty());
    let found = violations(&[("0.0.0.0/0", Some((443, 444))), ("::/0", None), ("192.168.0.0/16", Some((22, 22)))], &open);
    assert_eq!(
        testing::said(&found),
        [
            r#"no-world-egress @ egress["0.0.0.0/0"]"#,
            r#"no-world-egress @ egress["::/0"]"#,
            r#"egress-range-not-allowed @ egress["192.168.0.0/16"]"#
        ]
    );
    assert_eq!(found[0].help.as_deref(), Some("allow only what lies within: 10.0.0.0/8, or say ports among: 443, 8000-8999"));
}

#[test]
fn settings_that_cannot_be_understood_let_nothing_pass() {
    let found = violations(&[], &[("egress-cidrs", ["office"].into()), ("egress-open-ports", ["443", "https"].into())]);
    assert_eq!(testing::said(&found), [r#"settings @ settings["egress-cidrs"]"#, r#"settings @ settings["egress-open-ports"]"#]);
    assert_eq!(found[0].message, r#"the setting `egress-cidrs` holds "office", which is no network: it has no prefix length"#);
    assert_eq!(found[1].message, r#"the setting `egress-open-ports` holds "https", which is neither a port nor a range of ports"#);
}

#[test]
fn what_is_no_network_never_passes() {
    assert_eq!(said(&[("everywhere", None)], &[]), [r#"egress-range-not-allowed @ egress["everywhere"]"#]);
}
