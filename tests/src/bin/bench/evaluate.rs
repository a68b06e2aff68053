//! One evaluation, and ten policies on ten thousand servers: by the library, without a process around it. Beside regorus, which judges by the same
//! rules written in Rego, in the same run.

#[cfg(feature = "regorus")]
mod rego;

use std::collections::BTreeMap;
#[cfg(feature = "regorus")]
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[cfg(feature = "regorus")]
use kaphost_policy::Decision;
use kaphost_policy::{Circumstances, Facts, HostOptions, Policy, PolicyHost, admit};
use kaphost_spec::Spec;
use kaphost_tests::{Built, Failure};

#[cfg(feature = "regorus")]
use self::rego::Use;
use crate::figures::{Figures, Unit, median};
use crate::fleet::{self, POLICIES};

const NAME: &str = "evaluate";
/// Rounds of the whole fleet.
const ROUNDS: usize = 3;
/// Evaluations of one policy on one server, of which the median is taken.
const EVALUATIONS: usize = 2_000;
/// Servers of a fleet, the last being the one that has a target.
const FLEETS: [usize; 3] = [100, 1_000, 10_000];
/// As many as the target names; a machine with more does not use them.
const THREADS: usize = 2;
#[cfg(feature = "regorus")]
/// Servers on which both engines have to find the same.
const COMPARED: usize = 64;

/// Measures.
///
/// # Errors
/// When a policy cannot be loaded or run, or the engines do not find the same.
pub(crate) fn measure(rounds: Option<usize>, figures: &mut Figures) -> Result<(), Failure> {
    let rounds = rounds.unwrap_or(ROUNDS);
    crate::tell(&format!("evaluate: {} policies, one by one, then on {FLEETS:?} servers in {rounds} rounds", POLICIES.len()));
    let policies = load(HostOptions { pooled: true, ..HostOptions::default() }, &files()?)?;
    let largest = FLEETS.into_iter().max().unwrap_or_default();
    let specs = (0..largest).map(fleet::spec).collect::<Result<Vec<_>, _>>()?;
    let mut fleets = Fleets::default();
    #[cfg(feature = "regorus")]
    let rivals = rego::Rivals::new(&specs)?;
    #[cfg(feature = "regorus")]
    compare(&policies, &specs, &rivals)?;

    let ours = one(&policies, &specs, figures)?;
    let from_files = from_files()?;
    figures.show(NAME, "from files to a verdict: 1 server, all policies, modules compiled before", Unit::Micros, from_files);
    #[cfg(feature = "regorus")]
    {
        let mut sums = [0.0; Use::ALL.len()];
        for (policy, name) in POLICIES.into_iter().enumerate() {
            for ((way, took), sum) in Use::ALL.into_iter().zip(rivals.one(policy)?).zip(&mut sums) {
                figures.show(NAME, format!("  {}, {name}", way.name()), Unit::Micros, took);
                *sum += took;
            }
        }
        for (way, sum) in Use::ALL.into_iter().zip(sums) {
            // Both under the same terms.
            let held = matches!(way, Use::EngineAnew | Use::MachineAnew);
            beside(figures, "one evaluation after the other", way, held, ours / sum);
        }
        let theirs = rivals.whole()?;
        figures.show(NAME, "  regorus, the same", Unit::Micros, theirs);
        figures.show(NAME, "  kaphost ÷ regorus, from files to a verdict", Unit::Ratio, from_files / theirs);
    }
    #[cfg(not(feature = "regorus"))]
    let _ = ours;

    // The first round is to warm up.
    for round in 0..=rounds {
        for (i, fleet) in FLEETS.into_iter().enumerate() {
            let specs = specs.get(..fleet).unwrap_or_default();
            let before = processor_s();
            let ours = on_threads(specs, || (), |(), spec| admit_by(&policies, spec).map(drop))?;
            fleets.took("kaphost", i, round, ours);
            if let Some(used) = processor_s().zip(before).map(|(after, before)| after - before) {
                fleets.took("kaphost, processor time", i, round, Duration::from_secs_f64(used.max(0.0)));
            }
            #[cfg(feature = "regorus")]
            {
                for way in Use::ALL {
                    fleets.took(way.name(), i, round, rivals.fleet(way, fleet)?);
                }
            }
        }
    }
    fleets.report(figures);
    figures.note(
        NAME,
        "the library in one process, modules loaded, configs parsed. An evaluation is all of `admit`: the record converted, a fresh sandbox for each \
         call, limits set, the answer checked, leaves compared, the decision with its digests. A policy that mutates and validates is called twice, and \
         a mutator that changed something once more. regorus says what is wrong or changed where, why, and what to do or to what, and does nothing about it; both were \
         seen to say the same, policy by policy and word by word. What is held against a target is regorus as its README has it, under the same terms: nothing of one evaluation reaches the next (a \
         clone of its engine for each), the input is data that is still to be converted, findings come out as values. What it compiles to is held to it where one policy is asked about one server; on a \
         fleet it is shown, being faster there: it asks ten programs once each, where kaphost calls policies some twenty times, each in a sandbox of its own, since what one of them changes all others must \
         see. It is shown too with its state kept and its findings left in it, and with its input converted beforehand, which is how it is fastest.",
    );
    Ok(())
}

/// Both engines find the same, policy by policy.
#[cfg(feature = "regorus")]
fn compare(policies: &[Policy], specs: &[Spec], rivals: &rego::Rivals) -> Result<(), Failure> {
    for (index, policy) in policies.iter().enumerate() {
        for (n, spec) in specs.iter().take(COMPARED).enumerate() {
            rivals.same(index, n, &spoken(std::slice::from_ref(policy), spec)?)?;
        }
    }
    Ok(())
}

/// Seconds for each fleet, by engine.
#[derive(Default)]
struct Fleets(BTreeMap<&'static str, [Vec<f64>; FLEETS.len()]>);

impl Fleets {
    /// Takes a time in, but not that of the round that warms up.
    fn took(&mut self, by: &'static str, fleet: usize, round: usize, took: Duration) {
        if let Some(times) = self.0.entry(by).or_default().get_mut(fleet).filter(|_| round > 0) {
            times.push(took.as_secs_f64());
        }
    }

    fn report(self, figures: &mut Figures) {
        let medians: BTreeMap<&str, [f64; FLEETS.len()]> = self.0.into_iter().map(|(by, times)| (by, times.map(median))).collect();
        let [Some(&smallest), Some(&largest)] = [FLEETS.first(), FLEETS.last()] else { return };
        if let Some([few, .., many]) = medians.get("kaphost") {
            let name = format!("{} policies on {largest} servers, {THREADS} threads", POLICIES.len());
            figures.at_most(NAME, name, Unit::Seconds, *many, 4.0);
            let growth = many / few * servers(smallest) / servers(largest);
            figures.at_most(NAME, format!("  time for one server of {largest} ÷ of {smallest}"), Unit::Ratio, growth, 1.25);
            #[cfg(feature = "regorus")]
            for way in Use::ALL {
                if let Some([.., rival]) = medians.get(way.name()) {
                    beside(figures, &format!("{largest} servers"), way, way == Use::EngineAnew, many / rival);
                }
            }
        }
        for (by, times) in medians {
            for (fleet, took) in FLEETS.into_iter().zip(times) {
                figures.show(NAME, format!("  {by}, {fleet} servers"), Unit::Seconds, took);
            }
        }
    }
}

/// Seconds that all threads of this process have used of processors so far, to a hundredth: what others that run meanwhile add little to. Only Linux says
/// it without further ado.
fn processor_s() -> Option<f64> {
    // Fields 14 and 15, counted after the name in parentheses, which may hold anything; in hundredths of a second (proc_pid_stat(5)).
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).map_while(|field| field.parse().ok()).collect();
    if let [user, system] = ticks[..] { Some((user + system) / 100.0) } else { None }
}

#[expect(clippy::cast_precision_loss, reason = "ten thousand at most")]
const fn servers(count: usize) -> f64 {
    count as f64
}

/// What kaphost takes of what regorus takes; held to be no more, or shown.
#[cfg(feature = "regorus")]
fn beside(figures: &mut Figures, what: &str, way: Use, held: bool, ratio: f64) {
    let name = format!("  kaphost ÷ {}, {what}", way.name());
    if held {
        figures.at_most(NAME, name, Unit::Ratio, ratio, 1.0);
    } else {
        figures.show(NAME, name, Unit::Ratio, ratio);
    }
}

/// Microseconds from the modules' files and the first server's config to a decision, as in a process for one server: modules are in the cache, and
/// sandboxes are not kept.
fn from_files() -> Result<f64, Failure> {
    let files = files()?;
    let cache = tempfile::tempdir().map_err(|error| Failure::new(format!("a folder for compiled modules: {error}")))?;
    timed(|| {
        let host = HostOptions { cache_dir: Some(cache.path().join("modules")), ..HostOptions::default() };
        let policies = load(host, &files)?;
        admit_by(&policies, &fleet::spec(0)?).map(drop)
    })
}

/// The median of many times, in microseconds.
fn timed(mut once: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let mut times = Vec::with_capacity(EVALUATIONS);
    for i in 0..EVALUATIONS + EVALUATIONS / 10 {
        let began = Instant::now();
        once()?;
        if i >= EVALUATIONS / 10 {
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(median(times))
}

/// One policy on one sound server, policy by policy. Gives the microseconds of all of them, one after the other.
fn one(policies: &[Policy], specs: &[Spec], figures: &mut Figures) -> Result<f64, Failure> {
    let spec = specs.first().ok_or_else(|| Failure::new("there is no server"))?;
    let mut taken = Vec::new();
    for (policy, name) in policies.iter().zip(POLICIES) {
        let mut times = Vec::with_capacity(EVALUATIONS);
        for i in 0..EVALUATIONS + EVALUATIONS / 10 {
            let began = Instant::now();
            drop(admit_by(std::slice::from_ref(policy), spec)?);
            if i >= EVALUATIONS / 10 {
                times.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        taken.push((name, calls(policy), median(times), best));
    }
    for (made, word) in [(1, "call"), (2, "calls")] {
        let slowest = taken.iter().filter(|(_, calls, ..)| *calls == made).max_by(|(.., a, _), (.., b, _)| a.total_cmp(b));
        if let Some((_, _, median, best)) = slowest {
            figures.at_most(NAME, format!("one evaluation of one policy, {made} {word}, the slowest"), Unit::Micros, *median, 40.0);
            figures.show(NAME, "  its best, to which the machine's noise adds nothing", Unit::Micros, *best);
        }
    }
    let sum = taken.iter().map(|(_, _, median, _)| median).sum();
    for (name, _, median, _) in taken {
        figures.show(NAME, format!("  kaphost, {name}"), Unit::Micros, median);
    }
    Ok(sum)
}

/// How often a policy is called about a sound server.
fn calls(policy: &Policy) -> usize {
    usize::from(policy.module().world().mutates()) + usize::from(policy.module().world().validates())
}

fn files() -> Result<Vec<std::path::PathBuf>, Failure> {
    let built = Built::find()?;
    POLICIES.iter().map(|name| built.policy(name)).collect()
}

fn load(host: HostOptions, files: &[std::path::PathBuf]) -> Result<Vec<Policy>, Failure> {
    let failed = |error: kaphost_policy::PolicyError| Failure::new(error.to_string());
    let host = PolicyHost::new(host).map_err(failed)?;
    host.load_files(files)
        .into_iter()
        .map(|module| {
            let module = module.map_err(failed)?;
            let settings = module.settings(&[]).map_err(|errors| Failure::new(format!("{}: {errors:?}", module.source())))?;
            Ok(Policy::alone(module, settings))
        })
        .collect()
}

fn admit_by(policies: &[Policy], spec: &Spec) -> Result<kaphost_policy::Admission, Failure> {
    let facts = Facts::default();
    let now = "2026-01-01T00:00:00Z".parse().map_err(|error| Failure::new(format!("no instant: {error}")))?;
    admit(spec, policies, &Circumstances { facts: &facts, waivers: &[], now }).map_err(|error| Failure::new(error.to_string()))
}

/// What a policy says of a server, in either engine.
#[cfg(feature = "regorus")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    rule: String,
    path: String,
    message: String,
    then: Then,
}

/// What is done about it.
#[cfg(feature = "regorus")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Then {
    /// Nothing: somebody else has to do this.
    Help(String),
    /// It gets this value, which is written as JSON.
    Value(String),
}

/// What was changed or refused, and why.
#[cfg(feature = "regorus")]
fn spoken(policies: &[Policy], spec: &Spec) -> Result<BTreeSet<Finding>, Failure> {
    let Decision { changes, violations, .. } = admit_by(policies, spec)?.decision;
    let changed = changes.into_iter().map(|change| {
        let value = serde_json::to_string(&change.new).map_err(|error| Failure::new(format!("a value: {error}")))?;
        Ok(Finding { rule: change.rule, path: change.path.to_string(), message: change.reason, then: Then::Value(value) })
    });
    let refused = violations.into_iter().map(|it| {
        let then = Then::Help(it.help.unwrap_or_default());
        Ok(Finding { rule: it.rule, path: it.path.to_string(), message: it.message, then })
    });
    changed.chain(refused).collect()
}

/// Does something with each of them, each thread with its part and with what it makes for itself, and says how long all took.
fn on_threads<T: Sync, S>(
    all: &[T],
    make: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &T) -> Result<(), Failure> + Sync,
) -> Result<Duration, Failure> {
    let began = Instant::now();
    let work = &|part: &[T]| {
        let mut own = make();
        part.iter().try_for_each(|one| each(&mut own, one))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = all.chunks(all.len().div_ceil(THREADS).max(1)).map(|part| scope.spawn(move || work(part))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(Failure::new("a thread of the benchmark panicked"))))
    })?;
    Ok(began.elapsed())
}
