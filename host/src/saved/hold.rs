//! A saved plan held against what is so now. In the order of the pipeline, and nothing is asked of the cloud before everything here is as it was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kaphost_plan::PLAN_TAG;
use kaphost_saved_plan::{Cluster, Seal, Stale, Turn, compare_decisions, compare_engines, compare_inputs, compare_plans};
use kaphost_spec::Reference;
use kaphost_spec::facts::FactsQuery;
use serde_json::json;

use crate::cli::PolicyArgs;
use crate::cloud::{Clouds, Session};
use crate::failure::Failure;
use crate::input::{self, ClusterArgs};
use crate::pipeline::{Current, Prepared};
use crate::policies::Policies;
use crate::record::{Engine, Inputs, Kind, Source, sha256};
use crate::saved::Saved;
use crate::saved::make::{self, Before, cloud_kind, folder_of};

/// A saved plan that is being held against what is so now.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    saved: &'a Saved,
    /// Each cluster with what led to its decision.
    clusters: Vec<(&'a Cluster, Inputs)>,
}

impl<'a> Held<'a> {
    /// Takes one whose time is good.
    ///
    /// # Errors
    /// When its time is over or has not come; when it is for another cloud; when it was made by hand and badly.
    pub(crate) fn new(saved: &'a Saved, cloud: &str) -> Result<Self, Failure> {
        saved.is_good().map_err(|stale| saved.stale(&[stale], None))?;
        let now = cloud_kind(cloud);
        if saved.document.cloud != now {
            let stale = Stale::OtherCloud { then: saved.document.cloud.clone(), now: now.to_owned() };
            return Err(saved.stale(&[stale], None));
        }
        let inputs = |cluster: &'a Cluster| Some((cluster, serde_json::from_value(cluster.inputs.clone()).ok()?));
        let clusters: Option<Vec<(&Cluster, Inputs)>> = saved.document.clusters.iter().map(inputs).collect();
        let clusters = clusters.filter(|clusters| !clusters.is_empty());
        let clusters = clusters.ok_or_else(|| saved.stale(&[Stale::Altered { line: None }], None))?;
        Ok(Self { saved, clusters })
    }

    /// What was asked for then, to be asked for again. All clusters come from one file.
    #[must_use]
    pub(crate) fn asked(&self) -> (ClusterArgs, PolicyArgs) {
        let first = self.clusters.first().map(|(_, inputs)| inputs);
        let file = first.map(|inputs| PathBuf::from(&inputs.config.file)).unwrap_or_default();
        let clusters = self.clusters.iter().map(|(cluster, _)| cluster.cluster.clone()).collect();
        let settings = first.map(|inputs| inputs.settings.clone()).unwrap_or_default();
        (ClusterArgs { file, clusters }, PolicyArgs { policies: self.saved.document.policies.clone(), settings })
    }

    /// Whether the config, what it takes from files, the policy sets and the modules are there and the same. Read before anything of them is believed.
    ///
    /// # Errors
    /// Everything that is not as it was.
    pub(crate) fn files(&self) -> Result<(), Failure> {
        let seal = Seal::new(self.saved.document.salt.clone());
        let mut reasons: Vec<Stale> = Vec::new();
        for (cluster, inputs) in &self.clusters {
            let engine = compare_engines(&cluster.inputs["engine"], &json!(Engine::here()));
            for stale in engine.into_iter().chain(config(&seal, inputs)).chain(policies(&inputs.policies)) {
                // Clusters of one file share it.
                if !reasons.contains(&stale) {
                    reasons.push(stale);
                }
            }
        }
        self.without(reasons)
    }

    /// Whether the policies that hold here and now are those that held then, by their names.
    ///
    /// # Errors
    /// Each that came, and each that went.
    pub(crate) fn names(&self, policies: &Policies) -> Result<(), Failure> {
        let Some((_, inputs)) = self.clusters.first() else { return Ok(()) };
        let then: Vec<&String> = inputs.policies.iter().map(|source| &source.file).collect();
        let now: Vec<&String> = policies.sources().iter().collect();
        if then == now {
            return Ok(());
        }
        let stale = |file: &String, turn| Stale::Policy { what: "policy".to_owned(), file: file.clone(), turn };
        let came = now.iter().filter(|file| !then.contains(file)).map(|file| stale(file, Turn::Came));
        let went = then.iter().filter(|file| !now.contains(file)).map(|file| stale(file, Turn::Went));
        let mut reasons: Vec<Stale> = came.chain(went).collect();
        if reasons.is_empty() {
            let names: Vec<String> = now.iter().map(|file| format!("`{file}`")).collect();
            reasons.push(Stale::PolicyOrder { now: names.join(", ") });
        }
        self.without(reasons)
    }

    /// Whether the credentials are of the account that it was planned for. The first thing that the cloud is asked.
    ///
    /// # Errors
    /// When they are of another, or the cloud does not say.
    pub(crate) async fn account(&self, clouds: &Clouds<'_>) -> Result<(), Failure> {
        let regions: BTreeSet<&str> = self.clusters.iter().map(|(cluster, _)| cluster.region.as_str()).collect();
        for region in regions {
            let now = account(clouds.session(region).await?.as_ref()).await?;
            let then = &self.saved.document.account;
            if *then != now {
                return self.without(vec![Stale::OtherAccount { then: then.clone(), now }]);
            }
        }
        Ok(())
    }

    /// Whether the policies decide on a cluster what they decided then, of the same inputs.
    ///
    /// # Errors
    /// What is not as it was.
    pub(crate) fn decision(&self, prepared: &Prepared) -> Result<(), Failure> {
        let (then, inputs) = self.of(prepared)?;
        let seal = make::seal(&self.saved.document.salt, prepared, None);
        let mut reasons = compare_inputs(&then.inputs, &seal.value(&prepared.inputs));
        if reasons.is_empty() {
            let variables: Vec<String> = inputs.config.variables.iter().cloned().collect();
            reasons = compare_decisions(&then.decision, &make::decision(&seal, prepared), &variables);
        }
        self.without(reasons)
    }

    /// Whether the cloud holds what it held then, and the way from there is the same, step for step.
    ///
    /// # Errors
    /// What is not as it was; and that it was applied before.
    pub(crate) fn plan(&self, prepared: &Prepared, current: &Current, before: &Before) -> Result<(), Failure> {
        let (then, _) = self.of(prepared)?;
        let group = current.observed.auto_scaling_group.as_ref();
        let mark = group.and_then(|group| Some((&group.name, group.tags.get(PLAN_TAG)?)));
        if let Some((name, tag)) = mark.filter(|(_, tag)| tag.value == self.saved.document.id) {
            let evidence = format!("the Auto Scaling group {name} carries {PLAN_TAG}={}", tag.value);
            return self.without(vec![Stale::Applied { evidence }]);
        }
        let now = make::cluster(&self.saved.document.salt, prepared, current, before);
        self.without(compare_plans(then, &now))
    }

    fn of(&self, prepared: &Prepared) -> Result<&(&'a Cluster, Inputs), Failure> {
        let name = &prepared.desired.names.cluster;
        let found = self.clusters.iter().find(|(cluster, _)| cluster.cluster == *name);
        found.ok_or_else(|| self.saved.stale(&[Stale::Plan { cluster: name.clone(), part: "clusters".to_owned() }], None))
    }

    fn without(&self, reasons: Vec<Stale>) -> Result<(), Failure> {
        if reasons.is_empty() { Ok(()) } else { Err(self.saved.stale(&reasons, None)) }
    }

    /// What ended the way to a plan, as a reason against this one: what was decided then is not decided now. What the cloud, the system or the command line has to say stays what
    /// it is.
    #[must_use]
    pub(crate) fn ended(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Config(_)
            | Failure::Policy(_)
            | Failure::Untrusted { .. }
            | Failure::Strict { .. }
            | Failure::Settings(_)
            | Failure::Denied { .. }
            | Failure::Unplannable(_)
            | Failure::Unfit(_)
            | Failure::FactsMoved(_)
            | Failure::NoSuchCluster { .. } => self.saved.stale(&self.causes(&failure), Some(failure)),
            other => other,
        }
    }

    /// What led to a denial that was none then: facts and waivers that are not what they were.
    fn causes(&self, failure: &Failure) -> Vec<Stale> {
        let Failure::Denied { decision, .. } = failure else { return Vec::new() };
        let decision = json!(decision);
        let then = self.clusters.iter().find(|(cluster, _)| decision["cluster"] == cluster.cluster);
        let Some((then, _)) = then else { return Vec::new() };
        let mut seal = Seal::new(self.saved.document.salt.clone());
        seal.hide(decision["input-sha256"].as_str().unwrap_or_default());
        let all = compare_decisions(&then.decision, &seal.value(&decision), &[]);
        all.into_iter().filter(|stale| matches!(stale, Stale::Fact { .. } | Stale::Waiver { .. })).collect()
    }
}

/// The account of a session's credentials.
///
/// # Errors
/// When the cloud does not say.
pub(crate) async fn account(session: &Session) -> Result<String, Failure> {
    let facts = session.facts(&FactsQuery { account: true, ..FactsQuery::default() }).await?;
    facts.account.ok_or_else(|| Failure::Faulty(vec!["the cloud does not say whose account this is".into()]))
}

fn config(seal: &Seal, inputs: &Inputs) -> Vec<Stale> {
    let then = &inputs.config;
    let differs = |digest: &str, then: &str| seal.digest(digest) != then;
    let file = |turn| vec![Stale::Config { file: then.file.clone(), turn }];
    match input::text_of(Path::new(&then.file)) {
        Err(_) => return file(Turn::Went),
        Ok(text) if differs(&sha256(text.as_bytes()), &then.sha256) => return file(Turn::Changed),
        Ok(_) => {}
    }
    let one = |(path, digest): (&String, &String)| {
        let turn = match input::text_of(&folder_of(&then.file).join(path)) {
            Err(_) => Turn::Went,
            Ok(text) if differs(&sha256(text.as_bytes()), digest) => Turn::Changed,
            Ok(_) => return None,
        };
        Some(Stale::ConfigFile { path: path.clone(), turn })
    };
    then.files.iter().filter_map(one).collect()
}

fn policies(sources: &[Source]) -> Vec<Stale> {
    let one = |source: &Source| {
        let (what, most) = match source.kind {
            Kind::Module => ("policy", kaphost_policy::DEFAULT_COMPONENT_BYTES),
            Kind::Set => ("policy set", input::MAX_BYTES),
        };
        // What stands in a registry under a digest does not change; whether it can be had is seen when it is loaded.
        if Reference::is_one(&source.file) {
            return None;
        }
        let turn = match input::bytes_within(Path::new(&source.file), most) {
            Err(_) => Turn::Went,
            Ok(bytes) if sha256(&bytes) != source.sha256 => Turn::Changed,
            Ok(_) => return None,
        };
        Some(Stale::Policy { what: what.to_owned(), file: source.file.clone(), turn })
    };
    sources.iter().filter_map(one).collect()
}
