//! The IAM document of a plan is enough, and nothing is spare: each permission that the run's calls ask for is in it, and each that is in it is asked for.
//! The emulator's log is the witness.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;
use std::fs;

use kaphost_tests::{APPLY, Call, DESTROY, Estate, Fact, Fault, Kind, Policy, Rule, Stage, content_with};
use serde_json::{Value, json};

const DOCUMENT: &str = "plan cluster.kdl --policy org.wasm --iam-policy";

/// What AWS asks for within another call. No call of its own shows it in a log: the reason is why it is in the document all the same.
const WITHIN: &[(&str, &str)] = &[
    ("ec2:CreateTags", "everything is made with its tags in the same call, a server at its launch too"),
    ("iam:TagRole", "the role is made with its tags"),
    ("iam:TagInstanceProfile", "the profile is made with its tags"),
    ("ec2:RunInstances", "Auto Scaling tries in the caller's name whether a server could start"),
    ("iam:PassRole", "the role goes into a profile, and with that to servers"),
    ("iam:CreateServiceLinkedRole", "the first group of an account makes the role by which Auto Scaling works"),
];

/// What needs no permission, and what no policy could forbid.
const FREE: &[&str] = &["sts:GetCallerIdentity"];

/// Holds a document to calls.
fn enough<'a>(policy: &mut Policy, calls: impl IntoIterator<Item = &'a Call>, estate: &Estate, document: &str) {
    for call in calls {
        if FREE.contains(&format!("{}:{}", call.service, call.action).as_str()) {
            continue;
        }
        for asked in estate.asked(call).unwrap() {
            assert!(policy.allows(&asked, estate), "not allowed: {asked:#?}\n{call:#?}\n{document}");
            assert!(asked.within.is_none() || WITHIN.iter().any(|(action, _)| *action == asked.action), "{asked:?} has no reason");
        }
    }
}

/// Runs a step of a cluster's life by the document that was printed for it, and holds one to the other.
fn lives(stage: &Stage, print: &str, carry_out: &str) {
    // What is remembered of images is not read: as on a machine that sees the cluster for the first time.
    let _ = fs::remove_dir_all(stage.kaphost.home().join(".cache"));
    let before = Estate::of(&stage.account).unwrap();
    let (document, planned) = stage.expect(0, print).unwrap();
    assert_eq!(planned.writes(), 0, "{planned}");
    let (_, applied) = stage.expect(0, carry_out).unwrap();
    let calls: Vec<&Call> = planned.iter().chain(applied.iter()).collect();
    let mut policy = Policy::parse(&document.stdout).unwrap();
    // What was not there when it was looked for is asked for by its name alone.
    enough(&mut policy, calls.iter().copied().filter(|call| call.kind == Kind::Read), &before, &document.stdout);
    let estate = before.and(Estate::of(&stage.account).unwrap());
    enough(&mut policy, calls, &estate, &document.stdout);
    assert_eq!(policy.spare(), [""; 0], "{}", document.stdout);
}

#[test]
fn the_document_of_each_plan_of_a_clusters_life_is_exact() {
    let mut stage = Stage::new().unwrap();
    lives(&stage, DOCUMENT, APPLY);
    // Nothing to do: reads and no writes.
    lives(&stage, DOCUMENT, APPLY);
    stage.change(|config| config.ssh.push(r#"cidr="192.168.7.0/24" description="vpn""#.to_owned())).unwrap();
    lives(&stage, DOCUMENT, APPLY);
    // Another rule in the place of one, and a new version with its rollout.
    stage
        .change(|config| {
            config.ssh[1] = r#"cidr="192.168.9.0/24" description="vpn""#.to_owned();
            config.instance_type = "t3.medium".to_owned();
        })
        .unwrap();
    lives(&stage, DOCUMENT, APPLY);
    // Tags set and taken away on everything that carries any; a rule goes.
    stage
        .change(|config| {
            config.ssh.pop();
            config.tags.insert("Team".to_owned(), "metrics".to_owned());
        })
        .unwrap();
    lives(&stage, DOCUMENT, APPLY);
    stage.change(|config| drop(config.tags.remove("Team"))).unwrap();
    lives(&stage, DOCUMENT, APPLY);
    // Settings of the group alone.
    stage.change(|config| config.more.push("scaling health-check-grace-period=900".to_owned())).unwrap();
    lives(&stage, DOCUMENT, APPLY);
    lives(&stage, "destroy cluster.kdl --iam-policy", DESTROY);
}

/// A saved plan looks at more before, and leaves its number behind.
#[test]
fn the_document_of_a_saved_plan_is_exact() {
    const SAVED: &str = "plan cluster.kdl --policy org.wasm --out p.kapplan --iam-policy";
    const APPLY_SAVED: &str = "apply p.kapplan";
    let mut stage = Stage::new().unwrap();
    // Nobody waits for the server, so that the only activity that is read is the last one before.
    stage.change(|config| config.more.push("scaling wait-for-capacity-timeout=0".to_owned())).unwrap();
    lives(&stage, SAVED, APPLY_SAVED);
    lives(&stage, SAVED, APPLY_SAVED);
    stage.change(|config| config.ssh.push(r#"cidr="192.168.7.0/24" description="vpn""#.to_owned())).unwrap();
    lives(&stage, SAVED, APPLY_SAVED);
    stage
        .change(|config| {
            config.ssh.pop();
            config.instance_type = "t3.medium".to_owned();
            config.tags.insert("Team".to_owned(), "metrics".to_owned());
        })
        .unwrap();
    lives(&stage, SAVED, APPLY_SAVED);
}

/// One document for all of them, each with its own names.
#[test]
fn the_document_of_several_clusters_is_exact() {
    let mut stage = Stage::new().unwrap();
    let write = |stage: &mut Stage, instance_type: &str| {
        let first = stage.config.to_string();
        let second = first.replace("kapacitor-stage", "kapacitor-prod").replace("t3.small", instance_type);
        stage.kaphost.write("cluster.kdl", &format!("{first}\n{second}")).unwrap();
    };
    write(&mut stage, "t3.small");
    lives(&stage, DOCUMENT, APPLY);
    // One of them changes, the other is read all the same.
    write(&mut stage, "t3.medium");
    lives(&stage, DOCUMENT, APPLY);
    lives(&stage, "plan cluster.kdl --policy org.wasm --out p.kapplan --iam-policy", "apply p.kapplan");
    lives(&stage, "destroy cluster.kdl --iam-policy", DESTROY);
}

/// Policies of the role, a boundary, a path, and rules on a group of others.
#[test]
fn what_hangs_on_the_role_and_rules_elsewhere_are_named_one_by_one() {
    let mut stage = Stage::new().unwrap();
    let vpc = stage.seed.vpc.clone();
    let other =
        stage.account.aws("ec2", "create_security_group", json!({ "GroupName": "theirs", "Description": "x", "VpcId": vpc })).unwrap();
    let other = other["GroupId"].as_str().unwrap().to_owned();
    let arn = |name: &str| {
        let statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::metrics/*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let made = stage.account.aws("iam", "create_policy", json!({ "PolicyName": name, "PolicyDocument": document })).unwrap();
        made["Policy"]["Arn"].as_str().unwrap().to_owned()
    };
    let (first, second, boundary) = (arn("first"), arn("second"), arn("boundary"));
    let iam = format!(
        r##"iam profile-path="/metrics/" boundary="{boundary}" {{
        managed-policy "{first}"
        managed-policy "{second}"
        inline-policy "read" #"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::metrics"}}]}}"#
    }}"##
    );
    let http = format!("http security-group=\"{other}\" {{\n        allow cidr=\"10.1.0.0/16\" description=\"clients\"\n    }}");
    stage.change(|config| config.more = vec![iam, http]).unwrap();
    lives(&stage, DOCUMENT, APPLY);
    lives(&stage, DOCUMENT, APPLY);
    stage
        .change(|config| config.more = vec![format!("iam profile-path=\"/metrics/\" {{\n        managed-policy \"{first}\"\n    }}")])
        .unwrap();
    lives(&stage, DOCUMENT, APPLY);
    lives(&stage, "destroy cluster.kdl --iam-policy", DESTROY);
}

/// What policies are told is read by whoever applies, and so is a parameter that names the image.
#[test]
fn facts_and_parameters_are_read_where_they_are_asked_for() {
    let mut stage = Stage::new().unwrap();
    let facts = [Fact::Account, Fact::Ami, Fact::Subnets, Fact::Vpc];
    fs::write(stage.kaphost.folder().join("curious.wasm"), content_with("curious", &facts).unwrap()).unwrap();
    let image = stage.config.ami.clone();
    stage.account.aws("ssm", "put_parameter", json!({ "Name": "/team/image", "Value": image, "Type": "String" })).unwrap();
    stage.change(|config| config.ami = "SSM".to_owned()).unwrap();
    let text = stage.config.to_string().replace("ami \"SSM\"", "ami (ssm)\"/team/image\"");
    stage.kaphost.write("cluster.kdl", &text).unwrap();
    let curious = " --policy curious.wasm";
    lives(&stage, &format!("{DOCUMENT}{curious}"), &format!("{APPLY}{curious}"));
}

/// Calls that fail and are made again, things that turn out to be there already, and a rollout that is joined: nothing of it needs more.
#[test]
fn whatever_goes_wrong_needs_no_other_permission() {
    let stage = Stage::new().unwrap();
    let before = Estate::of(&stage.account).unwrap();
    let (document, planned) = stage.expect(0, DOCUMENT).unwrap();
    for rule in [
        Rule::new(Fault::DropAfter).action("CreateSecurityGroup"),
        Rule::new(Fault::DropAfter).action("CreateRole"),
        Rule::new(Fault::DropAfter).action("CreateAutoScalingGroup"),
        Rule::new(Fault::Throttle).action("CreateLaunchTemplate"),
        Rule::new(Fault::ServerError).action("AddRoleToInstanceProfile"),
        Rule::new(Fault::Throttle).action("DescribeAutoScalingGroups"),
    ] {
        stage.account.fault(&rule).unwrap();
    }
    let (_, applied) = stage.expect(0, APPLY).unwrap();
    assert!(applied.actions().iter().filter(|action| **action == "CreateSecurityGroup").count() > 1, "{applied}");
    let estate = before.and(Estate::of(&stage.account).unwrap());
    let mut policy = Policy::parse(&document.stdout).unwrap();
    enough(&mut policy, planned.iter().chain(applied.iter()), &estate, &document.stdout);
}

/// A document is good for its own plan: another cluster, another account or a stranger's resource is beyond it.
#[test]
fn the_document_of_one_cluster_is_good_for_no_other() {
    let mut stage = Stage::new().unwrap();
    stage.expect(0, APPLY).unwrap();
    stage.change(|config| config.instance_type = "t3.medium".to_owned()).unwrap();
    let (document, _) = stage.expect(0, DOCUMENT).unwrap();
    stage.change(|config| config.name = "kapacitor-prod".to_owned()).unwrap();
    stage.expect(0, APPLY).unwrap();
    stage.change(|config| config.instance_type = "t3.large".to_owned()).unwrap();
    let before = Estate::of(&stage.account).unwrap();
    let (_, applied) = stage.expect(0, APPLY).unwrap();
    let estate = before.and(Estate::of(&stage.account).unwrap());
    let mut policy = Policy::parse(&document.stdout).unwrap();
    let mut refused = BTreeSet::new();
    for call in applied.of(Kind::Write) {
        let all = estate.asked(call).unwrap().iter().all(|asked| policy.allows(asked, &estate));
        assert!(!all, "{call:?} is allowed by {}", document.stdout);
        refused.insert(call.action.clone());
    }
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), ["CreateLaunchTemplateVersion", "StartInstanceRefresh"]);
}

#[test]
fn programs_get_it_within_the_document_and_nothing_is_changed() {
    let stage = Stage::new().unwrap();
    let (text, _) = stage.expect(0, DOCUMENT).unwrap();
    let (json, calls) = stage.expect(0, &format!("{DOCUMENT} --output json")).unwrap();
    let (text, json): (Value, Value) = (serde_json::from_str(&text.stdout).unwrap(), serde_json::from_str(&json.stdout).unwrap());
    assert_eq!(json["iam-policy"], text);
    assert_eq!(json["plan"]["changes"][0]["kind"], "create");
    assert_eq!(calls.writes(), 0, "{calls}");
    // With a cloud in a file as well: its account is no secret.
    let (lab, _) = stage.expect(0, &format!("{DOCUMENT} --cloud lab:lab.json")).unwrap();
    assert!(lab.stdout.contains("\"iam:PassRole\""), "{lab}");
}
