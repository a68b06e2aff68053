//! `kaphost check` of a thousand configs by ten policies, in one process: what a pipeline waits for.

use std::process::Command;

use kaphost_tests::{Built, Failure, Kaphost, Run};
use serde_json::Value;

use crate::figures::{Figures, Unit};
use crate::fleet::{self, Kind, POLICIES};
use crate::timing::{Timed, time};

const NAME: &str = "gate";
const ROUNDS: usize = 7;
/// Configs of the fleet that has the targets, and of a small one, which shows what a process costs by itself.
const CONFIGS: [usize; 2] = [10, 1_000];
/// As many as the target names.
const PROCESSORS: usize = 2;
/// At most so long, warm.
const LONGEST_S: f64 = 1.0;
const MOST_MEBIBYTES: f64 = 150.0;
/// Configs of a folder: nobody keeps a thousand in one.
const OF_A_FOLDER: usize = 50;
/// Exit code: denied by policy.
const DENIED: i32 = 3;

/// The forms that a pipeline keeps, all of them at once.
const KEPT: [&str; 6] = [
    "--output",
    "github",
    "--output=sarif=kaphost.sarif",
    "--output=junit=kaphost.xml",
    "--output=json=kaphost.json",
    "--output=tap=kaphost.tap",
];

/// Measures.
///
/// # Errors
/// When kaphost fails, or finds something else than it should.
pub(crate) fn measure(rounds: Option<usize>, figures: &mut Figures) -> Result<(), Failure> {
    let bench = Bench::set()?;
    for configs in CONFIGS {
        bench.verify(configs)?;
    }
    let rounds = rounds.unwrap_or(ROUNDS);
    let [few, many] = CONFIGS;
    crate::tell(&format!("{NAME}: {} policies on {few} and {many} configs, {rounds} rounds", POLICIES.len()));
    let folder = bench.kaphost.folder();
    let timed = |name: &str, command: &Command| Ok::<_, Failure>(Timed::new(name, command, &folder, DENIED)?.on_processors(PROCESSORS));
    let taken = time(
        rounds,
        &[
            timed("few", &bench.check(few, &[]))?,
            timed("many", &bench.check(many, &[]))?,
            timed("many, all forms", &bench.check(many, &KEPT))?,
        ],
    )?;
    let of = |name: &str| taken.get(name).copied().ok_or_else(|| Failure::new(format!("{name} was not timed")));
    let (small, whole, all_forms) = (of("few")?, of("many")?, of("many, all forms")?);
    let seconds = |ms: f64| ms / 1_000.0;
    figures.at_most(NAME, format!("{many} configs, {PROCESSORS} processors, warm"), Unit::Seconds, seconds(whole.median_ms), LONGEST_S);
    figures.show(NAME, "  its best", Unit::Seconds, seconds(whole.best_ms));
    figures.show(NAME, format!("  {few} configs"), Unit::Seconds, seconds(small.median_ms));
    figures.show(NAME, "  with SARIF, JUnit, JSON, TAP and GitHub's commands", Unit::Seconds, seconds(all_forms.median_ms));
    figures.at_most(NAME, "memory", Unit::Mebibytes, whole.max_rss_kib / 1024.0, MOST_MEBIBYTES);
    figures.show(NAME, format!("  {few} configs"), Unit::Mebibytes, small.max_rss_kib / 1024.0);
    figures.show(NAME, "  with SARIF, JUnit, JSON, TAP and GitHub's commands", Unit::Mebibytes, all_forms.max_rss_kib / 1024.0);
    figures.note(
        NAME,
        "one process from before it is made until it has ended, compiled modules in the cache, what it says thrown away. A quarter of the configs break rules that nobody mends, in \
         some dozen places each, and every place is drawn with its lines; another quarter is rewritten. Held against the targets is text, as on a terminal.",
    );
    Ok(())
}

struct Bench {
    kaphost: Kaphost,
}

impl Bench {
    fn set() -> Result<Self, Failure> {
        let kaphost = Kaphost::offline()?;
        for configs in CONFIGS {
            for n in 0..configs {
                kaphost.write(&format!("{configs}/{}/{n:04}.kdl", n / OF_A_FOLDER), &fleet::text(n))?;
            }
        }
        let built = Built::find()?;
        for policy in POLICIES {
            let (from, to) = (built.policy(policy)?, kaphost.folder().join(format!("{policy}.wasm")));
            std::fs::copy(&from, to).map_err(|error| Failure::new(format!("copying {}: {error}", from.display())))?;
        }
        Ok(Self { kaphost })
    }

    fn check(&self, configs: usize, more: &[&str]) -> Command {
        let mut command = self.kaphost.command();
        command.arg("check").arg(configs.to_string()).args(more);
        for policy in POLICIES {
            command.args(["--policy", &format!("{policy}.wasm")]);
        }
        command
    }

    /// Every config is judged, by all policies, and exactly those are denied that nobody mends.
    fn verify(&self, configs: usize) -> Result<(), Failure> {
        let run = Run::of(&mut self.check(configs, &["--output", "json"]))?;
        let wrong = |what: &str| Failure::new(format!("{NAME}: of {configs} configs {what}: exit code {:?}\n{}", run.code, run.stderr));
        let document: Value = serde_json::from_str(&run.stdout).map_err(|error| wrong(&format!("there is no JSON ({error})")))?;
        let judged = document["clusters"].as_array().map_or(&[][..], Vec::as_slice);
        if run.code != Some(DENIED) || judged.len() != configs {
            return Err(wrong(&format!("{} were judged", judged.len())));
        }
        for (n, cluster) in judged.iter().enumerate() {
            let expected = if Kind::of(n) == Kind::Wrong { "denied" } else { "passed" };
            let asked = cluster.pointer("/decision/policies").and_then(Value::as_array).map_or(0, Vec::len);
            if cluster["outcome"] != expected || asked != POLICIES.len() {
                return Err(wrong(&format!("the one of {} should be {expected} by {} policies", cluster["file"], POLICIES.len())));
            }
        }
        Ok(())
    }
}
