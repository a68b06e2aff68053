//! Rules of ours on groups that are somebody else's: found by their tag, wherever they are. The groups themselves are never written.

use crate::desired::{Desired, DesiredRules};
use crate::diff::rules::{self, Target};
use crate::draft::Draft;
use crate::observed::Observed;
use crate::plan::RefusalCode;
use crate::resource::Kind;

/// The config path that names the group.
const PATH: &str = "http.security-group";

pub(super) fn plan(draft: &mut Draft<'_>, desired: &Desired, observed: &Observed) {
    let wanted = desired.elsewhere.as_ref();
    if let Some(wanted) = wanted {
        let id = &wanted.group;
        if observed.security_groups.iter().any(|group| group.id == *id && group.vpc == desired.vpc) {
            let message = format!("the group {id} is the cluster's own");
            let help = "leave `security-group` out: HTTP's rules then go onto the cluster's own group";
            draft.refuse(RefusalCode::OwnGroup, Kind::SecurityGroup, message, help, Some(PATH));
        } else if !observed.other_groups.iter().any(|group| group.id == *id && group.read) {
            let message = format!("the security group {id} is not there, and HTTP's rules are to go onto it");
            let help = "check the id and the region, or leave `security-group` out: the rules then go onto the cluster's own group";
            draft.refuse(RefusalCode::GroupMissing, Kind::SecurityGroup, message, help, Some(PATH));
        }
    }
    // Rules that are left on a group that the config no longer names go.
    let none = DesiredRules::default();
    for group in &observed.other_groups {
        let wanted = wanted.filter(|wanted| wanted.group == group.id).map_or(&none, |wanted| &wanted.rules);
        let target = Target { wanted, name: &group.id, ours: false };
        rules::of_existing_group(draft, desired, &target, &group.id, &group.rules);
    }
}
