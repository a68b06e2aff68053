//! Policy sets as their owners and users meet them: what holds, in which order, with which settings; and every way in which a set can be wrong, with
//! exit code 4 and a place.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Built, Kaphost, OPEN, Run, Set, policy};
use serde_json::Value;

fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.knows(&["dedicated-tenancy", "restrict-ssh"]).unwrap();
    kaphost.write("cluster.kdl", OPEN).unwrap();
    kaphost
}

fn set(kaphost: &Kaphost, file: &str) -> Set {
    Set::at(kaphost.folder().join(file))
}

/// kaphost with a variable set.
fn run_with(kaphost: &Kaphost, arguments: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = kaphost.command();
    Run::of(command.args(arguments.split_whitespace()).env("COLUMNS", "80").envs(variables.iter().copied())).unwrap()
}

fn expect(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Name, enforcement and set of every policy that took part, in order.
fn policies(document: &Value) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = document["decision"]["policies"].as_array().unwrap_or_else(|| panic!("no policies: {document}"));
    list.iter().map(|one| (text(&one["name"]).unwrap(), text(&one["enforcement"]).unwrap(), text(&one["set"]))).collect()
}

// ── What holds ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn enforcement_says_what_becomes_of_a_violation() {
    let kaphost = kaphost();
    for (enforcement, code) in [("disabled", 0), ("advisory", 0), ("mandatory", 3), ("remediate", 3)] {
        set(&kaphost, "org.kdl").with_built("restrict-ssh", enforcement, &[]).unwrap().write().unwrap();
        let run = expect(&kaphost, code, "check cluster.kdl --policy org.kdl");
        assert_eq!(run.stderr.contains("no-world-ssh"), enforcement != "disabled", "{enforcement}: {run}");
        let json = document(&expect(&kaphost, code, "check cluster.kdl --policy org.kdl --output json"));
        let advice = json["warnings"].as_array().unwrap().iter().filter(|one| one["code"] == "advice").count();
        assert_eq!(advice, usize::from(enforcement == "advisory"), "{json}");
        assert_eq!(policies(&json), [("restrict-ssh".to_owned(), enforcement.to_owned(), Some("org.kdl".to_owned()))]);
    }
}

#[test]
fn advice_is_said_and_nothing_of_it_is_done() {
    let kaphost = kaphost();
    let more = ["settings { narrow #true; allowed-cidrs \"10.0.0.0/8\"; }", "writes \"*\""];
    set(&kaphost, "org.kdl")
        .with_built("restrict-ssh", "advisory", &more)
        .unwrap()
        .with_built("dedicated-tenancy", "remediate", &["writes \"tenancy\""])
        .unwrap()
        .write()
        .unwrap();
    let run = expect(&kaphost, 0, "check cluster.kdl --policy org.kdl");
    insta::assert_snapshot!("advice", run.transcript());
    let json = document(&expect(&kaphost, 0, "check cluster.kdl --policy org.kdl --output json"));
    assert_eq!(json["decision"]["changes"].as_array().unwrap().len(), 1, "{json}");
    assert!(!json["decision"]["advice"].as_array().unwrap().is_empty(), "{json}");
    let explained = expect(&kaphost, 0, "explain cluster.kdl ssh.allow --policy org.kdl");
    assert!(explained.stdout.contains("0.0.0.0/0"), "{explained}");
}

#[test]
fn settings_have_types_and_reach_the_policy() {
    let kaphost = kaphost();
    let narrow = ["writes \"ssh.allow\"", "settings { narrow #true; allowed-cidrs \"10.0.0.0/8\" \"192.168.0.0/16\"; min-prefix-ipv4 8; }"];
    set(&kaphost, "org.kdl").with_built("restrict-ssh", "remediate", &narrow).unwrap().write().unwrap();
    let json = document(&expect(&kaphost, 0, "check cluster.kdl --policy org.kdl --output json"));
    let record = &json["decision"]["policies"][0];
    assert_eq!(record["settings"]["allowed-cidrs"], serde_json::json!(["10.0.0.0/8", "192.168.0.0/16"]), "{record}");
    assert_eq!((&record["settings"]["narrow"], &record["settings"]["min-prefix-ipv4"]), (&true.into(), &8.into()), "{record}");
    let changed: Vec<&str> = json["decision"]["changes"].as_array().unwrap().iter().filter_map(|one| one["path"].as_str()).collect();
    assert!(changed.iter().all(|path| path.starts_with("ssh.allow")) && changed.len() >= 2, "{changed:?}");
}

/// What a module finds wrong with a setting beyond its type it says as a violation, and nothing passes. Whoever runs the check did not write the
/// setting: the place is in the set that did.
#[test]
fn a_module_may_check_its_settings_further_and_is_shown_where_they_are_given() {
    let kaphost = kaphost();
    let office = ["settings { allowed-cidrs \"10.0.0.0/8\" \"office\"; }"];
    let org = set(&kaphost, "org.kdl").with_built("restrict-ssh", "mandatory", &office).unwrap();
    let org = org.with_built("required-tags", "mandatory", &["settings tag-defaults=\"nothing\""]).unwrap();
    let org = org.write().unwrap();
    let run = expect(&kaphost, 3, "check cluster.kdl --policy org.kdl");
    insta::assert_snapshot!("wrong_for_the_module", run.transcript());
    let text = fs::read_to_string(org.file()).unwrap();
    let at = |what: &str| {
        let (line, text) = text.lines().enumerate().find(|(_, line)| line.contains(what)).unwrap();
        format!("org.kdl:{}:{}", line + 1, text.find(what).unwrap() + 1)
    };
    let json = document(&expect(&kaphost, 3, "check cluster.kdl --policy org.kdl --output json"));
    let places: Vec<String> = json["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}:{}:{} {}", one["file"].as_str().unwrap(), one["line"], one["column"], one["path"].as_str().unwrap()))
        .collect();
    let wanted = [("\"10.0.0.0/8\"", "allowed-cidrs"), ("\"nothing\"", "tag-defaults")];
    assert_eq!(places, wanted.map(|(what, setting)| format!("{} settings[\"{setting}\"]", at(what))));
    let sarif = expect(&kaphost, 3, "check cluster.kdl --policy org.kdl --output sarif");
    assert!(sarif.stdout.contains("\"uri\": \"org.kdl\""), "{sarif}");
    // A module by itself has its settings from the command line: there is no place but the config's.
    fs::copy(kaphost_tests::Built::find().unwrap().policy("restrict-ssh").unwrap(), kaphost.folder().join("ssh.wasm")).unwrap();
    let run = expect(&kaphost, 3, "check cluster.kdl --policy ssh.wasm --set allowed-cidrs=office");
    assert!(run.stderr.contains("cluster.kdl:1:1") && run.stderr.contains("settings[\"allowed-cidrs\"]"), "{run}");
}

#[test]
fn a_policy_writes_what_it_is_granted_and_nothing_else() {
    let kaphost = kaphost();
    for (grant, code) in [("writes \"tenancy\"", 0), ("writes \"*\"", 0), ("writes \"tag\"", 4), ("", 4)] {
        set(&kaphost, "org.kdl").with_built("dedicated-tenancy", "remediate", &[grant]).unwrap().write().unwrap();
        let run = expect(&kaphost, code, "check cluster.kdl --policy org.kdl");
        assert_eq!(run.stderr.contains("tenancy"), code == 4, "{grant}: {run}");
        assert_eq!(run.stdout.contains("\"dedicated\""), code == 0, "{grant}: {run}");
    }
}

#[test]
fn limits_are_the_entrys_own() {
    let kaphost = kaphost();
    let endless = policy("(func $validate (param $cluster i32) (result i32) (loop $on (br $on)) (call $pass))").unwrap();
    for (limit, code) in
        [("limits fuel=1000000", "out-of-fuel"), ("limits memory-mib=1", "memory-limit"), ("limits stack-kib=16 fuel=1000", "out-of-fuel")]
    {
        let bytes = if code == "memory-limit" {
            policy("(func $validate (param $cluster i32) (result i32) (drop (call $alloc (i32.const 3000000))) (call $pass))").unwrap()
        } else {
            endless.clone()
        };
        set(&kaphost, "org.kdl").with("test-policy", "mandatory", &bytes, &[limit]).unwrap().write().unwrap();
        let run = expect(&kaphost, 4, "check cluster.kdl --policy org.kdl --output json");
        assert_eq!(document(&run)["problems"][0]["code"], code, "{limit}: {run}");
    }
}

// ── Who is asked, and in which order ────────────────────────────────────────────────────────────────────────────────

#[test]
fn machine_environment_and_command_line_add_up_in_this_order() {
    let kaphost = kaphost();
    set(&kaphost, "machine/policy.kdl").with_built("dedicated-tenancy", "mandatory", &[]).unwrap().write().unwrap();
    set(&kaphost, "team/policy.kdl").with_built("restrict-ssh", "advisory", &[]).unwrap().write().unwrap();
    let org = Built::find().unwrap().policy("org").unwrap();
    fs::copy(org, kaphost.folder().join("org.wasm")).unwrap();
    fs::copy(Built::find().unwrap().policy("restrict-ssh").unwrap(), kaphost.folder().join("ssh.wasm")).unwrap();
    let variables = [("KAPHOST_SYSTEM_POLICY", "machine/policy.kdl"), ("KAPHOST_POLICY", "team/policy.kdl:org.wasm")];
    let run = run_with(&kaphost, "check cluster.kdl --policy ssh.wasm --output json", &variables);
    let names: Vec<(String, Option<String>)> = policies(&document(&run)).into_iter().map(|(name, _, set)| (name, set)).collect();
    let from = |name: &str, set: Option<&str>| (name.to_owned(), set.map(str::to_owned));
    assert_eq!(
        names,
        [
            from("dedicated-tenancy", Some("machine/policy.kdl")),
            from("restrict-ssh", Some("team/policy.kdl")),
            from("org", None),
            from("restrict-ssh", None),
        ],
        "{run}"
    );
    assert_eq!(run.code, Some(3), "{run}");
}

#[test]
fn a_set_is_found_from_anywhere_and_its_modules_from_it() {
    let kaphost = kaphost();
    let set = set(&kaphost, "policies/deep/org.kdl").with_built("restrict-ssh", "mandatory", &[]).unwrap().write().unwrap();
    fs::create_dir(kaphost.folder().join("elsewhere")).unwrap();
    for (folder, file) in [("", "policies/deep/org.kdl"), ("elsewhere", "../policies/deep/org.kdl"), ("policies/deep", "org.kdl")] {
        let mut command = kaphost.command();
        command
            .current_dir(kaphost.folder().join(folder))
            .args(["check"])
            .arg(kaphost.folder().join("cluster.kdl"))
            .args(["--policy", file]);
        let run = Run::of(&mut command).unwrap();
        assert_eq!(run.code, Some(3), "{folder}: {run}");
    }
    let absolute = set.file().display().to_string();
    expect(&kaphost, 3, &format!("check cluster.kdl --policy {absolute}"));
    // The same set by two names is one set.
    let run = expect(&kaphost, 3, &format!("check cluster.kdl --policy {absolute} --policy policies/deep/org.kdl --output json"));
    assert_eq!(policies(&document(&run)).len(), 1, "{run}");
}

/// Sets the port of SSH, where it is the usual one: two of these hang on which comes first.
fn moves_ssh_to(port: u16) -> Vec<u8> {
    let at = "(i32.add (local.get $cluster) (i32.const (@offset cluster.ssh ssh.port)))";
    let text = format!(
        "(func $describe (result i32)\n  (call $described (@text \"port-{port}\") (@text \"1.2.3\") (@text \"A test.\") (@text \"r\") (@text \"It holds.\")))\n\
         (func $mutate (param $cluster i32) (result i32)\n  \
         (if (i32.ne (i32.load16_u {at}) (i32.const 22)) (then (return (call $keep (local.get $cluster)))))\n  \
         (i32.store16 {at} (i32.const {port}))\n  \
         (call $amend (local.get $cluster) (@text \"r\") (@text \"ssh.port\") (@text \"not the usual one\")))\n"
    );
    policy(&text).unwrap()
}

#[test]
fn an_outcome_that_hangs_on_the_order_is_a_warning_and_with_strict_a_failure() {
    let kaphost = kaphost();
    let write = |first: u16, second: u16| {
        let entry =
            |set: Set, port: u16| set.with(&format!("port-{port}"), "remediate", &moves_ssh_to(port), &["writes \"ssh.port\""]).unwrap();
        entry(entry(set(&kaphost, "org.kdl"), first), second).write().unwrap();
    };
    write(2222, 2022);
    let run = expect(&kaphost, 0, "check cluster.kdl --policy org.kdl");
    insta::assert_snapshot!("order", run.transcript());
    for command in ["check", "plan --cloud lab:lab.json", "apply --auto-approve --cloud lab:lab.json"] {
        let run = expect(&kaphost, 4, &format!("{command} cluster.kdl --policy org.kdl --strict --output json"));
        let json = document(&run);
        assert_eq!((&json["problems"][0]["code"], &json["warnings"][0]["code"]), (&"strict".into(), &"order-dependence".into()), "{json}");
    }
    assert!(!kaphost.folder().join("lab.json").exists(), "nothing was carried out");
    let run = run_with(&kaphost, "check cluster.kdl --policy org.kdl", &[("KAPHOST_STRICT", "1")]);
    assert_eq!(run.code, Some(4), "{run}");
    // One of them alone hangs on nothing.
    Set::at(kaphost.folder().join("org.kdl"))
        .with("port-2222", "remediate", &moves_ssh_to(2222), &["writes \"ssh.port\""])
        .unwrap()
        .write()
        .unwrap();
    let run = expect(&kaphost, 0, "check cluster.kdl --policy org.kdl --strict");
    assert_eq!(run.stderr, "", "{run}");
}

// ── What can be wrong ───────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_module_of_another_digest_is_neither_compiled_nor_run() {
    let kaphost = kaphost();
    fs::remove_dir_all(kaphost.home().join(".cache")).unwrap();
    let set = set(&kaphost, "org.kdl").with_built("restrict-ssh", "mandatory", &[]).unwrap().write().unwrap();
    // One byte more, behind everything that means anything: a custom section of no content.
    let module = kaphost.folder().join("restrict-ssh.wasm");
    let mut bytes = fs::read(&module).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    fs::write(&module, bytes).unwrap();
    for command in ["check", "plan", "apply --auto-approve", "explain", "status"] {
        let path = if command == "explain" { " tenancy" } else { "" };
        let run = expect(&kaphost, 4, &format!("{command} cluster.kdl{path} --policy org.kdl --output json"));
        let problem = document(&run)["problems"][0].clone();
        assert_eq!(
            (problem["code"].as_str(), problem["line"].as_u64(), problem["column"].as_u64()),
            (Some("digest-mismatch"), Some(2), Some(12)),
            "{run}"
        );
        assert!(run.stderr.contains("sha256sum"), "{run}");
    }
    let cache = kaphost.home().join(".cache/kaphost/modules");
    assert!(!cache.exists() || fs::read_dir(&cache).unwrap().count() == 0, "nothing was compiled");
    assert!(set.text().lines().nth(1).unwrap().trim_start().starts_with("sha256"));
}

#[test]
fn everything_wrong_with_sets_and_their_modules_is_said_at_once() {
    let kaphost = kaphost();
    let mut first = set(&kaphost, "first.kdl")
        .with_built("restrict-ssh", "mandatory", &["settings { narrow \"yes\"; allowed \"10.0.0.0/8\"; }"])
        .unwrap()
        .with_built("dedicated-tenancy", "mandatory", &[])
        .unwrap();
    first.entries[1].name = "tenancy".to_owned();
    first.write().unwrap();
    let mut second = set(&kaphost, "second.kdl").with_built("org", "mandatory", &[]).unwrap();
    second.entries[0].path = "absent.wasm".to_owned();
    second.write().unwrap();
    let run = expect(&kaphost, 4, "check cluster.kdl --policy first.kdl --policy second.kdl");
    assert_eq!(run.stdout, "", "{run}");
    insta::assert_snapshot!("wrong_modules", run.transcript());

    let json = document(&expect(&kaphost, 4, "check cluster.kdl --policy first.kdl --policy second.kdl --output json"));
    let codes = |list: &Value| list.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(codes(&json["diagnostics"]), ["mistyped-setting", "unknown-setting", "other-policy"], "{json}");
    assert_eq!(codes(&json["problems"]), ["unreadable"], "{json}");
}

#[test]
fn mistakes_of_several_sets_are_said_at_once() {
    let kaphost = kaphost();
    kaphost.write("first.kdl", "polcy \"a\"\n").unwrap();
    kaphost.write("second.kdl", "policy \"a\" path=\"a.wasm\" enforcement=\"strict\"\n").unwrap();
    let run = run_with(&kaphost, "check cluster.kdl --policy second.kdl --output json", &[("KAPHOST_POLICY", "first.kdl")]);
    assert_eq!(run.code, Some(4), "{run}");
    let json = document(&run);
    let places: Vec<(String, String)> = json["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap().to_owned()))
        .collect();
    let at = |file: &str, code: &str| (file.to_owned(), code.to_owned());
    assert_eq!(places, [at("first.kdl", "unknown-node"), at("second.kdl", "missing-value"), at("second.kdl", "unknown-word")], "{run}");
}

#[test]
fn what_is_neither_a_module_nor_a_set_says_so() {
    let kaphost = kaphost();
    fs::create_dir(kaphost.folder().join("folder")).unwrap();
    kaphost.write("page.html", "<!doctype html>\n<p>404 \"not found</p>\n").unwrap();
    kaphost.write("page.wasm", "<!doctype html>\n").unwrap();
    fs::write(kaphost.folder().join("bytes"), [0xff, 0xfe, 0, 1]).unwrap();
    kaphost.write("empty.kdl", "").unwrap();
    let huge = fs::File::create(kaphost.folder().join("huge.kdl")).unwrap();
    huge.set_len(2 << 20).unwrap();
    fs::write(kaphost.folder().join("huge.kdl"), "// x\n".repeat(300_000)).unwrap();
    let mut said = String::new();
    for file in ["page.html", "page.wasm", "bytes", "empty.kdl", "huge.kdl", "folder", "absent.kdl", "cluster.kdl"] {
        let run = expect(&kaphost, 4, &format!("check cluster.kdl --policy {file}"));
        assert_eq!(run.stdout, "", "{run}");
        said += &format!("━━ {file}\n{}", run.stderr);
    }
    insta::assert_snapshot!("neither", said);
}

#[test]
fn a_machine_wide_set_that_is_named_and_not_there_stops_everything() {
    let kaphost = kaphost();
    for command in ["check cluster.kdl", "apply cluster.kdl --auto-approve --cloud lab:lab.json", "explain cluster.kdl tenancy"] {
        let run = run_with(&kaphost, command, &[("KAPHOST_SYSTEM_POLICY", "absent.kdl")]);
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.said().contains("the policy set `absent.kdl` does not exist"), "{run}");
    }
    // It is a set, whatever else would do on the command line.
    kaphost.give("org", "org.wasm").unwrap();
    let run = run_with(&kaphost, "check cluster.kdl", &[("KAPHOST_SYSTEM_POLICY", "org.wasm")]);
    assert_eq!(run.code, Some(4), "{run}");
}

#[test]
fn settings_of_a_set_are_out_of_reach_of_the_command_line() {
    let kaphost = kaphost();
    set(&kaphost, "org.kdl").with_built("restrict-ssh", "mandatory", &[]).unwrap().write().unwrap();
    kaphost.give("dedicated-tenancy", "tenancy.wasm").unwrap();
    kaphost.give("restrict-ssh", "ssh.wasm").unwrap();
    let mut said = String::new();
    for arguments in [
        "--set restrict-ssh:narrow=true",
        "--set narrow=true",
        "--set narow=true",
        "--set other:narrow=true",
        "--policy tenancy.wasm --set narrow=true",
        "--policy tenancy.wasm --set restrict-ssh:min-prefix-ipv4=0",
    ] {
        let run = expect(&kaphost, 64, &format!("check cluster.kdl --policy org.kdl {arguments}"));
        said += &format!("━━ {arguments}\n{}", run.stderr);
    }
    insta::assert_snapshot!("settings_of_a_set", said);
    // A module by itself has its own, also beside an entry of the same name, which keeps those of the set.
    let run =
        expect(&kaphost, 3, "check cluster.kdl --policy org.kdl --policy ssh.wasm --set restrict-ssh:min-prefix-ipv4=1 --output json");
    let prefixes: Vec<u64> = document(&run)["decision"]["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["settings"]["min-prefix-ipv4"].as_u64().unwrap())
        .collect();
    assert_eq!(prefixes, [8, 1], "{run}");
}

// ── The example ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// `configs/policies/org.kdl` with the digests of the modules as they were built here.
#[test]
fn the_example_holds() {
    let kaphost = kaphost();
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/policies/org.kdl")).unwrap();
    let mut example = text.clone();
    let modules = set(&kaphost, "policies/org.kdl")
        .with_built("dedicated-tenancy", "mandatory", &[])
        .unwrap()
        .with_built("restrict-ssh", "mandatory", &[])
        .unwrap();
    let zeros = "0".repeat(64);
    assert_eq!(text.matches(&zeros).count(), modules.entries.len(), "each digest is left to be filled in");
    for entry in &modules.entries {
        let at = example.find(&format!("policy \"{}\"", entry.name)).unwrap_or_else(|| panic!("no {}", entry.name));
        let (before, after) = example.split_at(at);
        example = format!("{before}{}", after.replacen(&zeros, &entry.sha256, 1));
    }
    kaphost.write("policies/org.kdl", &example).unwrap();
    let run = expect(&kaphost, 3, "check cluster.kdl --policy policies/org.kdl --now 2026-12-01T00:00:00Z");
    assert!(run.stderr.contains("restrict-ssh/no-world-ssh"), "{run}");
    kaphost.write("cluster.kdl", &OPEN.replace("0.0.0.0/0", "10.1.0.0/16")).unwrap();
    let run = expect(&kaphost, 0, "check cluster.kdl --policy policies/org.kdl --now 2026-12-01T00:00:00Z");
    assert!(run.stdout.contains("\"dedicated\""), "{run}");
    // As it stands, without the digests, nothing of it is run.
    kaphost.write("policies/org.kdl", &text).unwrap();
    let run = expect(&kaphost, 4, "check cluster.kdl --policy policies/org.kdl --output json");
    let problems = document(&run)["problems"].as_array().unwrap().clone();
    assert!(problems.len() == 2 && problems.iter().all(|one| one["code"] == "digest-mismatch"), "{run}");
}
