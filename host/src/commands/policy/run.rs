//! `kaphost policy run`

use clap::Args;
use jiff::Timestamp;
use kaphost_policy::{Circumstances, Effect, Policy, Terms, Verdict, admit};

use super::module::Named;
use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::render::policy::run as shown;
use crate::{policies, render, term};

/// Ask one policy about one config: what it changes and refuses, what it says, what it used up
///
/// Nothing else is asked: no policy set, no other policy. The policy may change everything and make nothing less safe, as a module that is given to
/// `kaphost check` by itself. Exit code 3 when it denies.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost policy run org.wasm cluster.kdl\n  \
                        kaphost policy run restrict-ssh.wasm cluster.kdl --set allowed-cidrs=10.0.0.0/8 --set narrow=true\n  \
                        kaphost policy run ami-origin.wasm cluster.kdl --facts facts.json --output json")]
pub(crate) struct Command {
    /// The policy's file, or oci://HOST/NAME:TAG, also with @sha256:DIGEST
    #[arg(value_name = "MODULE")]
    module: Named,
    #[command(flatten)]
    clusters: ClusterArgs,
    /// A setting of the policy; a list is VALUE,VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Let it see the text of the user data, as a policy set may
    #[arg(long)]
    user_data: bool,
    #[command(flatten)]
    facts: FactsArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let module = policies::host()?.load_one(&command.module.ready()?)?;
    let limits = module.limits().clone();
    let policy = policies::alone(module, &command.settings)?;
    let terms = Terms { user_data: command.user_data, ..policy.terms().clone() };
    let policy = Policy::new(policy.module().clone(), policy.settings().clone(), terms);
    let input = input::only(input::read(&command.clusters)?, &command.clusters.file, "policy run")?;
    let facts = command.facts.given(&input, &policy.facts().collect())?.unwrap_or_default();
    let circumstances = Circumstances { facts: &facts, waivers: &[], now: Timestamp::now() };
    let admission = admit(&input.spec, &[policy], &circumstances)?;
    let exit = if admission.decision.verdict == Verdict::Denied { Exit::Denied } else { Exit::Done };
    term::err(&render::diagnostics(&input.warnings));
    term::err(&render::decision::logs(&admission));
    term::err(&render::decision::violations(&admission.decision, &input.spec, Effect::Deny, &render::decision::NoSets));
    term::out(&match global.output {
        Format::Text => shown::text(&admission, &input.spec, &limits),
        Format::Json => Document::PolicyRun.text(exit, &shown::json(&admission, &input.spec, &limits)),
    });
    Ok(exit)
}
