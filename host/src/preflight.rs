//! What a plan takes for granted, asked of the cloud before anything is changed.

use clap::{Args, ValueEnum};
use kaphost_plan::preflight::{Inquiry, Preflight, Wanted, World, judge};
use kaphost_plan::{Desired, Image, Plan};
use kaphost_spec::{Path, Spec};

use crate::cloud::Session;
use crate::failure::Failure;
use crate::render::simple::Simple;

/// Whether the cloud is asked.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Cloud")]
pub(crate) struct PreflightArgs {
    /// Whether AWS is asked for what the plan takes for granted (key pair, subnets, zones, quotas, …) before anything is changed
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, env = "KAPHOST_PREFLIGHT")]
    preflight: When,
}

/// `--preflight`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum When {
    /// Whenever something is to be changed
    #[default]
    Always,
    /// Not at all
    Never,
}

/// What is asked before one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Nothing. What needs no call is found all the same.
    Nothing,
    /// Whatever the plan takes for granted.
    Everything,
}

impl PreflightArgs {
    /// What is asked.
    #[must_use]
    pub(crate) const fn asks(self) -> Asks {
        match self.preflight {
            When::Never => Asks::Nothing,
            When::Always => Asks::Everything,
        }
    }
}

/// Holds a plan, or what there would be one of, against the world. Where it is not asked, what needs no question counts all the same: an image and an instance type by
/// its name.
///
/// # Errors
/// When ctrl-C comes, or nothing can be asked at all.
pub(crate) async fn fly(
    session: &Session,
    desired: &Desired,
    (plan, image): (Option<&Plan>, Option<&Image>),
    asks: Asks,
) -> Result<Preflight, Failure> {
    let inquiry = plan.map_or_else(|| Inquiry::everything(desired), |plan| Inquiry::of(desired, plan));
    let world = match asks {
        Asks::Nothing => World::default(),
        Asks::Everything if inquiry.is_empty() => World::default(),
        Asks::Everything => session.preflight(&inquiry).await?,
    };
    Ok(judge(Wanted { desired, image, inquiry: &inquiry }, &world))
}

/// Warnings, each at the line that it comes from where there is one.
#[must_use]
pub(crate) fn warnings(spec: &Spec, preflight: &Preflight) -> Vec<Simple> {
    let one = |warning: &kaphost_plan::preflight::Warning| {
        let code = serde_json::to_value(warning.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
        let problem = Simple::new(&code, warning.message.clone()).with_help(warning.help.clone()).into_warning();
        match warning.path.as_deref().and_then(|path| path.parse::<Path>().ok()) {
            Some(path) => problem.at(&spec.origins, &path),
            None => problem,
        }
    };
    preflight.warnings.iter().map(one).collect()
}
