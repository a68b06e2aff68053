//! `kaphost policy inspect`

use std::path::PathBuf;

use clap::Args;
use kaphost_policy::{Anatomy, ModuleFile, PolicyError};

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
#[command(after_help = "Examples:\n  kaphost policy inspect org.wasm\n  kaphost policy inspect org.wasm --output json")]
pub(crate) struct Command {
    /// The policy's file
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let host = policies::host()?;
    // Read once: what is described is what is loaded.
    let bytes = host.read_file(&command.module)?;
    let module = host.load_read(&ModuleFile { path: command.module.clone(), ..ModuleFile::default() }, &bytes)?;
    let anatomy = Anatomy::of(&bytes).map_err(|error| PolicyError::Load { policy: module.source().to_owned(), error })?;
    term::out(&match global.output {
        Format::Text => inspect::text(&module, &anatomy),
        Format::Json => Document::PolicyInspect.text(Exit::Done, &inspect::json(&module, &anatomy)),
    });
    Ok(Exit::Done)
}
