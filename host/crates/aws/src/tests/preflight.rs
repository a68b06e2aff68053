//! What a plan takes for granted: the requests, what becomes of the answers, and what is not asked because facts have told it.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_apply::Cloud as _;
use kaphost_plan::preflight::{Asked, IamQuotas, Inquiry, InstanceType, Quota, Subnet, World};
use kaphost_spec::facts::FactsQuery;

use super::aws;
use super::server::{Request, Server, ec2, ec2_error, query, query_error};

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn everything() -> Inquiry {
    Inquiry {
        instance_type: Some("t3.small".into()),
        subnets: set(&["subnet-0aaa", "subnet-0bbb"]),
        key: Some("ops*".into()),
        groups: set(&["sg-0aaa", "sg-0bbb"]),
        group_quota: true,
        iam_quota: true,
    }
}

fn subnet(id: &str, zone: &str) -> String {
    format!(
        "<item><subnetId>{id}</subnetId><vpcId>vpc-0a1b</vpcId><availabilityZone>{zone}</availabilityZone><cidrBlock>10.0.0.0/24</cidrBlock>\
         <availableIpAddressCount>251</availableIpAddressCount><mapPublicIpOnLaunch>false</mapPublicIpOnLaunch></item>"
    )
}

fn answer(request: &Request) -> (u16, String) {
    let action = request.action();
    let entry = |(key, value): (&str, u32)| format!("<entry><key>{key}</key><value>{value}</value></entry>");
    match action {
        "DescribeInstanceTypes" => ec2(
            action,
            "<instanceTypeSet><item><instanceType>t3.small</instanceType><processorInfo><supportedArchitectures><item>x86_64</item>\
             </supportedArchitectures></processorInfo><ebsInfo><ebsOptimizedSupport>default</ebsOptimizedSupport></ebsInfo></item></instanceTypeSet>",
        ),
        "DescribeInstanceTypeOfferings" => {
            let item = |zone: &str| format!("<item><instanceType>t3.small</instanceType><location>{zone}</location></item>");
            let items = item("us-east-1b") + &item("us-east-1a");
            ec2(action, &format!("<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>"))
        }
        "DescribeSubnets" => ec2(action, &format!("<subnetSet>{}</subnetSet>", subnet("subnet-0aaa", "us-east-1a"))),
        // The filter takes `*` for any characters: this is the pair of another.
        "DescribeKeyPairs" => ec2(action, "<keySet><item><keyName>ops-old</keyName></item></keySet>"),
        "DescribeSecurityGroups" => ec2(action, "<securityGroupInfo><item><groupId>sg-0bbb</groupId></item></securityGroupInfo>"),
        "DescribeAccountLimits" => query(
            action,
            "<MaxNumberOfAutoScalingGroups>500</MaxNumberOfAutoScalingGroups><NumberOfAutoScalingGroups>17</NumberOfAutoScalingGroups>",
        ),
        "GetAccountSummary" => {
            let map = [("Roles", 12), ("RolesQuota", 1000), ("InstanceProfiles", 7), ("InstanceProfilesQuota", 900), ("Users", 3)];
            query(action, &format!("<SummaryMap>{}</SummaryMap>", map.map(entry).concat()))
        }
        other => panic!("{other} is not asked"),
    }
}

/// The world as it says.
fn told() -> World {
    let place = Subnet { zone: "us-east-1a".into(), vpc: "vpc-0a1b".into(), free: Some(251) };
    World {
        instance_type: Asked::Is(Some(InstanceType { architectures: set(&["x86_64"]), ebs_optimized: Some(true) })),
        zones: Asked::Is(set(&["us-east-1a", "us-east-1b"])),
        subnets: Asked::Is(BTreeMap::from([("subnet-0aaa".into(), place)])),
        key: Asked::Is(false),
        groups: Asked::Is(set(&["sg-0bbb"])),
        auto_scaling_groups: Asked::Is(Quota { used: 17, most: 500 }),
        iam: Asked::Is(IamQuotas { roles: Quota { used: 12, most: 1000 }, instance_profiles: Quota { used: 7, most: 900 } }),
    }
}

#[tokio::test]
async fn every_question_is_one_read_and_all_are_asked_at_once() {
    let server = Server::start_together(7, answer);
    assert_eq!(aws(&server.url).await.preflight(&everything()).await.unwrap(), told());
    let mut requests: Vec<String> = server.requests().iter().map(Request::shown).collect();
    requests.sort();
    insta::assert_snapshot!(requests.concat());
}

#[tokio::test]
async fn what_nobody_needs_to_know_is_not_asked() {
    let server = Server::start(answer);
    let aws = aws(&server.url).await;
    assert_eq!(aws.preflight(&Inquiry::default()).await.unwrap(), World::default());
    assert_eq!(server.actions(), [""; 0]);
    let one = Inquiry { groups: set(&["sg-0bbb"]), ..Inquiry::default() };
    assert_eq!(aws.preflight(&one).await.unwrap(), World { groups: Asked::Is(set(&["sg-0bbb"])), ..World::default() });
    assert_eq!(server.actions(), ["DescribeSecurityGroups"]);
}

#[tokio::test]
async fn each_question_without_an_answer_is_its_own() {
    let server = Server::start(|request| match request.action() {
        "DescribeInstanceTypes" => ec2_error(400, "InvalidInstanceType", "none such"),
        action @ "DescribeAccountLimits" => query(action, ""),
        "GetAccountSummary" => query_error(403, "AccessDenied", "not authorized"),
        "DescribeKeyPairs" => ec2_error(403, "UnauthorizedOperation", "not authorized"),
        _ => answer(request),
    });
    let world = aws(&server.url).await.preflight(&everything()).await.unwrap();
    assert_eq!(world.instance_type, Asked::Is(None), "a type that is not there is an answer");
    let Asked::Unanswered(key) = &world.key else { panic!("{world:?}") };
    let Asked::Unanswered(groups) = &world.auto_scaling_groups else { panic!("{world:?}") };
    let Asked::Unanswered(iam) = &world.iam else { panic!("{world:?}") };
    assert!(key.starts_with("DescribeKeyPairs: UnauthorizedOperation"), "{key}");
    assert!(groups.contains("AWS does not say how many groups there may be"), "{groups}");
    assert!(iam.starts_with("GetAccountSummary: AccessDenied"), "{iam}");
    assert_eq!((world.zones, world.subnets, world.groups), (told().zones, told().subnets, told().groups), "the others are answered");
}

/// Subnets that a policy was told of are not read again in the same run.
#[tokio::test]
async fn what_facts_have_told_is_not_asked_again() {
    let server = Server::start(answer);
    let aws = aws(&server.url).await;
    let inquiry = Inquiry { subnets: set(&["subnet-0aaa"]), ..Inquiry::default() };
    let facts = FactsQuery { subnets: BTreeSet::from(["subnet-0aaa".parse().unwrap()]), ..FactsQuery::default() };
    aws.facts(&facts).await.unwrap();
    let expected = World { subnets: told().subnets, ..World::default() };
    assert_eq!(aws.preflight(&inquiry).await.unwrap(), expected);
    assert_eq!(server.actions(), ["DescribeSubnets"]);
    // One that nobody was told of: all are read, together.
    assert_eq!(aws.preflight(&Inquiry { subnets: everything().subnets, ..Inquiry::default() }).await.unwrap(), expected);
    assert_eq!(server.actions(), ["DescribeSubnets", "DescribeSubnets"]);
}
