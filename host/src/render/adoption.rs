//! A server of somebody else's, and how it is taken over.

use kaphost_apply::{Survey, SurveyError};
use kaphost_plan::{Adoption, ImageAnswer, Kind, Launches, Refusal};
use kaphost_spec::Spec;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::render::blame::Blame;
use crate::render::simple::Simple;
use crate::render::{self, plan};
use crate::term::{CHANGED, FAINT, GOOD, STRONG, paint};

/// What was found, and what is to be done about it.
pub(crate) struct Found<'a> {
    /// What was found.
    pub(crate) survey: &'a Survey,
    /// What is to be done.
    pub(crate) adoption: &'a Adoption,
}

impl Found<'_> {
    /// For people.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        let Self { survey, adoption } = self;
        let names = &adoption.plan.names;
        let mut out = format!("{} for {} in {}\n", paint(STRONG, "Found"), names.cluster, names.region);
        let mut line = |kind: &str, what: String| out.push_str(&format!("    {kind:<20}  {what}\n"));
        line(&Kind::AutoScalingGroup.to_string(), survey.running.group.name.clone());
        match &survey.running.from {
            Launches::Configuration { name, .. } => line("launch configuration", name.clone()),
            Launches::Template { name, version, .. } => line(&Kind::LaunchTemplate.to_string(), format!("{name}, version {version}")),
            Launches::Else(what) => line("launches from", what.clone()),
        }
        for group in &survey.running.security_groups {
            let own = survey.observed.security_groups.iter().any(|own| own.id == group.id);
            let whose = if own { String::new() } else { format!(" {}", paint(CHANGED, "not the cluster's own")) };
            line(&Kind::SecurityGroup.to_string(), format!("{} ({}){whose}", group.name, group.id));
        }
        match &survey.running.profile {
            Some(profile) => {
                line(&Kind::InstanceProfile.to_string(), profile.name.clone());
                line(&Kind::Role.to_string(), profile.role.clone().unwrap_or_else(|| paint(CHANGED, "none").to_string()));
            }
            None => line(&Kind::InstanceProfile.to_string(), paint(CHANGED, "none").to_string()),
        }
        for instance in &survey.running.group.instances {
            let state = format!("{}, {} in {}", instance.lifecycle, instance.health, instance.zone);
            line("instance", format!("{} {}", instance.id, paint(FAINT, state)));
        }
        out.push('\n');
        if adoption.plan.is_empty() {
            out.push_str(&format!("{} It is this cluster's already.\n", paint(GOOD, "Nothing to take over.")));
        } else {
            out.push_str(&plan::text(&adoption.plan, &Blame::none()));
        }
        if !adoption.otherwise.is_empty() {
            out.push_str(&format!("\n{}\n", paint(STRONG, "Not carried over to the launch template:")));
            for part in &adoption.otherwise {
                for line in textwrap::wrap(part, 76) {
                    out.push_str(&format!("    {line}\n"));
                }
            }
        }
        if adoption.rest.is_empty() {
            out.push_str(&format!("\n{} finds nothing to change.\n", paint(STRONG, "An apply after it")));
        } else {
            let heading = paint(STRONG, "The config says otherwise; it stays as it is until an apply:");
            out.push_str(&format!("\n{heading}\n{}", plan::text(&adoption.rest, &Blame::none())));
        }
        out
    }

    /// What people are told when it is done.
    #[must_use]
    pub(crate) fn done(&self) -> String {
        let names = &self.adoption.plan.names;
        let next = if self.adoption.rest.is_empty() {
            "`kaphost apply` finds nothing to change."
        } else {
            "`kaphost plan` shows what an apply changes."
        };
        format!(
            "\n{} is kaphost's now, and its server goes on. {next}\nTake it out of the state of whatever made it (`terraform state rm`), or that may end it.\n",
            names.cluster
        )
    }

    /// For programs.
    #[must_use]
    pub(crate) fn json(&self) -> Value {
        json!({
            "found": parts(self.survey),
            "plan": plan::json(&self.adoption.plan),
            "not-carried-over": self.adoption.otherwise,
            "after": plan::json(&self.adoption.rest),
        })
    }
}

/// What was found, for programs.
#[must_use]
pub(crate) fn parts(survey: &Survey) -> Value {
    let running = &survey.running;
    let groups: Vec<Value> = running.security_groups.iter().map(|group| json!({ "id": group.id, "name": group.name })).collect();
    json!({
        "auto-scaling-group": running.group.name,
        "launches-from": running.from.words(),
        "security-groups": groups,
        "instance-profile": running.profile.as_ref().map(|profile| &profile.name),
        "role": running.profile.as_ref().and_then(|profile| profile.role.as_ref()),
        "instances": running.group.instances,
    })
}

/// What a written config does not say, for people.
#[must_use]
pub(crate) fn unsaid(unsaid: &[String]) -> String {
    let one = |what: &String| render::diagnostic::text(&Simple::new("not-said", what.clone()).into_warning());
    unsaid.iter().map(one).collect()
}

/// Why there is nothing to take over.
#[must_use]
pub(crate) fn failure(spec: Option<&Spec>, region: &str, error: SurveyError) -> Failure {
    match error {
        SurveyError::Cloud(error) => error.into(),
        SurveyError::Refused(refusals) => refused(spec, &refusals),
        SurveyError::NoGroup(name) => {
            let problem = Simple::new("no-group", format!("there is no Auto Scaling group {name} in {region}"));
            Failure::Unfit(vec![problem.with_help("name the group that runs the server: `--group NAME`; and check the region")])
        }
    }
}

/// Refusals, with their lines where there is a config.
#[must_use]
pub(crate) fn refused(spec: Option<&Spec>, refusals: &[Refusal]) -> Failure {
    if let Some(spec) = spec {
        return render::refused(spec, refusals);
    }
    let one = |refusal: &Refusal| {
        let code = serde_json::to_value(refusal.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
        Simple::new(&code, refusal.message.clone()).with_help(refusal.help.clone())
    };
    Failure::Unplannable(refusals.iter().map(one).collect())
}

/// The server's image is gone, so that nobody can tell which of its volumes is the root.
#[must_use]
pub(crate) fn no_image(survey: &Survey) -> Failure {
    let image = survey.running.from.content().map(|content| content.image.clone()).unwrap_or_default();
    let why = match &survey.observed.image {
        ImageAnswer::Missing(_) => "is gone, or this account may not see it",
        ImageAnswer::NotAsked | ImageAnswer::Found(_) => "cannot be looked at",
    };
    let problem = Simple::new("image-missing", format!("the image {image} of the server {why}"));
    Failure::Unfit(vec![
        problem.with_help("a config needs an image that a new server can start from: let the group launch from one, then adopt"),
    ])
}
