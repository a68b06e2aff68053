//! Every parameter, from the config to the wire: made, changed by the right kind of change, tampered with and found out, and gone in the end.
//!
//! Each parameter by itself: a server as before, the change alone (its kind and its calls), what AWS then holds as boto3 sees it, somebody's hand on it, the drift named, and all
//! set right. A few servers share the table, so that they go on side by side. A test compares the table with what the config can say.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod table;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_spec::{ConfigSource, NoLookup, Segment, parse};
use kaphost_tests::{Account, CallLog, DESTROY, Failure, Holdings, Kind, Run, Stage};
use serde_json::{Value, json};
use table::{Change, PARAMETERS, Parameter, TEMPLATE, Tamper};

const APPLY: &str = "apply cluster.kdl --auto-approve --output json";
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

/// A text with every `@NAME@` filled in.
fn filled(text: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// The config in which these parameters are changed and the others are not.
fn config(values: &[(&str, String)], changed: impl Fn(&Parameter) -> bool) -> String {
    let mut text = table::CONFIG.to_owned();
    for parameter in PARAMETERS {
        let value = if changed(parameter) { parameter.after } else { parameter.before };
        text = text.replace(&format!("{{{}}}", parameter.slot), value);
    }
    filled(&text, values)
}

/// The operations of a plan, sorted, without waits.
fn operations(plan: &Value) -> Vec<String> {
    let steps = plan["plan"]["steps"].as_array().into_iter().flatten();
    let mut all: Vec<String> = steps.filter_map(|step| step["operation"].as_str().map(str::to_owned)).collect();
    all.retain(|operation| !operation.starts_with("wait") && operation != "DeleteLaunchTemplateVersions");
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

/// What the boot script says, by the name of each value; user data holds it as one part of several.
fn boot(data: &Value) -> Value {
    let text = STANDARD.decode(data["UserData"].as_str().unwrap_or_default()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let said = |before: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(before));
    json!({
        "echo": said("echo "), "hostname_line": said("hostname_line="), "urls": said("urls = "), "owner": said("owner="), "level": said("level = "),
        "storage": [said("device="), said("mount_point=")], "tls": [said("https-certificate = "), said("https-private-key = ")],
        // The last line of what is quoted for the shell.
        "channel": said("channel = ").map(|text| text.trim_end_matches('\'')),
    })
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
    let own = interface["Groups"][0].as_str().unwrap_or_default().to_owned();
    let asked = json!({ "Filters": [{ "Name": "group-id", "Values": [own, bastion] }] });
    let rules = account.aws("ec2", "describe_security_group_rules", asked)?;
    // The one rule of ours that goes the way and has one of the ports.
    let rule = |egress: bool, ports: &[i64]| {
        // The rule for everything outward is AWS's own at first, and ours once it had to be made again.
        let ours = |rule: &&Value| rule["Tags"].to_string().contains(name) && rule["IsEgress"] == egress && rule["FromPort"] != -1;
        let there = rules["SecurityGroupRules"].as_array().into_iter().flatten().filter(ours);
        let mut there = there.filter(|rule| ports.is_empty() || ports.contains(&rule["FromPort"].as_i64().unwrap_or_default()));
        let told = |rule: &Value| {
            let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
            json!({ "group": rule["GroupId"], "port": rule["FromPort"], "who": format!("{} {}", text("CidrIpv4"), text("Description")) })
        };
        let one = there.next().map(told).unwrap_or_default();
        assert!(there.next().is_none(), "one rule, and no other: {rules:#}");
        one
    };
    let role = account.aws("iam", "get_role", json!({ "RoleName": global }))?["Role"].take();
    let attached = account.aws("iam", "list_attached_role_policies", json!({ "RoleName": global }))?;
    let attached: Vec<&Value> = attached["AttachedPolicies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyName"]).collect();
    let asked = json!({ "RoleName": global, "PolicyName": "own" });
    let inline = account.ask("iam", "get_role_policy", asked)?.map(|answer| answer["PolicyDocument"].clone()).unwrap_or_default();
    let tag = |list: &Value| list.as_array().into_iter().flatten().find(|tag| tag["Key"] == "Team").cloned().unwrap_or_default();
    let launched =
        data["TagSpecifications"].as_array().into_iter().flatten().map(|one| tag(&one["Tags"])["Key"].clone()).collect::<Vec<_>>();
    let mut subnets: Vec<&str> = group["VPCZoneIdentifier"].as_str().unwrap_or_default().split(',').collect();
    subnets.sort_unstable();
    Ok(json!({
        "root-device": device("sda1"), "h": device("xvdh"), "i": device("xvdi"), "interface": interface, "subnets": subnets,
        "ssh": rule(false, &[22, 2222]), "http": rule(false, &[9092, 9093]), "out": rule(true, &[]),
        "attached": attached, "inline": inline, "boundary": role["PermissionsBoundary"]["PermissionsBoundaryArn"], "path": role["Path"],
        "tag": tag(&group["Tags"]), "launched": launched, "boot": boot(&data), "data": data, "group": group,
    }))
}

/// Every parameter on the wire: that of `changed` as after its change, all others as before.
fn hold(found: &Value, values: &[(&str, String)], changed: impl Fn(&Parameter) -> bool) {
    for parameter in PARAMETERS {
        let Some((pointer, one, two)) = parameter.wire else { continue };
        let text = if changed(parameter) { two } else { one };
        // EC2 refuses tenancy `default` said outright beside spot: it is left unsaid there.
        let spot = parameter.slot == "tenancy" && PARAMETERS.iter().any(|it| it.slot == "spot" && changed(it));
        let text = if spot && text == one { "null" } else { text };
        let mut wanted: Value = serde_json::from_str(&filled(text, values)).unwrap();
        if let (Value::Array(list), "/subnets") = (&mut wanted, pointer) {
            list.sort_by_key(ToString::to_string);
        }
        let there = found.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(there, wanted, "{}: {pointer} of {found:#}", parameter.slot);
    }
}

fn writes(calls: &CallLog) -> Vec<&str> {
    let mut all: Vec<&str> = calls.of(Kind::Write).iter().map(|call| call.action.as_str()).collect();
    // Old versions go with whatever comes next.
    all.retain(|action| *action != "DeleteLaunchTemplateVersions");
    all.sort_unstable();
    all
}

/// A server in which every parameter is as before its change, in an account of its own.
struct Server {
    stage: Stage,
    /// What `@NAME@` stands for.
    values: Vec<(&'static str, String)>,
    before: Holdings,
}

impl Server {
    fn new() -> Result<Self, Failure> {
        let stage = Stage::new()?;
        let account = &stage.account;
        let zone = stage.seed.subnets[0].zone.clone();
        let volume = account.aws("ec2", "create_volume", json!({ "AvailabilityZone": zone, "Size": 8 }))?["VolumeId"].take();
        let snapshot = account.aws("ec2", "create_snapshot", json!({ "VolumeId": volume }))?["SnapshotId"].take();
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let edge =
            account.aws("iam", "create_policy", json!({ "PolicyName": "edge", "PolicyDocument": document }))?["Policy"]["Arn"].take();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let values = vec![
            ("SNAPSHOT", text(&snapshot)),
            ("EDGE", text(&edge)),
            ("ROLE", "kapacitor-stage-us-east-1".to_owned()),
            ("VPC", stage.seed.vpc.clone()),
            ("OTHER-VPC", stage.seed.other_vpc.clone()),
            ("SUBNET-1", stage.seed.subnets[0].id.clone()),
            ("SUBNET-2", stage.seed.subnets[1].id.clone()),
            ("BASTION", stage.seed.bastion_group.clone()),
        ];
        let before = account.holdings()?;
        let mut server = Self { stage, values, before };
        server.write(|_| false)?;
        let (_, calls) = server.stage.expect(0, APPLY)?;
        assert_eq!(calls.polls(), 0, "`wait-for-capacity-timeout` 0 does not wait: {calls}");
        let own = server.wire()?["interface"]["Groups"][0].take();
        server.values.push(("OWN", text(&own)));
        hold(&server.wire()?, &server.values, |_| false);
        Ok(server)
    }

    /// Writes the config in which these parameters are changed and the others are not.
    fn write(&self, changed: impl Fn(&Parameter) -> bool) -> Result<(), Failure> {
        self.stage.kaphost.write("cluster.kdl", &config(&self.values, changed)).map(drop)
    }

    fn wire(&self) -> Result<Value, Failure> {
        wire(&self.stage.account, &self.stage.seed.bastion_group)
    }

    /// One parameter's life. The server is as before in the end.
    fn live(&self, parameter: &Parameter) -> Result<(), Failure> {
        let alone = |it: &Parameter| it.slot == parameter.slot;
        let wanted = match parameter.change {
            Change::Another => return Ok(()),
            Change::Refused(words) => {
                self.write(alone)?;
                let (run, calls) = self.stage.expect(1, APPLY)?;
                assert!(run.said().contains(words), "{}: {run}", parameter.slot);
                assert_eq!(calls.writes(), 0, "{calls}");
                return Ok(());
            }
            Change::Calls(wanted) => wanted,
        };
        let older = self.wire()?["group"]["LaunchTemplate"]["Version"].take();
        self.write(alone)?;
        let (run, calls) = self.stage.expect(0, APPLY)?;
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let named = paths(&document);
        assert_eq!(
            (operations(&document), writes(&calls)),
            (wanted.iter().map(ToString::to_string).collect(), wanted.to_vec()),
            "{}: {run}",
            parameter.slot
        );
        assert!(wanted.is_empty() || parameter.named().any(|path| names(&named, path)), "{}: {named:?}", parameter.slot);
        hold(&self.wire()?, &self.values, alone);

        if self.tamper(parameter, &older)? {
            let (plan, run) = planned(&self.stage, 2)?;
            let named = paths(&plan);
            assert!(parameter.named().any(|path| names(&named, path)), "{} is not named: {named:?}\n{run}", parameter.slot);
            let others: Vec<&String> =
                named.iter().filter(|named| !parameter.named().any(|path| names(&[(*named).clone()].into(), path))).collect();
            assert!(others.is_empty(), "{}: {others:?} did not change: {run}", parameter.slot);
        }
        self.write(|_| false)?;
        self.stage.expect(0, APPLY)?;
        hold(&self.wire()?, &self.values, |_| false);
        Ok(())
    }

    /// Somebody's hand. False where AWS holds nothing of the parameter.
    fn tamper(&self, parameter: &Parameter, older: &Value) -> Result<bool, Failure> {
        let account = &self.stage.account;
        let update = |mut more: Value| {
            more["AutoScalingGroupName"] = json!("kapacitor-stage");
            account.aws("autoscaling", "update_auto_scaling_group", more).map(drop)
        };
        let parsed = |text: &str| serde_json::from_str::<Value>(&filled(text, &self.values)).unwrap();
        match parameter.tamper {
            Tamper::Nothing => return Ok(false),
            Tamper::OlderVersion => {
                update(json!({ "LaunchTemplate": { "LaunchTemplateName": "kapacitor-stage", "Version": older } }))?;
            }
            Tamper::Group(more) => update(parsed(more))?,
            Tamper::Call(service, operation, arguments) => drop(account.aws(service, operation, parsed(arguments))?),
        }
        Ok(true)
    }

    fn end(self) -> Result<(), Failure> {
        // Every change of the server was a version, and every change back: those that nothing names any more are gone.
        let asked = json!({ "LaunchTemplateName": "kapacitor-stage" });
        let versions = self.stage.account.aws("ec2", "describe_launch_template_versions", asked)?["LaunchTemplateVersions"].take();
        let latest = versions.as_array().into_iter().flatten().filter_map(|version| version["VersionNumber"].as_u64()).max();
        assert!(versions.as_array().is_some_and(|all| all.len() <= MANY_VERSIONS), "{latest:?}: {versions:#}");
        // What is protected is not destroyed, and nothing is said of it any more.
        self.write(|it| it.slot == "protection")?;
        self.stage.expect(0, APPLY)?;
        self.stage.expect(0, DESTROY)?;
        let mut left = self.stage.account.holdings()?.beyond(&self.before);
        left.retain(|line| !line.starts_with("volume"));
        assert_eq!(left, [""; 0], "but for volumes that are to outlive their server");
        Ok(())
    }
}

/// There are never more versions of a template.
const MANY_VERSIONS: usize = 20;

/// Servers that share the table: as many go on side by side as there are.
const SERVERS: usize = 4;

/// The part of the table that one server takes.
fn lives(part: usize) -> Result<(), Failure> {
    let server = Server::new()?;
    for parameter in PARAMETERS.iter().skip(part).step_by(SERVERS) {
        server.live(parameter).map_err(|failure| Failure::new(format!("{}: {failure}", parameter.slot)))?;
    }
    server.end()
}

#[test]
fn every_parameter_is_made_changed_and_held_to_first_part() -> Result<(), Failure> {
    lives(0)
}

#[test]
fn every_parameter_is_made_changed_and_held_to_second_part() -> Result<(), Failure> {
    lives(1)
}

#[test]
fn every_parameter_is_made_changed_and_held_to_third_part() -> Result<(), Failure> {
    lives(2)
}

#[test]
fn every_parameter_is_made_changed_and_held_to_fourth_part() -> Result<(), Failure> {
    lives(3)
}

/// All that can be changed, at once: one version, one refresh, with the preferences that AWS holds nothing of but then.
#[test]
fn all_parameters_are_changed_at_once() -> Result<(), Failure> {
    let server = Server::new()?;
    let changeable = |it: &Parameter| matches!(it.change, Change::Calls(_));
    server.write(changeable)?;
    let (_, calls) = server.stage.expect(0, APPLY)?;
    for action in TEMPLATE {
        assert_eq!(calls.iter().filter(|call| call.action == *action).count(), 1, "{calls}");
    }
    let refresh = calls.iter().find(|call| call.action == "StartInstanceRefresh").unwrap();
    let preference = |name: &str| refresh.parameters.get(&format!("Preferences.{name}")).map(String::as_str);
    assert_eq!(
        ["AutoRollback", "SkipMatching", "InstanceWarmup", "MinHealthyPercentage", "MaxHealthyPercentage"].map(preference),
        [Some("false"), Some("false"), Some("30"), Some("100"), Some("200")]
    );
    assert_eq!(operations(&planned(&server.stage, 0)?.0), [""; 0]);
    let found = server.wire()?;
    assert_eq!((&found["ssh"]["port"], &found["http"]["group"]), (&json!(2222), &json!(server.stage.seed.bastion_group)));
    server.end()
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
    assert_eq!(writes(&calls), ["DetachRolePolicy", "RevokeSecurityGroupIngress", "UntagRole"], "{calls}");
    let (run, _) = stage.expect(1, DESTROY)?;
    assert!(run.said().contains("ReadOnlyAccess") && run.said().contains("--detach-policies"), "{run}");
    stage.expect(0, &format!("{DESTROY} --detach-policies"))?;
    assert_eq!(stage.account.holdings()?, before, "the group of others has its own rules and no other");
    Ok(())
}
