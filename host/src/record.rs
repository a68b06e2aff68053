//! The record of a decision: everything that led to it and everything that came of it, so that anybody can evaluate it again (`kaphost replay`).
//!
//! One form for every value: members in declared order, lists in the order in which they count, indented JSON with a newline at its end. The same
//! inputs give the same bytes, in whatever process and with whatever cache. No secret is in it: user data is a digest, and of variables only the names
//! stand here. The digests of its parts tell a record that was altered by mistake from one that was not; they are no signature.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use kaphost_policy::{Decision, ENGINE_VERSION, Facts};
use kaphost_saved_plan::canonical;
pub(crate) use kaphost_saved_plan::sha256;
use kaphost_spec::ConfigSource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input::{self, Input, Taken};
use crate::policies::Policies;
use crate::render::simple::Simple;
use crate::signing::{self, SignArgs, Signers};

/// The layout of a record. Grows when a reader of the old one would misread the new one.
const SCHEMA: &str = "kaphost.record/1";
/// Longer than any record: a change of every value in every pass of many policies.
const MAX_BYTES: u64 = 64 << 20;
/// What is said when a record cannot be used at all.
const HELP: &str = "name a file that `kaphost check --record FILE` (or plan, or apply) has written";

/// Where the record goes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct RecordArgs {
    /// Write the decision and everything that led to it to this file, also when it is a denial. `kaphost replay` evaluates it again. Of several clusters
    /// each has a file CLUSTER.json in a folder of this name
    #[arg(long, value_name = "RECORD.json")]
    record: Option<PathBuf>,
    #[command(flatten)]
    sign: SignArgs,
}

impl RecordArgs {
    /// Who signs what this run writes: the record, or what else it writes. Asked before anything else is done.
    ///
    /// # Errors
    /// When a key cannot be used, or nothing is written that could be signed.
    pub(crate) fn signers(&self, writes_else: bool) -> Result<Signers, Failure> {
        if !self.sign.is_empty() && self.record.is_none() && !writes_else {
            return Err(Failure::Usage("--sign signs what --out or --record writes, and neither is given".into()));
        }
        self.sign.signers()
    }

    /// Whether there is to be one.
    #[must_use]
    pub(crate) const fn is_asked_for(&self) -> bool {
        self.record.is_some()
    }

    /// Writes the record, when one is asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, input: &Input, policies: &Policies, decision: &Decision) -> Result<(), Failure> {
        let Some(named) = &self.record else { return Ok(()) };
        let text = Record::new(input, policies, decision).text()?;
        let failed = |file: PathBuf| |error: std::io::Error| Failure::Unwritable { what: "the record", file, why: error.to_string() };
        let predicate = || signing::summary(&json!(Inputs::new(input, policies, decision)), &json!(decision));
        if input.alone {
            replace(named, text.as_bytes()).map_err(failed(named.clone()))?;
            return self.sign.signers()?.sign(named, &text, predicate).map(drop);
        }
        std::fs::create_dir_all(named).map_err(failed(named.clone()))?;
        // A cluster's name is one that a file can have: its characters are letters, digits and hyphens.
        let file = named.join(format!("{}.json", input.spec.cluster.name));
        replace(&file, text.as_bytes()).map_err(failed(file.clone()))?;
        self.sign.signers()?.sign(&file, &text, predicate).map(drop)
    }
}

/// Puts a file in place whole or not at all, as readable as any file of its user's.
///
/// # Errors
/// When it cannot be written; then what was there still is.
pub(crate) fn replace(file: &FilePath, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_data()?;
    new.persist(file)?;
    Ok(())
}

/// A record, as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    #[serde(flatten)]
    inputs: Inputs,
    /// Everything that came of it, and with it the facts, settings and waivers that led to it.
    decision: &'a Decision,
}

/// What to evaluate, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inputs {
    schema: String,
    /// What evaluated.
    pub(crate) engine: Engine,
    /// The cluster.
    pub(crate) config: Config,
    /// Modules and policy sets, in order.
    pub(crate) policies: Vec<Source>,
    /// Settings of modules given by themselves, as given.
    pub(crate) settings: Vec<String>,
    /// The instant by which waivers were held. RFC 3339, UTC.
    pub(crate) now: String,
}

/// What evaluates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Engine {
    /// This program's version.
    pub(crate) kaphost: String,
    /// What runs the policies.
    pub(crate) wasmtime: String,
}

impl Engine {
    /// This one.
    #[must_use]
    pub(crate) fn here() -> Self {
        Self { kaphost: env!("CARGO_PKG_VERSION").to_owned(), wasmtime: ENGINE_VERSION.to_owned() }
    }
}

/// The cluster's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// As the user called it.
    pub(crate) file: String,
    /// Of its text.
    pub(crate) sha256: String,
    /// What it takes from files, in the order of their names.
    pub(crate) files: BTreeMap<String, String>,
    /// The variables that it takes values from. What they held shows in the decision's digest of the input.
    pub(crate) variables: BTreeSet<String>,
}

/// A file that was given as a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// As the user called it.
    pub(crate) file: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Of its bytes.
    pub(crate) sha256: String,
}

/// What a file that was given as a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A module by itself.
    Module,
    /// A policy set, which names modules by their digests.
    Set,
}

impl Inputs {
    /// What led to a decision, besides what stands in it.
    #[must_use]
    pub(crate) fn new(input: &Input, policies: &Policies, decision: &Decision) -> Self {
        let source = input.spec.origins.source();
        let mut files = BTreeMap::new();
        let mut variables = BTreeSet::new();
        for taken in input.taken.iter() {
            match taken {
                Taken::File { path, sha256 } => drop(files.insert(path.clone(), sha256.clone())),
                Taken::Variable { name } => drop(variables.insert(name.clone())),
            }
        }
        let config = Config { file: source.name.clone(), sha256: sha256(source.text.as_bytes()), files, variables };
        Self {
            schema: SCHEMA.to_owned(),
            engine: Engine::here(),
            config,
            policies: sources(policies, decision),
            settings: policies.settings().to_vec(),
            now: policies.now().to_string(),
        }
    }
}

impl<'a> Record<'a> {
    /// What led to a decision, and the decision.
    #[must_use]
    pub(crate) fn new(input: &Input, policies: &Policies, decision: &'a Decision) -> Self {
        Self { inputs: Inputs::new(input, policies, decision), decision }
    }

    /// Its one form, with the digests of its parts at the end.
    ///
    /// # Errors
    /// None that can happen: every part has a JSON form.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            record: &'a Record<'a>,
            sha256: BTreeMap<String, String>,
        }
        let no_json = |error: serde_json::Error| Failure::Faulty(vec![format!("a record has no JSON form: {error}")]);
        let parts = serde_json::to_value(self).map_err(no_json)?;
        let whole = Whole { record: self, sha256: digests(&parts) };
        Ok(serde_json::to_string_pretty(&whole).map_err(no_json)? + "\n")
    }
}

/// Every source with its digest. A set's is of its text, a module's that of the policy that it became.
fn sources(policies: &Policies, decision: &Decision) -> Vec<Source> {
    let mut sets = policies.sets().iter().peekable();
    let mut alone = decision.policies.iter().filter(|policy| policy.set.is_none());
    let one = |file: &String| match sets.next_if(|set| set.name() == file) {
        Some(set) => Source { file: file.clone(), kind: Kind::Set, sha256: set.sha256().to_owned() },
        None => {
            let sha256 = alone.next().map(|policy| policy.digest.clone()).unwrap_or_default();
            Source { file: file.clone(), kind: Kind::Module, sha256 }
        }
    };
    policies.sources().iter().map(one).collect()
}

/// The digest of each part of a record: its members, and the decision's facts by themselves, so that what was altered has a name.
fn digests(record: &Value) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, Value> = BTreeMap::new();
    for (name, part) in record.as_object().into_iter().flatten() {
        match name.as_str() {
            "schema" | "sha256" => {}
            "decision" => {
                let mut decision = part.clone();
                let facts = decision.as_object_mut().and_then(|decision| decision.remove("facts"));
                parts.insert("facts".to_owned(), facts.unwrap_or_default());
                parts.insert(name.clone(), decision);
            }
            _ => drop(parts.insert(name.clone(), part.clone())),
        }
    }
    parts.iter().map(|(name, part)| (name.clone(), sha256(canonical(part).as_bytes()))).collect()
}

/// A record, as it was read.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Its bytes.
    pub(crate) text: String,
    /// What was evaluated.
    pub(crate) inputs: Inputs,
    /// Which cluster of its file it was about.
    pub(crate) cluster: String,
    /// Of the cluster as its file described it.
    pub(crate) input_sha256: String,
    /// What the policies were told of the world.
    pub(crate) facts: Facts,
    /// [`Inputs::now`].
    pub(crate) now: Timestamp,
    /// The parts that are not what their digests say.
    pub(crate) altered: Vec<String>,
}

impl Recorded {
    /// Reads a record.
    ///
    /// # Errors
    /// When it cannot be read, is no record, or is one of another layout.
    pub(crate) fn read(file: &FilePath) -> Result<Self, Failure> {
        let text =
            input::text_within(file, MAX_BYTES).map_err(|why| Failure::Unreadable { what: "the record", file: file.to_owned(), why })?;
        Self::parse(ConfigSource::new(file.display().to_string(), text))
    }

    fn parse(source: ConfigSource) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        #[derive(Deserialize)]
        struct Told {
            decision: ToldDecision,
            sha256: BTreeMap<String, String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct ToldDecision {
            cluster: String,
            input_sha256: String,
            facts: Facts,
        }
        let source = Arc::new(source);
        let broken = |error: serde_json::Error| Failure::Unfit(vec![Simple::of_json("record", &source, &error).with_help(HELP)]);
        let other = |message: String, help: &str| Failure::Unfit(vec![Simple::new("record", message).with_help(help)]);
        // First, so that another layout is told from a mistake.
        let Schema { schema } = serde_json::from_str(&source.text).map_err(broken)?;
        if schema != SCHEMA {
            let message = format!("`{}` has the layout {schema:?}, and this kaphost reads {SCHEMA:?}", source.name);
            return Err(other(message, "replay it with the kaphost that wrote it"));
        }
        let inputs: Inputs = serde_json::from_str(&source.text).map_err(broken)?;
        let told: Told = serde_json::from_str(&source.text).map_err(broken)?;
        let parts: Value = serde_json::from_str(&source.text).map_err(broken)?;
        let now = inputs.now.parse().map_err(|_| {
            let message = format!("in `{}` `now` is {:?}, and an instant looks like `2027-01-31T00:00:00Z`", source.name, inputs.now);
            other(message, HELP)
        })?;
        let digests = digests(&parts);
        let names = digests.keys().chain(told.sha256.keys()).collect::<BTreeSet<_>>();
        let altered = names.into_iter().filter(|name| digests.get(*name) != told.sha256.get(*name)).cloned().collect();
        let ToldDecision { cluster, input_sha256, facts } = told.decision;
        Ok(Self { text: source.text.clone(), inputs, cluster, input_sha256, facts, now, altered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, Global};
    use crate::policies::Again;

    const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b" { subnets "subnet-0aaa" }
    user-data (file)"boot.sh"
}
"#;

    fn record() -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("boot.sh"), "echo hunter2").unwrap();
        let input = input::parse(ConfigSource::new("cluster.kdl", CONFIG), folder.path(), &[]).unwrap().remove(0);
        let now = "2026-11-22T20:00:00Z".parse().unwrap();
        let policies = Policies::load_again(&Again { files: Vec::new(), settings: &[], now }).unwrap();
        let global = Global { output: Format::Json, verbose: false };
        let admission = policies.evaluate(&global, &input, &Facts::default(), &mut String::new()).unwrap();
        Record::new(&input, &policies, &admission.decision).text().unwrap()
    }

    fn read(text: &str) -> Result<Recorded, Failure> {
        Recorded::parse(ConfigSource::new("record.json", text))
    }

    fn refused(text: &str) -> Value {
        read(text).unwrap_err().members()["problems"][0].clone()
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes_and_no_secret() {
        let text = record();
        assert_eq!(text, record());
        assert!(text.ends_with("}\n") && !text.contains("hunter2"), "{text}");
        assert!(text.contains(&sha256(b"echo hunter2")));
        let order = ["schema", "engine", "config", "policies", "settings", "now", "decision", "sha256"];
        let places: Vec<usize> = order.iter().map(|name| text.find(&format!("\n  \"{name}\": ")).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
        let recorded = read(&text).unwrap();
        assert_eq!((recorded.altered, recorded.inputs.engine), (Vec::<String>::new(), Engine::here()));
    }

    #[test]
    fn what_was_altered_has_a_name() {
        let text = record();
        for (name, from, to) in [
            ("engine", "\"kaphost\": \"", "\"kaphost\": \"9"),
            ("config", "\"cluster.kdl\"", "\"other.kdl\""),
            (
                "policies",
                "\"policies\": [],\n  \"settings\"",
                "\"policies\": [{\"file\":\"a\",\"kind\":\"set\",\"sha256\":\"\"}],\n  \"settings\"",
            ),
            ("settings", "\"settings\": []", "\"settings\": [\"a=b\"]"),
            ("now", "2026-11-22T20:00:00Z", "2026-11-22T20:00:01Z"),
            ("facts", "\"facts\": {}", "\"facts\": {\"account\":\"123456789012\"}"),
            ("decision", "\"admitted\"", "\"denied\""),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{name}");
            assert_eq!(read(&altered).unwrap().altered, [name]);
        }
        // Laid out otherwise it is the same record, although not the same bytes.
        let compact = serde_json::from_str::<Value>(&text).unwrap().to_string();
        assert_eq!(read(&compact).unwrap().altered, Vec::<String>::new());
        let digest = sha256(b"\"2026-11-22T20:00:00Z\"");
        assert_eq!(read(&text.replace(&format!("\"now\": \"{digest}"), "\"then\": \"")).unwrap().altered, ["now", "then"]);
    }

    #[test]
    fn a_broken_record_says_where() {
        let text = record();
        let cut = refused(&text[..text.len() / 2]);
        assert!(cut["line"].as_u64().unwrap() > 10 && cut["message"].as_str().unwrap().starts_with("EOF"), "{cut}");
        let missing = refused(&text.replace("\"now\": \"2026", "\"then\": \"2026"));
        assert_eq!(missing["message"], "missing field `now`");
        let instant = refused(&text.replace("2026-11-22T20:00:00Z", "yesterday"));
        assert!(instant["message"].as_str().unwrap().contains("`now` is \"yesterday\""), "{instant}");
        let layout = refused(&text.replace("kaphost.record/1", "kaphost.record/2"));
        assert!(layout["message"].as_str().unwrap().contains("the layout \"kaphost.record/2\""), "{layout}");
        assert!(refused("[]")["message"].as_str().is_some());
        assert!(refused("{\"schema\": \"\u{1b}[31m\"").to_string().find('\u{1b}').is_none());
    }
}
