//! Bad servers of several breadths, for both tools: what a check costs grows with what there is to say.

use std::fmt::Write as _;

/// What AWS lets a security group have, unless asked for more.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups>
pub(super) const MOST_RULES: usize = 60;

/// Ingress rules.
pub(super) const RULES: [usize; 4] = [6, 15, 30, MOST_RULES];

/// One server, with so many rules that two in three are for SSH, every other one of these is too wide, and there is an unencrypted volume for six
/// rules. Not dedicated, and without the required tags.
struct Server {
    ssh: Vec<String>,
    http: Vec<String>,
    devices: Vec<char>,
}

impl Server {
    fn new(rules: usize) -> Self {
        let ssh = rules * 2 / 3;
        let source = |i: usize| match i {
            0 => "0.0.0.0/0".to_owned(),
            i if i.is_multiple_of(2) => format!("{}.0.0.0/7", 2 * i),
            i => format!("10.0.{i}.0/24"),
        };
        Self {
            ssh: (0..ssh).map(source).collect(),
            http: (ssh..rules).map(|i| format!("10.1.{i}.0/24")).collect(),
            devices: ('f'..='z').take(rules / 6).collect(),
        }
    }
}

/// For kaphost.
pub(super) fn kdl(rules: usize) -> String {
    let server = Server::new(rules);
    let allow = |sources: &[String]| {
        sources.iter().enumerate().fold(String::new(), |mut text, (i, source)| {
            let _ = writeln!(text, "        allow cidr=\"{source}\" description=\"rule {i}\"");
            text
        })
    };
    let volumes = server.devices.iter().fold(String::new(), |mut text, letter| {
        let _ = writeln!(text, "    volume \"/dev/xvd{letter}\" type=\"gp3\" size=300 encrypted=#false");
        text
    });
    format!(
        r#"cluster "kapacitor-stage" region="us-east-1" {{
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    tenancy "default"
    network vpc="vpc-0a1b2c3d" {{
        subnets "subnet-0aaa1111" "subnet-0bbb2222"
    }}
    ssh port=22 key="ops" {{
{ssh}    }}
    http port=9092 {{
{http}    }}
    root-volume type="gp3" size=50 encrypted=#false
{volumes}    tag "Team" "metrics"
}}
"#,
        ssh = allow(&server.ssh),
        http = allow(&server.http),
    )
}

/// For cfn-guard.
pub(super) fn yaml(rules: usize) -> String {
    let server = Server::new(rules);
    let ingress = |port: u16, sources: &[String]| {
        sources.iter().enumerate().fold(String::new(), |mut text, (i, source)| {
            let _ =
                writeln!(text, "        - {{IpProtocol: tcp, FromPort: {port}, ToPort: {port}, CidrIp: {source}, Description: rule {i}}}");
            text
        })
    };
    let volumes = server.devices.iter().fold(String::new(), |mut text, letter| {
        let _ = writeln!(text, "          - {{DeviceName: /dev/xvd{letter}, Ebs: {{VolumeType: gp3, VolumeSize: 300, Encrypted: false}}}}");
        text
    });
    format!(
        r#"AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupName: kapacitor-stage
      GroupDescription: Kapacitor server kapacitor-stage
      VpcId: vpc-0a1b2c3d
      SecurityGroupIngress:
{ssh}{http}  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateName: kapacitor-stage
      LaunchTemplateData:
        ImageId: ami-0abcd1234abcd1234
        InstanceType: t3.small
        KeyName: ops
        Placement: {{Tenancy: default}}
        MetadataOptions: {{HttpTokens: required, HttpPutResponseHopLimit: 1}}
        BlockDeviceMappings:
          - {{DeviceName: /dev/sda1, Ebs: {{VolumeType: gp3, VolumeSize: 50, Encrypted: false}}}}
{volumes}  Server:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: kapacitor-stage
      MinSize: "1"
      MaxSize: "1"
      VPCZoneIdentifier: [subnet-0aaa1111, subnet-0bbb2222]
      LaunchTemplate: {{LaunchTemplateName: kapacitor-stage, Version: "1"}}
      Tags:
        - {{Key: Team, Value: "metrics", PropagateAtLaunch: true}}
"#,
        ssh = ingress(22, &server.ssh),
        http = ingress(9092, &server.http),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_describe_as_many_rules_and_volumes() {
        for rules in RULES {
            let (kdl, yaml) = (kdl(rules), yaml(rules));
            assert_eq!((kdl.matches("allow cidr=").count(), yaml.matches("CidrIp:").count()), (rules, rules));
            assert_eq!((kdl.matches("    volume ").count(), yaml.matches("DeviceName: /dev/xvd").count()), (rules / 6, rules / 6));
        }
    }
}
