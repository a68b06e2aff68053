//! `kaphost policy diff`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_policy::{FactKind, HostOptions, PolicyHost};
use kaphost_policy_kit::compare;

use super::module::Named;
use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::render::policy::diff::{self as shown, Compared};
use crate::render::simple::Simple;
use crate::{place, policies, term};

/// Say what another version of a policy would change, on a folder of configs
///
/// Both modules are asked about every `.kdl` file of the folder and those below it: which would newly be denied, newly be let pass, or be left otherwise,
/// value by value. Neither reads AWS; each is asked as a module given by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost policy diff oci://ghcr.io/acme/org:1.2 org.wasm --corpus configs\n  \
                        kaphost policy diff old.wasm new.wasm --corpus configs --set narrow=true --detailed-exitcode --output json")]
pub(crate) struct Command {
    /// The policy as it is: its file, or oci://HOST/NAME:TAG
    #[arg(value_name = "OLD")]
    old: Named,
    /// The policy as it would be
    #[arg(value_name = "NEW")]
    new: Named,
    /// A folder of configs, or a config; may be given several times
    #[arg(long, value_name = "PATH", required = true)]
    corpus: Vec<PathBuf>,
    /// A setting of both; a list is VALUE,VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A setting of the new one alone, over what --set gives both
    #[arg(long = "set-new", value_name = "NAME=VALUE")]
    settings_new: Vec<String>,
    #[command(flatten)]
    facts: FactsArgs,
    /// End with 2 when anything is different
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let cache_dir = place::cache().map(|folder| folder.join("modules"));
    let host = PolicyHost::new(HostOptions { cache_dir, pooled: true, ..HostOptions::default() })?;
    let load = |named: &Named| Ok::<_, Failure>(host.load_one(&named.ready()?)?);
    let old = policies::alone(load(&command.old)?, &command.settings)?;
    let names: BTreeSet<&str> = command.settings_new.iter().filter_map(|given| given.split('=').next()).collect();
    let both = command.settings.iter().filter(|given| !given.split('=').next().is_some_and(|name| names.contains(name)));
    let new = policies::alone(load(&command.new)?, &both.chain(&command.settings_new).cloned().collect::<Vec<_>>())?;
    let needs: BTreeSet<FactKind> = old.facts().chain(new.facts()).collect();

    let mut compared = Vec::new();
    for file in corpus(&command.corpus)? {
        let name = file.display().to_string();
        let inputs = match input::read(&ClusterArgs { file, clusters: Vec::new() }) {
            Ok(inputs) => inputs,
            Err(failure) => {
                compared.push(Compared::Unreadable { file: name, text: failure.text() });
                continue;
            }
        };
        for input in inputs {
            let facts = command.facts.given(&input, &needs).map(Option::unwrap_or_default);
            compared.push(match facts {
                Ok(facts) => {
                    let difference = Box::new(compare(&old, &new, &input.spec, &facts));
                    Compared::Both { file: name.clone(), cluster: input.spec.cluster.name.to_string(), difference }
                }
                Err(failure) => Compared::Unreadable { file: name.clone(), text: failure.text() },
            });
        }
    }
    let differs = compared.iter().any(Compared::differs);
    let exit = if differs && command.detailed_exitcode { Exit::Changes } else { Exit::Done };
    term::out(&match global.output {
        Format::Text => shown::text(old.module(), new.module(), &compared),
        Format::Json => Document::PolicyDiff.text(exit, &shown::json(old.module(), new.module(), &compared)),
    });
    Ok(exit)
}

/// Every config of the corpus, sorted.
fn corpus(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut files)?;
        } else if path.exists() {
            files.insert(path.clone());
        } else {
            // What is named has to be there; what lies below a folder may be anything.
            return Err(Failure::Unreadable { what: "the corpus", file: path.clone(), why: "does not exist".into() });
        }
    }
    if files.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        let message = format!("there is no config in {}", names.join(", "));
        return Err(Failure::Unfit(vec![Simple::new("no-corpus", message).with_help("name a folder that holds `.kdl` files")]));
    }
    Ok(files.into_iter().collect())
}

fn below(folder: &Path, into: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| Failure::Unreadable { what: "the folder", file: folder.to_owned(), why: input::plain(&error) };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
        // A link to a folder may lead back here, and is not followed.
        if kind.is_dir() {
            below(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "kdl") && path.is_file() {
            into.insert(path);
        }
    }
    Ok(())
}
