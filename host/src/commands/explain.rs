//! `kaphost explain`

use clap::Args;
use kaphost_spec::{Path, nearest};
use serde_json::json;

use crate::cli::{ClockArgs, Format, Global, PolicyArgs};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::policies::Asked;
use crate::render::explain;
use crate::render::warnings::Warnings;
use crate::{pipeline, term};

/// Say where a value comes from: the line of the config, a default, the policies that changed it
///
/// A path names a value as the config spells it: tenancy, ssh.port, ssh.allow["10.0.0.0/8"].description, volume["/dev/xvdh"].encrypted. A path with
/// values below it explains them all. Works on a denied config too.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost explain cluster.kdl tenancy --policy org.wasm\n  kaphost explain cluster.kdl root-volume --policy org.wasm\n  \
                        kaphost explain cluster.kdl 'tag[\"Owner\"]' --policy org.wasm"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    /// The value, or a node with values below it
    #[arg(value_name = "PATH")]
    path: String,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let path: Path = command.path.parse().map_err(|error: kaphost_spec::PathError| Failure::Usage(error.to_string()))?;
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: false, record: None };
    let (inputs, policies) = pipeline::read_and_load(&command.clusters, &asked)?;
    let input = input::only(inputs, &command.clusters.file, "explain")?;
    let facts = command.facts.given(&input, &policies.needs())?.unwrap_or_default();
    let mut said = String::new();
    let admission = policies.evaluate(global, &input, &facts, &mut said);
    term::err(&said);
    let admission = admission?;
    let shown = Warnings::of(&admission.decision, &input.spec, &policies);
    term::err(&shown.text());
    let said = input.spec.cluster.leaves();
    let chains = explain::chains(&input.spec, &said, &admission.decision, &path);
    if chains.is_empty() {
        let similar = explain::similar(&said, &path);
        let path = path.to_string();
        let meant = nearest(&path, similar.iter().map(String::as_str)).map(str::to_owned);
        return Err(Failure::NoSuchValue { path, meant, similar });
    }
    term::out(&match global.output {
        Format::Text => explain::text(&chains),
        Format::Json => {
            let mut members = explain::json(&chains);
            members["diagnostics"] = json!(&*input.warnings);
            members["warnings"] = json!(shown.json());
            Document::Explain.text(Exit::Done, &members)
        }
    });
    Ok(Exit::Done)
}
