//! Files that are wrong, shown with the lines around what is wrong.

use kaphost_tests::{Kaphost, Run};

use super::forms::Forms;
use super::{EVERY_WAY, SECRET, Watch, config};

/// Mistakes on the line of the user data, next to it, in its name, and in the text as such.
#[test]
fn no_mistake_quotes_it() {
    let kaphost = Kaphost::offline().unwrap();
    let mut watch = Watch::new(&kaphost, &["cluster.kdl"], EVERY_WAY);
    let line = format!("export PASSWORD={SECRET}");
    let inline = format!("user-data \"{line}\"");
    let long = format!("user-data \"{SECRET}{}\"", "x".repeat(20_000));
    let sound = config(&inline);
    let wrong = sound.replace("root-volume encrypted=#false", "root-volume encrypted=\"maybe\"");
    let mistakes = [
        ("the line above", wrong.clone()),
        ("the line below", sound.replace("tag \"Owner\" \"metrics\"", "tag \"aws:Owner\" \"metrics\"")),
        ("an unknown node below", sound.replace("tag \"Owner\"", "tog \"Owner\"")),
        ("a further value", sound.replace(&inline, &format!("{inline} \"{SECRET}\""))),
        ("a property", sound.replace(&inline, &format!("{inline} mode=\"{SECRET}\""))),
        ("a property alone", sound.replace(&inline, &format!("user-data text=\"{SECRET}\""))),
        ("children", sound.replace(&inline, &format!("user-data {{\n        {line}\n    }}"))),
        (
            "a script without quotes",
            sound.replace(&inline, &format!("user-data {{\n#!/bin/sh\n{line}; echo \"$PASSWORD\" | tee 'x' # }}\n}}")),
        ),
        ("twice", sound.replace(&inline, &format!("{inline}\n    {inline}"))),
        ("in defaults, and wrong", format!("defaults {{\n    {inline} 5\n}}\n{sound}")),
        ("too long", sound.replace(&inline, &long)),
        ("a comment beside it", wrong.replace(&inline, &format!("user-data \"x\" // {SECRET}"))),
        ("misspelt", sound.replace("user-data", "userdata")),
        ("misspelt otherwise", sound.replace("user-data", "user_dta")),
        ("an unknown annotation", sound.replace("user-data \"", "user-data (base64)\"")),
        ("a file that is none", sound.replace(&inline, &format!("user-data (file)\"nowhere/boot.sh\"\n    // user-data \"{SECRET}\""))),
        ("no end of the string", sound.replace(&format!("{SECRET}\""), SECRET)),
        ("no end of several lines", sound.replace(&inline, &format!("user-data \"\"\"\n    {line}\n"))),
        ("several lines in one", sound.replace(&inline, &format!("user-data \"\n    {line}\n\""))),
        ("lines that are not indented", sound.replace(&inline, &format!("user-data \"\"\"\n  {line}\n    \"\"\""))),
        ("an unknown escape", sound.replace(SECRET, &format!("\\q{SECRET}"))),
        ("an annotation that is the secret", sound.replace("user-data \"", &format!("user-data ({SECRET})\""))),
        ("an annotation of the node", sound.replace("user-data \"", &format!("({SECRET})user-data \""))),
        ("a name of a property", sound.replace(&inline, &format!("user-data {SECRET}=\"x\""))),
        ("a word that needs quotes", sound.replace(&inline, &format!("user-data {SECRET}/x[1]"))),
        ("a word like a number", sound.replace(&inline, &format!("user-data 7{SECRET}"))),
        ("a word like a keyword", sound.replace(&inline, &format!("user-data #{SECRET}"))),
        (
            "the name of a child",
            sound.replace(&inline, &format!("kapacitor {{\n        extra-config {{\n            {SECRET} \"x\"\n        }}\n    }}")),
        ),
        ("an address with a password", sound.replace(&inline, &format!("kapacitor {{ influxdb \"http://me:{SECRET}@influxdb\"; }}"))),
        (
            "TOML that is none",
            sound
                .replace(&inline, &format!("kapacitor {{ influxdb \"http://influxdb\"; extra-config \"[smtp]\\npassword = {SECRET}\"; }}")),
        ),
        (
            "TOML that stands twice",
            sound.replace(&inline, &format!("kapacitor {{ influxdb \"http://influxdb\"; extra-config \"{SECRET} = 1\\n{SECRET} = 2\"; }}")),
        ),
        ("a bare word", wrong.replace(&inline, &format!("user-data {SECRET}"))),
        ("commented out", sound.replace(&inline, &format!("/-user-data \"{SECRET}\" (\n    root-volume size=0"))),
        ("a string without an end before it", sound.replace("\"t3.small\"", "\"t3.small")),
        ("no end of the file", sound[..sound.find("tag \"Owner\"").unwrap()].to_owned()),
        ("on the cluster's line", format!("cluster \"a\" region=\"us-east-1\" {{ amy \"ami-0abcd1234\"; {inline}; }}\n")),
    ];
    for (number, (what, text)) in mistakes.into_iter().enumerate() {
        kaphost.write("cluster.kdl", &text).unwrap();
        // All commands read configs by one way: each is tried on some of the mistakes.
        let other = ["plan", "apply --auto-approve", "explain", "status", "destroy --auto-approve"][number % 5];
        for (command, form) in [
            ("check", "--verbose"),
            ("check", "--output json --verbose"),
            ("check", "--output sarif"),
            (other, "--output json"),
            (other, ""),
        ] {
            let (name, flags) = command.split_once(' ').unwrap_or((command, ""));
            let path = if name == "explain" { "tenancy" } else { "" };
            let lab = if matches!(name, "check" | "explain") { "" } else { "--cloud lab:lab.json" };
            let run = Run::of(&mut watch.command(&format!("{name} cluster.kdl {path} {lab} {flags} {form}"))).unwrap();
            let found = watch.forms.in_bytes(format!("{}{}", run.stdout, run.stderr).as_bytes());
            assert_eq!(found, None, "{what}: {name} {form}: {run}");
            assert!(run.code.is_some_and(|code| code == 1), "{what}: {name}: {run}");
        }
        watch.files(what);
    }
    // Beside what is covered, the snippet still shows what is wrong.
    kaphost.write("cluster.kdl", &wrong).unwrap();
    let run = watch.run(1, "check cluster.kdl");
    assert!(run.stderr.contains("encrypted=\"maybe\"") && run.stderr.contains("user-data \"****** ********"), "{run}");
}

/// The snippets and messages of a conversion: the text of the user data, wherever in the files it stands, is in the config that comes of it and nowhere else.
#[test]
fn no_conversion_quotes_it() {
    let kaphost = Kaphost::offline().unwrap();
    let forms = Forms::of(SECRET);
    let module = |user_data: &str| {
        format!(
            "module \"a\" {{\n  source = \"x/kapacitor-server\"\n  ami_id = var.none\n  user_data = {user_data}\n  vpc_id = var.none\n  instance_type = 5 + 5\n}}\n"
        )
    };
    let script = format!("#!/bin/sh\nexport PASSWORD={SECRET}\n");
    for (what, text) in [
        ("a text", module(&format!("\"{}\"", script.replace('\n', "\\n")))),
        ("a heredoc", module(&format!("<<EOF\n{script}EOF"))),
        ("an indented heredoc", module(&format!("<<-EOF\n    {script}    EOF"))),
        ("a heredoc that is put together", module(&format!("<<EOF\n{script}${{var.none}}\nEOF"))),
        ("a heredoc with a directive", module(&format!("<<EOF\n%{{ if true }}\n{script}%{{ endif }}\nEOF"))),
        ("a heredoc without an end", module(&format!("<<EOF\n{script}"))),
        ("a template's value", module(&format!("templatefile(\"boot.sh\", {{\n    password = \"{SECRET}\"\n  }})"))),
        ("a call that is not worked out", module(&format!("replace(\"{SECRET}\", \"x\", \"y\")"))),
        ("no text", module(&format!("[\"{SECRET}\"]"))),
        ("a text without an end", module(&format!("\"{SECRET}"))),
        ("words", module(&format!("export PASSWORD={SECRET}"))),
        ("a local", format!("locals {{\n  boot = <<EOF\n{script}EOF\n  other = 1 + 1\n}}\n{}", module("local.boot"))),
        ("a variable", format!("variable \"user_data\" {{\n  default = [\"{SECRET}\"]\n}}\n{}", module("var.user_data"))),
        ("a comment", module(&format!("null # user_data = \"{SECRET}\""))),
        ("broken below", format!("{}\nmodule {{\n", module(&format!("\"{SECRET}\"")))),
    ] {
        kaphost.write("main.tf", &text).unwrap();
        for form in ["", "--output json", "--verbose"] {
            let run = kaphost.run(format!("convert main.tf {form}").split_whitespace()).unwrap();
            assert_eq!(run.code, Some(1), "{what}: {run}");
            assert_eq!(forms.in_bytes(run.stderr.as_bytes()), None, "{what}: {run}");
            if form.contains("json") {
                let mut document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
                document["kdl"].take();
                assert_eq!(forms.in_bytes(document.to_string().as_bytes()), None, "{what}: {run}");
            }
        }
    }
}
