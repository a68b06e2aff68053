//! The module `kapacitor-security-group-rules`: who may call Kapacitor. It puts rules onto a group, most often the server's own.

use crate::finding::{Code, Place};
use crate::kdl::{Fragment, Line, Writer, quoted};
use crate::module::{Arguments, Taken};
use crate::sources::{Allowed, allow, is_group_id, merge, networks_and_groups};
use crate::value::Item;

const GROUP: &str = "security_group_id";
const PORT: &str = "http_port";

/// The `http` node of a cluster, from one module or several.
#[derive(Debug)]
pub(crate) struct Http {
    /// Of the first module.
    port: Option<u64>,
    port_value: Fragment,
    remark: Option<String>,
    sources: Vec<Allowed>,
    /// A group that exists; none is the server's own.
    group: Option<Fragment>,
    from: String,
    /// What could not be converted, for comments.
    notes: Writer,
}

/// Which group the rules go onto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The own group of the server with this module label.
    Own(String),
    /// A group that is there already.
    Group(String, Place),
    /// Another, which has been named.
    Elsewhere,
}

/// The group that a module's rules go onto. `servers` are the labels of all server modules.
pub(crate) fn target(arguments: &mut Arguments<'_, '_>, servers: &[&str]) -> Target {
    if let Some((module, "security_group_id")) = arguments.module.output(GROUP)
        && servers.contains(&module)
    {
        return Target::Own(module.to_owned());
    }
    match arguments.peek(GROUP) {
        Some(Item { value, place }) if is_group_id(&value) => Target::Group(value.text().unwrap_or_default(), place),
        _ => Target::Elsewhere,
    }
}

/// Reads one module's rules. `group` is the group that is there already, where they go onto one.
pub(crate) fn read(arguments: &mut Arguments<'_, '_>, group: Option<(String, Place)>) -> Http {
    let mut notes = Writer::default();
    arguments.begin().into_iter().for_each(|comment| notes.note(comment));
    arguments.carried(GROUP);
    let (port, port_value, remark) = match arguments.whole(PORT) {
        Taken::Is(given) => (Some(given.value), Fragment::said(given.value.to_string(), PORT, &given.place), given.origin()),
        other => {
            let comment = match other {
                Taken::Open(comment) => comment,
                _ => arguments.missing(PORT),
            };
            notes.note(comment);
            (None, Fragment::placeholder(PORT), None)
        }
    };
    let names = ["http_port_cidr_blocks", "http_port_security_groups", "http_port_security_groups_num"];
    let sources = networks_and_groups(arguments, names, &mut notes);
    let from = format!("From the module `{}` ({}).", arguments.module.label, arguments.module.place);
    let group = group.map(|(id, place)| Fragment::said(quoted(&id), GROUP, &place));
    Http { port, port_value, remark, sources, group, from, notes }
}

impl Http {
    /// Adds the rules of a second module. Kapacitor listens on one port: rules for another are named.
    pub(crate) fn and(&mut self, arguments: &mut Arguments<'_, '_>, mut other: Self) {
        let one_port = other.port == self.port;
        if one_port && other.group.is_none() == self.group.is_none() {
            merge(&mut self.sources, other.sources);
            for note in other.notes.take_notes() {
                self.notes.note(note);
            }
            return;
        }
        let (argument, what) = if one_port { (GROUP, "group") } else { (PORT, "port") };
        let message =
            format!("the rules of `{}` are for another {what} than those before them, and a cluster has one", arguments.module.label);
        let help = "add them to the group yourself: kaphost leaves rules that it did not make as they are";
        let place = arguments.place_of(argument);
        for name in [GROUP, PORT, "http_port_cidr_blocks", "http_port_security_groups", "http_port_security_groups_num"] {
            arguments.named(name);
        }
        self.notes.note(arguments.warn(Code::RulesElsewhere, argument, place, message, help));
    }

    /// Writes the node.
    pub(crate) fn write(mut self, out: &mut Writer) {
        out.note(self.from);
        for note in self.notes.take_notes() {
            out.note(note);
        }
        let line = Line::new("http").property("port", self.port_value).maybe("security-group", self.group).maybe_remark(self.remark);
        if self.sources.is_empty() {
            return out.node(line);
        }
        out.open(line);
        allow(&self.sources, out);
        out.close();
    }
}

/// Names rules that belong to no cluster that is converted. Gives the comment for the config.
pub(crate) fn elsewhere(arguments: &mut Arguments<'_, '_>, several: bool) -> String {
    let place = arguments.place_of(GROUP);
    let message = format!("the rules of `{}` are on a group of no cluster that is converted", arguments.module.label);
    let help = if several {
        "write them into the `http` node of the cluster that they are for, with `security-group=\"sg-…\"` for a group of its own"
    } else {
        "write them into an `http` node, with `security-group=\"sg-…\"` where they go onto a group that exists"
    };
    for name in [GROUP, PORT, "http_port_cidr_blocks", "http_port_security_groups", "http_port_security_groups_num"] {
        arguments.named(name);
    }
    arguments.warn(Code::RulesElsewhere, GROUP, place, message, help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn ids_of_groups_are_told_from_other_text() {
        assert!(is_group_id(&Value::Text("sg-0123456789abcdef0".to_owned())));
        assert!(!is_group_id(&Value::Text("bastion".to_owned())));
        assert!(!is_group_id(&Value::Bool(true)));
    }
}
