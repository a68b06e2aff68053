//! `network`, `ssh`, `http`, `egress`, `metadata`.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::section::Section;
use super::value::{Value, Wrong};
use crate::model::{EgressRule, Http, IngressRule, InstanceMetadata, Network, Source, Ssh, Tokens};
use crate::names::{KeyName, SecurityGroupId};
use crate::{Cidr, Code};

/// Kapacitor's own port.
const HTTP_PORT: u16 = 9092;
const SSH_PORT: u16 = 22;

pub(super) fn network(top: &Section<'_>) -> Option<Network> {
    const HELP: &str = "add `network vpc=\"vpc-…\" { subnets \"subnet-…\"; }`";
    let section = top.section("network");
    if !section.is_said() {
        top.missing(Code::MissingNode, "network", HELP);
        return None;
    }
    let vpc = section.need("vpc", "name the VPC: `vpc=\"vpc-…\"`", |value| value.parse(Code::InvalidId));
    let subnets = section.list("subnets", |value| value.parse(Code::InvalidId));
    if subnets.is_none() {
        section.missing(Code::MissingValue, "subnets", "name at least one: `subnets \"subnet-…\"`");
    }
    let public_ip = section.or("public-ip", false, Value::flag);
    let at = section.at.field("subnets");
    for (subnet, origin) in subnets.iter().flatten() {
        section.cx.said(&at.key(subnet), origin.clone());
    }
    let vpc = section.stand_in(vpc, "vpc-00000000");
    let subnets = if section.cx.is_partial() { Some(subnets.unwrap_or_default()) } else { subnets };
    section.finish();
    Some(Network { vpc: vpc?, subnets: subnets?.into_iter().map(|(subnet, _)| subnet).collect(), public_ip })
}

pub(super) fn ssh(top: &Section<'_>) -> Ssh {
    let section = top.section("ssh");
    let ssh =
        Ssh { port: section.or("port", SSH_PORT, Value::port), key: section.maybe("key", key).flatten(), allow: ingress(&section, "SSH") };
    section.finish();
    ssh
}

/// Empty is no key, as in the Terraform module.
fn key(value: &Value<'_>) -> Result<Option<KeyName>, Wrong> {
    if value.text()?.is_empty() { Ok(None) } else { value.parse(Code::InvalidValue).map(Some) }
}

pub(super) fn http(top: &Section<'_>) -> Http {
    let section = top.section("http");
    let http = Http {
        port: section.or("port", HTTP_PORT, Value::port),
        security_group: section.maybe("security-group", |value| value.parse(Code::InvalidId)),
        allow: ingress(&section, "Kapacitor"),
    };
    section.finish();
    http
}

fn ingress(section: &Section<'_>, what: &str) -> BTreeMap<Source, IngressRule> {
    const HELP: &str = "say who: `allow cidr=\"10.0.0.0/8\"` or `allow security-group=\"sg-…\"`";
    let mut allow = BTreeMap::new();
    let mut first_given = BTreeMap::new();
    for mut rule in section.each("allow") {
        let cx = rule.cx;
        let cidr = rule.maybe("cidr", network_cidr).map(Source::Cidr);
        let group = rule.maybe::<SecurityGroupId>("security-group", |value| value.parse(Code::InvalidId)).map(Source::SecurityGroup);
        let source = match (rule.has("cidr"), rule.has("security-group")) {
            (true, true) => {
                let (cidr, group) = (rule.span_of("cidr"), rule.span_of("security-group"));
                let diagnostic = cx.diagnostic(Code::Conflict, group, "a rule has one source, and this one has two").with_label("a group");
                cx.report(diagnostic.with_related(cidr, "and a network").with_help("write two `allow` nodes"));
                None
            }
            (false, false) => {
                rule.missing(Code::MissingValue, "cidr", HELP);
                None
            }
            (is_cidr, _) => {
                let span = rule.span_of(if is_cidr { "cidr" } else { "security-group" });
                cidr.or(group).map(|source| (source, span))
            }
        };
        let key = source.as_ref().map(|(source, _)| source);
        rule.rekey(&section.at.field("allow"), &["cidr", "security-group"], key);
        let description = rule.maybe("description", Value::text);
        if let Some((source, _)) = &source {
            rule.default("description", described(what, source));
        }
        rule.finish();
        let Some((source, span)) = source else { continue };
        let description = description.unwrap_or_else(|| described(what, &source));
        match first_given.get(&source) {
            Some(first) => section.duplicate_key(span, Clone::clone(first), &source),
            None => {
                first_given.insert(source.clone(), span);
                allow.insert(source, IngressRule { description });
            }
        }
    }
    allow
}

fn described(what: &str, source: &impl Display) -> String {
    format!("{what} from {source}")
}

/// A network. Host bits are set to zero, as AWS does, and a warning says so.
fn network_cidr(value: &Value<'_>) -> Result<Cidr, Wrong> {
    let text = value.text()?;
    let cidr: Cidr = value.parse(Code::InvalidCidr)?;
    if crate::cidr::written(&text).is_some_and(|net| net.addr() != cidr.net().addr()) {
        let message = format!("`{}` has host bits, which AWS sets to zero", value.name);
        let warning = value.cx.diagnostic(Code::HostBits, value.span(), message).with_label(format!("stands for {cidr}"));
        value.cx.report(warning.with_help(format!("write `{cidr}`")).as_warning());
    }
    Ok(cidr)
}

/// Everything over IPv4 when the node is not there, as in the Terraform module. An empty node is nothing.
pub(super) fn egress(top: &Section<'_>) -> BTreeMap<Cidr, EgressRule> {
    let section = top.replaced_section("egress");
    let mut rules = BTreeMap::new();
    if !section.is_said() {
        if let Ok(everywhere) = "0.0.0.0/0".parse() {
            rules.insert(everywhere, EgressRule { ports: None, description: "everything over IPv4".to_owned() });
        }
        return rules;
    }
    let mut first_given = BTreeMap::new();
    for mut rule in section.each("allow") {
        let cidr = rule.need("cidr", "say where to: `allow cidr=\"0.0.0.0/0\"`", network_cidr);
        let span = rule.span_of("cidr");
        rule.rekey(&section.at, &["cidr"], cidr.as_ref());
        let ports = rule.maybe("ports", Value::ports);
        let description = rule.maybe("description", Value::text);
        let described = cidr.map(|cidr| match ports {
            None => format!("everything to {cidr}"),
            Some((from, to)) if from == to => format!("port {from} to {cidr}"),
            Some((from, to)) => format!("ports {from}-{to} to {cidr}"),
        });
        if let Some(described) = &described {
            rule.default("description", described.clone());
        }
        rule.finish();
        let Some((cidr, described)) = cidr.zip(described) else { continue };
        let description = description.unwrap_or(described);
        match first_given.get(&cidr) {
            Some(first) => section.duplicate_key(span, Clone::clone(first), &cidr),
            None => {
                first_given.insert(cidr, span);
                rules.insert(cidr, EgressRule { ports, description });
            }
        }
    }
    section.finish();
    rules
}

pub(super) fn metadata(top: &Section<'_>) -> InstanceMetadata {
    let section = top.section("metadata");
    let hop_limit = section.or("hop-limit", 1, |value| value.int(1, 64));
    let metadata = InstanceMetadata {
        enabled: section.or("enabled", true, Value::flag),
        tokens: section.or("tokens", Tokens::default(), |value| value.keyword(Tokens::WORDS)),
        hop_limit: u8::try_from(hop_limit).unwrap_or(1),
    };
    section.finish();
    metadata
}
