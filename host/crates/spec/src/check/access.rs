//! Who may reach the server, and what it may reach.

use std::collections::BTreeMap;

use super::{Parts, Problems};
use crate::model::{IngressRule, Source};
use crate::names::Invalid;
use crate::{Code, Path};

/// Characters of a rule's description, EC2's limit.
const MAX_DESCRIPTION: usize = 255;

pub(super) fn check(parts: &Parts<'_>, problems: &mut Problems) {
    let root = Path::root();
    let ssh = root.field("ssh");
    let http = root.field("http");
    for (at, port) in [(&ssh, parts.ssh.port), (&http, parts.http.port)] {
        if port == 0 {
            problems.add(Code::InvalidPorts, &at.field("port"), "is 0", "use 1 to 65535");
        }
    }
    if parts.ssh.port == parts.http.port {
        problems.clash(
            Code::PortClash,
            &http.field("port"),
            &ssh.field("port"),
            "is the port of SSH too",
            "give Kapacitor another port, such as 9092",
        );
    }
    descriptions(&ssh, &parts.ssh.allow, problems);
    descriptions(&http, &parts.http.allow, problems);
    for (cidr, rule) in parts.egress {
        let at = root.field("egress").key(cidr);
        problems.invalid(Code::InvalidDescription, &at.field("description"), description(&rule.description));
        if let Some((from, to)) = rule.ports
            && (from == 0 || from > to)
        {
            problems.add(Code::InvalidPorts, &at.field("ports"), "is no range of ports", "go from low to high, within 1 to 65535");
        }
    }
    if !(1..=64).contains(&parts.metadata.hop_limit) {
        problems.add(Code::OutOfRange, &root.field("metadata").field("hop-limit"), "is not within 1 to 64", "use 1 to 64");
    }
    if parts.network.is_some_and(|network| network.subnets.is_empty()) {
        let help = "name at least one subnet: `subnets \"subnet-…\"`";
        problems.add(Code::MissingValue, &root.field("network").field("subnets"), "is empty", help);
    }
}

fn descriptions(at: &Path, allow: &BTreeMap<Source, IngressRule>, problems: &mut Problems) {
    for (source, rule) in allow {
        let path = at.field("allow").key(source).field("description");
        problems.invalid(Code::InvalidDescription, &path, description(&rule.description));
    }
}

/// EC2's rule for the description of a security group's rule.
fn description(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "EC2 takes 1 to 255 of a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$*";
    let count = text.chars().count();
    if count == 0 || count > MAX_DESCRIPTION {
        return Err(Invalid::new(format!("is {count} characters long"), HELP));
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !" ._-:/()#,@[]+=&;{}!$*".contains(*c)) {
        Some(c) => Err(Invalid::new(format!("holds the character {c:?}"), HELP)),
        None => Ok(()),
    }
}
