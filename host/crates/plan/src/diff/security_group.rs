//! The security group. Its rules are a matter of their own: `rules`.

use crate::action::{Planned, Ref};
use crate::desired::Desired;
use crate::diff::rules;
use crate::draft::{Draft, Ec2Tags};
use crate::observed::{Observed, ObservedSecurityGroup};
use crate::plan::{ChangeKind, RefusalCode};
use crate::resource::{Kind, OWNER_TAG, Owner};
use crate::view::{View, compared, tag_diff};

/// Plans the group and its rules; gives the group.
pub(super) fn plan(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed, tags: &mut Ec2Tags) -> Ref<String> {
    refuse_strays(draft, desired, observed);
    // The names of groups are unique within a VPC.
    match observed.security_groups.iter().find(|group| group.vpc == desired.vpc) {
        None => create(draft, desired),
        Some(group) => {
            update(draft, desired, group, tags);
            Ref::Known(group.id.clone())
        }
    }
}

/// A group of ours in another VPC: the config's VPC was changed, and a group cannot move.
fn refuse_strays(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed) {
    for group in observed.security_groups.iter().filter(|group| group.vpc != desired.vpc) {
        if Owner::of(group.tags.get(OWNER_TAG).map(String::as_str), &desired.names) == Owner::Us {
            let message = format!(
                "the security group {} of this cluster is in {}, the config says {}: AWS cannot move a group",
                group.id, group.vpc, desired.vpc
            );
            let help = format!("set `network.vpc` to `{}`, or destroy the cluster and apply it anew", group.vpc);
            draft.refuse(RefusalCode::NeedsReplacement, Kind::SecurityGroup, message, help, Some("network.vpc"));
        }
    }
}

fn create(draft: &mut Draft<'_>, desired: &Desired) -> Ref<String> {
    let name = desired.names.security_group().to_owned();
    let tags = desired.resource_tags();
    let new = view(&desired.vpc, &desired.group_description).tags("tags", &tags, &desired.tags);
    draft.change(Kind::SecurityGroup, &name, ChangeKind::Create, (&View::default(), &new), None);
    let (description, vpc) = (desired.group_description.clone(), desired.vpc.clone());
    let step = draft.step(Kind::SecurityGroup, &name.clone(), [], Planned::CreateSecurityGroup { name, description, vpc, tags });
    rules::of_new_group(draft, desired, step);
    Ref::Of(step)
}

fn update(draft: &mut Draft<'_>, desired: &Desired, group: &ObservedSecurityGroup, ec2_tags: &mut Ec2Tags) {
    let name = format!("{} ({})", desired.names.security_group(), group.id);
    if !draft.owned(Kind::SecurityGroup, &name, group.tags.get(OWNER_TAG).map(String::as_str)) {
        return;
    }
    // Its description is what it is: AWS cannot change it, and that of one that was adopted is somebody else's.
    let tags = desired.resource_tags();
    let old = View::default().tags("tags", &compared(&group.tags), &desired.tags);
    let new = View::default().tags("tags", &compared(&tags), &desired.tags);
    draft.change(Kind::SecurityGroup, desired.names.security_group(), ChangeKind::Update, (&old, &new), None);
    ec2_tags.add(&group.id, tag_diff(&group.tags, &tags));
    let target = rules::Target { wanted: &desired.rules, name: desired.names.security_group(), ours: true };
    rules::of_existing_group(draft, desired, &target, &group.id, &group.rules);
}

fn view(vpc: &str, description: &str) -> View {
    let mut view = View::default();
    view.set("vpc", vpc, Some("network.vpc"));
    view.set("description", description, None);
    view
}
