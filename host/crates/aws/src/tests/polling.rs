//! The poll of a group.

use std::time::{Duration, SystemTime};

use kaphost_apply::{Activity, Cloud as _};

use super::aws;
use super::server::{Server, query, query_error};

const GROUP: &str = "<AutoScalingGroups><member><AutoScalingGroupName>g</AutoScalingGroupName><Status>Delete in progress</Status>\
    <Instances><member><InstanceId>i-2</InstanceId><AvailabilityZone>us-east-1b</AvailabilityZone><LifecycleState>InService</LifecycleState>\
    <HealthStatus>Healthy</HealthStatus><LaunchTemplate><LaunchTemplateName>g</LaunchTemplateName><Version>3</Version></LaunchTemplate></member>\
    <member><InstanceId>i-1</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone><LifecycleState>Terminating:Wait</LifecycleState>\
    <HealthStatus>Unhealthy</HealthStatus></member></Instances></member></AutoScalingGroups>";

fn activity(id: &str, start: &str, message: &str) -> String {
    format!(
        "<member><ActivityId>{id}</ActivityId><StartTime>{start}</StartTime><StatusCode>Failed</StatusCode><Description>Launching</Description>\
         <Cause>because</Cause><StatusMessage>{message}</StatusMessage></member>"
    )
}

fn since() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_900)
}

#[tokio::test]
async fn group_and_activities_side_by_side() {
    // 1 800 000 000 is 2027-01-15T08:00:00Z. The first is of the same second as `since`, the last is before it and ends the paging.
    let server = Server::start_together(2, |request| match (request.action(), request.get("NextToken")) {
        ("DescribeAutoScalingGroups", _) => query("DescribeAutoScalingGroups", GROUP),
        (action, "") => {
            let page = activity("new", "2027-01-15T08:00:30.5Z", "no capacity") + &activity("same", "2027-01-15T08:00:00Z", "");
            query(action, &format!("<Activities>{page}</Activities><NextToken>more</NextToken>"))
        }
        (action, _) => {
            let page = activity("old", "2027-01-15T07:59:59Z", "");
            query(action, &format!("<Activities>{page}</Activities><NextToken>still-more</NextToken>"))
        }
    });
    let report = aws(&server.url).await.group("g", since()).await.unwrap().unwrap();
    let ids: Vec<_> =
        report.instances.iter().map(|instance| (instance.id.as_str(), instance.in_service(), instance.template_version)).collect();
    assert_eq!(ids, [("i-1", false, None), ("i-2", true, Some(3))]);
    assert_eq!(report.status.as_deref(), Some("Delete in progress"));
    let words = Activity {
        id: "new".into(),
        status: "Failed".into(),
        description: "Launching".into(),
        cause: "because".into(),
        message: Some("no capacity".into()),
    };
    assert_eq!(report.activities.first(), Some(&words));
    assert_eq!(report.activities.iter().map(|activity| activity.id.as_str()).collect::<Vec<_>>(), ["new", "same"]);
    assert_eq!(server.actions(), ["DescribeAutoScalingGroups", "DescribeScalingActivities", "DescribeScalingActivities"]);
    let requests = server.requests();
    let asked = requests.iter().find(|request| request.action() == "DescribeScalingActivities").unwrap();
    assert_eq!(
        (asked.get("Filters.member.1.Name"), asked.get("Filters.member.1.Values.member.1")),
        ("StartTimeLowerBound", "2027-01-15T08:00:00Z")
    );
}

#[tokio::test]
async fn a_group_that_is_not_there() {
    let server = Server::start(|request| match request.action() {
        "DescribeAutoScalingGroups" => query("DescribeAutoScalingGroups", "<AutoScalingGroups/>"),
        _ => query_error(400, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup g not found"),
    });
    assert_eq!(aws(&server.url).await.group("g", since()).await, Ok(None));
}

#[tokio::test]
async fn instance_refreshes() {
    let refresh = |id: &str, status: &str, more: &str| {
        format!(
            "<member><InstanceRefreshId>{id}</InstanceRefreshId><Status>{status}</Status><PercentageComplete>50</PercentageComplete>\
             <DesiredConfiguration><LaunchTemplate><LaunchTemplateName>g</LaunchTemplateName><Version>3</Version></LaunchTemplate>\
             </DesiredConfiguration>{more}</member>"
        )
    };
    let rollback =
        "<StatusReason>going back</StatusReason><RollbackDetails><RollbackReason>it did not start</RollbackReason></RollbackDetails>";
    let all = refresh("r-2", "RollbackInProgress", rollback) + &refresh("r-1", "Successful", "<StatusReason/>");
    let server = Server::start(move |request| query(request.action(), &format!("<InstanceRefreshes>{all}</InstanceRefreshes>")));
    let found = aws(&server.url).await.refreshes("g").await.unwrap();
    let told: Vec<_> =
        found.iter().map(|it| (it.id.as_str(), it.active(), it.advances(), it.reason.as_deref(), it.percent, it.version)).collect();
    assert_eq!(told, [("r-2", true, false, Some("it did not start"), Some(50), Some(3)), ("r-1", false, false, None, Some(50), Some(3))]);

    let server = Server::start(|_| query_error(400, "ValidationError", "AutoScalingGroup name not found - null"));
    assert_eq!(aws(&server.url).await.refreshes("g").await, Ok(vec![]));
}
