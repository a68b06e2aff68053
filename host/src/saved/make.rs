//! From what was decided and planned to what is kept of it. No secret goes in, and no bare digest of one.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use kaphost_plan::{DECISION_TAG, Plan, Planned, SPEC_TAG};
use kaphost_saved_plan::{Cluster, Document, Seal, UserDataRef, canonical};
use kaphost_spec::{Origin, Path as SpecPath, Spec, UserData, hex};
use serde_json::{Value, json};

use crate::cloud::Session;
use crate::failure::Failure;
use crate::interrupt::or_ctrl_c;
use crate::pipeline::{Current, Prepared};
use crate::policies::Asked;
use crate::render;
use crate::saved::OutArgs;

/// What of a config goes into user data and is text of its user's: covered like user data itself.
const COVERED: [&str; 1] = ["kapacitor.extra-config"];
/// Digits of a plan's number, in bytes: enough never to meet another's.
const ID_BYTES: usize = 8;
/// Of a salt.
const SALT_BYTES: usize = 16;

/// A saved plan in the making.
#[derive(Debug)]
pub(crate) struct Making(Document);

impl Making {
    /// A new one, with a number and a salt of its own.
    ///
    /// # Errors
    /// When the system has no random numbers, or no time.
    pub(crate) fn begin(out: &OutArgs, asked: &Asked<'_>, cloud: &str) -> Result<Self, Failure> {
        let mut random = [0; ID_BYTES + SALT_BYTES];
        getrandom::fill(&mut random).map_err(|error| Failure::Runtime(error.to_string()))?;
        let (id, salt) = random.split_at(ID_BYTES);
        // Whole seconds: nobody reads more.
        let now = Timestamp::from_second(Timestamp::now().as_second()).map_err(|error| Failure::Runtime(error.to_string()))?;
        let expires = now.checked_add(out.expires_in).map_err(|error| Failure::Runtime(error.to_string()))?;
        let mut document = Document::new(&hex(id), &hex(salt), &now.to_string(), &expires.to_string());
        document.cloud = cloud_kind(cloud).to_owned();
        document.strict = asked.strict;
        document.policies = asked.policies.policies.clone();
        Ok(Self(document))
    }

    /// Its number.
    #[must_use]
    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Adds what is planned for these clusters, in this account.
    #[must_use]
    pub(crate) fn with<'a>(&self, account: String, planned: impl Iterator<Item = (&'a Prepared, &'a Current, &'a Before)>) -> Document {
        let clusters = planned.map(|(prepared, current, before)| cluster(&self.0.salt, prepared, current, before)).collect();
        Document { account, clusters, ..self.0.clone() }
    }
}

/// `aws`, or `lab` whatever its file: that has an account of its own.
#[must_use]
pub(crate) fn cloud_kind(cloud: &str) -> &str {
    if cloud.starts_with("lab:") { "lab" } else { cloud }
}

/// What is remembered of a group that is not there: its last scaling activity. When all that a plan has made is removed, this alone says that it was there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before(Option<String>);

impl Before {
    /// Asked only where the plan makes the group.
    ///
    /// # Errors
    /// When the read fails, or ctrl-C comes.
    pub(crate) async fn read(session: &Session, current: &Current) -> Result<Self, Failure> {
        match Self::made(current) {
            Some(name) => Ok(Self(or_ctrl_c(session.cloud.last_activity(name)).await?)),
            None => Ok(Self::default()),
        }
    }

    /// Whether it is asked.
    #[must_use]
    pub(crate) fn is_read(current: &Current) -> bool {
        Self::made(current).is_some()
    }

    /// The group that the plan makes.
    fn made(current: &Current) -> Option<&String> {
        current.plan.steps.iter().find_map(|step| match &step.action {
            Planned::CreateAutoScalingGroup { name, .. } => Some(name),
            _ => None,
        })
    }
}

/// One cluster as it is kept.
pub(super) fn cluster(salt: &str, prepared: &Prepared, current: &Current, before: &Before) -> Cluster {
    let seal = seal(salt, prepared, Some(&current.plan));
    let names = &prepared.desired.names;
    let parts = current.observed.parts().into_iter();
    let activity = before.0.as_ref().map(|id| (format!("last scaling activity of {}", names.regional), json!(id)));
    Cluster {
        cluster: names.cluster.clone(),
        region: names.region.clone(),
        inputs: seal.value(&prepared.inputs),
        decision: decision(&seal, prepared),
        values: values(&seal, prepared),
        user_data: prepared.desired.template.user_data.as_ref().map(|data| user_data(&seal, &prepared.input.spec, data)),
        image: json!(current.image),
        observed: parts.chain(activity).map(|(name, part)| (name, seal.covered(&canonical(&part)))).collect(),
        plan: seal.value(&plan(&current.plan)),
    }
}

/// The decision as it is kept.
pub(super) fn decision(seal: &Seal, prepared: &Prepared) -> Value {
    let mut decision = json!(prepared.decision);
    let lists = ["changes", "advice"].map(|list| format!("/{list}"));
    for pointer in lists.iter().map(String::as_str).chain(["/order/paths"]) {
        let entries = decision.pointer_mut(pointer).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter(|entry| COVERED.iter().any(|path| entry["path"] == *path)) {
            for (_, value) in entry.as_object_mut().into_iter().flatten().filter(|(name, _)| VALUES.contains(&name.as_str())) {
                *value = covered(seal, value);
            }
        }
    }
    seal.value(&decision)
}

/// What a change of a decision calls its values.
const VALUES: [&str; 4] = ["old", "new", "declared", "reversed"];

fn covered(seal: &Seal, value: &Value) -> Value {
    seal.covered(&canonical(value)).into()
}

/// Every value as the policies leave it.
fn values(seal: &Seal, prepared: &Prepared) -> BTreeMap<String, Value> {
    let mut leaves = prepared.input.spec.cluster.leaves();
    for change in &prepared.decision.changes {
        match &change.new {
            Some(new) => drop(leaves.insert(change.path.clone(), new.clone())),
            None => drop(leaves.remove(&change.path)),
        }
    }
    let one = |path: String, value: Value| {
        let value = if COVERED.contains(&path.as_str()) { covered(seal, &value) } else { seal.value(&value) };
        (path, value)
    };
    leaves.iter().map(|(path, leaf)| one(path.to_string(), json!(leaf))).collect()
}

/// The salt, and every digest that was taken over user data, also from afar.
pub(super) fn seal(salt: &str, prepared: &Prepared, plan: Option<&Plan>) -> Seal {
    let mut seal = Seal::new(salt);
    let config = &prepared.inputs["config"];
    let files = config["files"].as_object().into_iter().flatten().map(|(_, digest)| digest);
    for digest in files.chain([&config["sha256"]]).filter_map(Value::as_str) {
        seal.hide(digest);
    }
    let decision = &prepared.decision;
    for digest in [&decision.input_sha256, &decision.output_sha256, &decision.digest().unwrap_or_default()] {
        seal.hide(digest);
    }
    for tag in [SPEC_TAG, DECISION_TAG] {
        seal.hide(prepared.desired.ownership.get(tag).map_or("", String::as_str));
    }
    seal.hide(prepared.desired.template.user_data.as_ref().map_or("", UserData::sha256));
    for step in plan.into_iter().flat_map(|plan| &plan.steps) {
        if let Planned::CreateLaunchTemplate { description, token, .. } | Planned::CreateLaunchTemplateVersion { description, token, .. } =
            &step.action
        {
            // `kaphost 0123456789abcdef`
            seal.hide(description.rsplit(' ').next().unwrap_or_default());
            seal.hide(token);
        }
    }
    seal
}

/// As it is shown, and what each step sends.
fn plan(plan: &Plan) -> Value {
    let mut value = render::plan::json(plan);
    let steps = value["steps"].as_array_mut().into_iter().flatten();
    for (step, kept) in plan.steps.iter().zip(steps) {
        kept["action"] = json!(step.action);
    }
    value
}

fn user_data(seal: &Seal, spec: &Spec, data: &UserData) -> UserDataRef {
    UserDataRef { digest: seal.covered(data.sha256()), bytes: data.size(), source: source(spec) }
}

/// Where the config says what it is, and where it takes it from: `cluster.kdl:8:15 (file)"boot.sh"`. Never the text itself.
fn source(spec: &Spec) -> Option<String> {
    let (Origin::Config(span) | Origin::Defaults(span)) = spec.origins.of(&SpecPath::root().field("user-data")) else { return None };
    let source = spec.origins.source();
    let position = source.position(span.start);
    let place = format!("{}:{}:{}", source.name, position.line, position.column);
    let value = source.text.get(span.clone()).unwrap_or_default();
    let before = source.text.get(..span.start).unwrap_or_default();
    let annotation =
        ["(file)", "(env)"].into_iter().find(|annotation| value.starts_with(annotation) || before.trim_end().ends_with(annotation));
    Some(match annotation {
        // The name of what it is taken from.
        Some(annotation) => format!("{place} {annotation}{}", value.strip_prefix(annotation).unwrap_or(value).trim()),
        None => place,
    })
}

/// The files of a config start where it is.
pub(super) fn folder_of(config: &str) -> &Path {
    Path::new(config).parent().unwrap_or(Path::new(""))
}
