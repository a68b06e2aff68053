//! `kaphost plan`

use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_policy::Effect;
use kaphost_saved_plan::Document as Plan;
use serde_json::{Value, json};

use crate::cli::{ClockArgs, CloudArgs, Format, Global, PolicyArgs, StrictArgs};
use crate::cloud::{Clouds, block_on};
use crate::document::Document;
use crate::drift::{self, Judged};
use crate::exit::Exit;
use crate::facts::{FactsArgs, Trust};
use crate::failure::Failure;
use crate::fleet::{Ended, Fleet};
use crate::input::ClusterArgs;
use crate::permissions;
use crate::pipeline::{self, Current, Prepared};
use crate::policies::Asked;
use crate::preflight::PreflightArgs;
use crate::record::RecordArgs;
use crate::render::blame::{self, Blame, Which};
use crate::render::broken;
use crate::saved::{self, Before, Making, OutArgs};
use crate::signing::Signers;
use crate::{render, term};

/// Show what apply would do, and change nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost plan cluster.kdl --policy org.wasm\n  kaphost plan cluster.kdl --policy org.wasm --detailed-exitcode\n  \
                        kaphost plan cluster.kdl --policy org.wasm --out p.kapplan --expires-in 2d\n  kaphost plan cluster.kdl --policy org.wasm --iam-policy > operator.json\n  \
                        kaphost plan cluster.kdl --cloud lab:lab.json"
)]
pub(crate) struct Command {
    #[command(flatten)]
    clusters: ClusterArgs,
    /// Exit with 2 when there is something to change
    #[arg(long)]
    detailed_exitcode: bool,
    /// Show where every value comes from: what the config says and what policies did, or `--blame=all`
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "said")]
    blame: Option<Which>,
    /// Print the IAM policy that allows carrying out exactly this plan, and nothing else: least privilege for whoever applies it. With --out, the plan that is saved
    #[arg(long, conflicts_with_all = ["blame", "detailed_exitcode"])]
    iam_policy: bool,
    #[command(flatten)]
    out: OutArgs,
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
    #[command(flatten)]
    preflight: PreflightArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let asked = Asked { policies: &command.policies, now: command.clock.now, strict: command.strict.strict, record: Some(&command.record) };
    let signers = command.record.signers(command.out.out.is_some())?;
    let making = command.out.out.as_ref().map(|_| Making::begin(&command.out, &asked, &command.cloud.cloud)).transpose()?;
    let (fleet, kept, printed) = block_on(async {
        let clouds = Clouds::new(&command.cloud);
        let asks = command.preflight.asks();
        let prepared = pipeline::prepare(global, &command.clusters, &asked, (&command.facts, Trust::Told), &clouds).await?;
        let look = async |mut prepared: Prepared| {
            prepared.desired.mark = making.as_ref().map(|making| making.id().to_owned());
            let (session, current) = prepared.look(&clouds, asks).await?;
            // What else it reads is for people who look at the plan, and not for whoever carries it out.
            let judged =
                if command.iam_policy { None } else { drift::judge(&prepared, &session, &current.observed, &current.image).await? };
            let before = if making.is_some() { Before::read(&session, &current).await? } else { Before::default() };
            Ok(Seen { prepared, current, judged, before })
        };
        let fleet = prepared.each(look).await;
        if making.is_none() && !command.iam_policy {
            return Ok((Ok(fleet), None, None));
        }
        // A plan of some clusters is none of them all.
        let fleet = match fleet.all_or_none() {
            Ok(fleet) => fleet,
            Err(ended) => return Ok((Err(ended), None, None)),
        };
        let kept = match making.as_ref().zip(command.out.out.as_ref()) {
            None => None,
            Some((making, file)) => Some(keep(&fleet, &clouds, making, file, &signers).await?),
        };
        if !command.iam_policy {
            return Ok((Ok(fleet), kept, None));
        }
        let is_saved = kept.is_some();
        let clusters: Vec<permissions::Needs<'_>> =
            fleet.going().map(|seen| permissions::of_plan(&seen.prepared, &seen.current, asks, is_saved)).collect();
        let printed = permissions::print(global, Document::Plan, &clouds, &clusters).await?;
        Ok((Ok(fleet), kept, Some(printed)))
    })?;
    if let Some(printed) = printed {
        return Ok(printed);
    }
    let fleet = match fleet {
        Ok(fleet) => fleet,
        Err(ended) => return ended.show(global, Document::Plan),
    };
    let ended = |seen: Seen| {
        seen.prepared.tell(&seen.current);
        Ok(ended(command, &seen, kept.as_ref()))
    };
    let exit = fleet.then(ended).show(global, Document::Plan)?;
    if let Some(kept) = kept.filter(|_| global.output == Format::Text) {
        term::out(&kept.text());
    }
    Ok(exit)
}

/// Saves the plan of all clusters, and signs it.
async fn keep(fleet: &Fleet<Seen>, clouds: &Clouds<'_>, making: &Making, file: &Path, signers: &Signers) -> Result<Kept, Failure> {
    let regions = fleet.going().map(|seen| seen.prepared.desired.names.region.as_str());
    let account = match regions.min() {
        Some(region) => saved::account(clouds.session(region).await?.as_ref()).await?,
        None => String::new(),
    };
    let document = making.with(account, fleet.going().map(|seen| (&seen.prepared, &seen.current, &seen.before)));
    let text = document.text();
    saved::write("the plan", file, &text)?;
    let signature = signers.sign(file, &text, || saved::predicate(&document))?;
    Ok(Kept { file: file.to_owned(), document, sha256: saved::sha256(text.as_bytes()), signature })
}

/// What was found of one cluster.
struct Seen {
    prepared: Prepared,
    current: Current,
    judged: Option<Judged>,
    before: Before,
}

/// A plan that was saved.
struct Kept {
    file: PathBuf,
    document: Plan,
    sha256: String,
    signature: Option<PathBuf>,
}

impl Kept {
    fn text(&self) -> String {
        let (file, expires) = (self.file.display(), &self.document.expires);
        let signed = self.signature.as_ref().map(|signature| format!(" Signed in {}.", signature.display())).unwrap_or_default();
        format!("\nSaved in {file}, good until {expires}.{signed}\n`kaphost apply {file}` carries out exactly this, once.\n")
    }

    fn json(&self) -> Value {
        json!({
            "file": self.file,
            "id": self.document.id,
            "expires": self.document.expires,
            "sha256": self.sha256,
            "signature": self.signature,
        })
    }
}

fn ended(command: &Command, Seen { prepared, current, judged, .. }: &Seen, kept: Option<&Kept>) -> Ended {
    let plan = &current.plan;
    let mut text = render::decision::text(&prepared.decision, &prepared.input.spec);
    if let Some(which) = command.blame {
        text.push_str(&format!("\n{}", blame::text(&prepared.input.spec, &prepared.decision, which)));
    }
    text.push_str(&format!("\n{}", render::plan::text(plan, &Blame::new(&prepared.decision))));
    // What only AWS or a config says is `status`'s to tell: here it is about what the plan mends.
    if let Some(judged) = judged.as_ref().filter(|judged| judged.is_broken()) {
        text.push_str(&format!("\n{}", broken::text(judged)));
    }
    let mut members = json!({
        "diagnostics": &prepared.input.warnings[..],
        "warnings": prepared.warnings,
        "waived": render::decision::violations_json(&prepared.decision, &prepared.input.spec, Effect::Waived, &*prepared.policies),
        "inputs": prepared.inputs,
        "decision": prepared.decision,
        "plan": render::plan::json(plan),
    });
    if command.blame.is_some() {
        members["values"] = blame::json(&prepared.input.spec, &prepared.decision).into();
    }
    if let Some(judged) = judged {
        members["breaks"] = broken::json(judged);
    }
    if let Some(kept) = kept {
        members["saved"] = kept.json();
    }
    let exit = if command.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done };
    Ended { exit, changed: false, text, brief: render::plan::brief(plan), members }
}
