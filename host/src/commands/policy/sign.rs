//! `kaphost policy sign`

use std::path::PathBuf;

use clap::Args;

use super::module::{Known, Named, find, known};
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::policies::signed;
use crate::render::shipping;
use crate::{record, registry, signing, term};

/// Sign a policy: beside its file, or beside it in its registry
///
/// What is signed is the module's SHA-256, with the name and version that it gives itself, as an in-toto statement in a DSSE envelope. Other signatures of the
/// same module stay.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  openssl genpkey -algorithm ed25519 -out key.pem\n  kaphost policy sign org.wasm --key key.pem\n  \
                  kaphost policy sign oci://ghcr.io/acme/org:1.2 --key key.pem")]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG
    #[arg(value_name = "MODULE")]
    module: Named,
    /// The Ed25519 key; may be given several times
    #[arg(long = "key", value_name = "KEY.pem", required = true)]
    keys: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let keys = signing::signing_keys(&command.keys)?;
    let sign = |known: &Known| {
        let description = known.module.description();
        signed::envelope(&known.bytes, (&description.name, &description.version), &keys)
    };
    let (known, place) = match &command.module {
        Named::File(file) => {
            let known = known(file, &command.module.to_string())?;
            let beside = signing::beside(file);
            let mut envelopes = signed::beside(file).map_err(|problem| Failure::Unfit(vec![*problem]))?;
            envelopes.retain(|text| signed::is_about(text, known.module.digest()));
            envelopes.push(sign(&known).text());
            let text = signed::together(&envelopes).unwrap_or_else(|| sign(&known)).text();
            let unwritable =
                |error: std::io::Error| Failure::Unwritable { what: "the signature", file: beside.clone(), why: error.to_string() };
            record::replace(&beside, text.as_bytes()).map_err(unwritable)?;
            (known, beside.display().to_string())
        }
        Named::Registry(reference) => {
            let (store, registries) = (registry::store()?, registry::registries());
            let (found, pulled) = block_on(async {
                let found = find(&registries, reference).await?;
                let pulled = or_ctrl_c(registries.pull(&store, &found.reference)).await?;
                Ok((found, pulled))
            })?;
            let known = known(&pulled.path, &found.reference.to_string())?;
            let text = sign(&known).text();
            block_on(or_ctrl_c(registries.attach(&found, &text)))?;
            store.keep_signatures(&pulled.sha256, &[text])?;
            (known, found.reference.to_string())
        }
    };
    term::out(&match global.output {
        Format::Text => shipping::signed(&known.module, &place, &command.keys, &keys),
        Format::Json => Document::PolicySign.text(Exit::Done, &shipping::signed_json(&known.module, &place, &keys)),
    });
    Ok(Exit::Done)
}
