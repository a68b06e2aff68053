//! A plan in the making.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Planned, StepId};
use crate::names::Names;
use crate::plan::{Change, ChangeKind, Plan, Refusal, RefusalCode, Step};
use crate::resource::{Kind, OWNER_TAG, Owner, Tags};
use crate::view::View;

/// Collects steps, changes and refusals. Refusals do not end the work: people want all of them at once.
pub(crate) struct Draft<'a> {
    pub(crate) names: &'a Names,
    steps: Vec<Step>,
    changes: Vec<Change>,
    kept: Vec<String>,
    refusals: Vec<Refusal>,
}

impl<'a> Draft<'a> {
    pub(crate) const fn new(names: &'a Names) -> Self {
        Self { names, steps: Vec::new(), changes: Vec::new(), kept: Vec::new(), refusals: Vec::new() }
    }

    /// Adds a step that waits for others, all of them added before.
    pub(crate) fn step(&mut self, kind: Kind, name: &str, after: impl IntoIterator<Item = StepId>, action: Planned) -> StepId {
        self.step_about(format!("{kind} {name}"), after, action)
    }

    /// As [`Self::step`], about more than one resource.
    fn step_about(&mut self, subject: String, after: impl IntoIterator<Item = StepId>, action: Planned) -> StepId {
        let id = StepId(self.steps.len());
        self.steps.push(Step { id, action, after: after.into_iter().collect(), subject });
        id
    }

    /// Whether there is nothing to do so far.
    pub(crate) const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps that no other step waits for yet: waiting for them is waiting for everything so far.
    pub(crate) fn last(&self) -> BTreeSet<StepId> {
        let waited: BTreeSet<StepId> = self.steps.iter().flat_map(|step| step.after.iter().copied()).collect();
        self.steps.iter().map(|step| step.id).filter(|id| !waited.contains(id)).collect()
    }

    /// Tells people what happens. An update without a difference is none.
    pub(crate) fn change(
        &mut self,
        resource: Kind,
        name: impl Into<String>,
        kind: ChangeKind,
        (old, new): (&View, &View),
        note: Option<String>,
    ) {
        let leaves = old.changes_to(new);
        if kind != ChangeKind::Update || !leaves.is_empty() {
            let unchanged = old.same_as(new);
            self.changes.push(Change { resource, name: name.into(), kind, leaves, unchanged, note });
        }
    }

    pub(crate) fn keep(&mut self, what: String) {
        self.kept.push(what);
    }

    pub(crate) fn refuse(
        &mut self,
        code: RefusalCode,
        resource: Kind,
        message: impl Into<String>,
        help: impl Into<String>,
        path: Option<&str>,
    ) {
        let (message, help, path) = (message.into(), help.into(), path.map(str::to_owned));
        self.refusals.push(Refusal { code, resource, message, help, path });
    }

    /// Whether a resource that was found by its name is this cluster's; refuses when it is not.
    pub(crate) fn owned(&mut self, kind: Kind, name: &str, owner: Option<&str>) -> bool {
        match Owner::of(owner, self.names) {
            Owner::Us => true,
            Owner::Nobody => {
                let message = format!("the {kind} {name} is there already and does not carry the tag {OWNER_TAG}={}", self.names.cluster);
                let help = "kaphost changes only what it owns: `kaphost adopt` takes over a server that runs already; else give the cluster another name, or remove what is there";
                self.refuse(RefusalCode::NotOurs, kind, message, help, Some("name"));
                false
            }
            Owner::Cluster(other) => {
                let message = format!("the {kind} {name} belongs to the cluster {other}: it carries the tag {OWNER_TAG}={other}");
                let help = "give this cluster another name, or correct the tag if somebody changed it by hand";
                self.refuse(RefusalCode::OtherCluster, kind, message, help, Some("name"));
                false
            }
        }
    }

    /// The plan, or every reason against it.
    pub(crate) fn finish(mut self) -> Result<Plan, Vec<Refusal>> {
        if !self.refusals.is_empty() {
            return Err(self.refusals);
        }
        self.changes.sort_by(|a, b| (a.resource, &a.name, a.kind as u8).cmp(&(b.resource, &b.name, b.kind as u8)));
        Ok(Plan { names: self.names.clone(), changes: self.changes, steps: self.steps, kept: self.kept })
    }
}

/// Tags of EC2 resources to set and to remove, collected: one call tags several resources alike.
#[derive(Default)]
pub(crate) struct Ec2Tags {
    set: BTreeMap<Tags, BTreeSet<String>>,
    unset: BTreeMap<BTreeSet<String>, BTreeSet<String>>,
}

impl Ec2Tags {
    pub(crate) fn add(&mut self, id: &str, (set, unset): (Tags, BTreeSet<String>)) {
        if !set.is_empty() {
            self.set.entry(set).or_default().insert(id.to_owned());
        }
        if !unset.is_empty() {
            self.unset.entry(unset).or_default().insert(id.to_owned());
        }
    }

    /// Adds the steps.
    pub(crate) fn plan(self, draft: &mut Draft<'_>) {
        let named = |id: &String| {
            let kind = match id.split_once('-') {
                Some(("sg", _)) => Kind::SecurityGroup,
                Some(("sgr", _)) => Kind::SecurityGroupRule,
                _ => Kind::LaunchTemplate,
            };
            format!("{kind} {id}")
        };
        let subject = |ids: &BTreeSet<String>| ids.iter().map(named).collect::<Vec<_>>().join(", ");
        for (set, resources) in self.set {
            draft.step_about(subject(&resources), [], Planned::TagEc2 { resources, set });
        }
        for (keys, resources) in self.unset {
            draft.step_about(subject(&resources), [], Planned::UntagEc2 { resources, keys });
        }
    }
}
