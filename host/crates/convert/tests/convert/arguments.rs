//! Each argument of both modules, one at a time: what it becomes, or how it is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use self::similar_lines::added_and_removed;
use kaphost_convert::{Outcome, known_arguments};

use crate::support::{converted, read, told};

/// The variables of `modules/kapacitor-server` in the module's repository.
const SERVER: [&str; 26] = [
    "cluster_name",
    "ami_id",
    "instance_type",
    "vpc_id",
    "subnet_ids",
    "user_data",
    "ssh_key_name",
    "allowed_ssh_cidr_blocks",
    "allowed_ssh_security_group_ids",
    "allowed_ssh_security_group_ids_num",
    "termination_policies",
    "associate_public_ip_address",
    "spot_price",
    "tenancy",
    "root_volume_ebs_optimized",
    "root_volume_type",
    "root_volume_size",
    "root_volume_delete_on_termination",
    "root_volume_iops",
    "ebs_block_devices",
    "wait_for_capacity_timeout",
    "health_check_type",
    "health_check_grace_period",
    "instance_profile_path",
    "ssh_port",
    "tags",
];

/// The variables of `modules/kapacitor-security-group-rules`.
const RULES: [&str; 5] =
    ["security_group_id", "http_port", "http_port_cidr_blocks", "http_port_security_groups", "http_port_security_groups_num"];

/// What the server module is given beside the argument that a case is about.
const NEEDED: [(&str, &str); 6] = [
    ("cluster_name", r#""kapacitor-stage""#),
    ("ami_id", r#""ami-0abcd1234abcd1234""#),
    ("instance_type", r#""t3.small""#),
    ("vpc_id", r#""vpc-0a1b2c3d""#),
    ("subnet_ids", r#"["subnet-0aaa1111"]"#),
    ("user_data", "null"),
];

/// Every argument with values that are carried over, and with some that are not. An empty value is none at all.
const CASES: [(&str, &[&str]); 26] = [
    ("cluster_name", &[r#""kapacitor-prod""#, r#""${var.known}-1""#, r#""Kapacitor_Prod""#, "var.unknown", ""]),
    ("ami_id", &[r#""ami-0ffff1234abcd1234""#, "data.aws_ami.kapacitor.id", r#""ami""#, ""]),
    ("instance_type", &[r#""m7i-flex.large""#, r#"var.known == "x" ? "t3.small" : "t3.large""#, "5", ""]),
    ("vpc_id", &[r#""vpc-0fff""#, "aws_vpc.main.id", ""]),
    (
        "subnet_ids",
        &[r#"["subnet-0bbb", "subnet-0ccc", "subnet-0bbb"]"#, r#"["subnet-0bbb", aws_subnet.b.id]"#, "[]", r#""subnet-0bbb""#, ""],
    ),
    (
        "user_data",
        &[
            r##""#!/bin/sh\necho \"${var.known}\" $${HOME}\n""##,
            "<<-EOF\n    #!/bin/sh\n      echo one\n    EOF\n  ",
            r#"file("${path.module}/boot/user-data.sh")"#,
            r#"templatefile("x.sh", {})"#,
            "data.template_file.boot.rendered",
            r#""""#,
            "",
        ],
    ),
    ("ssh_key_name", &[r#""ops""#, r#""""#, "null", "aws_key_pair.ops.key_name"]),
    (
        "allowed_ssh_cidr_blocks",
        &[r#"["10.0.0.0/8", "0.0.0.0/0"]"#, r#"["10.1.2.3/8", "10.0.0.0/8"]"#, "[]", r#"["10.0.0.0/8", var.unknown]"#, r#"["10.0.0.0"]"#],
    ),
    ("allowed_ssh_security_group_ids", &[r#"["sg-0aaa"]"#]),
    ("allowed_ssh_security_group_ids_num", &["2", "0", "length([1])", "var.unknown"]),
    ("termination_policies", &[r#""OldestInstance""#, r#"["OldestInstance", "Default"]"#, r#""Oldest""#]),
    ("associate_public_ip_address", &["true", r#""false""#, "null", r#""perhaps""#]),
    ("spot_price", &[r#""0.0456""#, "0.05", r#""""#, "null", r#""free""#]),
    ("tenancy", &[r#""dedicated""#, r#""default""#, r#""""#, "null", r#""host""#]),
    ("root_volume_ebs_optimized", &["true", "false", "null"]),
    ("root_volume_type", &[r#""gp2""#, r#""standard""#, r#""st1""#, "null"]),
    ("root_volume_size", &["100", r#""20""#, "1.5", "-1"]),
    ("root_volume_delete_on_termination", &["false"]),
    ("root_volume_iops", &["1000"]),
    (
        "ebs_block_devices",
        &[
            r#"[{ device_name = "/dev/xvdh", volume_type = "gp3", volume_size = "300", encrypted = true }]"#,
            r#"[{ device_name = "/dev/xvdh", volume_size = 300, iops = 100, throughput = 200, delete_on_termination = false }]"#,
            r#"[{ "device_name" : "/dev/xvdh", snapshot_id = "snap-0aaa" }, { device_name = "/dev/sdb", no_device = true }]"#,
            r#"[{ device_name = var.unknown, volume_size = 10, volume_type = null }, "/dev/xvdi"]"#,
            "[]",
            "var.unknown",
        ],
    ),
    ("wait_for_capacity_timeout", &[r#""15m""#, r#""0""#, r#""1.5h""#, r#""10""#]),
    ("health_check_type", &[r#""ELB""#, r#""EC2""#, r#""VPC""#]),
    ("health_check_grace_period", &["300", "null"]),
    ("instance_profile_path", &[r#""/metrics/""#, r#""/""#, r#""metrics""#]),
    ("ssh_port", &["2222", r#""22""#, "70000"]),
    (
        "tags",
        &[
            r#"[{ key = "Team", value = "metrics", propagate_at_launch = true }, { key = "N", value = 7, propagate_at_launch = "false" }]"#,
            r#"[{ key = "Team", value = "metrics" }, { key = "Owner", value = var.unknown, propagate_at_launch = true }]"#,
            r#"[{ key = "aws:x", value = "y", propagate_at_launch = true, colour = "blue" }]"#,
            r#"{ Team = "metrics" }"#,
        ],
    ),
];

/// The same for the rules.
const RULE_CASES: [(&str, &[&str]); 5] = [
    (
        "security_group_id",
        &[
            r#""${module.kapacitor.security_group_id}""#,
            "module.kapacitor[0].security_group_id",
            r#""sg-0123456789abcdef0""#,
            "module.influxdb.security_group_id",
            "",
        ],
    ),
    ("http_port", &[r#""8091""#, "var.unknown", "22", ""]),
    ("http_port_cidr_blocks", &[r#"["10.0.0.0/8"]"#, "var.unknown"]),
    ("http_port_security_groups", &[r#"["sg-0aaa"]"#]),
    ("http_port_security_groups_num", &["1", "null"]),
];

/// A module block with these arguments; of two of a name the last counts, and an empty one is left out.
fn block(label: &str, kind: &str, arguments: &[(&str, &str)]) -> String {
    let arguments: BTreeMap<&str, &str> = arguments.iter().copied().collect();
    let mut text = format!("module \"{label}\" {{\n  source = \"../../modules/{kind}\"\n");
    for (name, value) in arguments.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    text + "}\n"
}

fn server(more: &[(&str, &str)]) -> String {
    let mut arguments = NEEDED.to_vec();
    arguments.extend(more);
    let around =
        "provider \"aws\" {\n  region = \"us-east-1\"\n}\nvariable \"known\" {\n  default = \"kapacitor\"\n}\nvariable \"unknown\" {}\n";
    format!("{around}{}", block("kapacitor", "kapacitor-server", &arguments))
}

fn with_rules(more: &[(&str, &str)]) -> String {
    let mut arguments = vec![("security_group_id", "module.kapacitor.security_group_id"), ("http_port", "9092")];
    arguments.extend(more);
    format!("{}{}", server(&[]), block("rules", "kapacitor-security-group-rules", &arguments))
}

/// What differs from the config of the least that is needed, and what is said.
fn case(out: &mut String, text: &str, base: &str, name: &str, value: &str) {
    let conversion = converted(text).unwrap();
    let value = if value.is_empty() { "(not given)" } else { value };
    let _ = writeln!(out, "━━ {name} = {}", value.replace('\n', "\\n"));
    out.push_str(&added_and_removed(base, &conversion.kdl));
    out.push_str(&told(&conversion.findings));
    // Whatever is usable is what kaphost takes; whatever is not, kaphost refuses.
    if conversion.is_usable() {
        read(&conversion);
    } else {
        let refused = kaphost_spec::parse(kaphost_spec::ConfigSource::new("cluster.kdl", &*conversion.kdl), &kaphost_spec::NoLookup);
        assert!(refused.is_err(), "{name} = {value}: kaphost takes what is not to be used:\n{}", conversion.kdl);
    }
    // Every argument is carried over, or named by a finding, or Terraform's own.
    let given: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(" = ")).map(|(name, _)| name.trim()).collect();
    for name in given.iter().filter(|name| SERVER.contains(*name) || RULES.contains(*name)) {
        let report = conversion.arguments.iter().find(|argument| argument.name == **name);
        let outcome = &report.unwrap_or_else(|| panic!("{name} is not accounted for:\n{text}")).outcome;
        let named = conversion.findings.iter().any(|finding| finding.argument.as_deref() == Some(name) || finding.message.contains(name));
        assert!(*outcome != Outcome::Named || named || RULES.contains(name), "{name} is said to be named and is not");
    }
}

#[test]
fn every_argument_of_the_server() {
    let base = converted(&server(&[])).unwrap().kdl;
    let mut out = String::new();
    for (name, values) in CASES {
        for value in values {
            // A number of groups means nothing without groups.
            let groups = ("allowed_ssh_security_group_ids", r#"["sg-0aaa", "sg-0bbb"]"#);
            let more = if name.ends_with("_num") { vec![groups, (name, *value)] } else { vec![(name, *value)] };
            case(&mut out, &server(&more), &base, name, value);
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn every_argument_of_the_rules() {
    let base = converted(&with_rules(&[])).unwrap().kdl;
    let mut out = String::new();
    for (name, values) in RULE_CASES {
        for value in values {
            let groups = ("http_port_security_groups", r#"["sg-0aaa", "sg-0bbb"]"#);
            let more = if name.ends_with("_num") { vec![groups, (name, *value)] } else { vec![(name, *value)] };
            case(&mut out, &with_rules(&more), &base, name, value);
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn what_belongs_together() {
    let base = converted(&server(&[])).unwrap().kdl;
    let mut out = String::new();
    for (name, more) in [
        ("spot with tenancy default", vec![("spot_price", r#""0.05""#), ("tenancy", r#""default""#)]),
        ("spot with no tenancy", vec![("spot_price", r#""0.05""#), ("tenancy", r#""""#)]),
        ("io1 with IOPS", vec![("root_volume_type", r#""io1""#), ("root_volume_iops", "1000")]),
        ("io1 without IOPS", vec![("root_volume_type", r#""io1""#)]),
        ("a misspelt argument", vec![("instance_typ", r#""t3.small""#)]),
        ("an argument of nobody", vec![("enable_quantum_mode", "true")]),
        ("count", vec![("count", "1")]),
        ("several", vec![("count", "2")]),
        ("for each", vec![("for_each", r#"toset(["a"])"#), ("instance_type", "each.value")]),
        ("Terraform's own", vec![("depends_on", "[aws_vpc.main]"), ("version", r#""1.0""#)]),
    ] {
        case(&mut out, &server(&more), &base, name, "…");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn the_cases_leave_no_argument_out() {
    let known: Vec<&str> = known_arguments().map(|(_, name, _)| name).collect();
    let variables: Vec<&str> = SERVER.into_iter().chain(RULES).collect();
    assert_eq!(known, variables, "the table of arguments is the module's");
    let cases: Vec<&str> = CASES.iter().chain(&RULE_CASES).map(|(name, _)| *name).collect();
    assert_eq!(cases, variables, "each has its cases");
}

/// Lines that one text has and the other has not, in order.
mod similar_lines {
    pub(super) fn added_and_removed(before: &str, after: &str) -> String {
        let lines = |text: &str| text.lines().filter(|line| !line.contains("// From the module")).map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(before), lines(after));
        let removed = before.iter().filter(|line| !after.contains(line)).map(|line| format!("-{line}\n"));
        let added = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{line}\n"));
        removed.chain(added).collect()
    }
}
