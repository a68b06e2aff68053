//! Changes of a cluster that runs: exactly the calls that the change needs, and then nothing left to do.

use kaphost_tests::{APPLY, Call, CallLog, Config, Failure, Kind, PLAN, Rule, Run, Scenario, Stage};

/// What a change of the server takes.
const ROLLED_OUT: &[&str] = &["CreateLaunchTemplateVersion", "StartInstanceRefresh"];

fn writes(calls: &CallLog) -> Vec<&str> {
    let mut actions: Vec<&str> = calls.of(Kind::Write).iter().map(|call: &&Call| call.action.as_str()).collect();
    actions.sort_unstable();
    actions
}

/// Applies a config, changes it, and holds the second apply to its writes; the plan after it is empty.
fn changed(change: fn(&mut Config), expected: &[&str]) -> Result<Run, Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let base = stage.config.clone();
    stage.change(change)?;
    stage.expect(2, PLAN)?;
    let (run, calls) = stage.expect(0, APPLY)?;
    assert_eq!(writes(&calls), expected, "{run}\n{calls}");
    let (_, calls) = stage.expect(0, PLAN)?;
    assert_eq!(calls.writes(), 0, "{calls}");
    // And back again: what stood there before is no other than it was.
    stage.change(|config| *config = base)?;
    stage.expect(0, APPLY)?;
    stage.expect(0, PLAN)?;
    Ok(run)
}

#[test]
fn another_image_is_another_version_and_another_server() -> Result<(), Failure> {
    let run = changed(|config| config.ami = "ami-0abcd1234abcd1235".to_owned(), ROLLED_OUT)?;
    assert!(run.stdout.contains("ami-0abcd1234abcd1234 → ami-0abcd1234abcd1235"), "{run}");
    assert!(run.stdout.contains("the old server ends before the new one starts"), "what it means for the running server is said: {run}");
    for words in ["InProgress", "Terminating EC2 instance", "Launching a new EC2 instance", "Successful, 100%"] {
        assert!(run.stderr.contains(words), "{words}: {run}");
    }
    Ok(())
}

/// Of a change of the server: DescribeImages, two writes and polls.
#[test]
fn another_image_costs_one_read_and_two_writes() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let (_, nothing) = stage.expect(0, PLAN)?;
    stage.change(|config| config.ami = "ami-0abcd1234abcd1235".to_owned())?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(writes(&calls), ROLLED_OUT, "{calls}");
    assert_eq!(calls.reads(), nothing.reads() + 1, "{calls}");
    assert!(calls.actions().contains(&"DescribeImages"), "{calls}");
    let (id, _) = stage.expect(0, "output cluster.kdl launch_template_version")?;
    assert_eq!(id.stdout.trim(), "2");
    Ok(())
}

/// AWS cannot launch the new server: it goes back, the run ends with AWS's words, and part of the plan is done.
#[test]
fn a_rollout_that_fails_is_undone_and_explained() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    stage.change(|config| config.instance_type = "t3.large".to_owned())?;
    stage.account.scenario(&Scenario { launch_failures: Some(2), ..Scenario::default() })?;
    let (run, _) = stage.expect(5, APPLY)?;
    let said = run.said();
    for words in ["AWS has gone back to the version before", "InsufficientInstanceCapacity"] {
        assert!(said.contains(words), "{words}: {run}");
    }
    let (plan, _) = stage.expect(2, PLAN)?;
    let told = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("RollbackSuccessful: New instances did not become healthy"), "{plan}");
    stage.expect(0, APPLY)?;
    stage.expect(0, PLAN)?;
    Ok(())
}

/// The same, where the config says that a failed rollout is left as it is: nothing goes back, and the next apply goes on from there.
#[test]
fn a_rollout_that_fails_is_left_where_that_is_wanted() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| *config = config.clone().with("rollout { auto-rollback #false; }"))?;
    stage.expect(0, APPLY)?;
    stage.change(|config| config.instance_type = "t3.large".to_owned())?;
    stage.account.scenario(&Scenario { launch_failures: Some(2), ..Scenario::default() })?;
    let (run, calls) = stage.expect(5, APPLY)?;
    let started = calls.iter().filter(|call| call.action == "StartInstanceRefresh");
    let asked: Vec<(&String, &String)> =
        started.flat_map(|call| &call.parameters).filter(|(name, _)| name.ends_with("AutoRollback")).collect();
    assert_eq!(asked.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["false"], "{calls}");
    for words in ["failed, and was not to be undone (`rollout.auto-rollback`)", "InsufficientInstanceCapacity"] {
        assert!(run.said().contains(words), "{words}: {run}");
    }
    let (plan, _) = stage.expect(2, PLAN)?;
    assert!(!plan.stdout.contains("RollbackSuccessful"), "{plan}");
    stage.expect(0, APPLY)?;
    stage.expect(0, PLAN)?;
    Ok(())
}

/// Somebody else's refresh is named before anything is changed, and cancelled when that is asked for.
#[test]
fn a_refresh_in_the_way() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let start = serde_json::json!({ "AutoScalingGroupName": stage.config.name });
    stage.account.aws("autoscaling", "start_instance_refresh", start)?;
    stage.change(|config| config.instance_type = "t3.large".to_owned())?;
    let (run, calls) = stage.expect(1, APPLY)?;
    assert!(run.said().contains("another instance refresh of kapacitor-stage is under way"), "{run}");
    assert_eq!(calls.writes(), 0, "{calls}");
    let (_, calls) = stage.expect(0, &format!("{APPLY} --cancel-refresh"))?;
    assert_eq!(writes(&calls), ["CancelInstanceRefresh", "CreateLaunchTemplateVersion", "StartInstanceRefresh"], "{calls}");
    stage.expect(0, PLAN)?;
    Ok(())
}

/// One that goes to the wanted version already, whoever began it, is followed to its end: nothing is written.
#[test]
fn a_refresh_to_the_wanted_version_is_joined() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    stage.change(|config| config.instance_type = "t3.large".to_owned())?;
    stage.account.fault(&Rule::refuse("AccessDenied", "not authorized").action("StartInstanceRefresh").for_ever())?;
    stage.expect(5, APPLY)?;
    stage.account.clear_faults()?;
    let template = serde_json::json!({ "LaunchTemplateName": stage.config.name, "Version": "2" });
    let start = serde_json::json!({ "AutoScalingGroupName": stage.config.name, "DesiredConfiguration": { "LaunchTemplate": template } });
    stage.account.aws("autoscaling", "start_instance_refresh", start)?;
    let (run, calls) = stage.expect(0, APPLY)?;
    assert!(calls.writes() == 0 && calls.polls() > 0, "{run}\n{calls}");
    assert!(run.said().contains("Successful, 100%"), "{run}");
    stage.expect(0, PLAN)?;
    Ok(())
}

/// Its root device has another name than the first image's.
#[test]
fn an_image_with_another_root_device() -> Result<(), Failure> {
    let run = changed(|config| config.ami = "ami-0abcd1234abcd1236".to_owned(), ROLLED_OUT)?;
    assert!(run.stdout.contains("/dev/xvda"), "{run}");
    Ok(())
}

#[test]
fn another_instance_type() -> Result<(), Failure> {
    changed(|config| config.instance_type = "t3.large".to_owned(), ROLLED_OUT)?;
    Ok(())
}

/// Tags are on everything: instances get theirs from the template, the resources by a call each service.
#[test]
fn one_tag_more() -> Result<(), Failure> {
    let run = changed(
        |config| drop(config.tags.insert("Team".to_owned(), "metrics".to_owned())),
        &["CreateLaunchTemplateVersion", "CreateOrUpdateTags", "CreateTags", "TagInstanceProfile", "TagRole", "UpdateAutoScalingGroup"],
    )?;
    assert!(run.stdout.contains("tags[\"Team\"]"), "{run}");
    Ok(())
}

#[test]
fn a_tag_on_the_group_alone_makes_no_new_version() -> Result<(), Failure> {
    changed(
        |config| config.more.push("tag \"Audit\" \"yes\" propagate=#false".to_owned()),
        &["CreateOrUpdateTags", "CreateTags", "TagInstanceProfile", "TagRole"],
    )?;
    Ok(())
}

#[test]
fn another_ssh_port_changes_the_rule_with_no_gap() -> Result<(), Failure> {
    let run = changed(|config| config.ssh_port = 2222, &["ModifySecurityGroupRules"])?;
    assert!(run.stdout.contains("tcp 22 from 10.0.0.0/8  → tcp 2222 from 10.0.0.0/8"), "{run}");
    Ok(())
}

#[test]
fn another_description_changes_the_rule_in_place() -> Result<(), Failure> {
    let ssh = |config: &mut Config| config.ssh = vec!["cidr=\"10.0.0.0/8\" description=\"all offices\"".to_owned()];
    changed(ssh, &["ModifySecurityGroupRules"])?;
    Ok(())
}

/// What is needed is let out before what is not is shut in.
#[test]
fn narrower_egress() -> Result<(), Failure> {
    let egress =
        |config: &mut Config| config.more.push("egress { allow cidr=\"0.0.0.0/0\" ports=\"443\" description=\"HTTPS\"; }".to_owned());
    changed(egress, &["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"])?;
    Ok(())
}

#[test]
fn other_health_checks_are_one_call() -> Result<(), Failure> {
    changed(
        |config| config.more.push("scaling { health-check \"elb\"; health-check-grace-period \"90s\"; }".to_owned()),
        &["UpdateAutoScalingGroup"],
    )?;
    Ok(())
}

/// AWS keeps the old name of what somebody changed by hand until the next apply.
#[test]
fn drift_is_seen_and_mended() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let (id, _) = stage.expect(0, "output cluster.kdl security_group_id")?;
    let ours = serde_json::json!({
        "GroupId": id.stdout.trim(),
        "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] }],
    });
    stage.account.aws("ec2", "revoke_security_group_ingress", ours)?;
    let resized = serde_json::json!({ "AutoScalingGroupName": stage.config.name, "HealthCheckGracePeriod": 30 });
    stage.account.aws("autoscaling", "update_auto_scaling_group", resized)?;
    let (status, _) = stage.expect(2, "status cluster.kdl --policy org.wasm --detailed-exitcode")?;
    assert!(status.stdout.contains("Not as it should be: 1 to create, 1 to change"), "{status}");
    let (plan, _) = stage.expect(2, PLAN)?;
    assert!(plan.stdout.contains("30 → 600") && plan.stdout.contains("+ rule tcp 22 from 10.0.0.0/8"), "{plan}");
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(writes(&calls), ["AuthorizeSecurityGroupIngress", "UpdateAutoScalingGroup"], "{calls}");
    stage.expect(0, PLAN)?;
    Ok(())
}
