//! What it may cost to compile a component. The compiler is no sandbox: it has no fuel and cannot be stopped, and a few kilobytes may keep it busy for hours, or until no memory is left.
//! Where that comes of a shape that no policy has, the shape is refused beforehand; whatever else there is ends with the time and the memory that compiling may take.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use wasmparser::{BlockType, FunctionBody, Operator, Parser, Payload};
use wasmtime::Engine;

use crate::engine;
use crate::error::LoadError;
use crate::text::visible;

/// Components within one another. Composing tools nest two or three; each level costs the validator all that the others do, so that 50,000 (600 KB) take more than 20 GiB.
const NESTED: usize = 16;

/// Ways that one function may branch, each entry of a table by itself, with the values that it carries along. CPython has one with 16,000; 400 tables of some 200 entries (120 KB) keep
/// the compiler busy for 15 s, twice as many for minutes.
const BRANCHES: u64 = 50_000;

/// Loops of one function times its variables: each variable may come into each loop from two sides. Of what is in use the most is 70,000, in a regular expression's machine; a million
/// (16 KB of code) take 2 GiB.
const LOOPED: u64 = 250_000;

/// How often it is looked at while it goes on.
const LOOK: Duration = Duration::from_millis(50);

/// What compiling may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Wall-clock time.
    time: Duration,
    /// Bytes by which the process grows, where the system says so.
    bytes: u64,
}

impl Bounds {
    /// Far more than a policy with a whole language runtime in it takes (18 MB of CPython: 24 s of one processor and 400 MiB), on a slow and busy machine.
    pub(crate) const DEFAULT: Self = Self { time: Duration::from_secs(900), bytes: 3 << 30 };

    /// Why it is not waited for any longer.
    fn exceeded(&self, elapsed: Duration, grown: u64) -> Option<LoadError> {
        let what = if elapsed >= self.time {
            format!("compiling it takes more than {} s", self.time.as_secs())
        } else if grown > self.bytes {
            format!("compiling it takes more than {} MiB of memory", self.bytes >> 20)
        } else {
            return None;
        };
        Some(LoadError::TooComplex(what))
    }
}

/// Compiles a component, within bounds.
///
/// What goes on past them ends with the process, which is at its end then: nothing can be decided without the policy.
pub(crate) fn compile(compiler: &Engine, bytes: &[u8], bounds: Bounds) -> Result<Vec<u8>, LoadError> {
    shape(bytes)?;
    let (sender, receiver) = mpsc::channel();
    let (began, before) = (Instant::now(), resident().unwrap_or(0));
    let (engine, owned) = (compiler.clone(), bytes.to_vec());
    let apart = std::thread::Builder::new().name("compile".to_owned());
    // Nobody may listen any more.
    if apart.spawn(move || drop(sender.send(engine::compile(&engine, &owned)))).is_err() {
        // No thread to be had: then without an eye on it.
        return engine::compile(compiler, bytes);
    }
    loop {
        match receiver.recv_timeout(LOOK.min(bounds.time.saturating_sub(began.elapsed()))) {
            Ok(code) => return code,
            Err(RecvTimeoutError::Disconnected) => return Err(LoadError::InvalidComponent("the compiler gave up on it".to_owned())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let grown = resident().unwrap_or(0).saturating_sub(before);
        if let Some(error) = bounds.exceeded(began.elapsed(), grown) {
            return Err(error);
        }
    }
}

/// Bytes of this process that are in memory. Linux says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Refuses shapes that no policy has and that are out of all proportion to compile.
fn shape(bytes: &[u8]) -> Result<(), LoadError> {
    let invalid = |error: wasmparser::BinaryReaderError| LoadError::InvalidComponent(visible(&error.to_string(), 300));
    // Of each component or module around, whether it is a component.
    let mut around: Vec<bool> = Vec::new();
    // Of each type of the module, how many values it takes and gives.
    let mut types: Vec<(u64, u64)> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ComponentSection { .. } => {
                around.push(true);
                if around.iter().filter(|component| **component).count() > NESTED {
                    return Err(LoadError::TooComplex(format!("it holds components that are nested more than {NESTED} deep")));
                }
            }
            Payload::ModuleSection { .. } => {
                around.push(false);
                types.clear();
            }
            Payload::End(_) => drop(around.pop()),
            Payload::TypeSection(section) => {
                for of in section.into_iter_err_on_gc_types() {
                    let of = of.map_err(invalid)?;
                    types.push((of.params().len() as u64, of.results().len() as u64));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let function = Function::of(&body, &types).map_err(invalid)?;
                if function.branches > BRANCHES {
                    return Err(LoadError::TooComplex(format!("a function of it has more than {BRANCHES} branches")));
                }
                if function.loops.saturating_mul(function.variables) > LOOPED {
                    let Function { loops, variables, .. } = function;
                    return Err(LoadError::TooComplex(format!("a function of it has {loops} loops with {variables} variables")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What of a function is out of proportion to compile.
#[derive(Default)]
struct Function {
    branches: u64,
    loops: u64,
    /// But for its parameters, which are a thousand at most.
    variables: u64,
}

impl Function {
    fn of(body: &FunctionBody<'_>, types: &[(u64, u64)]) -> wasmparser::Result<Self> {
        let mut function = Self::default();
        for variables in body.get_locals_reader()? {
            function.variables += u64::from(variables?.0);
        }
        let carries = |block: BlockType| match block {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => usize::try_from(index).ok().and_then(|index| types.get(index)).copied().unwrap_or_default(),
        };
        // What a branch to each block around carries. Out of the function it carries what the function gives.
        let mut around: Vec<u64> = vec![0];
        let mut operators = body.get_operators_reader()?;
        // No more than that is wanted to be known.
        while !operators.eof() && function.branches <= BRANCHES {
            let branch = |depth: u32| {
                let carried = usize::try_from(depth).ok().and_then(|depth| around.iter().rev().nth(depth));
                1 + carried.copied().unwrap_or_default()
            };
            match operators.read()? {
                Operator::Block { blockty } => around.push(carries(blockty).1),
                Operator::If { blockty } => {
                    around.push(carries(blockty).1);
                    function.branches += 1;
                }
                Operator::Loop { blockty } => {
                    around.push(carries(blockty).0);
                    function.loops += 1;
                }
                Operator::End => drop(around.pop()),
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => function.branches += branch(relative_depth),
                Operator::BrTable { targets } => {
                    function.branches += branch(targets.default());
                    for target in targets.targets() {
                        function.branches += branch(target?);
                    }
                }
                _ => {}
            }
        }
        Ok(function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Compiler, Effort};

    fn wasm(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    fn refused(text: &str) -> Option<String> {
        shape(&wasm(text)).err().map(|error| error.to_string())
    }

    #[test]
    fn components_are_nested_so_far_and_no_further() {
        let nested = |levels: usize| format!("(component {}{})", "(component ".repeat(levels), ")".repeat(levels));
        assert_eq!(refused(&nested(NESTED)), None);
        assert!(refused(&nested(NESTED + 1)).unwrap().contains("nested more than 16 deep"));
        // Side by side there may be as many as there are.
        assert_eq!(refused(&format!("(component {})", "(component (core module))".repeat(100))), None);
    }

    #[test]
    fn a_function_branches_so_often_and_no_oftener() {
        let module = |body: &str| {
            format!("(component (core module (type $many (func (result {}))) (func (param i32) {body})))", "i32 ".repeat(1_000))
        };
        // A table has one target more than its entries: that of everything else.
        let table = |entries: usize| format!("block local.get 0 br_table {}0 end ", "0 ".repeat(entries));
        let most = usize::try_from(BRANCHES).unwrap();
        assert_eq!(refused(&module(&table(most - 1))), None);
        assert!(refused(&module(&table(most))).unwrap().contains("more than 50000 branches"));
        assert_eq!(refused(&module(&table(most / 10 - 1).repeat(10))), None);
        assert!(refused(&module(&table(most / 10).repeat(10))).is_some());
        // Each function by itself.
        let two = format!("(component (core module (func (param i32) {0}) (func (param i32) {0})))", table(most - 1));
        assert_eq!(refused(&two), None);
        // What is carried counts.
        let carrying = |times: usize| {
            format!(
                "block (type $many) {} {} end {}",
                "local.get 0 ".repeat(1_000),
                "local.get 0 br_if 0 ".repeat(times),
                "drop ".repeat(1_000)
            )
        };
        assert_eq!(refused(&module(&carrying(most / 1_001))), None);
        assert!(refused(&module(&carrying(most / 1_001 + 1))).is_some());
    }

    #[test]
    fn a_function_has_so_many_variables_in_so_many_loops() {
        let module = |loops: usize, variables: usize| {
            let (begin, end) = ("(loop ".repeat(loops), ")".repeat(loops));
            format!("(component (core module (func (local {}) {begin}{end})))", "i32 ".repeat(variables))
        };
        assert_eq!(refused(&module(250, 1_000)), None);
        assert!(refused(&module(251, 1_000)).unwrap().contains("251 loops with 1000 variables"));
        assert_eq!(refused(&module(1, 50_000)), None);
    }

    #[test]
    fn what_takes_too_long_or_too_much_is_not_waited_for() {
        let component = wasm("(component (core module (func (result i32) i32.const 1)))");
        let compiler = Compiler::new(Effort::Quick);
        let engine = compiler.engine().unwrap();
        assert!(compile(engine, &component, Bounds::DEFAULT).is_ok());
        let none = Bounds { time: Duration::ZERO, ..Bounds::DEFAULT };
        assert!(matches!(compile(engine, &component, none), Err(LoadError::TooComplex(_))));
        let bounds = Bounds { time: Duration::from_secs(5), bytes: 64 << 20 };
        let said = |seconds, grown| bounds.exceeded(Duration::from_secs(seconds), grown).map(|error| error.to_string());
        assert_eq!(said(4, 64 << 20), None);
        assert!(said(5, 0).unwrap().contains("takes more than 5 s"));
        assert!(said(0, (64 << 20) + 1).unwrap().contains("takes more than 64 MiB"));
        #[cfg(target_os = "linux")]
        assert!(resident().unwrap() > 1 << 20);
    }
}
