//! Resources as flat tables of texts: what people read in a plan, and what digests are taken over. Secrets as digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use kaphost_spec::{Path, hex};
use sha2::{Digest as _, Sha256};

use crate::action::Ref;
use crate::names::{GROUP_NAME_TAG, PROFILE_NAME_TAG, ROLE_NAME_TAG, SECURITY_GROUP_NAME_TAG};
use crate::plan::LeafChange;
use crate::resource::{DECISION_TAG, DeviceContent, GroupSettings, GroupTag, PLAN_TAG, POLICIES_TAG, SPEC_TAG, Tags, TemplateContent};

/// What stands for a value that AWS chooses.
pub(crate) const KNOWN_LATER: &str = "(known after apply)";

/// The values of one resource by leaf, each with the config path that decides it.
#[derive(Clone, Debug, Default)]
pub(crate) struct View(BTreeMap<String, (String, Option<String>)>);

impl View {
    pub(crate) fn set(&mut self, leaf: &str, value: impl Display, path: Option<&str>) {
        self.0.insert(leaf.to_owned(), (value.to_string(), path.map(str::to_owned)));
    }

    fn maybe(&mut self, leaf: &str, value: Option<impl Display>, path: Option<&str>) {
        if let Some(value) = value {
            self.set(leaf, value, path);
        }
    }

    /// Adds tags under a leaf. A path is known for those that the user wrote.
    pub(crate) fn tags(mut self, leaf: &str, tags: &Tags, user: &Tags) -> Self {
        for (key, value) in tags {
            self.set(&keyed(leaf, key), value, tag_path(key, user).as_deref());
        }
        self
    }

    /// Adds the tags of an Auto Scaling group.
    pub(crate) fn group_tags(mut self, tags: &BTreeMap<String, GroupTag>, user: &Tags) -> Self {
        for (key, tag) in tags {
            let text = if tag.propagate { format!("{} (reaches instances)", tag.value) } else { tag.value.clone() };
            self.set(&keyed("tags", key), text, tag_path(key, user).as_deref());
        }
        self
    }

    /// What differs, sorted by leaf.
    pub(crate) fn changes_to(&self, new: &Self) -> Vec<LeafChange> {
        let leaves: BTreeSet<&String> = self.0.keys().chain(new.0.keys()).collect();
        let mut changes = Vec::new();
        for leaf in leaves {
            let (was, will) = (self.0.get(leaf), new.0.get(leaf));
            // What is chosen anew is a change, whatever it was called before.
            if was.map(|it| &it.0) != will.map(|it| &it.0) {
                let path = will.or(was).and_then(|it| it.1.clone());
                changes.push(LeafChange { leaf: leaf.clone(), old: was.map(|it| it.0.clone()), new: will.map(|it| it.0.clone()), path });
            }
        }
        changes
    }

    /// How many values are the same in both.
    pub(crate) fn same_as(&self, other: &Self) -> usize {
        self.0.iter().filter(|(leaf, (value, _))| other.0.get(*leaf).is_some_and(|(there, _)| there == value)).count()
    }
}

/// What differs in tags: to set, and to remove. Resources of ours carry exactly our tags; further ones are drift and go, except AWS's own (`aws:`).
/// The digests of what a resource was created from are never a difference.
pub(crate) fn tag_diff(observed: &Tags, desired: &Tags) -> (Tags, BTreeSet<String>) {
    let set = desired.iter().filter(|(key, value)| compares(key) && observed.get(*key) != Some(*value));
    let unset = observed.keys().filter(|key| compares(key) && !desired.contains_key(*key));
    (set.map(|(key, value)| (key.clone(), value.clone())).collect(), unset.cloned().collect())
}

/// As [`tag_diff`], for an Auto Scaling group.
pub(crate) fn group_tag_diff(
    observed: &BTreeMap<String, GroupTag>,
    desired: &BTreeMap<String, GroupTag>,
) -> (BTreeMap<String, GroupTag>, BTreeSet<String>) {
    let set = desired.iter().filter(|(key, tag)| compares(key) && observed.get(*key) != Some(*tag));
    let unset = observed.keys().filter(|key| compares(key) && !desired.contains_key(*key));
    (set.map(|(key, tag)| (key.clone(), tag.clone())).collect(), unset.cloned().collect())
}

/// Tags without those that are never compared, so that a change shows what a write changes.
pub(crate) fn compared<T: Clone>(tags: &BTreeMap<String, T>) -> BTreeMap<String, T> {
    tags.iter().filter(|(key, _)| compares(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn compares(key: &str) -> bool {
    // What the policies' tag says is planned with the policies, a plan's number with the plan, and where an adopted cluster is found is nothing that a config says.
    !key.starts_with("aws:") && ![SPEC_TAG, DECISION_TAG, PLAN_TAG, POLICIES_TAG].contains(&key) && !is_pointer(key)
}

/// Whether a tag says where a part of an adopted cluster is found.
pub(crate) fn is_pointer(key: &str) -> bool {
    [GROUP_NAME_TAG, SECURITY_GROUP_NAME_TAG, ROLE_NAME_TAG, PROFILE_NAME_TAG].contains(&key)
}

pub(crate) fn keyed(leaf: &str, key: &str) -> String {
    Path::root().field(leaf.to_owned()).key(key).to_string()
}

fn tag_path(key: &str, user: &Tags) -> Option<String> {
    user.contains_key(key).then(|| keyed("tag", key))
}

/// A security group as a template names it.
pub(crate) fn group_ref(group: &Ref<String>) -> &str {
    match group {
        Ref::Known(id) => id,
        Ref::Of(_) => KNOWN_LATER,
    }
}

/// What a version of a launch template says. `root` is the name of the root device, `user` the user's tags.
pub(crate) fn template<G>(content: &TemplateContent<G>, group: impl Fn(&G) -> &str, root: &str, user: &Tags) -> View {
    let mut view = View::default();
    view.set("image", &content.image, Some("ami"));
    view.set("instance-type", &content.instance_type, Some("instance-type"));
    view.maybe("key", content.key.as_ref(), Some("ssh.key"));
    view.set("instance-profile", &content.instance_profile, None);
    view.set("security-groups", content.security_groups.iter().map(group).collect::<Vec<_>>().join(" "), None);
    view.set("public-ip", content.public_ip, Some("network.public-ip"));
    view.maybe("tenancy", content.tenancy.as_ref(), Some("tenancy"));
    view.maybe("spot", content.spot.as_ref().map(|price| price.as_deref().unwrap_or("at the on-demand price")), Some("spot"));
    view.maybe("ebs-optimized", content.ebs_optimized, Some("ebs-optimized"));
    view.set("metadata.enabled", content.metadata_enabled, Some("metadata.enabled"));
    view.set("metadata.tokens", &content.metadata_tokens, Some("metadata.tokens"));
    view.set("metadata.hop-limit", content.metadata_hop_limit, Some("metadata.hop-limit"));
    for (name, device) in &content.devices {
        let path = if name == root { "root-volume".to_owned() } else { keyed("volume", name) };
        view.device(&keyed("devices", name), device, &path);
    }
    view.maybe("user-data", content.user_data.as_ref(), Some("user-data"));
    for part in &content.foreign {
        view.set(&keyed("set-by-others", part), "present", None);
    }
    view.tags("instance-tags", &content.instance_tags, user).tags("volume-tags", &content.volume_tags, user)
}

impl View {
    fn device(&mut self, leaf: &str, device: &DeviceContent, path: &str) {
        let at = |field: &str| (format!("{leaf}.{field}"), format!("{path}.{field}"));
        let texts = [
            ("type", Some(device.volume_type.clone())),
            ("size", Some(device.size_gib.to_string())),
            ("iops", device.iops.map(|iops| iops.to_string())),
            ("throughput", device.throughput_mibps.map(|throughput| throughput.to_string())),
            ("encrypted", Some(device.encrypted.to_string())),
            ("kms-key", device.kms_key.clone()),
            ("delete-on-termination", Some(device.delete_on_termination.to_string())),
            ("snapshot", device.snapshot.clone()),
        ];
        for (field, text) in texts {
            let (leaf, path) = at(field);
            self.maybe(&leaf, text, Some(&path));
        }
    }

    /// Lower-case hexadecimal SHA-256 over the table and what it shows shortened.
    pub(crate) fn digest(&self, shortened: &str) -> String {
        let mut hash = Sha256::new();
        for (leaf, (value, _)) in &self.0 {
            // Lengths first: no two tables spell the same bytes.
            hash.update(format!("{}:{leaf}={}:{value}\n", leaf.len(), value.len()));
        }
        hash.update(shortened);
        hex(&hash.finalize())
    }
}

/// What kaphost sets of an Auto Scaling group.
pub(crate) fn group<V>(settings: &GroupSettings<V>, version: impl Fn(&V) -> String) -> View {
    let mut view = View::default();
    if !settings.launch_template.is_empty() {
        view.set("launch-template", &settings.launch_template, None);
    }
    view.set("launch-template-version", version(&settings.template_version), None);
    view.set("subnets", settings.subnets.iter().cloned().collect::<Vec<_>>().join(" "), Some("network.subnets"));
    view.set("min", settings.min, None);
    view.set("max", settings.max, None);
    view.set("desired", settings.desired, None);
    view.set("health-check", &settings.health_check, Some("scaling.health-check"));
    view.set("health-check-grace-period", settings.grace_period_s, Some("scaling.health-check-grace-period"));
    view.set("warmup", settings.warmup_s, Some("rollout.warmup"));
    view.set("termination-policies", settings.termination_policies.join(" "), Some("scaling.termination-policies"));
    let maintenance = settings.maintenance.map(|(least, most)| format!("{least}% to {most}% healthy"));
    view.maybe("maintenance", maintenance, Some("rollout.strategy"));
    view.set("deletion-protection", &settings.deletion_protection, Some("scaling.deletion-protection"));
    view
}
