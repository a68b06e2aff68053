//! Every parameter, from the config to the wire: made, changed by the right kind of change, tampered with and found out, and gone in the end.
//!
//! One cluster carries them all, so that the whole costs a few applies. What each change needs is asked of `plan`, one parameter at a time; what AWS holds
//! is asked of boto3. A test compares the table with what the config can say.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod table;

use std::collections::BTreeSet;

use kaphost_spec::{ConfigSource, NoLookup, Segment, parse};
use kaphost_tests::{Account, CallLog, DESTROY, Failure, Kind, Run, Seed, Stage};
use serde_json::{Value, json};
use table::{Change, PARAMETERS, Parameter, TEMPLATE};

const APPLY: &str = "apply cluster.kdl --auto-approve";
const PLAN: &str = "plan cluster.kdl --detailed-exitcode --output json";

/// What a parameter's paths have in common with those of any cluster: without keys.
fn pattern(path: &kaphost_spec::Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Field(name) => format!(".{name}"),
        Segment::Key(_) => "[]".to_owned(),
    };
    path.segments().iter().map(step).collect::<String>().trim_start_matches('.').to_owned()
}

/// Everything that `configs/everything.kdl` says, which is everything that can be said, stands in the table, and nothing else does.
#[test]
fn the_table_names_every_parameter() {
    let text = include_str!("../../configs/everything.kdl");
    let file = parse(ConfigSource::new("everything.kdl", text), &NoLookup).unwrap();
    let mut said: BTreeSet<String> = file.specs[0].cluster.leaves().keys().map(pattern).collect();
    // Said instead of `(ssm)`, and of one more volume.
    said.extend(["ami.owner", "ami.name", "volume[].throughput", "volume[].kms-key"].map(str::to_owned));
    let listed: BTreeSet<String> = PARAMETERS.iter().flat_map(|it| it.paths).map(|path| (*path).to_owned()).collect();
    assert_eq!(listed, said);
}

/// The config in which these parameters are changed and the others are not.
fn config(seed: &Seed, values: &[(&str, String)], changed: impl Fn(&Parameter) -> bool) -> String {
    let mut text = table::CONFIG.to_owned();
    for parameter in PARAMETERS {
        let value = if changed(parameter) { parameter.after } else { parameter.before };
        text = text.replace(&format!("{{{}}}", parameter.slot), value);
    }
    let mut ids = vec![("VPC", seed.vpc.clone()), ("SUBNET-1", seed.subnets[0].id.clone()), ("SUBNET-2", seed.subnets[1].id.clone())];
    ids.extend([("BASTION", seed.bastion_group.clone()), ("OTHER-VPC", seed.other_vpc.clone())]);
    ids.extend(values.iter().map(|(name, value)| (*name, value.clone())));
    // The longest name first: one is the end of another.
    ids.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    ids.into_iter().fold(text, |text, (name, id)| text.replace(&format!("@{name}@"), &id))
}

/// The operations of a plan, sorted, without waits.
fn operations(plan: &Value) -> Vec<String> {
    let steps = plan["plan"]["steps"].as_array().into_iter().flatten();
    let mut all: Vec<String> = steps.filter_map(|step| step["operation"].as_str().map(str::to_owned)).collect();
    all.retain(|operation| !operation.starts_with("wait"));
    all.sort();
    all
}

/// The config paths of what a plan changes.
fn paths(plan: &Value) -> BTreeSet<String> {
    let changes = plan["plan"]["changes"].as_array().into_iter().flatten();
    let leaves = changes.flat_map(|change| change["leaves"].as_array().into_iter().flatten());
    leaves.filter_map(|leaf| leaf["path"].as_str()).map(|path| pattern(&path.parse().unwrap())).collect()
}

fn planned(stage: &Stage, code: i32) -> Result<(Value, Run), Failure> {
    let (run, _) = stage.expect(code, PLAN)?;
    let document = serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("no JSON ({error}): {run}")))?;
    Ok((document, run))
}

/// Whether one of these is the path, or stands above or below it. A rule is named by its source, also when its port or its group changes.
fn names(named: &BTreeSet<String>, path: &str) -> bool {
    let rule = |path: &str| ["ssh.", "http."].into_iter().find(|section| path.starts_with(section) && !path.starts_with("ssh.key"));
    named
        .iter()
        .any(|named| path.starts_with(named.as_str()) || named.starts_with(path) || (rule(named).is_some() && rule(named) == rule(path)))
}

/// What AWS holds, by names that the table uses.
fn wire(account: &Account, bastion: &str) -> Result<Value, Failure> {
    let (name, global) = ("kapacitor-stage", "kapacitor-stage-us-east-1");
    let asked = json!({ "AutoScalingGroupNames": [name] });
    let group = account.aws("autoscaling", "describe_auto_scaling_groups", asked)?["AutoScalingGroups"][0].take();
    let asked = json!({ "LaunchTemplateName": name, "Versions": [group["LaunchTemplate"]["Version"]] });
    let mut data =
        account.aws("ec2", "describe_launch_template_versions", asked)?["LaunchTemplateVersions"][0]["LaunchTemplateData"].take();
    let devices = data["BlockDeviceMappings"].take();
    let device = |end: &str| {
        let named = |device: &&Value| device["DeviceName"].as_str().is_some_and(|name| name.ends_with(end));
        devices.as_array().into_iter().flatten().find(named).map(|device| device["Ebs"].clone()).unwrap_or_default()
    };
    let interface = data["NetworkInterfaces"][0].take();
    let rules = |id: &str| -> Result<Value, Failure> {
        let asked = json!({ "Filters": [{ "Name": "group-id", "Values": [id] }] });
        let found = account.aws("ec2", "describe_security_group_rules", asked)?;
        let ours = found["SecurityGroupRules"].as_array().into_iter().flatten().filter(|rule| rule["Tags"].to_string().contains(name));
        let text = |rule: &Value| {
            let direction = if rule["IsEgress"] == true { "out" } else { "in" };
            let cidr = rule["CidrIpv4"].as_str().unwrap_or_default();
            format!("{direction} {} {cidr} {}", rule["FromPort"], rule["Description"].as_str().unwrap_or_default())
        };
        let mut all: Vec<String> = ours.map(text).collect();
        all.sort();
        Ok(json!(all))
    };
    let own = interface["Groups"][0].as_str().unwrap_or_default().to_owned();
    let role = account.aws("iam", "get_role", json!({ "RoleName": global }))?["Role"].take();
    let attached = account.aws("iam", "list_attached_role_policies", json!({ "RoleName": global }))?;
    let attached: Vec<&Value> = attached["AttachedPolicies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyName"]).collect();
    let asked = json!({ "RoleName": global, "PolicyName": "own" });
    let inline = account.ask("iam", "get_role_policy", asked)?.map(|answer| answer["PolicyDocument"].clone()).unwrap_or_default();
    let tag = |list: &Value| list.as_array().into_iter().flatten().find(|tag| tag["Key"] == "Team").cloned().unwrap_or_default();
    let launched =
        data["TagSpecifications"].as_array().into_iter().flatten().map(|one| tag(&one["Tags"])["Value"].clone()).collect::<Vec<_>>();
    Ok(json!({
        "root-device": device("sda1"), "h": device("xvdh"), "i": device("xvdi"), "interface": interface, "own": rules(&own)?, "bastion": rules(bastion)?,
        "attached": attached, "inline": inline, "boundary": role["PermissionsBoundary"]["PermissionsBoundaryArn"], "path": role["Path"],
        "tag": tag(&group["Tags"]), "launched": launched, "data": data, "group": group,
    }))
}

fn hold(found: &Value, values: &[(&str, String)], after: bool) {
    for parameter in PARAMETERS {
        let Some((pointer, one, two)) = parameter.wire else { continue };
        let text = if after { two } else { one };
        let text = values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value));
        let wanted: Value = serde_json::from_str(&text).unwrap();
        let there = found.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(there, wanted, "{}: {pointer} of {found:#}", parameter.slot);
    }
}

fn writes(calls: &CallLog) -> Vec<&str> {
    calls.of(Kind::Write).iter().map(|call| call.action.as_str()).collect()
}

#[test]
fn every_parameter_is_made_changed_and_held_to() -> Result<(), Failure> {
    let stage = Stage::new()?;
    let account = &stage.account;
    let zone = stage.seed.subnets[0].zone.clone();
    let volume = account.aws("ec2", "create_volume", json!({ "AvailabilityZone": zone, "Size": 8 }))?["VolumeId"].take();
    let snapshot = account.aws("ec2", "create_snapshot", json!({ "VolumeId": volume }))?["SnapshotId"].take();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let edge = account.aws("iam", "create_policy", json!({ "PolicyName": "edge", "PolicyDocument": document }))?["Policy"]["Arn"].take();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let values = [("SNAPSHOT", text(&snapshot)), ("EDGE", text(&edge))];
    let bastion = stage.seed.bastion_group.clone();
    let write = |changed: &dyn Fn(&Parameter) -> bool| stage.kaphost.write("cluster.kdl", &config(&stage.seed, &values, changed)).map(drop);
    let before = account.holdings()?;

    write(&|_| false)?;
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.polls(), 0, "`wait-for-capacity-timeout` 0 does not wait: {calls}");
    hold(&wire(account, &bastion)?, &values, false);
    assert_eq!(operations(&planned(&stage, 0)?.0), [""; 0]);

    // One at a time, as a plan: the right kind of change, and the config's own path for it.
    for parameter in PARAMETERS {
        write(&|it| it.slot == parameter.slot)?;
        match parameter.change {
            Change::Calls(wanted) => {
                let (plan, run) = planned(&stage, if wanted.is_empty() { 0 } else { 2 })?;
                assert_eq!(operations(&plan), wanted, "{}: {run}", parameter.slot);
                let named = paths(&plan);
                assert!(wanted.is_empty() || parameter.paths.iter().any(|path| names(&named, path)), "{}: {named:?}", parameter.slot);
            }
            Change::Another => {}
            Change::Refused(words) => {
                let (run, calls) = stage.expect(1, "plan cluster.kdl")?;
                assert!(run.said().contains(words), "{}: {run}", parameter.slot);
                assert_eq!(calls.writes(), 0, "{calls}");
            }
        }
    }

    // All that can be changed, at once.
    let changeable = |it: &Parameter| matches!(it.change, Change::Calls(_));
    write(&changeable)?;
    let (_, calls) = stage.expect(0, APPLY)?;
    let refresh = calls.iter().find(|call| call.action == "StartInstanceRefresh").unwrap();
    let preference = |name: &str| refresh.parameters.get(&format!("Preferences.{name}")).map(String::as_str);
    assert_eq!(
        ["AutoRollback", "SkipMatching", "InstanceWarmup", "MinHealthyPercentage", "MaxHealthyPercentage"].map(preference),
        [Some("false"), Some("false"), Some("30"), Some("100"), Some("200")]
    );
    hold(&wire(account, &bastion)?, &values, true);
    assert_eq!(operations(&planned(&stage, 0)?.0), [""; 0]);

    // Somebody changes everything by hand, and the plan names it.
    let group = json!({ "AutoScalingGroupName": "kapacitor-stage" });
    let with = |more: Value| {
        let mut all = group.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let own = wire(account, &bastion)?["interface"]["Groups"][0].take();
    for (service, operation, arguments) in table::tampering(&with, &text(&own), &bastion, &stage.seed.subnets[0].id) {
        account.aws(service, operation, arguments)?;
    }
    let (plan, run) = planned(&stage, 2)?;
    let named = paths(&plan);
    for parameter in PARAMETERS.iter().filter(|it| it.drifts) {
        assert!(parameter.paths.iter().any(|path| names(&named, path)), "{} is not named: {named:?}\n{run}", parameter.slot);
    }
    let (_, calls) = stage.expect(0, APPLY)?;
    let replaced = writes(&calls).contains(&TEMPLATE[1]);
    assert!(!replaced, "the server runs what it should: the group pins it again, and nothing is replaced: {calls}");
    hold(&wire(account, &bastion)?, &values, true);
    assert_eq!(operations(&planned(&stage, 0)?.0), [""; 0]);

    stage.expect(0, DESTROY)?;
    let mut left = account.holdings()?.beyond(&before);
    left.retain(|line| !line.starts_with("volume"));
    assert_eq!(left, [""; 0], "but for volumes that are to outlive their server");
    Ok(())
}

/// A parameter of SSM may name another image tomorrow: then the plan says so.
#[test]
fn an_image_by_parameter() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    let put = |id: &str| json!({ "Name": "/images/kapacitor", "Value": id, "Type": "String", "Overwrite": true });
    stage.account.aws("ssm", "put_parameter", put("ami-0abcd1234abcd1234"))?;
    stage.change(|config| config.ami = "(ssm)/images/kapacitor".to_owned())?;
    let file = stage.config.to_string().replace("ami \"(ssm)/images", "ami (ssm)\"/images");
    stage.kaphost.write("cluster.kdl", &file)?;
    stage.expect(0, kaphost_tests::APPLY)?;
    let (_, calls) = stage.expect(0, kaphost_tests::PLAN)?;
    let asked = |action: &str| calls.actions().contains(&action);
    assert!(calls.writes() == 0 && asked("GetParameter") && asked("DescribeImages"), "{calls}");
    stage.account.aws("ssm", "put_parameter", put("ami-0abcd1234abcd1235"))?;
    let (plan, _) = stage.expect(2, kaphost_tests::PLAN)?;
    assert!(plan.stdout.contains("ami-0abcd1234abcd1234 → ami-0abcd1234abcd1235"), "{plan}");
    for (value, words) in [("vpc-1", "holds `vpc-1`"), ("ami-0bad0bad0bad0bad0", "names the image ami-0bad0bad0bad0bad0")] {
        stage.account.aws("ssm", "put_parameter", put(value))?;
        let (plan, _) = stage.expect(1, kaphost_tests::PLAN)?;
        assert!(plan.said().contains(words), "{plan}");
    }
    stage.account.aws("ssm", "delete_parameter", json!({ "Name": "/images/kapacitor" }))?;
    let (plan, _) = stage.expect(1, kaphost_tests::PLAN)?;
    assert!(plan.said().contains("there is no such SSM parameter"), "{plan}");
    stage.expect(0, DESTROY)?;
    Ok(())
}

/// Users hang policies of their own on the exported role, and put rules of their own onto the group of others: all of that stays.
#[test]
fn what_others_hang_there_stays() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    let bastion = stage.seed.bastion_group.clone();
    let before = stage.account.holdings()?;
    let http = format!("http security-group={bastion:?} {{ allow cidr=\"10.1.0.0/16\" description=\"dashboards\"; }}");
    let iam = "iam { managed-policy \"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy\"; }";
    stage.change(|config| config.more.extend([http, iam.to_owned()]))?;
    stage.expect(0, kaphost_tests::APPLY)?;
    let attach = json!({ "RoleName": stage.config.global_name(), "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" });
    stage.account.aws("iam", "attach_role_policy", attach)?;
    let (plan, _) = stage.expect(0, kaphost_tests::PLAN)?;
    assert!(plan.stdout.contains("policy arn:aws:iam::aws:policy/ReadOnlyAccess of the role"), "{plan}");

    stage.change(|config| config.more.clear())?;
    let (_, calls) = stage.expect(0, kaphost_tests::APPLY)?;
    let mut made = writes(&calls);
    made.sort_unstable();
    assert_eq!(made, ["DetachRolePolicy", "RevokeSecurityGroupIngress", "UntagRole"], "{calls}");
    let (run, _) = stage.expect(1, DESTROY)?;
    assert!(run.said().contains("ReadOnlyAccess") && run.said().contains("--detach-policies"), "{run}");
    stage.expect(0, &format!("{DESTROY} --detach-policies"))?;
    assert_eq!(stage.account.holdings()?, before, "the group of others has its own rules and no other");
    Ok(())
}
