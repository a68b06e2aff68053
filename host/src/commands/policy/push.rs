//! `kaphost policy push`

use std::path::PathBuf;

use clap::Args;
use kaphost_registry::Reference;

use super::module::{find, known};
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::policies::signed;
use crate::render::shipping;
use crate::{registry, signing, term};

/// Push a policy to an OCI registry, and sign it there
///
/// The module is asked who it is first, in the sandbox: what is no policy is not pushed (exit code 4). The same module gives the same digest, whoever
/// pushes it. A signature beside the file (MODULE.sig) goes with it. Credentials are those of `docker login`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy push org.wasm oci://ghcr.io/acme/org:1.2\n  kaphost policy push org.wasm oci://ghcr.io/acme/org:1.2 --sign key.pem"
)]
pub(crate) struct Command {
    /// The policy's file
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,
    /// Where it is to be: oci://HOST/NAME:TAG
    #[arg(value_name = "REFERENCE", value_parser = registry::reference)]
    reference: Reference,
    /// Sign it by this Ed25519 key as well; may be given several times
    #[arg(long, value_name = "KEY.pem")]
    sign: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    if command.reference.tag().is_none() {
        return Err(Failure::Usage(format!("`{}` has no tag, and what is pushed needs one: oci://HOST/NAME:TAG", command.reference)));
    }
    let keys = signing::signing_keys(&command.sign)?;
    let known = known(&command.module, &command.module.display().to_string())?;
    let (name, version) = (known.module.description().name.clone(), known.module.description().version.clone());
    let mut envelopes = Vec::new();
    for text in signed::beside(&command.module).map_err(|problem| Failure::Unfit(vec![*problem]))? {
        if signed::is_about(&text, known.module.digest()) {
            envelopes.push(text);
        }
    }
    if !keys.is_empty() {
        envelopes.push(signed::envelope(&known.bytes, (&name, &version), &keys).text());
    }
    let artifact = known.artifact()?;
    let registries = registry::registries();
    let pushed = block_on(async {
        let pushed = or_ctrl_c(registries.push(&command.reference, &artifact)).await?;
        if !envelopes.is_empty() {
            let found = find(&registries, &pushed.reference).await?;
            for envelope in &envelopes {
                or_ctrl_c(registries.attach(&found, envelope)).await?;
            }
        }
        Ok(pushed)
    })?;
    term::out(&match global.output {
        Format::Text => shipping::pushed(&format!("{name} {version}"), &pushed, envelopes.len()),
        Format::Json => Document::PolicyPush.text(Exit::Done, &shipping::pushed_json(&name, &version, &pushed, envelopes.len())),
    });
    Ok(Exit::Done)
}
