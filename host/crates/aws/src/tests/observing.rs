//! The reads: how many, side by side, and what becomes of the answers.

use std::collections::BTreeMap;

use kaphost_apply::{Cloud as _, ErrorKind};
use kaphost_plan::{Attachments, Image, ImageAnswer, ImageGap, Query};
use kaphost_spec::Ami;

use super::server::{Request, Server, ec2, ec2_error, nothing, query as query_answer, query_error};
use super::{aws, query};

const READS: [&str; 7] = [
    "DescribeAutoScalingGroups",
    "DescribeLaunchTemplateVersions",
    "DescribeLaunchTemplates",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "GetInstanceProfile",
    "GetRole",
];

#[tokio::test]
async fn an_empty_account_takes_seven_reads_at_once() {
    let server = Server::start_together(READS.len(), |request| nothing(request.action()));
    let observed = aws(&server.url).await.observe(&query()).await.unwrap();
    assert_eq!(server.actions(), READS);
    assert!(observed.security_groups.is_empty() && observed.role.is_none() && observed.instance_profile.is_none());
    assert!(observed.launch_template.is_none() && observed.auto_scaling_group.is_none());
    assert_eq!(observed.image, ImageAnswer::NotAsked);
}

#[tokio::test]
async fn image_and_policies_are_read_beside_the_rest_when_asked_for() {
    let asked = Query { image: Some(ami("ami-0abcd1234")), attachments: true, ..query() };
    let server = Server::start_together(READS.len() + 3, |request| match request.action() {
        "DescribeImages" => ec2_error(400, "InvalidAMIID.NotFound", "no"),
        action => nothing(action),
    });
    let observed = aws(&server.url).await.observe(&asked).await.unwrap();
    assert_eq!(server.requests().len(), READS.len() + 3);
    assert_eq!(observed.image, missing());
}

#[tokio::test]
async fn connections_are_kept() {
    let server = Server::start(|request| nothing(request.action()));
    let aws = aws(&server.url).await;
    for _ in 0..4 {
        aws.observe(&query()).await.unwrap();
    }
    assert_eq!(server.requests().len(), 4 * READS.len());
    assert!(server.connections() <= READS.len(), "{} connections", server.connections());
}

fn ami(id: &str) -> Ami {
    Ami::Id(id.parse().unwrap())
}

fn missing() -> ImageAnswer {
    ImageAnswer::Missing(ImageGap::NoImage("ami-0abcd1234".into()))
}

async fn image(answer: (u16, String)) -> Result<ImageAnswer, kaphost_apply::CloudError> {
    let asked = Query { image: Some(ami("ami-0abcd1234")), ..query() };
    let server =
        Server::start(move |request| if request.action() == "DescribeImages" { answer.clone() } else { nothing(request.action()) });
    aws(&server.url).await.observe(&asked).await.map(|observed| observed.image)
}

fn image_item(state: &str, root: &str) -> (u16, String) {
    let item = format!("<imageId>ami-0abcd1234</imageId><imageState>{state}</imageState><architecture>arm64</architecture>{root}");
    ec2("DescribeImages", &format!("<imagesSet><item>{item}</item></imagesSet>"))
}

#[tokio::test]
async fn images() {
    let root = "<rootDeviceName>/dev/xvda</rootDeviceName>";
    let found = Image { id: "ami-0abcd1234".into(), root_device: "/dev/xvda".into(), architecture: "arm64".into() };
    assert_eq!(image(image_item("available", root)).await, Ok(ImageAnswer::Found(found)));
    assert_eq!(image(image_item("deregistered", root)).await, Ok(missing()));
    assert_eq!(image(ec2("DescribeImages", "")).await, Ok(missing()));
    for code in ["InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"] {
        assert_eq!(image(ec2_error(400, code, "no")).await, Ok(missing()), "{code}");
    }
    assert_eq!(image(image_item("available", "")).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(image(ec2_error(403, "UnauthorizedOperation", "no")).await.unwrap_err().kind, ErrorKind::AccessDenied);
}

/// Two pages; the newest that could be launched wins, wherever it stands.
#[tokio::test]
async fn the_newest_of_a_search() {
    let item = |id: &str, created: &str, state: &str| {
        format!(
            "<item><imageId>{id}</imageId><imageState>{state}</imageState><creationDate>{created}</creationDate>\
                 <rootDeviceName>/dev/xvda</rootDeviceName><architecture>arm64</architecture></item>"
        )
    };
    let first = item("ami-0a", "2026-08-01T00:00:00.000Z", "available") + &item("ami-0d", "2026-12-01T00:00:00.000Z", "pending");
    let second = item("ami-0c", "2026-10-01T00:00:00.000Z", "available") + &item("ami-0b", "2026-10-01T00:00:00.000Z", "available");
    let server = Server::start(move |request| match (request.action(), request.get("NextToken")) {
        ("DescribeImages", "") => ec2("DescribeImages", &format!("<imagesSet>{first}</imagesSet><nextToken>two</nextToken>")),
        ("DescribeImages", _) => ec2("DescribeImages", &format!("<imagesSet>{second}</imagesSet>")),
        (action, _) => nothing(action),
    });
    let image = Some(Ami::Lookup { owner: "self".into(), name: "kapacitor-*".into() });
    let observed = aws(&server.url).await.observe(&Query { image: image.clone(), ..query() }).await.unwrap();
    let ImageAnswer::Found(found) = observed.image else { panic!("{:?}", observed.image) };
    assert_eq!((found.id.as_str(), found.root_device.as_str()), ("ami-0c", "/dev/xvda"));
    let requests = server.requests();
    let asked = requests.iter().find(|request| request.action() == "DescribeImages").unwrap();
    insta::assert_snapshot!(asked.shown());

    let server = Server::start(|request| nothing(request.action()));
    let observed = aws(&server.url).await.observe(&Query { image, ..query() }).await.unwrap();
    assert_eq!(observed.image, ImageAnswer::Missing(ImageGap::NoMatch));
}

async fn parameter(status: u16, body: &'static str) -> (Result<ImageAnswer, kaphost_apply::CloudError>, Server) {
    let server = Server::start(move |request| match request.action() {
        "" => (status, body.to_owned()),
        "DescribeImages" => image_item("available", "<rootDeviceName>/dev/xvda</rootDeviceName>"),
        action => nothing(action),
    });
    let image = Some(Ami::Ssm("/images/kapacitor".into()));
    let answer = aws(&server.url).await.observe(&Query { image, ..query() }).await.map(|observed| observed.image);
    (answer, server)
}

#[tokio::test]
async fn a_parameter_names_the_image() {
    let (answer, server) = parameter(200, r#"{"Parameter":{"Name":"/images/kapacitor","Value":"ami-0abcd1234","Type":"String"}}"#).await;
    assert!(matches!(answer, Ok(ImageAnswer::Found(image)) if image.id == "ami-0abcd1234"));
    let requests = server.requests();
    let asked = requests.iter().find(|request| request.action().is_empty()).unwrap();
    let header = |name: &str| asked.headers.get(name).cloned().unwrap_or_default();
    assert_eq!((header("x-amz-target"), header("content-type")), ("AmazonSSM.GetParameter".into(), "application/x-amz-json-1.1".into()));
    assert!(header("authorization").contains("/us-east-1/ssm/aws4_request"), "{:?}", asked.headers);
    assert!(asked.parameters.keys().any(|key| key.contains(r#"{"Name":"/images/kapacitor"}"#)), "{:?}", asked.parameters);

    let (answer, _) = parameter(200, r#"{"Parameter":{"Value":"vpc-1"}}"#).await;
    assert_eq!(answer, Ok(ImageAnswer::Missing(ImageGap::NotAnId("vpc-1".into()))));
    let (answer, _) = parameter(400, r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#).await;
    assert_eq!(answer, Ok(ImageAnswer::Missing(ImageGap::NoParameter)));
    let (answer, _) = parameter(400, r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str(), error.message.as_str()), (ErrorKind::AccessDenied, "GetParameter", "not authorized"));
    let (answer, _) = parameter(500, "").await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Service);
}

#[tokio::test]
async fn a_refused_read_is_an_error() {
    for action in READS {
        let refused = move |request: &Request| match request.action() {
            same if same == action && (same.starts_with("Get") || same == "DescribeAutoScalingGroups") => {
                query_error(403, "AccessDenied", "not authorized")
            }
            same if same == action => ec2_error(403, "UnauthorizedOperation", "not authorized"),
            other => nothing(other),
        };
        let server = Server::start(refused);
        let error = aws(&server.url).await.observe(&query()).await.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::AccessDenied, action));
    }
}

fn tag(value: &str) -> String {
    format!("<tagSet><item><key>kaphost:cluster</key><value>{value}</value></item></tagSet>")
}

fn groups() -> String {
    let everything = "<ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>\
                      </ipPermissionsEgress>";
    // Ours, one that a user added, one from a group and one from a prefix list.
    let ssh = "<item><ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>10.0.0.0/8</cidrIp>\
               <description>office</description></item><item><cidrIp>192.168.0.0/16</cidrIp></item></ipRanges><groups><item>\
               <groupId>sg-9</groupId><userId>1</userId></item></groups><prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item>";
    let icmp = "<item><ipProtocol>50</ipProtocol><ipv6Ranges><item><cidrIpv6>2001:DB8::/32</cidrIpv6></item></ipv6Ranges></item>";
    let first = format!(
        "<item><groupId>sg-2</groupId><vpcId>vpc-1</vpcId><groupName>kapacitor-stage</groupName><groupDescription>ours</groupDescription>{}\
         <ipPermissions>{ssh}{icmp}</ipPermissions>{everything}</item>",
        tag("kapacitor-stage")
    );
    first
        + "<item><groupId>sg-1</groupId><vpcId>vpc-2</vpcId><groupName>kapacitor-stage</groupName><groupDescription>theirs</groupDescription></item>"
}

fn owned(id: &str, group: &str, cidr: &str) -> String {
    format!(
        "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>{group}</groupId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol>\
         <fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>{cidr}</cidrIpv4><description>office</description>{}</item>",
        tag("kapacitor-stage")
    )
}

/// One version with everything that kaphost sets.
fn version(number: u64, data: &str) -> String {
    format!(
        "<item><launchTemplateId>lt-1</launchTemplateId><launchTemplateName>kapacitor-stage</launchTemplateName>\
         <versionNumber>{number}</versionNumber><versionDescription>number {number}</versionDescription>\
         <launchTemplateData>{data}</launchTemplateData></item>"
    )
}

const DATA: &str = "<imageId>ami-0abcd1234</imageId><instanceType>t3.small</instanceType><keyName>ops</keyName>\
    <iamInstanceProfile><name>p</name></iamInstanceProfile>\
    <networkInterfaceSet><item><deviceIndex>0</deviceIndex><associatePublicIpAddress>false</associatePublicIpAddress>\
    <deleteOnTermination>true</deleteOnTermination><groupSet><groupId>sg-2</groupId></groupSet></item></networkInterfaceSet>\
    <placement><tenancy>dedicated</tenancy></placement>\
    <metadataOptions><state>pending</state><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>\
    <httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6></metadataOptions>\
    <blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><encrypted>true</encrypted>\
    <deleteOnTermination>true</deleteOnTermination><volumeSize>50</volumeSize><volumeType>gp3</volumeType></ebs></item></blockDeviceMappingSet>\
    <userData>IyEvYmlu\nL3No</userData><disableApiTermination>false</disableApiTermination>\
    <tagSpecificationSet><item><resourceType>instance</resourceType><tagSet><item><key>A</key><value>1</value></item></tagSet></item>\
    </tagSpecificationSet>";

/// What a user may have made by hand.
const FOREIGN: &str = "<imageId>resolve:ssm:/path</imageId><kernelId>aki-1</kernelId><monitoring><enabled>true</enabled></monitoring>\
    <securityGroupIdSet><item>sg-3</item></securityGroupIdSet><iamInstanceProfile><arn>arn:aws:iam::1:instance-profile/x</arn></iamInstanceProfile>\
    <placement><groupName>pg</groupName></placement><userData>/w==</userData>\
    <instanceMarketOptions><marketType>spot</marketType><spotOptions><spotInstanceType>persistent</spotInstanceType></spotOptions></instanceMarketOptions>\
    <blockDeviceMappingSet><item><deviceName>/dev/sdb</deviceName><noDevice></noDevice></item></blockDeviceMappingSet>\
    <tagSpecificationSet><item><resourceType>network-interface</resourceType><tagSet><item><key>A</key><value>1</value></item></tagSet></item>\
    </tagSpecificationSet>";

const GROUP: &str = "<AutoScalingGroups><member><AutoScalingGroupName>kapacitor-stage</AutoScalingGroupName>\
    <AutoScalingGroupARN>arn:aws:autoscaling:us-east-1:1:autoScalingGroup:x</AutoScalingGroupARN>\
    <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><LaunchTemplateName>kapacitor-stage</LaunchTemplateName><Version>2</Version></LaunchTemplate>\
    <MinSize>1</MinSize><MaxSize>1</MaxSize><DesiredCapacity>1</DesiredCapacity><HealthCheckType>EC2</HealthCheckType>\
    <HealthCheckGracePeriod>600</HealthCheckGracePeriod><DefaultInstanceWarmup>300</DefaultInstanceWarmup>\
    <VPCZoneIdentifier>subnet-b,subnet-a</VPCZoneIdentifier><TerminationPolicies><member>Default</member></TerminationPolicies>\
    <InstanceMaintenancePolicy><MinHealthyPercentage>100</MinHealthyPercentage><MaxHealthyPercentage>200</MaxHealthyPercentage></InstanceMaintenancePolicy>\
    <DeletionProtection>prevent-all-deletion</DeletionProtection>\
    <Tags><member><Key>Team</Key><Value>metrics</Value><PropagateAtLaunch>true</PropagateAtLaunch></member></Tags>\
    <Instances><member><InstanceId>i-1</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone><LifecycleState>InService</LifecycleState>\
    <HealthStatus>Healthy</HealthStatus></member></Instances></member></AutoScalingGroups>";

const ROLE: &str = "<Role><Path>/</Path><RoleName>kapacitor-stage-us-east-1</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::1:role/x</Arn>\
    <CreateDate>2026-01-01T00:00:00Z</CreateDate><Description>d</Description>\
    <AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</AssumeRolePolicyDocument>\
    <Tags><member><Key>kaphost:cluster</Key><Value>kapacitor-stage</Value></member></Tags></Role>";

const PROFILE: &str = "<InstanceProfile><Path>/</Path><InstanceProfileName>p</InstanceProfileName><InstanceProfileId>AIPA1</InstanceProfileId>\
    <Arn>arn:aws:iam::1:instance-profile/p</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><Roles><member><Path>/</Path><RoleName>r</RoleName>\
    <RoleId>AROA1</RoleId><Arn>arn:aws:iam::1:role/x</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></member></Roles></InstanceProfile>";

/// An account in which everything is; what has pages has two.
fn everything(request: &Request) -> (u16, String) {
    let first = request.get("NextToken").is_empty() && request.get("Marker").is_empty();
    let action = request.action();
    let page = |name: &str, one: &str, two: &str| {
        let (inside, token) = if first { (one, "<nextToken>two</nextToken>") } else { (two, "") };
        ec2(action, &format!("<{name}>{inside}</{name}>{token}"))
    };
    match action {
        "DescribeSecurityGroups" => ec2(action, &format!("<securityGroupInfo>{}</securityGroupInfo>", groups())),
        "DescribeSecurityGroupRules" => {
            page("securityGroupRuleSet", &owned("sgr-1", "sg-2", "10.0.0.0/8"), &owned("sgr-2", "sg-elsewhere", "10.0.0.0/8"))
        }
        "DescribeLaunchTemplates" => {
            let template = "<item><launchTemplateId>lt-1</launchTemplateId><launchTemplateName>kapacitor-stage</launchTemplateName>\
                            <latestVersionNumber>5</latestVersionNumber></item>";
            ec2(action, &format!("<launchTemplates>{template}</launchTemplates>"))
        }
        "DescribeLaunchTemplateVersions" => page("launchTemplateVersionSet", &version(2, FOREIGN), &version(1, DATA)),
        "DescribeAutoScalingGroups" => query_answer(action, GROUP),
        "GetRole" => query_answer(action, ROLE),
        "GetInstanceProfile" => query_answer(action, PROFILE),
        "ListAttachedRolePolicies" => {
            let policy = |arn: &str| format!("<AttachedPolicies><member><PolicyArn>{arn}</PolicyArn></member></AttachedPolicies>");
            let more = "<IsTruncated>true</IsTruncated><Marker>two</Marker>";
            query_answer(action, &if first { policy("arn:b") + more } else { policy("arn:a") })
        }
        "ListRolePolicies" => query_answer(action, "<PolicyNames><member>inline</member></PolicyNames>"),
        other => panic!("unexpected {other}"),
    }
}

#[tokio::test]
async fn everything_is_read_back() {
    let server = Server::start(everything);
    let observed = aws(&server.url).await.observe(&Query { attachments: true, ..query() }).await.unwrap();
    let role = observed.role.as_ref().unwrap();
    assert_eq!(
        role.attachments,
        Some(Attachments { managed: vec!["arn:a".into(), "arn:b".into()], inline: vec!["inline".into()], documents: BTreeMap::new() })
    );
    insta::assert_debug_snapshot!(observed);
}

#[tokio::test]
async fn reads_ask_by_name_and_by_tag() {
    let server = Server::start(|request| nothing(request.action()));
    aws(&server.url).await.observe(&query()).await.unwrap();
    let mut shown: Vec<String> = server.requests().iter().map(Request::shown).collect();
    shown.sort();
    insta::assert_snapshot!(shown.concat());
}
