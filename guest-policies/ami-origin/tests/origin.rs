//! Each way in which an image may not be as it should, and each setting.

use ami_origin::AmiOrigin;
use kaphost_guest::{Ami, AmiLookup, Facts, SettingValue, Violation, testing};

fn violations(facts: &Facts, set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate_knowing::<AmiOrigin>(&testing::cluster(), facts, &testing::settings::<AmiOrigin>(set))
}

/// Rules of the violations of the sample image.
fn rules(set: &[(&str, SettingValue)]) -> Vec<String> {
    violations(&testing::facts(), set).into_iter().map(|violation| violation.rule).collect()
}

/// An image of somebody else's account.
#[expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]
fn foreign() -> Facts {
    let mut facts = testing::facts();
    facts.ami.as_mut().unwrap().owner = "999999999999".into();
    facts
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<AmiOrigin>();
    testing::documented::<AmiOrigin>(include_str!("../README.md"));
}

#[test]
fn an_image_of_ones_own_passes_and_a_foreign_one_does_not() {
    assert!(rules(&[]).is_empty());
    let refused = violations(&foreign(), &[]);
    assert_eq!(testing::said(&refused), ["ami-owner @ ami"]);
    assert_eq!(refused[0].message, "the image ami-0123456789abcdef0 belongs to the account 999999999999");
    assert_eq!(refused[0].help.as_deref(), Some("choose an image of: self"));
}

#[test]
fn owners_may_be_named() {
    assert!(violations(&foreign(), &[("ami-owners", ["self", "999999999999"].into())]).is_empty());
    assert_eq!(rules(&[("ami-owners", ["999999999999"].into())]), ["ami-owner"], "ours is not among them");
    assert_eq!(rules(&[("ami-owners", Vec::new().into())]), ["ami-owner"], "nobody's");
    // An alias is not an account: it would never match, and the mistake would go unseen.
    assert_eq!(rules(&[("ami-owners", ["amazon"].into())]), ["settings"]);
}

#[test]
fn an_image_may_be_too_old() {
    for (day, passes) in [("2026-03-13", true), ("2026-03-14", true), ("2026-03-15", false), ("2027-01-01", false), ("1999-12-31", true)] {
        let found = rules(&[("ami-created-after", day.into())]);
        assert_eq!(found.is_empty(), passes, "{day}: {found:?}");
        assert!(found.iter().all(|rule| rule == "ami-too-old"), "{found:?}");
    }
    let wrong = violations(&testing::facts(), &[("ami-created-after", "last week".into())]);
    assert_eq!(testing::said(&wrong), [r#"settings @ settings["ami-created-after"]"#]);
    assert_eq!(wrong[0].message, r#"the setting `ami-created-after` holds "last week", which is no date"#);
}

#[test]
fn names_and_architectures_may_be_limited() {
    assert!(rules(&[("ami-name-prefixes", ["golden-", "kapacitor-"].into())]).is_empty());
    assert_eq!(rules(&[("ami-name-prefixes", ["golden-"].into())]), ["ami-name"]);
    assert!(rules(&[("ami-architectures", ["arm64", "x86_64"].into())]).is_empty());
    assert_eq!(rules(&[("ami-architectures", ["arm64"].into())]), ["ami-architecture"]);
}

#[test]
fn everything_is_reported_together() {
    let set =
        [("ami-created-after", "2026-06-01".into()), ("ami-name-prefixes", ["golden-"].into()), ("ami-architectures", ["arm64"].into())];
    assert_eq!(
        testing::said(&violations(&foreign(), &set)),
        ["ami-owner @ ami", "ami-too-old @ ami", "ami-name @ ami", "ami-architecture @ ami"]
    );
}

#[test]
fn an_image_that_the_facts_are_not_about_does_not_pass() {
    let settings = testing::settings::<AmiOrigin>(&[]);
    let with = |ami: Ami| {
        let cluster = kaphost_guest::Cluster { ami, ..testing::cluster() };
        testing::said(&testing::validate_knowing::<AmiOrigin>(&cluster, &testing::facts(), &settings))
    };
    assert_eq!(with(Ami::Id("ami-0fedcba9876543210".into())), ["ami-unknown @ ami"]);
    // What a parameter or a search stands for the host has resolved.
    assert!(with(Ami::Ssm("/images/kapacitor".into())).is_empty());
    assert!(with(Ami::Lookup(AmiLookup { owner: "self".into(), name: "kapacitor-*".into() })).is_empty());
}
