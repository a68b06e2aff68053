//! What is not ours stays as it is: resources of our names, rules in our group, policies on our role.

use kaphost_tests::{APPLY, DESTROY, Failure, PLAN, Stage};
use serde_json::{Value, json};

const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const MANAGED: &str = "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy";
const INLINE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

/// The kinds of resource, as messages call them.
const KINDS: [&str; 5] = ["security group", "IAM role", "instance profile", "launch template", "Auto Scaling group"];

/// Makes a resource under the name that kaphost would use. `owner` is the value of the ownership tag; none leaves it out.
fn occupy(stage: &Stage, kind: &str, owner: Option<&str>) -> Result<(), Failure> {
    let aws = |service: &str, operation: &str, arguments: Value| stage.account.aws(service, operation, arguments);
    let (name, global) = (&stage.config.name, stage.config.global_name());
    let tags: Vec<Value> = owner.map(|owner| json!({ "Key": "kaphost:cluster", "Value": owner })).into_iter().collect();
    let of = |resource: &str| match tags.as_slice() {
        [] => json!([]),
        tags => json!([{ "ResourceType": resource, "Tags": tags }]),
    };
    match kind {
        "security group" => {
            let group = json!({ "GroupName": name, "Description": "of somebody else", "VpcId": stage.seed.vpc, "TagSpecifications": of("security-group") });
            aws("ec2", "create_security_group", group)?;
        }
        "IAM role" => {
            aws("iam", "create_role", json!({ "RoleName": global, "AssumeRolePolicyDocument": TRUST, "Tags": tags }))?;
        }
        "instance profile" => {
            aws("iam", "create_instance_profile", json!({ "InstanceProfileName": global, "Tags": tags }))?;
        }
        "launch template" => {
            let data = json!({ "InstanceType": "t3.nano", "ImageId": stage.config.ami });
            let template = json!({ "LaunchTemplateName": name, "LaunchTemplateData": data, "TagSpecifications": of("launch-template") });
            aws("ec2", "create_launch_template", template)?;
        }
        _ => {
            let data = json!({ "InstanceType": "t3.nano", "ImageId": stage.config.ami });
            aws("ec2", "create_launch_template", json!({ "LaunchTemplateName": "somebodys", "LaunchTemplateData": data }))?;
            let tags: Vec<Value> =
                owner.map(|owner| json!({ "Key": "kaphost:cluster", "Value": owner, "PropagateAtLaunch": false })).into_iter().collect();
            let group = json!({
                "AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 1, "DesiredCapacity": 1, "Tags": tags,
                "LaunchTemplate": { "LaunchTemplateName": "somebodys", "Version": "1" }, "VPCZoneIdentifier": stage.config.subnets[0],
            });
            aws("autoscaling", "create_auto_scaling_group", group)?;
        }
    }
    Ok(())
}

#[test]
fn a_name_that_somebody_has_is_refused() -> Result<(), Failure> {
    for kind in KINDS {
        let stage = Stage::new()?;
        occupy(&stage, kind, None)?;
        let before = stage.account.holdings()?;
        for arguments in [PLAN, APPLY] {
            let (run, calls) = stage.expect(1, arguments)?;
            assert_eq!(calls.writes(), 0, "{kind}:\n{calls}");
            assert!(run.said().contains("not-ours") && run.said().contains(kind), "{kind}: {run}");
            assert!(run.said().contains("does not carry the tag kaphost:cluster=kapacitor-stage"), "{kind}: {run}");
            assert!(run.said().contains("cluster.kdl:1:9"), "the name is what collides: {run}");
        }
        let (destroy, calls) = stage.expect(0, DESTROY)?;
        assert_eq!(calls.writes(), 0, "{kind}:\n{calls}");
        assert!(destroy.stdout.contains("Not ours, and kept:") && destroy.stdout.contains(kind), "{kind}: {destroy}");
        assert_eq!(stage.account.holdings()?, before, "{kind}");
    }
    Ok(())
}

#[test]
fn the_name_of_another_cluster_is_refused() -> Result<(), Failure> {
    for kind in KINDS {
        let stage = Stage::new()?;
        occupy(&stage, kind, Some("kapacitor-prod"))?;
        let (run, calls) = stage.expect(1, APPLY)?;
        assert_eq!(calls.writes(), 0, "{kind}:\n{calls}");
        assert!(run.said().contains("other-cluster") && run.said().contains("belongs to the cluster kapacitor-prod"), "{kind}: {run}");
    }
    Ok(())
}

#[test]
fn every_collision_is_said_at_once() -> Result<(), Failure> {
    let stage = Stage::new()?;
    for kind in KINDS {
        occupy(&stage, kind, None)?;
    }
    let (run, _) = stage.expect(1, APPLY)?;
    assert_eq!(run.said().matches("does not carry the tag").count(), 5, "{run}");
    Ok(())
}

/// It appears between the reads and the write: the creation collides, and what is there is looked at.
#[test]
fn what_appears_during_the_run_is_not_taken() -> Result<(), Failure> {
    let stage = Stage::new()?;
    // boto3 takes a while to start: not while a call is held back.
    stage.account.holdings()?;
    stage.account.fault(&kaphost_tests::Rule::new(kaphost_tests::Fault::Delay { ms: 4000 }).action("CreateSecurityGroup"))?;
    let running = stage.start(APPLY)?;
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !stage.account.calls()?.actions().contains(&"CreateSecurityGroup") {
        assert!(std::time::Instant::now() < patience, "it never came to CreateSecurityGroup");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    occupy(&stage, "security group", None)?;
    let run = running.end()?;
    assert_eq!(run.code, Some(5), "{run}");
    assert!(run.said().contains("appeared while this run was under way"), "{run}");
    let group = stage.account.aws("ec2", "describe_security_groups", json!({ "GroupNames": [stage.config.name] }))?;
    assert_eq!(group["SecurityGroups"][0]["Description"], "of somebody else", "{group:#}");
    assert!(group["SecurityGroups"][0]["IpPermissions"].as_array().is_some_and(Vec::is_empty), "nothing was let into it: {group:#}");
    Ok(())
}

#[test]
fn rules_of_others_stay_and_are_listed() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let (id, _) = stage.expect(0, "output cluster.kdl security_group_id")?;
    let theirs = json!({
        "GroupId": id.stdout.trim(),
        "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 9100, "ToPort": 9100, "IpRanges": [{ "CidrIp": "172.16.0.0/12" }] }],
    });
    stage.account.aws("ec2", "authorize_security_group_ingress", theirs)?;
    let (plan, _) = stage.expect(0, PLAN)?;
    assert!(plan.stdout.contains("Not ours, and kept:") && plan.stdout.contains("tcp 9100 from 172.16.0.0/12"), "{plan}");

    stage.change(|config| *config = config.clone().with_ssh(&["10.9.0.0/16"]))?;
    stage.expect(0, APPLY)?;
    let held = stage.account.holdings()?.to_string();
    for (rule, there) in [("9100-9100 172.16.0.0/12", true), ("22-22 10.9.0.0/16", true), ("22-22 10.0.0.0/8", false)] {
        assert_eq!(held.contains(rule), there, "{rule}:\n{held}");
    }
    let (status, _) = stage.expect(0, "status cluster.kdl --policy org.wasm")?;
    assert!(status.stdout.contains("not ours, and kept:"), "{status}");
    let (destroy, _) = stage.expect(0, DESTROY)?;
    assert!(destroy.stdout.contains("172.16.0.0/12"), "that it goes with the group is said before: {destroy}");
    Ok(())
}

#[test]
fn policies_of_others_keep_the_role_until_told_otherwise() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.expect(0, APPLY)?;
    let role = stage.config.global_name();
    stage.account.aws("iam", "attach_role_policy", json!({ "RoleName": role, "PolicyArn": MANAGED }))?;
    stage.account.aws("iam", "put_role_policy", json!({ "RoleName": role, "PolicyName": "read-config", "PolicyDocument": INLINE }))?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.writes(), 0, "attached policies are the user's: {calls}");

    let (refused, calls) = stage.expect(1, DESTROY)?;
    assert_eq!(calls.writes(), 0, "{calls}");
    for words in ["policies of others hang on the role", MANAGED, "read-config", "--detach-policies"] {
        assert!(refused.said().contains(words), "{words}: {refused}");
    }
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    stage.expect(0, "destroy cluster.kdl --auto-approve --detach-policies")?;
    assert_eq!(stage.account.holdings()?, before);
    let managed = stage.account.aws("iam", "get_policy", json!({ "PolicyArn": MANAGED }))?;
    assert_eq!(managed["Policy"]["AttachmentCount"], 0, "detached, and still there");
    Ok(())
}

/// A neighbour with everything, and people's own things beside it: a destroy takes nothing of theirs.
#[test]
fn destroy_leaves_the_neighbours_alone() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.name = "kapacitor-prod".to_owned())?;
    stage.expect(0, APPLY)?;
    stage.account.aws("iam", "create_role", json!({ "RoleName": "somebodys", "AssumeRolePolicyDocument": TRUST }))?;
    let group = json!({ "GroupName": "kapacitor-stage-2", "Description": "a longer name", "VpcId": stage.seed.vpc });
    stage.account.aws("ec2", "create_security_group", group)?;
    let others = stage.account.holdings()?;

    stage.change(|config| config.name = "kapacitor-stage".to_owned())?;
    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&others), stage.cluster_of_one());
    stage.expect(0, DESTROY)?;
    assert_eq!(stage.account.holdings()?, others);
    stage.change(|config| config.name = "kapacitor-prod".to_owned())?;
    stage.expect(0, PLAN)?;
    Ok(())
}

#[test]
fn a_protected_group_is_not_destroyed() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.more.push("scaling { deletion-protection #true; }".to_owned()))?;
    stage.expect(0, APPLY)?;
    let (refused, calls) = stage.expect(1, DESTROY)?;
    assert_eq!(calls.writes(), 0, "{calls}");
    assert!(refused.said().contains("is protected from deletion") && refused.said().contains("deletion-protection"), "{refused}");
    stage.change(|config| config.more.clear())?;
    stage.expect(0, APPLY)?;
    stage.expect(0, DESTROY)?;
    Ok(())
}
