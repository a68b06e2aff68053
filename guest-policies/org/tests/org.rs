//! The organisation's rules together.

use kaphost_guest::{Cluster, Tenancy, Tokens, UserData, testing};
use org::Org;

fn plain() -> kaphost_guest::Settings {
    testing::settings::<Org>(&[])
}

#[test]
fn describes_what_it_is_composed_of() {
    use kaphost_guest::Policy;
    testing::described::<Org>();
    let description = Org::describe();
    assert!(description.needs.is_empty(), "it runs where nothing is known of AWS");
    let rules: Vec<&str> = description.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        rules,
        [
            "dedicated-tenancy",
            "no-world-ssh",
            "ssh-range-too-wide",
            "ssh-range-not-allowed",
            "settings",
            "required-tags",
            "tag-value-not-allowed",
            "tag-not-propagated",
            "encrypted-volumes",
            "volume-key",
            "imdsv2",
            "imds-hop-limit",
            "no-public-ip",
            "no-world-ingress",
            "ingress-range-too-wide",
            "ingress-source-not-allowed",
            "no-world-egress",
            "egress-range-too-wide",
            "egress-range-not-allowed",
            "rule-described",
            "rule-description-too-short",
            "elb-health-check",
            "grace-period-too-long",
            "secret-in-user-data",
            "secret-in-kapacitor-config",
            "user-data-unseen",
            "no-administrator",
            "no-wildcard-action",
            "no-wildcard-pass-role",
            "managed-policy-not-allowed",
            "permissions-boundary",
            "policy-document-readable",
            "instance-type-not-allowed",
            "region-not-allowed",
        ]
    );
    let settings: Vec<&str> = description.settings.iter().map(|setting| setting.name.as_str()).collect();
    assert_eq!(settings[..6], ["parts", "allowed-cidrs", "min-prefix-ipv4", "min-prefix-ipv6", "narrow", "required-tags"]);
    assert!(description.settings.iter().all(|setting| setting.default_value.is_some()), "nothing is required");
}

/// Breaks a rule.
type Break<'a> = &'a dyn Fn(&mut Cluster);

/// Each part switched on alone, on a cluster that breaks one of its rules: it says so, and says nothing when it is off.
#[test]
fn each_part_holds_when_it_is_named_and_only_then() {
    let world = || testing::ingress("0.0.0.0/0", "everybody");
    let broken: [(&str, &str, Break); 10] = [
        ("imdsv2", "imdsv2 @ metadata.tokens", &|cluster| cluster.metadata.tokens = Tokens::Optional),
        ("no-public-ip", "no-public-ip @ network.public-ip", &|cluster| cluster.network.public_ip = true),
        ("restrict-ingress", r#"no-world-ingress @ http.allow["0.0.0.0/0"]"#, &|cluster| cluster.http.allow = vec![world()]),
        ("restrict-egress", r#"no-world-egress @ egress["0.0.0.0/0"]"#, &|_| ()),
        ("rule-descriptions", r#"rule-described @ egress["0.0.0.0/0"].description"#, &|cluster| cluster.egress[0].description.clear()),
        ("health-checks", "elb-health-check @ scaling.health-check", &|_| ()),
        ("no-secrets-in-user-data", "user-data-unseen @ user-data", &|cluster| {
            cluster.user_data = Some(UserData { sha256: "0".repeat(64), size: 1, text: None });
        }),
        ("iam-least-privilege", r#"no-administrator @ iam.managed-policy["arn:aws:iam::aws:policy/AdministratorAccess"]"#, &|cluster| {
            cluster.iam.managed_policies = vec!["arn:aws:iam::aws:policy/AdministratorAccess".into()];
        }),
        // What is required of the policy by itself has no default but nothing here, and nothing allows nothing.
        ("instance-types", r#"settings @ settings["allowed-instance-types"]"#, &|_| ()),
        ("allowed-regions", r#"settings @ settings["allowed-regions"]"#, &|_| ()),
    ];
    for (part, says, breaks) in broken {
        let mut cluster = testing::cluster();
        breaks(&mut cluster);
        let on = testing::settings::<Org>(&[("parts", [part].into())]);
        assert_eq!(testing::said(&testing::validate::<Org>(&cluster, &on)), [says], "{part}");
        assert!(testing::validate::<Org>(&cluster, &plain()).is_empty(), "{part} holds although it is off");
        assert_eq!(testing::mutate::<Org>(cluster.clone(), &plain()).unwrap().changes.len(), 1, "{part} rewrites although it is off");
    }
}

#[test]
fn parts_that_rewrite_do_so_after_those_that_always_hold() {
    let mut cluster = testing::cluster();
    cluster.network.public_ip = true;
    cluster.metadata.hop_limit = 2;
    let on = testing::settings::<Org>(&[("parts", ["no-public-ip", "imdsv2"].into())]);
    let amended = testing::mutate::<Org>(cluster, &on).unwrap();
    assert_eq!(
        testing::changed(&amended),
        ["dedicated-tenancy @ tenancy", "imds-hop-limit @ metadata.hop-limit", "no-public-ip @ network.public-ip"]
    );
    assert!(testing::validate::<Org>(&amended.cluster, &on).is_empty());
}

#[test]
fn a_part_that_there_is_not_lets_nothing_pass() {
    let on = testing::settings::<Org>(&[("parts", ["imdsv2", "multi-zone", "restrict-ssh"].into())]);
    let violations = testing::validate::<Org>(&testing::cluster(), &on);
    assert_eq!(testing::said(&violations), [r#"settings @ settings["parts"]"#]);
    assert_eq!(violations[0].message, r#"the setting `parts` holds "multi-zone", which is no part of this policy"#);
}

#[test]
fn a_setting_of_a_part_that_is_off_is_told_and_not_passed_over() {
    let off = [("allowed-regions", ["eu-west-1"].into()), ("max-hop-limit", 2.into())];
    let violations = testing::validate::<Org>(&testing::cluster(), &testing::settings::<Org>(&off));
    let said: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the setting `max-hop-limit` is without effect, because the part `imdsv2` is not switched on",
            "the setting `allowed-regions` is without effect, because the part `allowed-regions` is not switched on",
        ]
    );
    let on = [&[("parts", ["allowed-regions", "imdsv2"].into())], &off[..]].concat();
    let violations = testing::validate::<Org>(&testing::cluster(), &testing::settings::<Org>(&on));
    assert_eq!(testing::said(&violations), ["region-not-allowed @ region"]);
}

#[test]
fn the_sample_passes_once_it_is_rewritten() {
    let amended = testing::mutate::<Org>(testing::cluster(), &plain()).unwrap();
    assert_eq!(amended.cluster, Cluster { tenancy: Tenancy::Dedicated, ..testing::cluster() });
    assert!(testing::validate::<Org>(&amended.cluster, &plain()).is_empty());
}

#[test]
fn every_rewrite_has_its_own_reason() {
    let mut cluster = testing::cluster_with_ssh(&["0.0.0.0/0"]);
    cluster.root_volume.encrypted = false;
    cluster.volumes[0].settings.encrypted = false;
    let settings = testing::settings::<Org>(&[("narrow", true.into()), ("allowed-cidrs", ["10.0.0.0/8"].into())]);
    let amended = testing::mutate::<Org>(cluster, &settings).unwrap();
    assert_eq!(
        testing::changed(&amended),
        [
            "dedicated-tenancy @ tenancy",
            r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]"#,
            r#"no-world-ssh @ ssh.allow["10.0.0.0/8"]"#,
            "encrypted-volumes @ root-volume.encrypted",
            r#"encrypted-volumes @ volume["/dev/xvdh"].encrypted"#,
        ]
    );
    assert!(testing::validate::<Org>(&amended.cluster, &settings).is_empty());
}

#[test]
fn all_violations_are_reported_together() {
    let mut cluster = testing::cluster_with_ssh(&["0.0.0.0/0", "::/0"]);
    cluster.tags = vec![testing::tag("Owner", "  "), testing::tag("costcenter", "1")];
    cluster.volumes[0].settings.encrypted = false;
    assert_eq!(
        testing::said(&testing::validate::<Org>(&cluster, &plain())),
        [
            r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]"#,
            r#"no-world-ssh @ ssh.allow["::/0"]"#,
            r#"required-tags @ tag["CostCenter"]"#,
            r#"required-tags @ tag["Owner"]"#,
            r#"encrypted-volumes @ volume["/dev/xvdh"].encrypted"#,
        ]
    );
}

#[test]
fn settings_of_the_composed_policies_reach_them() {
    let settings = testing::settings::<Org>(&[("allowed-cidrs", ["office"].into())]);
    assert_eq!(testing::said(&testing::validate::<Org>(&testing::cluster(), &settings)), [r#"settings @ settings["allowed-cidrs"]"#]);
}
