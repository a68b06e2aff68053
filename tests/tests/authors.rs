//! `kaphost policy …`, for those who write policies: each command by itself, and every shipped policy's own cases. The way from an empty folder to a policy that holds: `journey.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kaphost_tests::{Built, Held, Kaphost, OPEN, Run, junit_schema, policy};
use serde_json::Value;

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-policies")
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// kaphost with these policies and a config in its folder.
fn with(policies: &[&str]) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", OPEN).unwrap();
    for name in policies {
        kaphost.give(name, &format!("{name}.wasm")).unwrap();
    }
    kaphost
}

/// Digits are another compiler's business.
fn without_digits(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let measured = ["  file ", "  size ", "  digest ", "  made by ", "  compile ", "  load ", "  decide ", "  fuel ", "  memory "];
        let calls = ["  validate ", "  mutate "];
        if measured.iter().chain(&calls).any(|start| line.starts_with(start)) {
            let kept = if line.starts_with("  made by") { 11 } else { line.len() };
            let masked: String =
                line.chars().take(kept).map(|c| if c.is_ascii_hexdigit() && c.is_ascii_digit() { 'N' } else { c }).collect();
            let words: Vec<&str> = masked.split_whitespace().collect();
            out.push_str(&format!("  {}\n", words.join(" ")));
        } else {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// Everything that `inspect` says of a shipped policy, but for its size and digest.
#[test]
fn a_module_is_told_in_full() {
    let kaphost = with(&["restrict-ssh"]);
    let text = run(&kaphost, 0, "policy inspect restrict-ssh.wasm").stdout;
    let kept: String =
        text.lines().filter(|line| !line.contains("sha256:") && !line.contains("bytes")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!("inspect", kept);
    let document = json(&run(&kaphost, 0, "policy inspect restrict-ssh.wasm --output json"));
    assert_eq!((&document["schema"], &document["world"]), (&"kaphost.policy-inspect/1".into(), &"policy".into()));
    assert_eq!(document["imports"], serde_json::json!(["kaphost:policy/logging@0.1.0", "kaphost:policy/types@0.1.0"]));
    assert_eq!(document["size"], fs::metadata(kaphost.folder().join("restrict-ssh.wasm")).unwrap().len());
    assert_eq!(document["settings"][1]["to"], 32);
    assert_eq!(document["sha256"].as_str().unwrap().len(), 64);
}

/// What kaphost would not run, it does not describe either.
#[test]
fn what_is_no_policy_is_refused_by_every_command() {
    let kaphost = with(&["restrict-ssh"]);
    let files = policy("(component (import \"wasi:filesystem/types@0.2.0\" (instance)))").unwrap();
    fs::write(kaphost.folder().join("files.wasm"), files).unwrap();
    kaphost.write("text.wasm", "no").unwrap();
    for module in ["files.wasm", "text.wasm", "absent.wasm"] {
        for command in
            ["inspect MODULE", "run MODULE cluster.kdl", "bench MODULE cluster.kdl", "diff restrict-ssh.wasm MODULE --corpus cluster.kdl"]
        {
            let said = run(&kaphost, 4, &format!("policy {} --output json", command.replace("MODULE", module)));
            assert_eq!(json(&said)["exit"], 4, "{said}");
        }
    }
    assert!(run(&kaphost, 4, "policy inspect files.wasm").said().contains("wasi:filesystem/types@0.2.0"));
}

#[test]
fn one_policy_is_asked_about_one_config() {
    let kaphost = with(&["restrict-ssh", "multi-zone", "dedicated-tenancy"]);
    let denied = run(&kaphost, 3, "policy run restrict-ssh.wasm cluster.kdl");
    insta::assert_snapshot!("run_denied", without_hash(&without_digits(&denied.stdout)));
    assert!(denied.stderr.contains("restrict-ssh/no-world-ssh") && denied.stderr.contains("cluster.kdl:8:20"), "{denied}");
    let narrowed =
        run(&kaphost, 0, "policy run restrict-ssh.wasm cluster.kdl --set narrow=true --set allowed-cidrs=10.0.0.0/8 --output json");
    let document = json(&narrowed);
    assert_eq!(document["schema"], "kaphost.policy-run/1");
    assert_eq!(document["decision"]["changes"].as_array().unwrap().len(), 2, "{narrowed}");
    let calls = document["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 3, "two passes of the mutator, and the validator: {narrowed}");
    for call in calls {
        assert!(call["fuel"].as_u64().unwrap() > 1_000 && call["memory-bytes"].as_u64().unwrap() >= 1 << 16, "{call}");
    }
    assert_eq!(
        json(&run(&kaphost, 0, "policy run restrict-ssh.wasm cluster.kdl --set narrow=true --set allowed-cidrs=10.0.0.0/8 --output json")),
        document
    );
    run(&kaphost, 64, "policy run restrict-ssh.wasm cluster.kdl --set colour=blue");
    assert!(run(&kaphost, 4, "policy run multi-zone.wasm cluster.kdl").stderr.contains("--facts"));
    // Nobody else's policy is asked, whatever the machine names.
    let mut command = kaphost.command();
    command.args(["policy", "run", "dedicated-tenancy.wasm", "cluster.kdl"]).env("KAPHOST_POLICY", "restrict-ssh.wasm");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(0));
}

#[test]
fn a_policy_is_measured_against_its_limits() {
    let kaphost = with(&["restrict-ssh"]);
    let arguments = "policy bench restrict-ssh.wasm cluster.kdl --rounds 20 --loads 2";
    let text = run(&kaphost, 0, arguments).stdout;
    for word in ["compile", "load", "decide", "fuel", "memory", "median", "of 200,000,000", "of 64 MiB"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let document = json(&run(&kaphost, 0, &format!("{arguments} --output json")));
    let measured = &document["measured"];
    assert_eq!((measured["decision"]["rounds"].as_u64(), measured["compile"]["rounds"].as_u64()), (Some(20), Some(2)), "{document}");
    assert!(measured["used"]["fuel"].as_u64().unwrap() < document["limits"]["fuel"].as_u64().unwrap());
}

#[test]
fn two_versions_are_told_apart_config_by_config() {
    let kaphost = with(&["restrict-ssh", "dedicated-tenancy", "encrypted-volumes"]);
    kaphost.write("corpus/open.kdl", OPEN).unwrap();
    kaphost.write("corpus/teams/closed.kdl", &OPEN.replace("0.0.0.0/0", "10.0.0.0/8")).unwrap();
    kaphost.write("corpus/broken.kdl", "cluster").unwrap();
    // The same module with other settings is another policy.
    let stricter = "policy diff restrict-ssh.wasm restrict-ssh.wasm --corpus corpus --set-new min-prefix-ipv4=9";
    let same = json(&run(&kaphost, 2, &format!("{stricter} --detailed-exitcode --output json")));
    let turns: Vec<&str> = same["configs"].as_array().unwrap().iter().map(|one| one["turn"].as_str().unwrap()).collect();
    assert_eq!(turns, ["not-readable", "the-same", "newly-denied"], "{same:#}");
    insta::assert_snapshot!("diff_stricter", without_hash(&run(&kaphost, 0, stricter).stdout));
    let other = run(&kaphost, 0, "policy diff restrict-ssh.wasm dedicated-tenancy.wasm --corpus corpus/open.kdl");
    insta::assert_snapshot!("diff_other", without_hash(&other.stdout));
    let none = run(&kaphost, 0, "policy diff dedicated-tenancy.wasm dedicated-tenancy.wasm --corpus corpus/open.kdl --detailed-exitcode");
    assert!(none.stdout.contains("1 config: 1 the same"), "{none}");
    assert!(run(&kaphost, 1, "policy diff dedicated-tenancy.wasm dedicated-tenancy.wasm --corpus no").stderr.contains("does not exist"));
}

fn without_hash(text: &str) -> String {
    let words =
        |line: &str| line.split(' ').map(|word| if word.starts_with("sha256:") { "sha256:…" } else { word }).collect::<Vec<_>>().join(" ");
    text.lines().map(|line| format!("{}\n", words(line).trim_end())).collect()
}

/// Each rule of each shipped policy has spoken in a case, and has not in another; none fails on any config that was made up.
#[test]
fn every_shipped_policy_passes_its_cases_and_they_leave_out_no_rule() {
    let built = Built::find().unwrap();
    let kaphost = Kaphost::offline().unwrap();
    let mut tested = BTreeSet::new();
    let mut report = BTreeSet::new();
    let head = "\nrules that spoke and passed, settings and fields that were varied, by the policies' own cases:\n";
    for entry in fs::read_dir(guests()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("Cargo.toml").is_file() || folder.ends_with("sdk") {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let component = built.policy(&name).unwrap();
        let mut command = kaphost.command();
        command
            .args(["policy", "test", "--whole", "--output", "json", "--generated", "300", "--cases"])
            .arg(folder.join("cases"))
            .arg(component);
        let run = Run::of(&mut command).unwrap();
        assert_eq!(run.code, Some(0), "{name}: {run}");
        let document = json(&run);
        let cases: usize = document["suites"].as_array().unwrap().iter().map(|suite| suite["cases"].as_array().unwrap().len()).sum();
        let coverage = &document["coverage"];
        let [rules, fields, settings] = ["rules", "fields", "settings"].map(|what| coverage[what].as_array().unwrap());
        let spoke = rules.iter().filter(|rule| rule["fired"].as_u64() > Some(0) && rule["passed"].as_u64() > Some(0)).count();
        let varied = |all: &[Value]| all.iter().filter(|one| one["values"].as_u64() > Some(1)).count();
        assert_eq!((spoke, &document["whole"]), (rules.len(), &true.into()), "{name}");
        report.insert(format!(
            "  {name:<24} {cases:>3} cases  {spoke} of {} rules  {} of {} settings  {} of {} fields\n",
            rules.len(),
            varied(settings),
            settings.len(),
            varied(fields),
            fields.len(),
        ));
        tested.insert(name);
    }
    assert_eq!(tested.len(), 19, "{tested:?}");
    // Past the harness: what is covered is to be read where all tests pass, too.
    let report: String = std::iter::once(head.to_owned()).chain(report).collect();
    std::io::stderr().write_all(report.as_bytes()).unwrap();
}

const CASES: &str = r#"config file="../cluster.kdl"

case "shared hardware is made dedicated" {
    expect {
        change "tenancy" rule="dedicated-tenancy" from="default" to="dedicated"
    }
}

case "nothing comes of it" {
    replace "t3.small" "t3.micro"
}
"#;

#[test]
fn what_does_not_come_out_is_shown_and_written_down_anew() {
    let kaphost = with(&["dedicated-tenancy"]);
    let cases = kaphost.write("cases/tenancy.kdl", CASES).unwrap();
    let failed = run(&kaphost, 1, "policy test dedicated-tenancy.wasm --generated 50");
    insta::assert_snapshot!("test_failed", failed.stdout);
    let document = json(&run(&kaphost, 1, "policy test dedicated-tenancy.wasm --generated 50 --output json"));
    assert_eq!((&document["schema"], &document["exit"]), (&"kaphost.policy-test/1".into(), &1.into()));
    assert_eq!(document["suites"][0]["cases"][1]["outcome"], "failed");
    let forms = "policy test dedicated-tenancy.wasm --generated 50 --whole --output text --output junit=out.xml --output tap=out.tap";
    run(&kaphost, 1, forms);
    let [junit, tap] = ["out.xml", "out.tap"].map(|file| fs::read_to_string(kaphost.folder().join(file)).unwrap());
    insta::assert_snapshot!("test_junit", junit);
    insta::assert_snapshot!("test_tap", tap);
    let mut held = Held::default();
    held.add("JUnit", &junit_schema().unwrap(), junit.split_once("?>").unwrap().1.trim_start());
    held.check().unwrap();
    assert_eq!(run(&kaphost, 1, "policy test dedicated-tenancy.wasm --generated 50 --whole --output tap").stdout, tap);
    assert!(run(&kaphost, 64, "policy test --output sarif").said().contains("tests have no form `sarif`"));
    assert!(run(&kaphost, 64, "policy test dedicated-tenancy.wasm --output tap=cases/tenancy.kdl").said().contains("would write over"));
    assert_eq!(fs::read_to_string(&cases).unwrap(), CASES, "nothing is written unless asked");
    run(&kaphost, 0, "policy test dedicated-tenancy.wasm --generated 50 --update");
    assert!(fs::read_to_string(&cases).unwrap().starts_with(CASES.strip_suffix("}\n").unwrap()));
    run(&kaphost, 0, "policy test dedicated-tenancy.wasm --generated 50");
    // No case lets the rule pass: that is said, and a failure where it may not be.
    let whole = run(&kaphost, 1, "policy test dedicated-tenancy.wasm --generated 50 --whole");
    assert!(whole.stdout.contains("no case lets it pass"), "{whole}");
}

#[test]
fn mistakes_in_cases_are_told_with_their_places() {
    let kaphost = with(&["restrict-ssh"]);
    kaphost.write("cases/a.kdl", "config file=\"../cluster.kdl\"\ncase \"a\" {\n    settings min-prefix-ipv4=33\n    replace \"no such text\" \"x\"\n}\ncase \"b\" {\n    expect { violation \"no-world-shh\" }\n}\ncase \"c\" { config file=\"absent.kdl\" }\ncase \"d\" { replace \"t3.small\" \"t3 small\" }\n").unwrap();
    insta::assert_snapshot!("test_broken", run(&kaphost, 1, "policy test restrict-ssh.wasm --generated 0").stdout);
    let junit = run(&kaphost, 1, "policy test restrict-ssh.wasm --generated 0 --output junit").stdout;
    assert!(junit.contains("errors=\"4\"") && junit.contains("the case cannot be asked") && !junit.contains('\u{1b}'), "{junit}");
    let mut held = Held::default();
    held.add("JUnit", &junit_schema().unwrap(), junit.split_once("?>").unwrap().1.trim_start());
    held.check().unwrap();
    kaphost.write("cases/b.kdl", "case \"a\" {\n    expcet { }\n}\ncase \"a\" config=\"x\"\n").unwrap();
    kaphost.write("cases/c.kdl", "case {").unwrap();
    let said = run(&kaphost, 1, "policy test restrict-ssh.wasm");
    insta::assert_snapshot!("test_mistakes", said.stderr);
}

/// The rule of `loops` is one that a compiler cannot see through: it never speaks on any valid cluster, since no port is 0.
#[test]
fn a_rule_that_no_valid_config_breaks_is_said_not_to_have_been_seen() {
    let kaphost = with(&[]);
    let never = policy("(func $validate (param $cluster i32) (result i32) (call $pass))\n").unwrap();
    fs::write(kaphost.folder().join("never.wasm"), never).unwrap();
    kaphost.write("cases/a.kdl", "config file=\"../cluster.kdl\"\ncase \"a\"").unwrap();
    let said = run(&kaphost, 0, "policy test never.wasm --generated 200").stdout;
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("no case makes it speak, and it was not seen to by 200 configs that were made up"), "{said}");
}

/// A policy that fails on some valid config is found out, with the change that does it.
#[test]
fn a_failure_on_a_made_up_config_is_a_failure_of_the_test() {
    let kaphost = with(&[]);
    // Traps where the SSH port is 65535.
    let trap = policy(
        "(func $validate (param $cluster i32) (result i32)\n  (if (i32.eq (i32.load16_u offset=(@offset cluster.ssh ssh.port) (local.get $cluster)) (i32.const 65535)) (then unreachable))\n  (call $pass))\n",
    );
    fs::write(kaphost.folder().join("trap.wasm"), trap.unwrap()).unwrap();
    kaphost.write("cases/a.kdl", "config file=\"../cluster.kdl\"\ncase \"a\"").unwrap();
    let said = run(&kaphost, 1, "policy test trap.wasm");
    assert!(said.stdout.contains("ssh.port=65535") && said.stdout.contains("trap"), "{said}");
}

#[test]
fn names_and_folders_that_will_not_do_are_refused() {
    let kaphost = Kaphost::offline().unwrap();
    for name in ["NoPublicIp", "../up", "match", "a/b"] {
        let said = run(&kaphost, 64, &format!("policy new {name}"));
        assert!(said.stderr.contains("cannot be the name of a policy"), "{said}");
    }
    assert!(run(&kaphost, 1, "policy new a --in absent").stderr.contains("cannot be written"));
    assert_eq!(fs::read_dir(kaphost.folder()).unwrap().count(), 0, "nothing was written");
    assert!(run(&kaphost, 1, "policy build").stderr.contains("holds neither a Cargo.toml nor a pyproject.toml"));
    kaphost.write("pyproject.toml", "[project]\nname = \"a\"\n").unwrap();
    assert!(run(&kaphost, 1, "policy build").said().contains("does not say `world = \"validator\"`"));
    assert!(run(&kaphost, 1, "policy test").stderr.contains("policy build"));
}
