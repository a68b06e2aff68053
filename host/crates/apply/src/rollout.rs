//! Following an instance refresh to its end.
//!
//! A refresh says how far it is and, when it fails, little of why: the group's scaling activities hold AWS's reasons, as they do when a group is new. Both are polled, and
//! both stand in the error.

use std::time::{Duration, SystemTime};

use kaphost_plan::{Instance, Refresh};
use tokio::time::Instant as Moment;

use crate::cloud::{Activity, Cloud, CloudError, ErrorKind, GroupReport};
use crate::retry::Backoff;
use crate::wait::{Seen, passes};

/// One refresh to follow.
pub(crate) struct Rollout<'a> {
    pub(crate) operation: &'static str,
    pub(crate) group: &'a str,
    /// Its id.
    pub(crate) refresh: &'a str,
    pub(crate) timeout: Duration,
    /// Activities from before are nothing to do with it.
    pub(crate) since: SystemTime,
    pub(crate) poll: Backoff,
    /// Whether it only has to end, however it ends.
    pub(crate) any_end: bool,
}

/// What a poll has shown.
pub(crate) enum News {
    Activity(Activity),
    Refresh(Refresh),
}

impl Rollout<'_> {
    /// Polls until the refresh is over, tells what is new, and gives up after the timeout: the refresh then goes on without us. Drop it to stop at once.
    ///
    /// # Errors
    /// When it ends otherwise than asked for (with AWS's reasons), when time is over, or when a read is refused.
    pub(crate) async fn run(&self, cloud: &dyn Cloud, mut tell: impl FnMut(News)) -> Result<(), CloudError> {
        let deadline = Moment::now() + self.timeout;
        let mut seen = Seen::default();
        let mut last: Option<Refresh> = None;
        let mut instances = Vec::new();
        let mut trouble = None;
        for pause in self.poll.pauses() {
            // Side by side: what happened to the refresh has happened to the group.
            match futures_util::future::try_join(cloud.refreshes(self.group), cloud.group(self.group, self.since)).await {
                Ok((refreshes, report)) => {
                    trouble = None;
                    if let Some(report) = report {
                        seen.note(&report).into_iter().for_each(|activity| tell(News::Activity(activity)));
                        GroupReport { instances, .. } = report;
                    }
                    let found = refreshes.into_iter().find(|refresh| refresh.id == self.refresh);
                    if found != last
                        && let Some(refresh) = &found
                    {
                        tell(News::Refresh(refresh.clone()));
                    }
                    // One that was just started may not show yet.
                    if let Some(refresh) = found {
                        if !refresh.active() {
                            return self.over(&refresh, &seen, &instances);
                        }
                        last = Some(refresh);
                    }
                }
                Err(error) if passes(&error) => trouble = Some(error),
                Err(error) => return Err(error),
            }
            let left = deadline.saturating_duration_since(Moment::now());
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(pause.min(left)).await;
        }
        Err(self.too_late(last.as_ref(), &seen, trouble))
    }

    fn over(&self, refresh: &Refresh, seen: &Seen, instances: &[Instance]) -> Result<(), CloudError> {
        if refresh.status == "Successful" || self.any_end {
            return Ok(());
        }
        let (group, id) = (self.group, &refresh.id);
        let mut message = match refresh.status.as_str() {
            "Cancelled" => format!("the rollout {id} of {group} was cancelled by somebody else"),
            "RollbackSuccessful" => format!("the rollout {id} of {group} failed, and AWS has gone back to the version before"),
            "RollbackFailed" => format!("the rollout {id} of {group} failed, and so did going back to the version before"),
            "Failed" => format!("the rollout {id} of {group} failed, and was not to be undone (`rollout.auto-rollback`)"),
            other => format!("the rollout {id} of {group} ended as {other}"),
        };
        if let Some(reason) = &refresh.reason {
            message = format!("{message}: {reason}");
        }
        let running: Vec<String> = instances.iter().map(running).collect();
        let running = if running.is_empty() { "no instance runs".to_owned() } else { running.join(", ") };
        let message = format!("{}; {running}. {}", message.trim_end_matches('.'), seen.last_failure());
        Err(CloudError::new(ErrorKind::RolloutFailed, self.operation, message))
    }

    fn too_late(&self, last: Option<&Refresh>, seen: &Seen, trouble: Option<CloudError>) -> CloudError {
        let how = match last {
            Some(refresh) => {
                let percent = refresh.percent.map(|percent| format!(", {percent}% done")).unwrap_or_default();
                let reason = refresh.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("is {}{percent}{reason}", refresh.status)
            }
            None => "does not show".to_owned(),
        };
        let last = trouble.map_or_else(|| seen.last_failure(), |error| format!("The last poll failed: {error}"));
        let message = format!(
            "after {} s the rollout {} of {} {how}. AWS goes on with it; apply again to follow it. {last}",
            self.timeout.as_secs(),
            self.refresh,
            self.group
        );
        CloudError::new(ErrorKind::TimedOut, self.operation, message)
    }
}

fn running(instance: &Instance) -> String {
    let version = instance.template_version.map(|version| format!(" of version {version}")).unwrap_or_default();
    format!("{}{version} is {} and {}", instance.id, instance.lifecycle, instance.health)
}
