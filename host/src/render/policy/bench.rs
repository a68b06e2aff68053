//! What a policy costs, as `kaphost policy bench` shows it.

use kaphost_policy::Module;
use kaphost_policy_kit::{Measured, Percentiles};
use serde_json::{Value, json};

use super::{bytes, grouped, share};
use crate::term::{FAINT, POLICY, STRONG, paint};

/// For people.
#[must_use]
pub(crate) fn text(module: &Module, measured: &Measured) -> String {
    let description = module.description();
    let mut out = format!("{}\n", paint(POLICY, format!("{} {}", description.name, description.version)));
    let head = format!("  {:<9} {:>11} {:>11} {:>11} {:>11}", "", "median", "90 %", "99 %", "slowest");
    out.push_str(&format!("{}\n", paint(FAINT, head)));
    let rows = [("compile", Some(measured.compile)), ("load", measured.load), ("decide", Some(measured.decision))];
    for (name, times) in rows {
        if let Some(times) = times {
            out.push_str(&row(name, times));
        }
    }
    let (used, limits) = (measured.used, module.limits());
    let calls = if measured.calls == 1 { "1 call".to_owned() } else { format!("{} calls", measured.calls) };
    out.push_str(&format!("{} in a decision of {calls}, the most of one\n", paint(STRONG, "Used up")));
    out.push_str(&format!(
        "  fuel    {:>11}  {}\n",
        grouped(used.fuel),
        paint(FAINT, format_args!("{} of {}", share(used.fuel, limits.fuel), grouped(limits.fuel)))
    ));
    out.push_str(&format!(
        "  memory  {:>11}  {}\n",
        bytes(used.memory_bytes),
        paint(FAINT, format_args!("{} of {}", share(used.memory_bytes as u64, limits.memory_bytes as u64), bytes(limits.memory_bytes)))
    ));
    out
}

fn row(name: &str, times: Percentiles) -> String {
    let Percentiles { rounds, p50_ns, p90_ns, p99_ns, max_ns } = times;
    let [p50, p90, p99, max] = [p50_ns, p90_ns, p99_ns, max_ns].map(time);
    let count = paint(FAINT, format_args!("of {}", grouped(rounds as u64)));
    format!("  {name:<9} {p50:>11} {p90:>11} {p99:>11} {max:>11}  {count}\n")
}

/// To a tenth of the largest unit of which there is at least one.
fn time(ns: u64) -> String {
    let (unit, name) = match ns {
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        _ => (1_000, "µs"),
    };
    format!("{}.{} {name}", grouped(ns / unit), ns % unit * 10 / unit)
}

/// For programs.
#[must_use]
pub(crate) fn json(module: &Module, measured: &Measured) -> Value {
    let description = module.description();
    json!({
        "policy": { "name": description.name, "version": description.version, "sha256": module.digest(), "file": module.source() },
        "measured": measured,
        "limits": module.limits(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_easy_to_read() {
        assert_eq!([0, 950, 12_345, 1_234_567, 2_500_000_000].map(time), ["0.0 µs", "0.9 µs", "12.3 µs", "1.2 ms", "2.5 s"]);
    }
}
