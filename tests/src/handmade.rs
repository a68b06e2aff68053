//! A server that somebody else made: as the Terraform module makes it, by boto3. Suffixed names, a launch configuration or a template that follows the latest, no tags of ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Failure, Stage};

const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const SCRIPT: &str = "#!/bin/bash\n/opt/kapacitor/bin/run-kapacitor --token hunter2\n";

/// What the module declares, made on the account of a stage.
#[derive(Debug)]
pub struct Handmade<'a> {
    stage: &'a Stage,
    /// The id of its security group.
    pub security_group: String,
}

impl<'a> Handmade<'a> {
    /// The group's name, and with a suffix that of everything else.
    pub const NAME: &'static str = "kapacitor-prod";
    /// The suffix.
    pub const SUFFIX: &'static str = "20240102030405678900000001";
    /// A policy that hangs on its role.
    pub const MANAGED: &'static str = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy";
    /// The arguments that write a config for it.
    pub const WRITE: &'static str = "adopt --write --region us-east-1 --group kapacitor-prod";

    /// With a launch configuration, or with `$Latest` of a launch template.
    ///
    /// # Errors
    /// When AWS refuses.
    pub fn make(stage: &'a Stage, from_template: bool) -> Result<Self, Failure> {
        let aws = |service: &str, operation: &str, arguments: Value| stage.account.aws(service, operation, arguments);
        let (name, suffix) = (Self::NAME, Self::SUFFIX);
        let (suffixed, global) = (format!("{name}-{suffix}"), format!("{name}{suffix}"));
        let description = format!("Security group for the {name} launch configuration");
        let group =
            aws("ec2", "create_security_group", json!({ "GroupName": suffixed, "Description": description, "VpcId": stage.seed.vpc }))?;
        let security_group = group["GroupId"].as_str().unwrap_or_default().to_owned();
        for (port, cidr) in [(22, "10.0.0.0/8"), (9092, "10.0.0.0/8"), (9092, "192.168.0.0/16")] {
            let rule = json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{ "CidrIp": cidr }] });
            aws("ec2", "authorize_security_group_ingress", json!({ "GroupId": security_group, "IpPermissions": [rule] }))?;
        }
        aws("iam", "create_role", json!({ "RoleName": global, "AssumeRolePolicyDocument": TRUST }))?;
        aws("iam", "attach_role_policy", json!({ "RoleName": global, "PolicyArn": Self::MANAGED }))?;
        aws("iam", "create_instance_profile", json!({ "InstanceProfileName": global, "Path": "/metrics/" }))?;
        aws("iam", "add_role_to_instance_profile", json!({ "InstanceProfileName": global, "RoleName": global }))?;
        let root = json!({ "DeviceName": "/dev/sda1", "Ebs": { "VolumeSize": 50, "VolumeType": "gp2", "DeleteOnTermination": true } });
        let data = json!({ "DeviceName": "/dev/xvdh", "Ebs": { "VolumeSize": 300, "VolumeType": "gp2", "DeleteOnTermination": false } });
        let user_data = if from_template { STANDARD.encode(SCRIPT) } else { SCRIPT.to_owned() };
        let mut server = json!({
            "ImageId": stage.config.ami, "InstanceType": "t3.small", "KeyName": "ops", "UserData": user_data, "EbsOptimized": false,
            "BlockDeviceMappings": [root, data],
        });
        let launches = if from_template {
            server["SecurityGroupIds"] = json!([security_group]);
            server["IamInstanceProfile"] = json!({ "Name": global });
            aws("ec2", "create_launch_template", json!({ "LaunchTemplateName": suffixed, "LaunchTemplateData": server }))?;
            ("LaunchTemplate", json!({ "LaunchTemplateName": suffixed, "Version": "$Latest" }))
        } else {
            server["LaunchConfigurationName"] = json!(suffixed);
            server["SecurityGroups"] = json!([security_group]);
            server["IamInstanceProfile"] = json!(global);
            server["AssociatePublicIpAddress"] = json!(false);
            aws("autoscaling", "create_launch_configuration", server)?;
            ("LaunchConfigurationName", json!(suffixed))
        };
        let tag = |key: &str, value: &str| json!({ "Key": key, "Value": value, "PropagateAtLaunch": true });
        let mut group = json!({
            "AutoScalingGroupName": name, "MinSize": 1, "MaxSize": 1, "HealthCheckType": "EC2", "HealthCheckGracePeriod": 600,
            "VPCZoneIdentifier": stage.config.subnets.join(","), "TerminationPolicies": ["Default"],
            "Tags": [tag("Name", name), tag("Team", "metrics"), tag("Owner", "metrics@example.com"), tag("CostCenter", "4711")],
        });
        group[launches.0] = launches.1;
        aws("autoscaling", "create_auto_scaling_group", group)?;
        Ok(Self { stage, security_group })
    }

    /// The Auto Scaling group, as AWS has it now.
    ///
    /// # Errors
    /// When AWS does not answer.
    pub fn group(&self) -> Result<Value, Failure> {
        let asked = json!({ "AutoScalingGroupNames": [Self::NAME] });
        Ok(self.stage.account.aws("autoscaling", "describe_auto_scaling_groups", asked)?["AutoScalingGroups"][0].take())
    }

    /// The ids of its instances.
    ///
    /// # Errors
    /// When AWS does not answer.
    pub fn instances(&self) -> Result<Vec<String>, Failure> {
        let group = self.group()?;
        let instances = group["Instances"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(instances.iter().filter_map(|one| one["InstanceId"].as_str().map(str::to_owned)).collect())
    }

    /// Writes its config as `cluster.kdl`; gives what was said beside it.
    ///
    /// # Errors
    /// When kaphost writes none.
    pub fn write_config(&self) -> Result<String, Failure> {
        let (run, calls) = self.stage.expect(0, Self::WRITE)?;
        if calls.writes() > 0 {
            return Err(Failure::new(format!("writing a config changes nothing:\n{calls}")));
        }
        self.stage.kaphost.write("cluster.kdl", &run.stdout)?;
        Ok(run.stderr)
    }
}
