//! The organisation's rules together.

use kaphost_guest::{Cluster, Tenancy, Violation, testing};
use org::Org;

fn plain() -> kaphost_guest::Settings {
    testing::settings::<Org>(&[])
}

/// `rule @ path` of each violation.
fn said(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|v| format!("{} @ {}", v.rule, v.path)).collect()
}

#[test]
fn describes_what_it_is_composed_of() {
    use kaphost_guest::Policy;
    testing::described::<Org>();
    let description = Org::describe();
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
            "encrypted-volumes"
        ]
    );
    let settings: Vec<&str> = description.settings.iter().map(|setting| setting.name.as_str()).collect();
    assert_eq!(settings, ["allowed-cidrs", "min-prefix-ipv4", "min-prefix-ipv6", "narrow", "required-tags"]);
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
    let changes: Vec<String> = amended.changes.iter().map(|c| format!("{} @ {}", c.rule, c.path)).collect();
    assert_eq!(
        changes,
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
        said(&testing::validate::<Org>(&cluster, &plain())),
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
fn a_missing_tag_comes_with_the_line_to_add() {
    let cluster = Cluster { tags: vec![], ..testing::cluster() };
    let settings = testing::settings::<Org>(&[("required-tags", ["Team", r#"a"b"#, "Team"].into())]);
    let violations = testing::validate::<Org>(&cluster, &settings);
    let said: Vec<(&str, &str, &str)> =
        violations.iter().map(|v| (v.path.as_str(), v.message.as_str(), v.help.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        said,
        [
            (r#"tag["Team"]"#, r#"the tag "Team" is missing"#, r#"add `tag "Team" "…"` to the cluster"#),
            (r#"tag["a\"b"]"#, r#"the tag "a\"b" is missing"#, r#"add `tag "a\"b" "…"` to the cluster"#),
        ]
    );
}

#[test]
fn an_empty_tag_and_one_in_another_case_are_told_apart() {
    let tags = vec![testing::tag("Owner", ""), testing::tag("costcenter", "1234")];
    let violations = testing::validate::<Org>(&Cluster { tags, ..testing::cluster() }, &plain());
    let help: Vec<&str> = violations.iter().filter_map(|v| v.help.as_deref()).collect();
    assert_eq!(
        help,
        [
            r#"write `tag "CostCenter" "…"`: "costcenter" is another tag, because keys are case-sensitive"#,
            r#"give it a value: `tag "Owner" "…"`"#,
        ]
    );
}

#[test]
fn no_required_tags_at_all_is_a_choice() {
    let settings = testing::settings::<Org>(&[("required-tags", Vec::<String>::new().into())]);
    assert!(testing::validate::<Org>(&Cluster { tags: vec![], ..testing::cluster() }, &settings).is_empty());
}

#[test]
fn settings_of_the_composed_policies_reach_them() {
    let settings = testing::settings::<Org>(&[("allowed-cidrs", ["office"].into())]);
    assert_eq!(said(&testing::validate::<Org>(&testing::cluster(), &settings)), ["settings @ ssh.allow"]);
}
