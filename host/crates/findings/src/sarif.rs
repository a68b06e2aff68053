//! SARIF 2.1.0, as code scanning reads it: one rule for each that spoke, one result a finding, waivers as suppressions. Columns count
//! characters (`unicodeCodePoints`).

use std::collections::BTreeMap;

use serde_json::json;
use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location, LogicalLocation, Message, MultiformatMessageString, PhysicalLocation, PropertyBag,
    Region as SarifRegion, ReportingConfiguration, ReportingDescriptor, Result as SarifResult, ResultKind, ResultLevel, Run as SarifRun,
    Sarif, Suppression, Tool, ToolComponent,
};
use sha2::{Digest as _, Sha256};

use crate::{Checked, Finding, Kind, Level, Place, Run, Unwritable};

/// The schema of the standard, at the address that the standard gives.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The one fingerprint that GitHub looks at: its own is of a line's text, and says of every cluster's first line that it is the same.
const PRINT_NAME: &str = "primaryLocationLineHash";
/// Enough to tell apart what one team has.
const PRINT_BYTES: usize = 8;

/// The whole log.
pub(crate) fn sarif(run: &Run) -> Result<String, Unwritable> {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in run.findings() {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let indices: BTreeMap<&str, i64> = rules.keys().zip(0..).map(|(rule, index)| (*rule, index)).collect();
    let mut prints = Prints::default();
    let results: Vec<SarifResult> = run.located().map(|(checked, finding)| result(finding, checked, &indices, &mut prints)).collect();
    let driver = ToolComponent::builder()
        .name(run.tool.name.clone())
        .version(run.tool.version.clone())
        .semantic_version(run.tool.version.clone())
        .rules(rules.values().map(|finding| descriptor(finding)).collect::<Vec<_>>())
        .build();
    // What ends a run early makes it no successful one; a denial is a result.
    let broken = run.findings().any(|finding| finding.kind == Kind::Policy);
    let invocation = Invocation::builder().execution_successful(!broken).exit_code(i64::from(run.exit)).build();
    let run = SarifRun::builder()
        .tool(Tool::builder().driver(driver).build())
        .invocations(vec![invocation])
        .column_kind(json!("unicodeCodePoints"))
        .results(results)
        .build();
    let log = Sarif::builder().schema(SCHEMA).version(json!("2.1.0")).runs(vec![run]).build();
    let mut text = serde_json::to_string_pretty(&log).map_err(|error| Unwritable(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

const fn level(level: Level) -> ResultLevel {
    match level {
        Level::Error => ResultLevel::Error,
        Level::Warning => ResultLevel::Warning,
        Level::Note => ResultLevel::Note,
    }
}

/// GitHub sorts findings by this number: 9 and more is critical, 7 high, 4 medium.
fn security_severity(severity: &str) -> &'static str {
    match severity {
        "critical" => "9.5",
        "high" => "8.0",
        "medium" => "5.5",
        _ => "3.0",
    }
}

fn descriptor(finding: &Finding) -> ReportingDescriptor {
    let id = finding.rule.clone();
    // What is said of the rule whatever was found; where nothing is, what was found speaks for it.
    let about = finding.about.clone().unwrap_or_else(|| finding.message.clone());
    let help = match (&finding.about, &finding.url) {
        (None, _) => finding.help.clone().unwrap_or_else(|| about.clone()),
        (Some(about), Some(url)) => format!("{about}\n{url}"),
        (Some(about), None) => about.clone(),
    };
    let properties = PropertyBag::builder().tags(vec![kind(finding.kind).to_owned()]);
    let properties = match &finding.severity {
        Some(severity) => {
            let severity = json!(security_severity(severity));
            properties.additional_properties(BTreeMap::from([("security-severity".to_owned(), severity)])).build()
        }
        None => properties.build(),
    };
    let mut rule = ReportingDescriptor::builder()
        .id(id)
        .short_description(MultiformatMessageString::builder().text(about).build())
        .help(MultiformatMessageString::builder().text(help).build())
        .default_configuration(ReportingConfiguration::builder().level(json!(level(finding.level))).build())
        .properties(properties)
        .build();
    rule.help_uri.clone_from(&finding.url);
    rule
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Config => "config",
        Kind::Violation => "violation",
        Kind::Advice => "advice",
        Kind::Waived => "waived",
        Kind::Policy => "policy",
        Kind::Set => "set",
    }
}

/// What tells findings apart from one run to the next, and stays when lines move: rule, file, cluster, and the value or, where there is none, the
/// message. What is alike in all of these is numbered.
#[derive(Default)]
struct Prints(BTreeMap<String, usize>);

impl Prints {
    fn of(&mut self, finding: &Finding, checked: Option<&Checked>) -> String {
        let file = finding.place.as_ref().map(|place| place.file.as_str()).or(checked.map(|checked| checked.file.as_str()));
        let cluster = checked.and_then(|checked| checked.cluster.as_deref());
        let what = finding.path.as_deref().unwrap_or(&finding.message);
        let mut hash = Sha256::new();
        for part in [finding.rule.as_str(), file.unwrap_or_default(), cluster.unwrap_or_default(), what] {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let print: String = hash.finalize().iter().take(PRINT_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let seen = self.0.entry(print.clone()).or_default();
        *seen += 1;
        format!("{print}:{seen}")
    }
}

fn result(finding: &Finding, checked: Option<&Checked>, indices: &BTreeMap<&str, i64>, prints: &mut Prints) -> SarifResult {
    let mut result = SarifResult::builder()
        .rule_id(finding.rule.clone())
        .kind(ResultKind::Fail)
        .level(level(finding.level))
        .message(Message::builder().text(finding.full_text()).build())
        .locations(location(finding, checked).into_iter().collect::<Vec<_>>())
        .partial_fingerprints(BTreeMap::from([(PRINT_NAME.to_owned(), prints.of(finding, checked))]))
        // Said of each, or readers would have to guess for those that say nothing.
        .suppressions(vec![])
        .build();
    result.rule_index = indices.get(finding.rule.as_str()).copied();
    if let Some(waiver) = &finding.waiver {
        let why = format!("{} ({}) until {}: {}", waiver.owner, waiver.ticket, waiver.expires, waiver.reason);
        let suppression = Suppression::builder().kind(json!("external")).status(json!("accepted")).justification(why).build();
        result.suppressions = Some(vec![suppression]);
    }
    result
}

/// `None` for what is about no file.
fn location(finding: &Finding, checked: Option<&Checked>) -> Option<Location> {
    let physical = match &finding.place {
        Some(Place { file, region: Some(region) }) => {
            let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            let region = SarifRegion::builder()
                .start_line(number(region.line))
                .start_column(number(region.column))
                .end_line(number(region.end_line))
                .end_column(number(region.end_column))
                .build();
            PhysicalLocation::builder().artifact_location(artifact(file)).region(region).build()
        }
        whole => {
            let file = whole.as_ref().map(|place| place.file.as_str()).or(checked.map(|checked| checked.file.as_str()))?;
            PhysicalLocation::builder().artifact_location(artifact(file)).build()
        }
    };
    let mut location = Location::builder().physical_location(physical).build();
    let cluster = checked.and_then(|checked| checked.cluster.as_deref());
    let names: Vec<&str> = cluster.into_iter().chain(finding.path.as_deref()).collect();
    if !names.is_empty() {
        location.logical_locations = Some(vec![LogicalLocation::builder().fully_qualified_name(names.join(": ")).build()]);
    }
    Some(location)
}

/// A relative path is one from where the run was started: the root of the sources, as far as anybody can know.
fn artifact(file: &str) -> ArtifactLocation {
    let uri = uri(file);
    let is_relative = !uri.starts_with("file:");
    let mut artifact = ArtifactLocation::builder().uri(uri).build();
    artifact.uri_base_id = is_relative.then(|| "%SRCROOT%".to_owned());
    artifact
}

/// A path as a relative or `file:` reference: what a reference may not hold is percent-encoded (RFC 3986, section 3.3).
fn uri(file: &str) -> String {
    let slashes = file.replace('\\', "/");
    let mut out = String::new();
    if slashes.starts_with('/') {
        out.push_str("file://");
    } else if slashes.split('/').next().is_some_and(|first| first.contains(':')) {
        // A colon in the first step would read as a scheme.
        out.push_str("./");
    }
    for byte in slashes.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("configs/a b.kdl"), "configs/a%20b.kdl");
        assert_eq!(uri("/srv/ä.kdl"), "file:///srv/%C3%A4.kdl");
        assert_eq!(uri("c:x.kdl"), "./c:x.kdl");
        assert_eq!(uri("a\\b#1.kdl"), "a/b%231.kdl");
    }
}
