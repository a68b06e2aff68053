//! Rules of security groups in EC2's three shapes: permissions (read with the group, written by Authorize), rules with ids (read), and requests (Modify).

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule, SecurityGroupRuleRequest, UserIdGroupPair};
use kaphost_plan::{Direction, Peer, Rule, RuleKey, Traffic};

/// EC2's word for every protocol.
const ALL: &str = "-1";
/// EC2's word for "no port", which it leaves out in one shape and spells in the other.
const NO_PORT: i32 = -1;

/// One permission may hold many rules: one for each peer.
pub(super) fn of_permission(direction: Direction, permission: &IpPermission) -> Vec<Rule> {
    let traffic = traffic(permission.ip_protocol(), permission.from_port(), permission.to_port());
    let rule = |peer: Peer, description: Option<&str>| Rule {
        key: RuleKey { direction, traffic: traffic.clone(), peer },
        description: description.unwrap_or_default().to_owned(),
    };
    let v4 = permission.ip_ranges().iter().map(|range| rule(cidr(range.cidr_ip()), range.description()));
    let v6 = permission.ipv6_ranges().iter().map(|range| rule(cidr(range.cidr_ipv6()), range.description()));
    let groups = permission.user_id_group_pairs().iter().map(|pair| {
        // Groups of EC2-Classic had a name only.
        let id = pair.group_id().or_else(|| pair.group_name()).unwrap_or_default();
        rule(Peer::SecurityGroup(id.to_owned()), pair.description())
    });
    let lists = permission
        .prefix_list_ids()
        .iter()
        .map(|list| rule(Peer::Other(list.prefix_list_id().unwrap_or_default().to_owned()), list.description()));
    v4.chain(v6).chain(groups).chain(lists).collect()
}

/// A rule with an id.
pub(super) fn of_rule(read: &SecurityGroupRule) -> Rule {
    let direction = if read.is_egress() == Some(true) { Direction::Egress } else { Direction::Ingress };
    let peer = if let Some(text) = read.cidr_ipv4().or_else(|| read.cidr_ipv6()) {
        cidr(Some(text))
    } else if let Some(id) = read.referenced_group_info().and_then(|group| group.group_id()) {
        Peer::SecurityGroup(id.to_owned())
    } else {
        Peer::Other(read.prefix_list_id().unwrap_or_default().to_owned())
    };
    Rule {
        key: RuleKey { direction, traffic: traffic(read.ip_protocol(), read.from_port(), read.to_port()), peer },
        description: read.description().unwrap_or_default().to_owned(),
    }
}

/// One permission for one rule. An empty description is left out.
pub(super) fn to_permission(rule: &Rule) -> IpPermission {
    let (protocol, from, to) = parts(&rule.key.traffic);
    let description = described(rule);
    let permission = IpPermission::builder().ip_protocol(protocol).set_from_port(from).set_to_port(to);
    match &rule.key.peer {
        Peer::Cidr(net) if net.is_ipv6() => {
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(net.to_string()).set_description(description).build())
        }
        Peer::Cidr(net) => permission.ip_ranges(IpRange::builder().cidr_ip(net.to_string()).set_description(description).build()),
        Peer::SecurityGroup(id) => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).set_description(description).build())
        }
        Peer::Other(id) => permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(id).set_description(description).build()),
    }
    .build()
}

/// What Modify puts in place of a rule. It replaces the whole rule, so an empty description is sent as well: it clears.
pub(super) fn to_request(rule: &Rule) -> SecurityGroupRuleRequest {
    let (protocol, from, to) = parts(&rule.key.traffic);
    let request =
        SecurityGroupRuleRequest::builder().ip_protocol(protocol).set_from_port(from).set_to_port(to).description(&rule.description);
    match &rule.key.peer {
        Peer::Cidr(net) if net.is_ipv6() => request.cidr_ipv6(net.to_string()),
        Peer::Cidr(net) => request.cidr_ipv4(net.to_string()),
        Peer::SecurityGroup(id) => request.referenced_group_id(id),
        Peer::Other(id) => request.prefix_list_id(id),
    }
    .build()
}

fn described(rule: &Rule) -> Option<String> {
    (!rule.description.is_empty()).then(|| rule.description.clone())
}

fn traffic(protocol: Option<&str>, from: Option<i32>, to: Option<i32>) -> Traffic {
    match protocol {
        None | Some(ALL) => Traffic::All,
        Some(protocol) => Traffic::Ports { protocol: protocol.to_owned(), from: from.unwrap_or(NO_PORT), to: to.unwrap_or(NO_PORT) },
    }
}

fn parts(traffic: &Traffic) -> (&str, Option<i32>, Option<i32>) {
    match traffic {
        Traffic::All => (ALL, None, None),
        Traffic::Ports { protocol, from, to } => (protocol, Some(*from), Some(*to)),
    }
}

/// AWS stores networks in canonical form; what is none after all is kept as it is.
fn cidr(text: Option<&str>) -> Peer {
    let text = text.unwrap_or_default();
    text.parse().map_or_else(|_| Peer::Other(text.to_owned()), Peer::Cidr)
}
