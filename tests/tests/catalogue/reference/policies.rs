//! The shipped policies as pages: what each says of itself when it is asked, in the sandbox.

use std::fmt::Write as _;

use serde_json::Value;

use super::cell;

/// The page of one policy, from what `kaphost policy inspect` says of it.
pub(crate) fn page(policy: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&policy["name"]);
    let mut page =
        format!("# `{name}` {}\n\n{}\n\n{}\n", text(&policy["version"]), text(&policy["summary"]), what_it_may(&policy["world"]));
    let needs: Vec<String> = list(&policy["needs"]).iter().map(|fact| format!("`{}`", text(fact))).collect();
    if !needs.is_empty() {
        writeln!(page, "\nIt has to be told facts, and does not run without: {}.", needs.join(", ")).unwrap();
    }
    page.push_str("\n## Rules\n\n| rule | severity | what must hold |\n|---|---|---|\n");
    for rule in list(&policy["rules"]) {
        let id = format!("`{}`", text(&rule["id"]));
        let id = rule["url"].as_str().map_or_else(|| id.clone(), |url| format!("[{id}]({url})"));
        writeln!(page, "| {id} | {} | {} |", text(&rule["severity"]), cell(&text(&rule["summary"]))).unwrap();
    }
    let settings = list(&policy["settings"]);
    if settings.is_empty() {
        page.push_str("\nIt takes no settings.\n");
    } else {
        page.push_str("\n## Settings\n\n| setting | type | default | meaning |\n|---|---|---|---|\n");
    }
    for setting in settings {
        let kind = match (&setting["from"], &setting["to"]) {
            (Value::Null, _) => text(&setting["type"]),
            (from, to) => format!("{} to {}", from, to),
        };
        let default = match &setting["default"] {
            Value::Null => "required".to_owned(),
            Value::Array(texts) if texts.is_empty() => "none".to_owned(),
            Value::String(text) if text.is_empty() => "none".to_owned(),
            Value::Array(texts) => texts.iter().map(|it| format!("`{}`", text(it))).collect::<Vec<_>>().join(" "),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        writeln!(page, "| `{}` | {kind} | {default} | {} |", text(&setting["name"]), cell(&text(&setting["doc"]))).unwrap();
    }
    write!(
        page,
        "\nMore on it, and the controls that its rules answer: [`guest-policies/{name}`](../../../guest-policies/{name}/README.md).\n\nThis page is written from what the module says of \
         itself (`kaphost policy inspect {name}.wasm`); a test holds it to it.\n"
    )
    .unwrap();
    page
}

/// The list of all pages.
pub(crate) fn index(policies: &[Value]) -> String {
    let mut page = "# The shipped policies\n\n| policy | what it is for | rules | settings |\n|---|---|---|---|\n".to_owned();
    for policy in policies {
        let name = policy["name"].as_str().unwrap_or_default();
        let (rules, settings) = (list(&policy["rules"]).len(), list(&policy["settings"]).len());
        writeln!(page, "| [`{name}`]({name}.md) | {} | {rules} | {settings} |", cell(policy["summary"].as_str().unwrap_or_default()))
            .unwrap();
    }
    page.push_str("\nWritten from the modules; a test holds it to them. How they are put together and which controls they answer: [`guest-policies`](../../../guest-policies/README.md).\n");
    page
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn what_it_may(world: &Value) -> &'static str {
    match world.as_str() {
        Some("validator") => "A `validator`: it may refuse.",
        Some("mutator") => "A `mutator`: it may rewrite what a set lets it write, or refuse.",
        _ => "A `policy`: it may rewrite what a set lets it write, and refuses what is left.",
    }
}
