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

/// What kaphost's name for a range that is too wide is; cfn-guard's rule on SSH covers that too.
const TOO_WIDE: &str = "ssh-range-too-wide";

/// The rules by kaphost's names and by cfn-guard's.
const RULES: [(&str, &str); 4] = [
    ("dedicated-tenancy", "dedicated_tenancy"),
    ("encrypted-volumes", "encrypted_volumes"),
    ("no-world-ssh", "restrict_ssh"),
    ("required-tags", "required_tags"),
];

/// A bad server of one breadth: its rules, its file's name, and what the two are called when they are timed.
struct Breadth {
    rules: usize,
    file: String,
    kaphost: String,
    cfn_guard: String,
}

impl Breadth {
    fn all() -> Vec<Self> {
        let of = |rules| Self {
            rules,
            file: format!("bad-{rules}"),
            kaphost: format!("kaphost bad, {rules} rules"),
            cfn_guard: format!("cfn-guard bad, {rules} rules"),
        };
        broad::RULES.into_iter().map(of).collect()
    }
}

/// Measures.
///
/// # Errors
/// When a tool is missing, fails, or finds something else than it should.
pub(crate) fn measure(rounds: Option<usize>, figures: &mut Figures) -> Result<(), Failure> {
    let bench = Bench::set()?;
    bench.verify()?;
    let rounds = rounds.unwrap_or(ROUNDS);
    crate::tell(&format!("check: {rounds} rounds with a warm cache, then {} with a cold one", rounds.min(COLD_ROUNDS)));
    let folder = bench.kaphost.folder();
    let breadths = Breadth::all();
    let mut commands = vec![
        Timed::new("kaphost good", &bench.kaphost("good"), &folder, 0)?,
        Timed::new("cfn-guard good", &bench.cfn_guard("good"), &folder, 0)?,
        Timed::new("kaphost bad", &bench.kaphost("bad"), &folder, DENIED)?,
        Timed::new("cfn-guard bad", &bench.cfn_guard("bad"), &folder, NOT_COMPLIANT)?,
        Timed::new("kaphost --version", bench.kaphost.command().arg("--version"), &folder, 0)?,
        Timed::new("cfn-guard --version", Command::new(&bench.cfn_guard).env_clear().arg("--version"), &folder, 0)?,
    ];
    for breadth in &breadths {
        commands.push(Timed::new(&breadth.kaphost, &bench.kaphost(&breadth.file), &folder, DENIED)?);
        commands.push(Timed::new(&breadth.cfn_guard, &bench.cfn_guard(&breadth.file), &folder, NOT_COMPLIANT)?);
    }
    let taken = time(rounds, &commands)?;
    let cache = bench.kaphost.home().join("cold");
    let mut cold = bench.kaphost("good");
    cold.env("KAPHOST_CACHE_DIR", &cache);
    let cold = time(rounds.min(COLD_ROUNDS), &[Timed::new("cold", &cold, &folder, 0)?.without(cache)])?;

    let of = |name: &str| taken.get(name).or_else(|| cold.get(name)).copied().ok_or_else(|| Failure::new(format!("{name} was not timed")));
    let (good, bad) = (of("kaphost good")?, of("kaphost bad")?);
    let (guard_good, guard_bad) = (of("cfn-guard good")?, of("cfn-guard bad")?);
    figures.at_most(NAME, "good file, kaphost ÷ cfn-guard", Unit::Ratio, good.median_ms / guard_good.median_ms, 1.0);
    if let Some(widest) = breadths.last() {
        let (ours, theirs) = (of(&widest.kaphost)?, of(&widest.cfn_guard)?);
        let name = format!("bad file of {} rules, kaphost ÷ cfn-guard", widest.rules);
        figures.at_most(NAME, name, Unit::Ratio, ours.median_ms / theirs.median_ms, 0.25);
    }
    figures.at_most(NAME, "bad file of 2 rules, kaphost ÷ cfn-guard", Unit::Ratio, bad.median_ms / guard_bad.median_ms, 1.0);
    figures.at_most(NAME, "memory, kaphost", Unit::Mebibytes, good.max_rss_kib.max(bad.max_rss_kib) / 1024.0, 40.0);
    figures.at_most(NAME, "cold cache, kaphost", Unit::Millis, of("cold")?.median_ms, 150.0);
    figures.show(NAME, "  memory, cfn-guard", Unit::Mebibytes, guard_good.max_rss_kib.max(guard_bad.max_rss_kib) / 1024.0);
    for (name, taken) in [("kaphost good", good), ("cfn-guard good", guard_good), ("kaphost bad", bad), ("cfn-guard bad", guard_bad)] {
        figures.show(NAME, format!("  {name}, median"), Unit::Millis, taken.median_ms);
        figures.show(NAME, format!("  {name}, best"), Unit::Millis, taken.best_ms);
    }
    for breadth in &breadths {
        for name in [&breadth.kaphost, &breadth.cfn_guard] {
            figures.show(NAME, format!("  {name}, median"), Unit::Millis, of(name)?.median_ms);
        }
    }
    let (idle, guard_idle) = (of("kaphost --version")?.median_ms, of("cfn-guard --version")?.median_ms);
    for (tool, good, bad, idle) in [("kaphost", good, bad, idle), ("cfn-guard", guard_good, guard_bad, guard_idle)] {
        figures.show(NAME, format!("  {tool} --version, median"), Unit::Millis, idle);
        figures.show(NAME, format!("  {tool} good, above --version"), Unit::Millis, good.median_ms - idle);
        figures.show(NAME, format!("  {tool} bad, above --version"), Unit::Millis, bad.median_ms - idle);
    }
    figures.note(
        NAME,
        "whole processes in turns, medians. Both see the same server and four rules; kaphost's also rewrites what two of them can mend. `--version` is \
         what a process costs that does nothing: on a file of two rules a quarter of cfn-guard's time is less than that, so what a tool takes to find \
         and to say what is wrong shows on broader files, up to the 60 rules that AWS lets a security group have. Memory is \
         never less than what the timing process itself has, about 10 MiB.",
    );
    Ok(())
}

struct Bench {
    kaphost: Kaphost,
    cfn_guard: PathBuf,
}

impl Bench {
    fn set() -> Result<Self, Failure> {
        let bench = Self { kaphost: Kaphost::offline()?, cfn_guard: cfn_guard::ready()? };
        let copy = |from: &Path, name: &str| {
            let copied = std::fs::copy(from, bench.kaphost.folder().join(name));
            copied.map_err(|error| Failure::new(format!("copying {}: {error}", from.display())))
        };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/cfn-guard");
        for name in ["good.kdl", "bad.kdl", "good.yaml", "bad.yaml", "rules.guard"] {
            copy(&sources.join(name), name)?;
        }
        copy(&Built::find()?.policy("org")?, "org.wasm")?;
        for Breadth { rules, file, .. } in Breadth::all() {
            for (name, text) in [(format!("{file}.kdl"), broad::kdl(rules)), (format!("{file}.yaml"), broad::yaml(rules))] {
                bench.kaphost.write(&name, &text)?;
            }
        }
        Ok(bench)
    }

    fn kaphost(&self, file: &str) -> Command {
        let mut command = self.kaphost.command();
        command.args(["check", &format!("{file}.kdl"), "--policy", "org.wasm"]);
        command
    }

    fn cfn_guard(&self, file: &str) -> Command {
        let mut command = Command::new(&self.cfn_guard);
        command.current_dir(self.kaphost.folder()).env_clear().env("LC_ALL", "C.UTF-8");
        command.args(["validate", "--data", &format!("{file}.yaml"), "--rules", "rules.guard"]);
        command
    }

    /// Both find the good server good, and say something by each of the four rules about every bad one.
    fn verify(&self) -> Result<(), Failure> {
        let named = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<BTreeSet<_>>();
        let (ours, theirs) = (named(&RULES.map(|(ours, _)| ours)), named(&RULES.map(|(_, theirs)| theirs)));
        let wide: BTreeSet<String> = ours.iter().cloned().chain([TOO_WIDE.to_owned()]).collect();
        self.find("good", false, &BTreeSet::new(), &BTreeSet::new())?;
        self.find("bad", true, &ours, &theirs)?;
        Breadth::all().iter().try_for_each(|breadth| self.find(&breadth.file, true, &wide, &theirs))
    }

    /// Both find these rules broken.
    fn find(&self, file: &str, broken: bool, ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> Result<(), Failure> {
        let (denied, not_compliant) = if broken { (DENIED, NOT_COMPLIANT) } else { (0, 0) };
        let run = Run::of(self.kaphost(file).args(["--output", "json"]))?;
        held("kaphost", file, &run, denied, ours, &spoken_rules(&json(&run)?))?;
        let run = Run::of(self.cfn_guard(file).args(["--structured", "--output-format", "json", "--show-summary", "none"]))?;
        held("cfn-guard", file, &run, not_compliant, theirs, &failed_rules(&json(&run)?))
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
