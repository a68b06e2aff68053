//! `kaphost verify`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{input, render, signing, term};

/// As long as a record may be.
const MAX_BYTES: u64 = 64 << 20;

/// Check who has signed a saved plan or a record, offline
///
/// Every key that is given must have signed exactly this file, to the byte. Whether a plan may still be applied is for apply to find out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  openssl genpkey -algorithm ed25519 -out key.pem\n  openssl pkey -in key.pem -pubout -out public.pem\n  \
                        kaphost plan cluster.kdl --policy org.wasm --out p.kapplan --sign key.pem\n  kaphost verify p.kapplan --key public.pem"
)]
pub(crate) struct Command {
    /// What --out or --record wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The public half of a key that must have signed it; may be given several times
    #[arg(long = "key", value_name = "PUBLIC.pem", required = true)]
    keys: Vec<PathBuf>,
    /// Where the signatures are, if not in FILE.sig
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let file = &command.file;
    let bytes =
        input::bytes_within(file, MAX_BYTES).map_err(|why| Failure::Unreadable { what: "the signed file", file: file.clone(), why })?;
    let statements = signing::verify(file, &bytes, &command.keys, command.signature.as_deref())?;
    term::out(&match global.output {
        Format::Text => render::saved::signed(file, &command.keys, &statements),
        Format::Json => Document::Verify.text(Exit::Done, &json!({ "file": file, "statements": statements })),
    });
    Ok(Exit::Done)
}
