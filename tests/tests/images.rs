//! `configs/ami`: the install script, run as root of a machine of its own, and the template and README that go with it.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kaphost_tests::{Built, Kaphost, Machine, Python, Run, debian};
use serde_json::Value;

/// InfluxData's, as published beside its announcement of the rotation of its subkeys.
const FINGERPRINT: &str = "24C975CBA61A024EE1B631787C3D57159FC2F927";
/// The subkey of 2025.
const SUBKEY: &str = "AC10D7449F343ADCEFDDC2B6DA61C26A0585BD3B";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/ami")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// A machine before Kapacitor is on it.
fn machine(system: &str, machine_type: &str) -> Machine {
    let machine = Machine::new().unwrap();
    for tool in ["apt-get", "dnf", "gpg", "uname"] {
        machine.stub(tool).unwrap();
    }
    let keys = format!(
        "pub:-:4096:1:7C3D57159FC2F927:1674\nfpr:::::::::{FINGERPRINT}:\nsub:-:4096:1:DA61C26A0585BD3B:1752\nfpr:::::::::{SUBKEY}:\n"
    );
    for (file, text) in [
        ("etc/os-release", format!("NAME=\"It\"\nID={system}\n")),
        ("state/machine", format!("{machine_type}\n")),
        ("state/gpg-keys", keys),
        ("state/gpg-status", signed_by(FINGERPRINT)),
    ] {
        machine.write(file, &text).unwrap();
    }
    machine
}

/// What gpg says of a good signature by this primary key.
fn signed_by(primary: &str) -> String {
    format!(
        "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG DA61C26A0585BD3B InfluxData\n[GNUPG:] VALIDSIG {SUBKEY} 2026-05-26 1779 0 4 0 1 10 00 {primary}\n"
    )
}

#[test]
fn the_package_of_each_system_is_installed_and_the_service_left_off() {
    for (system, machine_type, package, install) in [
        ("ubuntu", "x86_64", "kapacitor_1.8.6-1_amd64.deb", "apt-get install --yes --no-install-recommends ./"),
        ("ubuntu", "aarch64", "kapacitor_1.8.6-1_arm64.deb", "apt-get install --yes --no-install-recommends ./"),
        ("amzn", "x86_64", "kapacitor-1.8.6-1.x86_64.rpm", "dnf install --assumeyes ./"),
        ("amzn", "aarch64", "kapacitor-1.8.6-1.aarch64.rpm", "dnf install --assumeyes ./"),
    ] {
        let machine = machine(system, machine_type);
        let run = machine.run(&read("install-kapacitor.sh")).unwrap();
        assert_eq!(run.code, Some(0), "{run}");
        let calls = machine.calls().unwrap();
        let at = |start: &str| calls.iter().position(|call| call.starts_with(start)).unwrap_or_else(|| panic!("no {start}: {calls:#?}"));
        assert!(at("gpg --batch --status-fd 1 --verify") < at(&format!("{install}{package}")), "{calls:#?}");
        at("systemctl disable --now kapacitor.service");
        let fetched: Vec<&str> = calls.iter().filter(|call| call.starts_with("curl")).filter_map(|call| call.rsplit(' ').next()).collect();
        let address = format!("https://dl.influxdata.com/kapacitor/releases/{package}");
        assert_eq!(fetched, [address.as_str(), &format!("{address}.asc"), "https://repos.influxdata.com/influxdata-archive.key"]);
        let said = machine.read("etc/kapacitor/image");
        assert!(said.starts_with(&format!("version=1.8.6\npackage={package}\nsha256=")), "{said}");
        assert_eq!(fs::read_dir(machine.path("tmp")).unwrap().count(), 0, "what was fetched is gone");
    }
}

#[test]
fn nothing_is_installed_that_is_not_what_it_should_be() {
    let script = read("install-kapacitor.sh");
    let stranger = "0123456789ABCDEF0123456789ABCDEF01234567";
    let refused = |prepare: &dyn Fn(&Machine), settings: &str, says: &str| {
        let machine = machine("ubuntu", "x86_64");
        prepare(&machine);
        let run = machine.run(&script.replace("set -Eeuo pipefail\n", &format!("set -Eeuo pipefail\n{settings}\n"))).unwrap();
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains(says), "{says}: {run}");
        let calls = machine.calls().unwrap();
        assert!(!calls.iter().any(|call| call.contains("./kapacitor")), "{calls:#?}");
        assert!(!machine.path("etc/kapacitor/image").exists());
    };
    let write = |file: &'static str, text: String| move |machine: &Machine| machine.write(file, &text).unwrap();
    refused(&write("state/gpg-keys", format!("pub:-:\nfpr:::::::::{stranger}:\n")), "", "is not 24C975CB");
    let two = format!("pub:-:\nfpr:::::::::{FINGERPRINT}:\npub:-:\nfpr:::::::::{stranger}:\n");
    refused(&write("state/gpg-keys", two), "", "is not 24C975CB");
    refused(&write("state/gpg-status", signed_by(stranger)), "", "is signed by somebody else");
    for bad in ["BADSIG", "REVKEYSIG"] {
        let status = signed_by(FINGERPRINT).replace("GOODSIG", bad);
        refused(&write("state/gpg-status", status), "", "the signature of kapacitor_1.8.6-1_amd64.deb does not hold");
    }
    refused(&write("state/gpg-status", "[GNUPG:] NODATA 1\n".to_owned()), "", "is signed by somebody else");
    refused(&write("state/fails", "gpg\n".to_owned()), "", "gpg");
    refused(&write("state/fails", "curl\n".to_owned()), "", "failed with status 32");
    refused(&write("etc/os-release", "ID=alpine\n".to_owned()), "", "not for alpine");
    refused(&write("state/machine", "riscv64\n".to_owned()), "", "there are no packages for riscv64");
    refused(&|_| (), &format!("KAPACITOR_SHA256={}", "0".repeat(64)), "the SHA-256 of kapacitor_1.8.6-1_amd64.deb is");
    refused(&|_| (), "KAPACITOR_SHA256=abc", "is not 64 lower-case hexadecimal digits");
    refused(&|_| (), "KAPACITOR_VERSION='1.8.6; touch /broken'", "is no version");
}

/// The right digest is no obstacle, and another version than the one that was asked for is found out.
#[test]
fn digest_and_version_are_held_against_what_is_there() {
    let script = read("install-kapacitor.sh");
    let with = |settings: &str| script.replace("set -Eeuo pipefail\n", &format!("set -Eeuo pipefail\n{settings}\n"));
    let it = machine("ubuntu", "x86_64");
    assert_eq!(it.run(&script).unwrap().code, Some(0));
    let said = it.read("etc/kapacitor/image");
    let digest = said.lines().last().unwrap().strip_prefix("sha256=").unwrap();
    assert_eq!(machine("ubuntu", "x86_64").run(&with(&format!("KAPACITOR_SHA256={digest}"))).unwrap().code, Some(0));
    let run = machine("ubuntu", "x86_64").run(&with("KAPACITOR_VERSION=1.8.5")).unwrap();
    assert!(run.code == Some(1) && run.stderr.contains("kapacitord says it is: Kapacitor OSS version 1.8.6"), "{run}");
}

/// The template as data.
fn template() -> Vec<Value> {
    let python = Python::with_linter(&Built::find().unwrap()).unwrap();
    let output =
        python.script("boot/hcl.py").args(["kapacitor.pkr.hcl", "plugins.pkr.hcl"].map(|name| folder().join(name))).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every text of a document, without the quotes that the reader leaves on.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.trim_matches('"').to_owned()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Value::Object(map) => {
            for (key, value) in map {
                into.push(key.trim_matches('"').to_owned());
                texts(value, into);
            }
        }
        _ => {}
    }
}

/// Packer's own check, by the one that Debian packages: it brings the builders for EC2 along, and knows no plugins.
#[test]
fn packer_itself_takes_the_template_and_not_a_broken_one() {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("install-kapacitor.sh", &read("install-kapacitor.sh")).unwrap();
    kaphost.write("kapacitor.pkr.hcl", &read("kapacitor.pkr.hcl")).unwrap();
    let packer = debian::program(&["packer"], "packer").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&packer);
        command.args(arguments).current_dir(kaphost.folder()).env_clear().env("HOME", kaphost.home());
        // No question whether there is a newer one, and no look at whose account it would be.
        Run::of(command.env("CHECKPOINT_DISABLE", "1").env("PATH", "/usr/bin:/bin")).unwrap()
    };
    for arguments in
        ["fmt -check .", "validate kapacitor.pkr.hcl", "validate -var architecture=arm64 -var kms_key_id=alias/images kapacitor.pkr.hcl"]
    {
        let run = run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(run.code, Some(0), "{arguments}: {run}");
    }
    let broken = read("kapacitor.pkr.hcl").replace("instance_type   =", "instance_kind   =");
    kaphost.write("kapacitor.pkr.hcl", &broken).unwrap();
    let refused = run(&["validate", "kapacitor.pkr.hcl"]);
    assert!(refused.code == Some(1) && refused.to_string().contains("instance_kind"), "{refused}");
}

#[test]
fn template_script_and_readme_speak_of_the_same() {
    let documents = template();
    let mut said = Vec::new();
    texts(&documents[0], &mut said);
    let version = "1.8.6";
    assert!(said.contains(&version.to_owned()), "{said:#?}");
    let (script, readme) = (read("install-kapacitor.sh"), read("README.md"));
    assert!(script.contains(&format!("${{KAPACITOR_VERSION:-{version}}}")));
    assert!(readme.contains(&format!("Kapacitor {version}")) && readme.contains(&format!("`{version}`")));
    assert!(script.contains(FINGERPRINT) && readme.contains(FINGERPRINT));
    assert!(said.contains(&"${path.root}/install-kapacitor.sh".to_owned()) && folder().join("install-kapacitor.sh").exists());
    // Every setting of the script is given by the template, and every variable of the template is in the README.
    for variable in ["KAPACITOR_VERSION", "KAPACITOR_SHA256"] {
        assert!(said.iter().any(|text| text.starts_with(&format!("{variable}=${{var."))), "{variable}");
    }
    let variables = documents[0]["variable"].as_array().unwrap().iter().flat_map(|variable| variable.as_object().unwrap().keys());
    let names: Vec<String> = variables.map(|name| name.trim_matches('"').to_owned()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
        assert!(said.iter().any(|text| text.contains(&format!("var.{name}"))), "{name} is not used");
    }
}

/// What the README shows is a config, and its pattern is one that the template's names match.
#[test]
fn the_config_of_the_readme_finds_what_the_template_names() {
    let readme = read("README.md");
    let config = readme.split_once("```kdl\n").unwrap().1.split_once("```").unwrap().0;
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", config).unwrap();
    let run = kaphost.run_narrow("check cluster.kdl").unwrap();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");

    let mut said = Vec::new();
    texts(&template()[0], &mut said);
    let fill = |name: &str| {
        let name = name.replace("${var.kapacitor_version}", "1.8.6").replace("${var.architecture}", "x86_64");
        name.replace("${local.built}", "20260601-120000")
    };
    let names: Vec<String> =
        said.iter().filter(|text| text.starts_with("kapacitor-") && text.contains("${local.built}")).map(|name| fill(name)).collect();
    assert_eq!(names, ["kapacitor-1.8.6-ubuntu-24.04-x86_64-20260601-120000", "kapacitor-1.8.6-amazon-linux-2023-x86_64-20260601-120000"]);
    assert!(readme.contains(&names[0]), "the README's example of a name");
    let pattern = config.split_once("name=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(matches(pattern, &names[0]) && !matches(pattern, &names[1]), "{pattern}");
    let example = fs::read_to_string(folder().join("../kapacitor.kdl")).unwrap();
    let pattern = example.split_once("name=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(names.iter().all(|name| matches(pattern, name)), "{pattern}");
}

/// As EC2's filters match: `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|left| (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| matches(rest, &left[at..]))),
    }
}
