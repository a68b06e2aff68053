//! What to read before a server of somebody else's is taken over.

use std::collections::BTreeSet;

use kaphost_plan::{Names, Observed, Query, Refusal, Running, locate};
use kaphost_spec::Ami;
use kaphost_spec::facts::FactsQuery;

use crate::cloud::{Cloud, CloudError};

/// A server of somebody else's, with all that there is to know of it.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The group, and what it launches.
    pub running: Running,
    /// Under which names its parts are found.
    pub names: Names,
    /// What those names hold.
    pub observed: Observed,
    /// Whether its subnets give servers a public address, where what it launches leaves that to them; `None` when they differ, or are not asked.
    pub public: Option<bool>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A read failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// There is no such Auto Scaling group.
    #[error("there is no Auto Scaling group {0}")]
    NoGroup(String),
    /// The group cannot be a cluster.
    #[error("the group cannot be taken over")]
    Refused(Vec<Refusal>),
}

/// Looks at an Auto Scaling group, then at everything that belongs to its server. `query` is what a plan of the cluster reads, under the names that kaphost would give; without an image, that of the
/// server is read. `own` is the id of the security group that is the cluster's, where the server is in several.
///
/// # Errors
/// When a read fails, there is no such group, or it cannot be a cluster.
pub async fn survey(cloud: &dyn Cloud, group: &str, own: Option<&str>, query: Query) -> Result<Survey, SurveyError> {
    let running = cloud.running(group).await?.ok_or_else(|| SurveyError::NoGroup(group.to_owned()))?;
    let names = locate(&query.names, &running, own).map_err(SurveyError::Refused)?;
    let content = running.from.content();
    let image = query.image.clone().or_else(|| content.and_then(|content| content.image.parse().ok()).map(Ami::Id));
    let rule_ids_of = running.security_groups.iter().map(|group| group.id.clone()).chain(query.group.clone()).collect();
    let query = Query { names: names.clone(), image, attachments: true, rule_ids_of, ..query };
    let left_open = content.is_some_and(kaphost_plan::leaves_public_ip_open);
    let (observed, refreshes, public) =
        futures_util::future::try_join3(cloud.observe(&query), cloud.refreshes(group), public(cloud, &running, left_open)).await?;
    let mut observed = observed;
    if let Some(group) = &mut observed.auto_scaling_group {
        group.refresh = refreshes.into_iter().next();
    }
    Ok(Survey { running, names, observed, public })
}

/// What the subnets do.
async fn public(cloud: &dyn Cloud, running: &Running, left_open: bool) -> Result<Option<bool>, CloudError> {
    if !left_open {
        return Ok(None);
    }
    let subnets = running.group.settings.subnets.iter().filter_map(|id| id.parse().ok()).collect();
    let facts = cloud.facts(&FactsQuery { subnets, ..FactsQuery::default() }).await?;
    let does: BTreeSet<bool> = facts.subnets.iter().map(|subnet| subnet.auto_public_ip).collect();
    Ok(if does.len() == 1 { does.first().copied() } else { None })
}
