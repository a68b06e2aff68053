//! Who is let in: networks and security groups, as both modules take them.

use kaphost_spec::Cidr;

use crate::finding::Code;
use crate::kdl::{Fragment, Line, Writer, quoted};
use crate::module::{Arguments, Given, Taken};
use crate::value::{Item, Value};

/// One source that is let in.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// `cidr` or `security-group`.
    property: &'static str,
    value: Fragment,
    /// What two spellings of the same source have in common.
    same: String,
    remark: Option<String>,
}

/// Reads both lists. The third name is that of the number of groups: the modules make a rule for as many groups as it says, and for none when
/// it is not given.
pub(crate) fn networks_and_groups(arguments: &mut Arguments<'_, '_>, names: [&'static str; 3], out: &mut Writer) -> Vec<Allowed> {
    let [networks, groups, number] = names;
    let mut sources = Vec::new();
    match arguments.list(networks) {
        Taken::No => {}
        Taken::Open(comment) => out.note(comment),
        Taken::Is(given) => {
            for item in &given.value {
                match item.value.text() {
                    Some(text) => {
                        let canonical = text.parse::<Cidr>().map_or_else(|_| text.clone(), |cidr| cidr.to_string());
                        add(&mut sources, "cidr", (networks, &text, item), canonical, given.origin());
                    }
                    None => out.note(arguments.wrong(networks, &item.place, "text", &item.value)),
                }
            }
        }
    }
    let number_taken = arguments.whole(number);
    match arguments.list(groups) {
        Taken::No => {}
        Taken::Open(comment) => out.note(comment),
        Taken::Is(given) => {
            let count = counted(arguments, &given, [groups, number], &number_taken, out);
            for item in given.value.iter().take(count) {
                match item.value.text() {
                    Some(text) => add(&mut sources, "security-group", (groups, &text, item), text.clone(), given.origin()),
                    None => out.note(arguments.wrong(groups, &item.place, "text", &item.value)),
                }
            }
        }
    }
    if let Taken::Open(comment) = number_taken {
        out.note(comment);
    }
    sources
}

/// For how many of the groups the module makes a rule. Names those for which it makes none.
fn counted(
    arguments: &mut Arguments<'_, '_>,
    given: &Given<Vec<Item>>,
    [groups, number]: [&str; 2],
    taken: &Taken<u64>,
    out: &mut Writer,
) -> usize {
    let all = given.value.len();
    let (count, why) = match taken {
        Taken::Is(count) => (usize::try_from(count.value).unwrap_or(all).min(all), format!("`{number}` is {}", count.value)),
        Taken::No => (0, format!("`{number}` is not given")),
        Taken::Open(_) => (0, format!("`{number}` is not known")),
    };
    if count < all {
        let left_out: Vec<String> =
            given.value.iter().skip(count).map(|item| item.value.text().unwrap_or_else(|| "one".to_owned())).collect();
        let message = match taken {
            Taken::Open(_) => format!("for how many of `{groups}` the module makes a rule cannot be told: {why}"),
            _ => format!("the module makes no rule for {}: {why}", left_out.join(", ")),
        };
        let place = given.value.get(count).map_or_else(|| given.place.clone(), |item| item.place.clone());
        let help = "the config lets none of them in; where that is wrong, write `allow security-group=\"sg-…\"`";
        out.note(arguments.name(Code::WithoutEffect, groups, place, message, help));
    }
    count
}

fn add(
    sources: &mut Vec<Allowed>,
    property: &'static str,
    (argument, text, item): (&str, &str, &Item),
    same: String,
    origin: Option<String>,
) {
    // AWS takes a source once, and so does kaphost.
    if sources.iter().all(|source| source.property != property || source.same != same) {
        let value = Fragment::said(quoted(text), argument, &item.place);
        sources.push(Allowed { property, value, same, remark: origin });
    }
}

/// Adds sources of another module to these.
pub(crate) fn merge(sources: &mut Vec<Allowed>, more: Vec<Allowed>) {
    for source in more {
        if sources.iter().all(|known| known.property != source.property || known.same != source.same) {
            sources.push(source);
        }
    }
}

/// Writes one `allow` for each.
pub(crate) fn allow(sources: &[Allowed], out: &mut Writer) {
    for source in sources {
        let open_to_all = matches!(source.same.as_str(), "0.0.0.0/0" | "::/0").then(|| "open to the whole world".to_owned());
        let remark = crate::server::joined([source.remark.clone(), open_to_all]);
        out.node(Line::new("allow").property(source.property, source.value.clone()).maybe_remark(remark));
    }
}

/// Whether a value is a literal id of a group, and not one that another module makes.
pub(crate) fn is_group_id(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.starts_with("sg-"))
}
