//! A whole role, and each setting.

use iam_least_privilege::IamLeastPrivilege;
use kaphost_guest::{Cluster, InlinePolicy, SettingValue, Violation, testing};

const AGENT: &str = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const POWER: &str = "arn:aws-cn:iam::aws:policy/PowerUserAccess";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";

fn with(managed: &[&str], documents: &[&str], boundary: Option<&str>) -> Cluster {
    let mut cluster = testing::cluster();
    cluster.iam.managed_policies = managed.iter().map(|&arn| arn.to_owned()).collect();
    let inline = |(index, document): (usize, &&str)| InlinePolicy { name: format!("own-{index}"), document: (*document).to_owned() };
    cluster.iam.inline_policies = documents.iter().enumerate().map(inline).collect();
    cluster.iam.boundary = boundary.map(str::to_owned);
    cluster
}

fn violations(cluster: &Cluster, set: &[(&str, SettingValue)]) -> Vec<Violation> {
    testing::validate::<IamLeastPrivilege>(cluster, &testing::settings::<IamLeastPrivilege>(set))
}

#[test]
fn keeps_the_contract_and_its_readme() {
    testing::described::<IamLeastPrivilege>();
    testing::documented::<IamLeastPrivilege>(include_str!("../README.md"));
}

#[test]
fn a_modest_role_passes() {
    assert!(violations(&testing::cluster(), &[]).is_empty());
    let read = r#"{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"arn:aws:s3:::config/*"}],"Version":"2012-10-17"}"#;
    assert!(violations(&with(&[AGENT], &[read], None), &[]).is_empty());
}

#[test]
fn administrators_are_refused_by_name_in_every_partition() {
    let found = violations(&with(&[ADMINISTRATOR, AGENT, POWER], &[], None), &[]);
    assert_eq!(
        testing::said(&found),
        [
            r#"no-administrator @ iam.managed-policy["arn:aws:iam::aws:policy/AdministratorAccess"]"#,
            r#"no-administrator @ iam.managed-policy["arn:aws-cn:iam::aws:policy/PowerUserAccess"]"#,
        ]
    );
    let named = [("refused-managed-policies", [AGENT].into())];
    let found = violations(&with(&[ADMINISTRATOR, AGENT], &[], None), &named);
    assert_eq!(
        testing::said(&found),
        [format!(r#"no-administrator @ iam.managed-policy["{AGENT}"]"#)],
        "the list replaces the default one"
    );
}

#[test]
fn managed_policies_may_be_named() {
    for named in ["CloudWatchAgentServerPolicy", AGENT] {
        assert!(violations(&with(&[AGENT], &[], None), &[("allowed-managed-policies", [named].into())]).is_empty(), "{named}");
    }
    let named = [("allowed-managed-policies", ["AmazonSSMManagedInstanceCore", "AdministratorAccess"].into())];
    let found = violations(&with(&[ADMINISTRATOR, AGENT], &[], None), &named);
    assert_eq!(
        testing::said(&found),
        [
            // Refused is refused, also where it is allowed.
            r#"no-administrator @ iam.managed-policy["arn:aws:iam::aws:policy/AdministratorAccess"]"#,
            r#"managed-policy-not-allowed @ iam.managed-policy["arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"]"#,
        ]
    );
    assert_eq!(found[1].help.as_deref(), Some("choose among: AmazonSSMManagedInstanceCore, AdministratorAccess"));
}

#[test]
fn each_document_is_judged_at_its_own_name() {
    let all = r#"{"Statement":[{"Action":"*","Effect":"Allow","Resource":"*"}]}"#;
    let some = r#"{"Statement":[{"Action":["s3:*","iam:PassRole"],"Effect":"Allow","Resource":"*"},{"NotAction":"s3:*","Effect":"Allow","Resource":"a"}]}"#;
    let found = violations(&with(&[], &[all, some, "{}"], None), &[]);
    assert_eq!(
        testing::said(&found),
        [
            r#"no-administrator @ iam.inline-policy["own-0"]"#,
            r#"no-wildcard-action @ iam.inline-policy["own-1"]"#,
            r#"no-wildcard-pass-role @ iam.inline-policy["own-1"]"#,
            r#"no-wildcard-action @ iam.inline-policy["own-1"]"#,
            r#"policy-document-readable @ iam.inline-policy["own-2"]"#,
        ]
    );
    assert_eq!(found[1].message, r#"the document allows "s3:*", which is more than one action"#);
    assert_eq!(found[2].message, r#"the document lets the server pass on any role that matches "*""#);
    assert_eq!(found[4].message, "the document cannot be judged: it has no `Statement`");
}

#[test]
fn an_action_with_wildcards_may_be_allowed() {
    let logs = r#"{"Statement":[{"Action":"logs:*","Effect":"Allow","Resource":"*"}]}"#;
    assert_eq!(violations(&with(&[], &[logs], None), &[]).len(), 1);
    assert!(violations(&with(&[], &[logs], None), &[("allowed-wildcard-actions", ["Logs:*"].into())]).is_empty());
}

#[test]
fn a_boundary_may_be_required() {
    let required = [("boundaries", [BOUNDARY].into())];
    assert!(violations(&with(&[], &[], Some(BOUNDARY)), &required).is_empty());
    let found = violations(&with(&[], &[], None), &required);
    assert_eq!(testing::said(&found), ["permissions-boundary @ iam.boundary"]);
    assert_eq!(found[0].help.as_deref(), Some("write `iam boundary=…` with one of: arn:aws:iam::123456789012:policy/boundary"));
    let other = violations(&with(&[], &[], Some("arn:aws:iam::123456789012:policy/wide")), &required);
    assert_eq!(testing::said(&other), ["permissions-boundary @ iam.boundary"]);
}
