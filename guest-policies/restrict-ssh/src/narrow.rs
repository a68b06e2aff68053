//! Cutting rules down to the allowed networks.

use kaphost_guest::breadth::Limits;
use kaphost_guest::net::Network;
use kaphost_guest::{Amendment, IngressRule, Source, path, sorted_by_key};

/// Puts in place of each offending rule what the allowed networks leave of it, with its description. What several rules are
/// cut down to is there once. What is still too wide afterwards, because an allowed network is, stays for validation to refuse.
pub(crate) fn narrow(amendment: &mut Amendment, limits: &Limits) {
    if limits.allowed().is_empty() {
        return;
    }
    let (mut kept, offending): (Vec<IngressRule>, Vec<IngressRule>) =
        std::mem::take(&mut amendment.cluster.ssh.allow).into_iter().partition(|rule| replacement(rule, limits).is_none());
    if offending.is_empty() {
        amendment.cluster.ssh.allow = kept;
        return;
    }

    for rule in offending {
        let Some((cause, parts)) = replacement(&rule, limits) else { continue };
        let was = rule.source.key();
        let reason = if parts.is_empty() {
            format!("{was} lies outside of the networks that SSH may come from")
        } else {
            format!("{was} is cut down to {}, which SSH may come from", path::list(parts.iter().map(ToString::to_string)))
        };
        amendment.because(cause, path::ssh_allow(&rule.source), reason);
        for part in parts {
            let source = Source::Cidr(part.to_string());
            if kept.iter().all(|other| other.source != source) {
                amendment.because(cause, path::ssh_allow(&source), format!("this is what the allowed networks leave of {was}"));
                kept.push(IngressRule { source, description: rule.description.clone() });
            }
        }
    }
    amendment.cluster.ssh.allow = sorted_by_key(kept, |rule| order(&rule.source));
}

/// Why a rule has to change and into what; `None` when it stays. IPv6 that stands for IPv4 stays, for validation to refuse: what the allowed networks
/// leave of it would be IPv4, which the rule does not let in.
fn replacement(rule: &IngressRule, limits: &Limits) -> Option<(&'static str, Vec<Network>)> {
    let Source::Cidr(cidr) = &rule.source else { return None };
    let network: Network = cidr.parse().ok()?;
    if network.embedded_ipv4().is_some() {
        return None;
    }
    let breach = limits.check(cidr)?;
    let parts = limits.within_allowed(network);
    if parts == [network] { None } else { Some((crate::rule(&breach), parts)) }
}

/// The contract's order: networks first, IPv4 before IPv6, then groups.
fn order(source: &Source) -> (bool, Option<Network>, String) {
    match source {
        Source::Cidr(cidr) => (false, cidr.parse().ok(), cidr.clone()),
        Source::SecurityGroup(id) => (true, None, id.clone()),
    }
}
