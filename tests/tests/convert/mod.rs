//! `kaphost convert`: the command line here; in `equivalence`, that what it writes makes what the Terraform module declares.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod declared;
mod equivalence;

use std::fs;
use std::path::Path;

use kaphost_tests::{Kaphost, Run};
use serde_json::Value;

/// A file of `configs/terraform`.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/terraform").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    for name in ["snippet.tf", "multi-cluster.tf"] {
        kaphost.write(name, &example(name)).unwrap();
    }
    kaphost
}

fn names(kaphost: &Kaphost) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(kaphost.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_config_goes_to_standard_output_and_what_there_is_to_know_to_the_other() {
    let kaphost = kaphost();
    let whole = run(&kaphost, 0, "convert snippet.tf");
    assert_eq!(whole.stderr, "converted kapacitor_cluster: 6 arguments carried over\n");
    kaphost.write("cluster.kdl", &whole.stdout).unwrap();
    run(&kaphost, 0, "check cluster.kdl");

    let open = run(&kaphost, 1, "convert multi-cluster.tf");
    insta::assert_snapshot!("open", open.transcript());
    kaphost.write("open.kdl", &open.stdout).unwrap();
    // Each placeholder is refused at its place, and nothing else is.
    let check = run(&kaphost, 1, "check open.kdl --output json");
    let document: Value = serde_json::from_str(&check.stdout).unwrap();
    let found: Vec<u64> = document["diagnostics"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
    let lines = open.stdout.lines().enumerate();
    let placeholders: Vec<u64> = lines.filter(|(_, line)| line.contains("REPLACE-WITH-")).map(|(index, _)| index as u64 + 1).collect();
    assert_eq!((found, 4), (placeholders.clone(), placeholders.len()), "{check}");
}

#[test]
fn programs_get_one_document() {
    let kaphost = kaphost();
    let json = run(&kaphost, 1, "convert multi-cluster.tf --output json");
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&document["schema"], &document["exit"], &document["file"]), (&"kaphost.convert/1".into(), &1.into(), &Value::Null));
    assert_eq!(document["clusters"], Value::from(vec!["kapacitor_server"]));
    assert_eq!(document["kdl"], run(&kaphost, 1, "convert multi-cluster.tf").stdout);
    for one in document["findings"].as_array().unwrap() {
        assert!(one["code"].is_string() && one["line"].is_u64() && one["column"].is_u64() && one["help"].is_string(), "{one}");
    }
    let vpc = document["arguments"].as_array().unwrap().iter().find(|one| one["name"] == "vpc_id").unwrap();
    assert_eq!((&vpc["outcome"], &vpc["line"]), (&"named".into(), &71.into()));
    let type_ = document["arguments"].as_array().unwrap().iter().find(|one| one["name"] == "instance_type").unwrap();
    assert_eq!((&type_["outcome"], &type_["path"]), (&"carried".into(), &"instance-type".into()));

    let written = run(&kaphost, 0, "convert snippet.tf --out cluster.kdl --output json");
    let document: Value = serde_json::from_str(&written.stdout).unwrap();
    assert_eq!((&document["exit"], &document["file"]), (&0.into(), &"cluster.kdl".into()));

    kaphost.write("broken.tf", "module \"x\" {\n  source = \n}\n").unwrap();
    for (arguments, code) in [("broken.tf", "syntax"), ("snippet.tf --name nobody", "no-module")] {
        let broken = run(&kaphost, 1, &format!("convert {arguments} --output json"));
        let document: Value = serde_json::from_str(&broken.stdout).unwrap();
        assert_eq!((&document["exit"], &document["findings"][0]["code"]), (&1.into(), &code.into()), "{broken}");
    }
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let kaphost = kaphost();
    run(&kaphost, 0, "convert snippet.tf --out cluster.kdl");
    let first = fs::read_to_string(kaphost.folder().join("cluster.kdl")).unwrap();
    assert_eq!(first, run(&kaphost, 0, "convert snippet.tf").stdout);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| fs::metadata(kaphost.folder().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("cluster.kdl"), mode("snippet.tf"), "as any file that is made here");
    }

    // One that is there stays as it is, unless told.
    kaphost.write("mine.kdl", "// mine\n").unwrap();
    let refused = run(&kaphost, 1, "convert snippet.tf --out mine.kdl");
    assert!(refused.said().contains("`mine.kdl` is there already; nothing was written"), "{refused}");
    assert_eq!(fs::read_to_string(kaphost.folder().join("mine.kdl")).unwrap(), "// mine\n");
    run(&kaphost, 0, "convert snippet.tf --out mine.kdl --force");
    assert_eq!(fs::read_to_string(kaphost.folder().join("mine.kdl")).unwrap(), first);

    // What is converted is never written over.
    run(&kaphost, 64, "convert snippet.tf --out snippet.tf --force");
    assert_eq!(fs::read_to_string(kaphost.folder().join("snippet.tf")).unwrap(), example("snippet.tf"));
    run(&kaphost, 64, "convert snippet.tf --force");

    // Nothing half done is left behind, and nothing is made where it cannot be.
    let before = names(&kaphost);
    let absent = run(&kaphost, 1, "convert snippet.tf --out absent/cluster.kdl");
    assert!(absent.said().contains("`absent/cluster.kdl` cannot be written"), "{absent}");
    kaphost.write("broken.tf", "module {").unwrap();
    run(&kaphost, 1, "convert broken.tf --out new.kdl");
    fs::remove_file(kaphost.folder().join("broken.tf")).unwrap();
    assert_eq!(names(&kaphost), before);
}

#[test]
fn a_folder_is_read_as_terraform_reads_it() {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("live/main.tf", &example("snippet.tf").replace("\"t3.small\"", "var.type")).unwrap();
    kaphost.write("live/variables.tf", "variable \"type\" {\n  default = \"t3.micro\"\n}\n").unwrap();
    assert!(run(&kaphost, 0, "convert live").stdout.contains("instance-type \"t3.micro\" // from var.type"));
    kaphost.write("live/terraform.tfvars", "type = \"t3.large\"\n").unwrap();
    kaphost.write("live/other.tfvars", "type = \"t3.nano\"\n").unwrap();
    assert!(run(&kaphost, 0, "convert live").stdout.contains("instance-type \"t3.large\""));
    kaphost.write("live/z.auto.tfvars", "type = \"t3.xlarge\"\n").unwrap();
    assert!(run(&kaphost, 0, "convert live").stdout.contains("instance-type \"t3.xlarge\""));
    assert!(run(&kaphost, 0, "convert live live/other.tfvars").stdout.contains("instance-type \"t3.nano\""));
    kaphost.write("empty/README.md", "").unwrap();
    assert!(run(&kaphost, 1, "convert empty").said().contains("the folder `empty` holds no .tf file"));
    assert!(run(&kaphost, 1, "convert absent.tf").said().contains("the Terraform file `absent.tf` does not exist"));
}

#[test]
fn a_script_is_found_from_where_the_config_is() {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("live/tf/main.tf", &example("everything.tf")).unwrap();
    kaphost.write("live/tf/user-data.sh", &example("user-data.sh")).unwrap();
    for (out, path) in
        [("live/tf/cluster.kdl", "user-data.sh"), ("live/cluster.kdl", "tf/user-data.sh"), ("cluster.kdl", "live/tf/user-data.sh")]
    {
        run(&kaphost, 0, &format!("convert live/tf/main.tf --out {out}"));
        let text = fs::read_to_string(kaphost.folder().join(out)).unwrap();
        assert!(text.contains(&format!("user-data (file)\"{path}\"")), "{out}: {text}");
        run(&kaphost, 0, &format!("check {out}"));
    }
}
