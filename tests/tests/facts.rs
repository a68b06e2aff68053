//! What policies are told of the world: read from the cloud when one of them needs it, or from a file; and never about another world than the one
//! in which the plan is carried out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::time::Duration;

use kaphost_tests::{Fact, Kind, Run, Stage, content_with, policy};
use serde_json::{Value, json};

/// Needs every kind of facts, and denies each time: its violations say what it was told.
const TELLER: &str = r#"
(func $describe (result i32)
  (local $at i32)
  (local.set $at (call $described (@text "teller") (@text "1.0.0") (@text "Says what it is told.") (@text "r") (@text "It holds.")))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.needs))) (@text "\00\01\02\03"))
  (local.get $at))
(func $tell (param $list i32) (param $index i32) (param $path i32) (param $path-length i32) (param $string i32)
  (local $at i32)
  (local.set $at (i32.add (local.get $list) (i32.mul (local.get $index) (i32.const (@offset violation.*)))))
  (call $put (i32.add (local.get $at) (i32.const (@offset violation.rule))) (@text "r"))
  (call $put (i32.add (local.get $at) (i32.const (@offset violation.path))) (local.get $path) (local.get $path-length))
  (call $put (i32.add (local.get $at) (i32.const (@offset violation.message)))
    (i32.load (local.get $string)) (i32.load offset=4 (local.get $string))))
(func $validate (param $cluster i32) (result i32)
  (local $facts i32) (local $list i32) (local $at i32)
  (local.set $facts (i32.add (local.get $cluster) (i32.const (@offset cluster.*))))
  (local.set $list (call $alloc (i32.mul (i32.const 4) (i32.const (@offset violation.*)))))
  (call $tell (local.get $list) (i32.const 0) (@text "region") (i32.add (local.get $facts) (i32.const (@offset facts.account 4))))
  (call $tell (local.get $list) (i32.const 1) (@text "ami") (i32.add (local.get $facts) (i32.const (@offset facts.ami 4 ami-facts.owner))))
  (call $tell (local.get $list) (i32.const 2) (@text "network.subnets")
    (i32.add (i32.load (i32.add (local.get $facts) (i32.const (@offset facts.subnets)))) (i32.const (@offset subnet-facts.zone))))
  (call $tell (local.get $list) (i32.const 3) (@text "network.vpc")
    (i32.load (i32.add (local.get $facts) (i32.const (@offset facts.vpc 4 vpc-facts.cidrs)))))
  (local.set $at (call $pass))
  (call $put (local.get $at) (local.get $list) (i32.const 4))
  (local.get $at))
"#;

/// Puts another VPC in the place of the config's.
const MOVER: &str = r#"
(func $mutate (param $cluster i32) (result i32)
  (call $put (i32.add (local.get $cluster) (i32.const (@offset cluster.network network.vpc))) (@text "vpc-0123456789abcdef0"))
  (call $amend (local.get $cluster) (@text "r") (@text "network.vpc") (@text "the other one is better")))
"#;

/// Slower than any call's work by far, so that calls that are sent side by side are seen side by side.
const LATENCY: Duration = Duration::from_millis(250);

fn stage() -> Stage {
    let stage = Stage::new().unwrap();
    fs::write(stage.kaphost.folder().join("content.wasm"), content_with("content", &[Fact::Ami, Fact::Subnets]).unwrap()).unwrap();
    for (name, text) in [("teller", TELLER), ("mover", MOVER)] {
        fs::write(stage.kaphost.folder().join(format!("{name}.wasm")), policy(text).unwrap()).unwrap();
    }
    stage
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// What the teller was told: account, owner of the image, zone of the first subnet, network of the VPC.
fn told(run: &Run) -> Vec<String> {
    let document = document(run);
    let violations = document["violations"].as_array().unwrap_or_else(|| panic!("no violations: {run}"));
    violations.iter().map(|violation| violation["message"].as_str().unwrap().to_owned()).collect()
}

/// Code and message of every problem of a failed run.
fn problems(run: &Run) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let document = document(run);
    let problems = document["problems"].as_array().unwrap_or_else(|| panic!("no problems: {run}"));
    problems.iter().map(|problem| (text(&problem["code"]), text(&problem["message"]))).collect()
}

/// Facts of the stage's cluster, as AWS would say them.
fn facts(stage: &Stage) -> Value {
    let (run, _) = stage.expect(0, "facts cluster.kdl").unwrap();
    document(&run)
}

#[test]
fn a_policy_is_told_what_the_account_holds_and_nothing_else_is_read() {
    let stage = stage();
    stage.account.rounds(LATENCY).unwrap();
    let (run, calls) = stage.expect(3, "plan cluster.kdl --policy teller.wasm --output json").unwrap();
    let first =
        stage.seed.subnets.iter().filter(|subnet| stage.config.subnets.contains(&subnet.id)).min_by_key(|subnet| &subnet.id).unwrap();
    assert_eq!(told(&run), [stage.account.id(), stage.account.id(), &first.zone, &stage.seed.vpc_cidr]);
    let mut actions = calls.actions();
    actions.sort_unstable();
    assert_eq!(actions, ["DescribeImages", "DescribeSubnets", "DescribeVpcs", "GetCallerIdentity"], "{calls}");
    assert_eq!(calls.depth(), 1, "{calls}");
    // They stand in the decision.
    let facts = &document(&run)["decision"]["facts"];
    assert_eq!(facts["account"], json!(stage.account.id()));
    assert_eq!(facts["ami"]["root-device"], json!("/dev/sda1"));
}

#[test]
fn only_the_kinds_that_are_needed_are_read_and_the_image_once() {
    let stage = stage();
    stage.account.rounds(LATENCY).unwrap();
    let (run, calls) = stage.expect(0, "plan cluster.kdl --policy content.wasm --output json --preflight never").unwrap();
    let count = |action: &str| calls.actions().iter().filter(|called| **called == action).count();
    assert_eq!(
        (count("DescribeImages"), count("DescribeSubnets"), count("DescribeVpcs"), count("GetCallerIdentity")),
        (1, 1, 0, 0),
        "{calls}"
    );
    assert_eq!((calls.reads(), calls.depth()), (2 + 7, 2), "{calls}");
    let facts = document(&run)["decision"]["facts"].clone();
    assert_eq!(facts.as_object().unwrap().keys().collect::<Vec<_>>(), ["ami", "subnets"]);
    let (_, calls) = stage.expect(0, "plan cluster.kdl --policy org.wasm --preflight never").unwrap();
    assert_eq!((calls.reads(), calls.depth()), (7, 1), "nothing is read when nobody needs it:\n{calls}");
}

#[test]
fn printed_facts_are_what_offline_commands_take() {
    let stage = stage();
    let printed = stage.run("facts cluster.kdl").unwrap();
    stage.kaphost.write("facts.json", &printed.stdout).unwrap();
    let (plan, _) = stage.expect(3, "plan cluster.kdl --policy teller.wasm --output json").unwrap();
    for command in ["check cluster.kdl", "plan cluster.kdl", "status cluster.kdl"] {
        let (run, calls) = stage.expect(3, &format!("{command} --policy teller.wasm --facts facts.json --output json")).unwrap();
        assert_eq!(told(&run), told(&plan), "{command}");
        assert_eq!(document(&run)["decision"], document(&plan)["decision"], "{command}");
        assert_eq!(calls.actions(), Vec::<&str>::new(), "{command}: {calls}");
    }
    let (_, calls) = stage.expect(0, "explain cluster.kdl tenancy --policy content.wasm --facts facts.json").unwrap();
    assert_eq!(calls.actions(), Vec::<&str>::new(), "{calls}");
    // What nobody needs is not in the decision, wherever it came from.
    let (read, _) = stage.expect(0, "plan cluster.kdl --policy content.wasm --output json").unwrap();
    let (given, _) = stage.expect(0, "check cluster.kdl --policy content.wasm --facts facts.json --output json").unwrap();
    assert_eq!(document(&given)["decision"], document(&read)["decision"]);
}

#[test]
fn without_facts_a_policy_that_needs_them_is_not_asked() {
    let stage = stage();
    for command in ["check cluster.kdl", "explain cluster.kdl tenancy"] {
        let (run, calls) = stage.expect(4, &format!("{command} --policy content.wasm")).unwrap();
        assert!(run.stderr.starts_with("missing-facts\n") && run.stderr.contains("facts.ami"), "{run}");
        assert!(run.stderr.contains("kaphost facts CLUSTER.kdl") && run.stderr.contains("kaphost plan"), "{run}");
        assert_eq!(calls.actions(), Vec::<&str>::new(), "{calls}");
    }
    // Half of them are not enough.
    let mut half = facts(&stage);
    half.as_object_mut().unwrap().remove("subnets");
    stage.kaphost.write("half.json", &half.to_string()).unwrap();
    let (run, _) = stage.expect(4, "check cluster.kdl --policy content.wasm --facts half.json").unwrap();
    assert!(run.stderr.contains("facts.subnets") && !run.stderr.contains("facts.ami"), "{run}");
}

#[test]
fn a_lab_tells_facts_too() {
    let stage = stage();
    let id = &stage.config.subnets[0];
    let lab = json!({ "kaphost-lab": 1, "account": "200000000009", "regions": { "us-east-1": {
        "images": { (stage.config.ami.clone()): { "owner": "099720109477" } },
        "subnets": { (id.clone()): { "zone": "us-east-1f" } },
        "vpcs": { (stage.seed.vpc.clone()): { "cidrs": ["10.7.0.0/16"] } },
    } } });
    stage.kaphost.write("lab.json", &lab.to_string()).unwrap();
    let (run, calls) = stage.expect(3, "plan cluster.kdl --policy teller.wasm --cloud lab:lab.json --output json").unwrap();
    let told = told(&run);
    assert_eq!((told[0].as_str(), told[1].as_str(), told[3].as_str()), ("200000000009", "099720109477", "10.7.0.0/16"));
    let zones = document(&run)["decision"]["facts"]["subnets"].clone();
    assert!(zones.as_array().unwrap().iter().any(|subnet| subnet["id"] == json!(id) && subnet["zone"] == json!("us-east-1f")), "{zones}");
    assert_eq!(calls.actions(), Vec::<&str>::new(), "{calls}");
}

#[test]
fn what_is_not_there_is_shown_at_its_line() {
    let mut stage = stage();
    stage
        .change(|config| {
            config.ami = "ami-0eeeeeeeeeeeeeeee".into();
            config.subnets[0] = "subnet-0eeeeeeeeeeeeeeee".into();
        })
        .unwrap();
    let (run, calls) = stage.expect(1, "apply cluster.kdl --policy content.wasm --auto-approve --output json").unwrap();
    let expected =
        [("not-there", "there is no image `ami-0eeeeeeeeeeeeeeee`"), ("not-there", "there is no subnet `subnet-0eeeeeeeeeeeeeeee`")];
    assert_eq!(problems(&run), expected.map(|(code, message)| (code.to_owned(), message.to_owned())));
    let places = document(&run)["problems"].as_array().unwrap().iter().map(|problem| problem["line"].as_u64().unwrap()).collect::<Vec<_>>();
    let line = |text: &str| stage.config.to_string().lines().position(|line| line.contains(text)).unwrap() as u64 + 1;
    assert_eq!(places, [line("ami-0eeeeeeeeeeeeeeee"), line("subnet-0eeeeeeeeeeeeeeee")]);
    assert_eq!(calls.of(Kind::Write).len(), 0, "{calls}");
}

#[test]
fn a_facts_file_with_mistakes_says_where() {
    let stage = stage();
    let good = serde_json::to_string_pretty(&facts(&stage)).unwrap();
    let line = |text: &str| good.lines().position(|line| line.contains(text)).unwrap() as u64 + 1;
    let run = |text: &str| {
        stage.kaphost.write("facts.json", text).unwrap();
        stage.expect(1, "check cluster.kdl --policy content.wasm --facts facts.json --output json").unwrap().0
    };
    let unknown = run(&good.replace("\"zone\"", "\"zoned\""));
    let problem = &document(&unknown)["problems"][0];
    assert_eq!(problem["line"], json!(line("\"zone\"")), "{unknown}");
    assert!(problem["message"].as_str().unwrap().starts_with("unknown field `zoned`"), "{unknown}");
    let layout = run(&good.replace("kaphost.facts/1", "kaphost.facts/2"));
    assert!(problems(&layout)[0].1.contains("the layout \"kaphost.facts/2\""), "{layout}");
    let cut = run(&good[..good.len() / 2]);
    assert!(document(&cut)["problems"][0]["line"].as_u64().unwrap() > 1, "{cut}");
    let wrong = run(&good.replace("x86_64", ""));
    assert!(problems(&wrong)[0].1.contains("`ami.architecture`"), "{wrong}");
    let other = run(&good.replace(&stage.config.ami, "ami-0abc"));
    let (code, message) = &problems(&other)[0];
    assert_eq!(code, "facts-of-another", "{other}");
    assert_eq!(*message, format!("the image is `{}`, and the facts tell of `ami-0abc`", stage.config.ami));
    fs::remove_file(stage.kaphost.folder().join("facts.json")).unwrap();
    let (gone, _) = stage.expect(1, "check cluster.kdl --policy content.wasm --facts facts.json").unwrap();
    assert!(gone.stderr.contains("the facts file `facts.json` does not exist"), "{gone}");
}

/// Who applies must not be able to tell a policy what is not so.
#[test]
fn apply_holds_a_file_against_the_cloud() {
    let stage = stage();
    let mut told = facts(&stage);
    stage.kaphost.write("facts.json", &told.to_string()).unwrap();
    told["ami"]["owner"] = json!("099720109477");
    stage.kaphost.write("lie.json", &told.to_string()).unwrap();
    stage.expect(0, "plan cluster.kdl --policy content.wasm --facts lie.json").unwrap();
    let (run, calls) = stage.expect(1, "apply cluster.kdl --policy content.wasm --auto-approve --facts lie.json --output json").unwrap();
    let message = format!("`lie.json` says \"099720109477\" of `ami.owner`, and AWS says \"{}\"", stage.account.id());
    assert_eq!(problems(&run), [("facts-differ".to_owned(), message)]);
    assert_eq!(calls.of(Kind::Write).len(), 0, "{calls}");
    stage.expect(0, "apply cluster.kdl --policy content.wasm --auto-approve --facts facts.json").unwrap();
}

/// A validator that was told of one VPC has not checked another.
#[test]
fn facts_hold_for_what_is_carried_out() {
    let stage = stage();
    stage.expect(0, "check cluster.kdl --policy mover.wasm").unwrap();
    stage.kaphost.write("facts.json", &facts(&stage).to_string()).unwrap();
    // The one that needs the image and the subnets may go on.
    stage.expect(0, "check cluster.kdl --policy mover.wasm --policy content.wasm --facts facts.json").unwrap();
    fs::write(stage.kaphost.folder().join("vpc.wasm"), content_with("content", &[Fact::Vpc]).unwrap()).unwrap();
    let (run, calls) = stage.expect(4, "plan cluster.kdl --policy mover.wasm --policy vpc.wasm --output json").unwrap();
    let (code, message) = &problems(&run)[0];
    assert_eq!(code, "facts-moved");
    assert_eq!(message, "policy `test-policy` changes `network.vpc`, and `content` was told facts.vpc of what the config says");
    assert_eq!(calls.actions(), ["DescribeVpcs"], "{calls}");
}

/// What a parameter leads to can move between the policies' word and the plan: nobody has judged the image that it leads to then.
#[test]
fn an_image_that_has_moved_is_not_planned() {
    let stage = stage();
    let put = |id: &str| {
        let parameter = json!({ "Name": "/images/kapacitor", "Value": id, "Type": "String", "Overwrite": true });
        stage.account.aws("ssm", "put_parameter", parameter).unwrap();
    };
    put("ami-0abcd1234abcd1234");
    let by_id = format!("ami \"{}\"", stage.config.ami);
    let config = stage.config.to_string();
    assert!(config.contains(&by_id), "{config}");
    stage.kaphost.write("cluster.kdl", &config.replace(&by_id, "ami (ssm)\"/images/kapacitor\"")).unwrap();
    stage.kaphost.write("facts.json", &facts(&stage).to_string()).unwrap();
    stage.expect(0, "plan cluster.kdl --policy content.wasm --facts facts.json").unwrap();

    put("ami-0abcd1234abcd1235");
    let (run, _) = stage.expect(4, "plan cluster.kdl --policy content.wasm --facts facts.json --output json").unwrap();
    let message = "the policies were told of the image ami-0abcd1234abcd1234, and `ami` leads to ami-0abcd1234abcd1235 now";
    assert_eq!(problems(&run), [("facts-moved".to_owned(), message.to_owned())]);
    stage.expect(0, "plan cluster.kdl --policy content.wasm").unwrap();
}
