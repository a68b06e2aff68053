//! `kaphost replay`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_spec::{ConfigSource, Reference};
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Input, Taken};
use crate::policies::{Again, Policies, fetched};
use crate::record::{Engine, Kind, Record, Recorded, sha256};
use crate::render::simple::Simple;
use crate::{render, term};

/// As large as a module may be.
const MAX_MODULE_BYTES: u64 = kaphost_policy::DEFAULT_COMPONENT_BYTES;

/// Evaluate a recorded decision again, and say whether it comes out the same, byte for byte
///
/// Reads the config, the policy sets and the modules that the record names, and nothing that this machine or its environment names besides; facts and
/// clock are the record's. Files that have moved are named with --config and --policy. Calls no AWS.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost check cluster.kdl --policy org.kdl --record record.json\n  kaphost replay record.json\n  \
                        kaphost replay record.json --config old/cluster.kdl --policy old/org.kdl")]
pub(crate) struct Command {
    /// What --record wrote
    #[arg(value_name = "RECORD.json")]
    record: PathBuf,
    /// Where the config is now
    #[arg(long, value_name = "CLUSTER.kdl")]
    config: Option<PathBuf>,
    /// Where a policy or policy set is now; as many as the record names, in its order
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let recorded = Recorded::read(&command.record)?;
    let named = &recorded.inputs.policies;
    if !command.policies.is_empty() && command.policies.len() != named.len() {
        let names: Vec<String> = named.iter().map(|source| format!("`{}`", source.file)).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::Usage(format!(
            "the record names {} policies ({names}): give --policy for each of them, in this order",
            named.len()
        )));
    }
    let mut replay = Replay { global, command, recorded: &recorded, reasons: Vec::new() };
    let replayed = replay.replayed();
    let reasons = replay.reasons;
    let file = command.record.display().to_string();
    let (text, ended) = match replayed {
        Ok(text) => (Some(text), None),
        Err(failure) => (None, Some(Box::new(failure))),
    };
    let diff = text.map(|text| render::replay::diff(&file, &recorded.text, &text)).unwrap_or_default();
    if diff.is_empty() && reasons.is_empty() && ended.is_none() {
        term::out(&match global.output {
            Format::Text => format!("The decision in {file} comes out the same, byte for byte.\n"),
            Format::Json => Document::Replay.text(Exit::Done, &json!({ "same": true })),
        });
        return Ok(Exit::Done);
    }
    if global.output == Format::Text {
        term::out(&render::replay::painted(&diff));
    }
    Err(Failure::Replay { file, reasons, diff, ended })
}

/// A decision that is made again.
struct Replay<'a> {
    global: &'a Global,
    command: &'a Command,
    recorded: &'a Recorded,
    /// What is not as it was, found before anything is evaluated.
    reasons: Vec<Simple>,
}

impl Replay<'_> {
    fn because(&mut self, code: &str, message: String, help: &str) {
        self.reasons.push(Simple::new(code, message).with_help(help));
    }

    /// The record that comes out now.
    fn replayed(&mut self) -> Result<String, Failure> {
        self.compare_parts();
        self.compare_engine();
        let input = self.config();
        let files = self.sources();
        // All that is not as it was is found first, also where one of it is enough to end this.
        let (input, changed) = input?;
        let recorded = self.recorded;
        let again = Again { files: files?, settings: &recorded.inputs.settings, now: recorded.now };
        let policies = Policies::load_again(&again)?;
        policies.warn(&input.warnings);
        let mut said = String::new();
        let admission = policies.evaluate(self.global, &input, &recorded.facts, &mut said);
        term::err(&said);
        let admission = admission?;
        if !changed && admission.decision.input_sha256 != recorded.input_sha256 && self.reasons.is_empty() {
            self.variables();
        }
        Record::new(&input, &policies, &admission.decision).text()
    }

    /// The config's text and files are what they were, and the cluster that they describe is not.
    fn variables(&mut self) {
        let names: Vec<String> = self.recorded.inputs.config.variables.iter().map(|name| format!("`{name}`")).collect();
        if !names.is_empty() {
            self.because(
                "variable-changed",
                format!("of the variables that the config takes values from ({}) one or more hold something else", names.join(", ")),
                "set them as they were",
            );
        }
    }

    fn compare_parts(&mut self) {
        for part in &self.recorded.altered {
            self.because(
                "record-altered",
                format!("`{part}` in the record is not what it was when the record was written: its digest is another"),
                "get the record from where it was kept",
            );
        }
    }

    fn compare_engine(&mut self) {
        let (then, now) = (&self.recorded.inputs.engine, Engine::here());
        for (what, then, now) in [("kaphost", &then.kaphost, &now.kaphost), ("wasmtime", &then.wasmtime, &now.wasmtime)] {
            if then != now {
                self.because(
                    "other-engine",
                    format!("the decision was made by {what} {then}, and this is {what} {now}"),
                    "replay it with the kaphost that wrote the record",
                );
            }
        }
    }

    fn config(&mut self) -> Result<(Input, bool), Failure> {
        let then = &self.recorded.inputs.config;
        let file = self.command.config.clone().unwrap_or_else(|| PathBuf::from(&then.file));
        let text = match input::text_of(&file) {
            Ok(text) => text,
            Err(why) => return Err(Failure::Unreadable { what: "the config", file, why }),
        };
        let changed = sha256(text.as_bytes()) != then.sha256;
        if changed {
            self.because(
                "config-changed",
                format!("the config `{}` is not the one that was decided on", file.display()),
                "get it back from where it is kept, and name it with --config",
            );
        }
        // Called as it was then, so that every place that names it is the same.
        let source = ConfigSource::new(then.file.clone(), text);
        let named = [self.recorded.cluster.clone()];
        let input = input::only(input::parse(source, file.parent().unwrap_or(Path::new("")), &named)?, &file, "replay")?;
        let now: BTreeMap<&str, &str> = input
            .taken
            .iter()
            .filter_map(|taken| if let Taken::File { path, sha256 } = taken { Some((path.as_str(), sha256.as_str())) } else { None })
            .collect();
        if !changed {
            for (path, digest) in &then.files {
                if now.get(path.as_str()) != Some(&digest.as_str()) {
                    self.because(
                        "config-changed",
                        format!("the file `{path}`, which the config takes a value from, is not what it was"),
                        "get it back from where it is kept",
                    );
                }
            }
        }
        Ok((input, changed))
    }

    /// Where each source is now, with what it was called then.
    fn sources(&mut self) -> Result<Vec<(PathBuf, String)>, Failure> {
        let mut files = Vec::new();
        let mut missing = None;
        for (index, source) in self.recorded.inputs.policies.iter().enumerate() {
            let file = self.command.policies.get(index).cloned().unwrap_or_else(|| PathBuf::from(&source.file));
            // What was pulled once is here, or is fetched again.
            let file = match file.to_str().filter(|text| Reference::is_one(text)).map(str::parse::<Reference>) {
                Some(Ok(reference)) if reference.digest().is_some() => fetched::file(&reference)?,
                _ => file,
            };
            let (what, most) = match source.kind {
                Kind::Module => ("the policy", MAX_MODULE_BYTES),
                Kind::Set => ("the policy set", input::MAX_BYTES),
            };
            match input::bytes_within(&file, most) {
                Ok(bytes) if sha256(&bytes) == source.sha256 => {}
                Ok(_) => {
                    let message = format!("{what} `{}` is not the one that was asked then: its digest is another", file.display());
                    self.because("policy-changed", message, "get it back from where it is kept, and name it with --policy");
                }
                Err(why) => missing = missing.or(Some(Failure::Unreadable { what, file: file.clone(), why })),
            }
            files.push((file, source.file.clone()));
        }
        missing.map_or(Ok(files), Err)
    }
}
