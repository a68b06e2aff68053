//! The table of defaults in `configs/terraform/README.md`, held to what the modules take and to what a config means where it says nothing.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_spec::{ConfigSource, Leaf, Leaves, NoLookup, Segment, parse};

use super::{Absent, RULES, SERVER};
use crate::{Request, convert};

/// What has no default in either, and one of what has several: who may come in over what, a volume, a tag.
const CONFIG: &str = r#"cluster "kapacitor" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
    ALLOW
    volume "/dev/xvdh" size=8
    tag "Team" "metrics"
}
"#;
const MODULE: &str = r##"
provider "aws" { region = "us-east-1" }
module "kapacitor" {
  source            = "github.com/gruntwork-io/terraform-aws-influx//modules/kapacitor-server?ref=v0.0.2"
  cluster_name      = "kapacitor"
  ami_id            = "ami-0abcd1234abcd1234"
  instance_type     = "t3.small"
  vpc_id            = "vpc-0a1b2c3d"
  subnet_ids        = ["subnet-0aaa1111"]
  user_data         = "#!/bin/sh\n"
  ebs_block_devices = [{ device_name = "/dev/xvdh", volume_size = 8 }]
}
"##;

/// A row: arguments, the config's path, the module's default, kaphost's, and why they differ.
struct Row {
    arguments: Vec<String>,
    path: String,
    module: String,
    kaphost: String,
    why: String,
}

/// What stands between the first two backticks.
fn code(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../configs/terraform/README.md")).unwrap();
    let table = page.lines().skip_while(|line| !line.starts_with("| argument |")).skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, arguments, path, module, kaphost, why, _] = cells.as_slice() else { panic!("five cells: {line}") };
        Row {
            arguments: arguments.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            path: code(path).unwrap().to_owned(),
            module: (*module).to_owned(),
            kaphost: (*kaphost).to_owned(),
            why: (*why).to_owned(),
        }
    };
    table.map(row).collect()
}

/// Leaves by their paths without keys.
fn by_pattern(leaves: &Leaves) -> BTreeMap<String, Leaf> {
    let step = |segment: &Segment| match segment {
        Segment::Field(name) => format!(".{name}"),
        Segment::Key(_) => "[]".to_owned(),
    };
    let pattern = |path: &kaphost_spec::Path| path.segments().iter().map(step).collect::<String>().trim_start_matches('.').to_owned();
    leaves.iter().map(|(path, leaf)| (pattern(path), leaf.clone())).collect()
}

fn read(text: &str) -> BTreeMap<String, Leaf> {
    let file = parse(ConfigSource::new("c.kdl", text), &NoLookup).unwrap_or_else(|report| panic!("{:#?}", report.diagnostics()));
    by_pattern(&file.specs[0].cluster.leaves())
}

/// The default at a path: none where nothing is said there or below.
fn said(leaves: &BTreeMap<String, Leaf>, path: &str) -> Option<String> {
    leaves.get(path).map(|leaf| leaf.to_string().trim_matches('"').to_owned())
}

#[test]
fn the_table_of_defaults_is_what_the_code_does() {
    let rows = rows();
    let bare = read(&CONFIG.replace("ALLOW", "").replace("volume \"/dev/xvdh\" size=8", "").replace("tag \"Team\" \"metrics\"", ""));
    let full = read(&CONFIG.replace("ALLOW", "ssh { allow cidr=\"10.0.0.0/8\"; }\n http { allow cidr=\"10.0.0.0/8\"; }"));
    let conversion = convert(Request::new(vec![ConfigSource::new("main.tf", MODULE)])).unwrap();
    let module = read(&conversion.kdl);
    for Row { path, module: by_module, kaphost, why, .. } in &rows {
        // What there is none of unless somebody says it is looked for where nobody does.
        let ours = if path.contains("[]") { &full } else { &bare };
        let same = kaphost == "the same";
        let cell = if same { by_module } else { kaphost };
        assert_eq!(code(cell).map(str::to_owned), said(ours, path), "kaphost's default of {path}");
        let below = format!("{path}[");
        assert!(code(cell).is_some() || path.contains("[]") || !ours.keys().any(|other| other.starts_with(&below)), "{path} is not empty");
        // Where the module has a word for it, what its conversion says.
        if let Some(default) = code(by_module) {
            assert_eq!(Some(default), said(&module, path).as_deref(), "the module's default of {path}");
        }
        assert_eq!(why.is_empty(), same, "{path}: a reason where there is a difference, and nowhere else");
    }

    let mut told: Vec<(&str, &str)> =
        rows.iter().flat_map(|row| row.arguments.iter().map(|argument| (argument.as_str(), row.path.as_str()))).collect();
    let has_default = |absent| matches!(absent, Absent::Unset | Absent::Default);
    let taken = SERVER.iter().chain(RULES).filter(|argument| has_default(argument.absent));
    let mut taken: Vec<(&str, &str)> = taken.map(|argument| (argument.name, argument.to)).collect();
    told.sort_unstable();
    taken.sort_unstable();
    assert_eq!(told, taken, "every argument that may be left out, once, and what it becomes");

    let needed = ["name", "region", "ami", "instance-type", "network.vpc", "network.subnets[]", "volume[].size", "tag[]"];
    let defaults: BTreeSet<&str> = full.keys().map(String::as_str).filter(|path| !needed.contains(path)).collect();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(defaults.difference(&listed).collect::<Vec<_>>(), [&""; 0], "every default of kaphost's");
}
