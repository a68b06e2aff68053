//! What a report tells, gathered from the documents that kaphost has written: a record, or the JSON of a command, and the config that they name.

mod decision;
mod source;
mod work;

use std::path::{Path as FilePath, PathBuf};

use kaphost_report::Page;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input;
use crate::record::{Inputs, Recorded};
use crate::render::simple::Simple;
use crate::saved;
use decision::Decision;

/// Longer than any document of kaphost's.
const MAX_BYTES: u64 = 64 << 20;
/// What is said when no file holds a decision.
const HELP: &str = "give what `--record` or `plan --out` wrote, or what `kaphost check`, `plan` or `apply` printed with `--output json`";

/// The documents, read: what they tell, cluster by cluster.
#[derive(Debug, Default)]
pub(crate) struct Documents(Vec<Told>);

/// What is told of one cluster. Decision, plan and run may come from different files.
#[derive(Debug, Default)]
struct Told {
    /// Its name; empty where no file says it, which is good enough where all is about one.
    cluster: String,
    decision: Option<Decision>,
    inputs: Option<Inputs>,
    /// The saved plan that tells it.
    saved: Option<Saved>,
    /// Parts of a record that are not what their digests say.
    altered: Vec<String>,
    plan: Option<Value>,
    report: Option<Value>,
    outputs: Option<Value>,
}

/// A cluster's page, and why the config's text is not on it, when it is not.
pub(crate) type Sheet = (Page, Option<String>);

/// Of a saved plan, what is not in its clusters.
#[derive(Clone, Debug)]
struct Saved {
    id: String,
    salt: String,
    account: String,
    expires: String,
}

impl Documents {
    /// Reads files, and folders of records. The decisions may be of several clusters.
    ///
    /// # Errors
    /// When one cannot be read, is none of kaphost's, or two tell of different decisions on one cluster.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for file in files {
            for file in within(file)? {
                all.add(&file)?;
            }
        }
        all.settle();
        if all.0.iter().any(|told| told.decision.is_some()) {
            return Ok(all);
        }
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        Err(unfit(format!("no decision is in {}", names.join(", ")), HELP))
    }

    fn add(&mut self, file: &FilePath) -> Result<(), Failure> {
        let text =
            input::text_within(file, MAX_BYTES).map_err(|why| Failure::Unreadable { what: "the document", file: file.to_owned(), why })?;
        let document: Value =
            serde_json::from_str(&text).map_err(|error| unfit(format!("`{}` is no JSON: {error}", file.display()), HELP))?;
        let schema = document["schema"].as_str().unwrap_or_default();
        if schema.starts_with("kaphost.saved-plan/") {
            // Whole, or not at all: it is about to be believed.
            let plan = saved::Saved::read(file)?.document;
            let frame = Saved { id: plan.id, salt: plan.salt, account: plan.account, expires: plan.expires };
            for cluster in plan.clusters {
                self.tell(file, &json!(cluster), |told| told.saved = Some(frame.clone()))?;
            }
            return Ok(());
        }
        if schema.starts_with("kaphost.record/") {
            let recorded = Recorded::read(file)?;
            return self.tell(file, &document, |told| {
                told.altered.extend(recorded.altered);
                told.inputs = Some(recorded.inputs);
            });
        }
        match document["clusters"].as_array() {
            Some(several) => several.iter().try_for_each(|one| self.tell(file, one, |_| {})),
            None => self.tell(file, &document, |_| {}),
        }
    }

    /// Takes in what a document says of one cluster.
    fn tell(&mut self, file: &FilePath, document: &Value, more: impl FnOnce(&mut Told)) -> Result<(), Failure> {
        let decision = match &document["decision"] {
            Value::Null => None,
            decision => Some(Decision::parse(decision).map_err(|why| unfit(format!("the decision in `{}` {why}", file.display()), HELP))?),
        };
        let places = [&document["cluster"], &document["plan"]["names"]["cluster"]];
        let said = decision.as_ref().map(|decision| decision.cluster.as_str());
        let cluster = said.or_else(|| places.into_iter().find_map(Value::as_str)).unwrap_or_default().to_owned();
        let index = self.0.iter().position(|told| told.cluster == cluster).unwrap_or_else(|| {
            self.0.push(Told { cluster, ..Told::default() });
            self.0.len() - 1
        });
        let Some(told) = self.0.get_mut(index) else { return Ok(()) };
        more(told);
        if let Ok(inputs) = serde_json::from_value(document["inputs"].clone()) {
            told.inputs.get_or_insert(inputs);
        }
        if let Some(decision) = decision {
            if told.decision.as_ref().is_some_and(|other| !other.is_same(&decision)) {
                let message = format!("`{}` tells of another decision on {} than the file before it", file.display(), decision.cluster);
                return Err(unfit(message, "give documents of one run"));
            }
            told.decision = Some(decision);
        }
        for (name, place) in [("plan", &mut told.plan), ("report", &mut told.report), ("outputs", &mut told.outputs)] {
            if document[name].is_object() {
                *place = Some(document[name].clone());
            }
        }
        Ok(())
    }

    /// What names no cluster (how a run ended that failed) is about the one that the other files are about.
    fn settle(&mut self) {
        if let [_, _] = self.0.as_slice()
            && let Some(nameless) = self.0.iter().position(|told| told.cluster.is_empty())
        {
            let from = self.0.remove(nameless);
            if let Some(told) = self.0.first_mut() {
                told.plan = told.plan.take().or(from.plan);
                told.report = told.report.take().or(from.report);
                told.outputs = told.outputs.take().or(from.outputs);
            }
        }
    }

    /// Clusters of which the files tell something, and no decision.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|told| told.decision.is_none())
            .map(|told| if told.cluster.is_empty() { "a run" } else { told.cluster.as_str() })
    }

    /// Puts the pages together, one for each cluster that was decided on. `config` is where the config is now; where the documents say otherwise.
    #[must_use]
    pub(crate) fn pages(&self, config: Option<&FilePath>) -> Vec<Sheet> {
        self.0.iter().filter_map(|told| told.page(config)).collect()
    }
}

/// The files that are meant: of a folder, what `--record` wrote into it.
fn within(file: &FilePath) -> Result<Vec<PathBuf>, Failure> {
    if !file.is_dir() {
        return Ok(vec![file.to_owned()]);
    }
    let unreadable = |error: std::io::Error| Failure::Unreadable { what: "the folder", file: file.to_owned(), why: input::plain(&error) };
    let entries = std::fs::read_dir(file).map_err(unreadable)?;
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(unreadable)?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    found.sort();
    Ok(found)
}

impl Told {
    fn page(&self, config: Option<&FilePath>) -> Option<Sheet> {
        let decision = self.decision.as_ref()?;
        let mut page = Page::new(&decision.cluster, decision.verdict());
        let salt = self.saved.as_ref().map(|saved| saved.salt.as_str());
        let told = self.inputs.as_ref().map_or_else(
            || Err("the document does not name it".to_owned()),
            |inputs| source::read(&inputs.config, config, &decision.cluster, salt),
        );
        let (text, gap) = match told {
            Ok(text) => (Some(text), None),
            Err(why) => (None, Some(why)),
        };
        page.source = match (&text, &gap) {
            (Some(text), _) => text.shown(),
            (None, why) => kaphost_report::Source::Missing(why.clone().unwrap_or_default()),
        };
        decision.tell(&mut page, text.as_ref());
        for part in &self.altered {
            page.remarks.push(format!("`{part}` in the record is not what it was when the record was written: its digest is another."));
        }
        page.evidence.splice(0..0, self.inputs.as_ref().map(evidence).unwrap_or_default());
        if let Some(saved) = &self.saved {
            page.remarks.push(format!("This is of a saved plan, good until {}; digests of what may be secret are salted.", saved.expires));
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            page.evidence.splice(0..0, [pair("Number of the plan", &saved.id), pair("Account", &saved.account)]);
        }
        page.plan = self.plan.as_ref().map(|plan| work::plan(plan, decision));
        page.run = self.report.as_ref().map(work::run);
        page.outputs = self.outputs.as_ref().map(work::outputs).unwrap_or_default();
        Some((page, gap))
    }
}

fn evidence(inputs: &Inputs) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut all = vec![pair("Config", inputs.config.file.clone()), pair("SHA-256 of the config", inputs.config.sha256.clone())];
    all.extend(inputs.config.files.iter().map(|(path, sha256)| pair(&format!("SHA-256 of {path}"), sha256.clone())));
    if !inputs.config.variables.is_empty() {
        all.push(pair("Variables", inputs.config.variables.iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    all.extend(inputs.policies.iter().map(|policy| pair(&format!("SHA-256 of {}", policy.file), policy.sha256.clone())));
    all.push(pair("Evaluated by", format!("kaphost {}, wasmtime {}", inputs.engine.kaphost, inputs.engine.wasmtime)));
    all.push(pair("Waivers held by", inputs.now.clone()));
    all
}

fn unfit(message: String, help: &str) -> Failure {
    Failure::Unfit(vec![Simple::new("report", message).with_help(help)])
}
