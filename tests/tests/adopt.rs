//! `kaphost adopt` on servers that boto3 has made as the Terraform module makes them: suffixed names, a launch configuration, no tags.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_tests::{Failure, Stage};
use serde_json::{Value, json};

const SUFFIX: &str = "20240102030405678900000001";
const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const SCRIPT: &str = "#!/bin/bash\n/opt/kapacitor/bin/run-kapacitor --token hunter2\n";
const MANAGED: &str = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy";
const NAME: &str = "kapacitor-prod";
/// The arguments that write a config for it.
const WRITE: &str = "adopt --write --region us-east-1 --group kapacitor-prod";

/// What the module declares, made by boto3.
struct Server<'a> {
    stage: &'a Stage,
    security_group: String,
}

impl<'a> Server<'a> {
    /// With a launch configuration, or with `$Latest` of a launch template.
    fn make(stage: &'a Stage, from_template: bool) -> Result<Self, Failure> {
        let aws = |service: &str, operation: &str, arguments: Value| stage.account.aws(service, operation, arguments);
        let (suffixed, global) = (format!("{NAME}-{SUFFIX}"), format!("{NAME}{SUFFIX}"));
        let description = format!("Security group for the {NAME} launch configuration");
        let group =
            aws("ec2", "create_security_group", json!({ "GroupName": suffixed, "Description": description, "VpcId": stage.seed.vpc }))?;
        let security_group = group["GroupId"].as_str().unwrap().to_owned();
        for (port, cidr) in [(22, "10.0.0.0/8"), (9092, "10.0.0.0/8"), (9092, "192.168.0.0/16")] {
            let rule = json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{ "CidrIp": cidr }] });
            aws("ec2", "authorize_security_group_ingress", json!({ "GroupId": security_group, "IpPermissions": [rule] }))?;
        }
        aws("iam", "create_role", json!({ "RoleName": global, "AssumeRolePolicyDocument": TRUST }))?;
        aws("iam", "attach_role_policy", json!({ "RoleName": global, "PolicyArn": MANAGED }))?;
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
            "AutoScalingGroupName": NAME, "MinSize": 1, "MaxSize": 1, "HealthCheckType": "EC2", "HealthCheckGracePeriod": 600,
            "VPCZoneIdentifier": stage.config.subnets.join(","), "TerminationPolicies": ["Default"],
            "Tags": [tag("Name", NAME), tag("Team", "metrics"), tag("Owner", "metrics@example.com"), tag("CostCenter", "4711")],
        });
        group[launches.0] = launches.1;
        aws("autoscaling", "create_auto_scaling_group", group)?;
        Ok(Self { stage, security_group })
    }

    fn group(&self) -> Result<Value, Failure> {
        let asked = json!({ "AutoScalingGroupNames": [NAME] });
        Ok(self.stage.account.aws("autoscaling", "describe_auto_scaling_groups", asked)?["AutoScalingGroups"][0].take())
    }

    fn instances(&self) -> Result<Vec<String>, Failure> {
        let group = self.group()?;
        Ok(group["Instances"].as_array().unwrap().iter().map(|one| one["InstanceId"].as_str().unwrap().to_owned()).collect())
    }

    /// Writes its config as `cluster.kdl`; gives what was said beside it.
    fn write_config(&self) -> Result<String, Failure> {
        let (run, calls) = self.stage.expect(0, WRITE)?;
        assert_eq!(calls.writes(), 0, "{calls}");
        self.stage.kaphost.write("cluster.kdl", &run.stdout)?;
        Ok(run.stderr)
    }
}

#[test]
fn a_server_of_terraforms_is_written_adopted_kept_and_destroyed() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let server = Server::make(&stage, false)?;
    let instances = server.instances()?;

    // Before: an apply refuses, and says what to do.
    server.write_config()?;
    let (refused, calls) = stage.expect(1, "apply cluster.kdl --auto-approve")?;
    assert!(refused.said().contains("not-ours") && refused.said().contains("kaphost adopt"), "{refused}");
    assert_eq!(calls.writes(), 0, "{calls}");

    let (shown, calls) = stage.expect(0, "adopt cluster.kdl --dry-run")?;
    assert_eq!(calls.writes(), 0, "{calls}");
    let said = &shown.stdout;
    for part in [
        &format!("launch configuration  {NAME}-{SUFFIX}"),
        &server.security_group,
        &instances[0],
        "An apply after it finds nothing to change",
    ] {
        assert!(said.contains(part), "{part}: {shown}");
    }
    assert!(!said.contains("hunter2"), "{shown}");

    let (adopted, calls) = stage.expect(0, "adopt cluster.kdl --auto-approve")?;
    assert!(adopted.stdout.contains("terraform state rm"), "{adopted}");
    let text = calls.to_string();
    for replaces in ["TerminateInstance", "StartInstanceRefresh", "DeleteAutoScalingGroup", "RunInstances", "SetDesiredCapacity"] {
        assert!(!text.contains(replaces), "{calls}");
    }
    assert_eq!(calls.writes(), 8, "{calls}");
    assert_eq!(server.instances()?, instances);
    let group = server.group()?;
    assert!(group["LaunchConfigurationName"].is_null() && group["LaunchTemplate"]["LaunchTemplateName"] == NAME, "{group:#}");
    assert_eq!(group["LaunchTemplate"]["Version"], "1");

    let (again, calls) = stage.expect(0, "adopt cluster.kdl")?;
    assert!(again.stdout.contains("Nothing to take over"), "{again}");
    assert_eq!(calls.writes(), 0, "{calls}");
    let (plan, calls) = stage.expect(0, "plan cluster.kdl --detailed-exitcode")?;
    assert!(plan.stdout.contains("No changes."), "{plan}");
    assert!(calls.reads() <= 16, "{calls}");
    stage.expect(0, "apply cluster.kdl")?;
    let (output, _) = stage.expect(0, "output cluster.kdl iam_role_id")?;
    assert_eq!(output.stdout, format!("{NAME}{SUFFIX}\n"));
    stage.expect(0, "status cluster.kdl --detailed-exitcode")?;
    assert_eq!(server.instances()?, instances);

    // A change of who may log in is one call, as with any cluster.
    let kdl = std::fs::read_to_string(stage.kaphost.folder().join("cluster.kdl")).unwrap();
    let ssh = kdl.find("ssh ").unwrap();
    let changed = format!("{}{}", &kdl[..ssh], kdl[ssh..].replacen("10.0.0.0/8", "10.1.0.0/16", 1));
    stage.kaphost.write("cluster.kdl", &changed)?;
    let (_, calls) = stage.expect(0, "apply cluster.kdl --auto-approve")?;
    assert_eq!(calls.writes(), 1, "{calls}");
    assert_eq!(server.instances()?, instances);

    let (kept, _) = stage.expect(1, "destroy cluster.kdl --auto-approve")?;
    assert!(kept.said().contains(MANAGED), "{kept}");
    stage.expect(0, "destroy cluster.kdl --detach-policies --auto-approve")?;
    // The launch configuration is nobody's any more; the data volume outlives its server, as its config says.
    assert_eq!(stage.account.holdings()?.beyond(&before), ["volume of 300 GiB, available"]);
    Ok(())
}

#[test]
fn a_server_from_a_template_that_follows_the_latest() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let server = Server::make(&stage, true)?;
    let instances = server.instances()?;
    server.write_config()?;
    stage.expect(0, "adopt cluster.kdl --auto-approve")?;
    let group = server.group()?;
    assert_eq!((&group["LaunchTemplate"]["LaunchTemplateName"], &group["LaunchTemplate"]["Version"]), (&json!(NAME), &json!("1")));
    let (plan, _) = stage.expect(0, "plan cluster.kdl --detailed-exitcode")?;
    assert!(plan.stdout.contains("No changes."), "{plan}");
    assert_eq!(server.instances()?, instances);
    Ok(())
}

#[test]
fn an_adoption_that_is_killed_anywhere_is_finished_by_the_next() -> Result<(), Failure> {
    for writes in [1, 4, 6, 7] {
        let stage = Stage::new()?;
        let server = Server::make(&stage, false)?;
        let instances = server.instances()?;
        server.write_config()?;
        let (_, calls) = stage.account.record(|| stage.run("adopt cluster.kdl --dry-run"))?;
        let reads = u32::try_from(calls.reads()).unwrap();
        stage.kaphost.kill_after_call(&stage.account, reads + writes, "adopt cluster.kdl --auto-approve".split_whitespace())?;
        let (refused, _) = stage.expect(1, "plan cluster.kdl")?;
        assert!(refused.said().contains("kaphost adopt"), "{refused}");
        stage.expect(0, "adopt cluster.kdl --auto-approve")?;
        let (plan, _) = stage.expect(0, "plan cluster.kdl --detailed-exitcode")?;
        assert!(plan.stdout.contains("No changes."), "after {writes}: {plan}");
        assert_eq!(server.instances()?, instances, "after {writes}");
    }
    Ok(())
}

#[test]
fn what_the_config_says_otherwise_is_shown_and_left_to_an_apply() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let server = Server::make(&stage, false)?;
    let instances = server.instances()?;
    server.write_config()?;
    let kdl = std::fs::read_to_string(stage.kaphost.folder().join("cluster.kdl")).unwrap();
    let safer: Vec<&str> = kdl.lines().filter(|line| !line.contains("metadata ")).collect();
    stage.kaphost.write("cluster.kdl", &safer.join("\n"))?;
    let (adopted, _) = stage.expect(0, "adopt cluster.kdl --auto-approve")?;
    let said = &adopted.stdout;
    assert!(said.contains("The config says otherwise") && said.contains("metadata.tokens"), "{adopted}");
    assert_eq!(server.instances()?, instances);
    stage.expect(2, "plan cluster.kdl --detailed-exitcode")?;
    let (applied, _) = stage.expect(0, "apply cluster.kdl --auto-approve")?;
    assert!(applied.stdout.contains("replaced by one of version"), "{applied}");
    assert_ne!(server.instances()?, instances);
    stage.expect(0, "plan cluster.kdl --detailed-exitcode")?;
    Ok(())
}

#[test]
fn policies_judge_what_is_adopted() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let server = Server::make(&stage, false)?;
    server.write_config()?;
    let kdl = std::fs::read_to_string(stage.kaphost.folder().join("cluster.kdl")).unwrap();
    stage.kaphost.write("cluster.kdl", &kdl.replacen("10.0.0.0/8", "0.0.0.0/0", 1))?;
    let (denied, calls) = stage.expect(3, "adopt cluster.kdl --policy org.wasm --auto-approve")?;
    assert_eq!(calls.writes(), 0, "{calls}");
    assert!(denied.said().contains("0.0.0.0/0"), "{denied}");
    Ok(())
}

#[test]
fn what_cannot_be_adopted_is_refused_in_words() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let (none, calls) = stage.expect(1, WRITE)?;
    assert!(none.said().contains("there is no Auto Scaling group kapacitor-prod in us-east-1"), "{none}");
    assert_eq!(calls.writes(), 0, "{calls}");
    let server = Server::make(&stage, false)?;
    server.write_config()?;
    let aws = |operation: &str, arguments: Value| stage.account.aws("autoscaling", operation, arguments);
    let refused = |words: &str| -> Result<(), Failure> {
        for arguments in ["adopt cluster.kdl --auto-approve", WRITE] {
            let (run, calls) = stage.expect(1, arguments)?;
            assert!(run.said().contains(words), "{words}: {run}");
            assert_eq!(calls.writes(), 0, "{calls}");
        }
        Ok(())
    };
    aws("update_auto_scaling_group", json!({ "AutoScalingGroupName": NAME, "MaxSize": 3 }))?;
    refused("is not one of a single server: at least 1, at most 3, 1 wanted")?;
    aws("update_auto_scaling_group", json!({ "AutoScalingGroupName": NAME, "MaxSize": 1 }))?;
    let owner = json!({ "ResourceId": NAME, "ResourceType": "auto-scaling-group", "Key": "kaphost:cluster", "Value": "other", "PropagateAtLaunch": true });
    aws("create_or_update_tags", json!({ "Tags": [owner] }))?;
    refused("belongs to the cluster other")
}
