//! The policies that hang on the role.
//!
//! Neither attachments nor inline policies carry tags, so the role's own tag [`POLICIES_TAG`] says which of them are kaphost's. It is
//! written before a policy is put there and shortened after one is gone, so that a run that is killed in between never leaves one that nobody owns. What it does not name is
//! somebody else's, and stays.

use std::collections::BTreeSet;

use kaphost_spec::{Path, hex};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::action::{Planned, StepId};
use crate::desired::{Desired, Policies};
use crate::draft::Draft;
use crate::observed::{Attachments, ObservedRole};
use crate::plan::RefusalCode;
use crate::resource::{Kind, MAX_CLAIMS, POLICIES_TAG, Tags};
use crate::view::{View, keyed};

/// Digits of a digest that tell one policy of a role from the others.
const DIGITS: usize = 8;

/// The policies that are kaphost's, each by the digest of what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims(BTreeSet<String>);

impl Claims {
    /// What the role's tags say.
    pub(crate) fn of(tags: &Tags) -> Self {
        Self(tags.get(POLICIES_TAG).into_iter().flat_map(|text| text.split(' ')).filter(|it| !it.is_empty()).map(str::to_owned).collect())
    }

    fn claim(kind: &str, name: &str) -> String {
        hex(&Sha256::digest(format!("{kind}:{name}"))).chars().take(DIGITS).collect()
    }

    pub(crate) fn managed(&self, arn: &str) -> bool {
        self.0.contains(&Self::claim("managed", arn))
    }

    pub(crate) fn inline(&self, name: &str) -> bool {
        self.0.contains(&Self::claim("inline", name))
    }

    /// A role has one boundary, so the claim is on whichever it is.
    fn boundary(&self) -> bool {
        self.0.contains(&Self::claim("boundary", ""))
    }

    fn add(&mut self, kind: &str, name: &str) {
        self.0.insert(Self::claim(kind, name));
    }

    fn text(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// The way from the policies that hang on a role to those that should.
#[derive(Default)]
pub(super) struct Way {
    /// What the tag says when all is done.
    claims: Claims,
    /// What it must say before anything is written.
    before: Claims,
    /// Puts something there: after the tag.
    adds: Vec<Planned>,
    /// Takes something away: before the tag is shortened.
    removes: Vec<Planned>,
}

impl Way {
    /// For a role that is yet to be made.
    pub(super) fn of_new_role(draft: &mut Draft<'_>, desired: &Desired) -> Self {
        let none = Attachments::default();
        let mut way = Self::default();
        let role = desired.names.role();
        way.managed(draft, role, &desired.policies, &none, &Claims::default());
        way.inline(draft, role, &desired.policies, &none, &Claims::default());
        if desired.policies.boundary.is_some() {
            // It comes with the role.
            way.claims.add("boundary", "");
        }
        way.before = way.claims.clone();
        way.limit(draft, role);
        way
    }

    /// For a role of ours.
    pub(super) fn of_role(draft: &mut Draft<'_>, desired: &Desired, role: &ObservedRole) -> Self {
        let none = Attachments::default();
        let there = role.attachments.as_ref().unwrap_or(&none);
        let claimed = Claims::of(&role.tags);
        let mut way = Self { before: claimed.clone(), ..Self::default() };
        way.managed(draft, &role.name, &desired.policies, there, &claimed);
        way.inline(draft, &role.name, &desired.policies, there, &claimed);
        way.boundary(draft, role, &desired.policies, &claimed);
        // Until it is gone, what goes is still ours.
        way.before.0.extend(way.claims.0.iter().cloned());
        way.limit(draft, &role.name);
        way
    }

    fn managed(&mut self, draft: &mut Draft<'_>, role: &str, wanted: &Policies, there: &Attachments, claimed: &Claims) {
        for arn in &wanted.managed {
            match (there.managed.contains(arn), claimed.managed(arn)) {
                (true, false) => draft.keep(format!(
                    "policy {arn} of the role {role}: somebody else attached it, it is what the config asks, and it stays theirs"
                )),
                (there, _) => {
                    self.claims.add("managed", arn);
                    if !there {
                        self.adds.push(Planned::AttachRolePolicy { role: role.to_owned(), arn: arn.clone() });
                    }
                }
            }
        }
        for arn in there.managed.iter().filter(|arn| !wanted.managed.contains(*arn)) {
            if claimed.managed(arn) {
                self.removes.push(Planned::DetachRolePolicy { role: role.to_owned(), arn: arn.clone() });
            } else {
                draft.keep(format!("policy {arn} of the role {role}: somebody else's"));
            }
        }
    }

    fn inline(&mut self, draft: &mut Draft<'_>, role: &str, wanted: &Policies, there: &Attachments, claimed: &Claims) {
        for (name, document) in &wanted.inline {
            let same = there.documents.get(name).is_some_and(|found| says(document, found));
            match (there.inline.contains(name), claimed.inline(name), same) {
                (true, false, true) => draft.keep(format!(
                    "inline policy {name} of the role {role}: somebody else wrote it, it is what the config asks, and it stays theirs"
                )),
                (true, false, false) => {
                    let message =
                        format!("the role {role} has an inline policy {name} that somebody else wrote, and it says something else");
                    let help = "give the policy of the config another name, or remove theirs";
                    let path = Path::root().field("iam").field("inline-policy").key(name).to_string();
                    draft.refuse(RefusalCode::NotOurs, Kind::Role, message, help, Some(&path));
                }
                (_, _, same) => {
                    self.claims.add("inline", name);
                    if !same {
                        let (role, name, document) = (role.to_owned(), name.clone(), document.clone());
                        self.adds.push(Planned::PutRolePolicy { role, name, document });
                    }
                }
            }
        }
        for name in there.inline.iter().filter(|name| !wanted.inline.contains_key(*name)) {
            if claimed.inline(name) {
                self.removes.push(Planned::DeleteRolePolicy { role: role.to_owned(), name: name.clone() });
            } else {
                draft.keep(format!("inline policy {name} of the role {role}: somebody else's"));
            }
        }
    }

    /// A boundary that somebody else has set keeps the role from more: it stays unless the config names another.
    fn boundary(&mut self, draft: &mut Draft<'_>, role: &ObservedRole, wanted: &Policies, claimed: &Claims) {
        match (&wanted.boundary, &role.boundary) {
            (Some(wanted), there) => {
                if there.as_ref() != Some(wanted) {
                    self.claims.add("boundary", "");
                    self.adds.push(Planned::PutRoleBoundary { role: role.name.clone(), arn: wanted.clone() });
                } else if claimed.boundary() {
                    self.claims.add("boundary", "");
                }
            }
            (None, Some(_)) if claimed.boundary() => {
                self.removes.push(Planned::DeleteRoleBoundary { role: role.name.clone() });
            }
            (None, Some(there)) => draft.keep(format!("permissions boundary {there} of the role {}: somebody else's", role.name)),
            (None, None) => {}
        }
    }

    fn limit(&self, draft: &mut Draft<'_>, role: &str) {
        let count = self.before.0.len();
        if count > MAX_CLAIMS {
            let message = format!("{count} policies of the config would hang on the role {role}: kaphost keeps track of {MAX_CLAIMS}");
            let help = "put several statements into one policy; AWS takes 10 managed policies on a role, 25 at most";
            draft.refuse(RefusalCode::TooManyPolicies, Kind::Role, message, help, Some("iam"));
        }
    }

    /// The tag that a new role is made with, or that a role of ours must carry first. `None`: it needs none, or has it.
    pub(super) fn tag(&self, there: &Tags) -> Option<String> {
        (!self.before.0.is_empty() && self.before != Claims::of(there)).then(|| self.before.text())
    }

    /// Shows the tag where it changes.
    pub(super) fn show(&self, old: &mut View, new: &mut View, there: &Tags) {
        let found = Claims::of(there);
        let leaf = keyed("tags", POLICIES_TAG);
        if found != self.claims {
            for (view, claims) in [(old, &found), (new, &self.claims)] {
                if !claims.0.is_empty() {
                    view.set(&leaf, claims.text(), None);
                }
            }
        }
    }

    /// Adds the steps. `after` is what makes or tags the role.
    pub(super) fn steps(self, draft: &mut Draft<'_>, role: &str, after: Option<StepId>) {
        let mut removed: Vec<StepId> = after.into_iter().collect();
        for action in self.adds {
            draft.step(Kind::Role, role, after, action);
        }
        for action in self.removes {
            removed.push(draft.step(Kind::Role, role, after, action));
        }
        if self.claims == self.before {
            return;
        }
        let action = if self.claims.0.is_empty() {
            Planned::UntagRole { role: role.to_owned(), keys: [POLICIES_TAG.to_owned()].into() }
        } else {
            Planned::TagRole { role: role.to_owned(), set: [(POLICIES_TAG.to_owned(), self.claims.text())].into() }
        };
        draft.step(Kind::Role, role, removed, action);
    }
}

/// Whether a document that IAM gives back is the one that was sent. IAM keeps it as it was; keys have no order.
fn says(document: &str, found: &Value) -> bool {
    serde_json::from_str::<Value>(document).is_ok_and(|document| document == *found)
}

/// What people see of the policies that should hang on the role.
pub(super) fn wanted(view: &mut View, policies: &Policies) {
    for arn in &policies.managed {
        view.set(&keyed("managed-policies", arn), "attached", Some(&path("managed-policy", arn)));
    }
    for (name, document) in &policies.inline {
        view.set(&keyed("inline-policies", name), document, Some(&path("inline-policy", name)));
    }
    if let Some(boundary) = &policies.boundary {
        view.set("boundary", boundary, Some("iam.boundary"));
    }
}

/// What people see of those that do. Somebody else's are no part of the difference: they are listed apart, or stand where the config wants them.
pub(super) fn there(view: &mut View, role: &ObservedRole, policies: &Policies) {
    let none = Attachments::default();
    let found = role.attachments.as_ref().unwrap_or(&none);
    let claimed = Claims::of(&role.tags);
    for arn in found.managed.iter().filter(|arn| policies.managed.contains(*arn) || claimed.managed(arn)) {
        view.set(&keyed("managed-policies", arn), "attached", Some(&path("managed-policy", arn)));
    }
    for name in found.inline.iter().filter(|name| policies.inline.contains_key(*name) || claimed.inline(name)) {
        let document = match (policies.inline.get(name), found.documents.get(name)) {
            (Some(wanted), Some(found)) if says(wanted, found) => wanted.clone(),
            (_, Some(found)) => found.to_string(),
            (_, None) => "present".to_owned(),
        };
        view.set(&keyed("inline-policies", name), document, Some(&path("inline-policy", name)));
    }
    if let Some(boundary) = &role.boundary
        && (policies.boundary.is_some() || claimed.boundary())
    {
        view.set("boundary", boundary, Some("iam.boundary"));
    }
}

fn path(field: &'static str, key: &str) -> String {
    Path::root().field("iam").field(field).key(key).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_read_as_it_is_written_and_fits() {
        let mut claims = Claims::default();
        for number in 0..MAX_CLAIMS {
            claims.add("managed", &format!("arn:aws:iam::aws:policy/P{number}"));
        }
        let text = claims.text();
        assert!(text.len() <= 256, "{}", text.len());
        let tags = Tags::from([(POLICIES_TAG.to_owned(), text)]);
        assert_eq!(Claims::of(&tags), claims);
        assert!(claims.managed("arn:aws:iam::aws:policy/P3") && !claims.inline("arn:aws:iam::aws:policy/P3"));
    }
}
