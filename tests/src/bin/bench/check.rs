//! `kaphost check`, one process on one file, beside cfn-guard with the same four rules on the same server.

mod broad;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use kaphost_tests::{Built, Failure, Kaphost, Run};
use serde_json::Value;

use crate::cfn_guard;
use crate::figures::{Figures, Unit};
use crate::timing::{Timed, time};

const NAME: &str = "check";
const ROUNDS: usize = 31;
/// Compiling is slow enough to need fewer.
const COLD_ROUNDS: usize = 7;

/// Exit codes: denied by policy, and cfn-guard's for a template that does not comply.
const DENIED: i32 = 3;
const NOT_COMPLIANT: i32 = 19;

/// The four rules in one module.
const FOUR_RULES: &str = "baseline";
/// A module in which further parts wait to be switched on: what those cost that are not asked for.
const MANY_PARTS: &str = "org";

/// What kaphost's name for a range that is too wide is; cfn-guard's rule on SSH covers that too.
const TOO_WIDE: &str = "ssh-range-too-wide";

/// The rules by kaphost's names and by cfn-guard's.
const RULES: [(&str, &str); 4] = [
    ("dedicated-tenancy", "dedicated_tenancy"),
    ("encrypted-volumes", "encrypted_volumes"),
    ("no-world-ssh", "restrict_ssh"),
    ("required-tags", "required_tags"),
];

/// A server, as a file for either tool.
struct Server {
    /// Of the files, without their extensions.
    file: String,
    finds: Finds,
    /// The most that kaphost may take, as a part of what cfn-guard takes.
    target: Option<f64>,
    /// What is said of it.
    what: String,
}

/// What both tools find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finds {
    Nothing,
    /// The four rules broken.
    Four,
    /// The same, and ranges that are no more than too wide.
    FourAndWide,
}

impl Server {
    fn all() -> Vec<Self> {
        let of = |file: &str, finds, target, what: &str| Self { file: file.into(), finds, target, what: what.into() };
        let mut all = vec![
            of("good", Finds::Nothing, Some(1.0), "good file"),
            of("bad", Finds::Four, Some(0.25), "bad file, what is wrong is left out"),
            of("bad-spelt-out", Finds::Four, Some(1.0), "bad file, what is wrong is spelt out"),
        ];
        for rules in broad::RULES {
            let target = (rules == broad::MOST_RULES).then_some(0.25);
            all.push(of(&format!("bad-{rules}"), Finds::FourAndWide, target, &format!("bad file, spelt out, {rules} rules")));
        }
        all
    }

    fn codes(&self) -> (i32, i32) {
        if self.finds == Finds::Nothing { (0, 0) } else { (DENIED, NOT_COMPLIANT) }
    }

    fn kaphost(&self, policy: &str) -> String {
        format!("kaphost {}, {policy}", self.file)
    }

    fn cfn_guard(&self) -> String {
        format!("cfn-guard {}", self.file)
    }
}

/// Measures.
///
/// # Errors
/// When a tool is missing, fails, or finds something else than it should.
pub(crate) fn measure(rounds: Option<usize>, figures: &mut Figures) -> Result<(), Failure> {
    let servers = Server::all();
    let bench = Bench::set()?;
    bench.verify(&servers)?;
    let rounds = rounds.unwrap_or(ROUNDS);
    crate::tell(&format!("check: {rounds} rounds with a warm cache, then {} with a cold one", rounds.min(COLD_ROUNDS)));
    let folder = bench.kaphost.folder();
    let mut commands = vec![
        Timed::new("kaphost --version", bench.kaphost.command().arg("--version"), &folder, 0)?,
        Timed::new("cfn-guard --version", Command::new(&bench.cfn_guard).env_clear().arg("--version"), &folder, 0)?,
    ];
    for server in &servers {
        let (ours, theirs) = server.codes();
        for policy in [FOUR_RULES, MANY_PARTS] {
            commands.push(Timed::new(&server.kaphost(policy), &bench.kaphost(&server.file, policy), &folder, ours)?);
        }
        commands.push(Timed::new(&server.cfn_guard(), &bench.cfn_guard(&server.file), &folder, theirs)?);
    }
    let taken = time(rounds, &commands)?;
    let cache = bench.kaphost.home().join("cold");
    let cold = |policy: &str| {
        let mut command = bench.kaphost("good", policy);
        command.env("KAPHOST_CACHE_DIR", &cache);
        Ok::<_, Failure>(Timed::new(policy, &command, &folder, 0)?.without(cache.clone()))
    };
    let cold = time(rounds.min(COLD_ROUNDS), &[cold(FOUR_RULES)?, cold(MANY_PARTS)?])?;
    let of = |name: &str| taken.get(name).or_else(|| cold.get(name)).copied().ok_or_else(|| Failure::new(format!("{name} was not timed")));

    let (mut memory, mut guard_memory) = (0.0, 0.0);
    for server in &servers {
        let (ours, theirs) = (of(&server.kaphost(FOUR_RULES))?, of(&server.cfn_guard())?);
        memory = ours.max_rss_kib.max(memory);
        guard_memory = theirs.max_rss_kib.max(guard_memory);
        let (name, ratio) = (format!("{}, kaphost ÷ cfn-guard", server.what), ours.median_ms / theirs.median_ms);
        match server.target {
            Some(target) => figures.at_most(NAME, name, Unit::Ratio, ratio, target),
            None => figures.show(NAME, name, Unit::Ratio, ratio),
        }
    }
    figures.at_most(NAME, "memory, kaphost", Unit::Mebibytes, memory / 1024.0, 40.0);
    figures.at_most(NAME, "cold cache, kaphost", Unit::Millis, of(FOUR_RULES)?.median_ms, 150.0);
    figures.show(NAME, "  memory, cfn-guard", Unit::Mebibytes, guard_memory / 1024.0);
    figures.show(NAME, format!("  cold cache, kaphost, {MANY_PARTS}"), Unit::Millis, of(MANY_PARTS)?.median_ms);
    let names = servers.iter().flat_map(|server| [server.kaphost(FOUR_RULES), server.kaphost(MANY_PARTS), server.cfn_guard()]);
    for name in ["kaphost --version", "cfn-guard --version"].map(str::to_owned).into_iter().chain(names) {
        let taken = of(&name)?;
        figures.show(NAME, format!("  {name}, median"), Unit::Millis, taken.median_ms);
        figures.show(NAME, format!("  {name}, best"), Unit::Millis, taken.best_ms);
    }
    figures.note(
        NAME,
        "whole processes in turns, medians; the module is `baseline`, whose rules are the four, and `org`, in which ten more wait to be switched on, beside \
         it. Both tools see the same server; kaphost also rewrites what two of the rules can mend. `--version` is what a process costs that does nothing. \
         A bad template seldom says `Encrypted: false`: it says nothing of encryption, and that costs cfn-guard four times as much, because it looks for a name \
         that is not there in other spellings, and compiles 27 regular expressions for it. Where all that is wrong is spelt out, a quarter of its \
         time on a file of two rules is less than a process takes that does nothing: what a tool takes to find and to say what is wrong shows on broader files, \
         up to the 60 rules that AWS lets a security group have. Memory is never less than what the timing process itself has, about 10 MiB.",
    );
    Ok(())
}

struct Bench {
    kaphost: Kaphost,
    cfn_guard: PathBuf,
}

impl Bench {
    fn set() -> Result<Self, Failure> {
        let bench = Self { kaphost: Kaphost::offline()?.installed()?, cfn_guard: cfn_guard::ready()? };
        let copy = |from: &Path, name: &str| {
            let copied = std::fs::copy(from, bench.kaphost.folder().join(name));
            copied.map_err(|error| Failure::new(format!("copying {}: {error}", from.display())))
        };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/cfn-guard");
        for name in ["good.kdl", "bad.kdl", "bad-spelt-out.kdl", "good.yaml", "bad.yaml", "bad-spelt-out.yaml", "rules.guard"] {
            copy(&sources.join(name), name)?;
        }
        let built = Built::find()?;
        for policy in [FOUR_RULES, MANY_PARTS] {
            copy(&built.policy(policy)?, &format!("{policy}.wasm"))?;
        }
        for rules in broad::RULES {
            for (extension, text) in [("kdl", broad::kdl(rules)), ("yaml", broad::yaml(rules))] {
                bench.kaphost.write(&format!("bad-{rules}.{extension}"), &text)?;
            }
        }
        Ok(bench)
    }

    fn kaphost(&self, file: &str, policy: &str) -> Command {
        let mut command = self.kaphost.command();
        command.args(["check", &format!("{file}.kdl"), "--policy", &format!("{policy}.wasm")]);
        command
    }

    fn cfn_guard(&self, file: &str) -> Command {
        let mut command = Command::new(&self.cfn_guard);
        command.current_dir(self.kaphost.folder()).env_clear().env("LC_ALL", "C.UTF-8");
        command.args(["validate", "--data", &format!("{file}.yaml"), "--rules", "rules.guard"]);
        command
    }

    /// Both find the good server good, and say something by each of the four rules about every bad one.
    fn verify(&self, servers: &[Server]) -> Result<(), Failure> {
        let named = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<BTreeSet<_>>();
        let (four, theirs) = (named(&RULES.map(|(ours, _)| ours)), named(&RULES.map(|(_, theirs)| theirs)));
        let wide: BTreeSet<String> = four.iter().cloned().chain([TOO_WIDE.to_owned()]).collect();
        for server in servers {
            let (ours, theirs) = match server.finds {
                Finds::Nothing => (&BTreeSet::new(), &BTreeSet::new()),
                Finds::Four => (&four, &theirs),
                Finds::FourAndWide => (&wide, &theirs),
            };
            let (denied, not_compliant) = server.codes();
            for policy in [FOUR_RULES, MANY_PARTS] {
                let run = Run::of(self.kaphost(&server.file, policy).args(["--output", "json"]))?;
                held("kaphost", &server.file, &run, denied, ours, &spoken_rules(&json(&run)?))?;
            }
            let structured = ["--structured", "--output-format", "json", "--show-summary", "none"];
            let run = Run::of(self.cfn_guard(&server.file).args(structured))?;
            held("cfn-guard", &server.file, &run, not_compliant, theirs, &failed_rules(&json(&run)?))?;
        }
        Ok(())
    }
}

fn held(tool: &str, file: &str, run: &Run, code: i32, expected: &BTreeSet<String>, found: &BTreeSet<String>) -> Result<(), Failure> {
    if run.code == Some(code) && found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{tool} on the {file} file should end with {code} and the rules {expected:?}; it found {found:?}\n{run}")))
}

fn json(run: &Run) -> Result<Value, Failure> {
    serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("no JSON: {error}: {run}")))
}

/// The rules by which kaphost changed or denied something.
fn spoken_rules(document: &Value) -> BTreeSet<String> {
    // A denial's document holds the decision beside its located violations.
    let decision = document.pointer("/decision/decision").unwrap_or(&document["decision"]);
    let entries = ["changes", "violations"].into_iter().filter_map(|list| decision[list].as_array()).flatten();
    entries.filter_map(|entry| entry["rule"].as_str()).map(str::to_owned).collect()
}

/// The rules that a template does not comply with.
fn failed_rules(document: &Value) -> BTreeSet<String> {
    let reports = document.as_array().into_iter().flatten();
    let failed = reports.filter_map(|report| report["not_compliant"].as_array()).flatten();
    failed.filter_map(|entry| entry.pointer("/Rule/name")?.as_str()).map(str::to_owned).collect()
}
