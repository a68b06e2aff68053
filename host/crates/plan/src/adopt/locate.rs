//! From an Auto Scaling group to the names of what its server is made of.

use crate::draft::Draft;
use crate::names::{Adopted, Names};
use crate::plan::{Refusal, RefusalCode};
use crate::resource::{Kind, OWNER_TAG};
use crate::running::{Launches, NamedGroup, Running};

/// AWS's own group of every VPC, which nobody can delete.
const DEFAULT_GROUP: &str = "default";

/// The names under which the cluster will be found. `own` is the id of the security group that is the cluster's, where the server is in several.
///
/// # Errors
/// Every reason why the group cannot be a cluster.
pub fn locate(names: &Names, running: &Running, own: Option<&str>) -> Result<Names, Vec<Refusal>> {
    let mut draft = Draft::new(names);
    let group = &running.group;
    let mut refuse = |code: RefusalCode, message: String, help: &str| draft.refuse(code, Kind::AutoScalingGroup, message, help, None);
    if let Some(status) = &group.status {
        refuse(
            RefusalCode::BeingDeleted,
            format!("the {} {} is going away: AWS says `{status}`", Kind::AutoScalingGroup, group.name),
            "there is nothing to adopt any more",
        );
    }
    if let Launches::Else(what) = &running.from {
        refuse(
            RefusalCode::NotAdoptable,
            format!("the {} {} launches its servers from {what}", Kind::AutoScalingGroup, group.name),
            "let it launch from a launch configuration or a launch template, then adopt",
        );
    }
    let settings = &group.settings;
    if (settings.min, settings.max, settings.desired) != (1, 1, 1) || group.instances.len() > 1 {
        refuse(
            RefusalCode::NotAdoptable,
            format!(
                "the {} {} is not one of a single server: at least {}, at most {}, {} wanted, {} running",
                Kind::AutoScalingGroup,
                group.name,
                settings.min,
                settings.max,
                settings.desired,
                group.instances.len()
            ),
            "kaphost keeps exactly one server: set the least, the most and the wanted capacity to 1, wait until one server runs, then adopt",
        );
    }
    let security_group = if matches!(running.from, Launches::Else(_)) { None } else { own_group(&mut draft, running, own) };
    draft.finish()?;

    let unless = |name: &str, same: &str| (name != same).then(|| name.to_owned());
    let profile = running.profile.as_ref();
    let role = profile.and_then(|profile| profile.role.as_deref());
    Ok(Names {
        adopted: Adopted {
            group: unless(&group.name, &names.regional),
            security_group: security_group.and_then(|group| unless(&group.name, &names.regional)),
            role: role.and_then(|role| unless(role, &names.global)),
            instance_profile: profile.and_then(|profile| unless(&profile.name, &names.global)),
        },
        ..names.clone()
    })
}

/// The security group that is the cluster's own: the one that is said to be, that is ours already, the only one, or the only one that is called after the cluster.
fn own_group<'a>(draft: &mut Draft<'_>, running: &'a Running, own: Option<&str>) -> Option<&'a NamedGroup> {
    let groups = &running.security_groups;
    let cluster = draft.names.cluster.clone();
    let listed = || groups.iter().map(|group| format!("{} ({})", group.name, group.id)).collect::<Vec<_>>().join(", ");
    let only = |wanted: &dyn Fn(&&NamedGroup) -> bool| match groups.iter().filter(wanted).collect::<Vec<_>>().as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let prefix = format!("{cluster}-");
    let found = match own {
        Some(id) => only(&|group| group.id == id),
        None => only(&|group| group.tags.get(OWNER_TAG) == Some(&cluster))
            .or_else(|| only(&|_| true))
            .or_else(|| only(&|group| group.name == cluster || group.name.starts_with(&prefix))),
    };
    let mut refuse = |message: String, help: &str| draft.refuse(RefusalCode::NotAdoptable, Kind::SecurityGroup, message, help, None);
    match (found, own) {
        (Some(group), _) if group.name == DEFAULT_GROUP => refuse(
            format!("the server is in the default group of {} ({}), which belongs to everybody in that VPC", group.vpc, group.id),
            "give the server a security group of its own, then adopt",
        ),
        (Some(group), _) => return Some(group),
        (None, _) if groups.is_empty() => {
            refuse(
                "the server is in no security group that is there".to_owned(),
                "give the server a security group of its own, then adopt",
            );
        }
        (None, Some(id)) => refuse(format!("the server is not in the security group {id}: it is in {}", listed()), "name one of these"),
        (None, None) => refuse(
            format!("the server is in several security groups: {}", listed()),
            "say which of them is the cluster's own: `--security-group sg-…`",
        ),
    }
    None
}
