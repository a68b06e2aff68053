//! `kaphost output`

use clap::Args;
use kaphost_plan::Names;
use serde_json::{Value, json};

use crate::cli::{CloudArgs, Format, Global};
use crate::cloud::{Clouds, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::{self, ClusterArgs, Input};
use crate::render::outputs::{self, Output};
use crate::term;

/// Print the names and ids that others need, as the Terraform module names them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost output cluster.kdl\n  kaphost output cluster.kdl security_group_id\n  kaphost output cluster.kdl --output json"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    /// Print this one alone, bare; with --output json, as a JSON string
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let inputs = input::read(&command.clusters)?;
    let fleet = block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let read = async |input: Input| {
            let names = Names::of(&input.spec.cluster);
            let session = clouds.session(&names.region).await?;
            let observed = session.observe_names(&names, false).await?;
            asked(command, &names, outputs::of(&names, &observed))
        };
        Ok(Fleet::of(inputs).each(read).await)
    })?;
    match fleet.alone() {
        Ok(asked) => {
            let (text, json) = asked?;
            term::out(&match (global.output, &command.name) {
                (Format::Text, _) => text,
                (Format::Json, Some(_)) => format!("{json}\n"),
                (Format::Json, None) => Document::Output.text(Exit::Done, &json!({ "outputs": json })),
            });
            Ok(Exit::Done)
        }
        Err(fleet) => {
            let member = if command.name.is_some() { "output" } else { "outputs" };
            let ended = |(text, json)| Ok(Ended { text, ..Ended::with(json!({ member: json })) });
            fleet.then(ended).show(global, Document::Output)
        }
    }
}

/// All outputs, or the one that is asked for: for people and for programs.
fn asked(command: &Command, names: &Names, outputs: Vec<Output>) -> Result<(String, Value), Failure> {
    let Some(name) = &command.name else { return Ok((outputs::text(&outputs), outputs::json(&outputs))) };
    let known = || outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = outputs.iter().find(|(known, _)| known == name);
    let (_, value) = found.ok_or_else(|| Failure::Usage(format!("there is no output `{name}`: there are {}", known())))?;
    let value = value.as_ref().ok_or_else(|| Failure::NotThere { what: name.clone(), cluster: names.cluster.clone() })?;
    Ok((format!("{value}\n"), json!(value)))
}
