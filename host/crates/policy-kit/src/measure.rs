//! What a module costs: to compile, to load, to ask.

use std::path::PathBuf;
use std::slice;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kaphost_policy::{Circumstances, Facts, HostOptions, Module, Policy, PolicyError, PolicyHost, Usage, admit};
use kaphost_spec::Spec;
use serde::Serialize;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measured {
    /// From bytes to a module that can be asked, without a cache.
    pub compile: Percentiles,
    /// The same with the compiled code in the cache; absent without a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Percentiles>,
    /// One decision on the config: every call of the policy that it takes, and the host's part.
    pub decision: Percentiles,
    /// Calls of the policy in one decision.
    pub calls: usize,
    /// The most that one call used up. The same on every machine.
    pub used: Usage,
}

/// Times, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Percentiles {
    /// How many there were.
    pub rounds: usize,
    /// Half were faster.
    pub p50_ns: u64,
    /// Nine of ten were faster.
    pub p90_ns: u64,
    /// All but one of a hundred were faster.
    pub p99_ns: u64,
    /// The slowest.
    pub max_ns: u64,
}

impl Percentiles {
    /// Of times in any order. All are 0 when there are none.
    #[must_use]
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        // The nearest rank: the smallest time that at least so many of a hundred do not exceed.
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        Self { rounds: times.len(), p50_ns: at(50), p90_ns: at(90), p99_ns: at(99), max_ns: at(100) }
    }
}

/// Times a module: compiled and loaded `loads` times, asked `rounds` times after a tenth as many that do not count. `bind` gives it its settings.
///
/// # Errors
/// When it cannot be loaded or run, or `bind` says so.
pub fn measure<E: From<PolicyError>>(
    (source, bytes): (&str, &[u8]),
    cache_dir: Option<PathBuf>,
    (spec, facts): (&Spec, &Facts),
    (loads, rounds): (usize, usize),
    bind: impl Fn(Module) -> Result<Policy, E>,
) -> Result<Measured, E> {
    let loading = |cache_dir: Option<PathBuf>| -> Result<(Percentiles, Option<Module>), E> {
        let mut last = None;
        let mut times = Vec::with_capacity(loads);
        for _ in 0..loads {
            // An engine of its own each time: what a process pays at its start.
            let start = Instant::now();
            let host = PolicyHost::new(HostOptions { cache_dir: cache_dir.clone(), ..HostOptions::default() })?;
            last = Some(host.load(source, bytes)?);
            times.push(start.elapsed());
        }
        Ok((Percentiles::of(times), last))
    };
    let (compile, module) = loading(None)?;
    let load = match cache_dir {
        Some(folder) => {
            // The first fills the cache.
            PolicyHost::new(HostOptions { cache_dir: Some(folder.clone()), ..HostOptions::default() })?.load(source, bytes)?;
            Some(loading(Some(folder))?.0)
        }
        None => None,
    };
    let module = match module {
        Some(module) => module,
        None => PolicyHost::new(HostOptions::default())?.load(source, bytes)?,
    };
    let policy = bind(module)?;
    let circumstances = Circumstances { facts, waivers: &[], now: Timestamp::UNIX_EPOCH };
    let mut times = Vec::with_capacity(rounds);
    let (mut calls, mut used) = (0, Usage::default());
    for round in 0..rounds + rounds / 10 {
        let start = Instant::now();
        let admission = admit(spec, slice::from_ref(&policy), &circumstances)?;
        let took = start.elapsed();
        if round >= rounds / 10 {
            times.push(took);
        }
        calls = admission.logs.len();
        for call in &admission.logs {
            used.fuel = used.fuel.max(call.log.used.fuel);
            used.memory_bytes = used.memory_bytes.max(call.log.used.memory_bytes);
        }
    }
    Ok(Measured { compile, load, decision: Percentiles::of(times), calls, used })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = |count: u64| (1..=count).rev().map(Duration::from_nanos).collect();
        assert_eq!(Percentiles::of(times(100)), Percentiles { rounds: 100, p50_ns: 50, p90_ns: 90, p99_ns: 99, max_ns: 100 });
        assert_eq!(Percentiles::of(times(1)), Percentiles { rounds: 1, p50_ns: 1, p90_ns: 1, p99_ns: 1, max_ns: 1 });
        assert_eq!(Percentiles::of(Vec::new()).max_ns, 0);
    }
}
