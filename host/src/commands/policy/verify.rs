//! `kaphost policy verify`

use std::path::PathBuf;

use clap::Args;

use super::module::{Named, bytes, find};
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::policies::signed;
use crate::record::sha256;
use crate::render::shipping;
use crate::render::simple::Simple;
use crate::{registry, signing, term};

/// Check who has signed a policy
///
/// Every key that is given must have signed exactly this module (exit code 4 otherwise). Of a file the signatures are beside it, in MODULE.sig; of a
/// module in a registry they are there. Nothing is run.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy verify org.wasm --key public.pem\n  kaphost policy verify oci://ghcr.io/acme/org:1.2 --key public.pem"
)]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG
    #[arg(value_name = "MODULE")]
    module: Named,
    /// The public half of a key that must have signed it; may be given several times
    #[arg(long = "key", value_name = "PUBLIC.pem", required = true)]
    keys: Vec<PathBuf>,
    /// Where the signatures are, if not in MODULE.sig or in the registry
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let keys = signing::public_keys(&command.keys)?;
    let unfit = |problem: Box<Simple>| Failure::Unfit(vec![*problem]);
    let given = command.signature.as_deref().map(|file| signed::of(file).map(|text| vec![text])).transpose().map_err(unfit)?;
    let (called, digest, envelopes) = match &command.module {
        Named::File(file) => {
            let digest = sha256(&bytes(file)?);
            let envelopes = given.map_or_else(|| signed::beside(file), Ok).map_err(unfit)?;
            (command.module.to_string(), digest, envelopes)
        }
        Named::Registry(reference) => {
            let registries = registry::registries();
            let (found, envelopes) = block_on(async {
                let found = find(&registries, reference).await?;
                let envelopes = match given {
                    Some(given) => given,
                    None => or_ctrl_c(registries.signatures(&found)).await?,
                };
                Ok((found, envelopes))
            })?;
            (found.reference.to_string(), found.sha256, envelopes)
        }
    };
    let statements = signed::by_all(&called, &envelopes, &digest, &keys)?;
    term::out(&match global.output {
        Format::Text => shipping::verified(&called, &command.keys, &statements),
        Format::Json => Document::PolicyVerify.text(Exit::Done, &shipping::verified_json(&called, &digest, &statements)),
    });
    Ok(Exit::Done)
}
