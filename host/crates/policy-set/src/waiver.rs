//! Exceptions, as a set spells them.

use jiff::Timestamp;
use kaphost_policy::Waiver;
use kaphost_spec::names::ClusterName;
use kaphost_spec::reading::{Section, Value, Wrong};
use kaphost_spec::{Code, ConfigSource, Span, nearest};

use crate::set::{Entry, WaiverPlaces};
use crate::words::{PolicyName, sentence};

/// How many days ahead a waiver may expire, where its set does not say it: a quarter, so that each is looked at again while its ticket is remembered.
pub const DEFAULT_HORIZON_DAYS: u32 = 90;

/// Ten years: what is meant to hold longer is no exception.
const MAX_HORIZON_DAYS: u64 = 3_650;

/// Reads `waivers max-days=…`.
pub(crate) fn horizon_days(section: Section<'_>) -> u32 {
    let days = section.maybe("max-days", |value| value.whole(1, MAX_HORIZON_DAYS));
    section.finish();
    days.and_then(|days| u32::try_from(days).ok()).unwrap_or(DEFAULT_HORIZON_DAYS)
}

/// What a waiver is about. Two of one set that are about the same would leave open which of them is meant.
#[derive(PartialEq, Eq)]
struct Subject {
    policy: String,
    rule: String,
    cluster: String,
    value: Option<String>,
}

/// Reads every `waiver`. `broken` says that an entry was not understood, which a waiver may be for.
pub(crate) fn read(
    top: &Section<'_>,
    source: &ConfigSource,
    horizon_days: u32,
    entries: &[Entry],
    broken: bool,
) -> Vec<(Waiver, WaiverPlaces)> {
    let mut seen: Vec<(Subject, Span)> = Vec::new();
    let mut waivers = Vec::new();
    for section in top.each("waiver") {
        waivers.extend(one(section, source, horizon_days, top, (!broken).then_some(entries), &mut seen));
    }
    waivers
}

fn one(
    section: Section<'_>,
    source: &ConfigSource,
    horizon_days: u32,
    top: &Section<'_>,
    entries: Option<&[Entry]>,
    seen: &mut Vec<(Subject, Span)>,
) -> Option<(Waiver, WaiverPlaces)> {
    let span = section.span();
    let position = source.position(span.start);
    let policy = section
        .need("policy", "name a policy of this set: `policy=\"restrict-ssh\"`", |value| value.parse::<PolicyName>(Code::InvalidName));
    let rule = section
        .need("rule", "name the rule as violations do: `rule=\"no-world-ssh\"`", |value| value.parse::<PolicyName>(Code::InvalidName));
    let cluster = section.need("cluster", "name the cluster, or write `cluster=\"*\"` for every one", cluster);
    let value = section.maybe("value", sentence);
    let owner = section.need("owner", "say who answers for it: `owner=\"ops@example.org\"`", sentence);
    let ticket = section.need("ticket", "say where it was agreed: `ticket=\"SEC-123\"`", sentence);
    let reason = section.need("reason", "say why, for whoever reads it next", sentence);
    let expires = section.need("expires", "say when it ends: `expires=\"2027-01-31T00:00:00Z\"`", expiry);
    let policy_span = section.span_of("policy");
    let places = WaiverPlaces { rule: section.span_of("rule"), expires: section.span_of("expires") };
    section.finish();

    if let (Some(policy), Some(entries)) = (&policy, entries)
        && !entries.iter().any(|entry| entry.name() == policy.0)
    {
        let known: Vec<&str> = entries.iter().map(Entry::name).collect();
        let help = nearest(&policy.0, known.iter().copied()).map_or_else(
            || format!("a waiver is for a policy of its own set: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let diagnostic = top.diagnostic(Code::UnknownTarget, policy_span, format!("this set has no policy `{policy}`"));
        top.report(diagnostic.with_label("not a policy of this set").with_help(help));
    }
    let (policy, rule, cluster) = (policy?.0, rule?.0, cluster?);
    let subject = Subject { policy: policy.clone(), rule: rule.clone(), cluster: cluster.clone(), value: value.clone() };
    if let Some((_, first)) = seen.iter().find(|(earlier, _)| *earlier == subject) {
        let diagnostic = top.diagnostic(Code::Duplicate, span, "this is waived twice");
        top.report(diagnostic.with_label("waived again").with_related(first.clone(), "first waived here").with_help("keep one of the two"));
    } else {
        seen.push((subject, span));
    }
    let place = format!("{}:{}:{}", source.name, position.line, position.column);
    let waiver = Waiver {
        set: source.name.clone(),
        policy,
        rule,
        cluster,
        value,
        owner: owner?,
        ticket: ticket?,
        reason: reason?,
        expires: expires?,
        horizon_days: Some(horizon_days),
        place,
    };
    Some((waiver, places))
}

/// An exact name, or `*`: nothing between, so that nobody's cluster is waived by the way it is called.
fn cluster(value: &Value<'_>) -> Result<String, Wrong> {
    if value.text()? == "*" {
        return Ok("*".to_owned());
    }
    value.parse::<ClusterName>(Code::InvalidName).map(|name| name.to_string())
}

fn expiry(value: &Value<'_>) -> Result<Timestamp, Wrong> {
    const HELP: &str = "write date, time and offset: `2027-01-31T00:00:00Z`, `2027-01-31T01:00:00+01:00`";
    instant(&value.text()?).ok_or_else(|| value.wrong(Code::InvalidInstant, "is no instant of RFC 3339", HELP))
}

/// An instant as RFC 3339 has it, with its offset.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    // jiff takes more than RFC 3339 has: zones in brackets, spaces, times without seconds or hyphens, years of six digits, offsets of a day and more.
    let bytes = text.as_bytes();
    let (time, rest) = (bytes.get(..19)?, bytes.get(19..)?);
    let fraction = rest.strip_prefix(b".").map_or(0, |digits| 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count());
    let offset = match rest.get(fraction..)? {
        b"Z" => true,
        [b'+' | b'-', offset @ ..] => is_like(offset, b"00:00") && offset < b"24".as_slice(),
        _ => false,
    };
    (is_like(time, b"0000-00-00T00:00:00") && offset && fraction != 1).then(|| text.parse().ok()).flatten()
}

/// Whether there is a digit for each 0 of a form, and everything else of it.
fn is_like(text: &[u8], form: &[u8]) -> bool {
    text.len() == form.len() && text.iter().zip(form).all(|(b, of)| if *of == b'0' { b.is_ascii_digit() } else { b == of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_what_rfc_3339_says() {
        let same = "2027-01-30T23:00:00Z".parse().ok();
        for good in ["2027-01-30T23:00:00Z", "2027-01-31T00:00:00+01:00", "2027-01-30T23:00:00.000Z", "2027-01-31T22:59:00+23:59"] {
            assert_eq!(instant(good), same, "{good}");
        }
        for bad in [
            "",
            "2027-01-31",
            "2027-01-31T00:00Z",
            "20270131T000000Z",
            "2027-01-31T00:00:00",
            "2027-01-31 00:00:00Z",
            "2027-01-31T00:00:00.Z",
            "2027-01-31T00:00:00,5Z",
            "2027-02-30T00:00:00Z",
            "2027-01-31T24:00:00Z",
            // An hour or a day that an expiry would be off by, and no reader of the set would see it.
            "2027-01-31T00:00:00+01",
            "2027-01-31T00:00:00+24:00",
            "2027-01-31T00:00:00-25:59",
            "2027-01-31T00:00:00+01:00[Europe/Berlin]",
            "+002027-01-31T00:00:00Z",
            "2027-01-31T00:00:00ü",
        ] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }
}
