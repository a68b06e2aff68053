//! User data as AWS has it and as cloud-init takes it apart, and the scripts in it as a linter sees them.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_tests::{APPLY, Built, Call, Failure, Kaphost, Kind, PLAN, Python, Stage};
use serde_json::{Value, json};

const BLOCK: &str = "kapacitor {\n        influxdb \"http://influxdb.example.com:8086\"\n    }";

/// The user data of the template's newest version.
fn user_data(stage: &Stage) -> Result<String, Failure> {
    let asked = json!({ "LaunchTemplateName": "kapacitor-stage", "Versions": ["$Latest"] });
    let answer = stage.account.aws("ec2", "describe_launch_template_versions", asked)?;
    let data = &answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]["UserData"];
    Ok(String::from_utf8(STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap())
}

/// What cloud-init finds in it: type, name and text of each part.
fn parts(data: &str) -> Vec<(String, Option<String>, String)> {
    let python = Python::ready(&Built::find().unwrap()).unwrap();
    let mut child = python.script("boot/parts.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(data.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_template_carries_the_boot_script_and_shows_none_of_it() -> Result<(), Failure> {
    let mut stage = Stage::new()?;
    stage.change(|config| config.more.push(BLOCK.to_owned()))?;
    let (plan, _) = stage.expect(2, PLAN)?;
    assert!(plan.stdout.contains("user-data") && !plan.stdout.contains("find_disk") && !plan.stdout.contains("#!/bin/bash"), "{plan}");
    let (apply, _) = stage.expect(0, APPLY)?;
    assert!(!format!("{}{}", apply.stdout, apply.stderr).contains("#!/bin/bash"), "{apply}");
    let script = user_data(&stage)?;
    assert!(script.starts_with("#!/bin/bash\n") && script.contains("urls = [\"http://influxdb.example.com:8086\"]"), "{script}");
    let (_, calls) = stage.expect(0, APPLY)?;
    assert_eq!(calls.writes(), 0, "{calls}");

    // Another port is another script, and another rule's worth of nothing: nobody is let in.
    stage.change(|config| config.more.push("http port=9093".to_owned()))?;
    let (_, calls) = stage.expect(0, APPLY)?;
    let writes: Vec<&str> = calls.of(Kind::Write).iter().map(|call: &&Call| call.action.as_str()).collect();
    assert!(writes.contains(&"CreateLaunchTemplateVersion"), "{calls}");
    assert!(user_data(&stage)?.contains("bind-address = \":9093\""));

    // Beside user data of the config's own.
    let own = "#!/bin/sh\necho 'grüß' >/etc/motd\n";
    stage.kaphost.write("own.sh", own)?;
    stage.change(|config| config.more.push("user-data (file)\"own.sh\"".to_owned()))?;
    stage.expect(0, APPLY)?;
    let parts = parts(&user_data(&stage)?);
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert_eq!(parts[0], ("text/x-shellscript".to_owned(), Some("10-user-data".to_owned()), own.to_owned()));
    assert_eq!((parts[1].0.as_str(), parts[1].1.as_deref()), ("text/x-shellscript", Some("zz-kaphost-boot")));
    assert!(parts[1].2.starts_with("#!/bin/bash\n") && parts[1].2.contains("bind-address = \":9093\""), "{parts:?}");
    stage.expect(0, PLAN)?;
    Ok(())
}

fn rendered(nodes: &str) -> String {
    kaphost_tests::user_data(nodes).unwrap()
}

/// Whatever the config's own user data is, cloud-init gets it back byte for byte, and the boot script's name comes last.
#[test]
fn user_data_of_every_kind_comes_through() {
    let script = rendered(BLOCK);
    for (own, expected) in [
        ("#!/bin/sh\necho no newline at the end", vec!["text/x-shellscript"]),
        ("#cloud-config\nwrite_files: [{path: /etc/x, content: 'ü → 字'}]\n", vec!["text/cloud-config"]),
        ("#include\nhttp://169.254.169.254/x\n", vec!["text/x-include-url"]),
        ("#!/bin/bash\r\necho windows\r\n", vec!["text/x-shellscript"]),
        ("#!/bin/sh\ncat <<X\n--kaphost-0\n--kaphost-1--\nX\n", vec!["text/x-shellscript"]),
        ("#!/bin/sh\n# sends a mail with MIME-Version: 1.0\n", vec!["text/x-shellscript"]),
        (
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho one\n\
             --b\nContent-Type: text/cloud-config\n\n#cloud-config\n{}\n--b--\n",
            vec!["text/x-shellscript", "text/cloud-config"],
        ),
    ] {
        let data = rendered(&format!("{BLOCK}\nuser-data {}", kdl_string(own)));
        let found = parts(&data);
        let kinds: Vec<&str> = found.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(kinds, [expected.as_slice(), &["text/x-shellscript"]].concat(), "{data}");
        if expected.len() == 1 {
            assert_eq!(found[0].2, own, "{data}");
        }
        let (_, name, text) = found.last().unwrap();
        assert_eq!(text, &script);
        // cloud-init calls parts without a name part-001 and on, and runs scripts in the order of names.
        let others = found.iter().rev().skip(1).map(|(_, name, _)| name.as_deref().unwrap_or("part-001"));
        assert!(others.into_iter().all(|other| Some(other) < name.as_deref()), "{found:?}");
    }
}

fn kdl_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}

/// cloud-init takes any user data for a MIME document that has a certain word near its start.
#[test]
fn a_script_that_would_be_taken_for_a_mail_is_wrapped() {
    let data = rendered("kapacitor { influxdb \"http://influxdb:8086\"; extra-config \"[smtp]\\nheader = 'MIME-Version: 1.0'\"; }");
    let found = parts(&data);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.as_str(), found[0].1.as_deref()), ("text/x-shellscript", Some("zz-kaphost-boot")));
    assert!(found[0].2.contains("header = 'MIME-Version: 1.0'".replace('\'', "'\\''").as_str()), "{data}");
}

#[test]
fn too_much_is_refused_with_its_place() {
    let kaphost = Kaphost::offline().unwrap();
    // Under the limit alone, over it together with the script.
    let padding = "# nothing\\n".repeat(1400);
    let config = format!(
        "cluster \"kapacitor-stage\" region=\"us-east-1\" {{\nami \"ami-0abcd1234abcd1234\"\ninstance-type \"t3.small\"\n\
         network vpc=\"vpc-0a1b2c3d\" {{ subnets \"subnet-0aaa1111\"; }}\n{BLOCK}\nuser-data \"#!/bin/sh\\n{padding}\"\n}}"
    );
    kaphost.write("cluster.kdl", &config).unwrap();
    for command in ["plan cluster.kdl --cloud lab:lab.json", "check cluster.kdl"] {
        let run = kaphost.run_narrow(&format!("{command} --output json")).unwrap();
        assert_eq!(run.code, Some(1), "{run}");
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let problem = &document["problems"][0];
        assert_eq!((problem["code"].as_str(), problem["line"].as_u64()), (Some("user-data-too-long"), Some(8)), "{run}");
        assert!(problem["help"].as_str().unwrap().contains("16384 bytes"), "{run}");
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The scripts beside these tests and those that make images.
fn scripts() -> Vec<PathBuf> {
    let folders = ["tests/boot", "configs/ami"].map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "sh")).collect()
}

#[test]
fn no_script_has_anything_that_shellcheck_would_say() {
    let linter = Python::with_linter(&Built::find().unwrap()).unwrap();
    let storage = "volume \"/dev/xvdh\" size=300\nkapacitor {\ninfluxdb \"http://influxdb:8086\"\nstorage device=\"/dev/xvdh\" mount-point=\"/srv/kapacitor\"\n\
                   tls certificate=\"/etc/tls.crt\" key=\"/etc/tls.key\"\nextra-config \"x = \\\"$(a) `b` 'c'\\\"\"\n}";
    let folder = tempfile::tempdir().unwrap();
    let mut files = scripts();
    assert!(files.len() >= 3, "{files:?}");
    for (name, nodes) in [("least.sh", BLOCK), ("storage.sh", storage)] {
        let file = folder.path().join(name);
        fs::write(&file, rendered(nodes)).unwrap();
        files.push(file);
    }
    // And what the docs say to write.
    let docs = fs::read_to_string(repository().join("configs/boot.md")).unwrap();
    for (number, snippet) in docs.split("```bash\n").skip(1).enumerate() {
        let file = folder.path().join(format!("docs-{number}.sh"));
        fs::write(&file, snippet.split_once("```").unwrap().0).unwrap();
        files.push(file);
    }
    let output = linter.program("shellcheck").args(["--norc", "--severity=style", "--"]).args(&files).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // It does find something where there is something.
    let bad = folder.path().join("bad.sh");
    fs::write(&bad, "#!/bin/bash\necho $unquoted\n").unwrap();
    assert!(!linter.program("shellcheck").arg("--norc").arg(&bad).output().unwrap().status.success());
}
