//! `kaphost check`, one process on one file, beside cfn-guard with the same four rules on the same server.

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

/// The rules by kaphost's names and by cfn-guard's.
const RULES: [(&str, &str); 4] = [
    ("dedicated-tenancy", "dedicated_tenancy"),
    ("encrypted-volumes", "encrypted_volumes"),
    ("no-world-ssh", "restrict_ssh"),
    ("required-tags", "required_tags"),
];

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
    let taken = time(
        rounds,
        &[
            Timed::new("kaphost good", &bench.kaphost("good"), &folder, 0)?,
            Timed::new("cfn-guard good", &bench.cfn_guard("good"), &folder, 0)?,
            Timed::new("kaphost bad", &bench.kaphost("bad"), &folder, DENIED)?,
            Timed::new("cfn-guard bad", &bench.cfn_guard("bad"), &folder, NOT_COMPLIANT)?,
            Timed::new("kaphost --version", bench.kaphost.command().arg("--version"), &folder, 0)?,
            Timed::new("cfn-guard --version", Command::new(&bench.cfn_guard).env_clear().arg("--version"), &folder, 0)?,
        ],
    )?;
    let cache = bench.kaphost.home().join("cold");
    let mut cold = bench.kaphost("good");
    cold.env("KAPHOST_CACHE_DIR", &cache);
    let cold = time(rounds.min(COLD_ROUNDS), &[Timed::new("cold", &cold, &folder, 0)?.without(cache)])?;

    let of = |name: &str| taken.get(name).or_else(|| cold.get(name)).copied().ok_or_else(|| Failure::new(format!("{name} was not timed")));
    let (good, bad) = (of("kaphost good")?, of("kaphost bad")?);
    let (guard_good, guard_bad) = (of("cfn-guard good")?, of("cfn-guard bad")?);
    figures.at_most(NAME, "good file, kaphost ÷ cfn-guard", Unit::Ratio, good.median_ms / guard_good.median_ms, 1.0);
    figures.at_most(NAME, "bad file, kaphost ÷ cfn-guard", Unit::Ratio, bad.median_ms / guard_bad.median_ms, 0.25);
    figures.at_most(NAME, "memory, kaphost", Unit::Mebibytes, good.max_rss_kib.max(bad.max_rss_kib) / 1024.0, 40.0);
    figures.at_most(NAME, "cold cache, kaphost", Unit::Millis, of("cold")?.median_ms, 150.0);
    figures.show(NAME, "  memory, cfn-guard", Unit::Mebibytes, guard_good.max_rss_kib.max(guard_bad.max_rss_kib) / 1024.0);
    for (name, taken) in [("kaphost good", good), ("cfn-guard good", guard_good), ("kaphost bad", bad), ("cfn-guard bad", guard_bad)] {
        figures.show(NAME, format!("  {name}, median"), Unit::Millis, taken.median_ms);
        figures.show(NAME, format!("  {name}, best"), Unit::Millis, taken.best_ms);
    }
    for name in ["kaphost --version", "cfn-guard --version"] {
        figures.show(NAME, format!("  {name}, median"), Unit::Millis, of(name)?.median_ms);
    }
    figures.note(
        NAME,
        "whole processes in turns, medians. Both see the same server and four rules; kaphost's also rewrites what two of them can mend. `--version` is \
         what a process costs that does nothing. Memory is \
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

    /// Both find the good server good, and say something by each of the four rules about the bad one.
    fn verify(&self) -> Result<(), Failure> {
        let none = BTreeSet::new();
        let all_of = |names: [&str; 4]| names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        for (file, code, expected) in [("good", 0, none.clone()), ("bad", DENIED, all_of(RULES.map(|(ours, _)| ours)))] {
            let run = Run::of(self.kaphost(file).args(["--output", "json"]))?;
            held("kaphost", file, &run, code, &expected, &spoken_rules(&json(&run)?))?;
        }
        for (file, code, expected) in [("good", 0, none), ("bad", NOT_COMPLIANT, all_of(RULES.map(|(_, theirs)| theirs)))] {
            let run = Run::of(self.cfn_guard(file).args(["--structured", "--output-format", "json", "--show-summary", "none"]))?;
            held("cfn-guard", file, &run, code, &expected, &failed_rules(&json(&run)?))?;
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
