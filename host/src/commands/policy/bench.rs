//! `kaphost policy bench`

use clap::Args;
use kaphost_policy_kit::measure;

use super::module::Named;
use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::render::policy::bench;
use crate::{place, policies, term};

/// Measure a policy: to compile it, to load it, to ask it, and how much of its limits it uses up
///
/// Fuel and memory are the same on every machine; times are those of this one, and of whatever else it does meanwhile. Measured on a release build.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy bench org.wasm cluster.kdl\n  kaphost policy bench org.wasm cluster.kdl --rounds 10000 --output json"
)]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG, also with @sha256:DIGEST
    #[arg(value_name = "MODULE")]
    module: Named,
    #[command(flatten)]
    clusters: ClusterArgs,
    /// A setting of the policy; a list is VALUE,VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// How often it is asked
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rounds: u32,
    /// How often it is compiled, and loaded
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    loads: u32,
    #[command(flatten)]
    facts: FactsArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let host = policies::host()?;
    let file = command.module.ready()?;
    let bytes = host.read_file(&file.path)?;
    let module = host.load_read(&file, &bytes)?;
    let source = module.source().to_owned();
    let needs = policies::alone(module.clone(), &command.settings)?.facts().collect();
    let input = input::only(input::read(&command.clusters)?, &command.clusters.file, "policy bench")?;
    let facts = command.facts.given(&input, &needs)?.unwrap_or_default();
    let cache = place::cache().map(|folder| folder.join("modules"));
    let [loads, rounds] = [command.loads, command.rounds].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let measured =
        measure((&source, &bytes), cache, (&input.spec, &facts), (loads, rounds), |module| policies::alone(module, &command.settings))?;
    term::out(&match global.output {
        Format::Text => bench::text(&module, &measured),
        Format::Json => Document::PolicyBench.text(Exit::Done, &bench::json(&module, &measured)),
    });
    Ok(Exit::Done)
}
