//! The checker finds each kind of fault, in plans that were right before one thing was changed.

use std::collections::BTreeMap;

use crate::support::{applied, cidr, cluster, desired, plan};
use kaphost_plan::{Observed, Plan, Planned, Ref, StepId, Tags, check, destroy};

/// What is wrong with the plan of a fresh create once it is changed.
fn create(spoil: impl FnOnce(&mut Plan)) -> String {
    let mut plan = plan(&desired(&cluster()), &Observed::default());
    spoil(&mut plan);
    texts(&plan, &Observed::default())
}

/// The same, for the plan that changes a port and adds a rule.
fn update(spoil: impl FnOnce(&mut Plan, &mut Observed)) -> String {
    let mut changed = cluster();
    changed.ssh.port = 2222;
    changed.ssh.allow.extend([cidr("2001:db8::/32", "vpn")]);
    let mut observed = applied(&cluster());
    let mut plan = plan(&desired(&changed), &observed);
    spoil(&mut plan, &mut observed);
    texts(&plan, &observed)
}

fn texts(plan: &Plan, observed: &Observed) -> String {
    check(plan, observed).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
fn at<'a>(plan: &'a mut Plan, operation: &str) -> &'a mut kaphost_plan::Step {
    plan.steps.iter_mut().find(|step| step.action.operation() == operation).unwrap()
}

#[test]
fn order() {
    insta::assert_snapshot!(create(|plan| plan.steps.swap(0, 1)));
    insta::assert_snapshot!(create(|plan| at(plan, "CreateRole").after.extend([StepId(6)])));
    insta::assert_snapshot!(create(|plan| at(plan, "CreateAutoScalingGroup").after.clear()));
    insta::assert_snapshot!(create(|plan| at(plan, "wait for capacity").after.clear()));
}

#[test]
fn references() {
    insta::assert_snapshot!(create(|plan| at(plan, "CreateLaunchTemplate").after.clear()));
    insta::assert_snapshot!(create(|plan| {
        let Planned::AuthorizeRules { group, .. } = &mut at(plan, "AuthorizeSecurityGroupIngress").action else { unreachable!() };
        *group = Ref::Of(StepId(0));
    }));
}

#[test]
fn owners() {
    insta::assert_snapshot!(create(|plan| {
        let Planned::CreateRole { tags, .. } = &mut at(plan, "CreateRole").action else { unreachable!() };
        *tags = Tags::new();
    }));
    insta::assert_snapshot!(create(|plan| {
        let Planned::AuthorizeRules { tags, .. } = &mut at(plan, "AuthorizeSecurityGroupIngress").action else { unreachable!() };
        tags.clear();
    }));
    insta::assert_snapshot!(update(|_, observed| observed.security_groups[0].tags.clear()));
    insta::assert_snapshot!(update(|_, observed| {
        for rule in &mut observed.security_groups[0].rules {
            rule.tags.clear();
        }
    }));
}

#[test]
fn repetitions() {
    insta::assert_snapshot!(create(|plan| {
        let mut again = at(plan, "CreateRole").clone();
        again.id = StepId(plan.steps.len());
        plan.steps.push(again);
    }));
    insta::assert_snapshot!(update(|plan, _| {
        let Planned::AuthorizeRules { rules, .. } = &mut at(plan, "AuthorizeSecurityGroupIngress").action else { unreachable!() };
        rules.push(rules[0].clone());
    }));
    insta::assert_snapshot!(update(|plan, observed| {
        let Planned::ModifyRules { rules, .. } = &mut at(plan, "ModifySecurityGroupRules").action else { unreachable!() };
        let held = observed.security_groups[0].rules.iter().find(|rule| rule.rule.description == "clients").unwrap();
        rules.values_mut().next().unwrap().key = held.rule.key.clone();
    }));
}

#[test]
fn what_is_there_already() {
    let plan = plan(&desired(&cluster()), &Observed::default());
    insta::assert_snapshot!(texts(&plan, &applied(&cluster())));
}

#[test]
fn pins_and_ends() {
    let mut other = cluster();
    other.scaling.health_check_grace_period_s = 60;
    let observed = applied(&cluster());
    let mut update = plan(&desired(&other), &observed);
    let Planned::UpdateAutoScalingGroup { settings, .. } = &mut at(&mut update, "UpdateAutoScalingGroup").action else { unreachable!() };
    settings.template_version = Ref::Known(7);
    insta::assert_snapshot!(texts(&update, &observed));

    let mut end = destroy(&desired(&cluster()).names, &observed, false).unwrap();
    at(&mut end, "DeleteLaunchTemplate").after.clear();
    let mut foreign = observed.clone();
    foreign.role.as_mut().unwrap().tags = BTreeMap::new();
    insta::assert_snapshot!(texts(&end, &foreign));
}
