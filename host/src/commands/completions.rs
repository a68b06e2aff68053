//! `kaphost completions`

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell as Target;

use crate::cli::{Cli, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::term;

/// Print what a shell needs to complete kaphost's commands, flags and files
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    kaphost completions bash > ~/.local/share/bash-completion/completions/kaphost\n  \
    kaphost completions zsh > ~/.zfunc/_kaphost\n  \
    kaphost completions fish > ~/.config/fish/completions/kaphost.fish\n  \
    kaphost completions powershell >> $PROFILE")]
pub(crate) struct Command {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

pub(super) fn run(_: &Global, command: &Command) -> Result<Exit, Failure> {
    let target = match command.shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
        Shell::Powershell => Target::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(target, &mut Cli::command(), "kaphost", &mut script);
    term::out(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
