//! One policy on one config, as `kaphost policy run` shows it.

use kaphost_policy::{Admission, CallLog, Effect, Limits, Verdict};
use kaphost_spec::Spec;
use serde_json::{Value, json};

use super::{bytes, grouped, share};
use crate::render::decision;
use crate::render::simple::Simple;
use crate::term::{BAD, FAINT, GOOD, STRONG, paint};

/// For people; violations and log lines are said elsewhere.
#[must_use]
pub(crate) fn text(admission: &Admission, spec: &Spec, limits: &Limits) -> String {
    let mut out = decision::text(&admission.decision, spec);
    let denied = admission.decision.violations(Effect::Deny).count();
    out.push_str(&match (admission.decision.verdict, denied) {
        (Verdict::Admitted, _) => format!("{}\n", paint(GOOD, "admitted")),
        (Verdict::Denied, 1) => format!("{}: 1 violation\n", paint(BAD, "denied")),
        (Verdict::Denied, count) => format!("{}: {count} violations\n", paint(BAD, "denied")),
    });
    out.push_str(&format!("{}\n", paint(STRONG, "Used up")));
    for call in &admission.logs {
        let used = call.log.used;
        out.push_str(&format!(
            "  {:<8} pass {}  {:>11} fuel  {}  {:>8}  {}\n",
            call.operation.to_string(),
            call.pass,
            grouped(used.fuel),
            paint(FAINT, format_args!("{} of {}", share(used.fuel, limits.fuel), grouped(limits.fuel))),
            bytes(used.memory_bytes),
            paint(FAINT, format_args!("{} of {}", share(used.memory_bytes as u64, limits.memory_bytes as u64), bytes(limits.memory_bytes))),
        ));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn json(admission: &Admission, spec: &Spec, limits: &Limits) -> Value {
    let denied = admission.decision.violations(Effect::Deny).count();
    let problem = || {
        let what = if denied == 1 { "1 violation".to_owned() } else { format!("{denied} violations") };
        Simple::new("denied", format!("denied by the policy: {what}")).with_help("change the config as each violation says, or the policy")
    };
    json!({
        "problems": (denied > 0).then(|| problem().json()).into_iter().collect::<Vec<_>>(),
        "violations": decision::violations_json(&admission.decision, spec, Effect::Deny, &decision::NoSets),
        "calls": admission.logs.iter().map(call_json).collect::<Vec<_>>(),
        "limits": limits,
        "decision": admission.decision,
    })
}

fn call_json(call: &CallLog) -> Value {
    let said = call.log.messages.iter().map(|(level, message)| json!({ "level": level, "message": message }));
    json!({
        "operation": call.operation,
        "pass": call.pass,
        "fuel": call.log.used.fuel,
        "memory-bytes": call.log.used.memory_bytes,
        "log": said.collect::<Vec<_>>(),
        "log-dropped": call.log.dropped,
    })
}
