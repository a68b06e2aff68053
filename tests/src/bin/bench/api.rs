//! Creating the server, and finding that there is nothing to do, against an AWS that takes 40 ms more for each call: beside the same job as a
//! plain sequential boto3 script, in the same run, taking turns.

use std::time::Duration;

use kaphost_tests::{Account, Built, CallLog, Emulator, Failure, Kaphost, Kind, Python, Run, Seed};
use serde::Deserialize;

use crate::figures::{Figures, Unit, median};

const NAME: &str = "api";
const ROUNDS: usize = 5;
/// A good connection to a region on the same continent.
const LATENCY: Duration = Duration::from_millis(40);
const REGION: &str = "us-east-1";

/// Measures.
///
/// # Errors
/// When the emulator, kaphost or the script fails, or one of them does another job than it should.
pub(crate) fn measure(rounds: Option<usize>, figures: &mut Figures) -> Result<(), Failure> {
    let emulator = Emulator::start()?;
    let rounds = rounds.unwrap_or(ROUNDS);
    let mut done = [Jobs::default(), Jobs::default(), Jobs::default(), Jobs::default()];
    // The first round loads and compiles what later ones find ready, on both sides: it does not count.
    for round in 0..=rounds {
        crate::tell(&if round == 0 { "api: one round to warm up".to_owned() } else { format!("api: round {round} of {rounds}") });
        let mut turns = Turn::ALL;
        if round % 2 == 1 {
            turns.reverse();
        }
        for turn @ Turn { by, asks } in turns {
            let account = emulator.account();
            let seed = account.seed(REGION)?;
            account.latency(LATENCY)?;
            let (create, no_op) = match by {
                By::Kaphost => by_kaphost(&account, &seed, asks)?,
                By::Script => by_script(&account, &seed, asks)?,
            };
            if let Some((_, jobs)) = Turn::ALL.into_iter().zip(&mut done).find(|(one, _)| *one == turn && round > 0) {
                jobs.create.push(create);
                jobs.no_op.push(no_op);
            }
        }
    }
    let [kaphost, script, asking, asking_script] = &done;
    report(figures, "create", &kaphost.create, &script.create, (0.35, Some(0.35)));
    report(figures, "create, with preflight", &asking.create, &asking_script.create, (0.35, Some(0.35)));
    // Seven calls side by side cannot take less than a seventh, 0.143, of seven in a row: what the emulator's processors are busy with decides the rest.
    report(figures, "no-op", &kaphost.no_op, &script.no_op, (0.15, None));
    counts(figures, kaphost);
    figures.note(
        NAME,
        format!(
            "medians of {rounds} rounds, {} ms added to each call, waiting for the instance excluded on both sides. \"process\" is from start to end, \
             kaphost's policy and the script's Python included; \"calls\" is from the arrival of the first call to the last answer, polls left out, as \
             AWS saw it, and so compares nothing but how the calls are made. With preflight both ask six questions before the first write.",
            LATENCY.as_millis()
        ),
    );
    Ok(())
}

/// Whose turn it is, and whether it asks before its first write what the server takes for granted, as kaphost does unless it is told not to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Turn {
    by: By,
    asks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Kaphost,
    Script,
}

impl Turn {
    const ALL: [Self; 4] = [
        Self { by: By::Kaphost, asks: false },
        Self { by: By::Script, asks: false },
        Self { by: By::Kaphost, asks: true },
        Self { by: By::Script, asks: true },
    ];
}

#[derive(Default)]
struct Jobs {
    create: Vec<Job>,
    no_op: Vec<Job>,
}

/// One job as it was done once.
struct Job {
    /// From start to end, without waiting for the instance.
    process_ms: f64,
    /// From the first call's arrival to the last answer.
    calls_ms: f64,
    calls: CallLog,
}

impl Job {
    fn new(process: Duration, calls: CallLog) -> Self {
        let worked = || calls.iter().filter(|call| call.kind != Kind::Poll);
        let first = worked().map(|call| call.started_s).fold(f64::INFINITY, f64::min);
        let last = worked().filter_map(|call| call.ended_s).fold(first, f64::max);
        let calls_ms = if first.is_finite() { (last - first) * 1000.0 } else { 0.0 };
        Self { process_ms: process.as_secs_f64() * 1000.0, calls_ms, calls }
    }
}

/// A time of a job.
type Time = fn(&Job) -> f64;
/// A number of calls, with its name and the most that it may be.
type Limit = (&'static str, fn(&CallLog) -> usize, f64);

/// The targets are of the whole process, and of the calls alone where those are held to one.
fn report(figures: &mut Figures, job: &str, kaphost: &[Job], script: &[Job], targets: (f64, Option<f64>)) {
    let times: [(&str, Time, Option<f64>); 2] =
        [("process", |job| job.process_ms, Some(targets.0)), ("calls", |job| job.calls_ms, targets.1)];
    for (what, of, target) in times {
        let (ours, theirs) = (median(kaphost.iter().map(of).collect()), median(script.iter().map(of).collect()));
        let name = format!("{job}, {what}: kaphost ÷ script");
        match target {
            Some(target) => figures.at_most(NAME, name, Unit::Ratio, ours / theirs, target),
            None => figures.show(NAME, name, Unit::Ratio, ours / theirs),
        }
        figures.show(NAME, format!("  kaphost, {what}"), Unit::Millis, ours);
        figures.show(NAME, format!("  script, {what}"), Unit::Millis, theirs);
    }
    if let Some(job) = script.first() {
        figures.show(NAME, "  script, calls one after the other", Unit::Count, count(job.calls.depth()));
    }
}

/// The counts are the same in every round or the worst is shown.
fn counts(figures: &mut Figures, kaphost: &Jobs) {
    let worst = |jobs: &[Job], of: fn(&CallLog) -> usize| jobs.iter().map(|job| count(of(&job.calls))).fold(0.0, f64::max);
    let create: [Limit; 3] = [("reads", CallLog::reads, 8.0), ("writes", CallLog::writes, 7.0), ("depth", CallLog::depth, 4.0)];
    let no_op: [Limit; 3] = [("reads", CallLog::reads, 7.0), ("writes", CallLog::writes, 0.0), ("depth", CallLog::depth, 1.0)];
    for (job, jobs, limits) in [("create", &kaphost.create, create), ("no-op", &kaphost.no_op, no_op)] {
        for (what, of, most) in limits {
            figures.at_most(NAME, format!("{job}, kaphost: {what}"), Unit::Count, worst(jobs, of), most);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of calls")]
const fn count(calls: usize) -> f64 {
    calls as f64
}

/// The job by kaphost, with the policy of the README, in a home of its own.
fn by_kaphost(account: &Account, seed: &Seed, asks: bool) -> Result<(Job, Job), Failure> {
    let kaphost = Kaphost::on(account)?;
    let policy = Built::find()?.policy("org")?;
    let copied = std::fs::copy(&policy, kaphost.folder().join("org.wasm"));
    copied.map_err(|error| Failure::new(format!("copying {}: {error}", policy.display())))?;
    kaphost.write("cluster.kdl", &config(seed))?;
    // Compiles the policy, once for a machine. Calls nothing.
    succeeded(&kaphost.run(["check", "cluster.kdl", "--policy", "org.wasm"])?, "kaphost check")?;
    let preflight = if asks { "always" } else { "never" };
    let apply = || {
        let (run, calls) =
            account.record(|| kaphost.run(["apply", "cluster.kdl", "--policy", "org.wasm", "--auto-approve", "--preflight", preflight]))?;
        succeeded(&run, "kaphost apply")?;
        Ok::<_, Failure>(Job::new(run.took, calls))
    };
    let (create, no_op) = (apply()?, apply()?);
    if create.calls.writes() == 0 || no_op.calls.writes() > 0 {
        return Err(Failure::new(format!("kaphost did another job:\n{}\n{}", create.calls, no_op.calls)));
    }
    Ok((create, no_op))
}

/// The job by the script.
fn by_script(account: &Account, seed: &Seed, asks: bool) -> Result<(Job, Job), Failure> {
    #[derive(Deserialize)]
    struct Said {
        wait_s: f64,
    }
    let python = Python::ready(&Built::find()?)?;
    let subnets = subnets(seed).join(",");
    let job = |name: &str| {
        let mut command = python.script("bench/boto3_sequential.py");
        command.args([
            name,
            "--vpc",
            &seed.vpc,
            "--subnets",
            &subnets,
            "--ami",
            image(seed),
            "--key",
            &seed.key_pair,
            "--region",
            &seed.region,
        ]);
        command.args(asks.then_some("--ask"));
        command.env("AWS_ENDPOINT_URL", account.endpoint()).env("AWS_ACCESS_KEY_ID", account.access_key());
        command.env("AWS_SECRET_ACCESS_KEY", "emulator").env("AWS_EC2_METADATA_DISABLED", "true");
        let (run, calls) = account.record(|| Run::of(&mut command))?;
        succeeded(&run, "the boto3 script")?;
        let said: Said = serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("{error}: {run}")))?;
        let waited = Duration::try_from_secs_f64(said.wait_s).map_err(|error| Failure::new(format!("{error}: {run}")))?;
        Ok::<_, Failure>(Job::new(run.took.saturating_sub(waited), calls))
    };
    let (create, no_op) = (job("create")?, job("noop")?);
    if create.calls.writes() == 0 || no_op.calls.writes() > 0 {
        return Err(Failure::new(format!("the script did another job:\n{}\n{}", create.calls, no_op.calls)));
    }
    Ok((create, no_op))
}

fn succeeded(run: &Run, what: &str) -> Result<(), Failure> {
    if run.code == Some(0) { Ok(()) } else { Err(Failure::new(format!("{what}: {run}"))) }
}

fn subnets(seed: &Seed) -> Vec<&str> {
    seed.subnets.iter().take(2).map(|subnet| subnet.id.as_str()).collect()
}

fn image(seed: &Seed) -> &str {
    seed.images.first().map_or("", |image| image.id.as_str())
}

/// What the script makes, with the tags that the policy asks for; not waiting for the instance.
fn config(seed: &Seed) -> String {
    let subnets: Vec<String> = subnets(seed).iter().map(|id| format!("{id:?}")).collect();
    format!(
        r#"cluster "kaphost-stage" region={region:?} {{
    ami {ami:?}
    instance-type "t3.small"
    network vpc={vpc:?} public-ip=#false {{
        subnets {subnets}
    }}
    ssh key={key:?} {{
        allow cidr="10.0.0.0/8" description="allowed"
    }}
    http port=9092 {{
        allow cidr="10.0.0.0/8" description="allowed"
    }}
    root-volume type="gp3" size=50 encrypted=#true
    scaling wait-for-capacity-timeout=0
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}}
"#,
        region = seed.region,
        ami = image(seed),
        vpc = seed.vpc,
        subnets = subnets.join(" "),
        key = seed.key_pair,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_at_aws_is_from_first_to_last_without_polls() {
        let call = |kind: &str, start: f64, end: f64| {
            serde_json::json!({
                "sequence": 1, "service": "ec2", "region": "us-east-1", "action": "X", "kind": kind, "parameters": {},
                "started_s": start, "ended_s": end, "status": 200, "error_code": null, "fault": null,
            })
        };
        let log = |calls: &[serde_json::Value]| serde_json::from_value::<CallLog>(serde_json::json!({ "calls": calls })).unwrap();
        let job = Job::new(Duration::from_millis(9), log(&[call("read", 1.0, 1.5), call("write", 1.5, 1.75), call("poll", 1.75, 9.0)]));
        assert!((job.calls_ms - 750.0).abs() < 1e-6 && (job.process_ms - 9.0).abs() < 1e-6);
        assert!(Job::new(Duration::ZERO, log(&[])).calls_ms.abs() < f64::EPSILON);
    }

    #[test]
    fn the_scripts_wait_is_left_out_and_its_noop_has_none() {
        let emulator = Emulator::shared().unwrap();
        let account = emulator.account();
        let seed = account.seed(REGION).unwrap();
        let (create, no_op) = by_script(&account, &seed, false).unwrap();
        assert!(create.calls.polls() > 0 && no_op.calls.polls() == 0, "{}\n{}", create.calls, no_op.calls);
        assert_eq!(create.calls.depth(), create.calls.reads() + create.calls.writes(), "one call after the other:\n{}", create.calls);
        // It asks what kaphost asks, once.
        let (of, ours) = (emulator.account(), emulator.account());
        let (asked, nothing) = by_script(&of, &of.seed(REGION).unwrap(), true).unwrap();
        let (by_us, _) = by_kaphost(&ours, &ours.seed(REGION).unwrap(), true).unwrap();
        let questions = |log: &CallLog, without: &CallLog| {
            let named = |log: &CallLog| {
                log.iter().map(|call| format!("{}:{}", call.service, call.action)).collect::<std::collections::BTreeSet<_>>()
            };
            named(log).difference(&named(without)).cloned().collect::<Vec<_>>()
        };
        let theirs = questions(&asked.calls, &create.calls);
        assert_eq!(theirs.len(), 6, "{theirs:?}");
        let ours = by_us.calls.iter().map(|call| format!("{}:{}", call.service, call.action)).collect::<std::collections::BTreeSet<_>>();
        assert!(theirs.iter().all(|question| ours.contains(question)), "{theirs:?}\n{}", by_us.calls);
        assert_eq!(nothing.calls.reads(), no_op.calls.reads());
    }
}
