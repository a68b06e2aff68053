//! Security groups and their rules, as EC2 keeps them.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_apply::ErrorKind;
use kaphost_plan::{Direction, Output, Peer, Rule, RuleKey, Tags, Traffic};
use kaphost_spec::Cidr;

use crate::refuse::{Answer, check_tags, new_tags, refuse, well_formed};
use crate::state::{RuleState, SecurityGroup, World};

/// EC2's default quota, inbound and outbound counted apart.
const MAX_RULES: usize = 60;

impl World<'_> {
    pub(crate) fn create_security_group(&mut self, name: &str, description: &str, vpc: &str, tags: &Tags) -> Answer<Output> {
        if name.is_empty() || name.len() > 255 || name.starts_with("sg-") {
            return refuse(ErrorKind::Invalid, "InvalidParameterValue", format!("Invalid value '{name}' for groupName"));
        }
        if description.is_empty() || description.len() > 255 {
            return refuse(ErrorKind::Invalid, "InvalidParameterValue", "A security group's description is 1 to 255 characters");
        }
        if !well_formed(vpc, "vpc-") {
            return refuse(ErrorKind::NotFound, "InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist"));
        }
        let tags = new_tags(tags)?;
        if self.region.security_groups.values().any(|group| group.vpc == vpc && group.name.eq_ignore_ascii_case(name)) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return refuse(ErrorKind::AlreadyExists, "InvalidGroup.Duplicate", message);
        }
        // AWS's own, untagged: everything may leave.
        let everywhere = "0.0.0.0/0".parse::<Cidr>().map(Peer::Cidr).unwrap_or_else(|_| Peer::Other("0.0.0.0/0".to_owned()));
        let key = RuleKey { direction: Direction::Egress, traffic: Traffic::All, peer: everywhere };
        let egress = RuleState { rule: Rule { key, description: String::new() }, tags: Tags::new() };
        let rules = BTreeMap::from([(self.new_id("sgr-"), egress)]);
        let id = self.new_id("sg-");
        let unseen = self.behaviour.refusals_new_group;
        let (name, description, vpc) = (name.to_owned(), description.to_owned(), vpc.to_owned());
        self.region.security_groups.insert(id.clone(), SecurityGroup { name, vpc, description, tags, rules, draining: 0, unseen });
        Ok(Output::SecurityGroup(id))
    }

    /// A group that is there and seen. A new one is not found by its first callers, when the account is set to behave so.
    fn security_group(&mut self, id: &str) -> Answer<&mut SecurityGroup> {
        let message = format!("The security group '{id}' does not exist");
        match self.region.security_groups.get_mut(id) {
            Some(group) if group.unseen == 0 => Ok(group),
            Some(group) => {
                group.unseen -= 1;
                refuse(ErrorKind::NotFound, "InvalidGroup.NotFound", message)
            }
            None => refuse(ErrorKind::NotFound, "InvalidGroup.NotFound", message),
        }
    }

    pub(crate) fn authorize(&mut self, id: &str, direction: Direction, rules: &[Rule], tags: &Tags) -> Answer<Output> {
        let group = self.security_group(id)?;
        if rules.is_empty() {
            return refuse(ErrorKind::Invalid, "MissingParameter", "The request must contain the parameter ipPermissions");
        }
        let mut keys: BTreeSet<&RuleKey> = group.rules.values().map(|state| &state.rule.key).collect();
        for rule in rules {
            check_rule(rule, direction)?;
            if !keys.insert(&rule.key) {
                let message = format!("the specified rule \"peer: {}, {}\" already exists", rule.key.peer, in_words(&rule.key.traffic));
                return refuse(ErrorKind::AlreadyExists, "InvalidPermission.Duplicate", message);
            }
        }
        if keys.iter().filter(|key| key.direction == direction).count() > MAX_RULES {
            let message = "The maximum number of rules per security group has been reached.";
            return refuse(ErrorKind::Quota, "RulesPerSecurityGroupLimitExceeded", message);
        }
        let tags = new_tags(tags)?;
        for rule in rules {
            let rule_id = self.new_id("sgr-");
            let state = RuleState { rule: rule.clone(), tags: tags.clone() };
            self.security_group(id)?.rules.insert(rule_id, state);
        }
        Ok(Output::Done)
    }

    pub(crate) fn modify_rules(&mut self, id: &str, changes: &BTreeMap<String, Rule>) -> Answer<Output> {
        let group = self.security_group(id)?;
        let mut after: BTreeMap<&String, &RuleKey> = group.rules.iter().map(|(id, state)| (id, &state.rule.key)).collect();
        for (rule_id, rule) in changes {
            let Some(old) = group.rules.get(rule_id) else { return no_such_rule(rule_id) };
            check_rule(rule, old.rule.key.direction)?;
            if !same_kind(&old.rule.key.peer, &rule.key.peer) {
                let message = format!("The source type of the security group rule '{rule_id}' cannot be changed");
                return refuse(ErrorKind::Invalid, "InvalidParameterValue", message);
            }
            after.insert(rule_id, &rule.key);
        }
        if after.values().collect::<BTreeSet<_>>().len() < after.len() {
            return refuse(
                ErrorKind::AlreadyExists,
                "InvalidPermission.Duplicate",
                "the modified rule already exists in the security group",
            );
        }
        for (rule_id, rule) in changes {
            if let Some(state) = group.rules.get_mut(rule_id) {
                state.rule = rule.clone();
            }
        }
        Ok(Output::Done)
    }

    pub(crate) fn revoke(&mut self, id: &str, direction: Direction, ids: &BTreeSet<String>) -> Answer<Output> {
        let group = self.security_group(id)?;
        if let Some(missing) = ids.iter().find(|id| group.rules.get(*id).is_none_or(|state| state.rule.key.direction != direction)) {
            return no_such_rule(missing);
        }
        group.rules.retain(|id, _| !ids.contains(id));
        Ok(Output::Done)
    }

    /// The adapter for AWS finds the rule by what it says; where it is gone already, there is nothing to do.
    pub(crate) fn revoke_default_egress(&mut self, id: &str) -> Answer<Output> {
        self.security_group(id)?.rules.retain(|_, state| !(state.rule.key.is_default_egress() && state.tags.is_empty()));
        Ok(Output::Done)
    }

    pub(crate) fn delete_security_group(&mut self, id: &str) -> Answer<Output> {
        let used = |what: String| refuse(ErrorKind::InUse, "DependencyViolation", format!("resource {id} has a dependent object: {what}"));
        let refers = |group: &SecurityGroup| group.rules.values().any(|state| state.rule.key.peer == Peer::SecurityGroup(id.to_owned()));
        let referrer =
            self.region.security_groups.iter().find(|(other, group)| *other != id && refers(group)).map(|(other, _)| other.clone());
        let mut instances = self.region.auto_scaling_groups.values().flat_map(|group| &group.instances);
        let member = instances.find(|state| state.security_groups.iter().any(|group| group == id)).map(|state| state.instance.id.clone());
        let group = self.security_group(id)?;
        if group.draining > 0 {
            group.draining -= 1;
            return used("a network interface".to_owned());
        }
        if let Some(referrer) = referrer {
            return used(referrer);
        }
        if let Some(member) = member {
            return used(member);
        }
        self.region.security_groups.remove(id);
        Ok(Output::Done)
    }

    /// Tags of groups, rules and templates, by id.
    fn ec2_tags(&mut self, id: &str) -> Answer<&mut Tags> {
        let region = &mut *self.region;
        let found = match id.split_once('-') {
            Some(("sgr", _)) => region.security_groups.values_mut().find_map(|group| group.rules.get_mut(id)).map(|state| &mut state.tags),
            Some(("lt", _)) => region.launch_templates.get_mut(id).map(|template| &mut template.tags),
            _ => region.security_groups.get_mut(id).map(|group| &mut group.tags),
        };
        match found {
            Some(tags) => Ok(tags),
            None => refuse(ErrorKind::NotFound, "InvalidID", format!("The ID '{id}' is not valid")),
        }
    }

    pub(crate) fn tag_ec2(&mut self, ids: &BTreeSet<String>, set: &Tags) -> Answer<Output> {
        for id in ids {
            let there = self.ec2_tags(id)?;
            check_tags(there.keys(), set)?;
        }
        for id in ids {
            self.ec2_tags(id)?.extend(set.clone());
        }
        Ok(Output::Done)
    }

    pub(crate) fn untag_ec2(&mut self, ids: &BTreeSet<String>, keys: &BTreeSet<String>) -> Answer<Output> {
        for id in ids {
            self.ec2_tags(id)?;
        }
        for id in ids {
            self.ec2_tags(id)?.retain(|key, _| !keys.contains(key));
        }
        Ok(Output::Done)
    }
}

fn no_such_rule(id: &str) -> Answer<Output> {
    refuse(ErrorKind::NotFound, "InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{id}' does not exist"))
}

const fn same_kind(a: &Peer, b: &Peer) -> bool {
    match (a, b) {
        (Peer::Cidr(a), Peer::Cidr(b)) => a.is_ipv6() == b.is_ipv6(),
        (Peer::SecurityGroup(_), Peer::SecurityGroup(_)) | (Peer::Other(_), Peer::Other(_)) => true,
        _ => false,
    }
}

fn in_words(traffic: &Traffic) -> String {
    match traffic {
        Traffic::All => "ALL".to_owned(),
        Traffic::Ports { protocol, from, to } => format!("{}, from port: {from}, to port: {to}", protocol.to_uppercase()),
    }
}

fn check_rule(rule: &Rule, direction: Direction) -> Answer<()> {
    let invalid = |message: String| refuse(ErrorKind::Invalid, "InvalidParameterValue", message);
    if rule.key.direction != direction {
        return invalid("a rule of the other direction".to_owned());
    }
    if let Traffic::Ports { protocol, from, to } = &rule.key.traffic
        && (protocol == "tcp" || protocol == "udp")
        && !(0 <= *from && from <= to && *to <= 65535)
    {
        return invalid(format!("Invalid value '{from}-{to}' for portRange"));
    }
    if let Peer::SecurityGroup(id) = &rule.key.peer
        && !well_formed(id, "sg-")
    {
        return refuse(ErrorKind::Invalid, "InvalidGroupId.Malformed", format!("Invalid id: \"{id}\""));
    }
    if rule.description.len() > 255 {
        return invalid("a rule's description is 255 characters at most".to_owned());
    }
    Ok(())
}
