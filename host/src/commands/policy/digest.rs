//! `kaphost policy digest`

use clap::Args;

use super::module::{Named, bytes, find};
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::record::sha256;
use crate::render::shipping;
use crate::{registry, term};

/// Print what pins a policy: a file's SHA-256, or a reference with its digest
///
/// One line, for scripts and for policy sets. Nothing is run, and of a module in a registry only its manifest is read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy digest org.wasm\n  kaphost check cluster.kdl --policy \"$(kaphost policy digest oci://ghcr.io/acme/org:1.2)\""
)]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG
    #[arg(value_name = "MODULE")]
    module: Named,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let (text, document) = match &command.module {
        Named::File(file) => {
            let bytes = bytes(file)?;
            let digest = sha256(&bytes);
            (format!("sha256:{digest}\n"), shipping::digest_json(None, &digest, bytes.len() as u64))
        }
        Named::Registry(reference) => {
            let registries = registry::registries();
            let found = block_on(find(&registries, reference))?;
            (format!("{}\n", found.reference), shipping::digest_json(Some(&found.reference), &found.sha256, found.size))
        }
    };
    term::out(&match global.output {
        Format::Text => text,
        Format::Json => Document::PolicyDigest.text(Exit::Done, &document),
    });
    Ok(Exit::Done)
}
