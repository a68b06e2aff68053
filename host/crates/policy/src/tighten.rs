//! Which way is safer: the one table of every field of a cluster that has an evident order of safety.
//!
//! A change *loosens* where what is after it is not at least as safe as what was before. For each row that is a preorder: nothing loosens itself,
//! and two changes that do not loosen do not loosen together, in whatever steps they are made. So no chain of policies can undo piece by piece
//! what none of them may undo at once. An entry that is not there is as safe as can be: taking a volume or a source away never loosens, and a new
//! one is judged like a changed one.
//!
//! What is not in the table has no evident order, and write grants are all that holds it: ports, images, instance types, subnets, sizes, tags,
//! and which KMS key a volume is encrypted with. Whose key is the safer one is for the account to say; and were giving a key up to loosen, then
//! taking the volume away and putting a new one in its place would have to loosen too, and no policy could add an encrypted volume ungranted.

mod ranges;

use std::collections::BTreeMap;

use kaphost_spec::{Cluster, IngressRule, Path, Source, Tokens};

use self::ranges::Reach;
use crate::text::visible;

/// Characters of a value in a [`Loosening`].
const VALUE_CHARS: usize = 200;

/// A value that is less safe than it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Loosening {
    /// What a grant must cover to allow it.
    pub(crate) path: Path,
    /// Before, for people.
    pub(crate) old: String,
    /// After, for people.
    pub(crate) new: String,
    /// The order that it goes against, as a clause.
    pub(crate) order: &'static str,
}

/// A field and its order.
struct Row {
    /// As the config spells it, `[]` for the key of an entry.
    field: &'static str,
    /// What is safer, as a clause.
    order: &'static str,
    judge: Judge,
}

/// How a row tells.
enum Judge {
    /// True is the safe one.
    SafeWhen(fn(&Cluster) -> bool),
    /// The less the safer.
    Least(fn(&Cluster) -> u64),
    /// Nothing is the safest. Two different values are both less safe than the other: what they bring with them is not known here.
    BestUnset(fn(&Cluster) -> Option<String>),
    /// Any value is safer than nothing. Of two different ones each is less safe than the other.
    WorstUnset(fn(&Cluster) -> Option<String>),
    /// Sources of connections, by network and group.
    Sources(fn(&Cluster) -> &BTreeMap<Source, IngressRule>),
    /// Networks and ports that may be reached.
    Egress,
    /// The `encrypted` of every further volume.
    VolumesEncrypted,
    /// Managed policies: each is a permission more.
    ManagedPolicies,
    /// Inline policies: the documents are not understood, only compared.
    InlinePolicies,
}

const TABLE: &[Row] = &[
    Row {
        field: "egress[]",
        order: "the less can be reached, the safer: what is added must lie within what is there",
        judge: Judge::Egress,
    },
    Row {
        field: "http.allow[]",
        order: "the fewer are let in, the safer: what is added must lie within the networks that are there",
        judge: Judge::Sources(|cluster| &cluster.http.allow),
    },
    Row {
        field: "http.security-group",
        order: "a group that exists brings rules of its own: none is safer",
        judge: Judge::BestUnset(|cluster| cluster.http.security_group.as_ref().map(ToString::to_string)),
    },
    Row {
        field: "iam.boundary",
        order: "a permissions boundary only takes permissions away: the one that is there is safer than another or none",
        judge: Judge::WorstUnset(|cluster| cluster.iam.boundary.as_ref().map(ToString::to_string)),
    },
    Row {
        field: "iam.inline-policy[]",
        order: "without a new or changed document the role is safer, and with the documents that deny",
        judge: Judge::InlinePolicies,
    },
    Row { field: "iam.managed-policy[]", order: "the fewer policies the role has, the safer", judge: Judge::ManagedPolicies },
    Row {
        field: "kapacitor.tls",
        order: "TLS is safer than plain HTTP",
        judge: Judge::SafeWhen(|cluster| cluster.kapacitor.as_ref().is_some_and(|kapacitor| kapacitor.tls.is_some())),
    },
    Row {
        field: "metadata.enabled",
        order: "a metadata service that is off is safer",
        judge: Judge::SafeWhen(|cluster| !cluster.metadata.enabled),
    },
    Row {
        field: "metadata.hop-limit",
        order: "the fewer hops an answer of the metadata service may take, the safer",
        judge: Judge::Least(|cluster| cluster.metadata.hop_limit.into()),
    },
    Row {
        field: "metadata.tokens",
        order: "`required` (IMDSv2 only) is safer than `optional`",
        judge: Judge::SafeWhen(|cluster| cluster.metadata.tokens == Tokens::Required),
    },
    Row { field: "network.public-ip", order: "no public address is safer", judge: Judge::SafeWhen(|cluster| !cluster.network.public_ip) },
    Row { field: "root-volume.encrypted", order: "encrypted is safer", judge: Judge::SafeWhen(|cluster| cluster.root_volume.encrypted) },
    Row {
        field: "scaling.deletion-protection",
        order: "protected from deletion is safer",
        judge: Judge::SafeWhen(|cluster| cluster.scaling.deletion_protection),
    },
    Row {
        field: "ssh.allow[]",
        order: "the fewer are let in, the safer: what is added must lie within the networks that are there",
        judge: Judge::Sources(|cluster| &cluster.ssh.allow),
    },
    Row {
        field: "ssh.key",
        order: "whoever holds an installed key may log in: none is safer",
        judge: Judge::BestUnset(|cluster| cluster.ssh.key.as_ref().map(ToString::to_string)),
    },
    Row {
        field: "tenancy",
        order: "`dedicated` is safer than `default`",
        judge: Judge::SafeWhen(|cluster| cluster.tenancy == kaphost_spec::Tenancy::Dedicated),
    },
    Row { field: "volume[].encrypted", order: "encrypted is safer", judge: Judge::VolumesEncrypted },
];

/// Everything that is less safe in `new` than in `old`, by path. Looks at nothing else.
pub(crate) fn loosened(old: &Cluster, new: &Cluster) -> Vec<Loosening> {
    let mut found: Vec<Loosening> = TABLE.iter().flat_map(|row| row.loosened(old, new)).collect();
    found.sort_unstable();
    found
}

impl Row {
    /// The path of the row, or of its list when it has one.
    fn path(&self) -> Path {
        let list = self.field.split("[]").next().unwrap_or(self.field);
        list.split('.').fold(Path::root(), |path, field| path.field(field))
    }

    fn loosened(&self, old: &Cluster, new: &Cluster) -> Vec<Loosening> {
        let here = |old: String, new: String| vec![self.at(self.path(), &old, &new)];
        match &self.judge {
            Judge::SafeWhen(safe) => {
                if safe(old) && !safe(new) {
                    here(self.shown(old), self.shown(new))
                } else {
                    Vec::new()
                }
            }
            Judge::Least(level) => {
                let (old, new) = (level(old), level(new));
                if new > old { here(old.to_string(), new.to_string()) } else { Vec::new() }
            }
            Judge::BestUnset(value) => match (value(old), value(new)) {
                (old, Some(new)) if old.as_ref() != Some(&new) => here(text(old), text(Some(new))),
                _ => Vec::new(),
            },
            Judge::WorstUnset(value) => match (value(old), value(new)) {
                (Some(old), new) if new.as_ref() != Some(&old) => here(text(Some(old)), text(new)),
                _ => Vec::new(),
            },
            Judge::Sources(allow) => self.sources(allow(old), allow(new)),
            Judge::Egress => self.egress(old, new),
            Judge::VolumesEncrypted => {
                let open = |cluster: &Cluster, device| cluster.volumes.get(device).map(|volume| volume.settings.encrypted);
                let newly_open = new.volumes.keys().filter(|device| open(new, device) == Some(false) && open(old, device) != Some(false));
                let was = |device| match open(old, device) {
                    None => "not there",
                    Some(_) => "#true",
                };
                newly_open.map(|device| self.at(self.path().key(device).field("encrypted"), was(device), "#false")).collect()
            }
            Judge::ManagedPolicies => {
                let added = new.iam.managed_policies.difference(&old.iam.managed_policies);
                added.map(|arn| self.at(self.path().key(arn), "not there", "there")).collect()
            }
            Judge::InlinePolicies => self.inline_policies(&old.iam.inline_policies, &new.iam.inline_policies),
        }
    }

    fn at(&self, path: Path, old: &str, new: &str) -> Loosening {
        Loosening { path, old: visible(old, VALUE_CHARS), new: visible(new, VALUE_CHARS), order: self.order }
    }

    /// The value as the config spells it.
    fn shown(&self, cluster: &Cluster) -> String {
        let path = self.path();
        let mut below = cluster.leaves().into_iter().filter(|(leaf, _)| path.covers(leaf)).peekable();
        match below.peek() {
            None => "not there".into(),
            Some((leaf, value)) if *leaf == path => value.to_string(),
            Some(_) => below.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" "),
        }
    }

    fn sources(&self, old: &BTreeMap<Source, IngressRule>, new: &BTreeMap<Source, IngressRule>) -> Vec<Loosening> {
        // Mostly nothing is new, and then there is nothing to unite.
        if new.keys().all(|source| old.contains_key(source)) {
            return Vec::new();
        }
        let within = Reach::of(old.keys().filter_map(|source| match source {
            Source::Cidr(cidr) => Some(cidr),
            Source::SecurityGroup(_) => None,
        }));
        let wider = |source: &&Source| match source {
            Source::Cidr(cidr) => !within.holds(cidr),
            // Who is in a group, and from where, is not known here.
            Source::SecurityGroup(_) => !old.contains_key(source),
        };
        new.keys().filter(wider).map(|source| self.at(self.path().key(source), &list(old.keys()), &list(new.keys()))).collect()
    }

    fn egress(&self, old: &Cluster, new: &Cluster) -> Vec<Loosening> {
        let before: Vec<_> = old.egress.iter().map(|(cidr, rule)| (cidr, rule.ports)).collect();
        let shown = |cluster: &Cluster| {
            list(cluster.egress.iter().map(|(cidr, rule)| match rule.ports {
                None => cidr.to_string(),
                Some((from, to)) => format!("{cidr} ports {from}-{to}"),
            }))
        };
        let same = |cidr, ports| old.egress.get(cidr).is_some_and(|rule| rule.ports == ports);
        new.egress
            .iter()
            .filter(|(cidr, rule)| !same(cidr, rule.ports) && !ranges::reaches(&before, cidr, rule.ports))
            .map(|(cidr, _)| self.at(self.path().key(cidr), &shown(old), &shown(new)))
            .collect()
    }

    fn inline_policies(&self, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Loosening> {
        let at = |name: &String, was: &str, is: &str| self.at(self.path().key(name), was, is);
        let added = new.iter().filter_map(|(name, document)| match old.get(name) {
            Some(before) if before == document => None,
            before => Some(at(name, before.map_or("not there", String::as_str), document)),
        });
        // In canonical JSON there is one way to write it. A text that only looks like it is taken for it: better one grant too many.
        let denies = |document: &str| document.contains(r#""Effect":"Deny""#);
        let gone = old.iter().filter(|(name, document)| !new.contains_key(*name) && denies(document));
        added.chain(gone.map(|(name, document)| at(name, document, "not there"))).collect()
    }
}

fn text(value: Option<String>) -> String {
    value.unwrap_or_else(|| "not set".into())
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "nobody and nothing".into() } else { items.join(", ") }
}

#[cfg(test)]
mod tests;
