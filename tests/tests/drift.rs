//! What runs, held against the policies: whatever the file says, `status` and `plan` name the policy and the rule that the live server breaks.

use kaphost_tests::{APPLY, Built, Failure, Stage};
use serde_json::{Value, json};

const STATUS: &str = "status cluster.kdl --policy org.wasm --detailed-exitcode";

fn breaks(stage: &Stage, code: i32, arguments: &str) -> Result<Value, Failure> {
    let (run, calls) = stage.expect(code, &format!("{arguments} --output json"))?;
    assert_eq!(calls.writes(), 0, "{calls}");
    let document: Value = serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("no JSON ({error}): {run}")))?;
    Ok(document["breaks"].clone())
}

/// Path, policy and rule of everything that is broken.
fn told(breaks: &Value) -> Vec<String> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let one = |one: &Value| format!("{} {}/{}", text(one, "path"), text(one, "policy"), text(one, "rule"));
    breaks["values"].as_array().into_iter().flatten().map(one).collect()
}

#[test]
fn a_door_that_somebody_opened_breaks_a_policy_although_it_is_not_ours() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.expect(0, APPLY)?;
    let sound = breaks(&stage, 0, STATUS)?;
    assert_eq!((told(&sound), &sound["not-asked"]), (vec![], &Value::Null), "{sound:#}");

    let (group, _) = stage.expect(0, "output cluster.kdl security_group_id")?;
    let open = json!({ "GroupId": group.stdout.trim(), "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 0, "ToPort": 1024, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }] });
    stage.account.aws("ec2", "authorize_security_group_ingress", open)?;
    let found = breaks(&stage, 2, STATUS)?;
    assert_eq!(told(&found), ["ssh.allow[\"0.0.0.0/0\"] org/no-world-ssh"], "{found:#}");
    let (run, _) = stage.expect(2, STATUS)?;
    for words in [
        "As it should be.",
        "not ours, and kept:",
        "What runs breaks policies:",
        "org/no-world-ssh (critical): SSH is open to the whole world",
    ] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
    // Nobody asked a policy: then nobody is told of any.
    let (run, _) = stage.expect(2, "status cluster.kdl --detailed-exitcode")?;
    assert!(!run.stdout.contains("breaks"), "{run}");
    Ok(())
}

/// A server from before the policy: what the policy would have made of it is what is broken, and `plan` says which rule its changes are for.
#[test]
fn a_server_from_before_the_policy_is_told_value_by_value() -> Result<(), Failure> {
    let stage = Stage::new()?;
    stage.expect(0, "apply cluster.kdl --auto-approve")?;
    let wanted = ["root-volume.encrypted org/encrypted-volumes", "tenancy org/dedicated-tenancy"];
    let found = breaks(&stage, 2, STATUS)?;
    assert_eq!(told(&found), wanted, "{found:#}");
    assert_eq!((&found["values"][1]["is"], &found["values"][1]["wanted"]), (&json!("default"), &json!("dedicated")), "{found:#}");
    assert_eq!(told(&breaks(&stage, 2, "plan cluster.kdl --policy org.wasm --detailed-exitcode")?), wanted);
    let (run, _) = stage.expect(2, STATUS)?;
    for words in ["tenancy", "default → dedicated", "tenancy is \"default\", and should be \"dedicated\"", "rollout.timeout"] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
    stage.expect(0, APPLY)?;
    assert_eq!(told(&breaks(&stage, 0, STATUS)?), [""; 0]);
    Ok(())
}

/// A policy that somebody attached to the exported role stays, and is judged.
#[test]
fn what_others_attached_to_the_role_is_judged() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let policy = Built::find()?.policy("iam-least-privilege")?;
    std::fs::copy(&policy, stage.kaphost.folder().join("iam.wasm"))
        .map_err(|error| Failure::new(format!("copying the policy: {error}")))?;
    stage.expect(0, APPLY)?;
    let attach = json!({ "RoleName": stage.config.global_name(), "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    stage.account.aws("iam", "attach_role_policy", attach)?;
    let found = breaks(&stage, 2, &format!("{STATUS} --policy iam.wasm"))?;
    assert!(told(&found).iter().any(|one| one.contains("AdministratorAccess") && one.contains("iam-least-privilege/")), "{found:#}");
    let (run, _) = stage.expect(2, &format!("{STATUS} --policy iam.wasm"))?;
    assert!(run.stdout.contains("AdministratorAccess") && run.stdout.contains("not ours, and kept:"), "{run}");
    Ok(())
}
