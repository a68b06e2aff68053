//! Everything that ends a command, with its exit code, its text and its JSON. The rooms' own errors come in as they are.

use std::path::PathBuf;

use kaphost_apply::{CloudError, ErrorKind};
use kaphost_lab::LabError;
use kaphost_policy::{Decision, PolicyError};
use kaphost_registry::RegistryError;
use kaphost_spec::{Diagnostic, Report, nearest};
use serde_json::{Value, json};

use crate::document::Document;
use crate::exit::Exit;
use crate::record::Inputs;
use crate::registry;
use crate::render::{self, simple::Simple};

/// Why a command did not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file cannot be read.
    Unreadable {
        /// "the config", "the policy".
        what: &'static str,
        /// As the user named it.
        file: PathBuf,
        /// A clause: "does not exist".
        why: String,
    },
    /// A file cannot be written.
    Unwritable {
        /// "the record".
        what: &'static str,
        /// As the user named it.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The result did not get out to standard output.
    Unheard {
        /// What the system says.
        why: String,
        /// Whether the command may have changed AWS: what is done is done.
        writes: bool,
    },
    /// A recorded decision does not come out the same.
    Replay {
        /// The record.
        file: String,
        /// What was found not to be as it was, before anything was evaluated.
        reasons: Vec<Simple>,
        /// From the record to what comes out now, which has been shown already; empty when nothing differs, or nothing came out.
        diff: String,
        /// Why nothing came out.
        ended: Option<Box<Failure>>,
    },
    /// A saved plan, or what is signed, does not hold any more.
    Stale {
        /// The file.
        file: String,
        /// Every reason.
        reasons: Vec<Simple>,
        /// What ended the way to the same plan.
        ended: Option<Box<Failure>>,
    },
    /// The config holds mistakes.
    Config(Report),
    /// The config describes no cluster of a name that was given.
    NoSuchCluster {
        /// The config, as the user calls it.
        file: String,
        /// The names that lead nowhere.
        unknown: Vec<String>,
        /// The names that are there.
        there: Vec<String>,
    },
    /// The config describes several clusters, and the command is about one.
    SeveralClusters {
        /// The config.
        file: PathBuf,
        /// The command.
        command: &'static str,
        /// The names of the clusters.
        names: Vec<String>,
    },
    /// Nothing stands in the way of this cluster, but something does in that of another of the same run.
    HeldBack,
    /// A policy could not be trusted or run.
    Policy(Box<PolicyError>),
    /// Policy sets that hold mistakes, or whose modules could not be trusted or run: everything that is wrong with any of them.
    Untrusted {
        /// In the sets' text.
        mistakes: Vec<Diagnostic>,
        /// With what the sets name.
        problems: Vec<Simple>,
    },
    /// Policies about which something is odd, where nothing may be.
    Strict {
        /// How much is odd.
        count: usize,
        /// What is odd, which has been shown already, for programs.
        warnings: Vec<Value>,
        /// The decision, for programs.
        decision: Box<Decision>,
    },
    /// Settings that the policies do not take. Each with its help.
    Settings(Vec<(String, String)>),
    /// The policies deny. What they say has been shown already.
    Denied {
        /// Those that deny, each with its place, for programs.
        violations: Vec<Value>,
        /// Those that a waiver holds for, for programs.
        waived: Vec<Value>,
        /// What led to it, for programs.
        inputs: Box<Inputs>,
        /// What is said beside them, for programs.
        warnings: Vec<Value>,
        /// The decision, for programs.
        decision: Box<Decision>,
    },
    /// A plan cannot be made: refusals, or values that this version does not provision.
    Unplannable(Vec<Simple>),
    /// A file that was given beside the config holds mistakes, or does not go with it; or the config names what is not there.
    Unfit(Vec<Simple>),
    /// Policies changed what others were told facts of.
    FactsMoved(Vec<Simple>),
    /// An output of something that is not there.
    NotThere {
        /// The output.
        what: String,
        /// The cluster.
        cluster: String,
    },
    /// A path that names no value.
    NoSuchValue {
        /// The path.
        path: String,
        /// What was probably meant.
        meant: Option<String>,
        /// Paths that are there.
        similar: Vec<String>,
    },
    /// A registry of modules, or the way to it.
    Registry(Box<RegistryError>),
    /// AWS, or the way to it.
    Cloud(CloudError),
    /// The lab's file.
    Lab(LabError),
    /// Nobody said yes.
    NotConfirmed,
    /// Nobody can be asked.
    NobodyToAsk,
    /// A plan breaks an invariant: a mistake of kaphost's own.
    Faulty(Vec<String>),
    /// The system gives no runtime.
    Runtime(String),
    /// The run ended half way.
    Stopped {
        /// What was done, and what went wrong, for people.
        said: String,
        /// Whether anything was changed.
        changed: bool,
        /// Whether somebody asked for it.
        interrupted: bool,
        /// What JSON readers get.
        report: Value,
    },
    /// The command line makes no sense.
    Usage(String),
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Self::Config(report)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::Policy(Box::new(error))
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            // What came is not what was agreed on; otherwise nothing came.
            Self::Registry(error) => {
                if error.is_untrusted() {
                    Exit::Untrusted
                } else {
                    Exit::Error
                }
            }
            Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Config(_)
            | Self::NoSuchCluster { .. }
            | Self::SeveralClusters { .. }
            | Self::HeldBack
            | Self::Unplannable(_)
            | Self::Unfit(_)
            | Self::NotThere { .. }
            | Self::NoSuchValue { .. }
            | Self::Cloud(_)
            | Self::Lab(_)
            | Self::NotConfirmed
            | Self::NobodyToAsk
            | Self::Faulty(_)
            | Self::Runtime(_)
            | Self::Unheard { writes: false, .. }
            | Self::Stopped { changed: false, .. } => Exit::Error,
            Self::Policy(_) | Self::FactsMoved(_) | Self::Untrusted { .. } | Self::Strict { .. } => Exit::Untrusted,
            Self::Denied { .. } => Exit::Denied,
            Self::Replay { .. } | Self::Stale { .. } => Exit::Stale,
            Self::Unheard { writes: true, .. } | Self::Stopped { changed: true, .. } => Exit::Partial,
            Self::Settings(_) | Self::Usage(_) => Exit::Usage,
        }
    }

    /// What is wrong, each with code, message and help; located where it has a place.
    #[must_use]
    pub(crate) fn problems(&self) -> Vec<Simple> {
        let one = |code: &str, message: String, help: &str| vec![Simple::new(code, message).with_help(help)];
        match self {
            Self::Config(_) | Self::Unplannable(_) | Self::Unfit(_) | Self::FactsMoved(_) | Self::Untrusted { .. } => Vec::new(),
            Self::Unreadable { what, file, why } => one(
                "unreadable",
                format!("{what} `{}` {why}", file.display()),
                "name a text file in UTF-8 that is there and that you may read",
            ),
            Self::Unheard { why, writes } => one(
                "unwritable",
                format!("the result cannot be written to standard output: {why}"),
                if *writes {
                    "what is done is done; make room and run it again, which says what there is"
                } else {
                    "make room, and run it again"
                },
            ),
            Self::Unwritable { what, file, why } => one(
                "unwritable",
                format!("{what} `{}` cannot be written: {why}; nothing was changed", file.display()),
                "name a file in a folder that is there and that you may write",
            ),
            Self::Replay { file, diff, ended, .. } => one(
                "replay",
                match (diff.is_empty(), ended.is_some()) {
                    (_, true) => format!("the decision in `{file}` cannot be made again"),
                    (false, _) => format!("the decision in `{file}` does not come out the same"),
                    (true, false) => format!("the decision in `{file}` comes out the same, and not everything is as it was"),
                },
                "replay it with the files that were decided on, and the kaphost that decided",
            ),
            Self::Stale { file, .. } => one(
                "stale",
                format!("`{file}` cannot be relied on; nothing was changed"),
                "the reasons stand above; mostly it is best to plan again, and to look at that",
            ),
            Self::NoSuchCluster { file, unknown, there } => {
                let one = |name: &String| {
                    let help = match nearest(name, there.iter().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are: {}", there.join(", ")),
                    };
                    Simple::new("no-such-cluster", format!("`{file}` describes no cluster `{name}`")).with_help(help)
                };
                unknown.iter().map(one).collect()
            }
            Self::SeveralClusters { file, command, names } => {
                let help = format!("name one of them with --cluster: {}", names.join(", "));
                let message = format!("`{}` describes {} clusters, and `{command}` is about one", file.display(), names.len());
                vec![Simple::new("several-clusters", message).with_help(help)]
            }
            Self::HeldBack => one(
                "held-back",
                "not begun: something stands in the way of another cluster of this run; nothing was changed".into(),
                "mend what is said of the other, or name the clusters to go on with: --cluster NAME",
            ),
            Self::Policy(error) => vec![Simple::of(error.code(), error.as_ref()).with_help(help_for(error))],
            Self::Settings(errors) => {
                errors.iter().map(|(message, help)| Simple::new("setting", message.clone()).with_help(help.clone())).collect()
            }
            Self::Strict { count, .. } => {
                let what = if *count == 1 { "1 warning".to_owned() } else { format!("{count} warnings") };
                one(
                    "strict",
                    format!("{what} about policies where --strict allows none; nothing was changed"),
                    "whoever owns the policies can mend what each warning says",
                )
            }
            Self::Denied { violations, .. } => {
                let what = if violations.len() == 1 { "1 violation".to_owned() } else { format!("{} violations", violations.len()) };
                one(
                    "denied",
                    format!("denied by policy: {what}; nothing was changed"),
                    "change the config as each violation says, or talk to whoever owns the policy",
                )
            }
            Self::NotThere { what, cluster } => one("not-there", format!("{cluster} has no {what} yet"), "run `kaphost apply` first"),
            Self::NoSuchValue { path, meant, similar } => {
                let known = similar.join(", ");
                let help = match meant {
                    Some(meant) => format!("did you mean `{meant}`? There are: {known}"),
                    None => format!("there are: {known}"),
                };
                vec![Simple::new("no-such-value", format!("the cluster has no value at `{path}`")).with_help(help)]
            }
            Self::Registry(error) => vec![registry::problem(error)],
            Self::Cloud(error) => vec![Simple::new("aws", error.to_string()).with_help(advice(error))],
            Self::Lab(error) => {
                let help = match error {
                    LabError::Io { .. } => "name a file that you may read and write, in a folder that is there",
                    LabError::NotALab { .. } => "name another file, or move this one away to start an empty lab",
                    LabError::OtherFormat { .. } => "use the kaphost that made it, or name another file",
                };
                vec![Simple::of("lab", error).with_help(help)]
            }
            Self::NotConfirmed => one("not-confirmed", "not confirmed; nothing was changed".into(), "answer `yes`, or give --auto-approve"),
            Self::NobodyToAsk => one(
                "nobody-to-ask",
                "there are changes to confirm, and standard input is no terminal; nothing was changed".into(),
                "give --auto-approve when a pipeline may decide this",
            ),
            Self::Faulty(faults) => faults
                .iter()
                .map(|fault| {
                    Simple::new("faulty-plan", format!("the plan breaks an invariant: {fault}; nothing was changed"))
                        .with_help("this is a mistake in kaphost: please report it with the plan")
                })
                .collect(),
            Self::Runtime(why) => one("runtime", format!("no runtime to be had: {why}"), "the system is out of threads or file handles"),
            Self::Stopped { changed, interrupted, .. } => {
                let how = if *interrupted { "stopped on request" } else { "stopped at a failure" };
                let what = if *changed { "; part of the plan is carried out" } else { "; nothing was changed" };
                one("stopped", format!("{how}{what}"), "run the same command again: it goes on from what is there")
            }
            Self::Usage(why) => one("usage", why.clone(), "see --help"),
        }
    }

    /// In one line, for a summary: what is wrong first.
    #[must_use]
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Config(report) => report.diagnostics().first().map(ToString::to_string),
            Self::Unplannable(problems) | Self::Unfit(problems) | Self::FactsMoved(problems) => problems.first().map(ToString::to_string),
            Self::Untrusted { mistakes, problems } => {
                problems.first().map(ToString::to_string).or_else(|| mistakes.first().map(ToString::to_string))
            }
            _ => self.problems().first().map(ToString::to_string),
        }
        .unwrap_or_else(|| self.exit().meaning().to_owned())
    }

    /// For people, on standard error.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Config(report) => render::diagnostics(report.diagnostics()),
            Self::Unplannable(problems) | Self::Unfit(problems) | Self::FactsMoved(problems) => {
                problems.iter().map(|problem| render::diagnostic::text(problem)).collect()
            }
            Self::Untrusted { mistakes, problems } => {
                let problems: String = problems.iter().map(|problem| render::diagnostic::text(problem)).collect();
                format!("{}{problems}", render::diagnostics(mistakes))
            }
            Self::Replay { reasons, ended, .. } | Self::Stale { reasons, ended, .. } => {
                let reasons: String = reasons.iter().map(|problem| render::diagnostic::text(problem)).collect();
                let ended = ended.as_ref().map(|failure| failure.text()).unwrap_or_default();
                let whole: String = self.problems().iter().map(|problem| render::diagnostic::text(problem)).collect();
                reasons + &ended + &whole
            }
            Self::Stopped { said, .. } => {
                let whole: String = self.problems().iter().map(|problem| render::diagnostic::text(problem)).collect();
                format!("{said}{whole}")
            }
            _ => self.problems().iter().map(|problem| render::diagnostic::text(problem)).collect(),
        }
    }

    /// For programs, on standard output.
    #[must_use]
    pub(crate) fn json(&self, document: Document) -> String {
        document.text(self.exit(), &self.members())
    }

    /// What stands in the document beside its envelope.
    #[must_use]
    pub(crate) fn members(&self) -> Value {
        let mut document = json!({});
        match self {
            Self::Config(report) => document["diagnostics"] = json!(report.diagnostics()),
            Self::Unplannable(problems) | Self::Unfit(problems) | Self::FactsMoved(problems) => {
                document["problems"] = problems.iter().map(Simple::json).collect()
            }
            Self::Untrusted { mistakes, problems } => {
                document["diagnostics"] = json!(mistakes);
                document["problems"] = problems.iter().map(Simple::json).collect();
            }
            _ => document["problems"] = self.problems().iter().map(Simple::json).collect(),
        }
        match self {
            Self::Denied { violations, waived, warnings, inputs, decision } => {
                document["inputs"] = json!(inputs);
                document["violations"] = json!(violations);
                document["waived"] = json!(waived);
                document["warnings"] = json!(warnings);
                document["decision"] = json!(decision);
            }
            Self::Strict { warnings, decision, .. } => {
                document["warnings"] = json!(warnings);
                document["decision"] = json!(decision);
            }
            Self::Replay { reasons, diff, ended, .. } => {
                document["same"] = json!(false);
                document["reasons"] = reasons.iter().map(Simple::json).collect();
                document["diff"] = json!(diff);
                document["ended"] = ended.as_ref().map(|failure| failure.ended()).unwrap_or_default();
            }
            Self::Stale { reasons, ended, .. } => {
                document["reasons"] = reasons.iter().map(Simple::json).collect();
                document["ended"] = ended.as_ref().map(|failure| failure.ended()).unwrap_or_default();
            }
            Self::Stopped { report, .. } => document["report"] = report.clone(),
            _ => {}
        }
        document
    }

    /// As part of another document: how it would have ended by itself.
    fn ended(&self) -> Value {
        let mut members = self.members();
        members["exit"] = json!(self.exit().code());
        members
    }
}

/// What to do about a policy that could not be trusted or run.
fn help_for(error: &PolicyError) -> String {
    match error {
        PolicyError::MissingFacts { ungranted, .. } if ungranted.is_empty() => {
            "`kaphost plan` and `kaphost apply` read them from AWS; without it, `kaphost facts CLUSTER.kdl > facts.json` keeps them for --facts facts.json"
                .to_owned()
        }
        other => other.help(),
    }
}

/// What to do about a failed call.
pub(crate) const fn advice(error: &CloudError) -> &'static str {
    match error.kind {
        ErrorKind::Credentials => "give credentials: `aws sso login`, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ErrorKind::AccessDenied => "the caller may not do this: ask for the permission that the message names",
        ErrorKind::Throttled => "AWS is asked too often from this account: wait a little and run again",
        ErrorKind::Quota => "a quota of the account is reached: ask AWS for more, or remove what is not needed",
        ErrorKind::Unreachable => "check the network, the region and AWS_ENDPOINT_URL",
        ErrorKind::Service | ErrorKind::Busy => "AWS could not do it just now: run again",
        ErrorKind::InUse => "something else still uses it: remove that, or wait and run again",
        ErrorKind::NotVisibleYet => "IAM took longer than usual to reach EC2: run again",
        ErrorKind::AlreadyExists | ErrorKind::NotOurs => {
            "something of that name is there and is not ours: choose another name, or remove it"
        }
        ErrorKind::RolloutFailed => "AWS's own words say why the new server does not come: mend that, and apply again",
        ErrorKind::LaunchFailed => "AWS's own words say why the server does not start: mend that, and run again",
        ErrorKind::TimedOut => {
            "`kaphost status` shows how it goes on; scaling.wait-for-capacity-timeout and rollout.timeout set how long apply waits"
        }
        ErrorKind::BrokenPlan => "this is a mistake in kaphost: please report it with the plan",
        ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Other => "AWS's own words say what it does not like",
    }
}
