//! Facts for policies: read from the cloud when a policy needs any, or from a file, which needs no cloud and reads the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use clap::Args;
use kaphost_policy::{Change, Decision, FactKind, Facts, PolicyRecord, visible};
use kaphost_saved_plan::leaves;
use kaphost_spec::facts::{AmiFacts, FactProblem, FactsQuery, SubnetFacts, VpcFacts};
use kaphost_spec::{AdmittedSpec, ConfigSource, Path, Spec};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::cloud::{Clouds, Session};
use crate::document::Document;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::render::simple::Simple;

/// Longest word on a file's layout, in characters: whoever wrote it chose its text.
const MESSAGE_CHARS: usize = 500;

/// Every kind of facts there is.
pub(crate) const EVERY_KIND: [FactKind; 4] = [FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc];

/// The facts of a run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policies")]
pub(crate) struct FactsArgs {
    /// What policies are told of the world, as `kaphost facts` prints it. `apply` holds it against the cloud; no other command then reads facts
    #[arg(long, value_name = "FACTS.json")]
    facts: Option<PathBuf>,
}

impl FactsArgs {
    /// Whether there is a file.
    #[must_use]
    pub(crate) const fn is_given(&self) -> bool {
        self.facts.is_some()
    }

    /// Of the facts in the file, when one is given, these kinds.
    ///
    /// # Errors
    /// When it cannot be read, holds mistakes, or tells of something else than the cluster.
    pub(crate) fn given(&self, input: &Input, kinds: &BTreeSet<FactKind>) -> Result<Option<Facts>, Failure> {
        let Some(file) = &self.facts else { return Ok(None) };
        let facts = read(file, input.spec.cluster.name.as_str())?;
        let misfits = facts.misfits(&input.spec.cluster);
        if misfits.is_empty() {
            return Ok(Some(facts.only(kinds)));
        }
        Err(at_config(&input.spec, "facts-of-another", &misfits, &self.anew(input)))
    }

    fn anew(&self, input: &Input) -> String {
        let file = self.facts.as_deref().unwrap_or(FilePath::new("facts.json"));
        format!("`kaphost facts {} > {}` reads them anew", input.spec.origins.source().name, file.display())
    }

    /// Whether the cloud still says what the file said.
    ///
    /// # Errors
    /// Each fact that is another by now.
    fn confirmed(&self, input: &Input, told: &Facts, read: &Facts) -> Result<(), Failure> {
        let file = self.facts.as_deref().unwrap_or(FilePath::new("facts.json")).display().to_string();
        let (told, read) = (leaves(&json!(told)), leaves(&json!(read)));
        let paths: BTreeSet<&String> = told.keys().chain(read.keys()).collect();
        let said = |facts: &BTreeMap<String, Value>, path: &String| facts.get(path).map_or_else(|| "nothing".to_owned(), Value::to_string);
        let differing = paths.into_iter().filter(|path| told.get(*path) != read.get(*path));
        let one = |path: &String| {
            let message = format!("`{file}` says {} of `{path}`, and AWS says {}", said(&told, path), said(&read, path));
            Simple::new("facts-differ", message).with_help(self.anew(input))
        };
        let problems: Vec<Simple> = differing.map(one).collect();
        if problems.is_empty() { Ok(()) } else { Err(Failure::Unfit(problems)) }
    }
}

/// What facts on which something is decided must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A file is taken at its word.
    Told,
    /// A file is held against the cloud: who may change AWS need not be who may say what is so.
    Confirmed,
}

/// The facts that policies need: of the file that is given, else of the cloud, which is opened for it.
///
/// # Errors
/// When the file or the cloud does not give them, or the one says what the other does not.
pub(crate) async fn gather(
    args: &FactsArgs,
    trust: Trust,
    clouds: &Clouds<'_>,
    input: &Input,
    kinds: &BTreeSet<FactKind>,
) -> Result<Facts, Failure> {
    let told = args.given(input, kinds)?;
    if kinds.is_empty() {
        return Ok(Facts::default());
    }
    match told {
        Some(told) if trust == Trust::Told => Ok(told),
        told => {
            let session = clouds.session(input.spec.cluster.region.as_str()).await?;
            let read = from_cloud(&session, &input.spec, kinds).await?;
            if let Some(told) = told {
                args.confirmed(input, &told, &read)?;
            }
            Ok(read)
        }
    }
}

/// Facts as a file keeps them: under their layout, which whoever writes them by hand may leave out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Kept {
    schema: Option<String>,
    account: Option<String>,
    ami: Option<AmiFacts>,
    subnets: Vec<SubnetFacts>,
    vpc: Option<VpcFacts>,
}

/// Tells a file of facts about several clusters from one about one.
#[derive(Deserialize)]
struct Shape {
    clusters: Option<IgnoredAny>,
}

/// What `kaphost facts` prints of several clusters, as far as it is of use here.
#[derive(Deserialize)]
struct OfSeveral {
    schema: Option<String>,
    clusters: Vec<OfOne>,
}

#[derive(Deserialize)]
struct OfOne {
    cluster: String,
    facts: Facts,
}

/// The facts of a cluster in a file: of one of several, or of whatever cluster they fit.
fn read(file: &FilePath, cluster: &str) -> Result<Facts, Failure> {
    let text = input::text_of(file).map_err(|why| Failure::Unreadable { what: "the facts file", file: file.to_owned(), why })?;
    parse(file.display().to_string(), text, cluster)
}

/// The facts of a cluster in a text, as `kaphost facts` prints them: of one of several, or of whatever cluster they fit.
///
/// # Errors
/// When it holds mistakes.
pub(crate) fn parse(name: String, text: String, cluster: &str) -> Result<Facts, Failure> {
    let help = "`kaphost facts CLUSTER.kdl` prints facts as they are to stand here";
    let source = Arc::new(ConfigSource::new(name, text));
    let broken = |error: serde_json::Error| Failure::Unfit(vec![Simple::of_json("facts", &source, &error).with_help(help)]);
    // What is of several says so by its one member; everything else is of one, or a mistake.
    let (schema, facts) = match serde_json::from_str(&source.text) {
        Ok(Shape { clusters: Some(_) }) => {
            let OfSeveral { schema, clusters } = serde_json::from_str(&source.text).map_err(broken)?;
            (schema, clusters.into_iter().find(|of_one| of_one.cluster == cluster).map(|of_one| of_one.facts))
        }
        Ok(Shape { clusters: None }) | Err(_) => {
            let Kept { schema, account, ami, subnets, vpc } = serde_json::from_str(&source.text).map_err(broken)?;
            (schema, Some(Facts { account, ami, subnets, vpc }))
        }
    };
    if let Some(schema) = schema.filter(|schema| schema != Document::Facts.schema()) {
        let message = format!("`{}` has the layout {schema:?}, and this kaphost reads {:?}", source.name, Document::Facts.schema());
        return Err(Failure::Unfit(vec![Simple::new("facts", visible(&message, MESSAGE_CHARS)).with_help(help)]));
    }
    let Some(facts) = facts else {
        let message = format!("`{}` holds no facts of `{cluster}`", source.name);
        return Err(Failure::Unfit(vec![Simple::new("facts", message).with_help(help)]));
    };
    let mistakes = facts.mistakes();
    if !mistakes.is_empty() {
        let one = |mistake: &String| Simple::new("facts", format!("in `{}` {mistake}", source.name)).with_help(help);
        return Err(Failure::Unfit(mistakes.iter().map(one).collect()));
    }
    Ok(facts.sorted())
}

/// Reads these kinds of facts about a cluster from the cloud. What is not there is an error at the line that names it.
///
/// # Errors
/// When a read fails, ctrl-C comes, or something that the config names is not there.
pub(crate) async fn from_cloud(session: &Session, spec: &Spec, kinds: &BTreeSet<FactKind>) -> Result<Facts, Failure> {
    let query = FactsQuery::of(&spec.cluster, kinds);
    if query.is_empty() {
        return Ok(Facts::default());
    }
    let facts = session.facts(&query).await?;
    let missing = query.missing(&facts);
    if missing.is_empty() {
        return Ok(facts);
    }
    let help = format!("name one of {}, in the account of these credentials, or give the facts with --facts", spec.cluster.region);
    Err(at_config(spec, "not-there", &missing, &help))
}

fn at_config(spec: &Spec, code: &str, problems: &[FactProblem], help: &str) -> Failure {
    let one = |problem: &FactProblem| Simple::new(code, problem.message.clone()).with_help(help).at(&spec.origins, &problem.path);
    Failure::Unfit(problems.iter().map(one).collect())
}

/// A parameter or a search leads to one image while the policies are told, and to another when the plan is made: nobody has judged that one.
#[must_use]
pub(crate) fn image_moved(spec: &Spec, judged: &str, now: &str) -> Failure {
    let message = format!("the policies were told of the image {judged}, and `ami` leads to {now} now");
    let help = "run it again; with --facts, read the facts anew first";
    Failure::FactsMoved(vec![Simple::new("facts-moved", message).with_help(help).at(&spec.origins, &Path::root().field("ami"))])
}

/// Whether the facts still tell of the cluster once the policies have changed it. A validator that was told of another image than the one that
/// will be launched has checked nothing.
///
/// # Errors
/// When a policy has changed what another (or it) was told facts of.
pub(crate) fn still_hold(spec: &Spec, admitted: &AdmittedSpec, decision: &Decision, kinds: &BTreeSet<FactKind>) -> Result<(), Failure> {
    let before = FactsQuery::of(&spec.cluster, kinds);
    let after = FactsQuery::of(admitted.cluster(), kinds);
    let network = Path::root().field("network");
    let moved = [
        (before.ami != after.ami, FactKind::Ami, Path::root().field("ami")),
        (before.subnets != after.subnets, FactKind::Subnets, network.field("subnets")),
        (before.vpc != after.vpc, FactKind::Vpc, network.field("vpc")),
    ];
    let one = |(kind, path): (FactKind, Path)| {
        let name = |(policy, _): (&PolicyRecord, &Change)| policy.name.clone();
        let writer = decision.last_writer(&path).map(name).unwrap_or_default();
        let told: Vec<&str> =
            decision.policies.iter().filter(|policy| policy.facts.contains(&kind)).map(|policy| policy.name.as_str()).collect();
        let message = format!("policy `{writer}` changes `{path}`, and `{}` was told {kind} of what the config says", told.join("`, `"));
        Simple::new("facts-moved", message)
            .with_help("write into the config what the policy puts there, or use one of these policies without the other")
            .at(&spec.origins, &path)
    };
    let problems: Vec<Simple> = moved.into_iter().filter(|(moved, ..)| *moved).map(|(_, kind, path)| one((kind, path))).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::FactsMoved(problems)) }
}
