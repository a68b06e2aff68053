//! Several clusters in one file: chosen by name, judged and planned before anything of any is begun, applied side by side, told apart in every output.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::time::Duration;

use kaphost_tests::{CallLog, Rule, Run, Stage};
use serde_json::{Value, json};

const WEST: &str = "us-west-2";
const APPLY: &str = "apply fleet.kdl --policy org.wasm --auto-approve";
const PLAN: &str = "plan fleet.kdl --policy org.wasm --detailed-exitcode";
const DESTROY: &str = "destroy fleet.kdl --auto-approve";

/// What every cluster of the file is like, but for its place.
const DEFAULTS: &str = r#"defaults {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    root-volume size=50
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}
"#;

/// A stage whose `fleet.kdl` describes `kapacitor-stage` and `kapacitor-test` in the east, and `kapacitor-prod` in the west.
struct Fleet {
    stage: Stage,
    east: String,
    west: String,
}

impl Fleet {
    fn new() -> Self {
        let stage = Stage::new().unwrap();
        let network = |seed: &kaphost_tests::Seed| {
            let subnets: Vec<String> = seed.subnets.iter().take(2).map(|subnet| format!("{:?}", subnet.id)).collect();
            format!("network vpc={:?} {{ subnets {}; }}", seed.vpc, subnets.join(" "))
        };
        let (east, west) = (network(&stage.seed), network(&stage.account.seed(WEST).unwrap()));
        let fleet = Self { stage, east, west };
        fleet.write("10.0.0.0/8");
        fleet
    }

    /// Writes the file; into the server of tests may log in who is in `range`.
    fn write(&self, range: &str) {
        let Self { east, west, .. } = self;
        let cluster = |name: &str, region: &str, network: &str, range: &str| {
            format!(
                "cluster {name:?} region={region:?} {{\n    {network}\n    ssh {{ allow cidr={range:?} description=\"office\"; }}\n}}\n"
            )
        };
        let text = [
            DEFAULTS.to_owned(),
            cluster("kapacitor-stage", "us-east-1", east, "10.0.0.0/8"),
            cluster("kapacitor-test", "us-east-1", east, range),
            cluster("kapacitor-prod", WEST, west, "10.0.0.0/8"),
        ];
        self.stage.kaphost.write("fleet.kdl", &text.concat()).unwrap();
    }

    fn expect(&self, code: i32, arguments: &str) -> (Run, CallLog) {
        self.stage.expect(code, arguments).unwrap()
    }

    /// The document of a run, and of each cluster in it, in order.
    fn clusters(&self, code: i32, arguments: &str) -> Vec<Value> {
        let (run, _) = self.expect(code, &format!("{arguments} --output json"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        assert_eq!(document["exit"], code, "{run}");
        let clusters = document["clusters"].as_array().unwrap_or_else(|| panic!("no clusters: {run}")).clone();
        assert!(clusters.iter().all(|one| one["version"].is_null() && one["region"].is_string()), "{run}");
        clusters
    }

    /// The roles that are there, of whatever region: they are global.
    fn roles(&self) -> Vec<String> {
        let holdings = self.stage.account.holdings().unwrap();
        let lines = holdings.beyond(&Default::default());
        lines.into_iter().filter_map(|line| line.strip_prefix("role ").map(str::to_owned)).collect()
    }
}

fn told(clusters: &[Value], member: &str) -> Vec<(String, Value)> {
    clusters.iter().map(|one| (one["cluster"].as_str().unwrap().to_owned(), one[member].clone())).collect()
}

fn names(pairs: &[(&str, i32)]) -> Vec<(String, Value)> {
    pairs.iter().map(|(name, exit)| ((*name).to_owned(), json!(exit))).collect()
}

#[test]
fn a_file_of_three_is_applied_seen_and_destroyed() {
    let fleet = Fleet::new();
    let before = fleet.stage.account.holdings().unwrap();
    fleet.expect(0, "check fleet.kdl --policy org.wasm");
    let (plan, _) = fleet.expect(2, PLAN);
    let stage = plan.stdout.find("── kapacitor-stage in us-east-1 ──").unwrap();
    let prod = plan.stdout.find("── kapacitor-prod in us-west-2 ──").unwrap();
    let summary = plan.stdout.find("── 3 clusters ──").unwrap();
    assert!(stage < prod && prod < summary, "{plan}");
    assert!(plan.stdout[summary..].contains("  kapacitor-prod   us-west-2  6 to create\n"), "{plan}");

    let (apply, calls) = fleet.expect(0, APPLY);
    for name in ["kapacitor-stage", "kapacitor-test", "kapacitor-prod"] {
        let of_it = |line: &str| line.starts_with(&format!("{name}: ")) && line.contains(&format!("✓ CreateRole IAM role {name}-"));
        assert!(apply.stderr.lines().any(of_it), "progress is told apart: {apply}");
        assert!(apply.stdout.contains(&format!("asg_name                = {name}\n")), "{apply}");
    }
    assert_eq!(calls.iter().filter(|call| call.action == "CreateAutoScalingGroup").count(), 3, "{calls}");

    let (again, calls) = fleet.expect(0, APPLY);
    assert!(calls.writes() == 0 && again.stdout.matches("no changes").count() == 3, "{again}");
    fleet.expect(0, PLAN);
    let (status, _) = fleet.expect(0, "status fleet.kdl --policy org.wasm --detailed-exitcode");
    assert_eq!(status.stdout.matches("As it should be.").count(), 3, "{status}");
    let outputs = told(&fleet.clusters(0, "output fleet.kdl"), "outputs");
    assert!(outputs.iter().all(|(name, outputs)| outputs["asg_name"] == name.as_str()), "{outputs:?}");

    // One alone is as if there were no others.
    let (alone, _) = fleet.expect(0, "output fleet.kdl asg_name --cluster kapacitor-prod");
    assert_eq!(alone.stdout, "kapacitor-prod\n");
    let (gone, _) = fleet.expect(0, &format!("{DESTROY} --cluster kapacitor-test"));
    assert!(gone.stdout.contains("kapacitor-test is gone from us-east-1.") && !gone.stdout.contains("──"), "{gone}");
    let (status, _) = fleet.expect(2, "status fleet.kdl --policy org.wasm --detailed-exitcode");
    assert!(status.stdout.contains("  kapacitor-test   us-east-1  not as it should be: 6 to create\n"), "{status}");
    let (gone, _) = fleet.expect(0, DESTROY);
    assert!(gone.stdout.contains("  kapacitor-test   us-east-1  nothing is left\n"), "{gone}");
    assert_eq!(fleet.stage.account.holdings().unwrap(), before);
    let (nothing, _) = fleet.expect(0, "output fleet.kdl");
    assert_eq!(nothing.stdout.matches("Nothing is there yet.").count(), 3, "{nothing}");
}

/// What one cluster needs in a row, three need in a row: they do not wait for one another.
#[test]
fn clusters_are_applied_side_by_side() {
    let fleet = Fleet::new();
    fleet.stage.account.rounds(Duration::from_millis(500)).unwrap();
    let (_, create) = fleet.expect(0, &APPLY.replace("apply", "apply --cluster kapacitor-stage --cluster kapacitor-test"));
    // A chain may go over from one cluster to the other: 4 is what each needs, 8 would be one after the other.
    assert!(create.depth() < 8 && create.writes() == 14, "{create}");
    let (_, nothing) = fleet.expect(0, &APPLY.replace("apply", "apply --cluster kapacitor-stage --cluster kapacitor-test"));
    assert_eq!((nothing.depth(), nothing.reads()), (1, 14), "{nothing}");
}

#[test]
fn a_denial_of_one_stops_all_before_anything_is_begun() {
    let fleet = Fleet::new();
    fleet.write("0.0.0.0/0");
    let (apply, calls) = fleet.expect(3, APPLY);
    assert_eq!(calls.writes(), 0, "{calls}");
    let said = apply.said();
    for words in
        ["SSH is open to the whole world", "denied by policy: 1 violation", "not begun: something stands in the way of another cluster"]
    {
        assert!(said.contains(words), "{words}: {apply}");
    }
    assert!(apply.stderr.contains("── kapacitor-test in us-east-1 ──"), "{apply}");
    let clusters = fleet.clusters(3, APPLY);
    assert_eq!(told(&clusters, "exit"), names(&[("kapacitor-stage", 1), ("kapacitor-test", 3), ("kapacitor-prod", 1)]));
    assert_eq!((&clusters[0]["problems"][0]["code"], &clusters[1]["violations"][0]["rule"]), (&json!("held-back"), &json!("no-world-ssh")));

    // The others can be gone on with by name; a plan shows theirs all the same.
    let clusters = fleet.clusters(3, "plan fleet.kdl --policy org.wasm");
    assert_eq!(told(&clusters, "exit"), names(&[("kapacitor-stage", 0), ("kapacitor-test", 3), ("kapacitor-prod", 0)]));
    fleet.expect(0, &format!("{APPLY} --cluster kapacitor-stage --cluster kapacitor-prod"));
    assert_eq!(fleet.roles(), ["kapacitor-prod-us-west-2", "kapacitor-stage-us-east-1"]);
}

#[test]
fn a_failure_of_one_is_no_harm_to_the_others() {
    let fleet = Fleet::new();
    let refusal =
        Rule::refuse("InvalidParameterValue", "no such luck").action("CreateLaunchTemplate").containing("kapacitor-test").for_ever();
    fleet.stage.account.fault(&refusal).unwrap();
    let (apply, _) = fleet.expect(5, APPLY);
    assert!(apply.said().contains("CreateLaunchTemplate: InvalidParameterValue: no such luck"), "{apply}");
    let summary = &apply.stdout[apply.stdout.find("── 3 clusters ──").unwrap()..];
    assert!(summary.contains("  kapacitor-stage  us-east-1  applied: 6 to create\n"), "{apply}");
    assert!(summary.contains("  kapacitor-test   us-east-1  stopped at a failure; part of the plan is carried out\n"), "{apply}");
    // What else there was to do of the failing one may be done by now: then nothing was changed this time, which is another exit code.
    let again = fleet.stage.run(&format!("{APPLY} --output json")).unwrap();
    let document: Value = serde_json::from_str(&again.stdout).unwrap_or_else(|error| panic!("{error}: {again}"));
    let exits: Vec<&Value> = document["clusters"].as_array().unwrap().iter().map(|one| &one["exit"]).collect();
    assert!(again.code == Some(1) || again.code == Some(5), "{again}");
    assert_eq!(exits, [&json!(0), &json!(again.code), &json!(0)], "{again}");
    fleet.stage.account.clear_faults().unwrap();
    fleet.expect(0, APPLY);
    fleet.expect(0, PLAN);
}

#[test]
fn clusters_are_named_and_one_alone_is_explained() {
    let fleet = Fleet::new();
    let (run, _) = fleet.expect(1, "plan fleet.kdl --cluster kapacitor-stge --cluster x");
    assert!(
        run.said().contains("describes no cluster `kapacitor-stge`") && run.said().contains("did you mean `kapacitor-stage`?"),
        "{run}"
    );
    assert!(run.said().contains("there are: kapacitor-stage, kapacitor-test, kapacitor-prod"), "{run}");
    let (run, _) = fleet.expect(1, "explain fleet.kdl tenancy");
    assert!(run.said().contains("describes 3 clusters, and `explain` is about one"), "{run}");
    let (run, calls) = fleet.expect(0, "explain fleet.kdl tag --cluster kapacitor-prod");
    assert!(run.stdout.contains("fleet.kdl:5:17") && calls.is_empty(), "{run}");
}

#[test]
fn each_cluster_has_a_record_and_facts_of_its_own() {
    let fleet = Fleet::new();
    fleet.expect(0, "check fleet.kdl --policy org.wasm --record records");
    for name in ["kapacitor-stage", "kapacitor-test", "kapacitor-prod"] {
        fleet.expect(0, &format!("replay records/{name}.json"));
    }
    let facts = fleet.clusters(0, "facts fleet.kdl");
    let zone = facts[2]["facts"]["subnets"][0]["zone"].as_str().unwrap_or_default();
    assert!(facts[2]["cluster"] == "kapacitor-prod" && zone.starts_with(WEST), "{facts:?}");
    let (run, _) = fleet.expect(0, "facts fleet.kdl");
    fleet.stage.kaphost.write("facts.json", &run.stdout).unwrap();
    fleet.expect(0, "check fleet.kdl --policy org.wasm --facts facts.json");
    // Of one cluster they are no other's.
    let (run, _) = fleet.expect(0, "facts fleet.kdl --cluster kapacitor-stage");
    fleet.stage.kaphost.write("facts.json", &run.stdout).unwrap();
    let clusters = fleet.clusters(1, "check fleet.kdl --facts facts.json");
    assert_eq!(told(&clusters, "exit"), names(&[("kapacitor-stage", 0), ("kapacitor-test", 0), ("kapacitor-prod", 1)]));
}
