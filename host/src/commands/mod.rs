//! One command a file. Each gives the exit code of a run that came to its end, or the failure that ended it.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod destroy;
pub(crate) mod explain;
pub(crate) mod facts;
pub(crate) mod man;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod verify;

use crate::cli::{Command, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::term;

/// Runs the command that was asked for.
///
/// # Errors
/// The failure that ended it.
pub(crate) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Check(command) => check::run(global, command),
        Command::Plan(command) => plan::run(global, command),
        Command::Apply(command) => apply::run(global, command),
        Command::Adopt(command) => adopt::run(global, command),
        Command::Destroy(command) => destroy::run(global, command),
        Command::Status(command) => status::run(global, command),
        Command::Output(command) => output::run(global, command),
        Command::Explain(command) => explain::run(global, command),
        Command::Facts(command) => facts::run(global, command),
        Command::Convert(command) => convert::run(global, command),
        Command::Replay(command) => replay::run(global, command),
        Command::Schema(command) => schema::run(global, command),
        Command::Show(command) => show::run(global, command),
        Command::Verify(command) => verify::run(global, command),
        Command::Report(command) => report::run(global, command),
        Command::Completions(command) => completions::run(global, command),
        Command::Man(command) => man::run(global, command),
        Command::Policy(command) => policy::run(global, command),
    }
}

/// Asks before anything is changed.
///
/// # Errors
/// When nobody can be asked, or the answer is not yes.
async fn ask(approved: bool, question: String) -> Result<(), Failure> {
    if approved {
        return Ok(());
    }
    if !term::can_ask() {
        return Err(Failure::NobodyToAsk);
    }
    // On a thread of its own: while somebody thinks, ctrl-C is heard here.
    let answer = async { tokio::task::spawn_blocking(move || term::confirm(&question)).await.map_err(|_| Failure::NotConfirmed) };
    match or_ctrl_c(answer).await? {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Failure::NotConfirmed),
    }
}
