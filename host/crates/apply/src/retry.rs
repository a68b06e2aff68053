//! Which failures waiting may heal, and for how long: a table, and the back-off between two attempts.
//!
//! Broken connections and single throttled requests are retried below the port, by the SDK. What stands here are answers that AWS means, and that become
//! others by themselves: IAM has not reached EC2 yet, a network interface is still draining, somebody else's change is being carried out.

use std::time::Duration;

use crate::cloud::ErrorKind;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The AWS operation; `None` is every one.
    pub operation: Option<&'static str>,
    /// What it says.
    pub kind: ErrorKind,
    /// Only when an earlier step of the same run created something that this one leans on: then "not found" means "not visible yet".
    /// In general it means that somebody has deleted it, and no waiting brings it back.
    pub after_create: bool,
    /// How long it is tried again, from the first such answer.
    pub patience: Duration,
}

const fn row(operation: &'static str, kind: ErrorKind, minutes: u64) -> Row {
    Row { operation: Some(operation), kind, after_create: false, patience: Duration::from_secs(60 * minutes) }
}

const fn fresh(operation: &'static str, kind: ErrorKind, minutes: u64) -> Row {
    Row { operation: Some(operation), kind, after_create: true, patience: Duration::from_secs(60 * minutes) }
}

const fn every(kind: ErrorKind, minutes: u64) -> Row {
    Row { operation: None, kind, after_create: false, patience: Duration::from_secs(60 * minutes) }
}

/// The table. Times are those that Terraform's AWS provider has come to; where it has none, two minutes, after which IAM has always converged.
pub const TABLE: &[Row] = &[
    // AWS dry-runs a launch inside this call, so it is the first that needs the profile in EC2. Reading IAM proves nothing about that.
    row("CreateAutoScalingGroup", ErrorKind::NotVisibleYet, 2),
    row("UpdateAutoScalingGroup", ErrorKind::NotVisibleYet, 2),
    // A new template or group that this call does not see yet comes within seconds. A key pair or subnet that was mistyped sounds the same, and never comes:
    // so not for long.
    Row { patience: Duration::from_secs(30), ..fresh("CreateAutoScalingGroup", ErrorKind::NotFound, 0) },
    Row { patience: Duration::from_secs(30), ..fresh("UpdateAutoScalingGroup", ErrorKind::NotFound, 0) },
    // "Invalid principal in policy".
    row("CreateRole", ErrorKind::NotVisibleYet, 2),
    row("UpdateAssumeRolePolicy", ErrorKind::NotVisibleYet, 2),
    row("AddRoleToInstanceProfile", ErrorKind::NotFound, 2),
    row("AddRoleToInstanceProfile", ErrorKind::NotVisibleYet, 2),
    // A new role that is not seen everywhere yet. A policy that was mistyped sounds the same, and never comes: so not for long.
    Row { patience: Duration::from_secs(30), ..fresh("AttachRolePolicy", ErrorKind::NotFound, 0) },
    fresh("PutRolePolicy", ErrorKind::NotFound, 2),
    fresh("AuthorizeSecurityGroupIngress", ErrorKind::NotFound, 5),
    fresh("AuthorizeSecurityGroupEgress", ErrorKind::NotFound, 5),
    fresh("RevokeSecurityGroupEgress", ErrorKind::NotFound, 5),
    fresh("CreateLaunchTemplate", ErrorKind::NotFound, 2),
    fresh("CreateTags", ErrorKind::NotFound, 2),
    // A new version of the template that Auto Scaling does not see yet.
    Row { patience: Duration::from_secs(30), ..fresh("StartInstanceRefresh", ErrorKind::NotFound, 0) },
    // The name is taken, and yet nothing of that name can be read: one of the two is about to change.
    row("CreateSecurityGroup", ErrorKind::AlreadyExists, 1),
    row("CreateRole", ErrorKind::AlreadyExists, 1),
    row("CreateInstanceProfile", ErrorKind::AlreadyExists, 1),
    row("CreateLaunchTemplate", ErrorKind::AlreadyExists, 1),
    row("CreateAutoScalingGroup", ErrorKind::AlreadyExists, 1),
    row("AuthorizeSecurityGroupIngress", ErrorKind::AlreadyExists, 1),
    row("AuthorizeSecurityGroupEgress", ErrorKind::AlreadyExists, 1),
    row("DeleteRole", ErrorKind::InUse, 2),
    row("DeleteInstanceProfile", ErrorKind::InUse, 2),
    row("DeleteSecurityGroup", ErrorKind::InUse, 15),
    row("DeleteAutoScalingGroup", ErrorKind::InUse, 10),
    row("UpdateAutoScalingGroup", ErrorKind::InUse, 10),
    every(ErrorKind::Busy, 2),
    // The SDK has given up on its own, shorter retries.
    every(ErrorKind::Throttled, 2),
];

/// How long an operation that says this is tried again; `None` is not at all.
#[must_use]
pub fn patience(operation: &str, kind: ErrorKind, after_create: bool) -> Option<Duration> {
    TABLE
        .iter()
        .find(|row| row.kind == kind && row.operation.is_none_or(|name| name == operation) && (after_create || !row.after_create))
        .map(|row| row.patience)
}

/// Pauses that double up to a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest.
    pub cap: Duration,
}

impl Backoff {
    /// Between two attempts of a call: short at first, since IAM usually needs a few seconds.
    pub const RETRY: Self = Self { first: Duration::from_millis(500), cap: Duration::from_secs(10) };
    /// Between two polls.
    pub const POLL: Self = Self { first: Duration::from_secs(1), cap: Duration::from_secs(15) };

    /// The pauses, without end.
    pub fn pauses(self) -> impl Iterator<Item = Duration> {
        std::iter::successors(Some(self.first.min(self.cap)), move |pause| Some((*pause * 2).min(self.cap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let pauses: Vec<u128> = Backoff::RETRY.pauses().take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10000, 10000, 10000]);
    }

    #[test]
    fn not_found_is_waited_through_only_after_a_create() {
        assert_eq!(patience("AuthorizeSecurityGroupIngress", ErrorKind::NotFound, false), None);
        assert_eq!(patience("AuthorizeSecurityGroupIngress", ErrorKind::NotFound, true), Some(Duration::from_secs(300)));
    }

    #[test]
    fn quotas_and_refusals_are_final() {
        for kind in [ErrorKind::Quota, ErrorKind::AccessDenied, ErrorKind::Invalid, ErrorKind::Credentials, ErrorKind::NotOurs] {
            assert!(TABLE.iter().all(|row| row.kind != kind), "{kind:?}");
        }
    }

    #[test]
    fn busy_is_waited_through_everywhere() {
        assert!(patience("DeleteLaunchTemplate", ErrorKind::Busy, false).is_some());
    }
}
