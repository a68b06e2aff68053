//! What a report tells, gathered from the documents that kaphost has written: a record, or the JSON of a command, and the config that they name.

mod decision;
mod source;
mod work;

use std::path::{Path as FilePath, PathBuf};

use kaphost_report::{Page, Verdict};
use serde_json::Value;

use crate::failure::Failure;
use crate::input;
use crate::record::{Inputs, Recorded};
use crate::render::simple::Simple;
use decision::Decision;

/// Longer than any document of kaphost's.
const MAX_BYTES: u64 = 64 << 20;
/// What is said when no file holds a decision.
const HELP: &str = "give what `--record FILE` wrote, or what `kaphost check`, `plan` or `apply` printed with `--output json`";

/// The documents, read.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    decision: Option<Decision>,
    inputs: Option<Inputs>,
    /// Parts of a record that are not what their digests say.
    altered: Vec<String>,
    plan: Option<Value>,
    report: Option<Value>,
    outputs: Option<Value>,
}

impl Documents {
    /// Reads files. Each tells what it knows; the decision, the plan and the run may be in different ones.
    ///
    /// # Errors
    /// When one cannot be read, is none of kaphost's, or two tell of different decisions.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for file in files {
            all.add(file)?;
        }
        if all.decision.is_some() {
            return Ok(all);
        }
        let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        Err(unfit(format!("no decision is in {}", names.join(", ")), HELP))
    }

    fn add(&mut self, file: &FilePath) -> Result<(), Failure> {
        let text =
            input::text_within(file, MAX_BYTES).map_err(|why| Failure::Unreadable { what: "the document", file: file.to_owned(), why })?;
        let mut document: Value =
            serde_json::from_str(&text).map_err(|error| unfit(format!("`{}` is no JSON: {error}", file.display()), HELP))?;
        match document["clusters"].as_array().map(Vec::as_slice) {
            None => {}
            Some([one]) => document = one.clone(),
            Some(several) => {
                let names: Vec<&str> = several.iter().filter_map(|one| one["cluster"].as_str()).collect();
                let message = format!("`{}` tells of several clusters: {}", file.display(), names.join(", "));
                return Err(unfit(
                    message,
                    "make the document with `--cluster NAME`, or give the record of one: `--record` of several is a folder",
                ));
            }
        }
        let is_record = document["schema"].as_str().is_some_and(|schema| schema.starts_with("kaphost.record/"));
        if is_record {
            let recorded = Recorded::read(file)?;
            self.altered.extend(recorded.altered);
            self.inputs = Some(recorded.inputs);
        } else if let Ok(inputs) = serde_json::from_value(document["inputs"].clone()) {
            self.inputs.get_or_insert(inputs);
        }
        if document["decision"].is_object() {
            let decision =
                Decision::parse(&document["decision"]).map_err(|why| unfit(format!("the decision in `{}` {why}", file.display()), HELP))?;
            if self.decision.as_ref().is_some_and(|other| !other.is_same(&decision)) {
                let message = format!("`{}` tells of another decision than the file before it", file.display());
                return Err(unfit(message, "give documents of one run"));
            }
            self.decision = Some(decision);
        }
        for (name, place) in [("plan", &mut self.plan), ("report", &mut self.report), ("outputs", &mut self.outputs)] {
            if document[name].is_object() {
                *place = Some(document[name].clone());
            }
        }
        Ok(())
    }

    /// Puts the page together. `config` is where the config is now; where the documents say otherwise. Gives also why its text is not shown, when it is not.
    #[must_use]
    pub(crate) fn page(&self, config: Option<&FilePath>) -> (Page, Option<String>) {
        let Some(decision) = &self.decision else { return (Page::new("", Verdict::Denied), None) };
        let mut page = Page::new(&decision.cluster, decision.verdict());
        let told = self.inputs.as_ref().map_or_else(
            || Err("the document does not name it".to_owned()),
            |inputs| source::read(&inputs.config, config, &decision.cluster),
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
        page.plan = self.plan.as_ref().map(|plan| work::plan(plan, decision));
        page.run = self.report.as_ref().map(work::run);
        page.outputs = self.outputs.as_ref().map(work::outputs).unwrap_or_default();
        (page, gap)
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
