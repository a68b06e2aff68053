//! What is asked for, what is filled in, and how it is said.

use kaphost_guest::{Amended, Cluster, SettingValue, Tag, Violation, testing};
use required_tags::RequiredTags;

fn cluster(tags: &[(&str, &str)]) -> Cluster {
    Cluster { tags: tags.iter().map(|(key, value)| testing::tag(key, value)).collect(), ..testing::cluster() }
}

fn violations(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate::<RequiredTags>(cluster, &testing::settings::<RequiredTags>(set))
}

#[expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]
fn amended(cluster: Cluster, set: &[(&str, SettingValue)]) -> Amended {
    testing::mutate::<RequiredTags>(cluster, &testing::settings::<RequiredTags>(set)).unwrap()
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<RequiredTags>();
    testing::documented::<RequiredTags>(include_str!("../README.md"));
}

#[test]
fn the_sample_passes_untouched() {
    let amended = amended(testing::cluster(), &[]);
    assert_eq!((amended.cluster, amended.changes), (testing::cluster(), vec![]));
    assert!(violations(&testing::cluster(), &[]).is_empty());
}

#[test]
fn a_missing_tag_comes_with_the_line_to_add() {
    let found = violations(&cluster(&[]), &[("required-tags", ["Team", r#"a"b"#, "Team"].into())]);
    let said: Vec<(&str, &str, &str)> =
        found.iter().map(|v| (v.path.as_str(), v.message.as_str(), v.help.as_deref().unwrap_or_default())).collect();
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
    let found = violations(&cluster(&[("Owner", " "), ("costcenter", "1234")]), &[]);
    let help: Vec<&str> = found.iter().filter_map(|v| v.help.as_deref()).collect();
    assert_eq!(
        help,
        [
            r#"write `tag "CostCenter" "…"`: "costcenter" is another tag, because keys are case-sensitive"#,
            r#"give it a value: `tag "Owner" "…"`"#,
        ]
    );
    assert_eq!(testing::said(&found), [r#"required-tags @ tag["CostCenter"]"#, r#"required-tags @ tag["Owner"]"#]);
}

#[test]
fn no_required_tags_at_all_is_a_choice() {
    assert!(violations(&cluster(&[]), &[("required-tags", Vec::new().into())]).is_empty());
}

#[test]
fn a_value_has_to_be_allowed_where_any_is_named() {
    let set = [("required-tags", ["Stage"].into()), ("tag-values", ["Stage=test", "Stage=production", "Tier=a=b"].into())];
    assert!(violations(&cluster(&[("Other", "x"), ("Stage", "test")]), &set).is_empty());
    let found = violations(&cluster(&[("Stage", "Test"), ("Tier", "c")]), &set);
    assert_eq!(testing::said(&found), [r#"tag-value-not-allowed @ tag["Stage"]"#, r#"tag-value-not-allowed @ tag["Tier"]"#]);
    assert_eq!(found[0].message, r#"the tag "Stage" may not be "Test""#);
    assert_eq!(found[0].help.as_deref(), Some(r#"write one of: "test", "production""#));
    assert!(violations(&cluster(&[("Stage", "test"), ("Tier", "a=b")]), &set).is_empty());
    // A tag that is missing or empty is told once, with what it may be.
    for tags in [&[][..], &[("Stage", "")]] {
        let found = violations(&cluster(tags), &set);
        assert_eq!(testing::said(&found), [r#"required-tags @ tag["Stage"]"#]);
        assert!(found[0].help.as_deref().unwrap().ends_with(r#"; it may be "test", "production""#), "{found:?}");
    }
}

#[test]
fn a_missing_tag_is_filled_in_and_a_given_one_stays() {
    let set = [("tag-defaults", ["Team=metrics", "CostCenter=0000"].into())];
    let amended = amended(cluster(&[("CostCenter", "1234"), ("Owner", "metrics")]), &set);
    assert_eq!(testing::changed(&amended), [r#"required-tags @ tag["Team"]"#]);
    assert_eq!(amended.cluster, cluster(&[("CostCenter", "1234"), ("Owner", "metrics"), ("Team", "metrics")]));
}

#[test]
fn what_is_filled_in_is_sorted_and_satisfies_the_rule() {
    let set = [("tag-defaults", ["Owner=platform", "CostCenter=0000"].into())];
    let amended = amended(cluster(&[("Stage", "test")]), &set);
    assert_eq!(amended.cluster, cluster(&[("CostCenter", "0000"), ("Owner", "platform"), ("Stage", "test")]));
    assert!(violations(&amended.cluster, &set).is_empty());
}

#[test]
fn required_tags_may_have_to_propagate() {
    let kept_back = |key: &str| Tag { propagate: false, ..testing::tag(key, "x") };
    let before = Cluster { tags: vec![kept_back("Audit"), kept_back("CostCenter"), testing::tag("Owner", "x")], ..testing::cluster() };
    assert!(violations(&before, &[]).is_empty(), "not unless the setting says so");
    assert_eq!(amended(before.clone(), &[]).cluster, before);
    let set = [("tags-propagate", true.into())];
    assert_eq!(testing::said(&violations(&before, &set)), [r#"tag-not-propagated @ tag["CostCenter"].propagate"#]);
    let amended = amended(before, &set);
    assert_eq!(testing::changed(&amended), [r#"tag-not-propagated @ tag["CostCenter"].propagate"#]);
    assert_eq!(amended.cluster.tags.iter().map(|tag| tag.propagate).collect::<Vec<_>>(), [false, true, true]);
    assert!(violations(&amended.cluster, &set).is_empty());
}

#[test]
fn settings_that_cannot_be_understood_let_nothing_pass_and_change_nothing() {
    let set = [("tag-values", ["Stage"].into()), ("tag-defaults", ["Team=a", "=b", "Team=c"].into())];
    let found = violations(&testing::cluster(), &set);
    let messages: Vec<&str> = found.iter().map(|violation| violation.message.as_str()).collect();
    assert_eq!(
        messages,
        [r#"the setting `tag-values` holds "Stage", which is no tag"#, r#"the setting `tag-defaults` holds "=b", which is no tag"#,]
    );
    let twice = violations(&testing::cluster(), &[("tag-defaults", ["Team=a", "Team=c"].into())]);
    assert_eq!(twice[0].message, r#"the setting `tag-defaults` holds "Team=c", which is a second value for that tag"#);
    assert!(found.iter().chain(&twice).all(|violation| violation.rule == "settings"));
    assert_eq!(amended(testing::cluster(), &set).cluster, testing::cluster());
}
