//! `kaphost man`

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::{Cli, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::record;
use crate::term;

/// Print the manual page of kaphost, or write a page for every command into a folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost man | man -l -\n  kaphost man --dir ~/.local/share/man/man1 && man kaphost-apply")]
pub(crate) struct Command {
    /// Write a page for kaphost and for each of its commands into this folder, which is made
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(_: &Global, command: &Command) -> Result<Exit, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let Some(folder) = &command.dir else {
        term::out(&page(&cli, "kaphost")?);
        return Ok(Exit::Done);
    };
    let unwritable =
        |file: &Path, error: &std::io::Error| Failure::Unwritable { what: "the page", file: file.to_owned(), why: error.to_string() };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    for (name, text) in pages(&cli, "kaphost")? {
        let file = folder.join(format!("{name}.1"));
        record::replace(&file, text.as_bytes()).map_err(|error| unwritable(&file, &error))?;
    }
    Ok(Exit::Done)
}

/// A page for a command and for each below it: `kaphost-policy-new`.
fn pages(command: &clap::Command, name: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut all = vec![(name.to_owned(), page(command, name)?)];
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        all.extend(pages(below, &format!("{name}-{}", below.get_name()))?);
    }
    Ok(all)
}

fn page(command: &clap::Command, name: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    let titled = command.clone().display_name(name.to_owned());
    let written = Man::new(titled).title(name).section("1").render(&mut text);
    written.map_err(|error| Failure::Faulty(vec![format!("a manual page cannot be written down: {error}")]))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
