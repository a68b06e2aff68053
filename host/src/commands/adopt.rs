//! `kaphost adopt`

use std::path::PathBuf;

use clap::Args;
use kaphost_apply::{Options, execute, survey};
use kaphost_plan::{ImageFact, adopt};
use serde_json::json;

use crate::cli::{CloudArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::cloud::{Clouds, block_on};
use crate::document::Document;
use crate::exit::Exit;
use crate::facts::{self, FactsArgs, Trust};
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::interrupt::or_ctrl_c;
use crate::pipeline::{Admitted, admit, read_and_load};
use crate::policies::Asked;
use crate::progress::{Progress, Screen};
use crate::record::RecordArgs;
use crate::render::adoption::{self, Found};
use crate::render::report;
use crate::written::{self, Written};
use crate::{interrupt, render, term};

/// Take over a server that was made without kaphost, such as by the Terraform module
///
/// Starts from the Auto Scaling group and finds what its server is made of, whatever it is called. Shows what it found, what it will tag, and in what the config says
/// something else. Then tags it, makes a launch template that says what the group launches now, and lets the group pin that. Nothing replaces the server:
/// what the config says otherwise is for the next apply to show and do. Run it again when it was interrupted.
///
/// With --write it changes nothing and prints a config for what it found.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost adopt --write --region us-east-1 --group kapacitor-prod > cluster.kdl\n  \
                        kaphost adopt cluster.kdl --policy org.wasm\n  kaphost adopt cluster.kdl --group kapacitor-prod-asg --auto-approve\n  \
                        kaphost adopt cluster.kdl --dry-run")]
pub(crate) struct Command {
    /// The config of the cluster that the server becomes
    #[arg(value_name = "CLUSTER.kdl", required_unless_present = "write")]
    file: Option<PathBuf>,
    /// The Auto Scaling group; the one that is called as the cluster otherwise
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// The security group that is the cluster's own, where the server is in several
    #[arg(long, value_name = "ID")]
    security_group: Option<String>,
    /// Show it, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, env = "KAPHOST_AUTO_APPROVE", value_parser = clap::builder::FalseyValueParser::new())]
    auto_approve: bool,
    /// Print a config for what is found, and change nothing. User data stands in it in full
    #[arg(long, conflicts_with_all = ["file", "dry_run", "auto_approve"])]
    write: bool,
    /// With --write: the name of the cluster; that of the group otherwise
    #[arg(long, value_name = "CLUSTER", requires = "write")]
    name: Option<String>,
    /// With --write: the region
    #[arg(long, value_name = "REGION", requires = "write", env = "AWS_REGION")]
    region: Option<String>,
    #[command(flatten)]
    policies: PolicyArgs,
    #[command(flatten)]
    facts: FactsArgs,
    #[command(flatten)]
    strict: StrictArgs,
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    match &command.file {
        Some(file) => take_over(global, command, file),
        None => write(global, command),
    }
}

fn take_over(global: &Global, command: &Command, file: &std::path::Path) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: None, strict: command.strict.strict, record: Some(&command.record) };
    block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let clusters = ClusterArgs { file: file.to_owned(), clusters: Vec::new() };
        let (inputs, policies) = read_and_load(&clusters, &asked)?;
        let input = input::only(inputs, file, "adopt")?;
        let facts = facts::gather(&command.facts, Trust::Confirmed, &clouds, &input, &policies.needs()).await?;
        let Admitted { spec, decision, inputs, warnings } = admit(global, &input, &policies, &facts, &asked)?;
        let desired = kaphost_plan::desire(&spec).map_err(|error| render::too_long(&input.spec, &error))?;
        let session = clouds.session(&desired.names.region).await?;
        let known = session.known(&desired.image);
        let group = command.group.as_deref().unwrap_or(&desired.names.regional);
        let query = kaphost_plan::query(&desired, known.as_ref());
        let look = survey(session.cloud.as_ref(), group, command.security_group.as_deref(), query);
        let failed = |error| adoption::failure(Some(&input.spec), &desired.names.region, error);
        let survey = or_ctrl_c(async { look.await.map_err(failed) }).await?;
        let fact =
            desired.image_fact(&survey.observed, known.as_ref()).ok_or_else(|| Failure::Faulty(vec!["the image was not read".into()]))?;
        let refused = |refusals: Vec<_>| render::refused(&input.spec, &refusals);
        let adoption = adopt(&desired, &survey.names, &survey.running, &survey.observed, fact, survey.public).map_err(refused)?;
        if let ImageFact::Found(image) = fact {
            session.learn(image);
            // What is taken over is of the image that the policies were told of.
            if let Some(judged) = facts.ami.as_ref().filter(|judged| judged.id != image.id) {
                return Err(facts::image_moved(&input.spec, &judged.id, &image.id));
            }
        }
        let faults = kaphost_plan::check_adoption(&adoption.plan, &survey.running, &survey.observed);
        if !faults.is_empty() {
            return Err(Failure::Faulty(faults.iter().map(ToString::to_string).collect()));
        }

        let found = Found { survey: &survey, adoption: &adoption };
        if global.output == Format::Text {
            term::out(&render::decision::text(&decision, &input.spec));
            term::out(&format!("\n{}", found.text()));
        }
        let print = |report| {
            let mut members = found.json();
            members["warnings"] = json!(warnings);
            members["inputs"] = json!(inputs);
            members["decision"] = json!(decision);
            members["report"] = report;
            term::out(&Document::Adopt.text(Exit::Done, &members));
        };
        if adoption.plan.is_empty() || command.dry_run {
            if global.output == Format::Json {
                print(json!(null));
            }
            return Ok(Exit::Done);
        }
        super::ask(command.auto_approve, "\nTake it over?".into()).await?;

        term::err("\n");
        let screen = Screen::new();
        let progress = Progress::new(&adoption.plan, &screen, None);
        let stop = interrupt::stop();
        let report = execute(session.cloud.as_ref(), &adoption.plan, &Options::default(), &|event| progress.show(&event), &stop).await;
        let record = report::of_one(adoption.plan.clone(), report);
        report::conclude(&record)?;
        match global.output {
            Format::Text => term::out(&found.done()),
            Format::Json => print(report::json(&record)),
        }
        Ok(Exit::Done)
    })
}

fn write(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let usage = |what: &str| Failure::Usage(what.to_owned());
    let region = command.region.as_deref().ok_or_else(|| usage("--write needs --region, or AWS_REGION: a config says where"))?;
    let group = command.group.as_deref().or(command.name.as_deref());
    let group = group.ok_or_else(|| usage("--write needs --group: the Auto Scaling group to write a config for"))?;
    let name = command.name.as_deref().unwrap_or(group);
    let written = block_on(written::write(global, &command.cloud, name, region, group, command.security_group.as_deref()))?;
    let Written { kdl, unsaid, survey } = &written;
    term::err(&adoption::unsaid(unsaid));
    match global.output {
        Format::Text => term::out(kdl),
        Format::Json => {
            let members = json!({ "found": adoption::parts(survey), "kdl": kdl, "unsaid": unsaid });
            term::out(&Document::Adopt.text(Exit::Done, &members));
        }
    }
    Ok(Exit::Done)
}
