//! `kaphost policy build`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_policy::{Anatomy, ModuleFile, PolicyError};
use kaphost_policy_build::module::{self, Order};
use kaphost_policy_build::{BuildError, Makers, Source, compiler, component, python};

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::policy::inspect;
use crate::render::simple::Simple;
use crate::{input, place, policies, record, term};

/// Build a policy: compile it, make a component of it, and hold it to the contract
///
/// The compiler for WebAssembly is found or made: the active rustc, else `rustup target add`, else, on Debian and Ubuntu, one of the distribution's
/// packages, below your cache folder. The same source and the same compiler give the same bytes, wherever the project lies. A policy in Python is made by
/// componentize-py, which is found or installed below your cache folder; the same source gives the same bytes there, too, on Linux on x86-64.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost policy build\n  kaphost policy build policies/small-root-volumes --locked\n  \
                        kaphost policy build --out dist/policy.wasm --output json")]
pub(crate) struct Command {
    /// The policy's folder, which holds its Cargo.toml or pyproject.toml
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Where the component goes: NAME.wasm in the policy's folder by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fail where Cargo.lock would have to change: for pipelines. Python's is always what this kaphost was made with
    #[arg(long)]
    locked: bool,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let source = Source::find(&command.folder).map_err(|error| failure(&error))?;
    let file = format!("{}.wasm", source.name());
    let out = command
        .out
        .clone()
        .unwrap_or_else(|| if command.folder == Path::new(".") { PathBuf::from(file) } else { command.folder.join(file) });
    let component = compile(&source, command.locked).map_err(|error| failure(&error))?;
    // By the host itself, which is stricter than any tool: what it takes here it takes everywhere.
    let loaded = policies::host()?.load_read(&ModuleFile { path: out.clone(), ..ModuleFile::default() }, &component)?;
    let anatomy = Anatomy::of(&component).map_err(|error| PolicyError::Load { policy: loaded.source().to_owned(), error })?;
    put(&out, &component)?;
    term::out(&match global.output {
        Format::Text => inspect::line(&loaded, &anatomy),
        Format::Json => Document::PolicyBuild.text(Exit::Done, &inspect::json(&loaded, &anatomy)),
    });
    Ok(Exit::Done)
}

fn compile(source: &Source, locked: bool) -> Result<Vec<u8>, BuildError> {
    let mut say = |line: &str| term::err(&format!("{line}\n"));
    let (component, language, compiler) = match source {
        Source::Rust(project) => {
            let order = Order { locked, ..project.order() };
            let cache = place::cache().unwrap_or_else(|| order.target_dir.clone());
            let compiler = compiler::find(&cache, &mut say)?;
            let component = component::from_module(&module::build(&order, &compiler)?)?;
            (component, "Rust", ("rustc", compiler.version()))
        }
        Source::Python(project) => {
            let cache = place::cache().unwrap_or_else(|| project.folder.join(".kaphost"));
            let component = project.componentize(&python::find(&cache, &mut say)?, &mut say)?;
            component::check(&component)?;
            (component, "Python", ("componentize-py", python::VERSION.to_owned()))
        }
    };
    Ok(Makers { language, compiler, kaphost: env!("CARGO_PKG_VERSION").to_owned() }.sign(&component)?)
}

/// Replaces the file in one step, so that nobody reads half of it.
fn put(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| Failure::Unwritable { what: "the policy", file: file.to_owned(), why: input::plain(&error) };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    record::replace(file, bytes).map_err(unwritable)
}

fn failure(error: &BuildError) -> Failure {
    Failure::Unfit(vec![Simple::new("build", error.to_string()).with_help(error.help())])
}
