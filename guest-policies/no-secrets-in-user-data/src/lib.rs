//! A policy on what runs when a server boots: no passwords, keys or tokens in it. Whoever may describe the instance, or log into it, reads its user data.
//!
//! It looks at the text of the user data and at what the `kapacitor` node puts into it. The text is shown only to policies that were granted it:
//! without the grant, user data that nobody has reviewed is refused and not passed. No message ever holds what was found, only its line and its kind.

mod base64;
mod scan;

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, Settings, Severity, UserData, Validate, Violation, path};
use scan::{Finding, Scanner};

/// The user data holds no secrets.
pub const SECRET: &str = "secret-in-user-data";
/// What the `kapacitor` node puts into the user data holds no secrets.
pub const KAPACITOR: &str = "secret-in-kapacitor-config";
/// The user data can be seen, or was reviewed.
pub const UNSEEN: &str = "user-data-unseen";

const REVIEWED: setting::Texts = setting::Texts::new(
    "reviewed-user-data",
    &[],
    "SHA-256 digests of user data that somebody has reviewed, which passes whatever it looks like.",
);
const NAMES: setting::Texts = setting::Texts::new(
    "secret-names",
    &[],
    "What the names of further variables and options end in that hold secrets, such as license-key.",
);

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&REVIEWED, &NAMES];

/// Findings that are told of one text. Who has more has enough to do.
const MOST_TOLD: usize = 20;

const HELP: &str = "keep it in Secrets Manager or Parameter Store, and let the server read it at boot with its role";

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct NoSecretsInUserData;

impl Policy for NoSecretsInUserData {
    fn describe() -> Description {
        const GUIDE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html";
        Description::new("no-secrets-in-user-data", env!("CARGO_PKG_VERSION"), "There are no secrets in what runs at boot.")
            .rule(Rule::new(SECRET, Severity::Critical, "The user data holds no passwords, keys or tokens.").url(GUIDE))
            .rule(
                Rule::new(
                    KAPACITOR,
                    Severity::Critical,
                    "What the kapacitor node puts into the user data holds no passwords, keys or tokens.",
                )
                .url(GUIDE),
            )
            .rule(Rule::new(UNSEEN, Severity::High, "The user data can be seen by this policy, or was reviewed.").url(GUIDE))
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

/// The digests of what was reviewed.
///
/// # Errors
/// A violation for every text that is no digest.
fn reviewed(settings: &Settings) -> Result<Vec<&str>, Vec<Violation>> {
    let digests = REVIEWED.get(settings);
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wrong = digests.iter().filter(|text| !is_digest(text)).map(|text| {
        let example = "64 hexadecimal digits, as `sha256sum` prints them,";
        Violation::of_setting(REVIEWED.name(), text, "no SHA-256 digest", example)
    });
    let wrong: Vec<Violation> = wrong.collect();
    if wrong.is_empty() { Ok(digests) } else { Err(wrong) }
}

/// A violation for each finding, up to a limit.
fn told(rule: &str, at: &str, findings: &[Finding]) -> Vec<Violation> {
    let mut violations: Vec<Violation> = findings
        .iter()
        .take(MOST_TOLD)
        .map(|Finding { line, kind }| Violation::new(rule, at, format!("line {line} holds {kind}")).help(HELP))
        .collect();
    let more = findings.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        violations.push(Violation::new(rule, at, format!("{more} more lines hold something of the kind")).help(HELP));
    }
    violations
}

fn user_data(data: &UserData, reviewed: &[&str], scanner: &Scanner<'_>) -> Vec<Violation> {
    if reviewed.iter().any(|digest| digest.eq_ignore_ascii_case(&data.sha256)) {
        return Vec::new();
    }
    let unseen = |message: String, help: String| vec![Violation::new(UNSEEN, path::USER_DATA, message).help(help)];
    let review = format!("review it and add {} to `{}`", data.sha256, REVIEWED.name());
    let Some(text) = &data.text else {
        let message = "the user data was not shown to this policy, so it cannot be judged".to_owned();
        return unseen(message, format!("grant the policy the user data in its policy set, or {review}"));
    };
    let mut violations = told(SECRET, path::USER_DATA, &scanner.scan(text));
    if let Some(line) = base64::compressed(text) {
        violations.extend(unseen(
            format!("line {line} starts something compressed, which cannot be looked into"),
            format!("send it as plain text, or {review}"),
        ));
    }
    violations
}

impl Validate for NoSecretsInUserData {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let reviewed = match reviewed(settings) {
            Ok(reviewed) => reviewed,
            Err(violations) => return violations,
        };
        let scanner = Scanner::new(NAMES.get(settings));
        let mut violations = cluster.user_data.as_ref().map(|data| user_data(data, &reviewed, &scanner)).unwrap_or_default();
        let Some(kapacitor) = &cluster.kapacitor else { return violations };
        for url in &kapacitor.influxdb {
            if !scanner.scan(url).is_empty() {
                violations.push(Violation::new(KAPACITOR, path::INFLUXDB, "the address of an InfluxDB holds a secret").help(HELP));
            }
        }
        if let Some(config) = &kapacitor.extra_config {
            violations.extend(told(KAPACITOR, path::EXTRA_CONFIG, &scanner.scan(config)));
        }
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(NoSecretsInUserData: validator);
