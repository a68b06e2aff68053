//! `kaphost output`

use std::path::PathBuf;

use clap::Args;
use kaphost_plan::Names;
use serde_json::json;

use crate::cli::{CloudArgs, Format, Global};
use crate::cloud::{Session, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::outputs;
use crate::{input, term};

/// Print the names and ids that others need, as the Terraform module names them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost output cluster.kdl\n  kaphost output cluster.kdl security_group_id\n  kaphost output cluster.kdl --output json"
)]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    /// Print this one alone, bare; with --output json, as a JSON string
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let input = input::read(&command.file)?;
    let names = Names::of(&input.spec.cluster);
    let observed = block_on(async {
        let session = Session::open(&command.cloud, &names.region).await?;
        session.observe_names(&names, false).await
    })?;
    let outputs = outputs::of(&names, &observed);
    let text = match &command.name {
        None => match global.output {
            Format::Text => outputs::text(&outputs),
            Format::Json => Document::Output.text(Exit::Done, &json!({ "outputs": outputs::json(&outputs) })),
        },
        Some(name) => {
            let known = || outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let found = outputs.iter().find(|(known, _)| known == name);
            let (_, value) = found.ok_or_else(|| Failure::Usage(format!("there is no output `{name}`: there are {}", known())))?;
            let value = value.as_ref().ok_or_else(|| Failure::NotThere { what: name.clone(), cluster: names.cluster.clone() })?;
            match global.output {
                Format::Text => format!("{value}\n"),
                Format::Json => format!("{}\n", json!(value)),
            }
        }
    };
    term::out(&text);
    Ok(Exit::Done)
}
