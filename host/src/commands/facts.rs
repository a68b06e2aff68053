//! `kaphost facts`

use std::path::PathBuf;

use clap::Args;

use crate::cli::{CloudArgs, Global};
use crate::cloud::{Session, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{self, EVERY_KIND};
use crate::failure::Failure;
use crate::{input, term};

/// Print what policies can be told of the world: the account, the image, the subnets, the VPC
///
/// Reads them from the cloud. Kept in a file, they let `check` and `explain` work without one, and say the same every time: give the file with --facts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost facts cluster.kdl\n  kaphost facts cluster.kdl > facts.json && kaphost check cluster.kdl --policy org.wasm --facts facts.json"
)]
pub(crate) struct Command {
    /// The cluster's config
    #[arg(value_name = "CLUSTER.kdl")]
    file: PathBuf,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// In both forms of output the same document, which is what `--facts` takes.
pub(super) fn run(_: &Global, command: &Command) -> Result<Exit, Failure> {
    let input = input::read(&command.file)?;
    let facts = block_on(async {
        let mut session = Session::open(&command.cloud, input.spec.cluster.region.as_str()).await?;
        facts::from_cloud(&mut session, &input.spec, &EVERY_KIND.into_iter().collect()).await
    })?;
    term::out(&Document::Facts.kept(&serde_json::json!(facts)));
    Ok(Exit::Done)
}
