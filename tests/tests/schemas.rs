//! Every JSON document that kaphost prints, whatever the end, held to the schema that `kaphost schema` prints for it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;
use std::fs;

use kaphost_tests::{Fault, Handmade, Held, Kaphost, OciRegistry, Rule, Schemas, Set, Stage};
use serde_json::{Value, json};

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U=\n-----END PUBLIC KEY-----\n";

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
        self.held.add(name, self.schemas.of(&layout).unwrap(), text);
        self.layouts.insert(layout);
    }
}

/// A project's cases: one comes out, one does not, one cannot be asked, and on one the policy fails.
const CASES: &str = r#"config file="cluster.kdl"

case "comes out" {
}
case "does not" {
    expect {
        violation "no-world-ssh" path="ssh"
    }
}
case "cannot be asked" {
    replace "nowhere" "somewhere"
}
"#;

/// What the commands for authors of policies, and for those who pass policies on, print.
fn policies(holding: &mut Holding<'_>) {
    let (stage, registry) = (holding.stage, OciRegistry::start().unwrap());
    let kaphost = &stage.kaphost;
    for name in ["restrict-ssh", "dedicated-tenancy"] {
        kaphost.give(name, &format!("{name}.wasm")).unwrap();
    }
    // As `docker login` leaves it.
    fs::create_dir(kaphost.home().join(".docker")).unwrap();
    fs::write(kaphost.home().join(".docker/config.json"), registry.docker_config()).unwrap();
    let config = stage.config.to_string();
    kaphost.write("p/cluster.kdl", &config).unwrap();
    kaphost.write("p/open.kdl", &config.replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
    kaphost.write("p/broken.kdl", "cluster").unwrap();
    kaphost.write("p/cases/a.kdl", &CASES.replace("cluster.kdl", "../cluster.kdl")).unwrap();
    kaphost.write("p/wrong.kdl", "case").unwrap();
    let tag = format!("oci://{}/acme/restrict-ssh:1", registry.host());
    kaphost.write("p/set.kdl", &format!("policy \"a\" path=\"{tag}\" enforcement=\"mandatory\"\n")).unwrap();
    let cases = "--cases p/cases --generated 20";
    for (code, arguments) in [
        (0, "policy new p-new".to_owned()),
        (1, "policy new p-new".to_owned()),
        // That one is built is in `journey.rs`, and is held to its schema there.
        (1, "policy build p".to_owned()),
        (0, "policy inspect org.wasm".to_owned()),
        (4, "policy inspect key.pem".to_owned()),
        (0, "policy run dedicated-tenancy.wasm p/cluster.kdl".to_owned()),
        (3, "policy run restrict-ssh.wasm p/open.kdl".to_owned()),
        (1, "policy run restrict-ssh.wasm p/broken.kdl".to_owned()),
        (1, format!("policy test restrict-ssh.wasm {cases}")),
        (1, format!("policy test restrict-ssh.wasm --whole --update {cases}")),
        (1, "policy test restrict-ssh.wasm --cases p/wrong.kdl".to_owned()),
        (0, "policy bench restrict-ssh.wasm p/cluster.kdl --rounds 2 --loads 1".to_owned()),
        (1, "policy bench restrict-ssh.wasm p/broken.kdl --rounds 2 --loads 1".to_owned()),
        (2, "policy diff dedicated-tenancy.wasm restrict-ssh.wasm --corpus p --detailed-exitcode".to_owned()),
        (1, "policy diff dedicated-tenancy.wasm restrict-ssh.wasm --corpus nowhere".to_owned()),
        (0, format!("policy push dedicated-tenancy.wasm {tag}")),
        (0, format!("policy push restrict-ssh.wasm {tag} --sign key.pem")),
        (4, format!("policy push key.pem {tag}")),
        (0, "policy sign restrict-ssh.wasm --key key.pem".to_owned()),
        (1, "policy sign restrict-ssh.wasm --key public.pem".to_owned()),
        (0, format!("policy verify {tag} --key public.pem")),
        (4, "policy verify dedicated-tenancy.wasm --key public.pem".to_owned()),
        (0, format!("policy digest {tag}")),
        (0, "policy digest restrict-ssh.wasm".to_owned()),
        (1, "policy digest nothing.wasm".to_owned()),
        (1, "policy lock p/set.kdl --check".to_owned()),
        (0, "policy lock p/set.kdl".to_owned()),
        (1, "policy lock p/open.kdl".to_owned()),
        (0, format!("policy pull {tag} --key public.pem --out pulled.wasm")),
        (1, format!("policy pull {tag}0")),
        // Where a path may stand, a reference may.
        (0, format!("policy inspect {tag}")),
        (3, format!("policy run {tag} p/open.kdl")),
        (1, format!("policy test {tag} {cases}")),
        (0, format!("policy bench {tag} p/cluster.kdl --rounds 2 --loads 1")),
        (0, format!("policy diff {tag} restrict-ssh.wasm --corpus p")),
    ] {
        holding.run(code, &arguments);
    }
}

#[test]
fn every_document_fits_the_schema_that_it_names() {
    let mut stage = Stage::new().unwrap();
    let schemas = Schemas::closed(&stage.kaphost).unwrap();
    let all: BTreeSet<String> = schemas.layouts().map(str::to_owned).collect();
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
    stage.kaphost.knows(&["restrict-ssh", "dedicated-tenancy"]).unwrap();
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
    policies(&mut holding);
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
        holding.held.add(line, holding.schemas.of(of_lines).unwrap(), line);
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
    let mut holding =
        Holding { schemas: Schemas::closed(&stage.kaphost).unwrap(), stage: &stage, held: Held::default(), layouts: BTreeSet::new() };
    holding.run(5, "apply cluster.kdl --policy org.wasm --auto-approve");
    holding.held.check().unwrap();
}

/// The schemas do look: what is not as they say does not fit.
#[test]
fn what_a_schema_does_not_say_does_not_fit() {
    let kaphost = Kaphost::offline().unwrap();
    let schemas = Schemas::closed(&kaphost).unwrap();
    for (document, wrong) in [
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [] }), false),
        (json!({ "schema": "kaphost.check/1", "exit": 7, "problems": [] }), true),
        (json!({ "schema": "kaphost.check/1", "problems": [] }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1 }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [], "more": 1 }), true),
        (json!({ "schema": "kaphost.check/1", "exit": 1, "problems": [{ "code": 1 }] }), true),
    ] {
        let mut held = Held::default();
        held.add("it", schemas.of("kaphost.check/1").unwrap(), &document.to_string());
        assert_eq!(held.check().is_err(), wrong, "{document}");
    }
    let run = kaphost.run_narrow("schema chck").unwrap();
    assert!(run.code == Some(64) && run.said().contains("did you mean `check`?"), "{run}");
}
