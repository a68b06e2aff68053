//! What policies ask to know of the world around a cluster.
//!
//! An account's file may say it of images, subnets and VPCs; of what it does not name, any well-formed id exists, with facts that follow from the
//! id: the same in every run.

use std::collections::BTreeMap;

use kaphost_apply::ErrorKind;
use kaphost_spec::Ami;
use kaphost_spec::facts::{AmiFacts, Facts, FactsQuery, SubnetFacts, VpcFacts};

use crate::refuse::{Answer, refuse, well_formed};
use crate::state::{ImageState, SubnetState, VpcState, World};

impl World<'_> {
    pub(crate) fn facts(&self, query: &FactsQuery) -> Answer<Facts> {
        let subnets = query.subnets.iter().filter_map(|id| self.subnet(id.as_str()));
        Ok(Facts {
            account: query.account.then(|| self.account.to_owned()),
            ami: query.ami.as_ref().map(|ami| self.image_facts(ami)).transpose()?.flatten(),
            subnets: subnets.collect(),
            vpc: query.vpc.as_ref().and_then(|id| self.vpc(id.as_str())),
        }
        .sorted())
    }

    fn image_facts(&self, ami: &Ami) -> Answer<Option<AmiFacts>> {
        let told = |id: &str, image: ImageState| AmiFacts {
            id: id.to_owned(),
            owner: image.owner.unwrap_or_else(|| self.account.to_owned()),
            name: image.name.unwrap_or_else(|| id.to_owned()),
            created: image.created,
            architecture: image.architecture,
            root_device: image.root_device,
        };
        match ami {
            Ami::Id(id) => Ok(known(&self.region.images, id.as_str(), "ami-").map(|image| told(id.as_str(), image))),
            Ami::Lookup { owner, name } => {
                let mine = |found: &AmiFacts| found.owner == *owner || (owner == "self" && found.owner == self.account);
                let there = self.region.images.iter().filter_map(|(id, image)| image.clone().map(|image| told(id, image)));
                let fitting = there.filter(|found| mine(found) && matches(name, &found.name));
                Ok(fitting.max_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id))))
            }
            Ami::Ssm(parameter) => {
                refuse(ErrorKind::Invalid, "NotInTheLab", format!("the lab holds no SSM parameters, and none named {parameter}"))
            }
        }
    }

    fn subnet(&self, id: &str) -> Option<SubnetFacts> {
        let SubnetState { zone, cidr, auto_public_ip } = known(&self.region.subnets, id, "subnet-")?;
        let number = number(id);
        Some(SubnetFacts {
            id: id.to_owned(),
            zone: zone.unwrap_or_else(|| format!("{}{}", self.region_name, ["a", "b", "c"][number % 3])),
            cidr: cidr.unwrap_or_else(|| format!("10.0.{}.0/24", number % 256)),
            auto_public_ip,
        })
    }

    fn vpc(&self, id: &str) -> Option<VpcFacts> {
        let VpcState { cidrs, is_default } = known(&self.region.vpcs, id, "vpc-")?;
        Some(VpcFacts { id: id.to_owned(), cidrs, is_default })
    }
}

/// What the account says of an id; of an id that it does not name, what is said of any.
pub(crate) fn known<T: Clone + Default>(said: &BTreeMap<String, Option<T>>, id: &str, prefix: &str) -> Option<T> {
    match said.get(id) {
        Some(known) => known.clone(),
        None => well_formed(id, prefix).then(T::default),
    }
}

/// The number that the last digits of an id make.
fn number(id: &str) -> usize {
    let digits = id.rsplit('-').next().unwrap_or_default();
    digits.get(digits.len().saturating_sub(6)..).and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

/// As EC2's filters match: `*` is any text, `?` any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Which beginnings of the text the pattern so far can stand for.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match wanted {
                '*' => ends[at] || (at > 0 && next[at - 1]),
                _ => at > 0 && ends[at - 1] && (wanted == '?' || text.get(at - 1) == Some(&wanted)),
            };
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a?c", "ac", false),
            ("a?c", "abc", true),
            ("*", "", true),
            ("", "a", false),
            ("kapacitor-*-2026-*", "kapacitor-ubuntu-2026-10-01", true),
            ("kapacitor-*-2026", "kapacitor-ubuntu-2026-10-01", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
