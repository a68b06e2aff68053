//! `kaphost policy inspect`

use clap::Args;
use kaphost_policy::{Anatomy, PolicyError};

use super::module::Named;
use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::policy::inspect;
use crate::{policies, term};

/// Say what a policy module is: its world, rules, settings, imports, digest and maker
///
/// The module is held to the contract first, and asked who it is, in the sandbox: one that asks for more than it may is refused (exit code 4).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost policy inspect org.wasm\n  kaphost policy inspect oci://ghcr.io/acme/org:1.2 --output json")]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG, also with @sha256:DIGEST
    #[arg(value_name = "MODULE")]
    module: Named,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let host = policies::host()?;
    // Read once: what is described is what is loaded.
    let file = command.module.ready()?;
    let bytes = host.read_file(&file.path)?;
    let module = host.load_read(&file, &bytes)?;
    let anatomy = Anatomy::of(&bytes).map_err(|error| PolicyError::Load { policy: module.source().to_owned(), error })?;
    term::out(&match global.output {
        Format::Text => inspect::text(&module, &anatomy),
        Format::Json => Document::PolicyInspect.text(Exit::Done, &inspect::json(&module, &anatomy)),
    });
    Ok(Exit::Done)
}
