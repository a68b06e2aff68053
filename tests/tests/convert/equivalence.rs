//! The examples in `configs/terraform`, converted and applied: AWS holds what the modules' `main.tf` declares, but for the differences that
//! `configs/terraform/README.md` tells, each with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kaphost_tests::{Account, Emulator, Failure, Kaphost, REGION, Seed};
use serde_json::{Value, json};

use super::declared::{Arguments, Attributes, by_the_module, on_aws};
use super::example;

/// An account, kaphost, and the seed.
struct Place {
    account: Account,
    kaphost: Kaphost,
    seed: Seed,
}

impl Place {
    fn new() -> Result<Self, Failure> {
        let account = Emulator::shared()?.account();
        let (kaphost, seed) = (Kaphost::on(&account)?, account.seed(REGION)?);
        Ok(Self { account, kaphost, seed })
    }

    fn subnets(&self) -> Vec<String> {
        self.seed.subnets.iter().take(2).map(|subnet| subnet.id.clone()).collect()
    }

    fn expect(&self, code: i32, arguments: &str) -> Result<String, Failure> {
        let run = self.kaphost.run(arguments.split_whitespace())?;
        if run.code == Some(code) { Ok(run.stdout) } else { Err(Failure::new(format!("`{arguments}` should end with {code}: {run}"))) }
    }

    /// Applies what `--out cluster.kdl` made, sees that it is settled, and compares. Then everything goes again but what is to outlive its instance.
    fn compare(&self, arguments: &Arguments, stays: &[&str]) -> Result<(), Failure> {
        let before = self.account.holdings()?;
        self.expect(0, "apply cluster.kdl --auto-approve")?;
        assert!(self.expect(0, "plan cluster.kdl --detailed-exitcode")?.contains("No changes."));
        let module = by_the_module(arguments);
        let found = on_aws(&self.account, arguments.cluster_name)?;
        let differences = differences(&module, &found);
        // What differs is told by the documentation, and what it tells of as the same does not differ.
        let told = told_differences();
        for (attribute, (module, found)) in &differences {
            assert!(
                told.contains(attribute),
                "{attribute} differs, and the documentation does not tell: {module} with the module, {found} with kaphost"
            );
        }
        let text: String = differences
            .iter()
            .map(|(attribute, (module, found))| format!("{attribute}\n    module   {module}\n    kaphost  {found}\n"))
            .collect();
        let text = text.replace(&self.seed.bastion_group, "sg-(bastion)");
        // The ids of snapshots are chance.
        let words = text.split('"').map(|word| if word.starts_with("snap-") { "snap-(id)" } else { word });
        let text = words.collect::<Vec<_>>().join("\"");
        insta::assert_snapshot!(arguments.cluster_name, text);
        self.expect(0, "destroy cluster.kdl --auto-approve")?;
        assert_eq!(self.account.holdings()?.beyond(&before), stays);
        Ok(())
    }
}

fn differences(module: &Attributes, found: &Attributes) -> BTreeMap<String, (Value, Value)> {
    let keys = |attributes: &Attributes| attributes.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(module), keys(found), "both sides speak of the same");
    let differs = module.iter().filter(|(key, value)| found[*key] != **value);
    differs.map(|(key, value)| (key.clone(), (value.clone(), found[key].clone()))).collect()
}

/// The rows of the equivalence table: attribute and why it differs; nothing where it is the same.
fn rows() -> Vec<(String, String)> {
    let text = example("README.md");
    let mut rows = Vec::new();
    let mut resource = String::new();
    for line in text.lines().skip_while(|line| !line.starts_with("| resource |")).skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [of, attribute, _, _, why] = cells.as_slice() else { panic!("five cells: {line}") };
        if !of.is_empty() {
            resource = of.trim_matches('`').to_owned();
        }
        for attribute in attribute.split(", ") {
            rows.push((format!("{resource}.{}", attribute.trim_matches('`')), (*why).to_owned()));
        }
    }
    rows
}

fn told_differences() -> BTreeSet<String> {
    rows().into_iter().filter(|(_, why)| !why.is_empty()).map(|(attribute, _)| attribute).collect()
}

fn snippet(place: &Place) -> Arguments {
    Arguments {
        cluster_name: "kapacitor-stage",
        ami_id: "ami-0abcd1234abcd1234",
        instance_type: "t3.small",
        vpc_id: place.seed.vpc.clone(),
        subnet_ids: place.subnets(),
        user_data: "#!/bin/bash\nsudo systemctl start kapacitor\n".to_owned(),
        ssh_key_name: Value::Null,
        ssh_port: 22,
        allowed_ssh_cidr_blocks: vec![],
        allowed_ssh_security_group_ids: vec![],
        termination_policies: "Default",
        health_check_type: "EC2",
        health_check_grace_period: 600,
        associate_public_ip_address: false,
        spot_price: Value::Null,
        tenancy: Value::Null,
        root_volume_ebs_optimized: false,
        root_volume: ("gp2", 50, Value::Null),
        ebs_block_devices: vec![],
        instance_profile_path: "/",
        tags: vec![],
        http: None,
    }
}

/// An example with the account's ids in place of its own.
fn with_ids(place: &Place, name: &str) -> String {
    let [first, second] = [0, 1].map(|index| place.seed.subnets[index].id.clone());
    example(name)
        .replace("vpc-0a1b2c3d4e5f60718", &place.seed.vpc)
        .replace("subnet-0aaa1111bbb22222c", &first)
        .replace("subnet-0ddd3333eee44444f", &second)
        .replace("sg-0123456789abcdef0", &place.seed.bastion_group)
        .replace("sg-0fedcba9876543210", &place.seed.bastion_group)
}

#[test]
fn the_snippet() -> Result<(), Failure> {
    let place = Place::new()?;
    place.kaphost.write("main.tf", &with_ids(&place, "snippet.tf"))?;
    place.expect(0, "convert main.tf --out cluster.kdl")?;
    place.compare(&snippet(&place), &[])
}

#[test]
fn the_kapacitor_part_of_the_multi_cluster() -> Result<(), Failure> {
    let place = Place::new()?;
    place.kaphost.write("main.tf", &example("multi-cluster.tf"))?;
    place.kaphost.write("terraform.tfvars", "kapacitor_ami_id = \"ami-0abcd1234abcd1234\"\n")?;
    // What only Terraform can look up is left open, and kaphost refuses it.
    place.expect(1, "convert . --out cluster.kdl")?;
    place.expect(1, "check cluster.kdl")?;
    // So it is filled in, as the findings say.
    let script = "#!/usr/bin/env bash\n/opt/kapacitor/bin/run-kapacitor --auto-fill '<__HOST_NAME__>=0.0.0.0'\n";
    place.kaphost.write("boot.sh", script)?;
    let file = place.kaphost.folder().join("cluster.kdl");
    let subnets: Vec<String> = place.subnets().iter().map(|id| format!("{id:?}")).collect();
    let kdl = fs::read_to_string(&file)
        .unwrap()
        .replace("REPLACE-WITH-vpc_id", &place.seed.vpc)
        .replace("\"REPLACE-WITH-subnet_ids\"", &subnets.join(" "))
        .replace("REPLACE-WITH-user_data", "boot.sh");
    assert!(!kdl.contains("REPLACE"), "{kdl}");
    place.kaphost.write("cluster.kdl", &kdl)?;
    let arguments = Arguments {
        cluster_name: "kapacitor-server",
        instance_type: "t2.micro",
        user_data: script.to_owned(),
        allowed_ssh_cidr_blocks: vec!["0.0.0.0/0"],
        health_check_type: "ELB",
        associate_public_ip_address: true,
        ebs_block_devices: vec![("/dev/xvdh", [json!("gp2"), json!(50), Value::Null, Value::Null, json!(true), Value::Null])],
        http: Some((9092, vec!["0.0.0.0/0"], vec![])),
        ..snippet(&place)
    };
    place.compare(&arguments, &[])
}

#[test]
fn every_argument() -> Result<(), Failure> {
    let place = Place::new()?;
    let zone = &place.seed.subnets[0].zone;
    let volume = place.account.aws("ec2", "create_volume", json!({ "AvailabilityZone": zone, "Size": 10 }))?;
    let snapshot = place.account.aws("ec2", "create_snapshot", json!({ "VolumeId": volume["VolumeId"] }))?["SnapshotId"].take();
    let snapshot = snapshot.as_str().unwrap_or_default();
    let script = example("user-data.sh");
    place.kaphost.write("tf/user-data.sh", &script)?;
    place.kaphost.write("tf/main.tf", &with_ids(&place, "everything.tf").replace("snap-0123456789abcdef0", snapshot))?;
    place.expect(0, "convert tf/main.tf --out cluster.kdl")?;
    let arguments = Arguments {
        cluster_name: "kapacitor-prod",
        instance_type: "m5.large",
        user_data: script,
        ssh_key_name: json!("ops"),
        ssh_port: 2222,
        allowed_ssh_cidr_blocks: vec!["10.0.0.0/8", "192.168.0.0/16"],
        allowed_ssh_security_group_ids: vec![place.seed.bastion_group.clone()],
        termination_policies: "OldestInstance",
        health_check_grace_period: 300,
        spot_price: json!("0.0456"),
        tenancy: json!("dedicated"),
        root_volume_ebs_optimized: true,
        root_volume: ("io1", 100, json!(2000)),
        ebs_block_devices: vec![
            ("/dev/xvdh", [json!("gp2"), json!(300), Value::Null, json!(true), json!(false), Value::Null]),
            ("/dev/xvdi", [json!("io1"), json!(100), json!(1000), Value::Null, json!(true), json!(snapshot)]),
        ],
        instance_profile_path: "/metrics/",
        tags: vec![("Team", "metrics", true), ("CostCenter", "4711", false)],
        http: Some((9092, vec!["10.0.0.0/8"], vec![place.seed.bastion_group.clone()])),
        ..snippet(&place)
    };
    place.compare(&arguments, &["volume of 300 GiB, available"])
}

#[test]
fn the_table_tells_of_every_attribute_once() -> Result<(), Failure> {
    let place = Place::new()?;
    let declared: Vec<String> = by_the_module(&snippet(&place)).into_keys().collect();
    let mut told: Vec<String> = rows().into_iter().map(|(attribute, _)| attribute).collect();
    told.sort();
    assert_eq!(told, declared);
    Ok(())
}
