//! The ways to be stale, as a table: what is done to the file or to the world, and what is said of it.

use std::fs;

use kaphost_tests::{Fact, Set, Stage, content_with};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{file, text};

/// One way to be stale, from the table below.
pub(super) struct Case {
    pub(super) what: &'static str,
    /// Arguments of the plan beside `SAVE`'s, and of the apply.
    pub(super) plan: &'static str,
    pub(super) apply: &'static str,
    /// Before the plan is saved.
    pub(super) before: fn(&mut Stage),
    /// After it.
    pub(super) after: fn(&mut Stage),
    /// How the reasons begin, in order.
    pub(super) says: &'static [&'static str],
    /// Whether AWS is asked at all.
    pub(super) asks: bool,
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

pub(super) fn aws(stage: &Stage, service: &str, operation: &str, arguments: Value) {
    stage.account.aws(service, operation, arguments).unwrap();
}

/// A policy that needs to know the image, and is content with whatever it is.
fn content(stage: &mut Stage) {
    fs::write(stage.kaphost.folder().join("content.wasm"), content_with("content", &[Fact::Ami]).unwrap()).unwrap();
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

pub(super) const CASES: &[Case] = &[
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
