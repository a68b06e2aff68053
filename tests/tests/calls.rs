//! How often AWS is called, and how many calls wait for one another: counted in the emulator's log.

use std::time::Duration;

use kaphost_tests::{APPLY, CallLog, DESTROY, Failure, Kind, PLAN, Stage};

/// Slower than any call's work by far, so that calls that are sent side by side are seen side by side.
const LATENCY: Duration = Duration::from_millis(250);

fn actions(calls: &CallLog, kind: Kind) -> Vec<&str> {
    let mut actions: Vec<&str> = calls.of(kind).iter().map(|call| call.action.as_str()).collect();
    actions.sort_unstable();
    actions
}

#[test]
fn a_life_in_calls() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.account.rounds(LATENCY)?;

    // The questions that come before are counted beside it: `preflight.rs`.
    let (_, create) = stage.expect(0, &format!("{APPLY} --preflight never"))?;
    assert!(create.reads() <= 8, "{create}");
    assert_eq!(
        actions(&create, Kind::Write),
        [
            "AddRoleToInstanceProfile",
            "AuthorizeSecurityGroupIngress",
            "CreateAutoScalingGroup",
            "CreateInstanceProfile",
            "CreateLaunchTemplate",
            "CreateRole",
            "CreateSecurityGroup",
        ]
    );
    // The reads, what needs nothing, what needs that, and the group.
    assert_eq!(create.depth(), 4, "{create}");
    assert!(create.polls() <= 4, "an instance that is there at once is not asked for again and again:\n{create}");

    let (_, nothing) = stage.expect(0, APPLY)?;
    assert_eq!((nothing.writes(), nothing.polls(), nothing.depth()), (0, 0, 1), "{nothing}");
    assert!(nothing.reads() <= 7, "{nothing}");
    let (_, plan) = stage.expect(0, PLAN)?;
    assert_eq!(plan.actions().len(), nothing.actions().len(), "a plan reads what an apply reads:\n{plan}");

    stage.change(|config| *config = config.clone().with_ssh(&["10.0.0.0/8", "10.9.0.0/16", "192.168.0.0/16"]))?;
    let (_, more) = stage.expect(0, APPLY)?;
    assert_eq!(actions(&more, Kind::Write), ["AuthorizeSecurityGroupIngress"], "two networks more are one call:\n{more}");
    assert_eq!(more.depth(), 2, "{more}");
    stage.change(|config| *config = config.clone().with_ssh(&["10.0.0.0/8"]))?;
    let (_, fewer) = stage.expect(0, APPLY)?;
    assert_eq!(actions(&fewer, Kind::Write), ["RevokeSecurityGroupIngress"], "{fewer}");

    let (_, destroy) = stage.expect(0, DESTROY)?;
    assert_eq!(
        actions(&destroy, Kind::Write),
        [
            "DeleteAutoScalingGroup",
            "DeleteInstanceProfile",
            "DeleteLaunchTemplate",
            "DeleteRole",
            "DeleteSecurityGroup",
            "RemoveRoleFromInstanceProfile",
        ]
    );
    assert!(destroy.depth() <= 4, "read, the group, the role out of the profile, the rest:\n{destroy}");
    let (_, gone) = stage.expect(0, DESTROY)?;
    assert_eq!((gone.writes(), gone.depth()), (0, 1), "{gone}");
    Ok(())
}

#[test]
fn one_network_more_is_one_write() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    stage.change(|config| config.ssh.push("cidr=\"10.9.0.0/16\" description=\"VPN\"".to_owned()))?;
    let (run, calls) = stage.expect(0, APPLY)?;
    assert_eq!(actions(&calls, Kind::Write), ["AuthorizeSecurityGroupIngress"], "{calls}");
    assert!(run.stdout.contains("+ rule tcp 22 from 10.9.0.0/16"), "{run}");
    stage.expect(0, PLAN)?;
    Ok(())
}

/// What is known of an image is remembered: the second run of a home does not ask for it, another home's first run does.
#[test]
fn the_image_is_read_once() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let asked = |calls: &CallLog| calls.actions().iter().filter(|action| **action == "DescribeImages").count();
    let (_, first) = stage.expect(2, PLAN)?;
    let (_, second) = stage.expect(2, PLAN)?;
    assert_eq!((asked(&first), asked(&second)), (1, 0), "{first}\n{second}");
    let elsewhere = Stage::on(stage.account.clone())?;
    let (_, third) = elsewhere.expect(2, PLAN)?;
    assert_eq!(asked(&third), 1, "{third}");
    Ok(())
}

#[test]
fn what_needs_no_aws_calls_none() -> Result<(), Failure> {
    let stage = Stage::new()?;
    for (code, arguments) in [
        (0, "check cluster.kdl"),
        (0, "check cluster.kdl --policy org.wasm"),
        (0, "explain cluster.kdl tenancy --policy org.wasm"),
        (0, "--help"),
        (64, "apply"),
        (1, "apply absent.kdl --policy org.wasm --auto-approve"),
        (4, "apply cluster.kdl --policy cluster.kdl --auto-approve"),
    ] {
        let (_, calls) = stage.expect(code, arguments)?;
        assert!(calls.is_empty(), "{arguments}:\n{calls}");
    }
    Ok(())
}
