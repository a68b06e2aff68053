//! `kaphost convert`

use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use kaphost_convert::{Request, convert};
use kaphost_spec::ConfigSource;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::conversion;
use crate::render::simple::Simple;
use crate::{input, term};

/// Turn a module block of the Terraform module for Kapacitor into a config
///
/// Every module block whose source ends in kapacitor-server becomes a cluster, together with the kapacitor-security-group-rules beside it.
/// Arguments may be literals, variables with a value, locals, templates and a few functions of these. Every other argument is named, with its
/// line and column and with what to write instead. What a cluster needs and the files do not tell is left open, as REPLACE-WITH-…, and the
/// exit code is 1. Calls no AWS and runs no Terraform.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost convert main.tf\n  kaphost convert main.tf variables.tf stage.tfvars --out cluster.kdl\n  \
                        kaphost convert . --name kapacitor_server --region us-east-1 --output json")]
pub(crate) struct Command {
    /// The Terraform files, read as one module; .tfvars files give values to variables. A folder stands for those that Terraform reads in it
    #[arg(value_name = "FILE.tf", required = true)]
    files: Vec<PathBuf>,
    /// The label of the one module block to convert; all servers otherwise
    #[arg(long, value_name = "MODULE")]
    name: Option<String>,
    /// The region, in place of that of the provider
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The file to write the config to; standard output otherwise
    #[arg(long, value_name = "CLUSTER.kdl")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let files = files(&command.files)?;
    if let Some(out) = &command.out {
        may_write(out, &files, command.force)?;
    }
    let mut sources = Vec::new();
    for file in &files {
        let text = input::text_of(file).map_err(|why| Failure::Unreadable { what: "the Terraform file", file: file.clone(), why })?;
        sources.push(ConfigSource::new(file.display().to_string(), text));
    }
    let folder = match (&command.out, files.first()) {
        (Some(out), Some(file)) => way(folder_of(out), folder_of(file)),
        _ => String::new(),
    };
    let request = Request { files: sources, module: command.name.clone(), region: command.region.clone(), folder };
    let conversion = match convert(request) {
        Ok(conversion) => conversion,
        Err(findings) => {
            term::err(&conversion::findings(&findings));
            if global.output == Format::Json {
                let findings: Vec<_> = findings.iter().map(conversion::finding_json).collect();
                term::out(&Document::Convert.text(Exit::Error, &json!({ "findings": findings })));
            }
            return Ok(Exit::Error);
        }
    };
    let exit = if conversion.is_usable() { Exit::Done } else { Exit::Error };
    if let Some(out) = &command.out {
        write(out, &conversion.kdl, command.force)?;
    }
    term::err(&conversion::findings(&conversion.findings));
    match global.output {
        Format::Text if command.out.is_none() => term::out(&conversion.kdl),
        Format::Text => {}
        Format::Json => {
            let members = json!({
                "clusters": conversion.clusters,
                "arguments": conversion.arguments.iter().map(conversion::argument_json).collect::<Vec<_>>(),
                "findings": conversion.findings.iter().map(conversion::finding_json).collect::<Vec<_>>(),
                "file": command.out,
                "kdl": conversion.kdl,
            });
            term::out(&Document::Convert.text(exit, &members));
        }
    }
    term::err(&conversion::summary(&conversion));
    Ok(exit)
}

/// The files that are named, and for a folder those that Terraform reads in it.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| Failure::Unreadable { what: "the folder", file: path.clone(), why: input::plain(&error) };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if name.to_str().is_some_and(is_read_by_terraform) {
                found.push(path.join(name));
            }
        }
        if found.is_empty() {
            return Err(Failure::Unreadable { what: "the folder", file: path.clone(), why: "holds no .tf file".to_owned() });
        }
        // Values of variables come last, each outweighing those before it.
        found
            .sort_by_key(|file| (file.extension().is_some_and(|kind| kind == "tfvars"), !file.ends_with("terraform.tfvars"), file.clone()));
        files.extend(found);
    }
    Ok(files)
}

fn is_read_by_terraform(name: &str) -> bool {
    let hidden = name.starts_with('.') || name.ends_with('~');
    !hidden && (name.ends_with(".tf") || name == "terraform.tfvars" || name.ends_with(".auto.tfvars"))
}

/// Whether the config may be put there; asked before anything else is done.
fn may_write(out: &Path, files: &[PathBuf], force: bool) -> Result<(), Failure> {
    let real = |file: &Path| file.canonicalize().ok();
    if files.iter().any(|file| real(file).is_some() && real(file) == real(out)) {
        return Err(Failure::Usage(format!("--out names `{}`, which is to be converted", out.display())));
    }
    if out.exists() && !force { Err(exists(out)) } else { Ok(()) }
}

fn exists(out: &Path) -> Failure {
    let problem = Simple::new("file-exists", format!("`{}` is there already; nothing was written", out.display()));
    Failure::Unfit(vec![problem.with_help("name another file, or give --force to write over it")])
}

/// Puts the config in place whole or not at all.
fn write(out: &Path, kdl: &str, force: bool) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        let problem = Simple::new("not-written", format!("`{}` cannot be written: {error}", out.display()));
        Failure::Unfit(vec![problem.with_help("name a file in a folder that is there and that you may write to")])
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any file that the user makes; the process's mask takes its part away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut new = builder.tempfile_in(folder_of(out)).map_err(|error| failed(&error))?;
    new.write_all(kdl.as_bytes()).map_err(|error| failed(&error))?;
    if force {
        new.persist(out).map_err(|error| failed(&error.error))?;
        return Ok(());
    }
    match new.persist_noclobber(out) {
        Ok(_) => Ok(()),
        // It came to be since it was asked for.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(out)),
        Err(error) => Err(failed(&error.error)),
    }
}

/// The folder that a file is in; never empty.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The way from one folder to another, as a config spells it; empty where they are the same.
fn way(from: &Path, to: &Path) -> String {
    let (Ok(from), Ok(to)) = (from.canonicalize(), to.canonicalize()) else { return to.display().to_string() };
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_folders() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| {
            let folder = root.path().join(path);
            std::fs::create_dir_all(&folder).unwrap();
            folder
        };
        let (tf, kdl, deep) = (at("live/tf"), at("live/kdl"), at("live/tf/modules/x"));
        assert_eq!(way(&tf, &tf), "");
        assert_eq!(way(&kdl, &tf), "../tf");
        assert_eq!(way(&tf, &deep), "modules/x");
        assert_eq!(way(&deep, &tf), "../..");
    }

    #[test]
    fn a_folder_is_read_as_terraform_reads_it() {
        let names = ["main.tf", "a.tf.json", ".hidden.tf", "main.tf~", "terraform.tfvars", "stage.tfvars", "x.auto.tfvars", "README.md"];
        let read: Vec<&str> = names.into_iter().filter(|name| is_read_by_terraform(name)).collect();
        assert_eq!(read, ["main.tf", "terraform.tfvars", "x.auto.tfvars"]);
    }
}
