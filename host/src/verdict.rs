//! The policies' word on one cluster, as data: nothing is printed here, so that many can be asked for at once.

use kaphost_findings::Finding;
use kaphost_policy::{Admission, Effect, Facts, Outcome};

use crate::cli::Global;
use crate::failure::Failure;
use crate::input::Input;
use crate::pipeline::Admitted;
use crate::policies::Policies;
use crate::record::{Inputs, RecordArgs};
use crate::render::{decision, finding, warnings::Warnings};

/// What the policies say of a cluster, for people, for programs, and for what comes next.
pub(crate) struct Verdict {
    /// For people: everything but how it ended.
    pub(crate) said: String,
    /// For programs: everything, how it ended too.
    pub(crate) findings: Vec<Finding>,
    /// For what comes next.
    pub(crate) end: Result<Admitted, Failure>,
}

impl Verdict {
    /// Asks the policies. What they log is said when somebody wants to hear it.
    #[must_use]
    pub(crate) fn of(global: &Global, input: &Input, policies: &Policies, facts: &Facts, record: Option<&RecordArgs>) -> Self {
        let (mut said, mut findings) = (String::new(), Vec::new());
        let end = ask(global, input, policies, facts, record, (&mut said, &mut findings));
        if let Err(failure) = &end {
            findings.extend(finding::of_failure(failure));
        }
        Self { said, findings, end }
    }
}

/// How it ends. What is to be said and found beside that goes into the last argument.
fn ask(
    global: &Global,
    input: &Input,
    policies: &Policies,
    facts: &Facts,
    record: Option<&RecordArgs>,
    (said, findings): (&mut String, &mut Vec<Finding>),
) -> Result<Admitted, Failure> {
    let Admission { outcome, decision, .. } = policies.evaluate(global, input, facts, said)?;
    if let Some(record) = record {
        record.write(input, policies, &decision)?;
    }
    let inputs = Inputs::new(input, policies, &decision);
    let beside = Warnings::of(&decision, &input.spec, policies);
    said.push_str(&beside.text());
    for effect in [Effect::Deny, Effect::Advise, Effect::Waived] {
        findings.extend(decision::findings(&decision, &input.spec, effect, policies));
    }
    findings.extend(beside.findings(policies.strict()));
    let warnings = beside.json();
    match outcome {
        Outcome::Admitted(_) if policies.strict() && beside.count() > 0 => {
            Err(Failure::Strict { count: beside.count(), warnings, decision: Box::new(decision) })
        }
        Outcome::Admitted(spec) => Ok(Admitted { spec: *spec, decision, inputs, warnings }),
        Outcome::Denied => {
            said.push_str(&decision::violations(&decision, &input.spec, Effect::Deny, policies));
            said.push_str(&decision::waived(&decision));
            let [violations, waived] =
                [Effect::Deny, Effect::Waived].map(|effect| decision::violations_json(&decision, &input.spec, effect, policies));
            Err(Failure::Denied { violations, waived, warnings, inputs: Box::new(inputs), decision: Box::new(decision) })
        }
    }
}
