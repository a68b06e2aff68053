//! `kaphost policy pull`

use std::path::PathBuf;

use clap::Args;
use kaphost_registry::Reference;

use super::module::bytes;
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::policies::signed;
use crate::render::shipping;
use crate::{record, registry, signing, term};

/// Pull a policy from an OCI registry, for use without it
///
/// What is pulled is kept in the cache folder by its digest, with its signatures: a policy set or --policy that names it by digest needs no registry from then
/// on. What comes and is not what the digest says is not kept (exit code 4).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy pull oci://ghcr.io/acme/org:1.2\n  kaphost policy pull oci://ghcr.io/acme/org:1.2 --key public.pem --out org.wasm"
)]
pub(crate) struct Command {
    /// The module: oci://HOST/NAME:TAG, or with @sha256:DIGEST
    #[arg(value_name = "REFERENCE", value_parser = registry::reference)]
    reference: Reference,
    /// Write the module to this file too, and its signatures beside it, into FILE.sig
    #[arg(long, value_name = "FILE.wasm")]
    out: Option<PathBuf>,
    /// The public half of a key that must have signed it; may be given several times
    #[arg(long = "key", value_name = "PUBLIC.pem")]
    keys: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let keys = signing::public_keys(&command.keys)?;
    let store = registry::store()?;
    let registries = registry::registries();
    let pulled = block_on(or_ctrl_c(registries.pull(&store, &command.reference)))?;
    let envelopes = store.signatures(&pulled.sha256);
    signed::by_all(&pulled.reference.to_string(), &envelopes, &pulled.sha256, &keys)?;
    if let Some(out) = &command.out {
        let unwritable = |file: &PathBuf| {
            let file = file.clone();
            move |error: std::io::Error| Failure::Unwritable { what: "the policy", file, why: error.to_string() }
        };
        record::replace(out, &bytes(&pulled.path)?).map_err(unwritable(out))?;
        if let Some(envelope) = signed::together(&envelopes) {
            let beside = signing::beside(out);
            record::replace(&beside, envelope.text().as_bytes()).map_err(unwritable(&beside))?;
        }
    }
    term::out(&match global.output {
        Format::Text => shipping::pulled(&pulled, envelopes.len(), command.out.as_deref(), &command.keys),
        Format::Json => Document::PolicyPull.text(Exit::Done, &shipping::pulled_json(&pulled, envelopes.len(), command.out.as_deref())),
    });
    Ok(Exit::Done)
}
