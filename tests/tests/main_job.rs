//! The main job, end to end: every command once in its place, and what AWS holds in between as boto3 sees it.

use std::process::Command;

use kaphost_tests::{APPLY, DESTROY, Failure, PLAN, Run, Stage};
use serde_json::{Value, json};

/// The one element of a list.
fn only(list: &Value) -> &Value {
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list:#}");
    &list[0]
}

/// `[{Key, Value}, …]` as an object, without AWS's own.
fn tags(list: &Value) -> Value {
    let of = |tag: &Value| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].clone()));
    let own = |(key, _): &(String, Value)| !key.starts_with("aws:");
    Value::Object(list.as_array().into_iter().flatten().filter_map(of).filter(own).collect())
}

/// The keys of tags that say where a resource comes from have digests for values: they must be there, and are taken out.
fn without_digests(mut tags: Value) -> Value {
    for key in ["kaphost:spec", "kaphost:decision"] {
        let digest = tags.as_object_mut().and_then(|tags| tags.remove(key)).unwrap_or_default();
        let digest = digest.as_str().unwrap_or_default();
        assert!(digest.len() == 16 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{key} is {digest:?}");
    }
    tags
}

fn document(run: &Run) -> Result<Value, Failure> {
    serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("no JSON document ({error}): {run}")))
}

fn stage() -> Result<Stage, Failure> {
    let mut stage = Stage::new()?;
    stage.kaphost.write("boot.sh", "#!/bin/sh\necho ready\n")?;
    stage.change(|config| config.more.push("user-data (file)\"boot.sh\"".to_owned()))?;
    Ok(stage)
}

#[test]
fn check_plan_apply_again_output_status_explain_destroy_again() -> Result<(), Failure> {
    let stage = stage()?;
    let before = stage.account.holdings()?;

    let (check, calls) = stage.expect(0, "check cluster.kdl --policy org.wasm")?;
    assert!(calls.is_empty(), "{calls}");
    assert!(check.stdout.contains("tenancy  \"default\" → \"dedicated\""), "{check}");

    let (plan, calls) = stage.expect(2, PLAN)?;
    assert!(plan.stdout.contains("6 to create"), "{plan}");
    assert!(
        plan.stdout
            .lines()
            .any(|line| line.contains("tenancy") && line.contains(" dedicated ") && line.ends_with("# org: dedicated-tenancy")),
        "{plan}"
    );
    assert!(!plan.stdout.contains("echo ready"), "user data is a secret: {plan}");
    assert_eq!(calls.writes(), 0, "{calls}");
    assert_eq!(stage.account.holdings()?, before, "a plan changes nothing");

    let (apply, _) = stage.expect(0, APPLY)?;
    assert!(apply.stdout.contains("asg_name                = kapacitor-stage"), "{apply}");
    assert!(!format!("{}{}", apply.stdout, apply.stderr).contains("echo ready"), "user data is a secret: {apply}");
    assert_eq!(stage.account.holdings()?.beyond(&before), stage.cluster_of_one());

    let (again, calls) = stage.expect(0, APPLY)?;
    assert!(again.stdout.contains("No changes."), "{again}");
    assert_eq!(calls.writes(), 0, "{calls}");
    stage.expect(0, PLAN)?;

    let (output, _) = stage.expect(0, "output cluster.kdl")?;
    assert!(apply.stdout.ends_with(&output.stdout), "apply ends with the outputs:\n{apply}\n{output}");
    let (one, _) = stage.expect(0, "output cluster.kdl security_group_id")?;
    assert!(output.stdout.contains(&format!("security_group_id       = {}", one.stdout)), "{one}");

    let (status, _) = stage.expect(0, "status cluster.kdl --policy org.wasm --detailed-exitcode")?;
    assert!(status.stdout.contains("InService, Healthy") && status.stdout.contains("As it should be."), "{status}");
    assert_eq!(status.stdout.matches("  ours\n").count(), 5, "{status}");

    let (explain, calls) = stage.expect(0, "explain cluster.kdl root-volume.encrypted --policy org.wasm")?;
    for words in ["cluster.kdl:10:35", "org 0.1.0 sha256:", "encrypted-volumes"] {
        assert!(explain.stdout.contains(words), "{words}: {explain}");
    }
    assert!(calls.is_empty(), "{calls}");

    let (destroy, _) = stage.expect(0, DESTROY)?;
    assert!(destroy.stdout.contains("kapacitor-stage is gone from us-east-1."), "{destroy}");
    assert_eq!(stage.account.holdings()?, before);
    let (nothing, calls) = stage.expect(0, DESTROY)?;
    assert!(nothing.stdout.contains("Nothing of kapacitor-stage is left"), "{nothing}");
    assert_eq!(calls.writes(), 0, "{calls}");
    let (gone, _) = stage.expect(0, "output cluster.kdl")?;
    assert_eq!(gone.stdout, "Nothing is there yet.\n", "{gone}");
    Ok(())
}

/// What `cargo xtask demo` hands over to, once everything is built.
#[test]
fn the_demo_comes_to_its_end_and_leaves_no_process_behind() -> Result<(), Failure> {
    // Whoever it left behind would hold its standard error, and the run would not end.
    let run = Run::of(Command::new(env!("CARGO_BIN_EXE_demo")).env("NO_COLOR", "1"))?;
    assert_eq!(run.code, Some(0), "{run}");
    let all = format!("{}{}", run.stdout, run.stderr);
    for said in [
        "denied by policy",
        "Plan: 6 to create.",
        "No changes.",
        "tenancy = \"dedicated\"",
        "asg_name",
        "is gone from",
        "none of them beyond this machine",
    ] {
        assert!(all.contains(said), "{said}: {run}");
    }
    Ok(())
}

#[test]
fn aws_holds_what_config_and_policy_say() -> Result<(), Failure> {
    let stage = stage()?;
    stage.expect(0, APPLY)?;
    let aws = |service: &str, operation: &str, arguments: Value| stage.account.aws(service, operation, arguments);
    let name = &stage.config.name;
    let global = stage.config.global_name();
    let user = json!({ "Owner": "metrics@example.com", "CostCenter": "4711", "kaphost:cluster": name });

    let groups = aws("ec2", "describe_security_groups", json!({ "GroupNames": [name] }))?;
    let group = only(&groups["SecurityGroups"]);
    assert_eq!((&group["VpcId"], &without_digests(tags(&group["Tags"]))), (&json!(stage.seed.vpc), &user));
    let filter = json!({ "Filters": [{ "Name": "group-id", "Values": [group["GroupId"]] }] });
    let rules = aws("ec2", "describe_security_group_rules", filter)?;
    let inward: Vec<&Value> =
        rules["SecurityGroupRules"].as_array().into_iter().flatten().filter(|rule| rule["IsEgress"] == false).collect();
    assert_eq!(inward.len(), 1, "{rules:#}");
    assert_eq!(
        [&inward[0]["IpProtocol"], &inward[0]["FromPort"], &inward[0]["ToPort"], &inward[0]["CidrIpv4"], &inward[0]["Description"]],
        [&json!("tcp"), &json!(22), &json!(22), &json!("10.0.0.0/8"), &json!("office")]
    );
    assert_eq!(tags(&inward[0]["Tags"])["kaphost:cluster"], json!(name), "a rule is ours by its tag");

    let role = aws("iam", "get_role", json!({ "RoleName": global }))?["Role"].take();
    assert_eq!(without_digests(tags(&role["Tags"])), user);
    let trust = &role["AssumeRolePolicyDocument"];
    assert_eq!(only(&trust["Statement"])["Principal"], json!({ "Service": "ec2.amazonaws.com" }));
    let profile = aws("iam", "get_instance_profile", json!({ "InstanceProfileName": global }))?["InstanceProfile"].take();
    assert_eq!((&only(&profile["Roles"])["RoleName"], &without_digests(tags(&profile["Tags"]))), (&json!(global), &user));

    let asked = json!({ "LaunchTemplateName": name });
    let templates = aws("ec2", "describe_launch_templates", json!({ "LaunchTemplateNames": [name] }))?;
    assert_eq!(without_digests(tags(&only(&templates["LaunchTemplates"])["Tags"])), user);
    let versions = aws("ec2", "describe_launch_template_versions", asked)?;
    let data = &only(&versions["LaunchTemplateVersions"])["LaunchTemplateData"];
    assert_eq!(
        data["MetadataOptions"],
        json!({ "HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled" }),
        "IMDSv2 and nothing else"
    );
    let image = &stage.seed.images[0];
    let device = only(&data["BlockDeviceMappings"]);
    assert_eq!(device["DeviceName"], json!(image.root_device));
    assert_eq!(device["Ebs"], json!({ "Encrypted": true, "DeleteOnTermination": true, "VolumeSize": 50, "VolumeType": "gp3" }));
    assert_eq!(data["Placement"]["Tenancy"], "dedicated", "the policy makes it so");
    assert_eq!([&data["ImageId"], &data["InstanceType"], &data["KeyName"]], [&json!(image.id), &json!("t3.small"), &json!("ops")]);
    assert_eq!(data["IamInstanceProfile"], json!({ "Name": global }));
    // `printf '#!/bin/sh\necho ready\n' | base64`
    assert_eq!(data["UserData"], "IyEvYmluL3NoCmVjaG8gcmVhZHkK");
    let interface = only(&data["NetworkInterfaces"]);
    assert_eq!((&interface["DeviceIndex"], &interface["Groups"]), (&json!(0), &json!([group["GroupId"]])));
    assert_eq!(interface["AssociatePublicIpAddress"], false);
    assert!(data["SecurityGroupIds"].is_null() && data["InstanceMarketOptions"].is_null(), "{data:#}");
    let launched = json!({ "Name": name, "Owner": "metrics@example.com", "CostCenter": "4711", "kaphost:cluster": name });
    for kind in ["instance", "volume"] {
        let specification = data["TagSpecifications"].as_array().into_iter().flatten().find(|one| one["ResourceType"] == kind);
        assert_eq!(specification.map(|one| tags(&one["Tags"])), Some(launched.clone()), "{kind}");
    }

    let groups = aws("autoscaling", "describe_auto_scaling_groups", json!({ "AutoScalingGroupNames": [name] }))?;
    let group = only(&groups["AutoScalingGroups"]);
    assert_eq!([&group["MinSize"], &group["MaxSize"], &group["DesiredCapacity"]], [&json!(1), &json!(1), &json!(1)]);
    assert_eq!((&group["LaunchTemplate"]["LaunchTemplateName"], &group["LaunchTemplate"]["Version"]), (&json!(name), &json!("1")));
    assert_eq!((&group["HealthCheckType"], &group["HealthCheckGracePeriod"]), (&json!("EC2"), &json!(600)));
    let mut subnets: Vec<&str> = group["VPCZoneIdentifier"].as_str().unwrap_or_default().split(',').collect();
    subnets.sort_unstable();
    let mut wanted: Vec<&str> = stage.config.subnets.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(subnets, wanted);
    assert_eq!(without_digests(tags(&group["Tags"])), launched);
    for tag in group["Tags"].as_array().into_iter().flatten() {
        let reaches = !["kaphost:spec", "kaphost:decision"].contains(&tag["Key"].as_str().unwrap_or_default());
        assert_eq!(tag["PropagateAtLaunch"], reaches, "{tag}");
    }

    let id = &only(&group["Instances"])["InstanceId"];
    let reservations = aws("ec2", "describe_instances", json!({ "InstanceIds": [id] }))?;
    let instance = only(&only(&reservations["Reservations"])["Instances"]);
    assert_eq!((&instance["MetadataOptions"]["HttpTokens"], &instance["Placement"]["Tenancy"]), (&json!("required"), &json!("dedicated")));
    assert_eq!(tags(&instance["Tags"]), launched);
    Ok(())
}

#[test]
fn further_parameters_reach_aws() -> Result<(), Failure> {
    let mut stage = stage()?;
    let bastion = stage.seed.bastion_group.clone();
    stage.change(|config| {
        config.public_ip = true;
        config.ssh_port = 2222;
        config.key = None;
        config.ssh.push(format!("security-group={bastion:?} description=\"bastion\""));
        config.ssh.push("cidr=\"2001:db8::/32\" description=\"office, IPv6\"".to_owned());
        config.root_volume = "size=20 type=\"gp3\" iops=4000 throughput=250".to_owned();
        for node in [
            r#"ebs-optimized #true"#,
            r#"spot max-price="0.05""#,
            r#"http port=9092 { allow cidr="10.1.0.0/16" description="dashboards"; }"#,
            r#"egress { allow cidr="0.0.0.0/0" ports="443" description="HTTPS"; allow cidr="10.0.0.0/8" ports="8000-9000" description="inside"; }"#,
            r#"metadata tokens="required" hop-limit=2"#,
            r#"volume "/dev/xvdh" type="io2" size=100 iops=3000 delete-on-termination=#false"#,
            r#"scaling { health-check "elb"; health-check-grace-period "90s"; termination-policies "OldestLaunchTemplate" "Default"; }"#,
            r#"rollout strategy="launch-first" { warmup "2m"; }"#,
            r#"iam profile-path="/metrics/""#,
            r#"tag "Audit" "yes" propagate=#false"#,
        ] {
            config.more.push(node.to_owned());
        }
    })?;
    stage.expect(0, APPLY)?;
    stage.expect(0, PLAN)?;
    let aws = |service: &str, operation: &str, arguments: Value| stage.account.aws(service, operation, arguments);
    let name = &stage.config.name;
    let global = stage.config.global_name();

    let versions = aws("ec2", "describe_launch_template_versions", json!({ "LaunchTemplateName": name }))?;
    let data = &only(&versions["LaunchTemplateVersions"])["LaunchTemplateData"];
    let root = &stage.seed.images[0].root_device;
    let device = |name: &str| {
        let found = data["BlockDeviceMappings"].as_array().into_iter().flatten().find(|device| device["DeviceName"] == name);
        found.map(|device| device["Ebs"].clone()).unwrap_or_default()
    };
    assert_eq!(
        device(root),
        json!({ "Encrypted": true, "DeleteOnTermination": true, "VolumeSize": 20, "VolumeType": "gp3", "Iops": 4000, "Throughput": 250 })
    );
    assert_eq!(
        device("/dev/xvdh"),
        json!({ "Encrypted": true, "DeleteOnTermination": false, "VolumeSize": 100, "VolumeType": "io2", "Iops": 3000 })
    );
    assert_eq!(data["BlockDeviceMappings"].as_array().map(Vec::len), Some(2), "{data:#}");
    assert_eq!(
        (&data["InstanceMarketOptions"]["MarketType"], &data["InstanceMarketOptions"]["SpotOptions"]["MaxPrice"]),
        (&json!("spot"), &json!("0.05"))
    );
    assert_eq!(only(&data["NetworkInterfaces"])["AssociatePublicIpAddress"], true);
    assert_eq!((&data["EbsOptimized"], &data["MetadataOptions"]["HttpPutResponseHopLimit"]), (&json!(true), &json!(2)));
    assert!(data["KeyName"].is_null(), "{data:#}");

    let group = aws("ec2", "describe_security_groups", json!({ "GroupNames": [name] }))?["SecurityGroups"][0]["GroupId"].take();
    let filter = json!({ "Filters": [{ "Name": "group-id", "Values": [group] }] });
    let rules = aws("ec2", "describe_security_group_rules", filter)?;
    let mut seen: Vec<String> = Vec::new();
    for rule in rules["SecurityGroupRules"].as_array().into_iter().flatten() {
        let peer = ["CidrIpv4", "CidrIpv6"].iter().find_map(|key| rule[*key].as_str());
        let peer = peer.or_else(|| rule["ReferencedGroupInfo"]["GroupId"].as_str()).unwrap_or_default();
        let direction = if rule["IsEgress"] == true { "out" } else { "in" };
        seen.push(format!(
            "{direction} {}-{} {peer} {}",
            rule["FromPort"],
            rule["ToPort"],
            rule["Description"].as_str().unwrap_or_default()
        ));
    }
    seen.sort();
    let mut wanted = vec![
        "in 2222-2222 10.0.0.0/8 office".to_owned(),
        "in 2222-2222 2001:db8::/32 office, IPv6".to_owned(),
        format!("in 2222-2222 {bastion} bastion"),
        "in 9092-9092 10.1.0.0/16 dashboards".to_owned(),
        "out 443-443 0.0.0.0/0 HTTPS".to_owned(),
        "out 8000-9000 10.0.0.0/8 inside".to_owned(),
    ];
    wanted.sort();
    assert_eq!(seen, wanted, "AWS's own egress rule is gone");

    let groups = aws("autoscaling", "describe_auto_scaling_groups", json!({ "AutoScalingGroupNames": [name] }))?;
    let group = only(&groups["AutoScalingGroups"]);
    assert_eq!(group["InstanceMaintenancePolicy"], json!({ "MinHealthyPercentage": 100, "MaxHealthyPercentage": 200 }));
    assert_eq!((&group["HealthCheckType"], &group["HealthCheckGracePeriod"]), (&json!("ELB"), &json!(90)));
    assert_eq!(
        (&group["DefaultInstanceWarmup"], &group["TerminationPolicies"]),
        (&json!(120), &json!(["OldestLaunchTemplate", "Default"]))
    );
    let audit = group["Tags"].as_array().into_iter().flatten().find(|tag| tag["Key"] == "Audit");
    assert_eq!(audit.map(|tag| &tag["PropagateAtLaunch"]), Some(&json!(false)));
    assert!(!data["TagSpecifications"].to_string().contains("Audit"), "{data:#}");
    let role = aws("iam", "get_role", json!({ "RoleName": global }))?;
    assert_eq!(role["Role"]["Path"], "/metrics/");

    stage.expect(0, DESTROY)?;
    Ok(())
}

#[test]
fn every_command_speaks_json() -> Result<(), Failure> {
    let stage = stage()?;
    let json = |code: i32, arguments: &str| -> Result<Value, Failure> {
        let (run, _) = stage.expect(code, &format!("{arguments} --output json"))?;
        document(&run)
    };
    let check = json(0, "check cluster.kdl --policy org.wasm")?;
    assert_eq!(check["exit"], 0, "{check:#}");
    let plan = json(2, PLAN)?;
    assert_eq!((&plan["schema"], &plan["exit"]), (&json!("kaphost.plan/1"), &json!(2)));
    assert_eq!(plan["plan"]["changes"].as_array().map(Vec::len), Some(6), "{plan:#}");
    assert!(!plan.to_string().contains("echo ready"), "user data is a secret");
    let apply = json(0, APPLY)?;
    assert_eq!(apply["outputs"]["asg_name"], "kapacitor-stage", "{apply:#}");
    let steps = apply["report"]["rounds"][0]["steps"].as_array().cloned().unwrap_or_default();
    assert_eq!(steps.len(), 8, "seven writes and the wait: {apply:#}");
    let again = json(0, APPLY)?;
    assert_eq!((&again["plan"]["changes"], &again["outputs"]), (&json!([]), &apply["outputs"]));
    assert_eq!(json(0, "output cluster.kdl")?["outputs"], apply["outputs"]);
    let status = json(0, "status cluster.kdl --policy org.wasm")?;
    assert_eq!(status["resources"].as_array().map(Vec::len), Some(5), "{status:#}");
    assert_eq!(only(&status["instances"])["lifecycle"], "InService");
    let explain = json(0, "explain cluster.kdl tenancy --policy org.wasm")?;
    assert!(explain.to_string().contains("dedicated-tenancy"), "{explain:#}");
    let destroy = json(0, DESTROY)?;
    assert_eq!(destroy["plan"]["changes"].as_array().map(Vec::len), Some(5), "{destroy:#}");
    assert_eq!(json(0, DESTROY)?["plan"]["changes"], json!([]));
    Ok(())
}

#[test]
fn without_a_terminal_nothing_is_changed_unasked() -> Result<(), Failure> {
    let stage = stage()?;
    let (apply, calls) = stage.expect(1, "apply cluster.kdl --policy org.wasm")?;
    assert!(apply.stderr.contains("nobody-to-ask") && apply.stderr.contains("--auto-approve"), "{apply}");
    assert_eq!(calls.writes(), 0, "{calls}");
    stage.expect(0, APPLY)?;
    let (destroy, calls) = stage.expect(1, "destroy cluster.kdl")?;
    assert!(destroy.stderr.contains("nobody-to-ask"), "{destroy}");
    assert_eq!(calls.writes(), 0, "{calls}");
    Ok(())
}
