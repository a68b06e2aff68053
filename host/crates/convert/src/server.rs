//! The module `kapacitor-server` as a `cluster` node. What the module does by default and kaphost does not is said outright, so that the
//! config means what the module means.

use crate::duration;
use crate::finding::{Code, Finding, Place, Severity};
use crate::http::Http;
use crate::kdl::{Fragment, Line, PLACEHOLDER, Writer, quoted};
use crate::module::{Arguments, Given, Taken};
use crate::sources::{allow, networks_and_groups};
use crate::value::Value;
use crate::volumes;

/// What is known of a cluster besides the module's own arguments.
pub(crate) struct Around<'a> {
    /// The region; without one a placeholder stands for it.
    pub(crate) region: Option<Fragment>,
    /// The way from the config's folder to the Terraform files'.
    pub(crate) folder: &'a str,
    /// What the modules for the rules of this server's group say.
    pub(crate) http: Option<Http>,
}

/// Writes the node.
pub(crate) fn write(arguments: &mut Arguments<'_, '_>, around: Around<'_>, out: &mut Writer) {
    let comments = arguments.begin();
    out.comment(&format!("From the module `{}` ({}).", arguments.module.label, arguments.module.place));
    comments.into_iter().for_each(|comment| out.note(comment));
    let (name, origin) = needed(arguments, out, "cluster_name");
    let region = around.region.unwrap_or_else(|| Fragment::placeholder("region"));
    out.open(Line::new("cluster").argument(name).property("region", region).maybe_remark(origin));
    for (node, argument) in [("ami", "ami_id"), ("instance-type", "instance_type")] {
        let (value, origin) = needed(arguments, out, argument);
        out.node(Line::new(node).argument(value).maybe_remark(origin));
    }
    compute(arguments, out);
    network(arguments, out);
    ssh(arguments, out);
    if let Some(http) = around.http {
        http.write(out);
    }
    out.node(
        Line::new("metadata")
            .property("tokens", Fragment::own("\"optional\""))
            .remark("the module lets IMDSv1 answer; kaphost's own default is \"required\""),
    );
    volumes::root(arguments, out);
    volumes::further(arguments, out);
    user_data(arguments, around.folder, out);
    scaling(arguments, out);
    iam(arguments, out);
    tags(arguments, out);
    out.close();
}

/// A text that the module needs, or a placeholder for it, and where it comes from.
fn needed(arguments: &mut Arguments<'_, '_>, out: &mut Writer, name: &str) -> (Fragment, Option<String>) {
    let comment = match arguments.text(name) {
        Taken::Is(given) => return (Fragment::said(quoted(&given.value), name, &given.place), given.origin()),
        Taken::No => arguments.missing(name),
        Taken::Open(comment) => comment,
    };
    out.note(comment);
    (Fragment::placeholder(name), None)
}

/// An argument that may be left out. What cannot be converted leaves a comment.
pub(crate) fn maybe<T>(taken: Taken<T>, out: &mut Writer) -> Option<Given<T>> {
    match taken {
        Taken::Is(given) => Some(given),
        Taken::No => None,
        Taken::Open(comment) => {
            out.note(comment);
            None
        }
    }
}

fn flag_fragment(given: &Given<bool>, name: &str) -> Fragment {
    Fragment::said(format!("#{}", given.value), name, &given.place)
}

fn compute(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    let spot = maybe(arguments.text("spot_price"), out).filter(|price| !price.value.is_empty());
    if let Some(tenancy) = maybe(arguments.text("tenancy"), out).filter(|tenancy| !tenancy.value.is_empty()) {
        let value = Fragment::said(quoted(&tenancy.value), "tenancy", &tenancy.place);
        out.node(Line::new("tenancy").argument(value).maybe_remark(tenancy.origin()));
    }
    match maybe(arguments.flag("root_volume_ebs_optimized"), out) {
        Some(given) => {
            out.node(Line::new("ebs-optimized").argument(flag_fragment(&given, "root_volume_ebs_optimized")).maybe_remark(given.origin()))
        }
        None => out.node(
            Line::new("ebs-optimized")
                .argument(Fragment::own("#false"))
                .remark("the module's default; kaphost's own leaves it to AWS, which optimises every current type"),
        ),
    }
    if let Some(price) = spot {
        let value = Fragment::said(quoted(&price.value), "spot_price", &price.place);
        out.node(Line::new("spot").property("max-price", value).maybe_remark(price.origin()));
    }
}

fn network(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    const SUBNETS: &str = "subnet_ids";
    let (vpc, origin) = needed(arguments, out, "vpc_id");
    let public = maybe(arguments.flag("associate_public_ip_address"), out);
    let safer = public.as_ref().filter(|public| public.value).map(|_| "kaphost's own default is no public address".to_owned());
    let public = public.map(|public| flag_fragment(&public, "associate_public_ip_address"));
    out.open(Line::new("network").property("vpc", vpc).maybe("public-ip", public).maybe_remark(joined([origin, safer])));
    let mut line = Line::new("subnets");
    match arguments.list(SUBNETS) {
        Taken::Is(given) if !given.value.is_empty() => {
            let mut seen = Vec::new();
            for item in &given.value {
                let value = match item.value.text() {
                    Some(text) if seen.contains(&text) => continue,
                    Some(text) => {
                        let fragment = Fragment::said(quoted(&text), SUBNETS, &item.place);
                        seen.push(text);
                        fragment
                    }
                    None => {
                        out.note(arguments.wrong(SUBNETS, &item.place, "text", &item.value));
                        Fragment::placeholder(SUBNETS)
                    }
                };
                line = line.argument(value);
            }
            line = line.maybe_remark(given.origin());
        }
        other => {
            let comment = match other {
                Taken::Open(comment) => comment,
                Taken::Is(given) => {
                    let message = "`subnet_ids` is empty, and a server needs a subnet".to_owned();
                    arguments.name(Code::RefusedValue, SUBNETS, given.place, message, "name at least one: `subnets \"subnet-…\"`")
                }
                Taken::No => arguments.missing(SUBNETS),
            };
            out.note(comment);
            line = line.argument(Fragment::placeholder(SUBNETS));
        }
    }
    out.node(line);
    out.close();
}

fn ssh(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    let port = maybe(arguments.whole("ssh_port"), out);
    // Empty is no key, as in the module.
    let key = maybe(arguments.text("ssh_key_name"), out).filter(|key| !key.value.is_empty());
    let remark = joined([port.as_ref().and_then(Given::origin), key.as_ref().and_then(Given::origin)]);
    let port = port.map(|port| Fragment::said(port.value.to_string(), "ssh_port", &port.place));
    let key = key.map(|key| Fragment::said(quoted(&key.value), "ssh_key_name", &key.place));
    let sources = networks_and_groups(
        arguments,
        ["allowed_ssh_cidr_blocks", "allowed_ssh_security_group_ids", "allowed_ssh_security_group_ids_num"],
        out,
    );
    if port.is_none() && key.is_none() && sources.is_empty() {
        return;
    }
    let line = Line::new("ssh").maybe("port", port).maybe("key", key).maybe_remark(remark);
    if sources.is_empty() {
        return out.node(line);
    }
    out.open(line);
    allow(&sources, out);
    out.close();
}

fn user_data(arguments: &mut Arguments<'_, '_>, folder: &str, out: &mut Writer) {
    const NAME: &str = "user_data";
    let comment = match arguments.item(NAME) {
        Taken::No => arguments.missing(NAME),
        Taken::Open(comment) => comment,
        Taken::Is(Given { value: Value::File(path), place, through }) => {
            let given = Given { value: in_folder(folder, &path), place, through };
            let value = Fragment::said(quoted(&given.value), NAME, &given.place).annotated("file");
            return out.node(Line::new("user-data").argument(value).maybe_remark(given.origin()));
        }
        Taken::Is(given) => match given.value.text() {
            // No script at all, as in the module.
            Some(text) if text.is_empty() => return,
            Some(text) => return out.long_text("user-data", &text, NAME, &given.place, given.origin()),
            None => arguments.wrong(NAME, &given.place, "text", &given.value),
        },
    };
    out.note(comment);
    out.node(Line::new("user-data").argument(Fragment::placeholder(NAME).annotated("file")));
}

/// A path as Terraform's root module spells it, from the config's folder on.
fn in_folder(folder: &str, path: &str) -> String {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    if folder.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", folder.trim_end_matches('/')) }
}

fn scaling(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    const POLICIES: &str = "termination_policies";
    const WAIT: &str = "wait_for_capacity_timeout";
    let mut lines = Vec::new();
    // One text in this version of the module, a list in those of its siblings.
    let policies = arguments.typed(POLICIES, "text", |value| match value {
        Value::List(items) => items.iter().map(|item| item.value.text()).collect(),
        value => value.text().map(|text| vec![text]),
    });
    if let Some(given) = maybe(policies, out).filter(|given| !given.value.is_empty()) {
        let words = given.value.iter().map(|word| Fragment::said(quoted(word), POLICIES, &given.place));
        let line = words.fold(Line::new("termination-policies"), Line::argument);
        lines.push(line.maybe_remark(given.origin()));
    }
    if let Some(given) = maybe(arguments.text("health_check_type"), out) {
        let value = Fragment::said(quoted(&given.value.to_ascii_lowercase()), "health_check_type", &given.place);
        lines.push(Line::new("health-check").argument(value).maybe_remark(given.origin()));
    }
    if let Some(given) = maybe(arguments.whole("health_check_grace_period"), out) {
        let value = Fragment::said(given.value.to_string(), "health_check_grace_period", &given.place);
        lines.push(Line::new("health-check-grace-period").argument(value).maybe_remark(given.origin()));
    }
    let wait = arguments.typed(WAIT, "a length of time such as \"10m\"", |value| value.text().as_deref().and_then(duration::kdl));
    if let Some(given) = maybe(wait, out) {
        let value = Fragment::said(given.value.clone(), WAIT, &given.place);
        lines.push(Line::new("wait-for-capacity-timeout").argument(value).maybe_remark(given.origin()));
    }
    if lines.is_empty() {
        return;
    }
    out.open(Line::new("scaling"));
    for line in lines {
        out.node(line);
    }
    out.close();
}

fn iam(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    const NAME: &str = "instance_profile_path";
    if let Some(path) = maybe(arguments.text(NAME), out) {
        let role = (path.value != "/").then(|| "kaphost gives this path to the role too".to_owned());
        let value = Fragment::said(quoted(&path.value), NAME, &path.place);
        out.node(Line::new("iam").property("profile-path", value).maybe_remark(joined([path.origin(), role])));
    }
}

fn tags(arguments: &mut Arguments<'_, '_>, out: &mut Writer) {
    const NAME: &str = "tags";
    let Some(tags) = maybe(arguments.list(NAME), out) else { return };
    for item in &tags.value {
        let Value::Object(fields) = &item.value else {
            out.note(arguments.wrong(NAME, &item.place, "objects with key, value and propagate_at_launch", &item.value));
            continue;
        };
        let field = |name: &str| fields.iter().rev().find(|(field, _)| field == name).map(|(_, item)| item);
        let (Some(key), Some(value), Some(propagate)) = (field("key"), field("value"), field("propagate_at_launch")) else {
            let message = "a tag needs `key`, `value` and `propagate_at_launch`".to_owned();
            out.note(arguments.name(Code::WrongType, NAME, item.place.clone(), message, "write it out: `tag \"Team\" \"metrics\"`"));
            continue;
        };
        let (Some(key_text), Some(value_text), Some(propagates)) = (key.value.text(), value.value.text(), propagate.value.flag()) else {
            for (item, good, wanted) in [
                (key, key.value.text().is_some(), "text"),
                (value, value.value.text().is_some(), "text"),
                (propagate, propagate.value.flag().is_some(), "true or false"),
            ] {
                if !good {
                    out.note(arguments.wrong(NAME, &item.place, wanted, &item.value));
                }
            }
            continue;
        };
        for (name, item) in fields.iter().filter(|(name, _)| !["key", "value", "propagate_at_launch"].contains(&name.as_str())) {
            let message = format!("a tag has no `{name}`");
            out.note(arguments.name(Code::UnknownArgument, NAME, item.place.clone(), message, "leave it out"));
        }
        let line = Line::new("tag")
            .argument(Fragment::said(quoted(&key_text), NAME, &key.place))
            .argument(Fragment::said(quoted(&value_text), NAME, &value.place))
            // What is propagated is kaphost's own default.
            .maybe("propagate", (!propagates).then(|| Fragment::said("#false".to_owned(), NAME, &propagate.place)))
            .maybe_remark(tags.origin());
        out.node(line);
    }
}

/// Remarks in one.
pub(crate) fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The finding for a cluster whose region nobody says.
pub(crate) fn no_region(place: Place) -> Finding {
    Finding {
        code: Code::NoRegion,
        severity: Severity::Error,
        message: "no `provider \"aws\"` in these files says the region".to_owned(),
        help: format!("give it with --region, or write it in place of {PLACEHOLDER}region"),
        argument: None,
        place: Some(place),
    }
}
