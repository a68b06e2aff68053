//! The IAM policy of a run: asks whose account it is, and prints what the planner says.

use std::collections::BTreeSet;

use kaphost_plan::preflight::Inquiry;
use kaphost_plan::{MANAGED_POLICY_CHARACTERS, Names, Observed, Permissions, Plan, Query, Reads, query};
use kaphost_spec::facts::{FactKind, FactsQuery};
use serde_json::json;

use crate::cli::{Format, Global};
use crate::cloud::Clouds;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::pipeline::{Current, Prepared};
use crate::preflight::Asks;
use crate::saved::Before;
use crate::{render, term};

/// What one cluster of the run needs.
pub(crate) struct Needs<'a> {
    plan: &'a Plan,
    observed: &'a Observed,
    reads: Reads,
}

/// What applying needs, by the config or by a plan that is saved. The image counts as read, though this machine may remember it: another does not.
#[must_use]
pub(crate) fn of_plan<'a>(prepared: &Prepared, current: &'a Current, asks: Asks, is_saved: bool) -> Needs<'a> {
    let kinds: BTreeSet<FactKind> = prepared.decision.policies.iter().flat_map(|policy| policy.facts.iter().copied()).collect();
    let reads = Reads {
        query: query(&prepared.desired, None),
        facts: FactsQuery::of(&prepared.input.spec.cluster, &kinds),
        preflight: if asks == Asks::Nothing { Inquiry::default() } else { Inquiry::of(&prepared.desired, &current.plan) },
        refreshes: kaphost_plan::needs_refresh(&prepared.desired, &current.observed, &current.image),
        activity: is_saved && Before::is_read(current),
    };
    Needs { plan: &current.plan, observed: &current.observed, reads }
}

/// What destroying needs.
#[must_use]
pub(crate) fn of_destroy<'a>(names: &Names, plan: &'a Plan, observed: &'a Observed) -> Needs<'a> {
    let query = Query::for_destroy(names.clone());
    Needs {
        plan,
        observed,
        reads: Reads { query, facts: FactsQuery::default(), preflight: Inquiry::default(), refreshes: false, activity: false },
    }
}

/// Prints it, one document for all: by itself, ready to be given to IAM, or within the document that programs get.
///
/// # Errors
/// When the cloud does not say whose account it is.
pub(crate) async fn print(global: &Global, document: Document, clouds: &Clouds<'_>, clusters: &[Needs<'_>]) -> Result<Exit, Failure> {
    let Some(region) = clusters.iter().map(|needs| needs.plan.names.region.as_str()).min() else { return Ok(Exit::Done) };
    let asked = FactsQuery { account: true, ..FactsQuery::default() };
    let account = clouds.session(region).await?.facts(&asked).await?.account;
    let account = account.ok_or_else(|| Failure::Faulty(vec!["the account was asked for and not read".into()]))?;
    let mut permissions = Permissions::of(&account);
    for Needs { plan, observed, reads } in clusters {
        permissions.add(plan, observed, reads);
    }
    let size = json!(permissions).to_string().chars().filter(|c| !c.is_whitespace()).count();
    if size > MANAGED_POLICY_CHARACTERS {
        term::err(&format!(
            "The document has {size} characters, and a managed policy takes {MANAGED_POLICY_CHARACTERS}: make it an inline policy of a role (10240), or two policies.\n"
        ));
    }
    let no_json = |error: serde_json::Error| Failure::Faulty(vec![format!("a policy document has no JSON form: {error}")]);
    term::out(&match (global.output, clusters) {
        (Format::Text, _) => serde_json::to_string_pretty(&permissions).map_err(no_json)? + "\n",
        (Format::Json, [one]) => document.text(Exit::Done, &json!({ "plan": render::plan::json(one.plan), "iam-policy": permissions })),
        (Format::Json, several) => {
            let one = |needs: &Needs<'_>| {
                let Names { cluster, region, .. } = &needs.plan.names;
                json!({ "cluster": cluster, "region": region, "exit": 0, "plan": render::plan::json(needs.plan) })
            };
            document.text(Exit::Done, &json!({ "clusters": several.iter().map(one).collect::<Vec<_>>(), "iam-policy": permissions }))
        }
    });
    Ok(Exit::Done)
}
