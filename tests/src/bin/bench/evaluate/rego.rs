//! The same rules in Rego, judged by regorus: by its interpreter and by the virtual machine that it compiles to, each in the ways in which it may be used.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kaphost_spec::Spec;
use kaphost_tests::Failure;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};

use super::{Finding, Then, on_threads, timed};
use crate::fleet::{self, POLICIES};

/// regorus with every policy, and its inputs: as JSON, and in its own form.
pub(super) struct Rivals {
    programs: Vec<Arc<Program>>,
    engines: Vec<(Engine, String)>,
    texts: Vec<String>,
    inputs: Vec<Value>,
}

/// How regorus is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// What a kaphost evaluation has: an input that is data still, a machine that has seen nothing before, and findings that come out as values.
    MachineAnew,
    /// The same with the engine, cloned, which interprets.
    EngineAnew,
    /// One machine a policy for all, findings left in it. The input is read from its JSON.
    MachineKept,
    /// As before, with inputs that were converted beforehand.
    MachineKeptInputReady,
}

impl Use {
    pub(super) const ALL: [Self; 4] = [Self::MachineAnew, Self::EngineAnew, Self::MachineKept, Self::MachineKeptInputReady];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::MachineAnew => "regorus compiled (RVM), a new machine each",
            Self::EngineAnew => "regorus as its README has it (Engine), cloned for each",
            Self::MachineKept => "regorus compiled, state kept",
            Self::MachineKeptInputReady => "regorus compiled, state kept, input ready",
        }
    }
}

fn failed<E: Display>(what: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::new(format!("regorus, {what}: {error:#}"))
}

impl Rivals {
    /// Reads and compiles every policy, and converts every server.
    ///
    /// # Errors
    /// When there is no Rego for a policy, or it does not compile.
    pub(super) fn new(specs: &[Spec]) -> Result<Self, Failure> {
        let (mut programs, mut engines) = (Vec::new(), Vec::new());
        for name in POLICIES {
            let mut engine = Engine::new();
            engine.add_policy(name.to_owned(), source(name)?).map_err(failed(name))?;
            let rule = entry_point(name);
            let compiled = engine.compile_with_entrypoint(&Rc::from(rule.as_str())).map_err(failed(name))?;
            programs.push(Compiler::compile_from_policy(&compiled, &[&rule]).map_err(failed(name))?);
            engines.push((engine, rule));
        }
        let texts: Vec<String> = specs.iter().map(|spec| fleet::json(&spec.cluster.leaves()).to_string()).collect();
        let inputs = texts.iter().map(|text| Value::from_json_str(text)).collect::<Result<_, _>>().map_err(failed("an input"))?;
        Ok(Self { programs, engines, texts, inputs })
    }

    /// A machine for each policy.
    fn machines(&self) -> Vec<RegoVM> {
        self.programs.iter().map(machine).collect()
    }

    /// Whether both ways of regorus find the same by one policy about the nth server.
    ///
    /// # Errors
    /// When they find something else.
    pub(super) fn same(&self, policy: usize, n: usize, ours: &BTreeSet<Finding>) -> Result<(), Failure> {
        let name = POLICIES.get(policy).copied().unwrap_or_default();
        let (Some(input), Some((engine, rule)), Some(machine)) =
            (self.inputs.get(n), self.engines.get(policy), self.machines().into_iter().nth(policy))
        else {
            return Err(Failure::new(format!("there is no Rego for policy {policy}, or no server {n}")));
        };
        let mut engine = engine.clone();
        engine.set_input(input.clone());
        let interpreted = findings(&engine.eval_rule(rule.clone()).map_err(failed(name))?)?;
        let mut machine = machine;
        machine.set_input(input.clone());
        let compiled = findings(&machine.execute().map_err(failed(name))?)?;
        for (by, theirs) in [("interpreter", interpreted), ("machine", compiled)] {
            if theirs != *ours {
                return Err(Failure::new(format!("{name} on server {n}: kaphost finds {ours:?}, the {by} of regorus {theirs:?}")));
            }
        }
        Ok(())
    }

    /// Microseconds of one policy on the first server, for each use.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn one(&self, policy: usize) -> Result<[f64; Use::ALL.len()], Failure> {
        let (Some(text), Some(input), Some(program), Some((engine, rule))) =
            (self.texts.first(), self.inputs.first(), self.programs.get(policy), self.engines.get(policy))
        else {
            return Err(Failure::new(format!("there is no Rego for policy {policy}, or no server")));
        };
        let mut kept = machine(program);
        let mut times = [0.0; Use::ALL.len()];
        for (time, way) in times.iter_mut().zip(Use::ALL) {
            *time = timed(|| match way {
                Use::MachineAnew => by_machine(program, parsed(text)?),
                Use::EngineAnew => by_engine(engine, rule, parsed(text)?),
                Use::MachineKept => by_kept(&mut kept, parsed(text)?),
                Use::MachineKeptInputReady => by_kept(&mut kept, input.clone()),
            })?;
        }
        Ok(times)
    }

    /// How long all policies take on the first so many servers. A server's input is read once for all policies, as kaphost's record is made once.
    ///
    /// # Errors
    /// When one fails.
    pub(super) fn fleet(&self, way: Use, servers: usize) -> Result<Duration, Failure> {
        let texts = self.texts.get(..servers).unwrap_or_default();
        match way {
            Use::MachineAnew => on_threads(
                texts,
                || (),
                |(), text| {
                    let input = parsed(text)?;
                    self.programs.iter().try_for_each(|program| by_machine(program, input.clone()))
                },
            ),
            Use::EngineAnew => {
                // An engine is for one thread at a time: each has clones of its own to clone from.
                let engines = || self.engines.clone();
                on_threads(texts, engines, |engines, text| {
                    let input = parsed(text)?;
                    engines.iter().try_for_each(|(engine, rule)| by_engine(engine, rule, input.clone()))
                })
            }
            Use::MachineKept => on_threads(
                texts,
                || self.machines(),
                |machines, text| {
                    let input = parsed(text)?;
                    machines.iter_mut().try_for_each(|machine| by_kept(machine, input.clone()))
                },
            ),
            Use::MachineKeptInputReady => on_threads(
                self.inputs.get(..servers).unwrap_or_default(),
                || self.machines(),
                |machines, input| machines.iter_mut().try_for_each(|machine| by_kept(machine, input.clone())),
            ),
        }
    }

    /// Microseconds from the policies' files and the first server's JSON to what is broken: what a process for one server does. By the interpreter, since
    /// compiling for one evaluation takes longer.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn whole(&self) -> Result<f64, Failure> {
        let text = self.texts.first().ok_or_else(|| Failure::new("there is no server"))?;
        timed(|| {
            let mut engine = Engine::new();
            for name in POLICIES {
                engine.add_policy(name.to_owned(), source(name)?).map_err(failed(name))?;
            }
            engine.set_input(parsed(text)?);
            for name in POLICIES {
                black_box(findings(&engine.eval_rule(entry_point(name)).map_err(failed(name))?)?);
            }
            Ok(())
        })
    }
}

/// The text of a policy in Rego.
fn source(name: &str) -> Result<String, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/rego").join(format!("{name}.rego"));
    std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("reading {}: {error}", path.display())))
}

/// The rule that says what is broken.
fn entry_point(name: &str) -> String {
    format!("data.kaphost.{}.broken", name.replace('-', "_"))
}

fn parsed(text: &str) -> Result<Value, Failure> {
    Value::from_json_str(text).map_err(failed("an input"))
}

fn machine(program: &Arc<Program>) -> RegoVM {
    let mut machine = RegoVM::new();
    machine.load_program(Arc::clone(program));
    machine
}

fn by_machine(program: &Arc<Program>, input: Value) -> Result<(), Failure> {
    let mut machine = machine(program);
    machine.set_input(input);
    black_box(findings(&machine.execute().map_err(failed("a machine"))?)?);
    Ok(())
}

fn by_engine(engine: &Engine, rule: &str, input: Value) -> Result<(), Failure> {
    let mut engine = engine.clone();
    engine.set_input(input);
    black_box(findings(&engine.eval_rule(rule.to_owned()).map_err(failed("an engine"))?)?);
    Ok(())
}

fn by_kept(machine: &mut RegoVM, input: Value) -> Result<(), Failure> {
    machine.set_input(input);
    black_box(machine.execute().map_err(failed("a machine"))?);
    Ok(())
}

fn findings(found: &Value) -> Result<BTreeSet<Finding>, Failure> {
    found.as_set().map_err(failed("the findings"))?.iter().map(finding).collect()
}

fn finding(found: &Value) -> Result<Finding, Failure> {
    let text = |key: &str| found[key].as_string().map(ToString::to_string).map_err(failed(key));
    let then = match &found["value"] {
        Value::Undefined => Then::Help(text("help")?),
        value => Then::Value(value.to_json_str().map_err(failed("a value"))?),
    };
    Ok(Finding { rule: text("rule")?, path: text("path")?, message: text("message")?, then })
}
