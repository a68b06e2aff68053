//! The command line. One command a file under `commands/`; the doc comments of the arguments are the help.

use std::ffi::OsString;

use clap::{Args, FromArgMatches as _, Parser, Subcommand};
use jiff::Timestamp;

use crate::commands::{
    adopt, apply, check, completions, convert, destroy, explain, facts, man, output, plan, policy, replay, report, schema, show, status,
    verify,
};
use crate::document::Document;
use crate::exit;
use crate::failure::Failure;
pub(crate) use crate::forms::Format;
use crate::forms::{self, Form, Forms, OUTPUT, Output};
use crate::term::Color;

/// Provisions a Kapacitor server on AWS from a KDL file, under policies that are WebAssembly modules.
///
/// The policies see the file first: they may rewrite it or refuse it. What they leave is compared with what AWS holds, and only the
/// difference is carried out. There is no state file.
#[derive(Debug, Parser)]
#[command(name = "kaphost", version, max_term_width = 100, after_help = exit::help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// The form of the result on standard output
    #[arg(id = OUTPUT, long, global = true, value_name = "OUTPUT", value_parser = Forms(Form::OF_ALL), default_value = "text", env = "KAPHOST_OUTPUT")]
    pub(crate) outputs: Vec<Output>,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t, env = "KAPHOST_COLOR")]
    pub(crate) color: Color,
    /// Say more: what the policies log, and how their modules were loaded
    #[arg(short, long, global = true, action = clap::ArgAction::SetTrue)]
    pub(crate) verbose: bool,
}

/// What every command is told, whichever it is.
#[derive(Clone, Debug)]
pub(crate) struct Global {
    /// The form of what is on standard output.
    pub(crate) output: Format,
    /// Whether to say more.
    pub(crate) verbose: bool,
}

impl Cli {
    /// The command line of this process. Where it begins with a command, only that one is built: all of them are a fifth of what `kaphost check` takes.
    ///
    /// # Errors
    /// When it cannot be read, or asks for help. What is said then may be about any command: it comes from all of them.
    pub(crate) fn of_process() -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        Self::of_one_command(&arguments).map_or_else(|| Self::try_parse_from(arguments), Ok)
    }

    /// As the whole command line reads it, when the first argument is a command and nothing is wrong with those behind it.
    fn of_one_command(arguments: &[OsString]) -> Option<Self> {
        let command = Command::named(arguments.get(1)?.to_str()?)?;
        let matches = GlobalArgs::augment_args(clap::Command::new("kaphost")).subcommand(command).try_get_matches_from(arguments).ok()?;
        Some(Self { global: GlobalArgs::from_arg_matches(&matches).ok()?, command: Command::from_arg_matches(&matches).ok()? })
    }

    /// What every command is told.
    ///
    /// # Errors
    /// When `--output` asks for what the command does not have.
    pub(crate) fn global(&self) -> Result<Global, Failure> {
        let outputs = &self.global.outputs;
        let output = if self.command.has_forms() { forms::on_stdout(outputs)? } else { forms::only(outputs)? };
        Ok(Global { output, verbose: self.global.verbose })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Command),
    Plan(plan::Command),
    Apply(apply::Command),
    Adopt(adopt::Command),
    Destroy(destroy::Command),
    Status(status::Command),
    Output(output::Command),
    Explain(explain::Command),
    Facts(facts::Command),
    Show(show::Command),
    Verify(verify::Command),
    Replay(replay::Command),
    Report(report::Command),
    Convert(convert::Command),
    Schema(schema::Command),
    Completions(completions::Command),
    Man(man::Command),
    Policy(policy::Command),
}

impl Command {
    /// One command with its arguments, by its name.
    fn named(name: &str) -> Option<clap::Command> {
        let with_arguments = match name {
            "check" => check::Command::augment_args,
            "plan" => plan::Command::augment_args,
            "apply" => apply::Command::augment_args,
            "adopt" => adopt::Command::augment_args,
            "destroy" => destroy::Command::augment_args,
            "status" => status::Command::augment_args,
            "output" => output::Command::augment_args,
            "explain" => explain::Command::augment_args,
            "facts" => facts::Command::augment_args,
            "show" => show::Command::augment_args,
            "verify" => verify::Command::augment_args,
            "replay" => replay::Command::augment_args,
            "report" => report::Command::augment_args,
            "convert" => convert::Command::augment_args,
            "schema" => schema::Command::augment_args,
            "completions" => completions::Command::augment_args,
            "man" => man::Command::augment_args,
            "policy" => policy::Command::augment_args,
            _ => return None,
        };
        Some(with_arguments(clap::Command::new(name.to_owned())))
    }

    /// Whether it has forms beside text and JSON, and writes them to files.
    const fn has_forms(&self) -> bool {
        match self {
            Self::Check(_) => true,
            Self::Policy(command) => command.has_forms(),
            _ => false,
        }
    }

    /// What it prints with `--output json`.
    #[must_use]
    pub(crate) const fn document(&self) -> Document {
        match self {
            Self::Check(_) => Document::Check,
            Self::Plan(_) => Document::Plan,
            Self::Apply(_) => Document::Apply,
            Self::Adopt(_) => Document::Adopt,
            Self::Destroy(_) => Document::Destroy,
            Self::Status(_) => Document::Status,
            Self::Output(_) => Document::Output,
            Self::Explain(_) => Document::Explain,
            Self::Facts(_) => Document::Facts,
            Self::Show(_) => Document::Show,
            Self::Verify(_) => Document::Verify,
            Self::Replay(_) => Document::Replay,
            Self::Convert(_) => Document::Convert,
            Self::Schema(_) => Document::Schema,
            Self::Report(_) => Document::Report,
            Self::Completions(_) => Document::Completions,
            Self::Man(_) => Document::Man,
            Self::Policy(command) => command.document(),
        }
    }
}

/// The policies of a run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct PolicyArgs {
    /// A policy module, or a policy set; a module may be in a registry: oci://HOST/NAME@sha256:DIGEST. May be given several times. They run in this order, after the machine's own set and those of KAPHOST_POLICY
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<String>,
    /// A setting of modules given by themselves: NAME=VALUE, or POLICY:NAME=VALUE for one of them. A list is VALUE,VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// The clock of a run that changes nothing.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct ClockArgs {
    /// The instant by which waivers are held, as RFC 3339 has it; now by default. `apply` takes none: it goes by the clock
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) now: Option<Timestamp>,
}

/// How warnings about policies are taken.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct StrictArgs {
    /// End with 4 when the outcome hangs on the order of the policies, or a waiver has expired, lasts too long or is not needed
    #[arg(long, env = "KAPHOST_STRICT", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) strict: bool,
}

fn instant(text: &str) -> Result<Timestamp, &'static str> {
    kaphost_policy_set::instant(text).ok_or("write date, time and offset, such as 2027-01-31T00:00:00Z")
}

/// The cloud of a run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cloud")]
pub(crate) struct CloudArgs {
    /// `aws`, or `lab:FILE` for a cloud in a file, to try everything with no AWS at all
    #[arg(long, value_name = "CLOUD", default_value = "aws", env = "KAPHOST_CLOUD")]
    pub(crate) cloud: String,
    /// The profile of the AWS configuration; AWS_PROFILE otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The address of the AWS API; AWS_ENDPOINT_URL otherwise
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    /// Each has all the arguments that it has beside the others.
    #[test]
    fn every_command_can_be_read_by_itself() {
        for whole in Cli::command().get_subcommands() {
            let alone = Command::named(whole.get_name()).unwrap_or_else(|| panic!("`{}` is not in the list", whole.get_name()));
            let described = |command: &clap::Command| command.get_arguments().map(|one| format!("{one:?}")).collect::<Vec<_>>();
            assert_eq!(described(&alone), described(whole));
            let names = |command: &clap::Command| command.get_subcommands().map(|one| one.get_name().to_owned()).collect::<Vec<_>>();
            assert_eq!(names(&alone), names(whole));
        }
    }

    #[test]
    fn one_command_is_read_as_among_all() {
        for line in [
            "kaphost check a.kdl b.kdl --policy org.wasm --output json --verbose",
            "kaphost check a.kdl --output sarif=a.sarif --output text --fail-on advisory",
            "kaphost policy test --output tap org",
            "kaphost apply cluster.kdl --auto-approve --color never",
            "kaphost plan cluster.kdl --output json",
        ] {
            let arguments = arguments(line);
            let alone = Cli::of_one_command(&arguments).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(format!("{alone:?}"), format!("{:?}", Cli::try_parse_from(&arguments).unwrap()), "{line}");
        }
        // What asks for help, is wrong or begins with something else is for all of them.
        for line in
            ["kaphost", "kaphost check", "kaphost check --help", "kaphost help check", "kaphost chek", "kaphost --verbose check a.kdl"]
        {
            assert!(Cli::of_one_command(&arguments(line)).is_none(), "{line}");
        }
    }
}
