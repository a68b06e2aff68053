//! The same rules in Rego, judged by regorus: by its interpreter and by the virtual machine that it compiles to.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaphost_spec::Spec;
use kaphost_tests::Failure;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};

use super::{EVALUATIONS, POLICIES, clusters, on_threads};
use crate::figures::median;

/// regorus with every policy, and its inputs in its own form.
pub(super) struct Rivals {
    programs: Vec<Arc<Program>>,
    engines: Vec<(Engine, String)>,
    inputs: Vec<Value>,
}

fn failed<E: Display>(what: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(format!("regorus, {what}: {error:#}"))
}

/// A cluster as regorus takes it.
pub(super) fn input(spec: &Spec) -> Value {
    Value::from(clusters::json(&spec.cluster.leaves()))
}

impl Rivals {
    /// Reads and compiles every policy, and converts every server.
    ///
    /// # Errors
    /// When there is no Rego for a policy, or it does not compile.
    pub(super) fn new(specs: &[Spec]) -> Result<Self, Failure> {
        let (mut programs, mut engines) = (Vec::new(), Vec::new());
        for name in POLICIES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/rego").join(format!("{name}.rego"));
            let text = std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("reading {}: {error}", path.display())))?;
            let mut engine = Engine::new();
            engine.add_policy(name.to_owned(), text).map_err(failed(name))?;
            let rule = format!("data.kaphost.{}.broken", name.replace('-', "_"));
            let compiled = engine.compile_with_entrypoint(&Rc::from(rule.as_str())).map_err(failed(name))?;
            programs.push(Compiler::compile_from_policy(&compiled, &[&rule]).map_err(failed(name))?);
            engines.push((engine, rule));
        }
        Ok(Self { programs, engines, inputs: specs.iter().map(input).collect() })
    }

    /// A machine for each policy. Kept from one evaluation to the next, as regorus means it to be.
    fn machines(&self) -> Vec<RegoVM> {
        let machine = |program: &Arc<Program>| {
            let mut machine = RegoVM::new();
            machine.load_program(Arc::clone(program));
            machine
        };
        self.programs.iter().map(machine).collect()
    }

    /// Whether both ways of regorus find these rules broken by one policy's nth server.
    ///
    /// # Errors
    /// When they find others.
    pub(super) fn same(&self, policy: usize, n: usize, ours: &BTreeSet<String>) -> Result<(), Failure> {
        let name = POLICIES.get(policy).copied().unwrap_or_default();
        let (Some(input), Some((engine, rule)), Some(machine)) =
            (self.inputs.get(n), self.engines.get(policy), self.machines().into_iter().nth(policy))
        else {
            return Err(Failure::new(format!("there is no Rego for policy {policy}, or no server {n}")));
        };
        let mut engine = engine.clone();
        engine.set_input(input.clone());
        let interpreted = rules(&engine.eval_rule(rule.clone()).map_err(failed(name))?)?;
        let mut machine = machine;
        machine.set_input(input.clone());
        let compiled = rules(&machine.execute().map_err(failed(name))?)?;
        for (by, theirs) in [("interpreter", interpreted), ("machine", compiled)] {
            if theirs != *ours {
                return Err(Failure::new(format!("{name} on server {n}: kaphost finds {ours:?}, the {by} of regorus {theirs:?}")));
            }
        }
        Ok(())
    }

    /// Microseconds of each policy on the first server, by the machine and by the interpreter: the input is there already.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn one(&self) -> Result<Vec<[f64; 2]>, Failure> {
        let input = self.inputs.first().ok_or_else(|| Failure::new("there is no server"))?;
        let mut all = Vec::new();
        for ((name, mut machine), (engine, rule)) in POLICIES.into_iter().zip(self.machines()).zip(&self.engines) {
            let compiled = timed(|| {
                machine.set_input(input.clone());
                machine.execute().map(drop).map_err(failed(name))
            })?;
            let mut engine = engine.clone();
            let interpreted = timed(|| {
                engine.set_input(input.clone());
                engine.eval_rule(rule.clone()).map(drop).map_err(failed(name))
            })?;
            all.push([compiled, interpreted]);
        }
        Ok(all)
    }

    /// How long the machines take for all policies on the first so many servers, whose inputs are there already.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn fleet(&self, servers: usize) -> Result<Duration, Failure> {
        on_threads(self.inputs.get(..servers).unwrap_or_default(), || self.machines(), |machines, input| judge(machines, input))
    }

    /// As [`Self::fleet`], each input made from its server when it is needed.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn fleet_from_servers(&self, specs: &[Spec]) -> Result<Duration, Failure> {
        on_threads(specs, || self.machines(), |machines, spec| judge(machines, &input(spec)))
    }
}

fn judge(machines: &mut [RegoVM], input: &Value) -> Result<(), Failure> {
    for machine in machines {
        machine.set_input(input.clone());
        machine.execute().map_err(failed("a fleet"))?;
    }
    Ok(())
}

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

fn rules(found: &Value) -> Result<BTreeSet<String>, Failure> {
    let set = found.as_set().map_err(failed("the rules"))?;
    set.iter().map(|rule| rule.as_string().map(ToString::to_string).map_err(failed("a rule"))).collect()
}
