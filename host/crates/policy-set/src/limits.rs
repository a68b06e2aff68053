//! The limits of one policy.

use kaphost_policy::{HostError, LimitOverrides, Limits};
use kaphost_spec::Code;
use kaphost_spec::reading::{Section, Value, Wrong};

/// One limit by its name here: how it is set, and how many of the host's units make one of its own.
struct Limit {
    name: &'static str,
    unit: u64,
    set: fn(&mut LimitOverrides, u64),
}

/// The most that fits into any limit, in the host's own unit.
const fn size(value: u64) -> usize {
    // Where usize is smaller the limit is checked against its range afterwards, which ends far below.
    if value > usize::MAX as u64 { usize::MAX } else { value as usize }
}

const LIMITS: [Limit; 9] = [
    Limit { name: "fuel", unit: 1, set: |limits, value| limits.fuel = Some(value) },
    Limit { name: "deadline-ms", unit: 1, set: |limits, value| limits.deadline_ms = Some(value) },
    Limit { name: "memory-mib", unit: 1 << 20, set: |limits, value| limits.memory_bytes = Some(size(value)) },
    Limit { name: "table-elements", unit: 1, set: |limits, value| limits.table_elements = Some(size(value)) },
    Limit { name: "instances", unit: 1, set: |limits, value| limits.instances = Some(size(value)) },
    Limit { name: "stack-kib", unit: 1 << 10, set: |limits, value| limits.stack_bytes = Some(size(value)) },
    Limit { name: "result-kib", unit: 1 << 10, set: |limits, value| limits.result_bytes = Some(size(value)) },
    Limit { name: "log-kib", unit: 1 << 10, set: |limits, value| limits.log_bytes = Some(size(value)) },
    Limit { name: "log-messages", unit: 1, set: |limits, value| limits.log_messages = Some(size(value)) },
];

/// Reads `limits`. What it does not say is as the host has it.
pub(crate) fn read(section: Section<'_>) -> LimitOverrides {
    let mut all = LimitOverrides::default();
    for limit in &LIMITS {
        if let Some(given) = section.maybe(limit.name, |value| limit.read(value)) {
            (limit.set)(&mut all, given);
        }
    }
    section.finish();
    all
}

impl Limit {
    /// The value in the host's unit, held against the range that the host can hold.
    fn read(&self, value: &Value<'_>) -> Result<u64, Wrong> {
        let given = value.whole(0, u64::MAX)?;
        let scaled = given.saturating_mul(self.unit);
        let mut alone = LimitOverrides::default();
        (self.set)(&mut alone, scaled);
        match alone.on(&Limits::default()).check() {
            Err(HostError::Limit { least, most, .. }) => {
                let (least, most) = (least.div_ceil(self.unit), most / self.unit);
                Err(value.wrong(
                    Code::OutOfRange,
                    &format!("is {given}, and may be {least} to {most}"),
                    "choose a value in the range, or leave it out",
                ))
            }
            Ok(()) | Err(_) => Ok(scaled),
        }
    }
}
