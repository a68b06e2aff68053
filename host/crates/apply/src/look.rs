//! What to read before a plan is made.

use kaphost_plan::{Desired, Image, Observed, Query, Refresh, query};

use crate::cloud::{Cloud, CloudError};

/// The reads are not of one moment: a rival may make a version and roll it out in between. So often they are made anew before what they say is taken for the truth.
const TRIES: usize = 3;

/// Reads everything that a plan needs, in one round; in a second one the group's instance refreshes, when the first has shown that the running server is not what it
/// should be. `known` is an image that need not be read: that of the config's id, or the one that its parameter or search gave earlier in the same run.
///
/// # Errors
/// When a read fails.
pub async fn look(cloud: &dyn Cloud, desired: &Desired, known: Option<&Image>) -> Result<Observed, CloudError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut observed = find(cloud, query(desired, known)).await?;
        let Some(name) =
            observed.auto_scaling_group.as_ref().map(|group| group.name.clone()).filter(|_| desired.needs_refresh(&observed, known))
        else {
            return Ok(observed);
        };
        let latest = cloud.refreshes(&name).await?.into_iter().next();
        if tries < TRIES && latest.as_ref().is_some_and(|refresh| is_news(&observed, refresh)) {
            continue;
        }
        if let Some(group) = &mut observed.auto_scaling_group {
            group.refresh = latest;
        }
        return Ok(observed);
    }
}

/// Reads everything under a cluster's names: a second time, when the first has shown that it was adopted, and that what is its own has other names.
///
/// # Errors
/// When a read fails.
pub async fn find(cloud: &dyn Cloud, query: Query) -> Result<Observed, CloudError> {
    let observed = cloud.observe(&query).await?;
    let names = query.names.located(&observed);
    if names == query.names {
        return Ok(observed);
    }
    let image = observed.image;
    let observed = cloud.observe(&Query { names, image: None, ..query }).await?;
    Ok(Observed { image, ..observed })
}

/// Whether a refresh goes to a version that was not there when the template was read, or has ended with one that the group did not pin then.
fn is_news(observed: &Observed, refresh: &Refresh) -> bool {
    let known =
        observed.launch_template.as_ref().is_some_and(|template| refresh.version.is_none_or(|it| template.versions.contains_key(&it)));
    let unknown = refresh.advances() && !known;
    let pinned = observed.auto_scaling_group.as_ref().map(|group| group.settings.template_version);
    unknown || (refresh.status == "Successful" && refresh.version > pinned)
}
