//! Every JSON document that kaphost prints, whatever the end, held to the schema that `kaphost schema` prints for it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kaphost_tests::{Fault, Handmade, Held, Kaphost, Rule, Run, Set, Stage};
use serde_json::{Value, json};

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U=\n-----END PUBLIC KEY-----\n";

/// What `kaphost schema` prints, by the layout that each document names.
struct Schemas(BTreeMap<String, String>);

impl Schemas {
    /// All of them, closed: of every object that says which members it has, no others are taken. For readers they are open, so that more may be said.
    fn closed(kaphost: &Kaphost) -> Self {
        let list = document(&kaphost.run_narrow("schema --output json").unwrap());
        let one = |entry: &Value| {
            let name = entry["name"].as_str().unwrap();
            let mut schema: Value = serde_json::from_str(&kaphost.run(["schema", name]).unwrap().stdout).unwrap();
            close(&mut schema);
            (schema["title"].as_str().unwrap().to_owned(), schema.to_string())
        };
        Self(list["schemas"].as_array().unwrap().iter().map(one).collect())
    }

    fn of(&self, layout: &str) -> &str {
        self.0.get(layout).unwrap_or_else(|| panic!("no schema of {layout}"))
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let is_object = members.get("type").is_some_and(|kind| kind == "object");
            if is_object && members.get("properties").is_some_and(Value::is_object) && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Runs, as JSON, with documents held to the schemas that they name.
struct Holding<'a> {
    stage: &'a Stage,
    schemas: Schemas,
    held: Held,
    layouts: BTreeSet<String>,
}

impl Holding<'_> {
    fn run(&mut self, code: i32, arguments: &str) {
        let (run, _) = self.stage.expect(code, &format!("{arguments} --output json")).unwrap();
        self.hold(arguments, &run.stdout);
    }

    fn hold(&mut self, name: &str, text: &str) {
        let layout = serde_json::from_str::<Value>(text).unwrap()["schema"].as_str().unwrap_or_else(|| panic!("{name}: {text}")).to_owned();
        self.held.add(name, self.schemas.of(&layout), text);
        self.layouts.insert(layout);
    }
}

#[test]
fn every_document_fits_the_schema_that_it_names() {
    let mut stage = Stage::new().unwrap();
    let schemas = Schemas::closed(&stage.kaphost);
    let all: BTreeSet<String> = schemas.0.keys().cloned().collect();
    let folder = stage.kaphost.folder();
    let config = stage.config.to_string();
    stage.kaphost.write("broken.kdl", "cluster \"x\" region=\"us-east-1\" { tenacy \"dedicated\"; }").unwrap();
    stage.kaphost.write("host-bits.kdl", &config.replace("10.0.0.0/8", "10.1.2.3/8")).unwrap();
    stage.kaphost.write("main.tf", "module \"a\" {\n  source = \"x/kapacitor-server\"\n  ami_id = \"ami-1\"\n}\n").unwrap();
    stage.kaphost.write("envs/open.kdl", &config.replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
    stage.kaphost.write("envs/good.kdl", &config).unwrap();
    let waiver = |value: &str, expires: &str| {
        format!(
            "waiver policy=\"restrict-ssh\" rule=\"no-world-ssh\" cluster=\"kapacitor-stage\" value={value:?} {{\n owner \"o\"\n ticket \"t\"\n \
             reason \"r\"\n expires {expires:?}\n}}"
        )
    };
    let set = |name: &str, enforcement: &str, nodes: &[String]| {
        let set = Set::at(folder.join(name)).with_built("restrict-ssh", enforcement, &[]).unwrap();
        let set = set
            .with_built("dedicated-tenancy", if enforcement == "mandatory" { "remediate" } else { enforcement }, &["writes \"tenancy\""])
            .unwrap();
        nodes.iter().fold(set, |set, node| set.and(node)).write().unwrap();
    };
    set("org.kdl", "mandatory", &[waiver("0.0.0.0/0", "2027-01-31T00:00:00Z"), waiver("::/0", "2026-11-01T00:00:00Z")]);
    set("strict.kdl", "mandatory", &[]);
    set("advice.kdl", "advisory", &[]);
    stage.kaphost.write("key.pem", KEY).unwrap();
    stage.kaphost.write("public.pem", PUBLIC).unwrap();
    stage.kaphost.write("wrong-set.kdl", "policy \"a\" path=\"a.wasm\"").unwrap();
    let mut holding = Holding { stage: &stage, schemas, held: Held::default(), layouts: BTreeSet::new() };
    for (code, arguments) in [
        (0, "check cluster.kdl"),
        (0, "check cluster.kdl --policy org.wasm --record record.json"),
        (0, "check host-bits.kdl --policy advice.kdl"),
        (0, "check envs/open.kdl --policy org.kdl --now 2026-12-01T00:00:00Z"),
        (0, "check envs/open.kdl --policy advice.kdl"),
        (3, "check envs/open.kdl --policy advice.kdl --fail-on advisory"),
        (3, "check envs/open.kdl --policy strict.kdl"),
        (4, "check envs/open.kdl --policy org.kdl --now 2026-12-01T00:00:00Z --strict"),
        (4, "check cluster.kdl --policy no.wasm"),
        (4, "check broken.kdl --policy wrong-set.kdl"),
        (1, "check broken.kdl"),
        (1, "check absent.kdl"),
        (3, "check . --policy strict.kdl"),
        (64, "check cluster.kdl --set a=b"),
        (64, "chek cluster.kdl"),
        (2, "plan cluster.kdl --policy org.wasm --detailed-exitcode --blame"),
        (3, "plan envs/open.kdl --policy strict.kdl"),
        (1, "plan broken.kdl"),
        (0, "apply cluster.kdl --policy org.wasm --auto-approve"),
        (0, "apply cluster.kdl --policy org.wasm --auto-approve"),
        (0, "status cluster.kdl --policy org.wasm"),
        (1, "status broken.kdl"),
        (0, "output cluster.kdl"),
        (0, "explain cluster.kdl tag --policy org.wasm"),
        (0, "explain host-bits.kdl tenancy --policy advice.kdl"),
        (1, "explain cluster.kdl nonsense"),
        (0, "facts cluster.kdl"),
        (1, "facts broken.kdl"),
        (0, "replay record.json"),
        (1, "replay cluster.kdl"),
        (0, "plan cluster.kdl --policy org.wasm --out p.kapplan --sign key.pem"),
        (0, "plan cluster.kdl --policy org.wasm --iam-policy"),
        (0, "show p.kapplan"),
        (1, "show nothing.kapplan"),
        (6, "show altered.kapplan"),
        (0, "verify p.kapplan --key public.pem"),
        (6, "verify record.json --key public.pem"),
        (0, "apply p.kapplan --require-signature public.pem"),
        (6, "apply altered.kapplan"),
        (1, "report cluster.kdl"),
        (1, "report record.json --out no/such/page.html"),
        (1, "convert main.tf"),
        (1, "convert cluster.kdl"),
        (0, "schema"),
        (64, "schema nonsense"),
        (1, "man --dir cluster.kdl"),
        (0, "destroy cluster.kdl --iam-policy"),
        (0, "destroy cluster.kdl --auto-approve"),
        (0, "destroy cluster.kdl --auto-approve"),
    ] {
        holding.run(code, arguments);
        if arguments.contains("--out p.kapplan") {
            let saved = fs::read_to_string(folder.join("p.kapplan")).unwrap();
            holding.hold("p.kapplan", &saved);
            fs::write(folder.join("altered.kapplan"), saved.replacen("\"dedicated\"", "\"dedicatee\"", 1)).unwrap();
        }
    }
    // A server of somebody else's.
    let server = Handmade::make(&stage, false).unwrap();
    holding.run(0, Handmade::WRITE);
    server.write_config().unwrap();
    for (code, arguments) in [
        (1, "adopt broken.kdl"),
        (1, "apply cluster.kdl --auto-approve"),
        (0, "adopt cluster.kdl --dry-run"),
        (0, "adopt cluster.kdl --policy org.wasm --auto-approve"),
        (0, "adopt cluster.kdl"),
    ] {
        holding.run(code, arguments);
    }
    // A record whose decision comes out otherwise.
    let record = fs::read_to_string(folder.join("record.json")).unwrap();
    holding.hold("record", &record);
    fs::write(folder.join("record.json"), record.replacen("\"admitted\"", "\"denied\"", 1)).unwrap();
    holding.run(6, "replay record.json");
    holding.hold("decision", &serde_json::from_str::<Value>(&record).unwrap()["decision"].to_string());
    // Lines are documents, too.
    let (lines, _) = stage.expect(1, "check . --policy org.kdl --now 2026-12-01T00:00:00Z --output ndjson").unwrap();
    let of_lines = "kaphost.check/1, by lines";
    for line in lines.stdout.lines() {
        holding.held.add(line, holding.schemas.of(of_lines), line);
    }
    holding.layouts.insert(of_lines.to_owned());
    let Holding { held, mut layouts, .. } = holding;
    held.check().unwrap();
    // Writing a script for a shell cannot fail but by its command line.
    layouts.insert("kaphost.completions/1".to_owned());
    assert_eq!(layouts, all, "every schema has been of use");

    // A run that ends half way.
    stage.change(|config| config.name = "kapacitor-half".into()).unwrap();
    let fault = Fault::Error { status: 403, code: "UnauthorizedOperation".into(), message: "no".into() };
    stage.account.fault(&Rule::new(fault).action("CreateLaunchTemplate")).unwrap();
    let mut holding = Holding { schemas: Schemas::closed(&stage.kaphost), stage: &stage, held: Held::default(), layouts: BTreeSet::new() };
    holding.run(5, "apply cluster.kdl --policy org.wasm --auto-approve");
    holding.held.check().unwrap();
}

/// The schemas do look: what is not as they say does not fit.
#[test]
fn what_a_schema_does_not_say_does_not_fit() {
    let kaphost = Kaphost::offline().unwrap();
    let schemas = Schemas::closed(&kaphost);
    for (document, wrong) in [
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [] }), false),
        (json!({ "schema": "kaphost.check/1", "exit": 7, "problems": [] }), true),
        (json!({ "schema": "kaphost.check/1", "problems": [] }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1 }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [], "more": 1 }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [{ "code": 1 }] }), true),
    ] {
        let mut held = Held::default();
        held.add("it", schemas.of("kaphost.check/1"), &document.to_string());
        assert_eq!(held.check().is_err(), wrong, "{document}");
    }
    let run = kaphost.run_narrow("schema chck").unwrap();
    assert!(run.code == Some(64) && run.said().contains("did you mean `check`?"), "{run}");
}
