//! What is known of the world around a cluster and may be told to policies. Inputs, not calls: whoever runs policies reads these first and
//! records them. Plain data, here so that the room that reads them need not know the room that hands them on.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::{SubnetId, VpcId};
use crate::{Ami, Cidr, Cluster, Path};

/// What a policy may ask to know. Its description says which of these it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// The account's number.
    Account,
    /// The image that `ami` resolves to.
    Ami,
    /// The subnets of `network`.
    Subnets,
    /// The VPC of `network`.
    Vpc,
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "facts.account",
            Self::Ami => "facts.ami",
            Self::Subnets => "facts.subnets",
            Self::Vpc => "facts.vpc",
        })
    }
}

/// Facts. What was not read is none or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Facts {
    /// The 12 digits of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The image that `ami` resolves to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ami: Option<AmiFacts>,
    /// The subnets of `network`, sorted by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<SubnetFacts>,
    /// The VPC of `network`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<VpcFacts>,
}

impl Facts {
    /// Whether this fact is known.
    #[must_use]
    pub const fn has(&self, kind: FactKind) -> bool {
        match kind {
            FactKind::Account => self.account.is_some(),
            FactKind::Ami => self.ami.is_some(),
            FactKind::Subnets => !self.subnets.is_empty(),
            FactKind::Vpc => self.vpc.is_some(),
        }
    }
}

/// Which facts to read about a cluster. What is empty is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsQuery {
    /// Whose account the caller is in.
    pub account: bool,
    /// This image.
    pub ami: Option<Ami>,
    /// These subnets.
    pub subnets: BTreeSet<SubnetId>,
    /// This VPC.
    pub vpc: Option<VpcId>,
}

impl FactsQuery {
    /// These kinds of facts about a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster, kinds: &BTreeSet<FactKind>) -> Self {
        let asked = |kind| kinds.contains(&kind);
        Self {
            account: asked(FactKind::Account),
            ami: asked(FactKind::Ami).then(|| cluster.ami.clone()),
            subnets: if asked(FactKind::Subnets) { cluster.network.subnets.clone() } else { BTreeSet::new() },
            vpc: asked(FactKind::Vpc).then(|| cluster.network.vpc.clone()),
        }
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was asked for and is not among the facts: it does not exist, or the caller may not see it.
    #[must_use]
    pub fn missing(&self, facts: &Facts) -> Vec<FactProblem> {
        let mut missing = Vec::new();
        let network = Path::root().field("network");
        if let Some(ami) = self.ami.as_ref().filter(|_| facts.ami.is_none()) {
            let what = match ami {
                Ami::Id(id) => format!("there is no image `{id}`"),
                Ami::Ssm(parameter) => format!("there is no image that the SSM parameter `{parameter}` names"),
                Ami::Lookup { owner, name } => format!("there is no image of `{owner}` whose name is like `{name}`"),
            };
            missing.push(FactProblem::new(Path::root().field("ami"), what));
        }
        let known: BTreeSet<&str> = facts.subnets.iter().map(|subnet| subnet.id.as_str()).collect();
        for id in self.subnets.iter().filter(|id| !known.contains(id.as_str())) {
            missing.push(FactProblem::new(network.field("subnets").key(id), format!("there is no subnet `{id}`")));
        }
        if let Some(id) = self.vpc.as_ref().filter(|_| facts.vpc.is_none()) {
            missing.push(FactProblem::new(network.field("vpc"), format!("there is no VPC `{id}`")));
        }
        missing
    }
}

/// A value of a cluster with which facts do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FactProblem {
    /// The value.
    pub path: Path,
    /// A clause.
    pub message: String,
}

impl FactProblem {
    const fn new(path: Path, message: String) -> Self {
        Self { path, message }
    }
}

impl Facts {
    /// Where these facts, as far as there are any, tell of something else than what the cluster names. An image that is named otherwise than by
    /// its id fits any.
    #[must_use]
    pub fn misfits(&self, cluster: &Cluster) -> Vec<FactProblem> {
        let mut misfits = Vec::new();
        let network = Path::root().field("network");
        if let (Some(ami), Ami::Id(id)) = (&self.ami, &cluster.ami)
            && ami.id != id.as_str()
        {
            misfits.push(FactProblem::new(Path::root().field("ami"), format!("the image is `{id}`, and the facts tell of `{}`", ami.id)));
        }
        if !self.subnets.is_empty() {
            let told: BTreeSet<&str> = self.subnets.iter().map(|subnet| subnet.id.as_str()).collect();
            let named: BTreeSet<&str> = cluster.network.subnets.iter().map(SubnetId::as_str).collect();
            for id in named.difference(&told) {
                let message = format!("the facts tell of subnets, and of `{id}` they do not");
                misfits.push(FactProblem::new(network.field("subnets").key(id), message));
            }
            for id in told.difference(&named) {
                misfits.push(FactProblem::new(
                    network.field("subnets"),
                    format!("the facts tell of the subnet `{id}`, which is not named here"),
                ));
            }
        }
        if let Some(vpc) = self.vpc.as_ref().filter(|vpc| vpc.id != cluster.network.vpc.as_str()) {
            let message = format!("the VPC is `{}`, and the facts tell of `{}`", cluster.network.vpc, vpc.id);
            misfits.push(FactProblem::new(network.field("vpc"), message));
        }
        misfits
    }

    /// These kinds of them, and no others.
    #[must_use]
    pub fn only(self, kinds: &BTreeSet<FactKind>) -> Self {
        let Self { account, ami, subnets, vpc } = self;
        let kept = |kind| kinds.contains(&kind);
        Self {
            account: account.filter(|_| kept(FactKind::Account)),
            ami: ami.filter(|_| kept(FactKind::Ami)),
            subnets: if kept(FactKind::Subnets) { subnets } else { Vec::new() },
            vpc: vpc.filter(|_| kept(FactKind::Vpc)),
        }
    }

    /// The same facts in their one order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.subnets.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(vpc) = &mut self.vpc {
            vpc.cidrs.sort_unstable();
        }
        self
    }

    /// What is not as AWS would say it: of facts that somebody wrote by hand.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut hold = |holds: bool, field: &str, value: &str, rule: &str| {
            if !holds {
                mistakes.push(format!("`{field}` is {value:?}, and {rule}"));
            }
        };
        let cidr = |text: &str| text.parse::<Cidr>().is_ok_and(|cidr| cidr.to_string() == text);
        if let Some(account) = &self.account {
            hold(is_account(account), "account", account, "an account has 12 digits");
        }
        if let Some(ami) = &self.ami {
            hold(ami.id.parse::<crate::names::AmiId>().is_ok(), "ami.id", &ami.id, "an image id looks like `ami-0abcd1234abcd1234`");
            hold(is_account(&ami.owner), "ami.owner", &ami.owner, "an account has 12 digits");
            hold(is_instant(&ami.created), "ami.created", &ami.created, "a time looks like `2026-08-01T00:00:00.000Z`");
            hold(!ami.architecture.is_empty(), "ami.architecture", &ami.architecture, "an architecture looks like `x86_64`");
            hold(ami.root_device.starts_with('/'), "ami.root-device", &ami.root_device, "a device looks like `/dev/xvda`");
        }
        for subnet in &self.subnets {
            hold(subnet.id.parse::<SubnetId>().is_ok(), "subnets.id", &subnet.id, "a subnet id looks like `subnet-0aaa1111`");
            hold(!subnet.zone.is_empty(), "subnets.zone", &subnet.zone, "a zone looks like `us-east-1a`");
            hold(cidr(&subnet.cidr), "subnets.cidr", &subnet.cidr, "a network looks like `10.0.1.0/24`, its host bits zero");
        }
        if let Some(vpc) = &self.vpc {
            hold(vpc.id.parse::<VpcId>().is_ok(), "vpc.id", &vpc.id, "a VPC id looks like `vpc-0a1b2c3d`");
            for network in &vpc.cidrs {
                hold(cidr(network), "vpc.cidrs", network, "a network looks like `10.0.0.0/16`, its host bits zero");
            }
        }
        let mut seen = BTreeSet::new();
        for subnet in self.subnets.iter().filter(|subnet| !seen.insert(&subnet.id)) {
            mistakes.push(format!("`subnets` tells of `{}` twice", subnet.id));
        }
        mistakes
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 3339 in UTC, with the `T` and `Z` that AWS writes. Whether there is such a day is AWS's business.
fn is_instant(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let Some((whole, fraction)) = text.split_at_checked(FORM.len()) else { return false };
    let as_in_form = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let fraction =
        fraction.strip_suffix('Z').map(|fraction| fraction.strip_prefix('.').unwrap_or(if fraction.is_empty() { "0" } else { "" }));
    whole.bytes().zip(FORM).all(as_in_form)
        && fraction.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AmiFacts {
    /// `ami-…`
    pub id: String,
    /// The 12 digits of the owner's account.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// `x86_64`, `arm64`, …
    pub architecture: String,
    /// The name of its root device, `/dev/sda1`.
    pub root_device: String,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SubnetFacts {
    /// `subnet-…`
    pub id: String,
    /// `us-east-1a`
    pub zone: String,
    /// Its IPv4 network.
    pub cidr: String,
    /// Whether instances in it get a public address unless told otherwise.
    pub auto_public_ip: bool,
}

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VpcFacts {
    /// `vpc-…`
    pub id: String,
    /// Its IPv4 networks.
    pub cidrs: Vec<String>,
    /// Whether it is the account's default VPC.
    pub is_default: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigSource, NoLookup, parse};

    fn cluster(ami: &str) -> Cluster {
        let text = format!(
            "cluster \"kapacitor-stage\" region=\"us-east-1\" {{
                ami {ami}
                instance-type \"t3.small\"
                network vpc=\"vpc-0a1b\" {{ subnets \"subnet-0bbb\" \"subnet-0aaa\"\n }}
            }}"
        );
        std::sync::Arc::unwrap_or_clone(parse(ConfigSource::new("cluster.kdl", text), &NoLookup).unwrap().specs.remove(0).cluster)
    }

    fn facts() -> Facts {
        let subnet = |id: &str| SubnetFacts { id: id.into(), zone: "us-east-1a".into(), cidr: "10.0.1.0/24".into(), auto_public_ip: false };
        Facts {
            account: Some("123456789012".into()),
            ami: Some(AmiFacts {
                id: "ami-0abc".into(),
                owner: "123456789012".into(),
                name: "kapacitor".into(),
                created: "2026-08-01T00:00:00.000Z".into(),
                architecture: "x86_64".into(),
                root_device: "/dev/xvda".into(),
            }),
            subnets: vec![subnet("subnet-0aaa"), subnet("subnet-0bbb")],
            vpc: Some(VpcFacts { id: "vpc-0a1b".into(), cidrs: vec!["10.0.0.0/16".into()], is_default: true }),
        }
    }

    fn shown(problems: &[FactProblem]) -> Vec<String> {
        problems.iter().map(|problem| format!("{}: {problem}", problem.path)).collect()
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        let cluster = cluster("\"ami-0abc\"");
        assert!(FactsQuery::of(&cluster, &BTreeSet::new()).is_empty());
        let query = FactsQuery::of(&cluster, &BTreeSet::from([FactKind::Vpc]));
        assert_eq!(query, FactsQuery { vpc: Some(cluster.network.vpc.clone()), ..FactsQuery::default() });
        let all = FactsQuery::of(&cluster, &BTreeSet::from([FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc]));
        assert!(all.account && all.subnets.len() == 2 && all.ami == Some(cluster.ami.clone()));
    }

    #[test]
    fn only_some_kinds() {
        assert_eq!(facts().only(&BTreeSet::new()), Facts::default());
        let kinds = [FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc];
        assert_eq!(facts().only(&kinds.into_iter().collect()), facts());
        for kind in kinds {
            let one = facts().only(&BTreeSet::from([kind]));
            assert!(kinds.into_iter().all(|other| one.has(other) == (other == kind)), "{one:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let all = BTreeSet::from([FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc]);
        let query = FactsQuery::of(&cluster("\"ami-0abc\""), &all);
        assert_eq!(query.missing(&facts()), []);
        let half = Facts { ami: None, vpc: None, subnets: facts().subnets.split_off(1), ..facts() };
        assert_eq!(
            shown(&query.missing(&half)),
            [
                "ami: there is no image `ami-0abc`",
                "network.subnets[\"subnet-0aaa\"]: there is no subnet `subnet-0aaa`",
                "network.vpc: there is no VPC `vpc-0a1b`"
            ]
        );
        let lookup = FactsQuery::of(&cluster("owner=\"self\" name=\"kapacitor-*\""), &all);
        assert_eq!(shown(&lookup.missing(&half)).first().unwrap(), "ami: there is no image of `self` whose name is like `kapacitor-*`");
    }

    #[test]
    fn facts_of_something_else_do_not_fit() {
        assert_eq!(facts().misfits(&cluster("\"ami-0abc\"")), []);
        assert_eq!(Facts::default().misfits(&cluster("\"ami-0abc\"")), []);
        let mut other = facts();
        other.subnets[1].id = "subnet-0ccc".into();
        other.vpc.as_mut().unwrap().id = "vpc-0".into();
        assert_eq!(
            shown(&other.misfits(&cluster("\"ami-0abd\""))),
            [
                "ami: the image is `ami-0abd`, and the facts tell of `ami-0abc`",
                "network.subnets[\"subnet-0bbb\"]: the facts tell of subnets, and of `subnet-0bbb` they do not",
                "network.subnets: the facts tell of the subnet `subnet-0ccc`, which is not named here",
                "network.vpc: the VPC is `vpc-0a1b`, and the facts tell of `vpc-0`"
            ]
        );
    }

    #[test]
    fn mistakes_of_hand_written_facts() {
        assert_eq!(facts().mistakes(), Vec::<String>::new());
        let mut wrong = facts();
        wrong.account = Some("12345678901".into());
        wrong.ami.as_mut().unwrap().created = "yesterday".into();
        wrong.subnets[0].cidr = "10.0.1.1/24".into();
        wrong.subnets[1].id = "subnet-0aaa".into();
        let mistakes = wrong.mistakes();
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert_eq!(mistakes[0], "`account` is \"12345678901\", and an account has 12 digits");
        assert_eq!(mistakes[3], "`subnets` tells of `subnet-0aaa` twice");
    }

    #[test]
    fn instants() {
        for good in ["2026-08-01T00:00:00.000Z", "2026-08-01T00:00:00Z", "2026-08-01T00:00:00.1Z"] {
            assert!(is_instant(good), "{good}");
        }
        for bad in [
            "",
            "2026-08-01",
            "2026-08-01T00:00:00",
            "2026-08-01T00:00:00+02:00",
            "2026-08-01T00:00:00.Z",
            "2026-08-01 00:00:00Z",
            "2026-08-01T00:00:00.1é",
        ] {
            assert!(!is_instant(bad), "{bad}");
        }
    }
}
