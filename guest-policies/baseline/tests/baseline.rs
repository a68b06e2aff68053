//! The four rules together. What each means in every detail the tests of the parts say.

use baseline::{Baseline, PARTS};
use kaphost_guest::{Policy, testing};

fn plain() -> kaphost_guest::Settings {
    testing::settings::<Baseline>(&[])
}

#[test]
fn describes_what_it_is_composed_of() {
    testing::described::<Baseline>();
    let description = Baseline::describe();
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
        ]
    );
    assert_eq!(description.settings.len(), 9);
    assert!(description.settings.iter().all(|setting| setting.default_value.is_some()), "nothing is required");
}

#[test]
fn its_readme_names_every_rule_setting_and_part() {
    let readme = include_str!("../README.md");
    testing::documented::<Baseline>(readme);
    for part in PARTS {
        assert!(readme.contains(&format!("[`{part}`](../{part})")), "{part}");
    }
}

#[test]
fn each_part_rewrites_in_its_turn_and_then_all_are_content() {
    let mut cluster = testing::cluster_with_ssh(&["0.0.0.0/0"]);
    cluster.root_volume.encrypted = false;
    cluster.tags.clear();
    let settings = testing::settings::<Baseline>(&[
        ("narrow", true.into()),
        ("allowed-cidrs", ["10.0.0.0/8"].into()),
        ("tag-defaults", ["Owner=platform", "CostCenter=1"].into()),
    ]);
    let amended = testing::mutate::<Baseline>(cluster, &settings).unwrap();
    assert_eq!(
        testing::changed(&amended),
        [
            "dedicated-tenancy @ tenancy",
            r#"no-world-ssh @ ssh.allow["0.0.0.0/0"]"#,
            r#"no-world-ssh @ ssh.allow["10.0.0.0/8"]"#,
            r#"required-tags @ tag["Owner"]"#,
            r#"required-tags @ tag["CostCenter"]"#,
            "encrypted-volumes @ root-volume.encrypted",
        ]
    );
    assert!(testing::validate::<Baseline>(&amended.cluster, &settings).is_empty());
}

#[test]
fn all_violations_are_reported_together() {
    let mut cluster = testing::cluster_with_ssh(&["::/0", "10.0.0.0/7"]);
    cluster.tags = vec![testing::tag("Owner", "metrics")];
    cluster.volumes[0].settings.encrypted = false;
    assert_eq!(
        testing::said(&testing::validate::<Baseline>(&cluster, &plain())),
        [
            r#"no-world-ssh @ ssh.allow["::/0"]"#,
            r#"ssh-range-too-wide @ ssh.allow["10.0.0.0/7"]"#,
            r#"required-tags @ tag["CostCenter"]"#,
            r#"encrypted-volumes @ volume["/dev/xvdh"].encrypted"#,
        ]
    );
}
