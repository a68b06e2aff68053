//! A policy module, as `kaphost policy inspect` shows it.

use kaphost_policy::{Anatomy, Module, Rule, SettingKind, SettingSchema, SettingValue, Severity, World};
use serde_json::{Value, json};

use super::grouped;
use crate::term::{self, BAD, CHANGED, FAINT, GOOD, POLICY, STRONG, paint};

/// For people.
#[must_use]
pub(crate) fn text(module: &Module, anatomy: &Anatomy) -> String {
    let description = module.description();
    let mut out = format!("{}  {}\n", paint(POLICY, format!("{} {}", description.name, description.version)), description.summary);
    let world = match module.world() {
        World::Validator => "validator: may refuse",
        World::Mutator => "mutator: may rewrite, or refuse",
        World::Policy => "policy: may rewrite, then refuses what is left",
    };
    let needs: Vec<String> = description.needs.iter().map(ToString::to_string).collect();
    let said = anatomy.annotations.iter().map(|(name, text)| (name.as_str(), text.clone()));
    let rows = [
        ("file", format!("{}, {} bytes", module.source(), grouped(anatomy.size as u64))),
        ("digest", format!("sha256:{}", module.digest())),
        ("world", world.to_owned()),
        ("contract", format!("kaphost:policy@{}", anatomy.contract.as_deref().unwrap_or("?"))),
        ("imports", list(&anatomy.imports)),
        ("facts", list(&needs)),
        ("made by", makers(anatomy)),
    ];
    for (name, value) in rows.into_iter().chain(said) {
        fields(&mut out, name, &value);
    }
    section(&mut out, "Rules", description.rules.is_empty());
    for rule in &description.rules {
        out.push_str(&one_rule(rule));
    }
    section(&mut out, "Settings", description.settings.is_empty());
    for setting in &description.settings {
        let kind = format!("{}; {}", setting.kind, default(setting));
        out.push_str(&format!("  {}  {}\n", paint(STRONG, &setting.name), paint(FAINT, kind)));
        wrapped(&mut out, &setting.doc);
    }
    out
}

/// For people who have just built it: what it has become, in few lines.
#[must_use]
pub(crate) fn line(module: &Module, anatomy: &Anatomy) -> String {
    let description = module.description();
    let mut out = format!("{}  {} {}\n", paint(STRONG, module.source()), paint(POLICY, &description.name), description.version);
    fields(&mut out, "size", &format!("{} bytes", grouped(anatomy.size as u64)));
    fields(&mut out, "digest", &format!("sha256:{}", module.digest()));
    fields(&mut out, "world", &module.world().to_string());
    fields(&mut out, "imports", &list(&anatomy.imports));
    out
}

/// The makers' own words, the compiler first.
fn makers(anatomy: &Anatomy) -> String {
    let fields = ["language", "sdk", "processed-by"];
    let in_order = fields.iter().flat_map(|field| anatomy.producers.iter().filter(move |producer| producer.field == *field));
    let all: Vec<String> = in_order.map(|one| format!("{} {}", one.name, one.version).trim_end().to_owned()).collect();
    if all.is_empty() { "it does not say".to_owned() } else { all.join(", ") }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn fields(out: &mut String, name: &str, value: &str) {
    let lines = textwrap::wrap(value, textwrap::Options::new(term::width().saturating_sub(13)).break_words(false));
    for (at, line) in lines.iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        out.push_str(&format!("  {}  {line}\n", paint(FAINT, format_args!("{name:<9}"))));
    }
}

fn section(out: &mut String, title: &str, empty: bool) {
    out.push_str(&format!("\n{}\n", paint(STRONG, title)));
    if empty {
        out.push_str(&format!("  {}\n", paint(FAINT, "none")));
    }
}

fn one_rule(rule: &Rule) -> String {
    let style = match rule.severity {
        Severity::Critical | Severity::High => BAD,
        Severity::Medium => CHANGED,
        Severity::Low => GOOD,
    };
    let mut out = format!("  {}  {}\n", paint(STRONG, &rule.id), paint(style, rule.severity));
    wrapped(&mut out, &rule.summary);
    if let Some(url) = &rule.url {
        out.push_str(&format!("      {}\n", paint(FAINT, url)));
    }
    out
}

fn wrapped(out: &mut String, text: &str) {
    for line in textwrap::wrap(text, term::width().saturating_sub(6)) {
        out.push_str(&format!("      {line}\n"));
    }
}

fn default(setting: &SettingSchema) -> String {
    match &setting.default {
        None => "required".to_owned(),
        Some(SettingValue::Text(text)) if text.is_empty() => "empty unless set".to_owned(),
        Some(SettingValue::Texts(texts)) if texts.is_empty() => "none unless set".to_owned(),
        Some(SettingValue::Boolean(value)) => format!("{value} unless set"),
        Some(SettingValue::Integer(value)) => format!("{value} unless set"),
        Some(SettingValue::Text(text)) => format!("`{text}` unless set"),
        Some(SettingValue::Texts(texts)) => {
            format!("{} unless set", texts.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// For programs.
#[must_use]
pub(crate) fn json(module: &Module, anatomy: &Anatomy) -> Value {
    let description = module.description();
    json!({
        "file": module.source(),
        "size": anatomy.size,
        "sha256": module.digest(),
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "world": module.world(),
        "contract": anatomy.contract,
        "imports": anatomy.imports,
        "exports": anatomy.exports,
        "needs": description.needs,
        "rules": description.rules,
        "settings": description.settings.iter().map(setting_json).collect::<Vec<_>>(),
        "provenance": {
            "producers": anatomy.producers,
            "annotations": anatomy.annotations.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect::<Vec<_>>(),
        },
    })
}

fn setting_json(setting: &SettingSchema) -> Value {
    let (kind, range) = match setting.kind {
        SettingKind::Boolean => ("boolean", None),
        SettingKind::Integer(from, to) => ("integer", Some((from, to))),
        SettingKind::Text => ("text", None),
        SettingKind::Texts => ("texts", None),
    };
    let mut object = json!({
        "name": setting.name, "type": kind, "required": setting.default.is_none(), "default": setting.default, "doc": setting.doc,
    });
    if let Some((from, to)) = range {
        object["from"] = json!(from);
        object["to"] = json!(to);
    }
    object
}
