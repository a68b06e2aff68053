//! `kaphost adopt` on servers that boto3 has made as the Terraform module makes them: suffixed names, a launch configuration, no tags.

use kaphost_tests::{Failure, Handmade, Stage};
use serde_json::{Value, json};

const NAME: &str = Handmade::NAME;
const SUFFIX: &str = Handmade::SUFFIX;
const MANAGED: &str = Handmade::MANAGED;
const WRITE: &str = Handmade::WRITE;

#[test]
fn a_server_of_terraforms_is_written_adopted_kept_and_destroyed() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let server = Handmade::make(&stage, false)?;
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
    let server = Handmade::make(&stage, true)?;
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
        let server = Handmade::make(&stage, false)?;
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
    let server = Handmade::make(&stage, false)?;
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
    let server = Handmade::make(&stage, false)?;
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
    let server = Handmade::make(&stage, false)?;
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
