//! The smallest world that carries plans out, one step after the other, and objects where AWS would.

use std::collections::BTreeMap;

use kaphost_plan::{
    Action, Attachments, Direction, GroupTag, Instance, Observed, ObservedGroup, ObservedProfile, ObservedRole, ObservedRule,
    ObservedSecurityGroup, ObservedTemplate, ObservedVersion, Output, Peer, Plan, Ref, Refresh, Rule, RuleKey, StepId, Tags,
    TemplateContent, Traffic,
};

/// Carries out the first `steps` steps of a plan, as if killed after them.
pub(crate) fn run(plan: &Plan, mut world: Observed, steps: usize) -> Observed {
    let mut outputs = BTreeMap::new();
    for step in plan.steps.iter().take(steps) {
        for id in &step.after {
            assert!(outputs.contains_key(id), "step {} runs before {}", step.id.0, id.0);
        }
        let output = act(&mut world, &step.action, &outputs);
        outputs.insert(step.id, output);
    }
    world
}

pub(crate) fn default_egress() -> ObservedRule {
    let key = RuleKey { direction: Direction::Egress, traffic: Traffic::All, peer: Peer::Cidr("0.0.0.0/0".parse().unwrap()) };
    ObservedRule { id: None, rule: Rule { key, description: String::new() }, tags: Tags::new() }
}

type Outputs = BTreeMap<StepId, Output>;

fn group_id(group: &Ref<String>, outputs: &Outputs) -> String {
    match group {
        Ref::Known(id) => id.clone(),
        Ref::Of(step) => match &outputs[step] {
            Output::SecurityGroup(id) => id.clone(),
            other => panic!("{other:?} is no group"),
        },
    }
}

fn version(version: &Ref<u64>, outputs: &Outputs) -> u64 {
    match version {
        Ref::Known(number) => *number,
        Ref::Of(step) => match outputs[step] {
            Output::TemplateVersion(number) => number,
            ref other => panic!("{other:?} is no version"),
        },
    }
}

fn resolved(content: &TemplateContent<Ref<String>>, outputs: &Outputs) -> TemplateContent<String> {
    assert!(!content.devices.is_empty(), "AWS refuses empty lists");
    assert!(content.spot.is_none() || content.tenancy.as_deref() != Some("default"), "AWS refuses tenancy default with spot");
    content.map_groups(|group| group_id(group, outputs))
}

/// The rules of a group, ours or not.
fn rules<'a>(world: &'a mut Observed, id: &str) -> &'a mut Vec<ObservedRule> {
    if let Some(at) = world.other_groups.iter().position(|group| group.id == id) {
        return &mut world.other_groups[at].rules;
    }
    &mut find(world, id).rules
}

fn find<'a>(world: &'a mut Observed, id: &str) -> &'a mut ObservedSecurityGroup {
    world.security_groups.iter_mut().find(|group| group.id == id).expect("AWS: InvalidGroup.NotFound")
}

fn retag<T: Clone>(tags: &mut BTreeMap<String, T>, set: &BTreeMap<String, T>) {
    tags.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
}

fn refresh(world: &mut Observed) -> &mut Refresh {
    world.auto_scaling_group.as_mut().and_then(|group| group.refresh.as_mut()).expect("AWS: ActiveInstanceRefreshNotFound")
}

fn attachments(world: &mut Observed) -> &mut Attachments {
    world.role.as_mut().and_then(|role| role.attachments.as_mut()).expect("AWS: NoSuchEntity")
}

fn instance(version: u64) -> Instance {
    Instance {
        id: "i-0a1b2c3d".to_owned(),
        zone: "us-east-1a".to_owned(),
        lifecycle: "InService".to_owned(),
        health: "Healthy".to_owned(),
        template_version: Some(version),
        template: Some("kapacitor-stage".to_owned()),
    }
}

#[expect(clippy::too_many_lines, reason = "one arm a call")]
fn act(world: &mut Observed, action: &Action<Ref<String>, Ref<u64>>, outputs: &Outputs) -> Output {
    match action {
        Action::CreateSecurityGroup { description, vpc, tags, .. } => {
            assert!(world.security_groups.iter().all(|group| group.vpc != *vpc), "AWS: InvalidGroup.Duplicate");
            let id = format!("sg-0{:07x}", world.security_groups.len() + 1);
            let (vpc, description, tags) = (vpc.clone(), description.clone(), tags.clone());
            world.security_groups.push(ObservedSecurityGroup { id: id.clone(), vpc, description, tags, rules: vec![default_egress()] });
            return Output::SecurityGroup(id);
        }
        Action::AuthorizeRules { group, rules, tags, .. } => {
            let there = self::rules(world, &group_id(group, outputs));
            for rule in rules {
                assert!(there.iter().all(|there| there.rule.key != rule.key), "AWS: InvalidPermission.Duplicate");
                let id = format!("sgr-{}", rule.key.to_string().replace(' ', "-"));
                there.push(ObservedRule { id: Some(id), rule: rule.clone(), tags: tags.clone() });
            }
            there.sort_by(|a, b| a.rule.key.cmp(&b.rule.key));
        }
        Action::ModifyRules { group, rules } => {
            let group = self::rules(world, &group_id(group, outputs));
            for (id, rule) in rules {
                assert!(
                    group.iter().all(|there| there.rule.key != rule.key || there.id.as_ref() == Some(id)),
                    "AWS: InvalidPermission.Duplicate"
                );
                let there = group.iter_mut().find(|there| there.id.as_ref() == Some(id)).expect("AWS: no such rule");
                let family = |key: &RuleKey| match &key.peer {
                    Peer::Cidr(cidr) => {
                        if cidr.is_ipv6() {
                            "v6"
                        } else {
                            "v4"
                        }
                    }
                    Peer::SecurityGroup(_) => "group",
                    Peer::Other(_) => "other",
                };
                let same = (there.rule.key.direction, family(&there.rule.key)) == (rule.key.direction, family(&rule.key));
                assert!(same, "AWS: the type of a rule cannot change");
                there.rule = rule.clone();
            }
        }
        Action::RevokeRules { group, direction, ids } => {
            let rules = rules(world, &group_id(group, outputs));
            for id in ids {
                let at = rules.iter().position(|there| there.id.as_ref() == Some(id) && there.rule.key.direction == *direction);
                rules.remove(at.expect("AWS: no such rule"));
            }
        }
        Action::RevokeDefaultEgress { group } => {
            let group = find(world, &group_id(group, outputs));
            group.rules.retain(|there| !(there.rule.key.is_default_egress() && there.tags.is_empty()));
        }
        Action::TagEc2 { resources, set } => {
            for id in resources {
                match &mut world.launch_template {
                    Some(template) if template.id == *id => retag(&mut template.tags, set),
                    _ => retag(&mut find(world, id).tags, set),
                }
            }
        }
        Action::UntagEc2 { resources, keys } => {
            for id in resources {
                match &mut world.launch_template {
                    Some(template) if template.id == *id => template.tags.retain(|key, _| !keys.contains(key)),
                    _ => find(world, id).tags.retain(|key, _| !keys.contains(key)),
                }
            }
        }
        Action::CreateRole { name, path, description, trust, boundary, tags } => {
            assert!(world.role.is_none(), "AWS: EntityAlreadyExists");
            world.role = Some(ObservedRole {
                name: name.clone(),
                path: path.clone(),
                arn: format!("arn:aws:iam::123456789012:role{path}{name}"),
                id: "AROAEXAMPLE".to_owned(),
                description: description.clone(),
                trust: trust.clone(),
                tags: tags.clone(),
                boundary: boundary.clone(),
                attachments: Some(Attachments::default()),
            });
        }
        Action::AttachRolePolicy { arn, .. } => attachments(world).managed.push(arn.clone()),
        Action::PutRolePolicy { name, document, .. } => {
            let there = attachments(world);
            if !there.inline.contains(name) {
                there.inline.push(name.clone());
            }
            there.documents.insert(name.clone(), serde_json::from_str(document).expect("AWS: MalformedPolicyDocument"));
        }
        Action::PutRoleBoundary { arn, .. } => world.role.as_mut().expect("AWS: NoSuchEntity").boundary = Some(arn.clone()),
        Action::DeleteRoleBoundary { .. } => world.role.as_mut().expect("AWS: NoSuchEntity").boundary = None,
        Action::UpdateTrust { trust, .. } => world.role.as_mut().unwrap().trust = trust.clone(),
        Action::UpdateRoleDescription { description, .. } => world.role.as_mut().unwrap().description = description.clone(),
        Action::TagRole { set, .. } => retag(&mut world.role.as_mut().unwrap().tags, set),
        Action::UntagRole { keys, .. } => world.role.as_mut().unwrap().tags.retain(|key, _| !keys.contains(key)),
        Action::CreateInstanceProfile { name, path, tags } => {
            assert!(world.instance_profile.is_none(), "AWS: EntityAlreadyExists");
            world.instance_profile = Some(ObservedProfile { name: name.clone(), path: path.clone(), tags: tags.clone(), role: None });
        }
        Action::TagInstanceProfile { set, .. } => retag(&mut world.instance_profile.as_mut().unwrap().tags, set),
        Action::UntagInstanceProfile { keys, .. } => world.instance_profile.as_mut().unwrap().tags.retain(|key, _| !keys.contains(key)),
        Action::AddRoleToInstanceProfile { role, .. } => {
            let profile = world.instance_profile.as_mut().unwrap();
            assert_eq!(profile.role, None, "AWS: LimitExceeded");
            profile.role = Some(role.clone());
        }
        Action::RemoveRoleFromInstanceProfile { role, .. } => {
            let profile = world.instance_profile.as_mut().unwrap();
            assert_eq!(profile.role.take().as_ref(), Some(role), "AWS: NoSuchEntity");
        }
        Action::CreateLaunchTemplate { name, tags, description, content, .. } => {
            assert!(world.launch_template.is_none(), "AWS: AlreadyExists");
            let first = ObservedVersion { description: description.clone(), content: resolved(content, outputs) };
            world.launch_template = Some(ObservedTemplate {
                id: "lt-0a1b2c3d".to_owned(),
                name: name.clone(),
                tags: tags.clone(),
                latest: 1,
                default: 1,
                versions: BTreeMap::from([(1, first)]),
            });
            return Output::TemplateVersion(1);
        }
        Action::CreateLaunchTemplateVersion { description, content, .. } => {
            let content = resolved(content, outputs);
            let template = world.launch_template.as_mut().unwrap();
            template.latest += 1;
            template.versions.insert(template.latest, ObservedVersion { description: description.clone(), content });
            return Output::TemplateVersion(template.latest);
        }
        Action::CreateAutoScalingGroup { name, settings, tags, .. } => {
            assert!(world.auto_scaling_group.is_none(), "AWS: AlreadyExists");
            let profile = world.instance_profile.as_ref().expect("AWS: Invalid IAM Instance Profile");
            assert!(profile.role.is_some() && world.role.is_some(), "AWS: Invalid IAM Instance Profile");
            let version = version(&settings.template_version, outputs);
            world.auto_scaling_group = Some(ObservedGroup {
                name: name.clone(),
                arn: format!("arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/{name}"),
                settings: settings.with_version(version),
                tags: tags.clone(),
                instances: vec![instance(version)],
                status: None,
                refresh: None,
            });
        }
        Action::UpdateAutoScalingGroup { settings, .. } => {
            let number = version(&settings.template_version, outputs);
            world.auto_scaling_group.as_mut().unwrap().settings = settings.with_version(number);
        }
        Action::DeleteTemplateVersions { versions, .. } => {
            let template = world.launch_template.as_mut().expect("AWS: not found");
            assert!(!versions.contains(&template.default), "AWS: the default version stays");
            template.versions.retain(|number, _| !versions.contains(number));
        }
        Action::StartInstanceRefresh { version: to, .. } => {
            let number = version(to, outputs);
            assert!(world.launch_template.as_ref().unwrap().versions.contains_key(&number), "AWS: no such version");
            let group = world.auto_scaling_group.as_mut().expect("AWS: not found");
            assert!(group.refresh.as_ref().is_none_or(|refresh| !refresh.active()), "AWS: InstanceRefreshInProgress");
            let (id, status) = (format!("refresh-{number}"), "InProgress".to_owned());
            group.refresh = Some(Refresh { id: id.clone(), status, reason: None, percent: Some(0), version: Some(number) });
            return Output::Refresh(id);
        }
        Action::CancelInstanceRefresh { .. } => refresh(world).status = "Cancelled".to_owned(),
        Action::WaitForRefreshGone { .. } => {
            let refresh = refresh(world);
            if refresh.active() {
                refresh.status = "Cancelled".to_owned();
            }
        }
        Action::WaitForRefresh { refresh: id, .. } => {
            let refresh = refresh(world);
            match id {
                Ref::Known(id) => assert_eq!(&refresh.id, id),
                Ref::Of(step) => assert_eq!(outputs[step], Output::Refresh(refresh.id.clone())),
            }
            refresh.status = "Successful".to_owned();
            let number = refresh.version.unwrap();
            let group = world.auto_scaling_group.as_mut().unwrap();
            group.settings.template_version = number;
            group.instances = vec![instance(number)];
        }
        Action::TagGroup { set, .. } => retag::<GroupTag>(&mut world.auto_scaling_group.as_mut().unwrap().tags, set),
        Action::UntagGroup { keys, .. } => world.auto_scaling_group.as_mut().unwrap().tags.retain(|key, _| !keys.contains(key)),
        Action::WaitForCapacity { .. } => assert!(world.auto_scaling_group.is_some()),
        Action::WaitForGroupGone { .. } => world.auto_scaling_group = None,
        Action::DeleteAutoScalingGroup { .. } => {
            let group = world.auto_scaling_group.as_mut().expect("AWS: not found");
            assert_eq!(group.settings.deletion_protection, "none", "AWS: protected");
            group.status = Some("Delete in progress".to_owned());
        }
        Action::DeleteLaunchTemplate { .. } => assert!(world.launch_template.take().is_some(), "AWS: not found"),
        Action::DeleteSecurityGroup { id } => {
            assert!(world.auto_scaling_group.is_none(), "AWS: DependencyViolation");
            find(world, id);
            world.security_groups.retain(|group| group.id != *id);
        }
        Action::DeleteInstanceProfile { .. } => {
            assert_eq!(world.instance_profile.take().expect("AWS: NoSuchEntity").role, None, "AWS: DeleteConflict");
        }
        Action::DeleteRole { name } => {
            let role = world.role.take().expect("AWS: NoSuchEntity");
            let held = world.instance_profile.as_ref().is_some_and(|profile| profile.role.as_ref() == Some(name));
            let bare = role.attachments.is_none_or(|it| it.managed.is_empty() && it.inline.is_empty());
            assert!(!held && bare, "AWS: DeleteConflict");
        }
        Action::DetachRolePolicy { arn, .. } => {
            let there = attachments(world);
            assert!(there.managed.contains(arn), "AWS: NoSuchEntity");
            there.managed.retain(|it| it != arn);
        }
        Action::DeleteRolePolicy { name, .. } => {
            let there = attachments(world);
            assert!(there.inline.contains(name), "AWS: NoSuchEntity");
            there.inline.retain(|it| it != name);
            there.documents.remove(name);
        }
    }
    Output::Done
}
