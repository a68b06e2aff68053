//! What to make of an answer that says "there already" or "not there": look again, and judge by the ownership tag.
//!
//! A creation collides when a rival run was faster, when an earlier run was killed between the call and its answer, or when the SDK repeated a call whose
//! answer was lost. In all three the thing is ours and the work is done. It may also be a stranger's, and then nothing is touched.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_plan::{Call, Names, OWNER_TAG, Observed, Output, Query, Refresh, Rule, RuleKey};

use crate::cloud::{Cloud, CloudError, ErrorKind};

/// What a refusal turned out to be.
#[derive(Debug)]
pub(crate) enum Met {
    /// The work is done already. `raced` when others did it, so that what they made is worth comparing with what is wanted.
    Done { output: Output, raced: bool },
    /// Part of the work is done already: this is the rest.
    Rest(Box<Call>),
    /// It is what it seems; the retry table decides.
    Refused(CloudError),
}

/// Looks at what is there, where a refusal of this kind asks for it.
pub(crate) async fn meet(cloud: &dyn Cloud, names: &Names, call: &Call, error: CloudError) -> Met {
    match (call, error.kind) {
        (
            Call::CreateSecurityGroup { .. }
            | Call::AuthorizeRules { .. }
            | Call::CreateRole { .. }
            | Call::CreateInstanceProfile { .. }
            | Call::CreateLaunchTemplate { .. }
            | Call::CreateAutoScalingGroup { .. },
            ErrorKind::AlreadyExists,
        )
        // IAM says "quota exceeded" of a profile that has a role, even when it is the same one.
        | (Call::AddRoleToInstanceProfile { .. }, ErrorKind::AlreadyExists | ErrorKind::Quota)
        // All or none: one rule that is gone keeps the others.
        | (Call::RevokeRules { .. }, ErrorKind::NotFound) => {
            let group = match call {
                Call::AuthorizeRules { group, .. } | Call::RevokeRules { group, .. } => Some(group.clone()),
                _ => None,
            };
            let query = Query { group, ..Query::of(names.clone()) };
            match cloud.observe(&query).await {
                Ok(observed) => judge(names, call, &observed, error),
                Err(error) => Met::Refused(error),
            }
        }
        (
            Call::DeleteAutoScalingGroup { .. }
            | Call::DeleteLaunchTemplate { .. }
            | Call::DeleteSecurityGroup { .. }
            | Call::DeleteInstanceProfile { .. }
            | Call::DeleteRole { .. }
            | Call::DetachRolePolicy { .. }
            | Call::DeleteRoleBoundary { .. }
            | Call::DeleteRolePolicy { .. }
            | Call::RemoveRoleFromInstanceProfile { .. },
            ErrorKind::NotFound,
        ) => Met::Done { output: Output::Done, raced: false },
        (Call::StartInstanceRefresh { group, version, .. }, ErrorKind::InUse) => match cloud.refreshes(group).await {
            Ok(refreshes) => judge_refresh(group, *version, refreshes, error),
            Err(error) => Met::Refused(error),
        },
        // It has ended by itself.
        (Call::CancelInstanceRefresh { .. }, ErrorKind::NotFound) => Met::Done { output: Output::Done, raced: false },
        _ => Met::Refused(error),
    }
}

/// A group has one refresh at a time. When the one that is under way goes to the same version, it is a rival's, or our own whose answer was lost.
fn judge_refresh(group: &str, version: u64, refreshes: Vec<Refresh>, error: CloudError) -> Met {
    match refreshes.into_iter().find(Refresh::active) {
        Some(refresh) if refresh.advances() && refresh.version == Some(version) => {
            Met::Done { output: Output::Refresh(refresh.id), raced: true }
        }
        Some(refresh) => {
            let to = refresh.version.map(|version| format!(" to version {version}")).unwrap_or_default();
            let message = format!(
                "another instance refresh of {group} is under way: {}{to}, {}. Wait until it is over, or apply with `--cancel-refresh`",
                refresh.id, refresh.status
            );
            Met::Refused(CloudError { message, ..error })
        }
        // It has ended in between: once more.
        None => Met::Refused(CloudError { kind: ErrorKind::Busy, ..error }),
    }
}

fn judge(names: &Names, call: &Call, observed: &Observed, error: CloudError) -> Met {
    let ours = |what: &str, owner: Option<&String>, output: Output| {
        if owner == Some(&names.cluster) { Met::Done { output, raced: true } } else { Met::Refused(not_ours(names, what, owner, &error)) }
    };
    match call {
        Call::CreateSecurityGroup { name, vpc, .. } => match observed.security_groups.iter().find(|group| group.vpc == *vpc) {
            Some(group) => {
                let output = Output::SecurityGroup(group.id.clone());
                ours(&format!("security group {name} ({})", group.id), group.tags.get(OWNER_TAG), output)
            }
            None => Met::Refused(error),
        },
        Call::CreateRole { name, .. } => match &observed.role {
            Some(role) => ours(&format!("IAM role {name}"), role.tags.get(OWNER_TAG), Output::Role { arn: role.arn.clone() }),
            None => Met::Refused(error),
        },
        Call::CreateInstanceProfile { name, .. } => match &observed.instance_profile {
            Some(profile) => ours(&format!("instance profile {name}"), profile.tags.get(OWNER_TAG), Output::Done),
            None => Met::Refused(error),
        },
        Call::CreateLaunchTemplate { name, content, .. } => match &observed.launch_template {
            Some(template) => {
                // The version that says what is wanted; where a rival wants something else, the newest will do until the next round.
                let same = template.versions.iter().rev().find(|(_, version)| version.content == *content);
                let number = same.map_or(template.latest, |(number, _)| *number);
                let output = Output::LaunchTemplate { id: template.id.clone(), version: number };
                ours(&format!("launch template {name} ({})", template.id), template.tags.get(OWNER_TAG), output)
            }
            None => Met::Refused(error),
        },
        Call::CreateAutoScalingGroup { name, .. } => match &observed.auto_scaling_group {
            Some(group) => match &group.status {
                Some(status) => Met::Refused(CloudError {
                    message: format!("the Auto Scaling group {name} is being deleted ({status}): apply again when it is gone"),
                    kind: ErrorKind::InUse,
                    ..error
                }),
                None => ours(&format!("Auto Scaling group {name}"), group.tags.get(OWNER_TAG).map(|tag| &tag.value), Output::Done),
            },
            None => Met::Refused(error),
        },
        Call::AddRoleToInstanceProfile { profile, role } => {
            match observed.instance_profile.as_ref().and_then(|found| found.role.as_ref()) {
                Some(found) if found == role => Met::Done { output: Output::Done, raced: true },
                Some(found) => Met::Refused(CloudError {
                    message: format!("the instance profile {profile} holds the role {found} in place of {role}: {}", error.message),
                    ..error
                }),
                None => Met::Refused(error),
            }
        }
        Call::AuthorizeRules { group, direction, rules, tags } => {
            let there: BTreeSet<&RuleKey> = rules_of(observed, group).map(|(_, rule)| &rule.key).collect();
            let rest: Vec<Rule> = rules.iter().filter(|rule| !there.contains(&rule.key)).cloned().collect();
            match rest.len() {
                0 => Met::Done { output: Output::Done, raced: true },
                n if n < rules.len() => Met::Rest(Box::new(Call::AuthorizeRules {
                    group: group.clone(),
                    direction: *direction,
                    rules: rest,
                    tags: tags.clone(),
                })),
                _ => Met::Refused(error),
            }
        }
        Call::RevokeRules { group, direction, ids } => {
            let there: BTreeMap<&String, &Rule> = rules_of(observed, group).filter_map(|(id, rule)| Some((id?, rule))).collect();
            let rest: BTreeSet<String> = ids.iter().filter(|id| there.contains_key(id)).cloned().collect();
            match rest.len() {
                0 => Met::Done { output: Output::Done, raced: false },
                n if n < ids.len() => Met::Rest(Box::new(Call::RevokeRules { group: group.clone(), direction: *direction, ids: rest })),
                _ => Met::Refused(error),
            }
        }
        _ => Met::Refused(error),
    }
}

/// The rules of a group, ours or one of others.
fn rules_of<'a>(observed: &'a Observed, id: &str) -> impl Iterator<Item = (Option<&'a String>, &'a Rule)> {
    let own = observed.security_groups.iter().find(|found| found.id == id).map(|group| &group.rules);
    let rules = own.or_else(|| observed.other_groups.iter().find(|found| found.id == id).map(|group| &group.rules));
    rules.into_iter().flatten().map(|rule| (rule.id.as_ref(), &rule.rule))
}

fn not_ours(names: &Names, what: &str, owner: Option<&String>, error: &CloudError) -> CloudError {
    let whose = match owner {
        Some(other) => format!("belongs to the cluster {other}"),
        None => format!("carries no tag {OWNER_TAG}={}, so it is somebody else's", names.cluster),
    };
    CloudError {
        kind: ErrorKind::NotOurs,
        message: format!("{what} appeared while this run was under way and {whose}. Remove it, or give the cluster another name"),
        ..error.clone()
    }
}

#[cfg(test)]
mod tests {
    use kaphost_plan::{Direction, ObservedRole, ObservedRule, ObservedSecurityGroup, Peer, Tags, Traffic};

    use super::*;

    fn owned(names: &Names) -> Tags {
        Tags::from([(OWNER_TAG.to_owned(), names.cluster.clone())])
    }

    fn names() -> Names {
        Names::from_cluster("c", "us-east-1")
    }

    fn collision() -> CloudError {
        CloudError::new(ErrorKind::AlreadyExists, "CreateRole", "it is there")
    }

    fn role(tags: Tags) -> Observed {
        let role = ObservedRole {
            name: "c-us-east-1".into(),
            path: "/".into(),
            arn: String::new(),
            id: String::new(),
            description: String::new(),
            trust: serde_json::Value::Null,
            tags,
            boundary: None,
            attachments: None,
        };
        Observed { role: Some(role), ..Observed::default() }
    }

    fn create_role() -> Call {
        let (name, path, description) = ("c-us-east-1".into(), "/".into(), String::new());
        Call::CreateRole { name, path, description, trust: serde_json::Value::Null, boundary: None, tags: Tags::new() }
    }

    fn rule(cidr: &str) -> Rule {
        let traffic = Traffic::Ports { protocol: "tcp".into(), from: 22, to: 22 };
        let key = RuleKey { direction: Direction::Ingress, traffic, peer: Peer::Cidr(cidr.parse().unwrap()) };
        Rule { key, description: String::new() }
    }

    fn group(cidrs: &[&str]) -> Observed {
        let rules = cidrs.iter().map(|cidr| ObservedRule { id: None, rule: rule(cidr), tags: Tags::new() }).collect();
        let group =
            ObservedSecurityGroup { id: "sg-1".into(), vpc: "vpc-1".into(), description: String::new(), tags: owned(&names()), rules };
        Observed { security_groups: vec![group], ..Observed::default() }
    }

    fn authorize(cidrs: &[&str]) -> Call {
        let rules = cidrs.iter().map(|cidr| rule(cidr)).collect();
        Call::AuthorizeRules { group: "sg-1".into(), direction: Direction::Ingress, rules, tags: Tags::new() }
    }

    #[test]
    fn ours_is_met() {
        let met = judge(&names(), &create_role(), &role(owned(&names())), collision());
        assert!(matches!(met, Met::Done { output: Output::Role { .. }, raced: true }), "{met:?}");
    }

    #[test]
    fn a_strangers_is_refused_in_words() {
        let other = Tags::from([(OWNER_TAG.to_owned(), "other".to_owned())]);
        for (tags, words) in [(Tags::new(), "somebody else's"), (other, "the cluster other")] {
            let Met::Refused(error) = judge(&names(), &create_role(), &role(tags), collision()) else { panic!("met") };
            assert_eq!(error.kind, ErrorKind::NotOurs);
            assert!(error.message.contains(words), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_yet_stays_a_collision() {
        let Met::Refused(error) = judge(&names(), &create_role(), &Observed::default(), collision()) else { panic!("met") };
        assert_eq!(error.kind, ErrorKind::AlreadyExists);
    }

    #[test]
    fn of_duplicate_rules_only_the_difference_is_left() {
        let call = authorize(&["10.0.0.0/8", "192.168.0.0/16"]);
        let Met::Rest(rest) = judge(&names(), &call, &group(&["10.0.0.0/8"]), collision()) else { panic!("no rest") };
        assert_eq!(*rest, authorize(&["192.168.0.0/16"]));
        let met = judge(&names(), &call, &group(&["10.0.0.0/8", "192.168.0.0/16", "::/0"]), collision());
        assert!(matches!(met, Met::Done { raced: true, .. }), "{met:?}");
        assert!(matches!(judge(&names(), &call, &group(&[]), collision()), Met::Refused(_)));
    }
}
