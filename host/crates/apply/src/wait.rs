//! Waiting for an Auto Scaling group: what one poll means, and the loop around it.
//!
//! AWS says why a launch fails only in the group's scaling activities, so their words are what the user must see: each is emitted once, and the last one is
//! part of every error.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::cloud::{Activity, Cloud, CloudError, ErrorKind, GroupReport};
use crate::retry::Backoff;

/// Reasons of a failed launch that AWS itself tries again, and that go away: capacity comes back, IAM reaches EC2. They are shown and waited through.
const PASSING: &[&str] = &[
    "Invalid IAM Instance Profile",
    "InsufficientInstanceCapacity",
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
    "UnfulfillableCapacity",
    "InsufficientFreeAddressesInSubnet",
];

/// What a poll means for somebody who waits for capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An instance is in service.
    Ready,
    /// Not yet.
    GoOn,
    /// It will not come by waiting; AWS's own words.
    Failed(String),
}

/// What has been seen of a group so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Status and message by activity, as last told.
    told: BTreeMap<String, (String, Option<String>)>,
    /// The last thing that AWS said, with its cause.
    last_words: Option<String>,
    /// The last activity that failed, in the same way.
    last_failure: Option<String>,
    /// What the instances were doing at the last poll.
    instances: Option<String>,
}

impl Seen {
    /// Takes note of a poll and returns what is new in it, oldest first.
    pub fn note(&mut self, report: &GroupReport) -> Vec<Activity> {
        let mut news = Vec::new();
        for activity in report.activities.iter().rev() {
            let now = (activity.status.clone(), activity.message.clone());
            if self.told.get(&activity.id) != Some(&now) {
                self.last_words = Some(words(activity));
                if activity.status == "Failed" {
                    self.last_failure.clone_from(&self.last_words);
                }
                self.told.insert(activity.id.clone(), now);
                news.push(activity.clone());
            }
        }
        let instances: Vec<String> =
            report.instances.iter().map(|instance| format!("{} is {} and {}", instance.id, instance.lifecycle, instance.health)).collect();
        self.instances = (!instances.is_empty()).then(|| instances.join(", "));
        news
    }

    /// The last failure that AWS told of, as a sentence.
    pub(crate) fn last_failure(&self) -> String {
        match &self.last_failure {
            Some(words) => format!("AWS said: {words}"),
            None => "AWS told of no launch that failed".to_owned(),
        }
    }

    /// What AWS said last, as the end of a sentence.
    fn last(&self) -> String {
        match (&self.last_words, &self.instances) {
            (Some(words), _) => format!("AWS said last: {words}"),
            (None, Some(instances)) => format!("AWS gave no reason; {instances}"),
            (None, None) => "AWS said nothing about it".to_owned(),
        }
    }
}

/// An activity in AWS's own words.
fn words(activity: &Activity) -> String {
    let mut words = format!("{}: {}", activity.status, activity.description);
    if let Some(message) = activity.message.as_deref().filter(|message| !message.is_empty()) {
        words = format!("{words}: {message}");
    }
    if activity.status == "Failed" && !activity.cause.is_empty() {
        words = format!("{words} (cause: {})", activity.cause);
    }
    words
}

/// Judges one poll of a group that should come to have one instance in service. Pure but for what it remembers in `seen`; the second part is what is new.
pub fn judge(report: &GroupReport, seen: &mut Seen) -> (Verdict, Vec<Activity>) {
    let news = seen.note(report);
    if report.instances.iter().any(kaphost_plan::Instance::in_service) {
        return (Verdict::Ready, news);
    }
    let fatal = news.iter().find(|activity| {
        let said = activity.message.as_deref().unwrap_or_default();
        activity.status == "Failed" && !PASSING.iter().any(|passing| said.contains(passing))
    });
    let verdict = fatal.map_or(Verdict::GoOn, |activity| Verdict::Failed(words(activity)));
    (verdict, news)
}

/// Whether a poll that failed so is no reason to stop polling.
pub(crate) const fn passes(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::Throttled | ErrorKind::Busy | ErrorKind::Service | ErrorKind::Unreachable)
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Capacity,
    Gone,
}

/// One wait.
pub(crate) struct Wait<'a> {
    pub(crate) goal: Goal,
    pub(crate) operation: &'static str,
    pub(crate) group: &'a str,
    pub(crate) timeout: Duration,
    /// Activities from before are an earlier run's and say nothing about this one.
    pub(crate) since: SystemTime,
    pub(crate) poll: Backoff,
}

impl Wait<'_> {
    /// Polls until the goal is reached, tells every new activity, and gives up after the timeout. Drop it to stop at once: nothing is in flight but reads.
    ///
    /// # Errors
    /// When AWS says that it will not come, when time is over (with the last thing that AWS said), or when a read is refused.
    pub(crate) async fn run(&self, cloud: &dyn Cloud, mut tell: impl FnMut(Activity)) -> Result<(), CloudError> {
        let deadline = Instant::now() + self.timeout;
        let mut seen = Seen::default();
        let mut was_there = false;
        let mut trouble = None;
        for pause in self.poll.pauses() {
            match cloud.group(self.group, self.since).await {
                Ok(None) if self.goal == Goal::Gone => return Ok(()),
                // Not visible yet, unless it has been.
                Ok(None) if was_there => {
                    let message = format!("the Auto Scaling group {} was deleted while this run waited for it", self.group);
                    return Err(CloudError::new(ErrorKind::NotFound, self.operation, message));
                }
                Ok(None) => trouble = None,
                Ok(Some(report)) => {
                    (was_there, trouble) = (true, None);
                    let (verdict, news) = judge(&report, &mut seen);
                    news.into_iter().for_each(&mut tell);
                    match verdict {
                        Verdict::Ready if self.goal == Goal::Capacity => return Ok(()),
                        Verdict::Failed(why) if self.goal == Goal::Capacity => {
                            let message = format!("the Auto Scaling group {} cannot launch its instance: {why}", self.group);
                            return Err(CloudError::new(ErrorKind::LaunchFailed, self.operation, message));
                        }
                        _ => {}
                    }
                }
                Err(error) if passes(&error) => trouble = Some(error),
                Err(error) => return Err(error),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(pause.min(left)).await;
        }
        Err(self.too_late(&seen, trouble))
    }

    fn too_late(&self, seen: &Seen, trouble: Option<CloudError>) -> CloudError {
        let what = match self.goal {
            Goal::Capacity => "has no instance in service",
            Goal::Gone => "is still there",
        };
        let last = trouble.map_or_else(|| seen.last(), |error| format!("the last poll failed: {error}"));
        let message = format!("after {} s the Auto Scaling group {} {what}. {last}", self.timeout.as_secs(), self.group);
        CloudError::new(ErrorKind::TimedOut, self.operation, message)
    }
}

#[cfg(test)]
mod tests {
    use kaphost_plan::Instance;

    use super::*;

    fn activity(id: &str, status: &str, message: &str) -> Activity {
        let message = (!message.is_empty()).then(|| message.to_owned());
        let (description, cause) = ("Launching a new EC2 instance".into(), "a difference between desired and actual capacity".into());
        Activity { id: id.into(), status: status.into(), description, cause, message }
    }

    fn instance(lifecycle: &str, health: &str) -> Instance {
        Instance {
            id: "i-1".into(),
            zone: "us-east-1a".into(),
            lifecycle: lifecycle.into(),
            health: health.into(),
            template_version: Some(1),
            template: None,
        }
    }

    fn report(instances: Vec<Instance>, activities: Vec<Activity>) -> GroupReport {
        GroupReport { instances, activities, status: None }
    }

    #[test]
    fn one_healthy_instance_in_service_is_enough() {
        let mut seen = Seen::default();
        assert_eq!(judge(&report(vec![instance("Pending", "Healthy")], vec![]), &mut seen).0, Verdict::GoOn);
        assert_eq!(judge(&report(vec![instance("InService", "Unhealthy")], vec![]), &mut seen).0, Verdict::GoOn);
        assert_eq!(judge(&report(vec![instance("InService", "Healthy")], vec![]), &mut seen).0, Verdict::Ready);
    }

    #[test]
    fn a_failed_launch_ends_the_wait_with_awss_words_and_cause() {
        let failed = activity("1", "Failed", "Client.InternalError: Client error on launch");
        let (Verdict::Failed(why), _) = judge(&report(vec![], vec![failed]), &mut Seen::default()) else { panic!("not failed") };
        assert!(why.contains("Client.InternalError") && why.contains("desired and actual capacity"), "{why}");
    }

    #[test]
    fn passing_reasons_are_told_once_and_waited_through() {
        for passing in PASSING {
            let mut seen = Seen::default();
            let poll = report(vec![], vec![activity("1", "Failed", &format!("Could not launch. {passing} - try later"))]);
            let (verdict, news) = judge(&poll, &mut seen);
            assert_eq!((verdict, news.len()), (Verdict::GoOn, 1), "{passing}");
            assert_eq!(judge(&poll, &mut seen).1, []);
            assert!(seen.last().contains(passing));
        }
    }

    #[test]
    fn news_come_oldest_first_and_again_when_they_change() {
        let mut seen = Seen::default();
        let first = report(vec![], vec![activity("2", "InProgress", ""), activity("1", "Cancelled", "")]);
        assert_eq!(seen.note(&first).iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        let second = report(vec![], vec![activity("2", "Successful", ""), activity("1", "Cancelled", "")]);
        assert_eq!(seen.note(&second).iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["2"]);
    }
}
