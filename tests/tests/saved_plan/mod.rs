//! Saved plans: what is in the file, and that exactly that is carried out, once. [`stale`]: every way in which it is not to be any more. [`shown`]: how it reads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod cases;
mod shown;
mod stale;

use std::fs;
use std::path::PathBuf;

use kaphost_tests::{Kind, Stage};
use serde_json::{Value, json};

const SAVE: &str = "plan cluster.kdl --policy org.wasm --out p.kapplan";
const APPLY_SAVED: &str = "apply p.kapplan";
const SECRET: &str = "hunter2-of-the-saved-plan";

fn stage() -> Stage {
    let mut stage = Stage::new().unwrap();
    stage.kaphost.write("boot.sh", &format!("#!/bin/sh\necho {SECRET}\n")).unwrap();
    stage.change(|config| config.more.push("user-data (file)\"boot.sh\"".to_owned())).unwrap();
    stage
}

fn file(stage: &Stage) -> PathBuf {
    stage.kaphost.folder().join("p.kapplan")
}

fn text(stage: &Stage) -> String {
    fs::read_to_string(file(stage)).unwrap()
}

fn saved(stage: &Stage, arguments: &str) -> Value {
    stage.expect(0, arguments).unwrap();
    serde_json::from_str(&text(stage)).unwrap()
}

#[test]
fn a_plan_is_saved_and_exactly_that_is_applied_once() {
    let stage = stage();
    let plan = saved(&stage, SAVE);
    assert_eq!(plan["schema"], "kaphost.saved-plan/1");
    assert_eq!((&plan["account"], &plan["cloud"]), (&json!(stage.account.id()), &json!("aws")));
    let cluster = &plan["clusters"][0];
    assert_eq!((&cluster["cluster"], &cluster["region"]), (&json!("kapacitor-stage"), &json!("us-east-1")));
    assert_eq!(cluster["values"]["tenancy"], "dedicated", "as the policies left it");
    assert_eq!(cluster["decision"]["verdict"], "admitted");
    assert_eq!(cluster["observed"], json!({}), "nothing was there");
    assert_eq!(cluster["user-data"]["source"], "cluster.kdl:13:15 (file)\"boot.sh\"");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(file(&stage)).unwrap().permissions()) & 0o777, 0o600);

    let planned: Vec<&str> = cluster["plan"]["steps"].as_array().unwrap().iter().map(|step| step["operation"].as_str().unwrap()).collect();
    let (run, calls) = stage.expect(0, APPLY_SAVED).unwrap();
    assert!(run.stdout.contains("Plan for kapacitor-stage") && run.stdout.contains("asg_name"), "nobody is asked: {run}");
    let mut made: Vec<&str> = calls.of(Kind::Write).iter().map(|call| call.action.as_str()).collect();
    let mut expected: Vec<&str> = planned.iter().copied().filter(|operation| !operation.starts_with("wait")).collect();
    made.sort_unstable();
    expected.sort_unstable();
    assert_eq!(made, expected, "{calls}");
    let first = calls.iter().next().unwrap();
    assert_eq!(first.action, "GetCallerIdentity", "whose account it is comes first:\n{calls}");
    // The server has the plan's number, and no difference comes of it.
    assert_eq!(mark(&stage).as_deref(), plan["id"].as_str());
    stage.expect(0, "plan cluster.kdl --policy org.wasm --detailed-exitcode").unwrap();

    let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    let id = plan["id"].as_str().unwrap();
    assert_eq!(
        run.reasons().unwrap(),
        [format!("plan-applied: `p.kapplan`: it was applied already: the Auto Scaling group kapacitor-stage carries kaphost:plan={id}")]
    );
    assert_eq!(calls.writes(), 0, "{calls}");
}

/// The number that the group carries.
fn mark(stage: &Stage) -> Option<String> {
    let answer = stage.account.aws("autoscaling", "describe_auto_scaling_groups", json!({})).unwrap();
    let tags = answer["AutoScalingGroups"][0]["Tags"].as_array().cloned().unwrap_or_default();
    tags.iter().find(|tag| tag["Key"] == "kaphost:plan").map(|tag| tag["Value"].as_str().unwrap().to_owned())
}

#[test]
fn a_plan_with_nothing_to_do_does_nothing_however_often() {
    let stage = stage();
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    let plan = saved(&stage, SAVE);
    assert_eq!(plan["clusters"][0]["plan"]["steps"], json!([]));
    for _ in 0..2 {
        let (run, calls) = stage.expect(0, APPLY_SAVED).unwrap();
        assert!(run.stdout.contains("No changes."), "{run}");
        assert_eq!(calls.writes(), 0, "{calls}");
    }
    assert_eq!(mark(&stage), None);
}

/// What a plan did was undone: AWS holds again what it held then. The number on the group still says that it was carried out.
#[test]
fn a_plan_whose_work_was_undone_is_not_applied_again() {
    let mut stage = stage();
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    let before = stage.config.clone();
    stage.change(|config| config.ssh.push(r#"cidr="172.16.0.0/12" description="plant""#.to_owned())).unwrap();
    let after = stage.config.clone();
    let plan = saved(&stage, SAVE);
    let (_, calls) = stage.expect(0, APPLY_SAVED).unwrap();
    let mut made: Vec<&str> = calls.of(Kind::Write).iter().map(|call| call.action.as_str()).collect();
    made.sort_unstable();
    assert_eq!(made, ["AuthorizeSecurityGroupIngress", "CreateOrUpdateTags"], "the number costs one call:\n{calls}");
    stage.change(|config| *config = before).unwrap();
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    stage.change(|config| *config = after).unwrap();
    assert_eq!(mark(&stage).as_deref(), plan["id"].as_str());
    let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert!(run.reasons().unwrap()[0].starts_with("plan-applied: "), "{run}");
    assert_eq!(calls.writes(), 0, "{calls}");
}

/// Another plan was applied and undone in between: its number is on the group by now, and that is a difference.
#[test]
fn a_plan_is_stale_once_another_one_was_applied() {
    let mut stage = stage();
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    let before = stage.config.clone();
    stage.change(|config| config.ssh.push(r#"cidr="172.16.0.0/12" description="plant""#.to_owned())).unwrap();
    let after = stage.config.clone();
    saved(&stage, SAVE);
    stage.expect(0, &SAVE.replace("p.kapplan", "q.kapplan")).unwrap();
    stage.expect(0, "apply q.kapplan").unwrap();
    stage.change(|config| *config = before).unwrap();
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    stage.change(|config| *config = after).unwrap();
    let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert_eq!(run.reasons().unwrap(), ["cloud-changed: `p.kapplan`: the Auto Scaling group kapacitor-stage is not what it was"]);
    assert_eq!(calls.writes(), 0, "{calls}");
}

/// All that it made was removed: no tag is left to say so, but AWS remembers what the group did.
#[test]
fn a_plan_that_made_everything_is_not_applied_again_when_all_was_removed() {
    for removed_before in [false, true] {
        let stage = stage();
        if removed_before {
            stage.expect(0, kaphost_tests::APPLY).unwrap();
            stage.expect(0, kaphost_tests::DESTROY).unwrap();
        }
        saved(&stage, SAVE);
        stage.expect(0, APPLY_SAVED).unwrap();
        stage.expect(0, kaphost_tests::DESTROY).unwrap();
        let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
        let turn = if removed_before { "is not what it was" } else { "was not there then" };
        assert_eq!(run.reasons().unwrap(), [format!("cloud-changed: `p.kapplan`: the last scaling activity of kapacitor-stage {turn}")]);
        assert_eq!(calls.writes(), 0, "{calls}");
    }
}
