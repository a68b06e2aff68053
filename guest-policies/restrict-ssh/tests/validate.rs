//! What is refused, and how it is said.

use kaphost_guest::{SettingValue, testing};
use restrict_ssh::RestrictSsh;

/// `rule @ path` of each violation.
fn refused(sources: &[&str], set: &[(&str, SettingValue)]) -> Vec<String> {
    let settings = testing::settings::<RestrictSsh>(set);
    let violations = testing::validate::<RestrictSsh>(&testing::cluster_with_ssh(sources), &settings);
    violations.iter().map(|v| format!("{} @ {}", v.rule, v.path)).collect()
}

#[test]
fn keeps_the_contract() {
    testing::described::<RestrictSsh>();
}

#[test]
fn the_sample_and_a_closed_server_pass() {
    assert!(testing::validate::<RestrictSsh>(&testing::cluster(), &testing::settings::<RestrictSsh>(&[])).is_empty());
    assert!(refused(&[], &[]).is_empty());
}

#[test]
fn the_whole_world_is_refused_in_every_spelling() {
    for world in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "64:ff9b::/96"] {
        assert_eq!(refused(&[world], &[]), [format!("no-world-ssh @ ssh.allow[\"{world}\"]")]);
    }
}

#[test]
fn the_world_in_halves_is_too_wide() {
    assert_eq!(
        refused(&["0.0.0.0/1", "128.0.0.0/1", "8000::/1"], &[]),
        [
            r#"ssh-range-too-wide @ ssh.allow["0.0.0.0/1"]"#,
            r#"ssh-range-too-wide @ ssh.allow["128.0.0.0/1"]"#,
            r#"ssh-range-too-wide @ ssh.allow["8000::/1"]"#,
        ]
    );
}

#[test]
fn the_limits_themselves_pass() {
    for (range, passes) in [
        ("10.0.0.0/8", true),
        ("10.0.0.0/7", false),
        ("2001:db8::/32", true),
        ("2001:da0::/31", false),
        ("2002::/16", false),
        ("::ffff:10.0.0.0/104", true),
        ("::ffff:10.0.0.0/103", false),
        ("10.1.2.3/32", true),
        ("2001:db8::1/128", true),
    ] {
        assert_eq!(refused(&[range], &[]).is_empty(), passes, "{range}");
    }
}

#[test]
fn the_prefix_lengths_can_be_set() {
    let strict = [("min-prefix-ipv4", 24.into()), ("min-prefix-ipv6", 64.into())];
    assert_eq!(refused(&["10.0.0.0/23", "2001:db8::/63"], &strict).len(), 2);
    assert!(refused(&["10.0.0.0/24", "2001:db8::/64"], &strict).is_empty());
    // Even then the whole world is the whole world.
    let lax = [("min-prefix-ipv4", 0.into()), ("min-prefix-ipv6", 0.into())];
    assert_eq!(refused(&["0.0.0.0/0", "::/0"], &lax), [r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]"#, r#"no-world-ssh @ ssh.allow["::/0"]"#]);
    assert!(refused(&["0.0.0.0/1"], &lax).is_empty());
}

#[test]
fn only_allowed_networks_pass_once_any_is_named() {
    let allowed = [("allowed-cidrs", ["10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32"].into())];
    // The first spans two allowed neighbours.
    assert!(refused(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8:1::/48", "::ffff:10.1.0.0/112"], &allowed).is_empty());
    assert_eq!(
        refused(&["11.0.0.0/8", "2001:db9::/32"], &allowed),
        [r#"ssh-range-not-allowed @ ssh.allow["11.0.0.0/8"]"#, r#"ssh-range-not-allowed @ ssh.allow["2001:db9::/32"]"#]
    );
    assert_eq!(refused(&["0.0.0.0/0"], &allowed), [r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]"#], "the worst rule only");
    assert_eq!(refused(&["::/0"], &[("allowed-cidrs", ["10.0.0.0/8"].into())]), [r#"no-world-ssh @ ssh.allow["::/0"]"#]);
}

#[test]
fn an_allowed_network_may_still_be_too_wide() {
    let allowed = [("allowed-cidrs", ["10.0.0.0/7"].into())];
    assert_eq!(refused(&["10.0.0.0/7"], &allowed), [r#"ssh-range-too-wide @ ssh.allow["10.0.0.0/7"]"#]);
}

#[test]
fn security_groups_are_no_ranges() {
    assert!(refused(&["sg-0123abcd"], &[("allowed-cidrs", ["10.0.0.0/8"].into())]).is_empty());
}

#[test]
fn settings_that_cannot_be_understood_let_nothing_pass() {
    let settings = testing::settings::<RestrictSsh>(&[("allowed-cidrs", ["10.0.0.0/8", "office", "10.0.0.0", "::/129"].into())]);
    for sources in [&[][..], &["10.0.0.0/8"]] {
        let violations = testing::validate::<RestrictSsh>(&testing::cluster_with_ssh(sources), &settings);
        let said: Vec<&str> = violations.iter().map(|v| v.message.as_str()).collect();
        assert_eq!(
            said,
            [
                r#"the setting `allowed-cidrs` holds "office", which is no network: it has no prefix length"#,
                r#"the setting `allowed-cidrs` holds "10.0.0.0", which is no network: it has no prefix length"#,
                r#"the setting `allowed-cidrs` holds "::/129", which is no network: its prefix length is not a number within the address"#,
            ]
        );
        assert!(violations.iter().all(|v| v.rule == "settings" && v.help.is_some()));
    }
}

#[test]
fn a_violation_says_what_to_do() {
    let violations =
        testing::validate::<RestrictSsh>(&testing::cluster_with_ssh(&["0.0.0.0/0", "16.0.0.0/6"]), &testing::settings::<RestrictSsh>(&[]));
    let said: Vec<(&str, &str)> = violations.iter().map(|v| (v.message.as_str(), v.help.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        said,
        [
            (
                "SSH is open to the whole world: 0.0.0.0/0",
                "name the networks that need it, such as your office's or VPN's, or the security group of a bastion"
            ),
            (
                "SSH is open to 16.0.0.0/6, which is wider than /8",
                "name the networks that need it, each /8 or narrower, or a security group"
            ),
        ]
    );
    let named = testing::settings::<RestrictSsh>(&[("allowed-cidrs", ["10.0.0.0/8", "10.1.0.0/16"].into())]);
    let violations = testing::validate::<RestrictSsh>(&testing::cluster_with_ssh(&["192.168.0.0/16"]), &named);
    assert_eq!(violations[0].help.as_deref(), Some("allow a network within 10.0.0.0/8, or a security group"));
}

#[test]
fn what_is_no_network_never_passes() {
    assert_eq!(refused(&["everywhere"], &[]), [r#"ssh-range-not-allowed @ ssh.allow["everywhere"]"#]);
}
