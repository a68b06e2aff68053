//! What a plan takes for granted is asked before anything is changed: all that AWS would refuse is said at once, and nothing is half-made.

use std::time::Duration;

use kaphost_tests::{APPLY, CallLog, Failure, Kind, PLAN, Stage};
use serde_json::{Value, json};

/// Slower than any call's work by far, so that calls that are sent side by side are seen side by side.
const LATENCY: Duration = Duration::from_millis(250);

/// What is asked of the world before the server of the stage is made.
const QUESTIONS: [&str; 6] = [
    "DescribeAccountLimits",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeKeyPairs",
    "DescribeSubnets",
    "GetAccountSummary",
];

fn asked(calls: &CallLog) -> Vec<&str> {
    let mut asked: Vec<&str> = calls.actions().into_iter().filter(|action| QUESTIONS.contains(action)).collect();
    asked.sort_unstable();
    asked
}

fn codes(document: &Value) -> Vec<&str> {
    let mut codes: Vec<&str> = document["problems"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect();
    codes.sort_unstable();
    codes
}

fn document(stage: &Stage, code: i32, arguments: &str) -> Result<Value, Failure> {
    let (run, calls) = stage.expect(code, &format!("{arguments} --output json"))?;
    assert_eq!(calls.writes(), 0, "{calls}");
    serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("no JSON ({error}): {run}")))
}

/// A create takes 8 reads, 7 writes and a depth of 4 (`calls.rs`). What its preflight costs beside that stands here: six reads, all at once.
#[test]
fn questions_are_one_round_and_only_where_something_is_made() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.account.rounds(LATENCY)?;
    let (_, plan) = stage.expect(2, PLAN)?;
    assert_eq!((asked(&plan), plan.reads(), plan.depth()), (QUESTIONS.to_vec(), 8 + 6, 2), "{plan}");
    let (_, skipped) = stage.expect(2, &format!("{PLAN} --preflight never"))?;
    assert_eq!((asked(&skipped), skipped.reads(), skipped.depth()), (vec![], 7, 1), "{skipped}");
    // Nobody reads this plan, and it is asked about all the same, before the first write.
    let (_, create) = stage.expect(0, APPLY)?;
    assert_eq!((asked(&create), create.reads(), create.writes(), create.depth()), (QUESTIONS.to_vec(), 7 + 6, 7, 5), "{create}");
    let last = |kind: Kind| create.of(kind).iter().map(|call| call.sequence).max();
    let first = create.of(Kind::Write).iter().map(|call| call.sequence).min();
    assert!(last(Kind::Read) < first, "{create}");
    let (_, nothing) = stage.expect(0, APPLY)?;
    assert_eq!((nothing.reads(), nothing.depth()), (7, 1), "{nothing}");
    Ok(())
}

#[test]
fn what_is_not_changed_is_not_asked() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    // A rule asks for the group that it names, and for nothing else.
    stage.change(|config| config.ssh.push("security-group=\"sg-0123456789abcdef0\"".to_owned()))?;
    let found = document(&stage, 1, PLAN)?;
    assert_eq!((codes(&found), &found["problems"][0]["line"]), (vec!["peer-missing"], &json!(9)), "{found:#}");
    Ok(())
}

#[test]
fn everything_that_is_not_there_is_said_at_once_and_at_its_line() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    let before = stage.account.holdings()?;
    let other = stage.account.aws("ec2", "create_subnet", json!({ "VpcId": stage.seed.other_vpc, "CidrBlock": "10.99.1.0/24" }))?;
    let other = other["Subnet"]["SubnetId"].as_str().unwrap_or_default().to_owned();
    stage.change(|config| {
        config.instance_type = "t4g.small".to_owned();
        config.key = Some("nobodys".to_owned());
        config.subnets = vec![config.subnets[0].clone(), "subnet-0123456789abcdef0".to_owned(), other];
        config.ssh.push("security-group=\"sg-0123456789abcdef0\"".to_owned());
    })?;
    let all = ["key-missing", "other-architecture", "peer-missing", "subnet-elsewhere", "subnet-missing"];
    let found = document(&stage, 1, PLAN)?;
    assert_eq!(codes(&found), all, "{found:#}");
    let located = |one: &Value| one["file"] == "cluster.kdl" && one["line"].is_u64() && one["help"].is_string();
    assert!(found["problems"].as_array().is_some_and(|all| all.iter().all(located)), "{found:#}");
    assert_eq!(codes(&document(&stage, 1, APPLY)?), all);
    // What needs no question is found all the same.
    assert_eq!(codes(&document(&stage, 1, &format!("{APPLY} --preflight never"))?), ["other-architecture"]);

    stage.change(|config| config.instance_type = "t3.nonsense".to_owned())?;
    assert!(codes(&document(&stage, 1, PLAN)?).contains(&"no-instance-type"));
    assert_eq!(stage.account.holdings()?, before);
    Ok(())
}

#[test]
fn one_zone_and_what_cannot_be_asked_are_warnings() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.subnets.truncate(1))?;
    stage
        .account
        .fault(&kaphost_tests::Rule::refuse("UnauthorizedOperation", "You are not authorized").action("DescribeKeyPairs").for_ever())?;
    let found = document(&stage, 2, PLAN)?;
    let warnings: Vec<&Value> = found["warnings"].as_array().into_iter().flatten().map(|one| &one["code"]).collect();
    assert_eq!(warnings, ["one-zone", "not-checked"], "{found:#}");
    let (run, _) = stage.expect(2, PLAN)?;
    for words in ["every subnet is in us-east-1", "the key pair could not be checked: DescribeKeyPairs: UnauthorizedOperation"] {
        assert!(run.said().contains(words), "{words}: {run}");
    }
    Ok(())
}

/// The lab answers the same questions, and its file may say otherwise.
#[test]
fn the_lab_can_lack_things_too() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let region = json!({
        "key-pairs": { "ops": false },
        "instance-types": { "t3.small": { "zones": ["us-east-1f"] } },
        "subnets": { (stage.config.subnets[0].as_str()): { "vpc": "vpc-0fffffff" } },
    });
    stage.kaphost.write("lab.json", &json!({ "kaphost-lab": 1, "regions": { "us-east-1": region } }).to_string())?;
    let found = document(&stage, 1, &format!("{PLAN} --cloud lab:lab.json"))?;
    assert_eq!(codes(&found), ["key-missing", "not-offered", "subnet-elsewhere"], "{found:#}");
    assert!(stage.account.calls()?.of(Kind::Read).is_empty());
    Ok(())
}
