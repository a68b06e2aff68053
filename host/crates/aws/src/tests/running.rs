//! An Auto Scaling group of somebody else's, followed to what its server is made of.

use kaphost_apply::Cloud as _;
use kaphost_plan::{Launches, Query, settle};

use super::server::{Server, ec2, nothing, query as query_answer};
use super::{aws, query};

/// `#!/bin/sh\necho ready\n`
const SCRIPT: &str = "IyEvYmluL3NoCmVjaG8gcmVhZHkK";

fn group(launches: &str) -> (u16, String) {
    query_answer(
        "DescribeAutoScalingGroups",
        &format!(
            "<AutoScalingGroups><member><AutoScalingGroupName>kapacitor-prod</AutoScalingGroupName>{launches}\
             <MinSize>1</MinSize><MaxSize>1</MaxSize><DesiredCapacity>1</DesiredCapacity><VPCZoneIdentifier>subnet-0a</VPCZoneIdentifier>\
             <HealthCheckType>EC2</HealthCheckType><HealthCheckGracePeriod>600</HealthCheckGracePeriod>\
             <TerminationPolicies><member>Default</member></TerminationPolicies>\
             <Instances><member><InstanceId>i-0abc</InstanceId><AvailabilityZone>us-east-1a</AvailabilityZone>\
             <LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus>\
             <LaunchConfigurationName>kapacitor-prod-2024</LaunchConfigurationName></member></Instances>\
             </member></AutoScalingGroups>"
        ),
    )
}

fn configuration() -> (u16, String) {
    query_answer(
        "DescribeLaunchConfigurations",
        &format!(
            "<LaunchConfigurations><member><LaunchConfigurationName>kapacitor-prod-2024</LaunchConfigurationName>\
             <ImageId>ami-0abcd1234</ImageId><InstanceType>t3.small</InstanceType><KeyName/><UserData>{SCRIPT}</UserData>\
             <SecurityGroups><member>sg-0abc</member></SecurityGroups><EbsOptimized>false</EbsOptimized><SpotPrice>0.04</SpotPrice>\
             <IamInstanceProfile>arn:aws:iam::123456789012:instance-profile/metrics/kapacitor-prod2024</IamInstanceProfile>\
             <InstanceMonitoring><Enabled>true</Enabled></InstanceMonitoring>\
             <BlockDeviceMappings><member><DeviceName>/dev/xvda</DeviceName><Ebs><VolumeSize>50</VolumeSize><VolumeType>gp2</VolumeType>\
             </Ebs></member></BlockDeviceMappings></member></LaunchConfigurations>"
        ),
    )
}

fn groups() -> (u16, String) {
    let item = "<item><groupId>sg-0abc</groupId><groupName>kapacitor-prod-2024</groupName><vpcId>vpc-0a</vpcId></item>";
    ec2("DescribeSecurityGroups", &format!("<securityGroupInfo>{item}</securityGroupInfo>"))
}

fn profile() -> (u16, String) {
    let role = "<member><RoleName>kapacitor-prod2024</RoleName><Path>/</Path><RoleId>AROA</RoleId><Arn>a</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate></member>";
    let profile = format!(
        "<InstanceProfile><InstanceProfileName>kapacitor-prod2024</InstanceProfileName><Path>/metrics/</Path><InstanceProfileId>AIPA</InstanceProfileId>\
         <Arn>a</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate><Roles>{role}</Roles></InstanceProfile>"
    );
    query_answer("GetInstanceProfile", &profile)
}

#[tokio::test]
async fn a_launch_configuration_is_followed_to_group_profile_and_role() {
    let server = Server::start(|request| match request.action() {
        "DescribeAutoScalingGroups" => group("<LaunchConfigurationName>kapacitor-prod-2024</LaunchConfigurationName>"),
        "DescribeLaunchConfigurations" => configuration(),
        "DescribeSecurityGroups" => groups(),
        "GetInstanceProfile" => profile(),
        action => nothing(action),
    });
    let running = aws(&server.url).await.running("kapacitor-prod").await.unwrap().unwrap();
    assert_eq!(
        server.actions(),
        ["DescribeAutoScalingGroups", "DescribeLaunchConfigurations", "DescribeSecurityGroups", "GetInstanceProfile"]
    );
    let asked = |action: &str, parameter: &str| {
        server
            .requests()
            .iter()
            .find(|request| request.action() == action)
            .map(|request| request.get(parameter).to_owned())
            .unwrap_or_default()
    };
    assert_eq!(asked("DescribeLaunchConfigurations", "LaunchConfigurationNames.member.1"), "kapacitor-prod-2024");
    assert_eq!(asked("DescribeSecurityGroups", "Filter.1.Value.1"), "sg-0abc");
    assert_eq!(asked("GetInstanceProfile", "InstanceProfileName"), "kapacitor-prod2024");
    let Launches::Configuration { name, content } = &running.from else { panic!("{running:#?}") };
    assert_eq!(name, "kapacitor-prod-2024");
    assert_eq!(content.user_data.as_ref().unwrap().expose(), "#!/bin/sh\necho ready\n");
    assert_eq!((content.instance_profile.as_str(), content.key.clone()), ("kapacitor-prod2024", None));
    assert_eq!(running.profile.as_ref().unwrap().role.as_deref(), Some("kapacitor-prod2024"));
    assert_eq!(running.security_groups[0].name, "kapacitor-prod-2024");
    assert_eq!((running.group.instances[0].template_version, running.group.instances[0].template.clone()), (None, None));
    let foreign: Vec<&str> = content.foreign.iter().map(String::as_str).collect();
    assert_eq!(
        foreign,
        [
            "AssociatePublicIpAddress (unset)",
            "BlockDeviceMappings[/dev/xvda].DeleteOnTermination (unset)",
            "BlockDeviceMappings[/dev/xvda].Encrypted (unset)",
            "Monitoring"
        ]
    );
    // All of it can be said by a template of ours but the monitoring, which is told.
    let settled = settle(content, None, Some(true));
    assert_eq!((settled.refused.len(), settled.otherwise.len()), (0, 1), "{settled:#?}");
    assert!(settled.content.foreign.is_empty() && settled.content.public_ip && settled.content.devices["/dev/xvda"].delete_on_termination);
    assert_eq!((settled.content.metadata_tokens.as_str(), settled.content.metadata_hop_limit), ("optional", 1));
}

#[tokio::test]
async fn a_template_without_an_interface_says_the_same_in_another_shape() {
    let template = "<LaunchTemplate><LaunchTemplateId>lt-0123456789abcdef0</LaunchTemplateId><LaunchTemplateName>made</LaunchTemplateName>\
                    <Version>$Latest</Version></LaunchTemplate>";
    let version = "<launchTemplateVersionSet><item><launchTemplateId>lt-0123456789abcdef0</launchTemplateId><versionNumber>4</versionNumber>\
                   <launchTemplateData><imageId>ami-0abcd1234</imageId><instanceType>t3.small</instanceType>\
                   <securityGroupIdSet><item>sg-0abc</item></securityGroupIdSet>\
                   <iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/kapacitor-prod2024</arn></iamInstanceProfile>\
                   </launchTemplateData></item></launchTemplateVersionSet>";
    let server = Server::start(move |request| match request.action() {
        "DescribeAutoScalingGroups" => group(template),
        "DescribeLaunchTemplateVersions" => ec2("DescribeLaunchTemplateVersions", version),
        "DescribeSecurityGroups" => groups(),
        "GetInstanceProfile" => profile(),
        action => nothing(action),
    });
    let running = aws(&server.url).await.running("kapacitor-prod").await.unwrap().unwrap();
    let Launches::Template { version, content, .. } = &running.from else { panic!("{running:#?}") };
    assert_eq!((*version, content.security_groups.as_slice()), (4, &["sg-0abc".to_owned()][..]));
    assert_eq!(content.instance_profile, "kapacitor-prod2024");
    assert!(settle(content, None, Some(false)).refused.is_empty(), "{content:#?}");
}

#[tokio::test]
async fn what_cannot_be_followed_is_said() {
    for (launches, words) in [
        ("<MixedInstancesPolicy><LaunchTemplate/></MixedInstancesPolicy>", "a mixed instances policy"),
        ("<LaunchConfigurationName>gone</LaunchConfigurationName>", "the launch configuration gone, which is gone"),
        ("", "nothing"),
    ] {
        let server = Server::start(move |request| match request.action() {
            "DescribeAutoScalingGroups" => group(launches),
            "DescribeLaunchConfigurations" => query_answer("DescribeLaunchConfigurations", ""),
            action => nothing(action),
        });
        let running = aws(&server.url).await.running("kapacitor-prod").await.unwrap().unwrap();
        assert!(matches!(&running.from, Launches::Else(what) if what.contains(words)), "{words}: {running:#?}");
    }
    let server = Server::start(|request| nothing(request.action()));
    assert!(aws(&server.url).await.running("kapacitor-prod").await.unwrap().is_none());
}

#[tokio::test]
async fn rules_come_with_their_ids_when_they_are_asked_for() {
    let rule = "<item><securityGroupRuleId>sgr-0a</securityGroupRuleId><groupId>sg-0abc</groupId><isEgress>false</isEgress>\
                <ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>10.0.0.0/8</cidrIpv4></item>";
    let permission = "<item><groupId>sg-0abc</groupId><groupName>kapacitor-stage</groupName><vpcId>vpc-0a</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
                      <fromPort>22</fromPort><toPort>22</toPort><ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item></ipPermissions></item>";
    let server = Server::start(move |request| match (request.action(), request.get("Filter.1.Name")) {
        ("DescribeSecurityGroups", _) => ec2("DescribeSecurityGroups", &format!("<securityGroupInfo>{permission}</securityGroupInfo>")),
        ("DescribeSecurityGroupRules", "group-id") => {
            ec2("DescribeSecurityGroupRules", &format!("<securityGroupRuleSet>{rule}</securityGroupRuleSet>"))
        }
        (action, _) => nothing(action),
    });
    let asked = Query { rule_ids_of: ["sg-0abc".to_owned()].into(), ..query() };
    let rules = aws(&server.url).await.observe(&asked).await.unwrap().security_groups[0].rules.clone();
    assert_eq!(rules.iter().map(|rule| (rule.id.as_deref(), rule.tags.len())).collect::<Vec<_>>(), [(Some("sgr-0a"), 0)]);
    let rules = aws(&server.url).await.observe(&query()).await.unwrap().security_groups[0].rules.clone();
    assert_eq!(rules.iter().map(|rule| rule.id.as_deref()).collect::<Vec<_>>(), [None]);
}
