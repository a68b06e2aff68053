//! Golden cases: each `cases/*.kdl` is a policy set, each snapshot what a user sees of it. A new case is a new file.
//!
//! A file is named `ok-….kdl` when it must be read and fit its modules, `bind-….kdl` when only the modules show what is wrong, and else for the code
//! that it must report or `many-….kdl`.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kaphost_policy::{Description, Rule, SettingKind, SettingSchema, SettingValue, Settings, Severity};
use kaphost_policy_set::PolicySet;
use kaphost_spec::{Code, ConfigSource, Diagnostic, Report};
use miette::{GraphicalReportHandler, GraphicalTheme};

/// What the modules of every case say of themselves: one that takes a setting of each type, and one that takes none.
fn described(name: &str) -> Description {
    let setting = |name: &str, kind, default| SettingSchema { name: name.into(), kind, default, doc: format!("What {name} is for.") };
    let settings = vec![
        setting("allowed-cidrs", SettingKind::Texts, Some(SettingValue::Texts(vec![]))),
        setting("min-prefix", SettingKind::Integer(0, 32), Some(SettingValue::Integer(8))),
        setting("narrow", SettingKind::Boolean, Some(SettingValue::Boolean(false))),
        setting("owner", SettingKind::Text, None),
    ];
    let rule = Rule { id: "no-world-ssh".into(), severity: Severity::High, summary: "Not open.".into(), url: None };
    let (name, settings) = if name == "off" { ("off", vec![]) } else { ("restrict-ssh", settings) };
    Description { name: name.into(), version: "1.0.0".into(), summary: "A test.".into(), rules: vec![rule], settings, needs: vec![] }
}

fn bind(set: &PolicySet) -> Result<Vec<Settings>, Vec<Diagnostic>> {
    let descriptions: Vec<Description> = set.entries().iter().map(|entry| described(entry.name())).collect();
    set.check(&descriptions.iter().collect::<Vec<_>>())
}

fn read(name: &str, text: &str) -> Result<PolicySet, Report> {
    PolicySet::parse(ConfigSource::new(name, text))
}

fn render(diagnostics: &[Diagnostic]) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100).with_links(false);
    let mut out = String::new();
    for diagnostic in diagnostics {
        handler.render_report(&mut out, diagnostic).unwrap();
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
            Ok(set) => match bind(&set) {
                Ok(settings) => {
                    assert!(stem.starts_with("ok-"), "{stem} is read and fits");
                    let mut out = String::new();
                    for (entry, settings) in set.entries().iter().zip(settings) {
                        writeln!(out, "{} {:?}\n{:?}\n{settings:?}\n", entry.name(), entry.terms(), entry.file("/sets".as_ref())).unwrap();
                        let signers: Vec<String> = entry.signers().iter().map(|(key, _)| key.line()).collect();
                        if entry.reference().is_some() || !signers.is_empty() {
                            writeln!(out, "{:?}\nsigned by {signers:?}\n", entry.reference().map(ToString::to_string)).unwrap();
                        }
                    }
                    for waiver in set.waivers() {
                        writeln!(out, "{waiver:?}").unwrap();
                    }
                    out
                }
                Err(diagnostics) => {
                    assert!(stem.starts_with("bind-"), "{stem} is read");
                    render(&diagnostics)
                }
            },
            Err(report) => {
                let codes: Vec<_> = report.diagnostics().iter().map(|diagnostic| diagnostic.code().as_str()).collect();
                assert!(stem.starts_with("many-") || codes.contains(&stem.as_str()), "{stem} reports {codes:?}");
                format!("{report}\n\n{}", render(report.diagnostics()))
            }
        };
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(stem, shown);
        });
    }
}

#[test]
fn every_code_of_sets_has_a_case() {
    let mut seen: BTreeSet<Code> = BTreeSet::new();
    for (stem, text) in cases() {
        let diagnostics = match read(&stem, &text) {
            Ok(set) => bind(&set).err().unwrap_or_default(),
            Err(report) => report.into_diagnostics(),
        };
        seen.extend(diagnostics.iter().map(Diagnostic::code));
    }
    // Too long for a file.
    let text = include_str!("cases/ok-minimal.kdl").replace("metrics", &"x".repeat(65 << 10));
    let long = bind(&read("long.kdl", &text).unwrap()).unwrap_err();
    seen.extend(long.iter().map(Diagnostic::code));
    let missing: Vec<_> = Code::OF_SETS.iter().filter(|code| !seen.contains(code)).collect();
    assert!(missing.is_empty(), "no case reports {missing:?}");
}

#[test]
fn every_mistake_of_a_set_is_reported_at_once() {
    let text = include_str!("cases/many-mistakes.kdl");
    let report = read("many.kdl", text).unwrap_err();
    // Each line that ends in `// ← code` holds exactly that mistake, and no other line holds any.
    let expected: Vec<(usize, &str)> =
        text.lines().enumerate().filter_map(|(i, line)| Some((i + 1, line.split_once("// ← ")?.1))).collect();
    let found: Vec<(usize, &str)> = report.diagnostics().iter().map(|d| (d.position().line, d.code().as_str())).collect();
    assert_eq!(found, expected);
    assert!(expected.len() >= 25);
}

/// What is typed stays typed: no text becomes a number on its way, nothing is split.
#[test]
fn values_reach_the_policy_as_they_are_written() {
    let text = include_str!("cases/ok-everything.kdl");
    let settings = bind(&read("s.kdl", text).unwrap()).unwrap();
    let texts = |texts: &[&str]| SettingValue::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(settings[0].get("allowed-cidrs"), Some(&texts(&["10.0.0.0/8", "192.168.0.0/16"])));
    assert_eq!(settings[0].get("narrow"), Some(&SettingValue::Boolean(true)));
    assert_eq!(settings[0].get("min-prefix"), Some(&SettingValue::Integer(8)));
}
