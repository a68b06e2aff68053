//! Golden cases: each `cases/*.kdl` is a config, each snapshot what a user sees of it. A new case is a new file.
//!
//! A file is named for the code that it must report (`unknown-node.kdl`, `unknown-node--top.kdl`), or `ok-….kdl` when it must parse.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kaphost_spec::{Beneath, Code, ConfigSource, Diagnostic, File, Lookup, Origin, Report, Severity, parse};
use miette::{GraphicalReportHandler, GraphicalTheme};

/// What the cases' `(env)` and `(file)` find.
struct Fixed;

impl Lookup for Fixed {
    fn env(&self, name: &str) -> Result<String, String> {
        match name {
            "TEAM" => Ok("metrics".to_owned()),
            "SSH_PORT" => Ok("2222".to_owned()),
            "PUBLIC" => Ok("maybe".to_owned()),
            "SECRET" => Ok("hunter2!".to_owned()),
            _ => Err("is not set".to_owned()),
        }
    }

    fn file(&self, path: &str) -> Result<String, String> {
        match path {
            "boot.sh" => Ok("#!/bin/sh\necho ready\n".to_owned()),
            "long.sh" => Ok("#".repeat(20_000)),
            "team.txt" => Ok("metrics\r\n".to_owned()),
            "policy.json" => Ok("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}\n".to_owned()),
            _ => Err("does not exist".to_owned()),
        }
    }
}

fn read(name: &str, text: &str) -> Result<File, Report> {
    parse(ConfigSource::new(name, text), &Fixed)
}

fn render(diagnostics: &[Diagnostic]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(80).with_links(false);
    let mut out = String::new();
    for diagnostic in diagnostics {
        handler.render_report(&mut out, diagnostic).unwrap();
        out.push('\n');
    }
    out
}

/// Every value of every cluster, with the place that it comes from.
fn show(file: &File) -> String {
    let mut out = String::new();
    for spec in &file.specs {
        for (path, leaf) in spec.cluster.leaves() {
            let source = spec.origins.source();
            let place = |origin: &Origin| match origin {
                Origin::Config(span) => format!("line {}", source.position(span.start).line),
                Origin::Defaults(span) => format!("defaults, line {}", source.position(span.start).line),
                Origin::BuiltIn => "built in".to_owned(),
            };
            let mut origin = place(&spec.origins.of(&path));
            for Beneath { origin: other, value } in spec.origins.beneath(&path) {
                write!(origin, "; in place of {value}, {}", place(other)).unwrap();
            }
            writeln!(out, "{path} = {leaf}  ({origin})").unwrap();
        }
        out.push('\n');
    }
    out
}

fn cases() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let mut cases: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kdl"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_case_says_what_its_snapshot_says() {
    for (stem, text) in cases() {
        let shown = match read(&format!("{stem}.kdl"), &text) {
            Ok(file) => {
                let code = stem.split("--").next().unwrap();
                let warned = file.warnings.iter().any(|warning| warning.code().as_str() == code);
                assert!(stem.starts_with("ok-") || warned, "{stem} parses");
                format!("{}{}", render(&file.warnings), show(&file))
            }
            Err(report) => {
                let code = stem.split("--").next().unwrap();
                let codes: Vec<_> = report.diagnostics().iter().map(|diagnostic| diagnostic.code().as_str()).collect();
                assert!(stem.starts_with("many-") || codes.contains(&code), "{stem} reports {codes:?}");
                assert!(report.diagnostics().iter().any(|diagnostic| diagnostic.severity() == Severity::Error), "{stem}");
                format!("{report}\n\n{}", render(report.diagnostics()))
            }
        };
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(stem, shown);
        });
    }
}

/// Configs that are too large to be files of their own.
fn generated() -> Vec<(Code, String)> {
    vec![
        (Code::FileTooLarge, format!("// {}", "x".repeat(1 << 20))),
        (Code::TooDeep, "a {".repeat(100)),
        (Code::MoreMistakes, "cluster \"c\" {\n".to_owned() + &"nonsense\n".repeat(1000) + "}\n"),
    ]
}

#[test]
fn every_code_has_a_case() {
    let mut seen: BTreeSet<Code> = BTreeSet::new();
    for (stem, text) in cases() {
        let diagnostics = read(&stem, &text).map_or_else(Report::into_diagnostics, |file| file.warnings);
        seen.extend(diagnostics.iter().map(Diagnostic::code));
    }
    for (code, text) in generated() {
        let report = read("generated.kdl", &text).unwrap_err();
        assert!(report.diagnostics().iter().any(|diagnostic| diagnostic.code() == code), "{code}: {report}");
        seen.insert(code);
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code) && !Code::OF_SETS.contains(code)).collect();
    assert!(missing.is_empty(), "no case reports {missing:?}");
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/many-mistakes.kdl")).unwrap();
    let report = read("many.kdl", &text).unwrap_err();
    // Each line that ends in `// ← code` holds exactly that mistake, and no other line holds any.
    let expected: Vec<(usize, &str)> =
        text.lines().enumerate().filter_map(|(i, line)| Some((i + 1, line.split_once("// ← ")?.1))).collect();
    let found: Vec<(usize, &str)> = report.diagnostics().iter().map(|d| (d.position().line, d.code().as_str())).collect();
    assert_eq!(found, expected);
    assert!(expected.len() >= 15);
}

#[test]
fn diagnostics_are_plain_data_too() {
    let report = read("é.kdl", "cluster \"c-1\" region=\"us-east-1\" { tag \"é\" \"ü\"; tenacy \"x\"; }").unwrap_err();
    let diagnostic = report.diagnostics().iter().find(|diagnostic| diagnostic.code() == Code::UnknownNode).unwrap();
    let json: serde_json::Value = serde_json::to_value(diagnostic).unwrap();
    assert_eq!(json["code"], "unknown-node");
    assert_eq!(json["severity"], "error");
    assert_eq!(json["file"], "é.kdl");
    assert_eq!((json["line"].as_u64(), json["column"].as_u64()), (Some(1), Some(49)));
    assert_eq!(json["help"], "did you mean `tenancy`?");
    assert_eq!(&diagnostic.source().text[diagnostic.span().clone()], "tenacy");
}

#[test]
fn secrets_that_were_looked_up_are_not_shown() {
    let text = "cluster \"c-1\" region=(env)\"SECRET\" { tag \"K\" (env)\"SECRET\"; tenancy (env)\"SECRET\"; ssh port=(env)\"SECRET\"; }";
    let report = read("c.kdl", text).unwrap_err();
    let shown = format!("{}{report:?}{}", render(report.diagnostics()), serde_json::to_string(report.diagnostics()).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(report.diagnostics().len() > 4);
}
