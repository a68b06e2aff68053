//! What a plan takes for granted, asked side by side.

use kaphost_apply::CloudError;
use kaphost_plan::preflight::{Asked, Inquiry, World};

use crate::Aws;

impl Aws {
    /// As many reads as questions, two of them for an instance type, none for subnets that facts told of. None waits for another; one that fails is a question without an answer.
    pub(crate) async fn ask(&self, inquiry: &Inquiry) -> World {
        let kind = inquiry.instance_type.as_deref();
        let (instance_type, zones, subnets, key, groups, auto_scaling_groups, iam) = tokio::join!(
            asked(kind.map(|name| self.ec2.instance_type(name))),
            asked(kind.filter(|_| !inquiry.subnets.is_empty()).map(|name| self.ec2.zones_of(name))),
            asked((!inquiry.subnets.is_empty()).then(|| self.ec2.places(&inquiry.subnets))),
            asked(inquiry.key.as_deref().map(|name| self.ec2.has_key(name))),
            asked((!inquiry.groups.is_empty()).then(|| self.ec2.groups_there(&inquiry.groups))),
            asked(inquiry.group_quota.then(|| self.autoscaling.group_quota())),
            asked(inquiry.iam_quota.then(|| self.iam.quotas())),
        );
        World { instance_type, zones, subnets, key, groups, auto_scaling_groups, iam }
    }
}

async fn asked<T>(read: Option<impl Future<Output = Result<T, CloudError>>>) -> Asked<T> {
    match read {
        None => Asked::No,
        Some(read) => match read.await {
            Ok(answer) => Asked::Is(answer),
            Err(error) => Asked::Unanswered(error.to_string()),
        },
    }
}
