//! `kaphost report`: the page of a decision and of what was done by it, in a browser.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::{Path, PathBuf};

use kaphost_tests::{Built, Kaphost, Python, Run, Stage, debian, policy};
use serde_json::Value;

/// Looks at a page in Chromium, on a phone and on a desk, by day and by night. Pictures are left in the folder that `KAPHOST_TEST_PICTURES` names, for people.
fn look(page: &Path, name: &str) -> Value {
    let chromium = debian::program(&["chromium", "chromium-browser", "google-chrome"], "chromium").unwrap();
    let python = Python::with_browser(&Built::find().unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = python.script("browser/look.py");
    command.arg(&chromium).arg(page).env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
    if let Some(folder) = std::env::var_os("KAPHOST_TEST_PICTURES") {
        let folder = PathBuf::from(folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        command.arg(folder);
    }
    let run = Run::of(&mut command).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// What every page must be, whatever stands on it.
fn sound(page: &Path, name: &str) {
    let views = look(page, name);
    assert_eq!(views.as_object().unwrap().len(), 4, "{views:#}");
    for (view, seen) in views.as_object().unwrap() {
        for (what, nothing) in [("said", "no word in the console"), ("asked", "nothing is loaded"), ("axe", "accessible")] {
            assert_eq!(seen[what].as_array().map(Vec::len), Some(0), "{name}, {view}: {nothing}: {seen:#}");
        }
        assert_eq!(seen["scripts"], 0, "{name}, {view}");
        assert!(seen["scroll"].as_u64() <= seen["width"].as_u64(), "{name}, {view}: wider than the screen: {seen:#}");
        assert!(seen["first_focus"].as_str().unwrap().contains("#main"), "{name}, {view}: {seen:#}");
        let headings: Vec<u64> = seen["headings"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        assert_eq!(headings.first(), Some(&1));
        assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}, {view}: a level is left out: {headings:?}");
    }
}

fn page(kaphost: &Kaphost, arguments: &str) -> (String, PathBuf) {
    let run = kaphost.run(format!("report {arguments} --html -o page.html").split_whitespace()).unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.is_empty(), "{run}");
    let file = kaphost.folder().join("page.html");
    (fs::read_to_string(&file).unwrap(), file)
}

/// The JSON of a run that came to its end tells everything: decision, config, plan, timeline, outputs.
#[test]
fn an_apply_is_told_from_its_json_alone() {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| config.more.push("user-data \"#!/bin/sh\\nexport TOKEN=hunter2\\n\"".to_owned())).unwrap();
    let (run, _) = stage.expect(0, "apply cluster.kdl --policy org.wasm --auto-approve --output json").unwrap();
    stage.kaphost.write("applied.json", &run.stdout).unwrap();
    let (text, file) = page(&stage.kaphost, "applied.json");
    for words in [
        "admitted",
        "dedicated-tenancy",
        "instance-type",
        "CreateAutoScalingGroup",
        "wait for capacity",
        "security_group_id",
        "came to its end",
    ] {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains("hunter2"), "user data is covered");
    // Each change stands at the line that it is about.
    let line = text.split("id=\"L").find(|line| line.contains("root-volume")).unwrap();
    assert!(line.contains("org: encrypted-volumes") && line.contains("#false"), "{line}");
    sound(&file, "applied");
    // The same from standard output.
    let run = stage.run("report applied.json").unwrap();
    assert_eq!(run.stdout, text);
}

#[test]
fn a_denial_is_told_from_its_record() {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| config.ssh = vec!["cidr=\"0.0.0.0/0\" description=\"office\"".to_owned()]).unwrap();
    stage.expect(3, "check cluster.kdl --policy org.wasm --record decision.json").unwrap();
    let (text, file) = page(&stage.kaphost, "decision.json");
    for words in ["denied", "org: no-world-ssh", "SSH is open to the whole world", "What to do", "SHA-256 of the config"] {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains("id=\"timeline\""));
    sound(&file, "denied");
}

/// A config that is another by now is not shown beside a decision that is not about it.
#[test]
fn only_the_config_that_was_decided_on_is_shown() {
    let mut stage = Stage::new().unwrap();
    stage.expect(0, "check cluster.kdl --policy org.wasm --record decision.json").unwrap();
    stage.kaphost.write("kept.kdl", &stage.config.to_string()).unwrap();
    stage.change(|config| config.instance_type = "t3.large".to_owned()).unwrap();
    let run = stage.run("report decision.json").unwrap();
    assert!(run.code == Some(0) && run.stderr.contains("is not the config that was decided on"), "{run}");
    assert!(run.stdout.contains("is not the config that was decided on") && !run.stdout.contains("t3.large"), "{run}");
    let run = stage.run("report decision.json --config kept.kdl").unwrap();
    assert!(run.stderr.is_empty() && run.stdout.contains("t3.small"), "{run}");
    stage
        .kaphost
        .write(
            "decision.json",
            &fs::read_to_string(stage.kaphost.folder().join("decision.json")).unwrap().replace("\"admitted\"", "\"denied\""),
        )
        .unwrap();
    let run = stage.run("report decision.json --config kept.kdl").unwrap();
    assert!(run.stdout.contains("its digest is another"), "an altered record says so: {run}");
}

#[test]
fn what_is_no_document_is_told_apart() {
    let stage = Stage::new().unwrap();
    stage.kaphost.write("no.json", "no").unwrap();
    stage.kaphost.write("other.json", "{}").unwrap();
    stage.expect(0, "check cluster.kdl --record one.json").unwrap();
    stage.expect(0, "check cluster.kdl --policy org.wasm --record two.json").unwrap();
    for (arguments, says) in [
        ("no.json", "is no JSON"),
        ("other.json", "no decision is in `other.json`"),
        ("missing.json", "does not exist"),
        ("one.json two.json", "tells of another decision"),
    ] {
        let (run, _) = stage.expect(1, &format!("report {arguments}")).unwrap();
        assert!(run.said().contains(says) && run.stdout.is_empty(), "{arguments}: {run}");
    }
}

/// A saved plan tells what is going to be done, with the config beside it; one that was altered tells nothing.
#[test]
fn a_saved_plan_is_told() {
    let mut stage = Stage::new().unwrap();
    stage.change(|config| config.more.push("user-data \"#!/bin/sh\\nexport TOKEN=hunter2\\n\"".to_owned())).unwrap();
    stage.expect(0, "plan cluster.kdl --policy org.wasm --out p.kapplan").unwrap();
    let (text, file) = page(&stage.kaphost, "p.kapplan");
    for words in ["admitted", "dedicated-tenancy", "instance-type", "saved plan, good until", "Number of the plan", "root-volume"] {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains("hunter2") && !text.contains("is not the config"), "{text}");
    sound(&file, "saved");
    let altered = fs::read_to_string(stage.kaphost.folder().join("p.kapplan")).unwrap().replacen("\"dedicated\"", "\"dedicatee\"", 1);
    stage.kaphost.write("p.kapplan", &altered).unwrap();
    let (run, _) = stage.expect(6, "report p.kapplan").unwrap();
    assert!(run.said().contains("it is not what was written") && run.stdout.is_empty(), "{run}");
}

/// Several clusters stand on one page, from the folder of their records and from the JSON of one run alike.
#[test]
fn several_clusters_are_told_on_one_page() {
    let stage = Stage::new().unwrap();
    let first = stage.config.to_string();
    let second = first.replace("kapacitor-stage", "kapacitor-open").replace("10.0.0.0/8", "0.0.0.0/0");
    stage.kaphost.write("cluster.kdl", &format!("{first}\n{second}")).unwrap();
    let (run, _) = stage.expect(3, "check cluster.kdl --policy org.wasm --record records --output json").unwrap();
    stage.kaphost.write("checked.json", &run.stdout).unwrap();
    let (text, file) = page(&stage.kaphost, "records");
    for words in [
        "2 clusters",
        "1 cluster of 2 denied",
        "kapacitor-stage: admitted",
        "kapacitor-open: denied",
        "id=\"c2-L1\"",
        "SSH is open to the whole world",
    ] {
        assert!(text.contains(words), "{words}");
    }
    sound(&file, "several");
    // In the order of the run there, of the files' names here.
    let (of_json, _) = page(&stage.kaphost, "checked.json");
    assert!(of_json.contains("1 cluster of 2 denied") && of_json.contains("kapacitor-open: denied"), "{of_json}");
}

/// A policy's author, and whoever writes the config, choose words. They are words on the page, too.
#[test]
fn words_of_others_do_nothing_but_stand_there() {
    const HOSTILE: &str = r#"
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "tenancy") (@text "<script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;\"'><style>*{display:none}</style></title>")))
"#;
    let stage = Stage::new().unwrap();
    fs::write(stage.kaphost.folder().join("hostile.wasm"), policy(HOSTILE).unwrap()).unwrap();
    let comment = "// </code></ol><script>alert(3)</script><a href='javascript:alert(4)'>x</a>";
    let config = format!("{comment}\n{}", stage.config);
    stage.kaphost.write("cluster.kdl", &config).unwrap();
    stage.expect(3, "check cluster.kdl --policy hostile.wasm --record decision.json").unwrap();
    let (text, file) = page(&stage.kaphost, "decision.json");
    for live in ["<script", "<img", "</style></title>", "href=\"javascript", "<a href='"] {
        assert!(!text.contains(live), "{live}");
    }
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && text.contains("&lt;script&gt;alert(3)"), "it is there to be read");
    sound(&file, "hostile");
}

/// A run that failed says what was done, what failed and in whose words, and what was not begun.
#[test]
fn a_run_that_failed_is_told_to_where_it_came() {
    let stage = Stage::new().unwrap();
    stage.expect(0, "check cluster.kdl --policy org.wasm --record decision.json").unwrap();
    stage
        .account
        .fault(&kaphost_tests::Rule::refuse("LimitExceeded", "Cannot exceed quota <b>for</b> roles").action("CreateRole"))
        .unwrap();
    let run = stage.run("apply cluster.kdl --policy org.wasm --auto-approve --output json").unwrap();
    assert!(matches!(run.code, Some(1 | 5)), "{run}");
    stage.kaphost.write("failed.json", &run.stdout).unwrap();
    let (text, file) = page(&stage.kaphost, "decision.json failed.json");
    for words in ["ended with a step that failed", "Cannot exceed quota &lt;b&gt;for&lt;/b&gt; roles", "not begun"] {
        assert!(text.contains(words), "{words}: {run}");
    }
    sound(&file, "failed");
}

/// The helper of every failure above.
#[test]
fn a_test_that_is_not_about_a_page_fails_loudly() {
    let broken = tempfile::tempdir().unwrap();
    let file = broken.path().join("page.html");
    fs::write(&file, "<!DOCTYPE html><html><body><h1>x</h1><h3>y</h3><img src=\"http://127.0.0.1:9/x.png\"><div style=\"width:2000px\">wide</div></body></html>").unwrap();
    let views = look(&file, "broken");
    let seen = &views["phone-light"];
    assert!(seen["asked"].as_array().is_some_and(|asked| !asked.is_empty()), "{seen:#}");
    assert!(seen["axe"].as_array().is_some_and(|axe| !axe.is_empty()), "{seen:#}");
    assert!(seen["scroll"].as_u64() > seen["width"].as_u64(), "{seen:#}");
    let caught = std::panic::catch_unwind(|| sound(&file, "broken"));
    if caught.is_ok() {
        panic!("an unsound page passes");
    }
}
