//! The file: one text for every document, and a digest over the whole of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{canonical, sha256};
use crate::stale::Stale;

/// The layout of the file. Grows when a reader of the old one would misread the new one.
pub const SCHEMA: &str = "kaphost.saved-plan/1";
/// What every layout's name begins with.
const FAMILY: &str = "kaphost.saved-plan/";
/// Seconds for which a plan is good at most: a week. What was looked at longer ago, nobody remembers.
pub const LONGEST_S: i64 = 7 * 24 * 60 * 60;
/// The clocks of two machines may be so far apart, in seconds.
const CLOCKS_APART_S: i64 = 5 * 60;
/// How a file says what it is.
const MARK: &str = "\"schema\": \"kaphost.saved-plan/";
/// Within so many bytes.
const HEAD: usize = 64;

/// A plan that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// [`SCHEMA`]
    pub schema: String,
    /// Its own number, drawn at random: 16 hexadecimal digits. Whoever applies it leaves this number in the cloud.
    pub id: String,
    /// Of its digests of what may be secret: 32 hexadecimal digits, drawn at random.
    pub salt: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC. From then on it is not applied any more.
    pub expires: String,
    /// Which cloud it is for: `aws`, or `lab`.
    pub cloud: String,
    /// The 12 digits of the account.
    pub account: String,
    /// Whether warnings about policies end the run that applies it, as they ended the one that planned.
    pub strict: bool,
    /// The policies that were named for this run, as they were named. What the machine and its environment name besides stands in each cluster's inputs.
    pub policies: Vec<String>,
    /// Each with its own plan, in the order in which they are carried out.
    pub clusters: Vec<Cluster>,
    /// Lower-case hexadecimal SHA-256 of everything above, as [`canonical`] JSON.
    pub sha256: String,
}

/// One cluster of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub cluster: String,
    /// Its region.
    pub region: String,
    /// What was evaluated and by what: engine, config, policies, settings, clock. As in a record, digests of what may be secret salted.
    pub inputs: Value,
    /// The decision, as in a record.
    pub decision: Value,
    /// What the cluster is to be: every value as the policies left it, by its path.
    pub values: BTreeMap<String, Value>,
    /// What runs at first boot, boot script included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<UserDataRef>,
    /// The machine image that the plan is made for.
    pub image: Value,
    /// What the cloud held under the cluster's names: a salted digest by resource.
    pub observed: BTreeMap<String, String>,
    /// The way from there: `names changes steps kept`.
    pub plan: Value,
}

/// User data, without itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UserDataRef {
    /// `salted:` and 64 digits.
    pub digest: String,
    /// Of the whole.
    pub bytes: usize,
    /// Where the config says it: `cluster.kdl:8:15 (file)"boot.sh"`. Absent when it is a boot script alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Whether this is meant as a kept plan, by what it begins with, whatever the file is called: also one of which a byte was changed, whichever it is. No config and no policy set
/// begins so.
#[must_use]
pub fn looks_like_one(bytes: &[u8]) -> bool {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let head = &bytes[..bytes.len().min(HEAD)];
    start == Some(&b'{') || head.windows(MARK.len()).any(|part| part == MARK.as_bytes())
}

impl Document {
    /// An empty one, for AWS.
    #[must_use]
    pub fn new(id: &str, salt: &str, created: &str, expires: &str) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: id.to_owned(),
            salt: salt.to_owned(),
            created: created.to_owned(),
            expires: expires.to_owned(),
            cloud: "aws".to_owned(),
            account: String::new(),
            strict: false,
            policies: Vec::new(),
            clusters: Vec::new(),
            sha256: String::new(),
        }
    }

    /// The file: members in declared order, those below the clusters sorted by name, indented, the digest at the end. Its digest is set anew.
    #[must_use]
    pub fn text(&self) -> String {
        let mut whole = self.clone();
        for cluster in &mut whole.clusters {
            for part in [&mut cluster.inputs, &mut cluster.decision, &mut cluster.image, &mut cluster.plan] {
                *part = sorted(part);
            }
        }
        whole.sha256 = whole.digest();
        // Strings, numbers and lists of them: all of it has a JSON form.
        serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
    }

    fn digest(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            members.remove("sha256");
        }
        sha256(canonical(&value).as_bytes())
    }

    /// Reads a file. What comes back is what [`Self::text`] gave, to the byte.
    ///
    /// # Errors
    /// When it is of another layout, or not what was written: one byte is enough.
    pub fn parse(text: &str) -> Result<Self, Stale> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let broken = |error: &serde_json::Error| Stale::Altered { line: Some(error.line()) };
        // First, so that another layout is told from a mistake.
        let Head { schema } = serde_json::from_str(text).map_err(|error| broken(&error))?;
        if schema != SCHEMA {
            return Err(if is_of_the_family(&schema) { Stale::OtherLayout { schema } } else { Stale::Altered { line: None } });
        }
        let document: Self = serde_json::from_str(text).map_err(|error| broken(&error))?;
        // A digest says nothing of white space, of a member that stands twice, or of how a letter is escaped.
        let same = document.text() == text;
        let differs = || document.text().lines().zip(text.lines()).position(|(ours, theirs)| ours != theirs).map(|line| line + 1);
        if document.sha256 != document.digest() {
            // Where it was changed nobody knows.
            return Err(Stale::Altered { line: None });
        }
        if same { Ok(document) } else { Err(Stale::Altered { line: differs() }) }
    }

    /// Whether it is good at this instant.
    ///
    /// # Errors
    /// When its time is over, has not come, or is longer than any plan's; or when its clock cannot be read.
    pub fn good_at(&self, now: Timestamp) -> Result<(), Stale> {
        let (Ok(created), Ok(expires)) = (self.created.parse::<Timestamp>(), self.expires.parse::<Timestamp>()) else {
            return Err(Stale::Altered { line: None });
        };
        if expires.as_second() - created.as_second() > LONGEST_S {
            return Err(Stale::GoodTooLong { created: self.created.clone(), expires: self.expires.clone() });
        }
        if now >= expires {
            return Err(Stale::Expired { expires: self.expires.clone(), now: now.to_string() });
        }
        if created.as_second() - now.as_second() > CLOCKS_APART_S {
            return Err(Stale::NotYet { created: self.created.clone(), now: now.to_string() });
        }
        Ok(())
    }

    /// Whether any of its clusters has a step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clusters.iter().all(Cluster::is_empty)
    }
}

impl Cluster {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan["steps"].as_array().is_none_or(Vec::is_empty)
    }
}

fn is_of_the_family(schema: &str) -> bool {
    schema.strip_prefix(FAMILY).is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The same value with its names sorted, whatever order serde keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> = members.iter().map(|(name, value)| (name, self::sorted(value))).collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        simple => simple.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Document {
        let mut document = Document::new("00d100d100d100d1", "5a17", "2026-11-22T20:00:00Z", "2026-11-23T20:00:00Z");
        document.account = "123456789012".to_owned();
        document.policies = vec!["org.wasm".to_owned()];
        document.clusters.push(Cluster {
            cluster: "kapacitor-stage".to_owned(),
            region: "us-east-1".to_owned(),
            inputs: json!({ "now": "2026-11-22T20:00:00Z", "engine": { "kaphost": "0.1.0" } }),
            decision: json!({ "verdict": "admitted", "passes": 2 }),
            values: BTreeMap::from([
                ("tenancy".to_owned(), json!("dedicated")),
                ("tag[\"Gr\u{fc}\u{df}e\"]".to_owned(), json!("\u{1b}[31m")),
            ]),
            observed: BTreeMap::from([("IAM role".to_owned(), "salted:0".to_owned())]),
            plan: json!({ "steps": [{ "id": 0, "operation": "CreateRole" }], "kept": [] }),
            ..Cluster::default()
        });
        document
    }

    #[test]
    fn what_is_written_is_read() {
        let text = document().text();
        let read = Document::parse(&text).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read.clusters, document().clusters);
        assert!(text.starts_with("{\n  \"schema\": \"kaphost.saved-plan/1\",\n") && text.ends_with("\"\n}\n"), "{text}");
        assert!(looks_like_one(text.as_bytes()) && !read.is_empty());
    }

    /// Every byte, and every bit of it, that leaves the text one.
    #[test]
    fn a_file_of_which_one_byte_is_another_is_refused() {
        let text = document().text();
        let mut refused = 0;
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                assert!(looks_like_one(&bytes), "byte {at}: {:?}", String::from_utf8_lossy(&bytes[..40]));
                let Ok(altered) = String::from_utf8(bytes) else { continue };
                let stale = Document::parse(&altered).unwrap_err();
                assert!(matches!(stale, Stale::Altered { .. } | Stale::OtherLayout { .. }), "byte {at}: {stale:?}");
                refused += 1;
            }
            let (mut less, mut more) = (text.clone(), text.clone());
            if text.is_char_boundary(at) {
                less.remove(at);
                more.insert(at, ' ');
                assert!(Document::parse(&less).is_err() && Document::parse(&more).is_err(), "byte {at}");
            }
        }
        assert!(refused > text.len() * 6, "{refused} of {}", text.len());
        assert!(Document::parse("").is_err() && Document::parse(&text[..text.len() - 1]).is_err());
    }

    #[test]
    fn what_was_altered_and_digested_anew_is_at_least_consistent() {
        // A digest is no signature: it finds mistakes. What an attacker makes of the file is found by evaluating and looking again.
        let mut altered = document();
        altered.account = "999999999999".to_owned();
        assert!(Document::parse(&altered.text()).is_ok());
        let twice = document().text().replace("  \"account\":", "  \"account\": \"\",\n  \"account\":");
        assert!(matches!(Document::parse(&twice), Err(Stale::Altered { .. })));
        let further = document().text().replace("  \"account\":", "  \"more\": \"\",\n  \"account\":");
        assert!(matches!(Document::parse(&further), Err(Stale::Altered { line: Some(_) })));
    }

    #[test]
    fn another_layout_is_told_from_a_mistake() {
        let text = document().text();
        let parse = |schema: &str| Document::parse(&text.replace(SCHEMA, schema)).unwrap_err();
        assert_eq!(parse("kaphost.saved-plan/2"), Stale::OtherLayout { schema: "kaphost.saved-plan/2".to_owned() });
        assert_eq!(parse("kaphost.record/1"), Stale::Altered { line: None });
        assert_eq!(parse("kaphost.saved-plan/\u{1}"), Stale::Altered { line: Some(2) });
    }

    #[test]
    fn a_plan_is_good_for_its_time() {
        let at = |instant: &str| document().good_at(instant.parse().unwrap());
        assert_eq!(at("2026-11-22T20:00:00Z"), Ok(()));
        assert_eq!(at("2026-11-23T19:59:59Z"), Ok(()));
        assert!(matches!(at("2026-11-23T20:00:00Z"), Err(Stale::Expired { .. })));
        assert_eq!(at("2026-11-22T19:55:00Z"), Ok(()), "clocks differ");
        assert!(matches!(at("2026-11-22T19:54:59Z"), Err(Stale::NotYet { .. })));
        let now = "2026-11-22T20:00:00Z".parse().unwrap();
        let until = |expires: &str| Document { expires: expires.to_owned(), ..document() }.good_at(now);
        assert_eq!(until("2026-11-29T20:00:00Z"), Ok(()));
        assert!(matches!(until("2026-11-29T20:00:01Z"), Err(Stale::GoodTooLong { .. })));
        assert_eq!(until("tomorrow"), Err(Stale::Altered { line: None }));
    }

    #[test]
    fn configs_and_modules_are_no_plans() {
        for other in ["cluster \"a\" region=\"b\" {\n}", "", "\0asm\x01", "// kaphost.saved-plan/1 is a layout\n"] {
            assert!(!looks_like_one(other.as_bytes()), "{other}");
        }
    }
}
