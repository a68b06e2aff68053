//! What goes wrong on the way: what passes is waited through, what does not is said in AWS's own words, and a re-run converges.

use kaphost_tests::{APPLY, CallLog, DESTROY, Failure, Fault, PLAN, REGION, Rule, Scenario, Stage};

const CREATES: [&str; 7] = [
    "CreateRole",
    "CreateInstanceProfile",
    "CreateSecurityGroup",
    "AddRoleToInstanceProfile",
    "AuthorizeSecurityGroupIngress",
    "CreateLaunchTemplate",
    "CreateAutoScalingGroup",
];
const DELETES: [&str; 6] = [
    "DeleteAutoScalingGroup",
    "RemoveRoleFromInstanceProfile",
    "DeleteLaunchTemplate",
    "DeleteSecurityGroup",
    "DeleteRole",
    "DeleteInstanceProfile",
];

fn count(calls: &CallLog, action: &str) -> usize {
    calls.actions().iter().filter(|seen| **seen == action).count()
}

/// An apply that succeeds in spite of a fault, leaves one of everything, and nothing to do.
fn heals(rule: &Rule, what: &str) -> Result<CallLog, Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.account.fault(rule)?;
    let (_, calls) = stage.expect(0, APPLY).map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
    assert!(calls.iter().any(|call| call.fault.is_some()), "the fault did not strike: {what}\n{calls}");
    stage.account.clear_faults()?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one(), "{what}\n{calls}");
    stage.expect(0, PLAN)?;
    Ok(calls)
}

#[test]
fn a_lost_answer_to_any_creation_heals_within_the_apply() -> Result<(), Failure> {
    for action in CREATES {
        let calls = heals(&Rule::new(Fault::DropAfter).action(action), &format!("lost answer to {action}"))?;
        assert!(count(&calls, action) >= 2, "a call whose answer is lost is made again:\n{calls}");
    }
    Ok(())
}

/// All tries of the SDK lose their answers: the work is done, and the run cannot know. It says so, and the next run finds it.
#[test]
fn a_creation_that_never_answers_is_found_by_the_next_run() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let action = "CreateAutoScalingGroup";
    stage.account.fault(&Rule::new(Fault::DropAfter).action(action))?;
    stage.account.fault(&Rule::new(Fault::DropBefore).action(action).nth(2).for_ever())?;
    let (run, _) = stage.expect(5, APPLY)?;
    assert!(run.said().contains("CreateAutoScalingGroup: no answer from http://127.0.0.1:"), "{run}");
    assert!(run.said().contains("run the same command again"), "{run}");
    stage.account.clear_faults()?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.writes(), 0, "it was done all the same:\n{calls}");
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}

#[test]
fn a_lost_answer_to_any_deletion_heals_within_the_destroy() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    for action in DELETES {
        stage.expect(0, APPLY)?;
        stage.account.fault(&Rule::new(Fault::DropAfter).action(action))?;
        let (_, calls) = stage.expect(0, DESTROY).map_err(|failure| Failure::new(format!("lost answer to {action}: {failure}")))?;
        assert!(count(&calls, action) >= 2, "{calls}");
        assert_eq!(stage.account.holdings()?, before, "lost answer to {action}");
    }
    Ok(())
}

#[test]
fn throttling_and_server_errors_are_waited_through() -> Result<(), Failure> {
    for (what, rule) in [
        ("throttled reads", Rule::new(Fault::Throttle).reads().times(3)),
        ("throttled writes", Rule::new(Fault::Throttle).writes().times(3)),
        ("a read fails twice", Rule::new(Fault::ServerError).action("DescribeSecurityGroups").times(2)),
        ("a write fails twice", Rule::new(Fault::ServerError).action("CreateLaunchTemplate").times(2)),
        ("a broken connection", Rule::new(Fault::DropBefore).action("CreateRole")),
        (
            "another change under way",
            Rule::new(Fault::Error {
                status: 409,
                code: "ConcurrentModification".into(),
                message: "The request was rejected because multiple requests to change this object were submitted simultaneously.".into(),
            })
            .action("AddRoleToInstanceProfile"),
        ),
    ] {
        heals(&rule, what)?;
    }
    Ok(())
}

#[test]
fn a_profile_that_ec2_does_not_see_yet_is_waited_for_and_said() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.account.scenario(&Scenario { profile_lag_calls: Some(2), ..Scenario::default() })?;
    let (run, calls) = stage.expect(0, APPLY)?;
    assert_eq!(count(&calls, "CreateAutoScalingGroup"), 3, "{calls}");
    assert!(run.stderr.contains("Invalid IAM Instance Profile name") && run.stderr.contains("again in"), "{run}");
    stage.expect(0, PLAN)?;
    Ok(())
}

#[test]
fn a_server_that_cannot_start_is_told_in_awss_words() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let words = "The requested configuration is currently not supported. Please check the documentation for supported configurations.";
    stage.account.scenario(&Scenario {
        launch_failures: Some(-1),
        launch_failure_code: Some("Unsupported".into()),
        launch_failure_message: Some(words.into()),
        ..Scenario::default()
    })?;
    let (run, calls) = stage.expect(5, APPLY)?;
    assert!(run.said().contains(words), "{run}");
    assert!(run.said().contains("AWS's own words say why the server does not start"), "{run}");
    assert!(run.stderr.contains("  failed             wait for capacity "), "{run}");
    assert_eq!(count(&calls, "CreateAutoScalingGroup"), 1, "{calls}");

    stage.account.scenario(&Scenario { launch_failures: Some(0), ..Scenario::default() })?;
    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}

#[test]
fn missing_capacity_is_shown_and_waited_for() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.account.scenario(&Scenario { launch_failures: Some(2), ..Scenario::default() })?;
    let (run, _) = stage.expect(0, APPLY)?;
    assert!(run.stderr.contains("InsufficientInstanceCapacity") && run.stderr.contains("sufficient capacity"), "{run}");
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}

#[test]
fn capacity_that_never_comes_ends_the_wait_with_what_aws_said() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.more.push("scaling { wait-for-capacity-timeout \"3s\"; }".to_owned()))?;
    stage.account.scenario(&Scenario { launch_failures: Some(-1), ..Scenario::default() })?;
    let (run, _) = stage.expect(5, APPLY)?;
    assert!(run.said().contains("AWS said last") && run.said().contains("InsufficientInstanceCapacity"), "{run}");
    assert!(run.said().contains("scaling.wait-for-capacity-timeout"), "what to turn is said: {run}");
    Ok(())
}

#[test]
fn waiting_can_be_left_out() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.more.push("scaling { wait-for-capacity-timeout 0; }".to_owned()))?;
    stage.account.scenario(&Scenario { launch_failures: Some(-1), ..Scenario::default() })?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.polls(), 0, "{calls}");
    Ok(())
}

#[test]
fn a_write_that_is_not_allowed_stops_the_run_and_says_what_was_done() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let words = "You are not authorized to perform this operation. User: arn:aws:iam::200000000001:user/ci is not authorized to perform: \
                 ec2:CreateLaunchTemplate";
    stage.account.fault(&Rule::refuse("UnauthorizedOperation", words).action("CreateLaunchTemplate").for_ever())?;
    let (run, calls) = stage.expect(5, APPLY)?;
    assert_eq!(count(&calls, "CreateLaunchTemplate"), 1, "a refusal is not asked again:\n{calls}");
    assert_eq!(count(&calls, "CreateAutoScalingGroup"), 0, "{calls}");
    assert!(run.said().contains("is not authorized to perform: ec2:CreateLaunchTemplate"), "{run}");
    assert!(run.said().contains("ask for the permission that the message names"), "{run}");
    for line in
        ["  done               CreateRole ", "  failed             CreateLaunchTemplate ", "  not begun          CreateAutoScalingGroup "]
    {
        assert!(run.stderr.contains(line), "{line}: {run}");
    }
    stage.account.clear_faults()?;
    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}

/// Where the very first writes are refused nothing has changed, and the exit code says so.
#[test]
fn when_nothing_is_allowed_nothing_is_changed() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let words = "User: arn:aws:iam::200000000001:user/ci is not authorized to perform this";
    stage.account.fault(&Rule::refuse("AccessDenied", words).writes().for_ever())?;
    let (run, _) = stage.expect(1, APPLY)?;
    assert!(run.said().contains("nothing was changed"), "{run}");
    stage.account.clear_faults()?;
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

#[test]
fn a_quota_is_said_at_once() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let words = "Cannot exceed quota for RolesPerAccount: 1000";
    let rule = Rule::new(Fault::Error { status: 409, code: "LimitExceeded".into(), message: words.into() });
    stage.account.fault(&rule.action("CreateRole").for_ever())?;
    let (run, calls) = stage.expect(5, APPLY)?;
    assert_eq!(count(&calls, "CreateRole"), 1, "waiting does not help:\n{calls}");
    assert!(run.said().contains(words) && run.said().contains("ask AWS for more"), "{run}");
    Ok(())
}

#[test]
fn a_read_that_is_not_allowed_changes_nothing() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let words = "User: arn:aws:iam::200000000001:user/ci is not authorized to perform: iam:GetRole";
    let rule = Rule::new(Fault::Error { status: 403, code: "AccessDenied".into(), message: words.into() });
    stage.account.fault(&rule.action("GetRole").for_ever())?;
    let (run, calls) = stage.expect(1, APPLY)?;
    assert_eq!(calls.writes(), 0, "{calls}");
    assert!(run.said().contains("iam:GetRole") && run.said().contains("GetRole"), "{run}");
    Ok(())
}

#[test]
fn values_that_aws_does_not_know_are_said_in_its_words() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.change(|config| config.ami = "ami-0123456789abcdef0".to_owned())?;
    let (run, calls) = stage.expect(1, APPLY)?;
    assert!(run.said().contains("the image ami-0123456789abcdef0 is not in us-east-1"), "{run}");
    assert!(run.stderr.contains("cluster.kdl:2:9"), "{run}");
    assert_eq!(calls.writes(), 0, "{calls}");

    let seed = stage.account.seed(REGION)?;
    stage.change(|config| (config.ami, config.vpc) = (seed.images[0].id.clone(), "vpc-0123456789abcdef0".to_owned()))?;
    // Asked beforehand, it is told at its line; whoever does not ask hears it from AWS, with part of it made.
    let (run, calls) = stage.expect(1, APPLY)?;
    assert!(run.said().contains("and the cluster in vpc-0123456789abcdef0") && calls.writes() == 0, "{run}");
    let (run, _) = stage.expect(5, &format!("{APPLY} --preflight never"))?;
    assert!(run.said().contains("vpc-0123456789abcdef0") && run.said().contains("InvalidVpcID.NotFound"), "{run}");
    stage.change(|config| config.vpc = seed.vpc.clone())?;
    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}

#[test]
fn nobody_at_the_endpoint() -> Result<(), Failure> {
    let stage = Stage::new()?;
    // The discard port: nothing listens there. Side by side, because each tries for some seconds.
    let commands = [PLAN, APPLY, DESTROY, "status cluster.kdl", "output cluster.kdl"];
    let running = commands.map(|arguments| stage.start(&format!("{arguments} --endpoint-url http://127.0.0.1:9")));
    for (running, arguments) in running.into_iter().zip(commands) {
        let run = running?.end()?;
        assert_eq!(run.code, Some(1), "{arguments}: {run}");
        assert!(run.said().contains("http://127.0.0.1:9") && run.said().contains("AWS_ENDPOINT_URL"), "{arguments}: {run}");
    }
    Ok(())
}

#[test]
fn no_credentials() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let mut command = stage.kaphost.command();
    command.args(APPLY.split(' ')).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let (run, calls) = stage.account.record(|| kaphost_tests::Run::of(&mut command))?;
    assert_eq!(run.code, Some(1), "{run}");
    assert!(calls.is_empty(), "{calls}");
    assert!(run.said().contains("AWS_PROFILE") && run.said().contains("aws sso login"), "{run}");
    Ok(())
}

#[test]
fn credentials_that_are_no_longer_good() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let words = "The security token included in the request is expired";
    let rule = Rule::new(Fault::Error { status: 403, code: "ExpiredToken".into(), message: words.into() });
    stage.account.fault(&rule.for_ever())?;
    let (run, _) = stage.expect(1, APPLY)?;
    assert!(run.said().contains(words) && run.said().contains("aws sso login"), "{run}");
    Ok(())
}

/// A destroy waits for what drains.
#[test]
fn a_group_that_takes_its_time_to_go_is_waited_for() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.expect(0, APPLY)?;
    stage.account.scenario(&Scenario { delete_polls: Some(2), ..Scenario::default() })?;
    let (_, calls) = stage.expect(0, DESTROY)?;
    assert!(calls.polls() >= 3, "{calls}");
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

/// No write was answered, and some were done: "nothing was changed" would be a lie.
#[test]
fn writes_that_nobody_answered_may_have_been_done() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let before = stage.account.holdings()?;
    stage.account.fault(&Rule::new(Fault::DropAfter).writes().times(3))?;
    stage.account.fault(&Rule::new(Fault::DropBefore).writes().nth(4).for_ever())?;
    let (run, _) = stage.expect(5, APPLY)?;
    assert!(!run.said().contains("nothing was changed"), "{run}");
    assert!(run.stderr.contains("  may be done        Create") && !run.stderr.contains("  failed  "), "{run}");
    stage.account.clear_faults()?;
    assert_ne!(stage.account.holdings()?, before, "the faults have missed what this is about");
    stage.expect(0, APPLY)?;
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());
    Ok(())
}
