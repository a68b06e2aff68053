//! Where values come from: `explain` for one, `plan --blame` for all of them; and violations of what a policy wrote.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use kaphost_tests::{Kaphost, Run, Set};
use serde_json::{Value, json};

/// Values from the cluster's own node, from `defaults`, and from nowhere.
const CONFIG: &str = r#"defaults {
    instance-type "t3.small"
    tag "Owner" "metrics@example.com"
}
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    ssh {
        allow cidr="10.0.0.0/7" description="office"
    }
}
"#;

const PLAN: &str = "plan cluster.kdl --policy org.kdl --cloud lab:lab.json";

/// One policy changes the tenancy, one would narrow who may log in, and may not.
fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.knows(&["dedicated-tenancy", "restrict-ssh"]).unwrap();
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    Set::at(kaphost.folder().join("org.kdl"))
        .with_built("dedicated-tenancy", "remediate", &["writes \"tenancy\""])
        .unwrap()
        .with_built("restrict-ssh", "advisory", &["settings { narrow #true; allowed-cidrs \"10.0.0.0/8\"; }", "writes \"*\""])
        .unwrap()
        .write()
        .unwrap();
    kaphost
}

fn expect(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// The part of a plan's text that says where values come from.
fn values(run: &Run) -> String {
    let from = run.transcript();
    let from = from.split("\nValues of ").nth(1).unwrap_or_else(|| panic!("no values: {run}"));
    from.split("\nPlan for").next().unwrap().to_owned()
}

#[test]
fn a_plan_says_where_every_value_comes_from() {
    let kaphost = kaphost();
    insta::assert_snapshot!("said", values(&expect(&kaphost, 0, &format!("{PLAN} --blame"))));
    let all = values(&expect(&kaphost, 0, &format!("{PLAN} --blame=all")));
    insta::assert_snapshot!("all", all);
    assert!(!expect(&kaphost, 0, PLAN).stdout.contains("Values of"));
    expect(&kaphost, 64, &format!("{PLAN} --blame=none"));
}

#[test]
fn programs_get_every_value_with_its_chain() {
    let kaphost = kaphost();
    let plan = document(&expect(&kaphost, 0, &format!("{PLAN} --blame --output json")));
    let all = plan["values"].as_array().unwrap();
    let explained = document(&expect(&kaphost, 0, "explain cluster.kdl tenancy --policy org.kdl --output json"));
    let tenancy = all.iter().find(|value| value["path"] == "tenancy").unwrap();
    assert_eq!(*tenancy, explained["values"][0]);
    assert_eq!(tenancy["value"], "dedicated");
    let [first, second] = tenancy["chain"].as_array().unwrap().as_slice() else { panic!("{tenancy}") };
    assert_eq!(*first, json!({ "kind": "built-in", "by": "built-in default", "value": "default" }));
    assert_eq!((&second["kind"], &second["old"], &second["value"]), (&json!("policy"), &json!("default"), &json!("dedicated")));
    assert_eq!((&second["policy"]["name"], &second["policy"]["set"]), (&json!("dedicated-tenancy"), &json!("org.kdl")));
    assert_eq!((&second["rule"], second["policy"]["digest"].as_str().map(str::len)), (&json!("dedicated-tenancy"), Some(64)));

    // From `defaults`, from the cluster's own node, and advice that nobody took.
    let link = |path: &str, index: usize| all.iter().find(|value| value["path"] == path).unwrap()["chain"][index].clone();
    let tag = link("tag[\"Owner\"]", 0);
    assert_eq!((&tag["kind"], &tag["line"], &tag["column"]), (&json!("defaults"), &json!(3), &json!(17)));
    let ami = link("ami", 0);
    assert_eq!((&ami["kind"], &ami["file"], &ami["line"], &ami["column"]), (&json!("config"), &json!("cluster.kdl"), &json!(6), &json!(9)));
    let wide = "ssh.allow[\"10.0.0.0/7\"].description";
    let default = link(wide, 1);
    assert_eq!(default, json!({ "kind": "built-in", "by": "built-in default", "value": "SSH from 10.0.0.0/7", "overridden": true }));
    let advice = link(wide, 2);
    assert_eq!((&advice["kind"], &advice["old"], &advice["value"]), (&json!("advice"), &json!("office"), &Value::Null));
    let kept = all.iter().find(|value| value["path"] == wide).unwrap();
    assert_eq!(kept["value"], "office", "nobody took it");
    assert!(document(&expect(&kaphost, 0, &format!("{PLAN} --output json")))["values"].is_null());
}

/// A cluster that says otherwise than `defaults`, which say otherwise than kaphost.
const LAYERS: &str = r#"defaults {
    instance-type "t3.small"
    tenancy "dedicated"
    network public-ip=#true
    root-volume size=20 encrypted=#false
    tag "Owner" "metrics@example.com" propagate=#false
}
cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    tenancy "default"
    network vpc="vpc-0a1b2c3d" public-ip=#false {
        subnets "subnet-0aaa1111"
    }
    root-volume size=30
    tag "Owner" "stage@example.com"
}
"#;

#[test]
fn what_a_value_stands_in_place_of_is_part_of_its_chain() {
    let kaphost = kaphost();
    kaphost.write("cluster.kdl", LAYERS).unwrap();
    let mut said = String::new();
    for path in ["tenancy", "network.public-ip", "root-volume.size", "root-volume.encrypted", "tag"] {
        let run = expect(&kaphost, 0, &format!("explain cluster.kdl {path} --policy org.kdl"));
        said += &format!("━━ {path}\n{}", run.transcript().split("── stdout\n").nth(1).unwrap().split("── stderr").next().unwrap());
    }
    insta::assert_snapshot!("layers", said);
    insta::assert_snapshot!("layers_said", values(&expect(&kaphost, 0, &format!("{PLAN} --blame"))));
    let explained = document(&expect(&kaphost, 0, "explain cluster.kdl tenancy --policy org.kdl --output json"));
    let chain = explained["values"][0]["chain"].as_array().unwrap();
    let links: Vec<_> =
        chain.iter().map(|link| (link["kind"].as_str().unwrap(), link["value"].as_str().unwrap(), &link["overridden"])).collect();
    let (no, yes) = (&Value::Null, &Value::Bool(true));
    assert_eq!(
        links,
        [("config", "default", no), ("defaults", "dedicated", yes), ("built-in", "default", yes), ("policy", "dedicated", no)]
    );
    assert_eq!((&chain[1]["line"], &chain[1]["column"]), (&json!(3), &json!(13)));
}

#[test]
fn programs_that_explain_or_look_are_told_what_is_odd() {
    let kaphost = kaphost();
    for command in ["explain cluster.kdl tenancy --policy org.kdl", "status cluster.kdl --policy org.kdl --cloud lab:lab.json"] {
        let said = document(&expect(&kaphost, 0, &format!("{command} --output json")));
        assert_eq!(said["diagnostics"], json!([]), "{said}");
        let [warning] = said["warnings"].as_array().unwrap().as_slice() else { panic!("{said}") };
        assert_eq!((&warning["code"], &warning["policy"]), (&json!("advice"), &json!("restrict-ssh")), "{said}");
    }
}

#[test]
fn explain_shows_what_was_before_and_what_would_have_been() {
    let kaphost = kaphost();
    let mut said = String::new();
    for path in ["tenancy", "ssh.allow", "instance-type"] {
        let run = expect(&kaphost, 0, &format!("explain cluster.kdl {path} --policy org.kdl"));
        said += &format!("━━ {path}\n{}", run.transcript().split("── stdout\n").nth(1).unwrap().split("── stderr").next().unwrap());
    }
    insta::assert_snapshot!("explain", said);
}
