//! What a shell, a reader of manuals and a pipeline expect: completions, manual pages, variables and who of flag, variable and file has the last word.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use kaphost_tests::{Built, Kaphost, Python, Run, SMALLEST, debian};
use serde_json::Value;

fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", SMALLEST).unwrap();
    kaphost
}

fn run(kaphost: &Kaphost, arguments: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = kaphost.command();
    command.args(arguments.split_whitespace()).envs(variables.iter().copied());
    Run::of(&mut command).unwrap()
}

/// The commands, as the help lists them.
fn commands(kaphost: &Kaphost) -> BTreeSet<String> {
    let help = run(kaphost, "--help", &[]).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    listed.filter(|line| !line.starts_with("     ")).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

// ── completions ──

#[test]
fn every_shell_gets_every_command() {
    let kaphost = kaphost();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(&kaphost, &format!("completions {shell}"), &[]);
        assert_eq!(script.code, Some(0), "{script}");
        for command in commands(&kaphost) {
            assert!(script.stdout.contains(&command), "{shell} knows no {command}");
        }
        assert!(script.stdout.contains("auto-approve"), "{shell}");
    }
    assert_eq!(run(&kaphost, "completions tcsh", &[]).code, Some(64));
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let kaphost = kaphost();
    let script = run(&kaphost, "completions bash", &[]).stdout;
    let file = kaphost.write("kaphost.bash", &script).unwrap();
    assert_eq!(Run::of(Command::new("bash").arg("-n").arg(&file).stdin(Stdio::null())).unwrap().code, Some(0));
    let complete = |words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let line = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={}; _kaphost kaphost '{last}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            file.display(),
            quoted.join(" "),
            words.len() - 1
        );
        let run = Run::of(Command::new("bash").args(["--norc", "--noprofile", "-c", &line]).stdin(Stdio::null())).unwrap();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["kaphost", "pl"]), ["plan"]);
    assert_eq!(complete(&["kaphost", "plan", "--detailed"]), ["--detailed-exitcode"]);
    assert!(complete(&["kaphost", "plan", "--output", ""]).contains(&"json".to_owned()));
    assert_eq!(complete(&["kaphost", "completions", "fi"]), ["fish"]);
}

// ── manual pages ──

/// Without what makes letters bold on a printer: one, a step back, and the same again.
fn plain(printed: &str) -> String {
    let mut out = String::new();
    for c in printed.chars() {
        match c {
            '\u{8}' => drop(out.pop()),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn every_command_has_a_manual_page_that_can_be_read() {
    let kaphost = kaphost();
    assert_eq!(run(&kaphost, "man --dir pages", &[]).code, Some(0));
    let folder = kaphost.folder().join("pages");
    let pages: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    for command in commands(&kaphost).iter().filter(|command| *command != "help") {
        assert!(pages.contains(&format!("kaphost-{command}.1")), "{command}: {pages:?}");
    }
    let mandoc = debian::program(&["mandoc"], "mandoc").unwrap();
    for page in &pages {
        let read = |arguments: &[&str]| Run::of(Command::new(&mandoc).args(arguments).arg(folder.join(page)).stdin(Stdio::null())).unwrap();
        // What mandoc thinks of style is its own; a page that it takes for wrong is.
        let lint = read(&["-T", "lint", "-W", "error"]);
        assert!(lint.code == Some(0) && lint.stdout.is_empty(), "{page}: {lint}");
        let shown = plain(&read(&["-T", "utf8", "-O", "width=80"]).stdout);
        let name = page.trim_end_matches(".1");
        assert!(shown.contains("NAME") && shown.contains(name), "{page}: {shown}");
        if name != "kaphost" && !name.starts_with("kaphost-policy") {
            assert!(shown.contains("Examples:"), "{page}: {shown}");
        }
    }
    let one = run(&kaphost, "man", &[]);
    assert_eq!(one.stdout, fs::read_to_string(folder.join("kaphost.1")).unwrap());
}

// ── flag over variable over file ──

#[test]
fn a_flag_is_stronger_than_its_variable() {
    let kaphost = kaphost();
    let json = |run: &Run| serde_json::from_str::<Value>(&run.stdout).is_ok();
    let output = ("KAPHOST_OUTPUT", "json");
    assert!(json(&run(&kaphost, "check cluster.kdl", &[output])));
    assert!(!json(&run(&kaphost, "check cluster.kdl --output text", &[output])));
    let colour = |run: &Run| run.stdout.contains('\u{1b}');
    let always = ("KAPHOST_COLOR", "always");
    assert!(colour(&run(&kaphost, "check cluster.kdl", &[always])));
    assert!(!colour(&run(&kaphost, "check cluster.kdl --color never", &[always])));
    // What is said of kaphost is nearer than what is said of every program.
    assert!(colour(&run(&kaphost, "check cluster.kdl", &[always, ("NO_COLOR", "1")])));
    let cloud = ("KAPHOST_CLOUD", "lab:lab.json");
    assert_eq!(run(&kaphost, "plan cluster.kdl", &[cloud]).code, Some(0));
    assert_ne!(run(&kaphost, "plan cluster.kdl --cloud aws", &[cloud]).code, Some(0));
    assert_eq!(run(&kaphost, "plan cluster.kdl --cloud lab:lab.json", &[("KAPHOST_CLOUD", "aws")]).code, Some(0));
    let (nobody, other) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
    let refused = run(&kaphost, &format!("plan cluster.kdl --endpoint-url {other}"), &[("AWS_ENDPOINT_URL", nobody)]);
    assert!(refused.code == Some(1) && refused.stderr.contains(other) && !refused.stderr.contains(nobody), "{refused}");
}

/// Nobody is at the other end, and the SDK tries for a while: somebody who watches is told. In a log nothing stands that depends on how fast an answer came.
#[test]
fn whoever_waits_for_the_cloud_is_told() {
    let kaphost = kaphost();
    let arguments = ["plan", "cluster.kdl", "--endpoint-url", "http://127.0.0.1:1"];
    let refused = run(&kaphost, &arguments.join(" "), &[]);
    assert!(refused.code == Some(1) && !refused.stderr.contains("Waiting for the cloud"), "{refused}");
    let kaphost_alone = kaphost.command();
    let mut command = Python::ready(&Built::find().unwrap()).unwrap().script("terminal.py");
    command.args(["nothing is asked", ""]).arg(kaphost_alone.get_program()).args(arguments).current_dir(kaphost.folder());
    command.envs(kaphost_alone.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("TERM", "xterm");
    let watched = Run::of(&mut command).unwrap();
    assert!(watched.code == Some(1) && watched.stdout.contains("Waiting for the cloud to answer"), "{watched}");
}

#[test]
fn switches_of_variables_are_on_and_off_as_documented() {
    let kaphost = kaphost();
    for (value, asks) in [("1", false), ("yes", false), ("0", true), ("false", true), ("", true)] {
        let applied = run(&kaphost, &format!("apply cluster.kdl --cloud lab:{value}x.json"), &[("KAPHOST_AUTO_APPROVE", value)]);
        assert_eq!(applied.code, Some(i32::from(asks)), "{value:?}: {applied}");
    }
}

/// The region is the file's, whatever the environment says; what a cluster is no variable changes.
#[test]
fn the_file_says_what_a_cluster_is() {
    let kaphost = kaphost();
    let variables = [("AWS_REGION", "eu-central-1"), ("AWS_DEFAULT_REGION", "eu-central-1")];
    let plan = run(&kaphost, "plan cluster.kdl --cloud lab:lab.json", &variables);
    assert!(plan.stdout.contains("kapacitor-stage in us-east-1"), "{plan}");
}

/// Policies add up: a variable takes the place of no flag, and no flag of a variable.
#[test]
fn policies_of_a_variable_and_of_a_flag_are_both_asked() {
    let kaphost = kaphost();
    let built = Built::find().unwrap();
    for policy in ["dedicated-tenancy", "imdsv2"] {
        fs::copy(built.policy(policy).unwrap(), kaphost.folder().join(format!("{policy}.wasm"))).unwrap();
    }
    let both = run(&kaphost, "check cluster.kdl --policy imdsv2.wasm --output json", &[("KAPHOST_POLICY", "dedicated-tenancy.wasm")]);
    let document: Value = serde_json::from_str(&both.stdout).unwrap();
    let asked: Vec<&str> =
        document["decision"]["policies"].as_array().unwrap().iter().filter_map(|policy| policy["name"].as_str()).collect();
    assert_eq!(asked, ["dedicated-tenancy", "imdsv2"]);
}
