//! `kaphost policy …`: for those who write policies, and for those who pass them on. One command a file, as everywhere.

mod bench;
mod build;
mod diff;
mod digest;
mod inspect;
mod lock;
mod module;
mod new;
mod pull;
mod push;
mod run;
mod sign;
mod test;
mod verify;

use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;

/// Write, build and try policies, sign them, and pass them on by registries: for those who write or choose them
///
/// None of these reads AWS, and none holds the policies that this machine or KAPHOST_POLICY name: it is the module that is given which is looked at.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy new small-root-volumes\n  kaphost policy build small-root-volumes\n  kaphost policy inspect org.wasm\n  \
                  kaphost policy run org.wasm cluster.kdl --set parts=no-public-ip\n  kaphost policy push org.wasm oci://ghcr.io/acme/org:1.2 --sign key.pem\n  \
                  kaphost policy lock policies.kdl"
)]
pub(crate) struct Command {
    #[command(subcommand)]
    command: Policy,
}

#[derive(Debug, Subcommand)]
enum Policy {
    New(new::Command),
    Build(build::Command),
    Inspect(inspect::Command),
    Run(run::Command),
    Test(test::Command),
    Bench(bench::Command),
    Diff(diff::Command),
    Push(push::Command),
    Pull(pull::Command),
    Sign(sign::Command),
    Verify(verify::Command),
    Digest(digest::Command),
    Lock(lock::Command),
}

impl Command {
    /// Whether it has forms beside text and JSON.
    #[must_use]
    pub(crate) const fn has_forms(&self) -> bool {
        matches!(self.command, Policy::Test(_))
    }

    /// What it prints with `--output json`.
    #[must_use]
    pub(crate) const fn document(&self) -> Document {
        match self.command {
            Policy::New(_) => Document::PolicyNew,
            Policy::Build(_) => Document::PolicyBuild,
            Policy::Inspect(_) => Document::PolicyInspect,
            Policy::Run(_) => Document::PolicyRun,
            Policy::Test(_) => Document::PolicyTest,
            Policy::Bench(_) => Document::PolicyBench,
            Policy::Diff(_) => Document::PolicyDiff,
            Policy::Push(_) => Document::PolicyPush,
            Policy::Pull(_) => Document::PolicyPull,
            Policy::Sign(_) => Document::PolicySign,
            Policy::Verify(_) => Document::PolicyVerify,
            Policy::Digest(_) => Document::PolicyDigest,
            Policy::Lock(_) => Document::PolicyLock,
        }
    }
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    match &command.command {
        Policy::New(command) => new::run(global, command),
        Policy::Build(command) => build::run(global, command),
        Policy::Inspect(command) => inspect::run(global, command),
        Policy::Run(command) => run::run(global, command),
        Policy::Test(command) => test::run(command),
        Policy::Bench(command) => bench::run(global, command),
        Policy::Diff(command) => diff::run(global, command),
        Policy::Push(command) => push::run(global, command),
        Policy::Pull(command) => pull::run(global, command),
        Policy::Sign(command) => sign::run(global, command),
        Policy::Verify(command) => verify::run(global, command),
        Policy::Digest(command) => digest::run(global, command),
        Policy::Lock(command) => lock::run(global, command),
    }
}
