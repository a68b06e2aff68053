//! A security team's policy set holds, and an app team tries every way there is to weaken it: its config, its flags, its variables, its files, the
//! cache, the clock. Each way ends in a denial, in a failure of trust, or changes nothing about the verdict.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;

use kaphost_tests::{Built, Kaphost, OPEN, Run, Set, policy};
use serde_json::Value;

/// What the app team wants is SSH from the whole world. This is what the security team lets pass, once its policies have made the tenancy dedicated.
fn sound() -> String {
    OPEN.replace("0.0.0.0/0", "10.0.0.0/16")
}

/// The app team's machine. The security team's set lies in a folder of its own, and is the machine's.
struct Team {
    kaphost: Kaphost,
    org: Set,
}

impl Team {
    fn new() -> Self {
        let kaphost = Kaphost::offline().unwrap();
        kaphost.write("cluster.kdl", OPEN).unwrap();
        kaphost.knows(&["dedicated-tenancy", "restrict-ssh"]).unwrap();
        let org = Set::at(kaphost.home().join("security/policy.kdl"))
            .with_built("dedicated-tenancy", "remediate", &["writes \"tenancy\""])
            .unwrap()
            .with_built("restrict-ssh", "mandatory", &["settings allowed-cidrs=\"10.0.0.0/8\""])
            .unwrap()
            .write()
            .unwrap();
        Self { kaphost, org }
    }

    fn run(&self, arguments: &str, variables: &[(&str, &str)]) -> Run {
        let mut command = self.kaphost.command();
        command.env("COLUMNS", "80").env("KAPHOST_SYSTEM_POLICY", self.org.file()).args(arguments.split_whitespace());
        Run::of(command.envs(variables.iter().copied())).unwrap()
    }

    /// The org denies, whatever else was given: by its own rule, as it would have without.
    fn denied(&self, arguments: &str, variables: &[(&str, &str)]) -> Run {
        let run = self.run(&format!("{arguments} --output json"), variables);
        assert_eq!(run.code, Some(3), "{arguments} {variables:?}: {run}");
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
        let mine =
            |one: &Value| one["policy"] == "restrict-ssh" && one["rule"] == "no-world-ssh" && one["path"] == "ssh.allow[\"0.0.0.0/0\"]";
        assert!(document["violations"].as_array().unwrap().iter().any(mine), "{arguments}: {document}");
        let first = &document["decision"]["policies"][0];
        assert_eq!((first["name"].as_str(), first["enforcement"].as_str()), (Some("dedicated-tenancy"), Some("remediate")), "{document}");
        run
    }

    /// The set could not be held, or the policies could not be trusted: nothing passes.
    fn untrusted(&self, arguments: &str, variables: &[(&str, &str)]) -> Run {
        let run = self.run(arguments, variables);
        assert_eq!(run.code, Some(4), "{arguments} {variables:?}: {run}");
        run
    }

    fn own_set(&self, enforcement: &str, more: &[&str]) -> Set {
        Set::at(self.kaphost.folder().join("own.kdl")).with_built("restrict-ssh", enforcement, more).unwrap()
    }
}

const CHECK: &str = "check cluster.kdl";

/// A policy that calls itself what one of the org's calls itself, and lets everything pass.
const IMPOSTOR: &str = r#"(func $describe (result i32)
    (call $described (@text "restrict-ssh") (@text "9.9.9") (@text "Fine.") (@text "no-world-ssh") (@text "It holds.")))
"#;

/// A policy that sets `tenancy` back to `default`.
const SHARED: &str = r#"(func $mutate (param $cluster i32) (result i32)
    (if (i32.eqz (i32.load8_u offset=(@offset cluster.tenancy) (local.get $cluster)))
      (then (return (call $keep (local.get $cluster)))))
    (i32.store8 offset=(@offset cluster.tenancy) (local.get $cluster) (i32.const 0))
    (call $amend (local.get $cluster) (@text "r") (@text "tenancy") (@text "shared is cheaper")))
"#;

#[test]
fn the_org_denies_before_anybody_tries_anything() {
    let team = Team::new();
    team.denied(CHECK, &[]);
    for command in [
        "plan cluster.kdl --cloud lab:lab.json",
        "apply cluster.kdl --auto-approve --cloud lab:lab.json",
        "status cluster.kdl --cloud lab:lab.json",
    ] {
        team.denied(command, &[]);
    }
    // And a sound config passes, with the tenancy that the org wants: what follows is not denied for want of anything else.
    team.kaphost.write("cluster.kdl", &sound()).unwrap();
    let run = team.run(CHECK, &[]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("\"dedicated\""), "{run}");
}

// ── With policies of its own ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_set_of_its_own_with_the_same_policy_weakened() {
    let team = Team::new();
    for enforcement in ["disabled", "advisory"] {
        team.own_set(enforcement, &[]).write().unwrap();
        team.denied(&format!("{CHECK} --policy own.kdl"), &[]);
        team.denied(CHECK, &[("KAPHOST_POLICY", "own.kdl")]);
        // Twice over, and the org's set named by hand too, before and behind.
        let org = team.org.file().display().to_string();
        team.denied(&format!("{CHECK} --policy own.kdl --policy {org} --policy own.kdl"), &[]);
    }
    team.own_set("mandatory", &["settings min-prefix-ipv4=0"]).write().unwrap();
    team.denied(&format!("{CHECK} --policy own.kdl"), &[]);
}

#[test]
fn a_waiver_of_its_own_for_the_orgs_policy() {
    let team = Team::new();
    let waiver = "waiver policy=\"restrict-ssh\" rule=\"no-world-ssh\" cluster=\"*\" owner=\"me\" ticket=\"T-1\" reason=\"quick\" expires=\"2026-12-31T00:00:00Z\"";
    team.own_set("mandatory", &[]).and(waiver).write().unwrap();
    let run = team.denied(&format!("{CHECK} --policy own.kdl --now 2026-12-01T00:00:00Z"), &[]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let effects: Vec<&str> = document["decision"]["violations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["rule"] == "no-world-ssh")
        .filter_map(|one| one["effect"].as_str())
        .collect();
    assert_eq!(effects, ["deny", "waived"], "its own is waived, the org's is not: {document}");
    // In a set that does not even name the policy it is no waiver at all.
    Set::at(team.kaphost.folder().join("bare.kdl")).with_built("dedicated-tenancy", "mandatory", &[]).unwrap().and(waiver).write().unwrap();
    team.untrusted(&format!("{CHECK} --policy bare.kdl"), &[]);
}

#[test]
fn a_module_that_takes_the_name_of_the_orgs() {
    let team = Team::new();
    fs::write(team.kaphost.folder().join("restrict-ssh.wasm"), policy(IMPOSTOR).unwrap()).unwrap();
    team.denied(&format!("{CHECK} --policy restrict-ssh.wasm"), &[]);
    team.denied(CHECK, &[("KAPHOST_POLICY", "restrict-ssh.wasm")]);
}

#[test]
fn a_module_that_undoes_what_the_org_does() {
    let team = Team::new();
    team.kaphost.write("cluster.kdl", &sound()).unwrap();
    fs::write(team.kaphost.folder().join("shared.wasm"), policy(SHARED).unwrap()).unwrap();
    // Behind the org's: what loosens is refused, whatever it says for itself.
    let run = team.untrusted(&format!("{CHECK} --policy shared.wasm"), &[]);
    assert!(run.said().contains("tenancy"), "{run}");
    // In a set of its own, with every grant that a set can give: the two never come to rest, and both are named.
    Set::at(team.kaphost.folder().join("own.kdl"))
        .with("test-policy", "remediate", &policy(SHARED).unwrap(), &["writes \"*\"", "loosens \"*\""])
        .unwrap()
        .write()
        .unwrap();
    let run = team.untrusted(&format!("{CHECK} --policy own.kdl"), &[]);
    assert!(run.said().contains("dedicated-tenancy.wasm") && run.said().contains("test-policy.wasm"), "{run}");
}

// ── With flags and variables ────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn settings_for_the_orgs_policies() {
    let team = Team::new();
    for setting in ["narrow=true", "restrict-ssh:narrow=true", "restrict-ssh:allowed-cidrs=0.0.0.0/0", "min-prefix-ipv4=0"] {
        let run = team.run(&format!("{CHECK} --set {setting}"), &[]);
        assert_eq!(run.code, Some(64), "{run}");
        assert!(run.said().contains("security/policy.kdl"), "it says whose they are: {run}");
    }
    fs::copy(Built::find().unwrap().policy("restrict-ssh").unwrap(), team.kaphost.folder().join("mine.wasm")).unwrap();
    // A copy of one's own takes them, and the org's is as it was.
    let run = team.denied(&format!("{CHECK} --policy mine.wasm --set restrict-ssh:allowed-cidrs=0.0.0.0/0 --set min-prefix-ipv4=0"), &[]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["decision"]["policies"][1]["settings"]["allowed-cidrs"], serde_json::json!(["10.0.0.0/8"]), "{document}");
}

#[test]
fn variables_that_name_no_policy_or_another() {
    let team = Team::new();
    team.own_set("disabled", &[]).write().unwrap();
    for value in ["", ":", "own.kdl", ":own.kdl:"] {
        team.denied(CHECK, &[("KAPHOST_POLICY", value)]);
    }
    team.untrusted(CHECK, &[("KAPHOST_POLICY", "absent.kdl")]);
    let home = team.kaphost.folder().display().to_string();
    for name in [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "KAPHOST_CACHE_DIR",
        "TMPDIR",
        "KAPHOST_AUTO_APPROVE",
        "KAPHOST_STRICT",
    ] {
        team.denied(CHECK, &[(name, &home)]);
    }
    // A set from the environment, not from the machine: it cannot be talked away with a flag either.
    let org = team.org.file().display().to_string();
    let mut command = team.kaphost.command();
    let run = Run::of(command.args([CHECK, "--policy", "own.kdl"].join(" ").split_whitespace()).env("KAPHOST_POLICY", org)).unwrap();
    assert_eq!(run.code, Some(3), "a flag adds to the variable: {run}");
}

/// Exceptions end by the clock. Evaluations may be asked about another time; what is carried out may not.
#[test]
fn a_clock_set_back_for_a_waiver_that_has_expired() {
    let team = Team::new();
    let org = team.org.clone();
    org.and("waiver policy=\"restrict-ssh\" rule=\"no-world-ssh\" cluster=\"kapacitor-stage\" owner=\"o\" ticket=\"t\" reason=\"r\" expires=\"2020-03-31T00:00:00Z\"")
        .and("waiver policy=\"restrict-ssh\" rule=\"ssh-range-too-wide\" cluster=\"kapacitor-stage\" owner=\"o\" ticket=\"t\" reason=\"r\" expires=\"2020-03-31T00:00:00Z\"")
        .and("waiver policy=\"restrict-ssh\" rule=\"ssh-range-not-allowed\" cluster=\"kapacitor-stage\" owner=\"o\" ticket=\"t\" reason=\"r\" expires=\"2020-03-31T00:00:00Z\"")
        .write()
        .unwrap();
    // It was granted once, and a question about then is answered for then.
    let then = team.run(&format!("{CHECK} --now 2020-03-01T00:00:00Z"), &[]);
    assert_eq!(then.code, Some(0), "{then}");
    team.denied(CHECK, &[]);
    let apply = "apply cluster.kdl --auto-approve --cloud lab:lab.json";
    team.denied(apply, &[]);
    for flag in ["--now 2020-03-01T00:00:00Z", "--now=2020-03-01T00:00:00Z"] {
        let run = team.run(&format!("{apply} {flag}"), &[]);
        assert_eq!(run.code, Some(64), "apply takes no other time: {run}");
    }
    team.denied(apply, &[("KAPHOST_NOW", "2020-03-01T00:00:00Z"), ("SOURCE_DATE_EPOCH", "1583020800"), ("TZ", "Pacific/Kiritimati")]);
    assert!(!team.kaphost.folder().join("lab.json").exists(), "nothing was carried out");
}

// ── With its config ─────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_config_that_claims_exemptions() {
    let team = Team::new();
    for node in [
        "exempt \"restrict-ssh\"",
        "policies { restrict-ssh enforcement=\"disabled\"; }",
        "policy \"restrict-ssh\" enforcement=\"disabled\"",
        "waiver policy=\"restrict-ssh\" rule=\"no-world-ssh\" cluster=\"kapacitor-stage\"",
    ] {
        let inside = OPEN.replacen("    ssh {", &format!("    {node}\n    ssh {{"), 1);
        for text in [inside, format!("{node}\n{OPEN}"), format!("defaults {{\n    {node}\n}}\n{OPEN}")] {
            team.kaphost.write("cluster.kdl", &text).unwrap();
            let run = team.run(CHECK, &[]);
            assert_eq!(run.code, Some(1), "no config has such a node: {run}");
            assert!(run.stderr.contains("unknown-node"), "{run}");
        }
    }
    // A comment is no node, however it is spelt.
    team.kaphost.write("cluster.kdl", &format!("// kaphost:ignore no-world-ssh\n/* policy: off */ /- policy \"off\"\n{OPEN}")).unwrap();
    team.denied(CHECK, &[]);
}

#[test]
fn a_config_that_says_it_elsewhere() {
    let team = Team::new();
    let ssh = "    ssh {\n        allow cidr=\"0.0.0.0/0\" description=\"everybody\"\n    }\n";
    let without = OPEN.replace(ssh, "");
    assert_ne!(without, OPEN);
    // In `defaults`, which no policy sees as such: what comes of it is seen.
    team.kaphost.write("cluster.kdl", &format!("defaults {{\n{ssh}}}\n{without}")).unwrap();
    team.denied(CHECK, &[]);
    // By way of the environment, and with host bits that mean the same.
    team.kaphost.write("cluster.kdl", &OPEN.replace("\"0.0.0.0/0\"", "(env)\"WHO\"")).unwrap();
    team.denied(CHECK, &[("WHO", "0.0.0.0/0")]);
    team.denied(CHECK, &[("WHO", "1.2.3.4/0")]);
    // In two halves, each of which is not the whole world.
    team.kaphost
        .write(
            "cluster.kdl",
            &OPEN.replace("cidr=\"0.0.0.0/0\"", "cidr=\"0.0.0.0/1\"").replace("    }\n}", "        allow cidr=\"128.0.0.0/1\"\n    }\n}"),
        )
        .unwrap();
    let run = team.run(CHECK, &[]);
    assert_eq!(run.code, Some(3), "{run}");
}

// ── With files ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn another_module_in_the_orgs_place() {
    let team = Team::new();
    let module = team.org.file().with_file_name("restrict-ssh.wasm");
    let sound = fs::read(&module).unwrap();
    team.denied(CHECK, &[]);
    // Altered, exchanged, emptied, taken away: also while the compiled module of before is in the cache.
    let mut longer = sound.clone();
    longer.extend_from_slice(&[0, 2, 1, b'x']);
    for bytes in [longer, policy(IMPOSTOR).unwrap(), Vec::new()] {
        fs::write(&module, bytes).unwrap();
        let run = team.untrusted(CHECK, &[]);
        assert!(run.stderr.contains("digest-mismatch"), "{run}");
    }
    fs::remove_file(&module).unwrap();
    team.untrusted(CHECK, &[]);
    #[cfg(unix)]
    {
        fs::write(team.kaphost.folder().join("impostor.wasm"), policy(IMPOSTOR).unwrap()).unwrap();
        std::os::unix::fs::symlink(team.kaphost.folder().join("impostor.wasm"), &module).unwrap();
        let run = team.untrusted(CHECK, &[]);
        assert!(run.stderr.contains("digest-mismatch"), "{run}");
        // A link to the module itself is as good as the module: what it holds is what counts.
        fs::remove_file(&module).unwrap();
        fs::write(team.kaphost.folder().join("sound.wasm"), &sound).unwrap();
        std::os::unix::fs::symlink(team.kaphost.folder().join("sound.wasm"), &module).unwrap();
        team.denied(CHECK, &[]);
    }
}

#[test]
fn folders_and_files_that_lie_in_the_way() {
    let team = Team::new();
    // Modules of the same names where kaphost runs, and a set of the same name: paths start at the org's own folder.
    for name in ["restrict-ssh", "dedicated-tenancy"] {
        fs::write(team.kaphost.folder().join(format!("{name}.wasm")), policy(IMPOSTOR).unwrap()).unwrap();
    }
    team.own_set("disabled", &[]).write().unwrap();
    fs::rename(team.kaphost.folder().join("own.kdl"), team.kaphost.folder().join("policy.kdl")).unwrap();
    team.denied(CHECK, &[]);
    // From elsewhere.
    let deep = team.kaphost.folder().join("deep/er");
    fs::create_dir_all(&deep).unwrap();
    let mut command = team.kaphost.command();
    command.current_dir(&deep).env("KAPHOST_SYSTEM_POLICY", team.org.file()).args(["check", "../../cluster.kdl"]);
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(3), "{run}");
}

/// What is in the cache is the app team's to write: none of it is believed without its digest, and none of it stands for a module that the set does
/// not name.
#[test]
#[cfg(unix)]
fn a_cache_that_was_tampered_with() {
    let team = Team::new();
    team.denied(CHECK, &[]);
    let folder = team.kaphost.home().join(".cache/kaphost/modules");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    // Each file is put in the place of the other, then one bit of each is turned.
    fs::write(&files[0], &contents[1]).unwrap();
    fs::write(&files[1], &contents[0]).unwrap();
    team.denied(CHECK, &[]);
    for at in [0, 40, 1_000] {
        for (file, content) in files.iter().zip(&contents) {
            let mut bytes = content.clone();
            bytes[at] ^= 1;
            fs::write(file, bytes).unwrap();
        }
        team.denied(CHECK, &[]);
    }
    // A cache that somebody else filled, with an impostor of the same name.
    let other = team.kaphost.home().join("other-cache");
    fs::write(team.kaphost.folder().join("impostor.wasm"), policy(IMPOSTOR).unwrap()).unwrap();
    let elsewhere = other.display().to_string();
    let mut command = team.kaphost.command();
    let filled =
        Run::of(command.args([CHECK, "--policy", "impostor.wasm"].join(" ").split_whitespace()).env("KAPHOST_CACHE_DIR", &elsewhere))
            .unwrap();
    assert_eq!(filled.code, Some(0), "{filled}");
    let impostor = fs::read_dir(other.join("modules")).unwrap().next().unwrap().unwrap().path();
    for file in &files {
        fs::copy(&impostor, other.join("modules").join(file.file_name().unwrap())).unwrap();
    }
    team.denied(CHECK, &[("KAPHOST_CACHE_DIR", &elsewhere)]);
}

/// A mistake in a set is never a reason to go on without it.
#[test]
fn a_set_that_is_broken() {
    let team = Team::new();
    let text = team.org.text();
    for broken in [
        text.replace("mandatory", "mandatry"),
        text.replacen("sha256", "sha265", 1),
        String::new(),
        format!("{text}}}"),
        text.replace('"', ""),
    ] {
        fs::write(team.org.file(), broken).unwrap();
        team.untrusted(CHECK, &[]);
    }
    fs::write(team.org.file(), format!("{text}{text}")).unwrap();
    let run = team.untrusted(CHECK, &[]);
    assert!(run.stderr.contains("duplicate"), "one policy stands once in a set: {run}");
    fs::remove_file(team.org.file()).unwrap();
    team.untrusted(CHECK, &[]);
    fs::create_dir(team.org.file()).unwrap();
    team.untrusted(CHECK, &[]);
}
