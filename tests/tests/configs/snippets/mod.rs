//! Every fenced snippet of every page in the repository, and what is done with each kind: nothing that is shown is taken on trust.

mod pages;
mod scene;

use kaphost_spec::{ConfigSource, NoLookup, parse};
use kaphost_tests::{Built, Kaphost, Python};
use pages::{Snippet, repository};
use scene::Scene;
use sha2::{Digest as _, Sha256};

/// Where the snippets are that rustdoc compiles, and where those that it would leave out.
const DOCTESTS: &str = "guest-policies/sdk/src/lib.rs";
const COMPILED: &str = "guest-policies/sdk/tests/readme.rs";

/// Pages that a test of their own plays from beginning to end, with that test.
const WHOLE: &[(&str, &str)] =
    &[("host/docs/first-policy.md", "tests/tests/journey.rs"), ("host/docs/python-policy.md", "tests/tests/journey.rs")];

#[test]
fn every_snippet_of_every_page_holds() {
    let snippets = pages::snippets();
    assert!(snippets.len() >= 18, "{}", snippets.len());
    for snippet in &snippets {
        if let Some((page, test)) = WHOLE.iter().find(|(page, _)| snippet.page.ends_with(page)) {
            let name = page.rsplit('/').next().unwrap();
            assert!(std::fs::read_to_string(repository().join(test)).unwrap().contains(name), "{snippet}: {test} does not play it");
            continue;
        }
        match snippet.kind.as_str() {
            "kdl" => config(snippet),
            "rust" | "rust,ignore" => compiled(snippet),
            "json" => drop(serde_json::from_str::<serde_json::Value>(&snippet.text).unwrap_or_else(|error| panic!("{snippet}: {error}"))),
            "toml" => drop(toml::from_str::<toml::Table>(&snippet.text).unwrap_or_else(|error| panic!("{snippet}: {error}"))),
            "wit" => {
                let contract = std::fs::read_to_string(repository().join("wit/policy.wit")).unwrap();
                assert!(contract.contains(snippet.text.trim()), "{snippet}: the contract does not say it");
            }
            "tf" | "hcl" => terraform(snippet),
            "sh" | "bash" => script(snippet),
            "console" => Scene::of(snippet).play(snippet),
            "text" if snippet.text.starts_with("$ ") => Scene::of(snippet).play(snippet),
            // A drawing, and nothing that anybody could run or parse.
            "text" => assert!(snippet.text.contains(['─', '│', '◀', '▶']), "{snippet}: text that draws nothing: name its kind"),
            kind => panic!("{snippet}: nobody knows how to check `{kind}`: name its kind, or add one here"),
        }
    }
}

/// A config of clusters without a mistake or a warning; a policy set, with the policies that it names; cases of the policy whose rule they name first.
fn config(snippet: &Snippet) {
    let begins = |node: &str| snippet.text.lines().any(|line| line.starts_with(node));
    if begins("case ") {
        return cases(snippet);
    }
    if !begins("policy ") {
        let file = parse(ConfigSource::new(snippet.to_string(), snippet.text.clone()), &NoLookup);
        let file = file.unwrap_or_else(|report| panic!("{snippet}: {report}: {:#?}", report.diagnostics()));
        assert_eq!(file.warnings, [], "{snippet}");
        return;
    }
    let kaphost = Kaphost::offline().unwrap();
    let mut set = String::new();
    let mut module = Vec::new();
    for line in snippet.text.lines() {
        // The digests of modules differ between compilers: those of the ones that were built here.
        if let Some(name) = line.strip_prefix("policy \"").and_then(|rest| rest.split('"').next()) {
            module = std::fs::read(Built::find().unwrap().policy(name).unwrap()).unwrap();
            std::fs::write(kaphost.folder().join(format!("{name}.wasm")), &module).unwrap();
        }
        match line.trim_start().strip_prefix("sha256 ") {
            Some(_) => set.push_str(&format!("    sha256 \"{}\"\n", hex(&Sha256::digest(&module)))),
            None => set.push_str(&format!("{line}\n")),
        }
    }
    kaphost.write("org.kdl", &set).unwrap();
    let minimal = std::fs::read_to_string(repository().join("configs/minimal.kdl")).unwrap();
    kaphost.write("cluster.kdl", &minimal).unwrap();
    let run = kaphost.run_narrow("check cluster.kdl --policy org.kdl").unwrap();
    assert_eq!(run.code, Some(0), "{snippet}: {run}");
}

/// Cases pass, of the policy that is called as the rule which they name.
fn cases(snippet: &Snippet) {
    let kaphost = Kaphost::offline().unwrap();
    let policy = snippet.text.split_once("rule=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap();
    kaphost.give(policy, "policy.wasm").unwrap();
    let corpus = std::fs::read_to_string(repository().join("guest-policies/corpus/sound.kdl")).unwrap();
    kaphost.write("guests/corpus/sound.kdl", &corpus).unwrap();
    kaphost.write(&format!("guests/{policy}/cases/page.kdl"), &snippet.text).unwrap();
    let run = kaphost.run_narrow(&format!("policy test policy.wasm --cases guests/{policy}/cases")).unwrap();
    assert_eq!(run.code, Some(0), "{snippet}: {run}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rust that rustdoc compiles with its page; or, where it would leave out what matters, that stands word for word in a test.
fn compiled(snippet: &Snippet) {
    let read = |file: &str| std::fs::read_to_string(repository().join(file)).unwrap();
    if snippet.kind == "rust" {
        let doctests = read(DOCTESTS);
        let mut included = doctests.split("#[doc = include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let folder = repository().join(DOCTESTS).parent().unwrap().to_owned();
        let page = repository().join(&snippet.page).canonicalize().unwrap();
        assert!(
            included.any(|file| folder.join(file).canonicalize().is_ok_and(|file| file == page)),
            "{snippet}: {DOCTESTS} has no such page"
        );
    } else {
        assert!(read(COMPILED).contains(&snippet.text), "{snippet}: {COMPILED} does not hold it word for word");
    }
}

fn terraform(snippet: &Snippet) {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("main.tf", &snippet.text).unwrap();
    let run = kaphost.run_narrow("convert main.tf").unwrap();
    assert_eq!(run.code, Some(0), "{snippet}: {run}");
}

/// What shellcheck has nothing to say of; and each command of kaphost's in it is one that there is.
fn script(snippet: &Snippet) {
    let kaphost = Kaphost::offline().unwrap();
    let file = kaphost.write("script.sh", &snippet.text).unwrap();
    let shell = if snippet.kind == "bash" { "--shell=bash" } else { "--shell=sh" };
    let linter = Python::with_linter(&Built::find().unwrap()).unwrap();
    let output = linter.program("shellcheck").args(["--norc", shell, "--"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{snippet}: {}", String::from_utf8_lossy(&output.stdout));
    if snippet.text.lines().any(|line| line.starts_with("kaphost ")) {
        Scene::of(snippet).script(snippet, &file);
    }
}

/// Commands that are named in the middle of a text: each is one that there is, and so is each of its flags.
#[test]
fn every_command_line_in_a_text_is_taken() {
    let kaphost = Kaphost::offline().unwrap();
    let mut helps = std::collections::BTreeMap::new();
    let mut help = |command: &[&str]| {
        let said = |run: kaphost_tests::Run| if run.code == Some(0) { Some(run.stdout) } else { None };
        let key = command.join(" ");
        helps.entry(key).or_insert_with(|| said(kaphost.run(command.iter().chain(&["--help"])).unwrap())).clone()
    };
    let mut count = 0;
    for (place, line) in pages::command_lines() {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let named =
            words.iter().take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-'));
        // The longest that is a command: `explain tenancy` names a path, `policy push` a command of its own.
        let mut command: Vec<&str> = named.copied().collect();
        let text = loop {
            match help(&command) {
                Some(text) => break text,
                None if command.is_empty() => panic!("{place}: `{line}`: kaphost has no help"),
                None => drop(command.pop()),
            }
        };
        assert!(!command.is_empty() || words.is_empty() || words[0].starts_with('-'), "{place}: `{line}` names no command");
        for flag in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
            let flag = flag.split(['=', ',', ')', ';', ':']).next().unwrap();
            assert!(text.contains(&format!("{flag} ")) || text.contains(&format!("{flag}\n")), "{place}: `{line}`: {flag}");
        }
        count += 1;
    }
    assert!(count > 25, "{count}");
}
