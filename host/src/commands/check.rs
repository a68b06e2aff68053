//! `kaphost check`

mod reading;
mod side_by_side;
mod tally;
mod targets;
mod writing;

use std::mem::ManuallyDrop;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kaphost_findings::{Checked, Finding, Kind, Level, Outcome, Run, Tool};
use kaphost_policy::Effect;
use serde_json::{Map, Value, json};

use self::reading::Item;
use self::side_by_side::side_by_side;
use crate::cli::{ClockArgs, Global, PolicyArgs, StrictArgs};
use crate::exit::Exit;
use crate::facts::FactsArgs;
use crate::failure::Failure;
use crate::forms::{Form, Forms, OUTPUT, Output};
use crate::input::Input;
use crate::pipeline::Admitted;
use crate::policies::{Asked, Policies};
use crate::record::RecordArgs;
use crate::render::simple::Simple;
use crate::render::{self, finding};
use crate::term;
use crate::verdict::Verdict;

/// Check configs and what the policies say of them; calls no AWS and needs no credentials
///
/// Shows what each policy would change and why, and every violation with its line and column. Takes files, folders, in which it checks every file
/// called *.kdl that is no policy set, and patterns; one that cannot be used does not keep the others from being checked. The exit code is the
/// gravest of all: 4 before 3, 3 before 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost check cluster.kdl\n  kaphost check cluster.kdl --policy org.wasm\n  \
                        kaphost check cluster.kdl --policy org.kdl --strict\n  \
                        kaphost check cluster.kdl --policy org.wasm --set allowed-cidrs=10.0.0.0/8 --output json\n  \
                        kaphost check envs/ 'clusters/**/*.kdl' --policy org.kdl --output text --output sarif=kaphost.sarif")]
pub(crate) struct Command {
    /// Configs, folders that hold some, or patterns such as 'clusters/**/*.kdl'
    #[arg(value_name = "CLUSTER.kdl", required = true)]
    files: Vec<PathBuf>,
    /// One cluster of the file, by its name; may be given several times. All of them otherwise
    #[arg(long = "cluster", value_name = "NAME")]
    clusters: Vec<String>,
    /// The form of the result; FORM=FILE writes it to a file. May be given several times, once for standard output
    #[arg(id = OUTPUT, long, value_name = "FORM[=FILE]", value_parser = Forms(Form::OF_CHECK), default_value = "text", env = "KAPHOST_OUTPUT")]
    outputs: Vec<Output>,
    /// Leave out what folders and patterns hold that matches; may be given several times
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// What ends with 3: violations of policies that are mandatory, or of advisory ones too
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, env = "KAPHOST_FAIL_ON")]
    fail_on: FailOn,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    record: RecordArgs,
}

/// `--fail-on`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What an advisory policy finds fails, too
    Advisory,
    /// What an advisory policy finds is said, and no more
    #[default]
    Mandatory,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    // A key that cannot be used is told before anything is done.
    drop(command.record.signers(false)?);
    let targets = targets::find(&command.files, &command.exclude)?;
    writing::spare(&command.outputs, &targets)?;
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict, record: Some(&command.record) };
    if !targets.one_file && (command.record.is_asked_for() || !command.clusters.is_empty()) {
        return Err(Failure::Usage("--record and --cluster are about one file, and several are to be checked".into()));
    }
    let (read, policies) = reading::load(&targets, &command.clusters, &asked)?;
    let one = matches!(&read, Some(Ok(items)) if items.len() == 1);
    // The process ends with this command, and the system takes all back at once: taking the sandboxes apart before would only take time.
    let ground = ManuallyDrop::new(policies);
    let mut common = Common::default();
    match ground.as_ref() {
        Ok(policies) => {
            policies.warn(&[]);
            common.findings = policies.warnings().map(|warning| finding::of_diagnostic(warning, Kind::Set)).collect();
        }
        Err(failure) => common.fail(failure),
    }
    let wants_more = command.outputs.iter().any(|output| output.form == Form::Json);
    let judge = Judge { global, command, ground: ground.as_ref().map_err(Failure::exit), wants_more, one };
    let (mut judged, mut skipped) = (Vec::new(), Vec::new());
    match read {
        Some(Ok(items)) => judged = side_by_side(items, |item| judge.one(item)),
        Some(Err(file)) => skipped.push(file),
        None => {
            let each =
                |target| reading::one(target, &command.clusters).map(|items| items.into_iter().map(|item| judge.one(item)).collect());
            for file in side_by_side(targets.all.iter().collect(), each) {
                match file {
                    Ok::<Vec<Judged>, _>(of_file) => judged.extend(of_file),
                    Err(file) => skipped.push(file),
                }
            }
        }
    }
    if judged.is_empty() && common.exit == Exit::Done {
        common.fail(&nothing(command));
    }
    let exit = judged.iter().map(|judged| judged.exit).fold(common.exit, Exit::worst);
    let mut text = String::new();
    for judged in &judged {
        if !one && !judged.said.is_empty() {
            term::err(&tally::heading(&judged.checked));
        }
        term::err(&judged.said);
        text.push_str(&judged.text);
    }
    // Last, so that it is the end that people see.
    term::err(&common.said);
    let run = Run {
        tool: Tool { name: "kaphost".into(), version: env!("CARGO_PKG_VERSION").into() },
        exit: exit.code(),
        common: common.findings,
        checked: judged.into_iter().map(|judged| judged.checked).collect(),
        skipped,
    };
    if !one {
        text = tally::text(&run);
    }
    Ok(writing::write(run, &command.outputs, &text, one, exit, common.more))
}

/// What is about no config by itself.
#[derive(Default)]
struct Common {
    findings: Vec<Finding>,
    said: String,
    exit: Exit,
    /// For the JSON document of one config.
    more: Map<String, Value>,
}

impl Common {
    fn fail(&mut self, failure: &Failure) {
        self.findings.extend(finding::of_failure(failure));
        self.said += &failure.text();
        self.exit = self.exit.worst(failure.exit());
        self.more = into_members(failure.members());
    }
}

fn nothing(command: &Command) -> Failure {
    let named: Vec<String> = command.files.iter().map(|file| format!("`{}`", file.display())).collect();
    let message = format!("nothing is checked: there is no config in {}", named.join(", "));
    Failure::Unfit(vec![Simple::new("nothing-checked", message).with_help("name the configs, or the folder that they are in")])
}

/// One config, judged.
struct Judged {
    checked: Checked,
    exit: Exit,
    /// For standard error.
    said: String,
    /// What the policies did, for standard output.
    text: String,
}

struct Judge<'a> {
    global: &'a Global,
    command: &'a Command,
    ground: Result<&'a Policies, Exit>,
    /// Whether somebody wants the JSON document, whose parts are many.
    wants_more: bool,
    /// Whether it is about one cluster.
    one: bool,
}

impl Judge<'_> {
    fn one(&self, item: Item) -> Judged {
        let region = item.what.as_ref().ok().map(|input| input.spec.cluster.region.to_string());
        let mut judged = self.judge(item);
        // Beside others, a cluster is named with its region, as in every command's document.
        if let Some(region) = region.filter(|_| !self.one) {
            judged.checked.more.insert("region".into(), region.into());
        }
        judged
    }

    fn judge(&self, item: Item) -> Judged {
        let Item { file, what } = item;
        let input = match what {
            Ok(input) => input,
            Err(failure) => return self.failed(file, None, &failure, String::new(), finding::of_failure(&failure)),
        };
        let cluster = Some(input.spec.cluster.name.to_string());
        let policies = match self.ground {
            Ok(policies) => policies,
            // Why is said once, and not of each.
            Err(exit) => {
                let findings = input.warnings.iter().map(|one| finding::of_diagnostic(one, Kind::Config)).collect();
                let said = render::diagnostics(&input.warnings);
                return Judged { checked: checked(file, cluster, exit, findings, Map::new()), exit, said, text: String::new() };
            }
        };
        let facts = match self.command.facts.given(&input, &policies.needs()) {
            Ok(facts) => facts.unwrap_or_default(),
            Err(failure) => {
                return self.failed(file, cluster, &failure, render::diagnostics(&input.warnings), finding::of_failure(&failure));
            }
        };
        let Verdict { said, findings: found, end } = Verdict::of(self.global, &input, policies, &facts, Some(&self.command.record));
        let said = render::diagnostics(&input.warnings) + &said;
        let mut findings: Vec<Finding> = input.warnings.iter().map(|one| finding::of_diagnostic(one, Kind::Config)).collect();
        findings.extend(found);
        let end = end.and_then(|admitted| match kaphost_plan::desire(&admitted.spec) {
            // What EC2 would refuse shows only now: the boot script is made of what the policies left.
            Err(error) => {
                let failure = render::too_long(&input.spec, &error);
                findings.extend(finding::of_failure(&failure));
                Err(failure)
            }
            Ok(_) => Ok(admitted),
        });
        match end {
            Err(failure) => self.failed(file, cluster, &failure, said, findings),
            Ok(admitted) => self.admitted(file, cluster, (&input, policies), &admitted, said, findings),
        }
    }

    fn failed(&self, file: String, cluster: Option<String>, failure: &Failure, said: String, findings: Vec<Finding>) -> Judged {
        let exit = failure.exit();
        let more = if self.wants_more { into_members(failure.members()) } else { Map::new() };
        // Of several, a line of the sum says that one is denied, once all have been judged.
        let end = if self.one || !matches!(failure, Failure::Denied { .. }) { failure.text() } else { String::new() };
        Judged { checked: checked(file, cluster, exit, findings, more), exit, said: said + &end, text: String::new() }
    }

    fn admitted(
        &self,
        file: String,
        cluster: Option<String>,
        (input, policies): (&Input, &Policies),
        admitted: &Admitted,
        mut said: String,
        mut findings: Vec<Finding>,
    ) -> Judged {
        let Admitted { decision, warnings, inputs, .. } = admitted;
        let mut more = if self.wants_more {
            json!({
                "diagnostics": &input.warnings[..],
                "warnings": warnings,
                "waived": render::decision::violations_json(decision, &input.spec, Effect::Waived, policies),
                "inputs": inputs,
                "decision": decision,
            })
        } else {
            json!({})
        };
        let mut exit = Exit::Done;
        if self.command.fail_on == FailOn::Advisory {
            let advice = findings.iter_mut().filter(|finding| finding.kind == Kind::Advice && finding.level == Level::Warning);
            let count = advice.map(|finding| finding.level = Level::Error).count();
            if count > 0 {
                let problem = too_much_advice(count);
                said += &render::diagnostic::text(&problem);
                if self.wants_more {
                    more["problems"] = json!([problem.json()]);
                }
                exit = Exit::Denied;
            }
        }
        // Of several there is a line each instead.
        let text = if self.one && exit == Exit::Done { render::decision::text(decision, &input.spec) } else { String::new() };
        Judged { checked: checked(file, cluster, exit, findings, into_members(more)), exit, said, text }
    }
}

fn too_much_advice(count: usize) -> Simple {
    let what = if count == 1 { "1 piece of advice".to_owned() } else { format!("{count} pieces of advice") };
    Simple::new("advised", format!("{what} where --fail-on advisory lets none pass"))
        .with_help("change the config as each says, or talk to whoever owns the policy")
}

fn checked(file: String, cluster: Option<String>, exit: Exit, findings: Vec<Finding>, more: Map<String, Value>) -> Checked {
    let outcome = match exit {
        Exit::Done => Outcome::Passed,
        Exit::Denied => Outcome::Denied,
        Exit::Untrusted => Outcome::Untrusted,
        _ => Outcome::Invalid,
    };
    Checked { file, cluster, outcome, exit: exit.code(), findings, more }
}

fn into_members(document: Value) -> Map<String, Value> {
    if let Value::Object(members) = document { members } else { Map::new() }
}
