//! Saved plans: what is in the file, that exactly that is carried out, once; and every way in which it is not to be any more, each told by name, with nothing written to AWS.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::PathBuf;

use kaphost_tests::{Built, CallLog, Emulator, Kaphost, Kind, Run, Set, Stage, policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

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

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// `code: message` of each reason, and of what ended the run.
fn reasons(run: &Run) -> Vec<String> {
    let document = document(run);
    let shown = |problem: &Value| format!("{}: {}", problem["code"].as_str().unwrap(), problem["message"].as_str().unwrap());
    let list = |problems: &Value| problems.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>();
    [list(&document["reasons"]), list(&document["ended"]["problems"])].concat()
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
        reasons(&run),
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
    assert!(reasons(&run)[0].starts_with("plan-applied: "), "{run}");
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
    assert_eq!(reasons(&run), ["cloud-changed: `p.kapplan`: the Auto Scaling group kapacitor-stage is not what it was"]);
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
        assert_eq!(reasons(&run), [format!("cloud-changed: `p.kapplan`: the last scaling activity of kapacitor-stage {turn}")]);
        assert_eq!(calls.writes(), 0, "{calls}");
    }
}

/// One way to be stale, from the table below.
struct Case {
    what: &'static str,
    /// Arguments of the plan beside `SAVE`'s, and of the apply.
    plan: &'static str,
    apply: &'static str,
    /// Before the plan is saved.
    before: fn(&mut Stage),
    /// After it.
    after: fn(&mut Stage),
    /// How the reasons begin, in order.
    says: &'static [&'static str],
    /// Whether AWS is asked at all.
    asks: bool,
}

const CASE: Case = Case { what: "", plan: "", apply: "", before: |_| {}, after: |_| {}, says: &[], asks: false };

/// The file with a text in it replaced.
fn alter(stage: &Stage, from: &str, to: &str) {
    let text = text(stage);
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(file(stage), text.replacen(from, to, 1)).unwrap();
}

/// The same, by somebody who knows how the digest is made.
fn forge(stage: &Stage, from: &str, to: &str) {
    alter(stage, from, to);
    let text = text(stage);
    let mut value: Value = serde_json::from_str(&text).unwrap();
    let old = value["sha256"].as_str().unwrap().to_owned();
    value.as_object_mut().unwrap().remove("sha256");
    let digest: String = Sha256::digest(canonical(&value)).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(file(stage), text.replace(&old, &digest)).unwrap();
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<String> = members.iter().map(|(name, value)| format!("{}:{}", json!(name), canonical(value))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        simple => simple.to_string(),
    }
}

fn member(stage: &Stage, name: &str) -> String {
    let value: Value = serde_json::from_str(&text(stage)).unwrap();
    value[name].as_str().unwrap().to_owned()
}

fn set_time(stage: &Stage, created: &str, expires: &str) {
    let (old_created, old_expires) = (member(stage, "created"), member(stage, "expires"));
    alter(stage, &format!("\"created\": \"{old_created}\""), &format!("\"created\": \"{created}\""));
    forge(stage, &format!("\"expires\": \"{old_expires}\""), &format!("\"expires\": \"{expires}\""));
}

fn applied(stage: &mut Stage) {
    stage.expect(0, kaphost_tests::APPLY).unwrap();
    stage.change(|config| config.ssh.push(r#"cidr="172.16.0.0/12" description="plant""#.to_owned())).unwrap();
}

fn security_group(stage: &Stage) -> String {
    let answer = stage.account.aws(
        "ec2",
        "describe_security_groups",
        json!({ "Filters": [{ "Name": "group-name", "Values": ["kapacitor-stage"] }] }),
    );
    answer.unwrap()["SecurityGroups"][0]["GroupId"].as_str().unwrap().to_owned()
}

fn aws(stage: &Stage, service: &str, operation: &str, arguments: Value) {
    stage.account.aws(service, operation, arguments).unwrap();
}

/// Needs the account and the image, and is content with whatever they are.
const CONTENT: &str = r#"
(func $describe (result i32)
  (local $at i32)
  (local.set $at (call $described (@text "content") (@text "1.0.0") (@text "Needs facts.") (@text "r") (@text "It holds.")))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.needs))) (@text "\01"))
  (local.get $at))
"#;

fn content(stage: &mut Stage) {
    fs::write(stage.kaphost.folder().join("content.wasm"), policy(CONTENT).unwrap()).unwrap();
}

/// A set whose waiver the config needs, which is over by now and was not when the plan was made.
fn waived(stage: &mut Stage) {
    let waiver = r#"waiver policy="restrict-ssh" rule="no-world-ssh" cluster="kapacitor-stage" {
    owner "ops@example.com"
    ticket "SEC-1"
    reason "until the move"
    expires "2020-01-31T00:00:00Z"
}"#;
    let set = Set::at(stage.kaphost.folder().join("sets/org.kdl"));
    set.with_built("restrict-ssh", "mandatory", &[]).unwrap().and(waiver).write().unwrap();
    stage.change(|config| config.ssh = vec![r#"cidr="0.0.0.0/0" description="everybody""#.to_owned()]).unwrap();
}

const CASES: &[Case] = &[
    // ── the file ──
    Case {
        what: "a letter",
        after: |it| alter(it, "\"dedicated\"", "\"dedicatee\""),
        says: &["plan-altered: `p.kapplan`: it is not what was written: its digest is another"],
        ..CASE
    },
    Case {
        what: "the first byte",
        after: |it| alter(it, "{", "["),
        says: &["plan-altered: `p.kapplan`: it is not what was written: line "],
        ..CASE
    },
    Case { what: "the digest", after: |it| alter(it, "\n  \"sha256\": \"", "\n  \"sha256\": \"0"), says: &["plan-altered: "], ..CASE },
    Case {
        what: "white space",
        after: |it| alter(it, "\n  \"salt\"", "\n   \"salt\""),
        says: &["plan-altered: `p.kapplan`: it is not what was written: line 4 was altered"],
        ..CASE
    },
    Case { what: "its end", after: |it| fs::write(file(it), &text(it)[..text(it).len() / 2]).unwrap(), says: &["plan-altered: "], ..CASE },
    Case {
        what: "no text",
        after: |it| fs::write(file(it), [text(it).as_bytes(), b"\xff"].concat()).unwrap(),
        says: &["plan-altered: "],
        ..CASE
    },
    Case {
        what: "another layout",
        after: |it| alter(it, "saved-plan/1", "saved-plan/2"),
        says: &["other-layout: `p.kapplan`: it has the layout \"kaphost.saved-plan/2\""],
        ..CASE
    },
    // ── its time ──
    Case {
        what: "expired",
        after: |it| set_time(it, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        says: &["plan-expired: `p.kapplan`: it was good until 2020-01-02T00:00:00Z, and it is 2"],
        ..CASE
    },
    Case {
        what: "from the future",
        after: |it| set_time(it, "2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z"),
        says: &["plan-not-yet: `p.kapplan`: it was made at 2999-01-01T00:00:00Z"],
        ..CASE
    },
    Case {
        what: "good for ever",
        after: |it| set_time(it, "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
        says: &["plan-good-too-long: "],
        ..CASE
    },
    // ── what it was made by and for ──
    Case {
        what: "another kaphost",
        after: |it| forge(it, "\"kaphost\": \"", "\"kaphost\": \"9"),
        says: &["other-engine: `p.kapplan`: it was made by kaphost 9"],
        ..CASE
    },
    Case {
        what: "another cloud",
        apply: "--cloud lab:lab.json",
        says: &["other-cloud: `p.kapplan`: it is for the cloud `aws`, and this is `lab`"],
        ..CASE
    },
    Case {
        what: "another account",
        after: |it| forge(it, &format!("\"account\": \"{}\"", it.account.id()), "\"account\": \"999999999999\""),
        says: &["other-account: `p.kapplan`: it is for the account 999999999999, and these credentials are of "],
        asks: true,
        ..CASE
    },
    // ── the config ──
    Case {
        what: "the config",
        after: |it| it.change(|config| config.instance_type = "t3.large".to_owned()).unwrap(),
        says: &["config-changed: `p.kapplan`: the config `cluster.kdl` is not what it was"],
        ..CASE
    },
    Case {
        what: "a comment in the config",
        after: |it| {
            let text = it.config.to_string();
            it.kaphost.write("cluster.kdl", &format!("// nothing\n{text}")).unwrap();
        },
        says: &["config-changed: "],
        ..CASE
    },
    Case {
        what: "no config",
        after: |it| fs::remove_file(it.kaphost.folder().join("cluster.kdl")).unwrap(),
        says: &["config-changed: `p.kapplan`: the config `cluster.kdl` is gone"],
        ..CASE
    },
    Case {
        what: "the user data's file",
        after: |it| drop(it.kaphost.write("boot.sh", "echo hunter3\n").unwrap()),
        says: &["config-file-changed: `p.kapplan`: the file `boot.sh`, which the config takes a value from, is not what it was"],
        ..CASE
    },
    Case {
        what: "no user data's file",
        after: |it| fs::remove_file(it.kaphost.folder().join("boot.sh")).unwrap(),
        says: &["config-file-changed: `p.kapplan`: the file `boot.sh`, which the config takes a value from, is gone"],
        ..CASE
    },
    Case {
        what: "a value",
        after: |it| forge(it, "\"instance-type\": \"t3.small\"", "\"instance-type\": \"t3.large\""),
        says: &["plan-differs: `p.kapplan`: what would be done now is not what it says: `instance-type` of kapacitor-stage is another"],
        asks: true,
        ..CASE
    },
    // ── the policies ──
    Case {
        what: "a module",
        after: |it| {
            let file = it.kaphost.folder().join("org.wasm");
            let mut bytes = fs::read(&file).unwrap();
            bytes.extend(b"\0\x02\x01a");
            fs::write(&file, bytes).unwrap();
        },
        says: &["policy-changed: `p.kapplan`: the policy `org.wasm` is not what it was"],
        ..CASE
    },
    Case {
        what: "no module",
        after: |it| fs::remove_file(it.kaphost.folder().join("org.wasm")).unwrap(),
        says: &["policy-changed: `p.kapplan`: the policy `org.wasm` is gone"],
        ..CASE
    },
    Case {
        what: "a set",
        plan: "--policy sets/org.kdl --now 2020-01-15T00:00:00Z",
        before: waived,
        after: |it| drop(it.kaphost.write("sets/org.kdl", "waivers max-days=30\n").unwrap()),
        says: &["policy-changed: `p.kapplan`: the policy set `sets/org.kdl` is not what it was"],
        ..CASE
    },
    Case {
        what: "a module of a set",
        plan: "--policy sets/org.kdl --now 2020-01-15T00:00:00Z",
        before: waived,
        after: |it| drop(it.kaphost.write("sets/restrict-ssh.wasm", "no").unwrap()),
        says: &["digest"],
        ..CASE
    },
    Case {
        what: "a waiver whose time is over",
        plan: "--policy sets/org.kdl --now 2020-01-15T00:00:00Z",
        before: waived,
        says: &["waiver-changed: `p.kapplan`: the waiver of restrict-ssh/no-world-ssh was used, and is expired", "denied: "],
        asks: true,
        ..CASE
    },
    Case {
        what: "the decision",
        after: |it| forge(it, "\"verdict\": \"admitted\"", "\"verdict\": \"denied\""),
        says: &["decision-changed: `p.kapplan`: the policies decide otherwise on the same cluster: `verdict` is not what it was"],
        asks: true,
        ..CASE
    },
    Case {
        what: "what policies are not told any more",
        plan: "--policy content.wasm",
        before: content,
        after: |it| forge(it, "\"owner\": \"", "\"owner\": \"9"),
        says: &["fact-changed: `p.kapplan`: the policies were told that `ami.owner` is \"9"],
        asks: true,
        ..CASE
    },
    // ── what AWS holds ──
    Case {
        what: "a rule of somebody's",
        before: applied,
        after: |it| {
            let rule = json!({ "IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{ "CidrIp": "10.0.0.0/8" }] });
            aws(it, "ec2", "authorize_security_group_ingress", json!({ "GroupId": security_group(it), "IpPermissions": [rule] }));
        },
        says: &["cloud-changed: `p.kapplan`: the security group sg-"],
        asks: true,
        ..CASE
    },
    Case {
        what: "a tag",
        before: applied,
        after: |it| aws(it, "iam", "tag_role", json!({ "RoleName": it.config.global_name(), "Tags": [{ "Key": "by", "Value": "hand" }] })),
        says: &["cloud-changed: `p.kapplan`: the IAM role kapacitor-stage-us-east-1 is not what it was"],
        asks: true,
        ..CASE
    },
    Case {
        what: "a version of the template",
        before: applied,
        after: |it| {
            let data = json!({ "LaunchTemplateName": "kapacitor-stage", "SourceVersion": "1", "LaunchTemplateData": { "InstanceType": "t3.nano" } });
            aws(it, "ec2", "create_launch_template_version", data);
        },
        says: &["cloud-changed: `p.kapplan`: the launch template kapacitor-stage is not what it was"],
        asks: true,
        ..CASE
    },
    Case {
        what: "the group's settings",
        before: applied,
        after: |it| {
            aws(
                it,
                "autoscaling",
                "update_auto_scaling_group",
                json!({ "AutoScalingGroupName": "kapacitor-stage", "HealthCheckGracePeriod": 60 }),
            )
        },
        says: &["cloud-changed: `p.kapplan`: the Auto Scaling group kapacitor-stage is not what it was"],
        asks: true,
        ..CASE
    },
    Case {
        what: "no profile's role",
        before: applied,
        after: |it| {
            let name = it.config.global_name();
            aws(it, "iam", "remove_role_from_instance_profile", json!({ "InstanceProfileName": name, "RoleName": name }));
        },
        says: &["cloud-changed: `p.kapplan`: the instance profile kapacitor-stage-us-east-1 is not what it was"],
        asks: true,
        ..CASE
    },
    Case {
        what: "the same name by somebody else",
        after: |it| {
            let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
            aws(it, "iam", "create_role", json!({ "RoleName": it.config.global_name(), "AssumeRolePolicyDocument": trust }));
        },
        says: &["not-ours: "],
        asks: true,
        ..CASE
    },
    Case {
        what: "somebody's apply",
        after: |it| drop(it.expect(0, kaphost_tests::APPLY).unwrap()),
        says: &[
            "cloud-changed: `p.kapplan`: the Auto Scaling group kapacitor-stage was not there then",
            "cloud-changed: ",
            "cloud-changed: ",
            "cloud-changed: ",
            "cloud-changed: ",
        ],
        asks: true,
        ..CASE
    },
    Case {
        what: "everything was removed",
        before: applied,
        after: |it| drop(it.expect(0, kaphost_tests::DESTROY).unwrap()),
        says: &[
            "cloud-changed: `p.kapplan`: the Auto Scaling group kapacitor-stage is gone",
            "cloud-changed: `p.kapplan`: the last scaling activity of kapacitor-stage was not there then",
            "cloud-changed: ",
            "cloud-changed: ",
            "cloud-changed: ",
            "cloud-changed: ",
        ],
        asks: true,
        ..CASE
    },
    // ── the steps, by somebody who knows how the digest is made ──
    Case {
        what: "a step that is another",
        after: |it| forge(it, "\"vpc\": \"vpc-", "\"vpc\": \"vpc-0"),
        says: &["plan-differs: `p.kapplan`: what would be done now is not what it says: `steps` of kapacitor-stage is another"],
        asks: true,
        ..CASE
    },
    Case {
        what: "what it says it observed",
        after: |it| forge(it, "\"observed\": {}", "\"observed\": {\n        \"IAM role x\": \"\"\n      }"),
        says: &["cloud-changed: `p.kapplan`: the IAM role x is gone"],
        asks: true,
        ..CASE
    },
    // ── by whom ──
    Case {
        what: "nobody's signature",
        apply: "--require-signature public.pem",
        after: |it| drop(it.kaphost.write("public.pem", PUBLIC).unwrap()),
        says: &["unsigned: `p.kapplan` is not signed: there is no `p.kapplan.sig`"],
        ..CASE
    },
];

/// RFC 8410, section 10.1.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

fn held(case: &Case) -> (Stage, Run, CallLog) {
    let mut stage = stage();
    (case.before)(&mut stage);
    let save = if case.plan.is_empty() { SAVE.to_owned() } else { format!("plan cluster.kdl {} --out p.kapplan", case.plan) };
    stage.expect(0, &save).unwrap_or_else(|error| panic!("{}: {error}", case.what));
    (case.after)(&mut stage);
    let before = stage.account.holdings().unwrap();
    let arguments = format!("{APPLY_SAVED} {}", case.apply);
    let (run, calls) = stage.expect(6, &format!("{arguments} --output json")).unwrap_or_else(|error| panic!("{}: {error}", case.what));
    // What people are told costs nothing where AWS is not asked.
    if !case.asks {
        let people = stage.run(&arguments).unwrap();
        assert_eq!(people.code, Some(6), "{}: {people}", case.what);
        assert!(people.stdout.is_empty() && people.stderr.contains("cannot be relied on"), "{}: {people}", case.what);
    }
    assert_eq!(stage.account.holdings().unwrap(), before, "{}", case.what);
    (stage, run, calls)
}

#[test]
fn every_way_to_be_stale_is_told_by_name_and_writes_nothing() {
    assert!(CASES.len() >= 12);
    for case in CASES {
        let (_, run, calls) = held(case);
        let what = case.what;
        assert_eq!(calls.writes(), 0, "{what}:\n{calls}");
        assert_eq!(!calls.is_empty(), case.asks, "{what}:\n{calls}");
        let found = reasons(&run);
        for said in case.says {
            assert!(
                found.iter().any(|reason| reason.starts_with(said) || (!said.contains(':') && reason.contains(said))),
                "{what}: no {said:?} in {found:#?}"
            );
        }
        assert!(found.len() == case.says.len() || case.says == ["digest"], "{what}: {found:#?}");
        assert!(!format!("{run}").contains(SECRET), "{what}: {run}");
    }
}

/// Other credentials, and nothing else is other.
#[test]
fn a_plan_for_another_account_is_refused_before_anything_else_is_asked() {
    let stage = stage();
    saved(&stage, SAVE);
    let other = Emulator::shared().unwrap().account();
    other.clear_calls().unwrap();
    let mut command = stage.kaphost.command();
    command.args(["apply", "p.kapplan", "--output", "json"]).env("AWS_ACCESS_KEY_ID", other.access_key());
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(6), "{run}");
    let (then, now) = (stage.account.id(), other.id());
    assert_eq!(reasons(&run), [format!("other-account: `p.kapplan`: it is for the account {then}, and these credentials are of {now}")]);
    let calls = other.calls().unwrap();
    assert_eq!(calls.iter().map(|call| call.action.as_str()).collect::<Vec<_>>(), ["GetCallerIdentity"], "{calls}");
}

#[test]
fn a_variable_that_holds_something_else_is_named_and_not_shown() {
    let mut stage = stage();
    stage.change(|config| config.more.push("tag \"Cost\" (env)\"COST\"".to_owned())).unwrap();
    let run = |arguments: &str, value: &str| {
        let mut command = stage.kaphost.command();
        command.args(arguments.split(' ')).env("COST", value);
        Run::of(&mut command).unwrap()
    };
    assert_eq!(run(SAVE, "4711").code, Some(0));
    let stale = run(&format!("{APPLY_SAVED} --output json"), "0815");
    assert_eq!(stale.code, Some(6), "{stale}");
    assert_eq!(
        reasons(&stale),
        ["variable-changed: `p.kapplan`: of the variables that the config takes values from (`COST`) one or more hold something else"]
    );
    assert!(!stale.to_string().contains("0815"), "{stale}");
    assert_eq!(run(APPLY_SAVED, "4711").code, Some(0));
}

/// What the machine and the environment name holds, too, and must be what held then.
#[test]
fn a_policy_that_came_or_went_is_named() {
    let stage = stage();
    saved(&stage, SAVE);
    Set::at(stage.kaphost.folder().join("more/set.kdl")).with_built("imdsv2", "mandatory", &[]).unwrap().write().unwrap();
    let run = |variable: &str, value: &str| {
        let mut command = stage.kaphost.command();
        command.args(["apply", "p.kapplan", "--output", "json"]).env(variable, value);
        let (run, calls) = stage.account.record(|| Run::of(&mut command)).unwrap();
        assert_eq!(calls.len(), 0, "{run}");
        assert_eq!(run.code, Some(6), "{run}");
        reasons(&run)
    };
    let came = "policy-changed: `p.kapplan`: the policy `more/set.kdl` was not there then";
    assert_eq!(run("KAPHOST_POLICY", "more/set.kdl"), [came]);
    assert_eq!(run("KAPHOST_SYSTEM_POLICY", "more/set.kdl"), [came]);
    // And the other way round.
    let mut command = stage.kaphost.command();
    command.args(SAVE.split(' ')).env("KAPHOST_SYSTEM_POLICY", "more/set.kdl");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(0));
    let (gone, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert_eq!(reasons(&gone), ["policy-changed: `p.kapplan`: the policy `more/set.kdl` is gone"]);
    assert_eq!(calls.len(), 0, "{calls}");
}

/// A search leads to a newer image by now.
#[test]
fn another_image_is_another_plan() {
    let stage = stage();
    let image = &stage.seed.images[0];
    let (id, name) = (image.id.clone(), format!("kapacitor-{}", stage.account.id()));
    let copy = |name: &str| aws(&stage, "ec2", "copy_image", json!({ "SourceImageId": id, "SourceRegion": "us-east-1", "Name": name }));
    copy(&format!("{name}-1"));
    let lookup = format!("    ami owner=\"self\" name=\"{name}-*\"\n");
    let text: String = stage.config.to_string().lines().filter(|line| !line.contains("ami \"")).map(|line| format!("{line}\n")).collect();
    stage.kaphost.write("cluster.kdl", &text.replacen("{\n", &format!("{{\n{lookup}"), 1)).unwrap();
    stage.expect(0, SAVE).unwrap();
    copy(&format!("{name}-2"));
    let (run, calls) = stage.expect(6, &format!("{APPLY_SAVED} --output json")).unwrap();
    assert!(reasons(&run)[0].starts_with("image-changed: `p.kapplan`: `ami` led to ami-"), "{run}");
    assert_eq!(calls.writes(), 0, "{calls}");
}

#[test]
fn a_saved_plan_reads_well() {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", SMALL).unwrap();
    fs::copy(Built::find().unwrap().policy("org").unwrap(), kaphost.folder().join("org.wasm")).unwrap();
    let run = |arguments: &str| {
        let run = kaphost.run_narrow(arguments).unwrap();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
    };
    let planned = run("plan cluster.kdl --policy org.wasm --cloud lab:lab.json --out p.kapplan");
    assert!(planned.contains("\nSaved in p.kapplan, good until 2"), "{planned}");
    insta::assert_snapshot!("show", masked(&run("show p.kapplan")));
    insta::assert_snapshot!("show_json", masked(&run("show p.kapplan --output json")));
    let applied = run("apply p.kapplan --cloud lab:lab.json");
    assert!(applied.contains("asg_name"), "{applied}");
}

const SMALL: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    user-data "echo hunter2"
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}
"#;

/// Numbers drawn at random, digests that differ between compilers, and times.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let hex = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let time = word.len() >= 20 && word.starts_with("20") && word.ends_with('Z');
        out.push_str(if hex {
            "[hex]"
        } else if time {
            "[time]"
        } else {
            word
        });
        word.clear();
    };
    for c in text.chars() {
        // A time holds hyphens and colons; ids and digests do not.
        let joins = c.is_ascii_alphanumeric() || (matches!(c, '-' | ':' | '.') && word.starts_with("20"));
        if joins {
            word.push(c);
        } else {
            end(&mut word, &mut out);
            out.push(c);
        }
    }
    end(&mut word, &mut out);
    out
}

#[test]
fn flags_that_would_change_what_was_planned_are_not_taken() {
    let stage = stage();
    saved(&stage, SAVE);
    for flag in ["--policy org.wasm", "--set narrow=true", "--cancel-refresh", "--facts facts.json", "--cluster kapacitor-stage"] {
        let (run, calls) = stage.expect(64, &format!("{APPLY_SAVED} {flag}")).unwrap();
        assert!(run.said().contains("saved plan"), "{run}");
        assert_eq!(calls.len(), 0, "{calls}");
    }
    let (run, _) = stage.expect(6, "apply cluster.kdl --require-signature public.pem").unwrap();
    assert!(run.said().contains("is no saved plan, and nothing else can be signed"), "{run}");
    let (run, _) = stage.expect(64, "plan cluster.kdl --policy org.wasm --sign key.pem").unwrap();
    assert!(run.said().contains("--out or --record"), "{run}");
}

#[test]
fn a_plan_that_cannot_be_written_is_an_error() {
    let stage = stage();
    let (run, _) = stage.expect(1, &SAVE.replace("p.kapplan", "no/such/p.kapplan")).unwrap();
    assert!(run.stderr.contains("unwritable\n"), "{run}");
    let (run, _) = stage.expect(1, "show nothing.kapplan").unwrap();
    assert!(run.stderr.contains("the saved plan `nothing.kapplan` does not exist"), "{run}");
    let (run, _) = stage.expect(64, &format!("{SAVE} --expires-in 8d")).unwrap();
    assert!(run.stderr.contains("7 days at most"), "{run}");
}
