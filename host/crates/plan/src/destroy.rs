//! The way to nothing: what is ours goes, what is not stays.
//!
//! The group goes first, with its server; then the role leaves the profile; then everything that nothing uses any more, side by side. Each resource is
//! looked at by itself, so what a killed create or destroy has left is cleared too.

use std::collections::BTreeSet;

use crate::action::{Planned, Ref, StepId};
use crate::diff::Claims;
use crate::draft::Draft;
use crate::names::Names;
use crate::observed::{Observed, ObservedGroup, ObservedRule};
use crate::plan::{ChangeKind, Plan, Refusal, RefusalCode};
use crate::resource::{Direction, Kind, OWNER_TAG, Owner};
use crate::view::View;

/// How long a group may take to go, in seconds: its server must shut down and its network interface be released. Terraform allows ten
/// minutes for the one and fifteen for the other.
const GROUP_GONE_S: u32 = 15 * 60;

/// Plans the end of a cluster. Resources of its names that are not its own are left alone and listed in [`Plan::kept`]; users' rules in our security
/// group go with the group. Observe with [`Query::for_destroy`](crate::Query::for_destroy): without it nothing is known of what hangs on the role.
///
/// `detach`: policies that users hung on our role are detached, inline ones deleted.
///
/// # Errors
/// When deletion protection is on, when policies hang on the role and `detach` is false, or when a profile of others holds our role.
pub fn destroy(names: &Names, observed: &Observed, detach: bool) -> Result<Plan, Vec<Refusal>> {
    let names = &names.located(observed);
    let mut draft = Draft::new(names);
    half_adopted(&mut draft, observed);
    let gone = group(&mut draft, observed.auto_scaling_group.as_ref());
    role_and_profile(&mut draft, observed, gone, detach);
    for group in &observed.security_groups {
        if ours(&mut draft, Kind::SecurityGroup, &group.id, group.tags.get(OWNER_TAG)) {
            let rules = group
                .rules
                .iter()
                .filter(|rule| owner(&rule.tags.get(OWNER_TAG), names) != Owner::Us && !rule.rule.key.is_default_egress());
            let theirs: Vec<String> = rules.map(|rule| rule.rule.key.to_string()).collect();
            let note = (!theirs.is_empty()).then(|| format!("rules that others put into it go with it: {}", theirs.join(", ")));
            delete(&mut draft, Kind::SecurityGroup, names.security_group(), note);
            draft.step(Kind::SecurityGroup, &group.id, gone, Planned::DeleteSecurityGroup { id: group.id.clone() });
        }
    }
    if let Some(template) = &observed.launch_template
        && ours(&mut draft, Kind::LaunchTemplate, &template.name, template.tags.get(OWNER_TAG))
    {
        delete(&mut draft, Kind::LaunchTemplate, &template.name, None);
        draft.step(Kind::LaunchTemplate, &template.name, gone, Planned::DeleteLaunchTemplate { id: template.id.clone() });
    }
    rules_elsewhere(&mut draft, observed);
    draft.finish()
}

/// An adoption that was killed: the server is still somebody else's, and what is ours already is in its use.
fn half_adopted(draft: &mut Draft<'_>, observed: &Observed) {
    let Some(group) = observed.auto_scaling_group.as_ref().filter(|_| !draft.names.adopted.is_empty()) else { return };
    if group.status.is_none() && owner(&group.tags.get(OWNER_TAG).map(|tag| &tag.value), draft.names) != Owner::Us {
        let message = format!("the adoption of the {} {} has not come to its end", Kind::AutoScalingGroup, group.name);
        let help = "run `kaphost adopt` again, which finishes it; then destroy";
        draft.refuse(RefusalCode::NotOurs, Kind::AutoScalingGroup, message, help, None);
    }
}

/// Rules of ours on groups of others: the rules go, the groups stay. Nothing else waits for them, for no rule names a group of ours: kaphost
/// makes its group and its rules in one run, and a config can only name what was there before.
fn rules_elsewhere(draft: &mut Draft<'_>, observed: &Observed) {
    for group in &observed.other_groups {
        let ours = |rule: &&ObservedRule| owner(&rule.tags.get(OWNER_TAG), draft.names) == Owner::Us;
        let rules: Vec<&ObservedRule> = group.rules.iter().filter(ours).collect();
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules: Vec<&&ObservedRule> = rules.iter().filter(|rule| rule.rule.key.direction == direction).collect();
            for rule in &rules {
                delete(draft, Kind::SecurityGroupRule, &format!("{} on {}", rule.rule.key, group.id), None);
            }
            let ids: BTreeSet<String> = rules.iter().filter_map(|rule| rule.id.clone()).collect();
            if !ids.is_empty() {
                let action = Planned::RevokeRules { group: Ref::Known(group.id.clone()), direction, ids };
                draft.step(Kind::SecurityGroup, &group.id, [], action);
            }
        }
    }
}

/// Plans the end of the group; gives the wait for it.
fn group(draft: &mut Draft<'_>, group: Option<&ObservedGroup>) -> Option<StepId> {
    let group = group?;
    let name = &group.name;
    if !ours(draft, Kind::AutoScalingGroup, name, group.tags.get(OWNER_TAG).map(|tag| &tag.value)) {
        return None;
    }
    let going = group.status.is_some();
    if !going && group.settings.deletion_protection != "none" {
        let message =
            format!("the {} {name} is protected from deletion (`{}`)", Kind::AutoScalingGroup, group.settings.deletion_protection);
        let help = "set `scaling.deletion-protection` to #false, apply, then destroy";
        draft.refuse(RefusalCode::DeletionProtected, Kind::AutoScalingGroup, message, help, Some("scaling.deletion-protection"));
        return None;
    }
    let servers: Vec<&str> = group.instances.iter().map(|instance| instance.id.as_str()).collect();
    let note = (!servers.is_empty()).then(|| format!("terminates {}", servers.join(", ")));
    delete(draft, Kind::AutoScalingGroup, name, note);
    // One that goes already needs no second call, only patience.
    let deleted = (!going).then(|| draft.step(Kind::AutoScalingGroup, name, [], Planned::DeleteAutoScalingGroup { name: name.clone() }));
    let wait = Planned::WaitForGroupGone { group: name.clone(), timeout_s: GROUP_GONE_S };
    Some(draft.step(Kind::AutoScalingGroup, name, deleted, wait))
}

fn role_and_profile(draft: &mut Draft<'_>, observed: &Observed, gone: Option<StepId>, detach: bool) {
    let role = observed.role.as_ref();
    let role = role.filter(|role| ours(draft, Kind::Role, &role.name, role.tags.get(OWNER_TAG)));
    let profile = observed.instance_profile.as_ref();
    let our_profile = profile.filter(|profile| ours(draft, Kind::InstanceProfile, &profile.name, profile.tags.get(OWNER_TAG)));

    let mut removed = None;
    if let Some(profile) = our_profile {
        let name = &profile.name;
        delete(draft, Kind::InstanceProfile, name, None);
        if let Some(role) = &profile.role {
            let action = Planned::RemoveRoleFromInstanceProfile { profile: name.clone(), role: role.clone() };
            removed = Some(draft.step(Kind::InstanceProfile, name, gone, action));
        }
        draft.step(Kind::InstanceProfile, name, removed.or(gone), Planned::DeleteInstanceProfile { name: name.clone() });
    }
    let Some(role) = role else { return };
    if let Some(profile) = profile.filter(|profile| our_profile.is_none() && profile.role.as_ref() == Some(&role.name)) {
        let message =
            format!("the instance profile {} is not this cluster's and holds its role: IAM deletes no role that is in use", profile.name);
        let help = "take the role out of that profile, or delete the profile, then destroy again";
        draft.refuse(RefusalCode::NotOurs, Kind::InstanceProfile, message, help, None);
    }

    let mut after: Vec<StepId> = removed.or(gone).into_iter().collect();
    let attached = role.attachments.clone().unwrap_or_default();
    let claims = Claims::of(&role.tags);
    let managed = attached.managed.iter().filter(|arn| !claims.managed(arn));
    let theirs: Vec<&str> = managed.chain(attached.inline.iter().filter(|name| !claims.inline(name))).map(String::as_str).collect();
    if !theirs.is_empty() && !detach {
        let message = format!("policies of others hang on the role {}: {}", role.name, theirs.join(", "));
        let help = "detach them, or destroy with `--detach-policies`, which detaches managed policies and deletes inline ones";
        draft.refuse(RefusalCode::ForeignAttachments, Kind::Role, message, help, None);
        return;
    }
    let note = (!theirs.is_empty()).then(|| "policies that others hung on it are detached, inline ones deleted".to_owned());
    for arn in attached.managed {
        after.push(draft.step(Kind::Role, &role.name, gone, Planned::DetachRolePolicy { role: role.name.clone(), arn }));
    }
    for name in attached.inline {
        after.push(draft.step(Kind::Role, &role.name, gone, Planned::DeleteRolePolicy { role: role.name.clone(), name }));
    }
    delete(draft, Kind::Role, &role.name, note);
    draft.step(Kind::Role, &role.name, after, Planned::DeleteRole { name: role.name.clone() });
}

fn owner(tag: &Option<&String>, names: &Names) -> Owner {
    Owner::of(tag.map(String::as_str), names)
}

/// Whether it is ours; what is not is listed as kept.
fn ours(draft: &mut Draft<'_>, kind: Kind, name: &str, tag: Option<&String>) -> bool {
    match owner(&tag, draft.names) {
        Owner::Us => return true,
        Owner::Nobody => draft.keep(format!("{kind} {name}: it does not carry the tag {OWNER_TAG}={}", draft.names.cluster)),
        Owner::Cluster(other) => draft.keep(format!("{kind} {name}: it belongs to the cluster {other}")),
    }
    false
}

fn delete(draft: &mut Draft<'_>, kind: Kind, name: &str, note: Option<String>) {
    draft.change(kind, name, ChangeKind::Delete, (&View::default(), &View::default()), note);
}
