//! Random chains of policies, under random terms, on random servers: what one process decides, another comes to by its record, with a cache of its own, byte
//! for byte. And what ends without a decision ends in the same way, in the same words.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Kaphost, Run, Set};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Policies of ours that need neither facts nor settings, and whether they change anything.
const POLICIES: [(&str, bool); 10] = [
    ("dedicated-tenancy", true),
    ("encrypted-volumes", true),
    ("health-checks", false),
    ("imdsv2", true),
    ("no-public-ip", true),
    ("org", true),
    ("required-tags", true),
    ("restrict-egress", false),
    ("restrict-ingress", false),
    ("restrict-ssh", true),
];

/// Lines of a config, of each of which it has one or none.
const LINES: [&[&str]; 10] = [
    &["tenancy \"dedicated\"", "tenancy \"default\""],
    &["ssh { allow cidr=\"10.1.0.0/16\" description=\"office\"; }", "ssh { allow cidr=\"0.0.0.0/0\"; allow cidr=\"96.0.0.0/4\"; }"],
    &["http { allow cidr=\"10.0.0.0/8\"; }", "http { allow cidr=\"::/0\" description=\"everybody\"; }"],
    &["egress { allow cidr=\"10.0.0.0/8\"; }", "egress { allow cidr=\"0.0.0.0/0\"; }"],
    &["metadata tokens=\"optional\"", "metadata hop-limit=3", "metadata enabled=#false"],
    &["root-volume encrypted=#true", "root-volume encrypted=#false", "root-volume size=80"],
    &["volume \"/dev/xvdh\" size=100 encrypted=#false", "volume \"/dev/xvdh\" size=100; volume \"/dev/xvdi\" size=20 encrypted=#false"],
    &["scaling { health-check \"elb\"; }", "scaling { health-check-grace-period \"2h\"; }"],
    &["tag \"Owner\" \"metrics\"; tag \"CostCenter\" \"4711\"", "tag \"Owner\" \"ümläut\""],
    &["user-data \"echo hunter2\""],
];

fn config() -> impl Strategy<Value = String> {
    let lines: Vec<_> = LINES.into_iter().map(|ways| prop::option::of(select(ways))).collect();
    (lines, any::<bool>()).prop_map(|(lines, public)| {
        let lines: String = lines.into_iter().flatten().map(|line| format!("    {line}\n")).collect();
        format!(
            "cluster \"server\" region=\"us-east-1\" {{\n    ami \"ami-0abcd1234\"\n    instance-type \"t3.small\"\n    \
             network vpc=\"vpc-0a1b2c3d\" public-ip=#{public} {{ subnets \"subnet-0aaa1111\"; }}\n{lines}}}\n"
        )
    })
}

/// A policy of a set: its name, how it is held to, and what else the set says of it.
type Entry = (&'static str, &'static str, &'static [&'static str]);

fn entry((name, mutates): (&'static str, bool)) -> BoxedStrategy<Entry> {
    let looks_on = select(&["disabled", "advisory", "mandatory"][..]).prop_map(move |enforcement| (name, enforcement, &[][..]));
    // Now and then what it may write is not what it does write.
    let writes = prop_oneof![6 => Just(&["writes \"*\""][..]), 1 => Just(&["writes \"tenancy\""][..])];
    let remediates = writes.prop_map(move |writes| (name, "remediate", writes));
    if mutates { prop_oneof![1 => looks_on, 3 => remediates].boxed() } else { looks_on.boxed() }
}

fn chain() -> impl Strategy<Value = Vec<Entry>> {
    subsequence(&POLICIES[..], 1..6).prop_shuffle().prop_flat_map(|policies| policies.into_iter().map(entry).collect::<Vec<_>>())
}

/// The same file in both homes.
fn write(homes: &[&Kaphost], name: &str, text: &str) {
    for home in homes {
        home.write(name, text).unwrap();
    }
}

fn check(kaphost: &Kaphost) -> Run {
    let _ = fs::remove_file(kaphost.folder().join("record.json"));
    let arguments = ["check", "server.kdl", "--policy", "sets/org.kdl", "--now", "2026-11-22T20:00:00Z", "--record", "record.json"];
    kaphost.run(arguments).unwrap()
}

fn record(kaphost: &Kaphost) -> Option<String> {
    fs::read_to_string(kaphost.folder().join("record.json")).ok()
}

#[test]
fn what_one_process_decides_another_comes_to_with_a_cache_of_its_own() {
    // One home has what policies are compiled to; the other begins with nothing, and compiles each by itself.
    let (here, there) = (Kaphost::offline().unwrap(), Kaphost::offline().unwrap());
    here.knows(&POLICIES.map(|(name, _)| name)).unwrap();
    proptest!(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() }, |(config in config(), chain in chain())| {
        write(&[&here, &there], "server.kdl", &config);
        for home in [&here, &there] {
            let set = Set::at(home.folder().join("sets/org.kdl"));
            let set = chain.iter().try_fold(set, |set, (name, enforcement, more)| set.with_built(name, enforcement, more)).unwrap();
            set.write().unwrap();
        }
        let (decided, again) = (check(&here), check(&there));
        prop_assert!([Some(0), Some(3), Some(4)].contains(&decided.code), "{}", decided);
        prop_assert_eq!((decided.code, &decided.stdout, &decided.stderr), (again.code, &again.stdout, &again.stderr));
        let text = record(&here);
        // There is a decision, or there is none: a policy that goes beyond its grants.
        prop_assert_eq!(text.is_some(), decided.code != Some(4), "{}", decided);
        prop_assert_eq!(&record(&there), &text);
        if let Some(text) = text {
            prop_assert!(!text.contains("hunter2"), "{}", text);
            // By the record of the one, in the home of the other.
            there.write("theirs.json", &text).unwrap();
            let replayed = there.run(["replay", "theirs.json"]).unwrap();
            prop_assert_eq!(replayed.code, Some(0), "{}", replayed);
            prop_assert_eq!(replayed.stdout, "The decision in theirs.json comes out the same, byte for byte.\n");
        }
    });
}
