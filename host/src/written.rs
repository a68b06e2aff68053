//! A config for a server that was made without one: what is found, as KDL, and what no config says of it.

use jiff::Timestamp;
use kaphost_apply::{Survey, survey};
use kaphost_convert::{Remarks, write as write_kdl};
use kaphost_plan::{ImageAnswer, ImageFact, Names, Query, adopt, describe, settle};
use kaphost_policy::{Facts, Outcome};
use kaphost_spec::ConfigSource;

use crate::cli::{CloudArgs, Global};
use crate::cloud::Clouds;
use crate::failure::Failure;
use crate::input;
use crate::interrupt::or_ctrl_c;
use crate::policies::{Again, Policies};
use crate::render::{self, adoption, plan::counts};

/// Such a config.
pub(crate) struct Written {
    /// It.
    pub(crate) kdl: String,
    /// What it does not say of the server: what an apply after the adoption would change.
    pub(crate) unsaid: Vec<String>,
    /// What was found.
    pub(crate) survey: Survey,
}

/// Reads the server and writes its config.
///
/// # Errors
/// When AWS cannot be read, there is no such group, or it cannot be a cluster.
pub(crate) async fn write(
    global: &Global,
    cloud: &CloudArgs,
    name: &str,
    region: &str,
    group: &str,
    own: Option<&str>,
) -> Result<Written, Failure> {
    let session = Clouds::new(cloud).session(region).await?;
    let query = Query::of(Names::from_cluster(name, region));
    let look = survey(session.cloud.as_ref(), group, own, query);
    let survey = or_ctrl_c(async { look.await.map_err(|error| adoption::failure(None, region, error)) }).await?;
    let refused = |refusals: Vec<_>| adoption::refused(None, &refusals);
    let image = match &survey.observed.image {
        ImageAnswer::Found(image) => image.clone(),
        _ => return Err(adoption::no_image(&survey)),
    };
    let Some(content) = survey.running.from.content() else { return Err(adoption::no_image(&survey)) };
    let settled = settle(content, None, survey.public);
    let described = describe(&survey.names, &survey.running, &survey.observed, &settled.content, &image.root_device).map_err(refused)?;
    let mut remarks = Remarks::default();
    for (node, remark) in described.remarks {
        remarks.nodes.entry(node).or_default().push(remark);
    }

    // What the config means, so that what it does not say is found and not guessed.
    let text = write_kdl(&described.cluster, &remarks);
    let desired = meant(global, text)?;
    let left =
        adopt(&desired, &survey.names, &survey.running, &survey.observed, ImageFact::Found(&image), survey.public).map_err(refused)?;
    let mut unsaid = settled.otherwise;
    for change in &left.rest.changes {
        for leaf in &change.leaves {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            unsaid.push(format!(
                "{} {}: {} is {}, the config means {}",
                change.resource,
                change.name,
                leaf.leaf,
                side(&leaf.old),
                side(&leaf.new)
            ));
        }
    }
    remarks.head.push(format!("Found in {region}: the Auto Scaling group {group}, which launches from {}.", survey.running.from.words()));
    if group != name {
        remarks.head.push(format!("Adopt it with `kaphost adopt FILE --group {group}`: the group is not called as the cluster."));
    }
    if !left.rest.is_empty() {
        remarks.head.push(format!("An apply after the adoption would change something: {}. No config says:", counts(&left.rest)));
    }
    remarks.head.extend(unsaid.iter().map(|unsaid| format!("  - {unsaid}")));
    Ok(Written { kdl: write_kdl(&described.cluster, &remarks), unsaid, survey })
}

/// What AWS should hold by this config, with no policy in between.
fn meant(global: &Global, text: String) -> Result<kaphost_plan::Desired, Failure> {
    let inputs = input::parse(ConfigSource::new("cluster.kdl", text), std::path::Path::new(""), &[])?;
    let input = input::only(inputs, std::path::Path::new("cluster.kdl"), "adopt")?;
    let none = Again { files: Vec::new(), settings: &[], now: Timestamp::UNIX_EPOCH };
    let admission = Policies::load_again(&none)?.evaluate(global, &input, &Facts::default(), &mut String::new())?;
    let Outcome::Admitted(spec) = admission.outcome else { return Err(Failure::Faulty(vec!["no policy denied a config".into()])) };
    kaphost_plan::desire(&spec).map_err(|error| render::too_long(&input.spec, &error))
}
