//! `kaphost facts`

use clap::Args;
use serde_json::json;

use crate::cli::{CloudArgs, Format, Global};
use crate::cloud::{Clouds, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{self, EVERY_KIND};
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::{self, ClusterArgs, Input};
use crate::term;

/// Print what policies can be told of the world: the account, the image, the subnets, the VPC
///
/// Reads them from the cloud. Of several clusters it prints one document that holds those of each. Kept in a file, they let `check` and `explain` work without one, and say the same every time: give the file with --facts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost facts cluster.kdl\n  kaphost facts cluster.kdl > facts.json && kaphost check cluster.kdl --policy org.wasm --facts facts.json"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// In both forms of output the same document, which is what `--facts` takes.
pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let inputs = input::read(&command.clusters)?;
    let fleet = block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let read = async |input: Input| {
            let session = clouds.session(input.spec.cluster.region.as_str()).await?;
            facts::from_cloud(&session, &input.spec, &EVERY_KIND.into_iter().collect()).await
        };
        Ok(Fleet::of(inputs).each(read).await)
    })?;
    match fleet.alone() {
        Ok(facts) => {
            term::out(&Document::Facts.kept(&json!(facts?)));
            Ok(Exit::Done)
        }
        Err(fleet) => fleet
            .then(|facts| Ok(Ended::with(json!({ "facts": facts }))))
            .show(&Global { output: Format::Json, ..global.clone() }, Document::Facts),
    }
}
