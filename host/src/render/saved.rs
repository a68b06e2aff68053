//! A saved plan, and its signatures, for people. Everything comes from a file that anybody may have written: what is not visible in it is not shown.

use std::path::{Path, PathBuf};

use kaphost_plan::{Change, Names};
use kaphost_policy::visible;
use kaphost_saved_plan::Cluster;
use kaphost_sign::Statement;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::render::blame::Blame;
use crate::render::plan::{self, Shown};
use crate::saved::Saved;
use crate::term::{BAD, FAINT, GOOD, POLICY, STRONG, paint};

/// Longest value that is shown whole, in characters.
const VALUE_CHARS: usize = 60;
/// Longest name and reason.
const TEXT_CHARS: usize = 500;

/// The whole of it.
///
/// # Errors
/// When a part of it, although as it was written, is not what such a part is: somebody has made it up.
pub(crate) fn text(saved: &Saved) -> Result<String, Failure> {
    let document = &saved.document;
    let mut out = format!("{} {}\n", paint(STRONG, "Saved plan"), saved.file.display());
    let mut line = |name: &str, value: String| out.push_str(&format!("  {name:<9}  {value}\n"));
    line("account", format!("{} ({})", shown(&document.account), shown(&document.cloud)));
    line("made", shown(&document.created));
    line(
        "good",
        match saved.is_good() {
            Ok(()) => format!("until {}", shown(&document.expires)),
            Err(stale) => format!("until {}  {}", shown(&document.expires), paint(BAD, format_args!("not to be applied: {stale}"))),
        },
    );
    line("number", shown(&document.id));
    line("sha256", saved.sha256());
    for cluster in &document.clusters {
        out.push('\n');
        out.push_str(&decided(cluster));
        let plan = &cluster.plan;
        let (names, changes, kept): (Names, Vec<Change>, Vec<String>) =
            (part(saved, &plan["names"])?, part(saved, &plan["changes"])?, part(saved, &plan["kept"])?);
        let blame = Blame::of_json(&cluster.decision);
        let whole = Shown { names: &names, changes: &changes, kept: &kept, empty: cluster.is_empty() };
        out.push_str(&format!("\n{}", plan::text(whole, &blame)));
    }
    Ok(out)
}

fn part<T: DeserializeOwned>(saved: &Saved, value: &Value) -> Result<T, Failure> {
    // What a leaf says comes from the file, escapes and all.
    serde_json::from_value(printable(value)).map_err(|_| saved.stale(&[kaphost_saved_plan::Stale::Altered { line: None }], None))
}

fn printable(value: &Value) -> Value {
    match value {
        Value::String(text) => visible(text, usize::MAX).into(),
        Value::Array(items) => items.iter().map(printable).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), printable(value))).collect(),
        simple => simple.clone(),
    }
}

fn shown(text: &str) -> String {
    visible(text, TEXT_CHARS)
}

fn member(value: &Value, name: &str) -> String {
    value[name].as_str().map(shown).unwrap_or_default()
}

/// Who decided, and what they changed.
fn decided(cluster: &Cluster) -> String {
    let decision = &cluster.decision;
    let file = member(&cluster.inputs["config"], "file");
    let mut out = format!("{} {} ({file})\n", paint(STRONG, "Policies for"), shown(&cluster.cluster));
    let list = |name: &str| decision[name].as_array().map_or(&[][..], Vec::as_slice);
    if list("policies").is_empty() {
        out.push_str(&format!("  {}\n", paint(FAINT, "none")));
    }
    for (index, policy) in list("policies").iter().enumerate() {
        let changes: Vec<&Value> = list("changes").iter().filter(|change| change["policy"] == index).collect();
        let digest: String = member(policy, "digest").chars().take(12).collect();
        let name = format!("{} {}", member(policy, "name"), member(policy, "version"));
        let set = policy["set"].as_str().map(|set| format!(", {}", shown(set))).unwrap_or_default();
        let identity = format!("sha256:{digest}  {}{set}", member(policy, "enforcement"));
        out.push_str(&format!("  {}  {}\n", paint(POLICY, name), paint(FAINT, identity)));
        for change in changes {
            let value =
                |side: &str, none: &str| change.get(side).map_or_else(|| none.to_owned(), |it| visible(&it.to_string(), VALUE_CHARS));
            let (old, new) = (value("old", "unset"), value("new", "gone"));
            out.push_str(&format!("    {}  {} → {}\n", paint(STRONG, member(change, "path")), paint(BAD, old), paint(GOOD, new)));
            let because = format!("{}: {}", member(change, "rule"), member(change, "reason"));
            for line in textwrap::wrap(&because, 72) {
                out.push_str(&format!("        {}\n", paint(FAINT, line)));
            }
        }
    }
    let waived: Vec<&Value> = list("violations").iter().filter(|violation| violation["effect"] == "waived").collect();
    if !waived.is_empty() {
        out.push_str(&format!("{} {}\n", paint(STRONG, "Waived:"), waived.len()));
    }
    for violation in waived {
        let policy = violation["policy"].as_u64().and_then(|index| list("policies").get(usize::try_from(index).ok()?));
        let rule = format!("{}/{}", policy.map(|policy| member(policy, "name")).unwrap_or_default(), member(violation, "rule"));
        out.push_str(&format!(
            "  {} at {}  {}\n",
            paint(POLICY, rule),
            paint(STRONG, member(violation, "path")),
            member(violation, "message")
        ));
    }
    out
}

/// Who has signed a file, and what they say of it.
#[must_use]
pub(crate) fn signed(file: &Path, keys: &[PathBuf], statements: &[Statement]) -> String {
    let mut out = String::new();
    for (key, statement) in keys.iter().zip(statements) {
        out.push_str(&format!("{} {} is signed by {}\n", paint(GOOD, "✓"), file.display(), key.display()));
        let said = &statement.predicate;
        let decisions = said["clusters"].as_array().map_or_else(|| std::slice::from_ref(said), Vec::as_slice);
        for decision in decisions {
            let policies = decision["policies"].as_array().map_or(&[][..], Vec::as_slice);
            let names: Vec<String> =
                policies.iter().map(|policy| format!("{} {}", member(policy, "name"), member(policy, "version"))).collect();
            let by = if names.is_empty() { "no policy".to_owned() } else { names.join(", ") };
            out.push_str(&format!("  {} {} by {by}\n", member(decision, "cluster"), member(decision, "verdict")));
        }
        if let Some(expires) = said["expires"].as_str() {
            out.push_str(&format!("  a plan for the account {}, good until {}\n", member(said, "account"), shown(expires)));
        }
    }
    out
}
