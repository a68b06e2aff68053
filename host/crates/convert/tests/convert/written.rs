//! A cluster that is written is read again as the same.

use kaphost_convert::{Remarks, write};
use kaphost_spec::{Cluster, ConfigSource, Lookup, parse};
use proptest::prelude::*;

/// Finds something for every name.
struct Echo;

impl Lookup for Echo {
    fn env(&self, name: &str) -> Result<String, String> {
        Ok(name.to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Ok(if path.ends_with(".json") { "{\"Statement\": []}".to_owned() } else { format!("#!/bin/sh\n\techo \"{path}\" \\ done\n\n") })
    }
}

fn read(text: &str) -> Vec<Cluster> {
    let file = parse(ConfigSource::new("x.kdl", text), &Echo).unwrap_or_else(|report| panic!("{report:#?}\n{text}"));
    file.specs.into_iter().map(|spec| Cluster::clone(&spec.cluster)).collect()
}

fn assert_same(cluster: &Cluster) {
    let text = write(cluster, &Remarks::default());
    assert_eq!(read(&text), std::slice::from_ref(cluster), "{text}");
}

#[test]
fn every_example() {
    for text in [
        include_str!("../../../../../configs/minimal.kdl"),
        include_str!("../../../../../configs/kapacitor.kdl"),
        include_str!("../../../../../configs/everything.kdl"),
    ] {
        read(text).iter().for_each(assert_same);
    }
}

/// One is taken from each row; the first leaves the node out.
const ROWS: &[&[&str]] = &[
    &["", "tenancy \"dedicated\""],
    &["", "ebs-optimized #true", "ebs-optimized #false"],
    &["", "spot", "spot max-price=\"0.05\""],
    &["", "ssh key=\"ops\" { allow cidr=\"10.0.0.0/8\"; allow security-group=\"sg-1\" description=\"x\"; }", "ssh port=2222"],
    &[
        "",
        "http { allow cidr=\"::/0\"; }",
        "http security-group=\"sg-2\" { port 80; allow cidr=\"10.0.0.0/8\" description=\"\\\"q\\\"\"; }",
    ],
    &[
        "",
        "egress",
        "egress { allow cidr=\"0.0.0.0/0\" ports=\"443\"; }",
        "egress { allow cidr=\"0.0.0.0/0\"; }",
        "egress { allow cidr=\"0.0.0.0/0\" description=\"out\"; }",
        "egress { allow cidr=\"0.0.0.0/0\" description=\"everything over IPv4\"; allow cidr=\"::/0\" ports=\"80-90\"; }",
    ],
    &["", "metadata tokens=\"optional\" hop-limit=2", "metadata enabled=#false"],
    &["", "root-volume size=60", "root-volume type=\"io2\" iops=1000 encrypted=#false", "root-volume kms-key=\"alias/k\" throughput=200"],
    &["", "volume \"/dev/xvdh\" size=50", "volume \"/dev/xvdh\" size=10 snapshot=\"snap-1\" delete-on-termination=#false encrypted=#false"],
    &["", "user-data \"echo\"", "user-data (file)\"script\""],
    &["", "scaling deletion-protection=#true { termination-policies \"Default\" \"OldestInstance\"; }", "scaling health-check=\"elb\""],
    &[
        "",
        "scaling wait-for-capacity-timeout=0",
        "rollout warmup=\"0s\"",
        "rollout strategy=\"launch-first\" auto-rollback=#false timeout=61",
    ],
    &["", "iam boundary=\"arn:aws:iam::123456789012:policy/b\"", "iam profile-path=\"/m/\" { inline-policy \"p\" (file)\"p.json\"; }"],
    &["", "tag \"A\" \"1\"", "tag \"A\" \"1\" propagate=#false; tag \"B c\" \"\""],
];

proptest! {
    #[test]
    fn whatever_a_config_says(choice in proptest::collection::vec(0..6usize, ROWS.len())) {
        let rows: String = ROWS.iter().zip(choice).map(|(row, at)| format!("    {}\n", row[at % row.len()])).collect();
        let rest = "ami \"ami-1\"; instance-type \"t3.small\"; network vpc=\"vpc-1\" { subnets \"subnet-1\" \"subnet-2\"; }";
        let text = format!("cluster \"kap\" region=\"us-east-1\" {{ {rest}\n{rows}}}");
        // Not every choice goes with every other.
        if let Ok(file) = parse(ConfigSource::new("x.kdl", text), &Echo) {
            assert_same(&file.specs[0].cluster);
        }
    }
}
