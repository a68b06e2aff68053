//! The order of steps, and what they refer to.

use std::collections::BTreeSet;

use crate::action::{Planned, Ref, StepId};
use crate::check::Fault;
use crate::plan::{Plan, Step};

pub(super) fn check(plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut reach: Vec<BTreeSet<StepId>> = Vec::with_capacity(plan.steps.len());
    for (place, step) in plan.steps.iter().enumerate() {
        let mut fault = |message: String| faults.push(Fault { step: Some(StepId(place)), message });
        if step.id != StepId(place) {
            fault(format!("is called {}", step.id.0));
        }
        for id in step.after.iter().filter(|id| id.0 >= place) {
            fault(format!("waits for step {}, which does not stand before it", id.0));
        }
        let mut before = step.after.clone();
        before.extend(step.after.iter().filter_map(|id| reach.get(id.0)).flatten());
        for (id, gives) in refs(&step.action) {
            let maker = plan.steps.get(id.0).filter(|_| id.0 < place);
            if maker.is_none_or(|maker| makes(&maker.action) != Some(gives)) {
                fault(format!("needs {gives} from step {}, which does not give one", id.0));
            }
            if !before.contains(&id) {
                fault(format!("needs what step {} gives and does not wait for it", id.0));
            }
        }
        if plan.steps.iter().take(place).any(|other| other.action == step.action || same_creation(other, step)) {
            fault(format!("{} happens twice", step.action.operation()));
        }
        reach.push(before);
    }
    order(plan, &reach, &mut faults);
    faults
}

const GROUP: &str = "a security group";
const VERSION: &str = "a version of the template";
const REFRESH: &str = "an instance refresh";

const fn makes(action: &Planned) -> Option<&'static str> {
    match action {
        Planned::CreateSecurityGroup { .. } => Some(GROUP),
        Planned::CreateLaunchTemplate { .. } | Planned::CreateLaunchTemplateVersion { .. } => Some(VERSION),
        Planned::StartInstanceRefresh { .. } => Some(REFRESH),
        _ => None,
    }
}

/// What a step needs from earlier ones.
fn refs(action: &Planned) -> Vec<(StepId, &'static str)> {
    let group = |group: &Ref<String>| if let Ref::Of(step) = group { vec![(*step, GROUP)] } else { Vec::new() };
    let version = |version: &Ref<u64>| if let Ref::Of(step) = version { vec![(*step, VERSION)] } else { Vec::new() };
    match action {
        Planned::AuthorizeRules { group: id, .. }
        | Planned::ModifyRules { group: id, .. }
        | Planned::RevokeRules { group: id, .. }
        | Planned::RevokeDefaultEgress { group: id } => group(id),
        Planned::CreateLaunchTemplate { content, .. } | Planned::CreateLaunchTemplateVersion { content, .. } => {
            content.security_groups.iter().flat_map(group).collect()
        }
        Planned::CreateAutoScalingGroup { settings, .. } | Planned::UpdateAutoScalingGroup { settings, .. } => {
            version(&settings.template_version)
        }
        Planned::StartInstanceRefresh { version: number, .. } => version(number),
        Planned::WaitForRefresh { refresh: Ref::Of(step), .. } => vec![(*step, REFRESH)],
        _ => Vec::new(),
    }
}

/// Whether both make a thing of which a cluster has one.
fn same_creation(a: &Step, b: &Step) -> bool {
    let one = |action: &Planned| action.creates().is_some() && !matches!(action, Planned::AuthorizeRules { .. });
    one(&a.action) && a.action.operation() == b.action.operation()
}

/// The group is written after everything that its server needs, and deleted before everything that its server uses; a wait follows a write of the group,
/// or a deletion that somebody else began.
fn order(plan: &Plan, reach: &[BTreeSet<StepId>], faults: &mut Vec<Fault>) {
    let waits_for = |step: &Step, other: &Step| reach.get(step.id.0).is_some_and(|before| before.contains(&other.id));
    for step in &plan.steps {
        let mut must_follow = |what: &dyn Fn(&Planned) -> bool| {
            for other in plan.steps.iter().filter(|other| other.id != step.id && what(&other.action)) {
                if !waits_for(step, other) {
                    let message =
                        format!("{} does not wait for {} (step {})", step.action.operation(), other.action.operation(), other.id.0);
                    faults.push(Fault { step: Some(step.id), message });
                }
            }
        };
        match &step.action {
            Planned::CreateAutoScalingGroup { .. } | Planned::UpdateAutoScalingGroup { .. } => {
                must_follow(&|action| !action.is_wait() && !about_group(action));
            }
            // Of the group itself, too: a new server starts by it.
            Planned::StartInstanceRefresh { .. } => {
                must_follow(&|action| matches!(action, Planned::WaitForRefreshGone { .. }) || !action.is_wait())
            }
            action if removes(action) => {
                must_follow(&|other| matches!(other, Planned::DeleteAutoScalingGroup { .. } | Planned::WaitForGroupGone { .. }))
            }
            _ => {}
        }
        if let Planned::WaitForCapacity { .. } = step.action {
            let written =
                |other: &Step| matches!(other.action, Planned::CreateAutoScalingGroup { .. } | Planned::UpdateAutoScalingGroup { .. });
            if !plan.steps.iter().any(|other| written(other) && waits_for(step, other)) {
                faults.push(Fault {
                    step: Some(step.id),
                    message: "waits for the capacity of a group that no step before it writes".to_owned(),
                });
            }
        }
    }
}

const fn about_group(action: &Planned) -> bool {
    matches!(
        action,
        Planned::CreateAutoScalingGroup { .. }
            | Planned::UpdateAutoScalingGroup { .. }
            | Planned::TagGroup { .. }
            | Planned::UntagGroup { .. }
            | Planned::StartInstanceRefresh { .. }
            | Planned::CancelInstanceRefresh { .. }
            | Planned::DeleteAutoScalingGroup { .. }
    )
}

const fn removes(action: &Planned) -> bool {
    matches!(
        action,
        Planned::DeleteLaunchTemplate { .. }
            | Planned::DeleteSecurityGroup { .. }
            | Planned::DeleteInstanceProfile { .. }
            | Planned::DeleteRole { .. }
    )
}
