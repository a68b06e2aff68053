//! The calls that AWS saw, counted and measured.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Changes nothing.
    Read,
    /// May change something.
    Write,
    /// A read that is repeated while something settles: its number says how long AWS took, not how kaphost works.
    Poll,
}

/// One call, as the emulator saw it.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// Counts from 1, in the order of arrival, since the log was cleared.
    pub sequence: u64,
    /// The service by its signing name: `ec2`, `autoscaling`, `iam`, `sts`, `ssm`.
    pub service: String,
    /// The region that the call was signed for.
    pub region: String,
    /// The action, as in AWS's reference: `CreateSecurityGroup`.
    pub action: String,
    /// Read, write or poll.
    pub kind: Kind,
    /// The parameters by their names on the wire. User data and policies are digests; long values are cut.
    pub parameters: BTreeMap<String, String>,
    /// Seconds on the emulator's monotonic clock, at arrival.
    pub started_s: f64,
    /// The same when the answer left. None while the call is under way.
    pub ended_s: Option<f64>,
    /// The HTTP status. None when no answer was sent.
    pub status: Option<u16>,
    /// AWS's error code, when the answer was an error.
    pub error_code: Option<String>,
    /// The fault that a rule injected.
    pub fault: Option<String>,
}

/// The calls of one account since its log was last cleared.
///
/// Clear the log between two runs of kaphost: a read of the Auto Scaling group counts as a poll once the log holds a write to it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CallLog {
    calls: Vec<Call>,
}

impl CallLog {
    /// How many calls there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether AWS was not called at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Every call, in the order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// The calls of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Vec<&Call> {
        self.calls.iter().filter(|call| call.kind == kind).collect()
    }

    /// How many calls were reads, polls not counted.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.of(Kind::Read).len()
    }

    /// How many calls were writes, refused ones included.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.of(Kind::Write).len()
    }

    /// How many calls were polls.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.of(Kind::Poll).len()
    }

    /// The actions in the order of arrival, for assertions and messages.
    #[must_use]
    pub fn actions(&self) -> Vec<&str> {
        self.calls.iter().map(|call| call.action.as_str()).collect()
    }

    /// How many calls had to wait for one another: the longest chain of reads and writes in which each began after the one
    /// before had been answered. Polls are left out.
    ///
    /// Measure it in [`crate::Account::rounds`]: without, calls that are sent side by side may still be answered one after the other, and count as a
    /// chain.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut spans: Vec<(f64, f64)> = self
            .calls
            .iter()
            .filter(|call| call.kind != Kind::Poll)
            .map(|call| (call.started_s, call.ended_s.unwrap_or(f64::INFINITY)))
            .collect();
        // The longest chain of intervals that do not overlap is found by always taking the one that ends first.
        spans.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut free_from = f64::NEG_INFINITY;
        let mut depth = 0;
        for (start, end) in spans {
            if start >= free_from {
                depth += 1;
                free_from = end;
            }
        }
        depth
    }
}

/// One line a call: number, milliseconds from the first call's arrival, kind, name, outcome.
impl fmt::Display for CallLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.calls.first().map_or(0.0, |call| call.started_s);
        for call in &self.calls {
            let millis = |at: f64| (at - origin) * 1000.0;
            let end = call.ended_s.map_or_else(|| "…".to_owned(), |at| format!("{:.0}", millis(at)));
            let kind = match call.kind {
                Kind::Read => "read",
                Kind::Write => "write",
                Kind::Poll => "poll",
            };
            write!(f, "{:>4} {:>6.0}–{end:<6} {kind:<5} {}:{}", call.sequence, millis(call.started_s), call.service, call.action)?;
            if let Some(code) = &call.error_code {
                write!(f, " {code}")?;
            }
            if let Some(fault) = &call.fault {
                write!(f, " [{fault}]")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(calls: &[(&str, f64, Option<f64>)]) -> CallLog {
        let calls = calls.iter().enumerate().map(|(index, (kind, start, end))| {
            serde_json::json!({
                "sequence": index + 1, "service": "ec2", "region": "us-east-1", "action": "X", "kind": kind, "parameters": {},
                "started_s": start, "ended_s": end, "status": 200, "error_code": null, "fault": null,
            })
        });
        serde_json::from_value(serde_json::json!({ "calls": calls.collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn depth_is_the_longest_chain_not_the_number_of_calls() {
        assert_eq!(log(&[]).depth(), 0);
        let side_by_side = log(&[("read", 0.0, Some(1.0)), ("read", 0.1, Some(1.1)), ("read", 0.2, Some(0.9))]);
        assert_eq!(side_by_side.depth(), 1);
        let two_waves = log(&[("read", 0.0, Some(1.0)), ("read", 0.0, Some(3.0)), ("write", 1.0, Some(2.0)), ("write", 3.0, Some(4.0))]);
        assert_eq!(two_waves.depth(), 3);
    }

    #[test]
    fn depth_leaves_polls_out_and_counts_a_call_under_way() {
        let polled = log(&[("write", 0.0, Some(1.0)), ("poll", 1.0, Some(2.0)), ("poll", 2.0, Some(3.0)), ("write", 3.0, None)]);
        assert_eq!((polled.depth(), polled.writes(), polled.polls(), polled.reads()), (2, 2, 2, 0));
    }
}
