//! `cargo xtask ci`: everything but the tests. Formatting, lints, the direction of dependencies, the seal, files left out, and the docs.

// Of what calls it.
#[cfg(test)]
mod place;

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::workspace::{Workspace, cargo};
use crate::{Result, process, sources};

/// The rooms: what each may depend on of ours, and what it must never see of others (by the start of a crate's name).
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("kaphost-spec", &[], &["tokio", "wasmtime", "aws-", "clap"]),
    ("kaphost-convert", &["kaphost-spec"], &["kdl", "tokio", "wasmtime", "aws-", "clap"]),
    ("kaphost-boot", &["kaphost-spec"], &["tokio", "futures", "kdl", "wasmtime", "aws-", "rand", "jiff", "clap"]),
    ("kaphost-plan", &["kaphost-spec", "kaphost-boot"], &["tokio", "futures", "kdl", "wasmtime", "aws-", "rand", "jiff", "clap"]),
    ("kaphost-policy", &["kaphost-spec"], &["kdl", "aws-", "tokio", "clap"]),
    ("kaphost-policy-set", &["kaphost-spec", "kaphost-policy", "kaphost-sign"], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("kaphost-registry", &["kaphost-spec"], &["kdl", "wasmtime", "aws-", "jiff", "clap"]),
    ("kaphost-policy-kit", &["kaphost-spec", "kaphost-policy", "kaphost-policy-set"], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("kaphost-policy-build", &[], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("kaphost-policy-project", &["kaphost-policy-build"], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("xtask", &["kaphost-policy-build"], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("kaphost-apply", &["kaphost-spec", "kaphost-plan"], &["kdl", "wasmtime", "aws-", "clap"]),
    ("kaphost-lab", &["kaphost-spec", "kaphost-plan", "kaphost-apply"], &["kdl", "wasmtime", "aws-", "hyper", "clap"]),
    ("kaphost-aws", &["kaphost-spec", "kaphost-plan", "kaphost-apply"], &["kdl", "wasmtime", "clap"]),
    ("kaphost-findings", &[], &["kdl", "wasmtime", "aws-", "tokio", "clap"]),
    ("kaphost-saved-plan", &["kaphost-spec"], &["kdl", "wasmtime", "aws-", "tokio", "futures", "rand", "getrandom", "ring", "clap"]),
    ("kaphost-sign", &["kaphost-spec"], &["kdl", "wasmtime", "aws-", "tokio", "futures", "rand", "jiff", "clap"]),
    ("kaphost-report", &[], &["kdl", "wasmtime", "aws-", "tokio", "clap", "serde"]),
    (
        "kaphost",
        &[
            "kaphost-spec",
            "kaphost-convert",
            "kaphost-policy",
            "kaphost-policy-set",
            "kaphost-registry",
            "kaphost-policy-kit",
            "kaphost-policy-build",
            "kaphost-policy-project",
            "kaphost-findings",
            "kaphost-saved-plan",
            "kaphost-sign",
            "kaphost-report",
            "kaphost-plan",
            "kaphost-apply",
            "kaphost-lab",
            "kaphost-aws",
        ],
        &["kdl", "hcl-", "wasmtime", "wasmparser", "aws-"],
    ),
];

/// Who may seal an admitted spec outside of tests.
const SEALER: &str = "host/crates/policy/";

/// Runs every check and reports all that fail.
///
/// # Errors
/// Which checks failed.
pub(crate) fn run(_: &[String]) -> Result {
    let workspace = Workspace::find()?;
    let in_root = |mut command: Command| {
        command.current_dir(&workspace.root);
        command
    };
    let checks: [(&str, &dyn Fn() -> Result); 7] = [
        ("formatting", &|| Ok(process::run(in_root(cargo()).args(["fmt", "--all", "--check"]))?)),
        ("direction of dependencies", &|| direction(&mut in_root(cargo()))),
        ("only admit seals", &|| seal(&mut in_root(Command::new("git")))),
        ("no place of one machine", &|| places(&mut in_root(Command::new("git")))),
        ("no file left out", &|| modules(&workspace, &mut in_root(Command::new("git")))),
        ("lints", &|| {
            let mut clippy = in_root(cargo());
            clippy.args(["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--features", "kaphost-tests/evaluate"]);
            Ok(process::run(clippy.args(["--", "-D", "warnings"]))?)
        }),
        ("docs", &|| {
            let args = ["doc", "--quiet", "--workspace", "--no-deps", "--locked", "--keep-going", "--document-private-items"];
            Ok(process::run(in_root(cargo()).args(args).env("RUSTDOCFLAGS", "-D warnings"))?)
        }),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        match check() {
            Ok(()) => anstream::println!("ok      {name}"),
            Err(why) => {
                anstream::println!("FAILED  {name}: {why}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

/// Dependencies point one way: compares what `cargo metadata` says with [`ROOMS`].
fn direction(cargo: &mut Command) -> Result {
    let text = process::read(cargo.args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let wrong = against_the_rooms(&serde_json::from_str(&text)?);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ").into()) }
}

fn against_the_rooms(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let ours: BTreeMap<&str, &Value> = packages.iter().filter_map(|package| Some((package["name"].as_str()?, package))).collect();
    let mut wrong = Vec::new();
    for (room, allowed, never) in ROOMS {
        let Some(package) = ours.get(room) else {
            wrong.push(format!("there is no package {room}"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let name = dependency["name"].as_str().unwrap_or_default();
            // Tests may look anywhere: only what ships counts.
            if dependency["kind"] == "dev" {
                continue;
            }
            if ours.contains_key(name) && !allowed.contains(&name) {
                wrong.push(format!("{room} must not depend on {name}"));
            }
            if never.iter().any(|start| name.starts_with(start)) {
                wrong.push(format!("{room} must never see {name}"));
            }
        }
    }
    wrong
}

/// Only the policy room builds an `AdmittedSpec`; tests may, since what they admit reaches no cloud.
fn seal(git: &mut Command) -> Result {
    let found = process::probe(git.args(["grep", "-lE", "AdmittedSpec::seal[(]", "--", "*.rs"])).ok_or("nothing seals at all")?;
    let is_test = |file: &str| file.contains("/tests/") || file.ends_with("/tests.rs");
    let wrong: Vec<&str> = found.lines().filter(|file| !file.starts_with(SEALER) && !is_test(file)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("sealed outside of admit: {}", wrong.join(", ")).into()) }
}

/// No file names a place that exists on one machine only.
fn places(git: &mut Command) -> Result {
    // In pieces, or this file would find itself.
    let pattern = ["(^|[^A-Za-z0-9_.$}])/(ro", "ot|wo", "rk|far", "m)/"].concat();
    match process::probe(git.args(["grep", "-nE", &pattern, "--", "*.rs", "*.md", "*.toml", "*.py", "*.sh", "*.kdl"])) {
        None => Ok(()),
        Some(lines) => Err(lines.trim_end().into()),
    }
}

/// Every source file is a part of some program or library.
fn modules(workspace: &Workspace, git: &mut Command) -> Result {
    let found = process::read(git.args(["ls-files", "*.rs"]))?;
    let files: Vec<&str> = found.lines().collect();
    // A file that cannot be read names nothing; that it cannot be, the compiler says.
    let left_out = sources::left_out(&files, |file| std::fs::read_to_string(workspace.root.join(file)).unwrap_or_default());
    if left_out.is_empty() { Ok(()) } else { Err(format!("no module names {}", left_out.join(", ")).into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packages(room: &str, dependency: &Value) -> Value {
        let package = |name: &str| json!({ "name": name, "dependencies": if name == room { json!([dependency]) } else { json!([]) } });
        json!({ "packages": ROOMS.iter().map(|(name, ..)| package(name)).collect::<Vec<_>>() })
    }

    #[test]
    fn a_dependency_against_the_grain_is_named() {
        let wrong = against_the_rooms(&packages("kaphost-spec", &json!({ "name": "kaphost-plan", "kind": null })));
        assert_eq!(wrong, ["kaphost-spec must not depend on kaphost-plan"]);
        let wrong = against_the_rooms(&packages("kaphost-plan", &json!({ "name": "aws-sdk-ec2", "kind": null })));
        assert_eq!(wrong, ["kaphost-plan must never see aws-sdk-ec2"]);
    }

    #[test]
    fn tests_may_look_anywhere_and_a_lost_room_is_missed() {
        assert_eq!(against_the_rooms(&packages("kaphost-plan", &json!({ "name": "kdl", "kind": "dev" }))), [""; 0]);
        assert_eq!(against_the_rooms(&json!({ "packages": [] })).len(), ROOMS.len());
    }
}
